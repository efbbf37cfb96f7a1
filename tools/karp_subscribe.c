/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* moq-karp subscribe: writes a broadcast as fragmented MP4 to standard output or a file. It waits
 * until the broadcast appears, exits when it has ended, and goes on after losing its relay in
 * between.
 * Tested by tests/e2e/test_recorder.py. */
#include "tools/karp.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "tools/output.h"
#include "tools/player.h"
#include "tools/watch.h"

enum {
    TICK_MS = 20,
    /* A first catalog with only audio or only video may be incomplete, because Rust publishers add
     * tracks one by one. */
    SETTLE_MS = 500,
    FILE_LATENCY_MS = 10000,
    PIPE_LATENCY_MS = 2000,
};

struct karp_watching {
    struct tool *tool;
    const struct karp_settings *settings;
    struct watch watch;
    struct player player;
    struct karp_exporter *exporter;
    struct output *output;
    /* The catalog of a new instance, or a new version, until the player can take it; NULL: none. */
    struct karp_catalog *next;
    char playing_id[KARP_ID_MAX_BYTES];
    uv_timer_t timer;
    uint64_t opened_ns; /* when the player got its tracks */
    bool is_resuming;   /* the instance is the same as before, so its file goes on */
    bool has_played;
    bool is_offline;        /* there is no session */
    bool is_over;           /* the broadcast was withdrawn, and no other instance has replaced it */
    bool is_cut_off;        /* it is gone although its publisher had not ended it */
    bool is_told;           /* what is missing has been printed */
    uint64_t init_segments; /* number of init segments written to the output */
    uint64_t missed_ns; /* start of a session without announcements so far; 0: there were some */
};

/* Prints what is missing in the file and why. Returns whether anything is. */
static bool tell_losses(const struct karp_watching *karp)
{
    if (!karp->exporter)
        return false;
    const struct player *player = &karp->player;
    struct karp_export_counters counters = karp_exporter_counters(karp->exporter);
    for (int i = 0; i < KARP_EXPORT_LOSS_COUNT; i++) {
        if (counters.left_out[i] > 0)
            log_warn(LOG_TOOL, "left out: %llu frames %s", (unsigned long long)counters.left_out[i],
                     karp_export_loss_words((enum karp_export_loss)i));
    }
    if (player->groups_skipped > 0)
        log_warn(LOG_TOOL, "left out: %llu groups that did not arrive in time",
                 (unsigned long long)player->groups_skipped);
    if (player->groups_cut > 0)
        log_warn(LOG_TOOL, "left out: the rest of %llu groups that broke off",
                 (unsigned long long)player->groups_cut);
    if (player->tracks_refused > 0)
        log_warn(LOG_TOOL, "left out: %llu tracks whose subscriptions failed",
                 (unsigned long long)player->tracks_refused);
    if (player->tracks_late > 0)
        log_warn(LOG_TOOL,
                 "left out: the beginning of %llu tracks whose subscriptions failed first",
                 (unsigned long long)player->tracks_late);
    if (karp->watch.passed_over > 0)
        log_warn(LOG_TOOL, "left out: %llu instances that were not the newest for long enough",
                 (unsigned long long)karp->watch.passed_over);
    return counters.dropped_frames + player->groups_skipped + player->groups_cut +
               player->tracks_refused + player->tracks_late + karp->watch.passed_over >
           0;
}

/* Writes what the exporter holds back. */
static int flush_exporter(struct karp_watching *karp)
{
    int error = karp->exporter ? karp_exporter_flush(karp->exporter) : 0;
    if (error && error != MOQ_ERR_IO)
        log_error(LOG_TOOL, "cannot export the last frames: %s", moq_error_words(error));
    return error == MOQ_ERR_IO ? 0 : error;
}

static void finish_export(struct karp_watching *karp)
{
    if (karp->tool->is_finishing)
        return;
    int error = flush_exporter(karp);
    bool is_incomplete = tell_losses(karp);
    int whole = is_incomplete ? TOOL_INCOMPLETE : TOOL_OK;
    int played = karp->is_cut_off ? TOOL_CUT_OFF : whole;
    karp->is_told = true;
    tool_finish(karp->tool, error ? TOOL_FAILED : played);
}

/* If the tool fails, writes what it still has and prints what is missing. */
static void rescue_export(struct karp_watching *karp)
{
    if (karp->is_told || karp->tool->exit_code != TOOL_FAILED)
        return;
    player_settle(&karp->player);
    flush_exporter(karp);
    tell_losses(karp);
}

