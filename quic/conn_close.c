/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* How a connection ends. The reason is noted where it appears. The next flush carries out the end:
 * it tells the peer, then the application. What remains of the connection answers late packets for
 * three probe time-outs (RFC 9000, section 10.2), without ngtcp2 or TLS.
 * Tested by tests/sim/test_closing.c and tests/sim/test_strangers.c. */
#include "quic/conn.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "quic/endpoint.h"
#include "quic/stream.h"
#include "quic/tls.h"
#include "quic/webtransport.h"
#include "quic/wt_session.h"

enum { CRYPTO_ERROR = 0x100, CRYPTO_ERROR_MAX = 0x1ff, LINGER_PTOS = 3 };

/* ---- Noting the reason ----------------------------------------------------------------------- */

/* When out of memory, the end has no reason; its code and error are kept. */
static void set_reason(struct conn_end *end, const void *reason, size_t n)
{
    free(end->reason);
    end->reason =
        n > 0 ? strndup(reason, n < CLOSE_REASON_MAX_BYTES ? n : CLOSE_REASON_MAX_BYTES - 1) : NULL;
}

const char *conn_reason(const struct quic_conn *conn)
{
    return conn->end.reason ? conn->end.reason : "";
}

void conn_set_app_close(struct quic_conn *conn, uint32_t code, const char *reason, bool is_remote)
{
    struct conn_end *end = &conn->end;
    if (end->is_set)
        return;
    end->is_set = true;
    end->code = code;
    end->is_remote = is_remote;
    set_reason(end, reason, reason ? strlen(reason) : 0);
}

void quic_conn_set_refusal(struct quic_conn *conn, const char *words)
{
    if (conn->state == CONN_HANDSHAKE && !conn->end.is_set)
        set_reason(&conn->end, words, strlen(words));
}

void conn_note_refusal(struct quic_conn *conn, int error)
{
    struct conn_end *end = &conn->end;
    const char *words = moq_error_words(error);
    if (end->is_set)
        return;
    end->is_set = true;
    end->code = conn_code_of(conn, error);
    end->error = MOQ_ERR_REFUSED;
    if (!end->reason)
        set_reason(end, words, strlen(words));
}

static void set_error(struct quic_conn *conn, int error, const char *reason)
{
    if (conn->end.is_set)
        return;
    conn->end.is_set = true;
    conn->end.error = error;
    set_reason(&conn->end, reason, strlen(reason));
}

void conn_end_local(struct quic_conn *conn, int error, enum conn_farewell farewell,
                    uint64_t wire_code, const char *reason)
{
    if (!conn_is_alive(conn))
        return;
    set_error(conn, error, reason);
    conn->end.farewell = farewell;
    conn->end.wire_code = wire_code;
    conn->state = CONN_ENDING;
    conn_wake(conn);
}

void conn_end_alert(struct quic_conn *conn, uint8_t alert, const char *reason)
{
    if (!conn->end.is_set)
        conn->end.alert = alert;
    conn_end_local(conn, MOQ_ERR_TLS, FAREWELL_TRANSPORT, (uint64_t)CRYPTO_ERROR | alert, reason);
}

void conn_end_session(struct quic_conn *conn)
{
    uint32_t code = conn->end.code;
    uint64_t wire_code = conn->protocol == QUIC_PROTOCOL_RAW ? code : h3_code_from_app(code);
    conn_end_local(conn, 0, FAREWELL_APP, wire_code, "");
}

/* Describes a transport error of the peer, which often has no reason. */
static void describe_peer_error(struct conn_end *end, uint64_t code)
{
    if (end->reason || code == NGTCP2_NO_ERROR)
        return;
    char words[CLOSE_REASON_MAX_BYTES];
    unsigned long long alert = code & 0xff;
    if (code >= CRYPTO_ERROR && code <= CRYPTO_ERROR_MAX)
        snprintf(words, sizeof words, "the peer reports: %s (TLS alert %llu)",
                 conn_alert_words((uint8_t)alert), alert);
    else
        snprintf(words, sizeof words, "the peer reports QUIC error 0x%llx",
                 (unsigned long long)code);
    set_reason(end, words, strlen(words));
}

/* Notes that the peer has sent an application's CONNECTION_CLOSE. Codes 0 and H3_NO_ERROR come from
 * peers that simply leave. */
static void note_app_close(struct quic_conn *conn, const ngtcp2_ccerr *from)
{
    int64_t code = conn->protocol == QUIC_PROTOCOL_RAW && from->error_code <= UINT32_MAX
                       ? (int64_t)from->error_code
                       : h3_code_to_app(from->error_code);
    bool is_orderly = code >= 0 || from->error_code == 0 || from->error_code == H3_NO_ERROR;
    conn->end.error = is_orderly ? 0 : MOQ_ERR_TRANSPORT;
    conn->end.code = code >= 0 ? (uint32_t)code : 0;
}

