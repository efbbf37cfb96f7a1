/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A viewer from the inside: one subscription that a source serves, with what decides its policy. */
#ifndef MOQ_CORE_VIEWER_H
#define MOQ_CORE_VIEWER_H

#include "server/core/chain.h"
#include "server/core/policy.h"
#include "server/core/router.h"

struct source;
struct track_request;

struct core_viewer {
    struct list node;        /* source.viewers */
    struct list router_node; /* router.viewers */
    struct source *source;
    struct moq_viewer *served;
    struct moq_path *path; /* as it asked: a reference */
    struct config_verdict policy_class;
    struct policy_override override;
    uint64_t next_sample_ns;
    struct chain_member member;
    max_align_t slots[]; /* of the chain's entries */
};

/* Makes a viewer of a request: it is served from `source`, and the request is over. NULL: out of
 * memory, and it was refused. */
struct core_viewer *core_viewer_new(struct source *source, struct track_request *request);
void core_viewer_free(struct core_viewer *viewer);

/* Its wish, an override or a limit has changed: decides its policy anew. It may be gone when this
 * returns. */
void core_viewer_decide(struct core_viewer *viewer);

/* Shows hooks those whose time has come, at most as many as one step needs. */
void core_viewers_sample(struct router *router);

#endif
