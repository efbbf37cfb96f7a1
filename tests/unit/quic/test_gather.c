/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* quic/gather.c: how often the loop wakes for datagrams, and how long they wait, counted on a clock
 * of its own. */
#include "tests/unit/prologue.h"

#include "quic/gather.h"

#define WORK_NS (5 * NS_PER_US) /* of a turn of the loop */

struct driver { /* what quic/udp.c does, without a socket */
    struct gather gather;
    uint64_t now_ns;
    uint64_t asleep_ns;       /* since when the loop sleeps */
    uint64_t longest_wait_ns; /* while it did */
    unsigned wakes, waited;   /* looks; datagrams that were not taken at once */
};

static struct driver new_driver(void)
{
    struct driver driver = {.now_ns = NS_PER_S};
    gather_init(&driver.gather);
    return driver;
}

static void look(struct driver *driver, size_t packets)
{
    driver->wakes++;
    gather_note(&driver->gather, driver->now_ns, packets, packets);
    driver->now_ns += WORK_NS;
    driver->asleep_ns = driver->now_ns;
    gather_sleep(&driver->gather, driver->now_ns);
}

static uint64_t later(uint64_t a_ns, uint64_t b_ns)
{
    return a_ns > b_ns ? a_ns : b_ns;
}

/* `count` datagrams, the times of their arrival in order. */
static void receive(struct driver *driver, const uint64_t *arrivals_ns, unsigned count)
{
    for (unsigned taken = 0; taken < count;) {
        uint64_t next_ns =
            gather_is_on(&driver->gather) ? gather_next_ns(&driver->gather) : arrivals_ns[taken];
        driver->now_ns = later(driver->now_ns, next_ns);
        size_t packets = 0;
        for (; taken < count && arrivals_ns[taken] <= driver->now_ns; taken++, packets++) {
            uint64_t wait_ns = driver->now_ns - later(arrivals_ns[taken], driver->asleep_ns);
            driver->longest_wait_ns = later(driver->longest_wait_ns, wait_ns);
            driver->waited += wait_ns > WORK_NS;
        }
        look(driver, packets);
    }
}

enum { MANY = 5000 };

/* Starts `from_ns`, each a random time of at most twice `gap_ns` after the one before. */
static void arrive(uint64_t arrivals_ns[MANY], uint64_t from_ns, uint64_t gap_ns)
{
    uint64_t random = 7;
    for (unsigned i = 0; i < MANY; i++)
        arrivals_ns[i] = from_ns += next_random(&random) % (2 * gap_ns) + 1;
}

static void a_trickle_wakes_a_few_times_and_waits_for_no_longer_than_the_bound(void **state)
{
    (void)state;
    static uint64_t arrivals_ns[MANY];
    struct driver driver = new_driver();
    arrive(arrivals_ns, driver.now_ns, 40 * NS_PER_US);

    receive(&driver, arrivals_ns, MANY);

    print_message("%u wakes for %u datagrams\n", driver.wakes, MANY);
    assert_true(driver.wakes < MANY / 3);
    assert_true(driver.longest_wait_ns <= GATHER_NS);
}

/* A turn that sends may take as long as the wait. If the wait began with the look, the loop would
 * sleep for an instant only, and wake for every other datagram. */
static void the_wait_begins_when_the_work_is_done(void **state)
{
    (void)state;
    struct driver driver = new_driver();
    for (unsigned i = 0; !gather_is_on(&driver.gather); i++) {
        assert_true(i <= GATHER_STREAK_FIRST);
        look(&driver, 2);
    }
    gather_note(&driver.gather, driver.now_ns, 2, 2);
    driver.now_ns += GATHER_NS;
    gather_sleep(&driver.gather, driver.now_ns);
    assert_true(gather_next_ns(&driver.gather) == driver.now_ns + GATHER_NS);
}

static void what_comes_now_and_then_is_taken_at_once(void **state)
{
    (void)state;
    static uint64_t arrivals_ns[MANY];
    struct driver driver = new_driver();
    arrive(arrivals_ns, driver.now_ns, 2 * NS_PER_MS);

    receive(&driver, arrivals_ns, MANY);

    assert_int_equal(driver.waited, 0);
    assert_true(driver.wakes > MANY * 99 / 100);
}

/* Each datagram answers what the look at the one before has made us send. */
static unsigned count_slow_answers(struct driver *driver, unsigned exchanges)
{
    unsigned before = driver->waited;
    for (unsigned i = 0; i < exchanges; i++) {
        uint64_t arrival_ns = driver->now_ns + 40 * NS_PER_US;
        receive(driver, &arrival_ns, 1);
    }
    return driver->waited - before;
}

