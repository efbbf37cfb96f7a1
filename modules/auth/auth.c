/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The auth module: decides who may come in, and what they may publish and watch, by signed tokens
 * in `?jwt=`, by an auth server, and by lists of what everybody may do. It decides once, when a
 * session begins; the relay checks every path against what was granted, and ends the session when
 * that expires. Neither a token nor a secret is ever logged.
 * Tested by tests/e2e/test_auth.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modules/auth/admit.h"
#include "modules/auth/callback.h"
#include "modules/auth/key_watch.h"

/* ---- Start, reload, stop --------------------------------------------------------------------- */

static void make_counters(struct relay_self *self, struct auth *auth)
{
    static const char *const names[] = {
#define AUTH_COUNTER(name) #name,
        AUTH_COUNTERS(AUTH_COUNTER)
#undef AUTH_COUNTER
    };
    for (int i = 0; i < AUTH_COUNTER_COUNT; i++)
        auth->counters[i] = relay_counter(self, names[i]);
}

/* Of a pair, not a secret, which has only one form. */
static bool has_private_half(const struct token_keys *keys)
{
    for (size_t i = 0; i < token_keys_count(keys); i++) {
        const struct token_key_info key = token_keys_at(keys, i);
        if (key.can_sign && strncmp(key.algorithm, "HS", 2) != 0)
            return true;
    }
    return false;
}

static void warn_of_keys(struct relay_self *self, const struct rules *rules)
{
    const char *skipped = rules->keys ? token_keys_skipped(rules->keys) : "";
    if (skipped[0])
        relay_log(self, RELAY_WARN, "%s", skipped);
    if (rules->keys && has_private_half(rules->keys))
        relay_log(self, RELAY_WARN,
                  "%s has a private key, which the relay does not need; give it what moq-token "
                  "public prints",
                  rules->key_file);
}

static struct auth *auth_new(struct relay_self *self, struct rules *rules)
{
    struct auth *auth = calloc(1, sizeof *auth);
    if (auth && board_init(&auth->board, rules) == 0) {
        make_counters(self, auth);
        return auth;
    }
    free(auth);
    return NULL;
}

static int start_module(struct relay_self *self, const void *config)
{
    char why[TOKEN_WHY_BYTES] = "out of memory";
    if (!auth_start_libraries())
        return relay_fail(self, "%s", why);
    struct rules *rules = rules_new(config, why);
    struct auth *auth = rules ? auth_new(self, rules) : NULL;
    if (!auth) {
        rules_unref(&rules);
        auth_stop_libraries();
        return relay_fail(self, "%s", why);
    }
    warn_of_keys(self, rules);
    relay_set_data(self, auth);
    return 0;
}

static int prepare_rules(struct relay_self *self, const void *config)
{
    char why[TOKEN_WHY_BYTES];
    struct auth *auth = relay_data(self);
    auth->next = rules_new(config, why);
    if (!auth->next)
        return relay_fail(self, "%s", why);
    return 0;
}

static void use_prepared_rules(struct relay_self *self, bool is_applied)
{
    struct auth *auth = relay_data(self);
    if (is_applied) {
        warn_of_keys(self, auth->next);
        board_replace(&auth->board, NULL, auth->next);
    } else {
        rules_unref(&auth->next);
    }
    auth->next = NULL;
}

static void stop_module(struct relay_self *self)
{
    struct auth *auth = relay_data(self);
    board_deinit(&auth->board);
    free(auth);
    auth_stop_libraries();
}

struct auth_worker { /* in the worker's slot */
    struct callback callback;
    struct key_watch *watch; /* on the first worker */
};

static int worker_start(struct relay_worker *worker, const void *config)
{
    struct auth_worker *here = relay_worker_slot(worker);
    bool is_first = relay_worker_number(worker) == 0;
    (void)config;
    here->callback.web = web_new(worker);
    if (here->callback.web && is_first)
        here->watch = key_watch_start(worker);
    if (here->callback.web && (here->watch || !is_first))
        return 0;
    callback_close(&here->callback);
    return relay_fail(relay_worker_self(worker), "out of memory");
}

