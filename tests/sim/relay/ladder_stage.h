/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A publisher of a ladder and a viewer of it in a simulated world: what the viewer is sent of which
 * rendition. */
#ifndef MOQ_TESTS_SIM_RELAY_LADDER_STAGE_H
#define MOQ_TESTS_SIM_RELAY_LADDER_STAGE_H

#include "tests/sim/relay/prologue.h"

#include "server/core/mix.h"

enum { RUNGS = 3, FRAMES = 25, FRAME_MS = 40, GROUP_MS = FRAMES * FRAME_MS, SEEN_MAX = 512 };

/* What arrived of one group. */
struct seen {
    bool is_there, is_whole;
    uint64_t first_us, last_us;
    uint8_t rung;
    uint32_t frames, bad;
};

struct stage {
    struct world world;
    struct core_hook hook;
    bool has_ladder;
    struct client *publisher, *viewer;
    struct moq_track *tracks[RUNGS];
    struct moq_group *groups[RUNGS];
    size_t frame_bytes[RUNGS];
    uint64_t late_frames[RUNGS]; /* how many frames behind the others a rendition is written */
    uint64_t offset_us[RUNGS];   /* added to its times */
    bool is_silent[RUNGS];
    uint64_t first[RUNGS];     /* the sequence of its first group */
    uint64_t key_bytes[RUNGS]; /* what a first frame has beyond the others */
    uint64_t frame;
    struct watch watch;
    struct moq_watcher watcher;
    struct seen seen[SEEN_MAX];
    uint64_t came_ns, stall_ns; /* when something came last, and the longest time without */
};

extern const char *const rung_names[RUNGS]; /* the lowest first */

/* The viewer is on the second worker, if there is one. */
void stage_init(struct stage *stage, uint64_t seed, uint32_t workers);
void stage_deinit(struct stage *stage);

/* All renditions for so long. */
void film(struct stage *stage, uint64_t ms);
void watch_show(struct stage *stage, const char *path);
struct core_viewer *find_viewer(const struct stage *stage); /* NULL: there is none */
int turn_to(struct stage *stage, size_t rendition);

/* Every group from the first to the last that came is whole, and the times go on. Returns how many
 * there are. */
int assert_seamless(const struct stage *stage);
int count_rung(const struct stage *stage, uint8_t rung);

#endif
