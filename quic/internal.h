/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the files of quic/ share: the endpoint, its connections, their streams, and who calls whom.
 *
 *   endpoint.c        turns: receive, tick, flush; finds the connection of a datagram
 *   accept.c          datagrams of no connection: accept, Retry, versions, reset, refusal
 *   conn.c            a connection's life until it ends
 *   conn_close.c      its end: close, tell the application, linger, be forgotten
 *   conn_events.c     what ngtcp2 calls
 *   conn_write.c      packets out
 *   rate.c            how fast the network takes them
 *   aead.c            their protection
 *   stream.c          streams
 *   webtransport.c    h3.h joined to connections and streams
 */
#ifndef MOQ_QUIC_INTERNAL_H
#define MOQ_QUIC_INTERNAL_H

#include <netinet/in.h>
#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/list.h"
#include "quic/aead_wide.h"
#include "quic/deadlines.h"
#include "quic/h3.h"
#include "quic/pool.h"
#include "quic/quic.h"
#include "quic/rate.h"
#include "quic/routes.h"
#include "quic/schedule.h"
#include "quic/tls.h"

#if NGTCP2_VERSION_NUM < 0x011800
#error "ngtcp2 1.24 or newer is needed: before it nothing tells about a STOP_SENDING"
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum {
    CID_BYTES = 9,           /* ours: one byte that steers to a worker, eight that nobody guesses */
    PACKET_MAX_BYTES = 1452, /* the largest that path MTU discovery tries */
    LINGERING_MAX =
        4096, /* closed connections that still answer; the next ones are forgotten at once */
    CLOSE_REASON_MAX_BYTES = 128, /* of a reason, ours or a peer's; cut there */
    INTERNAL_OUT_MAX_BYTES =
        64 * 1024,        /* all that one of HTTP/3's own streams may send in its life */
    CONN_ROUTES_MAX = 64, /* connection IDs and reset tokens that lead to one connection */
    RANDOM_POOL_BYTES = 256,
    WAITING_MAX_BYTES = 2048, /* of one datagram of a handshake */
    RESETS_PER_SECOND =
        1000, /* of a peer's own streams; a burst of RESETS_BURST above it ends the connection */
    RESETS_BURST = 8000,
};

enum { /* RFC 8446 */
       ALERT_UNEXPECTED_MESSAGE = 10,
       ALERT_BAD_CERTIFICATE = 42,
       ALERT_NO_APPLICATION_PROTOCOL = 120,
};

#define SESSION_CLOSE_MIN_NS (250 * NS_PER_MS)
#define SESSION_CLOSE_MAX_NS (2 * NS_PER_S)

/* ---- Streams --------------------------------------------------------------------------------- */

enum stream_kind {
    STREAM_APPLICATION, /* its bytes are the application's */
    STREAM_UNDECIDED,   /* a peer's on HTTP/3 that has not said what it is */
    STREAM_INTERNAL,    /* HTTP/3's own */
    STREAM_PARKED,      /* the application's, but its session is not up yet */
    STREAM_DISCARDED,   /* refused: what comes is dropped */
};

struct stream_internal {  /* only streams of HTTP/3 and parked ones have it */
    struct bytes_log out; /* HTTP/3's bytes; they stay put until acknowledged */
    struct bytes_cursor out_cursor;
    struct byte_buf parked; /* the application's bytes that wait for the session */
    uint64_t parked_reset_code, parked_stop_code;
    bool is_out_ended, is_parked_end, is_parked_reset, is_parked_stopped;
    bool is_parked_closed; /* QUIC is done with it, the application has yet to hear of it */
};

