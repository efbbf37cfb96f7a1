/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Which tracks one decoder can follow is read from the catalog alone. When in doubt, a track stays
 * out: a viewer that is not moved loses nothing, one whose decoder gives up loses the picture. */
#include "karp/ladder.h"

#include <string.h>

enum { H264_BASELINE = 66, H264_MAIN = 77, H264_EXTENDED = 88, H264_HIGH = 100 };

/* Profiles of H.264 for 8 bits and 4:2:0: every decoder of today takes all of them. */
static bool is_common_h264(uint8_t profile)
{
    return profile == H264_BASELINE || profile == H264_MAIN || profile == H264_EXTENDED ||
           profile == H264_HIGH;
}

static bool is_same_profile(const struct karp_codec *a, const struct karp_codec *b)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == KARP_CODEC_H264 && is_common_h264(a->profile) && is_common_h264(b->profile))
        return true;
    return a->profile == b->profile && a->profile_space == b->profile_space &&
           a->bit_depth == b->bit_depth && a->is_monochrome == b->is_monochrome &&
           a->chroma / 10 == b->chroma / 10;
}

/* Whether a decoder for one picture can go on with the other, as far as catalogs tell. */
static bool is_alike(const struct karp_track *a, const struct karp_track *b)
{
    struct karp_codec codec_a, codec_b;
    if (karp_codec_parse(a->codec, &codec_a) != 0 || karp_codec_parse(b->codec, &codec_b) != 0 ||
        codec_a.kind == KARP_CODEC_UNKNOWN || !is_same_profile(&codec_a, &codec_b))
        return false;
    bool is_same_clock = a->timescale == 0 || b->timescale == 0 || a->timescale == b->timescale;
    return is_same_clock && a->display.rotation == b->display.rotation &&
           a->display.is_flipped == b->display.is_flipped;
}

/* A track in its own ladder says nothing. */
static const char *ladder_of(const struct karp_track *track)
{
    return strcmp(track->ladder, track->name) == 0 ? "" : track->ladder;
}

bool karp_ladder_is_automatic(const struct karp_catalog *catalog, const struct karp_track *track)
{
    for (size_t i = 0; i < catalog->track_count; i++) {
        const struct karp_track *other = &catalog->tracks[i];
        if (track->kind == KARP_VIDEO && other->kind == KARP_VIDEO &&
            strcmp(ladder_of(other), track->name) == 0)
            return true;
    }
    return false;
}

static bool can_be_rendition(const struct karp_catalog *catalog, const struct karp_track *track)
{
    return track->kind == KARP_VIDEO && track->has_bitrate && track->bitrate_bps > 0 &&
           track->description_size == 0 && !karp_ladder_is_automatic(catalog, track);
}

static uint64_t pixels_of(const struct karp_track *track)
{
    return (uint64_t)track->width * track->height;
}

static bool is_below(const struct karp_track *a, const struct karp_track *b)
{
    if (a->bitrate_bps != b->bitrate_bps)
        return a->bitrate_bps < b->bitrate_bps;
    return pixels_of(a) < pixels_of(b);
}

/* All that can be followed, lowest first. */
struct followed {
    const struct karp_track *tracks[KARP_CATALOG_MAX_TRACKS];
    size_t count;
};

static void add_followed(struct followed *all, const struct karp_track *track)
{
    size_t at = all->count++;
    for (; at > 0 && is_below(track, all->tracks[at - 1]); at--)
        all->tracks[at] = all->tracks[at - 1];
    all->tracks[at] = track;
}

/* Which of all is number `nth` of those that are kept. They are spread evenly. */
static size_t kept_index(const struct followed *all, size_t nth)
{
    size_t last = KARP_LADDER_MAX_RENDITIONS - 1;
    return all->count > last ? nth * (all->count - 1) / last : nth;
}

/* If `asked` would not be kept, it takes the place of the one below it, or of the one above it if
 * that is the lowest of all. */
static void keep_followed(const struct followed *all, const struct karp_track *asked,
                          struct karp_ladder *ladder)
{
    size_t wanted = 0, below = 0;
    bool has_room = all->count <= KARP_LADDER_MAX_RENDITIONS;
    ladder->count = has_room ? all->count : KARP_LADDER_MAX_RENDITIONS;
    ladder->left_out = all->count - ladder->count;
    while (wanted < all->count && all->tracks[wanted] != asked)
        wanted++;
    for (size_t i = 0; i < ladder->count; i++) {
        ladder->renditions[i] = all->tracks[kept_index(all, i)];
        if (kept_index(all, i) <= wanted)
            below = i;
    }
    if (wanted < all->count && kept_index(all, below) != wanted)
        ladder->renditions[below > 0 ? below : 1] = asked;
}

static const struct karp_track *find_video(const struct karp_catalog *catalog, const char *name)
{
    const struct karp_track *track = name[0] ? karp_catalog_find(catalog, name) : NULL;
    return track && track->kind == KARP_VIDEO ? track : NULL;
}

size_t karp_ladder_read(const struct karp_catalog *catalog, const char *name,
                        struct karp_ladder *ladder)
{
    *ladder = (struct karp_ladder){.count = 0};
    const struct karp_track *asked = find_video(catalog, name);
    if (!asked)
        return 0;
    struct followed all = {.count = 0};
    bool is_automatic = karp_ladder_is_automatic(catalog, asked);
    if (!is_automatic && !can_be_rendition(catalog, asked))
        return 0;
    const char *wanted = is_automatic ? asked->name : ladder_of(asked);
    for (size_t i = 0; i < catalog->track_count; i++) {
        const struct karp_track *track = &catalog->tracks[i];
        if (strcmp(ladder_of(track), wanted) == 0 && can_be_rendition(catalog, track) &&
            is_alike(asked, track))
            add_followed(&all, track);
    }
    keep_followed(&all, asked, ladder);
    ladder->automatic = is_automatic ? asked : find_video(catalog, wanted);
    return ladder->count;
}

size_t karp_ladder_largest(const struct karp_catalog *catalog, struct karp_ladder *ladder)
{
    *ladder = (struct karp_ladder){.count = 0};
    for (size_t i = 0; i < catalog->track_count; i++) {
        struct karp_ladder found;
        if (karp_ladder_read(catalog, catalog->tracks[i].name, &found) > ladder->count)
            *ladder = found;
    }
    return ladder->count;
}
