/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A client answers requests like a minimal but correct publisher. */
#include "tests/sim/relay/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "tests/sim/peer.h"

enum { CONNECT_S = 60, TRIES = 5, CACHE_GROUPS = 64 };

static struct client *client_of(struct moq_session *session)
{
    return moq_session_user(session);
}

/* ---- What peers ask of it -------------------------------------------------------------------- */

static struct moq_track *find_track(struct client *client, const struct moq_path *path)
{
    for (size_t i = 0; i < CLIENT_TRACKS_MAX; i++) {
        struct moq_track *track = client->tracks[i];
        if (track && moq_path_equal(moq_track_path(track), path))
            return track;
    }
    return NULL;
}

static void answer_subscribe(struct client *client, struct moq_request *request,
                             struct moq_track *track)
{
    const struct moq_policy defaults = {.latency_ns = CLOCK_NEVER};
    struct moq_policy policy = moq_policy_of_wish(&defaults, &request->wish);
    client->subscribes++;
    client->viewers++;
    client->wish = request->wish;
    client->viewer = moq_request_serve(request, track, &policy);
    REQUIRE(client->viewer);
}

static void answer_fetch(struct client *client, struct moq_request *request,
                         struct moq_track *track)
{
    struct moq_group *group = moq_track_find(track, request->group);
    client->fetches++;
    if (client->is_mute)
        return;
    if (group)
        moq_request_send_group(request, track, group);
    else
        moq_request_refuse(request, MOQ_ERR_NOT_FOUND);
}

static void answer_info(struct client *client, struct moq_request *request, struct moq_track *track)
{
    const struct moq_track_config *config = moq_track_config(track);
    struct moq_info info = {config->priority, config->order, config->expires_ms,
                            moq_track_latest(track)};
    client->infos++;
    if (!client->is_mute)
        moq_request_send_info(request, &info);
}

static void on_request(struct moq_session *session, struct moq_request *request)
{
    struct client *client = client_of(session);
    struct moq_track *track = find_track(client, request->path);
    if (!track)
        moq_request_refuse(request, MOQ_ERR_NOT_FOUND);
    else if (request->kind == MOQ_REQUEST_SUBSCRIBE)
        answer_subscribe(client, request, track);
    else if (request->kind == MOQ_REQUEST_FETCH)
        answer_fetch(client, request, track);
    else
        answer_info(client, request, track);
}

static void on_viewer_updated(struct moq_session *session, struct moq_viewer *viewer)
{
    client_of(session)->updates++;
    client_of(session)->wish = *moq_viewer_wish(viewer);
    moq_viewer_follow_wish(viewer);
}

static void on_viewer_closed(struct moq_session *session, struct moq_viewer *viewer)
{
    struct client *client = client_of(session);
    client->viewers--;
    if (client->viewer == viewer)
        client->viewer = NULL;
}

/* ---- Its session ----------------------------------------------------------------------------- */

static void on_ready(struct moq_session *session)
{
    client_of(session)->session = session;
    client_of(session)->ready++;
}

static void on_closed(struct moq_session *session, int error, const char *reason)
{
    (void)error, (void)reason;
    client_of(session)->session = NULL;
    client_of(session)->announced = NULL;
}

static const struct moq_session_events events = {.on_ready = on_ready,
                                                 .on_closed = on_closed,
                                                 .on_request = on_request,
                                                 .on_viewer_updated = on_viewer_updated,
                                                 .on_viewer_closed = on_viewer_closed};

static int on_client(void *self, void *user, struct quic_conn *conn,
                     struct moq_session_config *config)
{
    struct client *client = user;
    (void)self, (void)conn;
    config->events = &events;
    config->user = client;
    config->offers = client->offers;
    config->versions = client->versions;
    return 0;
}

static void on_lost(void *self, void *user, int error, const char *reason)
{
    struct client *client = user;
    (void)self;
    client->conn = NULL;
    client->closed++;
    client->close_error = error;
    snprintf(client->reason, sizeof client->reason, "%s", reason);
}

const struct moq_native_bridge client_bridge = {.on_client = on_client, .on_lost = on_lost};

/* ---- Its life -------------------------------------------------------------------------------- */

struct client *client_connect(struct host *host, const struct client_setup *setup)
{
    struct world *world = host->world;
    int node = world_next_node(world);
    struct client *client = calloc(1, sizeof *client);
    REQUIRE(client);
    client->host = host;
    client->versions = setup ? setup->versions : 0;
    client->offers = moq_offers_new();
    list_push_back(&host->clients, &client->link);

