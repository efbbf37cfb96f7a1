/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Frames of the benchmark: made, and judged on arrival. */
#include "tests/bench/frames.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define BUCKET_NS UINT64_C(100000)

int frame_source_init(struct frame_source *source, size_t size)
{
    source->size = size;
    source->pattern = malloc(size + FRAME_PATTERNS);
    source->frame = malloc(size);
    if (!source->pattern || !source->frame)
        return MOQ_ERR_NOMEM;
    for (size_t i = 0; i < size + FRAME_PATTERNS; i++)
        source->pattern[i] = (uint8_t)(i * 151 >> 3);
    return 0;
}

static const uint8_t *body_of(const struct frame_source *source, uint64_t number)
{
    return source->pattern + number % FRAME_PATTERNS;
}

const uint8_t *frame_source_next(struct frame_source *source, uint64_t now_ns)
{
    uint64_t header[2] = {source->next++, now_ns};
    memcpy(source->frame, header, sizeof header);
    memcpy(source->frame + FRAME_HEADER_BYTES, body_of(source, header[0]),
           source->size - FRAME_HEADER_BYTES);
    return source->frame;
}

static bool is_whole(const struct frame_source *source, uint64_t number, const uint8_t *data)
{
    return number < source->next && memcmp(data + FRAME_HEADER_BYTES, body_of(source, number),
                                           source->size - FRAME_HEADER_BYTES) == 0;
}

void frame_check_take(struct frame_check *check, const uint8_t *data, size_t size, uint64_t now_ns)
{
    uint64_t header[2] = {UINT64_MAX, 0};
    struct frame_figures *figures = &check->figures;
    check->has_begun = true;
    if (size == check->source->size)
        memcpy(header, data, sizeof header);
    if (size != check->source->size || header[0] < check->next ||
        !is_whole(check->source, header[0], data)) {
        figures->broken++;
        return;
    }
    check->next = header[0] + 1;
    if (header[0] < check->window->first || header[0] >= check->window->end)
        return;

    uint64_t latency_ns = now_ns - header[1], bucket = latency_ns / BUCKET_NS;
    figures->delivered++;
    figures->latency[bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1]++;
    if (latency_ns > figures->worst_ns)
        figures->worst_ns = latency_ns;
}

void frame_figures_add(struct frame_figures *sum, const struct frame_check *check)
{
    sum->delivered += check->figures.delivered;
    sum->broken += check->figures.broken;
    if (check->figures.worst_ns > sum->worst_ns)
        sum->worst_ns = check->figures.worst_ns;
    for (size_t i = 0; i < LATENCY_BUCKETS; i++)
        sum->latency[i] += check->figures.latency[i];
}

double frame_figures_latency_ms(const struct frame_figures *figures, double share)
{
    uint64_t wanted = (uint64_t)((double)figures->delivered * share), seen = 0;
    size_t bucket = 0;
    while (bucket < LATENCY_BUCKETS - 1 && (seen += figures->latency[bucket]) < wanted)
        bucket++;
    return (double)(bucket + 1) * (double)BUCKET_NS / 1e6;
}
