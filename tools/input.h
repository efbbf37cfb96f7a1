/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads standard input without blocking the loop. While the input is held, nothing is read, so the
 * process that writes to it has to wait. */
#ifndef MOQ_TOOLS_INPUT_H
#define MOQ_TOOLS_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

enum { INPUT_PIECE_BYTES = 64 << 10 };

struct input;

struct input_events {
    /* May call input_hold(), but not input_close(). */
    void (*on_data)(void *user, const uint8_t *data, size_t n);
    /* Called once. 0: the end of the input; otherwise an error of libuv. */
    void (*on_end)(void *user, int error);
};

/* The input is held until input_go_on(). NULL: `*error` is one of libuv's; UV_EINVAL means that
 * `fd` is a terminal, which has no media. */
struct input *input_open(uv_loop_t *loop, int fd, const struct input_events *events, void *user,
                         int *error);
/* Whether it is a regular file, which can be read at any pace without losing anything. */
bool input_is_file(const struct input *input);
void input_hold(struct input *input);
void input_go_on(struct input *input);
void input_close(struct input **input); /* no callback comes after this */

#endif
