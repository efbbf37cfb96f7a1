/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A request from the inside: what a hook chain decides on. It is embedded in the object that it is
 * about. Private to core; hooks see it through the functions of hooks.h. */
#ifndef MOQ_CORE_REQUEST_H
#define MOQ_CORE_REQUEST_H

#include "server/core/hooks.h"
#include "server/core/policy.h"

struct core_request {
    enum core_request_kind kind;
    struct core_peer *peer;
    struct moq_path *path;           /* NULL: a session's. A reference; hooks may replace it */
    struct policy_override override; /* what hooks set of a viewer's policy */
    const struct moq_wish *wish;     /* borrowed; NULL: not a subscription */
    uint64_t group;                  /* of a fetch */
    char reason[CORE_REASON_BYTES];  /* why it was denied */
    /* Called once, perhaps before core_hooks_ask returns. After that the chain does not use the
     * request. */
    void (*on_decided)(struct core_request *request, bool is_allowed);

    struct core_hooks *hooks;               /* private to chain.c, from here on */
    struct core_hook *current;              /* the entry that is asked, or holds it; NULL: none */
    struct moq_path *path_before;           /* the path as the current entry got it: a reference */
    struct policy_override override_before; /* the override as the current entry got it */
    struct list node;                       /* core_hooks.held */
    struct list number_node;                /* core_hooks.by_number */
    uint64_t number, deadline_ns;
    bool is_held;
    void *held_user; /* set by the entry that holds it */
};

#endif
