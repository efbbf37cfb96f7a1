/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tested by tests/e2e/test_http.py and tests/e2e/test_relay.py. */
#include "server/admin/guests.h"

#include <netinet/in.h>
#include <poll.h>
#include <string.h>

#include "server/admin/progress.h"

static struct guest *find_guest(struct guests *guests, int fd)
{
    for (unsigned i = 0; i < guests->count; i++)
        if (guests->list[i].fd == fd)
            return &guests->list[i];
    return NULL;
}

static void read_address(const struct sockaddr *address, uint8_t out[GUEST_ADDRESS_BYTES])
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    memset(out, 0, GUEST_ADDRESS_BYTES);
    if (address->sa_family == AF_INET) {
        memcpy(&in, address, sizeof in);
        memcpy(out, &in.sin_addr, sizeof in.sin_addr);
    } else if (address->sa_family == AF_INET6) {
        memcpy(&in6, address, sizeof in6);
        memcpy(out, &in6.sin6_addr, sizeof in6.sin6_addr);
    }
}

bool guests_add(struct guests *guests, int fd, const struct sockaddr *address, uint64_t now_ms)
{
    struct guest guest = {.fd = fd, .until_ms = now_ms + GUEST_PATIENCE_MS};
    unsigned neighbours = 0;
    read_address(address, guest.address);
    for (unsigned i = 0; i < guests->count; i++)
        neighbours +=
            memcmp(guests->list[i].address, guest.address, sizeof guest.address) == 0 ? 1 : 0;
    if (neighbours >= GUESTS_PER_ADDRESS_MAX || guests->count == GUESTS_MAX)
        return false;
    guests->list[guests->count++] = guest;
    return true;
}

void guests_remove(struct guests *guests, int fd)
{
    struct guest *guest = find_guest(guests, fd);
    if (guest)
        *guest = guests->list[--guests->count];
}

static void begin_time(struct guests *guests, int fd, uint64_t now_ms, bool is_idle)
{
    struct guest *guest = find_guest(guests, fd);
    if (!guest || guest->until_ms == UINT64_MAX)
        return;
    guest->until_ms = now_ms + GUEST_PATIENCE_MS;
    guest->is_idle = is_idle;
}

void guests_note_request(struct guests *guests, int fd, uint64_t now_ms)
{
    begin_time(guests, fd, now_ms, false);
}

void guests_note_answer(struct guests *guests, int fd, uint64_t now_ms)
{
    begin_time(guests, fd, now_ms, true);
}

/* ---- Ending ---------------------------------------------------------------------------------- */

/* Wakes whoever serves it. */
static void end_guest(struct guest *guest)
{
    shutdown(guest->fd, SHUT_RDWR);
    guest->until_ms = UINT64_MAX;
}

/* The kernel would keep what the peer does not take for minutes. */
static void drop_unsent(const struct guest *guest)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    if (!progress_is_complete(guest->fd))
        setsockopt(guest->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

/* Gives it more time if it has made its step, and ends it otherwise. */
static void judge_overdue(struct guest *guest, uint64_t now_ms)
{
    uint64_t taken = progress_taken_bytes(guest->fd);
    if (taken < guest->taken_bytes + GUEST_STEP_BYTES) {
        drop_unsent(guest);
        end_guest(guest);
        return;
    }
    guest->taken_bytes = taken;
    guest->until_ms = now_ms + GUEST_PATIENCE_MS;
}

uint64_t guests_end_overdue(struct guests *guests, uint64_t now_ms)
{
    uint64_t next_ms = UINT64_MAX;
    for (unsigned i = 0; i < guests->count; i++) {
        struct guest *guest = &guests->list[i];
        if (guest->until_ms <= now_ms)
            judge_overdue(guest, now_ms);
        next_ms = guest->until_ms < next_ms ? guest->until_ms : next_ms;
    }
    return next_ms;
}

void guests_make_room(struct guests *guests)
{
    struct guest *oldest = NULL;
    for (unsigned i = 0; i < guests->count; i++) {
        struct guest *guest = &guests->list[i];
        bool is_older = guest->is_idle && (!oldest || guest->until_ms < oldest->until_ms);
        if (is_older && progress_is_complete(guest->fd))
            oldest = guest;
    }
    if (oldest && oldest->until_ms != UINT64_MAX)
        end_guest(oldest);
}

/* ---- Peers that are gone --------------------------------------------------------------------- */

/* Whether the peer has closed, and everything that it sent has been read. */
static bool is_at_end(const struct pollfd *socket)
{
    char byte;
    return socket->revents && recv(socket->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* libmicrohttpd polls edge-triggered, and stops reading at the first short read. If the sender of
 * half a request closed before that read, there is no further edge, and the connection would keep
 * its place until it is overdue. Shutting down our reading side, where nothing can arrive any more,
 * makes another edge; a complete request is still answered. */
void guests_hurry_closed(struct guests *guests)
{
    struct pollfd sockets[GUESTS_MAX];
    for (unsigned i = 0; i < guests->count; i++)
        sockets[i] = (struct pollfd){.fd = guests->list[i].fd, .events = POLLRDHUP};
    if (poll(sockets, guests->count, 0) <= 0)
        return;
    for (unsigned i = 0; i < guests->count; i++)
        if (!guests->list[i].is_read_to_end && is_at_end(&sockets[i])) {
            shutdown(guests->list[i].fd, SHUT_RD);
            guests->list[i].is_read_to_end = true; /* only once */
        }
}
