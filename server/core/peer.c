/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Peers: one accepted session each. The relay asks every peer what it publishes and tells it what all others do. */
#include "server/core/internal.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct moq_session *core_peer_session(const struct core_peer *peer)
{
    return peer->session;
}

const char *core_peer_address(const struct core_peer *peer)
{
    return peer->address;
}

const char *core_peer_path(const struct core_peer *peer)
{
    return peer->path;
}

uint64_t core_peer_number(const struct core_peer *peer)
{
    return peer->number;
}

void core_peer_transport(const struct core_peer *peer, struct quic_conn_stats *stats)
{
    quic_conn_stats(peer->conn, stats);
}

struct core_peer *core_viewer_peer(const struct moq_viewer *viewer)
{
    return moq_session_user(moq_viewer_session(viewer));
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

/* ---- What it publishes ----------------------------------------------------------------------- */

static void on_announce_decided(struct core_ask *ask, bool is_allowed)
{
    struct announcement *announcement = ask->user;
    struct router *router = announcement->router;
    announcement->is_asking = false;
    if (is_allowed) {
        route_add(router, announcement, ask->path);
        return;
    }
    char text[256];
    router->counters.announcements_denied++;
    log_info(LOG_POLICY, "session %llu may not publish %s: %s",
             (unsigned long long)announcement->peer->number,
             moq_path_text(announcement->path, text, sizeof text),
             ask->reason[0] ? ask->reason : "denied");
}

static void on_active(struct moq_announced *announced, struct moq_path *path)
{
    struct core_peer *peer = moq_announced_user(announced);
    struct announcement *announcement = calloc(1, sizeof *announcement);
    if (!announcement) {
        log_error(LOG_ROUTE, "out of memory: an announcement is ignored");
        return;
    }
    announcement->router = peer->router;
    announcement->peer = peer;
    announcement->worker = peer->router->worker;
    announcement->is_versed =
        moq_session_can(peer->session, MOQ_CAN_RANGES | MOQ_CAN_FETCH | MOQ_CAN_INFO);
    announcement->path = moq_path_ref(path);
    announcement->is_asking = true;
    list_init(&announcement->route_node);
    list_push_back(&peer->announcements, &announcement->peer_node);
    announcement->ask = (struct core_ask){
        .question = CORE_ASK_ANNOUNCE,
        .peer = peer,
        .path = moq_path_ref(path),
        .on_decided = on_announce_decided,
        .user = announcement,
    };
    core_hooks_ask(&peer->router->hooks, &announcement->ask);
}

/* By way of its route: a peer may have thousands. Only what hooks still think about, or gave
 * another name, has to be searched for. */
static struct announcement *find_announcement(const struct core_peer *peer,
                                              const struct moq_path *path)
{
    const struct route *route = route_find(peer->router, path);
    struct announcement *announcement = route ? route_announced_by(route, peer) : NULL;
    if (announcement && moq_path_equal(announcement->path, path))
        return announcement;
    list_for_each (node, &peer->announcements) {
        announcement = container_of(node, struct announcement, peer_node);
        if (moq_path_equal(announcement->path, path))
            return announcement;
    }
    return NULL;
}

static void on_ended(struct moq_announced *announced, struct moq_path *path)
{
    struct announcement *announcement = find_announcement(moq_announced_user(announced), path);
    if (announcement)
        route_remove(announcement);
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

static void on_ready(struct moq_session *session)
{
    struct core_peer *peer = moq_session_user(session);
    struct moq_path *everything = moq_path_new(NULL, 0);
    peer->session = session;
    if (everything)
        peer->announced = moq_session_announced(session, everything, &announced_events, peer);
    moq_path_unref(&everything);
    log_info(LOG_SESSION, "session %llu from %s is up", (unsigned long long)peer->number,
             peer->address);
}

static void peer_free(struct core_peer *peer)
{
    struct router *router = peer->router;
    while (!list_is_empty(&peer->announcements))
        route_remove(container_of(peer->announcements.next, struct announcement, peer_node));
    core_hooks_session_close(&router->hooks, peer);
    list_remove(&peer->node);
    router->counters.sessions--;
    free(peer);
}

/* "timed out, ..." says more than its reason; "cancelled" says less. */
static const char *words_of_end(int error)
{
    if (error == MOQ_ERR_CANCELLED || error == 0)
        return "closed in order";
    return moq_error_words(error);
}

static void on_closed(struct moq_session *session, int error, const char *reason)
{
    struct core_peer *peer = moq_session_user(session);
    log_info(LOG_SESSION, "session %llu from %s is over: %s%s%s", (unsigned long long)peer->number,
             peer->address, words_of_end(error), reason[0] ? ", " : "", reason);
    if (peer->is_asking)
        core_hooks_withdraw(&peer->ask);
    peer_free(peer);
}

static void on_request(struct moq_session *session, struct moq_request *request)
{
    demand_arrived(moq_session_user(session), request);
}

static void on_request_updated(struct moq_session *session, struct moq_request *request)
{
    (void)session;
    demand_updated(request);
}

static void on_request_gone(struct moq_session *session, struct moq_request *request)
{
    (void)session;
    demand_gone(request);
}

static void on_viewer_updated(struct moq_session *session, struct moq_viewer *viewer)
{
    struct viewing *viewing = moq_viewer_user(viewer);
    struct moq_policy policy = *moq_viewer_policy(viewer);
    (void)session;
    if (!viewing)
        return;
    struct router *router = viewing->source->router;
    struct moq_policy wished = core_policy(router->config, moq_track_path(moq_viewer_track(viewer)),
                                           moq_viewer_wish(viewer));
    policy.priority = wished.priority; /* its latency may be a hook's choice, and stays */
    policy.order = wished.order;
    moq_viewer_set_policy(viewer, &policy);
    source_adjust(viewing->source);
}

static void on_viewer_closed(struct moq_session *session, struct moq_viewer *viewer)
{
    struct viewing *viewing = moq_viewer_user(viewer);
    (void)session;
    if (viewing)
        source_remove_viewer(viewing);
}

/* A peer is not told of what it publishes itself. */
static bool can_see(struct moq_session *session, const struct moq_path *path, const void *owner)
{
    (void)path;
    return moq_session_user(session) != owner;
}

static const struct moq_session_events peer_events = {
    .on_ready = on_ready,
    .on_closed = on_closed,
    .on_request = on_request,
    .on_request_updated = on_request_updated,
    .on_request_gone = on_request_gone,
    .on_viewer_updated = on_viewer_updated,
    .on_viewer_closed = on_viewer_closed,
    .can_see = can_see,
};

/* Whether hooks let it in. Before the session exists the answer is only noted; afterwards it is
 * acted on. */
static void on_session_decided(struct core_ask *ask, bool is_allowed)
{
    struct core_peer *peer = ask->user;
    peer->is_asking = false;
    peer->is_denied = !is_allowed;
    if (!is_allowed) {
        peer->router->counters.sessions_denied++;
        log_info(LOG_POLICY, "session %llu from %s is refused: %s",
                 (unsigned long long)peer->number, peer->address,
                 ask->reason[0] ? ask->reason : "denied");
    }
    struct moq_session *held = moq_native_bridge_session(peer->conn);
    if (!held)
        return;
    if (is_allowed)
        moq_session_release(held);
    else
        moq_session_close(held, MOQ_ERR_REFUSED, ask->reason);
}

static struct core_peer *peer_new(struct router *router, const struct moq_peer *info)
{
    size_t path_bytes = strnlen(info->path, MOQ_URL_PATH_BYTES - 1);
    struct core_peer *peer = calloc(1, sizeof *peer + path_bytes + 1);
    if (!peer)
        return NULL;
    peer->router = router;
    peer->number = router->next_peer;
    router->next_peer += router->workers; /* no other worker has it */
    peer->conn = info->conn;
    list_init(&peer->announcements);
    list_push_back(&router->peers, &peer->node);
    write_address(peer->address, sizeof peer->address, info->address);
    memcpy(peer->path, info->path, path_bytes);
    router->counters.sessions++;
    return peer;
}

int peer_accept(struct router *router, const struct moq_peer *info,
                struct moq_session_config *config)
{
    struct core_peer *peer = peer_new(router, info);
    if (!peer)
        return MOQ_ERR_NOMEM;
    peer->is_asking = true;
    peer->ask = (struct core_ask){
        .question = CORE_ASK_SESSION,
        .peer = peer,
        .on_decided = on_session_decided,
        .user = peer,
    };
    core_hooks_ask(&router->hooks, &peer->ask);
    if (peer->is_denied) {
        peer_free(peer);
        return MOQ_ERR_REFUSED;
    }
    router->counters.sessions_total++;
    config->events = &peer_events;
    config->user = peer;
    config->offers = router->offers;
    config->limits = core_session_limits(router->config);
    config->is_held = peer->is_asking;
    return 0;
}
