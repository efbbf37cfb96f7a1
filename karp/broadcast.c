/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Each frame is written to the group of its track. The paths of tracks contain the id of the
 * instance, so groups of two instances never meet. */
#include "karp/broadcast.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "karp/karp.h"

enum { LINE_BYTES = KARP_TRACK_NAME_MAX_BYTES + 256 };

static void end_group(struct karp_broadcast *broadcast, struct karp_broadcast_track *media,
                      int error)
{
    if (media->group)
        broadcast->output->close_group(broadcast->user, media->track, media->group, error);
    media->group = NULL;
}

static void warn_people(struct karp_broadcast *broadcast, const char *line)
{
    broadcast->output->on_warning(broadcast->user, line);
}

/* ---- Going on and off air -------------------------------------------------------------------- */

static int write_catalog(struct karp_broadcast *broadcast)
{
    const struct karp_output *output = broadcast->output;
    void *track = broadcast->catalog_track, *group = NULL;
    char *json = karp_catalog_print(broadcast->catalog);
    int error = json ? output->open_group(broadcast->user, track, 0, &group) : MOQ_ERR_NOMEM;
    if (!error) {
        const struct karp_frame_bytes frame = {.body = (const uint8_t *)json,
                                               .body_size = strlen(json)};
        error = output->write_frame(broadcast->user, track, group, &frame);
        output->close_group(broadcast->user, track, group, error);
    }
    free(json);
    return error;
}

static int offer_media(struct karp_broadcast *broadcast, const char *id)
{
    int error = write_catalog(broadcast);
    for (size_t i = 0; i < broadcast->catalog->track_count && !error; i++) {
        const struct karp_track *described = &broadcast->catalog->tracks[i];
        const struct karp_offer offer = {id, described->name, described->priority};
        struct karp_broadcast_track media = {.is_audio = described->kind == KARP_AUDIO};
        error = broadcast->output->offer_track(broadcast->user, &offer, &media.track);
        if (!error)
            broadcast->tracks[broadcast->track_count++] = media;
    }
    return error;
}

bool karp_broadcast_is_own(const struct karp_broadcast *broadcast, uint64_t id)
{
    for (size_t i = 0; i < KARP_BROADCAST_OWN_IDS; i++)
        if (broadcast->own_ids[i] == id)
            return true;
    return false;
}

int karp_broadcast_promise(struct karp_broadcast *broadcast, uint64_t wall_ms)
{
    char id[KARP_ID_MAX_BYTES];
    const struct karp_offer offer = {.id = id, .priority = KARP_CATALOG_PRIORITY};
    if (broadcast->catalog_track)
        return 0;
    broadcast->id = karp_id_next(wall_ms, broadcast->id);
    karp_id_print(broadcast->id, id);
    broadcast->own_ids[broadcast->own_count++ % KARP_BROADCAST_OWN_IDS] = broadcast->id;
    return broadcast->output->offer_track(broadcast->user, &offer, &broadcast->catalog_track);
}

int karp_broadcast_go_on_air(struct karp_broadcast *broadcast, uint64_t wall_ms)
{
    char id[KARP_ID_MAX_BYTES];
    int error = karp_broadcast_promise(broadcast, wall_ms);
    if (error)
        return error;
    karp_id_print(broadcast->id, id);
    broadcast->is_on_air = true;
    broadcast->began_ns = broadcast->clock->now_ns;
    return offer_media(broadcast, id);
}

static void withdraw_output_track(struct karp_broadcast *broadcast, void **track, int error)
{
    if (*track)
        broadcast->output->withdraw_track(broadcast->user, *track, error);
    *track = NULL;
}

static void drop_retired(struct karp_broadcast *broadcast)
{
    while (broadcast->retired_count > 0)
        withdraw_output_track(broadcast, &broadcast->retired[--broadcast->retired_count], 0);
    withdraw_output_track(broadcast, &broadcast->retired_catalog, 0);
}

bool karp_broadcast_is_young(const struct karp_broadcast *broadcast)
{
    uint64_t age_ns = broadcast->clock->now_ns - broadcast->began_ns;
    return broadcast->is_on_air && age_ns < KARP_INSTANCE_MIN_NS;
}

/* Ends the tracks of the current instance and keeps them as retired ones. */
static void retire_instance(struct karp_broadcast *broadcast)
{
    if (karp_broadcast_is_young(broadcast))
        warn_people(broadcast, "the next instance begins so soon that viewers may miss this one");
    drop_retired(broadcast);
    karp_broadcast_finish(broadcast, true);
    for (size_t i = 0; i < broadcast->track_count; i++)
        broadcast->retired[broadcast->retired_count++] = broadcast->tracks[i].track;
    broadcast->retired_catalog = broadcast->catalog_track;
    broadcast->retired_ns = broadcast->clock->now_ns;
    broadcast->catalog_track = NULL;
    broadcast->track_count = 0;
    broadcast->is_on_air = false;
}

