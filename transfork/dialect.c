/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The Rust crate 0.12 negotiates version 04 too, but writes a path as one string. We do not speak
 * that dialect and refuse it as an unsupported version.
 *
 * Bytes that only the other dialect can have written end the session at once. But the first half of
 * a message in our dialect can look like a whole message in theirs, so while a message may be
 * incomplete, the decision waits DIALECT_WAIT_NS for more bytes.
 * Tested by tests/unit/transfork/test_greeting.c. */
#include "transfork/dialect.h"

#include "transfork/version.h"

#define DIALECT_WAIT_NS (500 * NS_PER_MS)

static int refuse_dialect(struct moq_session *session)
{
    session_fail(session, MOQ_ERR_VERSION, "the string paths of 0xff0bad04 are not supported");
    return MOQ_ERR_VERSION;
}

long dialect_check(struct moq_stream *stream, enum message_kind kind, const uint8_t *data, size_t n,
                   int error)
{
    struct moq_session *session = stream->session;
    bool is_theirs = version_row(session->version)->has_string_dialect &&
                     message_dialect(kind, data, n) == DIALECT_STRING;
    if (error != MOQ_ERR_AGAIN)
        return is_theirs ? refuse_dialect(session) : error;
    stream->is_suspect = is_theirs;
    stream->suspect_kind = (uint8_t)kind;
    if (is_theirs && session->dialect_deadline_ns == CLOCK_NEVER) {
        session->dialect_deadline_ns = session_now(session) + DIALECT_WAIT_NS;
        session_wait_until(session, session->dialect_deadline_ns);
    }
    return error;
}

void dialect_tick(struct moq_session *session)
{
    session_wait_until(session, session->dialect_deadline_ns);
    if (session_now(session) < session->dialect_deadline_ns)
        return;
    session->dialect_deadline_ns = CLOCK_NEVER;
    list_for_each (node, &session->streams) {
        struct moq_stream *stream = container_of(node, struct moq_stream, node);
        if (!stream->is_suspect || !stream->ops || stream->in.size == 0)
            continue;
        enum message_kind kind = (enum message_kind)stream->suspect_kind;
        if (message_dialect(kind, stream->in.data, stream->in.size) == DIALECT_STRING) {
            refuse_dialect(session);
            return;
        }
    }
}
