/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A camera writes groups into a track as time passes. The content of a group follows from its
 * sequence alone, so a receiver can tell whether the group is complete and unchanged. */
#ifndef MOQ_TESTS_SIM_RELAY_CAMERA_H
#define MOQ_TESTS_SIM_RELAY_CAMERA_H

#include "tests/sim/relay/world.h"

enum { CAMERA_FRAME_MAX_BYTES = 64 * 1024 };

struct camera_setup {
    struct moq_track *track;
    uint64_t first, count; /* sequences */
    uint32_t frames;       /* per group */
    uint32_t frame_bytes;  /* size of the largest frame, which is the first; others are smaller */
    uint64_t interval_ns;  /* between frames; 0: all at once */
};

struct camera {
    struct list link; /* in its host's list */
    struct host *host;
    struct camera_setup setup;
    struct moq_group *group; /* a reference; NULL: between two groups */
    uint64_t sequence, next_ns;
    uint32_t frame;
    bool is_over; /* everything is written, and the track has ended unless is_open_ended */
    bool is_open_ended;
};

/* Starts a camera, which the host owns. */
struct camera *camera_start(struct host *host, const struct camera_setup *setup);
uint64_t camera_tick(struct camera *camera);
void camera_stop(struct camera *camera); /* writes nothing more, and leaves its group as it is */
void camera_free(struct camera *camera);
bool camera_is_over(void *camera);

/* Whether `group` is exactly what a camera with this set-up writes, or the beginning of it if the
 * group was cut short or still grows. */
bool camera_wrote(const struct camera_setup *setup, struct moq_group *group);

/* Whether this is the frame `index` of that group. */
bool camera_wrote_frame(const struct camera_setup *setup, uint64_t sequence, uint32_t index,
                        struct iovec got);

/* Writes one whole group of one frame. */
void publish_text(struct moq_track *track, uint64_t sequence, const char *text);

#endif
