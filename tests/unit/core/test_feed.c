/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A third kind of feed, a pond (pond.h), in a whole relay with two workers. */
#include "tests/sim/relay/prologue.h"

#include "tests/unit/core/pond.h"

/* ---- A relay with a pond --------------------------------------------------------------------- */

enum { WORKERS = 2 };

struct stage {
    struct world world;
    struct pond pond;
    struct client *here, *there; /* on the pond's worker, on the other one */
};

static void run_ms(struct stage *stage, uint64_t ms)
{
    world_run(&stage->world, ms * NS_PER_MS);
}

static void stage_init(struct stage *stage)
{
    const struct world_setup setup = {
        .seed = 21, .workers = WORKERS, .link = {.delay_ns = 10 * NS_PER_MS}};
    const struct client_setup as_03 = {.versions = MOQ_VERSION_03};
    *stage = (struct stage){.pond = {.opened = 0}};
    world_init(&stage->world, &setup);
    stage->here = client_ready(world_host(&stage->world), &as_03);
    stage->there = client_ready(world_host(&stage->world), &as_03);
    pond_fill(&stage->pond, &stage->world.workers[0].router);
    assert_non_null(stage->pond.announcement);
    run_ms(stage, 200);
}

static void stage_deinit(struct stage *stage)
{
    if (stage->pond.announcement)
        pond_drain(&stage->pond);
    world_deinit(&stage->world);
    assert_int_equal(stage->pond.closed, stage->pond.opened);
}

static void write_group(struct stage *stage, uint64_t sequence, const char *text)
{
    assert_non_null(stage->pond.feed);
    publish_text(pond_track(&stage->pond), sequence, text);
    run_ms(stage, 200);
}

static void watch_on_both_workers(struct stage *stage, struct watch *here, struct watch *there)
{
    watch_init(here, stage->here, "pond", &WISH_ANY);
    watch_init(there, stage->there, "pond", &WISH_ANY);
    run_ms(stage, 200);
}

/* ---- Watching -------------------------------------------------------------------------------- */

static void viewers_of_all_workers_see_it(void **state)
{
    (void)state;
    struct stage stage;
    struct watch here, there;
    stage_init(&stage);
    watch_on_both_workers(&stage, &here, &there);
    write_group(&stage, 7, "frog");
    assert_group(&here, 7, "frog");
    assert_group(&there, 7, "frog");
    assert_int_equal(stage.pond.opened, 1);
    assert_int_equal(world_counters(&stage.world)->tracks, 1);
    watch_deinit(&here);
    watch_deinit(&there);
    stage_deinit(&stage);
}

static void it_hears_what_its_viewers_wish(void **state)
{
    (void)state;
    struct stage stage;
    struct watch watch;
    struct moq_wish wish = WISH_ANY;
    stage_init(&stage);
    wish.priority = 200;
    watch_init(&watch, stage.here, "pond", &wish);
    run_ms(&stage, 200);
    assert_int_equal(stage.pond.wish.priority, 200);
    wish.priority = 90;
    moq_subscription_update(watch.subscription, &wish);
    run_ms(&stage, 200);
    assert_int_equal(stage.pond.wish.priority, 90);
    watch_deinit(&watch);
    stage_deinit(&stage);
}

static void it_rests_and_is_closed_when_nobody_watches(void **state)
{
    (void)state;
    struct stage stage;
    struct watch watch;
    stage_init(&stage);
    watch_init(&watch, stage.here, "pond", &WISH_ANY);
    run_ms(&stage, 200);
    watch_deinit(&watch);
    run_ms(&stage, 200);
    assert_int_equal(stage.pond.rested, 1);
    assert_int_equal(stage.pond.closed, 0);
    run_ms(&stage, 3000);
    assert_int_equal(stage.pond.closed, 1);
    stage_deinit(&stage);
}

