/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A connection that records what HTTP/3 asks of it. */
#include "fake_conn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const char server_settings[] = "00 04 2a 0100 0680004000 0700 0801 3301 80ffd27701 ab60374201 "
                               "ab60374301 c0000000c671706a01 94e9cd2901";
const char client_settings[] = "00 04 20 0100 0680004000 0700 0801 3301 80ffd27701 ab60374201 "
                               "c0000000c671706a01";
const char chromium_settings[] = "00 04 19 0180010000 0680004000 074064 3301 80ffd27701 ab60374201";
const char rust_settings[] =
    "00 04 1c c0000000c671706a01 3301 ab60374201 0801 80ffd27701 ab60374301";
const char connect_request[] =
    "01 4045 0000cfd7508aa0e41d139d09b8d34d3351876242d276238e3f2f00b95d8749c87a3f89f058d360ea4567b1"
    "3f2f0e4148b782c69b07522b3d895a74a6b65692c1ca900b0131";
const char accepted_response[] =
    "01 1f 0000d92f0d4148b782c69b07522b3d895a74a6b65692c1ca9f8592c1ca900b";

static int64_t on_open(void *self, bool is_bidi)
{
    struct fake_conn *conn = self;
    if (conn->credit == 0)
        return -1;
    conn->credit--;
    int64_t *next = is_bidi ? &conn->next_bidi : &conn->next_uni;
    *next += 4;
    return *next - 4;
}

static int on_write(void *self, int64_t id, const uint8_t *data, size_t n, bool is_end)
{
    struct fake_conn *conn = self;
    struct fake_stream *stream = fake_stream(conn, id);
    if (conn->write_error)
        return conn->write_error;
    assert_false(stream->is_finished);
    assert_int_equal(stream->reset_code, 0);
    assert_true(stream->sent_size + n <= sizeof stream->sent);
    if (n > 0)
        memcpy(stream->sent + stream->sent_size, data, n);
    stream->sent_size += n;
    stream->is_finished = is_end;
    return 0;
}

static void on_reset(void *self, int64_t id, uint64_t code)
{
    assert_true((id & 2) == 0 || ((id & 1) != 0) == ((struct fake_conn *)self)->is_server);
    fake_stream(self, id)->reset_code = code;
}

static void on_stop(void *self, int64_t id, uint64_t code)
{
    fake_stream(self, id)->stop_code = code;
}

static void on_fail(void *self, uint64_t code, const char *reason)
{
    struct fake_conn *conn = self;
    conn->fail_count++;
    conn->failed = code;
    snprintf(conn->fail_reason, sizeof conn->fail_reason, "%s", reason);
}

static void on_request(void *self, const struct wt_request *request)
{
    struct fake_conn *conn = self;
    conn->request_count++;
    snprintf(conn->authority, sizeof conn->authority, "%s", request->authority);
    snprintf(conn->path, sizeof conn->path, "%s", request->path);
    snprintf(conn->origin, sizeof conn->origin, "%s", request->origin);
    snprintf(conn->protocols, sizeof conn->protocols, "%s", request->protocols);
    if (conn->status)
        assert_int_equal(wt_session_respond(conn->wt, conn->status, conn->chosen), 0);
}

static void on_established(void *self, const char *protocol)
{
    struct fake_conn *conn = self;
    conn->established_count++;
    snprintf(conn->protocol, sizeof conn->protocol, "%s", protocol);
}

static void on_refused(void *self, int status, const char *words)
{
    struct fake_conn *conn = self;
    snprintf(conn->refused_words, sizeof conn->refused_words, "%s", words);
    conn->refused_count++;
    conn->refused_status = status;
}

