/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Detects that a path carries only smaller packets than before, because a tunnel was switched on or
 * the route has changed. ngtcp2 finds out at the start how large packets may be, and never goes
 * back to a smaller size. This code does: it goes back to PATH_MTU_SAFE_BYTES, and probes for a
 * larger size later (RFC 8899, sections 4.3 and 5.2; RFC 9000, section 14). Private to quic/; it
 * has no clock and sees no packets.
 *
 * - If large packets are lost for two probe time-outs while small ones arrive, the path has shrunk.
 * - If nothing arrives for that time, the path may have shrunk, or may be down. Packets become
 *   small to find out. As soon as one arrives, a probe of the previous size is sent. If the probe
 *   arrives as well, the path was only down. The same is done if so much is lost at once that
 *   ngtcp2 sees persistent congestion.
 *
 * ngtcp2 does not say which packet was acknowledged, only how many bytes were. So the bytes of
 * small packets are subtracted: if more was delivered than they account for, a large packet has
 * arrived. When this estimate is wrong, packets are small for some seconds. */
#ifndef MOQ_QUIC_PATH_MTU_H
#define MOQ_QUIC_PATH_MTU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {                             /* sizes of UDP payload */
       PATH_MTU_SAFE_BYTES = 1200, /* every path for QUIC must carry this */
       PATH_MTU_LARGEST_BYTES = 1452,
       PATH_MTU_SIZES = 5,
};

/* The sizes that are tried, at the start and later, largest first: Ethernet with IPv6, PPPoE,
 * tunnels. The largest one that arrives is used. */
extern const uint16_t path_mtu_sizes[PATH_MTU_SIZES];

/* The time from falling back to the first probe. It doubles after each probe that fails, until one
 * arrives. */
#define PATH_MTU_RAISE_MIN_NS (2 * NS_PER_S)
#define PATH_MTU_RAISE_MAX_NS (600 * NS_PER_S)

/* If a path shrinks this soon after a probe has arrived, large packets get through only for a short
 * while, so the next probe waits longer. */
#define PATH_MTU_RELAPSE_NS (10 * NS_PER_S)
#define PATH_MTU_RELAPSE_WAIT_NS (20 * NS_PER_S)

/* The counters of a connection at some moment. Only differences between two moments are used, so
 * bytes and packets may wrap around. */
struct path_counts {
    uint64_t at_ns;
    uint32_t delivered, lost, in_flight; /* bytes */
    uint32_t packets_lost;
    uint32_t small, large; /* bytes sent in packets up to PATH_MTU_SAFE_BYTES, and in larger ones */
};
struct path_mtu {               /* private; zeros at the start */
    struct path_counts losses;  /* since when large packets have been lost; at_ns 0: they are not */
    struct path_counts silence; /* since when nothing has arrived; at_ns 0: packets do arrive */
    struct path_counts probed;  /* when the probe was sent */
    uint64_t pto_ns; /* probe time-out while the round trip was last known; 0: not known yet */
    uint64_t last_lost_ns;
    uint64_t raise_at_ns;    /* when to send the next probe */
    uint64_t raise_after_ns; /* the wait before it */
    uint64_t look_at_ns;     /* when to check next whether anything arrives */
    uint32_t lost;           /* bytes lost at the last check */
    uint32_t small, large;   /* as in struct path_counts */
    uint16_t limit;          /* size of packets; 0: the size that ngtcp2 has found */
    uint16_t probe;          /* size of the probe that is under way; 0: none is */
    uint16_t before;         /* size before packets became small; 0: the size ngtcp2 has found */
    bool is_before_tried;    /* a probe of that size has been sent since then */
    bool is_suspected;       /* nothing arrives: not known yet whether the path has shrunk */
    bool is_untold;          /* it has shrunk, which path_mtu_received() has not reported yet */
};

struct path_news {
    uint64_t now_ns, pto_ns;
    uint64_t sent, lost, in_flight; /* bytes */
    uint64_t packets_lost;
    bool is_rtt_known; /* false at the start and after persistent congestion */
    size_t found;      /* the largest packet that ngtcp2 would write */
};
/* The largest packet to write from now on. */
size_t path_mtu_packet(const struct path_mtu *self, size_t found);

/* Notes that a train was written: `size` bytes in packets of `segment_size`. */
void path_mtu_sent(struct path_mtu *self, size_t size, size_t segment_size);
/* Whether packets have become small because nothing arrives. While that is so, call
 * path_mtu_sent_into_silence() after each train with the bytes in flight. */
bool path_mtu_is_silent(const struct path_mtu *self);
void path_mtu_sent_into_silence(struct path_mtu *self, uint64_t in_flight);

/* Whether path_mtu_received() has anything to do. Cheap. */
bool path_mtu_is_news(const struct path_mtu *self, uint64_t lost);
/* To be called when a packet has come, which may have acknowledgements. Returns true once after the
 * path has shrunk. */
bool path_mtu_received(struct path_mtu *self, const struct path_news *news);
/* path_mtu_expired() is to be called when a timer has gone off, but only needs to be while the path
 * is watched: as long as all packets are small, nothing can be observed. */
bool path_mtu_is_watched(const struct path_mtu *self);
void path_mtu_expired(struct path_mtu *self, const struct path_news *news);

/* Whether packets have the size that ngtcp2 has found and nothing is to be done before the next
 * train. For most trains this comparison and path_mtu_sent() are the whole cost. */
bool path_mtu_is_quiet(const struct path_mtu *self, uint64_t now_ns);
/* Whether path_mtu_expired() is to be called before the next train although no timer has gone off:
 * ngtcp2 sets its timer anew for each train, so it may never go off while there is more to send.
 * While the path is not watched, the next look is put off instead. */
bool path_mtu_is_look_due(struct path_mtu *self, uint64_t now_ns);
/* To be called when the peer has moved to another address, so that nothing is known about the path;
 * the second when the new address has been validated. */
void path_mtu_moved(struct path_mtu *self);
void path_mtu_arrived(struct path_mtu *self, uint64_t now_ns);
/* The size to which the next ack-eliciting packet is to be padded as a probe; 0: no probe is due.
 * When the probe has been written, call path_mtu_probe_sent(). */
size_t path_mtu_due(struct path_mtu *self, uint64_t now_ns, size_t found);
void path_mtu_probe_sent(struct path_mtu *self, const struct path_news *news, size_t size);

#ifdef __cplusplus
}
#endif
#endif
