/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads the size of pictures from key frames of VP8 and VP9.
 * Tested by tests/unit/karp/test_export_config.c. */
#include "karp/vp.h"

#include <string.h>

#include "karp/internal.h"

static bool read_vp8(const uint8_t *payload, size_t size, uint32_t *width, uint32_t *height)
{
    static const uint8_t start_code[] = {0x9d, 0x01, 0x2a};
    enum { SIZE_MASK = 0x3fff };

    if (size < 10 || payload[0] & 1 || memcmp(payload + 3, start_code, sizeof start_code) != 0)
        return false;
    *width = (payload[6] | (uint32_t)payload[7] << 8) & SIZE_MASK;
    *height = (payload[8] | (uint32_t)payload[9] << 8) & SIZE_MASK;
    return *width > 0 && *height > 0;
}

static void skip_vp9_colour(struct bits *in, uint32_t profile)
{
    enum { SRGB = 7 };

    bits_skip(in, profile >= 2 ? 1 : 0);
    if (bits_read(in, 3) != SRGB)
        bits_skip(in, profile == 1 || profile == 3 ? 4 : 1);
    else
        bits_skip(in, profile == 1 || profile == 3 ? 1 : 0);
}

static bool read_vp9(const uint8_t *payload, size_t size, uint32_t *width, uint32_t *height)
{
    enum { MARKER = 2, SYNC_CODE = 0x498342 };

    struct bits in = bits_of(payload, size, false);
    if (bits_read(&in, 2) != MARKER)
        return false;
    uint32_t profile = bits_read(&in, 1);
    profile |= bits_read(&in, 1) << 1;
    bits_skip(&in, profile == 3 ? 1 : 0);
    bool shows_old_frame = bits_read(&in, 1), is_delta = bits_read(&in, 1);
    bits_skip(&in, 2);
    if (shows_old_frame || is_delta || bits_read(&in, 24) != SYNC_CODE)
        return false;
    skip_vp9_colour(&in, profile);
    *width = bits_read(&in, 16) + 1;
    *height = bits_read(&in, 16) + 1;
    return !in.is_short;
}

bool vp_frame_size(enum karp_codec_kind kind, const uint8_t *payload, size_t size, uint32_t *width,
                   uint32_t *height)
{
    uint32_t across, down;
    bool is_read = kind == KARP_CODEC_VP8 ? read_vp8(payload, size, &across, &down)
                                          : read_vp9(payload, size, &across, &down);
    if (!is_read)
        return false;
    *width = across;
    *height = down;
    return true;
}