/* Viewers of other workers count as well: it rests when the last of all has left. */
static void it_rests_only_when_nobody_watches_on_any_worker(void **state)
{
    (void)state;
    struct stage stage;
    struct watch here, there;
    stage_init(&stage);
    watch_on_both_workers(&stage, &here, &there);
    watch_deinit(&here);
    run_ms(&stage, 200);
    assert_int_equal(stage.pond.rested, 0);
    watch_deinit(&there);
    run_ms(&stage, 200);
    assert_int_equal(stage.pond.rested, 1);
    assert_int_equal(stage.pond.closed, 0);

    int adjusted = stage.pond.adjusted;
    watch_init(&there, stage.there, "pond", &WISH_ANY);
    run_ms(&stage, 200);
    assert_int_equal(stage.pond.opened, 1);
    assert_true(stage.pond.adjusted > adjusted);
    watch_deinit(&there);
    stage_deinit(&stage);
}

/* Whatever feeds it may take a while: a program has to be started, another relay to be found. */
static void it_may_take_its_time_to_begin(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    struct client *clients[] = {stage.here, stage.there};
    for (size_t i = 0; i < 2; i++) {
        struct watch watch;
        stage.pond.is_unready = true;
        watch_init(&watch, clients[i], "pond", &WISH_ANY);
        run_ms(&stage, 4000);
        assert_non_null(stage.pond.feed);
        assert_int_equal(stage.pond.adjusted, 1);
        assert_int_equal(stage.pond.rested, 0);
        assert_int_equal(watch.infos, 0);

        stage.pond.is_unready = false;
        source_ready(stage.pond.feed->feed.source);
        write_group(&stage, 1, "frog");
        assert_group(&watch, 1, "frog");
        watch_deinit(&watch);
        run_ms(&stage, 5000);
        assert_int_equal(stage.pond.closed, (int)i + 1);
        stage.pond.adjusted = stage.pond.rested = 0;
    }
    stage_deinit(&stage);
}

/* It has all it needs, and says so from inside. */
static void it_may_begin_at_once(void **state)
{
    (void)state;
    struct stage stage;
    struct watch here[2], there[2];
    stage_init(&stage);
    stage.pond.is_unready = stage.pond.is_quick = true;
    pond_drain(&stage.pond);
    for (int i = 0; i < 2; i++) /* they wait for somebody to publish it */
        watch_on_both_workers(&stage, &here[i], &there[i]);
    pond_fill(&stage.pond, &stage.world.workers[0].router);
    run_ms(&stage, 200);
    write_group(&stage, 1, "frog");
    for (int i = 0; i < 2; i++) {
        assert_group(&here[i], 1, "frog");
        assert_group(&there[i], 1, "frog");
        watch_deinit(&here[i]);
        watch_deinit(&there[i]);
    }
    stage_deinit(&stage);
}

static void its_end_is_its_viewers_end(void **state)
{
    (void)state;
    struct stage stage;
    struct watch here, there;
    stage_init(&stage);
    watch_on_both_workers(&stage, &here, &there);
    write_group(&stage, 1, "last");
    source_lost(stage.pond.feed->feed.source, 0);
    assert_null(stage.pond.feed);
    assert_ended_after(&stage.world, &here, 0, NS_PER_S);
    assert_ended_after(&stage.world, &there, 0, NS_PER_S);
    watch_deinit(&here);
    watch_deinit(&there);
    stage_deinit(&stage);
}

static void a_peer_takes_over_and_hands_back(void **state)
{
    (void)state;
    struct stage stage;
    struct watch watch;
    stage_init(&stage);
    watch_init(&watch, stage.there, "pond", &WISH_ANY);
    run_ms(&stage, 200);
    write_group(&stage, 1, "frog");

    struct client *peer = client_ready(world_host(&stage.world), NULL);
    struct moq_track *track = client_publish(peer, "pond");
    run_ms(&stage, 200);
    publish_text(track, 1, "toad"); /* raised: its viewer has seen a 1 */
    run_ms(&stage, 200);
    assert_group(&watch, 2, "toad");
    assert_null(stage.pond.feed);

    client_close(peer, 0);
    run_ms(&stage, 200);
    write_group(&stage, 9, "frog again");
    assert_group(&watch, 9, "frog again");
    watch_deinit(&watch);
    stage_deinit(&stage);
}

