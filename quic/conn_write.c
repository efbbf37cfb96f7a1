/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Writes packets: steps 12 and 14 of a frame's walk. Picks the stream whose turn it is, asks it for
 * bytes, and lets ngtcp2 encrypt them into the send buffer without a copy in between. Several small
 * streams share a packet; packets of equal size share a train.
 * Tested by tests/sim/test_paths.c. */
#include "quic/conn.h"

#include <string.h>

#include "quic/check.h"
#include "quic/endpoint.h"
#include "quic/stream.h"

/* ---- What a stream has to write -------------------------------------------------------------- */

/* Asks the next stream for bytes. They are used up packet by packet, and pull_settle() tells the
 * stream how many were taken. */
static void pull_next(struct quic_conn *conn, struct stream_pull *pull)
{
    struct iovec pieces[PULL_MAX_PIECES];
    const struct schedule_node *first;
    while (!conn->is_data_blocked && (first = schedule_first(&conn->schedule))) {
        struct quic_stream *stream = container_of(first, struct quic_stream, turn);
        pull->count = stream_pull(stream, pieces, PULL_MAX_PIECES, &pull->is_end);
        pull->is_all = pull->count < PULL_MAX_PIECES;
        if (pull->count > 0 || pull->is_end) {
            pull->stream = stream;
            break;
        }
        stream_unschedule(stream);
    }
    pull->first = pull->taken = pull->left = 0;
    for (size_t i = 0; pull->stream && i < pull->count; i++) {
        pull->pieces[i] = (ngtcp2_vec){.base = pieces[i].iov_base, .len = pieces[i].iov_len};
        pull->left += pieces[i].iov_len;
    }
}

static void pull_take(struct stream_pull *pull, size_t n)
{
    pull->taken += n;
    pull->left -= n;
    while (n > 0) {
        ngtcp2_vec *piece = &pull->pieces[pull->first];
        size_t part = n < piece->len ? n : piece->len;
        piece->base += part;
        piece->len -= part;
        n -= part;
        if (piece->len == 0)
            pull->first++;
    }
}

/* Tells the stream what was taken. `is_over`: ngtcp2 has taken all its bytes, and its end if
 * `is_end` is set. */
static void pull_settle(struct stream_pull *pull, bool is_over)
{
    struct quic_stream *stream = pull->stream;
    bool is_end = is_over && pull->is_end;
    pull->stream = NULL;
    if (is_over && pull->is_all)
        stream_unschedule(stream);
    if (pull->taken > 0 || is_end)
        stream_written(stream, pull->taken, is_end);
}

/* ---- Packets --------------------------------------------------------------------------------- */

/* Takes a stream that cannot write now out of the schedule. Returns false if `rv` is another
 * error. */
static bool unschedule_blocked(struct quic_conn *conn, struct quic_stream *stream, ngtcp2_ssize rv)
{
    switch (rv) {
    case NGTCP2_ERR_STREAM_DATA_BLOCKED:
        if (ngtcp2_conn_get_max_data_left(conn->quic) == 0) {
            conn->is_data_blocked = true;
            return true;
        }
        stream->is_blocked = true;
        stream_unschedule(stream);
        return true;
    case NGTCP2_ERR_STREAM_SHUT_WR:
    case NGTCP2_ERR_STREAM_NOT_FOUND:
        stream->is_write_over = stream->is_cut = true;
        stream_unschedule(stream);
        return true;
    default:
        return false;
    }
}

/* Puts a stream after others of the same urgency, so that they take turns packet by packet. */
static void yield_turn(struct quic_stream *stream)
{
    if (!stream->turn.is_in)
        return;
    schedule_leave(&stream->conn->schedule, &stream->turn);
    schedule_join(&stream->conn->schedule, &stream->turn, stream->urgency);
}

/* Writes one packet with as many streams as fit. The last stream is written as such, which saves a
 * call that would find nothing more. */
/* house: parameters (ngtcp2 gives them) */
ngtcp2_ssize conn_write_packet(ngtcp2_conn *quic, ngtcp2_path *path, ngtcp2_pkt_info *info,
                               uint8_t *out, size_t room, ngtcp2_tstamp now, void *user)
{
    struct quic_conn *conn = user;
    struct stream_pull *pull = &conn->endpoint->pull;
    bool has_data = false;
    for (;;) {
        if (!pull->stream)
            pull_next(conn, pull);
        struct quic_stream *stream = pull->stream;
        bool is_last = !stream || (pull->is_all && schedule_is_alone(&conn->schedule));
        uint32_t flags = is_last ? NGTCP2_WRITE_STREAM_FLAG_NONE : NGTCP2_WRITE_STREAM_FLAG_MORE;
        if (stream && pull->is_end)
            flags |= NGTCP2_WRITE_STREAM_FLAG_FIN;
        if (conn->is_probing)
            flags |= NGTCP2_WRITE_STREAM_FLAG_PADDING;

        ngtcp2_ssize taken = -1;
        ngtcp2_ssize rv = ngtcp2_conn_writev_stream(
            quic, path, info, out, room, &taken, flags, stream ? stream->id : -1,
            pull->pieces + pull->first, stream ? pull->count - pull->first : 0, now);
        if (stream && taken >= 0)
            pull_take(pull, (size_t)taken);
        bool is_over = stream && taken >= 0 && pull->left == 0;
        bool is_aside = stream && unschedule_blocked(conn, stream, rv);
        has_data |= rv == NGTCP2_ERR_WRITE_MORE;
        if (is_over || is_aside)
            pull_settle(pull, is_over);
        if (rv == NGTCP2_ERR_WRITE_MORE || is_aside)
            continue;
        if (pull->stream && rv > 0 && !is_last) {
            pull_settle(pull, false);
            yield_turn(stream);
        }
        /* The packet has room left after the last stream's bytes, so ngtcp2 has nothing more to
         * write either. */
        conn->is_drained = rv > 0 && is_last && !pull->stream &&
                           (stream ? (size_t)rv < conn_packet_size(conn) : has_data);
        return rv;
    }
}

