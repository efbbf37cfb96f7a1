/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The catalog comes first, so that a viewer can ask for tracks before their first group. Then each
 * frame is appended to the group of its track. Paths contain the id of the instance, because a
 * reconnect begins a new instance, whose groups count from 0 again. */
#include "tools/publisher.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/varint.h"
#include "tools/serve.h"

/* What is kept for viewers that join late or read slowly. */
static const struct moq_cache_limits media_cache = {
    .groups = 128, .age_ns = 15 * NS_PER_S, .bytes = 96 << 20};
static const struct moq_cache_limits catalog_cache = {.groups = 1};

static struct moq_track *track_new(struct publisher *publisher, struct moq_path *path, int priority,
                                   const struct moq_cache_limits *cache)
{
    struct moq_track_config config = {
        .clock = publisher->clock,
        .priority = (uint8_t)(priority + 128),
        .order = MOQ_ORDER_NEWEST,
        .cache = *cache,
    };
    struct moq_track *track = path ? moq_track_new(path, &config) : NULL;
    moq_path_unref(&path);
    return track;
}

static void end_group(struct publisher_track *media)
{
    if (media->group)
        moq_track_finish_group(media->track, media->group);
    media->group = NULL;
}

/* ---- Going on and off air -------------------------------------------------------------------- */

static int write_catalog(struct publisher *publisher)
{
    struct moq_group *group = NULL;
    char *json = karp_catalog_print(publisher->catalog);
    int error = json ? moq_track_open_group(publisher->catalog_track, 0, &group) : MOQ_ERR_NOMEM;
    if (!error)
        error = moq_track_write_frame(publisher->catalog_track, group, json, strlen(json));
    if (!error)
        moq_track_finish_group(publisher->catalog_track, group);
    free(json);
    return error;
}

static int offer_media(struct publisher *publisher)
{
    struct moq_path *parent = moq_track_path(publisher->catalog_track);
    int error = write_catalog(publisher);
    for (size_t i = 0; i < publisher->catalog->track_count && !error; i++) {
        const struct karp_track *described = &publisher->catalog->tracks[i];
        struct publisher_track *media = &publisher->tracks[i];
        *media = (struct publisher_track){.is_audio = described->kind == KARP_AUDIO};
        media->track = track_new(publisher, moq_path_child(parent, described->name),
                                 described->priority, &media_cache);
        if (!media->track)
            return MOQ_ERR_NOMEM;
        publisher->track_count++;
        error = moq_offers_add(publisher->offers, moq_track_path(media->track), NULL);
    }
    return error;
}

bool publisher_is_own(const struct publisher *publisher, uint64_t id)
{
    for (size_t i = 0; i < PUBLISHER_OWN_IDS; i++)
        if (publisher->own_ids[i] == id)
            return true;
    return false;
}

int publisher_go_on_air(struct publisher *publisher)
{
    char id[KARP_ID_MAX_BYTES], text[MOQ_PATH_LINE_BYTES];
    publisher->id = karp_id_next(clock_wall_ms(), publisher->id);
    karp_id_print(publisher->id, id);
    publisher->own_ids[publisher->own_count++ % PUBLISHER_OWN_IDS] = publisher->id;
    publisher->catalog_track = track_new(publisher, moq_path_child(publisher->broadcast, id),
                                         KARP_CATALOG_PRIORITY, &catalog_cache);
    if (!publisher->catalog_track)
        return MOQ_ERR_NOMEM;
    publisher->is_on_air = true;
    publisher->began_ns = publisher->clock->now_ns;
    struct moq_path *path = moq_track_path(publisher->catalog_track);
    log_info(LOG_TOOL, "publishing %s, instance %s",
             moq_path_text(publisher->broadcast, text, sizeof text), id);
    int error = moq_offers_add(publisher->offers, path, NULL);
    return error ? error : offer_media(publisher);
}

static void withdraw_track(struct publisher *publisher, struct moq_track **track, int error)
{
    moq_offers_remove(publisher->offers, moq_track_path(*track), NULL);
    moq_track_end(*track, error);
    moq_track_unref(track);
}

static void drop_retired(struct publisher *publisher)
{
    while (publisher->retired_count > 0)
        withdraw_track(publisher, &publisher->retired[--publisher->retired_count], 0);
    if (publisher->retired_catalog)
        withdraw_track(publisher, &publisher->retired_catalog, 0);
}

