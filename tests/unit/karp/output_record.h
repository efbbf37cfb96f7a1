/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* An output of a broadcast that notes what it is given, and checks that it is used as the table
 * says: no call for a track or a group that is not open. */
#ifndef MOQ_TESTS_KARP_OUTPUT_RECORD_H
#define MOQ_TESTS_KARP_OUTPUT_RECORD_H

#include "karp/karp.h"

enum { RECORD_TRACKS = 128, RECORD_TEXT_BYTES = 16 << 10 };

struct record_group {
    uint64_t sequence, bytes;
};

struct record_track {
    struct output_record *record;
    char id[KARP_ID_MAX_BYTES];
    char name[KARP_TRACK_NAME_MAX_BYTES]; /* "": a catalog */
    int8_t priority;
    bool is_ended, is_withdrawn;
    int withdraw_error;
    struct record_group group; /* the newest */
    bool is_group_open;
    int group_error; /* how the newest group was closed */
    unsigned groups, frames;
    uint64_t bytes;               /* of all frames, with their heads */
    uint64_t hash;                /* of those bytes */
    char last[RECORD_TEXT_BYTES]; /* body of the last frame that fits, with a final zero */
};

struct output_record {
    struct record_track *tracks[RECORD_TRACKS];
    size_t track_count, offered; /* `offered`: not withdrawn */
    size_t offers_allowed;       /* further ones fail */
    uint64_t group_max_bytes;    /* a larger group is refused with MOQ_ERR_BOUNDS */
    char warnings[RECORD_TEXT_BYTES];
};

extern const struct karp_output output_recorder; /* its `user` is an output_record */

void output_record_init(struct output_record *record);
void output_record_deinit(struct output_record *record);

/* The newest track of that name; "": the newest catalog. Fails the test if there is none. */
struct record_track *record_track_of(const struct output_record *record, const char *name);

#endif
