/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Every invariant is shown to fire: a healthy scene passes, and then one thing is broken in a
 * child. */
#include "pair.h"

#include "tests/unit/dying.h"
#include "transfork/check.h"
#include "transfork/group.h"
#include "transfork/request.h"
#include "transfork/send_group.h"
#include "transfork/subscription.h"
#include "transfork/track.h"
#include "transfork/viewer.h"

/* A server with a viewer of "t" that has two groups under way, a request that waits, an announce
 * stream; a client with the other ends of these; and a mirror of "t". */
struct scene {
    struct pair pair;
    struct listener listener, waiting;
    struct moq_session *server, *client;
    struct moq_track *track, *mirror;
    struct moq_group *ended, *first, *second, *adopted;
    struct moq_viewer *viewer;
    struct send_group *sending; /* `second`, to the viewer */
    struct moq_subscription *subscription;
    struct moq_announced *announced;
    struct moq_watcher watcher;
};

static void scene_init(struct scene *scene)
{
    static const struct moq_announced_events nothing = {0};
    static const struct moq_watcher_ops deaf = {0};
    struct pair *pair = &scene->pair;
    pair_init(pair, &(struct options){.version = MOQ_VERSION_03});
    scene->server = pair->peer[SERVER].session;
    scene->client = pair->peer[CLIENT].session;
    scene->track = pair->peer[SERVER].track = track_new(pair, "t");
    pair->wire.clock.now_ns = NS_PER_S;
    track_group(scene->track, 1, "x");
    track_begin(scene->track, 2, &scene->first);
    scene->ended = moq_track_find(scene->track, 1);
    listener_init(&scene->listener, pair, "t");
    listener_subscribe(&scene->listener, scene->client, &RANGE(2, MOQ_NO_GROUP));
    listener_init(&scene->waiting, pair, "later");
    listener_subscribe(&scene->waiting, scene->client, &NO_WISH);
    struct moq_path *all = moq_path_from_text("");
    scene->announced = moq_session_announced(scene->client, all, &nothing, NULL);
    moq_path_unref(&all);
    wire_run(&pair->wire);
    track_begin(scene->track, 3, &scene->second);
    track_frame(scene->track, scene->first, "one");
    track_frame(scene->track, scene->second, "two");
    scene->mirror = track_new(pair, "m");
    scene->watcher.ops = &deaf;
    moq_track_watch(scene->mirror, &scene->watcher);
    assert_int_equal(
        moq_track_adopt_group(scene->mirror, 3, moq_group_body(scene->second), &scene->adopted), 0);
    wire_run(&pair->wire);
    scene->viewer = pair->peer[SERVER].viewer;
    scene->sending = send_group_at(scene->viewer->groups.next);
    scene->subscription = scene->listener.subscription;
}

static void scene_deinit(struct scene *scene)
{
    moq_track_unref(&scene->mirror);
    moq_announced_close(&scene->announced);
    track_end(scene->track, &scene->first);
    track_end(scene->track, &scene->second);
    listener_deinit(&scene->listener);
    listener_deinit(&scene->waiting);
    pair_deinit(&scene->pair);
}

static struct moq_stream *first_stream(const struct scene *scene)
{
    return container_of(scene->server->streams.next, struct moq_stream, node);
}

static struct request *first_request(const struct scene *scene)
{
    return container_of(scene->server->requests.next, struct request, node);
}

static struct recv_group *first_receiving(const struct scene *scene)
{
    return container_of(scene->client->recv_groups.next, struct recv_group, node);
}

static void check_everything(struct scene *scene)
{
    track_check(scene->track);
    track_check(scene->mirror);
    session_check(scene->server);
    session_check(scene->client);
}

/* Each case in a function of its own: breaks one thing of `scene` and looks. */
#define BREAKS(name, ...)                                                                          \
    static void name(void *arg)                                                                    \
    {                                                                                              \
        struct scene *scene = arg;                                                                 \
        __VA_ARGS__;                                                                               \
        check_everything(scene);                                                                   \
    }

/* ---- Tracks ---------------------------------------------------------------------------------- */

BREAKS(group_without_references, scene->ended->refs = 0)
BREAKS(group_after_the_latest, scene->track->latest = 2)
BREAKS(end_without_a_time, scene->ended->ended_ns = 0)
BREAKS(newest_that_is_superseded, scene->second->superseded_ns = 1)
BREAKS(adopted_and_not_followed, list_remove(&kept_of(scene->adopted)->follow_node))
BREAKS(growing_in_a_cut_track, scene->track->has_ended = true; scene->track->error = MOQ_ERR_IO)
BREAKS(groups_out_of_order, scene->first->sequence = 1)
BREAKS(track_without_references, scene->track->refs = 0)
BREAKS(floor_above_the_newest, scene->track->floor = 4)
BREAKS(group_that_is_not_counted, scene->track->group_count--)
BREAKS(growing_that_is_not_counted, scene->track->open_count--)
BREAKS(bytes_that_are_not_counted, scene->track->cached_bytes--)
BREAKS(error_without_an_end, group_end(scene->adopted, 0, 1); scene->mirror->open_count = 0;
       scene->mirror->error = MOQ_ERR_IO)
