/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Callbacks of ngtcp2: steps 4 and 16 of a frame's walk. They pass received data to the stream,
 * give back flow control credit at once (because the application copies the bytes), and tell
 * streams what has been acknowledged.
 * Tested by tests/sim/test_streams.c and tests/sim/test_chaos.c. */
#include "quic/conn.h"

#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "quic/aead.h"
#include "quic/endpoint.h"
#include "quic/stream.h"
#include "quic/webtransport.h"
#include "quic/wt_session.h"

enum {
    RESETS_PER_SECOND = 1000, /* rate at which a peer may reset its own streams */
    RESETS_BURST = 8000,      /* with this many more than that, the connection is closed */
};

static ngtcp2_conn *conn_of_ref(ngtcp2_crypto_conn_ref *ref)
{
    return ((struct quic_conn *)ref->user_data)->quic;
}

/* ---- The handshake --------------------------------------------------------------------------- */

static int on_crypto_data(ngtcp2_conn *quic, ngtcp2_encryption_level level, uint64_t offset,
                          const uint8_t *data, size_t n, void *user)
{
    const struct quic_conn *conn = user;
    endpoint_spend_step(conn->endpoint);
    if (conn->tls)
        return ngtcp2_crypto_recv_crypto_data_cb(quic, level, offset, data, n, user);
    ngtcp2_conn_set_tls_alert(quic, ALERT_UNEXPECTED_MESSAGE); /* RFC 9001, section 6 */
    return NGTCP2_ERR_CRYPTO;
}

static int on_handshake_completed(ngtcp2_conn *quic, void *user)
{
    (void)quic;
    conn_wake(user);
    conn_handshake_done(user);
    return 0;
}

static void on_random(uint8_t *out, size_t n, const ngtcp2_rand_ctx *context)
{
    endpoint_random(context->native_handle, out, n);
}

static int on_new_cid(ngtcp2_conn *quic, ngtcp2_cid *cid, uint8_t *token, size_t n, void *user)
{
    (void)quic, (void)n;
    struct quic_conn *conn = user;
    struct quic_endpoint *endpoint = conn->endpoint;
    endpoint_new_cid(endpoint, cid);
    if (endpoint_reset_token(endpoint, cid, token) != 0 ||
        conn_route_add(conn, ROUTE_CID, cid->data, cid->datalen) != 0)
        return NGTCP2_ERR_CALLBACK_FAILURE;
    return 0;
}

static int on_cid_removed(ngtcp2_conn *quic, const ngtcp2_cid *cid, void *user)
{
    (void)quic;
    conn_route_remove(user, ROUTE_CID, cid->data, cid->datalen);
    return 0;
}

/* Keeps the peer's tokens as routes. With such a token the peer can say that it has lost the
 * connection, in a packet without an ID of ours. */
static int on_dcid_status(ngtcp2_conn *quic, ngtcp2_connection_id_status_type type,
                          uint64_t sequence, const ngtcp2_cid *cid, const uint8_t *token,
                          void *user)
{
    (void)quic, (void)sequence, (void)cid;
    if (token && type == NGTCP2_CONNECTION_ID_STATUS_TYPE_DEACTIVATE)
        conn_route_remove(user, ROUTE_TOKEN, token, ROUTE_TOKEN_BYTES);
    else if (token && conn_route_add(user, ROUTE_TOKEN, token, ROUTE_TOKEN_BYTES) == MOQ_ERR_NOMEM)
        return NGTCP2_ERR_CALLBACK_FAILURE;
    return 0;
}

static int on_stateless_reset(ngtcp2_conn *quic, const ngtcp2_pkt_stateless_reset *reset,
                              void *user)
{
    (void)quic, (void)reset;
    conn_end_local(user, MOQ_ERR_TRANSPORT, FAREWELL_NONE, 0,
                   "the peer no longer knows this connection");
    return 0;
}

static int on_more_streams_bidi(ngtcp2_conn *quic, uint64_t max_streams, void *user)
{
    (void)quic, (void)max_streams;
    struct quic_conn *conn = user;
    if (conn->wt)
        wt_session_credit(conn->wt);
    if (conn->state == CONN_OPEN)
        conn->endpoint->app->on_credit(conn, true);
    return 0;
}

static int on_more_streams_uni(ngtcp2_conn *quic, uint64_t max_streams, void *user)
{
    (void)quic, (void)max_streams;
    struct quic_conn *conn = user;
    if (conn->wt)
        wt_session_credit(conn->wt);
    if (conn->state == CONN_OPEN)
        conn->endpoint->app->on_credit(conn, false);
    return 0;
}

