/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The small map that a module's workers share. A lock is held for a lookup and a copy. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "server/host/internal.h"

struct entry {
    UT_hash_handle hh;
    char key[RELAY_KEY_BYTES];
    char *value; /* RELAY_VALUE_BYTES at most */
};

struct shared {
    uv_mutex_t mutex;
    struct entry *entries; /* uthash */
};

struct shared *shared_new(void)
{
    struct shared *shared = calloc(1, sizeof *shared);
    if (shared && uv_mutex_init(&shared->mutex) == 0)
        return shared;
    free(shared);
    return NULL;
}

static void remove_entry(struct shared *shared, struct entry *entry)
{
    if (entry) {
        HASH_DEL(shared->entries, entry);
        free(entry->value);
        free(entry);
    }
}

void shared_free(struct shared **pointer)
{
    struct shared *shared = *pointer;
    if (!shared)
        return;
    while (shared->entries)
        remove_entry(shared, shared->entries);
    uv_mutex_destroy(&shared->mutex);
    free(shared);
    *pointer = NULL;
}

static struct entry *find_entry(const struct shared *shared, const char *key)
{
    struct entry *entry;
    HASH_FIND_STR(shared->entries, key, entry);
    return entry;
}

/* NULL: out of memory. */
static struct entry *add_entry(struct shared *shared, const char *key)
{
    struct entry *entry = calloc(1, sizeof *entry);
    if (!entry)
        return NULL;
    snprintf(entry->key, sizeof entry->key, "%s", key);
    HASH_ADD_STR(shared->entries, key, entry);
    if (entry->hh.tbl)
        return entry;
    free(entry);
    return NULL;
}

static int set_value(struct shared *shared, const char *key, const char *value)
{
    struct entry *old = find_entry(shared, key);
    if (!value) {
        remove_entry(shared, old);
        return 0;
    }
    if (!old && HASH_COUNT(shared->entries) >= RELAY_SHARED_MAX)
        return RELAY_ERR_BOUNDS;
    char *copy = strdup(value);
    struct entry *entry = !copy || old ? old : add_entry(shared, key);
    if (!copy || !entry) {
        free(copy);
        return RELAY_ERR_NOMEM;
    }
    free(entry->value);
    entry->value = copy;
    return 0;
}

static bool is_key(const char *key)
{
    return key && key[0] && strlen(key) < RELAY_KEY_BYTES;
}

int relay_shared_set(struct relay_self *self, const char *key, const char *value)
{
    if (!SELF_FITS(self) || !is_key(key))
        return RELAY_ERR_INVALID;
    if (value && strlen(value) >= RELAY_VALUE_BYTES)
        return RELAY_ERR_BOUNDS;
    uv_mutex_lock(&self->shared->mutex);
    int error = set_value(self->shared, key, value);
    uv_mutex_unlock(&self->shared->mutex);
    return error;
}

int relay_shared_get(struct relay_self *self, const char *key, char *out, size_t size)
{
    if (!SELF_FITS(self) || !is_key(key))
        return RELAY_ERR_INVALID;
    uv_mutex_lock(&self->shared->mutex);
    const struct entry *entry = find_entry(self->shared, key);
    int n = entry ? snprintf(out, size, "%s", entry->value) : RELAY_ERR_NOT_FOUND;
    uv_mutex_unlock(&self->shared->mutex);
    return n;
}

/* The number that a value is. False: it is none. */
static bool read_number(const char *value, int64_t *number)
{
    char *end;
    errno = 0;
    *number = strtoll(value, &end, 10);
    return errno == 0 && end != value && *end == '\0';
}

static int add_to_value(struct shared *shared, const char *key, int64_t change, int64_t *sum)
{
    char text[32];
    int64_t number = 0;
    const struct entry *entry = find_entry(shared, key);
    if (entry && !read_number(entry->value, &number))
        return RELAY_ERR_INVALID;
    if (__builtin_add_overflow(number, change, &number))
        return RELAY_ERR_BOUNDS;
    snprintf(text, sizeof text, "%" PRId64, number);
    int error = set_value(shared, key, text);
    if (!error && sum)
        *sum = number;
    return error;
}

int relay_shared_add(struct relay_self *self, const char *key, int64_t change, int64_t *sum)
{
    if (!SELF_FITS(self) || !is_key(key))
        return RELAY_ERR_INVALID;
    uv_mutex_lock(&self->shared->mutex);
    int error = add_to_value(self->shared, key, change, sum);
    uv_mutex_unlock(&self->shared->mutex);
    return error;
}

/* The hash table keeps the order in which entries were added. */
static int write_keys(const struct shared *shared, const char *prefix, char *out, size_t size)
{
    int count = 0;
    size_t prefix_size = strlen(prefix);
    for (const struct entry *entry = shared->entries; entry; entry = entry->hh.next) {
        size_t n = strlen(entry->key) + 1;
        if (strncmp(entry->key, prefix, prefix_size) != 0)
            continue;
        if (n > size)
            break;
        memcpy(out, entry->key, n);
        out += n;
        size -= n;
        count++;
    }
    return count;
}

int relay_shared_keys(struct relay_self *self, const char *prefix, char *out, size_t size)
{
    if (!SELF_FITS(self) || !prefix)
        return RELAY_ERR_INVALID;
    uv_mutex_lock(&self->shared->mutex);
    int count = write_keys(self->shared, prefix, out, size);
    uv_mutex_unlock(&self->shared->mutex);
    return count;
}
