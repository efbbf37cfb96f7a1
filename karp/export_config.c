/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Finds what a decoder has to know before the first frame: in the catalog, by computation, or in the first keyframe. */
#include "karp/export_internal.h"

#include <string.h>

#include "base/error.h"
#include "karp/av1.h"

enum { UNKNOWN_REORDER = 2 };

static bool take_record(struct export_track *track, const uint8_t *record, size_t size)
{
    return byte_buf_append(&track->config, record, size) == 0;
}

/* Turns the identification header of Opus in Ogg (RFC 7845, 5.1), which is what browsers call a description, into a dOps. */
static bool take_opus_head(struct export_track *track)
{
    static const uint8_t magic[8] = {'O', 'p', 'u', 's', 'H', 'e', 'a', 'd'};
    const struct karp_track *entry = track->entry;
    if (entry->description_size < 19 || memcmp(entry->description, magic, sizeof magic) != 0)
        return false;
    const uint8_t *head = entry->description + sizeof magic;
    size_t size = entry->description_size - sizeof magic;
    uint8_t fixed[11] = {0,       head[1], head[3], head[2], head[7], head[6],
                         head[5], head[4], head[9], head[8], head[10]};
    struct karp_opus opus;
    bool is_taken = take_record(track, fixed, sizeof fixed) &&
                    take_record(track, head + sizeof fixed, size - sizeof fixed) &&
                    karp_opus_parse(track->config.data, track->config.size, &opus) == 0;
    if (!is_taken)
        track->config.size = 0;
    return is_taken;
}

/* The record of the file that was published; without one Opus as everybody sends it: what a decoder drops at the start
 * is told nowhere, 312 is the usual. */
static void describe_opus(struct export_track *track)
{
    const struct karp_track *entry = track->entry;
    uint32_t channels = entry->channel_count;
    uint8_t body[11] = {0, (uint8_t)channels, 312 >> 8, 312 & 255, 0, 0, 48000 >> 8, 48000 & 255};
    struct karp_opus opus;
    track->frame_us = 20000;
    if (karp_opus_parse(entry->description, entry->description_size, &opus) == 0)
        track->is_ready = take_record(track, entry->description, entry->description_size);
    else
        track->is_ready = take_opus_head(track) ||
                          (channels >= 1 && channels <= 2 && take_record(track, body, sizeof body));
}

static void learn_aac_frame(struct export_track *track)
{
    struct karp_aac aac;
    if (karp_aac_parse(track->config.data, track->config.size, &aac) == 0 && aac.core_rate > 0)
        track->frame_us = (uint32_t)((uint64_t)aac.frame_samples * EXPORT_US_PER_S / aac.core_rate);
}

static void describe_aac(struct export_track *track)
{
    const struct karp_track *entry = track->entry;
    struct karp_aac aac = {.object_type = track->codec.profile,
                           .sample_rate = entry->sample_rate,
                           .channel_count = entry->channel_count};
    uint8_t config[KARP_AAC_MAX_BYTES];
    struct karp_aac told;
    if (karp_aac_parse(entry->description, entry->description_size, &told) == 0) {
        track->is_ready = take_record(track, entry->description, entry->description_size);
    } else {
        size_t size = karp_aac_print(&aac, config);
        track->is_ready = size > 0 && take_record(track, config, size);
    }
    learn_aac_frame(track);
}

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
    track->is_ready = take_record(track, body, sizeof body);
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

/* The record in the catalog, when there is one of the form that we know; otherwise the first keyframe has to tell. */
static void take_description(struct export_track *track)
{
    const struct karp_track *entry = track->entry;
    uint8_t version = track->codec.kind == KARP_CODEC_AV1 ? 0x81 : 1;
    size_t least = track->codec.kind == KARP_CODEC_AV1    ? 4
                   : track->codec.kind == KARP_CODEC_H264 ? 7
                                                          : 23;
    if (entry->description_size < least || entry->description[0] != version)
        return;
    track->is_ready = take_record(track, entry->description, entry->description_size);
    if (track->codec.kind != KARP_CODEC_AV1)
        learn_reorder(track);
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
    switch (track->codec.kind) {
    case KARP_CODEC_OPUS:
        describe_opus(track);
        return track->is_ready;
    case KARP_CODEC_AAC:
        describe_aac(track);
        return track->is_ready;
    case KARP_CODEC_VP8:
    case KARP_CODEC_VP9:
        describe_vp(track);
        return track->is_ready;
    default:
        take_description(track);
        return true;
    }
}

/* av1C: four bytes that the codec string tells, and the sequence header OBU of the frame. */
static int find_av1(struct export_track *track, const struct karp_frame *frame)
{
    struct av1_sequence sequence;
    av1_find_sequence(reader_of(frame->payload, frame->size), &sequence);
    if (!sequence.obu)
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
    track->is_ready = error == 0;
    return error == MOQ_ERR_NOMEM ? error : 0;
}

static int find_sets(struct export_track *track, const struct karp_frame *frame)
{
    struct nal_walk walk = nal_walk_of(frame->payload, frame->size, 0);
    int error = nal_build_config(walk, track->codec.kind == KARP_CODEC_H265, &track->config);
    if (error) {
        track->config.size = 0;
        return error == MOQ_ERR_NOMEM ? error : 0;
    }
    track->is_ready = true;
    track->is_annex_b = walk.is_annex_b;
    learn_reorder(track);
    return 0;
}

int export_config_find(struct export_track *track, const struct karp_frame *frame)
{
    return track->codec.kind == KARP_CODEC_AV1 ? find_av1(track, frame) : find_sets(track, frame);
}
