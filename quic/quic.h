/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* quic: datagrams in, byte streams out. Knows QUIC, TLS and the slice of HTTP/3 that WebTransport
 * needs; knows no MoQ.
 *
 * Glossary
 *   endpoint     one UDP socket's worth of QUIC: finds the connection of a datagram, accepts,
 *                retries, refuses
 *   connection   one peer; above it, raw QUIC and WebTransport (ALPN h3) look the same: one session
 *                of streams
 *   stream       bytes in order; its user is told what arrives and asked for what to send (pull),
 *                never queued for
 *   sink         where datagrams go: a real socket (quic/udp.h) or a simulated network in a test
 *   driver       who calls receive, tick and flush: quic_udp on a libuv loop, or a test with a
 *                virtual clock
 *   turn         one round of a driver's loop: receive all, tick, flush once
 *   train        packets of one connection handed to the kernel in one call (UDP_SEGMENT)
 *
 * Ownership: one thread per endpoint. Nothing is freed inside a callback it was passed to. Codes of
 * streams and sessions are the application's small numbers; their mapping to HTTP/3 codes happens
 * inside. Errors are codes of base/error.h. Sources: RFC 9000, 9001, 9002, 9114, 9204, 9220, 9297,
 * draft-ietf-webtrans-http3-02 to -14. */
#ifndef MOQ_QUIC_H
#define MOQ_QUIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/error.h"
#include "base/now.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

struct quic_endpoint;
struct quic_conn;
struct quic_stream;
struct quic_tls;

/* ---- TLS: certificates and trust ------------------------------------------------------------- */

struct quic_certificate {
    const char *cert_file, *key_file; /* PEM chain and key */
};

struct quic_tls_server_config {
    const struct quic_certificate *certificates;
    size_t certificate_count;
    const char *const *self_signed; /* host names: ECDSA P-256, 14 days, renewed before it ends */
    size_t self_signed_count;
    const char *reset_secret_file; /* what stateless resets are made with, at least 32 bytes of any
                                      kind; NULL: the key of the first of `certificates` */
    const char *reset_scope;   /* mixed in: endpoints that do not know each other's connections must
                                differ in it, and stay the same after a restart; or NULL */
    struct quic_tls *previous; /* what it replaces: a self-signed certificate for the same
                                        names goes on, and so does its fingerprint; or NULL */
};

struct quic_tls_client_config {
    const char *const *root_files; /* PEM; none: the system's roots */
    size_t root_file_count;
    const uint8_t *pinned_sha256; /* 32 bytes: exactly this leaf, nothing else counts; or NULL */
    bool is_verify_disabled;
};

enum { QUIC_FINGERPRINT_BYTES = 32, QUIC_ERROR_TEXT_BYTES = 512 };

/* Shared by any number of connections; counted, so that a reload may replace it under running ones.
 * NULL on failure; `error_text` (QUIC_ERROR_TEXT_BYTES, may be NULL) says which file and why. */
struct quic_tls *quic_tls_server_new(const struct quic_tls_server_config *config, char *error_text);
struct quic_tls *quic_tls_client_new(const struct quic_tls_client_config *config, char *error_text);
struct quic_tls *quic_tls_ref(struct quic_tls *tls);
void quic_tls_unref(struct quic_tls **tls);

/* SHA-256 of the leaf that a browser may pin: the first certificate, and once renewed the new one.
 * MOQ_ERR_NOT_FOUND for a client's. */
int quic_tls_fingerprint(const struct quic_tls *tls, uint8_t out[QUIC_FINGERPRINT_BYTES]);

/* Renews self-signed certificates that end soon, and warns of others that do, a few times before
 * and once at their end. `now_wall_ms`: Unix time. Returns true if something changed. */
bool quic_tls_renew(struct quic_tls *tls, uint64_t now_wall_ms);

/* How packets are encrypted by AES-GCM here. In software one costs about ten times as much as by
 * the processor's instructions, which wolfSSL uses if it was built for them, and by wide ones (quic
 * is built with ipsec-mb, and the processor has VAES and AVX-512) less than half of that. */
enum quic_aes { QUIC_AES_SOFTWARE, QUIC_AES_INSTRUCTIONS, QUIC_AES_WIDE };
enum quic_aes quic_aes_in_use(void);

/* ---- Streams --------------------------------------------------------------------------------- */

void quic_stream_set_user(struct quic_stream *stream, void *user);
void *quic_stream_user(const struct quic_stream *stream);
struct quic_conn *quic_stream_conn(const struct quic_stream *stream);
int64_t quic_stream_id(const struct quic_stream *stream);

