/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Where viewers begin: the newest group, the oldest that is kept, the next one, or one of some time
 * ago; on the publisher's worker and on others. */
#include "tests/sim/relay/prologue.h"

static const char yaml[] = "cache: { age: 30s }\n"
                           "policy:\n"
                           "  latency: 500ms\n"
                           "  order: oldest\n"
                           "  classes:\n"
                           "    - { match: \"oldest/*\", start: oldest }\n"
                           "    - { match: \"next/*\", start: next }\n"
                           "    - { match: \"back/*\", start: 3s }\n";

enum { GROUP_MS = 200, MOST_VIEWERS = 4 };

struct stage {
    struct world world;
    struct core_hook hooks[WORLD_WORKERS_MAX];
    struct core_override wants; /* of the next viewer */
    struct moq_path *alias;     /* every path is served from this one */
    struct client *publisher;
    struct moq_track *track;
    uint64_t sequence; /* of the last group */
    struct watch watches[MOST_VIEWERS];
    size_t count;
};

static enum core_verdict on_subscribe(void *self, struct core_request *request)
{
    struct stage *stage = self;
    core_request_set_path(request, stage->alias);
    core_request_override(request, &stage->hooks[0], &stage->wants);
    return CORE_PASS;
}

static const struct core_hook_ops hook_ops = {.name = "stage", .subscribe = on_subscribe};

static void stage_init(struct stage *stage, uint32_t workers)
{
    const struct world_setup setup = {
        .seed = 3, .workers = workers, .yaml = yaml, .link = {.delay_ns = 5 * NS_PER_MS}};
    *stage = (struct stage){.alias = moq_path_from_text("demo/bbb")};
    world_init(&stage->world, &setup);
    for (uint32_t i = 0; i < workers; i++) {
        stage->hooks[i] = (struct core_hook){.ops = &hook_ops, .self = stage};
        struct core_hooks *chain = &stage->world.workers[i].router.hooks;
        assert_int_equal(core_hooks_add(chain, &stage->hooks[i]), 0);
    }
    stage->publisher = client_ready(world_host(&stage->world), NULL);
    stage->track = client_publish(stage->publisher, "demo/bbb");
    moq_track_set_cache(stage->track, &(struct moq_cache_limits){.groups = 2});
    world_run(&stage->world, 100 * NS_PER_MS);
}

static void stage_deinit(struct stage *stage)
{
    while (stage->count > 0)
        watch_deinit(&stage->watches[--stage->count]);
    moq_path_unref(&stage->alias);
    world_deinit(&stage->world);
}

/* Publishes groups of one frame, one after the other. */
static void publish(struct stage *stage, uint64_t count)
{
    while (count-- > 0) {
        publish_text(stage->track, ++stage->sequence, "x");
        world_run(&stage->world, GROUP_MS * NS_PER_MS);
    }
}

static struct watch *join_as(struct stage *stage, const char *path, const struct moq_wish *wish)
{
    struct watch *watch = &stage->watches[stage->count++];
    watch_init(watch, client_ready(world_host(&stage->world), NULL), path, wish);
    world_run(&stage->world, 100 * NS_PER_MS);
    return watch;
}

static struct watch *join(struct stage *stage, const char *path)
{
    return join_as(stage, path, &WISH_ANY);
}

/* Nothing before `first` came, and everything from there on. */
static void assert_begins(const struct stage *stage, const struct watch *watch, uint64_t first)
{
    for (uint64_t sequence = 1; sequence <= stage->sequence; sequence++)
        assert_int_equal(watch->fates[sequence] == FATE_WHOLE, sequence >= first);
}

static void by_default_it_is_the_newest_group(void **state)
{
    struct stage stage;
    (void)state;
    stage_init(&stage, 1);
    join(&stage, "demo/1");
    publish(&stage, 10);
    assert_begins(&stage, join(&stage, "demo/2"), 10);
    stage_deinit(&stage);
}

/* The cache keeps two groups, and what was superseded within the longest latency. */
static void the_oldest_is_what_the_cache_has_kept(void **state)
{
    struct stage stage;
    (void)state;
    stage_init(&stage, 1);
    join(&stage, "demo/1");
    publish(&stage, 10);
    struct watch *watch = join(&stage, "oldest/2");
    const struct source *source =
        container_of(stage.world.workers[0].router.sources.next, struct source, node);
    uint64_t oldest = moq_track_oldest(source->track)->sequence;
    assert_in_range(oldest, 6, 9);
    assert_begins(&stage, watch, oldest);
    publish(&stage, 3);
    assert_begins(&stage, watch, oldest);
    stage_deinit(&stage);
}

