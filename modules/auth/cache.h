/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Answers of the auth server that may be used again: at most CACHE_MAX on a worker, after that the
 * oldest is dropped. Their keys hold tokens, so nothing here is ever logged. */
#ifndef AUTH_CACHE_H
#define AUTH_CACHE_H

#include "token/token.h"

enum { CACHE_MAX = 1024, CACHE_KEY_MAX_BYTES = 4096 };

struct cache { /* all zeros: empty */
    struct cached *entries;
};

/* Borrowed until the cache changes. NULL: there is none, or it is too old. */
const struct token *cache_find(struct cache *cache, const char *key, uint64_t now_ns);
/* Takes what is in `token`, and leaves it empty. Until `until_ns`; a key that is too long is not
 * kept. */
void cache_put(struct cache *cache, const char *key, uint64_t until_ns, struct token *token);
void cache_clear(struct cache *cache);

#endif
