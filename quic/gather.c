/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Decides when gathering begins and when it ends. */
#include "quic/gather.h"

void gather_init(struct gather *gather)
{
    *gather = (struct gather){.streak_needed = GATHER_STREAK_FIRST};
}

static void begin_gathering(struct gather *gather)
{
    gather->is_on = true;
    gather->has_paid = false;
    gather->streak = gather->lone = 0;
}

/* A single peer that answers each of our packets looks like a trickle, too, and gathering would
 * slow it down. The first looks show that, and then gathering is tried less and less often. */
static void end_gathering(struct gather *gather)
{
    gather->is_on = false;
    if (gather->has_paid)
        gather->streak_needed = GATHER_STREAK_MIN;
    else if (gather->streak_needed < GATHER_STREAK_MAX)
        gather->streak_needed *= 2;
}

static void note_gathered(struct gather *gather, size_t packets, bool is_flow)
{
    bool is_worth_it = packets > 1 && !is_flow;
    gather->has_paid |= is_worth_it;
    gather->lone = is_worth_it ? 0 : gather->lone + 1;
    if (is_flow || gather->lone == GATHER_LONE_MAX || packets >= GATHER_BURST)
        end_gathering(gather);
}

void gather_note(struct gather *gather, uint64_t now_ns, size_t packets, size_t trains)
{
    bool is_soon = now_ns - gather->asleep_ns < GATHER_NS;
    bool is_flow = packets >= GATHER_FLOW * trains && packets > 0;
    gather_sleep(gather, now_ns);
    if (gather->is_on) {
        note_gathered(gather, packets, is_flow);
        return;
    }
    bool is_few = packets > 0 && packets < GATHER_FEW && !is_flow;
    gather->streak = is_soon && is_few ? gather->streak + 1 : 0;
    if (gather->streak >= gather->streak_needed)
        begin_gathering(gather);
}
