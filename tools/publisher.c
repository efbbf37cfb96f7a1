/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tracks of the broadcast become tracks of the model, offered to every session. */
#include "tools/publisher.h"

#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/varint.h"
#include "tools/serve.h"

/* What is kept for viewers that join late or read slowly. */
static const struct moq_cache_limits media_cache = {
    .groups = 128, .age_ns = 15 * NS_PER_S, .bytes = 96 << 20};
static const struct moq_cache_limits catalog_cache = {.groups = 1};

_Static_assert((int)KARP_BROADCAST_GROUP_MAX_BYTES == (int)MOQ_GROUP_MAX_BYTES,
               "karp's words for what is cut name this bound");

/* ---- The output of the broadcast ------------------------------------------------------------- */

static struct moq_path *path_of(struct publisher *publisher, const struct karp_offer *offer)
{
    struct moq_path *catalog = moq_path_child(publisher->broadcast, offer->id);
    if (!catalog || !offer->name)
        return catalog;
    struct moq_path *path = moq_path_child(catalog, offer->name);
    moq_path_unref(&catalog);
    return path;
}

static struct moq_track *track_new(struct publisher *publisher, const struct karp_offer *offer)
{
    const struct moq_track_config config = {
        .clock = publisher->media.clock,
        .priority = (uint8_t)(offer->priority + 128),
        .order = MOQ_ORDER_NEWEST,
        .cache = offer->name ? media_cache : catalog_cache,
    };
    struct moq_path *path = path_of(publisher, offer);
    struct moq_track *track = path ? moq_track_new(path, &config) : NULL;
    moq_path_unref(&path);
    return track;
}

static void withdraw_track(void *user, void *handle, int error)
{
    struct publisher *publisher = user;
    struct moq_track *track = handle;
    moq_offers_remove(publisher->offers, moq_track_path(track), NULL);
    moq_track_end(track, error);
    for (size_t i = 0; i < publisher->track_count; i++)
        if (publisher->tracks[i] == track) {
            publisher->tracks[i] = publisher->tracks[--publisher->track_count];
            break;
        }
    moq_track_unref(&track);
}

static int offer_track(void *user, const struct karp_offer *offer, void **handle)
{
    struct publisher *publisher = user;
    char text[MOQ_PATH_LINE_BYTES];
    REQUIRE(publisher->track_count < PUBLISHER_MAX_TRACKS);
    struct moq_track *track = track_new(publisher, offer);
    if (!track)
        return MOQ_ERR_NOMEM;
    if (!offer->name)
        log_info(LOG_TOOL, "publishing %s, instance %s",
                 moq_path_text(publisher->broadcast, text, sizeof text), offer->id);
    publisher->tracks[publisher->track_count++] = track;
    int error = moq_offers_add(publisher->offers, moq_track_path(track), NULL);
    if (error)
        withdraw_track(publisher, track, error);
    else
        *handle = track;
    return error;
}

static int open_group(void *user, void *track, uint64_t sequence, void **handle)
{
    struct moq_group *group = NULL;
    (void)user;
    int error = moq_track_open_group(track, sequence, &group);
    *handle = group;
    return error;
}

static int write_frame(void *user, void *track, void *group, const struct karp_frame_bytes *frame)
{
    uint8_t head[VARINT_MAX_BYTES + KARP_FRAME_HEADER_MAX_BYTES];
    (void)user;
    REQUIRE(frame->head_size <= KARP_FRAME_HEADER_MAX_BYTES);
    size_t size = varint_encode(head, frame->head_size + frame->body_size);
    if (frame->head_size > 0)
        memcpy(head + size, frame->head, frame->head_size);
    int error = moq_track_append(track, group, head, size + frame->head_size);
    return error ? error : moq_track_append(track, group, frame->body, frame->body_size);
}

static void close_group(void *user, void *track, void *group, int error)
{
    (void)user;
    if (error)
        moq_track_abort_group(track, group, error);
    else
        moq_track_finish_group(track, group);
}

static void end_track(void *user, void *track)
{
    (void)user;
    moq_track_end(track, 0);
}

static void on_warning(void *user, const char *line)
{
    (void)user;
    log_warn(LOG_TOOL, "%s", line);
}

void publisher_init(struct publisher *publisher, const struct moq_clock *clock)
{
    static const struct karp_output output = {
        .offer_track = offer_track,
        .open_group = open_group,
        .write_frame = write_frame,
        .close_group = close_group,
        .end_track = end_track,
        .withdraw_track = withdraw_track,
        .on_warning = on_warning,
    };
    publisher->media.output = &output;
    publisher->media.user = publisher;
    publisher->media.clock = clock;
}

void publisher_deinit(struct publisher *publisher)
{
    karp_broadcast_deinit(&publisher->media);
}

/* ---- Viewers --------------------------------------------------------------------------------- */

static struct moq_track *find_track(struct publisher *publisher, const struct moq_path *path)
{
    for (size_t i = 0; i < publisher->track_count; i++)
        if (moq_path_equal(path, moq_track_path(publisher->tracks[i])))
            return publisher->tracks[i];
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
    bool is_media =
        track != publisher->media.catalog_track && track != publisher->media.retired_catalog;
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