static int on_datagram(ngtcp2_conn *quic, uint32_t flags, const uint8_t *data, size_t n, void *user)
{
    (void)quic, (void)flags;
    struct quic_conn *conn = user;
    if (conn->wt)
        wt_session_datagram(conn->wt, data, n);
    return 0;
}

/* The peer has moved: packets went to another address until now. */
static int on_path_validation(ngtcp2_conn *quic, uint32_t flags, const ngtcp2_path *path,
                              const ngtcp2_path *fallback, void *user)
{
    (void)flags, (void)fallback;
    struct quic_conn *conn = user;
    if (ngtcp2_path_eq(path, ngtcp2_conn_get_path(quic)))
        path_mtu_moved(&conn->mtu);
    return 0;
}

static int on_path_validated(ngtcp2_conn *quic, uint32_t flags, const ngtcp2_path *path,
                             const ngtcp2_path *fallback, ngtcp2_path_validation_result result,
                             void *user)
{
    (void)quic, (void)flags, (void)fallback;
    struct quic_conn *conn = user;
    path_mtu_arrived(&conn->mtu, endpoint_now(conn->endpoint));
    if (result != NGTCP2_PATH_VALIDATION_RESULT_SUCCESS ||
        path->remote.addrlen > sizeof conn->remote)
        return 0;
    if (memcmp(&conn->remote, path->remote.addr, path->remote.addrlen) != 0)
        log_debug(LOG_QUIC, "connection %llu moved to another address",
                  (unsigned long long)conn->number);
    memcpy(&conn->remote, path->remote.addr, path->remote.addrlen);
    return 0;
}

/* ---- Streams --------------------------------------------------------------------------------- */

static int on_stream_open(ngtcp2_conn *quic, int64_t id, void *user)
{
    struct quic_conn *conn = user;
    bool is_h3 = conn->wt != NULL;
    struct quic_stream *stream = stream_new(conn, id, STREAM_UNDECIDED);
    if (!stream) {
        ngtcp2_conn_shutdown_stream(quic, 0, id, H3_INTERNAL_ERROR);
        return 0;
    }
    stream->is_write_over = stream->is_cut = !stream_is_bidi(stream);
    ngtcp2_conn_set_stream_user_data(quic, id, stream);
    if (conn->state != CONN_OPEN && !is_h3)
        stream_refuse(stream, h3_code_from_app(0));
    else if (!is_h3)
        stream_introduce(stream);
    return 0;
}

static void deliver_stream_bytes(struct quic_stream *stream, const uint8_t *data, size_t n,
                                 bool is_end)
{
    switch ((enum stream_kind)stream->kind) {
    case STREAM_APPLICATION:
        if (stream->conn->state == CONN_OPEN && stream->is_known)
            stream->conn->endpoint->app->on_data(stream, data, n, is_end);
        break;
    case STREAM_UNDECIDED:
    case STREAM_INTERNAL:
    case STREAM_PARKED:
        webtransport_received(stream, data, n, is_end);
        break;
    case STREAM_DISCARDED:
        break;
    }
}

/* house: parameters (ngtcp2 gives them) */
static int on_stream_data(ngtcp2_conn *quic, uint32_t flags, int64_t id, uint64_t offset,
                          const uint8_t *data, size_t n, void *user, void *stream_user)
{
    (void)offset;
    struct quic_conn *conn = user;
    struct quic_stream *stream = stream_user;
    conn_wake(conn);
    keep_alive_heard(&conn->keep_alive, quic, endpoint_now(conn->endpoint));
    ngtcp2_conn_extend_max_offset(quic, n);
    ngtcp2_conn_extend_max_stream_offset(quic, id, n);
    if (stream)
        deliver_stream_bytes(stream, data, n, (flags & NGTCP2_STREAM_DATA_FLAG_FIN) != 0);
    return 0;
}

static int on_acked(ngtcp2_conn *quic, int64_t id, uint64_t offset, uint64_t n, void *user,
                    void *stream_user)
{
    (void)quic, (void)id, (void)user;
    if (stream_user)
        stream_acked(stream_user, offset + n);
    return 0;
}

/* Counts a reset by the peer. Opening streams and resetting them at once is cheap for a peer and
 * expensive for us (rapid reset, CVE-2023-44487). */
static void count_reset(struct quic_conn *conn)
{
    uint64_t now = endpoint_now(conn->endpoint);
    uint64_t drained = (now - conn->resets_at_ns) / (NS_PER_S / RESETS_PER_SECOND);
    if (drained > 0) {
        conn->resets -= drained < conn->resets ? drained : conn->resets;
        conn->resets_at_ns = now;
    }
    if (++conn->resets > RESETS_BURST)
        conn_end_local(conn, MOQ_ERR_BOUNDS, FAREWELL_APP,
                       conn->wt ? H3_EXCESSIVE_LOAD : conn_code_of(conn, MOQ_ERR_BOUNDS),
                       "too many resets");
}