static int error_of_transport_code(const struct quic_conn *conn, uint64_t code)
{
    if (code >= CRYPTO_ERROR && code <= CRYPTO_ERROR_MAX)
        return MOQ_ERR_TLS;
    if (code == NGTCP2_CONNECTION_REFUSED)
        return MOQ_ERR_REFUSED;
    if (code == NGTCP2_APPLICATION_ERROR && conn->state == CONN_HANDSHAKE)
        return MOQ_ERR_REFUSED;
    return code == NGTCP2_NO_ERROR ? 0 : MOQ_ERR_TRANSPORT;
}

static void note_peer_close(struct quic_conn *conn)
{
    const ngtcp2_ccerr *from = ngtcp2_conn_get_ccerr(conn->quic);
    struct conn_end *end = &conn->end;
    end->is_peer_closing = true;
    log_debug(LOG_QUIC, "connection %" PRIu64 ": the peer closes it with code 0x%" PRIx64 ": %.*s",
              conn->number, from->error_code, (int)from->reasonlen, (const char *)from->reason);
    if (end->is_set)
        return;
    end->is_set = end->is_remote = true;
    set_reason(end, from->reason, from->reasonlen);
    if (from->type == NGTCP2_CCERR_TYPE_APPLICATION) {
        note_app_close(conn, from);
        return;
    }
    end->error = error_of_transport_code(conn, from->error_code);
    if (end->error == MOQ_ERR_TLS)
        end->alert = (uint8_t)from->error_code;
    describe_peer_error(end, from->error_code);
}

static void end_by_error(struct quic_conn *conn, int rv)
{
    if (rv == NGTCP2_ERR_CRYPTO) {
        uint8_t alert = ngtcp2_conn_get_tls_alert(conn->quic);
        const char *words = conn->tls ? tls_session_failure(conn->tls) : NULL;
        conn_end_alert(conn, alert, words ? words : conn_alert_words(alert));
        return;
    }
    uint64_t code = ngtcp2_err_infer_quic_transport_error_code(rv);
    int error = rv == NGTCP2_ERR_NOMEM ? MOQ_ERR_NOMEM : MOQ_ERR_TRANSPORT;
    conn_end_local(conn, error, FAREWELL_TRANSPORT, code, ngtcp2_strerror(rv));
}

void conn_end_library(struct quic_conn *conn, int rv)
{
    if (!conn_is_alive(conn))
        return;
    log_debug(LOG_QUIC, "connection %" PRIu64 " ends: %s", conn->number, ngtcp2_strerror(rv));
    switch (rv) {
    case NGTCP2_ERR_DRAINING:
        note_peer_close(conn);
        conn_end_local(conn, 0, FAREWELL_NONE, 0, "");
        break;
    case NGTCP2_ERR_IDLE_CLOSE:
        conn_end_local(conn, MOQ_ERR_TIMEOUT, FAREWELL_NONE, 0, "the peer was silent for too long");
        break;
    case NGTCP2_ERR_HANDSHAKE_TIMEOUT:
        conn_end_local(conn, MOQ_ERR_TIMEOUT, FAREWELL_NONE, 0, "the handshake took too long");
        break;
    case NGTCP2_ERR_RETRY:
        conn->end.is_retry_wanted = true;
        conn_end_local(conn, MOQ_ERR_TRANSPORT, FAREWELL_NONE, 0,
                       "the client has to prove its address");
        break;
    case NGTCP2_ERR_DROP_CONN:
        conn->end.is_false_start = true;
        conn_end_local(conn, MOQ_ERR_TRANSPORT, FAREWELL_NONE, 0,
                       "the first packet is not a valid one");
        break;
    case NGTCP2_ERR_RECV_VERSION_NEGOTIATION:
        conn_end_local(conn, MOQ_ERR_VERSION, FAREWELL_NONE, 0,
                       "the server speaks no QUIC version that we speak");
        break;
    default:
        end_by_error(conn, rv);
        break;
    }
}

void quic_conn_close(struct quic_conn *conn, uint32_t code, const char *reason)
{
    if (!conn_is_alive(conn) || conn->state == CONN_TURNING_AWAY ||
        conn->state == CONN_SESSION_CLOSING)
        return;
    conn_set_app_close(conn, code, reason, false);
    if (conn->wt && conn->state == CONN_OPEN)
        webtransport_close(conn, code, conn_reason(conn));
    else
        conn_end_session(conn);
}

void conn_close_overdue(struct quic_conn *conn)
{
    if (conn->state == CONN_TURNING_AWAY)
        webtransport_close(conn, conn->end.code, conn_reason(conn));
    else if (conn->state == CONN_SESSION_CLOSING)
        conn_end_session(conn);
    else
        conn_end_local(conn, MOQ_ERR_TIMEOUT, FAREWELL_APP, H3_NO_ERROR,
                       "no session was established in time");
}

/* ---- Carrying it out ------------------------------------------------------------------------- */

