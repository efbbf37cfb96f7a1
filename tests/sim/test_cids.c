/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Peers that change connection IDs in mid-connection (RFC 9000, section 5.1.2), with and without a
 * new address. They ask us to retire IDs of theirs, and change to another ID of ours. ngtcp2 never
 * asks for retirement, so its frames are changed before they are encrypted. */
#include "tests/sim/prologue.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/varint.h"
#include "quic/aead.h"
#include "quic/conn.h"
#include "quic/endpoint.h"

enum { WAIT_S = 60, ID_LIMIT = 8, ROTATIONS_MAX = 63 /* one byte of a frame */ };

static const enum quic_protocol protocols[] = {QUIC_PROTOCOL_RAW, QUIC_PROTOCOL_WEBTRANSPORT};

/* ---- Frames that ask for retirement ---------------------------------------------------------- */

/* Which node is writing, and which nodes ask with each new ID to retire all earlier ones. */
static struct rotation {
    int writer;
    bool asks[2]; /* of each node */
    uint64_t highest[2];
} rotation;

enum {
    PADDING = 0x00,
    ACK = 0x02,
    ACK_ECN = 0x03,
    CRYPTO = 0x06,
    NEW_TOKEN = 0x07,
    NEW_CONNECTION_ID = 0x18,
    PATH_CHALLENGE = 0x1a,
    PATH_RESPONSE = 0x1b,
    RESET_TOKEN_BYTES = 16,
    PATH_BYTES = 8,
};

/* How many integers follow the type, in frames that consist of integers only; -1: other frames. */
static int numbers_of(uint8_t type)
{
    static const int8_t counts[] = {0, 0, -1, -1, 3, 2, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
                                    1, 2, 1,  1,  1, 2, 1,  1,  -1, 1,  -1, -1, -1, -1, 0};
    return type < sizeof counts ? counts[type] : -1;
}

struct frames {
    uint8_t *data;
    size_t size, at;
};

static uint64_t take(struct frames *frames)
{
    uint64_t value = 0;
    frames->at += varint_decode(frames->data + frames->at, frames->size - frames->at, &value);
    return value;
}

static void skip_ack(struct frames *frames, bool has_ecn)
{
    take(frames), take(frames);
    uint64_t ranges = take(frames);
    take(frames);
    for (uint64_t i = 0; i < 2 * ranges + (has_ecn ? 3 : 0); i++)
        take(frames);
}

static void ask_for_retirement(struct frames *frames)
{
    uint64_t sequence = take(frames);
    if (sequence <= ROTATIONS_MAX && frames->data[frames->at] == 0) {
        frames->data[frames->at] = (uint8_t)sequence;
        if (sequence > rotation.highest[rotation.writer])
            rotation.highest[rotation.writer] = sequence;
    }
    take(frames);
    frames->at += 1u + frames->data[frames->at] + RESET_TOKEN_BYTES;
}

/* Skips a control frame. They come before frames of streams. */
static bool skip_frame(struct frames *frames)
{
    uint8_t type = frames->data[frames->at++];
    int numbers = numbers_of(type);
    if (type == ACK || type == ACK_ECN)
        skip_ack(frames, type == ACK_ECN);
    else if (type == NEW_CONNECTION_ID)
        ask_for_retirement(frames);
    else if (type == PATH_CHALLENGE || type == PATH_RESPONSE)
        frames->at += PATH_BYTES;
    else if (type == NEW_TOKEN)
        frames->at += take(frames);
    else if (numbers >= 0)
        while (numbers-- > 0)
            take(frames);
    else
        return false;
    return true;
}

int __real_aead_encrypt(uint8_t *out, const ngtcp2_crypto_aead *aead,
                        const ngtcp2_crypto_aead_ctx *key, const uint8_t *plain, size_t n,
                        const uint8_t *nonce, size_t nonce_size, const uint8_t *header,
                        size_t header_size);

/* house: parameters (ngtcp2 gives them) */
int __wrap_aead_encrypt(uint8_t *out, const ngtcp2_crypto_aead *aead,
                        const ngtcp2_crypto_aead_ctx *key, const uint8_t *plain, size_t n,
                        const uint8_t *nonce, size_t nonce_size, const uint8_t *header,
                        size_t header_size)
{
    uint8_t changed[PATH_MTU_LARGEST_BYTES];
    bool is_short = (header[0] & 0x80) == 0;
    if (is_short && rotation.asks[rotation.writer]) {
        struct frames frames = {.data = changed, .size = n};
        assert_true(n <= sizeof changed);
        memcpy(changed, plain, n);
        while (frames.at < n && skip_frame(&frames))
            ;
        plain = changed;
    }
    return __real_aead_encrypt(out, aead, key, plain, n, nonce, nonce_size, header, header_size);
}

