/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Finds the configuration that a decoder needs before the first picture: in the catalog, from the
 * codec string, or in the first keyframe. */
#include "karp/export_internal.h"

#include <string.h>

#include "base/error.h"
#include "karp/av1.h"
#include "karp/picture.h"
#include "karp/vp.h"

enum { UNKNOWN_REORDER = 2 };

static void describe_vp(struct export_track *track)
{
    struct karp_codec codec = track->codec;
    if (codec.kind == KARP_CODEC_VP8) {
        codec.bit_depth = 8;
        codec.chroma = 1;
        codec.colour = (struct karp_colour){1, 1, 1, false};
    }
    uint8_t body[12] = {
        1,
        0,
        0,
        0,
        codec.profile,
        codec.level,
        (uint8_t)(codec.bit_depth << 4 | (codec.chroma & 7) << 1 | codec.colour.is_full_range),
        codec.colour.primaries,
        codec.colour.transfer,
        codec.colour.matrix};
    track->is_described = export_config_take(track, body, sizeof body);
}

/* Takes the depth of reordering from the SPS of a configuration record. */
static void learn_reorder(struct export_track *track)
{
    bool is_h265 = track->codec.kind == KARP_CODEC_H265;
    struct nal config = {track->config.data, track->config.size}, unit;
    struct nal_sps sps;
    track->reorder = UNKNOWN_REORDER;
    if (!nal_sps_of_config(config, is_h265, &unit) || !nal_sps_parse(&unit, is_h265, &sps))
        return;
    track->reorder = sps.reorder;
    track->is_square = !is_h265 && !sps.is_stretched;
}

/* Takes the record in the catalog if it has a form that we know. A different one in the first
 * keyframe replaces it later. */
static void take_description(struct export_track *track)
{
    const struct karp_track *entry = track->entry;
    uint8_t version = track->codec.kind == KARP_CODEC_AV1 ? 0x81 : 1;
    size_t least = track->codec.kind == KARP_CODEC_AV1    ? 4
                   : track->codec.kind == KARP_CODEC_H264 ? 7
                                                          : 23;
    if (entry->description_size < least || entry->description[0] != version)
        return;
    track->is_described = export_config_take(track, entry->description, entry->description_size);
    if (track->codec.kind != KARP_CODEC_AV1)
        learn_reorder(track);
}

bool export_config_take(struct export_track *track, const uint8_t *record, size_t size)
{
    return byte_buf_append(&track->config, record, size) == 0;
}

bool export_config_init(struct export_track *track)
{
    byte_buf_init(&track->config, KARP_DESCRIPTION_MAX_BYTES + 64);
    track->frame_us = EXPORT_FRAME_US;
    if (karp_codec_parse(track->entry->codec, &track->codec) != 0)
        return false;
    bool is_audio_codec =
        track->codec.kind == KARP_CODEC_AAC || track->codec.kind == KARP_CODEC_OPUS;
    if (track->codec.kind == KARP_CODEC_UNKNOWN || is_audio_codec != (track->kind == KARP_AUDIO))
        return false;

    bool has_sps = track->codec.kind == KARP_CODEC_H264 || track->codec.kind == KARP_CODEC_H265;
    track->is_square = !has_sps;
    if (track->kind == KARP_AUDIO)
        return export_sound_init(track);
    if (track->codec.kind == KARP_CODEC_VP8 || track->codec.kind == KARP_CODEC_VP9)
        describe_vp(track);
    else
        take_description(track);
    return true;
}

/* Makes an av1C: four bytes from the codec string, then the sequence header OBU of the frame. */
static int find_av1(struct export_track *track, const struct karp_frame *frame)
{
    struct av1_sequence sequence;
    if (av1_find_sequence(reader_of(frame->payload, frame->size), &sequence)) {
        track->width = sequence.width;
        track->height = sequence.height;
    }
    if (!sequence.obu || track->is_described)
        return 0;
    const struct karp_codec *codec = &track->codec;
    bool is_high = codec->bit_depth > 8, is_twelve = codec->bit_depth == 12;
    uint8_t chroma = codec->chroma;
    uint8_t head[] = {0x81, (uint8_t)(codec->profile << 5 | (codec->level & 31)),
                      (uint8_t)(codec->is_high_tier << 7 | is_high << 6 | is_twelve << 5 |
                                codec->is_monochrome << 4 | (chroma / 100 & 1) << 3 |
                                (chroma / 10 % 10 & 1) << 2 | (chroma % 10 & 3)),
                      0};
    int error = byte_buf_append(&track->config, head, sizeof head);
    if (!error)
        error = byte_buf_append(&track->config, sequence.obu, sequence.obu_size);
    track->is_described = error == 0;
    return error == MOQ_ERR_NOMEM ? error : 0;
}