static void a_withdrawn_pond_has_a_moment_to_finish(void **state)
{
    (void)state;
    struct stage stage;
    struct watch watch;
    stage_init(&stage);
    watch_init(&watch, stage.here, "pond", &WISH_ANY);
    run_ms(&stage, 200);
    pond_drain(&stage.pond);
    write_group(&stage, 1, "farewell");
    assert_group(&watch, 1, "farewell");
    assert_ended_after(&stage.world, &watch, MOQ_ERR_NOT_FOUND, NS_PER_S);
    watch_deinit(&watch);
    stage_deinit(&stage);
}

/* ---- Fetches and INFO ------------------------------------------------------------------------ */

struct answer {
    uint8_t bytes[16];
    size_t size;
    int closed, error;
    struct moq_info info;
};

static void on_data(struct moq_fetch *fetch, const uint8_t *data, size_t n)
{
    struct answer *answer = moq_fetch_user(fetch);
    assert_true(answer->size + n <= sizeof answer->bytes);
    memcpy(answer->bytes + answer->size, data, n);
    answer->size += n;
}

static void on_closed(struct moq_fetch *fetch, int error)
{
    struct answer *answer = moq_fetch_user(fetch);
    answer->closed++;
    answer->error = error;
}

static const struct moq_fetch_events fetch_events = {.on_data = on_data, .on_closed = on_closed};

static void a_group_is_fetched_from_it(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    struct client *clients[] = {stage.here, stage.there};
    for (size_t i = 0; i < 2; i++) {
        const struct moq_fetch_wish wish = {.group = 3};
        struct moq_path *path = moq_path_from_text("pond");
        struct answer answer = {.size = 0};
        moq_session_fetch(clients[i]->session, path, &wish, &fetch_events, &answer);
        run_ms(&stage, 200);
        assert_non_null(stage.pond.fetch);
        assert_int_equal(stage.pond.group, 3);
        fetch_append(stage.pond.fetch, (const uint8_t *)"\x04toad", 5);
        fetch_over(stage.pond.fetch, 0);
        run_ms(&stage, 200);
        assert_int_equal(answer.closed, 1);
        assert_int_equal(answer.error, 0);
        assert_memory_equal(answer.bytes, "\x04toad", 5);
        moq_path_unref(&path);
    }
    stage_deinit(&stage);
}

static void on_info(void *user, int error, const struct moq_info *info)
{
    struct answer *answer = user;
    answer->closed++;
    answer->error = error;
    if (!error)
        answer->info = *info;
}

static void it_answers_info(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    struct client *clients[] = {stage.here, stage.there};
    for (size_t i = 0; i < 2; i++) {
        struct moq_path *path = moq_path_from_text("pond");
        const struct moq_info info = {.priority = 77, .order = MOQ_ORDER_OLDEST, .latest = 12};
        struct answer answer = {.size = 0};
        moq_session_info(clients[i]->session, path, on_info, &answer);
        run_ms(&stage, 200);
        assert_non_null(stage.pond.on_info);
        stage.pond.on_info(stage.pond.info_user, 0, &info);
        run_ms(&stage, 200);
        assert_int_equal(answer.closed, 1);
        assert_int_equal(answer.info.priority, 77);
        assert_int_equal(answer.info.latest, 12);
        moq_path_unref(&path);
    }
    stage_deinit(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(viewers_of_all_workers_see_it),
        cmocka_unit_test(it_hears_what_its_viewers_wish),
        cmocka_unit_test(it_rests_and_is_closed_when_nobody_watches),
        cmocka_unit_test(it_rests_only_when_nobody_watches_on_any_worker),
        cmocka_unit_test(it_may_take_its_time_to_begin),
        cmocka_unit_test(it_may_begin_at_once),
        cmocka_unit_test(its_end_is_its_viewers_end),
        cmocka_unit_test(a_peer_takes_over_and_hands_back),
        cmocka_unit_test(a_withdrawn_pond_has_a_moment_to_finish),
        cmocka_unit_test(a_group_is_fetched_from_it),
        cmocka_unit_test(it_answers_info),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
