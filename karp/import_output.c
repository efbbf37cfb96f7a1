/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Hands out the catalog and then frames. At the beginning both wait until it is known where times
 * begin, because no frame may lie before zero. That is when the first frame of each track has come,
 * or after HOLD_MAX_US of media. If the times of a track start again, its frames wait for at most
 * as long, until it is known whether those of other tracks do so as well.
 * Tested by tests/unit/karp/test_broken.c. */
#include "karp/import_internal.h"

#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "base/log.h"

enum {
    HOLD_MAX_US = 1000000,     /* most media that waits for a frame of another track */
    HOLD_MAX_BYTES = 16 << 20, /* and most bytes of it, not counting the last frame */
};

/* A frame that waits. Its payload follows it in memory. */
struct held {
    struct import_sample sample;
    int64_t offset_us; /* of its track; used if the track has left the epoch since */
    uint32_t epoch;    /* while the track is in this epoch, its current offset is used */
};

void import_output_init(struct karp_importer *importer)
{
    byte_buf_init(&importer->held, HOLD_MAX_BYTES + KARP_FRAME_MAX_BYTES + 2 * sizeof(struct held));
}

static int hand_out_frame(struct karp_importer *importer, const struct held *held,
                          const uint8_t *payload)
{
    const struct import_sample *sample = &held->sample;
    REQUIRE(sample->track < importer->track_count && !importer->is_catalog_due);
    struct import_track *track = &importer->tracks[sample->track];
    REQUIRE(track->is_used && track->index < importer->catalog->track_count);
    int64_t us, pts = sample->pts;
    if (track->kind == KARP_AUDIO)
        pts = import_pace(track, pts, payload, sample->size);
    bool is_sane = import_to_us(track, pts, &us);
    bool is_of_now = held->epoch == track->clock.epoch;
    int64_t offset_us = is_of_now ? track->clock.offset_us : held->offset_us;
    us = is_sane ? us + offset_us + (int64_t)importer->shift_us : 0;
    if (!is_sane || us > (int64_t)KARP_TIMESTAMP_MAX_US)
        return import_fail(importer, MP4, NULL, "a sample of track %u has an impossible time",
                           track->id);
    if (us < 0 && !importer->has_warned_negative) {
        importer->has_warned_negative = true;
        log_warn(LOG_MEDIA, "import: track %u has a time before zero, taken as zero", track->id);
    }
    if (us < 0)
        us = 0;

    struct karp_frame frame = {.track = track->index,
                               .timestamp_us = (uint64_t)us,
                               .payload = payload,
                               .size = sample->size};
    frame.is_group_start = import_begins_group(importer, track, &frame, sample->flags);
    importer->counts.frames++;
    int error = frame.is_group_start ? import_sequence_add(importer, track, &frame) : 0;
    if (error)
        return error;
    error = importer->events.on_frame(importer->user, &frame);
    if (error)
        import_fail(importer, CLOSED, NULL, "a frame was refused: %s", moq_error_words(error));
    return error;
}

static int tell_catalog(struct karp_importer *importer)
{
    REQUIRE(importer->catalog && importer->catalog->track_count > 0);
    importer->is_catalog_due = false;
    if (!importer->is_shift_known)
        import_time_shift(importer);
    if (importer->shift_us > 0)
        import_note_start(importer);
    int error = importer->events.on_catalog(importer->user, importer->catalog);
    if (error && importer->is_second_moov)
        import_fail(importer, MULTIPLE_INIT, NULL, "a different moov before byte %llu",
                    (unsigned long long)importer->position);
    else if (error)
        import_fail(importer, CLOSED, NULL, "the catalog was refused: %s", moq_error_words(error));
    return error;
}

int import_output_open(struct karp_importer *importer)
{
    import_restart_together(importer);
    if (!importer->is_catalog_due && importer->held.size == 0)
        return 0;
    int error = importer->is_catalog_due ? tell_catalog(importer) : 0;
    for (size_t at = 0; !error && at < importer->held.size;) {
        struct held held;
        memcpy(&held, importer->held.data + at, sizeof held);
        at += sizeof held;
        error = hand_out_frame(importer, &held, importer->held.data + at);
        at += held.sample.size;
    }
    byte_buf_deinit(&importer->held);
    import_output_init(importer);
    return error;
}

/* Whether the track whose times have started again has waited long enough for the others. */
static bool is_restart_over(const struct karp_importer *importer)
{
    const struct import_track *track = importer->restart.track;
    int64_t us;
    return !track || (track->sample_count > 0 && import_to_us(track, track->lowest_pts, &us) &&
                      us - importer->restart.start_us > HOLD_MAX_US);
}

/* Whether waiting any longer gains nothing: each track has begun, or one has gone on for more than
 * HOLD_MAX_US. */
static bool is_start_known(const struct karp_importer *importer)
{
    bool is_each_there = true;
    for (size_t i = 0; i < importer->track_count; i++) {
        const struct import_track *track = &importer->tracks[i];
        const struct import_clock *clock = &track->clock;
        int64_t us;
        if (!track->is_used)
            continue;
        is_each_there = is_each_there && clock->has_begun;
        if (track->sample_count > 0 && import_to_us(track, track->lowest_pts, &us) &&
            us + clock->offset_us - clock->origin_us > HOLD_MAX_US)
            return true;
    }
    return is_each_there || importer->is_shift_known;
}

int import_output_fragment(struct karp_importer *importer)
{
    bool is_known =
        is_restart_over(importer) && (!importer->is_catalog_due || is_start_known(importer));
    return is_known ? import_output_open(importer) : 0;
}

int import_output(struct karp_importer *importer, const struct import_sample *sample,
                  const uint8_t *payload)
{
    const struct import_clock *clock = &importer->tracks[sample->track].clock;
    struct held held = {*sample, clock->offset_us, clock->epoch};
    if (!importer->is_catalog_due && !importer->restart.track)
        return hand_out_frame(importer, &held, payload);
    if (byte_buf_append(&importer->held, &held, sizeof held) != 0 ||
        byte_buf_append(&importer->held, payload, sample->size) != 0)
        return failure_nomem(&importer->failure);
    return importer->held.size > HOLD_MAX_BYTES ? import_output_open(importer) : 0;
}