struct quic_stream {
    struct list link; /* in conn->streams; later in endpoint->dead_streams */
    struct schedule_node turn;
    struct quic_conn *conn;
    void *user;
    struct stream_internal *internal; /* owned, or NULL */
    int64_t id;
    uint64_t urgency;
    uint64_t written, acked; /* bytes of our direction, header included */
    uint32_t reset_code;     /* if is_reset_wanted */
    uint8_t header[H3_STREAM_HEADER_MAX_BYTES];
    uint8_t header_size;
    uint8_t kind;             /* enum stream_kind */
    bool is_known : 1;        /* the application has a user for it and will hear of its end */
    bool is_write_over : 1;   /* nothing more is to be written: its end is, or it is cut */
    bool is_cut : 1;          /* a reset is on its way, or the peer stopped it */
    bool is_reset_wanted : 1; /* held back until the header is acknowledged */
    bool is_blocked : 1;      /* by the peer's flow control; joins again when it gives more */
};

struct quic_stream *stream_new(struct quic_conn *conn, int64_t id,
                               enum stream_kind kind); /* NULL: out of memory */
/* Takes it out of everything; freed at the end of the turn. */
void stream_bury(struct quic_stream *stream);
void stream_free(struct quic_stream *stream); /* at once */
struct stream_internal *
stream_internal(struct quic_stream *stream); /* made on first use; NULL: out of memory */
bool stream_is_local(const struct quic_stream *stream);
bool stream_is_bidi(const struct quic_stream *stream);

/* Tells the application of a peer's stream; it becomes APPLICATION, or is refused and DISCARDED. */
void stream_announce(struct quic_stream *stream);
/* QUIC is done with it: the last call to the application, and it is buried. */
void stream_close(struct quic_stream *stream);
void stream_refuse(struct quic_stream *stream,
                   uint64_t wire_code); /* resets and stops; what comes is dropped */

void stream_schedule(struct quic_stream *stream); /* it has something to write */
void stream_unschedule(struct quic_stream *stream);
void stream_written(struct quic_stream *stream, size_t n, bool is_end); /* ngtcp2 took `n` bytes */
void stream_acked(struct quic_stream *stream, uint64_t offset);

/* The next bytes of it to write, header first. Returns entries; 0 and no *is_end: nothing. */
size_t stream_pull(struct quic_stream *stream, struct iovec *vec, size_t max, bool *is_end);

/* Codes of stream errors on the wire: mapped to HTTP/3's range on both bindings; what comes may be
 * raw on moqf-02. */
uint32_t stream_code_from_wire(const struct quic_conn *conn, uint64_t wire_code);

/* ---- Connections ----------------------------------------------------------------------------- */

enum conn_state {
    CONN_HANDSHAKE,       /* QUIC's, or on HTTP/3 the session's */
    CONN_OPEN,            /* the application may open streams */
    CONN_SESSION_CLOSING, /* our close capsule is out; waits for the peer, not for long */
    CONN_ENDING,          /* its end is decided; the next flush carries it out */
    CONN_LINGERING,       /* over for the application; answers late packets for a while */
};

/* How the peer is told. */
enum conn_farewell {
    FAREWELL_NONE,      /* it knows, or cannot be reached */
    FAREWELL_TRANSPORT, /* CONNECTION_CLOSE 0x1c */
    FAREWELL_APP,       /* CONNECTION_CLOSE 0x1d */
};

struct conn_end {
    int error;     /* as in struct quic_close */
    uint32_t code; /* the application's */
    uint64_t wire_code;
    enum conn_farewell farewell;
    bool is_set; /* error, code and reason are final */
    bool is_remote;
    bool is_retry_wanted; /* server: the address must be proved first */
    bool is_false_start;  /* server: its first packet could not be read */
    bool is_peer_closing; /* the peer sent CONNECTION_CLOSE: we drain */
    char reason[CLOSE_REASON_MAX_BYTES];
};

struct conn_route { /* a key that leads here, kept to remove it */
    uint8_t kind, size;
    uint8_t key[ROUTE_KEY_MAX_BYTES];
};

struct conn_linger {    /* what is left of a connection while it lingers */
    uint64_t received;  /* packets since the end: answered less and less often */
    size_t packet_size; /* 0: draining, says nothing */
    uint8_t packet[];
};

