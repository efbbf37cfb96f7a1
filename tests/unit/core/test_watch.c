/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Watches in a whole relay with two workers, where a pond (pond.h) publishes: what keeps a watch
 * waiting, what it does to its source, what may be done in its callbacks, and its end. */
#include "tests/sim/relay/prologue.h"

#include "base/objects.h"
#include "server/core/watching.h"
#include "tests/sim/relay/tap.h"
#include "tests/unit/core/pond.h"

enum { WORKERS = 2, WAIT_MS = 500, LATENCY_MS = 400 };

struct stage {
    struct world world;
    struct router *here, *there; /* of the pond's worker, and of the other one */
    struct pond pond;
    struct core_hook hook;
    int live, idle;
};

static const struct core_watch_wish wish = TAP_WISH(LATENCY_MS * NS_PER_MS);

static void run_ms(struct stage *stage, uint64_t ms)
{
    world_run(&stage->world, ms * NS_PER_MS);
}

static void on_live(void *self, const struct moq_path *path)
{
    (void)path;
    ((struct stage *)self)->live++;
}

static void on_idle(void *self, const struct moq_path *path)
{
    (void)path;
    ((struct stage *)self)->idle++;
}

static void stage_init(struct stage *stage)
{
    static const struct core_hook_ops ops = {.track_live = on_live, .track_idle = on_idle};
    const struct world_setup setup = {.seed = 21,
                                      .workers = WORKERS,
                                      .link = {.delay_ns = 10 * NS_PER_MS},
                                      .yaml = "limits:\n  wait: 500ms\n"};
    *stage = (struct stage){.hook = {.ops = &ops, .self = stage}};
    world_init(&stage->world, &setup);
    world_add_hook(&stage->world, &stage->hook);
    stage->here = &stage->world.workers[0].router;
    stage->there = &stage->world.workers[1].router;
    pond_fill(&stage->pond, stage->here);
    run_ms(stage, 50);
}

static void stage_deinit(struct stage *stage)
{
    if (stage->pond.announcement)
        pond_drain(&stage->pond);
    world_deinit(&stage->world);
    assert_int_equal(stage->pond.closed, stage->pond.opened);
    assert_int_equal(stage->live, stage->idle);
}

static void write_group(struct stage *stage, uint64_t sequence, const char *text)
{
    publish_text(pond_track(&stage->pond), sequence, text);
}

/* Opens a tap on the pond's worker, and lets it find its track. */
static void tap_here(struct stage *stage, struct tap *tap)
{
    tap_init(tap, stage->here, "pond", &wish);
    run_ms(stage, 50);
}

static int open_watch(struct router *router, const char *path, const struct core_watch_ops *ops,
                      void *user, struct core_watch **watch)
{
    struct core_watch_wish wanted = wish;
    wanted.path = moq_path_from_text(path);
    int error = core_watch_open(router, &wanted, ops, user, watch);
    moq_path_unref(&wanted.path);
    return error;
}

#define assert_text(tap, expected) assert_string_equal(tap_text(tap), expected)

/* ---- Reading --------------------------------------------------------------------------------- */

static void it_is_read_on_any_worker(void **state)
{
    (void)state;
    struct stage stage;
    struct tap here, there;
    stage_init(&stage);
    tap_init(&here, stage.here, "pond", &wish);
    tap_init(&there, stage.there, "pond", &wish);
    run_ms(&stage, 50);
    assert_int_equal(stage.pond.opened, 1);
    write_group(&stage, 7, "frog");
    write_group(&stage, 8, "toad");
    run_ms(&stage, 50);
    assert_text(&here, "(7 frog 7) (8 toad 8)");
    assert_text(&there, "(7 frog 7) (8 toad 8)");
    assert_int_equal(world_counters(&stage.world)->tracks, 1);
    assert_int_equal(world_counters(&stage.world)->watches, 2);
    tap_deinit(&here);
    tap_deinit(&there);
    assert_int_equal(world_counters(&stage.world)->watches, 0);
    stage_deinit(&stage);
}

