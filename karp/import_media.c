/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Cuts the samples out of an mdat as its bytes arrive.
 * Tested by tests/unit/karp/test_import_layouts.c. */
#include "karp/import_internal.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/error.h"
#include "base/log.h"

void import_begin_fragment(struct karp_importer *importer, bool is_joining)
{
    if (!is_joining) {
        importer->sample_count = importer->next_sample = 0;
        importer->has_left_out = false;
    }
    importer->has_fragment = importer->has_fragment_mdat = false;
    for (size_t i = 0; i < importer->track_count; i++)
        importer->tracks[i].sample_count = 0;
}

uint8_t import_entry_number(const struct import_track *track, uint32_t entry)
{
    return entry <= track->entry_count ? (uint8_t)entry : 0;
}

bool import_is_lost(const struct karp_importer *importer, const struct import_track *track,
                    uint32_t entry, enum karp_loss *loss)
{
    uint8_t number = track ? import_entry_number(track, entry) : 0;
    if (!track)
        *loss = importer->further_tracks > 0 ? KARP_LOSS_FURTHER_TRACK : KARP_LOSS_UNKNOWN_TRACK;
    else if (!track->is_used)
        *loss = track->loss;
    else if (number > 0 && track->bad_entries >> (number - 1) & 1)
        *loss = KARP_LOSS_ENTRY;
    else
        return false;
    return true;
}

/* Changes over to the sample entry of `sample`, unless the current one says the same. */
static int use_sample_entry(struct karp_importer *importer, const struct import_sample *sample)
{
    const struct import_track *track = &importer->tracks[sample->track];
    if (!track->has_other_entries || sample->entry == 0 ||
        track->same_entries >> (sample->entry - 1) & 1)
        return 0;
    int error = import_switch_entry(importer, sample->track, sample->entry);
    return error ? error : import_output_fragment(importer);
}

/* Changes over to the sample entry of the first sample of each track in the fragment. Doing so for
 * all tracks before the first frame is handed out makes one new instance instead of several. */
static int use_first_sample_entries(struct karp_importer *importer)
{
    uint64_t seen = 0;
    int error = 0;
    if (importer->moov.size == 0)
        return 0;
    for (size_t i = 0; !error && i < importer->sample_count; i++) {
        const struct import_sample *sample = &importer->samples[i];
        uint64_t bit = UINT64_C(1) << sample->track;
        if (!(seen & bit))
            error = use_sample_entry(importer, sample);
        seen |= bit;
    }
    return error;
}

void import_leave_out(struct karp_importer *importer, enum karp_loss loss, uint64_t samples)
{
    importer->counts.left_out[loss] += samples;
    importer->has_left_out |= samples > 0;
}

int import_add_sample(struct karp_importer *importer, struct import_track *track,
                      const struct import_sample *sample, const struct import_span *span)
{
    REQUIRE(track->is_used);
    if (importer->sample_count == KARP_IMPORT_MAX_SAMPLES)
        return import_fail(importer, TOO_LARGE, NULL, "more than %d samples in a fragment",
                           KARP_IMPORT_MAX_SAMPLES);
    if (sample->size == 0)
        return 0; /* empty */
    if (sample->size > KARP_FRAME_MAX_BYTES)
        return import_fail(importer, TOO_LARGE, NULL,
                           "a sample of %u bytes in track %u, at most %d", sample->size, track->id,
                           KARP_FRAME_MAX_BYTES);
    if (importer->sample_count == importer->sample_capacity) {
        size_t capacity = importer->sample_capacity ? importer->sample_capacity * 2 : 64;
        struct import_sample *grown = realloc(importer->samples, capacity * sizeof *grown);
        if (!grown)
            return failure_nomem(&importer->failure);
        importer->samples = grown;
        importer->sample_capacity = capacity;
    }

    struct import_sample *added = &importer->samples[importer->sample_count];
    *added = *sample;
    added->order = (uint32_t)importer->sample_count++;
    added->track = (uint8_t)(track - importer->tracks);
    import_time_sample(track, sample, span);
    return 0;
}

/* The latency in us that the fragment adds to a track: the time from its first to its last sample,
 * less one frame. */
static uint64_t fragment_span_us(const struct import_track *track)
{
    int64_t span;
    if (!track->is_used || track->sample_count < 2 ||
        !import_to_us(track, track->highest_pts - track->lowest_pts, &span))
        return 0;
    return (uint64_t)span - (uint64_t)span / (track->sample_count - 1);
}

