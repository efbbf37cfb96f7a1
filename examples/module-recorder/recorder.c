/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A module that records: each instance of each broadcast becomes a fragmented MP4 file,
 * DIRECTORY/BROADCAST-INSTANCE.mp4. It watches tracks as any viewer does, on one worker.
 * Tested by tests/e2e/test_module_recorder.py. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "recording.h"

enum { TICK_MS = 20, STOP_WAIT_MS = 3000 /* for all files together */ };

/* ---- Settings -------------------------------------------------------------------------------- */

static const struct relay_field fields[] = {
    {.name = "directory",
     .help = "where the files are written",
     .type = RELAY_FIELD_FILE,
     .flags = RELAY_FIELD_REQUIRED | RELAY_FIELD_WRITABLE | RELAY_FIELD_RELOADS,
     .offset = offsetof(struct recorder_config, directory)},
    {.name = "prefixes",
     .help = "which paths are recorded; none: all",
     .type = RELAY_FIELD_STRINGS,
     .flags = RELAY_FIELD_IS_PATH | RELAY_FIELD_RELOADS,
     .offset = offsetof(struct recorder_config, prefixes),
     .count_offset = offsetof(struct recorder_config, prefix_count)},
    {.name = "latency",
     .help = "how late media may be before it is skipped",
     .type = RELAY_FIELD_DURATION,
     .flags = RELAY_FIELD_RELOADS,
     .offset = offsetof(struct recorder_config, latency_ns),
     .min = 1000000,
     .max = UINT64_C(60000000000),
     .fallback = "10s"},
    {.name = "buffer",
     .help = "how much of a recording may wait for the disk before media is skipped",
     .type = RELAY_FIELD_SIZE,
     .flags = RELAY_FIELD_RELOADS,
     .offset = offsetof(struct recorder_config, buffer_bytes),
     .min = 64 << 10,
     .max = FILE_WAITING_MAX_BYTES / 2,
     .fallback = "4MiB"},
    {.name = "recordings",
     .help = "how many broadcasts are recorded at a time",
     .type = RELAY_FIELD_INT,
     .flags = RELAY_FIELD_RELOADS,
     .offset = offsetof(struct recorder_config, recordings_max),
     .min = 1,
     .max = 256,
     .fallback = "16"},
};
static const struct relay_schema schema = RELAY_SCHEMA(struct recorder_config, fields);

/* ---- Which broadcasts there are -------------------------------------------------------------- */

static struct recording *find_recording(const struct recorder_worker *recorder, const char *path)
{
    struct recording *at = recorder->recordings;
    while (at && strcmp(recording_path(at), path) != 0)
        at = *recording_next(at);
    return at;
}

/* Cuts the last part off. NULL: it is the only one. */
static char *split_path(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = '\0';
    return slash ? slash + 1 : NULL;
}

/* Whether `path` is an instance of a broadcast that is known: its tracks may have numbers as names,
 * and are no instances of it. */
static bool is_instance(const struct recorder_worker *recorder, const char *path)
{
    char parent[RELAY_PATH_BYTES];
    strcpy(parent, path);
    const char *id = split_path(parent);
    const struct recording *recording = id ? find_recording(recorder, parent) : NULL;
    return recording && recording_has_instance(recording, id);
}

static void on_tick(struct relay_worker *worker, void *arg);

static void start_timer(struct recorder_worker *recorder)
{
    if (!recorder->timer)
        recorder->timer = relay_timer_start(recorder->worker, TICK_MS, TICK_MS, on_tick, NULL);
}

static struct recording *add_recording(struct recorder_worker *recorder, const char *path)
{
    struct relay_self *self = relay_worker_self(recorder->worker);
    bool has_room = recorder->recording_count < recorder->config->recordings_max;
    struct recording *recording = has_room ? recording_new(recorder, path) : NULL;
    if (!recording) {
        recorder->has_left_out = true;
        relay_log(self, RELAY_WARN, "%s is not recorded: %s", path,
                  has_room ? "out of memory" : "as many as `recordings` allows are");
        return NULL;
    }
    if (recorder->listing_count == 0)
        recording_settle(recording);
    *recording_next(recording) = recorder->recordings;
    recorder->recordings = recording;
    recorder->recording_count++;
    return recording;
}

