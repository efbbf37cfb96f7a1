/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Standard input without blocking the loop, with a brake: while it is held, nothing is read and the
 * writer waits. */
#ifndef MOQ_TOOLS_INPUT_H
#define MOQ_TOOLS_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

enum { INPUT_PIECE_BYTES = 64 << 10 };

struct input;

struct input_events {
    /* May call input_hold, not input_close. */
    void (*on_data)(void *user, const uint8_t *data, size_t n);
    void (*on_end)(void *user, int error); /* 0: the end of the input; else libuv's error. Once */
};

/* Held at first. NULL: *error is libuv's; UV_EINVAL: a terminal, which has no media. */
struct input *input_open(uv_loop_t *loop, int fd, const struct input_events *events, void *user,
                         int *error);
bool input_is_file(const struct input *
                       input); /* a regular file: it does not go away, it can be read at any pace */
void input_hold(struct input *input);
void input_go_on(struct input *input);
void input_close(struct input **input); /* no call comes any more */

#endif
