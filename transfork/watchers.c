/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Whoever watches a track, and how they are told. Step 9 of a frame's walk: track_tell_growth. */
#include "base/check.h"
#include "transfork/track.h"

/* A walk over the watchers that survives whatever its callbacks remove or add: it marks its place
 * and its end with nodes of its own (without ops, so that other walks step over them). Watchers
 * that are added during the walk are not visited. */
struct walk {
    struct moq_track *track;
    struct moq_watcher here, end;
};

/* Not inlined: gcc would warn of a local's address in the list, as it does not see that walk_next
 * takes it out again. */
__attribute__((noinline)) static void walk_start(struct walk *walk, struct moq_track *track)
{
    *walk = (struct walk){.track = moq_track_ref(track)};
    list_push_front(&track->watchers, &walk->here.node);
    list_push_back(&track->watchers, &walk->end.node);
}

static struct moq_watcher *walk_next(struct walk *walk)
{
    struct list *node = walk->here.node.next;
    if (node == &walk->end.node) {
        list_remove(&walk->here.node);
        list_remove(&walk->end.node);
        moq_track_unref(&walk->track);
        return NULL;
    }
    list_remove(&walk->here.node);
    list_insert_between(&walk->here.node, node, node->next);
    return container_of(node, struct moq_watcher, node);
}

void track_tell_group(struct moq_track *track, struct moq_group *group)
{
    struct walk walk;
    walk_start(&walk, track);
    for (struct moq_watcher *watcher; (watcher = walk_next(&walk));)
        if (watcher->ops && watcher->ops->on_group)
            watcher->ops->on_group(watcher, group);
}

void track_tell_growth(struct moq_track *track, struct moq_group *group)
{
    struct walk walk;
    walk_start(&walk, track);
    for (struct moq_watcher *watcher; (watcher = walk_next(&walk));)
        if (watcher->ops && watcher->ops->on_growth)
            watcher->ops->on_growth(watcher, group);
}

void track_tell_end(struct moq_track *track, int error)
{
    struct walk walk;
    walk_start(&walk, track);
    for (struct moq_watcher *watcher; (watcher = walk_next(&walk));)
        if (watcher->ops && watcher->ops->on_end)
            watcher->ops->on_end(watcher, error);
}

void moq_track_gap(struct moq_track *track, uint64_t first, uint64_t last, int error)
{
    struct walk walk;
    walk_start(&walk, track);
    for (struct moq_watcher *watcher; (watcher = walk_next(&walk));)
        if (watcher->ops && watcher->ops->on_gap)
            watcher->ops->on_gap(watcher, first, last, error);
}

void moq_track_watch(struct moq_track *track, struct moq_watcher *watcher)
{
    REQUIRE(watcher->ops && (!watcher->node.next || list_is_empty(&watcher->node)));
    list_push_back(&track->watchers, &watcher->node);
}

void moq_track_unwatch(struct moq_track *track, struct moq_watcher *watcher)
{
    (void)track; /* a node knows its neighbours */
    if (watcher->node.next)
        list_remove(&watcher->node);
}