struct quic_conn {
    struct list link;  /* in endpoint->conns or ->lingering; later in endpoint->dead_conns */
    struct list ready; /* in endpoint->ready */
    struct deadline deadline;
    struct quic_endpoint *endpoint;
    void *user;
    ngtcp2_conn *quic;          /* NULL while lingering */
    struct tls_session *tls;    /* client: as long as `quic`; server: until the handshake is done */
    struct h3_session *h3;      /* on ALPN h3 */
    struct conn_linger *linger; /* while lingering */
    ngtcp2_crypto_conn_ref ref;
    uint64_t number;
    struct list streams;
    struct schedule schedule;
    struct conn_route *routes; /* owned */
    uint8_t route_count, route_capacity;
    uint64_t close_at_ns; /* the state lasts no longer than this; or CLOCK_NEVER */
    ngtcp2_sockaddr_union remote;
    FILE *qlog;
    char *path, *origin, *authority, *server_name; /* owned; NULL is "" */
    struct conn_end end;
    uint64_t trains_sent;
    uint64_t packets_lost; /* as far as we have looked: see may_rest */
    struct rate rate;
    uint64_t parked_bytes;
    uint64_t resets, resets_at_ns; /* a peer's rapid resets, draining by RESETS_PER_SECOND */
    uint8_t state;                 /* enum conn_state */
    uint8_t protocol;              /* enum quic_protocol */
    bool is_server : 1;
    bool is_known : 1;        /* the application has heard of it and will hear of its end */
    bool is_half_open : 1;    /* counted in endpoint->stats.half_open */
    bool is_released : 1;     /* only what lingering needs is left */
    bool is_data_blocked : 1; /* the peer's window for the whole connection is used up */
    bool is_drained : 1;      /* the last packet took all that was there to send */
    /* There is something to send and nothing may go, until a packet comes or a deadline: more of it
     * changes nothing. */
    bool is_held : 1;
};

struct accept_config { /* a client's first packet that was found good */
    const ngtcp2_pkt_hd *header;
    const ngtcp2_path *path;
    const ngtcp2_cid *original_dcid; /* if a Retry token was verified, else NULL */
    ngtcp2_token_type token_type;
};

/* A server's connection, not fed with the packet yet. NULL: out of memory or TLS failed. */
struct quic_conn *conn_accept(struct quic_endpoint *endpoint, const struct accept_config *config);
struct quic_conn *conn_connect(struct quic_endpoint *endpoint,
                               const struct quic_connect_config *config);
int conn_route_add(struct quic_conn *conn, enum route_kind kind, const uint8_t *key, size_t n);
void conn_route_remove(struct quic_conn *conn, enum route_kind kind, const uint8_t *key, size_t n);
void conn_routes_clear(struct quic_conn *conn);
void conn_free(struct quic_conn *conn); /* at once, without a word to anybody; it must be in no list
                                           that is being walked */

void conn_receive(struct quic_conn *conn, const ngtcp2_path *path, uint8_t ecn, const uint8_t *data,
                  size_t n);
void conn_expire(struct quic_conn *conn);       /* its deadline is due */
void conn_set_deadline(struct quic_conn *conn); /* after anything that ngtcp2 did */
void conn_wake(struct quic_conn *conn);         /* joins the ready list, once */
bool conn_write(struct quic_conn *conn);        /* one turn; true: it has more */
void conn_measure(struct quic_conn *conn);      /* something came, perhaps acknowledgements */
int conn_accept_session(
    struct quic_conn *conn); /* server: asks the application; 0 or its refusal */
void conn_handshake_done(struct quic_conn *conn); /* ALPN is known: starts the session */
void conn_half_open_done(struct quic_conn *conn);
void conn_session_up(struct quic_conn *conn);     /* the application may open streams */
bool conn_is_alive(const struct quic_conn *conn); /* not ending, not lingering */
void conn_callbacks(ngtcp2_callbacks *callbacks, bool is_server);
void conn_ref_init(struct quic_conn *conn);

/* The end. The first reason counts; all of it happens in the next flush, never inside the call. */
void conn_end_local(struct quic_conn *conn, int error, enum conn_farewell farewell,
                    uint64_t wire_code, const char *reason);
void conn_end_alert(struct quic_conn *conn, uint8_t alert,
                    const char *reason);                         /* a TLS alert of ours */
