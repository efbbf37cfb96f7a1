/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Paths that carry less from some moment of a connection on, in both directions, with and without a
 * change of address. Packets become larger again when they can. */
#include "tests/sim/prologue.h"

#include "quic/conn.h"

enum {
    FRAME_MS = 16,
    FRAME_BYTES = 5000,
    SMALL_BYTES = 200,
    BURST_BYTES = 500000, /* after it, the congestion window holds frames of a second */
    WAIT_S = 60,
    TUNNEL_BYTES = 1300, /* the most that a path carries in a tunnel */
};

static const enum quic_protocol protocols[] = {QUIC_PROTOCOL_RAW, QUIC_PROTOCOL_WEBTRANSPORT};

struct flow_of_frames { /* one side sends each frame on a stream of its own, like live video */
    struct pair pair;
    bool is_server_sending;
    uint64_t sent;
    uint64_t received, received_at_ns, longest_pause_ns;
    size_t largest; /* size of the sender's largest packet since it was set to 0 */
};

static struct peer *sender(struct flow_of_frames *self)
{
    return self->is_server_sending ? &self->pair.server : &self->pair.client;
}

static struct peer *receiver(struct flow_of_frames *self)
{
    return self->is_server_sending ? &self->pair.client : &self->pair.server;
}

static bool on_packet(void *self_in, const uint8_t *data, size_t n)
{
    struct flow_of_frames *self = self_in;
    (void)data;
    if (n > self->largest)
        self->largest = n;
    return false;
}

static void look(struct flow_of_frames *self)
{
    uint64_t now_ns = sim_clock(self->pair.sim)->now_ns;
    if (receiver(self)->received != self->received)
        self->received_at_ns = now_ns;
    self->received = receiver(self)->received;
    if (now_ns - self->received_at_ns > self->longest_pause_ns)
        self->longest_pause_ns = now_ns - self->received_at_ns;
}

static void send_for(struct flow_of_frames *self, uint64_t duration_ns)
{
    for (uint64_t ns = 0; ns < duration_ns; ns += FRAME_MS * NS_PER_MS) {
        self->sent +=
            peer_send(sender(self), sender(self)->conn, false, FRAME_BYTES) ? FRAME_BYTES : 0;
        sim_run(self->pair.sim, FRAME_MS * NS_PER_MS);
        look(self);
    }
}

static size_t packet_size(struct flow_of_frames *self)
{
    return conn_packet_size(sender(self)->conn);
}

static uint64_t times_shrunk(struct flow_of_frames *self)
{
    struct quic_endpoint_stats stats;
    int node = self->is_server_sending ? self->pair.server_node : self->pair.client_node;
    quic_endpoint_stats(sim_endpoint(self->pair.sim, node), &stats);
    return stats.paths_shrunk;
}

static void set_link(struct flow_of_frames *self, uint64_t largest_bytes, double loss_percent)
{
    const struct sim_link link = {
        .delay_ns = 20 * NS_PER_MS, .largest_bytes = largest_bytes, .loss_percent = loss_percent};
    sim_set_link(self->pair.sim, &link);
}

/* Sends two seconds of frames, after which packets have their full size. */
static void start(struct flow_of_frames *self, size_t protocol, bool is_server_sending,
                  uint64_t seed)
{
    const struct pair_setup setup = {
        .seed = seed, .protocol = protocols[protocol], .link = {.delay_ns = 20 * NS_PER_MS}};
    *self = (struct flow_of_frames){.is_server_sending = is_server_sending};
    pair_init(&self->pair, &setup);
    pair_connect(&self->pair);
    int node = is_server_sending ? self->pair.server_node : self->pair.client_node;
    sim_on_packet(self->pair.sim, node, on_packet, self);
    send_for(self, 2 * NS_PER_S);
    assert_int_equal(packet_size(self), PATH_MTU_LARGEST_BYTES);
    self->longest_pause_ns = 0;
}

static void end(struct flow_of_frames *self)
{
    sim_run(self->pair.sim, NS_PER_S);
    assert_int_equal(receiver(self)->received, self->sent);
    pair_deinit(&self->pair);
}

