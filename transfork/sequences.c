/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Sets of group sequences: a floor and a few sorted runs above it. */
#include "transfork/sequences.h"

#include <stdlib.h>
#include <string.h>

void sequences_init(struct sequences *done, uint64_t floor)
{
    *done = (struct sequences){.floor = floor};
}

void sequences_deinit(struct sequences *done)
{
    free(done->runs);
}

bool sequences_has(const struct sequences *done, uint64_t sequence)
{
    if (sequence < done->floor)
        return true;
    for (uint32_t i = 0; i < done->count && done->runs[i].first <= sequence; i++)
        if (sequence <= done->runs[i].last)
            return true;
    return false;
}

static void remove_run(struct sequences *done, uint32_t index)
{
    done->count--;
    memmove(&done->runs[index], &done->runs[index + 1], (done->count - index) * sizeof *done->runs);
}

/* Raises the floor and merges the runs that it reaches. */
static void raise_floor(struct sequences *done, uint64_t floor)
{
    if (floor > done->floor)
        done->floor = floor;
    while (done->count > 0 && done->runs[0].first <= done->floor) {
        if (done->runs[0].last >= done->floor)
            done->floor = done->runs[0].last + 1;
        remove_run(done, 0);
    }
}

/* Merges `run` with the runs that it touches and puts it in its place. There is room. */
static void insert_run(struct sequences *done, struct sequence_run run)
{
    uint32_t at = 0;
    while (at < done->count && done->runs[at].last + 1 < run.first)
        at++;
    while (at < done->count && done->runs[at].first <= run.last + 1) {
        if (done->runs[at].first < run.first)
            run.first = done->runs[at].first;
        if (done->runs[at].last > run.last)
            run.last = done->runs[at].last;
        remove_run(done, at);
    }
    memmove(&done->runs[at + 1], &done->runs[at], (done->count - at) * sizeof *done->runs);
    done->runs[at] = run;
    done->count++;
}

static bool has_room(struct sequences *done)
{
    if (!done->runs)
        done->runs = calloc(SEQUENCES_MAX_RUNS, sizeof *done->runs);
    return done->runs && done->count < SEQUENCES_MAX_RUNS;
}

bool sequences_add(struct sequences *done, uint64_t first, uint64_t last,
                   struct sequence_run *given_up)
{
    if (last < done->floor)
        return false;
    if (first <= done->floor) {
        raise_floor(done, last + 1);
        return false;
    }

    bool is_full = !has_room(done);
    if (is_full) {
        uint64_t end = sequences_first_done(done);
        *given_up = (struct sequence_run){done->floor, (first < end ? first : end) - 1};
        raise_floor(done, given_up->last + 1);
        if (first <= done->floor) {
            raise_floor(done, last + 1);
            return true;
        }
    }
    insert_run(done, (struct sequence_run){first, last});
    return is_full;
}

uint64_t sequences_first_done(const struct sequences *done)
{
    return done->count > 0 ? done->runs[0].first : SEQUENCE_NONE;
}

bool sequences_next_hole(const struct sequences *done, uint64_t first, uint64_t last,
                         struct sequence_run *hole)
{
    if (first < done->floor)
        first = done->floor;
    for (uint32_t i = 0; i < done->count && first <= last; i++) {
        if (done->runs[i].last < first)
            continue;
        if (done->runs[i].first > first) {
            uint64_t end = done->runs[i].first - 1;
            *hole = (struct sequence_run){first, end < last ? end : last};
            return true;
        }
        first = done->runs[i].last + 1;
    }
    if (first > last)
        return false;
    *hole = (struct sequence_run){first, last};
    return true;
}
