/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A hook chooses which of several publishers feeds a track, on one worker and across workers. */
#include "tests/sim/relay/prologue.h"

enum { PUBLISHERS = 3, CANDIDATES_MAX = 8 };

/* Chooses the nth publisher of a path in the order in which they came. */
struct stage {
    struct world world;
    struct core_hook hooks[WORLD_WORKERS_MAX];
    enum core_verdict verdict;
    int choice;                                       /* from 0; negative: it does not choose */
    int error;                                        /* of the last choice */
    struct core_candidate candidates[CANDIDATES_MAX]; /* at the last request, by their numbers */
    size_t count;                                     /* of candidates */
    char addresses[PUBLISHERS][64];                   /* of the first sessions */
    int sessions;
    struct client *publishers[PUBLISHERS], *viewer, *other;
    struct moq_track *tracks[PUBLISHERS];
};

static void add_candidate(struct stage *stage, const struct core_candidate *candidate)
{
    size_t i = stage->count++;
    assert_true(stage->count <= CANDIDATES_MAX);
    for (; i > 0 && stage->candidates[i - 1].number > candidate->number; i--)
        stage->candidates[i] = stage->candidates[i - 1];
    stage->candidates[i] = *candidate;
}

static enum core_verdict on_subscribe(void *self, struct core_request *request)
{
    struct stage *stage = self;
    struct core_candidate candidate;
    stage->count = 0;
    for (size_t i = 0; core_request_candidate(request, i, &candidate); i++)
        add_candidate(stage, &candidate);
    if (stage->choice >= 0 && (size_t)stage->choice < stage->count)
        stage->error = core_request_set_source(request, stage->candidates[stage->choice].number);
    return stage->verdict;
}

static void on_other(struct core_request *request)
{
    struct core_candidate candidate;
    assert_false(core_request_candidate(request, 0, &candidate));
    assert_int_equal(core_request_set_source(request, 1), MOQ_ERR_INVALID);
}

static enum core_verdict on_announce(void *self, struct core_request *request)
{
    (void)self;
    on_other(request);
    return CORE_PASS;
}

/* The first one to come is fra, the second nyc, which is a relay. */
static enum core_verdict on_session(void *self, struct core_request *request)
{
    static struct moq_path *all;
    struct stage *stage = self;
    const struct moq_path *const *any = (const struct moq_path *const *)&all;
    all = moq_path_from_text("");
    const struct core_grants grants = {.identity = stage->sessions == 0 ? "fra" : "nyc",
                                       .publish = any,
                                       .publish_count = 1,
                                       .subscribe = any,
                                       .subscribe_count = 1,
                                       .is_cluster = stage->sessions == 1};
    if (stage->sessions < PUBLISHERS)
        snprintf(stage->addresses[stage->sessions++], sizeof stage->addresses[0], "%s",
                 core_peer_address(core_request_peer(request)));
    assert_int_equal(core_request_set_grants(request, &grants), 0);
    moq_path_unref(&all);
    on_other(request);
    return CORE_PASS;
}

static const struct core_hook_ops hook_ops = {.name = "chooser",
                                              .session_open = on_session,
                                              .announce = on_announce,
                                              .subscribe = on_subscribe,
                                              .fetch = on_announce,
                                              .info = on_announce};

static void run_ms(struct stage *stage, uint64_t ms)
{
    world_run(&stage->world, ms * NS_PER_MS);
}

/* The publishers come one after the other; each writes group 1 with its name. */
static void publish(struct stage *stage, int i)
{
    static const char *const names[PUBLISHERS] = {"first", "second", "third"};
    stage->publishers[i] = client_ready(world_host(&stage->world), NULL);
    stage->tracks[i] = client_publish(stage->publishers[i], "live");
    publish_text(stage->tracks[i], 1, names[i]);
    run_ms(stage, 200);
}

/* With three workers, the publishers are on workers 0, 1 and 2 of 3, or those that come. */
static void stage_init(struct stage *stage, int publishers)
{
    const struct world_setup setup = {.seed = 31, .link = {.delay_ns = 10 * NS_PER_MS}};
    *stage = (struct stage){.choice = -1, .error = -1};
    world_init(&stage->world, &setup);
    for (uint32_t i = 0; i < stage->world.worker_count; i++) {
        stage->hooks[i] = (struct core_hook){.ops = &hook_ops, .self = stage};
        core_hooks_add(&stage->world.workers[i].router.hooks, &stage->hooks[i]);
    }
    for (int i = 0; i < publishers; i++)
        publish(stage, i);
    stage->viewer = client_ready(world_host(&stage->world), NULL);
    stage->other = client_ready(world_host(&stage->world), NULL);
}

