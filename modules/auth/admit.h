/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Lets a peer in with what it was granted, or refuses it, and counts that. */
#ifndef AUTH_ADMIT_H
#define AUTH_ADMIT_H

#include "modules/auth/rules.h"

/* X(name): what it counts, as /stats shows it. */
#define AUTH_COUNTERS(X)                                                                           \
    X(accepted)         /* sessions with a good token, or that the auth server accepted */         \
    X(anonymous)        /* sessions without a token that may do what everybody may */              \
    X(denied_no_token)  /* they sent none, and nothing is for everybody */                         \
    X(denied_size)      /* the token is too long */                                                \
    X(denied_form)      /* it is no signed token */                                                \
    X(denied_algorithm) /* none, unknown, or not the key's */                                      \
    X(denied_key)       /* no key fits */                                                          \
    X(denied_signature)                                                                            \
    X(denied_expired)                                                                              \
    X(denied_early)                                                                                \
    X(denied_claim)                                                                                \
    X(denied_memory)                                                                               \
    X(denied_grants)      /* more than a session can be granted */                                 \
    X(denied_callback)    /* the auth server says no */                                            \
    X(denied_unavailable) /* it does not answer, or not as it should */                            \
    X(denied_busy)        /* it is asked about too many at a time */                               \
    X(callback_requests)                                                                           \
    X(callback_failures)                                                                           \
    X(cache_hits)                                                                                  \
    X(key_reloads)

enum auth_counter {
#define AUTH_COUNTER(name) AUTH_##name,
    AUTH_COUNTERS(AUTH_COUNTER)
#undef AUTH_COUNTER
        AUTH_COUNTER_COUNT
};

/* The module, as relay_data. */
struct auth {
    struct board board;
    struct rules *next; /* of a reload that is not decided yet */
    int counters[AUTH_COUNTER_COUNT];
};

struct auth *auth_of(const struct relay_worker *worker);
void auth_count(struct relay_worker *worker, enum auth_counter counter);

int64_t auth_now_ms(void); /* since 1970, by the wall clock */

struct refusal {
    enum auth_counter counter;
    enum relay_denial code;
    const char *words; /* the peer and the log are told */
};

/* Returns RELAY_DENY. */
enum relay_verdict auth_refuse(struct relay_worker *worker, struct relay_request *request,
                               const struct refusal *refusal);
/* For a token that does not hold, by its token_error. */
enum relay_verdict auth_refuse_token(struct relay_worker *worker, struct relay_request *request,
                                     int error, const char *why);
/* Grants what `token` grants (NULL: there is none) and what everybody may do. RELAY_PASS, so that
 * later modules are asked as well, or RELAY_DENY. */
enum relay_verdict auth_admit(struct relay_worker *worker, struct relay_request *request,
                              const struct rules *rules, const struct token *token);

#endif
