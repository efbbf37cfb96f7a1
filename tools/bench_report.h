/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What moq-bench says: lines of JSON for machines, or words for people, which on a terminal are
 * redrawn in place. */
#ifndef MOQ_TOOLS_BENCH_REPORT_H
#define MOQ_TOOLS_BENCH_REPORT_H

#include "tools/bench_result.h"

struct bench_second { /* what happened between two looks, a second or so apart */
    const struct bench_moment *before, *now;
    const char *stage; /* "arriving", "warming", "measuring" */
    double at_s;       /* since the program began */
};

struct bench_words { /* what people have been told */
    bool is_terminal;
    unsigned lines; /* drawn, to be drawn over */
    unsigned seconds;
};

void bench_words_second(struct bench_words *words, const struct bench_result *result,
                        const struct bench_second *second);
void bench_words_summary(struct bench_words *words, const struct bench_result *result);

/* One line each to standard output. */
void bench_json_event(const char *event, double at_s);
void bench_json_second(const struct bench_result *result, const struct bench_second *second);
void bench_json_summary(const struct bench_result *result);

extern const char *const bench_kind_names[BENCH_KINDS];

/* Those of `kind` that came between two looks; a histogram is large, so both are kept by the
 * caller. */
void bench_latency_between(struct histogram *out, const struct bench_second *second,
                           enum bench_kind kind);

#endif
