/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A connection's life until its end is decided: step 3 of a frame's walk.
 * Tested by tests/sim/test_paths.c and tests/sim/test_streams.c. */
#include "quic/conn.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/descriptors.h"
#include "base/log.h"
#include "base/objects.h"
#include "quic/app_protocol.h"
#include "quic/endpoint.h"
#include "quic/tls.h"
#include "quic/webtransport.h"
#include "quic/wt_session.h"

enum {
    WINDOW_CONN_BYTES = 16 << 20,
    WINDOW_STREAM_UNI_BYTES = 2 << 20, /* these streams carry media */
    WINDOW_STREAM_BIDI_LOCAL_BYTES = 256 << 10,
    WINDOW_STREAM_BIDI_REMOTE_BYTES = 1 << 20,
    DATAGRAM_MAX_BYTES = 65535, /* browsers require datagrams, although nothing uses them */
    ACTIVE_CIDS = 8,
    QLOG_PATH_MAX_BYTES = 1024,
    QLOG_DESCRIPTORS_LEFT = 16,
    ACK_PACKET_MAX_BYTES = 128,
};

/* Less than the 25 ms that we promise a peer (max_ack_delay), by as much as a timer may be late;
 * more than the 20 ms between two frames of most audio. */
#define ACK_PATIENCE_NS (23 * NS_PER_MS)

/* A deadline further away than this is a matter of seconds (a PING after silence, the idle
 * time-out). It is rounded up, so that several connections handle theirs together. */
#define FAR_NS NS_PER_S
#define FAR_GRID_NS (250 * NS_PER_MS)

/* What accepting and connecting have in common. */
struct conn_setup {
    struct quic_endpoint *endpoint;
    struct quic_tls *tls;
    bool is_server;
    const ngtcp2_path *path;
    const ngtcp2_cid *remote_cid; /* destination ID of our first packet */
    /* Destination ID of the client's first packet, which names the log file. */
    const ngtcp2_cid *first_dcid;
    uint32_t version;
    uint64_t idle_ns; /* 0: the endpoint's */
    ngtcp2_settings settings;
    ngtcp2_transport_params params;
};

/* ---- Setting up ------------------------------------------------------------------------------ */

static void on_qlog(void *user, uint32_t flags, const void *data, size_t n)
{
    struct quic_conn *conn = user;
    if (!conn->qlog)
        return;
    fwrite(data, 1, n, conn->qlog);
    if (flags & NGTCP2_QLOG_WRITE_FLAG_FIN) {
        fclose(conn->qlog);
        conn->qlog = NULL;
    }
}

/* If no log can be opened, the connection has none. HTTP and reloads get the last descriptors. */
static void qlog_open(struct quic_conn *conn, const struct conn_setup *setup)
{
    if (!conn->endpoint->qlog_directory)
        return;
    char name[2 * NGTCP2_MAX_CIDLEN + 1] = "";
    for (size_t i = 0; i < setup->first_dcid->datalen; i++)
        snprintf(name + 2 * i, 3, "%02x", setup->first_dcid->data[i]);
    char path[QLOG_PATH_MAX_BYTES];
    snprintf(path, sizeof path, "%s/%s_%s.sqlog", conn->endpoint->qlog_directory, name,
             conn->is_server ? "server" : "client");
    if (descriptors_are_free(QLOG_DESCRIPTORS_LEFT + 1))
        conn->qlog = fopen(path, "we");
    if (!conn->qlog)
        log_warn(LOG_QUIC, "no qlog of connection %" PRIu64 ": %s cannot be opened: %s; %s",
                 conn->number, path, strerror(errno),
                 descriptors_remedy(errno, "check the directory of quic.qlog"));
}

static void on_secret(void *self, const char *line)
{
    struct quic_conn *conn = self;
    fprintf(conn->endpoint->keylog, "%s\n", line);
    fflush(conn->endpoint->keylog);
}

