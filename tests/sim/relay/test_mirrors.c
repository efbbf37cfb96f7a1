/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a worker holds of another worker's tracks: the same bytes, no longer than their home does,
 * and nothing that would never end. The publisher is on worker 0, whoever watches or fetches on
 * worker 1. */
#include "tests/sim/relay/prologue.h"

#include "base/objects.h"

enum { WORKERS = 2, GROUP_BYTES = 200000, FETCHES = 40, FETCHED = 7, OPEN = 7 };

struct fixture {
    struct world world;
    struct client *publisher, *other; /* on worker 0 and on worker 1 */
    struct moq_track *track;
    struct watch watch; /* of `other` */
};

static void begin(struct fixture *fixture, const char *yaml)
{
    const struct world_setup setup = {
        .seed = 5, .link = {.delay_ns = 5 * NS_PER_MS}, .workers = WORKERS, .yaml = yaml};
    const struct client_setup as_03 = {.versions = MOQ_VERSION_03};
    world_init(&fixture->world, &setup);
    fixture->publisher = client_ready(world_host(&fixture->world), &as_03);
    fixture->track = client_publish(fixture->publisher, "demo/bbb");
    fixture->other = client_ready(world_host(&fixture->world), &as_03);
}

static void begin_watching(struct fixture *fixture, const char *yaml)
{
    begin(fixture, yaml);
    watch_init(&fixture->watch, fixture->other, "demo/bbb", &WISH_ANY);
    world_run(&fixture->world, NS_PER_S);
}

static void put_group(struct moq_track *track, uint64_t sequence)
{
    static uint8_t payload[GROUP_BYTES];
    struct moq_group *group;
    assert_int_equal(moq_track_open_group(track, sequence, &group), 0);
    assert_int_equal(moq_track_write_frame(track, group, payload, sizeof payload), 0);
    moq_track_finish_group(track, group);
}

static const struct moq_track *track_on(struct fixture *fixture, uint32_t worker)
{
    const struct list *sources = &fixture->world.workers[worker].router.sources;
    assert_false(list_is_empty(sources));
    return container_of(sources->next, struct source, node)->track;
}

/* ---- What was there before ------------------------------------------------------------------- */

/* More groups than a link keeps. A viewer that asks for the newest gets it, even if no other
 * follows. */
static void a_mirror_hears_of_all_that_its_home_holds(void **state)
{
    (void)state;
    enum { COUNT = LINK_EVENTS_MAX + 100 };
    struct fixture fixture;
    struct watch at_home, history;
    begin(&fixture, "cache: { groups: 1000, age: 1h }");
    watch_init(&at_home, client_ready(world_host(&fixture.world), NULL), "demo/bbb", &WISH_ANY);
    world_run(&fixture.world, NS_PER_S);
    for (uint64_t i = 0; i < COUNT; i++) {
        publish_text(fixture.track, i, "old");
        world_run(&fixture.world, 20 * NS_PER_MS);
    }
    struct moq_group *open;
    assert_int_equal(moq_track_open_group(fixture.track, COUNT, &open), 0);
    assert_int_equal(moq_track_write_frame(fixture.track, open, "new", 3), 0);
    world_run(&fixture.world, NS_PER_S);

    watch_init(&fixture.watch, fixture.other, "demo/bbb", &WISH_ANY);
    watch_init(&history, fixture.other, "demo/bbb", &WISH_RANGE(0, COUNT - 1));
    world_run(&fixture.world, 2 * NS_PER_S);
    char text[WATCH_TEXT_BYTES];
    assert_string_equal(watch_text(&fixture.watch, COUNT, text), "new...");
    assert_int_equal(watch_count(&history, FATE_WHOLE), COUNT);
    watch_deinit(&history);
    watch_deinit(&fixture.watch);
    watch_deinit(&at_home);
    world_deinit(&fixture.world);
}

/* ---- Fetches --------------------------------------------------------------------------------- */

struct received {
    size_t bytes, whole, failed;
};

static void on_data(struct moq_fetch *fetch, const uint8_t *data, size_t n)
{
    struct received *fetched = moq_fetch_user(fetch);
    (void)data;
    fetched->bytes += n;
}

static void on_closed(struct moq_fetch *fetch, int error)
{
    struct received *fetched = moq_fetch_user(fetch);
    fetched->whole += error == 0;
    fetched->failed += error != 0;
}

static void fetch(struct fixture *fixture, uint64_t group, struct received *fetched)
{
    static const struct moq_fetch_events events = {.on_data = on_data, .on_closed = on_closed};
    const struct moq_fetch_wish wish = {.group = group, .priority = 128};
    struct moq_path *path = moq_path_from_text("demo/bbb");
    assert_non_null(moq_session_fetch(fixture->other->session, path, &wish, &events, fetched));
    moq_path_unref(&path);
}

