/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* moq-karp publish: imports its inputs and publishes them as a broadcast. Five brakes hold the
 * input back: no connection to the relay yet, no viewer yet (if asked to wait for one), an instance
 * that follows the one before too soon, media ahead of real time (files, or if asked), and a viewer
 * that lags.
 * Tested by tests/e2e/test_tools.py. */
#include "tools/karp.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "tools/feeds.h"
#include "tools/publisher.h"
#include "tools/rival.h"

enum {
    BRAKE_MS = 5,                /* how often a brake that holds is checked again */
    BACKLOG_MAX_BYTES = 8 << 20, /* for one viewer */
    BACKLOG_MAX_GROUPS = 8,      /* open at a time for one viewer */
    FAILURE_BYTES = 1024,
    STOP_PATIENCE_MS = 2000, /* after a signal, to send viewers the rest */
};

/* A viewer that takes nothing for this long no longer holds the input back. */
#define STALL_NS (10 * NS_PER_S)
/* Groups superseded longer ago than this are skipped. While viewers can hold the input back, that
 * never happens. */
#define LATENCY_NS (30 * NS_PER_S)
#define LIVE_LATENCY_NS (5 * NS_PER_S)

struct karp_publishing {
    struct tool *tool;
    const struct karp_settings *settings;
    struct publisher publisher;
    struct rival rival;
    struct feeds feeds;
    struct karp_queue *early; /* catalogs and frames that wait until a brake lets go */
    struct karp_pace pace;
    uv_timer_t timer; /* checks the brakes and, at the end, the viewers */
    bool is_connected, is_paced, is_draining;
    bool has_been_watched, is_all_delivered;
    uint64_t sent_before, progress_ns; /* progress_ns: when a viewer last took something */
    uint64_t drain_start_ns, drain_most_ns, linger_ns;
    int exit_code;
};

/* ---- Brakes ---------------------------------------------------------------------------------- */

static bool is_ahead_of_time(struct karp_publishing *karp)
{
    return karp->is_paced && karp_pace_ahead_ns(&karp->pace, tool_now_ns(karp->tool)) > 0;
}

/* Whether anything waits in `early`. */
static bool is_early(const struct karp_publishing *karp)
{
    return !karp_queue_is_empty(karp->early);
}

/* Whether a viewer is far behind but still takes data. Also notes when viewers took something. */
static bool is_viewer_behind(struct karp_publishing *karp)
{
    struct publisher_backlog backlog;
    publisher_backlog(&karp->publisher, &backlog);
    if (backlog.bytes_sent != karp->sent_before || backlog.bytes == 0) {
        karp->sent_before = backlog.bytes_sent;
        karp->progress_ns = tool_now_ns(karp->tool);
    }
    if (karp->settings->is_live || tool_now_ns(karp->tool) - karp->progress_ns > STALL_NS)
        return false;
    return backlog.bytes > BACKLOG_MAX_BYTES || backlog.groups > BACKLOG_MAX_GROUPS;
}

/* Whether the first viewer is still awaited. */
static bool is_lonely(struct karp_publishing *karp)
{
    karp->has_been_watched |= karp->publisher.media_viewer_count > 0;
    return karp->settings->is_viewer_awaited && !karp->has_been_watched;
}

/* Whether another instance has to wait, because the current one is too young. */
static bool is_crowded(const struct karp_publishing *karp)
{
    return !karp->settings->is_live && karp_broadcast_is_young(&karp->publisher.media);
}

/* Whether to wait for the relay. A file always waits; a pipe does so only before its first
 * instance. */
static bool is_relay_awaited(const struct karp_publishing *karp)
{
    bool is_patient = karp->publisher.media.id == 0 || feeds_are_files(&karp->feeds);
    return !karp->is_connected && is_patient;
}

static bool is_held_back(struct karp_publishing *karp)
{
    if (is_early(karp) || is_relay_awaited(karp))
        return true;
    if (is_lonely(karp) && karp->publisher.media.catalog)
        return true;
    return is_ahead_of_time(karp) || is_viewer_behind(karp);
}

/* ---- The end --------------------------------------------------------------------------------- */

static bool is_everything_acknowledged(struct karp_publishing *karp)
{
    struct publisher_backlog backlog;
    struct quic_conn_stats stats = {.bytes_in_flight = 0};
    struct quic_conn *conn = moq_client_conn(karp->tool->client);
    publisher_backlog(&karp->publisher, &backlog);
    if (conn)
        quic_conn_stats(conn, &stats);
    bool is_left = karp->publisher.media_viewer_count == 0 || karp->exit_code == TOOL_FAILED;
    return is_left && backlog.bytes == 0 && stats.bytes_in_flight == 0;
}