static void settings_init(struct conn_setup *setup, struct quic_conn *conn)
{
    struct quic_endpoint *endpoint = setup->endpoint;
    ngtcp2_settings *settings = &setup->settings;
    ngtcp2_settings_default(settings);
    settings->initial_ts = endpoint_now(endpoint);
    settings->handshake_timeout = endpoint->limits.handshake_ns;
    settings->max_tx_udp_payload_size = PATH_MTU_LARGEST_BYTES;
    settings->pmtud_probes = path_mtu_sizes;
    settings->pmtud_probeslen = PATH_MTU_SIZES;
    settings->cc_algo =
        endpoint->congestion == QUIC_CONGESTION_BBR ? NGTCP2_CC_ALGO_BBR : NGTCP2_CC_ALGO_CUBIC;
    settings->rand_ctx.native_handle = endpoint;
    if (conn->qlog)
        settings->qlog_write = on_qlog;
}

static void params_init(struct conn_setup *setup)
{
    const struct quic_limits *limits = &setup->endpoint->limits;
    ngtcp2_transport_params *params = &setup->params;
    ngtcp2_transport_params_default(params);
    params->initial_max_data = WINDOW_CONN_BYTES;
    params->initial_max_stream_data_uni = WINDOW_STREAM_UNI_BYTES;
    params->initial_max_stream_data_bidi_local = WINDOW_STREAM_BIDI_LOCAL_BYTES;
    params->initial_max_stream_data_bidi_remote = WINDOW_STREAM_BIDI_REMOTE_BYTES;
    params->initial_max_streams_uni = limits->streams_uni;
    params->initial_max_streams_bidi = limits->streams_bidi;
    params->max_idle_timeout = setup->idle_ns ? setup->idle_ns : limits->idle_ns;
    params->max_datagram_frame_size = DATAGRAM_MAX_BYTES;
    params->active_connection_id_limit = ACTIVE_CIDS;
}

static void remember_remote(struct quic_conn *conn, const ngtcp2_addr *remote)
{
    if (remote->addrlen <= sizeof conn->remote)
        memcpy(&conn->remote, remote->addr, remote->addrlen);
}

static struct quic_conn *conn_new(struct conn_setup *setup)
{
    struct quic_endpoint *endpoint = setup->endpoint;
    struct quic_conn *conn = calloc(1, sizeof *conn);
    if (!conn)
        return NULL;
    conn->endpoint = endpoint;
    conn->is_server = setup->is_server;
    conn->number = ++endpoint->last_number;
    conn->state = CONN_HANDSHAKE;
    conn->close_at_ns = CLOCK_NEVER;      /* ngtcp2 enforces the limit for the handshake */
    conn->is_half_open = conn->is_server; /* connections that we dial are not a flood */
    list_init(&conn->streams);
    list_init(&conn->ready);
    conn->offered = &endpoint->app->protocols;
    list_push_back(&endpoint->conns, &conn->link);
    if (!conn->is_server) /* what comes in has been admitted */
        endpoint_count_conn(endpoint, 1);
    endpoint_count_half_open(endpoint, conn->is_server);
    conn_ref_init(conn);
    remember_remote(conn, &setup->path->remote);
    qlog_open(conn, setup);
    settings_init(setup, conn);
    params_init(setup);
    object_born(OBJECT_conn);
    return conn;
}

static int start_tls(struct quic_conn *conn, struct tls_session_config *config)
{
    static const struct quic_app_protocols none;
    char alpn[ALPN_LIST_MAX_BYTES];
    bool is_h3 = conn->protocol == QUIC_PROTOCOL_WEBTRANSPORT;
    int rv = alpn_list(is_h3 ? &none : conn->offered, conn->is_server || is_h3, alpn);
    if (rv != 0)
        return rv;
    config->alpn = alpn;
    config->is_server = conn->is_server;
    config->conn_ref = &conn->ref;
    config->clock = conn->endpoint->clock;
    config->wide = conn->endpoint->wide;
    config->on_secret = conn->endpoint->keylog ? on_secret : NULL;
    config->on_secret_self = conn;
    conn->tls = tls_session_new(config);
    if (!conn->tls)
        return MOQ_ERR_TLS;
    ngtcp2_conn_set_tls_native_handle(conn->quic, tls_session_native(conn->tls));
    return 0;
}