static void the_next_group_is_waited_for(void **state)
{
    struct stage stage;
    (void)state;
    stage_init(&stage, 1);
    join(&stage, "demo/1");
    publish(&stage, 3);
    struct watch *watch = join(&stage, "next/2");
    assert_int_equal(watch->infos, 1);
    assert_int_equal(watch->begun, 0);
    publish(&stage, 2);
    assert_begins(&stage, watch, 4);
    assert_int_equal(watch_count(watch, FATE_GAP), 0);
    stage_deinit(&stage);
}

/* The first such viewer makes the cache keep that much for the others. */
static void some_time_ago_is_kept_while_somebody_begins_there(void **state)
{
    struct stage stage;
    (void)state;
    stage_init(&stage, 1);
    publish(&stage, 5);
    struct watch *first = join(&stage, "back/1");
    assert_begins(&stage, first, 5); /* nothing was kept for it */
    publish(&stage, 25);
    struct watch *second = join(&stage, "back/2");
    assert_begins(&stage, second, 16); /* which began 3 s and a handshake ago */
    publish(&stage, 5);
    assert_begins(&stage, second, 16);
    assert_int_equal(second->backwards, 0);
    assert_int_equal(watch_count(second, FATE_GAP), 0);
    stage_deinit(&stage);
}

static void a_range_by_number_counts_instead(void **state)
{
    struct stage stage;
    const struct moq_wish from_29 = WISH_RANGE(29, MOQ_NO_GROUP);
    (void)state;
    stage_init(&stage, 1);
    join(&stage, "back/1");
    publish(&stage, 30);
    struct watch *watch = join_as(&stage, "back/2", &from_29);
    assert_begins(&stage, watch, 29);
    stage_deinit(&stage);
}

/* The hook's number is larger than the class's, and the limit smaller. */
static void a_hook_decides_within_the_limit(void **state)
{
    struct stage stage;
    struct core_policy_reasons why;
    (void)state;
    stage_init(&stage, 1);
    stage.world.config->policy.max.start_ns = 2 * NS_PER_S;
    stage.wants = (struct core_override){.set = CORE_SET_START, .start_ns = 60 * NS_PER_S};
    join(&stage, "demo/1");
    publish(&stage, 25);
    assert_begins(&stage, join(&stage, "demo/2"), 16); /* 2 s and a handshake */
    const struct core_viewer *viewer =
        container_of(stage.world.workers[0].router.viewers.next, struct core_viewer, router_node);
    core_viewer_reasons(viewer, &why);
    assert_int_equal(why.start.decider, CORE_DECIDED_BY_LIMIT);
    assert_string_equal(why.start.hook, "stage");
    stage.wants.start_ns = MOQ_START_NEXT;
    struct watch *watch = join(&stage, "demo/3");
    publish(&stage, 1);
    assert_begins(&stage, watch, 26);
    stage_deinit(&stage);
}

/* The publisher is on the first worker, and each viewer on one of its own. */
static void a_fresh_worker_asks_the_publishers_for_what_is_kept(void **state)
{
    struct stage stage;
    (void)state;
    stage_init(&stage, 3);
    struct watch *first = join(&stage, "back/1");
    publish(&stage, 30);
    assert_int_equal(watch_count(first, FATE_WHOLE), 30);
    struct watch *second = join(&stage, "back/2");
    assert_true(stage.world.workers[2].router.viewer_count == 1);
    assert_in_range(watch_count(second, FATE_WHOLE), 15, 17);
    assert_int_equal(second->fates[30], FATE_WHOLE);
    assert_int_equal(second->fates[16], FATE_WHOLE);
    assert_int_equal(second->fates[13], FATE_NONE);
    stage_deinit(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_default_it_is_the_newest_group),
        cmocka_unit_test(the_oldest_is_what_the_cache_has_kept),
        cmocka_unit_test(the_next_group_is_waited_for),
        cmocka_unit_test(some_time_ago_is_kept_while_somebody_begins_there),
        cmocka_unit_test(a_range_by_number_counts_instead),
        cmocka_unit_test(a_hook_decides_within_the_limit),
        cmocka_unit_test(a_fresh_worker_asks_the_publishers_for_what_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