static void on_path(void *user, const char *path, bool is_offered)
{
    struct recorder_worker *recorder = user;
    char broadcast[RELAY_PATH_BYTES];
    strcpy(broadcast, path);
    recorder->clock.now_ns = relay_worker_now_ns(recorder->worker);
    const char *id = split_path(broadcast);
    if (!id || !karp_id_is_valid(id, strlen(id)) || is_instance(recorder, broadcast))
        return;
    struct recording *recording = find_recording(recorder, broadcast);
    if (!recording && is_offered)
        recording = add_recording(recorder, broadcast);
    if (recording && is_offered)
        recording_announce(recording, id);
    else if (recording)
        recording_withdraw(recording, id);
    start_timer(recorder);
}

static void on_listed(void *user)
{
    struct recorder_worker *recorder = user;
    recorder->clock.now_ns = relay_worker_now_ns(recorder->worker);
    if (--recorder->listing_count > 0)
        return;
    for (struct recording *at = recorder->recordings; at; at = *recording_next(at))
        recording_settle(at);
}

static void close_announced(struct recorder_worker *recorder)
{
    for (size_t i = 0; i < recorder->announced_count; i++)
        relay_announced_close(&recorder->announced[i]);
    free(recorder->announced);
    recorder->announced = NULL;
    recorder->announced_count = recorder->listing_count = 0;
}

/* Asks for the paths of all prefixes. Returns 0 or an error. */
static int open_announced(struct recorder_worker *recorder)
{
    static const struct relay_announced_ops ops = {
        .size = sizeof ops, .on_path = on_path, .on_listed = on_listed};
    const struct recorder_config *config = recorder->config;
    size_t count = config->prefix_count > 0 ? config->prefix_count : 1;
    int error = 0;
    recorder->has_left_out = false;
    recorder->announced = calloc(count, sizeof(struct relay_announced *));
    if (!recorder->announced)
        return RELAY_ERR_NOMEM;
    recorder->clock.now_ns = relay_worker_now_ns(recorder->worker);
    for (size_t i = 0; i < count && !error; i++) {
        const char *prefix = config->prefix_count > 0 ? config->prefixes[i] : "";
        error =
            relay_announced_open(recorder->worker, prefix, &ops, recorder, &recorder->announced[i]);
        recorder->announced_count += error == 0;
        recorder->listing_count += error == 0;
    }
    return error;
}

static void list_again(struct recorder_worker *recorder)
{
    close_announced(recorder);
    int error = open_announced(recorder);
    if (error)
        relay_log(relay_worker_self(recorder->worker), RELAY_ERROR, "cannot see all paths: %s",
                  relay_error_words(error));
}

/* ---- Time ------------------------------------------------------------------------------------ */

static void drop_recording(struct recorder_worker *recorder, struct recording **at)
{
    struct recording *recording = *at;
    *at = *recording_next(recording);
    recorder->recording_count--;
    recording_free(recording);
}

static void tell_closed(const struct recorder_worker *recorder, const struct closing *closing)
{
    struct relay_self *self = relay_worker_self(recorder->worker);
    struct file *file = closing->file;
    if (file_error(file) && !closing->is_told)
        relay_log(self, RELAY_ERROR, "%s cannot be written to its end: %s", file_path(file),
                  strerror(file_error(file)));
    else if (file_is_open(file))
        relay_log(self, RELAY_INFO, "%s has %llu bytes", file_path(file),
                  (unsigned long long)file_bytes(file));
}

