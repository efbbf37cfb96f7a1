/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The output of moq-bench for people: a line per second or, on a terminal, a table that is redrawn
 * in place; then a summary.
 * Tested by tests/meter/run. */
#include "tools/bench_report.h"

#include <stdio.h>
#include <string.h>

const char *const bench_kind_names[BENCH_KINDS] = {"ordinary", "joined", "slow", "stalled"};

#define MS(ns) ((double)(ns) / 1e6)

/* The kernel counts its own CPU time in ticks of 10 ms, so its share of less than this is a
 * guess. */
#define TICKS_ENOUGH_NS 200000000u

void bench_latency_between(struct histogram *out, const struct bench_second *second,
                           enum bench_kind kind)
{
    histogram_between(out, &second->now->sum.kinds[kind].latency,
                      &second->before->sum.kinds[kind].latency);
}

static unsigned viewers_of(const struct bench_options *options, unsigned kind)
{
    const unsigned counts[BENCH_KINDS] = {options->viewers - options->slow - options->stalled,
                                          options->join, options->slow, options->stalled};
    return counts[kind];
}

/* ---- Each second ----------------------------------------------------------------------------- */

static uint64_t count_in_second(const struct bench_second *second, unsigned kind,
                                enum bench_count count)
{
    return second->now->sum.kinds[kind].counts[count] -
           second->before->sum.kinds[kind].counts[count];
}

static double seconds_of(const struct bench_second *second)
{
    return (double)(second->now->sum.taken_ns - second->before->sum.taken_ns) / 1e9;
}

static void print_flow(const struct bench_second *second, unsigned kind)
{
    struct histogram latency;
    double seconds = seconds_of(second);
    bench_latency_between(&latency, second, kind);
    printf("%8.0f frames/s %8.1f Mb/s",
           (double)count_in_second(second, kind, COUNT_frames_ever) / seconds,
           (double)count_in_second(second, kind, COUNT_bytes_ever) * 8 / 1e6 / seconds);
    if (latency.count)
        printf("  p50 %.2f p99 %.2f max %.2f ms", MS(histogram_at(&latency, 0.5)),
               MS(histogram_at(&latency, 0.99)), MS(latency.max));
}

static void print_machine(const struct bench_result *result, const struct bench_second *second)
{
    const struct bench_moment *before = second->before, *now = second->now;
    double waiting;
    if (before->has_relay && now->has_relay)
        printf("  relay %3.0f %% %6.1f MB",
               100 * (double)(now->relay.cpu_ns - before->relay.cpu_ns) /
                   (double)(now->relay.taken_ns - before->relay.taken_ns),
               (double)now->relay.resident_bytes / 1e6);
    printf("  own %3.0f %%",
           100 * bench_own_busiest(&before->own, &now->own, bench_thread_count(result->options),
                                   &waiting));
}

static void print_line(const struct bench_result *result, const struct bench_second *second)
{
    printf("%6.1f s %-9s", second->at_s, second->stage);
    unsigned kind = BENCH_ORDINARY; /* or the first kind that has viewers */
    while (kind + 1 < BENCH_KINDS && !viewers_of(result->options, kind))
        kind++;
    print_flow(second, kind);
    print_machine(result, second);
    putchar('\n');
}

static void print_table(struct bench_words *words, const struct bench_result *result,
                        const struct bench_second *second)
{
    if (words->lines)
        printf("\033[%uA", words->lines);
    printf("%6.1f s %-9s", second->at_s, second->stage);
    print_machine(result, second);
    printf("\033[K\n");
    words->lines = 1;
    for (unsigned kind = 0; kind < BENCH_KINDS; kind++) {
        if (!viewers_of(result->options, kind))
            continue;
        printf("  %6u %-9s", viewers_of(result->options, kind), bench_kind_names[kind]);
        print_flow(second, kind);
        printf("\033[K\n");
        words->lines++;
    }
}

void bench_words_second(struct bench_words *words, const struct bench_result *result,
                        const struct bench_second *second)
{
    if (words->is_terminal)
        print_table(words, result, second);
    else
        print_line(result, second);
    fflush(stdout);
}

/* ---- Summary --------------------------------------------------------------------------------- */

static void print_times(const char *what, const struct histogram *histogram)
{
    if (!histogram->count)
        return;
    printf("  %-12s p50 %.2f  p90 %.2f  p99 %.2f  p99.9 %.2f  max %.2f ms\n", what,
           MS(histogram_at(histogram, 0.5)), MS(histogram_at(histogram, 0.9)),
           MS(histogram_at(histogram, 0.99)), MS(histogram_at(histogram, 0.999)),
           MS(histogram->max));
}

/* Prints the name of a counter in words: "groups_lost" is "lost" in the line with the title
 * "groups"; "frames_ever" is "frames ever" elsewhere. */
