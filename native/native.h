/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* native: quic and transfork joined on a libuv loop. A URL becomes a connected session; a listener
 * turns connections into sessions. Used by the tools, the relay, GStreamer elements and other
 * people's programs.
 *
 *   https://host[:port]/path   WebTransport
 *   http://host[:port]/path    the same, after GET http://host:port/fingerprint told which
 *                              certificate to trust
 *   moqf://host[:port]/path    raw QUIC (the path stays here: raw QUIC has no room for it)
 *   moqt://                    reserved: refused with MOQ_ERR_UNSUPPORTED
 *
 * Default port 443. Host names are resolved and raced over IPv6 and IPv4 (Happy Eyeballs, RFC
 * 8305). One thread: that of the loop. Errors are codes of base/error.h; what went wrong in words
 * is in the `reason` of callbacks. */
#ifndef MOQ_NATIVE_H
#define MOQ_NATIVE_H

#include <uv.h>

#include "quic/quic.h"
#include "transfork/transfork.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* ---- URLs ------------------------------------------------------------------------------------ */

enum { MOQ_URL_HOST_BYTES = 256, MOQ_URL_PATH_BYTES = 2048 };

struct moq_url {
    enum quic_protocol protocol;
    bool is_fingerprint_fetched;   /* http: */
    char host[MOQ_URL_HOST_BYTES]; /* without brackets */
    uint16_t port;
    /* With its leading slash and query; "/" if the URL has none. May have bytes in braces: see
     * moq_url_request_path. */
    char path[MOQ_URL_PATH_BYTES];
};

/* 0; MOQ_ERR_INVALID; MOQ_ERR_UNSUPPORTED (a scheme we do not speak). `error_text`
 * (QUIC_ERROR_TEXT_BYTES, may be NULL) says why. */
int moq_url_parse(struct moq_url *url, const char *text, char *error_text);

/* The broadcast path of a URL as Rust peers cut it: split at '/' after the leading slash, query
 * and fragment dropped, escapes kept, "https://h/" gives one empty part. Only bytes in braces are
 * ours: "https://h/" and the moq_path_text of a path give that path. NULL: over the limits of a
 * path. */
struct moq_path *moq_url_broadcast(const struct moq_url *url);

/* The path and query as a request may carry them: the braces, which no URL has, are escaped. */
void moq_url_request_path(const struct moq_url *url, char out[MOQ_URL_PATH_BYTES]);

/* Whether `text` has the form of an address to bind: "1.2.3.4:0", "[::]:4443", "host:0". 0 or
 * MOQ_ERR_INVALID; the host is not looked up. */
int moq_address_check(const char *text);

/* ---- A program's start ----------------------------------------------------------------------- */

/* Opens /dev/null for standard input, output and error where they are closed, so that no socket
 * gets their numbers (libuv aborts when it has to close one of those). Reading from or writing to
 * what was closed fails as before. A program's main() calls it first, before it makes a loop. */
void moq_native_fill_descriptors(void);

/* ---- A loop's share -------------------------------------------------------------------------- */

struct moq_native; /* sockets and clock on one loop; makes clients and listeners */

struct moq_native_config {
    uv_loop_t *loop;
    struct quic_limits limits;
    enum quic_congestion congestion; /* of clients, and of listeners that say nothing else */
    const char *bind;                /* client sockets: "[::]:0" by default */
    const char *qlog_directory;      /* NULL: none */
    bool is_keylog_enabled;          /* honours SSLKEYLOGFILE */
    bool is_gso_disabled;
    uint64_t send_spread_ns; /* see quic_udp_config */
};

struct moq_native *moq_native_new(const struct moq_native_config *config); /* NULL: out of memory */
const struct moq_clock *
moq_native_clock(const struct moq_native *native); /* ends with it: tracks first */

/* To call when something outside the sockets (a timer, a pipe) is about to change what a session
 * has to send or to wait for: brings the clock up to now and makes sure of a flush in this turn.
 * Cheap. */
void moq_native_wake(struct moq_native *native);

/* Closes what is left, in the order in which it was opened, and frees; `on_closed` follows from the
 * loop; may be NULL. */
void moq_native_close(struct moq_native **native, void (*on_closed)(void *user), void *user);

/* ---- Client ---------------------------------------------------------------------------------- */

struct moq_client; /* one URL, kept connected as long as its owner wishes */

struct moq_client_events { /* every entry may be NULL */
    /* A session is agreed: it is `moq_client_session(client)` until on_lost. */
    void (*on_connected)(struct moq_client *client, struct moq_session *session);
    /* It is over, or could not be made. `retry_ms`: the next try begins then; UINT64_MAX: never
     * (last call then). */
    void (*on_lost)(struct moq_client *client, int error, const char *reason, uint64_t retry_ms);
};

struct moq_reconnect { /* exponential, with +-50 % jitter */
    bool is_enabled;
    uint32_t first_ms, most_ms; /* 0: 1000 and 30000 */
    uint32_t tries;             /* in a row; 0: no limit */
};