bool publisher_is_young(const struct publisher *publisher)
{
    uint64_t age_ns = publisher->clock->now_ns - publisher->began_ns;
    return publisher->is_on_air && age_ns < PUBLISHER_INSTANCE_MIN_NS;
}

/* Ends the tracks of the current instance and keeps them as retired ones. */
static void retire_instance(struct publisher *publisher)
{
    if (publisher_is_young(publisher))
        log_warn(LOG_TOOL, "the next instance begins so soon that viewers may miss this one");
    drop_retired(publisher);
    publisher_finish(publisher, true);
    for (size_t i = 0; i < publisher->track_count; i++)
        publisher->retired[publisher->retired_count++] = publisher->tracks[i].track;
    publisher->retired_catalog = publisher->catalog_track;
    publisher->retired_ns = publisher->clock->now_ns;
    publisher->catalog_track = NULL;
    publisher->track_count = 0;
    publisher->is_on_air = false;
}

void publisher_go_off_air(struct publisher *publisher, int error)
{
    drop_retired(publisher);
    if (!publisher->is_on_air)
        return;
    publisher->is_on_air = false;
    for (size_t i = 0; i < publisher->track_count; i++) {
        end_group(&publisher->tracks[i]);
        withdraw_track(publisher, &publisher->tracks[i].track, error);
    }
    publisher->track_count = 0;
    withdraw_track(publisher, &publisher->catalog_track, error);
}

void publisher_deinit(struct publisher *publisher)
{
    publisher_go_off_air(publisher, 0);
    karp_catalog_free(publisher->catalog);
    publisher->catalog = NULL;
}

/* ---- Media ----------------------------------------------------------------------------------- */

int publisher_set_catalog(struct publisher *publisher, const struct karp_catalog *catalog)
{
    struct karp_catalog *copy = karp_catalog_copy(catalog);
    if (!copy)
        return MOQ_ERR_NOMEM;
    for (size_t i = 0; i < copy->track_count; i++) {
        const char *objection = karp_track_objection(&copy->tracks[i]);
        if (objection)
            log_warn(LOG_TOOL, "track %s: %s", copy->tracks[i].name, objection);
    }
    karp_catalog_free(publisher->catalog);
    publisher->catalog = copy;
    if (!publisher->is_on_air)
        return 0;
    retire_instance(publisher);
    return publisher_go_on_air(publisher);
}

static int begin_group(struct publisher_track *media)
{
    end_group(media);
    int error = moq_track_open_group(media->track, media->next_sequence, &media->group);
    if (!error)
        media->next_sequence++;
    media->is_cut = false;
    return error;
}

const char *publisher_loss_words(enum publisher_loss loss)
{
    static const char *const words[] = {
#define LOSS_WORDS(name, text) text,
        PUBLISHER_LOSSES(LOSS_WORDS)
#undef LOSS_WORDS
    };
    return words[loss];
}

static int leave_out(struct publisher *publisher, enum publisher_loss loss)
{
    publisher->left_out[loss]++;
    return 0;
}

static int cut_group(struct publisher *publisher, struct publisher_track *media)
{
    log_warn(LOG_TOOL, "a group over %d MiB was cut", MOQ_GROUP_MAX_BYTES >> 20);
    moq_track_abort_group(media->track, media->group, MOQ_ERR_BOUNDS);
    media->group = NULL;
    media->is_cut = true;
    return leave_out(publisher, PUBLISHER_LOSS_TOO_LARGE);
}

