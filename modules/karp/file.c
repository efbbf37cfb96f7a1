/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Files are read by the loop's threads, one piece at a time, into one importer, which continues the
 * times where they start again. So a round follows the other without a gap, and a file with other
 * tracks begins an instance.
 *
 * One request of libuv is under way at a time, and each step begins the next one:
 * list -> open -> read, feed (and wait), read ... close -> open the next ... list again.
 * Tested by tests/unit/modules/test_karp_file.c. */
#include "modules/karp/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/list.h"

struct file_source {
    struct ingest_set *set;
    struct file_config config; /* `path` and `file` point to the copies below */
    char path[REQUEST_PATH_BYTES];
    char *file;
    char from[INGEST_FROM_BYTES];
    uv_fs_t request;
    uv_timer_t timer; /* the pace, or the wait before the next try */
    struct ingest *ingest;
    struct backoff backoff;
    char **names; /* of this round */
    size_t name_count, next_name;
    int fd;                /* -1: none is open */
    size_t size, used;     /* of `piece` */
    uint64_t round_frames; /* published before this round */
    uint64_t round_ns;     /* when it began */
    uint64_t began_ns;     /* of the ingest */
    bool is_busy;          /* the request is under way */
    bool is_closed, is_timer_closed;
    bool is_over; /* all files were played, and what waits is being published */
    char piece[FILE_PIECE_BYTES];
};

static void list_files(struct file_source *source);
static void open_next(struct file_source *source);
static void feed_piece(struct file_source *source);

static const struct host *host_of(const struct file_source *source)
{
    return ingest_set_host(source->set);
}

static void forget_names(struct file_source *source)
{
    for (size_t i = 0; i < source->name_count; i++)
        free(source->names[i]);
    free(source->names);
    source->names = NULL;
    source->name_count = source->next_name = 0;
}

static void close_file(struct file_source *source)
{
    if (source->fd >= 0)
        close(source->fd);
    source->fd = -1;
}

/* Frees a source that was closed, as soon as nothing of it is on the loop any more. */
static void free_when_over(struct file_source *source)
{
    if (source->is_busy || !source->is_timer_closed)
        return;
    close_file(source);
    forget_names(source);
    free(source->file);
    free(source);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct file_source *source = handle->data;
    source->is_timer_closed = true;
    free_when_over(source);
}

/* Begins each callback of the request. Returns its result; false: the source is closed. */
static bool take_result(struct file_source *source, ssize_t *result)
{
    source->is_busy = false;
    *result = source->request.result;
    if (!source->is_closed) {
        host_wake(host_of(source));
        return true;
    }
    if (source->request.fs_type == UV_FS_OPEN && *result >= 0)
        source->fd = (int)*result;
    uv_fs_req_cleanup(&source->request);
    free_when_over(source);
    return false;
}

/* ---- Failure --------------------------------------------------------------------------------- */

static void on_retry(uv_timer_t *timer)
{
    struct file_source *source = timer->data;
    host_wake(host_of(source));
    list_files(source);
}

/* Ends the broadcast and tries again later. */
static void fail_source(struct file_source *source, const char *why)
{
    const struct host *host = host_of(source);
    uint64_t ran_ms = source->ingest ? (host->clock->now_ns - source->began_ns) / NS_PER_MS : 0;
    uint64_t wait_ms = backoff_next_ms(&source->backoff, ran_ms);
    /* An ingest that has failed by itself says so when it is closed. */
    bool is_said = source->ingest && ingest_verdict(source->ingest)->status != 0;
    close_file(source);
    ingest_close(&source->ingest);
    host_log(host, HOST_WARN, "%s: %s: %s%strying again in %.1f s", source->path, source->from,
             is_said ? "" : why, is_said ? "" : "; ", (double)wait_ms / 1000);
    source->is_over = false;
    uv_timer_start(&source->timer, on_retry, wait_ms, 0);
}

static const char *current_name(const struct file_source *source)
{
    return source->next_name > 0 ? source->names[source->next_name - 1] : source->file;
}

/* `from` names the file already, unless it is a directory. */
static void fail_at_file(struct file_source *source, const char *why)
{
    char text[HOST_LINE_BYTES];
    if (strcmp(current_name(source), source->file) == 0) {
        fail_source(source, why);
        return;
    }
    snprintf(text, sizeof text, "%s: %s", current_name(source), why);
    fail_source(source, text);
}

