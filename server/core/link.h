/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A link between two workers: one follows a track of the other, its home. What the follower wants
 * and what the home has to tell are kept in the link; a post only says that there is something new,
 * and while one is under way nothing more is sent. So a frame costs one atomic exchange, however
 * many viewers the follower has, and a worker that is busy is woken once for many frames.
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

/* Groups that the follower was told of as they came, and has not looked at; the oldest beyond are
 * given up. What was there before is bounded by the home's cache. */
enum { LINK_EVENTS_MAX = 256 };

enum link_kind {
    LINK_TRACK, /* all that a subscription with this wish brings */
    LINK_GROUP, /* one group, as a fetch brings it */
    LINK_INFO,  /* one answer */
};

/* What the follower asks for at first. */
struct link_query {
    enum link_kind kind;
    const struct moq_path *path;
    struct moq_wish wish;
    uint64_t group; /* LINK_GROUP */
    /* LINK_TRACK: only groups of its present publisher, not what was there before. */
    bool is_continued;
};

/* What the follower hears; none may be NULL unless its kind never has it. */
struct link_events {
    /* `body` is borrowed. The follower may close the link in each of these. */
    void (*on_group)(void *user, uint64_t sequence, struct moq_group_body *body);
    void (*on_growth)(void *user); /* of some of those groups */
    void (*on_gap)(void *user, uint64_t first, uint64_t last, int error);
    void (*on_info)(void *user, const struct moq_info *info);
    void (*on_end)(void *user, int error); /* the last call; the link is closed by it */
};

/* What the home hears. */
struct link_home {
    void (*on_opened)(struct router *router, struct link *link); /* takes over a reference */
    void (*on_wish)(struct outlet *outlet);   /* its follower wants something else */
    void (*on_closed)(struct outlet *outlet); /* may be NULL: it was over */
};

struct link {
    uint32_t refs;                     /* atomic: each side, each post under way */
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

    pthread_mutex_t lock; /* of what is below */
    struct moq_wish wish;
    struct list history; /* link_event.node: groups that were there at first, to be heard before */
    struct list told;    /* and what came since: groups, gaps */
    uint32_t told_count;
    struct moq_info info;
    bool has_info, is_closed, is_ended, is_resting;
    int error;
};

/* The follower's side. NULL: out of memory. */
struct link *link_open(struct router *router, uint32_t home, const struct link_query *query,
                       const struct link_events *events, void *user);
void link_set_wish(struct link *link, const struct moq_wish *wish);
void link_rest(struct link *link);   /* nobody watches now; until the next wish */
void link_close(struct link **link); /* no callback follows; sets it to NULL */

void link_unref(struct link *link); /* any thread */

/* The home's side. Nothing of it reaches a follower that has closed. */
void link_tell_history(struct link *link, uint64_t sequence, struct moq_group_body *body);
void link_tell_group(struct link *link, uint64_t sequence, struct moq_group_body *body);
void link_tell_gap(struct link *link, uint64_t first, uint64_t last, int error);
void link_tell_growth(struct link *link); /* step 10 of a frame's walk, towards another worker */
void link_tell_info(struct link *link, const struct moq_info *info);
void link_tell_end(struct link *link, int error);

/* What the follower wants now; the home's side. False: nothing, for a while. */
bool link_wish(struct link *link, struct moq_wish *wish);

#endif
