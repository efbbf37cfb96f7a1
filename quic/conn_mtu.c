/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reports to path_mtu.c what happens to the packets of a connection, and writes trains of packets
 * that are smaller than ngtcp2 would make them. conn_write_train() is part of step 12 of a frame's
 * walk.
 * Tested by tests/sim/test_mtu.c and tests/sim/test_paths.c. */
#include "quic/conn.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "quic/endpoint.h"

static struct path_news path_news_of(const struct quic_conn *conn, const ngtcp2_conn_info *info)
{
    return (struct path_news){.now_ns = endpoint_now(conn->endpoint),
                              .pto_ns = ngtcp2_conn_get_pto(conn->quic),
                              .sent = info->bytes_sent,
                              .lost = info->bytes_lost,
                              .in_flight = info->bytes_in_flight,
                              .packets_lost = info->pkt_lost,
                              .is_rtt_known = info->min_rtt != UINT64_MAX,
                              .found = ngtcp2_conn_get_path_max_tx_udp_payload_size(conn->quic)};
}

void conn_mtu_received(struct quic_conn *conn, const ngtcp2_conn_info *info)
{
    if (!path_mtu_is_news(&conn->mtu, info->bytes_lost))
        return;
    const struct path_news news = path_news_of(conn, info);
    if (!path_mtu_received(&conn->mtu, &news))
        return;
    conn->endpoint->stats.paths_shrunk++;
    log_debug(LOG_QUIC, "connection %" PRIu64 ": packets of more than %d bytes no longer arrive",
              conn->number, PATH_MTU_SAFE_BYTES);
}

void conn_mtu_expired(struct quic_conn *conn)
{
    if (!path_mtu_is_watched(&conn->mtu))
        return;
    ngtcp2_conn_info info;
    ngtcp2_conn_get_conn_info(conn->quic, &info);
    const struct path_news news = path_news_of(conn, &info);
    path_mtu_expired(&conn->mtu, &news);
}

size_t conn_packet_size(const struct quic_conn *conn)
{
    return path_mtu_packet(&conn->mtu, ngtcp2_conn_get_path_max_tx_udp_payload_size(conn->quic));
}

/* ---- Trains ---------------------------------------------------------------------------------- */

/* Writes a probe of `size` bytes. Returns the bytes written; 0 if no ack-eliciting packet could be
 * written. */
static ngtcp2_ssize write_probe(struct quic_conn *conn, struct train *train, size_t size)
{
    conn->is_probing = true;
    ngtcp2_ssize n =
        conn_write_packet(conn->quic, &train->path.path, &train->info,
                          endpoint_room(conn->endpoint), size, endpoint_now(conn->endpoint), conn);
    conn->is_probing = false;
    if (n == (ngtcp2_ssize)size) {
        ngtcp2_conn_info info;
        ngtcp2_conn_get_conn_info(conn->quic, &info);
        const struct path_news news = path_news_of(conn, &info);
        path_mtu_probe_sent(&conn->mtu, &news, size);
    }
    train->segment_size = n > 0 ? (size_t)n : 0;
    return n;
}

static bool is_same_way(const struct train *a, const struct train *b)
{
    return a->info.ecn == b->info.ecn && ngtcp2_path_eq(&a->path.path, &b->path.path);
}

static void train_init(struct train *train)
{
    train->info = (ngtcp2_pkt_info){0};
    train->segment_size = 0;
    ngtcp2_path_storage_zero(&train->path);
}

static void keep_packet_aside(struct aside *aside, const struct train *way, const uint8_t *data,
                              size_t n)
{
    train_init(&aside->way);
    ngtcp2_path_copy(&aside->way.path.path, &way->path.path);
    aside->way.info = way->info;
    aside->size = n;
    memcpy(aside->data, data, n);
}

static ngtcp2_ssize write_limited_train(struct quic_conn *conn, struct train *train,
                                        struct aside *aside, size_t room)
{
    struct quic_endpoint *endpoint = conn->endpoint;
    uint8_t *data = endpoint_room(endpoint);
    size_t packet = conn_packet_size(conn), used = 0;
    for (size_t i = 0; i < endpoint->sink.max_train_packets && room - used >= packet; i++) {
        struct train next;
        train_init(&next);
        struct train *way = i == 0 ? train : &next;
        ngtcp2_ssize n = conn_write_packet(conn->quic, &way->path.path, &way->info, data + used,
                                           packet, endpoint_now(endpoint), conn);
        if (n < 0)
            return n;
        if (n == 0)
            break;
        if (i == 0) {
            train->segment_size = (size_t)n;
        } else if (!is_same_way(train, way) || (size_t)n > train->segment_size) {
            keep_packet_aside(aside, way, data + used, (size_t)n);
            break;
        }
        used += (size_t)n;
        if ((size_t)n < train->segment_size || train->segment_size < packet)
            break;
    }
    return (ngtcp2_ssize)used;
}

/* Updates what is known about the path. Returns the size of the probe that is due; 0: none. */
static size_t due_path_probe(struct quic_conn *conn, uint64_t now)
{
    if (path_mtu_is_look_due(&conn->mtu, now))
        conn_mtu_expired(conn);
    size_t found = ngtcp2_conn_get_path_max_tx_udp_payload_size(conn->quic);
    return path_mtu_due(&conn->mtu, now, found);
}

/* Writes a probe or a train of small packets, while the path is known or suspected to have
 * shrunk. */
static ngtcp2_ssize write_small_train(struct quic_conn *conn, struct train *train,
                                      struct aside *aside, size_t room, size_t probe)
{
    ngtcp2_ssize n =
        probe > 0 ? write_probe(conn, train, probe) : write_limited_train(conn, train, aside, room);
    if (aside->size > 0)
        path_mtu_sent(&conn->mtu, aside->size, aside->size);
    if (path_mtu_is_silent(&conn->mtu)) {
        ngtcp2_conn_info info;
        ngtcp2_conn_get_conn_info(conn->quic, &info);
        path_mtu_sent_into_silence(&conn->mtu, info.bytes_in_flight);
    }
    return n;
}

ngtcp2_ssize conn_write_train(struct quic_conn *conn, struct train *train, struct aside *aside,
                              size_t room)
{
    uint64_t now = endpoint_now(conn->endpoint);
    size_t probe = path_mtu_is_quiet(&conn->mtu, now) ? 0 : due_path_probe(conn, now);
    train_init(train);
    aside->size = 0;
    ngtcp2_ssize n;
    if (conn->mtu.limit > 0)
        n = write_small_train(conn, train, aside, room, probe);
    else
        n = ngtcp2_conn_write_aggregate_pkt2(
            conn->quic, &train->path.path, &train->info, endpoint_room(conn->endpoint), room,
            &train->segment_size, conn_write_packet, conn->endpoint->sink.max_train_packets, now);
    if (n > 0)
        path_mtu_sent(&conn->mtu, (size_t)n, train->segment_size);
    return n;
}
