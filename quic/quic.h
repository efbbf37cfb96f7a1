/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* quic: datagrams in, byte streams out. It has QUIC, TLS, and the part of HTTP/3 that WebTransport
 * needs. It does not know MoQ.
 *
 * Glossary endpoint     QUIC on one UDP socket: finds the connection of a datagram, accepts new
 * ones, sends Retry, refuses connection   one peer with one session of streams; raw QUIC and
 * WebTransport (ALPN h3) look the same to the application stream       bytes in order; its user is
 * told what arrives, and is asked for bytes to send (pull); nothing is queued for it sink
 * where datagrams go: a real socket (quic/udp.h), or a simulated network in a test driver
 * calls receive, tick and flush: quic_udp on a libuv loop, or a test with a virtual clock turn
 * one round of a driver's loop: receive everything, tick, flush once train        packets of one
 * connection that the kernel gets in one call (UDP_SEGMENT)
 *
 * Each endpoint belongs to one thread. Nothing is freed inside a callback that it was passed to.
 * Codes of streams and sessions are the small numbers of the application; quic maps them to codes
 * of HTTP/3. Errors are codes of base/error.h. Sources: RFC 9000, 9001, 9002, 9114, 9204, 9220,
 * 9297, draft-ietf-webtrans-http3-02 to -14. */
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
    /* Host names for a self-signed certificate: ECDSA P-256, valid for 14 days, renewed before it
     * ends. */
    const char *const *self_signed;
    size_t self_signed_count;
    /* A file of at least 32 bytes, of any content, from which stateless reset tokens are derived.
     * NULL: from the key of the first of `certificates`. */
    const char *reset_secret_file;
    /* Mixed into that secret. Endpoints that do not know each other's connections must have
     * different scopes, which must be the same after a restart. May be NULL. */
    const char *reset_scope;
    /* The context that this one replaces. Its self-signed certificate, and thus its fingerprint, is
     * kept if the names are the same. May be NULL. */
    struct quic_tls *previous;
};

struct quic_tls_client_config {
    const char *const *root_files; /* PEM; none: the system's roots */
    size_t root_file_count;
    /* SHA-256 (32 bytes) of the only leaf that is trusted; nothing else is checked then. Or
     * NULL. */
    const uint8_t *pinned_sha256;
    bool is_verify_disabled;
};

enum { QUIC_FINGERPRINT_BYTES = 32, QUIC_ERROR_TEXT_BYTES = 512 };

/* Make a TLS context, which any number of connections may share. It is reference-counted, so that a
 * reload can replace it while connections use it. NULL on failure; then `error_text`
 * (QUIC_ERROR_TEXT_BYTES, may be NULL) says which file is at fault and why. */
struct quic_tls *quic_tls_server_new(const struct quic_tls_server_config *config, char *error_text);
struct quic_tls *quic_tls_client_new(const struct quic_tls_client_config *config, char *error_text);
struct quic_tls *quic_tls_ref(struct quic_tls *tls);
void quic_tls_unref(struct quic_tls **tls);

/* The SHA-256 of the leaf that a browser may pin: that of the first certificate as it is now, after
 * any renewal. MOQ_ERR_NOT_FOUND for a client's context. */
int quic_tls_fingerprint(const struct quic_tls *tls, uint8_t out[QUIC_FINGERPRINT_BYTES]);

/* The same certificate with those that vouch for it, and its private key, as PEM: for a server of
 * another protocol on the same host. Copied; quic_pem_free wipes the key. Errors as
 * quic_tls_fingerprint, and MOQ_ERR_NOMEM. */
struct quic_pem {
    char *chain, *key;
};
int quic_tls_pem(const struct quic_tls *tls, struct quic_pem *pem);
void quic_pem_free(struct quic_pem *pem);

/* Renews self-signed certificates that end soon. For other certificates it logs warnings, a few
 * times before and once at their end. `now_wall_ms`: Unix time. Returns true if a certificate was
 * renewed. */
bool quic_tls_renew(struct quic_tls *tls, uint64_t now_wall_ms);

/* How AES-GCM encrypts packets on this machine. Software costs about ten times as much as AES
 * instructions, which wolfSSL uses if it was built for them. Wide instructions cost less than half
 * of that; they need a build with ipsec-mb, and a processor with VAES and AVX-512. */
enum quic_aes { QUIC_AES_SOFTWARE, QUIC_AES_INSTRUCTIONS, QUIC_AES_WIDE };
enum quic_aes quic_aes_in_use(void);

