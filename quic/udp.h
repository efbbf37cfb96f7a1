/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The driver on libuv: a UDP socket with a uv_poll_t that feeds an endpoint and is its sink. Steps
 * 1, 11 and 15 of a frame's walk: it receives with recvmmsg and UDP_GRO, flushes once before the
 * loop sleeps, and sends with sendmmsg and UDP_SEGMENT.
 *
 * This is a second door of quic/, separate because tests drive endpoints without libuv. */
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
    /* Several workers share the port. Open them in the order of endpoint.worker, then call
     * quic_udp_steer() for each. The first fails if another process has the port. */
    bool is_reuse_port;
    bool is_gso_disabled; /* for tests */
    /* For servers: if datagrams trickle in at a high rate, waits up to 0.2 ms for several of them
     * (quic/gather.h). */
    bool is_gathering;
    /* For load generators: delays what each connection sends by a time of its own, of at most this,
     * as if the peers were spread over the Internet. 0: no delay. */
    uint64_t send_spread_ns;
    struct moq_clock *clock; /* kept; set once per turn */
    /* The driver sets its `sink` and `clock`. */
    struct quic_endpoint_config endpoint;
    /* Called once per turn, after everything has been received and before the flush; may be NULL.
     * For a turn at a certain time, see due_ns of quic_app. */
    void (*on_turn)(void *self);
    void *on_turn_self;
};

/* Binds the socket and starts. Returns 0, MOQ_ERR_IO (errno says why) or MOQ_ERR_NOMEM. */
int quic_udp_open(struct quic_udp **udp, const struct quic_udp_config *config);
struct quic_endpoint *quic_udp_endpoint(struct quic_udp *udp);

/* Gets the bound address with its actual port. */
int quic_udp_address(const struct quic_udp *udp, struct sockaddr_storage *out, socklen_t *size);

/* Makes the kernel pass datagrams to the worker that has issued their connection ID. Call it for
 * each of several workers on one port, when all are open. Returns 0, or MOQ_ERR_IO (errno says why)
 * if the kernel cannot and chooses by addresses. */
int quic_udp_steer(struct quic_udp *udp);

/* Makes sure that a turn follows. Call it for work that has not come from the socket, but from a
 * timer, a pipe or another socket. */
void quic_udp_wake(struct quic_udp *udp);

/* Frees endpoint and socket; the loop calls `on_closed` later. Close connections before, with
 * quic_endpoint_shut_down(). Not to be called from a callback of the endpoint, but on_turn may. */
void quic_udp_close(struct quic_udp *udp, void (*on_closed)(void *user), void *user);

#ifdef __cplusplus
}
#endif
#endif