static void on_session_closed(void *self, uint32_t code, const char *reason)
{
    struct fake_conn *conn = self;
    conn->closed_count++;
    conn->closed_code = code;
    snprintf(conn->closed_reason, sizeof conn->closed_reason, "%s", reason);
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

struct fake_conn *fake_new(bool is_server)
{
    struct fake_conn *conn = calloc(1, sizeof *conn);
    assert_non_null(conn);
    conn->is_server = is_server;
    conn->next_uni = is_server ? 3 : 2;
    conn->next_bidi = is_server ? 1 : 0;
    conn->credit = 100;
    conn->status = 200;
    conn->chosen = "";
    conn->wt = wt_session_new(is_server, &ops, conn);
    assert_non_null(conn->wt);
    assert_int_equal(wt_session_start(conn->wt), 0);
    return conn;
}

void fake_free(struct fake_conn **conn)
{
    wt_session_free(&(*conn)->wt);
    for (size_t i = 0; i < (*conn)->stream_count; i++)
        free((*conn)->streams[i]);
    free(*conn);
    *conn = NULL;
}

struct fake_conn *established_server(void)
{
    struct fake_conn *conn = fake_new(true);
    fake_give_hex(conn, 2, chromium_settings);
    fake_give_hex(conn, 0, connect_request);
    assert_true(wt_session_is_established(conn->wt));
    return conn;
}

struct fake_conn *connecting_client(void)
{
    struct fake_conn *conn = fake_new(false);
    assert_int_equal(wt_session_connect(conn->wt, "localhost:4443", "/demo/bbb", ""), 0);
    return conn;
}

struct fake_conn *established_client(void)
{
    struct fake_conn *conn = connecting_client();
    fake_give_hex(conn, 3, server_settings);
    fake_give_hex(conn, 0, accepted_response);
    assert_true(wt_session_is_established(conn->wt));
    return conn;
}

struct fake_stream *fake_stream(struct fake_conn *conn, int64_t id)
{
    for (size_t i = 0; i < conn->stream_count; i++)
        if (conn->streams[i]->id == id)
            return conn->streams[i];
    assert_true(conn->stream_count < FAKE_MAX_STREAMS);
    struct fake_stream *stream = calloc(1, sizeof *stream);
    assert_non_null(stream);
    stream->id = id;
    conn->streams[conn->stream_count++] = stream;
    return stream;
}

size_t fake_hex(const char *hex, uint8_t *out, size_t room)
{
    size_t n = 0;
    for (const char *at = hex; *at;) {
        unsigned byte;
        if (*at == ' ') {
            at++;
            continue;
        }
        assert_int_equal(sscanf(at, "%2x", &byte), 1);
        assert_true(n < room);
        out[n++] = (uint8_t)byte;
        at += 2;
    }
    return n;
}

struct h3_span fake_span(const char *hex)
{
    static uint8_t bytes[FAKE_MAX_BYTES];
    return (struct h3_span){bytes, fake_hex(hex, bytes, sizeof bytes)};
}

static void give_to_app(struct fake_stream *stream, const uint8_t *data, size_t n)
{
    assert_true(stream->app_size + n <= sizeof stream->app);
    if (n > 0)
        memcpy(stream->app + stream->app_size, data, n);
    stream->app_size += n;
}

/* The bytes are copied to memory of their exact size: a sanitizer sees a read past the end. */
enum wt_stream_kind fake_give(struct fake_conn *conn, int64_t id, const uint8_t *data, size_t n,
                              bool is_end)
{
    struct fake_stream *stream = fake_stream(conn, id);
    if (stream->kind == WT_STREAM_REJECTED)
        return stream->kind;
    uint8_t *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    if (n > 0)
        memcpy(copy, data, n);

    size_t used = 0;
    if (stream->kind != WT_STREAM_APPLICATION)
        stream->kind = wt_session_received(conn->wt, id, n ? copy : NULL, n, is_end, &used);
    assert_true(used <= n);
    if (stream->kind == WT_STREAM_APPLICATION || stream->kind == WT_STREAM_PARKED)
        give_to_app(stream, copy + used, n - used);
    else
        assert_int_equal(used, n);
    free(copy);
    return stream->kind;
}

enum wt_stream_kind fake_give_hex(struct fake_conn *conn, int64_t id, const char *hex)
{
    static uint8_t bytes[FAKE_MAX_BYTES];
    size_t n = fake_hex(hex, bytes, sizeof bytes);
    return fake_give(conn, id, bytes, n, false);
}

enum wt_stream_kind fake_end(struct fake_conn *conn, int64_t id)
{
    return fake_give(conn, id, NULL, 0, true);
}

static bool is_hex(const uint8_t *bytes, size_t n, const char *hex)
{
    static uint8_t wanted[FAKE_MAX_BYTES];
    return fake_hex(hex, wanted, sizeof wanted) == n && memcmp(bytes, wanted, n) == 0;
}

bool fake_sent_is(struct fake_conn *conn, int64_t id, const char *hex)
{
    struct fake_stream *stream = fake_stream(conn, id);
    return is_hex(stream->sent, stream->sent_size, hex);
}

bool fake_app_is(struct fake_conn *conn, int64_t id, const char *hex)
{
    struct fake_stream *stream = fake_stream(conn, id);
    return is_hex(stream->app, stream->app_size, hex);
}
