/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* An event of inotify is only a hint: what counts is how the files look. Directories are watched,
 * not files, because editors and package managers put a new file in the place of the old one; and
 * not only those of the files, but those of all links that lead there: Kubernetes changes such a
 * link.
 * Tested by tests/e2e/test_lua_files.py. */
#include "lua/host/watch.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LINKS_MAX = 16 };

struct watch {
    struct relay_self *self;
    pthread_t thread;
    int wake;              /* eventfd: there are other files, or it is to end */
    pthread_mutex_t mutex; /* for what follows */
    struct files files;
    bool is_new, is_ending;
    /* of the thread alone */
    struct files seen; /* what it watches */
    int events;        /* inotify; -1: there is none */
    bool has_warned;
};

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- Directories ----------------------------------------------------------------------------- */

/* Cuts a path to the directory that it is in. */
static void cut_to_directory(char *path)
{
    char *slash = strrchr(path, '/');
    if (!slash)
        snprintf(path, 2, ".");
    else
        slash[slash == path] = '\0';
}

/* Watches the directory that `path` is in, or the nearest one above that exists. */
static bool watch_above(int events, const char *path)
{
    const uint32_t mask = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE |
                          IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
    char directory[PATH_MAX];
    snprintf(directory, sizeof directory, "%s", path);
    for (;;) {
        cut_to_directory(directory);
        if (inotify_add_watch(events, directory, mask) >= 0)
            return true;
        bool is_end = strcmp(directory, ".") == 0 || strcmp(directory, "/") == 0;
        if (is_end || (errno != ENOENT && errno != ENOTDIR))
            return errno == ENOENT || errno == ENOTDIR || errno == EACCES;
    }
}

/* If the first `n` bytes of `path` are a link, replaces them by what it leads to. */
static bool follow_link(char path[PATH_MAX], size_t n)
{
    char link[PATH_MAX], target[PATH_MAX], joined[3 * PATH_MAX];
    snprintf(link, sizeof link, "%.*s", (int)n, path);
    ssize_t size = readlink(link, target, sizeof target - 1);
    if (size < 0)
        return false;
    target[size] = '\0';
    cut_to_directory(link);
    if (target[0] == '/')
        snprintf(joined, sizeof joined, "%s%s", target, path + n);
    else
        snprintf(joined, sizeof joined, "%s/%s%s", link, target, path + n);
    return snprintf(path, PATH_MAX, "%.*s", PATH_MAX - 1, joined) < PATH_MAX;
}

/* Watches the directory of each link on the way to a file, and that of the file. */
static bool watch_path(int events, const char *file)
{
    char path[PATH_MAX], link[PATH_MAX];
    int links = 0;
    bool is_good = true;
    snprintf(path, sizeof path, "%s", file);
    for (size_t n = 1; n <= strlen(path); n++) {
        if (path[n] != '/' && path[n] != '\0')
            continue;
        snprintf(link, sizeof link, "%.*s", (int)n, path);
        if (links == LINKS_MAX || !follow_link(path, n))
            continue;
        links++;
        is_good = watch_above(events, link) && is_good;
        n = 0; /* what it leads to may be a link */
    }
    return watch_above(events, path) && is_good;
}

static void watch_all(struct watch *watch)
{
    if (watch->events >= 0)
        close(watch->events);
    watch->events = watch->seen.count > 0 ? inotify_init1(IN_CLOEXEC | IN_NONBLOCK) : -1;
    bool is_good = watch->seen.count == 0 || watch->events >= 0;
    for (size_t i = 0; is_good && i < watch->seen.count; i++)
        is_good = watch_path(watch->events, watch->seen.list[i].path);
    if (is_good)
        return;
    if (!watch->has_warned)
        relay_log(watch->self, RELAY_WARN,
                  "the system does not tell of changed files (%s), so the script's are looked at "
                  "every %d ms",
                  strerror(errno), WATCH_POLL_MS);
    watch->has_warned = true;
    if (watch->events >= 0)
        close(watch->events);
    watch->events = -1;
}

/* ---- The thread ------------------------------------------------------------------------------ */