static void on_ingest_failed(void *owner, const struct verdict *why)
{
    struct file_source *source = owner;
    uv_timer_stop(&source->timer);
    if (!source->is_busy) {
        fail_at_file(source, why->text);
        return;
    }
    ingest_close(&source->ingest); /* the request's callback notices */
}

/* ---- Reading --------------------------------------------------------------------------------- */

static void on_read(uv_fs_t *request)
{
    struct file_source *source = container_of(request, struct file_source, request);
    ssize_t n;
    if (!take_result(source, &n))
        return;
    uv_fs_req_cleanup(request);
    if (!source->ingest || n < 0) {
        fail_at_file(source, n < 0 ? uv_strerror((int)n) : "the relay has ended it");
        return;
    }
    source->size = (size_t)n;
    source->used = 0;
    if (n > 0) {
        feed_piece(source);
        return;
    }
    close_file(source);
    open_next(source);
}

static void read_piece(struct file_source *source)
{
    uv_buf_t buf = uv_buf_init(source->piece, sizeof source->piece);
    source->is_busy = true;
    uv_fs_read(host_of(source)->loop, &source->request, source->fd, &buf, 1, -1, on_read);
}

/* The whole milliseconds after which it is no longer too early. */
static uint64_t milliseconds_of(uint64_t wait_ns)
{
    uint64_t wait_ms = wait_ns / NS_PER_MS;
    return wait_ms < INGEST_HOLD_MS ? wait_ms + 1 : wait_ms;
}

static void end_round(struct file_source *source);

static void on_due(uv_timer_t *timer)
{
    struct file_source *source = timer->data;
    host_wake(host_of(source));
    if (source->is_over)
        end_round(source);
    else
        feed_piece(source);
}

/* Feeds slices of the piece until the media is ahead of time. */
static void feed_piece(struct file_source *source)
{
    const uint8_t *piece = (const uint8_t *)source->piece;
    while (source->used < source->size) {
        uint64_t wait_ns = ingest_wait_ns(source->ingest);
        if (wait_ns > 0) {
            uv_timer_start(&source->timer, on_due, milliseconds_of(wait_ns), 0);
            return;
        }
        size_t left = source->size - source->used;
        size_t n = left < FILE_SLICE_BYTES ? left : FILE_SLICE_BYTES;
        if (ingest_feed(source->ingest, piece + source->used, n)) {
            fail_at_file(source, ingest_verdict(source->ingest)->text);
            return;
        }
        source->used += n;
    }
    read_piece(source);
}

/* ---- Rounds ---------------------------------------------------------------------------------- */

/* All files were played: begins again, or ends when everything is published. */
static void end_round(struct file_source *source)
{
    uint64_t wait_ns = ingest_wait_ns(source->ingest);
    if (source->config.is_loop) {
        if (ingest_frames(source->ingest) == source->round_frames && wait_ns == 0)
            fail_source(source, "no frames in a whole round");
        else if (host_of(source)->clock->now_ns - source->round_ns < INGEST_HOLD_MS * NS_PER_MS)
            uv_timer_start(&source->timer, on_retry, INGEST_HOLD_MS, 0); /* media of no length */
        else
            list_files(source);
        return;
    }
    if (!source->is_over && ingest_finish(source->ingest)) {
        fail_at_file(source, ingest_verdict(source->ingest)->text);
        return;
    }
    source->is_over = true;
    wait_ns = ingest_wait_ns(source->ingest);
    if (wait_ns > 0) {
        uv_timer_start(&source->timer, on_due, milliseconds_of(wait_ns), 0);
        return;
    }
    ingest_close(&source->ingest);
    if (source->config.on_end)
        source->config.on_end(source->config.owner);
}

static void on_open(uv_fs_t *request)
{
    struct file_source *source = container_of(request, struct file_source, request);
    ssize_t fd;
    if (!take_result(source, &fd))
        return;
    uv_fs_req_cleanup(request);
    if (fd < 0) {
        fail_at_file(source, uv_strerror((int)fd));
        return;
    }
    source->fd = (int)fd;
    if (source->ingest)
        read_piece(source);
    else
        fail_at_file(source, "the relay has ended it");
}

