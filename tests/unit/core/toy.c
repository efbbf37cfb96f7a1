/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Counts all that it hears, and holds it against what it heard before.
 * Used by tests/unit/core/test_entry.c and tests/unit/core/test_attach.c. */
#include "tests/unit/core/toy.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void count_request(struct toy *toy, const struct core_request *request)
{
    struct core_peer *peer = core_request_peer(request);
    struct toy_peer *slot = core_peer_slot(peer, &toy->hook);
    assert_int_equal(slot->number, core_peer_number(peer));
    slot->requests++;
    toy->asked[core_request_kind(request)]++;
}

static enum core_verdict on_request(void *self, struct core_request *request)
{
    count_request(self, request);
    return CORE_PASS;
}

static enum core_verdict on_session(void *self, struct core_request *request)
{
    const struct core_peer *peer = core_request_peer(request);
    struct toy *toy = self;
    toy->has_sni = core_peer_server_name(peer)[0] != '\0';
    assert_null(core_request_path(request));
    return on_request(self, request);
}

static enum core_verdict on_subscribe(void *self, struct core_request *request)
{
    struct toy *toy = self;
    count_request(toy, request);
    assert_non_null(core_request_wish(request));
    if (!toy->is_holding)
        return CORE_PASS;
    toy->held++;
    toy->last_held = request;
    core_request_set_user(request, toy);
    return CORE_LATER;
}

static enum core_verdict on_fetch(void *self, struct core_request *request)
{
    struct toy *toy = self;
    toy->group = core_request_group(request);
    return on_request(self, request);
}

static void on_withdrawn(void *self, struct core_request *request)
{
    struct toy *toy = self;
    assert_ptr_equal(core_request_user(request), toy);
    toy->withdrawn++;
    toy->held--;
}

static void on_peer_born(void *self, struct core_peer *peer)
{
    struct toy *toy = self;
    struct toy_peer *slot = core_peer_slot(peer, &toy->hook);
    assert_int_equal(slot->number, 0);
    slot->number = core_peer_number(peer);
    toy->peers++;
    toy->peers_ever++;
}

static void on_peer_died(void *self, struct core_peer *peer)
{
    struct toy *toy = self;
    const struct toy_peer *slot = core_peer_slot(peer, &toy->hook);
    assert_int_equal(slot->number, core_peer_number(peer));
    toy->peers--;
}

static void on_viewer_born(void *self, struct core_viewer *viewer)
{
    struct toy *toy = self;
    const struct toy_viewer *slot = core_viewer_slot(viewer, &toy->hook);
    assert_int_equal(slot->samples, 0);
    toy->viewers++;
    toy->viewers_ever++;
}

static void on_viewer_died(void *self, struct core_viewer *viewer)
{
    struct toy *toy = self;
    struct moq_viewer_stats stats;
    core_viewer_stats(viewer, &stats); /* final numbers */
    toy->viewers--;
}

static void on_sample(void *self, struct core_viewer *viewer)
{
    struct toy *toy = self;
    struct toy_viewer *slot = core_viewer_slot(viewer, &toy->hook);
    slot->samples++;
    toy->samples++;
    if (toy->sampled_at_ns != toy->clock->now_ns)
        toy->in_turn = 0;
    toy->sampled_at_ns = toy->clock->now_ns;
    toy->in_turn++;
    toy->most_in_turn = toy->in_turn > toy->most_in_turn ? toy->in_turn : toy->most_in_turn;
    if (toy->is_closing)
        core_viewer_close(viewer, MOQ_ERR_REFUSED);
}

static const struct core_hook_ops toy_ops = {
    .name = "toy",
    .peer_slot_bytes = sizeof(struct toy_peer),
    .viewer_slot_bytes = sizeof(struct toy_viewer),
    .session_open = on_session,
    .announce = on_request,
    .subscribe = on_subscribe,
    .fetch = on_fetch,
    .info = on_request,
    .withdrawn = on_withdrawn,
    .peer_born = on_peer_born,
    .peer_died = on_peer_died,
    .viewer_born = on_viewer_born,
    .viewer_died = on_viewer_died,
    .viewer_sample = on_sample,
};

void toy_init(struct toy *toy, const struct moq_clock *clock)
{
    *toy = (struct toy){.hook.ops = &toy_ops, .clock = clock};
    toy->hook.self = toy;
}
