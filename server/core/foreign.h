/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Announcements of other workers. */
#ifndef MOQ_CORE_FOREIGN_H
#define MOQ_CORE_FOREIGN_H

#include "server/core/bulletin.h"

extern const struct bulletin_events foreign_events;

void foreign_forget_all(struct router *router); /* when the router ends */

#endif
