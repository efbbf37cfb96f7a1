/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A small application for tests: a server that echoes, and a client that sends and compares. It
 * records everything in plain fields. */
#ifndef MOQ_TESTS_SIM_PEER_H
#define MOQ_TESTS_SIM_PEER_H

#include "base/bytes.h"
#include "base/list.h"
#include "quic/quic.h"
#include "tests/sim/network.h"

enum { PEER_FLOW_MAX_BYTES = 16 << 20, PEER_REASON_BYTES = 128 };

struct flow { /* one stream */
    struct list link;
    struct peer *peer;
    struct quic_stream *stream; /* NULL when it is closed */
    struct bytes_log out;
    struct bytes_cursor cursor;
    struct byte_buf received;
    uint64_t acked;
    bool is_bidi, is_out_ended, is_end_sent, is_end, is_reset, is_stopped;
    uint32_t reset_code, stop_code;
};

struct peer {            /* the user of an endpoint and of all its connections */
    bool is_echo;        /* sends back what comes on bidirectional streams */
    int accept_error;    /* what on_accept() returns */
    const char *refusal; /* the words that on_accept() sets; NULL: none */
    bool is_stream_refused;
    struct list flows;
    struct quic_conn *conn; /* the last one that connected or was accepted */
    int accepted, connected, closed, streams, credits, rates;
    uint64_t rate_bps; /* as last reported */
    struct quic_close last_close;
    char reason[PEER_REASON_BYTES];
    uint64_t received; /* bytes, over all streams */
};

extern const struct quic_app peer_app;

void peer_init(struct peer *peer, bool is_echo);
void peer_deinit(struct peer *peer);

/* Opens a stream and sends `n` bytes of a pattern, then its end. NULL: the other side allows no
 * stream. */
struct flow *peer_send(struct peer *peer, struct quic_conn *conn, bool is_bidi, size_t n);
struct flow *peer_open(struct peer *peer, struct quic_conn *conn,
                       bool is_bidi); /* sends nothing yet */
void flow_add(struct flow *flow, const void *data, size_t n, bool is_end);
bool flow_has_pattern(const struct flow *flow,
                      size_t n); /* received exactly `n` bytes and the end */

/* For sim_run_until. */
bool peer_is_connected(void *peer);
bool peer_is_closed(void *peer);
bool peer_flows_are_echoed(void *peer); /* each flow has got back what it sent, and the end */

/* TLS for tests: a self-signed certificate for "localhost", and a client that pins it. Both are
 * made once and kept until peer_tls_free(). */
struct quic_tls *peer_server_tls(void);
struct quic_tls *peer_client_tls(void);
void peer_tls_free(void);

#endif
