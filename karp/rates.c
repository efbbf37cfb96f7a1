/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A keyframe is much larger than other frames, so whole groups tell more than a part of one.
 * Tested by tests/unit/karp/test_renditions.c. */
#include "karp/rates.h"

#define BITS_TIMES_US UINT64_C(8000000)

bool rates_begin(struct rates *rates, const struct karp_catalog *catalog)
{
    bool is_any = false;
    *rates = (struct rates){.tracks = {{.is_wanted = false}}};
    for (size_t i = 0; i < catalog->track_count; i++) {
        const struct karp_track *entry = &catalog->tracks[i];
        rates->tracks[i].is_wanted = entry->kind == KARP_VIDEO && !entry->has_bitrate;
        is_any = is_any || rates->tracks[i].is_wanted;
    }
    return is_any;
}

void rates_note(struct rates *rates, const struct karp_frame *frame)
{
    struct rates_track *track = &rates->tracks[frame->track];
    if (!track->is_wanted || (!track->has_begun && !frame->is_group_start))
        return;
    if (!track->has_begun)
        track->first_us = track->newest_us = frame->timestamp_us;
    else if (frame->is_group_start && frame->timestamp_us > track->first_us) {
        track->whole_us = frame->timestamp_us - track->first_us;
        track->whole_bytes = track->bytes;
    }
    track->has_begun = true;
    track->bytes += frame->size;
    if (frame->timestamp_us > track->newest_us)
        track->newest_us = frame->timestamp_us;
}

bool rates_are_known(const struct rates *rates)
{
    bool is_each_known = true;
    for (size_t i = 0; i < KARP_CATALOG_MAX_TRACKS; i++) {
        const struct rates_track *track = &rates->tracks[i];
        if (track->is_wanted && track->newest_us - track->first_us >= RATES_MAX_US)
            return true;
        is_each_known = is_each_known && (!track->is_wanted || track->whole_us >= RATES_GROUPS_US);
    }
    return is_each_known;
}

void rates_write(const struct rates *rates, struct karp_catalog *catalog)
{
    for (size_t i = 0; i < catalog->track_count; i++) {
        const struct rates_track *track = &rates->tracks[i];
        uint64_t us = track->whole_us ? track->whole_us : track->newest_us - track->first_us;
        uint64_t bytes = track->whole_us ? track->whole_bytes : track->bytes;
        if (!track->is_wanted || us == 0 || bytes == 0)
            continue;
        catalog->tracks[i].has_bitrate = true;
        catalog->tracks[i].bitrate_bps = bytes * BITS_TIMES_US / us;
    }
}
