/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Decides where tracks go on when their times start again, so that audio and video stay in sync.
 *
 * The tracks of one encoder start again together. The first track to go back begins an epoch, after
 * the end of all tracks; the others join it with the same offset. But a track may also start again
 * alone while the others go on, because its encoder was restarted or its clock has wrapped. Then it
 * goes on from its own end or, if it was away for a while, from where the others are. Which of the
 * two has happened shows in the next fragment of another track. Until then the frames of the first
 * track wait (import_output.c). */
#include "karp/import_internal.h"

#include "base/check.h"
#include "base/log.h"

enum {
    /* A track that joins an epoch may overlap its own end by this much. */
    OVERLAP_MAX_US = 500000,
    /* Most room left for tracks that begin before the one that starts again first. */
    LEAD_MAX_US = 1000000,
    /* A track was away if it is later than this plus the longest fragment. */
    AWAY_MIN_US = 1000000,
    /* Most media missing where a track changes over to the offset of another track. */
    GAP_MAX_US = 500000,
};

/* Offsets and ends are clamped to this. Frames beyond it are refused when they are handed out. */
#define SUM_MAX_US ((int64_t)(KARP_TIMESTAMP_MAX_US / 2))

static int64_t clamp_us(int64_t us)
{
    return us > SUM_MAX_US ? SUM_MAX_US : us < -SUM_MAX_US ? -SUM_MAX_US : us;
}

/* The presentation time at which the current fragment of a track begins, with offset. */
static int64_t fragment_start_of(const struct import_track *track)
{
    return clamp_us(import_us_of(track, track->lowest_pts) + track->clock.offset_us);
}

/* The latest end of all tracks that have begun, except for `except`; INT64_MIN: there is none. */
static int64_t end_of_other_tracks(const struct karp_importer *importer,
                                   const struct import_track *except)
{
    int64_t end_us = INT64_MIN;
    for (size_t i = 0; i < importer->track_count; i++) {
        const struct import_track *track = &importer->tracks[i];
        if (track != except && track->clock.has_begun && track->clock.end_us > end_us)
            end_us = track->clock.end_us;
    }
    return end_us;
}

int64_t import_end_of_all(const struct karp_importer *importer)
{
    return end_of_other_tracks(importer, NULL);
}

/* ---- Together -------------------------------------------------------------------------------- */

/* Where a track that starts again would go on without a restart: at its end. If it starts again in
 * the middle of a group, where pictures are reordered, its decode time goes on from the last one
 * instead. */
static int64_t place_after_own_end(const struct import_track *track)
{
    const struct import_clock *clock = &track->clock;
    if (clock->is_key_first)
        return clock->end_us;
    int64_t ticks = track->lowest_pts + clock->left_dts - clock->first_dts;
    return clamp_us(import_us_of(track, ticks) + clock->offset_us);
}

/* Begins an epoch with a track that starts again at `start_us`. If other tracks began before this
 * one in the last epoch, room is left for them to do so again. */
static void begin_epoch(struct karp_importer *importer, struct import_track *track,
                        int64_t start_us)
{
    const struct import_clock *clock = &track->clock;
    REQUIRE(clock->has_begun);
    int64_t lead_us = clock->first_us - importer->earliest_us;
    lead_us = lead_us < 0 ? 0 : lead_us > LEAD_MAX_US ? LEAD_MAX_US : lead_us;
    importer->restart = (struct import_restart){.track = track,
                                                .position = importer->position,
                                                .start_us = start_us,
                                                .end_us = clock->end_us,
                                                .next_us = place_after_own_end(track),
                                                .old_offset_us = clock->offset_us,
                                                .old_first_us = clock->first_us,
                                                .old_earliest_us = importer->earliest_us};
    importer->epoch++;
    importer->epoch_moov_number = importer->moov_number;
    importer->epoch_us = clamp_us(import_end_of_all(importer) + lead_us - start_us);
    importer->earliest_us = start_us;
    importer->counts.restarts++;
}

/* Adds a track that starts, or starts again, to the current epoch; begins one if the track is in it
 * already. */
