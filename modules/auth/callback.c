/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The HTTP callback: question, answer, and what is remembered of it. A peer that leaves while the
 * server thinks does not end the exchange: the connection stays, and the answer may serve others.
 * Tested by tests/e2e/test_callback.py. */
#include "modules/auth/callback.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modules/auth/admit.h"
#include "modules/auth/answer.h"

struct ask {
    struct callback *callback;
    struct relay_worker *worker;
    struct rules *rules; /* a reference: those that held when it was asked */
    uint64_t number;     /* of the request that waits */
    char *key;           /* for the cache */
};

static void free_ask(struct ask *ask)
{
    rules_unref(&ask->rules);
    free(ask->key);
    free(ask);
}

/* ---- The question ---------------------------------------------------------------------------- */

/* The query without the parameter `jwt`, which has a member of its own. */
static json_t *other_query(const char *query)
{
    char *rest = calloc(1, strlen(query) + 1);
    size_t used = 0;
    if (!rest)
        return NULL;
    for (const char *pair = query; *pair; pair += pair[0] == '&') {
        size_t n = strcspn(pair, "&");
        if (n > 0 && strncmp(pair, "jwt=", 4) != 0) {
            if (used > 0)
                rest[used++] = '&';
            memcpy(rest + used, pair, n);
            used += n;
        }
        pair += n;
    }
    json_t *text = json_string(rest);
    free(rest);
    return text;
}

static const char *words_of_protocol(enum relay_protocol protocol)
{
    switch (protocol) {
    case RELAY_PROTOCOL_WEBTRANSPORT:
        return "webtransport";
    case RELAY_PROTOCOL_QUIC:
        return "quic";
    case RELAY_PROTOCOL_GUEST:
        return "guest";
    }
    return "other";
}

/* Everything on which an answer may depend, if it is to be used again. NULL: out of memory, or a
 * text is not UTF-8. */
static json_t *make_question(const struct relay_peer *peer, const char *token)
{
    json_t *question = json_object();
    const struct {
        const char *name;
        json_t *value;
    } members[] = {
        {"token", json_string(token)},
        {"path", json_string(relay_peer_url_path(peer))},
        {"query", other_query(relay_peer_query(peer))},
        {"origin", json_string(relay_peer_page(peer))},
        {"server_name", json_string(relay_peer_server_name(peer))},
        {"protocol", json_string(words_of_protocol(relay_peer_protocol(peer)))},
    };
    bool is_whole = question != NULL;
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        is_whole &= json_object_set_new(question, members[i].name, members[i].value) == 0;
    if (is_whole)
        return question;
    json_decref(question);
    return NULL;
}

/* Adds what only the server should see. */
static char *make_body(json_t *question, const struct relay_peer *peer)
{
    if (json_object_set_new(question, "address", json_string(relay_peer_address(peer))) != 0)
        return NULL;
    return json_dumps(question, JSON_COMPACT);
}

/* ---- The answer ------------------------------------------------------------------------------ */

static enum relay_verdict refuse_unavailable(struct relay_worker *worker,
                                             struct relay_request *request)
{
    static const struct refusal unavailable = {AUTH_denied_unavailable, RELAY_DENIED_BUSY,
                                               "the auth server has not answered as it should"};
    return auth_refuse(worker, request, &unavailable);
}

/* Returns an answer of no use: the log is told, and the peer if it still waits. */
static enum relay_verdict report_failure(const struct ask *ask, struct relay_request *request,
                                         const char *what, const char *why)
{
    auth_count(ask->worker, AUTH_callback_failures);
    relay_log(relay_worker_self(ask->worker), RELAY_WARN,
              "callback: %s%s%s; the session is refused", what, why[0] ? ": " : "", why);
    return request ? refuse_unavailable(ask->worker, request) : RELAY_DENY;
}

static enum relay_verdict refuse_by_status(const struct ask *ask, struct relay_request *request,
                                           long status)
{
    const struct refusal refusal = {
        AUTH_denied_callback, status == 401 ? RELAY_DENIED_UNAUTHORIZED : RELAY_DENIED_FORBIDDEN,
        status == 401 ? "the auth server does not know this token"
                      : "the auth server does not allow it"};
    return request ? auth_refuse(ask->worker, request, &refusal) : RELAY_DENY;
}

/* How long an answer may be used again: not when what it grants has expired, because the server may
 * grant more by then. */
static uint64_t hold_ns(const struct token *token, uint64_t max_age_ns)
{
    int64_t left_ms =
        token->expires_ms == TOKEN_NEVER ? INT64_MAX : token->expires_ms - auth_now_ms();
    if (left_ms <= 0)
        return 0;
    return (uint64_t)left_ms < max_age_ns / 1000000 ? (uint64_t)left_ms * 1000000 : max_age_ns;
}

