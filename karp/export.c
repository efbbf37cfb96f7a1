/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The exporter: takes frames, waits until every track can be described, then writes the init
 * segment and fragments. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/objects.h"
#include "karp/export_internal.h"

/* A group that begins more than this before the newest frame is an old group that arrives late.
 * Smaller steps back are jitter. */
enum { LATE_GROUP_US = 500000 };

static void deinit_track(struct export_track *track)
{
    export_opening_drop(track);
    byte_buf_deinit(&track->config);
    byte_buf_deinit(&track->data);
    free(track->samples);
    *track = (struct export_track){.is_used = false};
}

static void drop_pending(struct karp_exporter *exporter)
{
    for (struct list *node; (node = list_pop_front(&exporter->pending)) != NULL;) {
        free(container_of(node, struct export_pending, node));
        export_leave_out(exporter, KARP_EXPORT_LOSS_UNDESCRIBED, 0);
    }
    exporter->pending_count = exporter->pending_bytes = 0;
}

/* Takes a copy of the catalog and prepares its tracks. */
static int open_catalog(struct karp_exporter *exporter, const struct karp_catalog *catalog)
{
    exporter->catalog = karp_catalog_copy(catalog);
    int error = exporter->catalog ? 0 : MOQ_ERR_NOMEM;

    uint32_t used = 0;
    for (size_t i = 0; i < catalog->track_count && !error; i++) {
        struct export_track *track = &exporter->tracks[i];
        *track =
            (struct export_track){.entry = &exporter->catalog->tracks[i], .last_dts = INT64_MIN};
        track->kind = track->entry->kind;
        track->width = track->entry->width;
        track->height = track->entry->height;
        track->channel_count = track->entry->channel_count;
        bool is_told =
            track->entry->timescale > 0 && track->entry->timescale <= EXPORT_TIMESCALE_MAX;
        track->timescale = is_told ? track->entry->timescale : EXPORT_US_PER_S;
        track->tick_us = (EXPORT_US_PER_S + track->timescale - 1) / track->timescale;
        byte_buf_init(&track->data, KARP_EXPORT_FRAGMENT_MAX_BYTES);
        track->is_used = export_config_init(track);
        track->id = track->is_used ? ++used : 0;
        if (!track->is_used)
            log_warn(LOG_MEDIA, "export: track %s is left out: MP4 cannot describe %s",
                     track->entry->name, track->entry->codec);
    }
    return error || used > 0 ? error : MOQ_ERR_UNSUPPORTED;
}

static void close_catalog(struct karp_exporter *exporter)
{
    drop_pending(exporter);
    for (size_t i = 0; i < KARP_CATALOG_MAX_TRACKS; i++)
        deinit_track(&exporter->tracks[i]);
    karp_catalog_free(exporter->catalog);
    exporter->catalog = NULL;
}

int karp_exporter_new(struct karp_exporter **exporter, const struct karp_catalog *catalog,
                      const struct karp_export_options *options, karp_write on_write, void *user)
{
    *exporter = NULL;
    struct karp_exporter *made = calloc(1, sizeof *made);
    if (!made)
        return MOQ_ERR_NOMEM;
    object_born(OBJECT_exporter);
    if (options)
        made->options = *options;
    made->offset_us = made->options.offset_us;
    made->on_write = on_write;
    made->user = user;
    made->has_start = catalog->has_start && catalog->start_us <= KARP_START_MAX_US;
    made->start_us = made->has_start ? catalog->start_us : 0;
    list_init(&made->pending);
    byte_buf_init(&made->scratch, 2 * KARP_FRAME_MAX_BYTES);

    int error = open_catalog(made, catalog);
    if (error) {
        karp_exporter_free(made);
        return error;
    }
    *exporter = made;
    return 0;
}

void karp_exporter_free(struct karp_exporter *exporter)
{
    if (!exporter)
        return;
    close_catalog(exporter);
    byte_buf_deinit(&exporter->init);
    byte_buf_deinit(&exporter->scratch);
    free(exporter);
    object_died(OBJECT_exporter);
}

