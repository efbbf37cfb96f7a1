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
    FILE_LATENCY_MS = 10000,
    PIPE_LATENCY_MS = 2000,
};

struct karp_watching {
    struct tool *tool;
    const struct karp_settings *settings;
    struct moq_path *broadcast;
    struct watch watch;
    struct player player;
    struct karp_recorder recorder;
    struct output *output;
    uv_timer_t timer;
    bool is_cut_off;        /* it is gone although its publisher had not ended it */
    bool is_missed;         /* it ended before any of its media arrived */
    bool is_told;           /* what is missing has been printed */
    uint64_t init_segments; /* number of init segments written to the output */
    uint64_t missed_ns; /* start of a session without announcements so far; 0: there were some */
};

/* Prints what is missing in the file and why. Returns whether anything is. */
static bool tell_losses(const struct karp_watching *karp)
{
    const struct karp_playback *playback = &karp->player.playback;
    uint64_t passed_over = karp->watch.follower.passed_over;
    struct karp_export_counters counters = {0};
    if (karp->recorder.exporter)
        counters = karp_exporter_counters(karp->recorder.exporter);
    for (int i = 0; i < KARP_EXPORT_LOSS_COUNT; i++) {
        if (counters.left_out[i] > 0)
            log_warn(LOG_TOOL, "left out: %llu frames %s", (unsigned long long)counters.left_out[i],
                     karp_export_loss_words((enum karp_export_loss)i));
    }
    if (playback->groups_skipped > 0)
        log_warn(LOG_TOOL, "left out: %llu groups that did not arrive in time",
                 (unsigned long long)playback->groups_skipped);
    if (playback->groups_cut > 0)
        log_warn(LOG_TOOL, "left out: the rest of %llu groups that broke off",
                 (unsigned long long)playback->groups_cut);
    if (playback->tracks_refused > 0)
        log_warn(LOG_TOOL, "left out: %llu tracks whose subscriptions failed",
                 (unsigned long long)playback->tracks_refused);
    if (playback->tracks_late > 0)
        log_warn(LOG_TOOL,
                 "left out: the beginning of %llu tracks whose subscriptions failed first",
                 (unsigned long long)playback->tracks_late);
    if (passed_over > 0)
        log_warn(LOG_TOOL, "left out: %llu instances that were not the newest for long enough",
                 (unsigned long long)passed_over);
    return counters.dropped_frames + playback->groups_skipped + playback->groups_cut +
               playback->tracks_refused + playback->tracks_late + passed_over >
           0;
}

/* Writes what the exporter holds back. */
static int flush_exporter(struct karp_watching *karp)
{
    int error = karp->recorder.exporter ? karp_exporter_flush(karp->recorder.exporter) : 0;
    if (error && error != MOQ_ERR_IO)
        log_error(LOG_TOOL, "cannot export the last frames: %s", moq_error_words(error));
    return error == MOQ_ERR_IO ? 0 : error;
}

static void finish_export(struct karp_watching *karp)
{
    if (karp->tool->is_finishing)
        return;
    int error = flush_exporter(karp);
    bool is_incomplete = tell_losses(karp) || karp->is_missed;
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
    karp_playback_settle(&karp->player.playback);
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
             karp->recorder.playing_id, (unsigned long long)output_bytes(karp->output));
}

static int on_write(void *user, const uint8_t *data, size_t n)
{
    struct karp_watching *karp = user;
    uint64_t inits =
        karp->recorder.exporter ? karp_exporter_counters(karp->recorder.exporter).init_segments : 0;
    if (inits > karp->init_segments && inits > 1)
        tell_next_init(karp);
    karp->init_segments = inits;
    return output_write(karp->output, data, n);
}

static void on_warning(void *user, const char *line)
{
    (void)user;
    log_warn(LOG_TOOL, "%s", line);
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
    if (karp_playback_is_open(&karp->player.playback))
        karp_playback_pump(&karp->player.playback);
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
    const struct karp_watching *karp = user;
    return watch_track_path(&karp->watch, karp->recorder.playing_id, name, path);
}

static void maybe_finish(struct karp_watching *karp)
{
    if ((karp->recorder.has_played || karp->is_missed) && !karp->settings->is_followed)
        finish_export(karp);
}

static void on_instance(void *user, const char *id)
{
    struct karp_watching *karp = user;
    karp->missed_ns = 0;
    if (id) {
        tool_say(karp->tool, "watching instance %s", id);
    } else if (!karp_playback_is_open(&karp->player.playback)) {
        tool_say(karp->tool, "the broadcast was withdrawn before it had any media");
        maybe_finish(karp);
    }
}

static void on_instance_end(void *user, bool is_cut_off, bool has_next)
{
    struct karp_watching *karp = user;
    if (has_next && is_cut_off)
        log_warn(LOG_TOOL, "instance %s broke off; going on with the next",
                 karp->recorder.playing_id);
    if (has_next)
        return;
    karp->is_cut_off = is_cut_off;
    karp->is_missed = !karp->recorder.has_played;
    if (karp->is_missed)
        log_warn(LOG_TOOL, "the broadcast ended before any of its media arrived");
    else if (is_cut_off)
        log_warn(LOG_TOOL, "the broadcast broke off: its publisher left without ending it");
    else
        tool_say(karp->tool, "the broadcast has ended");
    maybe_finish(karp);
}

