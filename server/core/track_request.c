/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Requests of peers for tracks: hooks decide first, then the route is looked up, then the source
 * answers. A subscription to a path that nobody announces waits for a publisher; time and number of
 * such waits are limited.
 * Tested by tests/sim/relay/test_questions.c and tests/sim/relay/test_chaos.c. */
#include "server/core/track_request.h"

#include <stdlib.h>

#include "server/core/choice.h"
#include "server/core/choosing.h"
#include "server/core/classes.h"
#include "server/core/mix.h"
#include "server/core/peer.h"
#include "server/core/source.h"

static void track_request_free(struct track_request *request)
{
    list_remove(&request->fetching.node);
    route_stop_waiting(request->router, &request->waiting);
    info_query_close(&request->query);
    core_hooks_withdraw(&request->request);
    moq_path_unref(&request->request.path);
    core_ladder_unref(&request->request.ladder);
    policy_notes_unref(&request->request.notes);
    free(request);
}

void track_request_gone(struct moq_request *asked)
{
    struct track_request *request = moq_request_user(asked);
    moq_request_set_user(asked, NULL);
    if (request)
        track_request_free(request);
}

static void refuse_request(struct track_request *request, int error)
{
    struct moq_request *asked = request->asked;
    request->router->counters.requests_refused++;
    track_request_gone(asked);
    moq_request_refuse(asked, error);
}

/* For what grants or hooks forbid. Hooks are told last, and may do anything. */
static void forbid_request(struct track_request *request, int error)
{
    struct router *router = request->router;
    struct moq_path *path = moq_path_ref(request->asked->path);
    refuse_request(request, error);
    core_hooks_event(&router->hooks, "subscribe_refused", path);
    moq_path_unref(&path);
}

/* Refuses the request if its peer's grants do not cover it, which may have been replaced since it
 * asked. */
static bool refuse_if_revoked(struct track_request *request)
{
    if (peer_check_may(request->request.peer, CORE_SUBSCRIBE, request->asked->path))
        return false;
    forbid_request(request, MOQ_ERR_REFUSED);
    return true;
}

/* ---- Subscriptions --------------------------------------------------------------------------- */

/* Some feeds have to be asked before a viewer can be served. Returns false if there is no room to
 * wait, or the feed cannot be asked. */
static bool wait_for_feed(struct track_request *request, struct source *source)
{
    struct router *router = request->router;
    uint64_t wait_ns = router->config->limits.wait_ns;
    bool is_waiting = request->waiting.route != NULL;
    if (!is_waiting && !route_may_wait(router))
        return false;
    request->is_asking_feed = true;
    bool is_waiting_needed = source_wait(source, &request->asked->wish);
    request->is_asking_feed = false;
    if (!is_waiting_needed)
        return false;
    if (!is_waiting)
        route_wait(router, source->route, &request->waiting,
                   wait_ns > CORE_REPLY_TIMEOUT_NS ? wait_ns : CORE_REPLY_TIMEOUT_NS);
    return true;
}

/* Shares the track's path, because most viewers are served the path that they asked for. */
static struct viewer_origin origin_of(const struct track_request *request,
                                      const struct source *source)
{
    struct moq_path *asked = request->asked->path, *served = moq_track_path(source->track);
    return (struct viewer_origin){
        .path = moq_path_equal(asked, served) ? served : asked,
        .number = request->request.viewer,
        .policy_class = classes_verdict(request->router->config, request->request.peer, asked),
        .override = &request->request.override,
        .notes = request->request.notes,
    };
}

/* Drops the renditions that the peer may not watch, such as ones that cost more. None is dropped if
 * it asked for a track that is no rendition, such as an automatic one. False: out of memory. */
static bool drop_forbidden_renditions(struct track_request *request)
{
    struct core_ladder **ladder = &request->request.ladder;
    struct core_rendition left[CORE_LADDER_MAX];
    size_t count = 0;
    if (core_ladder_find(*ladder, request->asked->path) == CORE_NO_RENDITION)
        return true;
    for (size_t i = 0; i < core_ladder_count(*ladder); i++) {
        left[count] = *core_ladder_at(*ladder, i);
        count += core_peer_may(request->request.peer, CORE_SUBSCRIBE, left[count].path);
    }
    if (count == core_ladder_count(*ladder))
        return true;
    struct core_ladder *fewer = core_ladder_new(left, count);
    core_ladder_unref(ladder);
    *ladder = fewer;
    return fewer || count == 0;
}

/* A viewer that asks for a range with an end wants these groups of this track. One that a hook sent
 * to a track outside of its ladder is to stay there. */
