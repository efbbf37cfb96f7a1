/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Parts of mixes: a rendition is watched and kept at work, and its groups are found by media time.
 * Tested by tests/sim/relay/test_switching.c. */
#include "server/core/mix_part.h"

#include <stdlib.h>

#include "base/varint.h"

/* ---- Times ----------------------------------------------------------------------------------- */

/* A group begins with the size of its first frame, and a frame of karp with its media time. */
bool mix_time_of(const struct moq_group *group, uint64_t *time_us)
{
    uint8_t head[2 * VARINT_MAX_BYTES];
    uint64_t frame_bytes;
    size_t there = moq_group_head(group, head, sizeof head);
    size_t at = varint_decode(head, there, &frame_bytes);
    if (at == 0)
        return false;
    size_t size = varint_decode(head + at, there - at, time_us);
    return size > 0 && size <= frame_bytes;
}

static bool is_before(uint64_t time_us, uint64_t other_us)
{
    return time_us + CORE_LADDER_SLACK_US < other_us;
}

bool mix_are_twins(uint64_t time_us, uint64_t other_us)
{
    return !is_before(time_us, other_us) && !is_before(other_us, time_us);
}

struct moq_group *mix_twin_at(const struct mix_part *part, uint64_t time_us)
{
    for (struct moq_group *group = mix_part_from(part, part->first); group;
         group = moq_track_after(part->track, group)) {
        uint64_t its_us;
        if (mix_time_of(group, &its_us) && mix_are_twins(its_us, time_us))
            return group;
    }
    return NULL;
}

bool mix_part_has_reached(const struct mix_part *part, uint64_t time_us)
{
    const struct moq_group *newest = moq_track_newest(part->track);
    uint64_t its_us;
    return newest && mix_time_of(newest, &its_us) && !is_before(its_us, time_us);
}

struct moq_group *mix_part_from(const struct mix_part *part, uint64_t sequence)
{
    struct moq_group *group = moq_track_oldest(part->track);
    while (group && group->sequence < sequence)
        group = moq_track_after(part->track, group);
    return group;
}

/* ---- Its source ------------------------------------------------------------------------------ */

static void on_source_end(struct source_listener *listener, int error)
{
    struct mix_part *part = container_of(listener, struct mix_part, listener);
    struct source *source = part->source;
    (void)error;
    part->source = NULL;
    source_forget_watch(source, listener);
    part->ops->on_lost(part);
}

const struct source_listener_ops mix_listening = {.on_end = on_source_end};

void mix_part_listen(struct mix_part *part, struct source *source, const struct moq_wish *wish)
{
    part->source = source;
    part->listener.wish = *wish;
    part->listener.has_wish = true;
    source_add_watch(source, &part->listener);
}

void mix_part_silence(struct mix_part *part)
{
    struct source *source = part->source;
    part->source = NULL;
    if (source)
        source_remove_watch(source, &part->listener);
}

/* ---- Its track ------------------------------------------------------------------------------- */

static struct mix_part *part_of(struct moq_watcher *watcher)
{
    return container_of(watcher, struct mix_part, watcher);
}

static void on_group(struct moq_watcher *watcher, struct moq_group *group)
{
    struct mix_part *part = part_of(watcher);
    part->ops->on_group(part, group);
}

static void on_growth(struct moq_watcher *watcher, struct moq_group *group)
{
    struct mix_part *part = part_of(watcher);
    (void)group;
    part->ops->on_growth(part);
}

static void on_gap(struct moq_watcher *watcher, uint64_t first, uint64_t last, int error)
{
    struct mix_part *part = part_of(watcher);
    part->ops->on_gap(part, first, last, error);
}

static void on_end(struct moq_watcher *watcher, int error)
{
    struct mix_part *part = part_of(watcher);
    part->ops->on_end(part, error);
}

static const struct moq_watcher_ops watcher_ops = {
    .on_group = on_group, .on_growth = on_growth, .on_gap = on_gap, .on_end = on_end};

struct mix_part *mix_part_new(struct source *source, size_t rendition,
                              const struct mix_part_ops *ops, void *mix)
{
    struct mix_part *part = calloc(1, sizeof *part);
    if (!part)
        return NULL;
    part->ops = ops;
    part->mix = mix;
    part->rendition = rendition;
    part->track = moq_track_ref(source->track);
    part->end = UINT64_MAX;
    part->watcher.ops = &watcher_ops;
    part->listener.ops = &mix_listening;
    list_init(&part->listener.node);
    moq_track_watch(part->track, &part->watcher);
    return part;
}

void mix_part_free(struct mix_part **part)
{
    struct mix_part *mine = *part;
    *part = NULL;
    if (!mine)
        return;
    moq_track_unwatch(mine->track, &mine->watcher);
    moq_track_unref(&mine->track);
    free(mine);
}