static void note_latency(struct karp_importer *importer)
{
    importer->fragment_us = 0;
    for (size_t i = 0; i < importer->track_count; i++) {
        uint64_t span = fragment_span_us(&importer->tracks[i]);
        if (span > importer->fragment_us)
            importer->fragment_us = span;
    }
    if (importer->fragment_us == 0 || importer->has_warned_latency)
        return;
    importer->has_warned_latency = true;
    log_info(LOG_MEDIA,
             "import: a frame waits for the rest of its fragment, up to %llu ms; if that comes "
             "from a live encoder, let it write one frame per fragment (ffmpeg: -frag_duration 1)",
             (unsigned long long)(importer->fragment_us / 1000));
}

static int compare_positions(const void *left, const void *right)
{
    const struct import_sample *a = left, *b = right;
    if (a->position != b->position)
        return a->position < b->position ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

static void sort_samples(struct karp_importer *importer)
{
    struct import_sample *samples = importer->samples;
    for (size_t i = 1; i < importer->sample_count; i++) {
        if (compare_positions(&samples[i - 1], &samples[i]) > 0) {
            qsort(samples, importer->sample_count, sizeof *samples, compare_positions);
            return;
        }
    }
}

/* Converts all positions into positions in the input. Media comes after the box that points at it.
 * So if an absolute position is already in the past, the current file is not the first one in the
 * input, and the position counts from the start of this file. */
static void place_samples(struct karp_importer *importer)
{
    for (size_t i = 0; i < importer->sample_count; i++) {
        struct import_sample *sample = &importer->samples[i];
        if (sample->place == IMPORT_IN_MDAT)
            sample->position += importer->position;
        else if (sample->place == IMPORT_IN_FILE && sample->position < importer->position)
            sample->position += importer->file_start;
        sample->place = IMPORT_IN_INPUT;
    }
}

/* Checks that every sample that begins before `end` also ends in this mdat, and that none begins
 * before the mdat or inside another sample. */
static int check_samples(struct karp_importer *importer, uint64_t end)
{
    uint64_t from = importer->position;
    for (size_t i = importer->next_sample; i < importer->sample_count; i++) {
        const struct import_sample *sample = &importer->samples[i];
        if (sample->position < from)
            return import_fail(importer, INVALID_OFFSET, NULL,
                               "a sample begins at byte %llu, but media data only at byte %llu",
                               (unsigned long long)sample->position, (unsigned long long)from);
        if (sample->position >= end)
            return 0;
        from = sample->position + sample->size;
        if (from > end)
            return import_fail(importer, INVALID_OFFSET, NULL,
                               "a sample ends at byte %llu, but its mdat at byte %llu",
                               (unsigned long long)from, (unsigned long long)end);
    }
    return 0;
}

int import_media_begin(struct karp_importer *importer)
{
    REQUIRE(importer->pieces.size == 0);
    REQUIRE(importer->next_sample <= importer->sample_count);
    bool is_first_mdat = !importer->has_fragment_mdat;
    if (is_first_mdat) {
        place_samples(importer);
        sort_samples(importer);
    }
    importer->has_fragment_mdat = true;
    int error = check_samples(importer, importer->position + importer->box_left);
    if (error)
        return error;

    note_latency(importer);
    return is_first_mdat ? use_first_sample_entries(importer) : 0;
}

/* Takes bytes of one sample, and hands it out when it is complete. Sets `*used` to the number of
 * bytes taken. */
static int take_sample(struct karp_importer *importer, const uint8_t *data, size_t size,
                       size_t *used)
{
    const struct import_sample *sample = &importer->samples[importer->next_sample];
    struct byte_buf *pieces = &importer->pieces;
    REQUIRE(pieces->size < sample->size);
    size_t missing = sample->size - pieces->size;
    *used = missing < size ? missing : size;

    const uint8_t *payload = data;
    if (pieces->size > 0 || *used < missing) {
        if (byte_buf_append(pieces, data, *used) != 0)
            return failure_nomem(&importer->failure);
        payload = pieces->data;
    }
    importer->position += *used;
    if (*used < missing)
        return 0;

    pieces->size = 0;
    importer->next_sample++;
    int error = use_sample_entry(importer, sample);
    return error ? error : import_output(importer, sample, payload);
}

int import_media(struct karp_importer *importer, const uint8_t *data, size_t size)
{
    int error = 0;
    while (size > 0 && !error) {
        size_t used = size;
        const struct import_sample *sample = importer->next_sample < importer->sample_count
                                                 ? &importer->samples[importer->next_sample]
                                                 : NULL;
        if (sample && sample->position <= importer->position) {
            error = take_sample(importer, data, size, &used);
        } else {
            if (sample && sample->position - importer->position < used)
                used = (size_t)(sample->position - importer->position);
            importer->position += used;
        }
        data += used;
        size -= used;
    }
    return error;
}
