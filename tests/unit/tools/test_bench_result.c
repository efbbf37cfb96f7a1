/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* tools/bench_result.c: what follows from two measurements, and when it is not valid. */
#include "tools/bench_result.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct bench_options options = {.viewers = 10, .threads = 2};

/* Ten seconds in which a relay with 2 s of CPU brought 1000 frames of 1000 bytes, in 4000 packets.
 */
static struct bench_result *good_result(void)
{
    struct bench_result *result = calloc(1, sizeof *result);
    assert_non_null(result);
    result->options = &options;
    result->arrived = 10;
    result->resident_before = 5000000;
    result->begin.has_relay = result->end.has_relay = true;
    result->begin.relay.cpu_ns = NS_PER_S;
    result->end.relay.cpu_ns = 3 * NS_PER_S;
    result->end.relay.user_ns = 3 * NS_PER_S / 2;
    result->end.relay.system_ns = NS_PER_S / 2;
    result->begin.relay.resident_bytes = 5500000;
    result->begin.relay.taken_ns = result->begin.sum.taken_ns = 100 * NS_PER_S;
    result->end.relay.taken_ns = result->end.sum.taken_ns = 110 * NS_PER_S;
    result->begin.sum.traffic.packets_received = 500;
    result->end.sum.traffic.packets_received = 4500;
    result->total.kinds[BENCH_ORDINARY].counts[COUNT_frames] = 900;
    result->total.kinds[BENCH_SLOW].counts[COUNT_frames] = 100;
    result->total.kinds[BENCH_ORDINARY].counts[COUNT_bytes] = 1000000;
    for (unsigned i = 0; i < 2; i++) {
        result->begin.own.taken_ns[i] = 100 * NS_PER_S;
        result->end.own.taken_ns[i] = 110 * NS_PER_S;
        result->end.own.cpu_ns[i] = (i + 1) * 2 * NS_PER_S;
        result->end.own.wait_ns[i] = NS_PER_S;
    }
    return result;
}

static void assert_is(double value, double known)
{
    if (fabs(value - known) > 1e-9 * known)
        fail_msg("%g is not %g", value, known);
}

static void assert_invalid(struct bench_result *result, const char *words)
{
    char text[BENCH_REASON_BYTES];
    const char *reason = bench_invalid(result, text);
    assert_non_null(reason);
    if (!strstr(reason, words))
        fail_msg("\"%s\" does not say \"%s\"", reason, words);
    free(result);
}

static void silence_at_the_end_is_suspicious(void **state)
{
    (void)state;
    const struct bench_options with_frames = {
        .viewers = 10, .threads = 2, .fps = {.least = 2, .most = 2}};
    char text[BENCH_REASON_BYTES];
    struct bench_result *result = good_result();
    result->options = &with_frames;
    result->end.sum.kinds[BENCH_ORDINARY].last_ns = 109 * NS_PER_S;
    assert_null(bench_invalid(result, text));
    result->end.sum.kinds[BENCH_ORDINARY].last_ns = 107 * NS_PER_S;
    assert_invalid(result, "nothing arrived in the last 3.0 s");
}

static void costs_follow_from_two_looks(void **state)
{
    struct bench_result *result = good_result();
    struct bench_costs costs;
    char text[BENCH_REASON_BYTES];
    (void)state;
    bench_costs(result, &costs);
    assert_is(costs.seconds, 10);
    assert_int_equal(costs.viewer_frames, 1000);
    assert_int_equal(costs.viewer_bytes, 1000000);
    assert_is(costs.cpu_cores, 0.2);
    assert_is(costs.kernel_share, 0.25);
    assert_is(costs.cpu_us_per_frame, 2000);
    assert_is(costs.cpu_us_per_packet, 500);
    assert_is(costs.cpu_cores_per_gbps, 250); /* 0.2 cores for 0.0008 Gb/s */
    assert_is(costs.resident_bytes_per_viewer, 50000);
    assert_is(costs.own_busiest, 0.4);
    assert_is(costs.own_waiting, 0.1);
    assert_null(bench_invalid(result, text));
    free(result);
}

static void without_a_process_there_are_no_costs(void **state)
{
    struct bench_result *result = good_result();
    struct bench_costs costs;
    (void)state;
    result->begin.has_relay = result->end.has_relay = false;
    bench_costs(result, &costs);
    assert_int_equal(costs.viewer_frames, 1000);
    assert_true(costs.cpu_cores == 0 && costs.cpu_us_per_frame == 0);
    free(result);
}

static void a_busy_generator_is_not_believed(void **state)
{
    struct bench_result *result = good_result();
    char text[BENCH_REASON_BYTES];
    (void)state;
    result->end.own.cpu_ns[1] = 8 * NS_PER_S;
    result->end.own.wait_ns[1] = 0;
    result->end.own.wait_ns[0] = 0;
    assert_null(bench_invalid(result, text));
    result->end.own.cpu_ns[1] = 9100000000;
    assert_invalid(result, "generator limited: a thread had 91 %");

    result = good_result();
    result->end.own.wait_ns[1] = 6 * NS_PER_S;
    assert_invalid(result, "generator limited: a thread waited for a core 60 %");

    result = good_result();
    result->end.own.cpu_ns[1] = NS_PER_S / 10;
    result->end.own.wait_ns[1] = 51 * NS_PER_S / 10;
    assert_invalid(result, "generator limited: a thread waited for a core 51 %");
}

static void sockets_that_overflow_are_not_believed(void **state)
{
    struct bench_result *result = good_result();
    char text[BENCH_REASON_BYTES];
    (void)state;
    result->begin.own_dropped = 1000;
    result->end.own_dropped = 1040;
    assert_null(bench_invalid(result, text));
    result->end.own_dropped = 1041;
    assert_invalid(result, "generator limited: its sockets dropped 1.0 %");
}

static void what_the_relay_did_wrong_is_told(void **state)
{
    struct bench_result *result = good_result();
    (void)state;
    result->end.has_relay = false;
    assert_invalid(result, "the relay has ended");
    result = good_result();
    result->arrived = 7;
    assert_invalid(result, "3 of 10 viewers never received anything");
    result = good_result();
    result->total.kinds[BENCH_ORDINARY].counts[COUNT_sessions_lost] = 2;
    assert_invalid(result, "the relay ended 2 sessions");
    result = good_result();
    result->total.kinds[BENCH_ORDINARY].counts[COUNT_broken] = 5;
    assert_invalid(result, "5 frames arrived broken");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(costs_follow_from_two_looks),
        cmocka_unit_test(silence_at_the_end_is_suspicious),
        cmocka_unit_test(without_a_process_there_are_no_costs),
        cmocka_unit_test(a_busy_generator_is_not_believed),
        cmocka_unit_test(sockets_that_overflow_are_not_believed),
        cmocka_unit_test(what_the_relay_did_wrong_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