/* ---- Streams --------------------------------------------------------------------------------- */

void quic_stream_set_user(struct quic_stream *stream, void *user);
void *quic_stream_user(const struct quic_stream *stream);
struct quic_conn *quic_stream_conn(const struct quic_stream *stream);
int64_t quic_stream_id(const struct quic_stream *stream);

/* Says that there is something to pull. The next flush asks the stream for it. */
void quic_stream_wake(struct quic_stream *stream);

/* Streams of higher urgency are sent first; equal ones take turns. */
void quic_stream_set_urgency(struct quic_stream *stream, uint64_t urgency);

/* Cuts our direction: data that has not arrived yet is not sent again, even if the end was written
 * already. On WebTransport the reset waits until the stream's header has been acknowledged, because
 * peers need it. */
void quic_stream_reset(struct quic_stream *stream, uint32_t code);

/* Asks the peer to end its direction. Nothing more of it is delivered. */
void quic_stream_stop(struct quic_stream *stream, uint32_t code);

/* ---- Connections ----------------------------------------------------------------------------- */

/* Part of the reason with which a client ends if no issuer that it trusts has signed the server's
 * certificate. Of all faults of a certificate, this is the one that the client's user can mend. */
#define QUIC_REASON_UNKNOWN_ISSUER "not signed by an issuer that is trusted here"

struct quic_close {
    int error;     /* 0: normal; else MOQ_ERR_TIMEOUT, _TLS, _TRANSPORT, _REFUSED, _VERSION, ... */
    uint32_t code; /* code of the application, ours or the peer's; 0: none */
    bool is_remote;
    const char *reason; /* never NULL; valid during the call */
};

/* A protocol of the application, with the names by which peers ask for it. */
struct quic_app_protocol {
    const char *alpn;        /* on raw QUIC; NULL: it is not available there */
    const char *subprotocol; /* on WebTransport; NULL: it is the default if none is agreed on */
};

struct quic_app_protocols { /* preferred ones first */
    const struct quic_app_protocol *items;
    size_t count;
};

/* Callbacks of the application. `user` is that of the endpoint; connections and streams have users
 * of their own. Callbacks may call anything except quic_endpoint_free(). */
struct quic_app {
    /* The protocols that it has. If there are none, only WebTransport is accepted, with any
     * name. */
    struct quic_app_protocols protocols;
    /* Returns the code that a peer is sent for an error of base/error.h: the one with which
     * on_accept refused, or MOQ_ERR_BOUNDS for a stream that on_stream did not take. NULL: 0 for
     * all errors. */
    uint32_t (*code_of)(int error);
    /* Server: a peer wants a session: its CONNECT has come, or a raw connection is up. Returns 0 to
     * accept, or a negative error, which becomes the HTTP status or the close code; on_closed
     * follows in that case, too. May set the connection's user, and the words of a refusal
     * (quic_conn_set_refusal). */
    int (*on_accept)(void *user, struct quic_conn *conn);
    /* Client and server: streams may be opened from now on. */
    void (*on_connected)(struct quic_conn *conn);
    /* The peer has opened a stream of the session. Returns its user, or NULL to refuse it: it is
     * reset and stopped with the code of MOQ_ERR_BOUNDS. */
    void *(*on_stream)(struct quic_conn *conn, struct quic_stream *stream, bool is_bidi);
    void (*on_data)(struct quic_stream *stream, const uint8_t *data, size_t n, bool is_end);
    void (*on_reset)(struct quic_stream *stream, uint32_t code);
    /* The peer wants no more data; nothing more can be written. Also called while nothing is being
     * written. */
    void (*on_stopped)(struct quic_stream *stream, uint32_t code);
    /* Step 12: fills up to `max` entries with the next unsent bytes and sets `*is_end` if the
     * stream ends after them. Returns the number of entries. The bytes must not move until they are
     * acknowledged or the stream is closed. */
    size_t (*on_pull)(struct quic_stream *stream, struct iovec *vec, size_t max, bool *is_end);
    void (*on_sent)(struct quic_stream *stream, size_t n, bool is_end);
    /* The application's bytes before `offset` have arrived. */
    void (*on_acked)(struct quic_stream *stream, uint64_t offset);
    /* Both directions have ended. The last call about the stream. */
    void (*on_stream_closed)(struct quic_stream *stream);
    /* quic_conn_open() may succeed again. */
    void (*on_credit)(struct quic_conn *conn, bool is_bidi);
    /* A new estimate of quic_conn_stats.delivery_rate_bps: at most one per round trip, and none
     * while the network takes whatever there is to send, except after a burst. May be NULL. */
    void (*on_rate)(struct quic_conn *conn, uint64_t bits_per_second);
    /* The connection has ended, or could not be established; on_stream_closed has been called for
     * each open stream. A server is told only if on_accept was called before. The last call about
     * the connection. */
    void (*on_closed)(struct quic_conn *conn, const struct quic_close *why);
    /* Returns when the application wants a turn (a time of the endpoint's clock), or CLOCK_NEVER.
     * It is asked after each flush, because the callbacks above may change it. NULL: never. */
    uint64_t (*due_ns)(void *user);
};

