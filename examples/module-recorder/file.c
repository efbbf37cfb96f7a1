/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The worker collects bytes until a fragment is whole, and queues it; the thread writes what is
 * queued. They share what the mutex guards, and nothing else.
 * Tested by tests/e2e/test_module_recorder.py. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BOX_HEADER_BYTES = 8, NUMBERS_MAX = 100 };

/* An init segment, or a fragment. */
struct unit {
    struct unit *next;
    size_t size, room;
    uint8_t data[];
};

struct file {
    char directory[PATH_MAX], stem[FILE_NAME_MAX_BYTES];
    char path[PATH_MAX + FILE_NAME_MAX_BYTES + 32]; /* the thread's, until is_open */
    pthread_t thread;

    struct unit *building; /* the worker's, as the next two; NULL: the next one has not begun */
    uint64_t box_left;     /* bytes of the current box that are still to come */
    bool is_last_box;      /* it ends the unit */

    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t changed;
    struct unit *first, **end; /* those that wait */
    size_t waiting_bytes;      /* in them */
    uint64_t bytes;            /* written */
    int error;
    bool is_open, is_finishing, has_finished;
    bool is_left; /* the thread frees the file */
};

/* ---- The thread ------------------------------------------------------------------------------ */

static void drop_units(struct file *file)
{
    while (file->first) {
        struct unit *unit = file->first;
        file->first = unit->next;
        free(unit);
    }
    file->end = &file->first;
}

static void free_all(struct file *file)
{
    drop_units(file);
    free(file->building);
    pthread_cond_destroy(&file->changed);
    pthread_mutex_destroy(&file->mutex);
    free(file);
}

static int open_file(struct file *file)
{
    int fd = -1;
    for (int number = 1; fd < 0 && number < NUMBERS_MAX; number++) {
        char more[16] = "";
        if (number > 1)
            snprintf(more, sizeof more, ".%d", number);
        snprintf(file->path, sizeof file->path, "%s/%s%s.mp4", file->directory, file->stem, more);
        fd = open(file->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    return fd;
}

static int write_all(int fd, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno != EINTR)
            return errno;
        if (n > 0) {
            data += n;
            size -= (size_t)n;
        }
    }
    return 0;
}

/* The next unit to write. NULL: there is none any more. */
static struct unit *take_unit(struct file *file)
{
    pthread_mutex_lock(&file->mutex);
    while (!file->first && !file->is_finishing)
        pthread_cond_wait(&file->changed, &file->mutex);
    struct unit *unit = file->first;
    if (unit) {
        file->first = unit->next;
        file->end = unit->next ? file->end : &file->first;
    }
    pthread_mutex_unlock(&file->mutex);
    return unit;
}

static void note_written(struct file *file, size_t taken_bytes, size_t bytes)
{
    pthread_mutex_lock(&file->mutex);
    file->waiting_bytes -= taken_bytes;
    file->bytes += bytes;
    pthread_mutex_unlock(&file->mutex);
}

/* Returns 0 or why a unit could not be written; then nothing of it is in the file. */
static int write_units(struct file *file, int fd)
{
    struct unit *unit;
    off_t end = 0;
    int error = 0;
    while (!error && (unit = take_unit(file)) != NULL) {
        size_t size = unit->size;
        error = write_all(fd, unit->data, size);
        free(unit);
        note_written(file, size, error ? 0 : size);
        end += error ? 0 : (off_t)size;
    }
    if (error && ftruncate(fd, end))
        error = error ? error : errno;
    return error;
}

static void note_open(struct file *file)
{
    pthread_mutex_lock(&file->mutex);
    file->is_open = true;
    pthread_mutex_unlock(&file->mutex);
}

static void *run_thread(void *arg)
{
    struct file *file = arg;
    int fd = open_file(file);
    int error = fd < 0 ? errno : 0;
    if (!error) {
        note_open(file);
        error = write_units(file, fd);
        if (close(fd) && !error)
            error = errno;
    }
    pthread_mutex_lock(&file->mutex);
    file->error = error;
    file->has_finished = true;
    bool is_left = file->is_left;
    pthread_cond_broadcast(&file->changed);
    pthread_mutex_unlock(&file->mutex);
    if (is_left)
        free_all(file);
    return NULL;
}

/* ---- The worker ------------------------------------------------------------------------------ */

/* Signals are for the relay's own threads. */
static int start_thread(struct file *file)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&file->thread, NULL, run_thread, file);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

struct file *file_new(const char *directory, const char *stem)
{
    struct file *file = calloc(1, sizeof *file);
    if (!file)
        return NULL;
    snprintf(file->directory, sizeof file->directory, "%s", directory);
    snprintf(file->stem, sizeof file->stem, "%s", stem);
    file->end = &file->first;
    pthread_condattr_t monotonic; /* a wait is as long when somebody sets the wall clock */
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&file->mutex, NULL);
    pthread_cond_init(&file->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (start_thread(file) == 0)
        return file;
    free_all(file);
    return NULL;
}

