/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Writes fragments (moof and mdat) of one frame or of one group each. The newest sample of a track
 * is always held back, because its decode time and duration depend on the next one.
 * Tested by tests/unit/karp/test_export_time.c. */
#include <stdlib.h>

#include "base/error.h"
#include "karp/export_internal.h"

enum {
    FLAGS_KEY = 0x02000000,
    FLAGS_DELTA = 0x01010000,
    TFHD_BASE_IS_MOOF = 0x20000,
    TRUN_FIELDS = 0x1 | 0x100 | 0x200 | 0x400 | 0x800,
    MDAT_HEADER_BYTES = 8,
};

static uint32_t duration_between(int64_t from, int64_t to)
{
    int64_t duration = to - from;
    if (duration < 1)
        return 1;
    return duration < UINT32_MAX ? (uint32_t)duration : UINT32_MAX;
}

/* A fragment that is being written. */
struct fragment {
    const struct karp_exporter *exporter;
    const struct export_track *track;
    int64_t next_dts; /* decode time of the sample after the last one, in microseconds */
};

static void write_sample(struct writer *to, const struct fragment *fragment,
                         const struct export_sample *sample, int64_t next_dts)
{
    const struct karp_exporter *exporter = fragment->exporter;
    int64_t dts = export_ticks(exporter, fragment->track, sample->dts);
    int64_t pts = export_ticks(exporter, fragment->track, sample->pts);
    int64_t next = export_ticks(exporter, fragment->track, next_dts);
    writer_number(to, duration_between(dts, next), 4);
    writer_number(to, sample->size, 4);
    writer_number(to, sample->is_key ? FLAGS_KEY : FLAGS_DELTA, 4);
    writer_number(to, (uint32_t)(int32_t)(pts - dts), 4);
}

static void write_traf(struct writer *to, const struct fragment *fragment, size_t *offset_place)
{
    const struct export_track *track = fragment->track;
    size_t traf = writer_begin(to, "traf");
    size_t tfhd = writer_begin_full(to, "tfhd", 0, TFHD_BASE_IS_MOOF);
    writer_number(to, track->id, 4);
    writer_end(to, tfhd);
    size_t tfdt = writer_begin_full(to, "tfdt", 1, 0);
    writer_number(to, (uint64_t)export_ticks(fragment->exporter, track, track->samples[0].dts), 8);
    writer_end(to, tfdt);

    size_t trun = writer_begin_full(to, "trun", 1, TRUN_FIELDS);
    writer_number(to, track->sample_count, 4);
    *offset_place = to->buf.size;
    writer_zeros(to, 4);
    for (size_t i = 0; i < track->sample_count; i++) {
        const struct export_sample *sample = &track->samples[i];
        bool is_last = i + 1 == track->sample_count;
        write_sample(to, fragment, sample, is_last ? fragment->next_dts : sample[1].dts);
    }
    writer_end(to, trun);
    writer_end(to, traf);
}

static void write_moof(struct writer *to, const struct fragment *fragment)
{
    size_t offset_place = 0;
    size_t moof = writer_begin(to, "moof");
    size_t mfhd = writer_begin_full(to, "mfhd", 0, 0);
    writer_number(to, fragment->exporter->sequence, 4);
    writer_end(to, mfhd);
    write_traf(to, fragment, &offset_place);
    writer_end(to, moof);

    size_t data_offset = to->buf.size + MDAT_HEADER_BYTES;
    for (size_t i = 0; i < 4 && !to->error; i++)
        to->buf.data[offset_place + i] = (uint8_t)(data_offset >> (24 - 8 * i));
    writer_number(to, fragment->track->data.size + MDAT_HEADER_BYTES, 4);
    writer_bytes(to, "mdat", 4);
}