void conn_tell(struct quic_conn *conn)
{
    const struct quic_app *app = conn->endpoint->app;
    while (!list_is_empty(&conn->streams)) {
        struct quic_stream *stream = container_of(conn->streams.next, struct quic_stream, link);
        if (stream->is_known)
            app->on_stream_closed(stream);
        stream->is_known = false;
        stream_bury(stream);
    }
    if (!conn->is_known)
        return;
    conn->is_known = false;
    struct quic_close why = {.error = conn->end.error,
                             .code = conn->end.code,
                             .is_remote = conn->end.is_remote,
                             .reason = conn_reason(conn)};
    app->on_closed(conn, &why);
}

/* Writes CONNECTION_CLOSE to `out`. Returns its size; 0 if the peer is not to be told. */
static size_t write_close(struct quic_conn *conn, ngtcp2_path_storage *path, uint8_t *out)
{
    const struct conn_end *end = &conn->end;
    const char *words = conn_reason(conn);
    const uint8_t *reason = (const uint8_t *)words;
    ngtcp2_ccerr error;
    if (end->farewell == FAREWELL_NONE)
        return 0;
    if (end->farewell == FAREWELL_APP)
        ngtcp2_ccerr_set_application_error(&error, end->wire_code, reason, strlen(words));
    else
        ngtcp2_ccerr_set_transport_error(&error, end->wire_code, reason, strlen(words));

    ngtcp2_pkt_info info;
    ngtcp2_path_storage_zero(path);
    ngtcp2_ssize n = ngtcp2_conn_write_connection_close(conn->quic, &path->path, &info, out,
                                                        NGTCP2_MAX_UDP_PAYLOAD_SIZE, &error,
                                                        endpoint_now(conn->endpoint));
    return n > 0 ? (size_t)n : 0;
}

/* Keeps the close packet of `n` bytes, or only the routes if `n` is 0. Returns false if the
 * connection cannot linger. */
static bool start_lingering(struct quic_conn *conn, const uint8_t *packet, size_t n,
                            uint64_t until_ns)
{
    struct quic_endpoint *endpoint = conn->endpoint;
    if (endpoint->lingering_count >= LINGERING_MAX)
        return false;
    conn->linger = malloc(sizeof *conn->linger + n);
    if (!conn->linger)
        return false;
    *conn->linger = (struct conn_linger){.packet_size = n};
    memcpy(conn->linger->packet, packet, n);
    conn->state = CONN_LINGERING;
    conn->close_at_ns = until_ns;
    endpoint->lingering_count++;
    list_remove(&conn->link);
    list_push_back(&endpoint->lingering, &conn->link);
    return true;
}

void conn_release(struct quic_conn *conn)
{
    struct quic_endpoint *endpoint = conn->endpoint;
    if (conn->is_released)
        return;
    conn->is_released = true;
    conn_half_open_done(conn);
    while (!list_is_empty(&conn->streams))
        stream_bury(container_of(conn->streams.next, struct quic_stream, link));
    wt_session_free(&conn->wt);
    ngtcp2_conn_del(conn->quic);
    conn->quic = NULL;
    tls_session_free(&conn->tls);
    if (conn->qlog)
        fclose(conn->qlog);
    conn->qlog = NULL;
    free(conn->end.reason);
    conn->end.reason = NULL;
    list_remove(&conn->ready);
    endpoint_count_conn(endpoint, -1);
}

void conn_forget(struct quic_conn *conn)
{
    struct quic_endpoint *endpoint = conn->endpoint;
    if (conn->state == CONN_LINGERING)
        endpoint->lingering_count--;
    conn_routes_clear(conn);
    list_remove(&conn->link);
    list_push_back(&endpoint->dead_conns, &conn->link);
}

void conn_finish(struct quic_conn *conn)
{
    REQUIRE(conn->state == CONN_ENDING && conn->quic);
    struct quic_endpoint *endpoint = conn->endpoint;
    ngtcp2_path_storage path;
    uint64_t until_ns = endpoint_now(endpoint) + LINGER_PTOS * ngtcp2_conn_get_pto(conn->quic);
    uint8_t *packet = endpoint_room(endpoint);
    size_t n = write_close(conn, &path, packet);
    bool is_lingering =
        (n > 0 || conn->end.is_peer_closing) && start_lingering(conn, packet, n, until_ns);
    if (n > 0)
        endpoint_send(endpoint, &path.path, n, n, 0);

    conn_count_handshake(conn);
    conn_tell(conn);
    conn_release(conn);
    conn_set_deadline(conn);
    if (!is_lingering)
        conn_forget(conn);
}

static bool is_power_of_two(uint64_t n)
{
    return (n & (n - 1)) == 0;
}

/* Repeats our CONNECTION_CLOSE, less and less often, and never with more than three times the bytes
 * that came. */
void conn_linger_receive(struct quic_conn *conn, const ngtcp2_path *path, size_t n)
{
    struct conn_linger *left = conn->linger;
    left->received++;
    if (left->packet_size == 0 || n * 3 < left->packet_size || !is_power_of_two(left->received))
        return;
    endpoint_send_packet(conn->endpoint, path, 0, left->packet, left->packet_size);
}