static int on_stream_reset(ngtcp2_conn *quic, int64_t id, uint64_t final_size, uint64_t wire_code,
                           void *user, void *stream_user)
{
    (void)quic, (void)id, (void)final_size;
    struct quic_conn *conn = user;
    struct quic_stream *stream = stream_user;
    conn_wake(conn);
    if (!stream)
        return 0;
    if (!stream_is_local(stream))
        count_reset(conn);
    if (stream->kind != STREAM_APPLICATION)
        webtransport_stream_reset(stream, wire_code);
    else if (stream->is_known && conn->state == CONN_OPEN)
        conn->endpoint->app->on_reset(stream, stream_code_from_wire(conn, wire_code));
    return 0;
}

/* The peer wants no more of a stream. ngtcp2 answers with a reset by itself, and nothing more can
 * be written. */
static int on_stop_sending(ngtcp2_conn *quic, int64_t id, uint64_t wire_code, void *user,
                           void *stream_user)
{
    (void)quic, (void)id;
    struct quic_conn *conn = user;
    struct quic_stream *stream = stream_user;
    conn_wake(conn);
    if (!stream)
        return 0;
    stream->is_write_over = stream->is_cut = true;
    stream_unschedule(stream);
    if (stream->kind != STREAM_APPLICATION)
        webtransport_stream_stopped(stream, wire_code);
    else if (stream->is_known && conn->state == CONN_OPEN)
        conn->endpoint->app->on_stopped(stream, stream_code_from_wire(conn, wire_code));
    return 0;
}

static int on_stream_close(ngtcp2_conn *quic, uint32_t flags, int64_t id, uint64_t wire_code,
                           void *user, void *stream_user)
{
    (void)flags, (void)wire_code;
    struct quic_conn *conn = user;
    struct quic_stream *stream = stream_user;
    bool is_local = ((id & 1) != 0) == conn->is_server;
    conn_wake(conn);
    if (!is_local && (id & 2))
        ngtcp2_conn_extend_max_streams_uni(quic, 1);
    else if (!is_local)
        ngtcp2_conn_extend_max_streams_bidi(quic, 1);

    if (!stream && conn->wt)
        wt_session_stream_closed(conn->wt, id);
    if (stream && stream->kind == STREAM_PARKED)
        stream->internal->is_parked_closed = true;
    else if (stream)
        stream_close(stream);
    return 0;
}

static int on_more_stream_data(ngtcp2_conn *quic, int64_t id, uint64_t max_data, void *user,
                               void *stream_user)
{
    (void)quic, (void)id, (void)max_data, (void)user;
    struct quic_stream *stream = stream_user;
    if (!stream || !stream->is_blocked)
        return 0;
    stream->is_blocked = false;
    stream_schedule(stream);
    return 0;
}

void conn_callbacks(ngtcp2_callbacks *callbacks, bool is_server)
{
    *callbacks = (ngtcp2_callbacks){
        .recv_crypto_data = on_crypto_data,
        .encrypt = aead_encrypt,
        .decrypt = aead_decrypt,
        .hp_mask = aead_mask,
        .update_key = aead_update_key,
        .delete_crypto_aead_ctx = aead_delete,
        .delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb,
        .get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb,
        .version_negotiation = ngtcp2_crypto_version_negotiation_cb,
        .rand = on_random,
        .get_new_connection_id = on_new_cid,
        .remove_connection_id = on_cid_removed,
        .dcid_status = on_dcid_status,
        .recv_stateless_reset = on_stateless_reset,
        .handshake_completed = on_handshake_completed,
        .path_validation = on_path_validated,
        .begin_path_validation = on_path_validation,
        .extend_max_local_streams_bidi = on_more_streams_bidi,
        .extend_max_local_streams_uni = on_more_streams_uni,
        .recv_datagram = on_datagram,
        .stream_open = on_stream_open,
        .recv_stream_data = on_stream_data,
        .acked_stream_data_offset = on_acked,
        .stream_reset = on_stream_reset,
        .recv_stop_sending = on_stop_sending,
        .stream_close = on_stream_close,
        .extend_max_stream_data = on_more_stream_data,
    };
    if (is_server) {
        callbacks->recv_client_initial = ngtcp2_crypto_recv_client_initial_cb;
    } else {
        callbacks->client_initial = ngtcp2_crypto_client_initial_cb;
        callbacks->recv_retry = ngtcp2_crypto_recv_retry_cb;
    }
}

void conn_ref_init(struct quic_conn *conn)
{
    conn->ref.get_conn = conn_of_ref;
    conn->ref.user_data = conn;
}