static void drain_over(struct karp_publishing *karp, bool is_complete)
{
    struct publisher_backlog backlog;
    publisher_backlog(&karp->publisher, &backlog);
    if (!is_complete) {
        log_warn(LOG_TOOL, "%zu viewers did not receive everything; %llu bytes are lost",
                 karp->publisher.media_viewer_count, (unsigned long long)backlog.bytes);
        karp->exit_code = TOOL_FAILED;
    }
    if (backlog.groups_lost) {
        log_warn(LOG_TOOL, "%llu groups were skipped or cut for viewers that lagged",
                 (unsigned long long)backlog.groups_lost);
        karp->exit_code = TOOL_FAILED;
    }
    tool_finish(karp->tool, karp->exit_code);
}

static void on_drain(uv_timer_t *timer)
{
    struct karp_publishing *karp = timer->data;
    moq_native_wake(karp->tool->native);
    uint64_t waited_ns = tool_now_ns(karp->tool) - karp->drain_start_ns;
    is_viewer_behind(karp);
    bool is_stalled = tool_now_ns(karp->tool) - karp->progress_ns > STALL_NS;
    bool is_complete = is_everything_acknowledged(karp);
    karp->is_all_delivered = is_complete;
    if (is_complete && waited_ns >= karp->linger_ns)
        drain_over(karp, true);
    else if (!is_complete &&
             (waited_ns > karp->drain_most_ns || (is_stalled && waited_ns > STALL_NS)))
        drain_over(karp, karp->drain_most_ns != CLOCK_NEVER);
}

static void note_missing_media(struct karp_publishing *karp)
{
    if (karp->exit_code == TOOL_OK)
        karp->exit_code = TOOL_INCOMPLETE;
}

/* Prints what the importers and the publisher have left out. If video or audio is missing, the exit
 * status says so. */
static void report_losses(struct karp_publishing *karp)
{
    const uint64_t *left_out = karp->publisher.media.left_out;
    if (feeds_tell_losses(&karp->feeds))
        note_missing_media(karp);
    for (int i = 0; i < KARP_OMISSION_COUNT; i++) {
        if (left_out[i] == 0)
            continue;
        log_warn(LOG_TOOL, "left out: %llu frames %s", (unsigned long long)left_out[i],
                 karp_omission_words((enum karp_omission)i));
        note_missing_media(karp);
    }
}

/* Called after the last frame: waits, for at most `most_ns`, until viewers have received
 * everything. */
static void begin_drain(struct karp_publishing *karp, uint64_t most_ns)
{
    uint64_t linger_ns = karp->settings->linger_ms * NS_PER_MS;
    if (karp->is_draining)
        return;
    karp->linger_ns = linger_ns < most_ns ? linger_ns : most_ns;
    karp->is_draining = true;
    karp->drain_start_ns = karp->progress_ns = tool_now_ns(karp->tool);
    karp->drain_most_ns = most_ns;
    feeds_stop(&karp->feeds);
    report_losses(karp);
    if (!karp->publisher.media.is_on_air) {
        if (most_ns == CLOCK_NEVER && !karp->is_connected)
            tool_fail(karp->tool,
                      "the input ended while the relay was away: its last part is lost");
        tool_finish(karp->tool, karp->exit_code);
        return;
    }
    karp_broadcast_finish(&karp->publisher.media, karp->exit_code != TOOL_FAILED);
    moq_native_wake(karp->tool->native);
    uv_timer_start(&karp->timer, on_drain, BRAKE_MS, BRAKE_MS);
}

/* A signal while viewers are receiving the rest: they get STOP_PATIENCE_MS more, and no new viewers
 * are awaited. */
static void hurry_drain(struct karp_publishing *karp)
{
    uint64_t waited_ns = tool_now_ns(karp->tool) - karp->drain_start_ns;
    karp->drain_most_ns = waited_ns + STOP_PATIENCE_MS * NS_PER_MS;
    karp->linger_ns = 0;
}

/* Prints why publishing failed; `error` 0: the import did. */
static void publishing_failed(struct karp_publishing *karp, int error)
{
    char text[FAILURE_BYTES];
    const char *words =
        error ? moq_error_words(error) : feeds_failure(&karp->feeds, text, sizeof text);
    if (words[0])
        log_error(LOG_TOOL, "%s", words);
    karp->exit_code = TOOL_FAILED;
    begin_drain(karp, STOP_PATIENCE_MS * NS_PER_MS);
}