    bool is_protocol_set = setup && setup->protocol != QUIC_PROTOCOL_UNKNOWN;
    const struct quic_connect_config config = {
        .tls = peer_client_tls(),
        .protocol = is_protocol_set ? setup->protocol : QUIC_PROTOCOL_RAW,
        .server_name = "localhost",
        .authority = "localhost:4433",
        .url_path = setup && setup->url_path ? setup->url_path : "/",
        .local = (const struct sockaddr *)sim_address(world->sim, host->node),
        .remote = (const struct sockaddr *)sim_address(world->sim, node),
        .local_size = sizeof(struct sockaddr_in),
        .remote_size = sizeof(struct sockaddr_in),
    };
    struct quic_endpoint *endpoint = sim_endpoint(world->sim, host->node);
    client->conn = moq_native_bridge_connect(&host->bridge, endpoint, &config, client);
    REQUIRE(client->conn);
    return client;
}

/* Whether the handshake of QUIC or of the session has timed out. */
static bool was_too_slow(const struct client *client)
{
    return client->close_error == MOQ_ERR_TIMEOUT || strstr(client->reason, "in time");
}

struct client *client_ready(struct host *host, const struct client_setup *setup)
{
    for (int i = 0; i < TRIES; i++) {
        struct client *client = client_connect(host, setup);
        REQUIRE(world_run_until(host->world, client_is_decided, client, CONNECT_S * NS_PER_S));
        if (client_is_ready(client))
            return client;
        REQUIRE(was_too_slow(client));
        client_free(client);
    }
    UNREACHABLE(); /* five handshakes that all took too long */
}

void client_free(struct client *client)
{
    REQUIRE(!client->conn);
    for (size_t i = 0; i < CLIENT_TRACKS_MAX; i++)
        moq_track_unref(&client->tracks[i]);
    moq_offers_free(&client->offers);
    list_remove(&client->link);
    free(client);
}

void client_close(struct client *client, int error)
{
    if (!client->conn)
        return;
    struct moq_session *session = moq_native_bridge_session(client->conn);
    if (session) {
        moq_session_close(session, error, "");
        return;
    }
    moq_native_bridge_forget(client->conn); /* nothing reports that it is closed */
    client->conn = NULL;
    client->closed++;
}

bool client_is_ready(void *client)
{
    return ((struct client *)client)->ready > 0;
}

bool client_is_decided(void *client)
{
    return client_is_ready(client) || client_is_closed(client);
}

bool client_is_closed(void *client)
{
    return ((struct client *)client)->closed > 0;
}

/* ---- What it publishes and hears ------------------------------------------------------------- */

struct moq_track *client_publish(struct client *client, const char *text)
{
    struct moq_path *path = moq_path_from_text(text);
    const struct moq_track_config config = {.clock = sim_clock(client->host->world->sim),
                                            .priority = 128,
                                            .order = MOQ_ORDER_NEWEST,
                                            .cache = {.groups = CACHE_GROUPS}};
    size_t slot = 0;
    while (client->tracks[slot])
        REQUIRE(++slot < CLIENT_TRACKS_MAX);
    client->tracks[slot] = moq_track_new(path, &config);
    REQUIRE(client->tracks[slot] && moq_offers_add(client->offers, path, client) == 0);
    moq_path_unref(&path);
    return client->tracks[slot];
}

void client_withdraw(struct client *client, struct moq_track *track)
{
    moq_offers_remove(client->offers, moq_track_path(track), client);
}

static void on_active(struct moq_announced *announced, struct moq_path *path)
{
    struct client *client = moq_announced_user(announced);
    (void)path;
    client->actives++;
}

static void on_ended(struct moq_announced *announced, struct moq_path *path)
{
    struct client *client = moq_announced_user(announced);
    (void)path;
    client->ends++;
}

static void on_live(struct moq_announced *announced)
{
    struct client *client = moq_announced_user(announced);
    client->lives++;
}

static const struct moq_announced_events announced_events = {
    .on_active = on_active, .on_ended = on_ended, .on_live = on_live};

void client_listen(struct client *client, const char *prefix)
{
    struct moq_path *path = moq_path_from_text(prefix);
    client->announced = moq_session_announced(client->session, path, &announced_events, client);
    REQUIRE(client->announced);
    moq_path_unref(&path);
}