static void watch_live(struct stage *stage, struct watch *watch, struct client *client)
{
    watch_init(watch, client, "live", &WISH_ANY);
    run_ms(stage, 300);
}

/* Which publisher is asked for its track now; -1: none or several. */
static int feeder(const struct stage *stage)
{
    int which = -1, count = 0;
    for (int i = 0; i < PUBLISHERS; i++) {
        if (!stage->publishers[i] || stage->publishers[i]->viewers == 0)
            continue;
        which = i;
        count++;
    }
    return count == 1 ? which : -1;
}

/* Whether a new group of this publisher reaches the viewer. */
static void assert_feeds(struct stage *stage, int i, struct watch *watch)
{
    assert_int_equal(feeder(stage), i);
    int begun = watch->begun;
    publish_text(stage->tracks[i], moq_track_latest(stage->tracks[i]) + 1, "new");
    run_ms(stage, 300);
    assert_true(watch->begun > begun);
    assert_int_equal(watch->closed, 0);
}

/* ---- What it sees ---------------------------------------------------------------------------- */

static void a_hook_sees_the_candidates(void **state)
{
    struct stage stage;
    struct watch watch;
    (void)state;
    stage_init(&stage, 2);
    run_ms(&stage, 500);
    watch_live(&stage, &watch, stage.viewer);
    assert_int_equal(stage.count, 2);
    const struct core_candidate *old = &stage.candidates[0], *new = &stage.candidates[1];
    assert_false(old->is_newest || old->is_next || old->has_failed);
    assert_true(new->is_newest &&new->is_next && !new->has_failed);
    assert_true(old->age_ns > new->age_ns &&new->age_ns >= 500 * NS_PER_MS);
    assert_true(old->worker < stage.world.worker_count);
    assert_true(old->peer > 0 && new->peer > 0 && new->peer != old->peer);
    assert_feeds(&stage, 1, &watch);
    watch_deinit(&watch);
    world_deinit(&stage.world);
}

/* Whichever worker they are on, and as far as they are measured. */
static void a_hook_sees_who_publishes(void **state)
{
    static const char *const names[] = {"fra", "nyc"};
    struct stage stage;
    struct watch watch, other;
    (void)state;
    stage_init(&stage, 2);
    run_ms(&stage, 500);
    watch_live(&stage, &watch, stage.viewer);
    for (size_t i = 0; i < 2; i++) {
        const struct core_candidate *candidate = &stage.candidates[i];
        assert_string_equal(candidate->identity, names[i]);
        assert_string_equal(candidate->address, stage.addresses[i]);
        assert_string_equal(candidate->url_path, "");
        assert_int_equal(candidate->hops, i); /* the second one is a relay */
        assert_false(candidate->is_feeding);
    }
    for (int i = 0; i < 5; i++)
        assert_feeds(&stage, 1, &watch);
    watch_live(&stage, &other, stage.viewer);
    const struct core_candidate *old = &stage.candidates[0], *new = &stage.candidates[1];
    assert_true(new->is_feeding && !old->is_feeding);
    assert_true(new->interval_ns > 0 && new->group_age_ns > 0);
    assert_int_equal(old->interval_ns, 0);
    watch_deinit(&watch);
    watch_deinit(&other);
    world_deinit(&stage.world);
}

static void there_may_be_none(void **state)
{
    struct stage stage;
    struct watch watch;
    (void)state;
    stage_init(&stage, 0);
    watch_live(&stage, &watch, stage.viewer);
    assert_int_equal(stage.count, 0);
    publish(&stage, 0);
    assert_group(&watch, 1, "first");
    watch_deinit(&watch);
    world_deinit(&stage.world);
}

/* ---- What it chooses ------------------------------------------------------------------------- */

static void the_chosen_one_feeds_the_track(void **state)
{
    (void)state;
    for (int i = 0; i < PUBLISHERS; i++) {
        struct stage stage;
        struct watch watch, other;
        stage_init(&stage, PUBLISHERS);
        stage.choice = i;
        watch_live(&stage, &watch, stage.viewer);
        assert_int_equal(stage.error, 0);
        assert_feeds(&stage, i, &watch);
        stage.choice = -1; /* the choice counts for those who come later, on all workers */
        watch_live(&stage, &other, stage.other);
        assert_feeds(&stage, i, &other);
        assert_int_equal(watch.closed, 0);
        watch_deinit(&watch);
        watch_deinit(&other);
        world_deinit(&stage.world);
    }
}

