/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A track that a module publishes, from the inside: source.c has what the module does with it,
 * source_feed.c what core asks of it. */
#ifndef MOQ_HOST_SOURCE_H
#define MOQ_HOST_SOURCE_H

#include "server/host/guest.h"

struct relay_source {
    struct host_handle head;
    struct list node; /* relay_worker.sources */
    struct relay_source_ops ops;
    void *user;
    struct moq_path *path;
    struct moq_track *track;           /* what the module has written; its groups are kept here */
    struct announcement *announcement; /* NULL: not offered any more */
    struct guest_tie tie;              /* to the guest on whose behalf it is offered */
    struct list groups;                /* relay_group.node: those that are open */
    uint32_t group_count;
    struct list feeds;   /* source_feed.node: open ones */
    struct list queries; /* source_query.node: that core waits for */
    uint32_t live_feeds; /* feeds that somebody watches */
    bool is_decided;     /* whether its guest may offer it; the guest's end is a refusal */
    bool is_refused;     /* to its guest; the module hears of it once */
    bool is_refusal_told;
    enum relay_denial denial;
    char reason[RELAY_REASON_BYTES];
    bool is_live;   /* what the module was told */
    bool is_told;   /* a post is under way to tell it */
    bool is_closed; /* only the post under way, or a call that holds it, still needs it */
    uint32_t holds; /* calls at work with it, whose hooks may close it */
    struct post telling;
};

struct relay_group {
    struct host_handle head;
    struct list node; /* relay_source.groups */
    struct relay_source *source;
    struct moq_group *group; /* a reference */
};

extern const struct feed_ops source_feed_ops;

/* Something has changed that the module hears of: interest, or a refusal. It is told in a post,
 * because it may do anything then. */
void source_tell_soon(struct relay_source *source);
/* Ends all feeds of a source whose track has ended, with its error. */
void source_feeds_end(struct relay_source *source);
void source_queries_end(struct relay_source *source); /* it is not offered any more */

#endif
