/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What an entry brings about from inside its own functions in the chain itself, and while the chain
 * is changed. */
#include "tests/unit/core/insider.h"

static void change_chain(struct entry *entry)
{
    struct stage *stage = entry->stage;
    struct core_hooks *hooks = &stage->world.workers[0].router.hooks;
    struct entry third = {.hook = {.ops = &insider_ops, .self = &third}, .stage = stage};
    assert_int_equal(core_hooks_add(hooks, &third.hook), MOQ_ERR_AGAIN);
    assert_int_equal(core_hooks_replace(hooks, &entry->hook, &third.hook), MOQ_ERR_AGAIN);
    assert_int_equal(core_hooks_replace(hooks, &stage->second.hook, &third.hook), MOQ_ERR_AGAIN);
    assert_int_equal(core_hooks_remove(hooks, &entry->hook), MOQ_ERR_AGAIN);
    assert_int_equal(core_hooks_remove(hooks, &stage->second.hook), MOQ_ERR_AGAIN);
}

static void a_chain_is_not_changed_from_inside(void **state)
{
    (void)state;
    for (int place = 0; place < PLACES; place++) {
        struct stage stage;
        stage_init(&stage);
        at(&stage.first, (enum place)place, change_chain);
        if (place == AT_WITHDRAWN)
            stage.first.verdicts[AT_INFO] = CORE_LATER;
        a_client_lives(&stage);
        assert_true(stage.first.deeds > 0);
        assert_int_equal(stage.viewer->ready, 1);
        stage_deinit(&stage);
    }
}

/* As it is told of births and deaths because of a change, too. */
static void nor_while_it_is_changed(void **state)
{
    (void)state;
    const enum place places[] = {AT_PEER_DIED, AT_WITHDRAWN};
    for (size_t i = 0; i < 2; i++) {
        struct stage stage;
        stage_init(&stage);
        at(&stage.first, places[i], change_chain);
        stage.first.verdicts[AT_ANNOUNCE] = CORE_LATER;
        client_publish(stage.publisher, "lake");
        run_ms(&stage, 200);
        struct core_hooks *hooks = &stage.world.workers[0].router.hooks;
        assert_int_equal(core_hooks_remove(hooks, &stage.first.hook), 0);
        assert_int_equal(stage.first.deeds, 1);
        assert_int_equal(world_counters(&stage.world)->announcements, 2);
        stage_deinit(&stage);
    }
}

/* While it is told of one of two requests, it answers the other one. */
static void pass_the_other(struct entry *entry)
{
    struct stage *stage = entry->stage;
    struct core_hooks *hooks = &stage->world.workers[0].router.hooks;
    uint64_t mine = core_request_number(stage->request);
    for (uint64_t number = 1; number < mine + 50; number++)
        if (number != mine && core_request_held(hooks, number))
            assert_int_equal(core_answer(hooks, number, CORE_PASS), 0);
}

static void a_leaving_entry_may_answer_what_it_holds(void **state)
{
    (void)state;
    const enum core_verdict verdicts[] = {CORE_PASS, CORE_LATER};
    for (int i = 0; i < 2; i++) {
        struct stage stage;
        stage_init(&stage);
        struct core_hooks *hooks = &stage.world.workers[0].router.hooks;
        at(&stage.first, AT_WITHDRAWN, pass_the_other);
        stage.first.verdicts[AT_ANNOUNCE] = CORE_LATER;
        client_publish(stage.publisher, "lake");
        client_publish(stage.publisher, "sea");
        run_ms(&stage, 200);
        stage.first.verdicts[AT_ANNOUNCE] = verdicts[i]; /* it is not asked again */
        assert_int_equal(core_hooks_remove(hooks, &stage.first.hook), 0);
        assert_int_equal(stage.first.deeds, 1);
        assert_true(list_is_empty(&hooks->held));
        assert_int_equal(world_counters(&stage.world)->announcements, 3); /* and the pond */
        stage_deinit(&stage);
    }
}

static void note_decision(void *user, bool is_allowed, enum core_denial denial, const char *reason)
{
    struct stage *stage = user;
    (void)denial, (void)reason;
    stage->decisions++;
    stage->is_guest_allowed = is_allowed;
}

static void open_guest(struct entry *entry)
{
    static const struct core_guest_ops guest_ops = {.on_decided = note_decision};
    static const struct core_guest_info info = {.address = "192.0.2.7:5000"};
    struct stage *stage = entry->stage;
    assert_int_equal(
        core_guest_open(&stage->world.workers[0].router, &info, &guest_ops, stage, &stage->guest),
        0);
    assert_int_equal(stage->decisions, 0); /* as the entry is leaving */
}