/* ---- Frames ---------------------------------------------------------------------------------- */

static int publish_frame(struct karp_publishing *karp, const struct karp_frame *frame)
{
    karp_pace_note(&karp->pace, frame->timestamp_us, tool_now_ns(karp->tool));
    return karp_broadcast_write(&karp->publisher.media, frame);
}

static int on_frame(void *user, const struct karp_frame *frame)
{
    struct karp_publishing *karp = user;
    if (is_early(karp) || is_lonely(karp))
        return karp_queue_add_frame(karp->early, frame);
    return publish_frame(karp, frame);
}

static int take_catalog(struct karp_publishing *karp, const struct karp_catalog *catalog)
{
    struct karp_broadcast *media = &karp->publisher.media;
    karp_pace_restart(&karp->pace); /* the times of an instance may begin anywhere */
    int error = karp_broadcast_set_catalog(media, catalog, clock_wall_ms());
    if (!error && karp->is_connected && !media->is_on_air)
        error = karp_broadcast_go_on_air(media, clock_wall_ms());
    return error;
}

static int on_catalog(void *user, const struct karp_catalog *catalog)
{
    struct karp_publishing *karp = user;
    if (is_early(karp) || is_crowded(karp))
        return karp_queue_add_catalog(karp->early, catalog);
    return take_catalog(karp, catalog);
}

/* Publishes the catalogs and frames in `early`, up to the first one that still has to wait. */
static int publish_early(struct karp_publishing *karp)
{
    struct karp_queued first;
    int error = 0;
    while (!error && karp_queue_first(karp->early, &first)) {
        if (is_relay_awaited(karp) || (first.catalog ? is_crowded(karp) : is_lonely(karp)))
            break;
        error =
            first.catalog ? take_catalog(karp, first.catalog) : publish_frame(karp, &first.frame);
        karp_queue_drop_first(karp->early);
    }
    return error;
}

/* ---- Feeding --------------------------------------------------------------------------------- */

static void import_media(struct karp_publishing *karp);

static void on_brake_over(uv_timer_t *timer)
{
    import_media(timer->data);
}

/* Whether something of a failed import waits that will still be published. */
static bool is_rest_due(const struct karp_publishing *karp, bool is_lonely_now)
{
    return is_early(karp) && !(karp->feeds.error && is_lonely_now);
}

/* Imports until a brake holds or nothing is left. For a short file the catalog and all frames may
 * come only at its end, and have to wait as well. */
static void import_media(struct karp_publishing *karp)
{
    moq_native_wake(karp->tool->native);
    int error = publish_early(karp);
    bool is_held = is_held_back(karp);
    while (!error && !is_held && feeds_step(&karp->feeds))
        is_held = is_held_back(karp);
    moq_native_wake(karp->tool->native);
    bool is_waiting = is_rest_due(karp, is_lonely(karp));
    if (karp->feeds.is_unreadable)
        karp->exit_code = TOOL_FAILED;
    if (error || (karp->feeds.error && !is_waiting)) {
        publishing_failed(karp, error);
    } else if (is_waiting || is_held) {
        feeds_hold(&karp->feeds);
        uv_timer_start(&karp->timer, on_brake_over, BRAKE_MS, 0);
    } else if (!feeds_are_over(&karp->feeds)) {
        feeds_go_on(&karp->feeds);
    } else {
        begin_drain(karp, CLOCK_NEVER);
    }
}

static void on_news(void *user)
{
    struct karp_publishing *karp = user;
    if (!karp->is_draining)
        import_media(karp);
}

static void on_warning(void *user, const char *line)
{
    (void)user;
    log_warn(LOG_TOOL, "%s", line);
}

/* ---- Session --------------------------------------------------------------------------------- */

static struct karp_publishing *publishing_of(struct moq_session *session)
{
    struct tool *tool = moq_session_user(session);
    return tool->user;
}

static void on_request(struct moq_session *session, struct moq_request *request)
{
    publisher_on_request(&publishing_of(session)->publisher, request);
}

static void on_viewer_closed(struct moq_session *session, struct moq_viewer *viewer)
{
    publisher_on_viewer_closed(&publishing_of(session)->publisher, viewer);
}

