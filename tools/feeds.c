/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Several inputs, slice by slice.
 * Tested by tests/e2e/test_tools.py and tests/e2e/test_ladder.py. */
#include "tools/feeds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"

enum { NAME_BYTES = 512 };

static const char *feed_name(const struct feed *feed)
{
    return strcmp(feed->name, "-") == 0 ? "standard input" : feed->name;
}

/* ---- What importers hand out ----------------------------------------------------------------- */

static int on_catalog(void *user, const struct karp_catalog *catalog)
{
    struct feed *feed = user;
    feed->newest_us = 0; /* the times of an instance may begin anywhere */
    return karp_renditions_events.on_catalog(feed->rendition, catalog);
}

static int on_frame(void *user, const struct karp_frame *frame)
{
    struct feed *feed = user;
    if (frame->timestamp_us > feed->newest_us)
        feed->newest_us = frame->timestamp_us;
    return karp_renditions_events.on_frame(feed->rendition, frame);
}

/* ---- What inputs bring ----------------------------------------------------------------------- */

static void keep_error(struct feed *feed, int error)
{
    struct feeds *feeds = feed->feeds;
    if (!error || feeds->error)
        return;
    feeds->error = error;
    feeds->failed = (size_t)(feed - feeds->items);
}

static void on_data(void *user, const uint8_t *data, size_t n)
{
    struct feed *feed = user;
    if (!feed->is_finished)
        keep_error(feed, byte_buf_append(&feed->waiting, data, n));
    feed->feeds->events.on_news(feed->feeds->user);
}

static void on_end(void *user, int error)
{
    struct feed *feed = user;
    if (error) {
        log_error(LOG_TOOL, "cannot read %s: %s",
                  strcmp(feed->name, "-") == 0 ? "the input" : feed->name, uv_strerror(error));
        feed->feeds->is_unreadable = true;
    }
    feed->is_over = true;
    feed->feeds->events.on_news(feed->feeds->user);
}

/* ---- Life ------------------------------------------------------------------------------------ */

static int init_feed(struct feed *feed, struct feeds *feeds, const struct feeds_options *options)
{
    static const struct karp_import_events events = {on_catalog, on_frame};
    size_t number = (size_t)(feed - feeds->items);
    *feed = (struct feed){.feeds = feeds, .name = options->names[number]};
    byte_buf_init(&feed->waiting, 2 * INPUT_PIECE_BYTES);
    feed->rendition = karp_renditions_input(feeds->renditions, number);
    feed->importer = karp_importer_new(&events, feed, &options->import);
    return feed->importer ? 0 : MOQ_ERR_NOMEM;
}

int feeds_init(struct feeds *feeds, const struct feeds_options *options,
               const struct feeds_events *events, void *user)
{
    const struct karp_renditions_options renditions = {options->count, options->is_in_band,
                                                       options->has_auto, events->on_warning};
    *feeds = (struct feeds){.events = *events, .user = user};
    feeds->renditions = karp_renditions_new(&events->media, user, &renditions);
    int error = feeds->renditions ? 0 : MOQ_ERR_NOMEM;
    while (!error && feeds->count < options->count)
        error = init_feed(&feeds->items[feeds->count++], feeds, options);
    return error;
}

void feeds_deinit(struct feeds *feeds)
{
    for (size_t i = 0; i < feeds->count; i++) {
        karp_importer_free(feeds->items[i].importer);
        byte_buf_deinit(&feeds->items[i].waiting);
    }
    karp_renditions_free(feeds->renditions);
}

/* A named pipe is opened without waiting for its writer, because a program that writes to several
 * may open them in another order. Descriptors stay open until the program ends. */
static int open_feed(struct feed *feed, uv_loop_t *loop)
{
    static const struct input_events events = {.on_data = on_data, .on_end = on_end};
    bool is_standard = strcmp(feed->name, "-") == 0;
    int fd = is_standard ? 0 : open(feed->name, O_RDONLY | O_NONBLOCK | O_CLOEXEC), error = 0;
    if (fd < 0)
        error = uv_translate_sys_error(errno);
    else
        feed->input = input_open(loop, fd, &events, feed, &error);
    if (error)
        log_error(LOG_TOOL, "%s: %s", feed_name(feed),
                  error == UV_EINVAL
                      ? "it is a terminal; pipe a fragmented MP4 into it, as --help shows"
                      : uv_strerror(error));
    return error;
}

int feeds_open(struct feeds *feeds, uv_loop_t *loop)
{
    int error = 0;
    for (size_t i = 0; i < feeds->count && !error; i++)
        error = open_feed(&feeds->items[i], loop);
    return error;
}

