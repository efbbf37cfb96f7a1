/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Runs hook chains, at once or in pieces: an entry that answers LATER leaves the question parked where it stands. */
#include "server/core/hooks.h"

#include <stdio.h>

#include "base/check.h"

void core_hooks_init(struct core_hooks *hooks, const struct clock *clock)
{
    list_init(&hooks->chain);
    list_init(&hooks->waiting);
    hooks->clock = clock;
}

void core_hooks_add(struct core_hooks *hooks, struct core_hook *hook)
{
    list_push_back(&hooks->chain, &hook->node);
}

/* Questions that stand at this entry move on to the one behind it. */
void core_hooks_remove(struct core_hooks *hooks, struct core_hook *hook)
{
    list_for_each (node, &hooks->waiting) {
        struct core_ask *ask = container_of(node, struct core_ask, node);
        if (ask->next == &hook->node)
            ask->next = hook->node.next;
    }
    list_remove(&hook->node);
}

static enum core_verdict ask_one(const struct core_hook *hook, struct core_ask *ask)
{
    switch (ask->question) {
    case CORE_ASK_SESSION:
        return hook->ops->session_open ? hook->ops->session_open(hook->self, ask) : CORE_PASS;
    case CORE_ASK_ANNOUNCE:
        return hook->ops->announce ? hook->ops->announce(hook->self, ask) : CORE_PASS;
    case CORE_ASK_SUBSCRIBE:
        return hook->ops->subscribe ? hook->ops->subscribe(hook->self, ask) : CORE_PASS;
    }
    UNREACHABLE();
}

static void park(struct core_ask *ask)
{
    ask->is_waiting = true;
    ask->deadline_ns = ask->hooks->clock->now_ns + CORE_ANSWER_TIMEOUT_NS;
    list_push_back(&ask->hooks->waiting, &ask->node);
}

static void run(struct core_ask *ask)
{
    while (ask->next != &ask->hooks->chain) {
        struct core_hook *hook = container_of(ask->next, struct core_hook, node);
        ask->next = ask->next->next;
        enum core_verdict verdict = ask_one(hook, ask);
        if (verdict == CORE_LATER) {
            park(ask);
            return;
        }
        if (verdict != CORE_PASS) {
            ask->on_decided(ask, verdict == CORE_ALLOW);
            return;
        }
    }
    ask->on_decided(ask, true);
}

void core_hooks_ask(struct core_hooks *hooks, struct core_ask *ask)
{
    ask->hooks = hooks;
    ask->next = hooks->chain.next;
    ask->is_waiting = false;
    list_init(&ask->node);
    run(ask);
}

/* Calls one notification of every entry that has it. */
#define NOTIFY(hooks, member, ...)                                                                 \
    list_for_each (node, &(hooks)->chain) {                                                        \
        const struct core_hook *hook = container_of(node, struct core_hook, node);                 \
        if (hook->ops->member)                                                                     \
            hook->ops->member(hook->self, __VA_ARGS__);                                            \
    }

static void unpark(struct core_ask *ask)
{
    ask->is_waiting = false;
    list_remove(&ask->node);
}

void core_answer(struct core_ask *ask, enum core_verdict verdict)
{
    if (!EXPECT(ask->is_waiting && verdict != CORE_LATER))
        return;
    unpark(ask);
    if (verdict == CORE_PASS)
        run(ask);
    else
        ask->on_decided(ask, verdict == CORE_ALLOW);
}

void core_hooks_withdraw(struct core_ask *ask)
{
    if (!ask->is_waiting)
        return;
    unpark(ask);
    NOTIFY(ask->hooks, withdrawn, ask)
}

uint64_t core_hooks_tick(struct core_hooks *hooks)
{
    while (!list_is_empty(&hooks->waiting)) {
        struct core_ask *ask = container_of(hooks->waiting.next, struct core_ask, node);
        if (ask->deadline_ns > hooks->clock->now_ns)
            return ask->deadline_ns;
        snprintf(ask->reason, sizeof ask->reason, "nobody answered in time");
        core_hooks_withdraw(ask);
        ask->on_decided(ask, false);
    }
    return CLOCK_NEVER;
}

void core_hooks_session_close(struct core_hooks *hooks, struct core_peer *peer)
{
    NOTIFY(hooks, session_close, peer)
}

void core_hooks_viewer_sample(struct core_hooks *hooks, struct moq_viewer *viewer)
{
    NOTIFY(hooks, viewer_sample, viewer)
}

bool core_hooks_want_samples(const struct core_hooks *hooks)
{
    list_for_each (node, &hooks->chain) {
        if (container_of(node, struct core_hook, node)->ops->viewer_sample)
            return true;
    }
    return false;
}

void core_hooks_track(struct core_hooks *hooks, const struct moq_path *path, bool is_live)
{
    if (is_live)
        NOTIFY(hooks, track_live, path)
    else
        NOTIFY(hooks, track_idle, path)
}

void core_hooks_event(struct core_hooks *hooks, const char *name, const struct moq_path *path)
{
    NOTIFY(hooks, event, name, path)
}
