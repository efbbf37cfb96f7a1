/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Several publishers of one path: hooks choose one when something changes, and one that falls
 * silent or dies is passed over, on one worker and on three. */
#include "tests/sim/relay/prologue.h"

enum { PUBLISHERS = 3, STEP_MS = 50 };

struct stage {
    struct world world;
    struct core_hook hooks[WORLD_WORKERS_MAX];
    struct client *publishers[PUBLISHERS], *viewer;
    struct host *hosts[PUBLISHERS];
    struct moq_track *tracks[PUBLISHERS];
    struct watch watch;
    uint64_t interval_ms[PUBLISHERS]; /* between its groups; 0: it is silent */
    uint64_t now_ms;
    int wanted; /* the publisher that hooks choose, by the order in which they came; -1: none */
    int silences, asked, causes[CORE_CHOICE_SILENT + 1];
    bool was_silent; /* a candidate was, when hooks were asked last */
};

static int on_choose(void *self, const struct core_choice *choice)
{
    struct stage *stage = self;
    struct core_candidate candidate, other;
    int found = -1;
    stage->asked++;
    stage->causes[core_choice_cause(choice)]++;
    stage->was_silent = false;
    for (size_t i = 0; core_choice_candidate(choice, i, &candidate); i++) {
        int older = 0;
        stage->was_silent |= candidate.is_silent;
        for (size_t j = 0; core_choice_candidate(choice, j, &other); j++)
            older += other.number < candidate.number;
        if (older == stage->wanted)
            found = (int)i;
    }
    return found;
}

static void on_event(void *self, const char *name, const struct moq_path *path)
{
    struct stage *stage = self;
    (void)path;
    stage->silences += strcmp(name, "fell_silent") == 0;
}

static const struct core_hook_ops hook_ops = {
    .name = "chooser", .choose_source = on_choose, .event = on_event};

/* Publishers that are not silent write groups meanwhile. */
static void run_ms(struct stage *stage, uint64_t ms)
{
    for (uint64_t end = stage->now_ms + ms; stage->now_ms < end; stage->now_ms += STEP_MS) {
        for (int i = 0; i < PUBLISHERS; i++)
            if (stage->interval_ms[i] && stage->now_ms % stage->interval_ms[i] == 0)
                publish_text(stage->tracks[i], moq_track_latest(stage->tracks[i]) + 1, "new");
        world_run(&stage->world, STEP_MS * NS_PER_MS);
    }
}

static void publish(struct stage *stage, int i)
{
    stage->hosts[i] = world_host(&stage->world);
    stage->publishers[i] = client_ready(stage->hosts[i], NULL);
    stage->tracks[i] = client_publish(stage->publishers[i], "live");
    publish_text(stage->tracks[i], 1, "first");
    stage->interval_ms[i] = 200;
    run_ms(stage, 300);
}

/* With three workers, each of the publishers and the viewer is on one of its own. */
static void stage_init(struct stage *stage, uint32_t workers, const char *yaml)
{
    const struct world_setup setup = {
        .seed = 5, .workers = workers, .yaml = yaml, .link = {.delay_ns = 10 * NS_PER_MS}};
    *stage = (struct stage){.wanted = -1};
    world_init(&stage->world, &setup);
    for (uint32_t i = 0; i < stage->world.worker_count; i++) {
        stage->hooks[i] = (struct core_hook){.ops = &hook_ops, .self = stage};
        core_hooks_add(&stage->world.workers[i].router.hooks, &stage->hooks[i]);
    }
    publish(stage, 0);
    publish(stage, 1);
    stage->viewer = client_ready(world_host(&stage->world), NULL);
}

static void watch_live(struct stage *stage)
{
    const struct moq_wish wish = WISH_ANY;
    watch_init(&stage->watch, stage->viewer, "live", &wish);
    run_ms(stage, 3000);
}

/* The viewer has noticed nothing but perhaps a pause. */
static void stage_deinit(struct stage *stage)
{
    assert_int_equal(stage->watch.closed, 0);
    assert_int_equal(stage->watch.backwards, 0);
    watch_deinit(&stage->watch);
    world_deinit(&stage->world);
}

static bool feeds(const struct stage *stage, int which)
{
    for (int i = 0; i < PUBLISHERS; i++)
        if (stage->publishers[i] && (stage->publishers[i]->viewers > 0) != (i == which))
            return false;
    return true;
}

/* It alone feeds the track, and groups of it arrive. */
static void assert_feeds(struct stage *stage, int which)
{
    assert_true(feeds(stage, which));
    int begun = stage->watch.begun;
    run_ms(stage, 600);
    assert_true(feeds(stage, which));
    assert_true(stage->watch.begun > begun);
}

/* ---- Silence --------------------------------------------------------------------------------- */

static void a_silent_publisher_is_passed_over(uint32_t workers)
{
    struct stage stage;
    stage_init(&stage, workers, NULL);
    watch_live(&stage);
    assert_feeds(&stage, 1);
    stage.interval_ms[1] = 0;
    run_ms(&stage, 800);
    assert_true(feeds(&stage, 1)); /* not before 1 s */
    run_ms(&stage, 700);
    assert_feeds(&stage, 0);
    assert_int_equal(stage.silences, 1);
    assert_int_equal(stage.causes[CORE_CHOICE_SILENT], 1);
    assert_true(stage.was_silent);

    stage.interval_ms[1] = 200; /* it is there again, and waits for its turn */
    run_ms(&stage, 12000);
    assert_feeds(&stage, 0);
    stage.interval_ms[0] = 0;
    run_ms(&stage, 1600);
    assert_feeds(&stage, 1);
    assert_int_equal(stage.silences, 2);
    stage_deinit(&stage);
}