#define FOR_EACH_WAY(body)                                                                         \
    for (size_t protocol = 0; protocol < 2; protocol++)                                            \
        for (int is_server_sending = 0; is_server_sending < 2; is_server_sending++) {              \
            struct flow_of_frames flow;                                                            \
            start(&flow, protocol, is_server_sending, 61);                                         \
            body;                                                                                  \
            end(&flow);                                                                            \
        }

static void goes_on_after_a_moment(struct flow_of_frames *flow)
{
    set_link(flow, TUNNEL_BYTES, 0);
    send_for(flow, 5 * NS_PER_S);
    assert_int_equal(times_shrunk(flow), 1);
    assert_true(packet_size(flow) <= TUNNEL_BYTES);
    assert_in_range(flow->longest_pause_ns, 0, 600 * NS_PER_MS);
}

static void a_smaller_path_delays_frames_for_a_moment(void **state)
{
    (void)state;
    FOR_EACH_WAY(goes_on_after_a_moment(&flow))
}

/* The sender's own device: the kernel refuses a train that contains a large packet, so the small
 * packets after it do not arrive either. Frames follow each other faster than a probe time-out. */
static void a_smaller_device_delays_frames_for_a_moment(void **state)
{
    (void)state;
    const struct sim_link wide = {.delay_ns = NS_PER_MS};
    const struct sim_link narrow = {
        .delay_ns = NS_PER_MS, .largest_bytes = TUNNEL_BYTES, .is_device = true};
    FOR_EACH_WAY({
        sim_set_link(flow.pair.sim, &wide);
        flow.sent +=
            peer_send(sender(&flow), sender(&flow)->conn, false, BURST_BYTES) ? BURST_BYTES : 0;
        send_for(&flow, 2 * NS_PER_S);
        flow.longest_pause_ns = 0;
        sim_set_link(flow.pair.sim, &narrow);
        send_for(&flow, 5 * NS_PER_S);
        assert_in_range(flow.longest_pause_ns, 0, 400 * NS_PER_MS);
        assert_true(packet_size(&flow) <= TUNNEL_BYTES);
    })
}

/* When the small packet is acknowledged, everything sent before it counts as lost at once. ngtcp2
 * takes that for persistent congestion and resets the round trip time. */
static void a_small_packet_that_gets_through_makes_the_moment_no_longer(void **state)
{
    (void)state;
    static const struct sim_link wide = {.delay_ns = NS_PER_MS};
    static const struct sim_link narrow = {
        .delay_ns = NS_PER_MS, .largest_bytes = TUNNEL_BYTES, .is_device = true};
    for (uint64_t frames = 4; frames <= 9; frames++)
        FOR_EACH_WAY({
            sim_set_link(flow.pair.sim, &wide);
            send_for(&flow, NS_PER_S);
            flow.longest_pause_ns = 0;
            sim_set_link(flow.pair.sim, &narrow);
            send_for(&flow, frames * FRAME_MS * NS_PER_MS);
            flow.sent +=
                peer_send(sender(&flow), sender(&flow)->conn, false, SMALL_BYTES) ? SMALL_BYTES : 0;
            sim_run(flow.pair.sim, FRAME_MS * NS_PER_MS);
            send_for(&flow, 5 * NS_PER_S);
            assert_in_range(flow.longest_pause_ns, 0, 400 * NS_PER_MS);
            assert_true(packet_size(&flow) <= TUNNEL_BYTES);
        })
}

static void a_smaller_path_at_a_new_address_delays_frames_for_a_moment(void **state)
{
    (void)state;
    FOR_EACH_WAY({
        set_link(&flow, TUNNEL_BYTES, 0);
        sim_rebind(flow.pair.sim, flow.pair.client_node);
        send_for(&flow, 5 * NS_PER_S);
        assert_in_range(flow.longest_pause_ns, 0, 600 * NS_PER_MS);
        assert_true(packet_size(&flow) <= TUNNEL_BYTES);
    })
}

