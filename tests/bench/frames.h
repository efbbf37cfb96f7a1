/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Frames that say who they are: each begins with its number and the time when it was published, and
 * the rest follows from the number, so a receiver can tell that it got all of it, and when. */
#ifndef BENCH_FRAMES_H
#define BENCH_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FRAME_HEADER_BYTES = 16,
    FRAME_MIN_BYTES = 32,
    FRAME_MAX_BYTES = 1 << 20,
    FRAME_PATTERNS = 256,
    LATENCY_BUCKETS = 10000, /* of 0.1 ms */
};

/* Makes the frames of a track. */
struct frame_source {
    uint64_t next; /* read-only: the number of the next one */
    size_t size;
    uint8_t *pattern; /* private: a frame's body is its bytes from (number % FRAME_PATTERNS) on */
    uint8_t *frame;   /* private: the one given last */
};
int frame_source_init(struct frame_source *source, size_t size); /* 0 or MOQ_ERR_NOMEM */
const uint8_t *frame_source_next(struct frame_source *source, uint64_t now_ns);

struct frame_window { /* which frames count: first <= number < end */
    uint64_t first, end;
};

struct frame_figures {
    uint64_t delivered;
    uint64_t broken; /* of a wrong size or content, doubled, or behind a newer one */
    uint64_t worst_ns;
    uint32_t latency[LATENCY_BUCKETS]; /* the last one also counts what took longer */
};

/* What one viewer has seen. */
struct frame_check {
    const struct frame_source *source;
    const struct frame_window *window;
    bool has_begun;
    uint64_t next; /* the lowest number that may still come */
    struct frame_figures figures;
};
void frame_check_take(struct frame_check *check, const uint8_t *data, size_t size, uint64_t now_ns);

void frame_figures_add(struct frame_figures *sum, const struct frame_check *check);
double frame_figures_latency_ms(const struct frame_figures *figures,
                                double share); /* of the slowest of that share */

#ifdef __cplusplus
}
#endif
#endif