/* Takes what watch_set has brought. False: the thread is to end. */
static bool take_news(struct watch *watch, bool *is_new)
{
    pthread_mutex_lock(&watch->mutex);
    bool is_ending = watch->is_ending;
    *is_new = watch->is_new;
    watch->is_new = false;
    if (*is_new)
        files_take(&watch->seen, &watch->files);
    pthread_mutex_unlock(&watch->mutex);
    if (*is_new && !is_ending)
        watch_all(watch);
    return !is_ending;
}

static void drain_events(int descriptor)
{
    char bytes[4096];
    while (read(descriptor, bytes, sizeof bytes) > 0)
        ;
}

/* How long nothing needs to be done. */
static int patience_of(const struct watch *watch, uint64_t look_ms)
{
    uint64_t now = now_ms();
    if (look_ms > 0)
        return look_ms > now ? (int)(look_ms - now) : 0;
    return watch->seen.count > 0 && watch->events < 0 ? WATCH_POLL_MS : -1;
}

static void *run_watch(void *user)
{
    struct watch *watch = user;
    uint64_t first_ms = 0,
             look_ms = 0; /* of the events that are not looked at; 0: there are none */
    for (bool is_new; take_news(watch, &is_new);) {
        if (is_new) /* something may have changed before it was watched */
            first_ms = look_ms = now_ms();
        struct pollfd waits[2] = {{.fd = watch->wake, .events = POLLIN},
                                  {.fd = watch->events, .events = POLLIN}};
        int ready = poll(waits, 2, patience_of(watch, look_ms));
        if (waits[0].revents)
            drain_events(watch->wake);
        if (waits[1].revents) {
            uint64_t now = now_ms();
            drain_events(watch->events);
            first_ms = first_ms > 0 ? first_ms : now;
            look_ms = now + WATCH_PAUSE_MS < first_ms + WATCH_BUSY_MS ? now + WATCH_PAUSE_MS
                                                                      : first_ms + WATCH_BUSY_MS;
        }
        bool is_due = look_ms > 0 ? look_ms <= now_ms() : ready == 0;
        if (!is_due)
            continue;
        first_ms = look_ms = 0;
        if (files_have_changed(&watch->seen))
            relay_reload(watch->self);
    }
    return NULL;
}

/* ---- From outside ---------------------------------------------------------------------------- */

static void wake_thread(const struct watch *watch)
{
    const uint64_t one = 1;
    if (write(watch->wake, &one, sizeof one) < 0)
        return; /* it is awake already: the count is full */
}

struct watch *watch_new(struct relay_self *self)
{
    struct watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return NULL;
    watch->self = self;
    watch->events = -1;
    watch->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    bool has_mutex = watch->wake >= 0 && pthread_mutex_init(&watch->mutex, NULL) == 0;
    if (has_mutex && pthread_create(&watch->thread, NULL, run_watch, watch) == 0)
        return watch;
    if (has_mutex)
        pthread_mutex_destroy(&watch->mutex);
    if (watch->wake >= 0)
        close(watch->wake);
    free(watch);
    return NULL;
}

void watch_set(struct watch *watch, const struct files *files)
{
    pthread_mutex_lock(&watch->mutex);
    bool is_good = files_copy(&watch->files, files);
    watch->is_new = true;
    pthread_mutex_unlock(&watch->mutex);
    if (!is_good)
        relay_log(watch->self, RELAY_ERROR, "out of memory: the script's files are not watched");
    wake_thread(watch);
}

void watch_free(struct watch **pointer)
{
    struct watch *watch = *pointer;
    *pointer = NULL;
    if (!watch)
        return;
    pthread_mutex_lock(&watch->mutex);
    watch->is_ending = true;
    pthread_mutex_unlock(&watch->mutex);
    wake_thread(watch);
    pthread_join(watch->thread, NULL);
    pthread_mutex_destroy(&watch->mutex);
    if (watch->events >= 0)
        close(watch->events);
    close(watch->wake);
    files_clear(&watch->files);
    files_clear(&watch->seen);
    free(watch);
}
