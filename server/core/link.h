/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A link between two workers: one, the follower, follows a track of the other, its home. The link
 * holds what the follower wants and what the home has to tell; a post only says that there is
 * something new, and while one is under way, no other is sent. So a frame costs one atomic
 * exchange, however many viewers the follower has, and a worker that is busy is woken once for many
 * frames.
 *
 * Each function belongs to the thread of one side, except where it says otherwise. */
#ifndef MOQ_CORE_LINK_H
#define MOQ_CORE_LINK_H

#include <pthread.h>

#include "base/list.h"
#include "base/mailbox.h"
#include "transfork/transfork.h"

struct link;
struct router;
struct outlet;

/* How many new groups the follower may have been told of without looking at them; beyond that, the
 * oldest are given up. Groups from before the link are limited by the home's cache. */
enum { LINK_EVENTS_MAX = 256 };

enum link_kind {
    LINK_TRACK, /* everything that a subscription with this wish brings */
    LINK_GROUP, /* one group, as for a fetch */
    LINK_INFO,  /* one answer to INFO */
};

/* What the follower asks for at the beginning. */
struct link_query {
    enum link_kind kind;
    const struct moq_path *path;
    struct moq_wish wish;
    uint64_t keep_ns; /* LINK_TRACK: the home keeps groups this long, so that others find them */
    uint64_t group;   /* LINK_GROUP */
    /* LINK_TRACK: only groups of the current publisher, not those from before it. */
    bool is_continued;
};

/* Calls to the follower; an entry may be NULL only if its kind of link never calls it. */
struct link_events {
    /* `body` is borrowed. The follower may close the link in each of these. */
    void (*on_group)(void *user, uint64_t sequence, struct moq_group_body *body);
    void (*on_growth)(void *user); /* of some of those groups */
    void (*on_gap)(void *user, uint64_t first, uint64_t last, int error);
    void (*on_info)(void *user, const struct moq_info *info);
    void (*on_end)(void *user, int error); /* the last call; the link is closed by it */
};

/* Calls to the home. */
struct link_home {
    void (*on_opened)(struct router *router, struct link *link); /* takes over a reference */
    void (*on_wish)(struct outlet *outlet);   /* its follower has a new wish, or none */
    void (*on_closed)(struct outlet *outlet); /* `outlet` may be NULL: it is over already */
};

struct link {
    uint32_t refs;                     /* atomic: one per side, and one per post under way */
    struct mailbox *home, *follower;   /* of the two workers */
    struct post wishes, news;          /* to the home, to the follower */
    bool is_wishes_sent, is_news_sent; /* atomic */
    struct moq_path *path;             /* a copy: the home takes it, with all its references */
    enum link_kind kind;
    uint64_t group;
    bool is_continued;

    const struct link_events *events; /* the follower's; NULL: it has closed */
    void *user;
    struct outlet *outlet; /* the home's; NULL: not opened, or over */
    bool is_opened;        /* the home's: it has seen the link */

    pthread_mutex_t lock; /* protects the members below */
    struct moq_wish wish;
    uint64_t keep_ns;
    struct list history; /* link_event.node: groups from before the link, delivered first */
    struct list told;    /* link_event.node: groups and gaps since then */
    uint32_t told_count;
    struct moq_info info;
    bool has_info, is_closed, is_ended, is_resting;
    int error;
};

/* The follower's side. NULL: out of memory. */
struct link *link_open(struct router *router, uint32_t home, const struct link_query *query,
                       const struct link_events *events, void *user);
void link_set_wish(struct link *link, const struct moq_wish *wish, uint64_t keep_ns);
void link_rest(struct link *link);   /* nobody watches, until the next wish */
void link_close(struct link **link); /* no callback follows; sets it to NULL */

void link_unref(struct link *link); /* any thread */

/* The home's side. None of this reaches a follower that has closed the link. */
void link_tell_history(struct link *link, uint64_t sequence, struct moq_group_body *body);
void link_tell_group(struct link *link, uint64_t sequence, struct moq_group_body *body);
void link_tell_gap(struct link *link, uint64_t first, uint64_t last, int error);
void link_tell_growth(struct link *link); /* step 10 of a frame's walk, towards another worker */
void link_tell_info(struct link *link, const struct moq_info *info);
void link_tell_end(struct link *link, int error);

/* On the home's side: what the follower wants now. False: nothing at present. */
bool link_wish(struct link *link, struct moq_wish *wish);
uint64_t link_keep_ns(struct link *link);

#endif
