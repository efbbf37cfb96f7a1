/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* While the tracks of one catalog are played, the next catalog waits: all that has arrived of an
 * instance is written before the next one begins. */
#include "karp/recorder.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "karp/karp.h"

static uint64_t now_of(const struct karp_recorder *recorder)
{
    return recorder->playback->clock->now_ns;
}

static void fail_recorder(struct karp_recorder *recorder, const char *what, int error)
{
    recorder->has_failed = true;
    recorder->events->on_failure(recorder->user, what, error);
}

static bool is_same_instance(const struct karp_recorder *recorder)
{
    return strcmp(recorder->playing_id, recorder->follower->id) == 0;
}

static void drop_next(struct karp_recorder *recorder)
{
    karp_catalog_free(recorder->next);
    recorder->next = NULL;
}

/* ---- Frames to the file ---------------------------------------------------------------------- */

static int on_frame(void *user, const struct karp_frame *frame)
{
    struct karp_recorder *recorder = user;
    int error = karp_exporter_frame(recorder->exporter, frame);
    recorder->has_played = true;
    if (error == MOQ_ERR_BOUNDS)
        return 0; /* the exporter has counted it */
    if (error && error != MOQ_ERR_EXPIRED && error != MOQ_ERR_IO)
        fail_recorder(recorder, "cannot export", error);
    return error;
}

static bool is_full(void *user)
{
    const struct karp_recorder *recorder = user;
    return recorder->events->is_full && recorder->events->is_full(recorder->user);
}

static void on_warning(void *user, const char *line)
{
    const struct karp_recorder *recorder = user;
    recorder->events->on_warning(recorder->user, line);
}

static int on_write(void *user, const uint8_t *data, size_t size)
{
    const struct karp_recorder *recorder = user;
    return recorder->events->on_write(recorder->user, data, size);
}

/* ---- One instance after the other ------------------------------------------------------------ */

/* Opens the tracks that `next` lists. Frames wait until begin_export. */
static void open_tracks(struct karp_recorder *recorder)
{
    struct karp_catalog *catalog = recorder->next;
    const struct karp_follower *follower = recorder->follower;
    bool is_early = follower->is_from_start || recorder->is_past_wanted;
    recorder->is_resuming = is_same_instance(recorder) && recorder->exporter &&
                            karp_exporter_fits(recorder->exporter, catalog);
    const struct karp_playback_start start = {
        .first = is_early ? 0 : KARP_ANY_GROUP,
        .may_lack_start = !follower->is_from_start && recorder->is_past_wanted,
        .is_resuming = recorder->is_resuming,
    };
    snprintf(recorder->playing_id, sizeof recorder->playing_id, "%s", follower->id);
    recorder->next = NULL;
    recorder->opened_ns = now_of(recorder);
    int error = karp_playback_open(recorder->playback, catalog, &start);
    if (error)
        fail_recorder(recorder, "cannot watch its tracks", error);
}

static void begin_export(struct karp_recorder *recorder)
{
    const struct karp_export_options options = {.is_fragment_per_group = false};
    const struct karp_catalog *catalog = recorder->playback->catalog;
    int error = 0;
    if (!recorder->exporter)
        error = karp_exporter_new(&recorder->exporter, catalog, &options, on_write, recorder);
    else if (!recorder->is_resuming)
        error = karp_exporter_restart(recorder->exporter, catalog);
    if (error)
        fail_recorder(recorder, "the broadcast has no track that can be exported", error);
    else
        karp_playback_play(recorder->playback);
}

static bool is_settled(const struct karp_recorder *recorder)
{
    const struct karp_catalog *catalog = recorder->playback->catalog;
    bool has_video = false, has_audio = false;
    for (size_t i = 0; i < catalog->track_count; i++)
        *(catalog->tracks[i].kind == KARP_VIDEO ? &has_video : &has_audio) = true;
    return (has_video && has_audio) ||
           now_of(recorder) - recorder->opened_ns > KARP_RECORDER_SETTLE_NS;
}

/* Publishers end their tracks before they withdraw the broadcast. If a track ended with an error
 * instead, the relay or another peer has lost the publisher. If tracks did not end at all, nothing
 * follows from that, because Rust relays do not pass the end on. */
static void end_instance(struct karp_recorder *recorder, bool has_next)
{
    bool is_cut_off = karp_playback_has_broken_off(recorder->playback);
    karp_playback_settle(recorder->playback);
    karp_playback_close(recorder->playback);
    recorder->events->on_instance_end(recorder->user, is_cut_off, has_next);
}

/* Everything of the current tracks has been written: goes on with the next catalog, or waits. */
static void leave_tracks(struct karp_recorder *recorder)
{
    bool is_closing = recorder->is_offline || !recorder->follower->id[0];
    if (recorder->next && !is_same_instance(recorder))
        end_instance(recorder, true);
    else if (!recorder->next && recorder->is_over)
        end_instance(recorder, false);
    else if (recorder->next || is_closing)
        karp_playback_close(recorder->playback);
    if (recorder->next && !recorder->has_failed)
        open_tracks(recorder);
}

