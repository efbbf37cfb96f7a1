/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* karp's recorder, given the paths and frames of the relay, writes into files. What fails is told
 * once, and ends the recording of that instance; the next one is tried again.
 * Tested by tests/e2e/test_module_recorder.py. */
#include "recording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "track.h"

struct recording {
    struct recording *next;
    struct recorder_worker *worker;
    char path[RELAY_PATH_BYTES];
    struct track_source tracks;
    struct karp_follower follower;
    struct karp_playback playback;
    struct karp_recorder recorder;
    struct file *file;   /* NULL: nothing was written for this instance yet */
    bool is_told;        /* the log has the name of the file */
    bool is_wanted_over; /* it has failed; what it holds is to be freed outside of callbacks */
    bool has_failed;
    uint64_t skipped; /* groups that are counted already */

    struct relay_watch *catalog;
    uint64_t catalog_sequence;
    bool is_catalog_head; /* the next frame is the first of its group */
};

static struct relay_self *self_of(const struct recording *recording)
{
    return relay_worker_self(recording->worker->worker);
}

static void fail_recording(struct recording *recording, const char *what, const char *why)
{
    if (recording->is_wanted_over || recording->has_failed)
        return;
    recording->is_wanted_over = true;
    relay_log(self_of(recording), RELAY_ERROR,
              "%s, instance %s is not recorded any further: %s (%s)", recording->path,
              recording->recorder.playing_id, what, why);
}

/* ---- The file -------------------------------------------------------------------------------- */

/* Characters that a shell or another system might not like in a name are replaced. */
static void name_file(const struct recording *recording, char stem[FILE_NAME_MAX_BYTES])
{
    enum { ROOM = FILE_NAME_MAX_BYTES - KARP_ID_MAX_BYTES - 16 }; /* for "-ID.NN.mp4" */
    char name[ROOM];
    size_t n = 0;
    for (const char *at = recording->path; *at && n + 1 < sizeof name; at++) {
        bool is_kept = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
                       (*at >= '0' && *at <= '9') || (*at && strchr("_+=,@", *at)) ||
                       (*at == '.' && n > 0);
        name[n++] = is_kept ? *at : '-';
    }
    name[n] = '\0';
    snprintf(stem, FILE_NAME_MAX_BYTES, "%s-%s", name, recording->recorder.playing_id);
}

static bool open_file(struct recording *recording)
{
    char stem[FILE_NAME_MAX_BYTES];
    name_file(recording, stem);
    recording->file = file_new(recording->worker->config->directory, stem);
    if (!recording->file)
        return false;
    recording->is_told = false;
    relay_count(recording->worker->worker, recording->worker->files, 1);
    return true;
}

static int on_write(void *user, const uint8_t *data, size_t size)
{
    struct recording *recording = user;
    if (!recording->file && !open_file(recording))
        return MOQ_ERR_IO;
    if (!file_write(recording->file, data, size))
        return MOQ_ERR_IO;
    relay_count(recording->worker->worker, recording->worker->bytes, (int64_t)size);
    return 0;
}

static bool is_full(void *user)
{
    const struct recording *recording = user;
    uint64_t most = recording->worker->config->buffer_bytes;
    return recording->file && file_waiting_bytes(recording->file) > most;
}

static void tell_file(struct recording *recording)
{
    if (!recording->file || recording->is_told || !file_is_open(recording->file))
        return;
    recording->is_told = true;
    relay_log(self_of(recording), RELAY_INFO, "%s, instance %s: recording to %s", recording->path,
              recording->recorder.playing_id, file_path(recording->file));
}

/* Leaves the file to its thread. */
static void leave_file(struct recording *recording)
{
    struct recorder_worker *worker = recording->worker;
    struct closing *closing = recording->file ? calloc(1, sizeof *closing) : NULL;
    if (!recording->file)
        return;
    tell_file(recording);
    file_finish(recording->file);
    if (closing) {
        *closing = (struct closing){worker->closing, recording->file, recording->is_wanted_over};
        worker->closing = closing;
    } else {
        file_free(recording->file);
    }
    recording->file = NULL;
}

static void end_file(struct recording *recording)
{
    int error = karp_recorder_end_file(&recording->recorder);
    if (error)
        fail_recording(recording, "its last frames are lost", moq_error_words(error));
    leave_file(recording);
}

/* ---- What karp tells ------------------------------------------------------------------------- */

static void on_warning(void *user, const char *line)
{
    struct recording *recording = user;
    relay_log(self_of(recording), RELAY_WARN, "%s: %s", recording->path, line);
}

static void on_instance(void *user, const char *id)
{
    struct recording *recording = user;
    relay_log(self_of(recording), RELAY_DEBUG, "%s: the newest instance is %s", recording->path,
              id ? id : "gone");
}

static void on_instance_end(void *user, bool is_cut_off, bool has_next)
{
    struct recording *recording = user;
    (void)has_next;
    relay_log(self_of(recording), RELAY_INFO, "%s, instance %s %s", recording->path,
              recording->recorder.playing_id, is_cut_off ? "broke off" : "has ended");
    end_file(recording);
}

static void on_failure(void *user, const char *what, int error)
{
    fail_recording(user, what, moq_error_words(error));
}

/* ---- The catalog ----------------------------------------------------------------------------- */

static void close_catalog(void *user)
{
    struct recording *recording = user;
    if (recording->catalog)
        relay_watch_close(&recording->catalog);
}

static void take_item(struct recording *recording, const struct relay_item *item)
{
    if (item->kind == RELAY_ITEM_GROUP) {
        recording->catalog_sequence = item->sequence;
        recording->is_catalog_head = true;
    } else if (item->kind == RELAY_ITEM_FRAME && recording->is_catalog_head) {
        recording->is_catalog_head = false;
        karp_follower_give_catalog(&recording->follower, recording->catalog_sequence, item->data,
                                   item->data_bytes);
    } else if (item->kind == RELAY_ITEM_END) {
        karp_follower_end_catalog(&recording->follower, track_error(item->error));
    }
}

