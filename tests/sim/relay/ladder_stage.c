/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Whoever moves the viewer is not here: tests do, or a policy. */
#include "tests/sim/relay/ladder_stage.h"

#include "base/varint.h"
#include "tests/sim/relay/rungs.h"

const char *const rung_names[RUNGS] = {"show/low", "show/mid", "show/high"};

static enum core_verdict on_subscribe(void *self, struct core_request *request)
{
    struct stage *stage = self;
    if (stage->has_ladder)
        set_rungs(request, rung_names, RUNGS);
    return CORE_PASS;
}

static const struct core_hook_ops hook_ops = {.name = "stage", .subscribe = on_subscribe};

/* ---- The publisher --------------------------------------------------------------------------- */

static void write_rung(struct stage *stage, size_t rung, uint64_t frame)
{
    uint8_t bytes[128 * 1024] = {0};
    struct moq_track *track = stage->tracks[rung];
    uint64_t time_us = frame * FRAME_MS * 1000 + stage->offset_us[rung];
    if (frame % FRAMES == 0) {
        uint64_t sequence = stage->first[rung] + frame / FRAMES;
        assert_int_equal(moq_track_open_group(track, sequence, &stage->groups[rung]), 0);
        moq_group_ref(stage->groups[rung]);
    }
    if (!stage->groups[rung])
        return;
    size_t at = varint_encode(bytes, time_us);
    bytes[at] = (uint8_t)rung;
    size_t more = frame % FRAMES == 0 ? stage->key_bytes[rung] : 0;
    moq_track_write_frame(track, stage->groups[rung], bytes, stage->frame_bytes[rung] + more);
    if (frame % FRAMES != FRAMES - 1)
        return;
    moq_track_finish_group(track, stage->groups[rung]);
    moq_group_unref(&stage->groups[rung]);
}

void film(struct stage *stage, uint64_t ms)
{
    for (uint64_t end = stage->frame + ms / FRAME_MS; stage->frame < end; stage->frame++) {
        for (size_t i = 0; i < RUNGS; i++)
            if (!stage->is_silent[i] && stage->frame >= stage->late_frames[i])
                write_rung(stage, i, stage->frame - stage->late_frames[i]);
        world_run(&stage->world, FRAME_MS * NS_PER_MS);
    }
}

/* ---- The viewer ------------------------------------------------------------------------------ */

static void note_frame(struct seen *seen, const uint8_t *data, size_t size)
{
    uint64_t time_us = 0;
    size_t at = varint_decode(data, size, &time_us);
    if (seen->frames == 0) {
        seen->first_us = time_us;
        seen->rung = data[at];
    } else if (time_us != seen->last_us + FRAME_MS * 1000 || data[at] != seen->rung) {
        seen->bad++;
    }
    seen->last_us = time_us;
    seen->frames++;
}

static void on_growth(struct moq_watcher *watcher, struct moq_group *group)
{
    struct stage *stage = container_of(watcher, struct stage, watcher);
    struct moq_group_reader reader;
    const uint8_t *data;
    size_t size;
    uint64_t now_ns = sim_clock(stage->world.sim)->now_ns;
    if (stage->came_ns && now_ns - stage->came_ns > stage->stall_ns)
        stage->stall_ns = now_ns - stage->came_ns;
    stage->came_ns = now_ns;
    if (!group->is_ended)
        return;
    assert_true(group->sequence < SEEN_MAX);
    struct seen *seen = &stage->seen[group->sequence];
    assert_false(seen->is_there); /* never twice */
    moq_group_reader_init(&reader, group);
    while (moq_group_reader_next(&reader, &data, &size) == 0)
        note_frame(seen, data, size);
    moq_group_reader_deinit(&reader);
    seen->is_there = true;
    seen->is_whole = !group->error;
}

static const struct moq_watcher_ops watcher_ops = {.on_growth = on_growth};

void watch_show(struct stage *stage, const char *path)
{
    watch_init(&stage->watch, stage->viewer, path, &WISH_ANY);
    stage->watcher = (struct moq_watcher){.ops = &watcher_ops};
    moq_track_watch(stage->watch.track, &stage->watcher);
}

struct core_viewer *find_viewer(const struct stage *stage)
{
    for (uint32_t i = 0; i < stage->world.worker_count; i++) {
        const struct list *viewers = &stage->world.workers[i].router.viewers;
        if (!list_is_empty(viewers))
            return container_of(viewers->next, struct core_viewer, router_node);
    }
    return NULL;
}

int turn_to(struct stage *stage, size_t rendition)
{
    return core_viewer_turn_to(find_viewer(stage), &stage->hook, rendition);
}

void stage_init(struct stage *stage, uint64_t seed, uint32_t workers)
{
    const struct world_setup setup = {
        .seed = seed, .workers = workers, .link = {.delay_ns = 5 * NS_PER_MS}};
    *stage = (struct stage){.hook.ops = &hook_ops, .has_ladder = true};
    stage->hook.self = stage;
    world_init(&stage->world, &setup);
    struct router *router = &stage->world.workers[workers > 1].router;
    assert_int_equal(core_hooks_add(&router->hooks, &stage->hook), 0);
    stage->publisher = client_ready(world_host(&stage->world), NULL);
    for (size_t i = 0; i < RUNGS; i++) {
        stage->tracks[i] = client_publish(stage->publisher, rung_names[i]);
        stage->frame_bytes[i] = 1000 * (i + 1);
        stage->first[i] = 10 * i + 1;
    }
    stage->viewer = client_ready(world_host(&stage->world), NULL); /* on the next worker */
}

void stage_deinit(struct stage *stage)
{
    moq_track_unwatch(stage->watch.track, &stage->watcher);
    watch_deinit(&stage->watch);
    for (size_t i = 0; i < RUNGS; i++)
        moq_group_unref(&stage->groups[i]);
    world_deinit(&stage->world);
}

int assert_seamless(const struct stage *stage)
{
    int count = 0;
    const struct seen *last = NULL;
    for (size_t i = 0; i < SEEN_MAX; i++) {
        const struct seen *seen = &stage->seen[i];
        if (!seen->is_there)
            continue;
        assert_true(seen->is_whole && seen->frames == FRAMES && seen->bad == 0);
        if (last)
            assert_int_equal(seen->first_us, last->last_us + FRAME_MS * 1000);
        last = seen;
        count++;
    }
    assert_int_equal(stage->watch.backwards, 0);
    return count;
}

int count_rung(const struct stage *stage, uint8_t rung)
{
    int count = 0;
    for (size_t i = 0; i < SEEN_MAX; i++)
        count += stage->seen[i].is_there && stage->seen[i].rung == rung;
    return count;
}
