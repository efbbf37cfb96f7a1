/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One line of time for each track, whatever the file does: decode times that are missing follow
 * from durations, those that wrap are unwrapped, and those that start again go on where the ones
 * before ended.
 *
 * Tracks that start again do so together, as sound and picture of one encoder do: the first one to
 * go back begins an epoch, and the others join it with the same offset, to stay in step. */
#include "karp/import_internal.h"

#include "base/check.h"
#include "base/log.h"

__extension__ typedef __int128 wide_int;

enum {
    US_PER_S = 1000000,
    WRAP_BITS = 32,
    JITTER_US = 100000,       /* decode times may go back so far without a new start */
    JUMP_MAX_US = 60000000,   /* media missing where a moov is repeated, at most */
    OVERLAP_MAX_US = 500000,  /* a track that joins an epoch may lie so far before its own end */
    WRAP_GAP_S = 10,          /* media missing at a wrap, at most */
    WRAP_GAP_SHARE = 1 << 10, /* and at most this part of a turn, where clocks are fast */
    LEAD_MAX_US = 1000000,    /* a track may begin so long before the one that starts again */
    BELOW_ZERO_MAX_S = 10,    /* a 32-bit time so close to its end is one below zero */
};

/* Offsets and ends beyond this are cut: frames so far away are refused when they are handed out. */
#define SUM_MAX_US ((int64_t)(KARP_TIMESTAMP_MAX_US / 2))

static int64_t cut(int64_t us)
{
    return us > SUM_MAX_US ? SUM_MAX_US : us < -SUM_MAX_US ? -SUM_MAX_US : us;
}

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

/* The same for sums and logs, where the end of all time will do for what lies beyond it. */
static int64_t us_of(const struct import_track *track, int64_t ticks)
{
    int64_t us = ticks < 0 ? -(int64_t)KARP_TIMESTAMP_MAX_US : (int64_t)KARP_TIMESTAMP_MAX_US;
    import_to_us(track, ticks, &us);
    return us;
}

/* Ticks that media may be missing at a wrap. */
static int64_t wrap_gap(const struct import_track *track)
{
    int64_t gap = (int64_t)WRAP_GAP_S * track->timescale;
    int64_t most = (INT64_C(1) << WRAP_BITS) / WRAP_GAP_SHARE;
    return gap < most ? gap : most;
}

/* Undoes the wrap of a time that was counted in 32 bits, or in the 33 of MPEG-TS, whatever the
 * width of its field. Returns `time` when none has happened. */
static int64_t unwrapped(struct import_track *track, int64_t time)
{
    struct import_clock *clock = &track->clock;
    int64_t turn = INT64_C(1) << WRAP_BITS;
    int64_t behind = clock->next_dts - time;
    if (behind < turn / 2)
        return time;
    int64_t turns = (behind + turn / 2) / turn;
    int64_t gap = time + turns * turn - clock->next_dts;
    if (turns > 2 || gap > wrap_gap(track) || gap < -wrap_gap(track))
        return time;
    clock->wrapped += turns * turn;
    log_info(LOG_MEDIA, "import: the decode time of track %u has wrapped; it goes on", track->id);
    return time + turns * turn;
}

/* Whether a 32-bit `time` is one below zero: close to its end, and far from where the track is. */
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

/* Whether the track starts again at `time`. Where the moov was repeated, or another track has
 * started again, a step back that is small is no jitter; and after a moov a leap ahead is another
 * clock, not a gap. */
static bool is_new_start(const struct karp_importer *importer, const struct import_track *track,
                         int64_t time)
{
    const struct import_clock *clock = &track->clock;
    bool is_after_moov = clock->moov_number != importer->moov_number;
    if (clock->epoch != importer->epoch) {
        bool is_same_moov = is_after_moov && importer->epoch_moov_number == importer->moov_number;
        if (is_same_moov || time <= clock->last_dts)
            return true;
    }
    if (is_after_moov && time <= clock->last_dts)
        return time < clock->last_dts || time == clock->first_dts;
    if (is_after_moov && us_of(track, time) - us_of(track, clock->next_dts) > JUMP_MAX_US)
        return true;
    return us_of(track, time) < us_of(track, clock->last_dts) - JITTER_US;
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
        return import_fail(importer, MP4, NULL, "a fragment of track %u is dated beyond all reason",
                           track->id);
    time += clock->wrapped;
    if (clock->has_begun)
        time = unwrapped(track, time);
    if (clock->has_begun && is_new_start(importer, track, time)) {
        clock->is_new_start = true;
        time -= clock->wrapped;
        clock->wrapped = 0;
    }
    clock->moov_number = importer->moov_number;
    *dts = time;
    return 0;
}