static void on_catalog_readable(struct relay_watch *watch, void *user)
{
    struct recording *recording = user;
    struct relay_item item = {.size = sizeof item};
    recording->worker->clock.now_ns = relay_worker_now_ns(recording->worker->worker);
    while (recording->catalog == watch && relay_watch_read(watch, &item) == 1)
        take_item(recording, &item);
}

static int open_catalog(void *user, const char *id)
{
    struct recording *recording = user;
    char path[RELAY_PATH_BYTES];
    const struct relay_wish wish = {
        .size = sizeof wish,
        .start = RELAY_START_NEWEST,
        .path = path,
        .latency_ns = recording->tracks.latency_ns,
        .order = RELAY_ORDER_NEWEST,
    };
    if (snprintf(path, sizeof path, "%s/%s", recording->path, id) >= RELAY_PATH_BYTES)
        return MOQ_ERR_BOUNDS;
    return track_error(relay_watch_open(recording->worker->worker, &wish, on_catalog_readable,
                                        recording, &recording->catalog));
}

/* ---- Its life -------------------------------------------------------------------------------- */

static void start_recorder(struct recording *recording)
{
    static const struct karp_follower_input catalogs = {open_catalog, close_catalog};
    static const struct karp_recorder_events events = {on_write,    is_full,         on_warning,
                                                       on_instance, on_instance_end, on_failure};
    struct recorder_worker *worker = recording->worker;
    recording->follower = (struct karp_follower){
        .clock = &worker->clock, .input = &catalogs, .input_user = recording};
    recording->playback = (struct karp_playback){.clock = &worker->clock,
                                                 .latency_ns = worker->config->latency_ns,
                                                 .input = &track_input,
                                                 .input_user = &recording->tracks};
    recording->recorder = (struct karp_recorder){.is_past_wanted = false};
    recording->tracks = (struct track_source){.worker = worker->worker,
                                              .clock = &worker->clock,
                                              .broadcast = recording->path,
                                              .id = recording->recorder.playing_id,
                                              .latency_ns = worker->config->latency_ns};
    recording->is_wanted_over = recording->has_failed = false;
    recording->skipped = 0;
    karp_recorder_init(&recording->recorder, &recording->follower, &recording->playback, &events,
                       recording);
    karp_follower_listen(&recording->follower);
}

static void stop_recorder(struct recording *recording)
{
    karp_playback_pump(&recording->playback);
    karp_playback_settle(&recording->playback);
    end_file(recording);
    karp_recorder_deinit(&recording->recorder);
    karp_follower_stop(&recording->follower);
}

struct recording *recording_new(struct recorder_worker *recorder, const char *path)
{
    struct recording *recording = calloc(1, sizeof *recording);
    if (!recording)
        return NULL;
    recording->worker = recorder;
    snprintf(recording->path, sizeof recording->path, "%s", path);
    start_recorder(recording);
    return recording;
}

void recording_free(struct recording *recording)
{
    stop_recorder(recording);
    free(recording);
}

const char *recording_path(const struct recording *recording)
{
    return recording->path;
}

bool recording_has_instance(const struct recording *recording, const char *id)
{
    for (size_t i = 0; i < recording->follower.instances.count; i++)
        if (strcmp(recording->follower.instances.ids[i], id) == 0)
            return true;
    return false;
}

bool recording_has_failed(const struct recording *recording)
{
    return recording->has_failed;
}

bool recording_is_over(const struct recording *recording)
{
    bool is_followed = recording->follower.instances.count > 0 || recording->follower.id[0] ||
                       karp_follower_due_ns(&recording->follower) != UINT64_MAX;
    if (recording->has_failed)
        return recording->follower.instances.count == 0;
    return !is_followed && !karp_playback_is_open(&recording->playback);
}

struct recording **recording_next(struct recording *recording)
{
    return &recording->next;
}

void recording_announce(struct recording *recording, const char *id)
{
    bool is_known = recording_has_instance(recording, id);
    if (recording->has_failed && !is_known) {
        start_recorder(recording);
        karp_follower_settle(&recording->follower);
    }
    karp_follower_announce(&recording->follower, id, strlen(id));
}

void recording_withdraw(struct recording *recording, const char *id)
{
    karp_follower_withdraw(&recording->follower, id, strlen(id));
}

void recording_settle(struct recording *recording)
{
    karp_follower_settle(&recording->follower);
}

void recording_set_latency(struct recording *recording, uint64_t latency_ns)
{
    recording->playback.latency_ns = recording->tracks.latency_ns = latency_ns;
}

static void count_skipped(struct recording *recording)
{
    uint64_t more = recording->playback.groups_skipped - recording->skipped;
    if (more > 0)
        relay_count(recording->worker->worker, recording->worker->groups_skipped, (int64_t)more);
    recording->skipped += more;
}

static void check_file(struct recording *recording)
{
    int error = recording->file ? file_error(recording->file) : 0;
    if (error)
        fail_recording(recording, "it cannot be written", strerror(error));
    else if (recording->playback.error == MOQ_ERR_IO)
        fail_recording(recording, "it cannot be written", "too much waits, or out of memory");
}

void recording_tick(struct recording *recording)
{
    if (recording->has_failed)
        return;
    karp_follower_tick(&recording->follower);
    karp_recorder_tick(&recording->recorder);
    count_skipped(recording);
    tell_file(recording);
    check_file(recording);
    if (!recording->is_wanted_over)
        return;
    stop_recorder(recording);
    recording->has_failed = true;
}