enum quic_protocol { QUIC_PROTOCOL_UNKNOWN, QUIC_PROTOCOL_RAW, QUIC_PROTOCOL_WEBTRANSPORT };

struct quic_conn_stats {
    uint64_t bytes_sent, bytes_received, packets_sent, packets_received, packets_lost, trains_sent;
    uint64_t smoothed_rtt_ns, congestion_window_bytes, bytes_in_flight;
    /* The rate at which the network delivers, in bits per second of UDP payload: the highest of the
     * last ten round trips in which there was always more to send than congestion control allowed.
     * Times with less to send do not change it, but a large burst may raise it. 0: not known yet,
     * because there was never more to send than that. */
    uint64_t delivery_rate_bps;
    /* The number of bidirectional streams that the peer lets us open at first (RFC 9000, 18.2:
     * initial_max_streams_bidi). */
    uint64_t streams_allowed;
};

void quic_conn_set_user(struct quic_conn *conn, void *user);
void *quic_conn_user(const struct quic_conn *conn);
struct quic_endpoint *quic_conn_endpoint(const struct quic_conn *conn);
uint64_t quic_conn_number(const struct quic_conn *conn); /* 1, 2, ... per endpoint: for logs */
enum quic_protocol quic_conn_protocol(const struct quic_conn *conn);
/* The protocol of the application that was agreed on; valid from on_accept or on_connected on.
 * NULL: the application has none. */
const struct quic_app_protocol *quic_conn_app_protocol(const struct quic_conn *conn);
const char *quic_conn_path(const struct quic_conn *conn);   /* "/demo/bbb?x=y"; "" on raw QUIC */
const char *quic_conn_origin(const struct quic_conn *conn); /* the page that connects, or "" */
const char *quic_conn_server_name(const struct quic_conn *conn); /* SNI, or "" */
const struct sockaddr *quic_conn_remote(const struct quic_conn *conn);
void quic_conn_stats(const struct quic_conn *conn, struct quic_conn_stats *stats);

/* Opens a stream with this user. NULL: not connected, closed, or the peer allows no more streams at
 * the moment; on_credit follows when it does. */
struct quic_stream *quic_conn_open(struct quic_conn *conn, bool is_bidi, void *user);

/* For on_accept, before it refuses: what the peer is told beside the status or code. It is cut to
 * 127 bytes. Default: the words of the error. */
void quic_conn_set_refusal(struct quic_conn *conn, const char *words);

/* Ends the session and then the connection; sends the peer code and reason. on_closed follows, but
 * never inside this call. */
void quic_conn_close(struct quic_conn *conn, uint32_t code, const char *reason);

/* ---- Endpoints ------------------------------------------------------------------------------- */

/* Both controllers keep the window of a connection that pauses or sends less than it may
 * (docs/relay.md). */
enum quic_congestion { QUIC_CONGESTION_DEFAULT, QUIC_CONGESTION_CUBIC, QUIC_CONGESTION_BBR };

struct quic_limits {      /* 0: the default */
    uint32_t connections; /* 100000 */
    /* With this many handshakes under way, or recent first packets that could not be decrypted, new
     * clients must prove their address (Retry): 100 */
    uint32_t half_open_retry_at;
    uint32_t streams_uni;   /* open streams of a peer: 1024 */
    uint32_t streams_bidi;  /* 256 */
    uint64_t handshake_ns;  /* for QUIC's handshake, and the same again for the session: 10 s */
    uint64_t idle_ns;       /* 30 s */
    uint64_t keep_alive_ns; /* silence before a PING: 4 s */
};

/* Counters that the endpoints of several workers share, for limits on all of them together. Atomic;
 * zeros at the start. */
struct quic_commons {
    uint32_t connections, half_open;
};

