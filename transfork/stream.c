/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What all streams have in common: they gather bytes until a message is complete, send a log, and
 * end each direction once.
 * Tested by tests/unit/transfork/test_states.c. */
#include "transfork/stream.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/objects.h"
#include "transfork/message.h"
#include "transfork/session_state.h"

/* Control messages go before all media: they are small, and INFO has to arrive before the first
 * group. */
#define CONTROL_URGENCY UINT64_MAX

struct stream_grave { /* a stream, and the grave that frees it at the end of a turn */
    struct grave grave;
    struct moq_stream stream;
};

void stream_init(struct moq_stream *stream, struct moq_session *session)
{
    *stream = (struct moq_stream){.session = session};
    list_init(&stream->node);
    byte_buf_init(&stream->in, STREAM_MESSAGE_MAX_BYTES);
    bytes_log_init(&stream->out);
    bytes_cursor_init(&stream->cursor, &stream->out);
}

void stream_deinit(struct moq_stream *stream)
{
    list_remove(&stream->node);
    byte_buf_deinit(&stream->in);
    bytes_log_deinit(&stream->out);
}

static struct moq_stream *stream_new(struct moq_session *session, bool is_bidi, bool is_ours)
{
    struct stream_grave *memory = calloc(1, sizeof *memory);
    if (!memory)
        return NULL;

    struct moq_stream *stream = &memory->stream;
    stream_init(stream, session);
    list_init(&memory->grave.node);
    stream->is_bidi = is_bidi;
    stream->is_ours = is_ours;
    object_born(OBJECT_stream);
    return stream;
}

static void stream_free(struct grave *grave)
{
    struct stream_grave *memory = container_of(grave, struct stream_grave, grave);
    stream_deinit(&memory->stream);
    free(memory);
    object_died(OBJECT_stream);
}

static void stream_bury(struct moq_stream *stream)
{
    struct stream_grave *memory = container_of(stream, struct stream_grave, stream);
    if (!list_is_empty(&memory->grave.node))
        return;
    list_remove(&stream->node);
    session_bury(stream->session, &memory->grave, stream_free);
}

struct moq_stream *stream_new_accepted(struct moq_session *session, void *handle, bool is_bidi)
{
    struct moq_stream *stream = stream_new(session, is_bidi, false);
    if (!stream)
        return NULL;
    stream->handle = handle;
    stream->is_out_over = !is_bidi;
    list_push_back(&session->streams, &stream->node);
    if (is_bidi)
        stream_set_urgency(stream, CONTROL_URGENCY);
    return stream;
}

struct moq_stream *stream_new_asking(struct moq_session *session, uint64_t type,
                                     const struct stream_ops *ops, void *owner)
{
    struct stream_message message;
    int error = message_encode_stream_type(stream_compose(&message), type);
    struct moq_stream *stream = stream_new(session, true, true);
    if (!stream)
        return NULL;
    if (stream_send(stream, &message, error)) {
        stream_bury(stream);
        return NULL;
    }
    stream_attach(stream, ops, owner);
    list_push_back(&session->waiting, &stream->node);
    stream->credit_deadline_ns = session_now(session) + session->config.limits.credit_ns;
    if (!stream_open_waiting(stream))
        session_wait_until(session, stream->credit_deadline_ns);
    return stream;
}

bool stream_open_waiting(struct moq_stream *stream)
{
    const struct moq_transport *transport = &stream->session->transport;
    stream->handle = transport->ops->open(transport->self, true, stream);
    if (!stream->handle)
        return false;

    list_remove(&stream->node);
    list_push_back(&stream->session->streams, &stream->node);
    stream_set_urgency(stream, CONTROL_URGENCY);
    if (stream_unsent(stream) > 0 || stream->is_ending)
        stream_wake(stream);
    return true;
}

/* A stream that has waited too long to be opened; NULL: none, and *next_ns says when that may
 * change. */
static struct moq_stream *find_expired(const struct moq_session *session, uint64_t *next_ns)
{
    *next_ns = CLOCK_NEVER;
    list_for_each (node, &session->waiting) {
        struct moq_stream *stream = container_of(node, struct moq_stream, node);
        if (stream->credit_deadline_ns <= session_now(session))
            return stream;
        if (stream->credit_deadline_ns < *next_ns)
            *next_ns = stream->credit_deadline_ns;
    }
    return NULL;
}

void streams_expire(struct moq_session *session)
{
    uint64_t next_ns;
    for (struct moq_stream *stream; (stream = find_expired(session, &next_ns));)
        stream_fail(stream, MOQ_ERR_STREAMS);
    session_wait_until(session, next_ns);
}

void stream_attach(struct moq_stream *stream, const struct stream_ops *ops, void *owner)
{
    stream->ops = ops;
    stream->owner = owner;
}

void stream_detach(struct moq_stream *stream)
{
    stream_attach(stream, NULL, NULL);
}

/* ---- Sending --------------------------------------------------------------------------------- */

void stream_wake(struct moq_stream *stream)
{
    if (stream->handle && !stream->is_out_over)
        stream->session->transport.ops->wake(stream->handle);
}

