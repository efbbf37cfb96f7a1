/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Two thousand clients arrive at one instant: existing connections continue as if nothing had
 * happened, and most of the new clients are connected in the end. */
#include "tests/sim/prologue.h"

#include <stdio.h>

#include "quic/conn.h"
#include "quic/endpoint.h"

enum {
    STORM = 2000,
    VIEWERS = 20,
    FRAME_BYTES = 200,
    FRAME_US = 1000, /* between frames while handshakes wait; a turn takes 1 us here */
    QUIET_FRAME_MS = 16,
    TURN_MOST_ACCEPTED = 4, /* handshakes begun in one turn */
    TURN_MOST_RETRIES = 48, /* Retry packets sent in one turn */
    RETRY_AT = 100,
    WAIT_S = 60, /* the default of limits.half_open_retry_at */
};

struct storm {
    struct pair pair;
    struct quic_conn *viewers[VIEWERS];
    uint64_t sent[VIEWERS]; /* bytes sent when the last frame was written */
    struct quic_endpoint_stats before;
    uint64_t turns, frames, next_frame_ns, most_accepted, most_retries;
    bool is_on, has_frame;
    uint64_t late; /* frames that were not sent by the end of their turn */
};

static void note_most(uint64_t *most, uint64_t now)
{
    *most = now > *most ? now : *most;
}

static uint64_t bytes_sent(const struct quic_conn *conn)
{
    struct quic_conn_stats stats;
    quic_conn_stats(conn, &stats);
    return stats.bytes_sent;
}

/* Looks at what the previous turn did. */
static void look_back(struct storm *storm)
{
    struct quic_endpoint_stats now = pair_server_stats(&storm->pair);
    note_most(&storm->most_accepted, now.accepted - storm->before.accepted);
    note_most(&storm->most_retries, now.retries - storm->before.retries);
    storm->before = now;
    for (int i = 0; storm->has_frame && i < VIEWERS; i++)
        storm->late += bytes_sent(storm->viewers[i]) < storm->sent[i] + FRAME_BYTES;
    storm->has_frame = false;
}

static uint64_t on_server_turn(void *self)
{
    struct storm *storm = self;
    if (!storm->is_on)
        return CLOCK_NEVER;
    look_back(storm);
    storm->turns++;
    uint64_t now_ns = sim_clock(storm->pair.sim)->now_ns;
    if (now_ns < storm->next_frame_ns)
        return storm->next_frame_ns;
    bool is_quiet = storm->before.datagrams_waiting == 0;
    storm->next_frame_ns = now_ns + (is_quiet ? QUIET_FRAME_MS * NS_PER_MS : FRAME_US * NS_PER_US);
    storm->frames++;
    storm->has_frame = true;
    for (int i = 0; i < VIEWERS; i++) {
        storm->sent[i] = bytes_sent(storm->viewers[i]);
        assert_non_null(peer_send(&storm->pair.server, storm->viewers[i], false, FRAME_BYTES));
    }
    return storm->next_frame_ns;
}

static void storm_init(struct storm *storm)
{
    const struct pair_setup setup = {
        .seed = 4, .protocol = QUIC_PROTOCOL_RAW, .link = {.delay_ns = NS_PER_MS}};
    *storm = (struct storm){0};
    pair_init(&storm->pair, &setup);
    pair_start(&storm->pair);
    for (int i = 0; i < VIEWERS; i++) {
        storm->pair.server.connected = 0;
        assert_non_null(pair_dial(&storm->pair));
        assert_true(sim_run_until(storm->pair.sim, peer_is_connected, &storm->pair.server,
                                  WAIT_S * NS_PER_S));
        storm->viewers[i] = storm->pair.server.conn;
    }
    sim_run(storm->pair.sim, NS_PER_S);
    storm->before = pair_server_stats(&storm->pair);
    storm->pair.client.connected = 0;
    sim_on_turn(storm->pair.sim, storm->pair.server_node, on_server_turn, storm);
}

static void break_loose(struct storm *storm)
{
    for (int i = 0; i < STORM; i++)
        assert_non_null(pair_dial(&storm->pair));
    storm->is_on = true;
}

static void assert_nobody_waited(const struct storm *storm)
{
    assert_true(storm->frames > 250);
    assert_int_equal(storm->late, 0);
    assert_in_range(storm->most_accepted, 1, TURN_MOST_ACCEPTED);
    assert_in_range(storm->most_retries, 1, TURN_MOST_RETRIES);
}

static void a_storm_of_handshakes_delays_nobody_and_ends_well(void **state)
{
    (void)state;
    struct storm storm;
    storm_init(&storm);
    break_loose(&storm);
    sim_run(storm.pair.sim, 20 * NS_PER_S);

    assert_nobody_waited(&storm);
    assert_true(storm.pair.client.connected >= STORM * 95 / 100);
    printf("connected %d of %d in %llu turns\n", storm.pair.client.connected, STORM,
           (unsigned long long)storm.turns);
    assert_int_equal(pair_server_stats(&storm.pair).datagrams_waiting, 0);
    pair_deinit(&storm.pair);
}

/* Clients that send their first packets and nothing more, as with spoofed addresses: only as many
 * cost a handshake as may be under way, and Retry stops when they do. */
static void a_storm_of_liars_costs_no_more_than_half_open_allows(void **state)
{
    (void)state;
    struct storm storm;
    storm_init(&storm);
    struct pair *pair = &storm.pair;
    uint64_t accepted = storm.before.accepted;
    int liars = sim_add_endpoint(pair->sim, &pair->client_config);
    pair->client_node = liars;
    break_loose(&storm);
    sim_run(pair->sim, 500 * NS_PER_US); /* everything is under way */
    sim_remove_endpoint(pair->sim, liars);
    sim_run(pair->sim, 5 * NS_PER_S);
    assert_nobody_waited(&storm);
    assert_int_equal(pair_server_stats(pair).accepted - accepted, RETRY_AT);
    uint64_t retries = pair_server_stats(pair).retries;
    assert_true(retries > RETRY_AT);

    sim_run(pair->sim, 10 * NS_PER_S); /* limits.handshake */

    assert_int_equal(pair_server_stats(pair).half_open, 0);
    pair->client_node = sim_add_endpoint(pair->sim, &pair->client_config);
    assert_non_null(pair_dial(pair));
    assert_true(sim_run_until(pair->sim, peer_is_connected, &pair->client, WAIT_S * NS_PER_S));
    assert_int_equal(pair_server_stats(pair).retries, retries);
    pair_deinit(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_storm_of_handshakes_delays_nobody_and_ends_well),
        cmocka_unit_test(a_storm_of_liars_costs_no_more_than_half_open_allows),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
