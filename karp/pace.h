/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Media at its own pace: how far what has been handed on is ahead of real time. The caller reads
 * its clock and does the waiting. */
#ifndef MOQ_KARP_PACE_H
#define MOQ_KARP_PACE_H

#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* All zero: no frame yet. */
struct karp_pace {
    bool is_running;              /* read-only, as all */
    uint64_t start_ns;            /* when the first frame came */
    uint64_t start_us, newest_us; /* presentation times of the first frame and of the latest one */
};

/* The next frame is due at once, and the following ones are timed from it: times may begin anywhere
 * after a new catalog, and lost time is not made up for after a pause. */
void karp_pace_restart(struct karp_pace *pace);

/* A frame of this presentation time was handed on at `now_ns`. */
void karp_pace_note(struct karp_pace *pace, uint64_t timestamp_us, uint64_t now_ns);

/* Nanoseconds until the newest frame is due; 0: more media is due now. */
uint64_t karp_pace_ahead_ns(const struct karp_pace *pace, uint64_t now_ns);

/* The presentation time that was handed on since the start, in microseconds. */
uint64_t karp_pace_length_us(const struct karp_pace *pace);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
