/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The relay that scripts are tested on: its clock, and what a script decides there. */
#include "tests/unit/lua/relay.h"

static void timers_run_when_they_are_due(void **state)
{
    struct scripted relay;
    (void)state;
    scripted_start(&relay, "local relay = require 'relay'\n"
                           "local start = relay.now\n"
                           "local id = relay.every(1, function() print('every', relay.now()) end)\n"
                           "relay.after(1.5, function() print('after', relay.now()) end)\n"
                           "relay.after(2.5, function() relay.cancel(id) end)");
    fake_advance(relay.self, UINT64_C(10000000000));
    assert_string_equal(relay.log, "every 2\nafter 2.5\nevery 3\n");
    scripted_end(&relay);
}

static void answers_are_kept(void **state)
{
    struct scripted relay;
    struct relay_request request;
    (void)state;
    scripted_start(&relay,
                   "local relay = require 'relay'\n"
                   "relay.on('connect', function(p) if p.path == '/bad' then return false, 'no', "
                   "'busy' end return { identity = 'anna', subscribe = { 'a', 'b' } } end)\n"
                   "relay.on('announce', function(p, path) return { path = 'x/' .. path } end)\n"
                   "relay.on('subscribe', function(v, want) return { latency = 250 } end)\n"
                   "relay.on('sample', function(v) return 'close' end)\n");
    struct relay_peer *bad =
        fake_connect(relay.self, &(struct fake_info){.path = "/bad"}, &request);
    assert_int_equal(request.verdict, RELAY_DENY);
    assert_int_equal(request.code, RELAY_DENIED_BUSY);
    assert_string_equal(request.reason, "no");
    assert_true(bad->is_gone);
    struct relay_peer *peer = fake_connect(relay.self, &(struct fake_info){.path = "/"}, &request);
    assert_int_equal(request.verdict, RELAY_ALLOW);
    assert_string_equal(request.identity, "anna");
    assert_string_equal(request.subscribe, "a b");
    fake_announce(peer, "demo", &request);
    assert_string_equal(request.path, "x/demo");
    struct relay_viewer *viewer = scripted_viewer(peer, "demo/a");
    assert_int_equal(viewer->policy.latency_ns, 250000000);
    fake_sample(viewer);
    assert_true(viewer->is_closed && viewer->is_gone);
    scripted_end(&relay);
}

static void what_is_shared_outlives_a_reload(void **state)
{
    static const char text[] = "local relay = require 'relay'\n"
                               "print(relay.shared.add('n'), relay.shared.get('t'))\n"
                               "relay.shared.set('t', 'x')\n"
                               "relay.counter('loads')()";
    struct scripted relay;
    (void)state;
    scripted_start(&relay, text);
    scripted_reload(&relay, text);
    assert_string_equal(relay.log, "1 nil\n2 x\n");
    scripted_end(&relay);
}

static void a_bad_script_does_not_start(void **state)
{
    struct scripted relay;
    (void)state;
    scripted_start(&relay, "");
    scripted_write(&relay, "error('oh no')");
    assert_int_not_equal(fake_reload(relay.self, &relay.config), 0);
    assert_non_null(strstr(relay.self->failure, ":1: oh no"));
    scripted_end(&relay);
}

static void only_a_script_with_sample_is_shown_viewers(void **state)
{
    struct scripted relay;
    (void)state;
    scripted_start(&relay, "");
    struct relay_viewer *viewer = scripted_viewer(scripted_peer(&relay), "demo/a");
    assert_false(relay.self->worker.is_sampling);
    fake_sample(viewer);
    scripted_reload(&relay, "require('relay').on('sample', function(v) print('seen') end)");
    assert_true(relay.self->worker.is_sampling);
    fake_sample(viewer);
    assert_string_equal(relay.log, "seen\n");
    scripted_end(&relay);
}

static void calls_are_counted_by_their_time(void **state)
{
    struct scripted relay;
    (void)state;
    scripted_start(&relay, "require('relay').on('sample', function(v) error('oh \\1no') end)");
    relay.config.faults = 0;
    struct relay_viewer *viewer = scripted_viewer(scripted_peer(&relay), "demo/a");
    for (int i = 0; i < 20; i++)
        fake_sample(viewer);
    int64_t sum = 0;
    static const char *const names[] = {"sample_under_10us", "sample_under_100us",
                                        "sample_under_1ms", "sample_under_5ms", "sample_over_5ms"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        sum += fake_counter(relay.self, names[i]);
    assert_int_equal(sum, 20);
    assert_int_equal(fake_counter(relay.self, "sample_calls"), 20);
    assert_int_equal(fake_counter(relay.self, "sample_faults"), 20);
    assert_non_null(strstr(fake_note(relay.self, "last_error"), ":1: oh  no"));
    scripted_end(&relay);
}

static void a_script_that_takes_much_time_is_named(void **state)
{
    struct scripted relay;
    struct workload workload = {0};
    (void)state;
    scripted_start(&relay, "");
    struct relay_worker *worker = &relay.self->worker;
    const uint64_t spent_ms[] = {0, 1900, 2100, 2500, 100, 2100};
    const int warnings[] = {0, 0, 1, 1, 1, 2};
    fake_advance(relay.self, 1000000000);
    for (size_t i = 0; i < sizeof spent_ms / sizeof spent_ms[0]; i++) {
        workload_note(&workload, worker, spent_ms[i] * 1000000);
        fake_advance(relay.self, WORKLOAD_WINDOW_NS);
        workload_note(&workload, worker, 0);
        int count = 0;
        for (const char *at = relay.log; (at = strstr(at, "of the time of worker 0")); at++)
            count++;
        assert_int_equal(count, warnings[i]);
    }
    scripted_end(&relay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_run_when_they_are_due),
        cmocka_unit_test(answers_are_kept),
        cmocka_unit_test(what_is_shared_outlives_a_reload),
        cmocka_unit_test(a_bad_script_does_not_start),
        cmocka_unit_test(only_a_script_with_sample_is_shown_viewers),
        cmocka_unit_test(calls_are_counted_by_their_time),
        cmocka_unit_test(a_script_that_takes_much_time_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