void stream_set_urgency(struct moq_stream *stream, uint64_t urgency)
{
    if (stream->handle)
        stream->session->transport.ops->set_urgency(stream->handle, urgency);
}

uint64_t stream_unsent(const struct moq_stream *stream)
{
    return bytes_cursor_available(&stream->cursor);
}

int stream_write(struct moq_stream *stream, const void *data, size_t n)
{
    if (stream->is_out_over || stream->is_ending)
        return MOQ_ERR_CLOSED;
    if (stream_unsent(stream) + n > STREAM_BACKLOG_MAX_BYTES)
        return MOQ_ERR_BOUNDS;
    int error = bytes_log_append(&stream->out, data, n);
    if (!error)
        stream_wake(stream);
    return error;
}

struct byte_buf *stream_compose(struct stream_message *message)
{
    byte_buf_init_over(&message->buf, message->memory, sizeof message->memory);
    return &message->buf;
}

int stream_send(struct moq_stream *stream, const struct stream_message *message, int error)
{
    return error ? error : stream_write(stream, message->buf.data, message->buf.size);
}

void stream_finish(struct moq_stream *stream)
{
    if (stream->is_out_over || stream->is_ending)
        return;
    stream->is_ending = true;
    stream_wake(stream);
}

size_t moq_stream_pull(struct moq_stream *stream, struct iovec *vec, size_t max, bool *is_end)
{
    *is_end = false;
    if (stream->is_out_over)
        return 0;
    if (stream->source)
        return stream->source->pull(stream, vec, max, is_end);

    size_t count = bytes_cursor_peek(&stream->cursor, vec, max, SIZE_MAX);
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += vec[i].iov_len;
    *is_end = stream->is_ending && bytes == stream_unsent(stream);
    return count;
}

void moq_stream_sent(struct moq_stream *stream, size_t n, bool is_end)
{
    if (is_end)
        stream->is_out_over = true;
    if (stream->source) {
        stream->source->on_sent(stream, n, is_end);
        return;
    }
    bytes_cursor_advance(&stream->cursor, n);
    if (stream->ops && stream->ops->on_sent)
        stream->ops->on_sent(stream);
}

void moq_stream_acked(struct moq_stream *stream, uint64_t offset)
{
    if (stream->source || offset > stream->cursor.position)
        return;
    if (offset == stream->cursor.position)
        bytes_log_trim_read(&stream->out, &stream->cursor);
    else
        bytes_log_trim(&stream->out, offset);
}

/* ---- Ending ---------------------------------------------------------------------------------- */

void stream_reset(struct moq_stream *stream, int error)
{
    if (stream->is_out_over)
        return;
    stream->is_out_over = true;
    if (stream->handle)
        stream->session->transport.ops->reset(stream->handle, moq_error_to_wire(error));
}

void stream_stop(struct moq_stream *stream, int error)
{
    if (stream->is_in_over)
        return;
    stream->is_in_over = true;
    if (stream->handle)
        stream->session->transport.ops->stop(stream->handle, moq_error_to_wire(error));
}

/* The transport does not know a stream that waits to be opened, so nobody else ends it. */
static void bury_unopened(struct moq_stream *stream)
{
    if (!stream->handle && stream->is_ours && !stream->source)
        stream_bury(stream);
}

static void end_parking(struct moq_stream *stream)
{
    if (!stream->is_parked)
        return;
    struct moq_session *session = stream->session;
    REQUIRE(session->parked_streams > 0 && session->parked_bytes >= stream->in.size);
    stream->is_parked = false;
    session->parked_streams--;
    session->parked_bytes -= stream->in.size;
}

void stream_abort(struct moq_stream *stream, int error)
{
    end_parking(stream);
    stream_detach(stream);
    stream_reset(stream, error);
    stream_stop(stream, error);
    bury_unopened(stream);
}

static void tell_over(struct moq_stream *stream, int error)
{
    const struct stream_ops *ops = stream->ops;
    stream->ops = NULL;
    if (ops && ops->on_over)
        ops->on_over(stream, error);
    stream->owner = NULL;
}

void stream_fail(struct moq_stream *stream, int error)
{
    end_parking(stream);
    stream_reset(stream, error);
    stream_stop(stream, error);
    tell_over(stream, error);
    bury_unopened(stream);
}

/* ---- Receiving ------------------------------------------------------------------------------- */

/* Lets the owner read messages from the front of `data` until it needs more. Returns the bytes
 * read, or an error. */
static long read_messages(struct moq_stream *stream, const uint8_t *data, size_t n)
{
    size_t taken = 0;
    while (taken < n && stream->ops && !stream->is_in_over &&
           stream->session->state < SESSION_CLOSING) {
        long used = stream->ops->read(stream, data + taken, n - taken);
        if (used == MOQ_ERR_AGAIN)
            break;
        if (used < 0)
            return used;
        taken += (size_t)used;
    }
    return (long)taken;
}