/* A transfer that has only large packets: nothing at all arrives any more. */
static void a_smaller_path_delays_a_transfer_for_a_moment(void **state)
{
    (void)state;
    for (int is_server_sending = 0; is_server_sending < 2; is_server_sending++) {
        enum { BYTES = 3000000 };
        struct flow_of_frames flow;
        const struct pair_setup setup = {.seed = 62,
                                         .protocol = QUIC_PROTOCOL_RAW,
                                         .link = {.delay_ns = 20 * NS_PER_MS,
                                                  .bandwidth_bps = 10000000,
                                                  .queue_ns = 50 * NS_PER_MS}};
        flow = (struct flow_of_frames){.is_server_sending = is_server_sending};
        pair_init(&flow.pair, &setup);
        pair_connect(&flow.pair);
        assert_non_null(peer_send(sender(&flow), sender(&flow)->conn, false, BYTES));
        sim_run(flow.pair.sim, NS_PER_S);
        assert_int_equal(packet_size(&flow), PATH_MTU_LARGEST_BYTES);
        look(&flow);

        struct sim_link link = setup.link;
        link.largest_bytes = TUNNEL_BYTES;
        sim_set_link(flow.pair.sim, &link);
        for (int ms = 0; ms < 6000; ms += 10) {
            sim_run(flow.pair.sim, 10 * NS_PER_MS);
            if (receiver(&flow)->received < BYTES)
                look(&flow);
        }

        assert_in_range(flow.longest_pause_ns, 0, NS_PER_S);
        assert_int_equal(receiver(&flow)->received, BYTES);
        pair_deinit(&flow.pair);
    }
}

static void packets_grow_again_as_far_as_the_path_carries_them(void **state)
{
    (void)state;
    FOR_EACH_WAY({
        goes_on_after_a_moment(&flow);
        flow.longest_pause_ns = 0;

        send_for(&flow, 15 * NS_PER_S);
        assert_int_equal(packet_size(&flow), 1232);

        set_link(&flow, 0, 0);
        send_for(&flow, 60 * NS_PER_S);
        assert_int_equal(packet_size(&flow), PATH_MTU_LARGEST_BYTES);
        /* A failed probe delays only the data in it. */
        assert_in_range(flow.longest_pause_ns, 0, 100 * NS_PER_MS);
    })
}

static void a_new_address_gets_small_packets_first(void **state)
{
    (void)state;
    struct flow_of_frames flow;
    start(&flow, 1, true, 63);
    sim_rebind(flow.pair.sim, flow.pair.client_node);
    peer_send(&flow.pair.client, flow.pair.client.conn, false, 1);
    sim_run(flow.pair.sim, 21 * NS_PER_MS);

    flow.largest = 0;
    send_for(&flow, 35 * NS_PER_MS);
    assert_int_equal(flow.largest, NGTCP2_MAX_UDP_PAYLOAD_SIZE);

    send_for(&flow, 5 * NS_PER_S);
    assert_int_equal(packet_size(&flow), PATH_MTU_LARGEST_BYTES);
    assert_int_equal(times_shrunk(&flow), 0);
    sim_run(flow.pair.sim, NS_PER_S);
    assert_int_equal(flow.pair.client.received, flow.sent);
    pair_deinit(&flow.pair);
}

/* Random loss must not be taken for a smaller path. If there is much of it, nothing may arrive for
 * some time, and then packets are small for some seconds. */
static void loss_is_seldom_taken_for_a_smaller_path(void **state)
{
    (void)state;
    static const double percents[] = {1, 5, 10};
    static const uint64_t most[] = {0, 1, 3};
    for (uint64_t seed = 1; seed <= 10; seed++) {
        for (size_t i = 0; i < 3; i++) {
            struct flow_of_frames flow;
            start(&flow, seed % 2, i != 1, seed);
            set_link(&flow, 0, percents[i]);
            send_for(&flow, 10 * NS_PER_S);
            assert_in_range(times_shrunk(&flow), 0, most[i]);
            set_link(&flow, 0, 0);
            sim_run(flow.pair.sim, WAIT_S * NS_PER_S);
            send_for(&flow, 10 * NS_PER_S);
            assert_int_equal(packet_size(&flow), PATH_MTU_LARGEST_BYTES);
            end(&flow);
        }
    }
}

