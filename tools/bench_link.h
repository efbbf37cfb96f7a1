/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A simulated bad link between one viewer and the relay. Datagrams towards the viewer pass through
 * a bounded queue at a limited rate and are dropped when it is full, as in a real bottleneck. The
 * other direction has no limit. When the link stalls, nothing passes any more, so the viewer reads
 * nothing and acknowledges nothing. */
#ifndef MOQ_TOOLS_BENCH_LINK_H
#define MOQ_TOOLS_BENCH_LINK_H

#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

enum {
    /* The queue holds as much as passes in LINK_QUEUE_MS, but at least LINK_QUEUE_MIN_BYTES, and
     * never more than LINK_QUEUE_DATAGRAMS. */
    LINK_QUEUE_MS = 200,
    LINK_QUEUE_MIN_BYTES = 8192,
    LINK_QUEUE_DATAGRAMS = 64,
    LINK_DATAGRAM_MAX_BYTES = 2048,
};

struct bench_link;

/* Opens a link to `relay` with `bps` bits per second; 0: no limit. NULL: out of memory, or no
 * socket. */
struct bench_link *bench_link_open(uv_loop_t *loop, const struct sockaddr_storage *relay,
                                   uint64_t bps);
uint16_t bench_link_port(const struct bench_link *link); /* for the viewer, on localhost */
void bench_link_stall(struct bench_link *link);
void bench_link_close(struct bench_link **link); /* the loop frees it later; *link may be NULL */

#endif