void conn_end_library(struct quic_conn *conn, int ngtcp2_error); /* what ngtcp2 returned */
void conn_end_session(
    struct quic_conn *conn); /* the session is over: CONNECTION_CLOSE with its code */
void conn_set_app_close(struct quic_conn *conn, uint32_t code, const char *reason, bool is_remote);
void conn_refuse(struct quic_conn *conn, int error); /* the application does not want the session */
void conn_release(struct quic_conn *conn); /* frees all that a lingering connection does not need */
void conn_forget(struct quic_conn *conn);  /* freed at the end of the turn */
void conn_finish(struct quic_conn *
                     conn); /* carries out the end; the connection may be gone or linger after it */
void conn_linger_receive(struct quic_conn *conn, const ngtcp2_path *path, size_t n);
void conn_tell(struct quic_conn *conn); /* on_stream_closed for each, on_closed */

/* aead.c: a key of 1-RTT packets, of `n` bytes, KEY_MAX_BYTES at most, that are copied; to be
 * deleted by aead_delete. `wide` is kept; NULL: none. Returns 0 or MOQ_ERR_NOMEM. */
int aead_key_new(ngtcp2_crypto_aead_ctx *out, const struct wide *wide, const uint8_t *key, size_t n,
                 bool is_seal);
/* Callbacks of ngtcp2, as ngtcp2.h says. */
int aead_encrypt(uint8_t *out, const ngtcp2_crypto_aead *aead, const ngtcp2_crypto_aead_ctx *key,
                 const uint8_t *plain, size_t n, const uint8_t *nonce, size_t nonce_size,
                 const uint8_t *header, size_t header_size);
int aead_decrypt(uint8_t *out, const ngtcp2_crypto_aead *aead, const ngtcp2_crypto_aead_ctx *key,
                 const uint8_t *sealed, size_t n, const uint8_t *nonce, size_t nonce_size,
                 const uint8_t *header, size_t header_size);
int aead_update_key(ngtcp2_conn *quic, uint8_t *rx_secret, uint8_t *tx_secret,
                    ngtcp2_crypto_aead_ctx *rx, uint8_t *rx_iv, ngtcp2_crypto_aead_ctx *tx,
                    uint8_t *tx_iv, const uint8_t *rx_secret_now, const uint8_t *tx_secret_now,
                    size_t secret_size, void *user);
void aead_delete(ngtcp2_conn *quic, ngtcp2_crypto_aead_ctx *key, void *user);
int aead_mask(uint8_t *out, const ngtcp2_crypto_cipher *cipher, const ngtcp2_crypto_cipher_ctx *key,
              const uint8_t *sample);

/* WebTransport */
void webtransport_start(struct quic_conn *conn);
void webtransport_received(struct quic_stream *stream, const uint8_t *data, size_t n, bool is_end);
void webtransport_stream_reset(struct quic_stream *stream, uint64_t wire_code);
void webtransport_stream_stopped(struct quic_stream *stream, uint64_t wire_code);
void webtransport_close(struct quic_conn *conn, uint32_t code, const char *reason);

/* ---- The endpoint ---------------------------------------------------------------------------- */

struct pending_train { /* built, but the sink did not take it */
    ngtcp2_path_storage path;
    const uint8_t *data; /* the sink's room */
    size_t size, segment_size;
    uint8_t ecn;
};

enum { PULL_MAX_PIECES = 16 };

struct stream_pull {            /* what a stream gave to be written */
    struct quic_stream *stream; /* NULL: none is being written */
    ngtcp2_vec pieces[PULL_MAX_PIECES];
    size_t first, count; /* of the pieces: those before `first` are used up */
    size_t taken, left;  /* bytes: in packets, of which the stream has not been told; not yet */
    bool is_end;         /* the stream ends behind them */
    bool is_all;         /* it has no more than these */
};

struct waiting { /* a datagram of a handshake, copied; its turn comes behind a flush */
    struct list link;
    ngtcp2_path_storage path;
    uint8_t ecn;
    size_t size;
    uint8_t data[];
};

