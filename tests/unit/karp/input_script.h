/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* An input of a playback whose tracks and groups the test writes. It checks that it is used as the
 * table says. As a session's, it knows the groups that have arrived; or, as a module's, it shows no
 * group before the one at hand has ended or was left, and tells of the end when it is read. */
#ifndef MOQ_TESTS_KARP_INPUT_SCRIPT_H
#define MOQ_TESTS_KARP_INPUT_SCRIPT_H

#include "base/clock.h"
#include "karp/karp.h"

enum { SCRIPT_TRACKS = 2, SCRIPT_GROUPS = 16, SCRIPT_FRAMES = 32, SCRIPT_FRAME_BYTES = 16 };

struct script_frame {
    uint8_t data[SCRIPT_FRAME_BYTES];
    size_t size;
};

struct script_group {
    struct script_track *track;
    uint64_t sequence, began_ns, superseded_ns;
    struct script_frame frames[SCRIPT_FRAMES];
    size_t count;
    bool is_ended;
    int error; /* how it ended */
};

struct script_track {
    struct input_script *script;
    struct script_group groups[SCRIPT_GROUPS];
    size_t count;
    bool is_ended; /* nothing follows */
    int error;
    struct karp_playback_track *playing; /* NULL: it is not open */
    struct script_group *at;             /* the group that is read; NULL: none yet */
    size_t next_frame;
    bool is_left;   /* leave_group was called for it */
    bool is_told;   /* karp_playback_on_end was called */
    uint64_t first; /* as wanted */
    unsigned opened, left;
    int open_error; /* of open_track */
};

struct input_script {
    const struct moq_clock *clock;
    bool is_pull_only; /* as a module's input, see above */
    bool is_forgetful; /* what a track had is gone when it is closed */
    struct script_track tracks[SCRIPT_TRACKS];
};

extern const struct karp_input input_script; /* its `user` is an input_script */

/* Empties a track that is not open. */
void script_clear(struct script_track *track);

/* Each tells the playback, unless the input is one that is only read. */
struct script_group *script_begin(struct input_script *script, size_t track, uint64_t sequence);
/* Frames FRAME_US apart, of one byte. */
void script_write(struct script_group *group, uint64_t from_us, size_t count);
void script_finish(struct script_group *group, int error);
void script_end(struct input_script *script, size_t track, int error);

enum { SCRIPT_FRAME_US = 20000 };

/* A whole group whose times begin at `sequence` seconds. */
void script_publish(struct input_script *script, size_t track, uint64_t sequence, size_t count);

#endif
