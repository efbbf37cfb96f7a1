/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Measures a track from the groups that it keeps. What is there when it is first seen says nothing
 * about the rate, because a publisher may send a whole group at once to begin with. */
#include "server/core/meter.h"

static void note_newest(struct track_meter *meter, const struct moq_group *group)
{
    meter->newest = group->sequence;
    meter->newest_bytes = moq_group_length(group);
    meter->newest_ns = group->started_ns;
    meter->has_newest = true;
}

static void note_interval(struct track_meter *meter, uint64_t ns)
{
    uint64_t longest = meter->longest_ns;
    if (meter->interval_ns == 0)
        meter->interval_ns = ns;
    else
        meter->interval_ns += ns / 4 - meter->interval_ns / 4;
    meter->longest_ns = ns >= longest ? ns : longest - (longest - ns) / 8;
}

/* A later group than the newest one that is known. Returns its bytes. */
static uint64_t pass_group(struct track_meter *meter, const struct moq_group *group)
{
    if (!meter->is_paused && group->started_ns > meter->newest_ns)
        note_interval(meter, group->started_ns - meter->newest_ns);
    meter->is_paused = false;
    meter->group_ns = group->started_ns;
    note_newest(meter, group);
    return meter->newest_bytes;
}

/* Bytes that have come since the last call. */
static uint64_t count_bytes(struct track_meter *meter, const struct moq_track *track)
{
    const struct moq_group *group = moq_track_find(track, meter->newest);
    uint64_t bytes = 0;
    if (group) {
        bytes = moq_group_length(group) - meter->newest_bytes;
        meter->newest_bytes += bytes;
        group = moq_track_after(track, group);
    } else {
        group = moq_track_oldest(track);
    }
    for (; group; group = moq_track_after(track, group))
        if (group->sequence > meter->newest)
            bytes += pass_group(meter, group);
    return bytes;
}

static void note_rate(struct track_meter *meter, uint64_t bytes, uint64_t ns)
{
    double share = ns < METER_RATE_NS ? (double)ns / (double)METER_RATE_NS : 1;
    double bps = (double)bytes * 8 * (double)NS_PER_S / (double)ns;
    meter->rate += (bps - meter->rate) * share;
    meter->weight += (1 - meter->weight) * share;
}

void meter_read(struct track_meter *meter, const struct moq_track *track, uint64_t now_ns)
{
    const struct moq_group *newest = moq_track_newest(track);
    if (meter->has_newest) {
        uint64_t bytes = count_bytes(meter, track);
        meter->byte_ns = bytes > 0 ? now_ns : meter->byte_ns;
        if (now_ns > meter->read_ns)
            note_rate(meter, bytes, now_ns - meter->read_ns);
    } else if (newest) {
        note_newest(meter, newest);
    }
    if (!meter->has_newest || meter->is_fresh)
        meter->group_ns = meter->byte_ns = now_ns;
    meter->is_fresh = false;
    meter->read_ns = now_ns;
}

void meter_pause(struct track_meter *meter)
{
    meter->is_paused = meter->is_fresh = true;
}

uint64_t meter_last_group_ns(const struct track_meter *meter)
{
    return meter->group_ns;
}

uint64_t meter_last_byte_ns(const struct track_meter *meter)
{
    return meter->byte_ns;
}

uint64_t meter_rate_bps(const struct track_meter *meter)
{
    return meter->weight > 0 ? (uint64_t)(meter->rate / meter->weight) : 0;
}