/* There is something to pull: joins its connection to the ready list, once. */
void quic_stream_wake(struct quic_stream *stream);

/* Higher goes first; equal ones take turns. */
void quic_stream_set_urgency(struct quic_stream *stream, uint64_t urgency);

/* Ends our direction without the rest of its data, also when its end was written but not
 * acknowledged. Held back until the header is acknowledged where the peer needs that. */
void quic_stream_reset(struct quic_stream *stream, uint32_t code);

/* Asks the peer to end its direction; no more of it is delivered. */
void quic_stream_stop(struct quic_stream *stream, uint32_t code);

/* ---- Connections ----------------------------------------------------------------------------- */

/* Part of the reason with which a client ends when nobody it trusts has signed the server's
 * certificate: the one fault of a certificate that its user can mend. */
#define QUIC_REASON_UNKNOWN_ISSUER "not signed by an issuer that is trusted here"

struct quic_close {
    int error; /* 0: in order; else MOQ_ERR_TIMEOUT, _TLS, _TRANSPORT, _REFUSED, _VERSION, ... */
    uint32_t code; /* the application's code, ours or the peer's; 0 if there was none */
    bool is_remote;
    const char *reason; /* never NULL; valid during the call */
};

/* A protocol that the application speaks, by the names under which peers ask for it. */
struct quic_app_protocol {
    const char *alpn;        /* on raw QUIC; NULL: it is not spoken there */
    const char *subprotocol; /* on WebTransport; NULL: it is what is spoken if none is agreed on */
};

struct quic_app_protocols { /* preferred ones first */
    const struct quic_app_protocol *items;
    size_t count;
};

/* What the application does. `user` is the endpoint's; `conn` and `stream` have users of their own.
 * All of it may call anything but quic_endpoint_free. */
struct quic_app {
    /* What it speaks. With none of them WebTransport alone is accepted, under any name. */
    struct quic_app_protocols protocols;
    /* What a peer is told for an error of ours (base/error.h): why on_accept refused, or
     * MOQ_ERR_BOUNDS for a stream that on_stream did not take. NULL: 0 for all of them. */
    uint32_t (*code_of)(int error);
    /* Server: a session is wanted (CONNECT came, or a raw connection is up). Returns 0 to accept,
     * or a negative code that becomes the HTTP status or close code; on_closed follows then too.
     * May set the connection's user. */
    int (*on_accept)(void *user, struct quic_conn *conn);
    /* Both sides: streams may be opened from now on. */
    void (*on_connected)(struct quic_conn *conn);
    /* The peer opened a stream (of our session). Returns its user, or NULL: it is reset and stopped
     * with the code of MOQ_ERR_BOUNDS. */
    void *(*on_stream)(struct quic_conn *conn, struct quic_stream *stream, bool is_bidi);
    void (*on_data)(struct quic_stream *stream, const uint8_t *data, size_t n, bool is_end);
    void (*on_reset)(struct quic_stream *stream, uint32_t code);
    /* Nothing more can be written; also told when nothing is being written. */
    void (*on_stopped)(struct quic_stream *stream, uint32_t code);
    /* Step 12: the next unsent bytes, up to `max` entries, and whether the stream ends after them.
     * Bytes must stay put until they are acknowledged or the stream is closed. */
    size_t (*on_pull)(struct quic_stream *stream, struct iovec *vec, size_t max, bool *is_end);
    void (*on_sent)(struct quic_stream *stream, size_t n, bool is_end);
    /* The application's bytes before `offset` have arrived. */
    void (*on_acked)(struct quic_stream *stream, uint64_t offset);
    /* Both directions are over; last call about it. */
    void (*on_stream_closed)(struct quic_stream *stream);
    void (*on_credit)(struct quic_conn *conn, bool is_bidi); /* quic_conn_open may succeed again */
    /* A new estimate of quic_conn_stats.delivery_rate_bps: at most one per round trip, and none
     * while the network takes whatever there is to send. May be NULL. */
    void (*on_rate)(struct quic_conn *conn, uint64_t bits_per_second);
    /* Over; each open stream was closed before. Also when it never connected; a server hears of
     * the end of connections that on_accept was called for. Last call about the connection. */
    void (*on_closed)(struct quic_conn *conn, const struct quic_close *why);
    /* When the application wants a turn (a time of the endpoint's clock), or CLOCK_NEVER. Asked
     * after each flush, because the calls above may change it. NULL: never. */
    uint64_t (*due_ns)(void *user);
};

enum quic_protocol { QUIC_PROTOCOL_UNKNOWN, QUIC_PROTOCOL_RAW, QUIC_PROTOCOL_WEBTRANSPORT };