static void close_guest(struct entry *entry)
{
    core_guest_close(&entry->stage->guest);
}

static void a_request_is_withdrawn_once(void **state)
{
    (void)state;
    static const struct core_guest_ops guest_ops = {.on_decided = note_decision};
    static const struct core_guest_info info = {.address = "192.0.2.7:5000"};
    struct stage stage;
    stage_init(&stage);
    struct router *router = &stage.world.workers[0].router;
    stage.first.verdicts[AT_SESSION] = CORE_LATER;
    assert_int_equal(core_guest_open(router, &info, &guest_ops, &stage, &stage.guest), 0);
    at(&stage.first, AT_WITHDRAWN, close_guest);
    assert_int_equal(core_hooks_remove(&router->hooks, &stage.first.hook), 0);
    assert_int_equal(stage.first.deeds, 1);
    stage_deinit(&stage);
}

/* It is asked nothing any more, and whoever takes its place is. */
static void what_a_leaving_entry_begins_is_for_the_others(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct stage stage;
        stage_init(&stage);
        struct core_hooks *hooks = &stage.world.workers[0].router.hooks;
        struct entry fresh = {.hook = {.ops = &insider_ops, .self = &fresh}, .stage = &stage};
        at(&stage.first, AT_WITHDRAWN, open_guest);
        stage.first.verdicts[AT_ANNOUNCE] = stage.first.verdicts[AT_SESSION] = CORE_LATER;
        fresh.verdicts[AT_SESSION] = CORE_DENY;
        client_publish(stage.publisher, "lake");
        run_ms(&stage, 200);
        if (i == 0)
            assert_int_equal(core_hooks_remove(hooks, &stage.first.hook), 0);
        else
            assert_int_equal(core_hooks_replace(hooks, &stage.first.hook, &fresh.hook), 0);
        assert_int_equal(stage.first.deeds, 1);
        assert_int_equal(stage.decisions, 1);
        assert_int_equal(stage.is_guest_allowed, i == 0);
        assert_true(list_is_empty(&hooks->held));
        assert_gone(&stage.first);
        core_guest_close(&stage.guest);
        stage_deinit(&stage);
        assert_gone(&fresh);
    }
}

/* Work upstream that one entry began is for the next one to end. */
static void who_takes_a_place_hears_which_tracks_are_live(void **state)
{
    (void)state;
    struct stage stage;
    struct watch watch;
    stage_init(&stage);
    struct core_hooks *hooks = &stage.world.workers[0].router.hooks;
    stage.viewer = client_ready(world_host(&stage.world), NULL);
    watch_init(&watch, stage.viewer, "pond", &WISH_ANY);
    run_ms(&stage, 200);
    assert_int_equal(stage.first.live, 1);
    struct entry fresh = {.hook = {.ops = &insider_ops, .self = &fresh}, .stage = &stage};
    assert_int_equal(core_hooks_replace(hooks, &stage.first.hook, &fresh.hook), 0);
    assert_gone(&stage.first);
    assert_int_equal(fresh.live, 1);
    watch_deinit(&watch);
    run_ms(&stage, 200);
    assert_int_equal(fresh.live, 0);
    stage_deinit(&stage);
    assert_gone(&fresh);
}

/* Its viewers may still have groups to get, and the path another publisher. */
static void a_track_that_has_ended_is_idle(void **state)
{
    (void)state;
    struct stage stage;
    struct watch watch;
    stage_init(&stage);
    struct client *publisher = client_ready(world_host(&stage.world), NULL);
    struct moq_track *track = client_publish(publisher, "river");
    stage.viewer = client_ready(world_host(&stage.world), NULL);
    run_ms(&stage, 200);
    watch_init(&watch, stage.viewer, "river", &WISH_ANY);
    run_ms(&stage, 200);
    assert_int_equal(stage.first.live, 1);
    sim_set_node_link(stage.world.sim, stage.viewer->host->node,
                      &(struct sim_link){.loss_percent = 100});
    publish_text(track, 1, "fish");
    moq_track_end(track, 0);
    run_ms(&stage, 200);
    assert_int_equal(world_counters(&stage.world)->viewers, 1); /* has not got it yet */
    assert_int_equal(stage.first.live, 0);
    watch_deinit(&watch);
    stage_deinit(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_is_not_changed_from_inside),
        cmocka_unit_test(nor_while_it_is_changed),
        cmocka_unit_test(a_leaving_entry_may_answer_what_it_holds),
        cmocka_unit_test(a_request_is_withdrawn_once),
        cmocka_unit_test(what_a_leaving_entry_begins_is_for_the_others),
        cmocka_unit_test(who_takes_a_place_hears_which_tracks_are_live),
        cmocka_unit_test(a_track_that_has_ended_is_idle),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