static bool may_be_moved(const struct track_request *request)
{
    const struct core_ladder *ladder = request->request.ladder;
    const struct moq_path *path = request->request.path;
    bool is_outside = core_ladder_find(ladder, path) == CORE_NO_RENDITION;
    bool is_sent_away = is_outside && !moq_path_equal(path, request->asked->path);
    return core_ladder_count(ladder) > 1 && request->asked->wish.max == MOQ_NO_GROUP &&
           !is_sent_away;
}

/* Takes over `mix`, which may be NULL. */
static void serve_viewer(struct track_request *request, struct source *source,
                         struct core_viewer *viewer, struct mix *mix)
{
    struct router *router = request->router;
    struct moq_request *asked = request->asked;
    struct moq_track *track = mix ? mix_track(mix) : source->track;
    source_expect(source, track, &asked->wish);
    track_request_gone(asked);
    if (!core_viewer_serve(viewer, asked, track)) {
        router->counters.requests_refused++;
        core_viewer_free(viewer);
        mix_free(&mix);
        return;
    }
    if (mix)
        mix_attach(mix, viewer);
    source_add_viewer(source, viewer);
}

static void serve_subscription(struct track_request *request, struct route *route)
{
    struct router *router = request->router;
    struct source *source = source_get(router, route);
    struct core_viewer *viewer = NULL;
    bool has_memory = drop_forbidden_renditions(request), is_mixed = may_be_moved(request);
    if (source && has_memory) {
        const struct viewer_origin origin = origin_of(request, source);
        core_keep_groups_for(router, &origin, &request->asked->wish, source->track);
        if (!source_is_ready(source) && wait_for_feed(request, source))
            return;
        viewer = core_viewer_new(router, &origin);
    }
    struct mix *mix = viewer && is_mixed ? mix_new(source, request->request.ladder) : NULL;
    if (viewer && (mix || !is_mixed)) {
        serve_viewer(request, source, viewer, mix);
        return;
    }
    refuse_request(request, MOQ_ERR_NOMEM);
    if (viewer)
        core_viewer_free(viewer);
}

static void on_ready(struct route_waiter *waiter)
{
    struct track_request *request = container_of(waiter, struct track_request, waiting);
    if (request->is_asking_feed)
        return; /* the feed is ready at once: whoever asks it finds that out */
    if (request->asked->kind == MOQ_REQUEST_SUBSCRIBE && !refuse_if_revoked(request))
        serve_subscription(request, waiter->route);
}

static void wait_for_publisher(struct track_request *request, struct route *route)
{
    struct router *router = request->router;
    if (!route || !route_may_wait(router)) {
        refuse_request(request, MOQ_ERR_NOT_FOUND);
        if (route)
            route_release(router, route);
        return;
    }
    route_wait(router, route, &request->waiting, router->config->limits.wait_ns);
}

static void answer_subscription(struct track_request *request)
{
    struct router *router = request->router;
    struct route *route = route_find(router, request->request.path);
    if (route && !list_is_empty(&route->announcements))
        serve_subscription(request, route);
    else
        wait_for_publisher(request, route_get(router, request->request.path));
}

/* Grants may change while the track changes over, because hooks hear of that. */
static void choose_and_answer(struct track_request *request)
{
    const struct route *route = route_find(request->router, request->request.path);
    bool is_first = route && !route->follower;
    choice_apply(request->router, &request->request);
    if (request->request.source == 0 && is_first)
        choose_now(request->router, request->request.path, CORE_CHOICE_WATCHED);
    if (!refuse_if_revoked(request))
        answer_subscription(request);
}

/* ---- Fetches --------------------------------------------------------------------------------- */

static void send_group(struct track_request *request, struct moq_track *track,
                       struct moq_group *group)
{
    struct moq_request *asked = request->asked;
    request->router->counters.fetches++;
    track_request_gone(asked);
    moq_request_send_group(asked, track, group);
}

static void on_group(struct fetch_waiter *waiter, struct moq_track *track, struct moq_group *group)
{
    struct track_request *request = container_of(waiter, struct track_request, fetching);
    if (refuse_if_revoked(request))
        return;
    if (group)
        send_group(request, track, group);
    else
        refuse_request(request, MOQ_ERR_NOT_FOUND);
}

static void answer_fetch(struct track_request *request)
{
    struct router *router = request->router;
    struct fetched fetched;
    const struct fetch_wish wish = {.path = request->request.path,
                                    .group = request->asked->group,
                                    .priority = request->asked->wish.priority};
    int error = fetch_find(router, &wish, &fetched);
    if (error == MOQ_ERR_AGAIN && route_may_wait(router)) {
        request->fetching.on_group = on_group;
        fetch_wait(fetched.pending, &request->fetching);
        route_wait(router, route_find(router, wish.path), &request->waiting, CORE_REPLY_TIMEOUT_NS);
    } else if (error) {
        refuse_request(request, MOQ_ERR_NOT_FOUND);
    } else {
        send_group(request, fetched.track, fetched.group);
    }
}

