/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A hook entry (toy.h) in a whole relay: it sees births, deaths and every kind of request, and is
 * replaced under load while it holds some. */
#include "tests/sim/relay/prologue.h"

#include "tests/unit/core/toy.h"

enum { VIEWERS = 30, FETCHES = 3 };

/* ---- A relay with it ------------------------------------------------------------------------- */

struct stage {
    struct world world;
    struct toy toy;
    struct client *publisher, *viewer;
    struct watch watches[VIEWERS];
};

static void run_ms(struct stage *stage, uint64_t ms)
{
    world_run(&stage->world, ms * NS_PER_MS);
}

static void stage_init(struct stage *stage)
{
    const struct world_setup setup = {
        .seed = 8, .workers = 1, .link = {.delay_ns = 10 * NS_PER_MS}};
    const struct client_setup as_03 = {.versions = MOQ_VERSION_03};
    *stage = (struct stage){.viewer = NULL};
    world_init(&stage->world, &setup);
    toy_init(&stage->toy, sim_clock(stage->world.sim));
    world_add_hook(&stage->world, &stage->toy.hook);
    stage->publisher = client_ready(world_host(&stage->world), &as_03);
    stage->viewer = client_ready(world_host(&stage->world), &as_03);
    publish_text(client_publish(stage->publisher, "pond"), 4, "frog");
    run_ms(stage, 200);
}

static void watch_all(struct stage *stage)
{
    for (int i = 0; i < VIEWERS; i++)
        watch_init(&stage->watches[i], stage->viewer, "pond", &WISH_ANY);
    run_ms(stage, 200);
}

static void unwatch_all(struct stage *stage)
{
    for (int i = 0; i < VIEWERS; i++)
        watch_deinit(&stage->watches[i]);
    run_ms(stage, 200);
}

static void on_info(void *user, int error, const struct moq_info *info)
{
    (void)user, (void)error, (void)info;
}

static const struct moq_fetch_events no_events = {.on_data = NULL};

static void it_hears_every_kind_of_request(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    const struct moq_fetch_wish group = {.group = 4};
    struct moq_path *path = moq_path_from_text("pond");
    watch_all(&stage);
    for (int i = 0; i < FETCHES; i++)
        moq_session_fetch(stage.viewer->session, path, &group, &no_events, NULL);
    moq_session_info(stage.viewer->session, path, on_info, NULL);
    run_ms(&stage, 200);
    assert_int_equal(stage.toy.asked[CORE_REQUEST_SESSION], 2);
    assert_int_equal(stage.toy.asked[CORE_REQUEST_ANNOUNCE], 1);
    assert_int_equal(stage.toy.asked[CORE_REQUEST_SUBSCRIBE], VIEWERS);
    assert_int_equal(stage.toy.asked[CORE_REQUEST_FETCH], FETCHES);
    assert_int_equal(stage.toy.asked[CORE_REQUEST_INFO], 1);
    assert_int_equal(stage.toy.group, 4);
    assert_true(stage.toy.has_sni);
    moq_path_unref(&path);
    unwatch_all(&stage);
    world_deinit(&stage.world);
}

static void births_and_deaths_balance(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    watch_all(&stage);
    assert_int_equal(stage.toy.peers, 2);
    assert_int_equal(stage.toy.viewers, VIEWERS);
    unwatch_all(&stage);
    assert_int_equal(stage.toy.viewers, 0);
    client_close(stage.viewer, 0);
    run_ms(&stage, 200);
    assert_int_equal(stage.toy.peers, 1);
    world_deinit(&stage.world);
    assert_int_equal(stage.toy.peers, 0);
    assert_int_equal(stage.toy.peers_ever, 2);
    assert_int_equal(stage.toy.viewers_ever, VIEWERS);
}

/* All came in one turn, and still they are not shown in one. */
static void samples_are_spread_over_their_interval(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    watch_all(&stage);
    stage.toy.samples = stage.toy.most_in_turn = 0;
    run_ms(&stage, 2000);
    assert_in_range(stage.toy.samples, 7 * VIEWERS, 9 * VIEWERS);
    assert_in_range(stage.toy.most_in_turn, 1, VIEWERS / 8);
    const struct router *router = &stage.world.workers[0].router;
    list_for_each (node, &router->viewers) {
        const struct core_viewer *viewer = container_of(node, struct core_viewer, router_node);
        const struct toy_viewer *slot = core_viewer_slot(viewer, &stage.toy.hook);
        assert_in_range(slot->samples, 7, 9);
    }
    unwatch_all(&stage);
    world_deinit(&stage.world);
}

static void it_is_replaced_while_it_holds_requests(void **state)
{
    (void)state;
    struct stage stage;
    struct toy fresh;
    stage_init(&stage);
    stage.toy.is_holding = true;
    watch_all(&stage);
    assert_int_equal(stage.toy.held, VIEWERS);

    toy_init(&fresh, sim_clock(stage.world.sim));
    fresh.is_holding = true; /* and holds them again */
    struct core_hooks *hooks = &stage.world.workers[0].router.hooks;
    assert_int_equal(core_hooks_replace(hooks, &stage.toy.hook, &fresh.hook), 0);
    assert_int_equal(stage.toy.withdrawn, VIEWERS);
    assert_int_equal(stage.toy.peers, 0);
    assert_int_equal(fresh.peers, 2);
    assert_int_equal(fresh.held, VIEWERS);
    core_answer(hooks, core_request_number(fresh.last_held), CORE_ALLOW);
    fresh.held--;

    struct toy last;
    toy_init(&last, sim_clock(stage.world.sim));
    assert_int_equal(core_hooks_replace(hooks, &fresh.hook, &last.hook), 0);
    run_ms(&stage, 500);
    assert_int_equal(fresh.withdrawn, VIEWERS - 1);
    assert_int_equal(fresh.viewers, 0);
    assert_int_equal(last.viewers, VIEWERS);
    for (int i = 0; i < VIEWERS; i++)
        assert_group(&stage.watches[i], 4, "frog");
    unwatch_all(&stage);
    world_deinit(&stage.world);
    assert_int_equal(last.peers + last.viewers, 0);
}

/* Those after it in the chain are not shown what is gone. */
static void it_may_close_the_viewer_that_it_is_shown(void **state)
{
    (void)state;
    struct stage stage;
    struct toy second;
    stage_init(&stage);
    toy_init(&second, sim_clock(stage.world.sim));
    const struct core_hook_ops sampler = {.viewer_sample = second.hook.ops->viewer_sample};
    second.hook.ops = &sampler;
    core_hooks_add(&stage.world.workers[0].router.hooks, &second.hook);
    stage.toy.is_closing = true;
    watch_all(&stage);
    run_ms(&stage, 1000);
    assert_int_equal(stage.toy.viewers, 0);
    assert_int_equal(stage.toy.samples, VIEWERS);
    assert_int_equal(second.samples, 0);
    for (int i = 0; i < VIEWERS; i++)
        assert_int_equal(stage.watches[i].closed, 1);
    unwatch_all(&stage);
    world_deinit(&stage.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_hears_every_kind_of_request),
        cmocka_unit_test(births_and_deaths_balance),
        cmocka_unit_test(samples_are_spread_over_their_interval),
        cmocka_unit_test(it_is_replaced_while_it_holds_requests),
        cmocka_unit_test(it_may_close_the_viewer_that_it_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
