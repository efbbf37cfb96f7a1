/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A meter: how fast a track comes. It looks at the track now and then, so that frames cost
 * nothing. */
#ifndef MOQ_CORE_METER_H
#define MOQ_CORE_METER_H

#include "base/clock.h"
#include "transfork/transfork.h"

/* How far back the bit rate is smoothed. */
#define METER_RATE_NS (3 * NS_PER_S)

/* All zero: nothing is known. */
struct track_meter {
    uint64_t interval_ns; /* between the beginnings of groups, smoothed; 0: not known */
    uint64_t longest_ns;  /* the longest of these in the last while; it fades slowly */
    /* Private. */
    uint64_t newest, newest_bytes, newest_ns; /* the newest group, what of it was counted, and when
                                                 it began */
    uint64_t read_ns;
    uint64_t group_ns, byte_ns; /* when the last group, and the last bytes, were seen */
    double rate, weight;
    bool has_newest, is_paused, is_fresh;
};

/* Call it at each sweep. Groups that were dropped since the last call are not counted. */
void meter_read(struct track_meter *meter, const struct moq_track *track, uint64_t now_ns);
/* The time until the next group says nothing about the publisher: nobody watched, or another one
 * takes over. */
void meter_pause(struct track_meter *meter);
/* When the publisher that is measured last brought a group, or any bytes; at the earliest, the
 * first look after a pause. */
uint64_t meter_last_group_ns(const struct track_meter *meter);
uint64_t meter_last_byte_ns(const struct track_meter *meter);
uint64_t meter_rate_bps(const struct track_meter *meter); /* 0: not known */

#endif
