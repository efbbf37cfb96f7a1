/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The times of an input were moved up until none was negative, by as much as its catalog says. All
 * inputs have to be moved by the same amount, that of the input that was moved most.
 * Tested by tests/unit/karp/test_renditions.c. */
#include "karp/merge.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"

void merge_deinit(struct merge *merge)
{
    for (size_t i = 0; i < merge->input_count; i++) {
        karp_catalog_free(merge->inputs[i].catalog);
        merge->inputs[i].catalog = NULL;
    }
}

int merge_take(struct merge *merge, size_t input, const struct karp_catalog *catalog)
{
    struct karp_catalog *copy = karp_catalog_copy(catalog);
    if (!copy)
        return MOQ_ERR_NOMEM;
    karp_catalog_free(merge->inputs[input].catalog);
    merge->inputs[input].catalog = copy;
    return 0;
}

size_t merge_missing(const struct merge *merge)
{
    size_t i = 0;
    while (i < merge->input_count && merge->inputs[i].catalog)
        i++;
    return i;
}

static uint64_t start_of(const struct karp_catalog *catalog)
{
    return catalog->has_start ? catalog->start_us : 0;
}

/* With one input, names stay. With several, the second track of the third input is "video3.2". */
static void name_track(const struct merge *merge, size_t input, const struct karp_track *track,
                       char name[KARP_TRACK_NAME_MAX_BYTES])
{
    const char *kind = track->kind == KARP_VIDEO ? "video" : "audio";
    size_t n = strlen(kind);
    const char *rest = strncmp(track->name, kind, n) == 0 ? track->name + n : track->name;
    if (merge->input_count == 1)
        memcpy(name, track->name, sizeof track->name);
    else
        snprintf(name, KARP_TRACK_NAME_MAX_BYTES, "%s%zu.%.200s", kind, input + 1, rest);
}

static int add_tracks(const struct merge *merge, size_t input, struct karp_catalog *all)
{
    const struct karp_catalog *catalog = merge->inputs[input].catalog;
    int error = 0;
    for (size_t i = 0; i < catalog->track_count && !error; i++) {
        struct karp_track track = catalog->tracks[i];
        name_track(merge, input, &catalog->tracks[i], track.name);
        error = karp_catalog_add(all, &track);
    }
    return error;
}

static void find_places(struct merge *merge, size_t input, const struct karp_catalog *all)
{
    struct merge_input *own = &merge->inputs[input];
    for (size_t i = 0; i < own->catalog->track_count; i++) {
        char name[KARP_TRACK_NAME_MAX_BYTES];
        name_track(merge, input, &own->catalog->tracks[i], name);
        const struct karp_track *track = karp_catalog_find(all, name);
        own->places[i] = EXPECT(track) ? (size_t)(track - all->tracks) : 0;
    }
}

int merge_catalog(struct merge *merge, struct karp_catalog **catalog)
{
    struct karp_catalog *all = karp_catalog_new();
    int error = all ? 0 : MOQ_ERR_NOMEM;
    for (size_t i = 0; i < merge->input_count && !error; i++) {
        const struct karp_catalog *own = merge->inputs[i].catalog;
        error = add_tracks(merge, i, all);
        all->has_start = all->has_start || own->has_start;
        if (start_of(own) > all->start_us)
            all->start_us = start_of(own);
    }
    if (error) {
        karp_catalog_free(all);
        return error;
    }
    for (size_t i = 0; i < merge->input_count; i++) {
        find_places(merge, i, all);
        merge->inputs[i].delay_us = all->start_us - start_of(merge->inputs[i].catalog);
    }
    *catalog = all;
    return 0;
}

void merge_frame(const struct merge *merge, size_t input, struct karp_frame *frame)
{
    const struct merge_input *own = &merge->inputs[input];
    REQUIRE(own->catalog && frame->track < own->catalog->track_count);
    frame->track = own->places[frame->track];
    frame->timestamp_us += own->delay_us;
}
