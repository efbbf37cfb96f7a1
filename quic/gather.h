/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* When a socket is looked at. As a rule at once: the kernel says that there is something. But where
 * datagrams come one by one at a high rate, as acknowledgements of many peers do, each would wake
 * the loop for a microsecond of work. Then the kernel is not asked, and the loop sleeps for
 * GATHER_NS before each look, as long as that finds several at a time.
 *
 * Numbers only: no socket, no timer, no clock. Private to quic/udp.c. */
#ifndef MOQ_QUIC_GATHER_H
#define MOQ_QUIC_GATHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

#ifdef __cplusplus
extern "C" {
#endif

/* No datagram waits longer than this while the loop sleeps (and no frame, therefore). */
#define GATHER_NS (200 * NS_PER_US)

enum {
    GATHER_FEW = 8,    /* packets: a look that finds as many was worth waking for */
    GATHER_BURST = 64, /* packets: so many at once come in bursts anyway */
    /* Packets a train, on average: somebody's flow, which waiting would slow down. */
    GATHER_FLOW = 4,
    /* Looks in a row, each for a few packets and soon after the other, before it gathers: the least
     * where that has paid, the most where it was a mistake again and again. */
    GATHER_STREAK_MIN = 4,
    GATHER_STREAK_FIRST = 16,
    GATHER_STREAK_MAX = 512,
    GATHER_LONE_MAX = 2, /* looks in a row for one packet or none: it ends */
};

struct gather {
    uint64_t asleep_ns; /* private, as all of it: since when the loop sleeps, or will */
    uint32_t streak, streak_needed, lone;
    bool is_on, has_paid;
};

void gather_init(struct gather *gather);

/* A look at `now_ns` found so many packets, in so many trains. */
void gather_note(struct gather *gather, uint64_t now_ns, size_t packets, size_t trains);

/* The work that a look has made is done, and the loop goes to sleep at `now_ns`: GATHER_NS count
 * from here. Counted from the look, they would be over soon after a long turn. */
static inline void gather_sleep(struct gather *gather, uint64_t now_ns)
{
    gather->asleep_ns = now_ns;
}

/* Whether the kernel is not to say when there is something; then the time of the next look. */
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