/* All viewers change over, and their sequences go on. */
static void a_track_that_is_fed_changes_over(void **state)
{
    struct stage stage;
    struct watch watch, other;
    (void)state;
    stage_init(&stage, PUBLISHERS);
    watch_live(&stage, &watch, stage.viewer);
    assert_feeds(&stage, 2, &watch);
    stage.choice = 0;
    watch_live(&stage, &other, stage.other);
    assert_feeds(&stage, 0, &other);
    assert_feeds(&stage, 0, &watch);
    assert_int_equal(watch.backwards, 0);
    stage.choice = 1;
    watch_deinit(&other);
    watch_live(&stage, &other, stage.other);
    assert_feeds(&stage, 1, &watch);
    watch_deinit(&watch);
    watch_deinit(&other);
    world_deinit(&stage.world);
}

/* Not even from one that was the newest when it was chosen. */
static void a_newer_publisher_does_not_take_over(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct stage stage;
        struct watch watch;
        stage_init(&stage, 2);
        stage.choice = i;
        watch_live(&stage, &watch, stage.viewer);
        publish(&stage, 2);
        run_ms(&stage, 300);
        assert_feeds(&stage, i, &watch);
        watch_deinit(&watch);
        world_deinit(&stage.world);
    }
}

/* Once it withdraws the path, once it ends the track; then the newest one feeds it. */
static void without_the_chosen_one_the_newest_takes_over(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct stage stage;
        struct watch watch;
        stage_init(&stage, PUBLISHERS);
        stage.choice = 0;
        watch_live(&stage, &watch, stage.viewer);
        assert_feeds(&stage, 0, &watch);
        if (i == 0)
            client_close(stage.publishers[0], MOQ_ERR_IO);
        else
            moq_track_end(stage.tracks[0], MOQ_ERR_IO);
        run_ms(&stage, 500);
        assert_feeds(&stage, 2, &watch);
        watch_deinit(&watch);
        world_deinit(&stage.world);
    }
}

static void an_unknown_choice_is_an_error(void **state)
{
    struct stage stage;
    struct watch watch;
    (void)state;
    stage_init(&stage, 1);
    stage.verdict = CORE_LATER;
    watch_live(&stage, &watch, stage.viewer);
    struct world_worker *asked = NULL;
    for (uint32_t i = 0; i < stage.world.worker_count; i++)
        if (!list_is_empty(&stage.world.workers[i].router.hooks.held))
            asked = &stage.world.workers[i];
    assert_non_null(asked);
    struct core_request *request =
        container_of(asked->router.hooks.held.next, struct core_request, node);
    assert_int_equal(core_request_set_source(request, 12345), MOQ_ERR_NOT_FOUND);
    assert_int_equal(core_request_set_source(request, stage.candidates[0].number), 0);
    client_close(stage.publishers[0], 0); /* it is gone when the answer comes */
    run_ms(&stage, 200);
    uint64_t number = core_request_number(request);
    assert_int_equal(core_answer(&asked->router.hooks, number, CORE_ALLOW), 0);
    publish(&stage, 1);
    run_ms(&stage, 200);
    assert_feeds(&stage, 1, &watch);
    watch_deinit(&watch);
    world_deinit(&stage.world);
}

/* It held the request when it was removed. */
static void the_choice_of_a_removed_entry_is_undone(void **state)
{
    struct stage stage;
    struct watch watch;
    (void)state;
    stage_init(&stage, PUBLISHERS);
    stage.choice = 0;
    stage.verdict = CORE_LATER;
    watch_live(&stage, &watch, stage.viewer);
    assert_int_equal(stage.error, 0);
    for (uint32_t i = 0; i < stage.world.worker_count; i++)
        core_hooks_remove(&stage.world.workers[i].router.hooks, &stage.hooks[i]);
    run_ms(&stage, 300);
    assert_feeds(&stage, 2, &watch);
    watch_deinit(&watch);
    world_deinit(&stage.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hook_sees_the_candidates),
        cmocka_unit_test(a_hook_sees_who_publishes),
        cmocka_unit_test(there_may_be_none),
        cmocka_unit_test(the_chosen_one_feeds_the_track),
        cmocka_unit_test(a_track_that_is_fed_changes_over),
        cmocka_unit_test(a_newer_publisher_does_not_take_over),
        cmocka_unit_test(without_the_chosen_one_the_newest_takes_over),
        cmocka_unit_test(an_unknown_choice_is_an_error),
        cmocka_unit_test(the_choice_of_a_removed_entry_is_undone),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
