/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A watch is one subscription of a client, with the fate of each of its groups. */
#ifndef MOQ_TESTS_SIM_RELAY_WATCH_H
#define MOQ_TESTS_SIM_RELAY_WATCH_H

#include "tests/sim/relay/client.h"
#include "tests/sim/relay/camera.h"

enum { WATCH_MAX_SEQUENCES = 1024, WATCH_TEXT_BYTES = 1024 };

enum fate {
    FATE_NONE,    /* nothing is known about this group */
    FATE_GROWING, /* it has begun */
    FATE_WHOLE,
    FATE_CUT, /* it has begun and was cut short */
    FATE_GAP, /* it was reported as a gap, so it will not come */
};

struct watch {
    struct client *client;
    struct moq_track *track; /* the groups that have arrived */
    struct moq_subscription *subscription;
    struct moq_watcher watcher;
    const struct camera_setup *camera;          /* what is expected; NULL: anything */
    uint8_t fates[WATCH_MAX_SEQUENCES], beyond; /* enum fate, by sequence */
    uint64_t highest;
    bool has_any;
    int begun, wrong, backwards; /* groups; wrong: other bytes; backwards: below the highest */
    int infos, closed, close_error;
    struct moq_info info;
};

#define WISH_ANY                                                                                   \
    ((struct moq_wish){                                                                            \
        .priority = 128, .order = MOQ_ORDER_ANY, .min = MOQ_NO_GROUP, .max = MOQ_NO_GROUP})
#define WISH_RANGE(from, to)                                                                       \
    ((struct moq_wish){.priority = 128, .order = MOQ_ORDER_OLDEST, .min = (from), .max = (to)})

/* Subscribes at once. The watch must stay where it is until watch_deinit. */
void watch_init(struct watch *watch, struct client *client, const char *path,
                const struct moq_wish *wish);
void watch_deinit(struct watch *watch);

bool watch_is_closed(void *watch);
int watch_count(const struct watch *watch, enum fate fate);
/* Whether each of these groups has ended: whole, cut, or reported as a gap. */
bool watch_knows(const struct watch *watch, uint64_t first, uint64_t last);

/* All frames of a group joined by '|'; followed by "..." while it grows, or "!" if it was cut; "-":
 * not there. */
const char *watch_text(const struct watch *watch, uint64_t sequence, char out[WATCH_TEXT_BYTES]);

#endif
