/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Handles a peer's session: hooks decide whether to let the peer in, the relay asks it what it
 * publishes and tells it what all others publish, and its requests are passed on.
 * Tested by tests/sim/relay/test_hooks.c. */
#include "server/core/peer_session.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "server/core/offering.h"
#include "server/core/peer_announce.h"
#include "server/core/settings.h"
#include "server/core/source.h"
#include "server/core/track_request.h"

/* ---- What it publishes ----------------------------------------------------------------------- */

/* The abilities of a publisher that matter beyond plain subscriptions. */
static uint32_t abilities_of(const struct moq_session *session)
{
    static const uint32_t each[] = {MOQ_CAN_RANGES, MOQ_CAN_FETCH, MOQ_CAN_INFO};
    uint32_t can = 0;
    for (size_t i = 0; i < sizeof each / sizeof each[0]; i++)
        can |= moq_session_can(session, each[i]) ? each[i] : 0;
    return can;
}

/* NULL: out of memory. */
static struct announcement *new_announcement(struct core_peer *peer, struct moq_path *path)
{
    struct announcement *announcement = announcement_new(peer->router, &legs_feed, path);
    if (!announcement)
        log_error(LOG_ROUTE, "out of memory: an announcement is ignored");
    else
        announcement->can = abilities_of(peer->session);
    return announcement;
}

/* Looks in the route first, because a peer may have thousands of announcements. Only those that
 * hooks have not decided on, or have renamed, have to be searched for. */
static struct announcement *find_announcement(const struct core_peer *peer,
                                              const struct moq_path *path, bool is_given)
{
    const struct route *route = route_find(peer->router, path);
    struct announcement *announcement = route ? route_announced_by(route, peer, is_given) : NULL;
    if (announcement && moq_path_equal(announcement->path, path))
        return announcement;
    list_for_each (node, &peer->announcements) {
        announcement = container_of(node, struct announcement, owner_node);
        if (announcement_is_given(announcement) == is_given && !announcement->is_leaving &&
            moq_path_equal(announcement->path, path))
            return announcement;
    }
    return NULL;
}

/* MOQ_ERR_NOT_FOUND: there is none. */
static int end_announcement(struct core_peer *peer, const struct moq_path *path, bool is_given)
{
    struct announcement *announcement = find_announcement(peer, path, is_given);
    if (!announcement)
        return MOQ_ERR_NOT_FOUND;
    route_remove(announcement);
    return 0;
}

static void on_active(struct moq_announced *announced, struct moq_path *path)
{
    struct core_peer *peer = moq_announced_user(announced);
    struct announcement *announcement = new_announcement(peer, path);
    if (announcement)
        peer_announce(peer, announcement);
}

static void on_ended(struct moq_announced *announced, struct moq_path *path)
{
    end_announcement(moq_announced_user(announced), path, false);
}

int core_peer_offer(struct core_peer *peer, const struct core_peer_has *what)
{
    if (!peer->session)
        return MOQ_ERR_CLOSED;
    struct announcement *announcement = new_announcement(peer, what->path);
    if (!announcement)
        return MOQ_ERR_NOMEM;
    moq_path_unref(&announcement->name);
    announcement->name = moq_path_ref(what->name);
    announcement->marks = ANNOUNCEMENT_GIVEN;
    announcement->marks |= core_is_internal(what->name) ? ANNOUNCEMENT_QUIET : 0;
    announcement->marks |= what->is_spare ? ANNOUNCEMENT_SPARE : 0;
    peer_announce(peer, announcement);
    return 0;
}

int core_peer_promote(struct core_peer *peer, const struct moq_path *path)
{
    struct announcement *announcement = find_announcement(peer, path, true);
    if (!announcement)
        return MOQ_ERR_NOT_FOUND;
    route_promote(announcement);
    return 0;
}

int core_peer_withdraw(struct core_peer *peer, const struct moq_path *path)
{
    return end_announcement(peer, path, true);
}

static void on_announced_closed(struct moq_announced *announced, int error)
{
    struct core_peer *peer = moq_announced_user(announced);
    (void)error;
    peer->announced = NULL;
}

static const struct moq_announced_events announced_events = {
    .on_active = on_active,
    .on_ended = on_ended,
    .on_closed = on_announced_closed,
};

/* ---- The session ----------------------------------------------------------------------------- */

static const char *direction_of(const struct core_peer *peer)
{
    return peer->is_dialled ? "to" : "from";
}

static void on_ready(struct moq_session *session)
{
    struct core_peer *peer = moq_session_user(session);
    struct moq_path *everything = moq_path_new(NULL, 0);
    peer->session = session;
    if (everything)
        peer->announced = moq_session_announced(session, everything, &announced_events, peer);
    moq_path_unref(&everything);
    log_info(LOG_SESSION, "session %llu %s %s is up", (unsigned long long)peer->number,
             direction_of(peer), peer->address);
}

static void end_peer(struct core_peer *peer)
{
    peer_forget_announcements(peer);
    peer_free(peer);
}

/* Words for the log. The reason follows them, so "cancelled" is replaced by plainer words. */
static const char *words_of_end(int error)
{
    if (error == MOQ_ERR_CANCELLED || error == 0)
        return "closed normally";
    return moq_error_words(error);
}

static void on_closed(struct moq_session *session, int error, const char *reason)
{
    struct core_peer *peer = moq_session_user(session);
    log_info(LOG_SESSION, "session %llu %s %s has ended: %s%s%s", (unsigned long long)peer->number,
             direction_of(peer), peer->address, words_of_end(error), reason[0] ? ", " : "", reason);
    if (peer->request)
        core_hooks_withdraw(peer->request);
    end_peer(peer);
}

