/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a module asks of the relay as such: log, counters, the shared map, workers.
 * Tested by tests/unit/lua/test_fake.c. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/test/fake.h"

const char *relay_error_words(int error)
{
    static const char *const words[] = {"no error", "an argument is invalid", "out of memory",
                                        "a limit is exceeded", "not found"};
    size_t i = (size_t)-error;
    return i < sizeof words / sizeof words[0] ? words[i] : "an error";
}

bool relay_path_is_valid(const char *path)
{
    size_t n = strlen(path);
    unsigned parts = 1;
    for (const char *at = path; *at; at++)
        parts += *at == '/';
    bool has_ends = n > 0 && path[0] != '/' && path[n - 1] != '/';
    return has_ends && n <= 1023 && parts <= 32 && !strstr(path, "//");
}

int relay_fail(struct relay_self *self, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(self->failure, sizeof self->failure, format, arguments);
    va_end(arguments);
    return RELAY_ERR_FAILED;
}

/* Nobody checks a configuration here. */
void relay_check_fail(struct relay_check *check, const char *setting, const char *format, ...)
{
    (void)check, (void)setting, (void)format;
}

void relay_set_data(struct relay_self *self, void *data)
{
    self->data = data;
}

void *relay_data(const struct relay_self *self)
{
    return self->data;
}

uint32_t relay_worker_count(const struct relay_self *self)
{
    (void)self;
    return 1;
}

struct relay_self *relay_worker_self(const struct relay_worker *worker)
{
    return worker->self;
}

uint32_t relay_worker_number(const struct relay_worker *worker)
{
    (void)worker;
    return 0;
}

void *relay_worker_slot(const struct relay_worker *worker)
{
    return worker->slot;
}

void relay_worker_set_sampling(struct relay_worker *worker, bool is_wanted)
{
    worker->is_sampling = is_wanted;
}

void relay_reload(struct relay_self *self)
{
    __atomic_store_n(&self->is_reload_wanted, true, __ATOMIC_RELEASE);
}

uint64_t relay_worker_now_ns(const struct relay_worker *worker)
{
    return worker->now_ns;
}

void relay_log_write(struct relay_self *self, struct relay_log_site *site, int level,
                     const char *format, ...)
{
    char text[FAKE_TEXT_BYTES];
    va_list arguments;
    (void)site;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (self->on_log)
        self->on_log(self->user, level, text);
}

/* ---- Counters -------------------------------------------------------------------------------- */

static int find_counter(const struct relay_self *self, const char *name)
{
    int i = 0;
    while (i < self->counter_count && strcmp(self->counter_names[i], name) != 0)
        i++;
    return i;
}

int relay_counter(struct relay_self *self, const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    if (n == 0 || name[n] || n > 47)
        return RELAY_ERR_INVALID;
    int i = find_counter(self, name);
    if (i == FAKE_COUNTERS_MAX)
        return RELAY_ERR_BOUNDS;
    if (i == self->counter_count)
        snprintf(self->counter_names[self->counter_count++], FAKE_NAME_BYTES, "%s", name);
    return i;
}

void relay_count(struct relay_worker *worker, int counter, int64_t change)
{
    worker->self->counters[counter] += change;
}

bool fake_has_counter(const struct relay_self *self, const char *name)
{
    return find_counter(self, name) < self->counter_count;
}

int64_t fake_counter(const struct relay_self *self, const char *name)
{
    int i = find_counter(self, name);
    return i < self->counter_count ? self->counters[i] : 0;
}

/* ---- Texts by name --------------------------------------------------------------------------- */

static struct fake_pair *find_pair(struct fake_pair *pairs, const char *key)
{
    struct fake_pair *pair;
    HASH_FIND_STR(pairs, key, pair);
    return pair;
}

/* `value` NULL: removes it. `most`: how many pairs there may be. */
static int set_pair(struct fake_pair **pairs, unsigned most, const char *key, const char *value)
{
    struct fake_pair *pair = find_pair(*pairs, key);
    if (!value && pair) {
        HASH_DEL(*pairs, pair);
        free(pair);
    }
    if (!value)
        return 0;
    if (strlen(value) >= sizeof pair->value || (!pair && HASH_COUNT(*pairs) >= most))
        return RELAY_ERR_BOUNDS;
    if (!pair) {
        pair = calloc(1, sizeof *pair);
        if (!pair)
            return RELAY_ERR_NOMEM;
        snprintf(pair->key, sizeof pair->key, "%s", key);
        HASH_ADD_STR(*pairs, key, pair);
    }
    snprintf(pair->value, sizeof pair->value, "%s", value);
    return 0;
}

int relay_shared_set(struct relay_self *self, const char *key, const char *value)
{
    bool is_key = key[0] && strlen(key) < RELAY_KEY_BYTES;
    return is_key ? set_pair(&self->shared, RELAY_SHARED_MAX, key, value) : RELAY_ERR_INVALID;
}

int relay_shared_get(struct relay_self *self, const char *key, char *out, size_t size)
{
    const struct fake_pair *pair = find_pair(self->shared, key);
    return pair ? snprintf(out, size, "%s", pair->value) : RELAY_ERR_NOT_FOUND;
}

int relay_shared_add(struct relay_self *self, const char *key, int64_t change, int64_t *sum)
{
    char text[32], *end = text;
    const struct fake_pair *pair = find_pair(self->shared, key);
    errno = 0;
    *sum = pair ? strtoll(pair->value, &end, 10) : 0;
    if (errno || (pair && (end == pair->value || *end)))
        return RELAY_ERR_INVALID;
    if (__builtin_add_overflow(*sum, change, sum))
        return RELAY_ERR_BOUNDS;
    snprintf(text, sizeof text, "%" PRId64, *sum);
    return relay_shared_set(self, key, text);
}

int relay_shared_keys(struct relay_self *self, const char *prefix, char *out, size_t size)
{
    int count = 0;
    for (const struct fake_pair *pair = self->shared; pair; pair = pair->hh.next) {
        size_t n = strlen(pair->key) + 1;
        if (strncmp(pair->key, prefix, strlen(prefix)) != 0)
            continue;
        if (n > size)
            break;
        memcpy(out, pair->key, n);
        out += n;
        size -= n;
        count++;
    }
    return count;
}

int relay_note(struct relay_self *self, const char *name, const char *text)
{
    return set_pair(&self->notes, RELAY_NOTES_MAX, name, text);
}

const char *fake_note(const struct relay_self *self, const char *name)
{
    const struct fake_pair *pair = find_pair(self->notes, name);
    return pair ? pair->value : NULL;
}
