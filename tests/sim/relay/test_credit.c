/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Publishers that let the relay open only few streams at a time: requests that wait for one more
 * are answered after limits.wait, and those that are served are not disturbed. */
#include "tests/sim/relay/prologue.h"

/* One of the streams that the publisher allows is used for its announcements. */
enum { ALLOWED = 3, TRACKS = 4, SERVED = ALLOWED - 1 };

struct stage {
    struct world world;
    struct client *publisher, *viewer;
    struct moq_track *tracks[TRACKS];
    struct watch watches[TRACKS];
    int watched; /* number of tracks that are watched, from the first one on */
};

static const char *const names[TRACKS] = {"one", "two", "three", "four"};

static void run_ms(struct stage *stage, uint64_t ms)
{
    world_run(&stage->world, ms * NS_PER_MS);
}

static void stage_begin(struct stage *stage, const char *yaml, int watched)
{
    const struct world_setup setup = {
        .seed = 4, .workers = 1, .yaml = yaml, .link = {.delay_ns = NS_PER_MS}};
    const struct quic_limits limits = {.streams_bidi = ALLOWED};
    const struct client_setup as_03 = {.versions = MOQ_VERSION_03};
    *stage = (struct stage){.watched = watched};
    world_init(&stage->world, &setup);
    stage->publisher = client_ready(world_host_limited(&stage->world, &limits), &as_03);
    stage->viewer = client_ready(world_host(&stage->world), &as_03);
    for (int i = 0; i < TRACKS; i++) {
        stage->tracks[i] = client_publish(stage->publisher, names[i]);
        publish_text(stage->tracks[i], 1, names[i]);
    }
    run_ms(stage, 100);
    for (int i = 0; i < watched; i++)
        watch_init(&stage->watches[i], stage->viewer, names[i], &WISH_ANY);
    run_ms(stage, 500);
}

static void stage_init(struct stage *stage, const char *yaml)
{
    stage_begin(stage, yaml, TRACKS);
}

static void stage_deinit(struct stage *stage)
{
    for (int i = 0; i < stage->watched; i++)
        watch_deinit(&stage->watches[i]);
    world_deinit(&stage->world);
}

static void who_waits_too_long_is_told(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage, "limits: { wait: 2s }");
    assert_int_equal(world_counters(&stage.world)->streams_waiting, TRACKS - SERVED);
    for (int i = SERVED; i < TRACKS; i++)
        assert_int_equal(stage.watches[i].closed, 0);
    run_ms(&stage, 2000);
    assert_int_equal(world_counters(&stage.world)->streams_waiting, 0);
    assert_int_equal(world_counters(&stage.world)->streams_refused, TRACKS - SERVED);
    for (int i = 0; i < TRACKS; i++) {
        bool is_served = i < SERVED;
        assert_int_equal(stage.watches[i].closed, !is_served);
        assert_group(&stage.watches[i], 1, is_served ? names[i] : "-");
    }
    assert_int_equal(stage.watches[TRACKS - 1].close_error, MOQ_ERR_NOT_FOUND);
    publish_text(stage.tracks[0], 2, "goes on");
    run_ms(&stage, 100);
    assert_group(&stage.watches[0], 2, "goes on");
    stage_deinit(&stage);
}

/* A viewer that wants older groups needs a second stream for its track. The others keep
 * watching. */
static void a_range_that_waits_in_vain_ends_nobody(void **state)
{
    (void)state;
    struct stage stage;
    struct watch history;
    stage_init(&stage, "limits: { wait: 2s }");
    watch_init(&history, stage.viewer, names[0], &WISH_RANGE(0, MOQ_NO_GROUP));
    run_ms(&stage, 5000);
    assert_int_equal(world_counters(&stage.world)->streams_waiting, 0);
    publish_text(stage.tracks[0], 2, "goes on");
    run_ms(&stage, 200);
    assert_int_equal(stage.watches[0].closed, 0);
    assert_group(&stage.watches[0], 2, "goes on");
    assert_group(&history, 2, "goes on");
    watch_deinit(&history);
    stage_deinit(&stage);
}

/* The relay keeps an unwatched track for two seconds; then its stream is free for another. */
static void a_stream_that_is_free_again_serves_who_waits(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage, "limits: { wait: 5s }");
    moq_subscription_close(&stage.watches[0].subscription);
    run_ms(&stage, 3000);
    assert_group(&stage.watches[SERVED], 1, names[SERVED]);
    assert_group(&stage.watches[SERVED + 1], 1, "-");
    assert_int_equal(world_counters(&stage.world)->streams_refused, 0);
    stage_deinit(&stage);
}

static void on_data(struct moq_fetch *fetch, const uint8_t *data, size_t n)
{
    (void)fetch, (void)data, (void)n;
    fail_msg("nobody can have sent this");
}

static void on_closed(struct moq_fetch *fetch, int error)
{
    int *closed = moq_fetch_user(fetch);
    assert_int_not_equal(error, 0);
    (*closed)++;
}

static void a_fetch_that_waits_too_long_ends(void **state)
{
    static const struct moq_fetch_events events = {.on_data = on_data, .on_closed = on_closed};
    const struct moq_fetch_wish group = {.group = 1};
    (void)state;
    struct stage stage;
    stage_init(&stage, "limits: { wait: 2s }");
    struct moq_path *path = moq_path_from_text(names[SERVED]);
    int closed = 0;
    moq_session_fetch(stage.viewer->session, path, &group, &events, &closed);
    run_ms(&stage, 1000);
    assert_int_equal(closed, 0);
    run_ms(&stage, 2000);
    assert_int_equal(closed, 1);
    moq_path_unref(&path);
    stage_deinit(&stage);
}

/* The number of peers that the relay has marked as allowing too few streams. */
static int count_starved(const struct stage *stage)
{
    int count = 0;
    list_for_each (node, &stage->world.workers[0].router.peers)
        count += container_of(node, struct core_peer, node)->has_starved;
    return count;
}

static void on_info(void *user, int error, const struct moq_info *info)
{
    (void)error, (void)info;
    (*(int *)user)++;
}

static void fetches_and_infos_that_wait_in_vain_are_counted(void **state)
{
    static const struct moq_fetch_events events = {.on_data = on_data, .on_closed = on_closed};
    const struct moq_fetch_wish group = {.group = 1};
    (void)state;
    struct stage stage;
    stage_begin(&stage, "limits: { wait: 500ms }", SERVED);
    struct moq_path *path = moq_path_from_text(names[SERVED]);
    int answers = 0;
    assert_int_equal(count_starved(&stage), 0);
    moq_session_fetch(stage.viewer->session, path, &group, &events, &answers);
    run_ms(&stage, 900);
    assert_int_equal(answers, 1);
    assert_int_equal(world_counters(&stage.world)->streams_refused, 1);
    assert_int_equal(count_starved(&stage), 1);

    moq_session_info(stage.viewer->session, path, on_info, &answers);
    run_ms(&stage, 900);
    assert_int_equal(answers, 2);
    assert_int_equal(world_counters(&stage.world)->streams_refused, 2);
    assert_int_equal(count_starved(&stage), 1);
    moq_path_unref(&path);
    stage_deinit(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_waits_too_long_is_told),
        cmocka_unit_test(a_range_that_waits_in_vain_ends_nobody),
        cmocka_unit_test(a_stream_that_is_free_again_serves_who_waits),
        cmocka_unit_test(a_fetch_that_waits_too_long_ends),
        cmocka_unit_test(fetches_and_infos_that_wait_in_vain_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
