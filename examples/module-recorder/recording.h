/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The recording of one broadcast: its catalog and its tracks are watched as a viewer does, and each
 * of its instances becomes a file. libkarp decides what is recorded; this is its input. */
#ifndef RECORDER_RECORDING_H
#define RECORDER_RECORDING_H

#include <relay/module.h>

#include "file.h"
#include "karp/karp.h"

/* Settings of the module. */
struct recorder_config {
    const char *directory;
    const char *const *prefixes;
    size_t prefix_count; /* 0: everything */
    uint64_t latency_ns, buffer_bytes, recordings_max;
};

/* A file that a recording has left to be written to its end. */
struct closing {
    struct closing *next;
    struct file *file;
    bool is_told; /* that it has failed */
};

/* The module on its worker, zeroed memory at first. */
struct recorder_worker {
    struct relay_worker *worker;
    const struct recorder_config *config;
    struct moq_clock clock;
    struct recording *recordings;
    size_t recording_count;
    struct closing *closing;
    struct relay_timer *timer; /* NULL: there is nothing to do */
    struct relay_announced **announced;
    size_t announced_count;
    size_t listing_count; /* of `announced`: those that have not told all that was offered before */
    bool has_left_out;    /* a broadcast is not recorded because there are too many */
    int files, bytes, groups_skipped; /* counters */
};

struct recording;

/* A broadcast of which no instance is known yet. NULL: out of memory. */
struct recording *recording_new(struct recorder_worker *recorder, const char *path);
void recording_free(struct recording *recording); /* finishes its file; takes it off no list */

const char *recording_path(const struct recording *recording); /* of the broadcast */
bool recording_has_instance(const struct recording *recording, const char *id);
/* It has failed, and waits for another instance. */
bool recording_has_failed(const struct recording *recording);
/* Nothing is offered or recorded any more. */
bool recording_is_over(const struct recording *recording);

/* An instance is offered, or no more. */
void recording_announce(struct recording *recording, const char *id);
void recording_withdraw(struct recording *recording, const char *id);
/* All instances that are offered now were announced. */
void recording_settle(struct recording *recording);
void recording_set_latency(struct recording *recording, uint64_t latency_ns);

void recording_tick(struct recording *recording); /* every 20 ms */

struct recording **recording_next(struct recording *recording); /* in the worker's list */

#endif