BREAKS(torn_ring, scene->watcher.prev = NULL)
BREAKS(followed_outside, list_remove(&kept_of(scene->adopted)->node);
       scene->mirror->group_count = 0; scene->mirror->open_count = 0;
       scene->mirror->cached_bytes = 0)

/* ---- Viewers --------------------------------------------------------------------------------- */

/* With a hole before it, and then as a fault would leave it. */
static void set_run(struct sequences *done, uint64_t first, uint64_t last)
{
    struct sequence_run given_up;
    assert_false(sequences_add(done, 99, 99, &given_up));
    done->runs[0] = (struct sequence_run){first, last};
}

BREAKS(too_many_runs, scene->viewer->done.count = SEQUENCES_MAX_RUNS + 1)
BREAKS(runs_without_memory, scene->viewer->done.count = 1)
BREAKS(run_at_the_floor, set_run(&scene->viewer->done, scene->viewer->done.floor, 99))
BREAKS(run_backwards, set_run(&scene->viewer->done, 99, 98))
BREAKS(group_of_another_viewer, scene->sending->viewer = NULL)
BREAKS(group_of_another_session, scene->sending->stream.session = scene->client)
BREAKS(group_without_a_stream, scene->sending->stream.ops = NULL)
BREAKS(header_overrun, scene->sending->header_sent++)
BREAKS(group_overrun, scene->sending->cursor.position = 99)
BREAKS(group_that_is_not_done, sequences_init(&scene->viewer->done, 3))
BREAKS(sent_with_bytes_left, track_frame(scene->track, scene->second, "more");
       scene->sending->is_sent = true)
BREAKS(viewer_without_a_stream, scene->viewer->stream->owner = NULL)
BREAKS(viewer_that_is_deaf, moq_track_unwatch(scene->track, &scene->viewer->watcher))
BREAKS(order_of_nobody, scene->viewer->policy.order = MOQ_ORDER_ANY)
BREAKS(credit_out_of_turn, scene->viewer->is_waiting_credit = true)
BREAKS(groups_before_info, scene->viewer->is_greeted = false)
BREAKS(gap_without_end, scene->viewer->gap = (struct sequence_run){1, UINT64_MAX})
BREAKS(unsent_that_is_not_counted, scene->viewer->unsent--)
BREAKS(too_many_open_groups, scene->server->config.limits.open_groups = 1)

/* ---- Sessions -------------------------------------------------------------------------------- */

BREAKS(torn_list, scene->client->announced.next->prev = NULL)

BREAKS(stream_of_another_session, first_stream(scene)->session = scene->client)
BREAKS(stream_without_a_handle, first_stream(scene)->handle = NULL)
BREAKS(waiting_of_another_session, list_remove(&first_stream(scene)->node);
       list_push_back(&scene->client->waiting, &scene->viewer->stream->node))
BREAKS(waiting_that_is_open, struct moq_stream *stream = scene->subscription->query.stream;
       list_remove(&stream->node); list_push_back(&scene->client->waiting, &stream->node))
BREAKS(parked_that_is_not_counted, scene->server->parked_streams++)
BREAKS(parked_bytes_that_are_not_counted, scene->server->parked_bytes++)
BREAKS(viewer_of_another_session, scene->viewer->session = scene->client)
BREAKS(request_without_a_path, first_request(scene)->asked.path = NULL)
BREAKS(request_without_a_stream, first_request(scene)->stream->owner = NULL)
BREAKS(request_that_is_not_counted, scene->server->subscription_count--)
BREAKS(too_many_requests, scene->server->config.limits.subscriptions = 1)
BREAKS(announce_that_is_not_counted, scene->server->announce_count--)
BREAKS(subscription_of_another_session, scene->subscription->query.session = scene->server)
BREAKS(subscription_that_is_over, scene->subscription->query.is_over = true)
BREAKS(subscription_of_the_future, scene->client->next_subscription = 0)
BREAKS(subscription_in_another_bucket, scene->subscription->id = 1;
       scene->client->next_subscription = 99)
BREAKS(subscription_without_a_stream, scene->subscription->query.stream = NULL)
BREAKS(subscription_that_hears_nothing, scene->subscription->query.stream->owner = NULL)
BREAKS(receiving_that_is_not_counted, scene->subscription->receiving--)
BREAKS(receiving_that_hears_nothing, first_receiving(scene)->stream->owner = NULL)
BREAKS(receiving_for_another_track, first_receiving(scene)->track = scene->waiting.track)
BREAKS(unacknowledged_out_of_order,
       struct send_group *first = send_group_at(scene->sending->node.next);
       first->over_ns = 2; list_push_back(&scene->server->unacknowledged, &first->over_node);
       scene->sending->over_ns = 1;
       list_push_back(&scene->server->unacknowledged, &scene->sending->over_node))