static void open_next(struct file_source *source)
{
    if (source->next_name == source->name_count) {
        end_round(source);
        return;
    }
    source->is_busy = true;
    uv_fs_open(host_of(source)->loop, &source->request, source->names[source->next_name++],
               O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0, on_open);
}

/* ---- The list of files ----------------------------------------------------------------------- */

static void begin_round(struct file_source *source)
{
    static const struct ingest_events events = {.on_failed = on_ingest_failed};
    struct verdict why;
    const struct ingest_config config = {
        .path = source->path,
        .from = source->from,
        .is_paced = true,
        .ladder = source->config.ladder,
        .events = &events,
        .owner = source,
    };
    if (!source->ingest) {
        source->ingest = ingest_open(source->set, &config, &why);
        source->began_ns = host_of(source)->clock->now_ns;
    }
    if (!source->ingest) {
        fail_source(source, why.text);
        return;
    }
    source->round_frames = ingest_frames(source->ingest);
    source->round_ns = host_of(source)->clock->now_ns;
    open_next(source);
}

/* Takes ownership of `name`. */
static bool add_name(struct file_source *source, char *name)
{
    char **names = name ? realloc(source->names, (source->name_count + 1) * sizeof *names) : NULL;
    if (!names) {
        free(name);
        return false;
    }
    source->names = names;
    names[source->name_count++] = name;
    return true;
}

static char *join_path(const char *directory, const char *name)
{
    size_t size = strlen(directory) + strlen(name) + 2;
    char *path = malloc(size);
    if (path)
        snprintf(path, size, "%s/%s", directory, name);
    return path;
}

static bool is_media_name(const char *name)
{
    size_t size = strlen(name);
    return name[0] != '.' && size > 4 && strcmp(name + size - 4, ".mp4") == 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void on_scanned(uv_fs_t *request)
{
    struct file_source *source = container_of(request, struct file_source, request);
    ssize_t result;
    uv_dirent_t entry;
    bool is_memory_left = true;
    if (!take_result(source, &result))
        return;
    forget_names(source);
    if (result == UV_ENOTDIR)
        is_memory_left = add_name(source, strdup(source->file));
    while (result > 0 && source->name_count < FILE_NAMES_MAX && is_memory_left &&
           uv_fs_scandir_next(request, &entry) == 0)
        if (entry.type != UV_DIRENT_DIR && is_media_name(entry.name))
            is_memory_left = add_name(source, join_path(source->file, entry.name));
    uv_fs_req_cleanup(request);
    if (!is_memory_left)
        fail_source(source, moq_error_words(MOQ_ERR_NOMEM));
    else if (result < 0 && result != UV_ENOTDIR)
        fail_source(source, uv_strerror((int)result));
    else if (source->name_count == 0)
        fail_source(source, "no *.mp4 in this directory");
    else {
        qsort(source->names, source->name_count, sizeof *source->names, compare_names);
        begin_round(source);
    }
}

static void list_files(struct file_source *source)
{
    source->is_busy = true;
    uv_fs_scandir(host_of(source)->loop, &source->request, source->file, 0, on_scanned);
}

/* ---- Start and end --------------------------------------------------------------------------- */

struct file_source *file_open(struct ingest_set *set, const struct file_config *config)
{
    struct file_source *source = calloc(1, sizeof *source);
    char *file = strdup(config->file);
    if (!source || !file) {
        free(source);
        free(file);
        return NULL;
    }
    source->set = set;
    source->config = *config;
    source->file = file;
    source->fd = -1;
    snprintf(source->path, sizeof source->path, "%s", config->path);
    snprintf(source->from, sizeof source->from, "file %.100s", config->file);
    source->backoff.random = uv_hrtime() ^ (uintptr_t)source;
    uv_timer_init(host_of(source)->loop, &source->timer);
    source->timer.data = source;
    list_files(source);
    return source;
}

void file_close(struct file_source **pointer)
{
    struct file_source *source = *pointer;
    *pointer = NULL;
    if (!source)
        return;
    source->is_closed = true;
    ingest_close(&source->ingest);
    uv_close((uv_handle_t *)&source->timer, on_timer_closed);
}
