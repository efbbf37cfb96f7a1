/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A frame goes through these steps: the inputs become one (merge.h), bitrates are measured
 * (rates.h), parameter sets go in band (in_band.h), the beginnings of groups are compared
 * (align.h), and the automatic track gets its copy (auto.h). While the catalog waits, frames wait
 * as they came. */
#include "karp/renditions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "karp/align.h"
#include "karp/auto.h"
#include "karp/in_band.h"
#include "karp/ladder.h"
#include "karp/merge.h"
#include "karp/queue.h"
#include "karp/rates.h"

enum { LINE_BYTES = 2 * KARP_TRACK_NAME_MAX_BYTES + 512 };

struct input {
    struct karp_renditions *renditions;
    size_t number; /* from 0 */
};

struct karp_renditions {
    struct karp_import_events events;
    void *user;
    struct karp_renditions_options options;
    struct input inputs[KARP_RENDITIONS_MAX_INPUTS];
    struct merge merge;
    struct rates rates;
    struct in_band in_band;
    struct align align;
    struct karp_catalog *catalog; /* the one that was handed out, or that waits; NULL: neither */
    bool is_waiting;              /* it waits for bitrates */
    struct karp_queue *queue;     /* frames that wait; their track counts all inputs */
    bool has_auto;                /* the catalog has the automatic track, as the first */
    size_t alias;                 /* whose frames that gets */
    bool has_warned_of_alignment, has_warned_of_units;
};

struct karp_renditions *karp_renditions_new(const struct karp_import_events *events, void *user,
                                            const struct karp_renditions_options *options)
{
    struct karp_renditions *renditions = calloc(1, sizeof *renditions);
    REQUIRE(options->input_count >= 1 && options->input_count <= KARP_RENDITIONS_MAX_INPUTS);
    if (!renditions)
        return NULL;
    renditions->events = *events;
    renditions->user = user;
    renditions->options = *options;
    renditions->options.is_in_band |= options->has_auto;
    renditions->merge.input_count = options->input_count;
    for (size_t i = 0; i < options->input_count; i++)
        renditions->inputs[i] = (struct input){renditions, i};
    in_band_init(&renditions->in_band);
    renditions->queue = karp_queue_new();
    if (renditions->queue)
        return renditions;
    karp_renditions_free(renditions);
    return NULL;
}

void karp_renditions_free(struct karp_renditions *renditions)
{
    if (!renditions)
        return;
    karp_catalog_free(renditions->catalog);
    karp_queue_free(renditions->queue);
    in_band_deinit(&renditions->in_band);
    merge_deinit(&renditions->merge);
    free(renditions);
}

void *karp_renditions_input(struct karp_renditions *renditions, size_t input)
{
    REQUIRE(input < renditions->options.input_count);
    return &renditions->inputs[input];
}

static void warn_people(const struct karp_renditions *renditions, const char *line)
{
    renditions->options.on_warning(renditions->user, line);
}

/* ---- Frames ---------------------------------------------------------------------------------- */

static void watch_alignment(struct karp_renditions *renditions, const struct karp_frame *frame)
{
    struct align_fault fault;
    const struct karp_track *tracks = renditions->catalog->tracks;
    char line[LINE_BYTES];
    if (!frame->is_group_start ||
        !align_note(&renditions->align, frame->track, frame->timestamp_us, &fault))
        return;
    renditions->has_warned_of_alignment = true;
    snprintf(line, sizeof line,
             "a group of %s begins at %.3f s and none of %s does: who is moved from one to the "
             "other sees the picture jump; give all renditions keyframes at the same times, as "
             "with ffmpeg's -force_key_frames \"expr:gte(t,n_forced*2)\" -sc_threshold 0",
             tracks[fault.early].name, (double)fault.early_us / 1e6, tracks[fault.late].name);
    warn_people(renditions, line);
}

static void warn_of_broken_units(struct karp_renditions *renditions, size_t track)
{
    char line[LINE_BYTES];
    if (renditions->in_band.broken == 0 || renditions->has_warned_of_units)
        return;
    renditions->has_warned_of_units = true;
    snprintf(line, sizeof line,
             "track %s: a frame does not consist of NAL units; what cannot be read of such frames "
             "is left out",
             renditions->catalog->tracks[track].name);
    warn_people(renditions, line);
}

/* `track` counts all inputs. */
static int hand_out(struct karp_renditions *renditions, const struct karp_frame *queued)
{
    struct karp_frame frame = *queued;
    size_t input = queued->track / KARP_CATALOG_MAX_TRACKS;
    frame.track = queued->track % KARP_CATALOG_MAX_TRACKS;
    merge_frame(&renditions->merge, input, &frame);
    int error = renditions->options.is_in_band ? in_band_frame(&renditions->in_band, &frame) : 0;
    if (error)
        return error;
    frame.track += renditions->has_auto;
    warn_of_broken_units(renditions, frame.track);
    watch_alignment(renditions, &frame);
    error = renditions->events.on_frame(renditions->user, &frame);
    if (error || !renditions->has_auto || frame.track != renditions->alias)
        return error;
    frame.track = 0;
    return renditions->events.on_frame(renditions->user, &frame);
}

/* ---- The catalog ----------------------------------------------------------------------------- */

static void begin_alignment(struct karp_renditions *renditions)
{
    struct karp_ladder ladder;
    size_t tracks[KARP_LADDER_MAX_RENDITIONS];
    size_t count = 0;
    if (!renditions->has_warned_of_alignment)
        count = karp_ladder_largest(renditions->catalog, &ladder);
    for (size_t i = 0; i < count; i++)
        tracks[i] = (size_t)(ladder.renditions[i] - renditions->catalog->tracks);
    align_begin(&renditions->align, tracks, count);
}