/* A peer that keeps asking, and reads slowly, must not make the relay copy bytes. */
static void a_group_that_is_fetched_from_another_worker_is_there_once(void **state)
{
    (void)state;
    static struct watch viewer;
    struct fixture fixture;
    struct received fetched = {0};
    const struct sim_link slow = {.delay_ns = 5 * NS_PER_MS, .bandwidth_bps = 2000000};
    begin(&fixture, NULL);
    sim_set_node_link(fixture.world.sim, fixture.other->host->node, &slow);
    watch_init(&viewer, client_ready(world_host(&fixture.world), NULL), "demo/bbb", &WISH_ANY);
    world_run(&fixture.world, NS_PER_S);
    put_group(fixture.track, FETCHED);
    world_run(&fixture.world, NS_PER_S);

    int64_t bodies = object_count(OBJECT_group_body), chunks = object_count(OBJECT_chunk);
    for (int i = 0; i < FETCHES; i++) {
        fetch(&fixture, FETCHED, &fetched);
        world_run(&fixture.world, 10 * NS_PER_MS);
    }
    assert_int_equal(object_count(OBJECT_group_body), bodies);
    assert_true(object_count(OBJECT_chunk) - chunks <=
                2 * FETCHES); /* of the streams, not of the group */
    assert_int_equal(fetched.whole, 0);

    world_run(&fixture.world, 60 * NS_PER_S);
    assert_int_equal(fetched.whole, FETCHES);
    assert_true(fetched.bytes > (size_t)FETCHES * GROUP_BYTES);
    assert_true(list_is_empty(&fixture.world.workers[1].router.fetches));
    watch_deinit(&viewer);
    world_deinit(&fixture.world);
}

static void a_group_that_the_other_worker_lacks_is_refused_to_all_who_wait(void **state)
{
    (void)state;
    struct fixture fixture;
    struct received fetched = {0};
    begin(&fixture, NULL);
    world_run(&fixture.world, NS_PER_S);
    world_stick(&fixture.world, 0, true);
    for (int i = 0; i < FETCHES; i++)
        fetch(&fixture, FETCHED, &fetched);
    world_run(&fixture.world, 200 * NS_PER_MS);
    assert_int_equal(fetched.failed, 0);
    assert_int_equal(fixture.world.workers[1].router.fetch_count, 1);

    world_stick(&fixture.world, 0, false);
    world_run(&fixture.world, 5 * NS_PER_S);
    assert_int_equal(fetched.failed, FETCHES);
    assert_int_equal(fixture.world.workers[1].router.fetch_count, 0);
    world_deinit(&fixture.world);
}

/* ---- The cache ------------------------------------------------------------------------------- */

static void what_a_home_cuts_its_mirrors_let_go_too(void **state)
{
    (void)state;
    enum { GROUPS = 60, BOUND = 1 << 20 };
    struct fixture fixture;
    begin_watching(&fixture, "cache: { groups: 64, age: 10m, track_bytes: 32MiB, bytes: 1MiB }\n");
    for (uint64_t i = 0; i < GROUPS; i++) {
        put_group(fixture.track, i);
        world_run(&fixture.world, 300 * NS_PER_MS);
    }
    assert_int_equal(watch_count(&fixture.watch, FATE_WHOLE), GROUPS);
    assert_true(world_counters(&fixture.world)->cache_evictions > 0);
    for (uint32_t i = 0; i < WORKERS; i++)
        assert_in_range(moq_track_cached_bytes(track_on(&fixture, i)), GROUP_BYTES, 2 * BOUND);
    watch_deinit(&fixture.watch);
    world_deinit(&fixture.world);
}

/* ---- Takeover -------------------------------------------------------------------------------- */

/* A publisher has left a group open. The next publisher is on the viewer's worker, so nothing comes
 * over the link any more. */
static void a_mirror_that_is_left_cuts_what_still_grows(void **state)
{
    (void)state;
    struct fixture fixture;
    struct moq_group *group;
    begin_watching(&fixture, NULL);
    assert_int_equal(moq_track_open_group(fixture.track, OPEN, &group), 0);
    group = moq_group_ref(group);
    assert_int_equal(moq_track_write_frame(fixture.track, group, "hello", 5), 0);
    world_run(&fixture.world, NS_PER_S);
    assert_int_equal(fixture.watch.fates[OPEN], FATE_GROWING);

    client_ready(world_host(&fixture.world), NULL); /* on worker 0 */
    struct client *second = client_ready(world_host(&fixture.world), NULL);
    struct moq_track *track = client_publish(second, "demo/bbb");
    world_run(&fixture.world, NS_PER_S);
    assert_int_equal(fixture.watch.fates[OPEN], FATE_CUT);
    for (uint64_t i = 0; i < 5; i++) {
        put_group(track, i);
        world_run(&fixture.world, NS_PER_S);
    }
    assert_true(moq_track_oldest(track_on(&fixture, 1))->sequence > OPEN);
    moq_group_unref(&group);
    watch_deinit(&fixture.watch);
    world_deinit(&fixture.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mirror_hears_of_all_that_its_home_holds),
        cmocka_unit_test(a_group_that_is_fetched_from_another_worker_is_there_once),
        cmocka_unit_test(a_group_that_the_other_worker_lacks_is_refused_to_all_who_wait),
        cmocka_unit_test(what_a_home_cuts_its_mirrors_let_go_too),
        cmocka_unit_test(a_mirror_that_is_left_cuts_what_still_grows),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