/* Makes the ngtcp2_conn and the routes to it. */
static int start_quic(struct quic_conn *conn, struct conn_setup *setup)
{
    struct quic_endpoint *endpoint = conn->endpoint;
    ngtcp2_callbacks callbacks;
    ngtcp2_cid cid;
    conn_callbacks(&callbacks, conn->is_server);
    endpoint_new_cid(endpoint, &cid);
    if (conn->is_server) {
        setup->params.stateless_reset_token_present = 1;
        int rv = endpoint_reset_token(endpoint, &cid, setup->params.stateless_reset_token);
        if (rv != 0)
            return rv;
    }

    int rv = conn->is_server
                 ? ngtcp2_conn_server_new(&conn->quic, setup->remote_cid, &cid, setup->path,
                                          setup->version, &callbacks, &setup->settings,
                                          &setup->params, &endpoint->pool.mem, conn)
                 : ngtcp2_conn_client_new(&conn->quic, setup->remote_cid, &cid, setup->path,
                                          setup->version, &callbacks, &setup->settings,
                                          &setup->params, &endpoint->pool.mem, conn);
    if (rv != 0)
        return MOQ_ERR_NOMEM;
    rv = conn_route_add(conn, ROUTE_CID, cid.data, cid.datalen);
    if (rv == 0 && conn->is_server)
        rv = conn_route_add(conn, ROUTE_CID, setup->first_dcid->data, setup->first_dcid->datalen);
    return rv != 0 ? rv : deadlines_add(&endpoint->deadlines, &conn->deadline);
}

struct quic_conn *conn_accept(struct quic_endpoint *endpoint, const struct accept_config *config)
{
    struct conn_setup setup = {.endpoint = endpoint,
                               .tls = endpoint->server_tls,
                               .is_server = true,
                               .path = config->path,
                               .remote_cid = &config->header->scid,
                               .first_dcid = &config->header->dcid,
                               .version = config->header->version};
    struct quic_conn *conn = conn_new(&setup);
    if (!conn) {
        endpoint_count_conn(endpoint, -1);
        return NULL;
    }

    setup.params.original_dcid = config->header->dcid;
    setup.params.original_dcid_present = 1;
    if (config->original_dcid) {
        setup.params.original_dcid = *config->original_dcid;
        setup.params.retry_scid = config->header->dcid;
        setup.params.retry_scid_present = 1;
    }
    if (config->token_type != NGTCP2_TOKEN_TYPE_UNKNOWN) {
        setup.settings.token = config->header->token;
        setup.settings.tokenlen = config->header->tokenlen;
        setup.settings.token_type = config->token_type;
    }
    struct tls_session_config tls = {.tls = endpoint->server_tls};
    if (start_quic(conn, &setup) != 0 || start_tls(conn, &tls) != 0) {
        conn_free(conn);
        return NULL;
    }
    keep_alive_init(&conn->keep_alive, conn->quic, endpoint->limits.keep_alive_ns, false);
    endpoint->stats.accepted++;
    return conn;
}

static int copy_strings(struct quic_conn *conn, const struct quic_connect_config *config)
{
    conn->server_name = strdup(config->server_name ? config->server_name : "");
    conn->authority = strdup(config->authority ? config->authority : "");
    conn->path = strdup(
        config->url_path && config->protocol == QUIC_PROTOCOL_WEBTRANSPORT ? config->url_path : "");
    return conn->server_name && conn->authority && conn->path ? 0 : MOQ_ERR_NOMEM;
}