void karp_recorder_tick(struct karp_recorder *recorder)
{
    struct karp_playback *playback = recorder->playback;
    if (recorder->has_failed)
        return;
    if (!karp_playback_is_open(playback)) {
        if (recorder->next)
            open_tracks(recorder);
        return;
    }
    if (!playback->is_playing && is_settled(recorder))
        begin_export(recorder);
    karp_playback_pump(playback);
    karp_playback_retry(playback);
    if (karp_playback_is_over(playback))
        leave_tracks(recorder);
}

/* ---- What the follower tells ----------------------------------------------------------------- */

static void on_instance(void *user, const char *id)
{
    struct karp_recorder *recorder = user;
    drop_next(recorder);
    recorder->is_over = !id;
    if (karp_playback_is_open(recorder->playback) && !(id && is_same_instance(recorder)))
        karp_playback_end(recorder->playback, id != NULL);
    recorder->events->on_instance(recorder->user, id);
}

/* Takes out the video tracks that are not to be recorded. */
static void choose_video(struct karp_recorder *recorder, struct karp_catalog *catalog)
{
    bool is_left_out[KARP_CATALOG_MAX_TRACKS] = {false}, is_found = false;
    char line[KARP_TRACK_NAME_MAX_BYTES + 64];
    for (size_t i = 0; i < catalog->track_count; i++) {
        const struct karp_track *track = &catalog->tracks[i];
        bool is_named = recorder->video && strcmp(track->name, recorder->video) == 0;
        is_found = is_found || (track->kind == KARP_VIDEO && is_named);
        is_left_out[i] = track->kind == KARP_VIDEO && !is_named &&
                         (recorder->video || karp_ladder_is_automatic(catalog, track));
    }
    for (size_t i = catalog->track_count; i > 0; i--)
        if (is_left_out[i - 1])
            karp_catalog_remove(catalog, catalog->tracks[i - 1].name);
    if (!recorder->video || is_found)
        return;
    snprintf(line, sizeof line, "the broadcast has no video track %.255s", recorder->video);
    recorder->events->on_warning(recorder->user, line);
}

/* Takes a new version of the catalog. Before the export has begun it replaces the tracks; after
 * that only if it has other tracks than before. */
static void on_catalog(void *user, struct karp_catalog *catalog)
{
    struct karp_recorder *recorder = user;
    struct karp_playback *playback = recorder->playback;
    choose_video(recorder, catalog);
    bool is_same = is_same_instance(recorder), is_open = karp_playback_is_open(playback);
    bool is_news = !is_open || !is_same || karp_playback_differs(playback, catalog);
    if (catalog->track_count == 0 || !is_news || recorder->has_failed) {
        karp_catalog_free(catalog);
        return;
    }
    drop_next(recorder);
    recorder->next = catalog;
    if (is_open && is_same && !playback->is_playing)
        karp_playback_close(playback);
    else if (is_open && is_same)
        karp_playback_end(playback, true);
    if (!karp_playback_is_open(playback))
        open_tracks(recorder);
}

/* ---- Its life -------------------------------------------------------------------------------- */

void karp_recorder_init(struct karp_recorder *recorder, struct karp_follower *follower,
                        struct karp_playback *playback, const struct karp_recorder_events *events,
                        void *user)
{
    static const struct karp_follower_events follower_events = {on_instance, on_catalog,
                                                                on_warning};
    static const struct karp_playback_events playback_events = {on_frame, is_full, on_warning};
    recorder->follower = follower;
    recorder->playback = playback;
    recorder->events = events;
    recorder->user = user;
    follower->events = &follower_events;
    playback->events = &playback_events;
    follower->user = playback->user = recorder;
}

void karp_recorder_deinit(struct karp_recorder *recorder)
{
    if (!recorder->playback)
        return;
    karp_playback_close(recorder->playback);
    karp_exporter_free(recorder->exporter);
    recorder->exporter = NULL;
    drop_next(recorder);
}

void karp_recorder_interrupt(struct karp_recorder *recorder)
{
    recorder->is_offline = true;
    drop_next(recorder);
    if (karp_playback_is_open(recorder->playback))
        karp_playback_end(recorder->playback, false);
}

void karp_recorder_resume(struct karp_recorder *recorder)
{
    recorder->is_offline = false;
}

int karp_recorder_end_file(struct karp_recorder *recorder)
{
    int error = recorder->exporter ? karp_exporter_flush(recorder->exporter) : 0;
    karp_exporter_free(recorder->exporter);
    recorder->exporter = NULL;
    return error;
}