/* Writes all samples of the track, whose decode times are final, as one fragment. */
static int write_fragment(struct karp_exporter *exporter, struct export_track *track,
                          int64_t next_dts)
{
    if (track->sample_count == 0)
        return 0;
    const struct fragment fragment = {exporter, track, next_dts};
    struct writer to = {.error = 0};
    byte_buf_init(&to.buf, EXPORT_BOXES_MAX_BYTES);
    exporter->sequence++;
    write_moof(&to, &fragment);
    int error = to.error;
    if (!error)
        error = exporter->on_write(exporter->user, to.buf.data, to.buf.size);
    if (!error)
        error = exporter->on_write(exporter->user, track->data.data, track->data.size);
    byte_buf_deinit(&to.buf);
    exporter->counters.fragments++;
    exporter->counters.frames += track->sample_count;
    track->sample_count = 0;
    track->data.size = 0;
    return error;
}

/* Gives the held sample its final decode time. It is later than that of the sample before and, for
 * video, earlier than the candidate of the next sample even if both are shown at the same time.
 * Some muxers round the times of two audio samples to the same value. The second one is then shown
 * one tick later, because readers of audio do not tell decode from presentation time. */
static void settle_held_sample(struct export_track *track, int64_t next_candidate)
{
    struct export_sample *held = &track->samples[track->sample_count - 1];
    if (held->dts >= next_candidate && track->kind == KARP_VIDEO)
        held->dts = next_candidate - track->tick_us;
    if (held->dts < track->last_dts + track->tick_us)
        held->dts = track->last_dts + track->tick_us;
    if (held->pts < held->dts && track->kind == KARP_AUDIO)
        held->pts = held->dts;
    track->last_dts = held->dts;
    track->last_duration = duration_between(held->dts, next_candidate);
}

static int add_fragment_sample(struct export_track *track, const struct export_sample *sample,
                               const uint8_t *payload)
{
    if (track->sample_count == track->sample_capacity) {
        size_t capacity = track->sample_capacity ? track->sample_capacity * 2 : 4;
        struct export_sample *grown = realloc(track->samples, capacity * sizeof *grown);
        if (!grown)
            return MOQ_ERR_NOMEM;
        track->samples = grown;
        track->sample_capacity = capacity;
    }
    int error = byte_buf_append(&track->data, payload, sample->size);
    if (!error)
        track->samples[track->sample_count++] = *sample;
    return error;
}

static bool is_fragment_full(const struct karp_exporter *exporter, const struct export_track *track,
                             const struct karp_frame *next)
{
    return !exporter->options.is_fragment_per_group || next->is_group_start ||
           track->sample_count >= KARP_EXPORT_FRAGMENT_MAX_SAMPLES ||
           track->data.size + next->size > KARP_EXPORT_FRAGMENT_MAX_BYTES;
}

int export_fragment_add(struct karp_exporter *exporter, struct export_track *track,
                        const struct karp_frame *frame, int64_t pts)
{
    struct export_sample sample = {.pts = pts,
                                   .dts = export_time_next(track, pts, frame->is_group_start),
                                   .size = (uint32_t)frame->size,
                                   .is_key = frame->is_group_start || track->kind == KARP_AUDIO};
    int error = 0;
    if (track->sample_count > 0) {
        settle_held_sample(track, sample.dts);
        if (is_fragment_full(exporter, track, frame))
            error = write_fragment(exporter, track, sample.dts);
    }
    if (!error)
        error = add_fragment_sample(track, &sample, frame->payload);
    if (pts + track->frame_us > track->end_us)
        track->end_us = pts + track->frame_us;
    return error;
}

int export_fragment_flush(struct karp_exporter *exporter, struct export_track *track)
{
    int error = export_opening_end(exporter, track);
    if (error || track->sample_count == 0)
        return error;
    uint32_t duration = track->last_duration ? track->last_duration : track->frame_us;
    struct export_sample *held = &track->samples[track->sample_count - 1];
    settle_held_sample(track,
                       held->dts + (held->dts > track->last_dts ? duration : track->tick_us));
    return write_fragment(exporter, track, track->last_dts + duration);
}
