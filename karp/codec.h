/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Codec strings (RFC 6381) and the configuration records of MP4 files: each can be made from the
 * other as far as it contains the information. A string of a codec that we do not know is kept as
 * it is. */
#ifndef MOQ_KARP_CODEC_H
#define MOQ_KARP_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

enum karp_codec_kind {
    KARP_CODEC_UNKNOWN,
    KARP_CODEC_H264,
    KARP_CODEC_H265,
    KARP_CODEC_VP8,
    KARP_CODEC_VP9,
    KARP_CODEC_AV1,
    KARP_CODEC_AAC,
    KARP_CODEC_OPUS,
};

enum { KARP_CODEC_MAX_BYTES = 64 }; /* with the final zero; longer codec strings are refused */

/* Colour as in the strings of VP9 and AV1; the numbers are those of ISO/IEC 23091-2. */
struct karp_colour {
    uint8_t primaries, transfer, matrix;
    bool is_full_range;
};

struct karp_codec {
    enum karp_codec_kind kind;
    bool is_in_band; /* H.264 avc3, H.265 hev1: parameter sets may come with the frames */
    uint8_t profile; /* all but VP8 and Opus; AAC: the audio object type (2 LC, 5 HE, 29 HEv2) */
    uint8_t level;   /* H.264 and H.265: level_idc; VP9: level times 10; AV1: seq_level_idx */
    uint8_t constraints[6]; /* H.264: the first; H.265: all */
    uint8_t profile_space;  /* H.265: 0 to 3 */
    uint32_t compatibility; /* H.265: flags as in hvcC, first flag in the top bit */
    bool is_high_tier;      /* H.265 and AV1 */
    uint8_t bit_depth;      /* VP9 and AV1 */
    bool is_monochrome;     /* AV1 */
    uint8_t chroma; /* VP9: 0 to 3; AV1: three digits subsampling x, y, sample position, as 110 */
    struct karp_colour colour; /* VP9 and AV1 */
};

/* Reads a codec string. Returns 0, with KARP_CODEC_UNKNOWN for a codec that we do not know, or
 * MOQ_ERR_INVALID: it begins like a known one and is malformed. */
int karp_codec_parse(const char *text, struct karp_codec *codec);

/* Writes the string of a known codec: lowercase, shortest form. MOQ_ERR_INVALID for
 * KARP_CODEC_UNKNOWN. */
int karp_codec_print(const struct karp_codec *codec, char text[KARP_CODEC_MAX_BYTES]);

/* Whether viewers of January 2025 accept `text`. They refuse a whole catalog because of one string
 * that they do not accept (hvc1, AV1 profile 2, anything malformed), so a publisher should warn. */
bool karp_codec_suits_old_viewers(const char *text);

/* From the bodies of avcC, hvcC, vpcC (full box) and av1C. MOQ_ERR_MEDIA: too short or not
 * a version that we know. */
int karp_codec_from_avcc(const uint8_t *record, size_t size, bool is_in_band,
                         struct karp_codec *codec);
int karp_codec_from_hvcc(const uint8_t *record, size_t size, struct karp_codec *codec);
int karp_codec_from_vpcc(const uint8_t *record, size_t size, struct karp_codec *codec);
int karp_codec_from_av1c(const uint8_t *record, size_t size, struct karp_codec *codec);

/* What an AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1) says, as far as these fields go. To pass
 * one on, keep its bytes: there are more ways to write one than karp_aac_print() knows. */
struct karp_aac {
    /* 2 LC, 5 HE, 29 HEv2. Also LC if HE is signalled after it, or not at all. */
    uint8_t object_type;
    uint32_t sample_rate;   /* Hz, of the decoded sound as far as it is signalled */
    uint32_t core_rate;     /* Hz, of the frames: half of sample_rate if HE is signalled */
    uint32_t channel_count; /* 0: not stated, not even in a program config element */
    uint16_t frame_samples; /* at `core_rate`: 1024 or 960; for low delay, 512 or 480 */
};

enum { KARP_AAC_MAX_BYTES = 16 };

/* MOQ_ERR_MEDIA: too short. */
int karp_aac_parse(const uint8_t *config, size_t size, struct karp_aac *aac);

/* Whether all frames have `frame_samples` samples. False for object types without a general audio
 * configuration, such as USAC. */
bool karp_aac_has_fixed_frames(const struct karp_aac *aac);

/* Writes the shortest AudioSpecificConfig for object type, sample rate and channels, with frames of
 * 1024 samples. Returns its size in bytes; 0: the values cannot be expressed. */
size_t karp_aac_print(const struct karp_aac *aac, uint8_t config[KARP_AAC_MAX_BYTES]);

/* What the body of a dOps box says. */
struct karp_opus {
    uint8_t channel_count, mapping_family;
};

/* MOQ_ERR_MEDIA: too short, not version 0, no channels, or more than 2 without a mapping. */
int karp_opus_parse(const uint8_t *record, size_t size, struct karp_opus *opus);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