static void join_epoch(struct karp_importer *importer, struct import_track *track)
{
    struct import_clock *clock = &track->clock;
    REQUIRE(track->is_used && track->sample_count > 0 && clock->epoch <= importer->epoch);
    int64_t start_us = import_us_of(track, track->lowest_pts);
    if (clock->has_begun && clock->epoch == importer->epoch) {
        import_restart_together(importer);
        begin_epoch(importer, track, start_us);
    }
    int64_t offset_us = importer->epoch_us;
    if (clock->has_begun && start_us + offset_us < clock->end_us - OVERLAP_MAX_US) {
        offset_us = clamp_us(clock->end_us - start_us);
        log_warn(LOG_MEDIA,
                 "import: track %u starts again at another time than the others; they may be out "
                 "of sync",
                 track->id);
    }
    if (start_us < importer->earliest_us)
        importer->earliest_us = start_us;
    clock->epoch = importer->epoch;
    clock->first_us = start_us;
    if (!clock->has_begun)
        clock->origin_us = clamp_us(start_us + offset_us);
    clock->offset_us = offset_us;
    track->pace.has_expected = false;
}

void import_restart_together(struct karp_importer *importer)
{
    const struct import_restart *restart = &importer->restart;
    if (!restart->track)
        return;
    /* A file that is played in a loop does so each time. */
    enum log_level level = importer->has_told_restart ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
    log_at(LOG_MEDIA, level,
           "import: times start again before byte %llu, track %u at %lld ms; they continue at "
           "%lld ms%s",
           (unsigned long long)restart->position, restart->track->id,
           (long long)restart->start_us / 1000,
           (long long)(restart->start_us + importer->epoch_us) / 1000,
           importer->has_told_restart ? "" : "; the next ones are told at level debug");
    importer->has_told_restart = true;
    importer->restart.track = NULL;
}

/* ---- Alone ----------------------------------------------------------------------------------- */

/* How far the other tracks are: the latest of their ends and of the starts of their current
 * fragments, which may come after a gap. */
static int64_t place_of_others(const struct karp_importer *importer,
                               const struct import_track *except)
{
    int64_t place_us = end_of_other_tracks(importer, except);
    for (size_t i = 0; i < importer->track_count; i++) {
        const struct import_track *track = &importer->tracks[i];
        if (track != except && track->sample_count > 0 && fragment_start_of(track) > place_us)
            place_us = fragment_start_of(track);
    }
    return place_us;
}

/* The length of the longest fragment. Tracks may appear to be out of sync by this much, because the
 * fragments of different tracks follow each other in the file. */
static int64_t longest_fragment(const struct karp_importer *importer)
{
    int64_t longest_us = 0;
    for (size_t i = 0; i < importer->track_count; i++) {
        if (importer->tracks[i].clock.fragment_us > longest_us)
            longest_us = importer->tracks[i].clock.fragment_us;
    }
    return longest_us;
}

/* Where a track goes on that has started again alone. */
static int64_t place_alone(const struct karp_importer *importer)
{
    const struct import_restart *restart = &importer->restart;
    const struct import_clock *clock = &restart->track->clock;
    int64_t place_us = restart->next_us;
    int64_t late_us = clock->has_phase ? place_of_others(importer, restart->track) +
                                             clock->phase_us - restart->next_us
                                       : 0;
    if (late_us > AWAY_MIN_US + longest_fragment(importer))
        place_us = clamp_us(restart->next_us + late_us);

    /* Another track may have started again before and have the same clock now. If the offset of
     * that track fits, it is used. */
    for (size_t i = 0; i < importer->track_count; i++) {
        const struct import_track *other = &importer->tracks[i];
        int64_t offset_us = other->clock.offset_us;
        int64_t off = restart->start_us + offset_us - place_us;
        if (other != restart->track && other->clock.has_begun &&
            offset_us != restart->old_offset_us && off >= -IMPORT_JITTER_US && off <= GAP_MAX_US)
            return place_us + off;
    }
    return place_us;
}

