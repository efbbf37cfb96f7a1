/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The echo works like real applications: bytes stay in a log until they are acknowledged, and are
 * pulled from there. */
#include "tests/sim/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

static struct flow *flow_new(struct peer *peer, bool is_bidi)
{
    struct flow *flow = calloc(1, sizeof *flow);
    REQUIRE(flow);
    flow->peer = peer;
    flow->is_bidi = is_bidi;
    bytes_log_init(&flow->out);
    bytes_cursor_init(&flow->cursor, &flow->out);
    byte_buf_init(&flow->received, PEER_FLOW_MAX_BYTES);
    list_push_back(&peer->flows, &flow->link);
    return flow;
}

static void flow_free(struct flow *flow)
{
    list_remove(&flow->link);
    bytes_log_deinit(&flow->out);
    byte_buf_deinit(&flow->received);
    free(flow);
}

void peer_init(struct peer *peer, bool is_echo)
{
    *peer = (struct peer){.is_echo = is_echo};
    list_init(&peer->flows);
}

void peer_deinit(struct peer *peer)
{
    while (!list_is_empty(&peer->flows))
        flow_free(container_of(peer->flows.next, struct flow, link));
}

/* ---- What the endpoint calls ----------------------------------------------------------------- */

static int on_accept(void *user, struct quic_conn *conn)
{
    struct peer *peer = user;
    if (peer->refusal)
        quic_conn_set_refusal(conn, peer->refusal);
    if (peer->accept_error != 0)
        return peer->accept_error;
    peer->accepted++;
    quic_conn_set_user(conn, peer);
    return 0;
}

static void on_connected(struct quic_conn *conn)
{
    struct peer *peer = quic_conn_user(conn);
    peer->connected++;
    peer->conn = conn;
}

static void *on_stream(struct quic_conn *conn, struct quic_stream *stream, bool is_bidi)
{
    struct peer *peer = quic_conn_user(conn);
    if (peer->is_stream_refused)
        return NULL;
    struct flow *flow = flow_new(peer, is_bidi);
    flow->stream = stream;
    peer->streams++;
    return flow;
}

static void on_data(struct quic_stream *stream, const uint8_t *data, size_t n, bool is_end)
{
    struct flow *flow = quic_stream_user(stream);
    REQUIRE(!flow->is_end);
    flow->peer->received += n;
    flow->is_end = is_end;
    if (flow->peer->is_echo && flow->is_bidi)
        flow_add(flow, data, n, is_end);
    else
        REQUIRE(byte_buf_append(&flow->received, data, n) == 0);
}

static void on_reset(struct quic_stream *stream, uint32_t code)
{
    struct flow *flow = quic_stream_user(stream);
    flow->is_reset = true;
    flow->reset_code = code;
}

static void on_stopped(struct quic_stream *stream, uint32_t code)
{
    struct flow *flow = quic_stream_user(stream);
    flow->is_stopped = true;
    flow->stop_code = code;
}

static size_t on_pull(struct quic_stream *stream, struct iovec *vec, size_t max, bool *is_end)
{
    struct flow *flow = quic_stream_user(stream);
    size_t limit = SIZE_MAX >> 1, n = bytes_cursor_peek(&flow->cursor, vec, max, limit);
    size_t size = 0;
    for (size_t i = 0; i < n; i++)
        size += vec[i].iov_len;
    *is_end = flow->is_out_ended && size == bytes_cursor_available(&flow->cursor);
    return n;
}

static void on_sent(struct quic_stream *stream, size_t n, bool is_end)
{
    struct flow *flow = quic_stream_user(stream);
    bytes_cursor_advance(&flow->cursor, n);
    flow->is_end_sent = is_end;
}

static void on_acked(struct quic_stream *stream, uint64_t offset)
{
    struct flow *flow = quic_stream_user(stream);
    REQUIRE(offset <= bytes_log_length(&flow->out));
    flow->acked = offset;
}

static void on_stream_closed(struct quic_stream *stream)
{
    struct flow *flow = quic_stream_user(stream);
    flow->stream = NULL;
    if (flow->peer->is_echo)
        flow_free(flow);
}

static void on_credit(struct quic_conn *conn, bool is_bidi)
{
    (void)is_bidi;
    ((struct peer *)quic_conn_user(conn))->credits++;
}

static void on_rate(struct quic_conn *conn, uint64_t bits_per_second)
{
    struct peer *peer = quic_conn_user(conn);
    peer->rates++;
    peer->rate_bps = bits_per_second;
}