static void it_starts_where_its_wish_says(void **state)
{
    (void)state;
    static const char *const texts[] = {[MOQ_CURSOR_NEWEST] = "(2 b 2) (3 c 3)",
                                        [MOQ_CURSOR_OLDEST] = "(1 a 1) (2 b 2) (3 c 3)",
                                        [MOQ_CURSOR_NEXT] = "(3 c 3)"};
    struct stage stage;
    struct tap first, taps[2][3];
    stage_init(&stage);
    tap_here(&stage, &first);
    write_group(&stage, 1, "a");
    write_group(&stage, 2, "b");
    for (int i = 0; i < 3; i++) {
        struct core_watch_wish wanted = wish;
        wanted.start = (enum moq_cursor_start)i;
        tap_init(&taps[0][i], stage.here, "pond", &wanted);
        tap_init(&taps[1][i], stage.there, "pond", &wanted);
    }
    run_ms(&stage, 50);
    write_group(&stage, 3, "c");
    run_ms(&stage, 50);
    for (int i = 0; i < 6; i++) {
        assert_text(&taps[i / 3][i % 3], texts[i % 3]);
        tap_deinit(&taps[i / 3][i % 3]);
    }
    tap_deinit(&first);
    stage_deinit(&stage);
}

static void it_is_called_by_the_loop_and_only_for_what_can_be_read(void **state)
{
    (void)state;
    struct stage stage;
    struct tap tap;
    struct moq_group *group;
    stage_init(&stage);
    tap_here(&stage, &tap);
    tap.is_stalled = true;
    write_group(&stage, 1, "frog");
    write_group(&stage, 2, "toad");
    assert_int_equal(tap.calls, 0); /* not inside the writer's call */
    run_ms(&stage, 50);
    write_group(&stage, 3, "newt");
    run_ms(&stage, 50);
    assert_int_equal(tap.calls, 1); /* it has not read everything yet */
    tap_read(&tap);
    assert_text(&tap, "(1 frog 1) (2 toad 2) (3 newt 3)");

    assert_int_equal(moq_track_open_group(pond_track(&stage.pond), 4, &group), 0);
    run_ms(&stage, 50);
    tap_read(&tap);
    assert_text(&tap, "(4");
    assert_int_equal(tap.calls, 2);
    moq_track_append(pond_track(&stage.pond), group, "\x04ha", 3);
    run_ms(&stage, 50);
    assert_int_equal(tap.calls, 2); /* half a frame is nothing */
    moq_track_append(pond_track(&stage.pond), group, "lf", 2);
    run_ms(&stage, 50);
    assert_int_equal(tap.calls, 3);
    tap_read(&tap);
    assert_text(&tap, "half");
    tap_deinit(&tap);
    stage_deinit(&stage);
}

/* It is read by hand, and skips by its policy, as a viewer does. */
static void one_that_stalls_skips_and_lets_go(void **state)
{
    (void)state;
    struct stage stage;
    struct tap tap;
    struct moq_cursor_stats stats;
    stage_init(&stage);
    tap_here(&stage, &tap);
    tap.is_stalled = true;
    for (uint64_t i = 0; i < 40; i++) {
        write_group(&stage, i, "x");
        run_ms(&stage, 100);
        if (i == 0)
            tap_read_one(&tap);
        assert_true(object_count(OBJECT_group) < 20); /* the cache keeps 10 */
    }
    tap_read(&tap);
    core_watch_stats(tap.watch, &stats);
    assert_int_equal(stats.groups_cut, 1);
    assert_true(stats.groups_read >= LATENCY_MS / 100 && stats.groups_read <= LATENCY_MS / 100 + 1);
    assert_int_equal(stats.groups_cut + stats.groups_read + stats.groups_skipped, 40);
    tap_deinit(&tap);
    assert_int_equal(world_counters(&stage.world)->watch_groups_skipped, stats.groups_skipped);
    assert_int_equal(world_counters(&stage.world)->watch_groups_read, stats.groups_read);
    assert_int_equal(world_counters(&stage.world)->watch_groups_cut, 1);
    assert_int_equal(world_counters(&stage.world)->watch_bytes_read, stats.bytes_read);
    stage_deinit(&stage);
}