static void a_handshake_is_not_slower(void **state)
{
    (void)state;
    struct driver driver = new_driver();
    for (unsigned i = 0; i < 1000; i++) {
        driver.now_ns += 50 * NS_PER_MS;
        assert_int_equal(count_slow_answers(&driver, 12), 0);
    }
}

static void who_answers_every_answer_is_hardly_slower(void **state)
{
    (void)state;
    struct driver driver = new_driver();
    assert_in_range(count_slow_answers(&driver, 10000), 1, 60);
    assert_in_range(count_slow_answers(&driver, 10000), 1, 40);
}

static void it_ends_with_the_trickle(void **state)
{
    (void)state;
    static uint64_t arrivals_ns[MANY];
    struct driver driver = new_driver();
    for (unsigned round = 0; round < 10; round++) {
        arrive(arrivals_ns, driver.now_ns + 10 * NS_PER_MS, 30 * NS_PER_US);
        receive(&driver, arrivals_ns, MANY);
        unsigned before = driver.wakes;
        while (gather_is_on(&driver.gather)) {
            driver.now_ns = gather_next_ns(&driver.gather);
            look(&driver, 0);
        }
        assert_in_range(driver.wakes - before, 0, GATHER_LONE_MAX);
        assert_true(gather_next_ns(&driver.gather) == CLOCK_NEVER);
    }
}

/* Where it pays, it begins with the fifth datagram of each frame's answers. */
static void it_begins_sooner_where_it_has_paid(void **state)
{
    (void)state;
    static uint64_t arrivals_ns[MANY];
    struct driver driver = new_driver();
    unsigned wakes[3];
    for (unsigned round = 0; round < 3; round++) {
        arrive(arrivals_ns, driver.now_ns + 20 * NS_PER_MS, 30 * NS_PER_US);
        unsigned before = driver.wakes;
        receive(&driver, arrivals_ns, 150);
        wakes[round] = driver.wakes - before;
        while (gather_is_on(&driver.gather)) {
            driver.now_ns = gather_next_ns(&driver.gather);
            look(&driver, 0);
        }
    }
    assert_true(wakes[1] < wakes[0]);
    assert_int_equal(wakes[2], wakes[1]);
    assert_true(wakes[2] < 50);
}

/* A fast flow and a burst of acknowledgements are many at a time already. */
static void bursts_are_not_waited_for(void **state)
{
    (void)state;
    struct driver driver = new_driver();
    for (unsigned i = 0; i < 1000; i++) {
        look(&driver, i % 8 == 7 ? 150 : GATHER_FEW);
        assert_false(gather_is_on(&driver.gather));
    }
    for (unsigned i = 0; i < 1000 && !gather_is_on(&driver.gather); i++)
        look(&driver, 2);
    assert_true(gather_is_on(&driver.gather));
    look(&driver, GATHER_BURST);
    assert_false(gather_is_on(&driver.gather));
}

/* A publisher's small frames among acknowledgements are no reason to end. The trains of somebody
 * who sends as fast as it goes are, and it does not begin again soon. */
static void a_flow_is_not_waited_for(void **state)
{
    (void)state;
    struct driver driver = new_driver();
    for (unsigned i = 0; i < GATHER_STREAK_FIRST + 1; i++)
        look(&driver, 2);
    assert_true(gather_is_on(&driver.gather));
    gather_note(&driver.gather, driver.now_ns, 6,
                4); /* three answers, and a frame of three packets */
    assert_true(gather_is_on(&driver.gather));
    gather_note(&driver.gather, driver.now_ns, 45, 1);
    assert_false(gather_is_on(&driver.gather));

    unsigned begun = 0;
    for (unsigned i = 0; i < 100000; i++) {
        bool was_on = gather_is_on(&driver.gather);
        look(&driver, 2);
        begun += !was_on && gather_is_on(&driver.gather);
        if (gather_is_on(&driver.gather))
            gather_note(&driver.gather, driver.now_ns, 45, 1);
    }
    assert_in_range(begun, 1, 210);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trickle_wakes_a_few_times_and_waits_for_no_longer_than_the_bound),
        cmocka_unit_test(the_wait_begins_when_the_work_is_done),
        cmocka_unit_test(what_comes_now_and_then_is_taken_at_once),
        cmocka_unit_test(a_handshake_is_not_slower),
        cmocka_unit_test(who_answers_every_answer_is_hardly_slower),
        cmocka_unit_test(it_ends_with_the_trickle),
        cmocka_unit_test(it_begins_sooner_where_it_has_paid),
        cmocka_unit_test(bursts_are_not_waited_for),
        cmocka_unit_test(a_flow_is_not_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
