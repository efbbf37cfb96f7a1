/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What other workers announce, beside this one's own announcements. */
#ifndef MOQ_CORE_FOREIGN_H
#define MOQ_CORE_FOREIGN_H

#include "server/core/bulletin.h"

extern const struct bulletin_events foreign_events;

void foreign_forget_all(struct router *router); /* at the end */

#endif