BREAKS(turn_without_an_end, scene->server->depth = 1)
BREAKS(ready_without_a_version, scene->server->version = 0)
BREAKS(greeting_after_the_end, scene->server->state = SESSION_CLOSING)

struct breakage {
    void (*act)(void *arg);
    const char *what; /* part of the condition */
};

static const struct breakage breakages[] = {
    {group_without_references, "group->refs > 0"},
    {group_after_the_latest, "group->sequence <= track->latest"},
    {end_without_a_time, "group->is_ended == (group->ended_ns > 0)"},
    {newest_that_is_superseded, "is_newest == (group->superseded_ns == 0)"},
    {adopted_and_not_followed, "is_followed == "},
    {growing_in_a_cut_track, "!track->error || group->is_ended"},
    {groups_out_of_order, "before->sequence < group->sequence"},
    {track_without_references, "track->refs > 0"},
    {floor_above_the_newest, "track->floor <= before->sequence"},
    {group_that_is_not_counted, "track->group_count == count"},
    {growing_that_is_not_counted, "track->open_count == open_count"},
    {bytes_that_are_not_counted, "track->cached_bytes == bytes"},
    {error_without_an_end, "track->has_ended || !track->error"},
    {torn_list, "node->prev == before"},
    {torn_ring, "before->next->prev == before"},
    {followed_outside, "!list_is_empty(&followed->node)"},
    {too_many_runs, "done->count <= SEQUENCES_MAX_RUNS"},
    {runs_without_memory, "done->count == 0 || done->runs"},
    {run_at_the_floor, "done->runs[i].first > end"},
    {run_backwards, "done->runs[i].last >= done->runs[i].first"},
    {group_of_another_viewer, "sending->viewer == viewer"},
    {group_of_another_session, "stream->session == session"},
    {group_without_a_stream, "sending->stream.handle && sending->stream.ops"},
    {header_overrun, "sending->header_sent <= sending->header_size"},
    {group_overrun, "sending->cursor.position <= moq_group_length(sending->group)"},
    {group_that_is_not_done, "sequences_has(&viewer->done, sending->group->sequence)"},
    {sent_with_bytes_left, "!sending->is_sent || send_group_unsent(sending) == 0"},
    {viewer_without_a_stream, "viewer->stream->owner == viewer"},
    {viewer_that_is_deaf, "viewer->watcher.next != &viewer->watcher"},
    {order_of_nobody, "viewer->policy.order != MOQ_ORDER_ANY"},
    {credit_out_of_turn, "!viewer->is_waiting_credit || viewer->is_waiting_turn"},
    {groups_before_info, "viewer->has_start && viewer->is_greeted"},
    {gap_without_end, "viewer->gap.last <= VARINT_MAX"},
    {unsent_that_is_not_counted, "viewer->unsent == unsent"},
    {too_many_open_groups, "unsent <= viewer->session->config.limits.open_groups"},
    {stream_of_another_session, "stream->session == session"},
    {stream_without_a_handle, "stream->handle"},
    {waiting_of_another_session, "stream->session == session"},
    {waiting_that_is_open, "stream->is_ours && !stream->handle"},
    {parked_that_is_not_counted, "session->parked_streams == parked_streams"},
    {parked_bytes_that_are_not_counted, "session->parked_bytes == parked_bytes"},
    {viewer_of_another_session, "viewer->session == session"},
    {request_without_a_path, "request->asked.path"},
    {request_without_a_stream, "request->stream->owner == request"},
    {request_that_is_not_counted, "session->subscription_count == count"},
    {too_many_requests, "count <= session->config.limits.subscriptions"},
    {announce_that_is_not_counted, "session->announce_count == "},
    {subscription_of_another_session, "subscription->query.session == session"},
    {subscription_that_is_over, "!subscription->query.is_over"},
    {subscription_of_the_future, "subscription->id < session->next_subscription"},
    {subscription_in_another_bucket, "subscription_find(session, subscription->id)"},
    {subscription_without_a_stream, "subscription->query.stream || subscription->is_ending"},
    {subscription_that_hears_nothing, "subscription->query.stream->owner == &subscription->query"},
    {receiving_that_is_not_counted, "subscription->receiving == count_receiving"},
    {receiving_that_hears_nothing, "receiving->stream->owner == receiving"},
    {receiving_for_another_track, "receiving->subscription->track == receiving->track"},
    {unacknowledged_out_of_order, "sending->over_ns >= before_ns"},
    {turn_without_an_end, "session->depth == 0"},
    {ready_without_a_version, "session->version != 0"},
    {greeting_after_the_end, "!session->greeting || session->state < SESSION_CLOSING"},
};

static void every_invariant_fires_when_what_it_guards_is_broken(void **state)
{
    (void)state;
    struct scene scene = {.pair = {.wire = {.is_dead = false}}};
    scene_init(&scene);
    check_everything(&scene);
    for (size_t i = 0; i < sizeof breakages / sizeof *breakages; i++)
        assert_dies_of(breakages[i].act, &scene, breakages[i].what);
    scene_deinit(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_invariant_fires_when_what_it_guards_is_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
