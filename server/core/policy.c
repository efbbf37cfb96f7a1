/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Computes the numbers of one viewer from class, wish, override and limits. */
#include "server/core/policy.h"

static struct core_policy_reason reason_of(enum core_decider decider, const char *hook)
{
    return (struct core_policy_reason){decider, hook};
}

/* The subscriber's priority, moved by the class's distance from neutral. */
static uint8_t move_priority(uint8_t wished, uint8_t class)
{
    int sum = wished + class - 128;
    return (uint8_t)(sum < 0 ? 0 : sum > UINT8_MAX ? UINT8_MAX : sum);
}

static uint64_t decide_latency(const struct policy_inputs *inputs, struct core_policy_reason *why)
{
    const struct policy_override *override = &inputs->override;
    bool is_hooks = override->numbers.set & CORE_SET_LATENCY;
    uint64_t latency_ns = is_hooks ? override->numbers.latency_ns : inputs->policy_class.latency_ns;
    *why = is_hooks ? reason_of(CORE_DECIDED_BY_HOOK, override->by_latency)
                    : reason_of(CORE_DECIDED_BY_CLASS, NULL);
    if (latency_ns <= inputs->max.latency_ns)
        return latency_ns;
    *why = reason_of(CORE_DECIDED_BY_LIMIT, is_hooks ? override->by_latency : NULL);
    return inputs->max.latency_ns;
}

static uint64_t decide_rate(const struct policy_inputs *inputs, struct core_policy_reason *why)
{
    const struct policy_override *override = &inputs->override;
    bool is_hooks = override->numbers.set & CORE_SET_RATE;
    uint64_t rate_bps = is_hooks ? override->numbers.rate_bps : inputs->policy_class.rate_bps;
    uint64_t max_bps = inputs->max.rate_bps;
    *why = is_hooks ? reason_of(CORE_DECIDED_BY_HOOK, override->by_rate)
                    : reason_of(CORE_DECIDED_BY_CLASS, NULL);
    if (max_bps == 0 || (rate_bps > 0 && rate_bps <= max_bps))
        return rate_bps;
    *why = reason_of(CORE_DECIDED_BY_LIMIT, is_hooks ? override->by_rate : NULL);
    return max_bps;
}

static uint64_t decide_identity_rate(const struct policy_inputs *inputs,
                                     struct core_policy_reason *why)
{
    const struct policy_override *override = &inputs->override;
    bool is_hooks = override->numbers.set & CORE_SET_IDENTITY_RATE;
    *why = is_hooks ? reason_of(CORE_DECIDED_BY_HOOK, override->by_identity_rate)
                    : reason_of(CORE_DECIDED_BY_CLASS, NULL);
    return is_hooks ? override->numbers.identity_rate_bps : inputs->policy_class.identity_rate_bps;
}

static uint8_t decide_priority(const struct policy_inputs *inputs, struct core_policy_reason *why)
{
    const struct policy_override *override = &inputs->override;
    bool is_hooks = override->numbers.set & CORE_SET_PRIORITY;
    bool is_wish = inputs->policy_class.priority == 128;
    uint8_t priority = is_hooks
                           ? override->numbers.priority
                           : move_priority(inputs->wish.priority, inputs->policy_class.priority);
    *why = is_hooks ? reason_of(CORE_DECIDED_BY_HOOK, override->by_priority)
                    : reason_of(is_wish ? CORE_DECIDED_BY_WISH : CORE_DECIDED_BY_CLASS, NULL);
    if (priority <= inputs->max.priority)
        return priority;
    *why = reason_of(CORE_DECIDED_BY_LIMIT, is_hooks ? override->by_priority : NULL);
    return (uint8_t)inputs->max.priority;
}

static uint8_t decide_order(const struct policy_inputs *inputs, struct core_policy_reason *why)
{
    const struct policy_override *override = &inputs->override;
    if (override->numbers.set & CORE_SET_ORDER) {
        *why = reason_of(CORE_DECIDED_BY_HOOK, override->by_order);
        return override->numbers.order == MOQ_ORDER_OLDEST ? MOQ_ORDER_OLDEST : MOQ_ORDER_NEWEST;
    }
    if (inputs->wish.order != MOQ_ORDER_ANY) {
        *why = reason_of(CORE_DECIDED_BY_WISH, NULL);
        return inputs->wish.order;
    }
    *why = reason_of(CORE_DECIDED_BY_CLASS, NULL);
    return (uint8_t)inputs->policy_class.order;
}

_Static_assert(CONFIG_START_OLDEST == MOQ_START_OLDEST, "one is the other");
_Static_assert(CONFIG_START_NEXT == MOQ_START_NEXT, "one is the other");

/* The limit may be a time; the next group is not back. */
static uint64_t decide_start(const struct policy_inputs *inputs, struct core_policy_reason *why)
{
    const struct policy_override *override = &inputs->override;
    bool is_hooks = override->numbers.set & CORE_SET_START;
    uint64_t start_ns = is_hooks ? override->numbers.start_ns : inputs->policy_class.start_ns;
    *why = is_hooks ? reason_of(CORE_DECIDED_BY_HOOK, override->by_start)
                    : reason_of(CORE_DECIDED_BY_CLASS, NULL);
    if (inputs->wish.min != MOQ_NO_GROUP)
        *why = reason_of(CORE_DECIDED_BY_WISH, NULL);
    if (start_ns == MOQ_START_NEXT || start_ns <= inputs->max.start_ns)
        return start_ns;
    *why = reason_of(CORE_DECIDED_BY_LIMIT, is_hooks ? override->by_start : NULL);
    return inputs->max.start_ns;
}

struct moq_policy policy_decide(const struct policy_inputs *inputs,
                                struct core_policy_reasons *reasons)
{
    struct core_policy_reasons unwanted;
    struct core_policy_reasons *why = reasons ? reasons : &unwanted;
    return (struct moq_policy){
        .latency_ns = decide_latency(inputs, &why->latency),
        .priority = decide_priority(inputs, &why->priority),
        .order = decide_order(inputs, &why->order),
        .rate_bps = decide_rate(inputs, &why->rate),
        .shared_rate_bps = decide_identity_rate(inputs, &why->identity_rate),
        .start_ns = decide_start(inputs, &why->start),
    };
}

void policy_override_set(struct policy_override *override, const char *by,
                         const struct core_override *change)
{
    struct core_override *numbers = &override->numbers;
    if (change->set & CORE_SET_LATENCY) {
        numbers->latency_ns = change->latency_ns;
        override->by_latency = by;
    }
    if (change->set & CORE_SET_PRIORITY) {
        numbers->priority = change->priority;
        override->by_priority = by;
    }
    if (change->set & CORE_SET_ORDER) {
        numbers->order = change->order;
        override->by_order = by;
    }
    if (change->set & CORE_SET_RATE) {
        numbers->rate_bps = change->rate_bps;
        override->by_rate = by;
    }
    if (change->set & CORE_SET_IDENTITY_RATE) {
        numbers->identity_rate_bps = change->identity_rate_bps;
        override->by_identity_rate = by;
    }
    if (change->set & CORE_SET_START) {
        numbers->start_ns = change->start_ns;
        override->by_start = by;
    }
    numbers->set |= change->set & CORE_SET_ALL;
}

void policy_override_clear(struct policy_override *override, unsigned bits)
{
    override->numbers.set &= ~bits;
}