static void worker_stop(struct relay_worker *worker)
{
    struct auth_worker *here = relay_worker_slot(worker);
    key_watch_stop(&here->watch);
    callback_close(&here->callback);
}

/* ---- Sessions -------------------------------------------------------------------------------- */

enum { TOKEN_BYTES = TOKEN_MAX_BYTES + 1 };

/* A guest's credential, else the parameter `jwt` of the URL. As snprintf, or RELAY_ERR_*. */
static int copy_token(const struct relay_peer *peer, char token[TOKEN_BYTES])
{
    const char *credential = relay_peer_credential(peer);
    if (credential[0])
        return snprintf(token, TOKEN_BYTES, "%s", credential);
    return relay_peer_query_value(peer, "jwt", token, TOKEN_BYTES);
}

/* The token of `peer`, or "". Returns 0, or a token_error with words in *why. */
static int find_token(const struct relay_peer *peer, char token[TOKEN_BYTES], const char **why)
{
    int n = copy_token(peer, token);
    if (n == RELAY_ERR_NOT_FOUND)
        token[0] = '\0';
    *why = n == RELAY_ERR_INVALID ? "jwt is in the URL's query twice, or wrongly escaped"
                                  : "the token is longer than 8 KiB";
    if (n == RELAY_ERR_INVALID)
        return TOKEN_ERR_FORM;
    return n >= TOKEN_BYTES ? TOKEN_ERR_SIZE : 0;
}

static enum relay_verdict judge_token(struct relay_worker *worker, struct relay_request *request,
                                      const struct rules *rules, const char *text)
{
    char why[TOKEN_WHY_BYTES];
    struct token token;
    int error = token_verify(rules->keys, text, auth_now_ms(), &token, why);
    if (error)
        return auth_refuse_token(worker, request, error, why);
    enum relay_verdict verdict = auth_admit(worker, request, rules, &token);
    token_clear(&token);
    return verdict;
}

static bool is_anything_anonymous(const struct rules *rules)
{
    return rules->anonymous.publish.count + rules->anonymous.subscribe.count > 0;
}

static enum relay_verdict decide_session(struct relay_worker *worker, struct relay_request *request,
                                         struct rules *rules, const char *token)
{
    struct auth_worker *here = relay_worker_slot(worker);
    if (rules->url && (token[0] || !is_anything_anonymous(rules)))
        return callback_ask(&here->callback, request, rules, token);
    if (token[0] && rules->keys)
        return judge_token(worker, request, rules, token);
    if (token[0])
        return auth_refuse_token(worker, request, TOKEN_ERR_KEY,
                                 "the relay has no keys for tokens; come without one");
    return auth_admit(worker, request, rules, NULL);
}

static enum relay_verdict session_open(struct relay_peer *peer, struct relay_request *request)
{
    struct relay_worker *worker = relay_peer_worker(peer);
    char token[TOKEN_BYTES];
    const char *why;
    int error = find_token(peer, token, &why);
    if (error)
        return auth_refuse_token(worker, request, error, why);
    struct rules *rules = board_take(&auth_of(worker)->board);
    enum relay_verdict verdict = decide_session(worker, request, rules, token);
    rules_unref(&rules);
    return verdict;
}

static const struct relay_hooks hooks = {
    .size = sizeof hooks,
    .session_open = session_open,
};

RELAY_MODULE = {
    RELAY_MODULE_HEAD,
    .name = "auth",
    .version = "1.0",
    .config = &auth_schema,
    .hooks = &hooks,
    .worker_slot_bytes = sizeof(struct auth_worker),
    .check = auth_check,
    .start = start_module,
    .worker_start = worker_start,
    .reload = prepare_rules,
    .reload_done = use_prepared_rules,
    .worker_stop = worker_stop,
    .stop = stop_module,
};
