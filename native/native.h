/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* native: quic and transfork joined on a libuv loop. A URL becomes a connected session; a listener
 * turns connections into sessions. Used by the tools, the relay, GStreamer elements and other
 * people's programs.
 *
 *   https://host[:port]/path   WebTransport
 *   http://host[:port]/path    the same, trusting the certificate whose fingerprint is the
 *                              answer to GET http://host:port/fingerprint
 *   moqf://host[:port]/path    raw QUIC (the path is not sent: raw QUIC has no place for it)
 *   moqt://                    reserved: refused with MOQ_ERR_UNSUPPORTED
 *
 * Default port 443. Host names are resolved and raced over IPv6 and IPv4 (Happy Eyeballs, RFC
 * 8305). Everything runs on one thread, that of the loop. Errors are codes of base/error.h; the
 * `reason` of callbacks says in words what went wrong. */
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

enum { MOQ_URL_HOST_BYTES = 256, MOQ_URL_PATH_BYTES = 4096 };

struct moq_url {
    enum quic_protocol protocol;
    bool is_fingerprint_fetched;   /* true for http: */
    char host[MOQ_URL_HOST_BYTES]; /* without brackets */
    uint16_t port;
    /* With its leading slash and query; "/" if the URL has none. May have bytes in braces: see
     * moq_url_request_path. */
    char path[MOQ_URL_PATH_BYTES];
};

/* Returns 0, MOQ_ERR_INVALID, or MOQ_ERR_UNSUPPORTED (a scheme that we do not speak). `error_text`
 * (QUIC_ERROR_TEXT_BYTES, may be NULL) says why. */
int moq_url_parse(struct moq_url *url, const char *text, char *error_text);

/* The broadcast path of a URL, split as Rust peers do it: at each '/' after the leading slash,
 * without query and fragment, escapes kept; "https://h/" gives one empty part. Unlike Rust peers,
 * it understands bytes in braces, so "https://h/" and the moq_path_text of a path give that path.
 * The caller owns a reference. NULL: over the limits of a path, or out of memory. */
struct moq_path *moq_url_broadcast(const struct moq_url *url);

/* The path and query as a request carries them: with escapes for braces, which no URL may have. */
void moq_url_request_path(const struct moq_url *url, char out[MOQ_URL_PATH_BYTES]);

/* Gives the query of `url` a parameter, instead of what it had of this name. `value` is taken as it
 * is, so it must have no byte that ends a parameter or a URL, such as '&' or '#'. Returns 0, or
 * MOQ_ERR_BOUNDS if it does not fit; `url` is unchanged then. */
int moq_url_set_parameter(struct moq_url *url, const char *name, const char *value);

/* The parameter in which relays expect a token, and whoever has the token may act for its owner:
 * where a text may have a URL in it and is shown, its value is replaced by up to three '*'. Returns
 * `text`. */
#define MOQ_URL_TOKEN "jwt"
bool moq_url_has_token(const struct moq_url *url);
char *moq_url_hide_token(char *text);

/* Whether `text` has the form of an address to bind: "1.2.3.4:0", "[::]:4443", "host:0". 0 or
 * MOQ_ERR_INVALID; the host is not looked up. */
int moq_address_check(const char *text);

/* ---- A program's start ----------------------------------------------------------------------- */

/* Opens /dev/null for standard input, output and error where they are closed, so that no socket
 * gets their numbers (libuv aborts when it has to close one of those). Reading from or writing to a
 * descriptor that was closed still fails. Call it first in main(), before you make a loop. */
void moq_native_fill_descriptors(void);

/* ---- A loop's share -------------------------------------------------------------------------- */

struct moq_native; /* the sockets and the clock of one loop; opens clients and listeners */

struct moq_native_config {
    uv_loop_t *loop;
    struct quic_limits limits;
    enum quic_congestion congestion; /* of clients, and of listeners that do not set their own */
    const char *bind;                /* client sockets: "[::]:0" by default */
    const char *qlog_directory;      /* NULL: none */
    bool is_keylog_enabled;          /* writes TLS keys to the file that SSLKEYLOGFILE names */
    bool is_gso_disabled;
    uint64_t send_spread_ns; /* see quic_udp_config */
};

struct moq_native *moq_native_new(const struct moq_native_config *config); /* NULL: out of memory */
/* Borrowed. Tracks that use it must be freed before `native`. */
const struct moq_clock *moq_native_clock(const struct moq_native *native);

/* Call it when something other than the sockets (a timer, a pipe) is about to change what a session
 * has to send or to wait for: it sets the clock to the current time and makes sure that this turn
 * ends with a flush. Cheap. */
void moq_native_wake(struct moq_native *native);

/* Closes the clients and listeners that are left, in the order in which they were opened, and frees
 * everything. `on_closed` (may be NULL) is called from the loop when that is done. Sets *native to
 * NULL. */
void moq_native_close(struct moq_native **native, void (*on_closed)(void *user), void *user);

/* ---- Client ---------------------------------------------------------------------------------- */

struct moq_client; /* one URL, kept connected until its owner closes it */

