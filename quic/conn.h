/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A connection from the inside. Private to quic/; tested by tests/sim.
 *
 *   conn.c          its life until it ends
 *   conn_close.c    its end: close, tell the application, linger, be forgotten
 *   conn_events.c   what ngtcp2 calls
 *   conn_handshake.c   handshakes that fail
 *   conn_routes.c   what leads to it
 *   conn_write.c    packets out
 *   conn_mtu.c      their size
 */
#ifndef MOQ_QUIC_CONN_H
#define MOQ_QUIC_CONN_H

#include <netinet/in.h>
#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <stdio.h>

#include "base/deadlines.h"
#include "base/list.h"
#include "quic/keep_alive.h"
#include "quic/path_mtu.h"
#include "quic/quic.h"
#include "quic/rate.h"
#include "quic/routes.h"
#include "quic/schedule.h"

#if NGTCP2_VERSION_NUM < 0x011800
#error "ngtcp2 1.24 or newer is needed: before it nothing tells about a STOP_SENDING"
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum {
    CLOSE_REASON_MAX_BYTES = 128, /* of a reason, ours or a peer's; cut there */
    CONN_ROUTES_MAX = 64,         /* connection IDs and reset tokens that lead to one connection */
};

enum { /* RFC 8446 */
       ALERT_UNEXPECTED_MESSAGE = 10,
       ALERT_BAD_CERTIFICATE = 42,
       ALERT_NO_APPLICATION_PROTOCOL = 120,
};

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
    uint8_t alert; /* of TLS, ours or the peer's; 0: none */
    bool is_set;   /* error, code and reason are final */
    bool is_remote;
    bool is_retry_wanted; /* server: the address must be proved first */
    bool is_false_start;  /* server: its first packet could not be read */
    bool is_peer_closing; /* the peer sent CONNECTION_CLOSE: we drain */
    char *reason;         /* owned; NULL: none, conn_reason() has "" for it */
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
    ngtcp2_sockaddr_union remote;
    struct quic_endpoint *endpoint;
    void *user;
    ngtcp2_conn *quic;          /* NULL while lingering */
    struct tls_session *tls;    /* client: as long as `quic`; server: until the handshake is done */
    struct wt_session *wt;      /* on ALPN h3 */
    struct conn_linger *linger; /* while lingering */
    ngtcp2_crypto_conn_ref ref;
    uint64_t number;
    struct list streams;
    struct schedule schedule;
    struct conn_route *routes; /* owned */
    uint64_t close_at_ns;      /* the state lasts no longer than this; or CLOCK_NEVER */
    FILE *qlog;
    char *path, *origin, *authority, *server_name; /* owned; NULL is "" */
    struct conn_end end;
    uint64_t trains_sent;
    uint64_t packets_lost; /* as far as we have looked: see may_rest */
    struct rate rate;
    struct keep_alive keep_alive;
    struct path_mtu mtu;
    uint64_t parked_bytes;
    uint64_t resets, resets_at_ns; /* a peer's rapid resets, draining by RESETS_PER_SECOND */
    const struct quic_app_protocols *offered;     /* never NULL */
    const struct quic_app_protocol *app_protocol; /* what is spoken; NULL: not agreed, or no name */
    uint8_t route_count, route_capacity;
    uint8_t state;    /* enum conn_state */
    uint8_t protocol; /* enum quic_protocol */
    bool is_server : 1;
    bool is_known : 1;        /* the application has heard of it and will hear of its end */
    bool is_half_open : 1;    /* counted in endpoint->stats.half_open */
    bool is_released : 1;     /* only what lingering needs is left */
    bool is_data_blocked : 1; /* the peer's window for the whole connection is used up */
    bool is_drained : 1;      /* the last packet took all that was there to send */
    bool is_probing : 1;      /* what is being written is to be padded to its full size */
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

/* conn_mtu.c */
struct train {
    ngtcp2_path_storage path;
    ngtcp2_pkt_info info;
    size_t segment_size;
};

struct aside { /* a packet that came out after a train and does not fit to it */
    struct train way;
    size_t size; /* 0: none */
    uint8_t data[PATH_MTU_LARGEST_BYTES];
};

void conn_mtu_received(struct quic_conn *conn, const ngtcp2_conn_info *info); /* a packet came */
void conn_mtu_expired(struct quic_conn *conn);
size_t conn_packet_size(const struct quic_conn *conn); /* the largest that is written now */

/* Packets of `room` bytes at the most, into the endpoint's room. Returns bytes of the train, 0:
 * nothing may be sent, or ngtcp2's error. */
ngtcp2_ssize conn_write_train(struct quic_conn *conn, struct train *train, struct aside *aside,
                              size_t room);
/* Of conn_write.c, as ngtcp2_write_pkt says. */
ngtcp2_ssize conn_write_packet(ngtcp2_conn *quic, ngtcp2_path *path, ngtcp2_pkt_info *info,
                               uint8_t *out, size_t room, ngtcp2_tstamp now, void *user);

/* conn_handshake.c */
const char *conn_alert_words(uint8_t alert);
void conn_count_handshake(struct quic_conn *conn); /* it ends: if that was a failure of TLS's */

/* Server: asks the application; 0 or its refusal. */
int conn_accept_session(struct quic_conn *conn);
void conn_handshake_done(struct quic_conn *conn); /* ALPN is known: starts the session */
void conn_half_open_done(struct quic_conn *conn);
void conn_session_up(struct quic_conn *conn);     /* the application may open streams */
bool conn_is_alive(const struct quic_conn *conn); /* not ending, not lingering */
void conn_callbacks(ngtcp2_callbacks *callbacks, bool is_server);
void conn_ref_init(struct quic_conn *conn);

/* The end. The first reason counts; all of it happens in the next flush, never inside the call. */
void conn_end_local(struct quic_conn *conn, int error, enum conn_farewell farewell,
                    uint64_t wire_code, const char *reason);
/* A TLS alert of ours. */
void conn_end_alert(struct quic_conn *conn, uint8_t alert, const char *reason);
void conn_end_library(struct quic_conn *conn, int ngtcp2_error); /* what ngtcp2 returned */
/* The session is over: CONNECTION_CLOSE with its code. */
void conn_end_session(struct quic_conn *conn);
void conn_set_app_close(struct quic_conn *conn, uint32_t code, const char *reason, bool is_remote);
/* Why it ends, at most CLOSE_REASON_MAX_BYTES with the final zero; valid until conn_release(). */
const char *conn_reason(const struct quic_conn *conn);
uint32_t conn_code_of(const struct quic_conn *conn, int error); /* the application's, for ours */
void conn_refuse(struct quic_conn *conn, int error); /* the application does not want the session */
void conn_release(struct quic_conn *conn); /* frees all that a lingering connection does not need */
void conn_forget(struct quic_conn *conn);  /* freed at the end of the turn */
void conn_finish(struct quic_conn *
                     conn); /* carries out the end; the connection may be gone or linger after it */
void conn_linger_receive(struct quic_conn *conn, const ngtcp2_path *path, size_t n);
void conn_tell(struct quic_conn *conn); /* on_stream_closed for each, on_closed */

#ifdef __cplusplus
}
#endif
#endif
