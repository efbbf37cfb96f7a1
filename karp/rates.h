/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Measures bitrates at the beginning of a broadcast, for tracks whose file does not tell. */
#ifndef MOQ_KARP_RATES_H
#define MOQ_KARP_RATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "karp/catalog.h"
#include "karp/import.h"

enum {
    RATES_GROUPS_US = 1000000, /* whole groups of so much media are enough */
    RATES_MAX_US = 3000000,    /* and so much media is enough in any case */
};

struct rates_track {
    bool is_wanted, has_begun;
    uint64_t first_us, newest_us, bytes; /* of all frames from the first keyframe on */
    uint64_t whole_us, whole_bytes;      /* of whole groups: how long they last, and their size */
};

/* All zero: nothing is measured. */
struct rates {
    struct rates_track tracks[KARP_CATALOG_MAX_TRACKS]; /* in the order of the catalog */
};

/* Measures the video tracks of `catalog` that have no bitrate. Returns whether there is one. */
bool rates_begin(struct rates *rates, const struct karp_catalog *catalog);

void rates_note(struct rates *rates, const struct karp_frame *frame);

/* Whether all bitrates are known, or one track has been measured for RATES_MAX_US. */
bool rates_are_known(const struct rates *rates);

/* Puts what was measured into the catalog. A track without media gets no bitrate. */
void rates_write(const struct rates *rates, struct karp_catalog *catalog);

#endif
