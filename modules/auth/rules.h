/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Rules: everything that decides who comes in, as one immutable object that all workers share. A
 * reload and a new key file make new rules; whoever began with the old ones ends with them. */
#ifndef AUTH_RULES_H
#define AUTH_RULES_H

#include <sys/stat.h>
#include <uv.h>

#include "modules/auth/settings.h"
#include "token/token.h"

/* Which file was read: another one has the same name when any of this differs. */
struct stamp {
    dev_t device;
    ino_t inode;
    off_t bytes;
    struct timespec changed;
};

struct rules {
    unsigned refs;           /* private, atomic */
    struct token_keys *keys; /* NULL: tokens are not checked with keys */
    char *key_file;          /* NULL: none */
    struct stamp stamp;      /* of the file that `keys` were read from */
    char *url, *ca;          /* of the callback; NULL: none */
    uint64_t timeout_ms, max_age_ns;
    uint32_t concurrency;
    struct token_grants anonymous;
};

/* Reads the key file. NULL: `why` says what is wrong. The caller owns a reference. */
struct rules *rules_new(const struct auth_config *config, char why[TOKEN_WHY_BYTES]);
/* A copy with other keys, which it owns from now on, also if it is NULL: out of memory. */
struct rules *rules_with_keys(const struct rules *rules, struct token_keys *keys,
                              const struct stamp *stamp);
struct rules *rules_ref(struct rules *rules);
void rules_unref(struct rules **rules); /* sets it to NULL; NULL: does nothing; any thread */

/* All zeros if there is no such file. Symbolic links are followed. */
struct stamp stamp_of(const char *file);
bool stamp_equal(const struct stamp *a, const struct stamp *b);

/* Where workers find the rules that hold now. */
struct board {
    uv_mutex_t mutex;
    struct rules *rules; /* a reference */
};

/* Takes the reference, unless it fails: 0 or RELAY_ERR_NOMEM. */
int board_init(struct board *board, struct rules *rules);
void board_deinit(struct board *board);
struct rules *board_take(struct board *board); /* the caller owns a reference; any thread */
/* Puts `fresh` in the place of `old` (NULL: whatever is there), and takes its reference. False: the
 * rules have changed in the meantime, and `fresh` was freed. */
bool board_replace(struct board *board, const struct rules *old, struct rules *fresh);

#endif
