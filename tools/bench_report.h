/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The output of moq-bench: lines of JSON for programs, or text for people, which is redrawn in
 * place on a terminal. */
#ifndef MOQ_TOOLS_BENCH_REPORT_H
#define MOQ_TOOLS_BENCH_REPORT_H

#include "tools/bench_result.h"

struct bench_second { /* two moments about a second apart */
    const struct bench_moment *before, *now;
    const char *stage; /* "arriving", "warming", "measuring" */
    double at_s;       /* seconds since the program began */
};

struct bench_words { /* the state of the text output */
    bool is_terminal;
    unsigned lines; /* on the terminal, to be overwritten */
    unsigned seconds;
};

void bench_words_second(struct bench_words *words, const struct bench_result *result,
                        const struct bench_second *second);
void bench_words_summary(struct bench_words *words, const struct bench_result *result);

/* Each prints one line to standard output. */
void bench_json_event(const char *event, double at_s);
void bench_json_second(const struct bench_result *result, const struct bench_second *second);
void bench_json_summary(const struct bench_result *result);

extern const char *const bench_kind_names[BENCH_KINDS];

/* The latencies of `kind` between the two moments. The caller provides the histogram, because it is
 * large. */
void bench_latency_between(struct histogram *out, const struct bench_second *second,
                           enum bench_kind kind);

#endif