static void on_closed(struct quic_conn *conn, const struct quic_close *why)
{
    struct peer *peer = quic_conn_user(conn);
    if (!peer)
        return;
    if (peer->conn == conn)
        peer->conn = NULL;
    peer->closed++;
    peer->last_close = *why;
    snprintf(peer->reason, sizeof peer->reason, "%s", why->reason);
    peer->last_close.reason = peer->reason;
}

/* Raw QUIC under transfork's name, for tests with a relay. */
static const struct quic_app_protocol protocols[] = {{.alpn = "moqf-02"}};

static uint32_t code_of(int error)
{
    return (uint32_t)-error;
}

const struct quic_app peer_app = {
    .protocols = {protocols, 1},
    .code_of = code_of,
    .on_accept = on_accept,
    .on_connected = on_connected,
    .on_stream = on_stream,
    .on_data = on_data,
    .on_reset = on_reset,
    .on_stopped = on_stopped,
    .on_pull = on_pull,
    .on_sent = on_sent,
    .on_acked = on_acked,
    .on_stream_closed = on_stream_closed,
    .on_credit = on_credit,
    .on_rate = on_rate,
    .on_closed = on_closed,
};

/* ---- What tests do --------------------------------------------------------------------------- */

static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 31 + (i >> 8) * 7 + (i >> 16));
}

struct flow *peer_open(struct peer *peer, struct quic_conn *conn, bool is_bidi)
{
    struct flow *flow = flow_new(peer, is_bidi);
    flow->stream = quic_conn_open(conn, is_bidi, flow);
    if (flow->stream)
        return flow;
    flow_free(flow);
    return NULL;
}

struct flow *peer_send(struct peer *peer, struct quic_conn *conn, bool is_bidi, size_t n)
{
    struct flow *flow = peer_open(peer, conn, is_bidi);
    if (!flow)
        return NULL;
    uint8_t block[1024];
    for (size_t done = 0; done < n;) {
        size_t size = n - done < sizeof block ? n - done : sizeof block;
        for (size_t i = 0; i < size; i++)
            block[i] = pattern(done + i);
        flow_add(flow, block, size, false);
        done += size;
    }
    flow_add(flow, NULL, 0, true);
    return flow;
}

void flow_add(struct flow *flow, const void *data, size_t n, bool is_end)
{
    if (n > 0)
        REQUIRE(bytes_log_append(&flow->out, data, n) == 0);
    flow->is_out_ended = is_end;
    if (flow->stream)
        quic_stream_wake(flow->stream);
}

bool flow_has_pattern(const struct flow *flow, size_t n)
{
    if (!flow->is_end || flow->received.size != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (flow->received.data[i] != pattern(i))
            return false;
    return true;
}

bool peer_is_connected(void *peer)
{
    return ((struct peer *)peer)->connected > 0;
}

bool peer_is_closed(void *peer)
{
    return ((struct peer *)peer)->closed > 0;
}

bool peer_flows_are_echoed(void *self)
{
    struct peer *peer = self;
    list_for_each (node, &peer->flows) {
        struct flow *flow = container_of(node, struct flow, link);
        if (!flow->is_end || flow->received.size != bytes_log_length(&flow->out))
            return false;
    }
    return true;
}

/* ---- TLS ------------------------------------------------------------------------------------- */

static struct quic_tls **tls_of(bool is_server)
{
    static struct quic_tls *server, *client;
    return is_server ? &server : &client;
}

struct quic_tls *peer_server_tls(void)
{
    struct quic_tls **tls = tls_of(true);
    const char *names[] = {"localhost"};
    const struct quic_tls_server_config config = {.self_signed = names, .self_signed_count = 1};
    if (!*tls)
        *tls = quic_tls_server_new(&config, NULL);
    REQUIRE(*tls);
    return *tls;
}

struct quic_tls *peer_client_tls(void)
{
    struct quic_tls **tls = tls_of(false);
    uint8_t pin[QUIC_FINGERPRINT_BYTES];
    REQUIRE(quic_tls_fingerprint(peer_server_tls(), pin) == 0);
    const struct quic_tls_client_config config = {.pinned_sha256 = pin};
    if (!*tls)
        *tls = quic_tls_client_new(&config, NULL);
    REQUIRE(*tls);
    return *tls;
}

void peer_tls_free(void)
{
    quic_tls_unref(tls_of(true));
    quic_tls_unref(tls_of(false));
}