static bool is_ready(const struct karp_exporter *exporter)
{
    bool is_any = false;
    for (size_t i = 0; i < exporter->catalog->track_count; i++) {
        const struct export_track *track = &exporter->tracks[i];
        if (track->is_used && !track->is_ready)
            return false;
        is_any = is_any || track->is_used;
    }
    return is_any;
}

/* Makes room for decode times before zero, enough for the track that reorders most. All tracks get
 * the same lead, so that they stay in sync in a player that ignores edit lists. */
static void find_lead(struct karp_exporter *exporter)
{
    unsigned deepest = 0;
    for (size_t i = 0; i < exporter->catalog->track_count; i++) {
        const struct export_track *track = &exporter->tracks[i];
        if (track->is_used && track->reorder > deepest)
            deepest = track->reorder;
    }
    exporter->lead_us = exporter->has_start ? (int64_t)deepest * EXPORT_LEAD_US : 0;
    for (size_t i = 0; i < exporter->catalog->track_count; i++) {
        struct export_track *track = &exporter->tracks[i];
        if (track->last_dts < -exporter->lead_us - track->tick_us)
            track->last_dts = -exporter->lead_us - track->tick_us;
    }
}

/* Writes the init segment unless it equals the current one. */
static int write_init(struct karp_exporter *exporter)
{
    struct byte_buf init;
    find_lead(exporter);
    int error = export_init_build(exporter, &init);
    bool is_same = !error && init.size == exporter->init.size &&
                   memcmp(init.data, exporter->init.data, init.size) == 0;
    if (!error && !is_same) {
        exporter->counters.init_segments++;
        error = exporter->on_write(exporter->user, init.data, init.size);
    }
    byte_buf_deinit(&exporter->init);
    exporter->init = init;
    exporter->is_init_written = error == 0;
    return error;
}

/* Turns start codes into lengths. Other payloads stay as they are. */
static int reframe_payload(struct karp_exporter *exporter, const struct export_track *track,
                           struct karp_frame *frame)
{
    if (!track->is_annex_b)
        return 0;
    exporter->scratch.size = 0;
    int error = nal_to_lengths((struct nal){frame->payload, frame->size}, &exporter->scratch);
    frame->payload = exporter->scratch.data;
    frame->size = exporter->scratch.size;
    return error || frame->size <= KARP_FRAME_MAX_BYTES ? error : MOQ_ERR_BOUNDS;
}

/* The frame's time in the file, in microseconds; negative if it is before the start. */
static int64_t place_frame(struct karp_exporter *exporter, const struct karp_frame *frame)
{
    if (exporter->is_restarting) {
        exporter->is_restarting = false;
        exporter->offset_us -= (int64_t)frame->timestamp_us;
    }
    return (int64_t)frame->timestamp_us + exporter->offset_us;
}

/* Why a frame is left out; KARP_EXPORT_LOSS_COUNT if it is not. */
static enum karp_export_loss loss_of(const struct export_track *track,
                                     const struct karp_frame *frame, int64_t pts)
{
    if (track->is_skipping || (track->has_newest && pts < track->newest_pts - INT32_MAX / 2))
        return KARP_EXPORT_LOSS_LATE;
    if (!track->has_started)
        return KARP_EXPORT_LOSS_BEFORE_KEYFRAME;
    if (pts < 0)
        return KARP_EXPORT_LOSS_BEFORE_START;
    return frame->size == 0 ? KARP_EXPORT_LOSS_EMPTY : KARP_EXPORT_LOSS_COUNT;
}