void feeds_close(struct feeds *feeds)
{
    for (size_t i = 0; i < feeds->count; i++)
        input_close(&feeds->items[i].input);
}

/* ---- Steps ----------------------------------------------------------------------------------- */

bool feeds_are_files(const struct feeds *feeds)
{
    for (size_t i = 0; i < feeds->count; i++)
        if (!input_is_file(feeds->items[i].input))
            return false;
    return true;
}

void feeds_hold(struct feeds *feeds)
{
    for (size_t i = 0; i < feeds->count; i++)
        input_hold(feeds->items[i].input);
}

void feeds_go_on(struct feeds *feeds)
{
    for (size_t i = 0; i < feeds->count; i++)
        if (feeds->items[i].waiting.size > 0)
            input_hold(feeds->items[i].input);
        else
            input_go_on(feeds->items[i].input);
}

void feeds_stop(struct feeds *feeds)
{
    feeds_hold(feeds);
    for (size_t i = 0; i < feeds->count; i++) {
        feeds->items[i].is_over = feeds->items[i].is_finished = true;
        byte_buf_consume(&feeds->items[i].waiting, SIZE_MAX);
    }
}

/* Whether a file has to wait for another file that is behind it. */
static bool is_in_front(const struct feeds *feeds, const struct feed *feed)
{
    for (size_t i = 0; i < feeds->count && input_is_file(feed->input); i++) {
        const struct feed *other = &feeds->items[i];
        if (!other->is_finished && input_is_file(other->input) &&
            other->newest_us < feed->newest_us)
            return true;
    }
    return false;
}

static bool can_step(const struct feeds *feeds, const struct feed *feed)
{
    return !feed->is_finished && (feed->waiting.size > 0 || feed->is_over) &&
           !is_in_front(feeds, feed);
}

static int finish_all(struct feeds *feeds)
{
    for (size_t i = 0; i < feeds->count; i++)
        if (!feeds->items[i].is_finished)
            return 0;
    feeds->is_all_handed = true;
    return karp_renditions_finish(feeds->renditions);
}

static int step_feed(struct feed *feed)
{
    size_t n = feed->waiting.size < FEEDS_SLICE_BYTES ? feed->waiting.size : FEEDS_SLICE_BYTES;
    if (n > 0) {
        int error = karp_importer_feed(feed->importer, feed->waiting.data, n);
        byte_buf_consume(&feed->waiting, n);
        return error;
    }
    feed->is_finished = true;
    int error = karp_importer_finish(feed->importer);
    return error ? error : finish_all(feed->feeds);
}

bool feeds_step(struct feeds *feeds)
{
    for (size_t i = 0; i < feeds->count && !feeds->error; i++) {
        struct feed *feed = &feeds->items[feeds->next++ % feeds->count];
        if (!can_step(feeds, feed))
            continue;
        keep_error(feed, step_feed(feed));
        return !feeds->error;
    }
    return false;
}

bool feeds_are_over(const struct feeds *feeds)
{
    return feeds->is_all_handed;
}

/* ---- What people are told -------------------------------------------------------------------- */

const char *feeds_failure(const struct feeds *feeds, char *text, size_t size)
{
    const struct feed *feed = &feeds->items[feeds->failed];
    bool is_media = feeds->error == MOQ_ERR_MEDIA;
    const char *words =
        is_media ? karp_importer_failure(feed->importer)->text : moq_error_words(feeds->error);
    if (is_media && feeds->is_unreadable && feed->is_finished)
        words = "";
    bool is_named = feeds->count > 1 && words[0];
    snprintf(text, size, "%.*s%s%s", NAME_BYTES, is_named ? feed_name(feed) : "",
             is_named ? ": " : "", words);
    return text;
}

bool feeds_tell_losses(const struct feeds *feeds)
{
    bool is_missing = false;
    for (size_t i = 0; i < feeds->count; i++) {
        const struct feed *feed = &feeds->items[i];
        const struct karp_import_counts *counts = karp_importer_counts(feed->importer);
        for (int loss = 0; loss < KARP_LOSS_COUNT; loss++) {
            if (counts->left_out[loss] == 0)
                continue;
            log_warn(LOG_TOOL, "%s%sleft out: %llu samples %s",
                     feeds->count > 1 ? feed_name(feed) : "", feeds->count > 1 ? ": " : "",
                     (unsigned long long)counts->left_out[loss],
                     karp_loss_words((enum karp_loss)loss));
            is_missing = is_missing || loss != KARP_LOSS_NO_MEDIA_TRACK;
        }
    }
    return is_missing;
}
