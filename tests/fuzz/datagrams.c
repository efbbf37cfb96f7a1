/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Datagrams from strangers: the first byte says how the server is set up, then each datagram is two
 * bytes of length and as many of content. The addresses are not validated, so the answers may be at
 * most three times as large as the datagrams. */
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "quic/quic.h"
#include "base/clock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { DATAGRAM_MAX_BYTES = 2048, TURN_NS = 1000000, AMPLIFICATION_MAX = 3 };

struct world {
    struct moq_clock clock;
    uint64_t received, sent;
};

static int send_train(void *self, const struct quic_datagram *train)
{
    struct world *world = self;
    world->sent += train->size;
    if (world->sent > AMPLIFICATION_MAX * world->received)
        abort();
    return 0;
}

static int on_accept(void *user, struct quic_conn *conn)
{
    (void)user, (void)conn;
    abort(); /* nobody finishes a handshake without keys */
}

static struct quic_tls *server_tls(void)
{
    static struct quic_tls *tls;
    const char *name = "localhost";
    const struct quic_tls_server_config config = {.self_signed = &name, .self_signed_count = 1};
    if (!tls)
        tls = quic_tls_server_new(&config, NULL);
    return tls;
}

static void on_closed(struct quic_conn *conn, const struct quic_close *why)
{
    (void)conn, (void)why;
}

static void receive(struct quic_endpoint *endpoint, struct world *world, const uint8_t *data,
                    size_t n)
{
    const struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = 1};
    const struct sockaddr_in remote = {.sin_family = AF_INET, .sin_port = 2};
    const struct quic_datagram datagram = {.data = data,
                                           .size = n,
                                           .segment_size = n,
                                           .local = (const struct sockaddr *)&local,
                                           .local_size = sizeof local,
                                           .remote = (const struct sockaddr *)&remote,
                                           .remote_size = sizeof remote};
    world->received += n;
    quic_endpoint_receive(endpoint, &datagram);
    quic_endpoint_tick(endpoint);
    quic_endpoint_flush(endpoint);
    world->clock.now_ns += TURN_NS;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const struct quic_app app = {.on_accept = on_accept, .on_closed = on_closed};
    struct world world = {.clock = {.now_ns = TURN_NS}};
    bool is_retry_wanted = n > 0 && (data[0] & 1);
    const struct quic_endpoint_config config = {
        .clock = &world.clock,
        .server_tls = server_tls(),
        .app = &app,
        .sink = {.send = send_train, .self = &world, .max_train_packets = 16},
        .limits = {.half_open_retry_at = is_retry_wanted ? 1 : 0},
        .seed = 7};
    struct quic_endpoint *endpoint = quic_endpoint_new(&config);
    if (!endpoint)
        return 0;

    size_t place = 1;
    while (place + 2 <= n) {
        size_t size = ((size_t)data[place] << 8 | data[place + 1]) % DATAGRAM_MAX_BYTES;
        place += 2;
        size = size < n - place ? size : n - place;
        receive(endpoint, &world, data + place, size);
        place += size;
    }
    quic_endpoint_free(&endpoint);
    return 0;
}
