/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The frames of moq-bench. A header says which track and which number a frame is, where in its
 * group, and when it was published. The rest of the frame follows from the header, so a receiver
 * can tell whether the frame is intact, how late it is, and which frames are missing. The header is
 * in the byte order of the machine, because publishers and viewers are in one process. */
#ifndef MOQ_TOOLS_BENCH_FRAME_H
#define MOQ_TOOLS_BENCH_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame_header {
    uint64_t number;       /* in its track: 0, 1, ... without gaps */
    uint64_t published_ns; /* CLOCK_MONOTONIC */
    uint32_t size;         /* of the frame in bytes, including this header */
    uint32_t flow;         /* see the glossary in bench.h */
    uint32_t index;        /* in its group: 0, 1, ... */
    uint32_t group_frames; /* the number of frames that its group will have */
};

enum { FRAME_PATTERNS = 256 };

struct frame_pattern; /* does not change, so any thread may use it */
/* `longest`: bytes of the longest frame. NULL: out of memory. */
struct frame_pattern *frame_pattern_new(size_t longest);
void frame_pattern_free(struct frame_pattern **pattern);

/* Writes a frame of `header->size` bytes, at least a header and at most `longest`, to `out`. */
void frame_make(const struct frame_pattern *pattern, const struct frame_header *header,
                uint8_t *out);

/* Reads the header of a frame and checks the rest. Returns false if the frame is not one of ours,
 * or is broken. */
bool frame_check(const struct frame_pattern *pattern, const uint8_t *data, size_t size,
                 struct frame_header *header);

#endif
