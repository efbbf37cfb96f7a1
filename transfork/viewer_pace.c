/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Rate caps of viewers: how many bytes a viewer may send now, and when its streams are woken
 * again. What is held back becomes late like everything else.
 * Tested by tests/unit/transfork/test_pacer.c and tests/sim/relay/test_rates.c. */
#include "transfork/pacer.h"
#include "transfork/send_group.h"
#include "transfork/viewer.h"

static uint64_t own_rate(const struct moq_viewer *viewer)
{
    return viewer->policy.rate_bps;
}

static uint64_t shared_rate(const struct moq_viewer *viewer)
{
    return viewer->pace.shared ? viewer->policy.shared_rate_bps : 0;
}

/* Of both rates, of which 0 is none. */
static uint64_t lower_rate(const struct moq_viewer *viewer)
{
    uint64_t own = own_rate(viewer), shared = shared_rate(viewer);
    if (own == 0 || shared == 0)
        return own + shared;
    return own < shared ? own : shared;
}

static void reserve_step(struct moq_viewer *viewer)
{
    struct viewer_pace *pace = &viewer->pace;
    uint64_t now_ns = session_now(viewer->session), n = pacer_step(lower_rate(viewer));
    uint64_t own = own_rate(viewer), shared = shared_rate(viewer);
    uint64_t own_ns = own ? pacer_reserve(&pace->own, own, n, now_ns) : 0;
    uint64_t shared_ns = shared ? pacer_reserve(pace->shared, shared, n, now_ns) : 0;
    pace->credit = n;
    pace->credit_ns = own_ns > shared_ns ? own_ns : shared_ns;
}

uint64_t viewer_pace_room(struct moq_viewer *viewer)
{
    struct viewer_pace *pace = &viewer->pace;
    if (pace->credit == 0)
        reserve_step(viewer);
    pace->is_held = session_now(viewer->session) < pace->credit_ns;
    if (!pace->is_held)
        return pace->credit;
    session_wait_until(viewer->session, pace->credit_ns);
    return 0;
}

void viewer_pace_sent(struct moq_viewer *viewer, struct send_group *sending, uint64_t n)
{
    struct viewer_pace *pace = &viewer->pace;
    pace->credit -= n < pace->credit ? n : pace->credit;
    if (pace->credit == 0)
        stream_wake(&sending->stream); /* it was given less than it has */
}

static void let_go(struct moq_viewer *viewer)
{
    viewer->pace.is_held = false;
    list_for_each (node, &viewer->groups)
        stream_wake(&send_group_at(node)->stream);
}

void viewer_pace_tick(struct moq_viewer *viewer)
{
    const struct viewer_pace *pace = &viewer->pace;
    if (!pace->is_held)
        return;
    if (session_now(viewer->session) < pace->credit_ns)
        session_wait_until(viewer->session, pace->credit_ns);
    else
        let_go(viewer);
}

void viewer_pace_drop(struct moq_viewer *viewer)
{
    struct viewer_pace *pace = &viewer->pace;
    if (own_rate(viewer) && pace->credit)
        pacer_give_back(&pace->own, own_rate(viewer), pace->credit);
    if (shared_rate(viewer) && pace->credit)
        pacer_give_back(pace->shared, shared_rate(viewer), pace->credit);
    pace->credit = 0;
}

void viewer_pace_renew(struct moq_viewer *viewer)
{
    viewer->pace.is_capped = lower_rate(viewer) > 0;
    if (own_rate(viewer))
        pacer_change_rate(&viewer->pace.own, own_rate(viewer), session_now(viewer->session));
    if (viewer->pace.is_held)
        let_go(viewer);
}

void moq_viewer_share_pacer(struct moq_viewer *viewer, struct moq_pacer *pacer)
{
    if (viewer->pace.shared == pacer)
        return;
    viewer_pace_drop(viewer);
    viewer->pace.shared = pacer;
    viewer_pace_renew(viewer);
}