static uint64_t server_writes(void *self)
{
    (void)self;
    rotation.writer = 0;
    return CLOCK_NEVER;
}

static uint64_t client_writes(void *self)
{
    (void)self;
    rotation.writer = 1;
    return CLOCK_NEVER;
}

/* ---- The scene ------------------------------------------------------------------------------- */

static void start_pair(struct pair *pair, enum quic_protocol protocol, const struct sim_link *link)
{
    const struct pair_setup setup = {.seed = 61, .protocol = protocol, .link = *link};
    rotation = (struct rotation){.writer = 0};
    pair_init(pair, &setup);
    pair->server_config.seed = 77;
    pair_start(pair);
    sim_on_turn(pair->sim, pair->server_node, server_writes, NULL);
    sim_on_turn(pair->sim, pair->client_node, client_writes, NULL);
}

/* Checks that the routes of each side are bounded: its own IDs, and a token for each ID of the
 * peer. */
static void check_routes(const struct pair *pair)
{
    assert_in_range(pair->server.conn->route_count, 2, 4 * ID_LIMIT);
    assert_in_range(pair->client.conn->route_count, 2, 4 * ID_LIMIT);
}

/* The client switches to another ID of the server's and retires the previous one. While the server
 * asks it to retire one after the other, there may be none left to switch to. */
static void take_another_id(struct pair *pair)
{
    static uint16_t port = 30000;
    struct quic_conn *conn = pair->client.conn;
    struct sockaddr_in local = *sim_address(pair->sim, pair->client_node);
    struct sockaddr_in remote = *sim_address(pair->sim, pair->server_node);
    local.sin_port = htons(++port);
    const ngtcp2_path path = {
        .local = {.addr = (ngtcp2_sockaddr *)&local, .addrlen = sizeof local},
        .remote = {.addr = (ngtcp2_sockaddr *)&remote, .addrlen = sizeof remote}};
    int rv;
    for (int tries = 0; (rv = ngtcp2_conn_initiate_immediate_migration(
                             conn->quic, &path, sim_clock(pair->sim)->now_ns)) != 0;
         tries++) {
        assert_int_equal(rv, NGTCP2_ERR_CONN_ID_BLOCKED);
        assert_true(rotation.asks[0] && tries < 1000);
        sim_run(pair->sim, 10 * NS_PER_MS);
    }
    sim_move_inside(pair->sim, pair->client_node, port);
    conn_wake(conn);
}

