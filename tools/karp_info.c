/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* moq-karp info: prints what a broadcast offers, and the rates of its tracks, for which it
 * subscribes to everything for a few seconds.
 * Tested by tests/e2e/test_tools.py. */
#include "tools/karp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "tools/player.h"
#include "tools/watch.h"

enum { TICK_MS = 20, APPEAR_MS = 5000 };

struct karp_count {
    uint64_t groups, frames, bytes;
    uint64_t first_us, newest_us, first_ns, newest_ns;
};

struct karp_inquiry {
    struct tool *tool;
    const struct karp_settings *settings;
    struct moq_path *broadcast;
    struct watch watch;
    struct player player;
    char counted_id[KARP_ID_MAX_BYTES]; /* the instance that `counts` is about; may have ended */
    struct karp_count counts[KARP_CATALOG_MAX_TRACKS];
    uint64_t connected_ns, lost_ns, opened_ns; /* 0: not, or not yet */
    uv_timer_t timer;
};

/* ---- Counting -------------------------------------------------------------------------------- */

static int on_frame(void *user, const struct karp_frame *frame)
{
    struct karp_inquiry *inquiry = user;
    struct karp_count *count = &inquiry->counts[frame->track];
    if (count->frames == 0) {
        count->first_us = count->newest_us = frame->timestamp_us;
        count->first_ns = tool_now_ns(inquiry->tool);
    }
    count->frames++;
    count->groups += frame->is_group_start;
    count->bytes += frame->size;
    count->newest_ns = tool_now_ns(inquiry->tool);
    if (frame->timestamp_us > count->newest_us)
        count->newest_us = frame->timestamp_us;
    return 0;
}

static void on_warning(void *user, const char *line)
{
    (void)user;
    log_warn(LOG_TOOL, "%s", line);
}

/* The rate per second of media. Real time would be wrong, because the beginning of the first group
 * may have come all at once. */
static double per_second(const struct karp_count *count, uint64_t amount)
{
    uint64_t span_us = count->newest_us - count->first_us;
    return span_us ? (double)amount * 1e6 / (double)span_us : 0;
}

/* ---- Printing -------------------------------------------------------------------------------- */

/* Prints a word of the catalog in the form of a name: on one line, without control characters. */
static void print_word(const char *before, const char *word)
{
    char text[MOQ_PATH_TEXT_BYTES];
    const struct moq_part part = {word, strlen(word)};
    struct moq_path *path = moq_path_new(&part, 1);
    printf("%s%s", before, path ? moq_path_text(path, text, sizeof text) : MOQ_PATH_CUT_MARK);
    moq_path_unref(&path);
}

/* Prints how the pictures of a track are shown, if that is unusual, and its language. */
static void print_display(const struct karp_track *track)
{
    const struct karp_display *display = &track->display;
    if (display->aspect_width > 0)
        printf(", shown %u:%u", display->aspect_width, display->aspect_height);
    if (display->rotation > 0)
        printf(", turned by %u degrees", display->rotation);
    if (display->is_flipped)
        printf(", mirrored");
    if (track->language[0])
        print_word(", language ", track->language_tag[0] ? track->language_tag : track->language);
}

static void print_text(const struct karp_inquiry *inquiry)
{
    const struct karp_catalog *catalog = inquiry->player.playback.catalog;
    char path[MOQ_PATH_TEXT_BYTES];
    printf("broadcast %s, instance %s, %zu tracks\n",
           moq_path_text(inquiry->broadcast, path, sizeof path), inquiry->counted_id,
           catalog->track_count);
    for (size_t i = 0; i < catalog->track_count; i++) {
        const struct karp_track *track = &catalog->tracks[i];
        const struct karp_count *count = &inquiry->counts[i];
        print_word(track->kind == KARP_VIDEO ? "video " : "audio ", track->name);
        print_word(": ", track->codec);
        if (track->kind == KARP_VIDEO)
            printf(", %ux%u", track->width, track->height);
        else
            printf(", %u Hz, %u channels", track->sample_rate, track->channel_count);
        print_display(track);
        if (track->has_bitrate)
            printf(", %.0f kbit/s announced", (double)track->bitrate_bps / 1000);
        printf(", priority %d\n  %llu groups, %llu frames, %.1f frames/s, %.0f kbit/s\n",
               track->priority, (unsigned long long)count->groups,
               (unsigned long long)count->frames, per_second(count, count->frames),
               per_second(count, 8 * count->bytes) / 1000);
    }
}