/* ---- Frames to the file ---------------------------------------------------------------------- */

/* The exporter is about to write an init segment in mid-file. Demuxers such as ffmpeg's pass over
 * it, or give the file up. */
static void tell_next_init(struct karp_watching *karp)
{
    log_warn(LOG_TOOL,
             "instance %s has an init segment of its own, at byte %llu: players that read only the "
             "first one do not play on from there, but each part plays alone",
             karp->playing_id, (unsigned long long)output_bytes(karp->output));
}

static int on_write(void *user, const uint8_t *data, size_t n)
{
    struct karp_watching *karp = user;
    uint64_t inits = karp->exporter ? karp_exporter_counters(karp->exporter).init_segments : 0;
    if (inits > karp->init_segments && inits > 1)
        tell_next_init(karp);
    karp->init_segments = inits;
    return output_write(karp->output, data, n);
}

static int on_frame(void *user, const struct karp_frame *frame)
{
    struct karp_watching *karp = user;
    int error = karp_exporter_frame(karp->exporter, frame);
    karp->has_played = true;
    if (error == MOQ_ERR_BOUNDS)
        return 0; /* the exporter has counted it */
    if (error && error != MOQ_ERR_EXPIRED && error != MOQ_ERR_IO)
        tool_fail(karp->tool, "cannot export: %s", moq_error_words(error));
    return error;
}

static bool is_full(void *user)
{
    const struct karp_watching *karp = user;
    return output_is_full(karp->output);
}

static void on_room(void *user)
{
    struct karp_watching *karp = user;
    moq_native_wake(karp->tool->native);
    if (player_is_open(&karp->player))
        player_pump(&karp->player);
}

static void on_broken(void *user, int error)
{
    struct karp_watching *karp = user;
    if (error == UV_EPIPE)
        tool_finish(karp->tool, TOOL_OK);
    else
        tool_fail(karp->tool, "cannot write: %s", uv_strerror(error));
}

/* ---- One instance after the other ------------------------------------------------------------ */

static int make_path(void *user, const char *name, struct moq_path **path)
{
    struct karp_watching *karp = user;
    return watch_track_path(&karp->watch, name, path);
}

/* Subscribes to what the catalog in `next` lists. Frames wait until begin_export. */
static void open_player(struct karp_watching *karp)
{
    struct player_start start = {
        .session = tool_session(karp->tool),
        .make_path = make_path,
        .first = MOQ_NO_GROUP,
    };
    struct karp_catalog *catalog = karp->next;
    karp->is_resuming = strcmp(karp->playing_id, karp->watch.id) == 0 && karp->exporter &&
                        karp_exporter_fits(karp->exporter, catalog);
    start.is_resuming = karp->is_resuming;
    start.may_lack_start = karp->settings->is_from_start && !karp->watch.is_from_start;
    if (karp->watch.is_from_start || karp->settings->is_from_start)
        start.first = 0;
    snprintf(karp->playing_id, sizeof karp->playing_id, "%s", karp->watch.id);
    karp->next = NULL;
    karp->opened_ns = tool_now_ns(karp->tool);
    if (!start.session) {
        karp_catalog_free(catalog);
        return;
    }
    int error = player_open(&karp->player, catalog, &start);
    if (error)
        tool_fail(karp->tool, "cannot watch its tracks: %s", moq_error_words(error));
}

static void begin_export(struct karp_watching *karp)
{
    struct karp_export_options options = {.is_fragment_per_group = false};
    int error = 0;
    if (!karp->exporter)
        error = karp_exporter_new(&karp->exporter, karp->player.catalog, &options, on_write, karp);
    else if (!karp->is_resuming)
        error = karp_exporter_restart(karp->exporter, karp->player.catalog);
    if (error) {
        tool_fail(karp->tool, "the broadcast has no track that can be exported: %s",
                  moq_error_words(error));
        return;
    }
    player_play(&karp->player);
}

static bool is_settled(const struct karp_watching *karp)
{
    const struct karp_catalog *catalog = karp->player.catalog;
    bool has_video = false, has_audio = false;
    for (size_t i = 0; i < catalog->track_count; i++)
        *(catalog->tracks[i].kind == KARP_VIDEO ? &has_video : &has_audio) = true;
    return (has_video && has_audio) ||
           tool_now_ns(karp->tool) - karp->opened_ns > SETTLE_MS * NS_PER_MS;
}