/* Whether two records have the same SPS. If so, the one of the catalog is kept, because it may say
 * more. */
static bool has_same_sps(const struct byte_buf *a, const struct byte_buf *b, bool is_h265)
{
    struct nal x, y;
    return nal_sps_of_config((struct nal){a->data, a->size}, is_h265, &x) &&
           nal_sps_of_config((struct nal){b->data, b->size}, is_h265, &y) && x.size == y.size &&
           memcmp(x.data, y.data, x.size) == 0;
}

static void set_length_bytes(struct export_track *track, uint8_t length_bytes)
{
    size_t at = track->codec.kind == KARP_CODEC_H265 ? 21 : 4;
    if (track->config.size > at)
        track->config.data[at] = (uint8_t)((track->config.data[at] & ~3) | (length_bytes - 1));
}

/* Takes over the record that was made of a frame's parameter sets, and the picture size in it. */
static void take_sets(struct export_track *track, struct byte_buf *made)
{
    bool is_h265 = track->codec.kind == KARP_CODEC_H265;
    byte_buf_deinit(&track->config);
    track->config = *made;
    *made = (struct byte_buf){.data = NULL};
    track->is_made = true;
    struct nal config = {track->config.data, track->config.size}, unit;
    struct nal_sps sps;
    learn_reorder(track);
    if (nal_sps_of_config(config, is_h265, &unit) && nal_sps_parse(&unit, is_h265, &sps) &&
        sps.width > 0 && sps.height > 0) {
        track->width = sps.width;
        track->height = sps.height;
    }
}

/* Looks for parameter sets in a keyframe. If the sequence has changed since the catalog was
 * written, the keyframe carries the new sets. They describe the frames at the beginning of the
 * file, so they override the catalog. */
static int find_sets(struct export_track *track, const struct karp_frame *frame)
{
    enum { USUAL_LENGTH_BYTES = 4 };

    bool is_h265 = track->codec.kind == KARP_CODEC_H265;
    struct picture_format format =
        picture_format_of(track->codec.kind, track->config.data, track->config.size);
    struct nal_walk walk = nal_walk_of(frame->payload, frame->size, format.length_bytes);
    struct byte_buf made;
    byte_buf_init(&made, KARP_DESCRIPTION_MAX_BYTES + 64);
    track->is_annex_b = walk.is_annex_b;
    int error = nal_build_config(walk, is_h265, &made);
    if (!error && !(track->is_described && has_same_sps(&track->config, &made, is_h265)))
        take_sets(track, &made);
    track->is_described = track->is_described || error == 0;
    bool is_usual = walk.is_annex_b || format.length_bytes == 0;
    set_length_bytes(track, is_usual ? USUAL_LENGTH_BYTES : format.length_bytes);
    byte_buf_deinit(&made);
    return error == MOQ_ERR_NOMEM ? error : 0;
}

void export_config_look(struct export_track *track, const struct karp_frame *frame)
{
    track->is_unseen = false;
    if (track->codec.kind != KARP_CODEC_H264 && track->codec.kind != KARP_CODEC_H265)
        return;
    struct picture_format format =
        picture_format_of(track->codec.kind, track->config.data, track->config.size);
    track->is_annex_b = nal_walk_of(frame->payload, frame->size, format.length_bytes).is_annex_b;
}

int export_config_find(struct export_track *track, const struct karp_frame *frame)
{
    int error = 0;
    switch (track->codec.kind) {
    case KARP_CODEC_AV1:
        error = find_av1(track, frame);
        break;
    case KARP_CODEC_H264:
    case KARP_CODEC_H265:
        error = find_sets(track, frame);
        break;
    case KARP_CODEC_VP8:
    case KARP_CODEC_VP9:
        vp_frame_size(track->codec.kind, frame->payload, frame->size, &track->width,
                      &track->height);
        break;
    default:
        error = export_sound_find(track, frame);
        break;
    }
    track->is_ready = track->is_described;
    return error;
}