/* A loss that only time tells is told, too. */
static void it_hears_of_holes_when_their_time_is_over(void **state)
{
    (void)state;
    struct stage stage;
    struct tap tap;
    stage_init(&stage);
    tap_here(&stage, &tap);
    write_group(&stage, 1, "a");
    write_group(&stage, 5, "b");
    run_ms(&stage, LATENCY_MS - 100);
    assert_text(&tap, "(1 a 1)");
    run_ms(&stage, 300);
    assert_text(&tap, "[2-4 -9] (5 b 5)");
    tap_deinit(&tap);
    stage_deinit(&stage);
}

/* ---- Its source ------------------------------------------------------------------------------ */

static void it_keeps_its_source_at_work(void **state)
{
    (void)state;
    struct stage stage;
    struct tap taps[2];
    stage_init(&stage);
    for (int is_there = 0; is_there < 2; is_there++) {
        struct core_watch_wish wanted = wish;
        int adjusted = stage.pond.adjusted, rested = stage.pond.rested;
        wanted.policy.priority = 200;
        tap_init(&taps[0], is_there ? stage.there : stage.here, "pond", &wish);
        tap_init(&taps[1], is_there ? stage.there : stage.here, "pond", &wanted);
        run_ms(&stage, 5000);
        assert_true(stage.pond.adjusted > adjusted);
        assert_int_equal(stage.pond.wish.priority, 200);
        assert_int_equal(stage.live, 1);
        tap_deinit(&taps[0]);
        run_ms(&stage, 5000);
        assert_int_equal(stage.pond.rested, rested);
        assert_int_equal(stage.idle, is_there);
        tap_deinit(&taps[1]);
        run_ms(&stage, 100);
        assert_int_equal(stage.pond.rested, rested + 1);
        assert_int_equal(stage.idle, 1); /* only the first worker has the hook */
        assert_int_equal(stage.pond.closed, is_there);
        run_ms(&stage, 5000);
        assert_int_equal(stage.pond.closed, is_there + 1);
    }
    stage_deinit(&stage);
}

static void it_keeps_groups_as_long_as_it_may_be_late(void **state)
{
    (void)state;
    struct stage stage;
    struct tap tap;
    stage_init(&stage);
    uint64_t most_ns = stage.here->config->policy.max.latency_ns;
    tap_init(&tap, stage.here, "pond", &TAP_WISH(most_ns + NS_PER_S));
    run_ms(&stage, 50);
    assert_int_equal(moq_track_config(pond_track(&stage.pond))->cache.grace_ns, most_ns);
    sources_take_configuration(stage.here);
    assert_int_equal(moq_track_config(pond_track(&stage.pond))->cache.grace_ns, most_ns);
    tap_deinit(&tap);
    stage_deinit(&stage);
}

static void a_peer_takes_over_and_hands_back(void **state)
{
    (void)state;
    struct stage stage;
    struct tap here, there;
    stage_init(&stage);
    tap_init(&here, stage.here, "pond", &wish);
    tap_init(&there, stage.there, "pond", &wish);
    run_ms(&stage, 50);
    write_group(&stage, 4, "frog");
    struct client *peer = client_ready(world_host(&stage.world), NULL);
    struct moq_track *track = client_publish(peer, "pond");
    run_ms(&stage, 200);
    publish_text(track, 1, "toad"); /* raised: they have seen a 4 */
    run_ms(&stage, 200);
    client_close(peer, 0);
    run_ms(&stage, 200);
    write_group(&stage, 9, "frog");
    run_ms(&stage, LATENCY_MS + 200);
    assert_text(&here, "(4 frog 4) (5 toad 5) [6-8 -9] (9 frog 9)");
    assert_text(&there, "(4 frog 4) (5 toad 5) [6-8 -9] (9 frog 9)");
    tap_deinit(&here);
    tap_deinit(&there);
    stage_deinit(&stage);
}