static enum relay_verdict take_grants(const struct ask *ask, struct relay_request *request,
                                      const struct web_answer *answer)
{
    char why[TOKEN_WHY_BYTES];
    struct token token;
    uint64_t max_age_ns = ask->rules->max_age_ns;
    if (answer_read(answer->body, answer->body_bytes, &token, &max_age_ns, why))
        return report_failure(ask, request, "the answer cannot be used", why);
    enum relay_verdict verdict =
        request ? auth_admit(ask->worker, request, ask->rules, &token) : RELAY_DENY;
    max_age_ns = hold_ns(&token, max_age_ns);
    if (max_age_ns > 0 && ask->callback->rules == ask->rules)
        cache_put(&ask->callback->cache, ask->key, relay_worker_now_ns(ask->worker) + max_age_ns,
                  &token);
    token_clear(&token);
    return verdict;
}

static enum relay_verdict judge_answer(const struct ask *ask, struct relay_request *request,
                                       const struct web_answer *answer)
{
    char status[32];
    if (answer->failure)
        return report_failure(ask, request, answer->failure, "");
    if (answer->status == 200)
        return take_grants(ask, request, answer);
    if (answer->status == 401 || answer->status == 403)
        return refuse_by_status(ask, request, answer->status);
    snprintf(status, sizeof status, "%ld", answer->status);
    return report_failure(ask, request, "the answer's status is neither 200, 401 nor 403", status);
}

static void on_answer(void *user, const struct web_answer *answer)
{
    struct ask *ask = user;
    struct relay_request *request =
        answer->is_cancelled ? NULL : relay_request_held(ask->worker, ask->number);
    enum relay_verdict verdict =
        answer->is_cancelled ? RELAY_DENY : judge_answer(ask, request, answer);
    if (request)
        relay_request_answer(request, verdict);
    free_ask(ask);
}

/* ---- Asking ---------------------------------------------------------------------------------- */

static struct ask *new_ask(struct callback *callback, struct relay_request *request,
                           struct rules *rules, char *key)
{
    struct ask *ask = calloc(1, sizeof *ask);
    if (ask)
        *ask = (struct ask){callback, relay_peer_worker(relay_request_peer(request)),
                            rules_ref(rules), relay_request_number(request), key};
    else
        free(key);
    return ask;
}

/* Takes `key`. False: out of memory. */
static bool send_question(struct callback *callback, struct relay_request *request,
                          struct rules *rules, json_t *question, char *key)
{
    struct ask *ask = new_ask(callback, request, rules, key);
    char *body = make_body(question, relay_request_peer(request));
    const struct web_request post = {rules->url, rules->ca, body, rules->timeout_ms};
    bool is_sent = ask && body && web_post(callback->web, &post, on_answer, ask);
    free(body);
    if (ask && !is_sent)
        free_ask(ask);
    return is_sent;
}

/* Answers of earlier rules, perhaps of another server, hold no longer. */
static void follow_rules(struct callback *callback, struct rules *rules)
{
    if (callback->rules == rules)
        return;
    cache_clear(&callback->cache);
    rules_unref(&callback->rules);
    callback->rules = rules_ref(rules);
}

/* Takes `key`. */
static enum relay_verdict ask_server(struct callback *callback, struct relay_request *request,
                                     struct rules *rules, json_t *question, char *key)
{
    static const struct refusal busy = {AUTH_denied_busy, RELAY_DENIED_BUSY,
                                        "the auth server is asked about too many peers at a time"};
    struct relay_worker *worker = relay_peer_worker(relay_request_peer(request));
    if (web_open_count(callback->web) >= rules->concurrency) {
        free(key);
        return auth_refuse(worker, request, &busy);
    }
    if (!send_question(callback, request, rules, question, key))
        return auth_refuse_token(worker, request, TOKEN_ERR_NOMEM, "out of memory");
    auth_count(worker, AUTH_callback_requests);
    return RELAY_LATER;
}

enum relay_verdict callback_ask(struct callback *callback, struct relay_request *request,
                                struct rules *rules, const char *token)
{
    const struct relay_peer *peer = relay_request_peer(request);
    struct relay_worker *worker = relay_peer_worker(peer);
    json_t *question = make_question(peer, token);
    char *key = question ? json_dumps(question, JSON_COMPACT) : NULL;
    enum relay_verdict verdict;
    follow_rules(callback, rules);
    const struct token *known =
        key ? cache_find(&callback->cache, key, relay_worker_now_ns(worker)) : NULL;
    if (!key) {
        verdict =
            auth_refuse_token(worker, request, TOKEN_ERR_FORM, "the URL or the token is not UTF-8");
    } else if (known) {
        auth_count(worker, AUTH_cache_hits);
        verdict = auth_admit(worker, request, rules, known);
        free(key);
    } else {
        verdict = ask_server(callback, request, rules, question, key);
    }
    json_decref(question);
    return verdict;
}

void callback_close(struct callback *callback)
{
    web_close(&callback->web);
    cache_clear(&callback->cache);
    rules_unref(&callback->rules);
}
