/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* native from the inside: the share of a loop, its sockets, and the helpers that a connection
 * attempt is made of. */
#ifndef MOQ_NATIVE_INTERNAL_H
#define MOQ_NATIVE_INTERNAL_H

#include "native/native.h"

#include "base/list.h"
#include "quic/udp.h"

enum {
    RESOLVE_MAX_ADDRESSES = 8,
    RACE_STAGGER_MS = 250,    /* RFC 8305, section 8: Connection Attempt Delay */
    CLOSE_PATIENCE_MS = 3000, /* for a peer to acknowledge a close */
    REASON_BYTES = 256,
};

/* ---- The share of a loop --------------------------------------------------------------------- */

struct moq_native {
    struct moq_native_config config;
    char *bind, *qlog_directory, *keylog_file; /* owned */
    struct clock clock;
    struct list sockets;                 /* native_socket.node */
    struct list clients;                 /* moq_client.node */
    struct list listeners;               /* moq_listener.node */
    struct native_socket *client_socket; /* opened by the first client; NULL before */
    size_t held;                         /* things of ours that the loop still knows */
    uv_timer_t reaper;                   /* ends the sockets, outside of any callback of theirs */
    bool is_closing, is_reaper_closed;
    void (*on_closed)(void *user);
    void *on_closed_user;
};

/* Something that needs the loop, and so the native, until it is over. */
void native_hold(struct moq_native *native);
void native_release(struct moq_native *native);

void clients_close(struct moq_native *native);
void listeners_close(struct moq_native *native);

/* A UDP socket, its endpoint and its sessions. */
struct native_socket {
    struct list node;
    struct moq_native *native;
    struct quic_udp *udp;
    struct moq_native_bridge bridge;
    void (*on_closed)(void *user);
    void *on_closed_user;
};

struct native_socket_config {
    const struct sockaddr *address;
    socklen_t address_size;
    struct quic_tls *server_tls;     /* NULL: for clients */
    enum quic_congestion congestion; /* default: the moq_native's */
    bool is_reuse_port;
    uint8_t worker, workers;
    int (*forward)(void *self, uint8_t worker, const struct quic_datagram *packet); /* or NULL */
    struct quic_commons *commons;                                                   /* or NULL */
    const struct moq_native_bridge *bridge; /* callbacks, versions, limits, self; copied */
};

/* 0, MOQ_ERR_IO with errno, MOQ_ERR_NOMEM. */
int native_socket_open(struct moq_native *native, const struct native_socket_config *config,
                       struct native_socket **out);
void native_socket_close(struct native_socket *socket, void (*on_closed)(void *user), void *user);

/* The socket that clients share, opened when first asked for. `error_text` has
 * QUIC_ERROR_TEXT_BYTES. */
int native_client_socket(struct moq_native *native, struct native_socket **out, char *error_text);

/* ---- Addresses ------------------------------------------------------------------------------- */

struct address_list {
    struct sockaddr_storage items[RESOLVE_MAX_ADDRESSES];
    size_t count;
};

socklen_t address_size(const struct sockaddr *address);
bool address_is_any_ipv6(
    const struct sockaddr_storage *address); /* "[::]", which also takes IPv4 */

/* In the order of RFC 8305, section 4: as the resolver sorted them, but families take turns. */
struct addrinfo;
void address_list_fill(struct address_list *list, const struct addrinfo *found);

/* What of `list` can be reached from a socket bound to `local`; IPv4 becomes mapped where the
 * socket is IPv6. */
void address_list_fit(struct address_list *list, const struct sockaddr_storage *local);

/* "host:port" or "[v6]:port", looked up at once. 0, MOQ_ERR_INVALID, MOQ_ERR_NAME_LOOKUP. */
int address_parse(const char *text, struct sockaddr_storage *out);

/* "1.2.3.4:443" or "[::1]:443", for people. */
enum { ADDRESS_TEXT_BYTES = 64 };
char *address_text(const struct sockaddr *address, char out[ADDRESS_TEXT_BYTES]);

/* ---- Looking a name up ----------------------------------------------------------------------- */

struct resolve;
typedef void resolve_on_done(void *user, const struct address_list *list,
                             const char *reason); /* list NULL: failed */
struct resolve *resolve_start(struct moq_native *native, const char *host, uint16_t port,
                              resolve_on_done *on_done, void *user); /* NULL: out of memory */
void resolve_cancel(struct resolve **resolve);                       /* no call comes any more */

/* ---- GET /fingerprint ------------------------------------------------------------------------ */

struct fingerprint;
struct fingerprint *fingerprint_start(struct moq_native *native, const struct moq_url *url,
                                      const struct address_list *list,
                                      moq_fingerprint_on_done *on_done,
                                      void *user); /* NULL: out of memory */
void fingerprint_cancel(struct fingerprint **fingerprint);

enum { FINGERPRINT_MAX_ANSWER_BYTES = 8192 };

/* The answer of a server so far. 0: *out is set; MOQ_ERR_AGAIN: more is needed (never when
 * `is_end`); MOQ_ERR_REFUSED: not a 200; MOQ_ERR_DECODE. */
int fingerprint_parse(const char *answer, size_t n, bool is_end,
                      uint8_t out[QUIC_FINGERPRINT_BYTES]);

/* ---- Racing addresses (RFC 8305) ------------------------------------------------------------- */

struct race;
struct race_attempt {
    struct race *race;
    struct quic_conn *conn; /* NULL: not begun, or over */
};

struct race_config {
    struct native_socket *socket;
    struct quic_tls *tls;
    const struct moq_url *url;
    const struct address_list *list; /* copied */
    /* The one that wins: fills *config in (see on_client of the bridge). */
    int (*on_won)(void *user, struct quic_conn *conn, struct moq_session_config *config);
    void (*on_ready)(void *user, struct moq_session *session); /* of the winner */
    void (*on_lost)(void *user, int error,
                    const char *reason); /* the winner's end, or all have failed */
    void *user;
};

/* One try: addresses are begun RACE_STAGGER_MS apart, or when the one before failed. */
struct race {
    struct race_config config;
    struct address_list list;
    struct race_attempt attempts[RESOLVE_MAX_ADDRESSES];
    struct race_attempt *winner; /* NULL: not yet */
    size_t begun;
    uv_timer_t stagger; /* of the owner: initialised before, closed after */
    char reason[REASON_BYTES];
    int error;
};

void race_start(struct race *race, const struct race_config *config); /* on_lost may come at once */
void race_stop(struct race *race);                  /* drops every connection without a call */
void race_bridge(struct moq_native_bridge *bridge); /* sets the callbacks that lead to races */

#endif
