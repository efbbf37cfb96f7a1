/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A guest of a module from the inside: its sources have to hear of its end. */
#ifndef MOQ_HOST_GUEST_H
#define MOQ_HOST_GUEST_H

#include "server/host/internal.h"

/* What is the guest's, and has to hear of its end: a member of a source. */
struct guest_tie {
    struct list node; /* relay_guest.ties */
    void (*on_lost)(struct guest_tie *tie, enum relay_denial code, const char *reason);
};

struct relay_guest {
    struct host_handle head;
    struct list node; /* relay_worker.guests */
    struct relay_guest_ops ops;
    void *user;
    struct core_guest *core;
    struct list ties; /* guest_tie.node */
    bool is_opening;  /* relay_guest_open is at work */
    bool is_over;     /* the module was given its last call meanwhile */
};

#endif