struct false_starts { /* first packets that could not be read */
    uint64_t second;  /* of `now` */
    uint32_t now, before;
};

struct quic_endpoint {
    const struct clock *clock;
    struct quic_tls *server_tls;
    const struct quic_app *app;
    void *user;
    struct quic_sink sink;
    struct quic_limits limits; /* without zeros */
    enum quic_congestion congestion;
    uint8_t worker, workers;
    bool is_steered;
    int (*forward)(void *self, uint8_t worker, const struct quic_datagram *packet);
    void *forward_self;
    struct quic_commons *commons; /* never NULL: alone it is `own` */
    struct quic_commons own;
    char *qlog_directory;
    FILE *keylog;
    struct routes routes;
    struct deadlines deadlines;
    struct pool pool;  /* ngtcp2's objects */
    struct wide *wide; /* for its keys; NULL: none */
    struct list conns, lingering, ready, dead_conns, dead_streams;
    struct list waiting;      /* of handshakes, oldest first */
    uint32_t handshake_spent; /* on them, in this turn */
    struct false_starts false_starts;
    uint64_t lingering_count;
    uint64_t last_number;
    uint8_t random_pool[RANDOM_POOL_BYTES];
    size_t random_left;
    uint64_t random_state;                /* of a test's seed; 0: the system's randomness */
    uint8_t secret[32];                   /* of reset tokens and address tokens */
    uint64_t replies_left, replies_at_ns; /* a bucket for answers to datagrams of nobody */
    struct stream_pull pull;              /* of the connection that is writing */
    struct pending_train pending;
    bool is_blocked; /* `pending` waits for quic_endpoint_writable */
    bool is_shut_down;
    struct quic_endpoint_stats stats;
    uint8_t *own_room; /* for a sink that has none */
};

uint64_t endpoint_now(const struct quic_endpoint *endpoint);
void endpoint_random(struct quic_endpoint *endpoint, uint8_t *out, size_t n);
void endpoint_new_cid(struct quic_endpoint *endpoint, ngtcp2_cid *cid);
/* 1: one more; -1 */
void endpoint_count_conn(struct quic_endpoint *endpoint, int change);
void endpoint_count_half_open(struct quic_endpoint *endpoint, int change);
bool endpoint_is_full(const struct quic_endpoint *endpoint); /* no more are accepted */
int endpoint_reset_token(struct quic_endpoint *endpoint, const ngtcp2_cid *cid, uint8_t *token);

/* Where a train is written, QUIC_TRAIN_MAX_BYTES at most: not while is_blocked. */
uint8_t *endpoint_room(struct quic_endpoint *endpoint);
/* Sends what is at the start of that room. Once the sink is full the train waits, and is_blocked is
 * set. */
void endpoint_send(struct quic_endpoint *endpoint, const ngtcp2_path *path, size_t size,
                   size_t segment_size, uint8_t ecn);
/* A single packet from elsewhere, dropped if the sink is full. */
void endpoint_send_packet(struct quic_endpoint *endpoint, const ngtcp2_path *path,
                          const uint8_t *data, size_t n);

/* accept.c: datagrams of handshakes, and those that belong to no connection. */
/* Copies it into the queue, or drops it: no Initial, or no room. `conn`: the one it is for, or NULL
 * if that is not made yet. */
void endpoint_wait(struct quic_endpoint *endpoint, const struct quic_conn *conn,
                   const ngtcp2_path *path, uint8_t ecn, const uint8_t *data, size_t n);
void endpoint_accept_waiting(struct quic_endpoint *endpoint); /* a bounded part of the queue */
void endpoint_forget_waiting(struct quic_endpoint *endpoint);
void endpoint_spend_step(struct quic_endpoint *endpoint); /* TLS has something to do */
void endpoint_negotiate_version(struct quic_endpoint *endpoint, const ngtcp2_path *path,
                                const ngtcp2_version_cid *ids, size_t n);
void endpoint_reset_stateless(struct quic_endpoint *endpoint, const ngtcp2_path *path,
                              const uint8_t *data, size_t n);

#ifdef __cplusplus
}
#endif
#endif
