/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Pacers: the rate is kept over any time, idle time is not saved up beyond the burst, and those who
 * share one get turns, on any number of threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <pthread.h>

#include "transfork/pacer.h"

#define MBPS UINT64_C(1000000)

/* How many bytes go between two moments, to one who always wants more. */
static uint64_t bytes_between(struct moq_pacer *pacer, uint64_t rate_bps, uint64_t from_ns,
                              uint64_t to_ns)
{
    uint64_t step = pacer_step(rate_bps), now_ns = from_ns, bytes = 0;
    while ((now_ns = pacer_reserve(pacer, rate_bps, step, now_ns)) < to_ns)
        bytes += step;
    pacer_give_back(pacer, rate_bps, step);
    return bytes;
}

static void assert_near(uint64_t got, uint64_t expected)
{
    assert_in_range(got, expected * 98 / 100, expected * 102 / 100);
}

static void a_rate_is_kept(void **state)
{
    const uint64_t rates[] = {MOQ_RATE_MIN_BPS, 100000, 2 * MBPS, 1000 * MBPS, MOQ_RATE_MAX_BPS};
    (void)state;
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct moq_pacer pacer = {0};
        uint64_t start_ns = 77 * NS_PER_S, seconds = rates[i] > 1000 * MBPS ? 1 : 60;
        bytes_between(&pacer, rates[i], start_ns, start_ns + 10 * NS_PER_S);
        uint64_t from_ns = start_ns + 10 * NS_PER_S;
        assert_near(bytes_between(&pacer, rates[i], from_ns, from_ns + seconds * NS_PER_S),
                    rates[i] / 8 * seconds);
    }
}

static void idle_time_is_worth_one_burst(void **state)
{
    (void)state;
    struct moq_pacer pacer = {0};
    for (uint64_t hour = 1; hour < 4; hour++) {
        uint64_t now_ns = hour * 3600 * NS_PER_S;
        assert_near(bytes_between(&pacer, 8 * MBPS, now_ns, now_ns + 1), 100000); /* 100 ms */
    }
    uint64_t now_ns = 5 * 3600 * NS_PER_S; /* at a low rate it is a few packets */
    struct moq_pacer slow = {0};
    assert_int_equal(bytes_between(&slow, MOQ_RATE_MIN_BPS, now_ns, now_ns + 1), PACER_BURST_BYTES);
}

static void what_is_given_back_can_be_reserved_again(void **state)
{
    (void)state;
    struct moq_pacer pacer = {0};
    uint64_t now_ns = NS_PER_S;
    bytes_between(&pacer, MBPS, now_ns, now_ns + 1);
    uint64_t first_ns = pacer_reserve(&pacer, MBPS, 1500, now_ns);
    pacer_give_back(&pacer, MBPS, 1500);
    assert_true(first_ns > now_ns);
    assert_true(pacer_reserve(&pacer, MBPS, 1500, now_ns) == first_ns);
}

static void another_rate_counts_at_once(void **state)
{
    (void)state;
    struct moq_pacer pacer = {0};
    uint64_t now_ns = NS_PER_S;
    bytes_between(&pacer, MOQ_RATE_MIN_BPS, now_ns, now_ns + 1);
    pacer_change_rate(&pacer, 8 * MBPS, now_ns);
    assert_near(bytes_between(&pacer, 8 * MBPS, now_ns, now_ns + NS_PER_S), 1000000);
    now_ns += NS_PER_S;
    pacer_change_rate(&pacer, 8 * MBPS, now_ns); /* and gives no other burst */
    assert_near(bytes_between(&pacer, 8 * MBPS, now_ns, now_ns + NS_PER_S), 1000000);
}

/* Two want all of it, and one of them is always asked first. */
static void those_who_share_one_get_turns(void **state)
{
    (void)state;
    struct moq_pacer pacer = {0};
    uint64_t step = pacer_step(2 * MBPS), due_ns[2] = {0}, bytes[2] = {0};
    for (uint64_t now_ns = NS_PER_S; now_ns < 11 * NS_PER_S; now_ns += NS_PER_MS)
        for (int i = 0; i < 2; i++)
            while (due_ns[i] <= now_ns) {
                bytes[i] += due_ns[i] ? step : 0;
                due_ns[i] = pacer_reserve(&pacer, 2 * MBPS, step, now_ns);
            }
    assert_near(bytes[0] + bytes[1], 2500000);
    assert_in_range(bytes[0] - bytes[1], 0, 25000 + step); /* the first one got the burst */
}

/* One is allowed 1 Mb/s and the other 4: each has half of the time. */
static void where_rates_meet_each_has_a_share_of_the_time(void **state)
{
    (void)state;
    struct moq_pacer pacer = {0};
    uint64_t rates[] = {MBPS, 4 * MBPS}, due_ns[2] = {0}, bytes[2] = {0};
    for (uint64_t now_ns = NS_PER_S; now_ns < 11 * NS_PER_S; now_ns += NS_PER_MS)
        for (int i = 0; i < 2; i++)
            while (due_ns[i] <= now_ns) {
                bytes[i] += due_ns[i] ? 2500 : 0;
                due_ns[i] = pacer_reserve(&pacer, rates[i], 2500, now_ns);
            }
    uint64_t used_ns = bytes[0] * 8 * NS_PER_S / rates[0] + bytes[1] * 8 * NS_PER_S / rates[1];
    assert_near(used_ns, 10 * NS_PER_S);
}

enum { THREADS = 4, TURNS = 50000 };

static void *reserve_many(void *pacer)
{
    for (int i = 0; i < TURNS; i++)
        pacer_reserve(pacer, 8 * MBPS, 1000, NS_PER_S); /* 1 ms each */
    return NULL;
}

static void no_reservation_is_lost_between_threads(void **state)
{
    (void)state;
    struct moq_pacer pacer = {0};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, reserve_many, &pacer), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_true(pacer.due_ns == NS_PER_S + (uint64_t)THREADS * TURNS * NS_PER_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rate_is_kept),
        cmocka_unit_test(idle_time_is_worth_one_burst),
        cmocka_unit_test(what_is_given_back_can_be_reserved_again),
        cmocka_unit_test(another_rate_counts_at_once),
        cmocka_unit_test(those_who_share_one_get_turns),
        cmocka_unit_test(where_rates_meet_each_has_a_share_of_the_time),
        cmocka_unit_test(no_reservation_is_lost_between_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