/* Prints a name as a JSON string. Names in this form contain no other character that JSON would
 * have to escape. */
static void print_json_name(const struct moq_path *path)
{
    char text[MOQ_PATH_TEXT_BYTES];
    moq_path_text(path, text, sizeof text);
    putchar('"');
    for (const char *at = text; *at; at++)
        printf("%s%c", *at == '\\' ? "\\" : "", *at);
    putchar('"');
}

/* Prints the catalog as it is published, and beside it a list with an entry per track. */
static void print_json(const struct karp_inquiry *inquiry)
{
    const struct karp_catalog *catalog = inquiry->player.playback.catalog;
    char *json = karp_catalog_print(catalog);
    const char *instance = inquiry->counted_id + strspn(inquiry->counted_id, "0");
    fputs("{\"broadcast\":", stdout);
    print_json_name(inquiry->broadcast);
    printf(",\"instance\":%s,\"catalog\":%s,\"tracks\":[", *instance ? instance : "0",
           json ? json : "null");
    for (size_t i = 0; i < catalog->track_count; i++) {
        const struct karp_count *count = &inquiry->counts[i];
        printf("%s{\"index\":%zu,\"groups\":%llu,\"frames\":%llu,\"bytes\":%llu,"
               "\"frames_per_second\":%.3f,\"bits_per_second\":%.0f}",
               i ? "," : "", i, (unsigned long long)count->groups,
               (unsigned long long)count->frames, (unsigned long long)count->bytes,
               per_second(count, count->frames), per_second(count, 8 * count->bytes));
    }
    puts("]}");
    free(json);
}

/* ---- Asking ---------------------------------------------------------------------------------- */

static int make_path(void *user, const char *name, struct moq_path **path)
{
    const struct karp_inquiry *inquiry = user;
    return watch_track_path(&inquiry->watch, inquiry->counted_id, name, path);
}

static void on_instance(void *user, const char *id)
{
    (void)user;
    (void)id;
}

static void on_catalog(void *user, struct karp_catalog *catalog)
{
    struct karp_inquiry *inquiry = user;
    const struct karp_playback_start start = {.first = KARP_ANY_GROUP};
    if (catalog->track_count == 0 || !inquiry->player.session ||
        (karp_playback_is_open(&inquiry->player.playback) &&
         !karp_playback_differs(&inquiry->player.playback, catalog))) {
        karp_catalog_free(catalog);
        return;
    }
    karp_playback_close(&inquiry->player.playback);
    snprintf(inquiry->counted_id, sizeof inquiry->counted_id, "%s", inquiry->watch.follower.id);
    memset(inquiry->counts, 0, sizeof inquiry->counts);
    int error = karp_playback_open(&inquiry->player.playback, catalog, &start);
    if (error) {
        tool_fail(inquiry->tool, "cannot watch its tracks: %s", moq_error_words(error));
        return;
    }
    inquiry->opened_ns = tool_now_ns(inquiry->tool);
    karp_playback_play(&inquiry->player.playback);
}

static void print_answer(struct karp_inquiry *inquiry)
{
    if (inquiry->settings->is_json)
        print_json(inquiry);
    else
        print_text(inquiry);
    if (fflush(stdout) && errno != EPIPE)
        tool_fail(inquiry->tool, "standard output: %s", strerror(errno));
    tool_finish(inquiry->tool, TOOL_OK);
}

static bool has_passed(const struct karp_inquiry *inquiry, uint64_t since_ns)
{
    return since_ns && tool_now_ns(inquiry->tool) - since_ns > APPEAR_MS * NS_PER_MS;
}

