/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Each invariant of a router fires when what it guards is broken, and none fires in a healthy
 * router. */
#include "tests/sim/relay/prologue.h"

#include "server/core/router_check.h"
#include "server/core/track_request.h"
#include "server/core/watching.h"
#include "tests/sim/relay/tap.h"
#include "tests/unit/dying.h"

struct stage {
    struct world world;
    struct router *router; /* the home */
    struct watch watches[2], waiting;
    struct tap reading, patient; /* of the home; the second one waits for a publisher */
    struct core_announced *announced;
};

static void run_ms(struct stage *stage, uint64_t ms)
{
    world_run(&stage->world, ms * NS_PER_MS);
}

static void on_path(void *user, struct moq_path *path, bool is_announced)
{
    (void)user, (void)path, (void)is_announced;
}

static void listen_to_paths(struct stage *stage)
{
    static const struct core_announced_ops ops = {.on_path = on_path};
    struct moq_path *prefix = moq_path_from_text("");
    assert_int_equal(core_announced_open(stage->router, prefix, &ops, NULL, &stage->announced), 0);
    moq_path_unref(&prefix);
}

/* Two workers, a publisher and a viewer on each of them, one who waits for a publisher, and the
 * same for code inside the relay. */
static void stage_init(struct stage *stage)
{
    const struct world_setup setup = {.seed = 3, .workers = 2, .link = {.delay_ns = NS_PER_MS}};
    *stage = (struct stage){.router = NULL};
    world_init(&stage->world, &setup);
    stage->router = &stage->world.workers[0].router;
    struct client *publisher = client_ready(world_host(&stage->world), NULL);
    struct client *there = client_ready(world_host(&stage->world), NULL);
    struct client *here = client_ready(world_host(&stage->world), NULL);
    publish_text(client_publish(publisher, "pond"), 1, "frog");
    client_publish(there, "pond"); /* the newer of the two */
    client_withdraw(there, there->tracks[0]);
    run_ms(stage, 100);
    watch_init(&stage->watches[0], here, "pond", &WISH_ANY);
    watch_init(&stage->watches[1], there, "pond", &WISH_ANY);
    watch_init(&stage->waiting, here, "nowhere", &WISH_ANY);
    tap_init(&stage->reading, stage->router, "pond", &TAP_WISH(NS_PER_S));
    tap_init(&stage->patient, stage->router, "nirvana", &TAP_WISH(NS_PER_S));
    listen_to_paths(stage);
    run_ms(stage, 200);
    assert_group(&stage->watches[1], 1, "frog");
    assert_string_equal(tap_text(&stage->reading), "(1 frog 1)");
    for (uint32_t i = 0; i < 2; i++)
        router_check(&stage->world.workers[i].router);
}

static void stage_deinit(struct stage *stage)
{
    watch_deinit(&stage->watches[0]);
    watch_deinit(&stage->watches[1]);
    watch_deinit(&stage->waiting);
    tap_deinit(&stage->reading);
    tap_deinit(&stage->patient);
    core_announced_close(&stage->announced);
    world_deinit(&stage->world);
}

static struct source *the_source(const struct stage *stage)
{
    return container_of(stage->router->sources.next, struct source, node);
}

static struct outlet *the_outlet(const struct stage *stage)
{
    return container_of(stage->router->outlets.next, struct outlet, node);
}

static struct core_viewer *viewer_of(const struct stage *stage)
{
    return container_of(stage->router->viewers.next, struct core_viewer, router_node);
}

/* A breach is what is broken, and a piece of the condition that must notice it. */
#define BREACH(name, what)                                                                         \
    static void name(void *arg)                                                                    \
    {                                                                                              \
        struct stage *stage = arg;                                                                 \
        what;                                                                                      \
        router_check(stage->router);                                                               \
    }

static struct announcement *announce(struct stage *stage, const char *text)
{
    struct moq_path *path = moq_path_from_text(text);
    struct origin_offer offer = {.path = path, .feed = &mirror_feed};
    struct announcement *announcement = origin_add(stage->router, &offer);
    moq_path_unref(&path);
    return announcement;
}

static struct track_request *the_waiting(const struct stage *stage)
{
    struct moq_path *path = moq_path_from_text("nowhere");
    const struct route *route = route_find(stage->router, path);
    moq_path_unref(&path);
    return container_of(route->waiting.next, struct track_request, waiting.node);
}

