/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A bad link between one viewer and the relay, on this machine: datagrams towards the viewer leave
 * a bounded queue no faster than its rate and are dropped where it is full, as at the narrow end of
 * a real one; the other way is free. Once it stalls, nothing passes any more: that viewer reads
 * nothing and acknowledges nothing. */
#ifndef MOQ_TOOLS_BENCH_LINK_H
#define MOQ_TOOLS_BENCH_LINK_H

#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

enum {
    LINK_QUEUE_MS = 200,         /* what waits at most, in time ... */
    LINK_QUEUE_MIN_BYTES = 8192, /* ... and at least so much */
    LINK_QUEUE_DATAGRAMS = 64,   /* and never more than so many */
    LINK_DATAGRAM_MAX_BYTES = 2048,
};

struct bench_link;

/* `bps` 0: no limit. NULL: out of memory, or no socket. */
struct bench_link *bench_link_open(uv_loop_t *loop, const struct sockaddr_storage *relay,
                                   uint64_t bps);
uint16_t bench_link_port(const struct bench_link *link); /* on localhost */
void bench_link_stall(struct bench_link *link);
void bench_link_close(struct bench_link **link); /* freed by the loop; may point to NULL */

#endif
