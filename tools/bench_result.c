/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Computes figures from sums. */
#include "tools/bench_result.h"

static double share_of(uint64_t part, uint64_t whole)
{
    return whole ? (double)part / (double)whole : 0;
}

double bench_own_busiest(const struct bench_own *before, const struct bench_own *after,
                         unsigned threads, double *waiting)
{
    double busiest = 0;
    *waiting = 0;
    for (unsigned i = 0; i < threads; i++) {
        uint64_t wall_ns = after->taken_ns[i] - before->taken_ns[i];
        double busy = share_of(after->cpu_ns[i] - before->cpu_ns[i], wall_ns);
        double wait = share_of(after->wait_ns[i] - before->wait_ns[i], wall_ns);
        busiest = busy > busiest ? busy : busiest;
        *waiting = wait > *waiting ? wait : *waiting;
    }
    return busiest;
}

static void relay_costs(const struct bench_result *result, struct bench_costs *costs)
{
    const struct process_sample *before = &result->begin.relay, *after = &result->end.relay;
    double cpu_ns = (double)after->cpu_ns - (double)before->cpu_ns;
    uint64_t user_ns = after->user_ns - before->user_ns;
    uint64_t system_ns = after->system_ns - before->system_ns;
    uint64_t packets =
        result->end.sum.traffic.packets_received - result->begin.sum.traffic.packets_received;
    double wall_ns = (double)(after->taken_ns - before->taken_ns);
    costs->cpu_cores = wall_ns > 0 ? cpu_ns / wall_ns : 0;
    costs->kernel_share = share_of(system_ns, user_ns + system_ns);
    if (costs->viewer_frames) {
        costs->cpu_us_per_frame = cpu_ns / 1e3 / (double)costs->viewer_frames;
        costs->cpu_cores_per_gbps = cpu_ns / (8 * (double)costs->viewer_bytes);
    }
    if (packets)
        costs->cpu_us_per_packet = cpu_ns / 1e3 / (double)packets;
    if (result->resident_before && result->arrived)
        costs->resident_bytes_per_viewer =
            ((double)before->resident_bytes - (double)result->resident_before) /
            (double)result->arrived;
}

void bench_costs(const struct bench_result *result, struct bench_costs *costs)
{
    *costs = (struct bench_costs){
        .seconds = (double)(result->end.sum.taken_ns - result->begin.sum.taken_ns) / 1e9};
    for (unsigned kind = 0; kind < BENCH_KINDS; kind++) {
        costs->viewer_frames += result->total.kinds[kind].counts[COUNT_frames];
        costs->viewer_bytes += result->total.kinds[kind].counts[COUNT_bytes];
    }
    costs->own_busiest =
        bench_own_busiest(&result->begin.own, &result->end.own, bench_thread_count(result->options),
                          &costs->own_waiting);
    if (result->begin.has_relay && result->end.has_relay)
        relay_costs(result, costs);
}

static const char *explain_invalid(char *text, const char *format, double a, double b)
{
    snprintf(text, BENCH_REASON_BYTES, format, a, b);
    return text;
}

/* The seconds without a frame at the end of the window if there are too many, otherwise 0. A relay
 * that is killed sends nothing, and its sessions time out only much later. */
static double silence_s(const struct bench_result *result)
{
    const struct bench_options *options = result->options;
    const struct bench_moment *end = &result->end;
    uint64_t last_ns = 0;
    for (unsigned kind = 0; kind < BENCH_KINDS; kind++)
        if (kind != BENCH_STALLED && end->sum.kinds[kind].last_ns > last_ns)
            last_ns = end->sum.kinds[kind].last_ns;
    if (!last_ns || last_ns >= end->sum.taken_ns || options->fps.least == 0)
        return 0;
    double silent_s = (double)(end->sum.taken_ns - last_ns) / 1e9;
    return silent_s > BENCH_SILENCE_MAX_S + 2.0 / (double)options->fps.least ? silent_s : 0;
}

const char *bench_invalid(const struct bench_result *result, char text[BENCH_REASON_BYTES])
{
    const struct bench_figures *ordinary = &result->total.kinds[BENCH_ORDINARY];
    double lost = (double)ordinary->counts[COUNT_sessions_lost];
    double broken = (double)ordinary->counts[COUNT_broken];
    double viewers = result->options->viewers, arrived = result->arrived;
    double dropped = share_of(result->end.own_dropped - result->begin.own_dropped,
                              result->end.sum.traffic.packets_received -
                                  result->begin.sum.traffic.packets_received);
    struct bench_costs costs;
    bench_costs(result, &costs);
    if (result->begin.has_relay && !result->end.has_relay)
        return "the relay has ended";
    if (result->failure)
        return result->failure;
    if (silence_s(result) > 0)
        return explain_invalid(
            text, "nothing arrived in the last %.1f s: the relay has ended, or it stalls",
            silence_s(result), 0);
    if (costs.own_busiest > BENCH_BUSY_MAX)
        return explain_invalid(
            text,
            "generator limited: a thread had %.0f %% of a core; use more --threads, if "
            "there are cores for them",
            100 * costs.own_busiest, 0);
    if (costs.own_waiting > BENCH_WAITING_MAX ||
        costs.own_busiest + costs.own_waiting > BENCH_BUSY_MAX)
        return explain_invalid(
            text,
            "generator limited: a thread waited for a core %.0f %% of the time; use "
            "fewer --threads or more cores",
            100 * costs.own_waiting, 0);
    if (dropped > BENCH_DROPPED_MAX && !result->options->slow && !result->options->stalled)
        return explain_invalid(
            text,
            "generator limited: its sockets dropped %.1f %% of all datagrams; use more "
            "--sockets or --threads, or raise net.core.rmem_max",
            100 * dropped, 0);
    if (arrived < viewers)
        return explain_invalid(text, "%.0f of %.0f viewers never received anything",
                               viewers - arrived, viewers);
    if (lost > 0)
        return explain_invalid(text, "the relay ended %.0f sessions", lost, 0);
    if (broken > 0)
        return explain_invalid(text, "%.0f frames arrived broken", broken, 0);
    return NULL;
}