static struct unit *grow_unit(struct unit *unit, size_t more)
{
    size_t used = unit ? unit->size : 0, room = unit ? unit->room : 0;
    if (used + more <= room)
        return unit;
    struct unit *grown = realloc(unit, sizeof *grown + used + more);
    if (grown) {
        grown->room = used + more;
        grown->size = used;
        grown->next = NULL;
    }
    return grown;
}

/* False: it has failed. */
static bool queue_unit(struct file *file)
{
    struct unit *unit = file->building;
    pthread_mutex_lock(&file->mutex);
    bool is_taken =
        !file->has_finished && file->waiting_bytes + unit->size <= FILE_WAITING_MAX_BYTES;
    if (is_taken) {
        *file->end = unit;
        file->end = &unit->next;
        file->waiting_bytes += unit->size;
        file->building = NULL;
        pthread_cond_broadcast(&file->changed);
    }
    pthread_mutex_unlock(&file->mutex);
    return is_taken;
}

/* Notes which box begins at `data`. The exporter never cuts the header of a box. */
static bool begin_box(struct file *file, const uint8_t *data, size_t size)
{
    if (size < BOX_HEADER_BYTES)
        return false;
    file->box_left = (uint64_t)data[0] << 24 | data[1] << 16 | data[2] << 8 | data[3];
    file->is_last_box = memcmp(data + 4, "moov", 4) == 0 || memcmp(data + 4, "mdat", 4) == 0;
    return file->box_left >= BOX_HEADER_BYTES;
}

bool file_write(struct file *file, const uint8_t *data, size_t size)
{
    while (size > 0) {
        if (file->box_left == 0 && !begin_box(file, data, size))
            return false;
        size_t n = size < file->box_left ? size : (size_t)file->box_left;
        struct unit *unit = grow_unit(file->building, n);
        if (!unit)
            return false;
        memcpy(unit->data + unit->size, data, n);
        unit->size += n;
        file->building = unit;
        file->box_left -= n;
        data += n;
        size -= n;
        if (file->box_left == 0 && file->is_last_box && !queue_unit(file))
            return false;
    }
    return true;
}

size_t file_waiting_bytes(struct file *file)
{
    pthread_mutex_lock(&file->mutex);
    size_t bytes = file->waiting_bytes;
    pthread_mutex_unlock(&file->mutex);
    return bytes;
}

int file_error(struct file *file)
{
    pthread_mutex_lock(&file->mutex);
    int error = file->error;
    pthread_mutex_unlock(&file->mutex);
    return error;
}

bool file_is_open(struct file *file)
{
    pthread_mutex_lock(&file->mutex);
    bool is_open = file->is_open;
    pthread_mutex_unlock(&file->mutex);
    return is_open;
}

const char *file_path(const struct file *file)
{
    return file->path;
}

uint64_t file_bytes(struct file *file)
{
    pthread_mutex_lock(&file->mutex);
    uint64_t bytes = file->bytes;
    pthread_mutex_unlock(&file->mutex);
    return bytes;
}

void file_finish(struct file *file)
{
    pthread_mutex_lock(&file->mutex);
    file->is_finishing = true;
    pthread_cond_broadcast(&file->changed);
    pthread_mutex_unlock(&file->mutex);
}

bool file_has_finished(struct file *file)
{
    pthread_mutex_lock(&file->mutex);
    bool has_finished = file->has_finished;
    pthread_mutex_unlock(&file->mutex);
    return has_finished;
}

static struct timespec time_in(uint64_t ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(ms / 1000);
    at.tv_nsec += (long)(ms % 1000) * 1000000;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
}

bool file_wait(struct file *file, uint64_t wait_ms)
{
    const struct timespec until = time_in(wait_ms);
    int error = 0;
    pthread_mutex_lock(&file->mutex);
    while (!file->has_finished && error == 0)
        error = pthread_cond_timedwait(&file->changed, &file->mutex, &until);
    bool has_finished = file->has_finished;
    pthread_mutex_unlock(&file->mutex);
    return has_finished;
}

void file_free(struct file *file)
{
    pthread_mutex_lock(&file->mutex);
    bool has_finished = file->has_finished;
    pthread_t thread = file->thread;
    file->is_left = !has_finished;
    file->is_finishing = true;
    if (file->is_left)
        drop_units(file);
    pthread_cond_broadcast(&file->changed);
    pthread_mutex_unlock(&file->mutex);
    if (!has_finished) {
        pthread_detach(thread);
        return;
    }
    pthread_join(thread, NULL);
    free_all(file);
}
