/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Several workers: one publisher, viewers everywhere; what a frame costs between them; and a worker
 * that does not run for a while, which costs a limited amount of memory and nothing to the
 * others. */
#include "tests/sim/relay/prologue.h"

#include "base/objects.h"
#include "server/core/audience.h"

enum {
    WORKERS = 4,
    VIEWERS = 8, /* two per worker, also on the publisher's worker */
    GROUPS = 40,
    FRAMES = 10,
    FRAME_BYTES = 2000,
    FLAPS = 5000,
};

#define FRAME_NS (20 * NS_PER_MS)

struct fixture {
    struct world world;
    struct client *publisher;
    struct moq_track *track;
    struct watch watches[VIEWERS];
    struct camera_setup camera;
};

/* The publisher is the first client, so it is on worker 0. Viewer i is on worker (i + 1) %
 * WORKERS. */
static void begin(struct fixture *fixture)
{
    const struct world_setup setup = {
        .seed = 5, .link = {.delay_ns = 5 * NS_PER_MS}, .workers = WORKERS};
    world_init(&fixture->world, &setup);
    fixture->publisher = client_ready(world_host(&fixture->world), NULL);
    fixture->track = client_publish(fixture->publisher, "demo/bbb");
    fixture->camera = (struct camera_setup){.track = fixture->track,
                                            .count = GROUPS,
                                            .frames = FRAMES,
                                            .frame_bytes = FRAME_BYTES,
                                            .interval_ns = FRAME_NS};
    struct host *host = world_host(&fixture->world);
    for (int i = 0; i < VIEWERS; i++) {
        watch_init(&fixture->watches[i], client_ready(host, NULL), "demo/bbb", &WISH_ANY);
        fixture->watches[i].camera = &fixture->camera;
    }
    world_run(&fixture->world, NS_PER_S);
}

static void end(struct fixture *fixture)
{
    for (int i = 0; i < VIEWERS; i++)
        watch_deinit(&fixture->watches[i]);
    world_deinit(&fixture->world);
}

static void play(struct fixture *fixture)
{
    struct camera *camera = camera_start(fixture->publisher->host, &fixture->camera);
    camera->is_open_ended = true;
    assert_true(world_run_until(&fixture->world, camera_is_over, camera, 60 * NS_PER_S));
    world_run(&fixture->world, NS_PER_S);
}

static uint64_t posts(const struct fixture *fixture)
{
    uint64_t sum = 0;
    for (uint32_t i = 1; i < WORKERS; i++)
        sum += fixture->world.workers[i].posts;
    return sum;
}

static void a_publisher_on_one_worker_feeds_viewers_on_all(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture);
    uint64_t before = posts(&fixture);
    int64_t bodies = object_count(OBJECT_group_body);
    play(&fixture);

    for (int i = 0; i < VIEWERS; i++) {
        assert_int_equal(watch_count(&fixture.watches[i], FATE_WHOLE), GROUPS);
        assert_int_equal(fixture.watches[i].wrong, 0);
    }
    for (uint32_t i = 0; i < WORKERS; i++)
        assert_int_equal(fixture.world.workers[i].router.counters.sessions_total, 2 + (i < 1));
    assert_int_equal(world_counters(&fixture.world)->upstream_subscriptions_total, 1);
    assert_int_equal(world_counters(&fixture.world)->tracks, 1);
    assert_int_equal(fixture.publisher->subscribes, 1);
    assert_int_equal(
        audience_size(&fixture.world.commons, moq_track_path(fixture.watches[0].track)), VIEWERS);
    /* A frame comes in at most two packets, and each may cause a post to each other worker, but not
     * one per viewer. The bytes are never copied. */
    assert_in_range(posts(&fixture) - before, 1, (WORKERS - 1) * GROUPS * (2 * FRAMES + 2));
    assert_true(object_count(OBJECT_group_body) > bodies);
    end(&fixture);
}

/* Half of the viewers leave, then all: a worker without viewers is no longer told anything. */
static void a_worker_that_nobody_watches_on_is_left_alone(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture);
    moq_subscription_close(&fixture.watches[0].subscription);
    moq_subscription_close(&fixture.watches[WORKERS].subscription);
    world_run(&fixture.world, 2 * CORE_LINGER_NS);
    uint64_t before = fixture.world.workers[1].posts;
    play(&fixture);
    assert_int_equal(fixture.world.workers[1].posts, before);
    assert_int_equal(watch_count(&fixture.watches[1], FATE_WHOLE), GROUPS);
    end(&fixture);
}

static void a_worker_that_is_stuck_harms_no_other(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture);
    fixture.camera.count = 2 * LINK_EVENTS_MAX;
    fixture.camera.frames = 1;
    fixture.camera.frame_bytes = 100;
    world_stick(&fixture.world, 1, true);
    int64_t bodies = object_count(OBJECT_group_body);
    play(&fixture);
    for (int i = 0; i < VIEWERS; i++)
        if ((i + 1) % WORKERS != 1)
            assert_int_equal(watch_count(&fixture.watches[i], FATE_WHOLE), 2 * LINK_EVENTS_MAX);
    assert_int_equal(fixture.watches[0].begun, 0);
    int64_t kept = object_count(OBJECT_group_body) - bodies;
    assert_in_range(kept, 0, 2 * LINK_EVENTS_MAX + VIEWERS * 64);

    world_stick(&fixture.world, 1, false);
    world_run(&fixture.world, NS_PER_S);
    assert_true(watch_count(&fixture.watches[0], FATE_WHOLE) >
                0); /* it is back, with the newest data */
    assert_int_equal(fixture.watches[0].wrong, 0);
    end(&fixture);
}

/* An announcement that is withdrawn before the other workers hear of it is never told. */
static void announcements_that_come_and_go_do_not_pile_up(void **state)
{
    (void)state;
    struct fixture fixture;
    struct moq_path *path = moq_path_from_text("demo/flap");
    begin(&fixture);
    world_stick(&fixture.world, 1, true);
    int64_t paths = object_count(OBJECT_path);
    for (int i = 0; i < FLAPS; i++) {
        moq_offers_add(fixture.publisher->offers, path, fixture.publisher);
        world_run(&fixture.world, 20 * NS_PER_MS);
        moq_offers_remove(fixture.publisher->offers, path, fixture.publisher);
        world_run(&fixture.world, 20 * NS_PER_MS);
    }
    assert_true(object_count(OBJECT_path) - paths <= 20);
    world_stick(&fixture.world, 1, false);
    world_run(&fixture.world, NS_PER_S);
    assert_null(route_find(&fixture.world.workers[1].router, path));
    moq_path_unref(&path);
    end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_publisher_on_one_worker_feeds_viewers_on_all),
        cmocka_unit_test(a_worker_that_nobody_watches_on_is_left_alone),
        cmocka_unit_test(a_worker_that_is_stuck_harms_no_other),
        cmocka_unit_test(announcements_that_come_and_go_do_not_pile_up),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
