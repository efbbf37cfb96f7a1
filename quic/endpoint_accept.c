/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Datagrams that belong to no connection. A client's first one is accepted, answered by a Retry
 * (which makes the client prove its address), or refused. Unknown datagrams get a bounded number of
 * short answers, or none.
 *
 * Handshakes come after the frames of connections. Their datagrams are put into a bounded queue,
 * and after each flush a bounded part of the queue is handled. So if a thousand clients arrive at
 * once, a running connection is delayed by one such part, not by a thousand handshakes.
 * Tested by tests/sim/test_strangers.c. */
#include "quic/endpoint.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "quic/conn.h"

enum {
    REPLIES_PER_SECOND = 256, /* Version Negotiation, stateless reset and refusals, together */
    REPLIES_BURST = 256,
    FALSE_STARTS_LEAST = 10,
    RESET_MAX_BYTES = 42, /* a stateless reset must look like a short ordinary packet */

    WAITING_MAX = 1024, /* datagrams in the queue; more are dropped, and clients send them again */
    /* What one turn may spend on the queue, and what things cost, in units of about 20 us. A
     * handshake has three or four steps (the connection, one or two pieces of the ClientHello, the
     * Finished) and takes about 1 ms. */
    TURN_BUDGET = 48,
    STEP_COST = 12,
    PACKET_COST = 1, /* to derive a packet's keys from its connection ID; a Retry costs the same */
};

#define TOKEN_LIFETIME_NS (10 * NS_PER_S)

/* Takes one answer from the token bucket. A flood of garbage must not cause a flood of answers. */
static bool may_reply(struct quic_endpoint *endpoint)
{
    uint64_t now = endpoint_now(endpoint);
    uint64_t refill = (now - endpoint->replies_at_ns) / (NS_PER_S / REPLIES_PER_SECOND);
    if (refill > 0) {
        uint64_t left = endpoint->replies_left + refill;
        endpoint->replies_left = left < REPLIES_BURST ? left : REPLIES_BURST;
        endpoint->replies_at_ns = now;
    }
    if (endpoint->replies_left == 0)
        return false;
    endpoint->replies_left--;
    return true;
}

static void count_dropped(struct quic_endpoint *endpoint)
{
    endpoint->stats.datagrams_dropped++;
}

void endpoint_negotiate_version(struct quic_endpoint *endpoint, const ngtcp2_path *path,
                                const ngtcp2_version_cid *ids, size_t n)
{
    uint8_t packet[NGTCP2_MAX_UDP_PAYLOAD_SIZE], unused;
    uint32_t versions[] = {NGTCP2_PROTO_VER_V1};
    if (!endpoint->server_tls || n < NGTCP2_MAX_UDP_PAYLOAD_SIZE || !may_reply(endpoint)) {
        count_dropped(endpoint);
        return;
    }
    endpoint_random(endpoint, &unused, 1);
    ngtcp2_ssize size =
        ngtcp2_pkt_write_version_negotiation(packet, sizeof packet, unused, ids->scid, ids->scidlen,
                                             ids->dcid, ids->dcidlen, versions, 1);
    if (size <= 0)
        return;
    endpoint->stats.version_negotiations++;
    endpoint_send_packet(endpoint, path, 0, packet, (size_t)size);
}

/* Tells the sender of a packet that its connection is gone. The answer is always shorter than the
 * packet, so that two endpoints that have lost a connection do not answer each other for ever. */
void endpoint_reset_stateless(struct quic_endpoint *endpoint, const ngtcp2_path *path,
                              const uint8_t *data, size_t n)
{
    enum { LEAST = NGTCP2_STATELESS_RESET_TOKENLEN + NGTCP2_MIN_STATELESS_RESET_RANDLEN };
    uint8_t packet[RESET_MAX_BYTES], random[RESET_MAX_BYTES],
        token[NGTCP2_STATELESS_RESET_TOKENLEN];
    if (!endpoint->server_tls || n <= LEAST || !may_reply(endpoint)) {
        count_dropped(endpoint);
        return;
    }
    ngtcp2_cid cid;
    ngtcp2_cid_init(&cid, data + 1, CID_BYTES);
    if (endpoint_reset_token(endpoint, &cid, token) != 0)
        return;
    size_t size = n - 1 < RESET_MAX_BYTES ? n - 1 : RESET_MAX_BYTES;
    size_t random_size = size - NGTCP2_STATELESS_RESET_TOKENLEN;
    endpoint_random(endpoint, random, random_size);
    ngtcp2_ssize written =
        ngtcp2_pkt_write_stateless_reset(packet, size, token, random, random_size);
    if (written <= 0)
        return;
    endpoint->stats.stateless_resets++;
    endpoint_send_packet(endpoint, path, 0, packet, (size_t)written);
}

