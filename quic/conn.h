/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A connection. Private to quic/; tested by tests/sim.
 *
 *   conn.c             its life until it ends
 *   conn_close.c       its end: closes, tells the application, lingers, is forgotten
 *   conn_events.c      callbacks of ngtcp2
 *   conn_handshake.c   failed handshakes
 *   conn_routes.c      connection IDs and tokens that lead to it
 *   conn_write.c       writes packets
 *   conn_mtu.c         chooses their size
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
#error "ngtcp2 1.24 or newer is needed: older ones do not report a STOP_SENDING"
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum {
    CLOSE_REASON_MAX_BYTES = 128, /* a longer reason, ours or a peer's, is cut */
    CONN_ROUTES_MAX = 64,         /* connection IDs and reset tokens that lead to one connection */
};

enum { /* RFC 8446 */
       ALERT_UNEXPECTED_MESSAGE = 10,
       ALERT_BAD_CERTIFICATE = 42,
       ALERT_NO_APPLICATION_PROTOCOL = 120,
};

enum conn_state {
    CONN_HANDSHAKE,       /* QUIC's handshake or, on HTTP/3, that of the session */
    CONN_OPEN,            /* the application may open streams */
    CONN_TURNING_AWAY,    /* a page is refused, and our close capsule follows soon */
    CONN_SESSION_CLOSING, /* our close capsule is sent; waits for the peer for a short time */
    CONN_ENDING,          /* its end is decided; the next flush carries it out */
    CONN_LINGERING,       /* over for the application; answers late packets for a while */
};
/* How the peer is told about the end. */
enum conn_farewell {
    FAREWELL_NONE,      /* not at all: it knows, or cannot be reached */
    FAREWELL_TRANSPORT, /* CONNECTION_CLOSE 0x1c */
    FAREWELL_APP,       /* CONNECTION_CLOSE 0x1d */
};

struct conn_end {
    int error;     /* as in struct quic_close */
    uint32_t code; /* code of the application */
    uint64_t wire_code;
    enum conn_farewell farewell;
    uint8_t alert; /* TLS alert, ours or the peer's; 0: none */
    bool is_set;   /* error, code and reason are final */
    bool is_remote;
    bool is_retry_wanted; /* server: the client must prove its address first */
    bool is_false_start;  /* server: its first packet could not be decrypted */
    bool is_peer_closing; /* the peer has sent CONNECTION_CLOSE, so we drain */
    char *reason;         /* owned; NULL: none, for which conn_reason() returns "" */
};

struct conn_route { /* a key that leads here, kept to remove it */
    uint8_t kind, size;
    uint8_t key[ROUTE_KEY_MAX_BYTES];
};

struct conn_linger {    /* what a lingering connection needs */
    uint64_t received;  /* packets since the end; the more there are, the fewer are answered */
    size_t packet_size; /* our CONNECTION_CLOSE, in `packet`; 0: draining, nothing is sent */
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
    struct wt_session *wt;      /* with ALPN h3; otherwise NULL */
    struct conn_linger *linger; /* while lingering; otherwise NULL */
    ngtcp2_crypto_conn_ref ref;
    uint64_t number;
    struct list streams;
    struct schedule schedule;
    struct conn_route *routes; /* owned */
    uint64_t close_at_ns;      /* when the present state ends at the latest; or CLOCK_NEVER */
    FILE *qlog;
    char *path, *origin, *authority, *server_name; /* owned; NULL is "" */
    struct conn_end end;
    uint64_t trains_sent;
    uint64_t packets_lost; /* at the last look, see may_rest() */
    struct rate rate;
    struct keep_alive keep_alive;
    struct path_mtu mtu;
    uint64_t parked_bytes;
    uint64_t resets, resets_at_ns; /* resets by the peer, less RESETS_PER_SECOND over time */
    const struct quic_app_protocols *offered;     /* never NULL */
    const struct quic_app_protocol *app_protocol; /* agreed on; NULL: not yet, or it has no name */
    uint8_t route_count, route_capacity;
    uint8_t state;    /* enum conn_state */
    uint8_t protocol; /* enum quic_protocol */
    bool is_server : 1;
    bool is_known : 1;        /* the application knows it and will be told of its end */
    bool is_half_open : 1;    /* counted in endpoint->stats.half_open */
    bool is_released : 1;     /* only what lingering needs is left */
    bool is_data_blocked : 1; /* the peer's flow control window for the connection is used up */
    bool is_drained : 1;      /* the last packet took everything that was to be sent */
    bool is_probing : 1;      /* the packet being written is a probe, to be padded to full size */
    /* There is something to send, but congestion control or pacing allow nothing until a packet
     * comes or the deadline is due. More data to send does not change that. */
    bool is_held : 1;
};

struct accept_config { /* a client's first packet, which has passed all checks */
    const ngtcp2_pkt_hd *header;
    const ngtcp2_path *path;
    const ngtcp2_cid *original_dcid; /* from a valid Retry token; otherwise NULL */
    ngtcp2_token_type token_type;
};

/* Makes a server's connection, in the place that endpoint_admit() took. The caller passes the
 * packet to conn_receive(). NULL: out of memory, or TLS failed, and the place is free again. */