/* ---- Waiting --------------------------------------------------------------------------------- */

static void it_waits_for_a_publisher_as_long_as_a_viewer(void **state)
{
    (void)state;
    struct stage stage;
    struct tap taps[2];
    stage_init(&stage);
    pond_drain(&stage.pond);
    run_ms(&stage, 50);
    tap_init(&taps[0], stage.here, "pond", &wish);
    tap_init(&taps[1], stage.there, "pond", &wish);
    assert_int_equal(world_counters(&stage.world)->requests_waiting, 2);
    run_ms(&stage, WAIT_MS - 100);
    pond_fill(&stage.pond, stage.here);
    run_ms(&stage, 50);
    assert_int_equal(world_counters(&stage.world)->requests_waiting, 0);
    write_group(&stage, 1, "frog");
    run_ms(&stage, 50);
    for (int i = 0; i < 2; i++) {
        assert_text(&taps[i], "(1 frog 1)");
        tap_deinit(&taps[i]);
    }
    stage_deinit(&stage);
}

static void its_wait_has_an_end(void **state)
{
    (void)state;
    struct stage stage;
    struct tap tap;
    stage_init(&stage);
    tap_init(&tap, stage.here, "desert", &wish);
    run_ms(&stage, WAIT_MS - 100);
    assert_int_equal(tap.calls, 0);
    run_ms(&stage, 200);
    assert_text(&tap, "end -9");
    assert_int_equal(tap.calls, 1);
    struct moq_cursor_item item;
    assert_int_equal(core_watch_read(tap.watch, &item), MOQ_ERR_CLOSED);
    tap_deinit(&tap);
    stage_deinit(&stage);
}

static void it_does_not_wait_where_nobody_may(void **state)
{
    (void)state;
    struct stage stage;
    struct tap tap;
    stage_init(&stage);
    stage.world.config->limits.waiting = 0;
    tap_init(&tap, stage.here, "desert", &wish);
    assert_int_equal(tap.calls, 0);           /* not inside core_watch_open */
    assert_null(stage.here->routes->hh.next); /* that of the pond */
    run_ms(&stage, 50);
    assert_text(&tap, "end -9");
    tap_deinit(&tap);
    stage_deinit(&stage);
}

static void its_feed_may_take_its_time(void **state)
{
    (void)state;
    struct stage stage;
    struct tap here, there;
    stage_init(&stage);
    for (int is_quick = 0; is_quick < 2; is_quick++) {
        stage.pond.is_unready = true;
        stage.pond.is_quick = is_quick;
        tap_init(&here, stage.here, "pond", &wish);
        tap_init(&there, stage.there, "pond", &wish);
        run_ms(&stage, 200);
        if (!is_quick) {
            assert_int_equal(world_counters(&stage.world)->requests_waiting, 2);
            stage.pond.is_unready = false;
            source_ready(stage.pond.feed->feed.source);
            run_ms(&stage, 50);
        }
        write_group(&stage, 1, "frog");
        run_ms(&stage, 50);
        assert_text(&here, "(1 frog 1)");
        assert_text(&there, "(1 frog 1)");
        tap_deinit(&here);
        tap_deinit(&there);
        run_ms(&stage, 5000);
    }
    stage_deinit(&stage);
}

/* ---- Ends ------------------------------------------------------------------------------------ */