/* Prints how the broadcast has ended. Publishers end their tracks before they withdraw the
 * broadcast. If a track ended with an error instead, the relay or another peer has lost the
 * publisher. If tracks did not end at all, nothing follows from that, because Rust relays do not
 * pass the end on. */
static void tell_end(struct karp_watching *karp)
{
    karp->is_cut_off = player_has_broken_off(&karp->player);
    player_settle(&karp->player);
    if (karp->is_cut_off)
        log_warn(LOG_TOOL, "the broadcast broke off: its publisher left without ending it");
    else
        tool_say(karp->tool, "the broadcast has ended");
}

static void maybe_finish(struct karp_watching *karp)
{
    if (karp->has_played && !karp->settings->is_followed)
        finish_export(karp);
}

/* Called when everything of the current tracks has been written: goes on with the next catalog, or
 * waits, or finishes. */
static void player_done(struct karp_watching *karp)
{
    bool is_same = strcmp(karp->playing_id, karp->watch.id) == 0;
    if (karp->next) {
        if (player_has_broken_off(&karp->player) && !is_same && !karp->is_offline)
            log_warn(LOG_TOOL, "instance %s broke off; going on with the next", karp->playing_id);
        if (!is_same)
            player_settle(&karp->player);
        player_close(&karp->player);
        open_player(karp);
    } else if (karp->is_over) {
        tell_end(karp);
        player_close(&karp->player);
        maybe_finish(karp);
    } else if (karp->is_offline || !karp->watch.id[0]) {
        player_close(&karp->player);
    }
}

/* Whether to stop waiting for a broadcast that has not come back after the relay was lost. If it
 * ended in the meantime, no announcement will say so. */
static bool is_given_up(const struct karp_watching *karp)
{
    bool is_wanted = karp->has_played && !karp->settings->is_followed && !karp->is_offline;
    return is_wanted && karp->missed_ns &&
           tool_now_ns(karp->tool) - karp->missed_ns > karp->settings->patience_ms * NS_PER_MS;
}

static void give_up(struct karp_watching *karp)
{
    log_warn(LOG_TOOL, "the broadcast has not come back since the connection was lost");
    karp->is_cut_off = true;
    player_settle(&karp->player);
    finish_export(karp);
}

/* Gives up a broadcast that is announced but whose catalog cannot be fetched: it may never have
 * media. */
static void judge_refusal(struct karp_watching *karp)
{
    const struct watch *watch = &karp->watch;
    uint64_t patience_ns = karp->settings->patience_ms * NS_PER_MS;
    if (!watch->refused_ns || karp->settings->is_followed ||
        tool_now_ns(karp->tool) - watch->refused_ns <= patience_ns)
        return;
    karp->is_cut_off |= karp->has_played;
    if (karp->has_played)
        finish_export(karp);
    tool_fail(karp->tool, "the broadcast is announced, but its catalog cannot be fetched: %s",
              moq_error_words(watch->refusal));
}

static void on_tick(uv_timer_t *timer)
{
    struct karp_watching *karp = timer->data;
    moq_native_wake(karp->tool->native);
    if (karp->tool->is_finishing)
        return;
    if (!player_is_open(&karp->player)) {
        if (karp->next)
            open_player(karp);
        else if (is_given_up(karp))
            give_up(karp);
        else
            judge_refusal(karp);
        return;
    }
    if (!karp->player.is_playing && is_settled(karp))
        begin_export(karp);
    player_pump(&karp->player);
    if (tool_session(karp->tool))
        player_retry(&karp->player, tool_session(karp->tool));
    if (player_is_over(&karp->player))
        player_done(karp);
    moq_native_wake(karp->tool->native);
}

/* ---- What the watch tells -------------------------------------------------------------------- */

static void on_instance(struct watch *watch, const char *id)
{
    struct karp_watching *karp = watch->user;
    karp_catalog_free(karp->next);
    karp->next = NULL;
    karp->is_over = !id;
    karp->missed_ns = 0;
    if (id)
        tool_say(karp->tool, "watching instance %s", id);
    bool is_same = id && strcmp(id, karp->playing_id) == 0;
    if (player_is_open(&karp->player)) {
        if (!is_same)
            player_end(&karp->player, id != NULL);
        return;
    }
    if (id)
        return;
    tool_say(karp->tool, "the broadcast was withdrawn before it had any media");
    maybe_finish(karp);
}

/* Takes a new version of the catalog. Before the export has begun it replaces the tracks; after
 * that only if it has other tracks than before. */
