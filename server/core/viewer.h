/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A viewer from the inside: one subscription that a source serves, with what decides its policy. */
#ifndef MOQ_CORE_VIEWER_H
#define MOQ_CORE_VIEWER_H

#include "server/core/chain.h"
#include "server/core/notes.h"
#include "server/core/policy.h"
#include "server/core/roster.h"
#include "server/core/router.h"

/* How often a share of the viewers is sampled, so that each one is sampled every CORE_SAMPLE_NS. */
#define CORE_SAMPLE_STEP_MS UINT64_C(10)

struct source;

struct core_viewer {
    struct list node; /* source.viewers */
    struct roster_entry entry;
    struct list router_node; /* router.viewers */
    struct router *router;
    struct source *source;     /* set by source_add_viewer */
    struct audience *audience; /* of its source's track; NULL: out of memory */
    struct moq_viewer *served;
    struct moq_path *path; /* the path that it asked for: a reference */
    uint64_t number;       /* unique among all workers */
    struct config_verdict policy_class;
    struct policy_override override;
    struct config_policy_max max; /* taken on arrival, like its class */
    struct identity *identity;    /* whose pacer it shares; NULL: none */
    struct moq_pacer alone;       /* what it shares with nobody, without memory for an identity */
    uint64_t next_sample_ns;
    struct mix *mix; /* see mix.h: what it is served; NULL: the source's track itself */
    void (*on_free)(struct core_viewer *viewer); /* of the mix */
    const char *rendition_by;   /* the entry that moved it to what it has; NULL: none has */
    bool has_turned;            /* it was moved to another rendition */
    uint64_t since_ns;          /* when it began to be served */
    uint32_t configuration;     /* router.configuration on arrival */
    struct policy_notes *notes; /* where modules set its numbers; NULL: they do not say */
    bool is_reviewed;           /* since its peer's grants were replaced last */
    bool is_revoked;            /* it is being closed, because its peer may not watch any more */
    struct chain_member member;
    max_align_t slots[]; /* of the chain's entries */
};

/* What is known of a viewer before it is served. */
struct viewer_origin {
    struct moq_path *path; /* the path that it asked for; a reference is taken */
    uint64_t number;
    struct config_verdict policy_class;
    const struct policy_override *override; /* copied */
    struct policy_notes *notes;             /* a reference is taken; may be NULL */
};

/* NULL: out of memory. */
struct core_viewer *core_viewer_new(struct router *router, const struct viewer_origin *origin);
/* Ends the request and serves the viewer from `track`. False: out of memory, and the request was
 * refused. */
bool core_viewer_serve(struct core_viewer *viewer, struct moq_request *asked,
                       struct moq_track *track);
void core_viewer_free(struct core_viewer *viewer);
/* Adds what it was sent. */
void core_viewer_add_totals(const struct core_viewer *viewer, struct core_counters *counters);

/* What may still be read with this policy is kept in the track, even if no class needs it: what is
 * not late, and where a viewer may begin. */
uint64_t core_keep_ns(const struct moq_policy *policy);
void core_keep_groups(struct moq_track *track, uint64_t keep_ns);
/* The same before a viewer is served, because its source may have to fetch that first. */
void core_keep_groups_for(struct router *router, const struct viewer_origin *origin,
                          const struct moq_wish *wish, struct moq_track *track);

/* Decides its policy again after its wish or an override has changed. The viewer may be gone when
 * this returns. */
void core_viewer_decide(struct core_viewer *viewer);

/* What it wants of its source. The numbers of groups are those of the rendition that it had first,
 * so its range means nothing to the source of another one. */
struct moq_wish core_viewer_source_wish(const struct core_viewer *viewer);

/* Its peer may have another identity: shares that one's pacer, if it has a cap. */
void core_viewer_take_identity(struct core_viewer *viewer);

/* What policy_decide says for its present inputs. */
struct moq_policy core_viewer_decided(const struct core_viewer *viewer);

/* Whether the viewer has left its source, and hooks are being told of its death. */
bool core_viewer_is_over(const struct core_viewer *viewer);

/* Shows hooks the viewers whose samples are due, but at most as many as one step needs. */
void core_viewers_sample(struct router *router);

#endif
