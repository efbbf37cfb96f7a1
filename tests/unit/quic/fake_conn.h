/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A connection that only records what HTTP/3 asks of it, and passes it the bytes of a peer. */
#ifndef TEST_QUIC_FAKE_CONN_H
#define TEST_QUIC_FAKE_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "quic/wt_session.h"

enum { FAKE_MAX_STREAMS = 64, FAKE_MAX_BYTES = 40000, FAKE_MAX_TEXT = 2048 };

struct fake_stream {
    int64_t id;
    uint8_t sent[FAKE_MAX_BYTES]; /* bytes that HTTP/3 wrote */
    size_t sent_size;
    uint8_t app[FAKE_MAX_BYTES]; /* bytes that came for the application */
    size_t app_size;
    enum wt_stream_kind kind;
    bool is_finished;
    uint64_t reset_code, stop_code; /* 0: not reset, not stopped */
};

struct fake_conn {
    struct wt_session *wt;
    bool is_server;
    int64_t next_uni, next_bidi; /* IDs that `open` returns */
    int credit;                  /* how often `open` succeeds */
    int status;                  /* status that a server answers at once; 0: no answer */
    const char *chosen;          /* protocol in that answer; "" by default */
    int write_error;
    struct fake_stream *streams[FAKE_MAX_STREAMS];
    size_t stream_count;

    uint64_t failed; /* code of a connection error; 0: none */
    char fail_reason[FAKE_MAX_TEXT];
    int fail_count, request_count, established_count, closed_count, refused_count;
    int refused_status;
    char refused_words[FAKE_MAX_TEXT];
    char authority[FAKE_MAX_TEXT], path[FAKE_MAX_TEXT], origin[FAKE_MAX_TEXT];
    char protocols[FAKE_MAX_TEXT]; /* offered by a client */
    char protocol[FAKE_MAX_TEXT];  /* chosen by a server, as its client reads it */
    uint32_t closed_code;
    char closed_reason[FAKE_MAX_TEXT];
};

/* Makes a connection that has written its SETTINGS. A server answers requests with 200. */
struct fake_conn *fake_new(bool is_server);
void fake_free(struct fake_conn **conn);

struct fake_conn *established_server(void);
struct fake_conn *connecting_client(void); /* to https://localhost:4443/demo/bbb, before SETTINGS */
struct fake_conn *established_client(void);

struct fake_stream *fake_stream(struct fake_conn *conn, int64_t id);

size_t fake_hex(const char *hex, uint8_t *out, size_t room); /* spaces are skipped */
struct h3_span fake_span(const char *hex);                   /* its bytes, until the next call */

/* Passes bytes of a stream to the session like a connection, until the stream is the application's
 * or rejected. */
enum wt_stream_kind fake_give(struct fake_conn *conn, int64_t id, const uint8_t *data, size_t n,
                              bool is_end);
enum wt_stream_kind fake_give_hex(struct fake_conn *conn, int64_t id, const char *hex);
enum wt_stream_kind fake_end(struct fake_conn *conn, int64_t id);

/* Whether the bytes that HTTP/3 wrote to a stream equal `hex`. */
bool fake_sent_is(struct fake_conn *conn, int64_t id, const char *hex);
bool fake_app_is(struct fake_conn *conn, int64_t id, const char *hex);

/* Well-formed bytes: SETTINGS of clients and servers, a CONNECT for stream 0, and its answer. */
extern const char server_settings[], chromium_settings[], client_settings[], rust_settings[];
extern const char connect_request[], accepted_response[];

#endif