/* Answers a first packet with CONNECTION_CLOSE, without making a connection. */
static void refuse_connection(struct quic_endpoint *endpoint, const ngtcp2_path *path,
                              const ngtcp2_pkt_hd *header, uint64_t code)
{
    uint8_t packet[NGTCP2_MAX_UDP_PAYLOAD_SIZE];
    endpoint->stats.refused++;
    if (!may_reply(endpoint)) {
        count_dropped(endpoint);
        return;
    }
    ngtcp2_ssize size = ngtcp2_crypto_write_connection_close(
        packet, sizeof packet, header->version, &header->scid, &header->dcid, code, NULL, 0);
    if (size > 0)
        endpoint_send_packet(endpoint, path, 0, packet, (size_t)size);
}

static void send_retry(struct quic_endpoint *endpoint, const ngtcp2_path *path,
                       const ngtcp2_pkt_hd *header)
{
    uint8_t packet[NGTCP2_MAX_UDP_PAYLOAD_SIZE], token[NGTCP2_CRYPTO_MAX_RETRY_TOKENLEN2];
    ngtcp2_cid cid;
    do /* a Retry must change the ID (RFC 9000, 17.2.5.1) */
        endpoint_new_cid(endpoint, &cid);
    while (ngtcp2_cid_eq(&cid, &header->dcid));
    ngtcp2_ssize token_size = ngtcp2_crypto_generate_retry_token2(
        token, endpoint->secret, sizeof endpoint->secret, header->version, path->remote.addr,
        path->remote.addrlen, &cid, &header->dcid, endpoint_now(endpoint));
    if (token_size <= 0)
        return;
    ngtcp2_ssize size =
        ngtcp2_crypto_write_retry(packet, sizeof packet, header->version, &header->scid, &cid,
                                  &header->dcid, token, (size_t)token_size);
    if (size <= 0)
        return;
    endpoint->stats.retries++;
    endpoint_send_packet(endpoint, path, 0, packet, (size_t)size);
}

static bool is_retry_token(const ngtcp2_pkt_hd *header)
{
    return header->tokenlen > 0 && header->token[0] == NGTCP2_CRYPTO_TOKEN_MAGIC_RETRY2;
}

static int verify_retry(const struct quic_endpoint *endpoint, const ngtcp2_path *path,
                        const ngtcp2_pkt_hd *header, ngtcp2_cid *original_dcid)
{
    return ngtcp2_crypto_verify_retry_token2(
        original_dcid, header->token, header->tokenlen, endpoint->secret, sizeof endpoint->secret,
        header->version, path->remote.addr, path->remote.addrlen, &header->dcid, TOKEN_LIFETIME_NS,
        endpoint_now(endpoint));
}

/* ---- Accepting ------------------------------------------------------------------------------- */

/* The number of false starts in the last one to two seconds. A packet that looks like a first
 * packet costs a connection until it cannot be decrypted, but is not counted as half open after
 * that. */
static uint32_t recent_false_starts(const struct quic_endpoint *endpoint)
{
    const struct false_starts *starts = &endpoint->false_starts;
    uint64_t past = endpoint_now(endpoint) / NS_PER_S - starts->second;
    return past == 0 ? starts->now + starts->before : past == 1 ? starts->now : 0;
}

static void count_false_start(struct quic_endpoint *endpoint)
{
    struct false_starts *starts = &endpoint->false_starts;
    uint64_t second = endpoint_now(endpoint) / NS_PER_S;
    if (second != starts->second) {
        starts->before = second == starts->second + 1 ? starts->now : 0;
        starts->now = 0;
        starts->second = second;
    }
    starts->now++;
}

/* Whether there are so many handshakes or false starts that new clients must prove their address.
 * Each worker gets its share of the false starts, and a few are normal. */
static bool is_crowded(const struct quic_endpoint *endpoint)
{
    uint32_t half_open = __atomic_load_n(&endpoint->commons->half_open, __ATOMIC_RELAXED);
    uint32_t limit = endpoint->limits.half_open_retry_at, share = limit / endpoint->workers;
    if (share < FALSE_STARTS_LEAST)
        share = FALSE_STARTS_LEAST;
    return half_open >= limit || recent_false_starts(endpoint) >= share;
}