void karp_broadcast_go_off_air(struct karp_broadcast *broadcast, int error)
{
    drop_retired(broadcast);
    broadcast->is_on_air = false;
    for (size_t i = 0; i < broadcast->track_count; i++) {
        end_group(broadcast, &broadcast->tracks[i], 0);
        withdraw_output_track(broadcast, &broadcast->tracks[i].track, error);
    }
    broadcast->track_count = 0;
    withdraw_output_track(broadcast, &broadcast->catalog_track, error);
}

void karp_broadcast_deinit(struct karp_broadcast *broadcast)
{
    karp_broadcast_go_off_air(broadcast, 0);
    karp_catalog_free(broadcast->catalog);
    broadcast->catalog = NULL;
}

/* ---- Media ----------------------------------------------------------------------------------- */

static void warn_of_objections(struct karp_broadcast *broadcast, const struct karp_catalog *catalog)
{
    for (size_t i = 0; i < catalog->track_count; i++) {
        const char *objection = karp_track_objection(&catalog->tracks[i]);
        char line[LINE_BYTES];
        if (!objection)
            continue;
        snprintf(line, sizeof line, "track %s: %s", catalog->tracks[i].name, objection);
        warn_people(broadcast, line);
    }
}

int karp_broadcast_set_catalog(struct karp_broadcast *broadcast, const struct karp_catalog *catalog,
                               uint64_t wall_ms)
{
    struct karp_catalog *copy = karp_catalog_copy(catalog);
    if (!copy)
        return MOQ_ERR_NOMEM;
    warn_of_objections(broadcast, copy);
    karp_catalog_free(broadcast->catalog);
    broadcast->catalog = copy;
    if (!broadcast->is_on_air)
        return 0;
    retire_instance(broadcast);
    return karp_broadcast_go_on_air(broadcast, wall_ms);
}

static int begin_group(struct karp_broadcast *broadcast, struct karp_broadcast_track *media)
{
    end_group(broadcast, media, 0);
    int error = broadcast->output->open_group(broadcast->user, media->track, media->next_sequence,
                                              &media->group);
    if (!error)
        media->next_sequence++;
    media->is_cut = false;
    return error;
}

const char *karp_omission_words(enum karp_omission omission)
{
    static const char *const words[] = {
#define OMISSION_WORDS(name, text) text,
        KARP_OMISSIONS(OMISSION_WORDS)
#undef OMISSION_WORDS
    };
    return words[omission];
}

static int leave_out(struct karp_broadcast *broadcast, enum karp_omission omission)
{
    broadcast->left_out[omission]++;
    return 0;
}

static int cut_group(struct karp_broadcast *broadcast, struct karp_broadcast_track *media)
{
    char line[LINE_BYTES];
    snprintf(line, sizeof line, "a group over %d MiB was cut",
             KARP_BROADCAST_GROUP_MAX_BYTES >> 20);
    warn_people(broadcast, line);
    end_group(broadcast, media, MOQ_ERR_BOUNDS);
    media->is_cut = true;
    return leave_out(broadcast, KARP_OMISSION_TOO_LARGE);
}

void karp_broadcast_tick(struct karp_broadcast *broadcast)
{
    if (broadcast->clock->now_ns - broadcast->retired_ns > KARP_INSTANCE_MIN_NS)
        drop_retired(broadcast);
}

int karp_broadcast_write(struct karp_broadcast *broadcast, const struct karp_frame *frame)
{
    karp_broadcast_tick(broadcast);
    if (!broadcast->is_on_air || frame->track >= broadcast->track_count)
        return leave_out(broadcast, KARP_OMISSION_OFF_AIR);
    struct karp_broadcast_track *media = &broadcast->tracks[frame->track];
    if (!media->group && !frame->is_group_start && !media->is_audio)
        return leave_out(broadcast,
                         media->is_cut ? KARP_OMISSION_TOO_LARGE : KARP_OMISSION_BEFORE_KEYFRAME);
    if (frame->is_group_start || !media->group) {
        int error = begin_group(broadcast, media);
        if (error)
            return error;
    }
    uint8_t time[KARP_FRAME_HEADER_MAX_BYTES];
    const struct karp_frame_bytes bytes = {time, karp_frame_header(frame->timestamp_us, time),
                                           frame->payload, frame->size};
    int error = broadcast->output->write_frame(broadcast->user, media->track, media->group, &bytes);
    if (error == MOQ_ERR_BOUNDS)
        return cut_group(broadcast, media);
    broadcast->frames++;
    broadcast->bytes += frame->size;
    return error;
}

void karp_broadcast_finish(struct karp_broadcast *broadcast, bool is_whole)
{
    for (size_t i = 0; i < broadcast->track_count; i++) {
        end_group(broadcast, &broadcast->tracks[i], 0);
        if (is_whole)
            broadcast->output->end_track(broadcast->user, broadcast->tracks[i].track);
    }
}
