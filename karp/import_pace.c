/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Corrects the times of audio by the known duration of its frames. ffmpeg 5.1, for example, dates
 * frames in pairs (0, 2048, 2048, 4096, 4096) when each has a fragment of its own.
 *
 * A frame that is less than one duration away from where it is expected is moved there, unless it
 * is so close that the difference is rounding or drift. If several frames in a row are off in the
 * same direction, the file's times are followed again. A larger difference is a gap and is followed
 * at once. So is a frame with the same time as the one before it, because such a file has no real
 * durations. The first frame may have been cut, or may have a gap after it, so frames are expected
 * only after the second. */
#include "karp/import_internal.h"

#include "base/check.h"

enum {
    CLOSE_PART = 8,    /* a frame that is off by less than duration / CLOSE_PART is not moved */
    PATIENCE = 3,      /* frames off in the same direction after which the file is followed */
    STRIKES_MAX = 3,   /* moved frames with a misfit right after them, before correction ends */
    OPUS_RATE = 48000, /* Hz; durations of Opus always count in this rate */
    OPUS_MAX_SAMPLES = 5760,
};

/* The number of samples in an Opus packet (RFC 6716, 3.1 and 3.2); 0 if the packet is malformed. */
static uint32_t opus_samples(const uint8_t *packet, size_t size)
{
    static const uint16_t silk[] = {480, 960, 1920, 2880}, hybrid[] = {480, 960},
                          celt[] = {120, 240, 480, 960};
    if (size == 0)
        return 0;
    unsigned config = packet[0] >> 3, code = packet[0] & 3;
    uint32_t samples = config < 12   ? silk[config & 3]
                       : config < 16 ? hybrid[config & 1]
                                     : celt[config & 3];
    uint32_t frames = code == 0 ? 1 : code < 3 ? 2 : size > 1 ? packet[1] & 63 : 0;
    return samples * frames <= OPUS_MAX_SAMPLES ? samples * frames : 0;
}

void import_pace_init(struct import_pace *pace, const struct import_description *description)
{
    const struct karp_track *track = &description->track;
    struct karp_aac aac;
    *pace = (struct import_pace){.is_off = true};
    if (description->codec.kind == KARP_CODEC_OPUS) {
        *pace = (struct import_pace){.rate = OPUS_RATE};
    } else if (description->codec.kind == KARP_CODEC_AAC && track->description &&
               karp_aac_parse(track->description, track->description_size, &aac) == 0 &&
               karp_aac_has_fixed_frames(&aac)) {
        *pace = (struct import_pace){.rate = aac.core_rate, .samples = aac.frame_samples};
    }
}

/* Expects the next frame one duration after this one, which is at `pts`, and keeps the remaining
 * fraction of a tick. */
static void expect_next(struct import_pace *pace, int64_t pts, uint64_t length_parts)
{
    uint64_t parts = length_parts + pace->part;
    pace->expected = pts + (int64_t)(parts / pace->rate);
    pace->part = (uint32_t)(parts % pace->rate);
    pace->has_expected = true;
}

/* Takes the time in the file as correct, and expects the next frame after it. */
static int64_t follow_file_time(struct import_pace *pace, int64_t pts, uint64_t length_parts)
{
    pace->part = 0;
    pace->run = 0;
    expect_next(pace, pts, length_parts);
    return pts;
}

/* Moves a frame that is off by less than a duration to where it was expected. After PATIENCE frames
 * that are off in the same direction it gives in, by their smallest distance. */
static int64_t mend_time(struct import_pace *pace, int64_t off, uint64_t length_parts)
{
    bool is_late = off > 0;
    int64_t least = pace->run > 0 && pace->is_late == is_late ? pace->least : off;
    pace->run = pace->run > 0 && pace->is_late == is_late ? pace->run + 1 : 1;
    pace->is_late = is_late;
    pace->least = (is_late ? off < least : off > least) ? off : least;
    int64_t pts = pace->expected;
    pace->is_mended = true;
    if (pace->run == PATIENCE) {
        pts += pace->least;
        pace->run = 0;
        pace->is_mended = false;
    }
    expect_next(pace, pts, length_parts);
    return pts;
}

int64_t import_pace(struct import_track *track, int64_t pts, const uint8_t *payload, size_t size)
{
    struct import_pace *pace = &track->pace;
    if (pace->is_off)
        return pts;
    REQUIRE(pace->rate > 0);
    uint32_t samples = pace->samples ? pace->samples : opus_samples(payload, size);
    uint64_t length_parts = (uint64_t)samples * track->timescale;
    int64_t length = (int64_t)(length_parts / pace->rate);
    if (length == 0 || !pace->has_expected) {
        pace->is_settled = false;
        return follow_file_time(pace, pts, length_parts);
    }

    int64_t off = pts - pace->expected;
    bool was_mended = pace->is_mended, was_settled = pace->is_settled;
    pace->is_mended = false;
    pace->is_settled = true;
    if (off >= -1 && off <= 1) { /* rounding: keep the fraction of a tick */
        pace->run = pace->strikes = 0;
        expect_next(pace, pace->expected, length_parts);
        return pts;
    }
    int64_t close = length / CLOSE_PART;
    bool is_close = off < close && off > -close;
    bool is_cut = !was_settled && off < length - close;
    if (is_close || is_cut || off > length + close || off <= close - length) {
        pace->strikes = is_close ? 0 : pace->strikes + was_mended;
        pace->is_off = pace->strikes == STRIKES_MAX; /* the known duration must be wrong */
        return follow_file_time(pace, pts, length_parts);
    }
    return mend_time(pace, off, length_parts);
}