static void nothing_comes(struct fetch_waiter *waiter, struct moq_track *track,
                          struct moq_group *group)
{
    (void)waiter, (void)track, (void)group;
}

/* Group 7, which is nowhere: its publisher is asked, and does not answer. */
static struct fetch *a_fetch(struct stage *stage)
{
    struct fetched fetched;
    const struct fetch_wish wish = {.path = moq_track_path(the_source(stage)->track), .group = 7};
    fetch_find(stage->router, &wish, &fetched);
    return fetched.pending;
}

static void a_fetch_with_the_group_that_is_waited_for(void *arg)
{
    struct stage *stage = arg;
    struct fetch_waiter waiter = {.on_group = nothing_comes};
    fetch_wait(a_fetch(stage), &waiter);
    router_check(stage->router);
}

BREACH(a_source_that_forgets_its_route, the_source(stage)->route->follower = NULL)
BREACH(an_ended_source_with_a_feed, the_source(stage)->route = NULL)
BREACH(a_source_of_another_router, the_source(stage)->router = NULL)
BREACH(a_source_without_a_track, the_source(stage)->track = NULL)
BREACH(a_track_of_another_source, the_source(stage)->track = (void *)stage)
BREACH(a_resting_source_with_viewers, the_source(stage)->is_resting = true)
BREACH(a_feed_of_another_source, the_source(stage)->feed->source = NULL)
BREACH(a_feed_of_another_kind, the_source(stage)->origin->feed = &mirror_feed)
BREACH(a_farewell_with_an_origin, the_source(stage)->farewell_ns = 5)
BREACH(no_origin_and_no_farewell, the_source(stage)->origin = NULL)
BREACH(a_farewell_without_a_feed,
       (the_source(stage)->origin = NULL, the_source(stage)->farewell_ns = 5,
        the_source(stage)->feed = NULL))
BREACH(idle_while_watched, the_source(stage)->idle_since_ns = 5)
BREACH(an_origin_elsewhere, the_source(stage)->origin->route = NULL)
BREACH(a_viewer_of_another_source, viewer_of(stage)->source = NULL)
BREACH(a_viewer_that_is_not_known, moq_viewer_set_user(viewer_of(stage)->served, NULL))
BREACH(a_viewer_without_a_path, viewer_of(stage)->path = NULL)
BREACH(a_viewer_of_another_router, viewer_of(stage)->router = NULL)
BREACH(a_member_that_is_no_viewer, viewer_of(stage)->member.object = NULL)
BREACH(a_latency_that_nobody_decided, viewer_of(stage)->max.latency_ns = 1)
BREACH(a_priority_that_nobody_decided, viewer_of(stage)->policy_class.priority++)
BREACH(an_order_that_nobody_decided, viewer_of(stage)->policy_class.order = MOQ_ORDER_OLDEST)
BREACH(a_start_that_nobody_decided, viewer_of(stage)->policy_class.start_ns = 9000)
BREACH(a_rate_that_nobody_decided, viewer_of(stage)->policy_class.rate_bps = 9000)
BREACH(a_rate_of_an_identity_that_nobody_decided,
       viewer_of(stage)->policy_class.identity_rate_bps = 9000)
BREACH(an_outlet_of_another_track, the_outlet(stage)->track = (void *)stage)
BREACH(an_outlet_of_no_source, the_outlet(stage)->source = NULL)
BREACH(a_silent_outlet_with_a_wish, the_outlet(stage)->track = NULL)
BREACH(an_outlet_that_feeds_in_turn, the_source(stage)->origin->worker = 1)
BREACH(a_viewer_too_many, stage->router->viewer_count++)
BREACH(a_counter_that_is_off, stage->router->counters.viewers--)
BREACH(a_viewer_out_of_the_list, list_remove(&viewer_of(stage)->router_node))
BREACH(a_viewer_that_hooks_forget, list_remove(&viewer_of(stage)->member.node))
BREACH(a_chain_that_is_still_at_work,
       stage->router->hooks.passes = &(struct chain_pass){.outer = NULL})
BREACH(a_peer_of_another_router,
       container_of(stage->router->peers.next, struct core_peer, node)->router = NULL)
BREACH(an_announcement_of_another_peer, the_source(stage)->origin->peer = NULL)
BREACH(an_announcement_elsewhere, announce(stage, "lake")->route = NULL)
BREACH(an_announcement_that_is_still_asked_about,
       announce(stage, "lake")->question = &(struct announcement_question){.announcement = NULL})
