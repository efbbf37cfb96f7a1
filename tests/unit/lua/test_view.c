/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Peers and viewers as scripts see them. */
#include "tests/unit/lua/relay.h"

static void numbers_are_those_of_the_moment(void **state)
{
    struct scripted relay;
    (void)state;
    scripted_start(&relay, "local relay = require 'relay'\n"
                           "relay.on('sample', function(v) print(v.rtt_ms, v.backlog_ms, "
                           "v.latency, v.order, v.loss, v.track, v.nothing) end)");
    struct relay_viewer *viewer = scripted_viewer(scripted_peer(&relay), "demo/a");
    viewer->peer->stats.rtt_ns = 40000000;
    fake_sample(viewer);
    scripted_said(&relay, "40 0 1000 newest 0 demo/a nil");
    viewer->stats.lag_ns = 500000000;
    viewer->peer->stats.packets_sent = 100;
    viewer->peer->stats.packets_lost = 25;
    fake_sample(viewer);
    scripted_said(&relay, "40 500 1000 newest 0.25 demo/a nil");
    scripted_end(&relay);
}

static void a_table_has_what_the_script_puts_there(void **state)
{
    struct scripted relay;
    (void)state;
    scripted_start(&relay, "local relay = require 'relay'\n"
                           "relay.on('subscribe', function(v, want) v.noted = want.path end)\n"
                           "relay.on('sample', function(v)\n"
                           "  v.n = (v.n or 0) + 1\n"
                           "  local keys = {}\n"
                           "  for key in pairs(v) do keys[#keys + 1] = key end\n"
                           "  table.sort(keys)\n"
                           "  print(v.n, v.noted, table.concat(keys, ' '))\n"
                           "end)");
    struct relay_viewer *viewer = scripted_viewer(scripted_peer(&relay), "demo/a");
    fake_sample(viewer);
    fake_sample(viewer);
    scripted_said(&relay, "2 demo/a id n noted path peer");
    scripted_end(&relay);
}

static void what_the_relay_says_cannot_be_set(void **state)
{
    struct scripted relay;
    (void)state;
    scripted_start(&relay, "local relay = require 'relay'\n"
                           "relay.on('connect', function(p) p.claims = 1 end)\n"
                           "relay.on('sample', function(v) v.rtt_ms = 5 end)\n");
    struct relay_viewer *viewer = scripted_viewer(scripted_peer(&relay), "demo/a");
    fake_sample(viewer);
    scripted_said(&relay, ":2: \"claims\" is read from the relay and cannot be set");
    scripted_said(&relay, ":3: \"rtt_ms\" is read from the relay and cannot be set");
    scripted_end(&relay);
}

static void a_peers_grants_are_those_of_the_moment(void **state)
{
    struct scripted relay;
    (void)state;
    scripted_start(&relay, "local relay = require 'relay'\n"
                           "local old\n"
                           "relay.on('sample', function(v)\n"
                           "  local p = v.peer\n"
                           "  print(p.identity, p.claims.plan, p.claims == p.claims, p.version, "
                           "p.cluster)\n"
                           "end)");
    struct relay_viewer *viewer = scripted_viewer(scripted_peer(&relay), "demo/a");
    fake_sample(viewer);
    scripted_said(&relay, "nil gold true 3 false");
    free(viewer->peer->identity);
    free(viewer->peer->claims);
    viewer->peer->identity = strdup("anna");
    viewer->peer->claims = strdup("{\"plan\": \"silver\"}");
    fake_sample(viewer);
    scripted_said(&relay, "anna silver true 3 false");
    scripted_end(&relay);
}

static void a_table_outlives_its_viewer_with_the_last_numbers(void **state)
{
    struct scripted relay;
    (void)state;
    scripted_start(&relay, "local relay = require 'relay'\n"
                           "local kept\n"
                           "relay.on('sample', function(v) kept = v end)\n"
                           "relay.after(1, function() print(kept.bytes_sent, kept.track, "
                           "kept.peer.version, kept.peer.claims.plan) end)\n"
                           "relay.after(3, function() print(kept.bytes_sent, kept.rtt_ms) end)");
    struct relay_viewer *viewer = scripted_viewer(scripted_peer(&relay), "demo/a");
    fake_sample(viewer);
    viewer->stats.bytes_sent = 77; /* after the last sample */
    fake_advance(relay.self, UINT64_C(2000000000));
    scripted_said(&relay, "77 demo/a 3 gold");
    viewer->stats.bytes_sent = 99;
    fake_disconnect(viewer->peer);
    viewer->stats.bytes_sent = 0;
    fake_advance(relay.self, UINT64_C(2000000000));
    scripted_said(&relay, "99 0");
    assert_int_equal(fake_counter(relay.self, "timer_faults"), 0);
    scripted_end(&relay);
}

static void each_viewer_has_its_own_numbers_within_one_call(void **state)
{
    struct scripted relay;
    (void)state;
    scripted_start(&relay, "local relay = require 'relay'\n"
                           "local first\n"
                           "relay.on('sample', function(v)\n"
                           "  first = first or v\n"
                           "  print(v.bytes_sent, first.bytes_sent, v.bytes_sent)\n"
                           "end)");
    struct relay_peer *peer = scripted_peer(&relay);
    struct relay_viewer *one = scripted_viewer(peer, "demo/a");
    struct relay_viewer *two = scripted_viewer(peer, "demo/b");
    one->stats.bytes_sent = 1;
    two->stats.bytes_sent = 2;
    fake_sample(one);
    fake_sample(two);
    scripted_said(&relay, "1 1 1\n2 1 2");
    scripted_end(&relay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_those_of_the_moment),
        cmocka_unit_test(a_table_has_what_the_script_puts_there),
        cmocka_unit_test(what_the_relay_says_cannot_be_set),
        cmocka_unit_test(a_peers_grants_are_those_of_the_moment),
        cmocka_unit_test(a_table_outlives_its_viewer_with_the_last_numbers),
        cmocka_unit_test(each_viewer_has_its_own_numbers_within_one_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
