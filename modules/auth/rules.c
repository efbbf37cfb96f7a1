/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Rules, from a configuration and a key file, and the board on which they hang.
 * Tested by tests/e2e/test_auth.py. */
#include "modules/auth/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Stamps ---------------------------------------------------------------------------------- */

struct stamp stamp_of(const char *file)
{
    struct stat status;
    if (stat(file, &status) != 0)
        return (struct stamp){.bytes = 0};
    return (struct stamp){status.st_dev, status.st_ino, status.st_size, status.st_mtim};
}

bool stamp_equal(const struct stamp *a, const struct stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->bytes == b->bytes &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

/* ---- Rules ----------------------------------------------------------------------------------- */

/* Empty texts and NULL are none. False: out of memory. */
static bool copy_text(char **copy, const char *text)
{
    *copy = text && *text ? strdup(text) : NULL;
    return *copy || !text || !*text;
}

static bool copy_texts(struct rules *rules, const char *key_file, const char *url, const char *ca)
{
    bool has_file = copy_text(&rules->key_file, key_file);
    bool has_url = copy_text(&rules->url, url);
    return copy_text(&rules->ca, ca) && has_file && has_url;
}

static int add_patterns(struct token_prefixes *list, const char *const *patterns, size_t count,
                        char why[TOKEN_WHY_BYTES])
{
    int error = 0;
    for (size_t i = 0; i < count && !error; i++)
        error = token_prefixes_add_pattern(list, patterns[i], why);
    return error;
}

/* The stamp is taken first, so a change while the file is read is found by the next look. */
static int read_keys(struct rules *rules, char why[TOKEN_WHY_BYTES])
{
    if (!rules->key_file)
        return 0;
    rules->stamp = stamp_of(rules->key_file);
    rules->keys = auth_load_keys(rules->key_file, why);
    return rules->keys ? 0 : TOKEN_ERR_KEY;
}

struct rules *rules_new(const struct auth_config *config, char why[TOKEN_WHY_BYTES])
{
    struct rules *rules = calloc(1, sizeof *rules);
    snprintf(why, TOKEN_WHY_BYTES, "out of memory");
    if (!rules)
        return NULL;
    rules->refs = 1;
    rules->timeout_ms = config->callback.timeout_ns / 1000000;
    rules->max_age_ns = config->callback.max_age_ns;
    rules->concurrency = (uint32_t)config->callback.concurrency;
    const struct auth_lists *lists = &config->anonymous;
    if (!copy_texts(rules, config->keys, config->callback.url, config->callback.ca) ||
        add_patterns(&rules->anonymous.publish, lists->publish, lists->publish_count, why) ||
        add_patterns(&rules->anonymous.subscribe, lists->subscribe, lists->subscribe_count, why) ||
        read_keys(rules, why))
        rules_unref(&rules);
    return rules;
}

struct rules *rules_with_keys(const struct rules *rules, struct token_keys *keys,
                              const struct stamp *stamp)
{
    struct rules *fresh = calloc(1, sizeof *fresh);
    if (!fresh) {
        token_keys_free(&keys);
        return NULL;
    }
    fresh->refs = 1;
    fresh->keys = keys;
    fresh->stamp = *stamp;
    fresh->timeout_ms = rules->timeout_ms;
    fresh->max_age_ns = rules->max_age_ns;
    fresh->concurrency = rules->concurrency;
    if (!copy_texts(fresh, rules->key_file, rules->url, rules->ca) ||
        token_grants_add(&fresh->anonymous, &rules->anonymous))
        rules_unref(&fresh);
    return fresh;
}

struct rules *rules_ref(struct rules *rules)
{
    __atomic_add_fetch(&rules->refs, 1, __ATOMIC_RELAXED);
    return rules;
}

void rules_unref(struct rules **pointer)
{
    struct rules *rules = *pointer;
    *pointer = NULL;
    if (!rules || __atomic_sub_fetch(&rules->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    token_keys_free(&rules->keys);
    token_grants_clear(&rules->anonymous);
    free(rules->key_file);
    free(rules->url);
    free(rules->ca);
    free(rules);
}

/* ---- The board ------------------------------------------------------------------------------- */

int board_init(struct board *board, struct rules *rules)
{
    board->rules = rules;
    return uv_mutex_init(&board->mutex) == 0 ? 0 : RELAY_ERR_NOMEM;
}

void board_deinit(struct board *board)
{
    rules_unref(&board->rules);
    uv_mutex_destroy(&board->mutex);
}

struct rules *board_take(struct board *board)
{
    uv_mutex_lock(&board->mutex);
    struct rules *rules = rules_ref(board->rules);
    uv_mutex_unlock(&board->mutex);
    return rules;
}

bool board_replace(struct board *board, const struct rules *old, struct rules *fresh)
{
    uv_mutex_lock(&board->mutex);
    bool is_replaced = !old || board->rules == old;
    struct rules *unused = is_replaced ? board->rules : fresh;
    if (is_replaced)
        board->rules = fresh;
    uv_mutex_unlock(&board->mutex);
    rules_unref(&unused);
    return is_replaced;
}
