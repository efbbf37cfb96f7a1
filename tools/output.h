/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The data output of a tool: standard output or a file. A slow pipe does not block the loop, and
 * the tool can see when too much waits. */
#ifndef MOQ_TOOLS_OUTPUT_H
#define MOQ_TOOLS_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

enum { OUTPUT_FULL_BYTES = 4 << 20 }; /* the output is full when more than this waits */

struct output;

struct output_events {           /* every entry may be NULL */
    void (*on_room)(void *user); /* it was full and no longer is */
    /* The reader has left (UV_EPIPE) or a write has failed. Nothing is written after this. */
    void (*on_broken)(void *user, int error);
};

/* Opens `file`, replacing an existing one; NULL or "-": standard output. Returns NULL if it cannot
 * be opened, and sets `*error` to an error of libuv. */
struct output *output_open(uv_loop_t *loop, const char *file, const struct output_events *events,
                           void *user, int *error);
/* Copies the data and writes it as soon as possible. 0, MOQ_ERR_IO (broken) or MOQ_ERR_NOMEM. */
int output_write(struct output *output, const void *data, size_t n);
bool output_is_file(const struct output *output);
bool output_is_terminal(const struct output *output);
bool output_is_full(const struct output *output);
uint64_t output_bytes(const struct output *output); /* bytes accepted so far */
/* Writes what still waits if `is_patient`, otherwise drops it; then closes and calls
 * `on_closed`. */
void output_close(struct output **output, bool is_patient, void (*on_closed)(void *user));

#endif
