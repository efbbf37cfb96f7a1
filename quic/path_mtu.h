/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The packets that a path carries, when it comes to carry less than it did (a tunnel is switched
 * on, the route is another one). ngtcp2 finds out at the start how large they may be, and never
 * goes back. Here is what goes back, to PATH_MTU_SAFE_BYTES; later probes find what there is (RFC
 * 8899, sections 4.3 and 5.2; RFC 9000, section 14). Private to quic/; no clock and no packet in
 * it.
 *
 * Large packets vanish while small ones arrive, for two probe time-outs: the path has shrunk. For
 * as long nothing at all arrives: it may have shrunk, or be down. Small packets find out. As soon
 * as one arrives, a probe has the size from before; if that arrives too, the path was only down.
 * The same where so many were lost at once that ngtcp2 takes it for persistent congestion.
 *
 * Nothing tells which packet was acknowledged, only how many bytes were. So what is known of small
 * packets is subtracted: when more was delivered than they account for, a large one got through.
 * Where this errs, packets are small for some seconds. */
#ifndef MOQ_QUIC_PATH_MTU_H
#define MOQ_QUIC_PATH_MTU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {                             /* of UDP payload */
       PATH_MTU_SAFE_BYTES = 1200, /* what every path of QUIC's carries */
       PATH_MTU_LARGEST_BYTES = 1452,
       PATH_MTU_SIZES = 5,
};

/* What is tried, at the start and later, the largest first: Ethernet with IPv6, PPPoE, tunnels. The
 * largest that arrives is used. */
extern const uint16_t path_mtu_sizes[PATH_MTU_SIZES];

/* From falling back to the first probe; twice as long after each that fails, until one arrives. */
#define PATH_MTU_RAISE_MIN_NS (2 * NS_PER_S)
#define PATH_MTU_RAISE_MAX_NS (600 * NS_PER_S)

/* A path that shrinks so soon after a probe arrived lets probes through that it does not let
 * through for long, and waits longer. */
#define PATH_MTU_RELAPSE_NS (10 * NS_PER_S)
#define PATH_MTU_RELAPSE_WAIT_NS (20 * NS_PER_S)

/* Of a connection: now, or when something began. Only differences are used, so bytes and packets
 * may wrap around. */
struct path_counts {
    uint64_t at_ns;
    uint32_t delivered, lost, in_flight; /* bytes */
    uint32_t packets_lost;
    uint32_t small, large; /* bytes sent in packets of at most PATH_MTU_SAFE_BYTES, and others */
};

struct path_mtu {                       /* private; zeros at the start */
    struct path_counts losses, silence; /* since when none of the large ones arrived; at_ns 0: no */
    struct path_counts probed;          /* when the probe was sent */
    uint64_t pto_ns; /* the last one that a round trip was known for; 0: none yet */
    uint64_t last_lost_ns;
    uint64_t raise_at_ns, raise_after_ns;
    uint64_t look_at_ns;   /* when to look next whether anything arrives */
    uint32_t lost;         /* as far as it was looked at */
    uint32_t small, large; /* as in struct path_counts */
    uint16_t limit;        /* 0: what ngtcp2 found is believed */
    uint16_t probe;        /* its size, while one is under way; else 0 */
    uint16_t before;       /* the size when packets became small; 0: what ngtcp2 found */
    bool is_before_tried;  /* since packets became small */
    bool is_suspected;     /* nothing arrived: whether the path has shrunk is not known yet */
    bool is_untold;        /* it has shrunk, and nothing has come since then */
};

struct path_news {
    uint64_t now_ns, pto_ns;
    uint64_t sent, lost, in_flight; /* bytes */
    uint64_t packets_lost;
    bool is_rtt_known; /* not at the start, nor after what counts as persistent congestion */
    size_t found;      /* the largest packet that ngtcp2 would write */
};

/* The size of packets from now on. */
size_t path_mtu_packet(const struct path_mtu *self, size_t found);

/* A train was written: `size` bytes in packets of `segment_size`. */
void path_mtu_sent(struct path_mtu *self, size_t size, size_t segment_size);

/* Nothing arrives, and packets have become small for it: then this is told what is in flight after
 * each train. */
bool path_mtu_is_silent(const struct path_mtu *self);
void path_mtu_sent_into_silence(struct path_mtu *self, uint64_t in_flight);

/* Whether path_mtu_received has anything to do, at the price of a comparison. */
bool path_mtu_is_news(const struct path_mtu *self, uint64_t lost);

/* A packet came, perhaps with acknowledgements. Returns true once when the path is known to have
 * shrunk. */
bool path_mtu_received(struct path_mtu *self, const struct path_news *news);

/* A timer went off. Needless unless the path is watched: while all packets are small there is
 * nothing to see. */
bool path_mtu_is_watched(const struct path_mtu *self);
void path_mtu_expired(struct path_mtu *self, const struct path_news *news);

/* Packets have the size that ngtcp2 found, and nothing is to be done before the next train: the
 * price of most trains is this comparison, and path_mtu_sent. */
bool path_mtu_is_quiet(const struct path_mtu *self, uint64_t now_ns);

/* Whether it is time to call path_mtu_expired before the next train all the same: ngtcp2 sets its
 * timer anew for each train, so it may not go off for as long as there is more to send. Put off for
 * as long as the path is not watched. */
bool path_mtu_is_look_due(struct path_mtu *self, uint64_t now_ns);

/* The peer is somewhere else: nothing is known of the path. Later: it has proved its address. */
void path_mtu_moved(struct path_mtu *self);
void path_mtu_arrived(struct path_mtu *self, uint64_t now_ns);

/* The size that a packet with something to acknowledge is to be padded to now, as a probe; 0: none
 * is due. Then: it was written. */
size_t path_mtu_due(struct path_mtu *self, uint64_t now_ns, size_t found);
void path_mtu_probe_sent(struct path_mtu *self, const struct path_news *news, size_t size);

#ifdef __cplusplus
}
#endif
#endif
