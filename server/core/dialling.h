/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Dials from the inside: for the worker on which they are. */
#ifndef MOQ_CORE_DIALLING_H
#define MOQ_CORE_DIALLING_H

#include "server/core/dial.h"
#include "server/core/router.h"

/* When the worker ends its sessions: ends those of all dials, and tells their owners that there
 * will be no others. True: `on_over` is called once, later, when the last of them is gone. False:
 * there are none. */
bool dials_end(struct router *router, void (*on_over)(void *user), void *user);

/* When the router is gone: leaves those that are not closed yet to their owners. */
void dials_deinit(struct router *router);

#endif
