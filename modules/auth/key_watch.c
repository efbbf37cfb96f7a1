/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The watch over the key file. A thread of libuv's pool looks at it and reads it, because a disk
 * may be slow; the worker only takes the result.
 * Tested by tests/e2e/test_auth.py. */
#include "modules/auth/key_watch.h"

#include <stdlib.h>
#include <string.h>

struct key_watch {
    struct relay_worker *worker;
    struct relay_timer *timer;
    struct look *look;         /* NULL: none is under way */
    const struct rules *rules; /* those of the last look; only compared */
    bool is_bad;               /* the file that was there then cannot be used */
    struct stamp bad;          /* which file that is */
    char why[TOKEN_WHY_BYTES];
};

struct look {
    uv_work_t work;
    struct key_watch *watch; /* NULL: it has stopped */
    struct rules *rules;     /* a reference */
    bool has_bad;
    struct stamp bad;        /* the file that need not be read again */
    struct stamp stamp;      /* the file that is there */
    bool was_read;           /* it is another one */
    struct token_keys *keys; /* of that one; NULL: it cannot be used */
    char why[TOKEN_WHY_BYTES];
};

static void free_look(struct look *look)
{
    token_keys_free(&look->keys);
    rules_unref(&look->rules);
    free(look);
}

/* On a thread of the pool. */
static void look_at_file(uv_work_t *work)
{
    struct look *look = work->data;
    look->stamp = stamp_of(look->rules->key_file);
    if (stamp_equal(&look->stamp, &look->rules->stamp) ||
        (look->has_bad && stamp_equal(&look->stamp, &look->bad)))
        return;
    look->was_read = true;
    look->keys = auth_load_keys(look->rules->key_file, look->why);
}

static void note_bad_file(struct key_watch *watch, const struct look *look)
{
    bool is_new = !watch->is_bad || strcmp(watch->why, look->why) != 0;
    watch->is_bad = true;
    watch->bad = look->stamp;
    memcpy(watch->why, look->why, sizeof watch->why);
    if (is_new)
        relay_log(relay_worker_self(watch->worker), RELAY_ERROR,
                  "%s; the keys that were read before stay in use", look->why);
}

static void note_good_file(struct key_watch *watch, const struct rules *rules, const char *how)
{
    const char *skipped = token_keys_skipped(rules->keys);
    watch->is_bad = false;
    relay_log(relay_worker_self(watch->worker), RELAY_INFO, "%s: %s, %zu in use%s%s",
              rules->key_file, how, token_keys_count(rules->keys), skipped[0] ? "; " : "", skipped);
}

static void use_new_keys(struct key_watch *watch, struct look *look)
{
    struct rules *fresh = rules_with_keys(look->rules, look->keys, &look->stamp);
    look->keys = NULL;
    if (!fresh) {
        relay_log(relay_worker_self(watch->worker), RELAY_ERROR,
                  "out of memory for new keys; they are tried again");
        return;
    }
    struct rules *shown = rules_ref(fresh);
    if (board_replace(&auth_of(watch->worker)->board, look->rules, fresh)) {
        auth_count(watch->worker, AUTH_key_reloads);
        note_good_file(watch, shown, "new keys");
        watch->rules = shown;
    }
    rules_unref(&shown);
}

static void on_looked(uv_work_t *work, int status)
{
    struct look *look = work->data;
    struct key_watch *watch = look->watch;
    if (watch) {
        relay_worker_wake(watch->worker);
        watch->look = NULL;
        bool is_as_read = stamp_equal(&look->stamp, &look->rules->stamp);
        if (status == 0 && look->keys)
            use_new_keys(watch, look);
        else if (status == 0 && look->was_read)
            note_bad_file(watch, look);
        else if (status == 0 && is_as_read && watch->is_bad)
            note_good_file(watch, look->rules, "the earlier keys are back");
    }
    free_look(look);
}

static void on_tick(struct relay_worker *worker, void *arg)
{
    struct key_watch *watch = arg;
    if (watch->look)
        return;
    struct look *look = calloc(1, sizeof *look);
    if (!look)
        return;
    look->rules = board_take(&auth_of(worker)->board);
    if (watch->rules != look->rules)
        watch->is_bad = false; /* a reload has read its file */
    watch->rules = look->rules;
    look->work.data = look;
    look->watch = watch;
    look->has_bad = watch->is_bad;
    look->bad = watch->bad;
    if (look->rules->key_file &&
        uv_queue_work(relay_worker_loop(worker), &look->work, look_at_file, on_looked) == 0)
        watch->look = look;
    else
        free_look(look);
}

struct key_watch *key_watch_start(struct relay_worker *worker)
{
    struct key_watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return NULL;
    watch->worker = worker;
    watch->timer = relay_timer_start(worker, KEY_WATCH_MS, KEY_WATCH_MS, on_tick, watch);
    if (watch->timer)
        return watch;
    free(watch);
    return NULL;
}

void key_watch_stop(struct key_watch **pointer)
{
    struct key_watch *watch = *pointer;
    *pointer = NULL;
    if (!watch)
        return;
    if (watch->look)
        watch->look->watch = NULL; /* the loop frees it when its thread is done */
    relay_timer_stop(&watch->timer);
    free(watch);
}
