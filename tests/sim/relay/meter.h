/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A broadcast of constant rate, and meters that tell how late each of its frames reaches a viewer,
 * and how many of its groups come whole. */
#ifndef MOQ_TESTS_SIM_RELAY_METER_H
#define MOQ_TESTS_SIM_RELAY_METER_H

#include "tests/sim/relay/watch.h"

enum { METER_GROUPS_MAX = 512 };

struct broadcast {
    struct world *world;
    struct moq_track *track; /* borrowed */
    uint32_t frames;         /* of a group */
    uint32_t frame_bytes;    /* with the size in front, between 66 and 16 KiB */
    uint64_t frame_ns;       /* between frames */
    uint64_t next_group;     /* the first is 1 */
    uint64_t began_ns[METER_GROUPS_MAX];
};

struct meter {
    struct watch watch;
    struct moq_watcher watcher;
    const struct broadcast *broadcast;
    uint32_t frames[METER_GROUPS_MAX]; /* that have arrived, by sequence */
    uint64_t delay_max_ns, bytes;
};

/* Writes this many groups, while the world runs. */
void broadcast_groups(struct broadcast *broadcast, uint64_t count);

/* Subscribes at once, and stays where it is until meter_deinit. */
void meter_init(struct meter *meter, struct client *client, const struct broadcast *broadcast,
                const struct moq_wish *wish);
void meter_deinit(struct meter *meter);
void meter_reset(struct meter *meter); /* counts afresh: what follows, and no group of before */

uint32_t meter_whole(const struct meter *meter); /* groups */
uint32_t meter_torn(const struct meter *meter);  /* groups that begin and do not end */

#endif