BREACH(a_foreign_one_of_this_worker,
       list_push_back(&stage->router->foreign, &announce(stage, "lake")->owner_node))
BREACH(a_route_under_another_name,
       announce(stage, "lake")->route->path = moq_path_from_text("river"))
BREACH(a_route_that_is_not_followed,
       announce(stage, "lake")->route->follower = &the_source(stage)->follower)
BREACH(one_who_waits_for_an_answer_of_hooks, the_waiting(stage)->request.is_held = true)
BREACH(one_who_waits_and_is_not_known, moq_request_set_user(the_waiting(stage)->asked, NULL))
BREACH(one_who_waits_elsewhere, the_waiting(stage)->waiting.route = NULL)
BREACH(a_fetch_that_is_over, a_fetch(stage)->upstream = NULL)
BREACH(ranks_out_of_order, announce(stage, "pond")->rank = 0)
BREACH(an_announcement_too_many, stage->router->counters.announcements++)
BREACH(one_more_who_waits, stage->router->waiting_count++)
BREACH(a_fetch_too_many, stage->router->fetch_count++)
BREACH(a_session_too_many, stage->router->counters.sessions++)
BREACH(a_guest_too_many, (stage->router->counters.sessions--, stage->router->counters.guests++))
BREACH(a_peer_that_hooks_forget, list_remove(stage->router->hooks.peers.next))
BREACH(a_watch_of_another_source, stage->reading.watch->source = (void *)stage)
BREACH(a_watch_whose_wish_does_not_count, stage->reading.watch->listener.has_wish = false)
BREACH(a_viewer_that_its_source_does_not_count, the_source(stage)->viewer_count++)
BREACH(a_watch_that_is_not_counted, the_source(stage)->watch_count++)
BREACH(a_watch_that_waits_and_reads, stage->patient.watch->cursor = stage->reading.watch->cursor)
BREACH(a_watch_of_another_router, stage->reading.watch->router = NULL)
BREACH(a_watch_that_is_closed, stage->reading.watch->is_closed = true)
BREACH(a_watch_that_listens_and_has_ended, stage->reading.watch->is_ended = true)
BREACH(a_watch_that_does_nothing, list_remove(&stage->reading.watch->listener.node))
BREACH(a_watch_of_no_source,
       (the_source(stage)->watch_count--, list_remove(&stage->reading.watch->listener.node)))
BREACH(a_watch_without_a_cursor, stage->reading.watch->cursor = NULL)
BREACH(a_watch_that_is_called_and_not_called,
       router_soon(stage->router, &stage->reading.watch->soon))
BREACH(a_watch_too_many, stage->router->counters.watches++)
BREACH(a_listener_too_many, stage->router->announced_count++)
BREACH(a_call_that_nobody_makes,
       (router_soon(stage->router, &stage->announced->soon), stage->router->is_soon_sent = false))
BREACH(a_broken_list, stage->router->peers.next->next->prev = NULL)

BREACH(a_viewer_that_may_not_watch, core_viewer_peer(viewer_of(stage))->has_expired = true)
BREACH(a_publisher_that_may_not_publish, the_source(stage)->origin->peer->has_expired = true)
BREACH(a_revoked_announcement_with_a_route, (the_source(stage)->origin->peer->has_expired =
                                                 the_source(stage)->origin->is_revoked = true))

static void grants_whose_end_is_not_noted(void *arg)
{
    struct stage *stage = arg;
    const struct moq_path *paths[] = {moq_path_new(NULL, 0)};
    const struct core_grants all = {.publish = paths,
                                    .publish_count = 1,
                                    .subscribe = paths,
                                    .subscribe_count = 1,
                                    .expires_ms = UINT64_MAX - 1};
    core_peer_set_grants(the_source(stage)->origin->peer, &all);
    stage->router->expiry_ms = UINT64_MAX;
    router_check(stage->router);
}

static void a_peer_of_another_worker(void *arg)
{
    struct stage *stage = arg;
    struct announcement *announcement = announce(stage, "lake");
    announcement->peer = the_source(stage)->origin->peer;
    announcement->worker = 1;
    router_check(stage->router);
}