/* Gives up when the time is over. Without a connection nothing is known about the broadcast. */
static void give_up_in_time(struct karp_inquiry *inquiry)
{
    char path[MOQ_PATH_LINE_BYTES];
    moq_path_text(inquiry->broadcast, path, sizeof path);
    if (has_passed(inquiry, inquiry->lost_ns))
        tool_fail(inquiry->tool, "the relay did not come back, so nothing is known of \"%s\"",
                  path);
    else if (has_passed(inquiry, inquiry->connected_ns) && inquiry->watch.follower.id[0])
        tool_fail(inquiry->tool, "\"%s\" is announced, but has no catalog", path);
    else if (has_passed(inquiry, inquiry->connected_ns))
        tool_fail(inquiry->tool, "nobody publishes \"%s\"", path);
}

static void on_tick(uv_timer_t *timer)
{
    struct karp_inquiry *inquiry = timer->data;
    moq_native_wake(inquiry->tool->native);
    uint64_t duration_ns = inquiry->settings->duration_ms * NS_PER_MS;
    if (inquiry->tool->is_finishing)
        return;
    if (karp_playback_is_open(&inquiry->player.playback)) {
        karp_playback_pump(&inquiry->player.playback);
        if (tool_now_ns(inquiry->tool) - inquiry->opened_ns >= duration_ns)
            print_answer(inquiry);
    } else {
        give_up_in_time(inquiry);
    }
}

static void on_connected(struct tool *tool, struct moq_session *session)
{
    struct karp_inquiry *inquiry = tool->user;
    inquiry->connected_ns = tool_now_ns(inquiry->tool);
    inquiry->lost_ns = 0;
    inquiry->player.session = session;
    watch_on_connected(&inquiry->watch, session);
}

static void on_lost(struct tool *tool)
{
    struct karp_inquiry *inquiry = tool->user;
    if (inquiry->connected_ns)
        inquiry->lost_ns = tool_now_ns(inquiry->tool);
    inquiry->connected_ns = 0;
    inquiry->player.session = NULL;
    watch_on_lost(&inquiry->watch);
}

/* Prints what has been counted so far. */
static void on_stop(struct tool *tool)
{
    struct karp_inquiry *inquiry = tool->user;
    if (karp_playback_is_open(&inquiry->player.playback))
        print_answer(inquiry);
    else
        tool_fail(tool, "interrupted before there was anything to tell");
}

static void on_finish(struct tool *tool)
{
    struct karp_inquiry *inquiry = tool->user;
    karp_playback_close(&inquiry->player.playback);
    watch_close(&inquiry->watch);
    uv_close((uv_handle_t *)&inquiry->timer, NULL);
}

static int on_open(struct tool *tool)
{
    static const struct karp_follower_events follower_events = {on_instance, on_catalog,
                                                                on_warning};
    static const struct karp_playback_events playback_events = {.on_frame = on_frame,
                                                                .on_warning = on_warning};
    struct karp_inquiry *inquiry = tool->user;
    uv_timer_init(&tool->loop, &inquiry->timer);
    inquiry->timer.data = inquiry;
    watch_open(&inquiry->watch, tool, inquiry->broadcast);
    inquiry->watch.follower.events = &follower_events;
    inquiry->watch.follower.user = inquiry;
    player_init(&inquiry->player, moq_native_clock(tool->native), make_path, inquiry);
    inquiry->player.playback.events = &playback_events;
    inquiry->player.playback.user = inquiry;
    inquiry->player.playback.latency_ns = NS_PER_S;
    uv_timer_start(&inquiry->timer, on_tick, TICK_MS, TICK_MS);
    return 0;
}

int karp_info(struct tool *tool, const struct karp_settings *settings, struct moq_path *broadcast)
{
    static const struct tool_app app = {
        .on_connected = on_connected,
        .on_lost = on_lost,
        .on_stop = on_stop,
        .on_finish = on_finish,
    };
    struct karp_inquiry *inquiry = calloc(1, sizeof *inquiry);
    if (!inquiry)
        return TOOL_FAILED;
    inquiry->tool = tool;
    inquiry->settings = settings;
    inquiry->broadcast = broadcast;
    int exit_code = tool_run(tool, &app, inquiry, on_open);
    free(inquiry);
    return exit_code;
}
