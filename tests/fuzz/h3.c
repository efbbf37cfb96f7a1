/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* HTTP/3 as a sequence of events: each is one byte that says what happens on which stream, for
 * bytes of a stream one more for how many, and then these. The connection below checks what HTTP/3
 * may ask of it. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "quic/wt_session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { STREAMS = 128, EVENTS_MAX = 4096 };

struct stream {
    bool is_over;     /* given to the application, or rejected */
    bool is_finished; /* we wrote the end */
    bool is_ended;    /* the peer did */
};

struct conn {
    struct wt_session *wt;
    bool is_server, has_failed, was_established;
    uint8_t answer; /* how on_request is answered */
    int64_t next_uni, next_bidi;
    int credit;
    struct stream streams[STREAMS];
};

static void must(bool holds)
{
    if (!holds)
        abort();
}

static struct stream *stream_of(struct conn *conn, int64_t id)
{
    must(id >= 0 && id < STREAMS);
    return &conn->streams[id];
}

static int64_t on_open(void *self, bool is_bidi)
{
    struct conn *conn = self;
    if (conn->credit == 0)
        return -1;
    conn->credit--;
    int64_t *next = is_bidi ? &conn->next_bidi : &conn->next_uni;
    *next += 4;
    return *next - 4;
}

static int on_write(void *self, int64_t id, const uint8_t *data, size_t n, bool is_end)
{
    struct conn *conn = self;
    struct stream *stream = stream_of(conn, id);
    must(!stream->is_finished && !conn->has_failed);
    must(n == 0 || data);
    stream->is_finished = is_end;
    return 0;
}

static void on_reset(void *self, int64_t id, uint64_t code)
{
    must(code > 0);
    stream_of(self, id)->is_finished = true;
}

static void on_stop(void *self, int64_t id, uint64_t code)
{
    must(code > 0);
    stream_of(self, id);
}

static void on_fail(void *self, uint64_t code, const char *reason)
{
    struct conn *conn = self;
    must(!conn->has_failed && code > 0 && reason);
    conn->has_failed = true;
}

static void on_request(void *self, const struct wt_request *request)
{
    struct conn *conn = self;
    must(conn->is_server && *request->authority && request->path[0] == '/' && request->origin &&
         request->protocols);
    if (conn->answer < 250)
        wt_session_respond(conn->wt, conn->answer & 1 ? 200 : 404, conn->answer & 2 ? "\"a\"" : "");
}

static void on_established(void *self, const char *protocol)
{
    struct conn *conn = self;
    must(!conn->was_established && !conn->has_failed && protocol);
    conn->was_established = true;
}

static void on_refused(void *self, int status, const char *words)
{
    struct conn *conn = self;
    must(words && !conn->is_server && !conn->was_established && status >= 0 && status < 600);
}

static void on_session_closed(void *self, uint32_t code, const char *reason)
{
    (void)self;
    (void)code;
    must(strlen(reason) <= H3_REASON_MAX_BYTES);
}

static const struct wt_session_ops ops = {.open = on_open,
                                          .write = on_write,
                                          .reset = on_reset,
                                          .stop = on_stop,
                                          .fail = on_fail,
                                          .on_request = on_request,
                                          .on_established = on_established,
                                          .on_refused = on_refused,
                                          .on_session_closed = on_session_closed};

/* A peer sends on its own streams, and on our CONNECT once it is open. */
static bool can_receive(const struct conn *conn, int64_t id)
{
    bool is_ours = ((id & 1) != 0) == conn->is_server;
    return !is_ours || (id == 0 && conn->next_bidi > 0);
}

/* Bytes in memory of their exact size, so that a read past their end is seen. */
static void receive(struct conn *conn, int64_t id, const uint8_t *data, size_t n, bool is_end)
{
    struct stream *stream = stream_of(conn, id);
    if (stream->is_over || stream->is_ended || !can_receive(conn, id))
        return;
    stream->is_ended = is_end;
    uint8_t *copy = malloc(n ? n : 1);
    must(copy);
    if (n > 0)
        memcpy(copy, data, n);
    size_t used;
    enum wt_stream_kind kind = wt_session_received(conn->wt, id, n ? copy : NULL, n, is_end, &used);
    must(used <= n);
    must(kind != WT_STREAM_APPLICATION || conn->was_established);
    stream->is_over = kind == WT_STREAM_APPLICATION || kind == WT_STREAM_REJECTED;
    free(copy);
}

/* No bytes arrive on a stream that is closed, or that its peer reset. */
static void end_stream(struct conn *conn, int64_t id, uint8_t how)
{
    if (how & 1 && how & 4)
        wt_session_stream_reset(conn->wt, id, how);
    else if (how & 1)
        wt_session_stream_stopped(conn->wt, id, how);
    if (how & 2)
        wt_session_stream_closed(conn->wt, id);
    stream_of(conn, id)->is_over |= how & 2 || how & 4;
}

static void lifecycle(struct conn *conn, uint8_t what)
{
    switch (what % 6) {
    case 0:
        wt_session_close(conn->wt, what, "why");
        break;
    case 1:
        wt_session_respond(conn->wt, what & 0x80 ? 200 : 403, "");
        break;
    case 2:
        conn->credit++;
        wt_session_credit(conn->wt);
        break;
    case 3:
        wt_session_connect(conn->wt, "localhost", "/", "");
        break;
    case 4:
        wt_session_set_no_datagrams(conn->wt);
        break;
    default:
        conn->answer = what;
        break;
    }
}

/* One event; returns the bytes it took. The two top bits say what, the others on which stream. */
static size_t play(struct conn *conn, const uint8_t *data, size_t n)
{
    uint8_t what = data[0] >> 6;
    int64_t id = data[0] & 0x3f;
    size_t size = n > 1 ? data[1] : 0;
    if (n < 2)
        return n;
    if (what == 0 || what == 1) {
        size = size < n - 2 ? size : n - 2;
        receive(conn, id, data + 2, size, what == 1);
        return 2 + size;
    }
    if (what == 2)
        lifecycle(conn, data[1]);
    else if (data[1] & 3)
        end_stream(conn, id, data[1]);
    else
        wt_session_datagram(conn->wt, data + 1, n - 1 < 9 ? n - 1 : 9);
    return 2;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n == 0)
        return 0;
    struct conn conn = {.is_server = data[0] & 1, .answer = data[0], .credit = 2};
    conn.next_uni = conn.is_server ? 67 : 66;
    conn.next_bidi = conn.is_server ? 65 : 0;
    conn.wt = wt_session_new(conn.is_server, &ops, &conn);
    if (!conn.wt)
        return 0;
    wt_session_start(conn.wt);
    if (!conn.is_server)
        wt_session_connect(conn.wt, "localhost:4443", "/demo/bbb", "");

    data++;
    n--;
    for (int events = 0; n > 0 && events < EVENTS_MAX; events++) {
        size_t used = play(&conn, data, n);
        data += used;
        n -= used;
    }
    wt_session_free(&conn.wt);
    return 0;
}
