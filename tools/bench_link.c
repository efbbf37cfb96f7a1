/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Two sockets and a queue. Datagrams from the viewer go on to the relay at once; those from the
 * relay wait in the queue.
 * Tested by tests/meter/run. */
#include "tools/bench_link.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"

enum { HANDLES = 3, BURST = 32 };

struct datagram {
    size_t size;
    uint8_t data[LINK_DATAGRAM_MAX_BYTES];
};

struct bench_link {
    uv_poll_t front, back; /* the sockets on the viewer's side and on the relay's side */
    uv_timer_t timer;
    int front_fd, back_fd;
    uint16_t port;
    struct sockaddr_storage viewer; /* source of the last datagram from the viewer */
    socklen_t viewer_size;
    uint64_t bps, free_ns; /* free_ns: when the next datagram may leave */
    size_t queued, queued_bytes, first, queue_bytes_max;
    bool is_stalled;
    unsigned open_handles;
    struct datagram queue[LINK_QUEUE_DATAGRAMS];
};

/* ---- To the viewer --------------------------------------------------------------------------- */

static void send_first_waiting(struct bench_link *link, uint64_t now_ns)
{
    const struct datagram *datagram = &link->queue[link->first];
    if (link->viewer_size) /* if the socket is full, the datagram is dropped like in the queue */
        (void)!sendto(link->front_fd, datagram->data, datagram->size, 0,
                      (const struct sockaddr *)&link->viewer, link->viewer_size);
    if (link->bps) {
        uint64_t from_ns = link->free_ns > now_ns ? link->free_ns : now_ns;
        link->free_ns = from_ns + datagram->size * 8 * NS_PER_S / link->bps;
    }
    link->first = (link->first + 1) % LINK_QUEUE_DATAGRAMS;
    link->queued--;
    link->queued_bytes -= datagram->size;
}

static void drain_link(struct bench_link *link);

static void on_timer(uv_timer_t *timer)
{
    drain_link(timer->data);
}

static void drain_link(struct bench_link *link)
{
    uint64_t now_ns = clock_monotonic_ns();
    while (link->queued && link->free_ns <= now_ns)
        send_first_waiting(link, now_ns);
    if (!link->queued)
        return;
    uv_update_time(link->timer.loop);
    uv_timer_start(&link->timer, on_timer, (link->free_ns - now_ns) / NS_PER_MS + 1, 0);
}

static void on_relay_datagrams(uv_poll_t *poll, int status, int events)
{
    struct bench_link *link = poll->data;
    struct datagram spare;
    (void)status, (void)events;
    for (int i = 0; i < BURST; i++) {
        ssize_t n = recv(link->back_fd, spare.data, sizeof spare.data, MSG_DONTWAIT);
        if (n < 0)
            break;
        size_t size = (size_t)n;
        if (link->queued == LINK_QUEUE_DATAGRAMS ||
            link->queued_bytes + size > link->queue_bytes_max)
            continue;
        struct datagram *slot = &link->queue[(link->first + link->queued) % LINK_QUEUE_DATAGRAMS];
        slot->size = size;
        memcpy(slot->data, spare.data, size);
        link->queued++;
        link->queued_bytes += size;
        if (!link->bps)
            drain_link(link);
    }
    drain_link(link);
}

/* ---- To the relay ---------------------------------------------------------------------------- */

static void on_viewer_datagrams(uv_poll_t *poll, int status, int events)
{
    struct bench_link *link = poll->data;
    uint8_t data[LINK_DATAGRAM_MAX_BYTES];
    (void)status, (void)events;
    for (int i = 0; i < BURST; i++) {
        struct sockaddr_storage from;
        socklen_t from_size = sizeof from;
        ssize_t n = recvfrom(link->front_fd, data, sizeof data, MSG_DONTWAIT,
                             (struct sockaddr *)&from, &from_size);
        if (n < 0)
            break;
        link->viewer = from;
        link->viewer_size = from_size;
        (void)!send(link->back_fd, data, (size_t)n, MSG_DONTWAIT);
    }
}

/* ---- Life ------------------------------------------------------------------------------------ */

static socklen_t address_size(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                          : sizeof(struct sockaddr_in);
}

static int open_front(struct bench_link *link)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6}; /* any port, also for IPv4 */
    socklen_t size = sizeof address;
    int off = 0;
    link->front_fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (link->front_fd < 0)
        return -1;
    setsockopt(link->front_fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(link->front_fd, (const struct sockaddr *)&address, size) ||
        getsockname(link->front_fd, (struct sockaddr *)&address, &size))
        return -1;
    link->port = ntohs(address.sin6_port);
    return 0;
}

static int open_back(struct bench_link *link, const struct sockaddr_storage *relay)
{
    link->back_fd = socket(relay->ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (link->back_fd < 0)
        return -1;
    return connect(link->back_fd, (const struct sockaddr *)relay, address_size(relay));
}

struct bench_link *bench_link_open(uv_loop_t *loop, const struct sockaddr_storage *relay,
                                   uint64_t bps)
{
    struct bench_link *link = calloc(1, sizeof *link);
    if (!link)
        return NULL;
    link->front_fd = link->back_fd = -1;
    link->bps = bps;
    link->queue_bytes_max = (size_t)(bps / 8 * LINK_QUEUE_MS / 1000);
    if (link->queue_bytes_max < LINK_QUEUE_MIN_BYTES)
        link->queue_bytes_max = LINK_QUEUE_MIN_BYTES;
    if (open_front(link) || open_back(link, relay)) {
        if (link->front_fd >= 0)
            close(link->front_fd);
        if (link->back_fd >= 0)
            close(link->back_fd);
        free(link);
        return NULL;
    }
    uv_poll_init(loop, &link->front, link->front_fd);
    uv_poll_init(loop, &link->back, link->back_fd);
    uv_timer_init(loop, &link->timer);
    link->front.data = link->back.data = link->timer.data = link;
    link->open_handles = HANDLES;
    uv_poll_start(&link->front, UV_READABLE, on_viewer_datagrams);
    uv_poll_start(&link->back, UV_READABLE, on_relay_datagrams);
    return link;
}

uint16_t bench_link_port(const struct bench_link *link)
{
    return link->port;
}

void bench_link_stall(struct bench_link *link)
{
    link->is_stalled = true;
    uv_poll_stop(&link->front);
    uv_poll_stop(&link->back);
    uv_timer_stop(&link->timer);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct bench_link *link = handle->data;
    if (--link->open_handles > 0)
        return;
    close(link->front_fd);
    close(link->back_fd);
    free(link);
}

void bench_link_close(struct bench_link **link_in)
{
    struct bench_link *link = *link_in;
    *link_in = NULL;
    if (!link)
        return;
    uv_poll_stop(&link->front);
    uv_poll_stop(&link->back);
    uv_close((uv_handle_t *)&link->front, on_handle_closed);
    uv_close((uv_handle_t *)&link->back, on_handle_closed);
    uv_close((uv_handle_t *)&link->timer, on_handle_closed);
}
