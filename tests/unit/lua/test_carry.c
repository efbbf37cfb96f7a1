/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a script keeps in the tables of peers and viewers outlives it. */
#include "tests/unit/lua/relay.h"

static void plain_data_goes_on(void **state)
{
    struct scripted relay;
    (void)state;
    scripted_start(&relay, "local relay = require 'relay'\n"
                           "relay.on('connect', function(p) p.mine = { 'a', { b = true } } end)\n"
                           "relay.on('sample', function(v) v.n, v.text, v[7] = 5, 'x\\0y', 8 "
                           "v.f = print v.t = setmetatable({ print, k = 'v', f = print }, {}) "
                           "v.cluster = 'mine' end)");
    struct relay_viewer *viewer = scripted_viewer(scripted_peer(&relay), "demo/a");
    fake_sample(viewer);
    scripted_reload(&relay, "local relay = require 'relay'\n"
                            "relay.on('sample', function(v)\n"
                            "  print(v.n, #v.text, v[7], v.f, v.t.k, v.t.f, v.t[1], v.cluster)\n"
                            "  print(v.peer.mine[1], v.peer.mine[2].b, v.peer.address, v.rtt_ms)\n"
                            "  print(v.id, v.path, v.peer.claims.plan)\n"
                            "end)");
    viewer->peer->stats.rtt_ns = 7000000;
    fake_sample(viewer);
    scripted_said(&relay, "5 3 8 nil v nil nil mine\na true 192.0.2.1:5 7\n");
    scripted_said(&relay, " demo/a gold");
    assert_int_equal(fake_counter(relay.self, "sample_faults"), 0);
    scripted_end(&relay);
}

static void what_is_too_much_is_left_out_and_told(void **state)
{
    struct scripted relay;
    (void)state;
    scripted_start(&relay, "local relay = require 'relay'\n"
                           "relay.on('sample', function(v) v.long = ('x'):rep(20000) v.n = 5\n"
                           "  v.deep = {} local at = v.deep\n"
                           "  for i = 1, 20 do at.x = {} at = at.x end\n"
                           "  at = {} at.at = at v.round = at end)");
    struct relay_viewer *viewer = scripted_viewer(scripted_peer(&relay), "demo/a");
    fake_sample(viewer);
    scripted_reload(&relay, "local relay = require 'relay'\n"
                            "relay.on('sample', function(v) local n, at = 0, v.deep\n"
                            "  while at do n, at = n + 1, at.x end\n"
                            "  print(v.long, v.n, n, v.round.at.at ~= nil) end)");
    scripted_said(&relay, "the script stored more than 16384 bytes, or 6 levels,");
    fake_sample(viewer);
    scripted_said(&relay, "nil 5 6 true");
    scripted_end(&relay);
}

/* The viewer of a subscription may come long after it, when there is a publisher. */
static void subscriptions_that_wait_keep_theirs(void **state)
{
    struct scripted relay;
    struct relay_request request = {.kind = RELAY_REQUEST_SUBSCRIBE, .viewer = 77};
    (void)state;
    scripted_start(&relay, "local relay = require 'relay'\n"
                           "relay.on('subscribe', function(v, want) v.asked = want.path end)");
    request.peer = scripted_peer(&relay);
    strcpy(request.path, "demo/later");
    relay_module.hooks->subscribe(request.peer, &request);
    scripted_reload(&relay, "local relay = require 'relay'\n"
                            "relay.on('subscribe', function(v, want) print('again') end)\n"
                            "relay.on('sample', function(v) print(v.id, v.asked, v.peer.path, "
                            "v.path) end)");
    struct relay_viewer *viewer = scripted_viewer(request.peer, "demo/other");
    viewer->number = 77;
    fake_sample(viewer);
    scripted_said(&relay, "77 demo/later /room demo/other");
    scripted_end(&relay);
}

static void who_leaves_after_reloads_leaves_nothing(void **state)
{
    static const char text[] = "local relay = require 'relay'\n"
                               "relay.on('connect', function(p) p.mine = 1 end)\n"
                               "relay.on('sample', function(v) v.n = (v.n or 0) + 1 end)\n"
                               "relay.on('leave', function(v) print('left', v.n) end)";
    struct scripted relay;
    (void)state;
    scripted_start(&relay, text);
    struct relay_viewer *first = scripted_viewer(scripted_peer(&relay), "demo/a");
    struct relay_viewer *second = scripted_viewer(scripted_peer(&relay), "demo/b");
    for (int i = 0; i < 100; i++) {
        fake_sample(i % 2 ? first : second);
        scripted_reload(&relay, text);
    }
    fake_disconnect(first->peer);
    scripted_said(&relay, "left 50");
    scripted_reload(&relay, text);
    fake_leave(second);
    scripted_said(&relay, "left 50\nleft 50");
    scripted_end(&relay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_data_goes_on),
        cmocka_unit_test(what_is_too_much_is_left_out_and_told),
        cmocka_unit_test(subscriptions_that_wait_keep_theirs),
        cmocka_unit_test(who_leaves_after_reloads_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