struct quic_conn *conn_accept(struct quic_endpoint *endpoint, const struct accept_config *config);
struct quic_conn *conn_connect(struct quic_endpoint *endpoint,
                               const struct quic_connect_config *config);
int conn_route_add(struct quic_conn *conn, enum route_kind kind, const uint8_t *key, size_t n);
void conn_route_remove(struct quic_conn *conn, enum route_kind kind, const uint8_t *key, size_t n);
void conn_routes_clear(struct quic_conn *conn);
/* Frees the connection at once, without telling the peer or the application. It must not be in a
 * list that is being walked. */
void conn_free(struct quic_conn *conn);

void conn_receive(struct quic_conn *conn, const ngtcp2_path *path, uint8_t ecn, const uint8_t *data,
                  size_t n);
void conn_expire(struct quic_conn *conn);       /* handles a deadline that is due */
void conn_set_deadline(struct quic_conn *conn); /* to be called after ngtcp2 did anything */
void conn_wake(struct quic_conn *conn);         /* joins the ready list if it is not in it */
bool conn_write(struct quic_conn *conn);        /* writes for one turn; true: it has more */
void conn_measure(struct quic_conn *conn);      /* updates the rate after packets have come */

/* conn_mtu.c */
struct train {
    ngtcp2_path_storage path;
    ngtcp2_pkt_info info;
    size_t segment_size;
};

struct aside { /* a packet that was written after a train but cannot be part of it */
    struct train way;
    size_t size; /* 0: none */
    uint8_t data[PATH_MTU_LARGEST_BYTES];
};

void conn_mtu_received(struct quic_conn *conn, const ngtcp2_conn_info *info); /* a packet came */
void conn_mtu_expired(struct quic_conn *conn);
size_t conn_packet_size(const struct quic_conn *conn); /* size of the largest packets at present */
/* Writes a train of at most `room` bytes to the endpoint's room. Returns the bytes of the train, 0
 * if nothing may be sent, or an error of ngtcp2. */
ngtcp2_ssize conn_write_train(struct quic_conn *conn, struct train *train, struct aside *aside,
                              size_t room);
/* In conn_write.c: a callback of type ngtcp2_write_pkt. */
ngtcp2_ssize conn_write_packet(ngtcp2_conn *quic, ngtcp2_path *path, ngtcp2_pkt_info *info,
                               uint8_t *out, size_t room, ngtcp2_tstamp now, void *user);

/* conn_handshake.c */
const char *conn_alert_words(uint8_t alert);
/* Server: counts a failed handshake by its reason. To be called when the connection ends. */
void conn_count_handshake(struct quic_conn *conn);
/* Server: asks the application whether it accepts the session. Returns 0 or the error with which it
 * refuses. */
int conn_accept_session(struct quic_conn *conn);
void conn_handshake_done(struct quic_conn *conn); /* ALPN is known: starts the session */
void conn_half_open_done(struct quic_conn *conn);
void conn_session_up(struct quic_conn *conn);     /* the application may open streams */
bool conn_is_alive(const struct quic_conn *conn); /* not ending, not lingering */
void conn_callbacks(ngtcp2_callbacks *callbacks, bool is_server);
void conn_ref_init(struct quic_conn *conn);

/* The functions below end a connection. Only the first reason counts. The next flush carries out
 * the end, never the call itself. */
void conn_end_local(struct quic_conn *conn, int error, enum conn_farewell farewell,
                    uint64_t wire_code, const char *reason);
/* Ends the connection with a TLS alert of ours. */
void conn_end_alert(struct quic_conn *conn, uint8_t alert, const char *reason);
void conn_end_library(struct quic_conn *conn, int ngtcp2_error); /* what ngtcp2 returned */
/* Ends the connection after its session, with a CONNECTION_CLOSE that has the session's code. */
void conn_end_session(struct quic_conn *conn);
void conn_close_overdue(struct quic_conn *conn); /* `close_at_ns` has come */
void conn_set_app_close(struct quic_conn *conn, uint32_t code, const char *reason, bool is_remote);
/* Why it ends: at most CLOSE_REASON_MAX_BYTES with the final zero; valid until conn_release(). */
const char *conn_reason(const struct quic_conn *conn);
/* The application's code for an error of base/error.h. */
uint32_t conn_code_of(const struct quic_conn *conn, int error);
void conn_refuse(struct quic_conn *conn, int error);       /* the application refuses the session */
void conn_note_refusal(struct quic_conn *conn, int error); /* the same, without ending it */
void conn_release(struct quic_conn *conn); /* frees all that a lingering connection does not need */
void conn_forget(struct quic_conn *conn);  /* has it freed at the end of the turn */
/* Carries out the end. After it the connection lingers, or is on its way to be freed. */
void conn_finish(struct quic_conn *conn);
void conn_linger_receive(struct quic_conn *conn, const ngtcp2_path *path, size_t n);
void conn_tell(struct quic_conn *conn); /* calls on_stream_closed() for each stream, on_closed() */

#ifdef __cplusplus
}
#endif
#endif
