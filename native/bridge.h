/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* quic and transfork joined without sockets: the seam between steps 5 and 6 of a frame's walk, for
 * simulated networks and for native's own sockets. The second door of native/, beside
 * native/native.h. */
#ifndef MOQ_NATIVE_BRIDGE_H
#define MOQ_NATIVE_BRIDGE_H

#include "base/deadlines.h"
#include "base/list.h"
#include "native/native.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The `app` of endpoints whose user is a `struct moq_native_bridge *`: it passes their calls on to
 * sessions. The bridge makes a session per connection, frees it when the connection is gone, and
 * uses the connection's user pointer itself. */
extern const struct quic_app moq_native_app;

struct moq_native_bridge {
    const struct moq_clock *clock;    /* public: set before _init, like everything down to `self` */
    uint32_t versions;                /* 0: all */
    struct moq_session_limits limits; /* for sessions whose configuration has none */

    /* Server: as moq_listener_events.on_peer. NULL: refuses everybody. */
    int (*on_peer)(void *self, const struct moq_peer *peer, struct moq_session_config *config);

    /* Client: a connection is established. Returns 0 after filling in events, user, offers and
     * limits of its session in *config, or a negative error: the connection is not wanted any more
     * and is closed with that error. `user` is what was given to _connect. */
    int (*on_client)(void *self, void *user, struct quic_conn *conn,
                     struct moq_session_config *config);
    /* Client: a version is agreed on. Called after the session's own on_ready. May be NULL. */
    void (*on_ready)(void *self, void *user, struct moq_session *session);
    /* Client: the connection is over or could not be established. Called after the session's
     * on_closed. May be NULL. */
    void (*on_lost)(void *self, void *user, int error, const char *reason);
    /* The last connection, of client or server, is gone. May be NULL. */
    void (*on_empty)(void *self);
    void *self;

    struct list links;           /* private: one per connection */
    struct deadlines *deadlines; /* private: when the session of each link is due */
    size_t link_count;           /* read-only: connections that carry or may carry a session */
};

int moq_native_bridge_init(struct moq_native_bridge *bridge);    /* 0 or MOQ_ERR_NOMEM */
void moq_native_bridge_deinit(struct moq_native_bridge *bridge); /* after its endpoints are freed */

/* As quic_endpoint_connect, whose user the bridge fills in; `user` is for on_client and on_lost. */
struct quic_conn *moq_native_bridge_connect(struct moq_native_bridge *bridge,
                                            struct quic_endpoint *endpoint,
                                            const struct quic_connect_config *config, void *user);

/* Closes a connection of _connect that nobody waits for any more, without any callback. */
void moq_native_bridge_forget(struct quic_conn *conn);

/* Ends every session cleanly and refuses new ones; on_empty follows. */
void moq_native_bridge_shut_down(struct moq_native_bridge *bridge, int error, const char *reason);

/* Call it in each turn before the flush: ticks the sessions that are due. The endpoint learns when
 * the next one is due (quic_app.due_ns). */
void moq_native_bridge_tick(struct moq_native_bridge *bridge);

#ifdef __cplusplus
}
#endif
#endif
