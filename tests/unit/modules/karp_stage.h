/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The host of the module's parts, without a relay: a loop, a set of ingests, and a record of
 * everything that they offer, ask and log. */
#ifndef MOQ_TESTS_MODULES_KARP_STAGE_H
#define MOQ_TESTS_MODULES_KARP_STAGE_H

#include "modules/karp/ingest.h"
#include "tests/unit/karp/output_record.h"
#include "tests/unit/karp/sample_files.h"

enum { STAGE_LOG_BYTES = 64 << 10, STAGE_OUTPUTS = INGEST_MAX + 64, STAGE_PATIENCE_MS = 20000 };

struct stage_output {
    struct output_record record;
    struct host_offer offer; /* `path` is below */
    char path[REQUEST_PATH_BYTES];
    bool is_open;
};

struct stage {
    uv_loop_t loop;
    uv_timer_t timer;
    struct moq_clock clock;
    uint64_t clock_offset_ns; /* added to the real time */
    struct host host;
    struct ingest_set *set;
    struct stage_output *outputs[STAGE_OUTPUTS]; /* all that there ever were */
    size_t output_count;
    int output_error; /* the next offers fail with it */
    bool is_output_undecided;
    char log[STAGE_LOG_BYTES];
    /* The guests; the fields tell of the newest. */
    const struct host_guest_events *guest_events;
    void *guest_owner;
    bool is_guest_later; /* the test decides */
    const char *granted; /* the one path that they may publish; NULL: every path */
    int guests_open;
    struct verdict guest_verdict; /* the answer; status 0: allowed */
    struct host_visitor visitor;  /* its texts are below */
    char texts[4][REQUEST_CREDENTIAL_BYTES];
    int guests;
};

void stage_init(struct stage *stage);
/* Closes the set, which has no ingest any more, and runs the loop until nothing is left on it. */
void stage_deinit(struct stage *stage);

/* Runs the loop until `is_done`, for STAGE_PATIENCE_MS at most. Returns whether it is. */
bool stage_run(struct stage *stage, bool (*is_done)(void *arg), void *arg);
void stage_run_for(struct stage *stage, uint64_t ms);
bool stage_run_until_log(struct stage *stage, const char *text);
bool stage_has_log(const struct stage *stage, const char *text);

/* The newest output; fails the test if there is none. */
struct stage_output *stage_output(struct stage *stage);
/* The newest track of that name of the newest output. */
struct record_track *stage_track(struct stage *stage, const char *name);
unsigned stage_frames(struct stage *stage, const char *name); /* 0: there is no such track */

#endif
