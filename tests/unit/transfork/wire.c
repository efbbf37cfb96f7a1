/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The wire of wire.h. */
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "transfork/check.h"

enum { HALF_MAX_BYTES = 80 << 20, VECTORS = 4 };

static int other(int end)
{
    return 1 - end;
}

static struct wire_stream *stream_at(const struct list *node)
{
    return container_of(node, struct wire_stream, node);
}

static struct wire_stream *stream_new(struct wire *wire, int opener, bool is_bidi)
{
    struct wire_stream *stream = calloc(1, sizeof *stream);
    REQUIRE(stream);
    stream->wire = wire;
    stream->opener = opener;
    stream->is_bidi = is_bidi;
    stream->is_known[opener] = true;
    for (int end = 0; end < 2; end++) {
        stream->handle[end] = (struct wire_handle){stream, end};
        byte_buf_init(&stream->half[end].bytes, HALF_MAX_BYTES);
    }
    stream->half[other(opener)].is_over = !is_bidi;
    list_push_back(&wire->streams, &stream->node);
    return stream;
}

/* ---- Downcalls ------------------------------------------------------------------------------- */

static void *on_open(void *transport, bool is_bidi, struct moq_stream *side)
{
    struct wire_end *end = transport;
    int index = end == &end->wire->end[SERVER];
    uint32_t *credit = is_bidi ? &end->bidi_credit : &end->uni_credit;
    if (*credit == 0)
        return NULL;
    --*credit;
    struct wire_stream *stream = stream_new(end->wire, index, is_bidi);
    stream->side[index] = side;
    return &stream->handle[index];
}

static struct wire_half *half_of(void *handle)
{
    struct wire_handle *mine = handle;
    REQUIRE(!mine->stream->is_closed[mine->end]);
    return &mine->stream->half[mine->end];
}

static void on_wake(void *handle)
{
    half_of(handle)->is_awake = true;
}

static void on_set_urgency(void *handle, uint64_t urgency)
{
    half_of(handle)->urgency = urgency;
}

static void on_reset(void *handle, uint32_t code)
{
    struct wire_half *half = half_of(handle);
    REQUIRE(!half->has_reset);
    half->has_reset = true;
    half->reset_code = code;
}

static void on_stop(void *handle, uint32_t code)
{
    struct wire_handle *mine = handle;
    struct wire_half *half = &mine->stream->half[other(mine->end)];
    REQUIRE(!mine->stream->is_closed[mine->end] && !half->has_stop);
    half->has_stop = true;
    half->stop_code = code;
}

static void on_wake_at(void *transport, uint64_t when_ns)
{
    struct wire_end *end = transport;
    end->wake_at_ns = when_ns;
}

static void on_close(void *transport, uint32_t code, const char *reason)
{
    struct wire_end *end = transport;
    REQUIRE(!end->is_closed);
    end->is_closed = true;
    end->close_code = code;
    snprintf(end->close_reason, sizeof end->close_reason, "%s", reason);
}

struct moq_transport wire_transport(struct wire *wire, int end)
{
    static const struct moq_transport_ops ops = {.open = on_open,
                                                 .wake = on_wake,
                                                 .set_urgency = on_set_urgency,
                                                 .reset = on_reset,
                                                 .stop = on_stop,
                                                 .wake_at = on_wake_at,
                                                 .close = on_close};
    return (struct moq_transport){&ops, &wire->end[end]};
}

/* ---- Carrying -------------------------------------------------------------------------------- */

/* Shows the receiver a new stream. Returns false if it refused the stream. */
static bool introduce(struct wire_stream *stream, int end)
{
    if (stream->is_known[end])
        return true;
    stream->is_known[end] = true;
    struct moq_session *session = stream->wire->end[end].session;
    if (!session)
        return true;
    stream->side[end] = moq_session_accept_stream(session, &stream->handle[end], stream->is_bidi);
    if (stream->side[end])
        return true;
    stream->is_closed[end] = true;
    struct wire_half *theirs = &stream->half[other(end)], *mine = &stream->half[end];
    theirs->has_stop = true;
    theirs->stop_code = 11;
    if (stream->is_bidi) {
        mine->has_reset = true;
        mine->reset_code = 11;
    }
    return false;
}