void import_time_sample(struct import_track *track, const struct import_span *span, int64_t pts)
{
    struct import_clock *clock = &track->clock;
    int64_t dts = span->dts;
    bool is_first = track->sample_count == 0;
    if (is_first && (clock->is_new_start || !clock->has_begun))
        clock->first_dts = dts;
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

static int64_t end_of_all(const struct karp_importer *importer)
{
    int64_t end_us = INT64_MIN;
    for (size_t i = 0; i < importer->track_count; i++) {
        const struct import_clock *clock = &importer->tracks[i].clock;
        if (clock->has_begun && clock->end_us > end_us)
            end_us = clock->end_us;
    }
    return end_us;
}

/* Begins an epoch with a track that starts again at `start_us`. Whatever began before this track in
 * the last epoch is expected to do so again, and finds room. */
static void begin_epoch(struct karp_importer *importer, const struct import_track *track,
                        int64_t start_us)
{
    REQUIRE(track->clock.has_begun && track->clock.first_us >= importer->earliest_us);
    int64_t lead_us = track->clock.first_us - importer->earliest_us;
    if (lead_us > LEAD_MAX_US)
        lead_us = LEAD_MAX_US;
    importer->epoch++;
    importer->epoch_moov_number = importer->moov_number;
    importer->epoch_us = cut(end_of_all(importer) + lead_us - start_us);
    importer->earliest_us = start_us;
    importer->counts.restarts++;
    log_info(LOG_MEDIA,
             "import: times start again before byte %llu, track %u at %lld ms; they go on from "
             "%lld ms",
             (unsigned long long)importer->position, track->id, (long long)start_us / 1000,
             (long long)(start_us + importer->epoch_us) / 1000);
}

/* Lets a track that starts, or starts again, take part in the epoch that runs now. */
static void join_epoch(struct karp_importer *importer, struct import_track *track)
{
    struct import_clock *clock = &track->clock;
    REQUIRE(track->is_used && track->sample_count > 0 && clock->epoch <= importer->epoch);
    int64_t start_us = us_of(track, track->lowest_pts);
    if (clock->has_begun && clock->epoch == importer->epoch)
        begin_epoch(importer, track, start_us);
    int64_t offset_us = importer->epoch_us;
    if (clock->has_begun && start_us + offset_us < clock->end_us - OVERLAP_MAX_US) {
        offset_us = cut(clock->end_us - start_us);
        log_warn(LOG_MEDIA,
                 "import: track %u starts again at another time than the others; they may be out "
                 "of step",
                 track->id);
    }
    if (start_us < importer->earliest_us)
        importer->earliest_us = start_us;
    clock->epoch = importer->epoch;
    clock->first_us = start_us;
    if (!clock->has_begun)
        clock->origin_us = cut(start_us + offset_us);
    clock->offset_us = offset_us;
    clock->is_new_start = false;
    track->pace.has_expected = false;
}

void import_time_settle(struct karp_importer *importer)
{
    for (size_t i = 0; i < importer->track_count; i++) {
        struct import_track *track = &importer->tracks[i];
        if (track->sample_count > 0 && (track->clock.is_new_start || !track->clock.has_begun))
            join_epoch(importer, track);
    }
    for (size_t i = 0; i < importer->track_count; i++) {
        struct import_track *track = &importer->tracks[i];
        struct import_clock *clock = &track->clock;
        if (track->sample_count == 0)
            continue;
        int64_t end_us = cut(us_of(track, clock->fragment_end) + clock->offset_us);
        if (!clock->has_begun || end_us > clock->end_us)
            clock->end_us = end_us;
        clock->has_begun = true;
    }
}

void import_time_shift(struct karp_importer *importer)
{
    int64_t lowest_us = 0;
    for (size_t i = 0; i < importer->track_count; i++) {
        const struct import_track *track = &importer->tracks[i];
        if (!track->is_used)
            continue;
        int64_t us = track->clock.has_begun ? track->clock.origin_us : us_of(track, -track->edit);
        if (us < lowest_us)
            lowest_us = us;
    }
    importer->shift_us = importer->catalog->start_us = (uint64_t)-lowest_us;
    importer->is_shift_known = true;
    if (lowest_us < 0)
        log_info(LOG_MEDIA, "import: times begin before zero; all are moved by %lld us",
                 (long long)-lowest_us);
}
