/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* An entry of a hook chain as a module would write one: it knows peers, viewers and requests by
 * their handles only, keeps what it remembers of them in slots, and is replaced under load while it
 * holds requests. */
#include "tests/sim/relay/prologue.h"

enum { VIEWERS = 30, FETCHES = 3, KINDS = CORE_REQUEST_INFO + 1 };

struct peer_slot {
    uint64_t number;
    int requests;
};

struct viewer_slot {
    int samples;
};

struct toy {
    struct core_hook hook;
    int asked[KINDS]; /* by kind */
    int peers, viewers, peers_ever, viewers_ever, samples, held, withdrawn;
    bool is_holding; /* answers subscriptions LATER */
    bool is_closing; /* the viewers that it sees */
    struct core_request *last_held;
    uint64_t sampled_at_ns; /* the turn of the last sample, and how many were in it */
    const struct moq_clock *clock;
    int in_turn, most_in_turn;
};

static void count_request(struct toy *toy, const struct core_request *request)
{
    struct core_peer *peer = core_request_peer(request);
    struct peer_slot *slot = core_peer_slot(peer, &toy->hook);
    assert_int_equal(slot->number, core_peer_number(peer));
    slot->requests++;
    toy->asked[core_request_kind(request)]++;
}

static enum core_verdict on_request(void *self, struct core_request *request)
{
    count_request(self, request);
    return CORE_PASS;
}

static enum core_verdict on_session(void *self, struct core_request *request)
{
    const struct core_peer *peer = core_request_peer(request);
    assert_string_equal(core_peer_server_name(peer), "localhost");
    assert_null(core_request_path(request));
    return on_request(self, request);
}

static enum core_verdict on_subscribe(void *self, struct core_request *request)
{
    struct toy *toy = self;
    count_request(toy, request);
    assert_non_null(core_request_wish(request));
    if (!toy->is_holding)
        return CORE_PASS;
    toy->held++;
    toy->last_held = request;
    core_request_set_user(request, toy);
    return CORE_LATER;
}

static enum core_verdict on_fetch(void *self, struct core_request *request)
{
    assert_int_equal(core_request_group(request), 4);
    return on_request(self, request);
}

static void on_withdrawn(void *self, struct core_request *request)
{
    struct toy *toy = self;
    assert_ptr_equal(core_request_user(request), toy);
    toy->withdrawn++;
    toy->held--;
}

static void on_peer_born(void *self, struct core_peer *peer)
{
    struct toy *toy = self;
    struct peer_slot *slot = core_peer_slot(peer, &toy->hook);
    assert_int_equal(slot->number, 0);
    slot->number = core_peer_number(peer);
    toy->peers++;
    toy->peers_ever++;
}

static void on_peer_died(void *self, struct core_peer *peer)
{
    struct toy *toy = self;
    const struct peer_slot *slot = core_peer_slot(peer, &toy->hook);
    assert_int_equal(slot->number, core_peer_number(peer));
    toy->peers--;
}

static void on_viewer_born(void *self, struct core_viewer *viewer)
{
    struct toy *toy = self;
    const struct viewer_slot *slot = core_viewer_slot(viewer, &toy->hook);
    assert_int_equal(slot->samples, 0);
    toy->viewers++;
    toy->viewers_ever++;
}

static void on_viewer_died(void *self, struct core_viewer *viewer)
{
    struct toy *toy = self;
    struct moq_viewer_stats stats;
    core_viewer_stats(viewer, &stats); /* final numbers */
    toy->viewers--;
}

static void on_sample(void *self, struct core_viewer *viewer)
{
    struct toy *toy = self;
    struct viewer_slot *slot = core_viewer_slot(viewer, &toy->hook);
    slot->samples++;
    toy->samples++;
    if (toy->sampled_at_ns != toy->clock->now_ns)
        toy->in_turn = 0;
    toy->sampled_at_ns = toy->clock->now_ns;
    toy->in_turn++;
    toy->most_in_turn = toy->in_turn > toy->most_in_turn ? toy->in_turn : toy->most_in_turn;
    if (toy->is_closing)
        core_viewer_close(viewer, MOQ_ERR_REFUSED);
}

static const struct core_hook_ops toy_ops = {
    .name = "toy",
    .peer_slot_bytes = sizeof(struct peer_slot),
    .viewer_slot_bytes = sizeof(struct viewer_slot),
    .session_open = on_session,
    .announce = on_request,
    .subscribe = on_subscribe,
    .fetch = on_fetch,
    .info = on_request,
    .withdrawn = on_withdrawn,
    .peer_born = on_peer_born,
    .peer_died = on_peer_died,
    .viewer_born = on_viewer_born,
    .viewer_died = on_viewer_died,
    .viewer_sample = on_sample,
};

static void toy_init(struct toy *toy, const struct world *world)
{
    *toy = (struct toy){.hook.ops = &toy_ops, .clock = sim_clock(world->sim)};
    toy->hook.self = toy;
}

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
    toy_init(&stage->toy, &stage->world);
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
        const struct viewer_slot *slot = core_viewer_slot(viewer, &stage.toy.hook);
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

    toy_init(&fresh, &stage.world);
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
    toy_init(&last, &stage.world);
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
    static const struct core_hook_ops sampler = {.name = "second", .viewer_sample = on_sample};
    toy_init(&second, &stage.world);
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