static void on_connected(struct tool *tool, struct moq_session *session)
{
    struct karp_publishing *karp = tool->user;
    karp_pace_restart(&karp->pace);
    rival_watch(&karp->rival, session);
    karp->is_connected = true;
    struct karp_broadcast *media = &karp->publisher.media;
    int error = media->catalog ? karp_broadcast_go_on_air(media, clock_wall_ms()) : 0;
    if (error)
        tool_fail(tool, "cannot publish: %s", moq_error_words(error));
    if (!karp->is_draining)
        uv_timer_start(&karp->timer, on_brake_over, 0, 0);
}

static void on_lost(struct tool *tool)
{
    struct karp_publishing *karp = tool->user;
    karp->is_connected = false;
    karp_broadcast_go_off_air(&karp->publisher.media, MOQ_ERR_CLOSED);
    if (karp->is_draining && !karp->is_all_delivered)
        tool_fail(tool, "lost the relay before it had acknowledged everything");
    else if (karp->is_draining) /* no viewer can come any more */
        drain_over(karp, true);
}

static void on_stop(struct tool *tool)
{
    struct karp_publishing *karp = tool->user;
    if (karp->is_draining)
        hurry_drain(karp);
    else
        begin_drain(karp, STOP_PATIENCE_MS * NS_PER_MS);
}

static void on_finish(struct tool *tool)
{
    struct karp_publishing *karp = tool->user;
    int error = tool->exit_code == TOOL_FAILED ? MOQ_ERR_MEDIA : 0;
    karp_broadcast_go_off_air(&karp->publisher.media, error);
    rival_close(&karp->rival);
    feeds_close(&karp->feeds);
    uv_close((uv_handle_t *)&karp->timer, NULL);
}

static void on_progress(struct tool *tool, char *line, size_t size)
{
    struct karp_publishing *karp = tool->user;
    const struct publisher *publisher = &karp->publisher;
    const struct karp_broadcast *media = &publisher->media;
    if (!media->is_on_air)
        return;
    uint64_t seconds = karp_pace_length_us(&karp->pace) / 1000000;
    snprintf(line, size, "%llu:%02llu published, %llu frames, %.1f MB, %zu subscriptions",
             (unsigned long long)(seconds / 60), (unsigned long long)(seconds % 60),
             (unsigned long long)media->frames, (double)media->bytes / 1e6,
             publisher->viewer_count);
}

/* ---- Start ----------------------------------------------------------------------------------- */

static int on_open(struct tool *tool)
{
    struct karp_publishing *karp = tool->user;
    uv_timer_init(&tool->loop, &karp->timer);
    karp->timer.data = karp;
    publisher_init(&karp->publisher, moq_native_clock(tool->native));
    karp->publisher.offers = tool->offers;
    int error = feeds_open(&karp->feeds, &tool->loop);
    if (error)
        return error;
    karp->is_paced =
        karp->settings->is_paced || (feeds_are_files(&karp->feeds) && !karp->settings->is_unpaced);
    return 0;
}

int karp_publish(struct tool *tool, const struct karp_settings *settings,
                 struct moq_path *broadcast)
{
    static const struct feeds_events events = {{on_catalog, on_frame}, on_warning, on_news};
    static const char *const standard_input[] = {"-"};
    static const struct moq_session_events session = {
        .on_request = on_request,
        .on_viewer_closed = on_viewer_closed,
    };
    static const struct tool_app app = {
        .on_connected = on_connected,
        .on_lost = on_lost,
        .on_stop = on_stop,
        .on_finish = on_finish,
        .on_progress = on_progress,
        .session = &session,
    };
    const struct feeds_options options = {
        .names = settings->inputs.count > 0 ? settings->inputs.items : standard_input,
        .count = settings->inputs.count > 0 ? settings->inputs.count : 1,
        .is_in_band = settings->is_in_band,
        .has_auto = settings->has_auto,
        .import = {settings->video_priority, settings->audio_priority},
    };
    struct karp_publishing karp = {.tool = tool, .settings = settings};
    karp.publisher.broadcast = broadcast;
    karp.rival.publisher = &karp.publisher;
    karp.publisher.latency_ns = settings->is_live ? LIVE_LATENCY_NS : LATENCY_NS;
    karp.early = karp_queue_new();
    int exit_code = TOOL_FAILED;
    if (feeds_init(&karp.feeds, &options, &events, &karp) == 0 && karp.early)
        exit_code = tool_run(tool, &app, &karp, on_open);
    feeds_deinit(&karp.feeds);
    publisher_deinit(&karp.publisher);
    karp_queue_free(karp.early);
    return exit_code;
}
