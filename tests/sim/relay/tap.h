/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A tap watches a track inside the relay, as a recorder does, and checks that what it is told makes
 * sense. */
#ifndef MOQ_TESTS_SIM_RELAY_TAP_H
#define MOQ_TESTS_SIM_RELAY_TAP_H

#include "server/core/core.h"
#include "tests/sim/relay/camera.h"

enum { TAP_TEXT_BYTES = 4096 };

struct tap {
    struct core_watch *watch;          /* NULL: closed */
    const struct camera_setup *camera; /* what is expected; NULL: anything */
    bool is_stalled;                   /* does not read when it is told to */
    bool is_quitter;                   /* closes when it is told to read */
    bool is_opening;                   /* in tap_init */
    void (*on_call)(struct tap *tap);  /* instead of all that: may close the tap. NULL: not */
    void *user;
    bool is_quiet;               /* keeps no text */
    int calls;                   /* to on_readable */
    int whole, cut, gaps, wrong; /* groups; wrong: other frames than expected */
    int ended, end_error;
    uint64_t bytes;
    char text[TAP_TEXT_BYTES]; /* what was read since tap_text was called last */
    size_t length;

    bool is_in_group;
    uint64_t sequence;
    uint32_t frame;
};

#define TAP_WISH(latency)                                                                          \
    ((struct core_watch_wish){                                                                     \
        .policy = {.latency_ns = (latency), .priority = 128, .order = MOQ_ORDER_OLDEST}})

/* Opens a watch; the path of the wish is replaced by `path`. The rest of the tap is zeroed. */
void tap_init(struct tap *tap, struct router *router, const char *path,
              const struct core_watch_wish *wish);
void tap_deinit(struct tap *tap);
void tap_read(struct tap *tap);     /* everything that there is */
bool tap_read_one(struct tap *tap); /* false: there is nothing */

/* What was read since the last call, as words: "(4" a group begins, "frame", "4)" it ends, "4)!-12"
 * with an error, "[5-6 -9]" a gap, "end -9". Reads nothing. */
const char *tap_text(struct tap *tap);
bool tap_is_over(void *tap);

#endif