static void on_failure(void *user, const char *what, int error)
{
    struct karp_watching *karp = user;
    tool_fail(karp->tool, "%s: %s", what, moq_error_words(error));
}

/* Whether to stop waiting for a broadcast that has not come back after the relay was lost. If it
 * ended in the meantime, no announcement will say so. */
static bool is_given_up(const struct karp_watching *karp)
{
    bool is_wanted =
        karp->recorder.has_played && !karp->settings->is_followed && !karp->recorder.is_offline;
    return is_wanted && karp->missed_ns &&
           tool_now_ns(karp->tool) - karp->missed_ns > karp->settings->patience_ms * NS_PER_MS;
}

static void give_up(struct karp_watching *karp)
{
    log_warn(LOG_TOOL, "the broadcast has not come back since the connection was lost");
    karp->is_cut_off = true;
    karp_playback_settle(&karp->player.playback);
    finish_export(karp);
}

/* Gives up a broadcast that is announced but whose catalog cannot be fetched: it may never have
 * media. */
static void judge_refusal(struct karp_watching *karp)
{
    const struct watch *watch = &karp->watch;
    uint64_t patience_ns = karp->settings->patience_ms * NS_PER_MS;
    if (!watch->follower.refused_ns || karp->settings->is_followed ||
        tool_now_ns(karp->tool) - watch->follower.refused_ns <= patience_ns)
        return;
    karp->is_cut_off |= karp->recorder.has_played;
    if (karp->recorder.has_played)
        finish_export(karp);
    tool_fail(karp->tool, "the broadcast is announced, but its catalog cannot be fetched: %s",
              moq_error_words(watch->follower.refusal));
}

static void on_tick(uv_timer_t *timer)
{
    struct karp_watching *karp = timer->data;
    moq_native_wake(karp->tool->native);
    if (karp->tool->is_finishing)
        return;
    bool is_idle = !karp_playback_is_open(&karp->player.playback) && !karp->recorder.next;
    if (is_idle && is_given_up(karp))
        give_up(karp);
    else if (is_idle)
        judge_refusal(karp);
    else
        karp_recorder_tick(&karp->recorder);
    moq_native_wake(karp->tool->native);
}

/* ---- The tool -------------------------------------------------------------------------------- */

static void on_connected(struct tool *tool, struct moq_session *session)
{
    struct karp_watching *karp = tool->user;
    karp->player.session = session;
    karp_recorder_resume(&karp->recorder);
    karp->missed_ns = tool_now_ns(karp->tool);
    watch_on_connected(&karp->watch, session);
}

static void on_lost(struct tool *tool)
{
    struct karp_watching *karp = tool->user;
    karp->player.session = NULL;
    karp->is_cut_off |=
        karp->recorder.has_played && !karp->recorder.is_over; /* unless it comes back */
    watch_on_lost(&karp->watch);
    karp_recorder_interrupt(&karp->recorder);
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
    karp_playback_close(&karp->player.playback);
    watch_close(&karp->watch);
    output_close(&karp->output, true, NULL);
    uv_close((uv_handle_t *)&karp->timer, NULL);
}

static void on_progress(struct tool *tool, char *line, size_t size)
{
    const struct karp_watching *karp = tool->user;
    if (karp->recorder.has_played)
        snprintf(line, size, "%llu frames, %.1f MB written, %llu groups skipped",
                 (unsigned long long)karp->player.playback.frames,
                 (double)output_bytes(karp->output) / 1e6,
                 (unsigned long long)karp->player.playback.groups_skipped);
}

/* ---- Start ----------------------------------------------------------------------------------- */

static int on_open(struct tool *tool)
{
    static const struct karp_recorder_events recorder_events = {
        on_write, is_full, on_warning, on_instance, on_instance_end, on_failure};
    static const struct output_events events = {.on_room = on_room, .on_broken = on_broken};
    struct karp_watching *karp = tool->user;
    int error = 0;
    uv_timer_init(&tool->loop, &karp->timer);
    karp->timer.data = karp;
    watch_open(&karp->watch, tool, karp->broadcast);
    player_init(&karp->player, moq_native_clock(tool->native), make_path, karp);
    karp_recorder_init(&karp->recorder, &karp->watch.follower, &karp->player.playback,
                       &recorder_events, karp);
    karp->recorder.is_past_wanted = karp->settings->is_from_start;
    karp->recorder.video = karp->settings->video;
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
    karp->player.playback.latency_ns =
        (latency_ms == UINT64_MAX ? usual_ms : latency_ms) * NS_PER_MS;
    uv_timer_start(&karp->timer, on_tick, TICK_MS, TICK_MS);
    return 0;
}

int karp_subscribe(struct tool *tool, const struct karp_settings *settings,
                   struct moq_path *broadcast)
{
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
    karp->broadcast = broadcast;
    int exit_code = tool_run(tool, &app, karp, on_open);
    karp_recorder_deinit(&karp->recorder);
    free(karp);
    return exit_code;
}
