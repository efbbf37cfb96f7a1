/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The end of each decision: grants or a refusal.
 * Tested by tests/e2e/test_auth.py. */
#include "modules/auth/admit.h"

#include <time.h>

struct auth *auth_of(const struct relay_worker *worker)
{
    return relay_data(relay_worker_self(worker));
}

void auth_count(struct relay_worker *worker, enum auth_counter counter)
{
    relay_count(worker, auth_of(worker)->counters[counter], 1);
}

int64_t auth_now_ms(void)
{
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    return (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000;
}

enum relay_verdict auth_refuse(struct relay_worker *worker, struct relay_request *request,
                               const struct refusal *refusal)
{
    auth_count(worker, refusal->counter);
    return relay_request_deny(request, refusal->code, "%s", refusal->words);
}

enum relay_verdict auth_refuse_token(struct relay_worker *worker, struct relay_request *request,
                                     int error, const char *why)
{
    static const enum auth_counter counters[] = {
        [TOKEN_ERR_SIZE] = AUTH_denied_size,           [TOKEN_ERR_FORM] = AUTH_denied_form,
        [TOKEN_ERR_ALGORITHM] = AUTH_denied_algorithm, [TOKEN_ERR_KEY] = AUTH_denied_key,
        [TOKEN_ERR_SIGNATURE] = AUTH_denied_signature, [TOKEN_ERR_EXPIRED] = AUTH_denied_expired,
        [TOKEN_ERR_EARLY] = AUTH_denied_early,         [TOKEN_ERR_CLAIM] = AUTH_denied_claim,
        [TOKEN_ERR_NOMEM] = AUTH_denied_memory,
    };
    const struct refusal refusal = {
        counters[error],
        error == TOKEN_ERR_EXPIRED ? RELAY_DENIED_EXPIRED : RELAY_DENIED_UNAUTHORIZED, why};
    return auth_refuse(worker, request, &refusal);
}

static enum relay_verdict refuse_grants(struct relay_worker *worker, struct relay_request *request,
                                        int error)
{
    if (error == RELAY_ERR_EXPIRED)
        return auth_refuse_token(worker, request, TOKEN_ERR_EXPIRED, "the token has expired (exp)");
    const struct refusal refusal = {
        error == RELAY_ERR_NOMEM ? AUTH_denied_memory : AUTH_denied_grants,
        RELAY_DENIED_UNAUTHORIZED,
        error == RELAY_ERR_NOMEM    ? "out of memory"
        : error == RELAY_ERR_BOUNDS ? "more is granted than a session can have: too many paths, or "
                                      "a name or claims that are too long"
                                    : "what is granted has a path that no track can have"};
    return auth_refuse(worker, request, &refusal);
}

/* A session's grants expire at a time other than 0. */
static uint64_t expires_ms(const struct token *token)
{
    if (!token || token->expires_ms == TOKEN_NEVER)
        return 0;
    return token->expires_ms > 0 ? (uint64_t)token->expires_ms : 1;
}

static int set_grants(struct relay_request *request, const struct token_grants *all,
                      const struct token *token)
{
    const struct relay_grants grants = {
        .size = sizeof grants,
        .is_cluster = token && token->is_cluster,
        .identity = token ? token->identity : NULL,
        .claims = token ? token->claims : NULL,
        .publish = (const char *const *)all->publish.items,
        .publish_count = all->publish.count,
        .subscribe = (const char *const *)all->subscribe.items,
        .subscribe_count = all->subscribe.count,
        .expires_ms = expires_ms(token),
    };
    return relay_request_set_grants(request, &grants);
}

static int grant_all(struct relay_request *request, const struct rules *rules,
                     const struct token *token)
{
    struct token_grants all = {.publish.count = 0};
    int error = token ? token_grants_add(&all, &token->grants) : 0;
    if (!error)
        error = token_grants_add(&all, &rules->anonymous);
    if (error)
        error = error == TOKEN_ERR_NOMEM ? RELAY_ERR_NOMEM : RELAY_ERR_BOUNDS;
    else
        error = set_grants(request, &all, token);
    token_grants_clear(&all);
    return error;
}

static bool is_anything_granted(const struct token_grants *grants)
{
    return grants->publish.count + grants->subscribe.count > 0;
}

static enum relay_verdict refuse_stranger(struct relay_worker *worker,
                                          struct relay_request *request)
{
    bool is_raw = relay_peer_protocol(relay_request_peer(request)) == RELAY_PROTOCOL_QUIC;
    const struct refusal refusal = {
        AUTH_denied_no_token, RELAY_DENIED_UNAUTHORIZED,
        is_raw ? "no token: raw QUIC has no place for one, so connect by WebTransport"
               : "no token: the URL needs one, as in https://relay.example/?jwt=TOKEN"};
    return auth_refuse(worker, request, &refusal);
}

enum relay_verdict auth_admit(struct relay_worker *worker, struct relay_request *request,
                              const struct rules *rules, const struct token *token)
{
    static const struct refusal nothing = {AUTH_denied_callback, RELAY_DENIED_FORBIDDEN,
                                           "the auth server grants nothing"};
    if (!is_anything_granted(&rules->anonymous) && (!token || !is_anything_granted(&token->grants)))
        return token ? auth_refuse(worker, request, &nothing) : refuse_stranger(worker, request);
    int error = grant_all(request, rules, token);
    if (error)
        return refuse_grants(worker, request, error);
    auth_count(worker, token ? AUTH_accepted : AUTH_anonymous);
    if (token && token->identity && token->identity[0])
        relay_log(relay_worker_self(worker), RELAY_INFO, "session %llu is %s",
                  (unsigned long long)relay_peer_number(relay_request_peer(request)),
                  token->identity);
    return RELAY_PASS;
}