static int write_frame(struct karp_exporter *exporter, struct karp_frame *frame)
{
    struct export_track *track = &exporter->tracks[frame->track];
    int64_t pts = place_frame(exporter, frame);
    if (frame->is_group_start)
        track->is_skipping = track->has_newest && pts < track->newest_pts - LATE_GROUP_US;
    track->has_started = track->has_started || (frame->is_group_start && !track->is_skipping);
    enum karp_export_loss loss = loss_of(track, frame, pts);
    bool is_late_group = track->is_skipping && frame->is_group_start;
    if (loss != KARP_EXPORT_LOSS_COUNT)
        return export_leave_out(exporter, loss, is_late_group ? MOQ_ERR_EXPIRED : 0);

    if (track->is_unseen && frame->is_group_start)
        export_config_look(track, frame);
    int error = reframe_payload(exporter, track, frame);
    if (error)
        return export_leave_out(exporter, KARP_EXPORT_LOSS_TOO_LARGE, error);
    if (frame->size == 0)
        return export_leave_out(exporter, KARP_EXPORT_LOSS_EMPTY, 0);
    return export_opening_wants(track, pts) ? export_opening_add(exporter, track, frame, pts)
                                            : export_fragment_add(exporter, track, frame, pts);
}

static int keep_pending(struct karp_exporter *exporter, const struct karp_frame *frame)
{
    struct export_pending *pending = export_pending_new(frame);
    if (!pending)
        return MOQ_ERR_NOMEM;
    list_push_back(&exporter->pending, &pending->node);
    if (exporter->pending_count == 0 || frame->timestamp_us < exporter->pending_first_us)
        exporter->pending_first_us = frame->timestamp_us;
    if (exporter->pending_count == 0 || frame->timestamp_us > exporter->pending_last_us)
        exporter->pending_last_us = frame->timestamp_us;
    exporter->pending_count++;
    exporter->pending_bytes += sizeof *pending + frame->size;
    return 0;
}

static void take_as_described(struct export_track *track)
{
    track->is_unseen = track->is_unseen || (track->is_described && !track->is_ready);
    track->is_ready = track->is_ready || track->is_described;
}

/* Whether the catalog describes all tracks that are not ready, and they have been waited for long
 * enough. */
static bool is_description_enough(const struct karp_exporter *exporter)
{
    for (size_t i = 0; i < exporter->catalog->track_count; i++) {
        const struct export_track *track = &exporter->tracks[i];
        if (track->is_used && !track->is_ready && !track->is_described)
            return false;
    }
    return exporter->pending_last_us - exporter->pending_first_us >= KARP_EXPORT_PENDING_MAX_US;
}

/* Stops waiting for configurations: the catalog's description is used where there is one, and
 * tracks without any are left out. If that leaves no track, the held frames are dropped instead and
 * the exporter goes on waiting. */
static void give_up_silent(struct karp_exporter *exporter)
{
    bool is_any = false;
    for (size_t i = 0; i < exporter->catalog->track_count; i++) {
        struct export_track *track = &exporter->tracks[i];
        take_as_described(track);
        is_any = is_any || (track->is_used && track->is_ready);
    }
    if (!is_any) {
        drop_pending(exporter);
        return;
    }
    for (size_t i = 0; i < exporter->catalog->track_count; i++) {
        struct export_track *track = &exporter->tracks[i];
        if (!track->is_used || track->is_ready)
            continue;
        track->is_used = false;
        log_warn(LOG_MEDIA,
                 "export: track %s is left out: its frames do not say how to decode them",
                 track->entry->name);
    }
}

/* Writes the init segment and everything that waited for it. */
static int begin_file(struct karp_exporter *exporter)
{
    int error = write_init(exporter);
    for (struct list *node; (node = list_pop_front(&exporter->pending)) != NULL;) {
        struct export_pending *pending = container_of(node, struct export_pending, node);
        bool is_used = exporter->tracks[pending->frame.track].is_used;
        if (!error && is_used)
            error = write_frame(exporter, &pending->frame);
        else
            export_leave_out(
                exporter, is_used ? KARP_EXPORT_LOSS_UNWRITTEN : KARP_EXPORT_LOSS_UNDESCRIBED, 0);
        if (error == MOQ_ERR_EXPIRED)
            error = 0;
        free(pending);
    }
    exporter->pending_count = exporter->pending_bytes = 0;
    return error;
}

/* Takes a frame before the init segment is written: looks for the track's configuration in it,
 * holds it, and begins the file if nothing is missing any more. */