/* Lets a session write one piece. Returns whether it did, or has nothing to write any more. */
static bool write_piece(struct wire_stream *stream, int end)
{
    struct wire_half *half = &stream->half[end];
    struct wire_end *mine = &stream->wire->end[end];
    if (!half->is_awake || half->has_end || half->has_reset || !stream->side[end] ||
        (mine->is_blocked && mine->pieces == 0))
        return false;

    struct iovec vec[VECTORS];
    bool is_end;
    size_t count = moq_stream_pull(stream->side[end], vec, VECTORS, &is_end), n = 0, all = 0;
    for (size_t i = 0; i < count; i++) {
        size_t room = stream->wire->piece - n;
        size_t part = vec[i].iov_len < room ? vec[i].iov_len : room;
        REQUIRE(vec[i].iov_len > 0);
        REQUIRE(byte_buf_append(&half->bytes, vec[i].iov_base, part) == 0);
        n += part;
        all += vec[i].iov_len;
    }
    if (n == 0 && !is_end) {
        half->is_awake = false;
        return true;
    }
    is_end = is_end && n == all;
    mine->pieces -= mine->is_blocked;
    half->has_end = is_end;
    half->sent += n;
    moq_stream_sent(stream->side[end], n, is_end);
    return true;
}

static void carry_bytes(struct wire_stream *stream, int end)
{
    struct wire_half *half = &stream->half[end];
    struct moq_stream *receiver = stream->side[other(end)];
    struct byte_buf bytes = half->bytes;
    byte_buf_init(&half->bytes, HALF_MAX_BYTES);
    bool is_last = half->has_end && !half->is_over;
    half->is_over = half->is_over || half->has_end;
    if (receiver)
        moq_stream_received(receiver, bytes.data, bytes.size, is_last);
    byte_buf_deinit(&bytes);
    if (stream->side[end])
        moq_stream_acked(stream->side[end], half->sent);
}

/* Delivers a stop. The other end answers with a reset, as QUIC requires. A stream may begin with
 * it. */
static void tell_stop(struct wire_stream *stream, int end)
{
    struct wire_half *half = &stream->half[end];
    bool is_refused = !introduce(stream, end);
    half->has_reset = true;
    half->reset_code = half->stop_code;
    if (!is_refused && stream->side[end])
        moq_stream_was_stopped(stream->side[end], half->stop_code);
}

/* Carries one step in one direction. Returns whether anything moved. */
static bool carry(struct wire_stream *stream, int end)
{
    struct wire_half *half = &stream->half[end];
    int receiver = other(end);
    bool has_moved = write_piece(stream, end);

    if (half->has_stop && !half->is_stop_told) {
        half->is_stop_told = true;
        if (!half->is_over && !half->has_reset && !half->has_end)
            tell_stop(stream, end);
        return true;
    }
    if (half->is_over)
        return has_moved;
    if (half->has_reset) {
        half->is_over = true;
        if (introduce(stream, receiver) && stream->side[receiver])
            moq_stream_was_reset(stream->side[receiver], half->reset_code);
        return true;
    }
    if (half->bytes.size == 0 && !half->has_end)
        return has_moved;
    bool is_tests = !stream->wire->end[receiver].session;
    if (is_tests) {
        bool is_news = half->has_end;
        half->is_over = half->has_end;
        if (stream->side[end])
            moq_stream_acked(stream->side[end], half->sent);
        return is_news || has_moved;
    }
    if (introduce(stream, receiver))
        carry_bytes(stream, end);
    return true;
}

static bool close_if_over(struct wire_stream *stream)
{
    bool has_moved = false;
    for (int end = 0; end < 2; end++) {
        bool is_over = stream->half[0].is_over && stream->half[1].is_over;
        if (!is_over || !stream->side[end] || stream->wire->end[end].is_unheard)
            continue;
        struct moq_stream *side = stream->side[end];
        stream->side[end] = NULL;
        stream->is_closed[end] = true;
        moq_stream_closed(side);
        has_moved = true;
    }
    return has_moved;
}

/* Lets the most urgent direction write, like a transport, and delivers everything else in order. */
static bool run_once(struct wire *wire)
{
    bool has_moved = false;
    uint64_t best[2] = {0, 0};
    list_for_each (node, &wire->streams)
        for (int end = 0; end < 2; end++) {
            const struct wire_half *half = &stream_at(node)->half[end];
            if (half->is_awake && half->urgency > best[end])
                best[end] = half->urgency;
        }
    for (struct list *node = wire->streams.next; node != &wire->streams; node = node->next) {
        struct wire_stream *stream = stream_at(node);
        for (int end = 0; end < 2; end++) {
            struct wire_half *half = &stream->half[end];
            if (half->is_awake && half->urgency < best[end] && half->bytes.size == 0 &&
                !half->has_stop && !half->has_reset && !half->has_end)
                continue;
            has_moved |= carry(stream, end);
        }
        has_moved |= close_if_over(stream);
    }
    return has_moved;
}

static void tell_closed(struct wire *wire)
{
    if (wire->end[CLIENT].is_closed || wire->end[SERVER].is_closed)
        wire_cut(wire);
}

