/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Dials: sessions that the relay opens itself, to other relays. Part of core's door.
 *
 * The peer at the other end is one like those that come in: it may publish and watch as its grants
 * say, hooks are told of its birth and death, and decide on what it announces and asks for. Only
 * session_open is not asked, because whoever dials has decided already. */
#ifndef MOQ_CORE_DIAL_H
#define MOQ_CORE_DIAL_H

#include "server/core/hooks.h"

#ifdef __cplusplus
extern "C" {
#endif

struct core_dial; /* one URL, kept connected until its owner closes it */
struct core_worker;

struct core_dial_config {
    struct moq_url url;
    struct quic_tls_client_config tls;
    const struct core_grants *grants; /* what the peer may do; copied; NULL: everything */
    uint64_t idle_ns, keep_alive_ns;  /* as moq_client_config */
    struct moq_reconnect reconnect;
    /* As in moq_client_config: for a token that does not last as long as the dial. Its user is that
     * of core_dial_open. */
    int (*refresh)(void *user, struct moq_url *url, char *error_text);
};

struct core_dial_ops {
    /* The peer has a session, until on_down or its own death, whichever comes first. */
    void (*on_up)(void *user, struct core_peer *peer);
    /* The session is over, or could not be established. The next attempt begins in `retry_ms`;
     * UINT64_MAX: never, and this is the last call. */
    void (*on_down)(void *user, int error, const char *reason, uint64_t retry_ms);
};

enum { CORE_DIALS_MAX = 1024 }; /* of one worker */

/* Begins to connect from this worker. `ops` is kept; nothing is called before this returns.
 * MOQ_ERR_BOUNDS: CORE_DIALS_MAX; MOQ_ERR_CLOSED: the worker ends its sessions; MOQ_ERR_NOMEM; or
 * as grants are refused (core_request_set_grants). */
int core_dial_open(const struct core_worker *worker, const struct core_dial_config *config,
                   const struct core_dial_ops *ops, void *user, struct core_dial **dial);
/* Ends the session, telling the peer why (`error` 0: a normal end), and forgets the dial: its
 * functions are not called any more. Sets *dial to NULL. */
void core_dial_close(struct core_dial **dial, int error);

#ifdef __cplusplus
}
#endif
#endif
