/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Frames that say who they are: which track, which number, where in their group, when they were
 * published. The rest of a frame follows from that, so a receiver can tell that it got all of it,
 * how late, and what it did not get. In the order of this machine: publisher and viewers are one
 * process. */
#ifndef MOQ_TOOLS_BENCH_FRAME_H
#define MOQ_TOOLS_BENCH_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame_header {
    uint64_t number;       /* of its track: 0, 1, ... without gaps */
    uint64_t published_ns; /* CLOCK_MONOTONIC */
    uint32_t size;         /* of the frame, this header included */
    uint32_t flow;         /* which track of all */
    uint32_t index;        /* in its group: 0, 1, ... */
    uint32_t group_frames; /* how many its group will have */
};

enum { FRAME_PATTERNS = 256 };

struct frame_pattern; /* read-only once made: any thread */
struct frame_pattern *
frame_pattern_new(size_t longest); /* bytes of the longest frame; NULL: out of memory */
void frame_pattern_free(struct frame_pattern **pattern);

/* Writes a frame of `header->size` bytes, at least a header and at most `longest`, to `out`. */
void frame_make(const struct frame_pattern *pattern, const struct frame_header *header,
                uint8_t *out);

/* Reads one. False: it is none of ours, or broken. */
bool frame_check(const struct frame_pattern *pattern, const uint8_t *data, size_t size,
                 struct frame_header *header);

#endif