struct quic_datagram {
    const uint8_t *data;
    size_t size;
    size_t segment_size; /* size of every packet but the last; equal to `size`: one packet */
    const struct sockaddr *local, *remote;
    socklen_t local_size, remote_size;
    uint8_t ecn;       /* the two bits of RFC 3168 */
    bool is_forwarded; /* received by another worker, so it must not be passed on again */
};

enum { QUIC_TRAIN_MAX_BYTES = 65487 }; /* the largest UDP payload that IPv6 allows, too */

struct quic_sink {
    /* Sends one train. Returns 0; MOQ_ERR_AGAIN if there is no room, then the sink's owner calls
     * quic_endpoint_writable() when there is; or another error if the train was dropped. */
    int (*send)(void *self, const struct quic_datagram *train);
    /* Returns a buffer of QUIC_TRAIN_MAX_BYTES in which the next train is written, so that `send`
     * need not copy it. Buffer and content must stay as they are until `send` has taken a train.
     * NULL: the endpoint uses a buffer of its own. */
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
    uint8_t worker;  /* equals the first byte of every connection ID we issue, modulo `workers` */
    uint8_t workers; /* 0 and 1: one worker */
    /* Called for a packet whose connection ID names another worker. It passes a copy with
     * is_forwarded set to that worker's endpoint. Returns 0, or an error if the packet is dropped.
     * NULL: this endpoint handles such packets itself. */
    int (*forward)(void *self, uint8_t worker, const struct quic_datagram *packet);
    void *forward_self;
    struct quic_commons *commons; /* shared with other endpoints; NULL: there are none */
    const char *qlog_directory;   /* copied; NULL: none */
    const char *keylog_file;      /* copied; NULL: none (tools read SSLKEYLOGFILE themselves) */
    uint64_t seed; /* 0: randomness of the system; else a test's, for the same run every time */
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

/* Frees the endpoint. Ends open connections without telling the peers, and calls on_closed for
 * them. */
void quic_endpoint_free(struct quic_endpoint **endpoint);

/* Sets the TLS context for new connections. A reference is taken; NULL: no more are accepted. */
void quic_endpoint_set_server_tls(struct quic_endpoint *endpoint, struct quic_tls *tls);
/* Says whether the first packets of clients, too, arrive at the worker that their connection ID
 * names. If not, which is the default, the worker at which they arrive accepts them. */
void quic_endpoint_set_steered(struct quic_endpoint *endpoint, bool is_steered);
void quic_endpoint_stats(const struct quic_endpoint *endpoint, struct quic_endpoint_stats *stats);
enum quic_congestion quic_endpoint_congestion(const struct quic_endpoint *endpoint); /* in use */

struct quic_connect_config {
    struct quic_tls *tls; /* a reference is taken */
    enum quic_protocol protocol;
    const char *server_name; /* for SNI and to check the certificate */
    const char *authority;   /* WebTransport: host:port */
    const char *url_path;    /* WebTransport: "/..." */
    /* The protocols to offer, kept; NULL: all those of the endpoint's application. */
    const struct quic_app_protocols *app_protocols;
    const struct sockaddr *local, *remote;
    socklen_t local_size, remote_size;
    /* In place of those of the endpoint's limits; 0: the endpoint's. The shorter idle time of both
     * ends counts for both (RFC 9000, section 10.1). */
    uint64_t idle_ns, keep_alive_ns;
    void *user;
};
/* Client: begins to connect. NULL: out of memory, or TLS could not be set up. */
struct quic_conn *quic_endpoint_connect(struct quic_endpoint *endpoint,
                                        const struct quic_connect_config *config);

/* Closes every connection with `code`, and refuses new ones from now on. on_closed follows for each
 * connection. */
void quic_endpoint_shut_down(struct quic_endpoint *endpoint, uint32_t code, const char *reason);

/* Called by the driver in each turn, in this order. */
void quic_endpoint_receive(struct quic_endpoint *endpoint, const struct quic_datagram *datagram);
void quic_endpoint_tick(struct quic_endpoint *endpoint);  /* handles deadlines that are due */
void quic_endpoint_flush(struct quic_endpoint *endpoint); /* lets every ready connection write */

/* Whether connections are still ready after a flush, so that another turn is needed at once. */
bool quic_endpoint_has_work(const struct quic_endpoint *endpoint);
/* When the next turn is due, for the endpoint or the application; UINT64_MAX: never. */
uint64_t quic_endpoint_deadline(const struct quic_endpoint *endpoint);
void quic_endpoint_writable(struct quic_endpoint *endpoint); /* the sink has room again */

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
