/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Packets reach the worker that issued their connection ID, wherever they come from: by the kernel,
 * or from worker to worker. These connections do not exist; the worker that answers or drops a
 * packet is the one that received it. */
#include "tests/unit/core/running.h"

#include <sys/socket.h>
#include <unistd.h>

enum { WORKERS = 5, CONNECTIONS = 500, PORTS = 8, CID_BYTES = 9, PACKET_BYTES = 60, AT_ONCE = 200 };

#define PATIENCE_NS (20 * NS_PER_S)

struct senders {
    int sockets[PORTS];
    uint64_t sent[WORKERS]; /* to each worker, by connection ID */
    uint64_t total;
};

static void senders_open(struct senders *senders, const struct running *running)
{
    memset(senders, 0, sizeof *senders);
    for (int i = 0; i < PORTS; i++) {
        int fd = socket(running->address.ss_family, SOCK_DGRAM, 0);
        senders->sockets[i] = fd;
        assert_true(fd >= 0);
        assert_int_equal(
            connect(fd, (const struct sockaddr *)&running->address, running->address_size), 0);
    }
}

static void senders_close(struct senders *senders)
{
    for (int i = 0; i < PORTS; i++)
        close(senders->sockets[i]);
}

/* Of a connection that nobody has, with a short header or of a handshake. */
static void make_packet(uint8_t *packet, unsigned connection, bool is_long)
{
    static const uint8_t handshake[] = {0xe0, 0, 0, 0, 1, CID_BYTES};
    memset(packet, 0x5a, PACKET_BYTES);
    uint8_t *cid = packet + 1;
    packet[0] = 0x40;
    if (is_long) {
        memcpy(packet, handshake, sizeof handshake);
        cid = packet + sizeof handshake;
        cid[CID_BYTES] = 0;
    }
    cid[0] = (uint8_t)(connection * 7);
    memcpy(cid + 1, &connection, sizeof connection);
}

static void send_one(struct senders *senders, unsigned connection, int port)
{
    uint8_t packet[PACKET_BYTES];
    make_packet(packet, connection, (connection + (unsigned)port) % 2);
    assert_int_equal(send(senders->sockets[port], packet, sizeof packet, 0), PACKET_BYTES);
    senders->sent[(uint8_t)(connection * 7) % WORKERS]++;
    senders->total++;
}

static uint64_t had_by(const struct quic_endpoint_stats *stats)
{
    return stats->stateless_resets + stats->datagrams_dropped;
}

static void wait_for_all(const struct senders *senders, struct running *running)
{
    uint64_t end_ns = clock_monotonic_ns() + PATIENCE_NS;
    while (had_by(&core_stats(running->core)->listeners[0]) < senders->total)
        assert_true(clock_monotonic_ns() < end_ns);
}

static void send_all(struct senders *senders, struct running *running)
{
    for (unsigned connection = 0; connection < CONNECTIONS; connection++)
        for (int port = 0; port < PORTS; port++) {
            send_one(senders, connection, port);
            if (senders->total % AT_ONCE == 0)
                wait_for_all(senders, running);
        }
    wait_for_all(senders, running);
}

static void assert_owners_had_all(const struct senders *senders, const struct core_stats *stats)
{
    assert_int_equal(stats->worker_count, WORKERS);
    for (int i = 0; i < WORKERS; i++)
        assert_int_equal(had_by(&stats->workers[i].listeners[0]), senders->sent[i]);
    assert_int_equal(stats->listeners[0].datagrams_received, senders->total);
    assert_int_equal(stats->listeners[0].forwards_dropped, 0);
}

static void the_kernel_gives_every_packet_to_its_worker(void **state)
{
    (void)state;
    struct running running;
    struct senders senders;
    running_start(&running, "workers: 5\n"
                            "listen: [{ address: \"127.0.0.1:0\", self_signed: [localhost] }]\n");
    senders_open(&senders, &running);

    send_all(&senders, &running);

    const struct core_stats *stats = core_stats(running.core);
    assert_owners_had_all(&senders, stats);
    assert_int_equal(stats->listeners[0].datagrams_forwarded, 0);
    for (int i = 0; i < WORKERS; i++)
        assert_int_equal(stats->workers[i].listeners[0].datagrams_received, senders.sent[i]);
    senders_close(&senders);
    running_stop(&running);
}

static void without_the_kernel_workers_hand_them_on(void **state)
{
    (void)state;
    struct running running;
    struct senders senders;
    running_start(&running, "workers: 5\n"
                            "quic: { steering: false }\n"
                            "listen: [{ address: \"[::]:0\", self_signed: [localhost] }]\n");
    senders_open(&senders, &running);

    send_all(&senders, &running);

    const struct core_stats *stats = core_stats(running.core);
    assert_owners_had_all(&senders, stats);
    /* One in five would be right by chance. */
    assert_true(stats->listeners[0].datagrams_forwarded > senders.total / 4);
    senders_close(&senders);
    running_stop(&running);
}

/* A packet that was handed on is not handed on again: not even by a worker that it is not for. */
static int never(void *self, uint8_t worker, const struct quic_datagram *packet)
{
    (void)packet;
    fail_msg("handed to %u by %p", worker, self);
    return 0;
}

static int drop(void *self, const struct quic_datagram *train)
{
    (void)self;
    (void)train;
    return 0;
}

static void what_was_handed_on_goes_no_further(void **state)
{
    (void)state;
    static const struct quic_app app = {.on_connected = NULL};
    struct moq_clock clock = {.now_ns = 1};
    struct sockaddr_storage address = {.ss_family = AF_INET};
    struct quic_endpoint_config config = {
        .clock = &clock, .app = &app, .sink = {.send = drop}, .workers = WORKERS, .forward = never};
    struct quic_endpoint *endpoint = quic_endpoint_new(&config);
    uint8_t data[PACKET_BYTES];
    struct quic_datagram packet = {.data = data,
                                   .size = sizeof data,
                                   .local = (struct sockaddr *)&address,
                                   .remote = (struct sockaddr *)&address,
                                   .local_size = sizeof(struct sockaddr_in),
                                   .remote_size = sizeof(struct sockaddr_in),
                                   .is_forwarded = true};
    make_packet(data, 1, false); /* 7: worker 2's, and this is worker 0 */

    quic_endpoint_receive(endpoint, &packet);

    struct quic_endpoint_stats stats;
    quic_endpoint_stats(endpoint, &stats);
    assert_int_equal(had_by(&stats), 1);
    assert_int_equal(stats.datagrams_received, 0); /* it was counted where it came */
    quic_endpoint_free(&endpoint);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_kernel_gives_every_packet_to_its_worker),
        cmocka_unit_test(without_the_kernel_workers_hand_them_on),
        cmocka_unit_test(what_was_handed_on_goes_no_further),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