static bool is_initial(const struct quic_endpoint *endpoint, ngtcp2_pkt_hd *header,
                       const uint8_t *data, size_t n)
{
    return endpoint->server_tls && ngtcp2_accept(header, data, n) == 0 &&
           header->type == NGTCP2_PKT_INITIAL;
}

static void accept_initial(struct quic_endpoint *endpoint, const struct waiting *waiting)
{
    ngtcp2_pkt_hd header;
    ngtcp2_cid original_dcid;
    const ngtcp2_path *path = &waiting->path.path;
    struct accept_config config = {.header = &header, .path = path};
    if (!is_initial(endpoint, &header, waiting->data, waiting->size)) {
        count_dropped(endpoint);
        return;
    }
    if (endpoint->is_shut_down || endpoint_is_full(endpoint)) {
        refuse_connection(endpoint, path, &header, NGTCP2_CONNECTION_REFUSED);
        return;
    }

    if (is_retry_token(&header)) {
        if (verify_retry(endpoint, path, &header, &original_dcid) != 0) {
            refuse_connection(endpoint, path, &header, NGTCP2_INVALID_TOKEN);
            return;
        }
        config.original_dcid = &original_dcid;
        config.token_type = NGTCP2_TOKEN_TYPE_RETRY;
    } else if (is_crowded(endpoint)) {
        send_retry(endpoint, path, &header);
        return;
    }

    if (!endpoint_admit(endpoint)) {
        refuse_connection(endpoint, path, &header, NGTCP2_CONNECTION_REFUSED);
        return;
    }
    endpoint_spend_step(endpoint);
    struct quic_conn *conn = conn_accept(endpoint, &config);
    if (!conn) {
        count_dropped(endpoint);
        return;
    }
    conn_receive(conn, path, waiting->ecn, waiting->data, waiting->size);
    if (conn->end.is_false_start)
        count_false_start(endpoint);
    /* The second half of a ClientHello came first. It is not kept unless the address is proved. */
    if (conn->end.is_retry_wanted)
        send_retry(endpoint, path, &header);
}

void endpoint_spend_step(struct quic_endpoint *endpoint)
{
    endpoint->handshake_spent += STEP_COST;
}

void endpoint_wait(struct quic_endpoint *endpoint, const struct quic_conn *conn,
                   const ngtcp2_path *path, uint8_t ecn, const uint8_t *data, size_t n)
{
    ngtcp2_pkt_hd header;
    bool is_wanted = (conn || is_initial(endpoint, &header, data, n)) && n <= WAITING_MAX_BYTES &&
                     endpoint->stats.datagrams_waiting < WAITING_MAX;
    struct waiting *waiting = is_wanted ? malloc(sizeof *waiting + n) : NULL;
    if (!waiting) {
        count_dropped(endpoint);
        return;
    }
    ngtcp2_path_storage_zero(&waiting->path);
    ngtcp2_path_copy(&waiting->path.path, path);
    waiting->ecn = ecn;
    waiting->size = n;
    memcpy(waiting->data, data, n);
    list_push_back(&endpoint->waiting, &waiting->link);
    endpoint->stats.datagrams_waiting++;
}

static struct waiting *next_waiting(struct quic_endpoint *endpoint)
{
    struct list *node = list_pop_front(&endpoint->waiting);
    endpoint->stats.datagrams_waiting -= node != NULL;
    return node ? container_of(node, struct waiting, link) : NULL;
}

void endpoint_accept_waiting(struct quic_endpoint *endpoint)
{
    struct waiting *waiting;
    endpoint->handshake_spent = 0;
    while (endpoint->handshake_spent < TURN_BUDGET && !endpoint->is_blocked &&
           (waiting = next_waiting(endpoint))) {
        ngtcp2_version_cid ids;
        endpoint->handshake_spent += PACKET_COST;
        ngtcp2_pkt_decode_version_cid(&ids, waiting->data, waiting->size, CID_BYTES);
        /* A datagram before it in the queue may have made its connection. */
        struct quic_conn *conn = routes_find(&endpoint->routes, ROUTE_CID, ids.dcid, ids.dcidlen);
        if (conn)
            conn_receive(conn, &waiting->path.path, waiting->ecn, waiting->data, waiting->size);
        else
            accept_initial(endpoint, waiting);
        free(waiting);
    }
}

void endpoint_forget_waiting(struct quic_endpoint *endpoint)
{
    struct waiting *waiting;
    while ((waiting = next_waiting(endpoint)))
        free(waiting);
}