struct moq_client_events { /* every entry may be NULL */
    /* A session is established: `moq_client_session(client)` is `session` until on_lost. */
    void (*on_connected)(struct moq_client *client, struct moq_session *session);
    /* The session is over or could not be established. The next attempt begins in `retry_ms`
     * milliseconds; UINT64_MAX: never, and this is the last call. */
    void (*on_lost)(struct moq_client *client, int error, const char *reason, uint64_t retry_ms);
    /* A connection is made, and gets a session, for which *config has what the client's own
     * configuration says: may change it, `user` and `limits` included. An error ends the attempt,
     * and the peer is told. */
    int (*on_session)(struct moq_client *client, struct quic_conn *conn,
                      struct moq_session_config *config);
};

struct moq_reconnect { /* pauses double each time, with a jitter of +-50 % */
    bool is_enabled;
    uint32_t first_ms, most_ms; /* 0: 1000 and 30000 */
    uint32_t tries;             /* failures in a row; 0: no limit */
};

struct moq_client_config {
    struct moq_url url;
    struct quic_tls_client_config tls;
    uint32_t versions;                        /* enum moq_version, or-ed: what is offered; 0: all */
    struct moq_offers *offers;                /* kept; may be NULL */
    const struct moq_session_events *session; /* kept; may be NULL; its user is `user` */
    const struct moq_client_events *events;   /* kept */
    struct moq_reconnect reconnect;
    uint32_t timeout_ms; /* for one attempt; 0: 10000 */
    /* For those who have to notice sooner that a peer is gone: see quic_connect_config. */
    uint64_t idle_ns, keep_alive_ns;
    void *user; /* also moq_session_user() of its sessions */
    /* Called with `refresh_user` before each attempt; may be NULL. May change path and query of the
     * client's URL, for a token that does not last as long as the client, or close the client. An
     * error is one of the attempt, and `error_text` (QUIC_ERROR_TEXT_BYTES) says why. */
    int (*refresh)(void *refresh_user, struct moq_url *url, char *error_text);
    void *refresh_user;
};

/* Begins to connect. NULL: out of memory. Other errors (an unknown host, an unreadable TLS file,
 * ...) are reported by on_lost, never before this returns. */
struct moq_client *moq_client_open(struct moq_native *native,
                                   const struct moq_client_config *config);
struct moq_session *
moq_client_session(const struct moq_client *client); /* NULL while not connected */
struct quic_conn *
moq_client_conn(const struct moq_client *client); /* for statistics; NULL while not connected */
void *moq_client_user(const struct moq_client *client);

/* Ends the session with `error` (0: a normal end) and tells the peer. The client's own events are
 * not called any more, but everything that belongs to the session (subscriptions, viewers, its
 * on_closed) is told of the end as usual. After that, `on_closed` (may be NULL) is called. Sets
 * *client to NULL. */
void moq_client_close(struct moq_client **client, int error, void (*on_closed)(void *user),
                      void *user);

/* Fetches the fingerprint for an http: URL, once for many clients: give them the URL with
 * is_fingerprint_fetched set to false, and the answer as tls.pinned_sha256. `on_done` is called
 * once, from the loop; if there is no answer, `sha256` (QUIC_FINGERPRINT_BYTES, borrowed) is NULL
 * and `reason` says why. It cannot be cancelled: moq_native_close waits for it. Returns 0, or
 * MOQ_ERR_NOMEM, and then `on_done` is not called. */
typedef void moq_fingerprint_on_done(void *user, const uint8_t *sha256, const char *reason);
int moq_fingerprint_fetch(struct moq_native *native, const struct moq_url *url,
                          moq_fingerprint_on_done *on_done, void *user);

/* ---- Server ---------------------------------------------------------------------------------- */

struct moq_listener;

struct moq_peer { /* what is known of a peer before it has a session; borrowed */
    struct quic_conn *conn;
    enum quic_protocol protocol;
    const char *path, *origin, *server_name;
    const struct sockaddr *address;
};

struct moq_listener_events {
    /* A peer wants a session. Return 0 to accept, after filling in events, user, offers and limits
     * of *config (zeroed before; clock and versions are set by the listener), or a negative error
     * to refuse. */
    int (*on_peer)(struct moq_listener *listener, const struct moq_peer *peer,
                   struct moq_session_config *config);
    /* `packet` is for a connection of another worker: pass a copy to moq_listener_receive of that
     * worker's listener. See quic_endpoint_config.forward; may be NULL. */
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
/* Call it for each of several workers' listeners on one address when all are open: see
 * quic_udp_steer. */
int moq_listener_steer(struct moq_listener *listener);
/* Takes a packet that another worker received for this listener: `is_forwarded` is set. Call
 * moq_native_wake first. */
void moq_listener_receive(struct moq_listener *listener, const struct quic_datagram *packet);
/* Refuses new sessions and closes the existing ones cleanly. `on_closed` (may be NULL) follows when
 * they are gone, at most 3 s later. Sets *listener to NULL. */
void moq_listener_close(struct moq_listener **listener, void (*on_closed)(void *user), void *user);

/* The session on a connection of a client or a listener; NULL: none, or none yet. */
struct moq_session *moq_native_bridge_session(const struct quic_conn *conn);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