static void on_request(struct moq_session *session, struct moq_request *request)
{
    struct core_peer *peer = moq_session_user(session);
    track_request_arrived(peer->router, peer, request);
}

static void on_request_gone(struct moq_session *session, struct moq_request *request)
{
    (void)session;
    track_request_gone(request);
}

static void on_viewer_updated(struct moq_session *session, struct moq_viewer *served)
{
    struct core_viewer *viewer = moq_viewer_user(served);
    (void)session;
    if (!viewer)
        return;
    struct source *source = viewer->source;
    core_viewer_decide(viewer);
    source_adjust(source);
}

static void on_viewer_closed(struct moq_session *session, struct moq_viewer *served)
{
    struct core_viewer *viewer = moq_viewer_user(served);
    (void)session;
    if (viewer)
        source_remove_viewer(viewer);
}

/* A peer is not told of what it publishes itself, nor of what it may not watch; what relays tell
 * each other is for relays. */
static bool can_see(struct moq_session *session, const struct moq_path *path, const void *owner)
{
    const struct core_peer *peer = moq_session_user(session);
    const struct announcement *announcement = owner;
    if (announcement->peer == peer || peer->telling == CORE_TELL_NOTHING ||
        (peer->telling == CORE_TELL_NEAR && announcement_is_far(announcement) &&
         !announcement_is_given(announcement)))
        return false;
    return core_peer_may(peer, CORE_SUBSCRIBE, path) &&
           (core_peer_is_cluster(peer) || !core_is_internal(path));
}

static const struct moq_session_events peer_events = {
    .on_ready = on_ready,
    .on_closed = on_closed,
    .on_request = on_request,
    .on_request_gone = on_request_gone,
    .on_viewer_updated = on_viewer_updated,
    .on_viewer_closed = on_viewer_closed,
    .can_see = can_see,
};

/* Hooks have decided whether to let the peer in. Before its session exists, that is only noted;
 * otherwise the session is released or closed. */
static void on_session_decided(struct core_request *request, bool is_allowed)
{
    struct core_peer *peer = request->peer;
    peer->request = NULL;
    peer_note_expiry(peer);
    if (!is_allowed)
        peer_refuse(peer, request_error(request), request_words(request));
    struct moq_session *held = moq_native_bridge_session(peer->conn);
    if (held && is_allowed)
        moq_session_release(held);
    else if (held)
        moq_session_close(held, request_error(request), request_words(request));
    free(request);
}

static void write_address(char *out, size_t size, const struct sockaddr *address)
{
    char host[INET6_ADDRSTRLEN] = "?";
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)address;
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        snprintf(out, size, "%s:%u", host, ntohs(v4->sin_port));
        return;
    }
    const struct sockaddr_in6 *v6 = (const void *)address;
    inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
    snprintf(out, size, "[%s]:%u", host, ntohs(v6->sin6_port));
}

enum { ADDRESS_BYTES = INET6_ADDRSTRLEN + 16 };

/* Splits a URL such as "/live?jwt=..." into path and query. */
static struct core_peer *new_peer(struct router *router, const struct moq_peer *info)
{
    const char *path = info->path ? info->path : "";
    const size_t size = strcspn(path, "?");
    const char *query = path + size + (path[size] == '?');
    char address[ADDRESS_BYTES];
    write_address(address, sizeof address, info->address);
    const struct peer_card card = {
        .path = {path, size},
        .query = {query, strlen(query)},
        .origin = info->origin,
        .server_name = info->server_name,
        .address = address,
        .protocol = info->protocol,
        .conn = info->conn,
    };
    return peer_new(router, &card);
}

static void fill_config(struct core_peer *peer, struct moq_session_config *config)
{
    config->events = &peer_events;
    config->user = peer;
    config->offers = peer->router->offers;
    config->limits = core_session_limits(peer->router->config);
}

int peer_accept(struct router *router, const struct moq_peer *info,
                struct moq_session_config *config)
{
    struct core_peer *peer = new_peer(router, info);
    if (!peer)
        return MOQ_ERR_NOMEM;
    *peer->request = (struct core_request){
        .kind = CORE_REQUEST_SESSION,
        .peer = peer,
        .grants = &peer->grants,
        .on_decided = on_session_decided,
    };
    core_hooks_ask(&router->hooks, peer->request);
    int refusal = peer->refusal;
    if (refusal) {
        if (peer->request)
            core_hooks_withdraw(peer->request);
        end_peer(peer);
        return refusal;
    }
    router->counters.sessions_total++;
    fill_config(peer, config);
    config->is_held = peer->request != NULL;
    if (config->is_held)
        config->limits.handshake_ns += CORE_ANSWER_TIMEOUT_NS; /* hooks take their time from this */
    return 0;
}

int peer_dial(struct router *router, const struct moq_peer *info, struct grants *grants,
              struct moq_session_config *config, struct core_peer **dialled)
{
    struct core_peer *peer = new_peer(router, info);
    *dialled = peer;
    if (!peer)
        return MOQ_ERR_NOMEM;
    peer->is_dialled = true;
    peer->dialled = dialled;
    free(peer->request);
    peer->request = NULL;
    peer_take_grants(peer, grants_ref(grants));
    router->counters.sessions_dialled_total++;
    fill_config(peer, config);
    return 0;
}

void peer_abandon(struct core_peer *peer)
{
    end_peer(peer);
}