static void print_words(const char *title, const char *name)
{
    size_t n = strlen(title);
    if (strncmp(name, title, n) == 0 && name[n] == '_')
        name += n + 1;
    for (; *name; name++)
        putchar(*name == '_' ? ' ' : *name);
}

static void print_counts(const char *title, const struct bench_figures *figures,
                         enum bench_count first, enum bench_count last)
{
    printf("  %-12s", title);
    for (unsigned i = first; i <= last; i++) {
        printf(" %llu ", (unsigned long long)figures->counts[i]);
        print_words(title, bench_count_name(i));
        putchar(i < last ? ',' : '\n');
    }
}

static void print_kind(const struct bench_result *result, unsigned kind)
{
    const struct bench_figures *figures = &result->total.kinds[kind];
    unsigned count = viewers_of(result->options, kind);
    printf("%u %s viewer%s\n", count, bench_kind_names[kind], count == 1 ? "" : "s");
    print_counts("frames", figures, COUNT_frames, COUNT_lost);
    print_counts("groups", figures, COUNT_groups, COUNT_groups_short);
    print_counts("ever", figures, COUNT_broken, COUNT_arrived);
    print_times("latency", &figures->latency);
    print_times("first frame", &figures->first_frame);
    print_times("connect", &figures->connect);
}

static void print_workers(const struct bench_result *result)
{
    const struct process_sample *before = &result->begin.relay, *after = &result->end.relay;
    if (after->thread_count < 2)
        return;
    printf("  threads     ");
    for (unsigned i = 0; i < after->thread_count && i < PROCESS_THREADS_MAX; i++) {
        const struct process_thread *thread = &after->threads[i];
        uint64_t cpu_ns = thread->cpu_ns - process_thread_cpu_ns(before, thread->tid);
        printf(" %s %.0f %%", thread->name,
               100 * (double)cpu_ns / (double)(after->taken_ns - before->taken_ns));
    }
    putchar('\n');
}

static void print_relay(const struct bench_result *result, const struct bench_costs *costs)
{
    const struct process_sample *before = &result->begin.relay, *after = &result->end.relay;
    printf("relay\n  CPU          %.1f %% of a core", 100 * costs->cpu_cores);
    if (after->user_ns + after->system_ns - before->user_ns - before->system_ns >= TICKS_ENOUGH_NS)
        printf(", %.0f %% of it kernel", 100 * costs->kernel_share);
    if (costs->viewer_frames)
        printf("\n  costs        %.2f us per viewer-frame, %.2f us per packet, %.2f cores per Gb/s",
               costs->cpu_us_per_frame, costs->cpu_us_per_packet, costs->cpu_cores_per_gbps);
    printf("\n  memory       %.1f MB resident, %.1f MB at most",
           (double)after->resident_bytes / 1e6, (double)after->resident_peak_bytes / 1e6);
    if (costs->resident_bytes_per_viewer > 0)
        printf(", %.1f KB per viewer", costs->resident_bytes_per_viewer / 1e3);
    putchar('\n');
    printf("  switches     %llu voluntary, %llu involuntary, %u threads\n",
           (unsigned long long)(after->switches_voluntary - before->switches_voluntary),
           (unsigned long long)(after->switches_involuntary - before->switches_involuntary),
           after->thread_count);
    printf("  datagrams    %llu dropped\n",
           (unsigned long long)(result->end.relay_dropped - result->begin.relay_dropped));
    print_workers(result);
}

static void print_storm(const struct bench_result *result)
{
    if (!result->options->announce)
        return;
    printf("announcements\n  %u of %u seen", result->storm_seen, result->options->announce);
    if (result->storm_ns)
        printf(", the last one after %.1f ms", MS(result->storm_ns));
    putchar('\n');
}

void bench_words_summary(struct bench_words *words, const struct bench_result *result)
{
    char text[BENCH_REASON_BYTES];
    struct bench_costs costs;
    (void)words;
    bench_costs(result, &costs);
    printf("\n%.1f s measured%s: %llu viewer-frames, %.1f Mb/s\n", costs.seconds,
           result->is_interrupted ? ", then interrupted" : "",
           (unsigned long long)costs.viewer_frames,
           costs.seconds > 0 ? (double)costs.viewer_bytes * 8 / 1e6 / costs.seconds : 0);
    for (unsigned kind = 0; kind < BENCH_KINDS; kind++)
        if (viewers_of(result->options, kind))
            print_kind(result, kind);
    print_storm(result);
    if (result->begin.has_relay && result->end.has_relay)
        print_relay(result, &costs);
    printf("generator\n  CPU          %.0f %% of a core at most, %.0f %% of the time without one\n"
           "  datagrams    %llu dropped\n",
           100 * costs.own_busiest, 100 * costs.own_waiting,
           (unsigned long long)(result->end.own_dropped - result->begin.own_dropped));
    const char *reason = bench_invalid(result, text);
    if (reason)
        printf("NOT VALID: %s\n", reason);
    fflush(stdout);
}
