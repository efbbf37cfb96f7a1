/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* All frames have one size, so the length of a group tells how many of them have arrived. */
#include "tests/sim/relay/meter.h"

#include <string.h>

#include "base/check.h"

enum { SIZE_BYTES = 2 }; /* in front of a frame of this size */

static void write_frame(struct broadcast *broadcast, struct moq_group *group)
{
    static const uint8_t payload[16 * 1024];
    size_t n = broadcast->frame_bytes - SIZE_BYTES;
    REQUIRE(moq_track_write_frame(broadcast->track, group, payload, n) == 0);
    world_run(broadcast->world, broadcast->frame_ns);
}

void broadcast_groups(struct broadcast *broadcast, uint64_t count)
{
    for (; count > 0; count--) {
        struct moq_group *group;
        uint64_t sequence = ++broadcast->next_group;
        REQUIRE(sequence < METER_GROUPS_MAX);
        REQUIRE(moq_track_open_group(broadcast->track, sequence, &group) == 0);
        moq_group_ref(group);
        broadcast->began_ns[sequence] = world_now(broadcast->world);
        for (uint32_t i = 0; i < broadcast->frames; i++)
            write_frame(broadcast, group);
        moq_track_finish_group(broadcast->track, group);
        moq_group_unref(&group);
    }
}

static void on_growth(struct moq_watcher *watcher, struct moq_group *group)
{
    struct meter *meter = container_of(watcher, struct meter, watcher);
    const struct broadcast *broadcast = meter->broadcast;
    uint32_t *frames = &meter->frames[group->sequence];
    uint32_t now = (uint32_t)(moq_group_length(group) / broadcast->frame_bytes);
    for (; *frames < now; ++*frames) {
        uint64_t began_ns = broadcast->began_ns[group->sequence] + *frames * broadcast->frame_ns;
        uint64_t delay_ns = world_now(broadcast->world) - began_ns;
        meter->delay_max_ns = delay_ns > meter->delay_max_ns ? delay_ns : meter->delay_max_ns;
        meter->bytes += broadcast->frame_bytes;
    }
}

static const struct moq_watcher_ops watcher_ops = {.on_growth = on_growth};

void meter_init(struct meter *meter, struct client *client, const struct broadcast *broadcast,
                const struct moq_wish *wish)
{
    char text[MOQ_PATH_TEXT_BYTES];
    *meter = (struct meter){.broadcast = broadcast, .watcher.ops = &watcher_ops};
    moq_path_text(moq_track_path(broadcast->track), text, sizeof text);
    watch_init(&meter->watch, client, text, wish);
    moq_track_set_cache(meter->watch.track, &(struct moq_cache_limits){.groups = 64});
    moq_track_watch(meter->watch.track, &meter->watcher);
}

void meter_deinit(struct meter *meter)
{
    moq_track_unwatch(meter->watch.track, &meter->watcher);
    watch_deinit(&meter->watch);
}

void meter_reset(struct meter *meter)
{
    memset(meter->frames, 0, sizeof meter->frames);
    meter->delay_max_ns = meter->bytes = 0;
}

static uint32_t count_between(const struct meter *meter, uint32_t least, uint32_t most)
{
    uint32_t count = 0;
    for (size_t i = 0; i < METER_GROUPS_MAX; i++)
        count += meter->frames[i] >= least && meter->frames[i] <= most;
    return count;
}

uint32_t meter_whole(const struct meter *meter)
{
    return count_between(meter, meter->broadcast->frames, meter->broadcast->frames);
}

uint32_t meter_torn(const struct meter *meter)
{
    return count_between(meter, 1, meter->broadcast->frames - 1);
}
