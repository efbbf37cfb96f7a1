/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The connections of HTTP: how many there may be, and for how long.
 *
 * A connection carries any number of requests, one after the other. It has GUEST_PATIENCE_MS for
 * each: until a request is complete, and then for each GUEST_STEP_BYTES of the answer. So a slow
 * link is given all the time that it needs, and who sends or takes a byte now and then is not. A
 * connection that waits for its next request gives way to others. */
#ifndef MOQ_ADMIN_GUESTS_H
#define MOQ_ADMIN_GUESTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "server/admin/admin.h"

enum {
    GUESTS_MAX = ADMIN_CONNECTIONS_MAX,
    GUESTS_PER_ADDRESS_MAX = 32, /* a browser takes 6; some may share an address */
    GUEST_PATIENCE_MS = 15000,
    GUEST_STEP_BYTES = 16 << 10, /* in that time: 9 kbit/s */
    GUEST_ADDRESS_BYTES = 16,
};

struct guest {
    int fd;
    uint8_t address[GUEST_ADDRESS_BYTES];
    uint64_t until_ms;    /* by the loop's clock; UINT64_MAX: already ended */
    uint64_t taken_bytes; /* by the peer, when it was last late */
    bool is_idle;         /* it was answered, and has not asked again */
    bool is_read_to_end;  /* its reading side has been shut down */
};

struct guests {
    struct guest list[GUESTS_MAX];
    unsigned count; /* read-only */
};

/* A connection begins, and there is room for it. False: there are enough from this address. */
bool guests_add(struct guests *guests, int fd, const struct sockaddr *address, uint64_t now_ms);
/* It has ended; it may be unknown. */
void guests_remove(struct guests *guests, int fd);

void guests_note_request(struct guests *guests, int fd, uint64_t now_ms); /* it is complete */
void guests_note_answer(struct guests *guests, int fd, uint64_t now_ms);  /* all is on its way */

/* Each of these ends connections by shutting them down: whoever serves them finds that out, and
 * closes them. */

/* Ends those that take too long. Returns when the next one may; UINT64_MAX: none. */
uint64_t guests_end_overdue(struct guests *guests, uint64_t now_ms);
/* Ends the one that has been idle for the longest, if there is one. */
void guests_make_room(struct guests *guests);
/* Shuts down the reading side of those whose peers have closed theirs, when all is read. */
void guests_hurry_closed(struct guests *guests);

#endif
