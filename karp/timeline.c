/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Detects that times have started again, and decides where they go on. */
#include "karp/timeline.h"

#include "base/check.h"
#include "base/log.h"

enum {
    /* A smaller step back between groups does not count as a new start. */
    JITTER_US = 100000,
    /* Nor does a smaller step back between audio frames of a group. */
    SOUND_BACK_US = 500000,
    /* A track that joins an epoch may overlap its own end by this much. */
    OVERLAP_MAX_US = 500000,
    /* Most room left for tracks that begin before the one that starts again first. */
    LEAD_MAX_US = 1000000,
    /* A track that is further behind the others was away before it started again. */
    AWAY_US = 1000000,
    /* A track that goes on for this long after the start of an epoch will not join it. */
    GONE_ON_US = 1000000,
    /* How far a new group may move back; the exporter leaves out a group that is 500 ms late. */
    CATCH_UP_US = 400000,
    STEP_MAX_US = 1000000,
    STEP_USUAL_US = 33333,
};

static int64_t end_of_track(const struct karp_timeline_track *track)
{
    uint64_t step_us = track->step_us ? track->step_us : STEP_USUAL_US;
    int64_t end_us = (int64_t)(track->newest_us + step_us) + track->offset_us;
    return end_us < (int64_t)KARP_TIMESTAMP_MAX_US ? end_us : (int64_t)KARP_TIMESTAMP_MAX_US;
}

static int64_t end_of_all_tracks(const struct karp_timeline *timeline)
{
    int64_t end_us = 0;
    for (size_t i = 0; i < KARP_CATALOG_MAX_TRACKS; i++) {
        const struct karp_timeline_track *track = &timeline->tracks[i];
        if (track->has_begun && end_of_track(track) > end_us)
            end_us = end_of_track(track);
    }
    return end_us;
}

/* Whether times start again at `frame`. Pictures are reordered within a group but not across
 * groups, so only the start of a newer group counts. Audio is never reordered, so a step back
 * within a group counts too. */
static bool is_new_start(const struct karp_timeline_track *track, enum karp_track_kind kind,
                         const struct karp_frame *frame, uint64_t group)
{
    if (group > track->group)
        return frame->timestamp_us + JITTER_US < track->newest_us;
    return group == track->group && kind == KARP_AUDIO && !frame->is_group_start &&
           frame->timestamp_us + SOUND_BACK_US < track->last_us;
}

/* Begins an epoch with a track that starts again at `start_us`. If other tracks began before this
 * one in the last epoch, room is left for them to do so again. */
static void begin_timeline_epoch(struct karp_timeline *timeline,
                                 const struct karp_timeline_track *track, uint64_t start_us)
{
    uint64_t lead_us = track->first_us - timeline->earliest_us;
    if (track->first_us < timeline->earliest_us || lead_us > LEAD_MAX_US)
        lead_us = 0;
    int64_t end_us = end_of_all_tracks(timeline);
    int64_t alone_us = end_us - end_of_track(track) > AWAY_US ? end_us : end_of_track(track);
    timeline->restarts++;
    timeline->offset_us = end_us + (int64_t)lead_us - (int64_t)start_us;
    timeline->earliest_us = start_us;
    timeline->is_alone = true;
    timeline->first_track = (size_t)(track - timeline->tracks);
    timeline->start_us = end_us + (int64_t)lead_us;
    timeline->surplus_us = timeline->start_us - alone_us;
    log_info(LOG_MEDIA, "times start again at %llu ms; they continue at %lld ms",
             (unsigned long long)start_us / 1000,
             ((long long)start_us + timeline->offset_us) / 1000);
}

/* Adds a track that begins or starts again to the current epoch; begins one if the track is in it
 * already. */
static void join_timeline_epoch(struct karp_timeline *timeline, struct karp_timeline_track *track,
                                uint64_t start_us)
{
    if (track->has_begun && track->epoch == timeline->restarts)
        begin_timeline_epoch(timeline, track, start_us);
    else if (track->has_begun)
        timeline->is_alone = false;
    int64_t offset_us = timeline->offset_us;
    if (track->has_begun && (int64_t)start_us + offset_us < end_of_track(track) - OVERLAP_MAX_US) {
        offset_us = end_of_track(track) - (int64_t)start_us;
        log_warn(LOG_MEDIA, "a track starts again at another time than the others; they may be out "
                            "of sync");
    }
    if (!timeline->has_begun || start_us < timeline->earliest_us)
        timeline->earliest_us = start_us;
    timeline->has_begun = true;
    *track = (struct karp_timeline_track){.has_begun = true,
                                          .epoch = timeline->restarts,
                                          .offset_us = offset_us,
                                          .first_us = start_us,
                                          .last_us = start_us,
                                          .newest_us = start_us,
                                          .step_us = track->step_us};
}

/* Called for each frame. If a track that has not joined the epoch is more than GONE_ON_US past its
 * start and no other track has joined, the track that began the epoch was alone. */
static void note_going_on(struct karp_timeline *timeline, struct karp_timeline_track *track,
                          int64_t placed)
{
    if (track->epoch == timeline->restarts || placed < timeline->start_us + GONE_ON_US)
        return;
    track->epoch = timeline->restarts;
    if (!timeline->is_alone)
        return;
    timeline->is_alone = false;
    timeline->offset_us -= timeline->surplus_us;
    timeline->tracks[timeline->first_track].surplus_us = timeline->surplus_us;
    log_warn(LOG_MEDIA,
             "only one track has started again; it moves back by %lld ms to be in sync with the "
             "others",
             (long long)timeline->surplus_us / 1000);
}

/* Moves the track a part of its surplus back. Called where a new group begins. */
static void reduce_surplus(struct karp_timeline_track *track)
{
    int64_t step = track->surplus_us < CATCH_UP_US ? track->surplus_us : CATCH_UP_US;
    track->offset_us -= step;
    track->surplus_us -= step;
}

static void note_frame_time(struct karp_timeline_track *track, uint64_t us)
{
    if (us > track->last_us && us - track->last_us < STEP_MAX_US)
        track->step_us = us - track->last_us;
    if (us > track->newest_us)
        track->newest_us = us;
    track->last_us = us;
}

uint64_t karp_timeline_place(struct karp_timeline *timeline, enum karp_track_kind kind,
                             const struct karp_frame *frame, uint64_t group)
{
    REQUIRE(frame->track < KARP_CATALOG_MAX_TRACKS);
    struct karp_timeline_track *track = &timeline->tracks[frame->track];
    uint64_t us =
        frame->timestamp_us < KARP_TIMESTAMP_MAX_US ? frame->timestamp_us : KARP_TIMESTAMP_MAX_US;
    if (!track->has_begun || is_new_start(track, kind, frame, group))
        join_timeline_epoch(timeline, track, us);
    else if (frame->is_group_start && group > track->group)
        reduce_surplus(track);
    note_frame_time(track, us);
    if (group > track->group)
        track->group = group;
    int64_t placed = (int64_t)us + track->offset_us;
    note_going_on(timeline, track, placed);
    if (placed < 0)
        return 0;
    return placed < (int64_t)KARP_TIMESTAMP_MAX_US ? (uint64_t)placed : KARP_TIMESTAMP_MAX_US;
}