/* Frees files that are written to their ends. */
static void free_finished(struct recorder_worker *recorder)
{
    struct closing **at = &recorder->closing;
    while (*at) {
        struct closing *closing = *at;
        if (!file_has_finished(closing->file)) {
            at = &closing->next;
            continue;
        }
        *at = closing->next;
        tell_closed(recorder, closing);
        file_free(closing->file);
        free(closing);
    }
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Frees all files, when they are written to their ends or STOP_WAIT_MS are over. */
static void free_closed(struct recorder_worker *recorder)
{
    uint64_t until_ms = now_ms() + STOP_WAIT_MS;
    for (struct closing *closing; (closing = recorder->closing) != NULL;) {
        uint64_t at_ms = now_ms();
        recorder->closing = closing->next;
        if (file_wait(closing->file, until_ms > at_ms ? until_ms - at_ms : 0))
            tell_closed(recorder, closing);
        else
            relay_log(relay_worker_self(recorder->worker), RELAY_ERROR,
                      "a file is not written to its end: the disk is too slow");
        file_free(closing->file);
        free(closing);
    }
}

static void on_tick(struct relay_worker *worker, void *arg)
{
    struct recorder_worker *recorder = relay_worker_slot(worker);
    struct recording **at = &recorder->recordings;
    size_t before = recorder->recording_count;
    (void)arg;
    recorder->clock.now_ns = relay_worker_now_ns(worker);
    while (*at) {
        recording_tick(*at);
        if (recording_is_over(*at))
            drop_recording(recorder, at);
        else
            at = recording_next(*at);
    }
    free_finished(recorder);
    if (recorder->recording_count < before && recorder->has_left_out)
        list_again(recorder);
    if (!recorder->recordings && !recorder->closing)
        relay_timer_stop(&recorder->timer);
}

/* ---- The module ------------------------------------------------------------------------------ */

static int worker_start(struct relay_worker *worker, const void *config)
{
    struct recorder_worker *recorder = relay_worker_slot(worker);
    struct relay_self *self = relay_worker_self(worker);
    if (relay_worker_number(worker) != 0)
        return 0;
    recorder->worker = worker;
    recorder->config = config;
    recorder->files = relay_counter(self, "recordings");
    recorder->bytes = relay_counter(self, "bytes");
    recorder->groups_skipped = relay_counter(self, "groups_skipped");
    int error = open_announced(recorder);
    if (!error)
        return 0;
    close_announced(recorder);
    relay_timer_stop(&recorder->timer);
    return relay_fail(self, "cannot see which paths are offered: %s", relay_error_words(error));
}

static bool is_wanted(const struct recorder_config *config, const char *path)
{
    for (size_t i = 0; i < config->prefix_count; i++)
        if (relay_path_has_prefix(path, config->prefixes[i]))
            return true;
    return config->prefix_count == 0;
}

static void worker_reload(struct relay_worker *worker, const void *config)
{
    struct recorder_worker *recorder = relay_worker_slot(worker);
    struct recording **at = &recorder->recordings;
    if (!recorder->worker)
        return;
    recorder->config = config;
    recorder->clock.now_ns = relay_worker_now_ns(worker);
    while (*at) {
        recording_set_latency(*at, recorder->config->latency_ns);
        if (!is_wanted(recorder->config, recording_path(*at)))
            drop_recording(recorder, at);
        else
            at = recording_next(*at);
    }
    list_again(recorder);
}

static void worker_stop(struct relay_worker *worker)
{
    struct recorder_worker *recorder = relay_worker_slot(worker);
    if (!recorder->worker)
        return;
    recorder->clock.now_ns = relay_worker_now_ns(worker);
    close_announced(recorder);
    if (recorder->timer)
        relay_timer_stop(&recorder->timer);
    while (recorder->recordings)
        drop_recording(recorder, &recorder->recordings);
    free_closed(recorder);
}

RELAY_MODULE = {
    RELAY_MODULE_HEAD,
    .name = "recorder",
    .version = "1.0",
    .config = &schema,
    .worker_slot_bytes = sizeof(struct recorder_worker),
    .worker_start = worker_start,
    .worker_reload = worker_reload,
    .worker_stop = worker_stop,
};
