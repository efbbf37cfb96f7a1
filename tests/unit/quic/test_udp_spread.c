/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* quic/udp_spread.c: many connections of one socket leave as if they were far apart. */
#include "tests/unit/prologue.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "quic/udp_spread.h"

#define SPREAD_NS (5 * NS_PER_MS)
#define NOW_NS (77 * NS_PER_S)

enum { CONNECTIONS = 200, PACKET_BYTES = 40, SHORT_HEADER = 0x40, ID_BYTES = 9 };

static const struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = 1};
static const struct sockaddr_in remote = {.sin_family = AF_INET, .sin_port = 2};

/* An acknowledgement of connection `number`; `mark` is its last byte. */
static int put_packet(struct udp_spread *spread, uint64_t now_ns, unsigned number, uint8_t mark)
{
    uint8_t data[PACKET_BYTES] = {SHORT_HEADER};
    memset(data + 1 + ID_BYTES, mark, PACKET_BYTES - 1 - ID_BYTES);
    for (unsigned i = 0; i < ID_BYTES; i++)
        data[1 + i] = (uint8_t)((number + 1) * 2654435761u >> (i % 4 * 8));
    const struct quic_datagram train = {.data = data,
                                        .size = sizeof data,
                                        .segment_size = sizeof data,
                                        .local = (const struct sockaddr *)&local,
                                        .remote = (const struct sockaddr *)&remote,
                                        .local_size = sizeof local,
                                        .remote_size = sizeof remote,
                                        .ecn = 2};
    return udp_spread_put(spread, now_ns, &train);
}

static struct udp_spread *new_spread(void)
{
    struct udp_spread *spread = udp_spread_new(SPREAD_NS);
    assert_non_null(spread);
    return spread;
}

static void a_burst_leaves_one_by_one(void **state)
{
    (void)state;
    struct udp_spread *spread = new_spread();
    for (unsigned i = 0; i < CONNECTIONS; i++)
        assert_int_equal(put_packet(spread, NOW_NS, i, 0), 0);

    unsigned count = 0, times = 0;
    uint64_t when_ns, last_ns = 0;
    while ((when_ns = udp_spread_deadline(spread)) != CLOCK_NEVER) {
        assert_null(udp_spread_first(spread, when_ns - 1));
        times += when_ns > last_ns + 2 * NS_PER_US;
        last_ns = when_ns;
        for (; udp_spread_first(spread, when_ns); count++)
            udp_spread_drop(spread);
    }

    assert_int_equal(count, CONNECTIONS);
    assert_true(times > CONNECTIONS / 2);
    assert_true(last_ns > NOW_NS + SPREAD_NS * 9 / 10);
    assert_true(last_ns <= NOW_NS + SPREAD_NS + CONNECTIONS);
    udp_spread_free(&spread);
    assert_null(spread);
}

static void a_connection_keeps_its_order(void **state)
{
    (void)state;
    struct udp_spread *spread = new_spread();
    for (uint8_t mark = 0; mark < 100; mark++)
        for (unsigned i = 0; i < 3; i++)
            assert_int_equal(put_packet(spread, NOW_NS + mark / 10, i, mark), 0);

    uint8_t next[256] = {0};
    const struct quic_datagram *train;
    while ((train = udp_spread_first(spread, CLOCK_NEVER))) {
        uint8_t id = train->data[1];
        assert_int_equal(train->data[train->size - 1], next[id]++);
        udp_spread_drop(spread);
    }

    unsigned whole = 0;
    for (unsigned i = 0; i < 256; i++)
        whole += next[i] == 100;
    assert_int_equal(whole, 3);
    udp_spread_free(&spread);
}

static void a_train_stays_as_it_was_given(void **state)
{
    (void)state;
    struct udp_spread *spread = new_spread();
    assert_int_equal(put_packet(spread, NOW_NS, 1, 9), 0);

    const struct quic_datagram *train = udp_spread_first(spread, NOW_NS + SPREAD_NS);

    assert_non_null(train);
    assert_ptr_equal(udp_spread_first(spread, 0), train); /* until it is dropped */
    assert_int_equal(train->size, PACKET_BYTES);
    assert_int_equal(train->segment_size, PACKET_BYTES);
    assert_int_equal(train->ecn, 2);
    assert_memory_equal(train->local, &local, sizeof local);
    assert_memory_equal(train->remote, &remote, sizeof remote);
    udp_spread_free(&spread); /* with the train in it */
}

/* Whatever it is, it is sent: it has no connection ID, or it is empty. */
static void what_is_too_short_leaves_at_once(void **state)
{
    (void)state;
    struct udp_spread *spread = new_spread();
    static const uint8_t data[] = {0xc0, 0, 0, 0, 1, 8, 1, 2, 3};
    for (size_t n = 0; n <= sizeof data; n++) {
        uint8_t *copy = malloc(n + !n); /* exactly: a read beyond it is noticed */
        memcpy(copy, data, n);
        const struct quic_datagram train = {.data = copy,
                                            .size = n,
                                            .segment_size = n,
                                            .local = (const struct sockaddr *)&local,
                                            .remote = (const struct sockaddr *)&remote,
                                            .local_size = sizeof local,
                                            .remote_size = sizeof remote};
        assert_int_equal(udp_spread_put(spread, NOW_NS, &train), 0);
        assert_non_null(udp_spread_first(spread, NOW_NS + n));
        udp_spread_drop(spread);
        free(copy);
    }
    udp_spread_free(&spread);
}

static void what_waits_is_bounded(void **state)
{
    (void)state;
    struct udp_spread *spread = new_spread();
    for (unsigned i = 0; i < SPREAD_MAX_TRAINS; i++)
        assert_int_equal(put_packet(spread, NOW_NS, i, 0), 0);
    assert_int_equal(put_packet(spread, NOW_NS, 0, 0), MOQ_ERR_AGAIN);

    assert_non_null(udp_spread_first(spread, CLOCK_NEVER));
    udp_spread_drop(spread);

    assert_int_equal(put_packet(spread, NOW_NS, 0, 0), 0);
    udp_spread_free(&spread);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_leaves_one_by_one),
        cmocka_unit_test(a_connection_keeps_its_order),
        cmocka_unit_test(a_train_stays_as_it_was_given),
        cmocka_unit_test(what_is_too_short_leaves_at_once),
        cmocka_unit_test(what_waits_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