static void what_is_unread_when_its_source_ends_can_be_read(void **state)
{
    (void)state;
    struct stage stage;
    struct tap here, there;
    stage_init(&stage);
    tap_init(&here, stage.here, "pond", &wish);
    tap_init(&there, stage.there, "pond", &wish);
    run_ms(&stage, 50);
    here.is_stalled = there.is_stalled = true;
    write_group(&stage, 1, "frog");
    write_group(&stage, 2, "toad");
    source_lost(stage.pond.feed->feed.source, 0);
    run_ms(&stage, 3000); /* long enough for the source to be gone */
    assert_true(list_is_empty(&stage.here->sources));
    tap_read_one(&here);
    tap_read(&here);
    tap_read(&there);
    assert_text(&here, "[1-1 -12] (2 toad 2) end 0");
    assert_text(&there, "[1-1 -12] (2 toad 2) end 0");
    tap_deinit(&here);
    tap_deinit(&there);
    stage_deinit(&stage);
}

static void it_ends_with_its_last_publisher(void **state)
{
    (void)state;
    struct stage stage;
    struct tap tap;
    stage_init(&stage);
    tap_here(&stage, &tap);
    pond_drain(&stage.pond);
    write_group(&stage, 1, "farewell");
    run_ms(&stage, NS_PER_S / NS_PER_MS);
    assert_text(&tap, "(1 farewell 1) end -23");
    tap_deinit(&tap);
    stage_deinit(&stage);
}

/* Waiting for a publisher or its feed, in a group, with unread groups, with an unread end, over. */
static void it_may_be_closed_in_every_state(void **state)
{
    (void)state;
    for (int step = 0; step < 6; step++) {
        struct stage stage;
        struct tap tap;
        stage_init(&stage);
        stage.pond.is_unready = step == 1;
        tap_init(&tap, stage.here, step == 0 ? "desert" : "pond", &wish);
        tap.is_stalled = step < 5;
        run_ms(&stage, 50);
        if (step > 1) {
            write_group(&stage, 1, "frog");
            write_group(&stage, 2, "toad");
            tap_read_one(&tap);
        }
        if (step > 3)
            source_lost(stage.pond.feed->feed.source, MOQ_ERR_IO);
        if (step > 2)
            run_ms(&stage, 50);
        tap_deinit(&tap);
        for (uint32_t i = 0; i < WORKERS; i++)
            assert_int_equal(stage.world.workers[i].router.waiting_count, 0);
        run_ms(&stage, 50);
        stage_deinit(&stage);
    }
}

static void it_may_be_closed_when_it_is_told_to_read(void **state)
{
    (void)state;
    struct stage stage;
    struct tap taps[3];
    stage_init(&stage);
    for (int i = 0; i < 3; i++) {
        tap_here(&stage, &taps[i]);
        taps[i].is_quitter = i < 2;
    }
    write_group(&stage, 1, "frog");
    run_ms(&stage, 50);
    assert_null(taps[0].watch);
    assert_null(taps[1].watch);
    assert_text(&taps[2], "(1 frog 1)");
    tap_deinit(&taps[2]);
    stage_deinit(&stage);
}

/* One that closes another, opens a third and writes to its own track when it is told to read. */
struct busybody {
    struct stage *stage;
    struct tap *victim, *fresh;
    uint64_t next;
    struct core_watch *watch;
};

static void be_busy(void *user, struct core_watch *watch)
{
    struct busybody *body = user;
    struct moq_cursor_item item;
    tap_deinit(body->victim);
    if (!body->fresh->watch)
        tap_init(body->fresh, body->stage->here, "pond", &wish);
    while (core_watch_read(watch, &item) == 1)
        ;
    if (body->next < 5) /* which is told in the next turn */
        write_group(body->stage, body->next++, "more");
}

