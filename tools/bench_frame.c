/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The body of a frame is a piece of one long pattern, at an offset that depends on its number and
 * track, so one memcmp checks it.
 * Tested by tests/unit/tools/test_bench_options.c. */
#include "tools/bench_frame.h"

#include <stdlib.h>
#include <string.h>

#include "tools/bench_options.h"

_Static_assert(sizeof(struct frame_header) == BENCH_SIZE_MIN, "the least frame is its header");

struct frame_pattern {
    size_t longest;
    uint8_t bytes[];
};

struct frame_pattern *frame_pattern_new(size_t longest)
{
    size_t n = longest + FRAME_PATTERNS;
    struct frame_pattern *pattern = malloc(sizeof *pattern + n);
    uint64_t state = UINT64_C(0x9e3779b97f4a7c15);
    if (!pattern)
        return NULL;
    pattern->longest = longest;
    for (size_t i = 0; i < n; i++) { /* linear congruential generator: all offsets look different */
        state = state * UINT64_C(6364136223846793005) + 1;
        pattern->bytes[i] = (uint8_t)(state >> 56);
    }
    return pattern;
}

void frame_pattern_free(struct frame_pattern **pattern)
{
    free(*pattern);
    *pattern = NULL;
}

static const uint8_t *body_of(const struct frame_pattern *pattern,
                              const struct frame_header *header)
{
    return pattern->bytes + (header->number + 17 * (uint64_t)header->flow) % FRAME_PATTERNS;
}

void frame_make(const struct frame_pattern *pattern, const struct frame_header *header,
                uint8_t *out)
{
    memcpy(out, header, sizeof *header);
    memcpy(out + sizeof *header, body_of(pattern, header), header->size - sizeof *header);
}

bool frame_check(const struct frame_pattern *pattern, const uint8_t *data, size_t size,
                 struct frame_header *header)
{
    if (size < sizeof *header || size > pattern->longest)
        return false;
    memcpy(header, data, sizeof *header);
    if (header->size != size || header->index >= header->group_frames ||
        header->index > header->number)
        return false;
    return memcmp(data + sizeof *header, body_of(pattern, header), size - sizeof *header) == 0;
}
