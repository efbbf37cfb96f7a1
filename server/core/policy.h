/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A viewer's policy has one owner: policy_decide, a pure function. Its inputs are stored with the
 * viewer; code that changes one of them calls policy_decide again and passes the numbers to
 * transfork. */
#ifndef MOQ_CORE_POLICY_H
#define MOQ_CORE_POLICY_H

#include "server/config/config.h"
#include "server/core/hooks.h"

/* What hooks set, and which of them. */
struct policy_override {
    struct core_override numbers;
    /* Names of entries. */
    const char *by_latency, *by_priority, *by_order, *by_rate, *by_identity_rate, *by_start;
};

struct policy_inputs {
    struct config_verdict policy_class; /* by the requested path, when the viewer arrived */
    struct moq_wish wish;               /* the subscriber's, as of its last update */
    struct policy_override override;    /* the hooks' */
    struct config_policy_max max;       /* of the configuration, when the viewer arrived */
};

/* The numbers that transfork works with. `reasons` (may be NULL) says who decided each of them.
 *
 *   latency    the hook's, else the class's; never above the limit
 *   priority   the hook's, else the wish's, moved by the class's distance from neutral; never
 *              above the limit
 *   order      the hook's, else the wish's, else the class's
 *   rates      the hook's, else the class's; that of the viewer never above the limit
 *   start      the hook's, else the class's; never further back than the limit. A range that the
 *              wish has counts instead of it */
struct moq_policy policy_decide(const struct policy_inputs *inputs,
                                struct core_policy_reasons *reasons);

/* From now on, what `change` sets is decided by the entry named `by`. */
void policy_override_set(struct policy_override *override, const char *by,
                         const struct core_override *change);
void policy_override_clear(struct policy_override *override, unsigned bits);

#endif
