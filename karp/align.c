/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Each track is compared with the first one: the beginnings of groups of both wait until they can
 * be paired, because the media of one may come seconds before that of the other. */
#include "karp/align.h"

#include <string.h>

void align_begin(struct align *align, const size_t *tracks, size_t count)
{
    *align = (struct align){.count = 0};
    if (count == 0)
        return;
    align->first = tracks[0];
    for (size_t i = 1; i < count && i < KARP_CATALOG_MAX_TRACKS; i++)
        align->tracks[align->count++] = (struct align_track){.track = tracks[i]};
}

static void drop_start(uint64_t *starts, size_t *count)
{
    (*count)--;
    memmove(starts, starts + 1, *count * sizeof *starts);
}

/* Pairs what can be paired. Returns false if a beginning has no counterpart. */
static bool pair_starts(const struct align *align, struct align_track *pair,
                        struct align_fault *fault)
{
    while (pair->first_count > 0 && pair->own_count > 0) {
        uint64_t first = pair->first_us[0], own = pair->own_us[0];
        bool is_first_early = first + ALIGN_TOLERANCE_US < own;
        bool is_own_early = own + ALIGN_TOLERANCE_US < first;
        if (!is_first_early)
            drop_start(pair->own_us, &pair->own_count);
        if (!is_own_early)
            drop_start(pair->first_us, &pair->first_count);
        if (!is_first_early && !is_own_early) {
            pair->has_met = true;
            continue;
        }
        *fault = is_first_early ? (struct align_fault){align->first, pair->track, first}
                                : (struct align_fault){pair->track, align->first, own};
        pair->has_first_alone |= is_first_early;
        pair->has_own_alone |= is_own_early;
        if (pair->has_met || (pair->has_first_alone && pair->has_own_alone))
            return false;
    }
    return true;
}

static bool note_in_pair(const struct align *align, struct align_track *pair, size_t track,
                         uint64_t start_us, struct align_fault *fault)
{
    bool is_first = track == align->first;
    uint64_t *starts = is_first ? pair->first_us : pair->own_us;
    size_t *count = is_first ? &pair->first_count : &pair->own_count;
    if (*count == ALIGN_MAX_STARTS) {
        *fault = (struct align_fault){track, is_first ? pair->track : align->first, starts[0]};
        return false;
    }
    starts[(*count)++] = start_us;
    return pair_starts(align, pair, fault);
}

bool align_note(struct align *align, size_t track, uint64_t start_us, struct align_fault *fault)
{
    for (size_t i = 0; i < align->count; i++) {
        struct align_track *pair = &align->tracks[i];
        bool is_of_pair = track == align->first || track == pair->track;
        if (!is_of_pair || note_in_pair(align, pair, track, start_us, fault))
            continue;
        align->count = 0;
        return true;
    }
    return false;
}