static void one_that_dies_is_followed(uint32_t workers)
{
    struct stage stage;
    stage_init(&stage, workers, NULL);
    watch_live(&stage);
    stage.interval_ms[1] = 0;
    host_crash(stage.hosts[1]);
    stage.publishers[1] = NULL;
    run_ms(&stage, 1500); /* long before its session times out */
    assert_feeds(&stage, 0);
    stage_deinit(&stage);
}

static void nobody_takes_over_from_the_only_one(uint32_t workers)
{
    struct stage stage;
    stage_init(&stage, workers, NULL);
    client_withdraw(stage.publishers[0], stage.tracks[0]);
    stage.interval_ms[0] = 0;
    watch_live(&stage);
    stage.interval_ms[1] = 0;
    run_ms(&stage, 20000);
    stage.interval_ms[1] = 200;
    run_ms(&stage, 300);
    assert_feeds(&stage, 1);
    assert_int_equal(stage.silences, 0);
    stage_deinit(&stage);
}

/* The longest time between groups counts, not the usual one. */
static void irregular_groups_are_no_silence(uint32_t workers)
{
    struct stage stage;
    stage_init(&stage, workers, NULL);
    watch_live(&stage);
    stage.interval_ms[1] = 0;
    for (int i = 0; i < 12; i++) {
        static const uint64_t pauses_ms[] = {900, 300, 1600, 150, 1300, 2000};
        publish_text(stage.tracks[1], moq_track_latest(stage.tracks[1]) + 1, "new");
        run_ms(&stage, pauses_ms[i % 6]);
        assert_true(feeds(&stage, 1));
    }
    assert_int_equal(stage.silences, 0);
    stage_deinit(&stage);
}

static void two_silent_ones_do_not_take_turns(uint32_t workers)
{
    struct stage stage;
    stage_init(&stage, workers, NULL);
    watch_live(&stage);
    stage.interval_ms[0] = stage.interval_ms[1] = 0;
    run_ms(&stage, 9000);
    assert_int_equal(stage.silences, 1); /* the first; the second has nobody to follow it */
    stage.interval_ms[0] = 200;
    run_ms(&stage, 300);
    assert_feeds(&stage, 0);
    stage_deinit(&stage);
}

static void it_can_be_turned_off(uint32_t workers)
{
    struct stage stage;
    stage_init(&stage, workers, "policy: { failover: { groups: off } }\n");
    watch_live(&stage);
    stage.interval_ms[1] = 0;
    run_ms(&stage, 10000);
    assert_true(feeds(&stage, 1));
    assert_int_equal(stage.silences, 0);
    stage_deinit(&stage);
}

/* ---- Choices --------------------------------------------------------------------------------- */

static void hooks_choose_for_the_first_viewer(uint32_t workers)
{
    struct stage stage;
    stage_init(&stage, workers, NULL);
    stage.wanted = 0;
    watch_live(&stage);
    assert_feeds(&stage, 0);
    assert_int_equal(stage.asked, 1);
    assert_int_equal(stage.causes[CORE_CHOICE_WATCHED], 1);
    stage_deinit(&stage);
}

static void hooks_choose_when_another_comes(uint32_t workers)
{
    struct stage stage;
    stage_init(&stage, workers, NULL);
    stage.wanted = 0;
    watch_live(&stage);
    publish(&stage, 2);
    assert_int_equal(stage.causes[CORE_CHOICE_CANDIDATE], 1);
    assert_feeds(&stage, 0); /* and nobody was cut off in between */
    stage_deinit(&stage);
}

static void hooks_choose_when_one_is_lost(uint32_t workers)
{
    struct stage stage;
    stage_init(&stage, workers, NULL);
    publish(&stage, 2);
    stage.wanted = 1;
    watch_live(&stage);
    assert_feeds(&stage, 1);
    stage.wanted = 0; /* of those that are left */
    stage.interval_ms[1] = 0;
    client_withdraw(stage.publishers[1], stage.tracks[1]);
    run_ms(&stage, 500);
    assert_feeds(&stage, 0);
    /* The worker that decides now may just have got its viewers from the other one. */
    assert_int_equal(stage.causes[CORE_CHOICE_LOST] + stage.causes[CORE_CHOICE_WATCHED], 2);
    stage_deinit(&stage);
}

static void a_silent_one_may_be_chosen_all_the_same(uint32_t workers)
{
    struct stage stage;
    stage_init(&stage, workers, NULL);
    stage.wanted = 1;
    watch_live(&stage);
    stage.interval_ms[1] = 0;
    run_ms(&stage, 5000);
    assert_true(feeds(&stage, 1));
    assert_int_equal(stage.silences, 1); /* it is told again after 10 s */
    stage_deinit(&stage);
}

/* ---- On one worker, and on several ----------------------------------------------------------- */

static void (*const scenes[])(uint32_t workers) = {
    a_silent_publisher_is_passed_over,   one_that_dies_is_followed,
    nobody_takes_over_from_the_only_one, irregular_groups_are_no_silence,
    two_silent_ones_do_not_take_turns,   it_can_be_turned_off,
    hooks_choose_for_the_first_viewer,   hooks_choose_when_another_comes,
    hooks_choose_when_one_is_lost,       a_silent_one_may_be_chosen_all_the_same,
};

static void play(uint32_t workers)
{
    for (size_t i = 0; i < sizeof scenes / sizeof scenes[0]; i++) {
        print_message("scene %zu with %u workers\n", i, workers);
        scenes[i](workers);
    }
}

static void on_one_worker(void **state)
{
    (void)state;
    play(1);
}

static void on_three_workers(void **state)
{
    (void)state;
    play(3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_one_worker),
        cmocka_unit_test(on_three_workers),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
