/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A keyframe that brings all sets keeps its own, because they may be newer than the description. */
#include "karp/in_band.h"

#include <stdlib.h>

#include "base/error.h"
#include "karp/nal.h"
#include "karp/picture.h"

void in_band_init(struct in_band *in_band)
{
    byte_buf_init(&in_band->frame, IN_BAND_FRAME_MAX_BYTES);
    for (size_t i = 0; i < KARP_CATALOG_MAX_TRACKS; i++)
        byte_buf_init(&in_band->tracks[i].sets, 2 * KARP_DESCRIPTION_MAX_BYTES);
}

void in_band_deinit(struct in_band *in_band)
{
    byte_buf_deinit(&in_band->frame);
    for (size_t i = 0; i < KARP_CATALOG_MAX_TRACKS; i++)
        byte_buf_deinit(&in_band->tracks[i].sets);
}

/* Returns 0 also if the track stays as it is. */
static int begin_track(struct in_band_track *track, struct karp_track *entry)
{
    struct karp_codec codec;
    track->is_changed = false;
    track->sets.size = 0;
    if (entry->kind != KARP_VIDEO || entry->description_size == 0 ||
        karp_codec_parse(entry->codec, &codec) != 0 ||
        (codec.kind != KARP_CODEC_H264 && codec.kind != KARP_CODEC_H265))
        return 0;
    const struct nal record = {entry->description, entry->description_size};
    track->is_h265 = codec.kind == KARP_CODEC_H265;
    track->length_bytes = picture_format_of(codec.kind, record.data, record.size).length_bytes;
    int error = nal_sets_to_start_codes(record, track->is_h265, &track->sets);
    if (error)
        return error == MOQ_ERR_NOT_FOUND ? 0 : error;
    track->is_changed = true;
    free(entry->description);
    entry->description = NULL;
    entry->description_size = 0;
    return 0;
}

int in_band_catalog(struct in_band *in_band, struct karp_catalog *catalog)
{
    int error = 0;
    for (size_t i = 0; i < catalog->track_count && !error; i++)
        error = begin_track(&in_band->tracks[i], &catalog->tracks[i]);
    return error;
}

/* Takes the access unit delimiter at the front of a sample, which has to stay there. */
static bool take_delimiter(struct nal_walk *walk, bool is_h265, struct nal *delimiter)
{
    struct nal_walk rest = *walk;
    uint8_t type = is_h265 ? NAL_H265_DELIMITER : NAL_H264_DELIMITER;
    if (!nal_next(&rest, delimiter) || nal_type(delimiter, is_h265) != type)
        return false;
    *walk = rest;
    return true;
}

int in_band_frame(struct in_band *in_band, struct karp_frame *frame)
{
    const struct in_band_track *track = &in_band->tracks[frame->track];
    if (!track->is_changed || frame->size == 0)
        return 0;
    struct nal_walk walk = nal_walk_of(frame->payload, frame->size, track->length_bytes);
    struct byte_buf *out = &in_band->frame;
    struct nal delimiter;
    int error = 0;
    out->size = 0;
    bool needs_sets = frame->is_group_start && !nal_has_sets(walk, track->is_h265);
    if (needs_sets && take_delimiter(&walk, track->is_h265, &delimiter))
        error = nal_append(&delimiter, out);
    if (needs_sets && !error)
        error = byte_buf_append(out, track->sets.data, track->sets.size);
    if (!error)
        error = nal_to_start_codes(&walk, out);
    in_band->broken += !error && !walk.is_annex_b && walk.left.size > 0;
    frame->payload = out->data;
    frame->size = out->size;
    return error;
}