static void a_route_that_nobody_needs(void *arg)
{
    struct stage *stage = arg;
    struct moq_path *path = moq_path_from_text("desert");
    route_get(stage->router, path);
    router_check(stage->router);
}

static void an_origin_that_is_a_peer_s(void *arg)
{
    struct stage *stage = arg;
    struct announcement *announcement = the_source(stage)->origin;
    list_remove(&announcement->owner_node);
    list_push_back(&stage->router->origins, &announcement->owner_node);
    router_check(stage->router);
}

static void held_out_of_order(void *arg)
{
    struct stage *stage = arg;
    struct core_hook hook;
    struct core_request early = {.is_held = true, .current = &hook, .number = 1, .deadline_ns = 1};
    struct core_request late = {.is_held = true, .current = &hook, .number = 2, .deadline_ns = 2};
    list_push_back(&stage->router->hooks.by_number[1], &early.number_node);
    list_push_back(&stage->router->hooks.by_number[2], &late.number_node);
    list_push_back(&stage->router->hooks.held, &late.node);
    list_push_back(&stage->router->hooks.held, &early.node);
    router_check(stage->router);
}

static void held_under_another_number(void *arg)
{
    struct stage *stage = arg;
    struct core_hook hook;
    struct core_request request = {.is_held = true, .current = &hook, .number = 1};
    list_push_back(&stage->router->hooks.by_number[2], &request.number_node);
    list_push_back(&stage->router->hooks.held, &request.node);
    router_check(stage->router);
}

static void one_who_is_held_by_nobody(void *arg)
{
    struct stage *stage = arg;
    struct core_request request = {.is_held = true};
    list_push_back(&stage->router->hooks.held, &request.node);
    router_check(stage->router);
}