struct quic_conn *conn_connect(struct quic_endpoint *endpoint,
                               const struct quic_connect_config *config)
{
    ngtcp2_path path;
    memset(&path, 0, sizeof path);
    ngtcp2_addr_init(&path.local, config->local, config->local_size);
    ngtcp2_addr_init(&path.remote, config->remote, config->remote_size);
    ngtcp2_cid dcid = {.datalen = NGTCP2_MIN_INITIAL_DCIDLEN};
    endpoint_random(endpoint, dcid.data, dcid.datalen);

    struct conn_setup setup = {.endpoint = endpoint,
                               .tls = config->tls,
                               .path = &path,
                               .remote_cid = &dcid,
                               .first_dcid = &dcid,
                               .version = NGTCP2_PROTO_VER_V1,
                               .idle_ns = config->idle_ns};
    struct quic_conn *conn = conn_new(&setup);
    if (!conn)
        return NULL;
    conn->protocol = (uint8_t)config->protocol;
    if (config->app_protocols)
        conn->offered = config->app_protocols;
    struct tls_session_config tls = {.tls = config->tls, .server_name = config->server_name};
    if (copy_strings(conn, config) != 0 || start_quic(conn, &setup) != 0 ||
        start_tls(conn, &tls) != 0) {
        conn_free(conn);
        return NULL;
    }
    keep_alive_init(&conn->keep_alive, conn->quic,
                    config->keep_alive_ns ? config->keep_alive_ns : endpoint->limits.keep_alive_ns,
                    true);
    conn->user = config->user;
    conn->is_known = true;
    conn_wake(conn);
    return conn;
}

static void strings_free(struct quic_conn *conn)
{
    free(conn->path);
    free(conn->origin);
    free(conn->authority);
    free(conn->server_name);
}

void conn_free(struct quic_conn *conn)
{
    struct quic_endpoint *endpoint = conn->endpoint;
    conn_release(conn);
    conn_routes_clear(conn);
    free(conn->routes);
    free(conn->linger);
    deadlines_remove(&endpoint->deadlines, &conn->deadline);
    list_remove(&conn->ready);
    list_remove(&conn->link);
    strings_free(conn);
    free(conn);
    object_died(OBJECT_conn);
}

/* ---- Running --------------------------------------------------------------------------------- */

bool conn_is_alive(const struct quic_conn *conn)
{
    return conn->state < CONN_ENDING;
}

void conn_wake(struct quic_conn *conn)
{
    if (conn->quic && list_is_empty(&conn->ready))
        list_push_back(&conn->endpoint->ready, &conn->ready);
}

/* Moves a deadline. With nothing to write and nothing in flight, what is due soon is an
 * acknowledgement. ngtcp2 sends it after an eighth of a round trip; it can wait for the next
 * frame. */
static uint64_t with_patience(const struct quic_conn *conn, uint64_t expiry)
{
    uint64_t now = endpoint_now(conn->endpoint);
    if (conn->state != CONN_OPEN || schedule_first(&conn->schedule))
        return expiry;
    if (expiry > now + FAR_NS)
        return expiry < CLOCK_NEVER - FAR_GRID_NS ? expiry + FAR_GRID_NS - expiry % FAR_GRID_NS
                                                  : expiry;
    if (expiry > now + ACK_PATIENCE_NS)
        return expiry;
    ngtcp2_conn_info info;
    ngtcp2_conn_get_conn_info(conn->quic, &info);
    uint64_t waited = info.smoothed_rtt / 8;
    if (info.bytes_in_flight > 0 || waited >= ACK_PATIENCE_NS)
        return expiry;
    return expiry + ACK_PATIENCE_NS - waited;
}

void conn_set_deadline(struct quic_conn *conn)
{
    uint64_t when = conn->close_at_ns;
    if (conn->quic) {
        uint64_t expiry = with_patience(conn, ngtcp2_conn_get_expiry(conn->quic));
        when = expiry < when ? expiry : when;
    }
    deadlines_set(&conn->endpoint->deadlines, &conn->deadline, when);
}

/* Whether a packet of `n` bytes leaves nothing to write. Most packets of a peer that only receives
 * are mere acknowledgements. Anything else that ngtcp2 has to answer makes a packet longer (path
 * validation), wakes the connection (conn_events.c), or can go with the acknowledgement. */
