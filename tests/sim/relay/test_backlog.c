/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a turn to another rendition costs while thousands of groups wait for a viewer that reads
 * nothing: a worker looks for a place to turn at each frame, so it may look at each group only a
 * few times. */
#include "tests/sim/relay/prologue.h"

#include "base/varint.h"
#include "server/core/mix.h"
#include "tests/sim/relay/rungs.h"

enum { RUNGS = 2, GROUPS = 2000, GROUP_US = 20000, LOOKS_MAX = 4 * GROUPS };

static const char *const names[RUNGS] = {"show/low", "show/high"};

struct stage {
    struct world world;
    struct core_hook hook;
    struct client *publisher;
    struct moq_track *tracks[RUNGS];
    struct watch here, there; /* of the high rendition, by whoever is moved; of the low one */
};

static uint64_t looks; /* how often the beginning of a group was read */

size_t __real_moq_group_head(const struct moq_group *group, void *out, size_t max);
size_t __wrap_moq_group_head(const struct moq_group *group, void *out, size_t max);

size_t __wrap_moq_group_head(const struct moq_group *group, void *out, size_t max)
{
    looks++;
    return __real_moq_group_head(group, out, max);
}

static enum core_verdict on_subscribe(void *self, struct core_request *request)
{
    (void)self;
    set_rungs(request, names, RUNGS);
    return CORE_PASS;
}

static const struct core_hook_ops hook_ops = {.name = "stage", .subscribe = on_subscribe};

static void write_group(struct stage *stage, size_t rung, uint64_t sequence, uint64_t time_us)
{
    uint8_t frame[64] = {0};
    struct moq_group *group;
    varint_encode(frame, time_us);
    assert_int_equal(moq_track_open_group(stage->tracks[rung], sequence, &group), 0);
    assert_int_equal(moq_track_write_frame(stage->tracks[rung], group, frame, sizeof frame), 0);
    moq_track_finish_group(stage->tracks[rung], group);
}

/* Groups of the low rendition begin so much later than those of the high one. */
static void write_groups(struct stage *stage, uint64_t apart_us)
{
    for (uint64_t i = 2; i <= GROUPS; i++) {
        write_group(stage, 1, i, i * GROUP_US);
        write_group(stage, 0, i, i * GROUP_US + apart_us);
        if (i % 10 == 0)
            world_run(&stage->world, 2 * NS_PER_MS);
    }
    world_run(&stage->world, 50 * NS_PER_MS);
}

static struct core_viewer *find_viewer(const struct stage *stage, size_t rendition)
{
    struct core_viewer *viewer = NULL;
    list_for_each (node, &stage->world.workers[0].router.viewers) {
        struct core_viewer *found = container_of(node, struct core_viewer, router_node);
        viewer = core_viewer_rendition(found) == rendition ? found : viewer;
    }
    assert_non_null(viewer);
    return viewer;
}

/* The viewer may be an hour late, and nothing reaches it any more. */
static void stage_init(struct stage *stage)
{
    const struct world_setup setup = {.seed = 1, .workers = 1, .link = {.delay_ns = 5 * NS_PER_MS}};
    const struct sim_link nothing = {.loss_percent = 100};
    *stage = (struct stage){.hook.ops = &hook_ops};
    world_init(&stage->world, &setup);
    stage->world.config->cache.groups = 2 * GROUPS;
    stage->world.config->policy.latency_ns = 3600 * NS_PER_S;
    world_add_hook(&stage->world, &stage->hook);
    stage->publisher = client_ready(world_host(&stage->world), NULL);
    struct client *moved = client_ready(world_host(&stage->world), NULL);
    struct client *other = client_ready(world_host(&stage->world), NULL);
    for (size_t i = 0; i < RUNGS; i++) {
        stage->tracks[i] = client_publish(stage->publisher, names[i]);
        write_group(stage, i, 1, GROUP_US);
    }
    world_run(&stage->world, 100 * NS_PER_MS);
    watch_init(&stage->here, moved, names[1], &WISH_ANY);
    watch_init(&stage->there, other, names[0], &WISH_ANY);
    world_run(&stage->world, 100 * NS_PER_MS);
    sim_set_node_link(stage->world.sim, moved->host->node, &nothing);
}

static void stage_deinit(struct stage *stage)
{
    watch_deinit(&stage->here);
    watch_deinit(&stage->there);
    world_deinit(&stage->world);
}

static void renditions_that_never_meet_are_gone_through_once(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    write_groups(&stage, GROUP_US / 2);
    looks = 0;
    assert_int_equal(core_viewer_turn_to(find_viewer(&stage, 1), &stage.hook, 0), 0);
    assert_in_range(looks, GROUPS, LOOKS_MAX);
    assert_int_equal(world_counters(&stage.world)->switches_total, 0);
    stage_deinit(&stage);
}

static void what_waits_is_replaced_at_once(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    write_groups(&stage, 0);
    struct core_viewer *viewer = find_viewer(&stage, 1);
    looks = 0;
    assert_int_equal(core_viewer_turn_to(viewer, &stage.hook, 0), 0);
    assert_in_range(looks, GROUPS, LOOKS_MAX);
    assert_int_equal(world_counters(&stage.world)->switches_total, 1);
    assert_int_equal(core_viewer_rendition(viewer), 0);
    const struct core_viewer *other = find_viewer(&stage, 0);
    struct moq_group *waiting = moq_track_newest(moq_viewer_track(viewer->served));
    struct moq_group *low = moq_track_newest(other->source->track);
    assert_int_equal(waiting->sequence, GROUPS);
    assert_ptr_equal(moq_group_body(waiting), moq_group_body(low));
    stage_deinit(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renditions_that_never_meet_are_gone_through_once),
        cmocka_unit_test(what_waits_is_replaced_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