static int wait_for_init(struct karp_exporter *exporter, const struct karp_frame *frame)
{
    struct export_track *track = &exporter->tracks[frame->track];
    int error = 0;
    if (!track->is_ready && frame->is_group_start)
        error = export_config_find(track, frame);
    if (!error && !track->is_ready)
        return export_leave_out(exporter,
                                track->is_described ? KARP_EXPORT_LOSS_BEFORE_KEYFRAME
                                                    : KARP_EXPORT_LOSS_UNDESCRIBED,
                                0);
    if (!error)
        error = keep_pending(exporter, frame);
    if (error)
        return error;

    bool is_full = exporter->pending_count >= KARP_EXPORT_PENDING_MAX_FRAMES ||
                   exporter->pending_bytes >= KARP_EXPORT_PENDING_MAX_BYTES;
    if (!is_ready(exporter) && (is_full || is_description_enough(exporter)))
        give_up_silent(exporter);
    return is_ready(exporter) ? begin_file(exporter) : 0;
}

int karp_exporter_frame(struct karp_exporter *exporter, const struct karp_frame *frame)
{
    if (frame->track >= exporter->catalog->track_count)
        return MOQ_ERR_NOT_FOUND;
    if (frame->size > KARP_FRAME_MAX_BYTES)
        return export_leave_out(exporter, KARP_EXPORT_LOSS_TOO_LARGE, MOQ_ERR_BOUNDS);
    if (!exporter->tracks[frame->track].is_used)
        return export_leave_out(exporter, KARP_EXPORT_LOSS_TRACK, 0);
    if (frame->timestamp_us > KARP_TIMESTAMP_MAX_US)
        return export_leave_out(exporter, KARP_EXPORT_LOSS_TIME, 0);

    struct karp_frame copy = *frame;
    return exporter->is_init_written ? write_frame(exporter, &copy)
                                     : wait_for_init(exporter, frame);
}

int karp_exporter_flush(struct karp_exporter *exporter)
{
    int error = 0;
    if (!exporter->is_init_written && exporter->pending_count > 0) {
        give_up_silent(exporter);
        error = is_ready(exporter) ? begin_file(exporter) : 0;
    }
    for (size_t i = 0; i < exporter->catalog->track_count && !error; i++)
        error = export_fragment_flush(exporter, &exporter->tracks[i]);
    return error;
}

int karp_exporter_restart(struct karp_exporter *exporter, const struct karp_catalog *catalog)
{
    int error = karp_exporter_flush(exporter);
    if (error)
        return error;

    int64_t end = 0;
    for (size_t i = 0; i < exporter->catalog->track_count; i++) {
        if (exporter->tracks[i].end_us > end)
            end = exporter->tracks[i].end_us;
    }
    close_catalog(exporter);
    error = open_catalog(exporter, catalog);
    for (size_t i = 0; i < KARP_CATALOG_MAX_TRACKS; i++) {
        exporter->tracks[i].last_dts = end > 0 ? end - 1 : INT64_MIN;
        exporter->tracks[i].end_us = end;
    }
    exporter->offset_us = end > 0 ? end + KARP_EXPORT_RESTART_GAP_US : exporter->options.offset_us;
    exporter->is_restarting = end > 0;
    exporter->is_init_written = false;
    return error;
}

bool karp_exporter_fits(const struct karp_exporter *exporter, const struct karp_catalog *catalog)
{
    const struct karp_catalog *known = exporter->catalog;
    bool is_same = known->track_count == catalog->track_count;
    for (size_t i = 0; is_same && i < catalog->track_count; i++)
        is_same = karp_track_equals(&known->tracks[i], &catalog->tracks[i]);
    return is_same;
}

bool karp_exporter_has_track(const struct karp_exporter *exporter, size_t track)
{
    return track < exporter->catalog->track_count && exporter->tracks[track].is_used;
}

struct karp_export_counters karp_exporter_counters(const struct karp_exporter *exporter)
{
    return exporter->counters;
}