static void anything_may_be_done_when_it_is_told_to_read(void **state)
{
    (void)state;
    static const struct core_watch_ops ops = {.on_readable = be_busy};
    struct stage stage;
    struct tap victim, fresh = {.watch = NULL};
    stage_init(&stage);
    struct busybody body = {.stage = &stage, .victim = &victim, .fresh = &fresh, .next = 2};
    assert_int_equal(open_watch(stage.here, "pond", &ops, &body, &body.watch), 0);
    tap_here(&stage, &victim);
    write_group(&stage, 1, "first");
    run_ms(&stage, 100);
    assert_null(victim.watch);
    assert_int_equal(victim.calls, 0);
    assert_text(&fresh, "(1 first 1) (2 more 2) (3 more 3) (4 more 4)");
    tap_deinit(&fresh);
    core_watch_close(&body.watch);
    stage_deinit(&stage);
}

/* ---- Limits and the worker's end ------------------------------------------------------------- */

static void their_number_is_limited(void **state)
{
    (void)state;
    static const struct core_watch_ops no_ops;
    static struct core_watch *watches[CORE_WATCHES_MAX + 1];
    struct stage stage;
    stage_init(&stage);
    for (int i = 0; i <= CORE_WATCHES_MAX; i++)
        assert_int_equal(open_watch(stage.here, "pond", &no_ops, NULL, &watches[i]),
                         i < CORE_WATCHES_MAX ? 0 : MOQ_ERR_BOUNDS);
    assert_null(watches[CORE_WATCHES_MAX]);
    run_ms(&stage, 50);
    write_group(&stage, 1, "frog"); /* nobody is told, and nobody minds */
    run_ms(&stage, 50);
    for (int i = 0; i < CORE_WATCHES_MAX; i++)
        core_watch_close(&watches[i]);
    stage_deinit(&stage);
}

/* As core does it: routers stop, mailboxes run, and the owner is told in there. */
static void close_at_the_end(void *user, struct core_watch *watch)
{
    struct core_watch **mine = user;
    struct moq_cursor_item item;
    while (core_watch_read(watch, &item) == 1)
        if (item.kind == MOQ_CURSOR_END)
            break;
    if (item.kind != MOQ_CURSOR_END)
        return;
    assert_int_equal(item.error, MOQ_ERR_CANCELLED);
    core_watch_close(mine);
}

static void they_end_with_their_worker(void **state)
{
    (void)state;
    static const struct core_watch_ops ops = {.on_readable = close_at_the_end};
    struct stage stage;
    struct core_watch *reading, *waiting;
    stage_init(&stage);
    open_watch(stage.there, "pond", &ops, &reading, &reading);
    run_ms(&stage, 50);
    write_group(&stage, 1, "frog");
    open_watch(stage.there, "desert", &ops, &waiting, &waiting);
    run_ms(&stage, 50);
    stage_deinit(&stage);
    assert_null(reading);
    assert_null(waiting);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_read_on_any_worker),
        cmocka_unit_test(it_starts_where_its_wish_says),
        cmocka_unit_test(it_is_called_by_the_loop_and_only_for_what_can_be_read),
        cmocka_unit_test(one_that_stalls_skips_and_lets_go),
        cmocka_unit_test(it_hears_of_holes_when_their_time_is_over),
        cmocka_unit_test(it_keeps_its_source_at_work),
        cmocka_unit_test(it_keeps_groups_as_long_as_it_may_be_late),
        cmocka_unit_test(a_peer_takes_over_and_hands_back),
        cmocka_unit_test(it_waits_for_a_publisher_as_long_as_a_viewer),
        cmocka_unit_test(its_wait_has_an_end),
        cmocka_unit_test(it_does_not_wait_where_nobody_may),
        cmocka_unit_test(its_feed_may_take_its_time),
        cmocka_unit_test(what_is_unread_when_its_source_ends_can_be_read),
        cmocka_unit_test(it_ends_with_its_last_publisher),
        cmocka_unit_test(it_may_be_closed_in_every_state),
        cmocka_unit_test(it_may_be_closed_when_it_is_told_to_read),
        cmocka_unit_test(anything_may_be_done_when_it_is_told_to_read),
        cmocka_unit_test(their_number_is_limited),
        cmocka_unit_test(they_end_with_their_worker),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
