/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The list of tracks in memory; its JSON form is in catalog_json.c. */
#include "karp/catalog.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/objects.h"
#include "karp/display.h"

struct karp_catalog *karp_catalog_new(void)
{
    struct karp_catalog *catalog = calloc(1, sizeof *catalog);
    if (catalog)
        object_born(OBJECT_catalog);
    return catalog;
}

void karp_catalog_free(struct karp_catalog *catalog)
{
    if (!catalog)
        return;
    for (size_t i = 0; i < catalog->track_count; i++)
        free(catalog->tracks[i].description);
    free(catalog->tracks);
    free(catalog);
    object_died(OBJECT_catalog);
}

static size_t find_track_index(const struct karp_catalog *catalog, const char *name)
{
    size_t i = 0;
    while (i < catalog->track_count && strcmp(catalog->tracks[i].name, name) != 0)
        i++;
    return i;
}

/* The index for a new track of `kind`: video before audio, otherwise in order of arrival. */
static size_t find_track_place(const struct karp_catalog *catalog, enum karp_track_kind kind)
{
    size_t i = 0;
    if (kind == KARP_AUDIO)
        return catalog->track_count;
    while (i < catalog->track_count && catalog->tracks[i].kind == KARP_VIDEO)
        i++;
    return i;
}

static int copy_description(struct karp_track *to, const struct karp_track *from)
{
    to->description = NULL;
    to->description_size = 0;
    if (from->description_size == 0)
        return 0;
    if (from->description_size > KARP_DESCRIPTION_MAX_BYTES)
        return MOQ_ERR_BOUNDS;
    to->description = malloc(from->description_size);
    if (!to->description)
        return MOQ_ERR_NOMEM;
    memcpy(to->description, from->description, from->description_size);
    to->description_size = from->description_size;
    return 0;
}

int karp_catalog_add(struct karp_catalog *catalog, const struct karp_track *track)
{
    size_t count = catalog->track_count;
    if (count == KARP_CATALOG_MAX_TRACKS)
        return MOQ_ERR_BOUNDS;
    if (find_track_index(catalog, track->name) < count)
        return MOQ_ERR_DUPLICATE;

    struct karp_track copy = *track;
    int error = copy_description(&copy, track);
    if (error)
        return error;
    struct karp_track *grown = realloc(catalog->tracks, (count + 1) * sizeof *grown);
    if (!grown) {
        free(copy.description);
        return MOQ_ERR_NOMEM;
    }

    catalog->tracks = grown;
    size_t place = find_track_place(catalog, track->kind);
    memmove(grown + place + 1, grown + place, (count - place) * sizeof *grown);
    grown[place] = copy;
    catalog->track_count = count + 1;
    return 0;
}

struct karp_catalog *karp_catalog_copy(const struct karp_catalog *catalog)
{
    struct karp_catalog *copy = karp_catalog_new();
    int error = copy ? 0 : MOQ_ERR_NOMEM;
    for (size_t i = 0; i < catalog->track_count && !error; i++)
        error = karp_catalog_add(copy, &catalog->tracks[i]);
    if (error) {
        karp_catalog_free(copy);
        return NULL;
    }
    copy->has_start = catalog->has_start;
    copy->start_us = catalog->start_us;
    return copy;
}

int karp_catalog_remove(struct karp_catalog *catalog, const char *name)
{
    size_t at = find_track_index(catalog, name);
    if (at == catalog->track_count)
        return MOQ_ERR_NOT_FOUND;

    struct karp_track *track = catalog->tracks + at;
    free(track->description);
    catalog->track_count--;
    memmove(track, track + 1, (catalog->track_count - at) * sizeof *track);
    return 0;
}

const struct karp_track *karp_catalog_find(const struct karp_catalog *catalog, const char *name)
{
    size_t at = find_track_index(catalog, name);
    return at < catalog->track_count ? catalog->tracks + at : NULL;
}

bool karp_track_continues(const struct karp_track *a, const struct karp_track *b)
{
    return a->kind == b->kind && strcmp(a->name, b->name) == 0 && a->priority == b->priority &&
           strcmp(a->codec, b->codec) == 0 && a->description_size == b->description_size &&
           (a->description_size == 0 ||
            memcmp(a->description, b->description, a->description_size) == 0) &&
           a->width == b->width && a->height == b->height && a->sample_rate == b->sample_rate &&
           a->channel_count == b->channel_count && a->timescale == b->timescale &&
           strcmp(a->language, b->language) == 0 && strcmp(a->language_tag, b->language_tag) == 0 &&
           display_equals(&a->display, &b->display) && strcmp(a->ladder, b->ladder) == 0;
}

bool karp_track_equals(const struct karp_track *a, const struct karp_track *b)
{
    return karp_track_continues(a, b) && a->has_bitrate == b->has_bitrate &&
           a->bitrate_bps == b->bitrate_bps;
}

const char *karp_track_objection(const struct karp_track *track)
{
    if (!karp_codec_suits_old_viewers(track->codec))
        return "viewers of January 2025 cannot read its codec string";
    if (track->width > UINT16_MAX || track->height > UINT16_MAX)
        return "viewers of January 2025 take at most 65535 pixels a side";
    if (track->sample_rate > UINT16_MAX)
        return "viewers of January 2025 take a sample rate of at most 65535 Hz";
    if (track->has_bitrate && track->bitrate_bps > UINT32_MAX)
        return "viewers of January 2025 take a bitrate of at most 4294967295";
    return NULL;
}
