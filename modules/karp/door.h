/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A listening socket, TCP or unix. A connection that is not taken waits, and no other is accepted
 * until then. */
#ifndef INGEST_DOOR_H
#define INGEST_DOOR_H

#include <stdbool.h>
#include <sys/socket.h>
#include <uv.h>

struct door {
    union {
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t unix_socket;
    } handle;
    const char *unix_path; /* NULL: TCP */
    bool is_waiting;       /* a connection has not been taken yet */
    /* Somebody waits: take it with door_take, or leave it until door_go_on. */
    void (*on_connection)(void *self);
    void *self;
};

enum { DOOR_ERROR_BYTES = 256 };

/* Listens on `address` or, if it is NULL, on the unix socket `unix_path`, which is borrowed; a file
 * that a dead process left there is replaced. The callback and `self` are set before. Returns 0 or
 * an error of libuv with words in `error_text`; the handle has to be closed in any case. */
int door_open(struct door *door, uv_loop_t *loop, const struct sockaddr *address,
              const char *unix_path, char error_text[DOOR_ERROR_BYTES]);

/* Initialises `client`, a uv_tcp_t or uv_pipe_t as the door is, and accepts into it. Returns 0 or
 * an error of libuv; `client` has to be closed in any case. */
int door_take(struct door *door, uv_stream_t *client);

/* There is room again. */
void door_go_on(struct door *door);

/* Stops listening; `on_closed` follows, with `self` as the handle's data. */
void door_close(struct door *door, uv_close_cb on_closed);

/* The port of a TCP door, for one that was opened with port 0; 0: it has none. */
unsigned door_port(const struct door *door);

#endif