/* Lets streams of lower urgency write. Called when the most urgent ones cannot. */
static bool write_anything(struct wire *wire)
{
    bool has_moved = false;
    list_for_each (node, &wire->streams)
        for (int end = 0; end < 2; end++)
            has_moved |= write_piece(stream_at(node), end);
    return has_moved;
}

void wire_run(struct wire *wire)
{
    while (!wire->is_dead && (run_once(wire) || write_anything(wire)))
        ;
    for (int end = 0; end < 2; end++)
        if (wire->end[end].session)
            session_check(wire->end[end].session);
    tell_closed(wire);
}

void wire_cut(struct wire *wire)
{
    if (wire->is_dead)
        return;
    wire->is_dead = true;
    list_for_each (node, &wire->streams)
        for (int end = 0; end < 2; end++) {
            struct wire_stream *stream = stream_at(node);
            struct moq_stream *side = stream->side[end];
            stream->side[end] = NULL;
            stream->is_closed[end] = true;
            if (side)
                moq_stream_closed(side);
        }
    for (int end = 0; end < 2; end++) {
        struct wire_end *peer = &wire->end[other(end)];
        if (wire->end[end].session)
            moq_session_closed(wire->end[end].session,
                               peer->is_closed ? moq_error_from_wire(peer->close_code)
                                               : MOQ_ERR_TRANSPORT,
                               peer->is_closed ? peer->close_reason : "cut");
    }
}

void wire_pass(struct wire *wire, uint64_t ms)
{
    wire->clock.now_ns += ms * NS_PER_MS;
    for (int end = 0; end < 2; end++)
        if (wire->end[end].session && !wire->is_dead &&
            wire->end[end].wake_at_ns <= wire->clock.now_ns)
            moq_session_tick(wire->end[end].session);
    wire_run(wire);
}

void wire_grant(struct wire *wire, int end, uint32_t bidi, uint32_t uni)
{
    wire->end[end].bidi_credit += bidi;
    wire->end[end].uni_credit += uni;
    if (wire->end[end].session)
        moq_session_credit(wire->end[end].session);
}

/* ---- Life, and the test's own end ------------------------------------------------------------ */

void wire_init(struct wire *wire)
{
    *wire = (struct wire){.clock = {NS_PER_S}, .piece = SIZE_MAX};
    list_init(&wire->streams);
    for (int end = 0; end < 2; end++)
        wire->end[end] = (struct wire_end){.wire = wire, .bidi_credit = 100, .uni_credit = 100};
}

void wire_deinit(struct wire *wire)
{
    wire_cut(wire);
    for (int end = 0; end < 2; end++)
        moq_session_free(&wire->end[end].session);
    for (struct list *node; (node = list_pop_front(&wire->streams));) {
        struct wire_stream *stream = stream_at(node);
        byte_buf_deinit(&stream->half[0].bytes);
        byte_buf_deinit(&stream->half[1].bytes);
        free(stream);
    }
}

struct wire_stream *wire_open(struct wire *wire, int end, bool is_bidi)
{
    return stream_new(wire, end, is_bidi);
}

void wire_say(struct wire_stream *stream, int end, const void *bytes, size_t n)
{
    struct wire *wire = stream->wire;
    const uint8_t *from = bytes;
    while (n > 0) {
        size_t part = n < wire->piece ? n : wire->piece;
        REQUIRE(byte_buf_append(&stream->half[end].bytes, from, part) == 0);
        wire_run(wire);
        from += part;
        n -= part;
    }
    wire_run(wire);
}

void wire_end_stream(struct wire_stream *stream, int end)
{
    stream->half[end].has_end = true;
    wire_run(stream->wire);
}

void wire_reset(struct wire_stream *stream, int end, uint32_t code)
{
    stream->half[end].has_reset = true;
    stream->half[end].reset_code = code;
    wire_run(stream->wire);
}

void wire_stop(struct wire_stream *stream, int end, uint32_t code)
{
    stream->half[other(end)].has_stop = true;
    stream->half[other(end)].stop_code = code;
    wire_run(stream->wire);
}

struct wire_stream *wire_nth(const struct wire *wire, int end, bool is_bidi, size_t n)
{
    list_for_each (node, &wire->streams) {
        struct wire_stream *stream = stream_at(node);
        if (stream->opener == end && stream->is_bidi == is_bidi && n-- == 0)
            return stream;
    }
    return NULL;
}

size_t wire_count(const struct wire *wire, int end, bool is_bidi)
{
    size_t count = 0;
    while (wire_nth(wire, end, is_bidi, count))
        count++;
    return count;
}
