/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Watched tracks as the input of a playback. */
#ifndef RECORDER_TRACK_H
#define RECORDER_TRACK_H

#include <relay/module.h>

#include "karp/karp.h"

/* What the tracks of a playback have in common: the `user` of the input. */
struct track_source {
    struct relay_worker *worker;
    struct moq_clock *clock;
    const char *broadcast, *id; /* their path: of the broadcast, and the instance that is played */
    uint64_t latency_ns;
};

extern const struct karp_input track_input;

/* The code of base/error.h for an error of the relay. */
int track_error(int relay_error);

#endif
