/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Grants from the inside: core's copy of a struct core_grants. What they say never changes, so a
 * peer and a request may share them. */
#ifndef MOQ_CORE_GRANTS_H
#define MOQ_CORE_GRANTS_H

#include "server/core/hooks.h"

struct grants {
    uint32_t refs; /* private */
    bool is_cluster;
    uint64_t expires_ms;           /* 0: never */
    const char *identity, *claims; /* never NULL */
    struct json_t *parsed;         /* private: the claims, once somebody has looked at them */
    bool is_parsed;                /* private */
    size_t publish_count, subscribe_count;
    struct moq_path *prefixes[]; /* those for publishing, then those for subscribing */
};

/* A copy, with one reference for the caller. 0, or MOQ_ERR_EXPIRED, _BOUNDS or _NOMEM. */
int grants_new(const struct core_grants *from, uint64_t now_wall_ms, struct grants **out);
struct grants *grants_ref(struct grants *grants); /* NULL stays NULL */
void grants_unref(struct grants **grants);

/* The claims, for claims_have. Parsed when they are first asked for. NULL: there are none, or they
 * are no JSON object. */
const struct json_t *grants_claims(struct grants *grants);

/* Whether `path` is below one of the prefixes. NULL: there are no grants, so it is. */
bool grants_cover(const struct grants *grants, enum core_action action,
                  const struct moq_path *path);

enum { GRANTS_TEXT_BYTES = 256 };
/* For logs: "a/b, c only", or "nothing". Returns `out`. */
char *grants_text(const struct grants *grants, enum core_action action,
                  char out[GRANTS_TEXT_BYTES]);

#endif
