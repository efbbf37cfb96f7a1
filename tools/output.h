/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Where data of a tool goes: standard output or a file. Never blocks the loop on a slow pipe; tells
 * when too much waits. */
#ifndef MOQ_TOOLS_OUTPUT_H
#define MOQ_TOOLS_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

enum { OUTPUT_FULL_BYTES = 4 << 20 }; /* more than this waits: it is full */

struct output;

struct output_events {           /* every entry may be NULL */
    void (*on_room)(void *user); /* was full, and is not any more */
    void (*on_broken)(
        void *user,
        int error); /* the reader left (UV_EPIPE) or a write failed; nothing goes out any more */
};

/* `file`: NULL or "-" for standard output; an existing file is replaced. NULL: cannot be opened,
 * *error is libuv's. */
struct output *output_open(uv_loop_t *loop, const char *file, const struct output_events *events,
                           void *user, int *error);
/* Copies; 0, MOQ_ERR_IO (broken), MOQ_ERR_NOMEM. */
int output_write(struct output *output, const void *data, size_t n);
bool output_is_file(const struct output *output);
bool output_is_terminal(const struct output *output);
bool output_is_full(const struct output *output);
uint64_t output_bytes(const struct output *output); /* taken so far */

/* Lets what waits go out, then closes; `on_closed` follows. `is_patient` false: throws it away. */
void output_close(struct output **output, bool is_patient, void (*on_closed)(void *user));

#endif