static ngtcp2_cid id_in_use(const struct quic_conn *conn)
{
    return *ngtcp2_conn_get_dcid(conn->quic);
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static const struct sim_link clean = {.delay_ns = 20 * NS_PER_MS};
static const struct sim_link rough = {.delay_ns = 20 * NS_PER_MS,
                                      .jitter_ns = 30 * NS_PER_MS,
                                      .loss_percent = 8,
                                      .duplicate_percent = 5,
                                      .reorder_percent = 10};

static void ids_that_peers_want_retired_are_replaced(void **state)
{
    (void)state;
    const struct sim_link *links[] = {&clean, &rough};
    for (int round = 0; round < 12; round++) {
        struct pair pair;
        start_pair(&pair, protocols[round % 2], links[round / 6]);
        rotation.asks[0] = round % 3 != 1;
        rotation.asks[1] = round % 3 != 0;
        pair_meet(&pair);
        ngtcp2_cid before[] = {id_in_use(pair.client.conn), id_in_use(pair.server.conn)};
        for (int echoes = 0; echoes < 20; echoes++) {
            pair_echo(&pair, 30000);
            check_routes(&pair);
        }
        const struct quic_conn *users[] = {pair.client.conn, pair.server.conn};
        for (int writer = 0; writer < 2; writer++) {
            ngtcp2_cid now = id_in_use(users[writer]);
            assert_int_equal(ngtcp2_cid_eq(&before[writer], &now), !rotation.asks[writer]);
            assert_true(!rotation.asks[writer] || rotation.highest[writer] > 2 * ID_LIMIT);
        }
        pair_deinit(&pair);
    }
}

static void a_peer_may_take_another_id_time_and_again(void **state)
{
    (void)state;
    for (int round = 0; round < 8; round++) {
        struct pair pair;
        start_pair(&pair, protocols[round % 2], round / 4 ? &rough : &clean);
        rotation.asks[1] = round % 4 > 1; /* the client changes its own IDs as well */
        pair_meet(&pair);
        pair_echo(&pair, 10000);
        for (int changes = 0; changes < 30; changes++) {
            ngtcp2_cid before = id_in_use(pair.client.conn);
            take_another_id(&pair);
            ngtcp2_cid now = id_in_use(pair.client.conn);
            assert_false(ngtcp2_cid_eq(&before, &now));
            pair_echo(&pair, 30000);
            check_routes(&pair);
            sim_run(pair.sim, 500 * NS_PER_MS);
        }
        assert_int_equal(pair.server.accepted, 1);
        assert_int_equal(pair.client.closed + pair.server.closed, 0);
        pair_deinit(&pair);
    }
}

/* A NAT loses its mapping, and the client switches to another ID at the same time: before, after,
 * or in the middle of a transfer. */
static void addresses_and_ids_may_change_together(void **state)
{
    (void)state;
    for (int round = 0; round < 8; round++) {
        struct pair pair;
        start_pair(&pair, protocols[round % 2], round / 4 ? &rough : &clean);
        rotation.asks[0] = rotation.asks[1] = round % 4 > 1;
        pair_meet(&pair);
        pair_echo(&pair, 10000);
        for (int changes = 0; changes < 20; changes++) {
            struct flow *flow = peer_send(&pair.client, pair.client.conn, true, 200000);
            sim_run(pair.sim, (uint64_t)(changes % 5) * 30 * NS_PER_MS);
            sim_rebind(pair.sim, pair.client_node);
            take_another_id(&pair);
            assert_true(
                sim_run_until(pair.sim, peer_flows_are_echoed, &pair.client, WAIT_S * NS_PER_S));
            assert_true(flow_has_pattern(flow, 200000));
            check_routes(&pair);
            sim_run(pair.sim, NS_PER_S);
        }
        assert_memory_equal(quic_conn_remote(pair.server.conn),
                            sim_address(pair.sim, pair.client_node), sizeof(struct sockaddr_in));
        assert_int_equal(pair.server.accepted, 1);
        pair_deinit(&pair);
    }
}

/* ---- What comes late ------------------------------------------------------------------------- */

enum { KEPT_MAX = 64 };

struct kept { /* packets of a client */
    size_t count;
    struct {
        size_t size;
        uint8_t data[SIM_PACKET_MAX_BYTES];
    } packets[KEPT_MAX];
};

static bool keep_packet(void *self, const uint8_t *data, size_t n)
{
    struct kept *kept = self;
    if (kept->count == KEPT_MAX || data[0] & 0x80)
        return false;
    memcpy(kept->packets[kept->count].data, data, n);
    kept->packets[kept->count++].size = n;
    return false;
}

/* Packets with IDs that were retired long ago: the server does not know them any more and answers
 * with stateless resets, which the client must ignore. */
static void packets_to_retired_ids_end_nothing(void **state)
{
    (void)state;
    static struct kept kept;
    for (uint64_t wait_ms = 1; wait_ms < 5000; wait_ms = wait_ms * 3 / 2 + 1) {
        struct pair pair;
        kept.count = 0;
        start_pair(&pair, QUIC_PROTOCOL_RAW, &clean);
        pair_meet(&pair);
        sim_on_packet(pair.sim, pair.client_node, keep_packet, &kept);
        pair_echo(&pair, 5000);
        assert_true(kept.count > 0);
        take_another_id(&pair);
        sim_run(pair.sim, wait_ms * NS_PER_MS);
        for (size_t i = 0; i < kept.count; i++)
            sim_replay(pair.sim, pair.client_node, pair.server_node, kept.packets[i].data,
                       kept.packets[i].size);
        pair_echo(&pair, 5000);
        sim_run(pair.sim, NS_PER_S);
        assert_int_equal(pair.client.closed + pair.server.closed, 0);
        pair_deinit(&pair);
    }
}

/* The token of an ID leads to the connection as long as the ID is in use. */
static void a_server_that_is_back_is_heard_after_any_number_of_ids(void **state)
{
    (void)state;
    for (int changes = 0; changes < 12; changes++) {
        struct pair pair;
        start_pair(&pair, protocols[changes % 2], &clean);
        rotation.asks[0] = changes % 3 == 2;
        pair_meet(&pair);
        pair_echo(&pair, 10000);
        for (int i = 0; i < changes; i++) {
            take_another_id(&pair);
            pair_echo(&pair, 10000);
            sim_run(pair.sim, NS_PER_S);
        }
        assert_int_equal(sim_restart_endpoint(pair.sim, pair.server_node, &pair.server_config), 0);
        peer_send(&pair.client, pair.client.conn, true, 1000);
        assert_true(sim_run_until(pair.sim, peer_is_closed, &pair.client, 2 * NS_PER_S));
        pair_deinit(&pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_that_peers_want_retired_are_replaced),
        cmocka_unit_test(a_peer_may_take_another_id_time_and_again),
        cmocka_unit_test(addresses_and_ids_may_change_together),
        cmocka_unit_test(packets_to_retired_ids_end_nothing),
        cmocka_unit_test(a_server_that_is_back_is_heard_after_any_number_of_ids),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
