/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Keeps the decode times of each track on one time line. Missing times follow from durations, wraps
 * are undone, and times that start again are told from jitter. */
#include "karp/import_internal.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"

__extension__ typedef __int128 wide_int;

enum {
    US_PER_S = 1000000,
    WRAP_BITS = 32,
    TS_WRAP_BITS = 33,        /* MPEG-TS has times of this width, */
    TS_RATE = 90000,          /* in ticks of this rate */
    JUMP_MAX_US = 60000000,   /* most media that may be missing where a moov is repeated */
    WRAP_GAP_S = 10,          /* most media that may be missing at a wrap, */
    WRAP_GAP_SHARE = 1 << 10, /* but at most 2^32 / WRAP_GAP_SHARE ticks */
    BELOW_ZERO_MAX_S = 10,    /* a 32-bit time this close to 2^32 may be a negative one */
    LAG_MAX_US = 2000000,     /* a track is expected to be at most this far behind the others */
};

bool import_to_us(const struct import_track *track, int64_t ticks, int64_t *us)
{
    wide_int product = (wide_int)ticks * US_PER_S;
    wide_int result = product / track->timescale;
    if (product % track->timescale < 0)
        result--;
    if (result > (wide_int)KARP_TIMESTAMP_MAX_US || result < -(wide_int)KARP_TIMESTAMP_MAX_US)
        return false;
    *us = (int64_t)result;
    return true;
}

int64_t import_us_of(const struct import_track *track, int64_t ticks)
{
    int64_t us = ticks < 0 ? -(int64_t)KARP_TIMESTAMP_MAX_US : (int64_t)KARP_TIMESTAMP_MAX_US;
    import_to_us(track, ticks, &us);
    return us;
}

/* The most media that may be missing at a wrap, in ticks. */
static int64_t wrap_gap(const struct import_track *track)
{
    int64_t gap = (int64_t)WRAP_GAP_S * track->timescale;
    int64_t most = (INT64_C(1) << WRAP_BITS) / WRAP_GAP_SHARE;
    return gap < most ? gap : most;
}

/* Undoes the wrap of a time that was counted in 32 bits, or in the 33 bits of MPEG-TS, whatever the
 * width of its field and its timescale are now. Returns `time` if it has not wrapped. */
static int64_t unwrap_dts(struct import_track *track, int64_t time)
{
    struct import_clock *clock = &track->clock;
    const int64_t turns[] = {
        INT64_C(1) << WRAP_BITS,
        INT64_C(1) << TS_WRAP_BITS,
        (int64_t)(((wide_int)track->timescale << TS_WRAP_BITS) / TS_RATE),
    };
    for (size_t i = 0; i < sizeof turns / sizeof *turns; i++) {
        int64_t gap = time + turns[i] - clock->next_dts;
        if (gap > wrap_gap(track) || gap < -wrap_gap(track))
            continue;
        clock->wrapped += turns[i];
        log_info(LOG_MEDIA, "import: the decode time of track %u has wrapped; it continues",
                 track->id);
        return time + turns[i];
    }
    return time;
}

/* Whether a 32-bit `time` stands for a negative one: it is close to 2^32, and far from where the
 * track is. */
static bool is_below_zero(const struct import_track *track, int64_t time)
{
    const struct import_clock *clock = &track->clock;
    int64_t end = INT64_C(1) << WRAP_BITS;
    int64_t most = (int64_t)BELOW_ZERO_MAX_S * track->timescale;
    if (most > end / 2 || time < end - most)
        return false;
    int64_t ahead = time + clock->wrapped - clock->next_dts;
    return !clock->has_begun || ahead > most || ahead < -most;
}

/* Whether a track joins the epoch that another one has begun, instead of going on as before. The
 * choice is the one that puts `time` closer to where the track is expected. */