int publisher_write(struct publisher *publisher, const struct karp_frame *frame)
{
    if (publisher->clock->now_ns - publisher->retired_ns > PUBLISHER_INSTANCE_MIN_NS)
        drop_retired(publisher);
    if (!publisher->is_on_air || frame->track >= publisher->track_count)
        return leave_out(publisher, PUBLISHER_LOSS_OFF_AIR);
    struct publisher_track *media = &publisher->tracks[frame->track];
    if (!media->group && !frame->is_group_start && !media->is_audio)
        return leave_out(publisher,
                         media->is_cut ? PUBLISHER_LOSS_TOO_LARGE : PUBLISHER_LOSS_BEFORE_KEYFRAME);
    if (frame->is_group_start || !media->group) {
        int error = begin_group(media);
        if (error)
            return error;
    }
    uint8_t head[VARINT_MAX_BYTES + KARP_FRAME_HEADER_MAX_BYTES], time[KARP_FRAME_HEADER_MAX_BYTES];
    size_t time_bytes = karp_frame_header(frame->timestamp_us, time);
    size_t head_bytes = varint_encode(head, time_bytes + frame->size);
    memcpy(head + head_bytes, time, time_bytes);
    int error = moq_track_append(media->track, media->group, head, head_bytes + time_bytes);
    if (!error)
        error = moq_track_append(media->track, media->group, frame->payload, frame->size);
    if (error == MOQ_ERR_BOUNDS)
        return cut_group(publisher, media);
    publisher->frames++;
    publisher->bytes += frame->size;
    return error;
}

void publisher_finish(struct publisher *publisher, bool is_whole)
{
    for (size_t i = 0; i < publisher->track_count; i++) {
        end_group(&publisher->tracks[i]);
        if (is_whole)
            moq_track_end(publisher->tracks[i].track, 0);
    }
}

/* ---- Viewers --------------------------------------------------------------------------------- */

static struct moq_track *find_track(struct publisher *publisher, const struct moq_path *path)
{
    if (!publisher->is_on_air)
        return NULL;
    if (moq_path_equal(path, moq_track_path(publisher->catalog_track)))
        return publisher->catalog_track;
    for (size_t i = 0; i < publisher->track_count; i++)
        if (moq_path_equal(path, moq_track_path(publisher->tracks[i].track)))
            return publisher->tracks[i].track;
    for (size_t i = 0; i < publisher->retired_count; i++)
        if (moq_path_equal(path, moq_track_path(publisher->retired[i])))
            return publisher->retired[i];
    if (publisher->retired_catalog &&
        moq_path_equal(path, moq_track_path(publisher->retired_catalog)))
        return publisher->retired_catalog;
    return NULL;
}

void publisher_on_request(struct publisher *publisher, struct moq_request *request)
{
    struct moq_track *track = find_track(publisher, request->path);
    if (!track) {
        moq_request_refuse(request, MOQ_ERR_NOT_FOUND);
        return;
    }
    struct moq_viewer *viewer = serve_request(request, track, publisher->latency_ns);
    if (!viewer || publisher->viewer_count == PUBLISHER_MAX_VIEWERS)
        return;
    bool is_media = track != publisher->catalog_track && track != publisher->retired_catalog;
    moq_viewer_set_user(viewer, is_media ? publisher : NULL);
    publisher->media_viewer_count += is_media;
    publisher->viewers[publisher->viewer_count++] = viewer;
}

/* The groups that a viewer has lost. Those that it refused do not count. */
static uint64_t lost_of(const struct moq_viewer_stats *stats)
{
    return stats->groups_skipped + stats->groups_reset - stats->groups_refused;
}

void publisher_on_viewer_closed(struct publisher *publisher, struct moq_viewer *viewer)
{
    for (size_t i = 0; i < publisher->viewer_count; i++) {
        if (publisher->viewers[i] != viewer)
            continue;
        struct moq_viewer_stats stats;
        moq_viewer_stats(viewer, &stats);
        publisher->groups_lost += lost_of(&stats);
        publisher->viewers[i] = publisher->viewers[--publisher->viewer_count];
        publisher->media_viewer_count -= moq_viewer_user(viewer) != NULL;
        return;
    }
}

void publisher_backlog(const struct publisher *publisher, struct publisher_backlog *backlog)
{
    *backlog = (struct publisher_backlog){.groups_lost = publisher->groups_lost};
    for (size_t i = 0; i < publisher->viewer_count; i++) {
        struct moq_viewer_stats stats;
        moq_viewer_stats(publisher->viewers[i], &stats);
        if (stats.backlog_bytes > backlog->bytes)
            backlog->bytes = stats.backlog_bytes;
        if (stats.open_groups > backlog->groups)
            backlog->groups = stats.open_groups;
        backlog->bytes_sent += stats.bytes_sent;
        backlog->groups_lost += lost_of(&stats);
    }
}