/* Appends `data` to the rest of an earlier piece, and reads. Returns how many bytes of `data` it
 * took, or an error. */
static long read_joined(struct moq_stream *stream, const uint8_t *data, size_t n)
{
    size_t room = stream->in.limit - stream->in.size;
    size_t part = n < room ? n : room;
    if (part == 0)
        return MOQ_ERR_BOUNDS;
    int error = byte_buf_append(&stream->in, data, part);
    if (error)
        return error;
    long used = read_messages(stream, stream->in.data, stream->in.size);
    if (used > 0)
        byte_buf_consume(&stream->in, (size_t)used);
    return used < 0 ? used : (long)part;
}

/* Reads all of `data`: complete messages directly from the caller's memory, incomplete ones through
 * `in`. */
static int receive_bytes(struct moq_stream *stream, const uint8_t *data, size_t n)
{
    while (n > 0 && stream->ops && !stream->is_in_over &&
           stream->session->state < SESSION_CLOSING) {
        long used = stream->in.size > 0 ? 0 : read_messages(stream, data, n);
        if (used == 0)
            used = read_joined(stream, data, n);
        if (used < 0)
            return (int)used;
        data += used;
        n -= (size_t)used;
    }
    return 0;
}

/* Keeps what arrives before a version is agreed on, within limits. The session stream begins here
 * too. */
static int park_bytes(struct moq_stream *stream, const uint8_t *data, size_t n, bool is_end)
{
    struct moq_session *session = stream->session;
    if (n > PARKED_MAX_BYTES - session->parked_bytes)
        return MOQ_ERR_BOUNDS;
    stream->in.limit = PARKED_MAX_BYTES;
    int error = byte_buf_append(&stream->in, data, n);
    if (error)
        return error;
    session->parked_bytes += n;
    stream->is_ending_in = is_end;
    return accept_parked(stream, stream->in.data, stream->in.size);
}

int stream_ends_too_early(struct moq_stream *stream, const uint8_t *left, size_t n)
{
    (void)stream, (void)left, (void)n;
    return MOQ_ERR_DECODE;
}

long stream_refuses_more(struct moq_stream *stream, const uint8_t *data, size_t n)
{
    (void)stream, (void)data, (void)n;
    return MOQ_ERR_PROTOCOL;
}

static int end_of_input(struct moq_stream *stream)
{
    stream->is_in_over = true;
    const struct stream_ops *ops = stream->ops;
    if (!ops) {
        stream_finish(stream);
        return 0;
    }
    if (ops->on_end)
        return ops->on_end(stream, stream->in.data, stream->in.size);
    if (stream->in.size > 0)
        return MOQ_ERR_DECODE;

    stream_finish(stream);
    tell_over(stream, 0);
    return 0;
}

void stream_unpark(struct moq_stream *stream)
{
    struct byte_buf held = stream->in;
    bool is_ended = stream->is_ending_in;
    end_parking(stream);
    byte_buf_init(&stream->in, STREAM_MESSAGE_MAX_BYTES);
    int error = receive_bytes(stream, held.data, held.size);
    if (!error && is_ended && !stream->is_in_over)
        error = end_of_input(stream);
    if (error)
        stream_fail(stream, error);
    byte_buf_deinit(&held);
}

void moq_stream_received(struct moq_stream *stream, const uint8_t *data, size_t n, bool is_end)
{
    if (stream->is_in_over || stream->session->state >= SESSION_CLOSING)
        return;
    session_enter(stream->session);
    int error =
        stream->is_parked ? park_bytes(stream, data, n, is_end) : receive_bytes(stream, data, n);
    if (!error && is_end && !stream->is_parked && !stream->is_in_over)
        error = end_of_input(stream);
    if (error)
        stream_fail(stream, error);
    session_leave(stream->session);
}

void moq_stream_was_reset(struct moq_stream *stream, uint32_t code)
{
    session_enter(stream->session);
    stream->is_in_over = true;
    end_parking(stream);
    stream_reset(stream, MOQ_ERR_CANCELLED);
    tell_over(stream, moq_error_from_wire(code));
    session_leave(stream->session);
}

void moq_stream_was_stopped(struct moq_stream *stream, uint32_t code)
{
    session_enter(stream->session);
    stream->is_out_over = true; /* the transport resets it (RFC 9000, section 3.5) */
    if (!stream->ops || !stream->ops->ignores_stop) {
        end_parking(stream);
        stream_stop(stream, MOQ_ERR_CANCELLED);
        tell_over(stream, moq_error_from_wire(code));
    }
    session_leave(stream->session);
}

void moq_stream_closed(struct moq_stream *stream)
{
    struct moq_session *session = stream->session;
    session_enter(session);
    end_parking(stream);
    stream->handle = NULL;
    stream->is_in_over = stream->is_out_over = true;
    tell_over(stream, MOQ_ERR_TRANSPORT);
    bool is_whole = stream->source && stream->source->is_whole;
    if (stream->source)
        stream->source->on_closed(stream);
    if (!is_whole)
        stream_bury(stream);
    session_leave(session);
}