static bool is_joining_epoch(const struct karp_importer *importer, const struct import_track *track,
                             int64_t time)
{
    const struct import_clock *clock = &track->clock;
    bool is_same_moov = clock->moov_number != importer->moov_number &&
                        importer->epoch_moov_number == importer->moov_number;
    if (time - clock->wrapped == clock->first_dts)
        return true;
    bool is_likely = is_same_moov || time <= clock->last_dts;
    int64_t expected = import_us_of(track, clock->next_dts) + clock->offset_us;
    int64_t least = import_end_of_all(importer) - LAG_MAX_US;
    if (expected < least)
        expected = least;
    int64_t off_as_before = import_us_of(track, time) + clock->offset_us - expected;
    int64_t off_in_epoch =
        import_us_of(track, time - clock->wrapped) + importer->epoch_us - expected;
    int64_t doubt = is_likely ? IMPORT_JITTER_US : -IMPORT_JITTER_US;
    return llabs(off_in_epoch) < llabs(off_as_before) + doubt;
}

/* Whether the track starts again at `time`. After a repeated moov even a small step back is a new
 * start, not jitter, and so is a long step ahead, which would otherwise be a gap. */
static bool has_started_again(const struct karp_importer *importer,
                              const struct import_track *track, int64_t time)
{
    const struct import_clock *clock = &track->clock;
    bool is_after_moov = clock->moov_number != importer->moov_number;
    if (import_us_of(track, time) < import_us_of(track, clock->last_dts) - IMPORT_JITTER_US)
        return true;
    if (clock->epoch != importer->epoch)
        return is_joining_epoch(importer, track, time);
    if (!is_after_moov)
        return false;
    if (time <= clock->last_dts)
        return time < clock->last_dts || time == clock->first_dts;
    return import_us_of(track, time) - import_us_of(track, clock->next_dts) > JUMP_MAX_US;
}

int import_time_begin(struct karp_importer *importer, struct import_track *track,
                      const struct import_start *start, int64_t *dts)
{
    struct import_clock *clock = &track->clock;
    REQUIRE(track->timescale > 0);
    if (!start) {
        *dts = clock->next_dts;
        return 0;
    }
    int64_t time = (int64_t)start->time; /* 2^64 - 1024 means -1024 */
    if (!start->is_wide && is_below_zero(track, time))
        time -= INT64_C(1) << WRAP_BITS;
    if (time > IMPORT_TIME_MAX || time < -IMPORT_TIME_MAX)
        return import_fail(importer, MP4, NULL, "a fragment of track %u has an impossible time",
                           track->id);
    time += clock->wrapped;
    if (clock->has_begun)
        time = unwrap_dts(track, time);
    if (clock->has_begun && has_started_again(importer, track, time)) {
        clock->is_new_start = true;
        clock->left_dts = clock->next_dts;
        time -= clock->wrapped;
        clock->wrapped = 0;
    }
    clock->moov_number = importer->moov_number;
    *dts = time;
    return 0;
}

void import_time_sample(struct import_track *track, const struct import_sample *sample,
                        const struct import_span *span)
{
    struct import_clock *clock = &track->clock;
    int64_t dts = span->dts, pts = sample->pts;
    bool is_first = track->sample_count == 0;
    if (is_first && (clock->is_new_start || !clock->has_begun))
        clock->first_dts = dts;
    if (is_first)
        clock->is_key_first = !(sample->flags & SAMPLE_FLAG_NON_SYNC);
    if (span->duration > 0)
        clock->step = span->duration;
    else if ((clock->has_begun || !is_first) && dts > clock->last_dts)
        clock->step = dts - clock->last_dts;
    if (is_first || pts + clock->step > clock->fragment_end)
        clock->fragment_end = pts + clock->step;
    if (is_first || pts < track->lowest_pts)
        track->lowest_pts = pts;
    if (is_first || pts > track->highest_pts)
        track->highest_pts = pts;
    track->sample_count++;
    clock->last_dts = dts;
}

void import_time_shift(struct karp_importer *importer)
{
    int64_t lowest_us = 0;
    for (size_t i = 0; i < importer->track_count; i++) {
        const struct import_track *track = &importer->tracks[i];
        if (!track->is_used)
            continue;
        int64_t us =
            track->clock.has_begun ? track->clock.origin_us : import_us_of(track, -track->edit);
        if (us < lowest_us)
            lowest_us = us;
    }
    importer->shift_us = importer->catalog->start_us = (uint64_t)-lowest_us;
    importer->is_shift_known = true;
    if (lowest_us < 0)
        log_info(LOG_MEDIA, "import: times begin before zero; all are moved by %lld us",
                 (long long)-lowest_us);
}
