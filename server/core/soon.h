/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Calls that are made soon: by the worker's loop, never inside the call chain of what caused them.
 * Code inside the relay is told this way, so that it can do anything when it is told. */
#ifndef MOQ_CORE_SOON_H
#define MOQ_CORE_SOON_H

#include "server/core/router.h"

/* Embedded in the object that is to be called. */
struct soon {
    struct list node; /* router.soon while a call is due; list_init before the first use */
    void (*run)(struct soon *soon); /* may free the object */
};

/* Calls `run` once, in a turn of the loop that begins later. Does nothing if a call is due already;
 * list_remove(&soon->node) takes it back. */
void router_soon(struct router *router, struct soon *soon);

#endif