/* ---- INFO ------------------------------------------------------------------------------------ */

static void send_info(struct track_request *request, const struct moq_info *info)
{
    struct moq_request *asked = request->asked;
    request->router->counters.infos++;
    track_request_gone(asked); /* frees `request` */
    moq_request_send_info(asked, info);
}

static void on_info(void *user, int error, const struct moq_info *info)
{
    if (!refuse_if_revoked(user))
        send_info(user, error ? &info_unknown : info);
}

static void answer_info(struct track_request *request)
{
    struct router *router = request->router;
    const struct moq_path *path = request->request.path;
    struct moq_info info;
    request->query = (struct info_query){.on_info = on_info, .user = request};
    int error = info_find(router, path, false, &info, &request->query);
    if (error == MOQ_ERR_AGAIN)
        route_wait(router, route_find(router, path), &request->waiting, CORE_REPLY_TIMEOUT_NS);
    else if (error)
        refuse_request(request, error);
    else
        send_info(request, &info);
}

/* ---- Their way ------------------------------------------------------------------------------- */

/* The peer only learns about the path that it asked for, so the log names the other one. */
static void tell_redirected(const struct track_request *request)
{
    char asked[MOQ_PATH_LINE_BYTES], path[MOQ_PATH_LINE_BYTES], name[PEER_NAME_BYTES];
    if (!moq_path_equal(request->asked->path, request->request.path))
        log_warn(LOG_POLICY, "%s asked for %s and was sent to %s, which brings nothing",
                 peer_name(request->request.peer, name),
                 moq_path_text(request->asked->path, asked, sizeof asked),
                 moq_path_text(request->request.path, path, sizeof path));
}

/* Refuses the request, but answers INFO with what is true of every track. */
static void on_late(struct route_waiter *waiter)
{
    struct track_request *request = container_of(waiter, struct track_request, waiting);
    tell_redirected(request);
    if (request->asked->kind == MOQ_REQUEST_INFO)
        send_info(request, &info_unknown);
    else
        refuse_request(request, MOQ_ERR_NOT_FOUND);
}

const struct route_waiter_ops track_request_waiting = {.on_ready = on_ready, .on_late = on_late};

static void on_decided(struct core_request *decided, bool is_allowed)
{
    struct track_request *request = container_of(decided, struct track_request, request);
    if (!is_allowed) {
        char text[MOQ_PATH_LINE_BYTES], name[PEER_NAME_BYTES];
        log_info(LOG_POLICY, "%s may not watch %s: %s", peer_name(decided->peer, name),
                 moq_path_text(request->asked->path, text, sizeof text), request_words(decided));
        forbid_request(request, request_error(decided));
    } else if (refuse_if_revoked(request)) {
        return;
    } else if (decided->kind == CORE_REQUEST_SUBSCRIBE) {
        choose_and_answer(request);
    } else if (decided->kind == CORE_REQUEST_FETCH) {
        answer_fetch(request);
    } else {
        answer_info(request);
    }
}

/* Numbers are unique among all workers. */
static uint64_t next_viewer(struct router *router)
{
    uint64_t number = router->next_viewer;
    router->next_viewer += router->workers;
    return number;
}

static enum core_request_kind kind_of(const struct moq_request *asked)
{
    static const enum core_request_kind kinds[] = {
        [MOQ_REQUEST_SUBSCRIBE] = CORE_REQUEST_SUBSCRIBE,
        [MOQ_REQUEST_FETCH] = CORE_REQUEST_FETCH,
        [MOQ_REQUEST_INFO] = CORE_REQUEST_INFO,
    };
    return kinds[asked->kind];
}

void track_request_arrived(struct router *router, struct core_peer *peer, struct moq_request *asked)
{
    struct track_request *request = calloc(1, sizeof *request);
    if (!request) {
        router->counters.requests_refused++;
        moq_request_refuse(asked, MOQ_ERR_NOMEM);
        return;
    }
    request->router = router;
    request->asked = asked;
    request->waiting.ops = &track_request_waiting;
    list_init(&request->fetching.node);
    request->request = (struct core_request){
        .kind = kind_of(asked),
        .peer = peer,
        .path = moq_path_ref(asked->path),
        .wish = asked->kind == MOQ_REQUEST_SUBSCRIBE ? &asked->wish : NULL,
        .group = asked->group,
        .viewer = asked->kind == MOQ_REQUEST_SUBSCRIBE ? next_viewer(router) : 0,
        .on_decided = on_decided,
    };
    if (asked->kind == MOQ_REQUEST_SUBSCRIBE)
        request->request.ladder = classes_ladder(router->config, peer, asked->path);
    moq_request_set_user(asked, request);
    if (!refuse_if_revoked(request))
        core_hooks_ask(&router->hooks, &request->request);
}
