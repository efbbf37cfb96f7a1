/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Decides when a socket is read. Usually that is at once, when the kernel says that there is
 * something. But if datagrams come one by one at a high rate, as the acknowledgements of many peers
 * do, each of them would wake the loop for a microsecond of work. Then the socket is not polled;
 * instead the loop sleeps for GATHER_NS before each look, as long as looks find several datagrams
 * at a time.
 *
 * This file only computes: it has no socket, timer or clock. Private to quic/udp.c. */
#ifndef MOQ_QUIC_GATHER_H
#define MOQ_QUIC_GATHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The longest that a datagram, and therefore a frame, waits while the loop sleeps. */
#define GATHER_NS (200 * NS_PER_US)

enum {
    GATHER_FEW = 8,    /* a look that finds this many packets was worth waking for */
    GATHER_BURST = 64, /* this many packets in one look are a burst, so gathering ends */
    /* With this many packets per train on average, it is a single flow, which gathering would slow
     * down. */
    GATHER_FLOW = 4,
    /* Gathering begins after this many looks in quick succession that each find only a few packets.
     * The number is MIN after gathering has paid, and doubles up to MAX each time it has not. */
    GATHER_STREAK_MIN = 4,
    GATHER_STREAK_FIRST = 16,
    GATHER_STREAK_MAX = 512,
    GATHER_LONE_MAX = 2, /* gathering ends after this many looks in a row find at most one packet */
};

struct gather {
    uint64_t asleep_ns; /* private, as all members: when the loop went to sleep */
    uint32_t streak, streak_needed, lone;
    bool is_on, has_paid;
};

void gather_init(struct gather *gather);

/* Notes that a look at `now_ns` has found `packets` packets in `trains` trains. */
void gather_note(struct gather *gather, uint64_t now_ns, size_t packets, size_t trains);

/* Notes that the loop goes to sleep at `now_ns`. GATHER_NS count from here and not from the look,
 * because after a long turn hardly anything of that time would be left. */
static inline void gather_sleep(struct gather *gather, uint64_t now_ns)
{
    gather->asleep_ns = now_ns;
}

/* Whether the socket is not to be polled at the moment; then gather_next_ns() is the time of the
 * next look. */
static inline bool gather_is_on(const struct gather *gather)
{
    return gather->is_on;
}
static inline uint64_t gather_next_ns(const struct gather *gather)
{
    return gather->is_on ? gather->asleep_ns + GATHER_NS : CLOCK_NEVER;
}

#ifdef __cplusplus
}
#endif
#endif