static bool may_rest(struct quic_conn *conn, const ngtcp2_path *path, size_t n,
                     const ngtcp2_conn_info *info)
{
    if (conn->state != CONN_OPEN || n > ACK_PACKET_MAX_BYTES || schedule_first(&conn->schedule) ||
        !ngtcp2_path_eq(path, ngtcp2_conn_get_path(conn->quic)))
        return false;
    bool has_lost = info->pkt_lost != conn->packets_lost; /* their content is sent again at once */
    conn->packets_lost = info->pkt_lost;
    return !has_lost;
}

/* Frees a server's TLS session after the handshake. It is not needed any more: ngtcp2 has the
 * tickets and updates keys by itself. */
static void drop_tls(struct quic_conn *conn)
{
    if (!conn->is_server || !conn->tls || !ngtcp2_conn_get_handshake_completed(conn->quic))
        return;
    ngtcp2_conn_set_tls_native_handle(conn->quic, NULL);
    tls_session_free(&conn->tls);
}

void conn_receive(struct quic_conn *conn, const ngtcp2_path *path, uint8_t ecn, const uint8_t *data,
                  size_t n)
{
    if (conn->state == CONN_LINGERING) {
        conn_linger_receive(conn, path, n);
        return;
    }
    if (!conn_is_alive(conn))
        return;

    /* A client's local address stays the one given at the start. The socket may report a more
     * precise one, which must not look like a migration. */
    ngtcp2_path seen = *path;
    if (!conn->is_server)
        seen.local = ngtcp2_conn_get_path(conn->quic)->local;
    ngtcp2_pkt_info info = {.ecn = ecn};
    int rv = ngtcp2_conn_read_pkt(conn->quic, &seen, &info, data, n, endpoint_now(conn->endpoint));
    if (rv != 0)
        conn_end_library(conn, rv);
    ngtcp2_conn_info counts;
    ngtcp2_conn_get_conn_info(conn->quic, &counts);
    conn_mtu_received(conn, &counts);
    conn_measure(conn);
    drop_tls(conn);
    if (conn->state == CONN_SESSION_CLOSING && wt_session_is_over(conn->wt))
        conn_end_session(conn);
    conn->is_data_blocked = conn->is_held = false;
    if (may_rest(conn, &seen, n, &counts))
        conn_set_deadline(conn);
    else
        conn_wake(conn);
}

void conn_expire(struct quic_conn *conn)
{
    conn->is_held = false;
    uint64_t now = endpoint_now(conn->endpoint);
    if (conn->state == CONN_LINGERING) {
        conn_forget(conn);
        return;
    }
    if (conn_is_alive(conn) && conn->close_at_ns <= now) {
        conn->close_at_ns = CLOCK_NEVER;
        conn_close_overdue(conn);
    }
    if (conn_is_alive(conn) && ngtcp2_conn_get_expiry(conn->quic) <= now) {
        keep_alive_expired(&conn->keep_alive, conn->quic, now);
        conn_mtu_expired(conn);
        int rv = ngtcp2_conn_handle_expiry(conn->quic, now);
        if (rv != 0)
            conn_end_library(conn, rv);
    }
    conn_wake(conn);
}

int conn_accept_session(struct quic_conn *conn)
{
    if (!conn->is_server)
        return 0;
    conn->is_known = true;
    return conn->endpoint->app->on_accept(conn->endpoint->user, conn);
}

void conn_half_open_done(struct quic_conn *conn)
{
    if (!conn->is_half_open)
        return;
    conn->is_half_open = false;
    endpoint_count_half_open(conn->endpoint, -1);
}

static enum quic_protocol agreed_protocol(struct quic_conn *conn)
{
    if (tls_session_has_alpn(conn->tls, ALPN_H3))
        return QUIC_PROTOCOL_WEBTRANSPORT;
    for (size_t i = 0; i < conn->offered->count; i++) {
        const struct quic_app_protocol *protocol = &conn->offered->items[i];
        if (!protocol->alpn || !tls_session_has_alpn(conn->tls, protocol->alpn))
            continue;
        conn->app_protocol = protocol;
        return QUIC_PROTOCOL_RAW;
    }
    return QUIC_PROTOCOL_UNKNOWN;
}