static int add_auto(struct karp_renditions *renditions)
{
    renditions->has_auto = false;
    if (!renditions->options.has_auto)
        return 0;
    int error = auto_add(&renditions->catalog, &renditions->alias);
    renditions->has_auto = error == 0;
    if (error == MOQ_ERR_NOT_FOUND)
        warn_people(renditions, "there are no two renditions that one decoder can follow, so there "
                                "is no track " KARP_AUTO_NAME);
    else if (error == MOQ_ERR_BOUNDS)
        warn_people(renditions, "there is no room for the track " KARP_AUTO_NAME);
    return error == MOQ_ERR_NOT_FOUND || error == MOQ_ERR_BOUNDS ? 0 : error;
}

/* Hands out the catalog, and the frames that wait. */
static int open_catalog(struct karp_renditions *renditions)
{
    struct karp_queued first;
    renditions->is_waiting = false;
    rates_write(&renditions->rates, renditions->catalog);
    int error = add_auto(renditions);
    begin_alignment(renditions);
    if (!error)
        error = renditions->events.on_catalog(renditions->user, renditions->catalog);
    while (!error && karp_queue_first(renditions->queue, &first)) {
        error = hand_out(renditions, &first.frame);
        karp_queue_drop_first(renditions->queue);
    }
    return error;
}

static size_t video_count(const struct karp_catalog *catalog)
{
    size_t count = 0;
    while (count < catalog->track_count && catalog->tracks[count].kind == KARP_VIDEO)
        count++;
    return count;
}

/* Makes the catalog of all inputs, and hands it out unless bitrates have to be measured. */
static int begin_catalog(struct karp_renditions *renditions)
{
    karp_catalog_free(renditions->catalog);
    renditions->catalog = NULL;
    int error = merge_catalog(&renditions->merge, &renditions->catalog);
    if (error == MOQ_ERR_BOUNDS)
        warn_people(renditions, "all inputs together have too many tracks for a catalog");
    if (!error && renditions->options.is_in_band)
        error = in_band_catalog(&renditions->in_band, renditions->catalog);
    if (error)
        return error;
    bool is_ladder = renditions->options.is_in_band || renditions->options.input_count > 1;
    bool is_unknown = rates_begin(&renditions->rates, renditions->catalog);
    renditions->is_waiting = is_ladder && is_unknown && video_count(renditions->catalog) > 1;
    return renditions->is_waiting ? 0 : open_catalog(renditions);
}

/* ---- What importers hand out ----------------------------------------------------------------- */

static bool is_known(const struct karp_renditions *renditions)
{
    return merge_missing(&renditions->merge) == renditions->options.input_count;
}

/* An input has begun again before the others had anything: nobody knows the tracks of the frames
 * that wait any more. */
static void forget_frames(struct karp_renditions *renditions, size_t input)
{
    char line[LINE_BYTES];
    if (karp_queue_is_empty(renditions->queue))
        return;
    while (!karp_queue_is_empty(renditions->queue))
        karp_queue_drop_first(renditions->queue);
    snprintf(line, sizeof line,
             "input %zu began again before input %zu had any media; what came before that is left "
             "out",
             input + 1, merge_missing(&renditions->merge) + 1);
    warn_people(renditions, line);
}

static int on_catalog(void *user, const struct karp_catalog *catalog)
{
    const struct input *input = user;
    struct karp_renditions *renditions = input->renditions;
    if (!is_known(renditions) && renditions->merge.inputs[input->number].catalog)
        forget_frames(renditions, input->number);
    int error = renditions->is_waiting ? open_catalog(renditions) : 0;
    if (!error)
        error = merge_take(&renditions->merge, input->number, catalog);
    return error || !is_known(renditions) ? error : begin_catalog(renditions);
}

static int keep_frame(struct karp_renditions *renditions, const struct karp_frame *frame)
{
    int error = karp_queue_add_frame(renditions->queue, frame);
    char line[LINE_BYTES];
    if (error == MOQ_ERR_BOUNDS && !is_known(renditions)) {
        snprintf(line, sizeof line, "input %zu has no media yet, and %d MiB of the others wait",
                 merge_missing(&renditions->merge) + 1, KARP_QUEUE_MAX_BYTES >> 20);
        warn_people(renditions, line);
    }
    return error;
}

static int on_frame(void *user, const struct karp_frame *handed)
{
    const struct input *input = user;
    struct karp_renditions *renditions = input->renditions;
    struct karp_frame frame = *handed;
    frame.track += input->number * KARP_CATALOG_MAX_TRACKS;
    if (is_known(renditions) && !renditions->is_waiting)
        return hand_out(renditions, &frame);
    int error = keep_frame(renditions, &frame);
    if (!renditions->is_waiting)
        return error;
    if (error == MOQ_ERR_BOUNDS) {
        error = open_catalog(renditions);
        return error ? error : hand_out(renditions, &frame);
    }
    struct karp_frame measured = *handed;
    merge_frame(&renditions->merge, input->number, &measured);
    rates_note(&renditions->rates, &measured);
    return error || !rates_are_known(&renditions->rates) ? error : open_catalog(renditions);
}

const struct karp_import_events karp_renditions_events = {on_catalog, on_frame};

int karp_renditions_finish(struct karp_renditions *renditions)
{
    return renditions->is_waiting ? open_catalog(renditions) : 0;
}
