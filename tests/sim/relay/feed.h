/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A feed writes groups into a track as time passes. What is in a group follows from its sequence
 * alone, so whoever receives it can say whether it is whole and unchanged. */
#ifndef MOQ_TESTS_SIM_RELAY_FEED_H
#define MOQ_TESTS_SIM_RELAY_FEED_H

#include "tests/sim/relay/world.h"

enum { FEED_FRAME_MAX_BYTES = 64 * 1024 };

struct feed_setup {
    struct moq_track *track;
    uint64_t first, count; /* sequences */
    uint32_t frames;       /* of a group */
    uint32_t frame_bytes;  /* of the largest frame; the others are smaller */
    uint64_t interval_ns;  /* between frames; 0: all at once */
};

struct feed {
    struct list link; /* of its host */
    struct host *host;
    struct feed_setup setup;
    struct moq_group *group; /* a reference; NULL: between two */
    uint64_t sequence, next_ns;
    uint32_t frame;
    bool is_over; /* all is written, and the track has ended unless is_open_ended */
    bool is_open_ended;
};

/* Starts now. The host's. */
struct feed *feed_start(struct host *host, const struct feed_setup *setup);
uint64_t feed_tick(struct feed *feed);
void feed_stop(struct feed *feed); /* writes nothing more, and leaves its group as it is */
void feed_free(struct feed *feed);
bool feed_is_over(void *feed);

/* Says whether `group` is exactly what a feed of this kind writes, or if it was cut short or still
 * grows, the beginning of it. */
bool feed_wrote(const struct feed_setup *setup, struct moq_group *group);

/* Writes one whole group of one frame. */
void publish_text(struct moq_track *track, uint64_t sequence, const char *text);

#endif