struct quic_conn_stats {
    uint64_t bytes_sent, bytes_received, packets_sent, packets_received, packets_lost, trains_sent;
    uint64_t smoothed_rtt_ns, congestion_window_bytes, bytes_in_flight;
    /* What the network carried, in bits per second, packets' headers but not UDP's included: the
     * highest of the last ten round trips in which there was always more to send than congestion
     * control let go. Times with less to send leave it as it was; 0: there was nothing else yet. */
    uint64_t delivery_rate_bps;
    /* How many bidirectional streams of ours the peer allows at a time (RFC 9000, 18.2:
     * initial_max_streams_bidi). */
    uint64_t streams_allowed;
};

void quic_conn_set_user(struct quic_conn *conn, void *user);
void *quic_conn_user(const struct quic_conn *conn);
struct quic_endpoint *quic_conn_endpoint(const struct quic_conn *conn);
uint64_t quic_conn_number(const struct quic_conn *conn); /* 1, 2, ... per endpoint: for logs */
enum quic_protocol quic_conn_protocol(const struct quic_conn *conn);
/* Which of the application's protocols was agreed on, from on_accept or on_connected on; NULL: the
 * application names none. */
const struct quic_app_protocol *quic_conn_app_protocol(const struct quic_conn *conn);
const char *quic_conn_path(const struct quic_conn *conn);   /* "/demo/bbb?x=y"; "" on raw QUIC */
const char *quic_conn_origin(const struct quic_conn *conn); /* the page that connects, or "" */
const char *quic_conn_server_name(const struct quic_conn *conn); /* SNI, or "" */
const struct sockaddr *quic_conn_remote(const struct quic_conn *conn);
void quic_conn_stats(const struct quic_conn *conn, struct quic_conn_stats *stats);

/* A stream of ours; `user` is its user. NULL: not connected, closed, or the peer allows no more now
 * (on_credit follows). */
struct quic_stream *quic_conn_open(struct quic_conn *conn, bool is_bidi, void *user);

/* Ends the session and then the connection, telling the peer code and reason. on_closed follows,
 * never inside. */
void quic_conn_close(struct quic_conn *conn, uint32_t code, const char *reason);

/* ---- Endpoints ------------------------------------------------------------------------------- */

/* Both keep the window of a flow that pauses or sends less than it allows (docs/relay.md). */
enum quic_congestion { QUIC_CONGESTION_DEFAULT, QUIC_CONGESTION_CUBIC, QUIC_CONGESTION_BBR };

struct quic_limits {             /* 0: the default */
    uint32_t connections;        /* 100000 */
    uint32_t half_open_retry_at; /* so many handshakes under way, or first packets of
                                    late that were none: Retry proves addresses; 100 */
    uint32_t streams_uni;        /* a peer's open streams: 1024 */
    uint32_t streams_bidi;       /* 256 */
    uint64_t handshake_ns;       /* QUIC's, and again as much for the session: 10 s */
    uint64_t idle_ns;            /* 30 s */
    uint64_t keep_alive_ns;      /* a PING after so much silence: 4 s */
};

/* What endpoints of several workers count together, for limits that are about all of them. Atomic;
 * zeros at the start. */
struct quic_commons {
    uint32_t connections, half_open;
};

struct quic_datagram {
    const uint8_t *data;
    size_t size;
    size_t segment_size; /* of every packet but the last; equal to `size`: one packet */
    const struct sockaddr *local, *remote;
    socklen_t local_size, remote_size;
    uint8_t ecn;       /* the two bits of RFC 3168 */
    bool is_forwarded; /* another worker received it and handed it on: it goes no further */
};

enum { QUIC_TRAIN_MAX_BYTES = 65487 }; /* the largest UDP payload that IPv6 takes, too */

struct quic_sink {
    /* Sends one train. 0; MOQ_ERR_AGAIN: call quic_endpoint_writable when there is room again;
     * other errors: dropped. */
    int (*send)(void *self, const struct quic_datagram *train);
    /* Where the next train is to be written so that `send` need not copy it: QUIC_TRAIN_MAX_BYTES
     * that stay where they are, with what is in them, until `send` has taken a train. NULL: the
     * endpoint has a place of its own. */
    uint8_t *(*room)(void *self);
    void *self;
    size_t max_train_packets; /* 1: no GSO */
};

