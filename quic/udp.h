/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The real driver: a UDP socket under uv_poll_t that feeds an endpoint and is its sink. Steps 1, 11
 * and 15 of a frame's walk: recvmmsg with UDP_GRO in, one flush before the loop sleeps, sendmmsg
 * with UDP_SEGMENT out.
 *
 * A second door of quic/, apart because tests drive endpoints without libuv. */
#ifndef MOQ_QUIC_UDP_H
#define MOQ_QUIC_UDP_H

#include <uv.h>

#include "quic/quic.h"

#ifdef __cplusplus
extern "C" {
#endif

struct quic_udp;

struct quic_udp_config {
    uv_loop_t *loop;
    const struct sockaddr *address; /* to bind; port 0: any. An IPv6 wildcard also takes IPv4 */
    socklen_t address_size;
    /* Several workers on one port: to be opened in the order of endpoint.worker, the first with a
     * port that nobody has; then steered. */
    bool is_reuse_port;
    bool is_gso_disabled; /* for tests */
    /* For servers: where datagrams trickle in at a high rate, several are waited for, 0.2 ms at the
     * most (quic/gather.h). */
    bool is_gathering;
    /* For load generators: what each connection sends leaves later by a time of its own, of at most
     * this, as if the peers were all over the Internet. 0: at once. */
    uint64_t send_spread_ns;
    struct moq_clock *clock; /* kept; set once per turn */
    /* `sink`, `clock` are filled in by the driver. */
    struct quic_endpoint_config endpoint;
    /* Called once per turn after everything was received and before the flush; NULL: none. For a
     * turn at a certain time, see quic_app's due_ns. */
    void (*on_turn)(void *self);
    void *on_turn_self;
};

/* Binds and starts. Returns 0 or MOQ_ERR_IO (errno says why), MOQ_ERR_NOMEM. */
int quic_udp_open(struct quic_udp **udp, const struct quic_udp_config *config);
struct quic_endpoint *quic_udp_endpoint(struct quic_udp *udp);

/* What was bound, its port filled in. */
int quic_udp_address(const struct quic_udp *udp, struct sockaddr_storage *out, socklen_t *size);

/* For each of several workers on one port, when all are open: the kernel gives datagrams to the
 * worker that issued their connection ID. 0 or MOQ_ERR_IO (errno): it cannot, they come by
 * addresses. */
int quic_udp_steer(struct quic_udp *udp);

/* Makes sure that a turn happens: for work that did not come from the socket (a timer, a pipe,
 * another socket). */
void quic_udp_wake(struct quic_udp *udp);

/* Frees endpoint and socket; `on_closed` follows from the loop. Connections should be closed before
 * (quic_endpoint_shut_down). Not from a callback of the endpoint; on_turn may. */
void quic_udp_close(struct quic_udp *udp, void (*on_closed)(void *user), void *user);

#ifdef __cplusplus
}
#endif
#endif
