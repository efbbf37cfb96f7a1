/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Old players take the first video track of a catalog, so the automatic one is the first. Its codec
 * string and size are for a decoder that has to take any of the renditions.
 * Tested by tests/unit/karp/test_renditions.c. */
#include "karp/auto.h"

#include <string.h>

#include "base/error.h"
#include "karp/ladder.h"

static const struct karp_track *largest_of(const struct karp_ladder *ladder)
{
    const struct karp_track *largest = ladder->renditions[0];
    for (size_t i = 1; i < ladder->count; i++) {
        const struct karp_track *track = ladder->renditions[i];
        if ((uint64_t)track->width * track->height >= (uint64_t)largest->width * largest->height)
            largest = track;
    }
    return largest;
}

/* The codec of the largest rendition, with the highest level and, for H.264, the highest profile of
 * all. */
static void find_codec(const struct karp_ladder *ladder, const struct karp_track *largest,
                       char text[KARP_CODEC_MAX_BYTES])
{
    struct karp_codec most, codec;
    karp_codec_parse(largest->codec, &most);
    for (size_t i = 0; i < ladder->count; i++) {
        if (karp_codec_parse(ladder->renditions[i]->codec, &codec) != 0)
            continue;
        if (codec.kind == KARP_CODEC_H264 && codec.profile > most.profile) {
            most.profile = codec.profile;
            most.constraints[0] = codec.constraints[0];
        }
        if (codec.level > most.level)
            most.level = codec.level;
        most.is_high_tier = most.is_high_tier || codec.is_high_tier;
    }
    karp_codec_print(&most, text);
}

static struct karp_track automatic_of(const struct karp_ladder *ladder)
{
    const struct karp_track *largest = largest_of(ladder);
    struct karp_track track = *largest;
    strcpy(track.name, KARP_AUTO_NAME);
    track.ladder[0] = '\0';
    track.has_bitrate = false;
    track.bitrate_bps = 0;
    find_codec(ladder, largest, track.codec);
    return track;
}

static bool is_in(const struct karp_ladder *ladder, const struct karp_track *track)
{
    size_t i = 0;
    while (i < ladder->count && ladder->renditions[i] != track)
        i++;
    return i < ladder->count;
}

static int copy_tracks(const struct karp_catalog *from, const struct karp_ladder *ladder,
                       struct karp_catalog *to)
{
    const struct karp_track automatic = automatic_of(ladder);
    int error = karp_catalog_add(to, &automatic);
    for (size_t i = 0; i < from->track_count && !error; i++) {
        struct karp_track track = from->tracks[i];
        if (is_in(ladder, &from->tracks[i]))
            strcpy(track.ladder, KARP_AUTO_NAME);
        error = karp_catalog_add(to, &track);
    }
    to->has_start = from->has_start;
    to->start_us = from->start_us;
    return error;
}

int auto_add(struct karp_catalog **catalog, size_t *alias)
{
    struct karp_ladder ladder;
    if (karp_ladder_largest(*catalog, &ladder) < 2)
        return MOQ_ERR_NOT_FOUND;
    struct karp_catalog *made = karp_catalog_new();
    int error = made ? copy_tracks(*catalog, &ladder, made) : MOQ_ERR_NOMEM;
    if (error) {
        karp_catalog_free(made);
        return error;
    }
    const char *middle = ladder.renditions[(ladder.count - 1) / 2]->name;
    *alias = (size_t)(karp_catalog_find(made, middle) - made->tracks);
    karp_catalog_free(*catalog);
    *catalog = made;
    return 0;
}