static void restart_alone(struct karp_importer *importer)
{
    const struct import_restart *restart = &importer->restart;
    struct import_clock *clock = &restart->track->clock;
    int64_t place_us = place_alone(importer);
    int64_t offset_us = clamp_us(place_us - restart->start_us);
    if (clock->end_us > restart->end_us) /* includes the first fragment after the restart */
        clock->end_us = clamp_us(clock->end_us + offset_us - clock->offset_us);
    if (clock->end_us < restart->end_us)
        clock->end_us = restart->end_us;
    clock->offset_us = importer->epoch_us = offset_us;
    clock->first_us = restart->old_first_us; /* from the start that all tracks had in common */
    importer->earliest_us = restart->old_earliest_us;
    importer->restart.was_alone = true;
    log_warn(LOG_MEDIA,
             "import: track %u starts again before byte %llu at %lld ms, the others do not; it "
             "continues at %lld ms, after a gap of %lld ms",
             restart->track->id, (unsigned long long)restart->position,
             (long long)restart->start_us / 1000, (long long)place_us / 1000,
             (long long)(place_us - restart->next_us) / 1000);
    importer->restart.track = NULL;
}

/* ---- A fragment ------------------------------------------------------------------------------ */

static bool is_starting(const struct import_track *track)
{
    return track->sample_count > 0 && (track->clock.is_new_start || !track->clock.has_begun);
}

/* Whether there is another track, whose next fragment can settle the restart. */
static bool is_anyone_awaited(const struct karp_importer *importer)
{
    return end_of_other_tracks(importer, importer->restart.track) != INT64_MIN;
}

/* Settles an undecided restart if the other tracks in the current fragment show whether they have
 * started again, too. */
static void judge_restart(struct karp_importer *importer)
{
    bool is_joined = false, is_alone = false;
    for (size_t i = 0; i < importer->track_count; i++) {
        const struct import_track *track = &importer->tracks[i];
        if (track == importer->restart.track || track->sample_count == 0 || !track->clock.has_begun)
            continue;
        is_joined |= track->clock.is_new_start;
        is_alone |= !track->clock.is_new_start;
    }
    if (is_joined || !is_anyone_awaited(importer))
        import_restart_together(importer);
    else if (is_alone)
        restart_alone(importer);
}

/* Notes that a track goes on as before and will not join the current epoch. */
static void stay_out_of_epoch(struct karp_importer *importer, struct import_track *track)
{
    if (track->clock.epoch != importer->epoch && !importer->restart.was_alone)
        log_warn(LOG_MEDIA,
                 "import: track %u continues although others have started again; they may be out "
                 "of sync",
                 track->id);
    track->clock.epoch = importer->epoch;
}

/* Notes the time from the end of the other tracks to the start of this track's current fragment. */
static void note_track_phase(const struct karp_importer *importer, struct import_track *track)
{
    struct import_clock *clock = &track->clock;
    int64_t others_us = end_of_other_tracks(importer, track);
    if (track == importer->restart.track)
        return;
    clock->has_phase = others_us != INT64_MIN;
    clock->phase_us = clock->has_phase ? fragment_start_of(track) - others_us : 0;
}

static void note_track_end(struct import_track *track)
{
    struct import_clock *clock = &track->clock;
    int64_t end_us = clamp_us(import_us_of(track, clock->fragment_end) + clock->offset_us);
    clock->fragment_us = end_us - fragment_start_of(track);
    if (!clock->has_begun || end_us > clock->end_us)
        clock->end_us = end_us;
    clock->has_begun = true;
    clock->is_new_start = false;
}

void import_time_settle(struct karp_importer *importer)
{
    for (size_t i = 0; i < importer->track_count; i++) {
        if (is_starting(&importer->tracks[i]))
            join_epoch(importer, &importer->tracks[i]);
    }
    if (importer->restart.track)
        judge_restart(importer);
    for (size_t i = 0; i < importer->track_count; i++) {
        struct import_track *track = &importer->tracks[i];
        if (track->sample_count > 0 && !is_starting(track))
            stay_out_of_epoch(importer, track);
        if (track->sample_count > 0)
            note_track_phase(importer, track);
    }
    for (size_t i = 0; i < importer->track_count; i++) {
        if (importer->tracks[i].sample_count > 0)
            note_track_end(&importer->tracks[i]);
    }
}