static void a_peer_that_is_gone_is_not_counted_as_a_smaller_path(void **state)
{
    (void)state;
    struct flow_of_frames flow;
    start(&flow, 0, true, 64);
    sim_remove_endpoint(flow.pair.sim, flow.pair.client_node);
    for (int i = 0; i < 200 && flow.pair.server.closed == 0; i++)
        send_for(&flow, FRAME_MS * NS_PER_MS);
    sim_run(flow.pair.sim, WAIT_S * NS_PER_S);

    assert_int_equal(flow.pair.server.closed, 1);
    assert_int_equal(times_shrunk(&flow), 0);
    pair_deinit(&flow.pair);
}

/* As on a train: each time the path is the same as before. */
/* Audio alone: small packets are under way all the time, and tell nothing about large ones. */
static void small_frames_leave_large_packets_alone(struct flow_of_frames *flow)
{
    for (uint64_t ns = 0; ns < 5 * NS_PER_S; ns += FRAME_MS * NS_PER_MS) {
        assert_true(peer_send(sender(flow), sender(flow)->conn, false, SMALL_BYTES));
        flow->sent += SMALL_BYTES;
        sim_run(flow->pair.sim, FRAME_MS * NS_PER_MS);
        assert_int_equal(packet_size(flow), PATH_MTU_LARGEST_BYTES);
    }
}

static void small_frames_are_not_taken_for_a_smaller_path(void **state)
{
    (void)state;
    FOR_EACH_WAY(small_frames_leave_large_packets_alone(&flow))
}

static void be_down_for(struct flow_of_frames *flow, uint64_t outage_ns)
{
    set_link(flow, 0, 100);
    send_for(flow, outage_ns);
    set_link(flow, 0, 0);
    send_for(flow, outage_ns + NS_PER_S); /* time-outs are as long as the outage by now */
    assert_int_equal(packet_size(flow), PATH_MTU_LARGEST_BYTES);
}

static void a_path_that_was_down_carries_large_packets_again_at_once(void **state)
{
    (void)state;
    FOR_EACH_WAY({
        for (int i = 0; i < 6; i++)
            be_down_for(&flow, i % 2 == 0 ? 2 * NS_PER_S : 5 * NS_PER_S);
        assert_int_equal(times_shrunk(&flow), 0);
    })
}

/* The longer probes fail, the rarer they become, until one arrives. */
static void a_path_that_has_grown_is_tried_as_often_as_a_new_one(void **state)
{
    (void)state;
    struct flow_of_frames flow;
    start(&flow, 0, true, 65);
    set_link(&flow, TUNNEL_BYTES, 0);
    send_for(&flow, 300 * NS_PER_S);
    set_link(&flow, 1420, 0);
    for (int i = 0; i < 600 && packet_size(&flow) < 1406; i++)
        send_for(&flow, NS_PER_S);
    assert_int_equal(packet_size(&flow), 1406);

    set_link(&flow, 0, 0);
    send_for(&flow, 10 * NS_PER_S);
    assert_int_equal(packet_size(&flow), PATH_MTU_LARGEST_BYTES);
    end(&flow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_smaller_path_delays_frames_for_a_moment),
        cmocka_unit_test(a_smaller_device_delays_frames_for_a_moment),
        cmocka_unit_test(a_small_packet_that_gets_through_makes_the_moment_no_longer),
        cmocka_unit_test(a_smaller_path_at_a_new_address_delays_frames_for_a_moment),
        cmocka_unit_test(a_smaller_path_delays_a_transfer_for_a_moment),
        cmocka_unit_test(packets_grow_again_as_far_as_the_path_carries_them),
        cmocka_unit_test(a_new_address_gets_small_packets_first),
        cmocka_unit_test(loss_is_seldom_taken_for_a_smaller_path),
        cmocka_unit_test(a_peer_that_is_gone_is_not_counted_as_a_smaller_path),
        cmocka_unit_test(small_frames_are_not_taken_for_a_smaller_path),
        cmocka_unit_test(a_path_that_was_down_carries_large_packets_again_at_once),
        cmocka_unit_test(a_path_that_has_grown_is_tried_as_often_as_a_new_one),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
