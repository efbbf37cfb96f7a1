/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A sorted array under a lock, kept up to date by the first worker, which hears of all
 * announcements. Its paths are copies, because references belong to one thread; whoever has the
 * lock has them.
 * Tested by tests/unit/admin/test_broadcasts.c and tests/e2e/test_broadcasts.py. */
#include "server/core/core.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "server/core/audience.h"
#include "server/core/router.h"

enum {
    FIRST_ROOM = 64,
    NUMBER_MAX_DIGITS = 32,
    PATHS_PER_LOCK = 64, /* that are read while a worker may have to wait */
};

struct core_directory {
    struct core *core;
    struct core_announced *announced; /* the worker's */
    struct router_commons *commons;   /* for audiences */
    int error;                        /* of opening */
    pthread_mutex_t lock;             /* protects what follows */
    struct moq_path **paths;
    size_t count, room;
    bool is_short; /* a path was left out, and the log says so */
};

/* ---- Order ----------------------------------------------------------------------------------- */

bool core_directory_is_number(struct moq_part part)
{
    for (size_t i = 0; i < part.size; i++)
        if (part.data[i] < '0' || part.data[i] > '9')
            return false;
    return part.size > 0 && part.size <= NUMBER_MAX_DIGITS;
}

static int compare_bytes(struct moq_part a, struct moq_part b)
{
    size_t both = a.size < b.size ? a.size : b.size;
    int order = both > 0 ? memcmp(a.data, b.data, both) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

static struct moq_part without_zeros(struct moq_part number)
{
    while (number.size > 1 && number.data[0] == '0') {
        number.data++;
        number.size--;
    }
    return number;
}

/* Higher ones first. Those that differ only in zeros at the front are still different. */
static int compare_numbers(struct moq_part a, struct moq_part b)
{
    struct moq_part x = without_zeros(a), y = without_zeros(b);
    int order = x.size != y.size ? (x.size < y.size) - (x.size > y.size) : -compare_bytes(x, y);
    return order ? order : compare_bytes(a, b);
}

static int compare_parts(struct moq_part a, struct moq_part b)
{
    bool is_number = core_directory_is_number(a);
    if (is_number != core_directory_is_number(b))
        return is_number ? -1 : 1;
    return is_number ? compare_numbers(a, b) : compare_bytes(a, b);
}

int core_directory_compare(const struct moq_path *a, const struct moq_path *b)
{
    size_t a_count = moq_path_count(a), b_count = moq_path_count(b);
    for (size_t i = 0; i < a_count && i < b_count; i++) {
        int order = compare_parts(moq_path_part(a, i), moq_path_part(b, i));
        if (order)
            return order;
    }
    return (a_count > b_count) - (a_count < b_count);
}

/* The index of the first path that is not before `path`. */
static size_t find_place(const struct core_directory *directory, const struct moq_path *path)
{
    size_t low = 0, high = directory->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (core_directory_compare(directory->paths[middle], path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool has_at(const struct core_directory *directory, size_t place,
                   const struct moq_path *path)
{
    return place < directory->count && moq_path_equal(directory->paths[place], path);
}

/* ---- The worker's side ----------------------------------------------------------------------- */

static bool make_room(struct core_directory *directory)
{
    if (directory->count < directory->room)
        return true;
    if (directory->count == CORE_DIRECTORY_MAX)
        return false;
    size_t room = directory->room ? 2 * directory->room : FIRST_ROOM;
    struct moq_path **paths = realloc(directory->paths, room * sizeof *paths);
    if (!paths)
        return false;
    directory->paths = paths;
    directory->room = room;
    return true;
}

static void add_path(struct core_directory *directory, const struct moq_path *path)
{
    size_t place = find_place(directory, path);
    if (has_at(directory, place, path))
        return;
    struct moq_path *copy = make_room(directory) ? moq_path_copy(path) : NULL;
    if (!copy) {
        if (!directory->is_short)
            log_warn(LOG_ROUTE, "not all announced paths are listed: there are more than %zu",
                     directory->count);
        directory->is_short = true;
        return;
    }
    struct moq_path **at = directory->paths + place;
    memmove(at + 1, at, (directory->count - place) * sizeof *at);
    *at = copy;
    directory->count++;
}

static void remove_path(struct core_directory *directory, const struct moq_path *path)
{
    size_t place = find_place(directory, path);
    if (!has_at(directory, place, path))
        return;
    struct moq_path **at = directory->paths + place;
    moq_path_unref(at);
    directory->count--;
    memmove(at, at + 1, (directory->count - place) * sizeof *at);
}

static void on_path(void *user, struct moq_path *path, bool is_announced)
{
    struct core_directory *directory = user;
    pthread_mutex_lock(&directory->lock);
    if (is_announced)
        add_path(directory, path);
    else
        remove_path(directory, path);
    pthread_mutex_unlock(&directory->lock);
}

static void open_on_worker(const struct core_worker *worker, void *user)
{
    static const struct core_announced_ops ops = {.on_path = on_path};
    struct core_directory *directory = user;
    struct moq_path *all = moq_path_from_text("");
    directory->commons = worker->router->commons;
    directory->error =
        all ? core_announced_open(worker->router, all, &ops, directory, &directory->announced)
            : MOQ_ERR_NOMEM;
    moq_path_unref(&all);
}

static void close_on_worker(const struct core_worker *worker, void *user)
{
    struct core_directory *directory = user;
    (void)worker;
    core_announced_close(&directory->announced);
}

/* ---- The reader's side ----------------------------------------------------------------------- */

int core_directory_open(struct core *core, struct core_directory **out)
{
    struct core_directory *directory = calloc(1, sizeof *directory);
    if (!directory)
        return MOQ_ERR_NOMEM;
    directory->core = core;
    pthread_mutex_init(&directory->lock, NULL);
    core_with_worker(core, 0, open_on_worker, directory);
    *out = directory;
    int error = directory->error;
    if (error)
        core_directory_close(out);
    return error;
}

void core_directory_close(struct core_directory **out)
{
    struct core_directory *directory = *out;
    *out = NULL;
    if (!directory)
        return;
    core_with_worker(directory->core, 0, close_on_worker, directory);
    for (size_t i = 0; i < directory->count; i++)
        moq_path_unref(&directory->paths[i]);
    free(directory->paths);
    pthread_mutex_destroy(&directory->lock);
    free(directory);
}

struct reading {
    struct core_directory *directory;
    const struct moq_path *prefix;
    struct moq_path *after; /* NULL: nothing has been read yet */
    bool (*each)(void *user, const struct moq_path *path, uint32_t viewers);
    void *user;
    int error;
};

static size_t find_next(const struct reading *reading)
{
    size_t place =
        find_place(reading->directory, reading->after ? reading->after : reading->prefix);
    bool is_read = reading->after && has_at(reading->directory, place, reading->after);
    return is_read ? place + 1 : place;
}

/* Reads a few paths while it has the lock. False: there are no others, or nobody wants them. */
static bool read_slice(struct reading *reading)
{
    const struct core_directory *directory = reading->directory;
    const struct moq_path *last = NULL;
    size_t place = find_next(reading);
    bool has_more = true;
    for (size_t i = 0; i < PATHS_PER_LOCK && has_more; i++, place++) {
        const struct moq_path *path = place < directory->count ? directory->paths[place] : NULL;
        has_more = path && moq_path_has_prefix(path, reading->prefix) &&
                   reading->each(reading->user, path, audience_size(directory->commons, path));
        last = has_more ? path : last;
    }
    if (!has_more)
        return false;
    moq_path_unref(&reading->after);
    reading->after = moq_path_copy(last);
    reading->error = reading->after ? 0 : MOQ_ERR_NOMEM;
    return reading->error == 0;
}

int core_directory_read(struct core_directory *directory, const struct moq_path *prefix,
                        const struct moq_path *after,
                        bool (*each)(void *user, const struct moq_path *path, uint32_t viewers),
                        void *user)
{
    bool is_behind = after && core_directory_compare(after, prefix) > 0;
    struct reading reading = {.directory = directory, .prefix = prefix, .each = each, .user = user};
    if (is_behind)
        reading.after = moq_path_copy(after);
    if (is_behind && !reading.after)
        return MOQ_ERR_NOMEM;
    for (bool has_more = true; has_more;) {
        pthread_mutex_lock(&directory->lock);
        has_more = read_slice(&reading);
        pthread_mutex_unlock(&directory->lock);
    }
    moq_path_unref(&reading.after);
    return reading.error;
}