static void every_invariant_fires(void **state)
{
    static const struct breach {
        void (*act)(void *arg);
        const char *noticed_by;
    } breaches[] = {
        {a_source_that_forgets_its_route, "source->route->follower == &source->follower"},
        {an_ended_source_with_a_feed, "!source->origin && !feed"},
        {a_source_of_another_router, "source->router == router"},
        {a_source_without_a_track, "source->track != NULL"},
        {a_track_of_another_source, "moq_viewer_track(viewer->served) == source->track"},
        {a_resting_source_with_viewers, "!source->is_resting"},
        {a_feed_of_another_source, "feed->source == source"},
        {a_feed_of_another_kind, "feed->ops == source->origin->feed"},
        {a_farewell_with_an_origin, "source->farewell_ns == CLOCK_NEVER"},
        {no_origin_and_no_farewell, "source->farewell_ns != CLOCK_NEVER"},
        {a_farewell_without_a_feed, "feed != NULL"},
        {idle_while_watched, "source->idle_since_ns == CLOCK_NEVER"},
        {an_origin_elsewhere, "source->origin->route == source->route"},
        {a_viewer_of_another_source, "viewer->source == source"},
        {a_viewer_that_is_not_known, "moq_viewer_user(viewer->served) == viewer"},
        {a_viewer_without_a_path, "viewer->path != NULL"},
        {a_viewer_of_another_router, "viewer->router == source->router"},
        {a_member_that_is_no_viewer, "viewer->member.object == viewer"},
        {a_start_that_nobody_decided, "policy->start_ns == decided.start_ns"},
        {a_rate_that_nobody_decided, "policy->rate_bps == decided.rate_bps"},
        {a_rate_of_an_identity_that_nobody_decided,
         "policy->shared_rate_bps == decided.shared_rate_bps"},
        {a_latency_that_nobody_decided, "policy->latency_ns == decided.latency_ns"},
        {a_priority_that_nobody_decided, "policy->priority == decided.priority"},
        {an_order_that_nobody_decided, "policy->order == decided.order"},
        {an_outlet_of_another_track, "outlet->track == source->track"},
        {an_outlet_of_no_source, "is_listening == (source != NULL)"},
        {a_silent_outlet_with_a_wish, "!outlet->listener.has_wish"},
        {an_outlet_that_feeds_in_turn, "!is_copy"},
        {a_viewer_that_may_not_watch, "core_peer_may(core_viewer_peer(viewer), CORE_SUBSCRIBE"},
        {a_publisher_that_may_not_publish,
         "announcement->question || announcement->is_revoked == !may"},
        {a_revoked_announcement_with_a_route,
         "!announcement->is_revoked || (!announcement->route && !announcement->question)"},
        {grants_whose_end_is_not_noted,
         "!is_expiring || core_peer_expires_ms(peer) >= router->expiry_ms"},
        {a_viewer_too_many, "router->viewer_count == viewer_count"},
        {a_counter_that_is_off, "router->counters.viewers == viewer_count"},
        {a_viewer_out_of_the_list, "count_nodes(&router->viewers) == viewer_count"},
        {a_viewer_that_hooks_forget, "count_nodes(&router->hooks.viewers) == viewer_count"},
        {a_chain_that_is_still_at_work, "router->hooks.passes == NULL"},
        {a_peer_of_another_router, "peer->router == router"},
        {an_announcement_of_another_peer, "struct announcement, owner_node)->peer == peer"},
        {an_announcement_elsewhere, "announcement->route == route"},
        {an_announcement_that_is_still_asked_about, "!announcement->question"},
        {a_peer_of_another_worker, "!announcement->peer || announcement_is_local(announcement)"},
        {a_foreign_one_of_this_worker,
         "!announcement_is_local(announcement) && announcement->route"},
        {a_route_under_another_name, "route_find(router, route->path) == route"},
        {a_route_that_is_not_followed, "source_of(route)->route == route"},
        {one_who_waits_for_an_answer_of_hooks, "!request->request.is_held"},
        {one_who_waits_and_is_not_known, "moq_request_user(request->asked) == request"},
        {an_origin_that_is_a_peer_s, "announcement_is_local(announcement) && !announcement->peer"},
        {held_out_of_order, "request->deadline_ns >= before_ns"},
        {held_under_another_number,
         "core_request_held(&router->hooks, request->number) == request"},
        {a_fetch_that_is_over, "fetch->upstream && fetch->track"},
        {a_fetch_with_the_group_that_is_waited_for, "!fetch->group || list_is_empty"},
        {an_announcement_too_many, "router->counters.announcements == local_count"},
        {one_more_who_waits, "router->waiting_count == waiting_count"},
        {a_fetch_too_many, "router->fetch_count == count_nodes(&router->fetches)"},
        {a_session_too_many, "router->counters.sessions + router->counters.guests == count_nodes"},
        {a_guest_too_many, "router->counters.guests == count_nodes(&router->guests)"},
        {a_peer_that_hooks_forget, "count_nodes(&router->hooks.peers)"},
        {a_watch_of_another_source, "watch->source == source && listener->has_wish"},
        {a_watch_whose_wish_does_not_count, "watch->source == source && listener->has_wish"},
        {a_viewer_that_its_source_does_not_count,
         "source->viewer_count == count_nodes(&source->viewers)"},
        {a_watch_that_is_not_counted, "source->watch_count == count"},
        {a_watch_that_waits_and_reads,
         "!container_of(node, struct core_watch, waiting.node)->cursor"},
        {a_watch_of_another_router, "watch->router == router && !watch->is_closed"},
        {a_watch_that_is_closed, "watch->router == router && !watch->is_closed"},
        {a_watch_that_listens_and_has_ended, "is_waiting + is_listening + watch->is_ended == 1"},
        {a_watch_that_does_nothing, "source->watch_count == count"},
        {a_watch_of_no_source, "is_listening == !list_is_empty(&watch->listener.node)"},
        {a_watch_without_a_cursor, "!is_listening || watch->cursor"},
        {a_watch_that_is_called_and_not_called,
         "!watch->is_armed || list_is_empty(&watch->soon.node)"},
        {a_watch_too_many, "router->counters.watches == count_nodes(&router->watches)"},
        {a_listener_too_many, "router->announced_count == count_nodes(&router->announced)"},
        {a_call_that_nobody_makes, "router->is_soon_sent || list_is_empty(&router->soon)"},
        {a_broken_list, "node->next->prev == node"},
        {a_route_that_nobody_needs, "is_needed"},
        {ranks_out_of_order, "announcement->rank < above"},
        {one_who_waits_elsewhere, "waiter->route == route"},
        {one_who_is_held_by_nobody, "request->is_held && request->current"},
    };
    (void)state;
    struct stage stage;
    stage_init(&stage);
    for (size_t i = 0; i < sizeof breaches / sizeof breaches[0]; i++)
        assert_dies_of(breaches[i].act, &stage, breaches[i].noticed_by);
    stage_deinit(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_invariant_fires)};
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
