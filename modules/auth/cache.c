/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Answers of the auth server by what it was asked. */
#include "modules/auth/cache.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(element) ((element)->is_lost = true)
#include <uthash.h>

struct cached {
    UT_hash_handle hh;
    struct token token;
    uint64_t until_ns;
    bool is_lost; /* the table had no memory for it */
    char key[];
};

static void drop_entry(struct cache *cache, struct cached *entry)
{
    HASH_DEL(cache->entries, entry);
    token_clear(&entry->token);
    free(entry);
}

static struct cached *find_entry(const struct cache *cache, const char *key)
{
    struct cached *entry = NULL;
    HASH_FIND_STR(cache->entries, key, entry);
    return entry;
}

const struct token *cache_find(struct cache *cache, const char *key, uint64_t now_ns)
{
    struct cached *entry = find_entry(cache, key);
    if (entry && now_ns < entry->until_ns)
        return &entry->token;
    if (entry)
        drop_entry(cache, entry);
    return NULL;
}

void cache_put(struct cache *cache, const char *key, uint64_t until_ns, struct token *token)
{
    size_t n = strlen(key);
    struct cached *earlier = find_entry(cache, key);
    if (earlier)
        drop_entry(cache, earlier);
    struct cached *entry = n <= CACHE_KEY_MAX_BYTES ? calloc(1, sizeof *entry + n + 1) : NULL;
    if (entry) {
        memcpy(entry->key, key, n);
        entry->until_ns = until_ns;
        HASH_ADD_KEYPTR(hh, cache->entries, entry->key, n, entry);
    }
    if (!entry || entry->is_lost) {
        free(entry);
        token_clear(token);
        return;
    }
    entry->token = *token;
    *token = (struct token){.identity = NULL};
    if (HASH_COUNT(cache->entries) > CACHE_MAX)
        drop_entry(cache, cache->entries); /* the first one that was added */
}

void cache_clear(struct cache *cache)
{
    while (cache->entries)
        drop_entry(cache, cache->entries);
}
