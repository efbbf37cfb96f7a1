/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The watchers of a track, and how they are told. Step 9 of a frame's walk: track_tell_growth. */
#include "base/check.h"
#include "transfork/track.h"

/* ---- The ring -------------------------------------------------------------------------------- */

/* Not base/list.h, which an installed header must not show. */
static void insert_watcher(struct moq_watcher *watcher, struct moq_watcher *next)
{
    watcher->prev = next->prev;
    watcher->next = next;
    next->prev->next = watcher;
    next->prev = watcher;
}

/* Does nothing if the watcher has been removed already. */
static void unlink_watcher(struct moq_watcher *watcher)
{
    watcher->prev->next = watcher->next;
    watcher->next->prev = watcher->prev;
    watcher->prev = watcher->next = watcher;
}

void track_init_watchers(struct moq_track *track)
{
    track->watchers.prev = track->watchers.next = &track->watchers;
}

void track_drop_watchers(struct moq_track *track)
{
    while (track->watchers.next != &track->watchers)
        unlink_watcher(track->watchers.next);
}

/* A walk over the watchers that survives whatever its callbacks remove or add: it marks its place
 * and its end with watchers of its own (without ops, so that other walks step over them). Watchers
 * that are added during the walk are not visited. */
struct walk {
    struct moq_track *track;
    struct moq_watcher here, end;
};

/* Not inlined: gcc would warn of a local's address in the ring, as it does not see that
 * next_watcher takes it out again. */
__attribute__((noinline)) static void start_watcher_walk(struct walk *walk, struct moq_track *track)
{
    *walk = (struct walk){.track = moq_track_ref(track)};
    insert_watcher(&walk->here, track->watchers.next);
    insert_watcher(&walk->end, &track->watchers);
}

static struct moq_watcher *next_watcher(struct walk *walk)
{
    struct moq_watcher *watcher = walk->here.next;
    unlink_watcher(&walk->here);
    if (watcher == &walk->end) {
        unlink_watcher(&walk->end);
        moq_track_unref(&walk->track);
        return NULL;
    }
    insert_watcher(&walk->here, watcher->next);
    return watcher;
}

/* ---- Telling --------------------------------------------------------------------------------- */

void track_tell_group(struct moq_track *track, struct moq_group *group)
{
    struct walk walk;
    start_watcher_walk(&walk, track);
    for (struct moq_watcher *watcher; (watcher = next_watcher(&walk));)
        if (watcher->ops && watcher->ops->on_group)
            watcher->ops->on_group(watcher, group);
}

void track_tell_growth(struct moq_track *track, struct moq_group *group)
{
    struct walk walk;
    start_watcher_walk(&walk, track);
    for (struct moq_watcher *watcher; (watcher = next_watcher(&walk));)
        if (watcher->ops && watcher->ops->on_growth)
            watcher->ops->on_growth(watcher, group);
}

void track_tell_replaced(struct moq_track *track, struct moq_group *group)
{
    struct walk walk;
    start_watcher_walk(&walk, track);
    for (struct moq_watcher *watcher; (watcher = next_watcher(&walk));)
        if (watcher->ops && watcher->ops->on_replaced)
            watcher->ops->on_replaced(watcher, group);
}

void track_tell_end(struct moq_track *track, int error)
{
    struct walk walk;
    start_watcher_walk(&walk, track);
    for (struct moq_watcher *watcher; (watcher = next_watcher(&walk));)
        if (watcher->ops && watcher->ops->on_end)
            watcher->ops->on_end(watcher, error);
}

void moq_track_gap(struct moq_track *track, uint64_t first, uint64_t last, int error)
{
    struct walk walk;
    start_watcher_walk(&walk, track);
    for (struct moq_watcher *watcher; (watcher = next_watcher(&walk));)
        if (watcher->ops && watcher->ops->on_gap)
            watcher->ops->on_gap(watcher, first, last, error);
}

void moq_track_watch(struct moq_track *track, struct moq_watcher *watcher)
{
    REQUIRE(watcher->ops && (!watcher->next || watcher->next == watcher));
    insert_watcher(watcher, &track->watchers);
}

void moq_track_unwatch(struct moq_track *track, struct moq_watcher *watcher)
{
    (void)track; /* a watcher knows its neighbours */
    if (watcher->next)
        unlink_watcher(watcher);
}