struct moq_client_config {
    struct moq_url url;
    struct quic_tls_client_config tls;
    uint32_t versions; /* enum moq_version, or-ed; 0: all, the newest that the server picks */
    struct moq_offers *offers;                /* kept; may be NULL */
    const struct moq_session_events *session; /* kept; may be NULL; its user is `user` */
    const struct moq_client_events *events;   /* kept */
    struct moq_reconnect reconnect;
    uint32_t timeout_ms; /* for one try; 0: 10000 */
    void *user;          /* also moq_session_user() of its sessions */
};

/* Begins to connect. NULL: out of memory. Errors of name, TLS files, ... arrive as on_lost, never
 * inside. */
struct moq_client *moq_client_open(struct moq_native *native,
                                   const struct moq_client_config *config);
struct moq_session *
moq_client_session(const struct moq_client *client); /* NULL while not connected */
struct quic_conn *
moq_client_conn(const struct moq_client *client); /* for statistics; NULL while not connected */
void *moq_client_user(const struct moq_client *client);

/* Ends the session with `error` (0: in order) and tells the peer. No client event comes any more;
 * what hangs on the session (subscriptions, viewers, its own on_closed) is told of its end as ever,
 * and then comes `on_closed`, which may be NULL. Sets *client to NULL. */
void moq_client_close(struct moq_client **client, int error, void (*on_closed)(void *user),
                      void *user);

/* What a client of an http: URL asks before it connects, asked once for many clients: they take the
 * URL with is_fingerprint_fetched false and the answer as tls.pinned_sha256. `on_done` comes once,
 * from the loop; `sha256` (QUIC_FINGERPRINT_BYTES, borrowed) is NULL if there was none, and
 * `reason` says why. It cannot be taken back: moq_native_close waits for it. 0, or MOQ_ERR_NOMEM
 * and no call. */
typedef void moq_fingerprint_on_done(void *user, const uint8_t *sha256, const char *reason);
int moq_fingerprint_fetch(struct moq_native *native, const struct moq_url *url,
                          moq_fingerprint_on_done *on_done, void *user);

/* ---- Server ---------------------------------------------------------------------------------- */

struct moq_listener;

struct moq_peer { /* what is known of a peer before its session exists; borrowed */
    struct quic_conn *conn;
    enum quic_protocol protocol;
    const char *path, *origin, *server_name;
    const struct sockaddr *address;
};

struct moq_listener_events {
    /* A session is wanted. 0: accept, and *config holds events, user, offers, limits for it (zeroed
     * before; clock and versions are filled in); negative: refuse with that error. */
    int (*on_peer)(struct moq_listener *listener, const struct moq_peer *peer,
                   struct moq_session_config *config);
    /* A packet of a connection of `worker`: for moq_listener_receive of that one's listener. See
     * quic_endpoint_config.forward; may be NULL. */
    int (*on_stray)(struct moq_listener *listener, uint8_t worker,
                    const struct quic_datagram *packet);
};

struct moq_listener_config {
    const char *address;             /* "[::]:4443", "0.0.0.0:443", "localhost:0" */
    struct quic_tls *tls;            /* a reference is taken */
    uint32_t versions;               /* 0: all */
    enum quic_congestion congestion; /* default: the moq_native's */
    bool is_reuse_port;              /* several workers on one address, opened in their order */
    uint8_t worker, workers;         /* see quic_endpoint_config */
    struct quic_commons *commons;    /* see quic_endpoint_config */
    const struct moq_listener_events *events; /* kept */
    void *user;
};

/* 0; MOQ_ERR_INVALID (address), MOQ_ERR_IO (cannot bind: `error_text` says why;
 * QUIC_ERROR_TEXT_BYTES, may be NULL), MOQ_ERR_NOMEM. */
int moq_listener_open(struct moq_native *native, const struct moq_listener_config *config,
                      struct moq_listener **listener, char *error_text);
void *moq_listener_user(const struct moq_listener *listener);
struct quic_endpoint *moq_listener_endpoint(const struct moq_listener *listener);
int moq_listener_address(const struct moq_listener *listener, struct sockaddr_storage *out,
                         socklen_t *size);
/* For each of several workers on one address, when all are open: see quic_udp_steer. */
int moq_listener_steer(struct moq_listener *listener);
/* What another worker received for it: `is_forwarded` is set. Comes
 * after moq_native_wake. */
void moq_listener_receive(struct moq_listener *listener, const struct quic_datagram *packet);
/* Refuses new sessions, ends those there are in order; `on_closed` follows when they are gone, at
 * most 3 s later. Sets it to NULL. */
void moq_listener_close(struct moq_listener **listener, void (*on_closed)(void *user), void *user);

/* The session on a connection of a client or a listener; NULL: none (yet). */
struct moq_session *moq_native_bridge_session(const struct quic_conn *conn);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