void conn_handshake_done(struct quic_conn *conn)
{
    REQUIRE(conn->tls);
    enum quic_protocol wanted = (enum quic_protocol)conn->protocol;
    conn_half_open_done(conn);
    conn->protocol = (uint8_t)agreed_protocol(conn);
    if (conn->protocol == QUIC_PROTOCOL_UNKNOWN || (!conn->is_server && conn->protocol != wanted)) {
        conn_end_alert(conn, ALERT_NO_APPLICATION_PROTOCOL, "no common application protocol");
        return;
    }
    const char *distrust = conn->is_server ? NULL : tls_session_distrust(conn->tls);
    if (distrust) {
        conn_end_alert(conn, ALERT_BAD_CERTIFICATE, distrust);
        return;
    }
    if (conn->is_server)
        conn->server_name = strdup(tls_session_server_name(conn->tls));

    if (conn->protocol == QUIC_PROTOCOL_WEBTRANSPORT) {
        conn->close_at_ns = endpoint_now(conn->endpoint) + conn->endpoint->limits.handshake_ns;
        webtransport_start(conn);
        return;
    }
    int rv = conn_accept_session(conn);
    if (rv != 0)
        conn_refuse(conn, rv);
    else
        conn_session_up(conn);
}

uint32_t conn_code_of(const struct quic_conn *conn, int error)
{
    const struct quic_app *app = conn->endpoint->app;
    return app->code_of ? app->code_of(error) : 0;
}

void conn_refuse(struct quic_conn *conn, int error)
{
    conn_note_refusal(conn, error);
    conn_end_session(conn);
}

void conn_session_up(struct quic_conn *conn)
{
    if (conn->state != CONN_HANDSHAKE)
        return;
    conn->state = CONN_OPEN;
    conn->close_at_ns = CLOCK_NEVER;
    conn->endpoint->app->on_connected(conn);
}

/* ---- The door -------------------------------------------------------------------------------- */

void quic_conn_set_user(struct quic_conn *conn, void *user)
{
    conn->user = user;
}

void *quic_conn_user(const struct quic_conn *conn)
{
    return conn->user;
}

struct quic_endpoint *quic_conn_endpoint(const struct quic_conn *conn)
{
    return conn->endpoint;
}

uint64_t quic_conn_number(const struct quic_conn *conn)
{
    return conn->number;
}

enum quic_protocol quic_conn_protocol(const struct quic_conn *conn)
{
    return (enum quic_protocol)conn->protocol;
}

const struct quic_app_protocol *quic_conn_app_protocol(const struct quic_conn *conn)
{
    return conn->app_protocol;
}

const char *quic_conn_path(const struct quic_conn *conn)
{
    return conn->path ? conn->path : "";
}

const char *quic_conn_origin(const struct quic_conn *conn)
{
    return conn->origin ? conn->origin : "";
}

const char *quic_conn_server_name(const struct quic_conn *conn)
{
    return conn->server_name ? conn->server_name : "";
}

const struct sockaddr *quic_conn_remote(const struct quic_conn *conn)
{
    return &conn->remote.sa;
}

void quic_conn_stats(const struct quic_conn *conn, struct quic_conn_stats *stats)
{
    *stats = (struct quic_conn_stats){.trains_sent = conn->trains_sent};
    if (!conn->quic)
        return;
    ngtcp2_conn_info info;
    ngtcp2_conn_get_conn_info(conn->quic, &info);
    stats->bytes_sent = info.bytes_sent;
    stats->bytes_received = info.bytes_recv;
    stats->packets_sent = info.pkt_sent;
    stats->packets_received = info.pkt_recv;
    stats->packets_lost = info.pkt_lost;
    stats->smoothed_rtt_ns = info.smoothed_rtt;
    stats->congestion_window_bytes = info.cwnd;
    stats->bytes_in_flight = info.bytes_in_flight;
    stats->delivery_rate_bps = rate_bps(&conn->rate);
    const ngtcp2_transport_params *params = ngtcp2_conn_get_remote_transport_params(conn->quic);
    stats->streams_allowed = params ? params->initial_max_streams_bidi : 0;
}