struct quic_endpoint_config {
    const struct moq_clock *clock; /* kept; must outlive the endpoint */
    struct quic_tls *server_tls;   /* a reference is taken; NULL: accepts nothing */
    const struct quic_app *app;    /* kept */
    void *user;
    struct quic_sink sink;
    struct quic_limits limits;
    enum quic_congestion congestion; /* default: CUBIC */
    uint8_t worker;  /* first byte of every connection ID we issue, modulo `workers` */
    uint8_t workers; /* 0 and 1: one worker */
    /* A packet came whose connection ID names another worker: it belongs to that one's endpoint,
     * which receives a copy with is_forwarded set. 0; or an error: it is dropped. NULL: it stays
     * here. */
    int (*forward)(void *self, uint8_t worker, const struct quic_datagram *packet);
    void *forward_self;
    struct quic_commons *commons; /* of several endpoints; NULL: this one is alone */
    const char *qlog_directory;   /* copied; NULL: none */
    const char *keylog_file;      /* copied; NULL: none (SSLKEYLOGFILE is the tools' business) */
    uint64_t seed; /* 0: from the system; else a test's, for the same run every time */
};

/* In the order in which the relay's /stats prints them. */
#define QUIC_ENDPOINT_STATS(X)                                                                     \
    X(connections)                                                                                 \
    X(half_open)                                                                                   \
    X(datagrams_waiting)                                                                           \
    X(accepted)                                                                                    \
    X(refused)                                                                                     \
    X(retries)                                                                                     \
    X(version_negotiations)                                                                        \
    X(handshakes_expired)                                                                          \
    X(handshakes_distrusted)                                                                       \
    X(handshakes_no_protocol)                                                                      \
    X(handshakes_timed_out)                                                                        \
    X(handshakes_failed)                                                                           \
    X(stateless_resets)                                                                            \
    X(paths_shrunk)                                                                                \
    X(datagrams_received)                                                                          \
    X(datagrams_dropped)                                                                           \
    X(datagrams_forwarded)                                                                         \
    X(forwards_dropped)                                                                            \
    X(trains_sent)                                                                                 \
    X(packets_sent)                                                                                \
    X(bytes_sent)                                                                                  \
    X(send_blocked)

struct quic_endpoint_stats {
#define QUIC_ENDPOINT_STAT(name) uint64_t name;
    QUIC_ENDPOINT_STATS(QUIC_ENDPOINT_STAT)
#undef QUIC_ENDPOINT_STAT
};

/* NULL: out of memory or no randomness. */
struct quic_endpoint *quic_endpoint_new(const struct quic_endpoint_config *config);

/* Ends what is left without a word to the peers; on_closed is called. */
void quic_endpoint_free(struct quic_endpoint **endpoint);

/* For connections from now on. A reference is taken; NULL: accepts nothing. */
void quic_endpoint_set_server_tls(struct quic_endpoint *endpoint, struct quic_tls *tls);
/* Whether clients' first packets too come to the worker that their connection ID names. If not
 * (the start), they are taken where they come. */
void quic_endpoint_set_steered(struct quic_endpoint *endpoint, bool is_steered);
void quic_endpoint_stats(const struct quic_endpoint *endpoint, struct quic_endpoint_stats *stats);
enum quic_congestion quic_endpoint_congestion(const struct quic_endpoint *endpoint); /* in use */

/* Client: begins to connect. `url_path` and `authority` are used by WebTransport. NULL: out of
 * memory or TLS set-up failed. */
struct quic_connect_config {
    struct quic_tls *tls; /* a reference is taken */
    enum quic_protocol protocol;
    const char *server_name; /* for SNI and the certificate */
    const char *authority;   /* host:port */
    const char *url_path;    /* "/..." */
    /* What is offered, kept; NULL: all that the endpoint's application speaks. */
    const struct quic_app_protocols *app_protocols;
    const struct sockaddr *local, *remote;
    socklen_t local_size, remote_size;
    void *user;
};
struct quic_conn *quic_endpoint_connect(struct quic_endpoint *endpoint,
                                        const struct quic_connect_config *config);

/* Closes every connection with `code`; new ones are refused from now on. on_closed follows for
 * each. */
void quic_endpoint_shut_down(struct quic_endpoint *endpoint, uint32_t code, const char *reason);

/* The driver's calls, in this order in a turn. */
void quic_endpoint_receive(struct quic_endpoint *endpoint, const struct quic_datagram *datagram);
void quic_endpoint_tick(struct quic_endpoint *endpoint);  /* handles what the clock made due */
void quic_endpoint_flush(struct quic_endpoint *endpoint); /* lets every ready connection write */

/* Flush left ready connections: take another turn soon. */
bool quic_endpoint_has_work(const struct quic_endpoint *endpoint);
/* Of tick, or what the application is due for; UINT64_MAX: none. */
uint64_t quic_endpoint_deadline(const struct quic_endpoint *endpoint);
void quic_endpoint_writable(struct quic_endpoint *endpoint); /* the sink takes datagrams again */

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