static uint64_t subtract_to_zero(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* The room for the next train of this turn; 0: less than a packet is left. A turn has at least one
 * packet. */
static size_t train_room(const struct quic_conn *conn, size_t quantum, size_t spent)
{
    size_t packet = conn_packet_size(conn);
    size_t room = subtract_to_zero(quantum, spent);
    if (room < packet)
        return spent == 0 ? packet : 0;
    return room < QUIC_TRAIN_MAX_BYTES ? room : QUIC_TRAIN_MAX_BYTES;
}

/* ---- How fast the network takes them --------------------------------------------------------- */

/* Tells the rate estimate about bursts, and whether congestion control holds something back. Costs
 * nothing while there is neither. */
static void note_waiting(struct quic_conn *conn, size_t spent)
{
    bool is_waiting =
        !conn->is_drained && !conn->is_data_blocked && schedule_first(&conn->schedule);
    if (!is_waiting && !conn->rate.is_waiting && !rate_is_burst(spent))
        return;
    ngtcp2_conn_info info;
    ngtcp2_conn_get_conn_info(conn->quic, &info);
    rate_sent(&conn->rate, subtract_to_zero(info.bytes_sent, info.bytes_lost), spent, is_waiting);
}

void conn_measure(struct quic_conn *conn)
{
    if (!rate_is_busy(&conn->rate))
        return;
    ngtcp2_conn_info info;
    ngtcp2_conn_get_conn_info(conn->quic, &info);
    uint64_t delivered =
        subtract_to_zero(subtract_to_zero(info.bytes_sent, info.bytes_lost), info.bytes_in_flight);
    bool is_new =
        rate_acked(&conn->rate, delivered, info.smoothed_rtt, endpoint_now(conn->endpoint));
    const struct quic_app *app = conn->endpoint->app;
    if (is_new && app->on_rate && conn->state == CONN_OPEN)
        app->on_rate(conn, rate_bps(&conn->rate));
}

/* ---- A turn ---------------------------------------------------------------------------------- */

/* Writes trains up to one send quantum. Returns true if there is more to write. */
static bool write_trains(struct quic_conn *conn)
{
    struct quic_endpoint *endpoint = conn->endpoint;
    uint64_t now = endpoint_now(endpoint);
    size_t quantum = ngtcp2_conn_get_send_quantum(conn->quic);
    size_t spent = 0, room;
    bool has_more = true, is_refused = false;
    conn->is_held = false; /* so that a stream woken during the write gives it another turn */
    while (!endpoint->is_blocked && (room = train_room(conn, quantum, spent)) > 0) {
        struct train train;
        struct aside aside;
        ngtcp2_ssize n = conn_write_train(conn, &train, &aside, room);
        if (endpoint->pull.stream)
            pull_settle(&endpoint->pull, false);
        if (n < 0)
            conn_end_library(conn, (int)n);
        is_refused = n == 0;
        if (n <= 0) {
            has_more = n < 0;
            break;
        }
        endpoint_send(endpoint, &train.path.path, (size_t)n, train.segment_size, train.info.ecn);
        if (aside.size > 0)
            endpoint_send_packet(endpoint, &aside.way.path.path, aside.way.info.ecn, aside.data,
                                 aside.size);
        conn->trains_sent++;
        spent += (size_t)n;
        if (conn->is_drained) {
            has_more = false;
            break;
        }
    }
    /* The pacer's time is set after the deadline, because it is no reason to wake up when there is
     * nothing to write. A connection with something to write learns it here, and waits. */
    conn_set_deadline(conn);
    conn->is_held = is_refused && schedule_first(&conn->schedule);
    note_waiting(conn, spent);
    if (spent > 0)
        ngtcp2_conn_update_pkt_tx_time(conn->quic, now);
    return has_more;
}

bool conn_write(struct quic_conn *conn)
{
    if (conn->state == CONN_ENDING) {
        /* HTTP/3 may still have something to send before the end, such as a FIN that answers a
         * close. */
        if (conn->end.farewell == FAREWELL_APP && conn->wt)
            write_trains(conn);
        if (conn->endpoint->is_blocked)
            return true;
        conn_finish(conn);
        return false;
    }

    bool has_more = write_trains(conn);
#ifndef NDEBUG
    conn_check(conn);
#endif
    return has_more;
}