static void on_catalog(struct watch *watch, struct karp_catalog *catalog)
{
    struct karp_watching *karp = watch->user;
    bool is_same = strcmp(karp->playing_id, watch->id) == 0;
    bool is_open = player_is_open(&karp->player);
    bool is_news = !is_open || !is_same || player_differs(&karp->player, catalog);
    if (catalog->track_count == 0 || !is_news) {
        karp_catalog_free(catalog);
        return;
    }
    karp_catalog_free(karp->next);
    karp->next = catalog;
    if (is_open && is_same && !karp->player.is_playing)
        player_close(&karp->player);
    else if (is_open && is_same)
        player_end(&karp->player, true);
    if (!player_is_open(&karp->player))
        open_player(karp);
}

static void on_connected(struct tool *tool, struct moq_session *session)
{
    struct karp_watching *karp = tool->user;
    karp->is_offline = false;
    karp->missed_ns = tool_now_ns(karp->tool);
    watch_on_connected(&karp->watch, session);
}

static void on_lost(struct tool *tool)
{
    struct karp_watching *karp = tool->user;
    karp->is_offline = true;
    karp->is_cut_off |= karp->has_played && !karp->is_over; /* unless it comes back */
    karp_catalog_free(karp->next);
    karp->next = NULL;
    watch_on_lost(&karp->watch);
    if (player_is_open(&karp->player))
        player_end(&karp->player, false);
}

static void on_stop(struct tool *tool)
{
    struct karp_watching *karp = tool->user;
    karp->is_cut_off = false; /* the user ends it */
    finish_export(karp);
}

static void on_finish(struct tool *tool)
{
    struct karp_watching *karp = tool->user;
    rescue_export(karp);
    player_close(&karp->player);
    watch_close(&karp->watch);
    output_close(&karp->output, true, NULL);
    uv_close((uv_handle_t *)&karp->timer, NULL);
}

static void on_progress(struct tool *tool, char *line, size_t size)
{
    const struct karp_watching *karp = tool->user;
    if (karp->has_played)
        snprintf(line, size, "%llu frames, %.1f MB written, %llu groups skipped",
                 (unsigned long long)karp->player.frames, (double)output_bytes(karp->output) / 1e6,
                 (unsigned long long)karp->player.groups_skipped);
}

/* ---- Start ----------------------------------------------------------------------------------- */

static int on_open(struct tool *tool)
{
    static const struct output_events events = {.on_room = on_room, .on_broken = on_broken};
    struct karp_watching *karp = tool->user;
    int error = 0;
    uv_timer_init(&tool->loop, &karp->timer);
    karp->timer.data = karp;
    watch_open(&karp->watch);
    karp->output = output_open(&tool->loop, karp->settings->output, &events, karp, &error);
    if (error) {
        log_error(LOG_TOOL, "%s: %s",
                  karp->settings->output ? karp->settings->output : "standard output",
                  uv_strerror(error));
        return error;
    }
    if (output_is_terminal(karp->output)) {
        log_error(LOG_TOOL, "standard output is a terminal: add > file.mp4 or | ffplay -");
        return MOQ_ERR_INVALID;
    }
    uint64_t usual_ms = output_is_file(karp->output) ? FILE_LATENCY_MS : PIPE_LATENCY_MS;
    uint64_t latency_ms = karp->settings->latency_ms;
    karp->player.latency_ns = (latency_ms == UINT64_MAX ? usual_ms : latency_ms) * NS_PER_MS;
    karp->player.clock = moq_native_clock(tool->native);
    uv_timer_start(&karp->timer, on_tick, TICK_MS, TICK_MS);
    return 0;
}

int karp_subscribe(struct tool *tool, const struct karp_settings *settings,
                   struct moq_path *broadcast)
{
    static const struct watch_events watch_events = {on_instance, on_catalog};
    static const struct player_events player_events = {on_frame, is_full};
    static const struct tool_app app = {
        .on_connected = on_connected,
        .on_lost = on_lost,
        .on_stop = on_stop,
        .on_finish = on_finish,
        .on_progress = on_progress,
    };
    struct karp_watching *karp = calloc(1, sizeof *karp);
    if (!karp)
        return TOOL_FAILED;
    karp->tool = tool;
    karp->settings = settings;
    watch_init(&karp->watch, tool, broadcast, &watch_events, karp);
    karp->player.events = &player_events;
    karp->player.user = karp;
    int exit_code = tool_run(tool, &app, karp, on_open);
    karp_exporter_free(karp->exporter);
    karp_catalog_free(karp->next);
    free(karp);
    return exit_code;
}
