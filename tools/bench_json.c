/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The output of moq-bench for programs: one JSON object per line. docs/tools.md lists the
 * fields.
 * Tested by tests/meter/run. */
#include "tools/bench_report.h"

#include <jansson.h>
#include <stdio.h>

#define MS(ns) ((double)(ns) / 1e6)

static void put_real(json_t *object, const char *name, double value)
{
    json_object_set_new(object, name, json_real(value));
}

static void put_int(json_t *object, const char *name, uint64_t value)
{
    json_object_set_new(object, name, json_integer((json_int_t)value));
}

static void print_object(json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
    if (text)
        puts(text);
    fflush(stdout);
    free(text);
    json_decref(object);
}

static json_t *times_object(const struct histogram *histogram)
{
    json_t *object = json_object();
    put_int(object, "count", histogram->count);
    put_real(object, "mean_ms", histogram_mean(histogram) / 1e6);
    put_real(object, "p50_ms", MS(histogram_at(histogram, 0.5)));
    put_real(object, "p90_ms", MS(histogram_at(histogram, 0.9)));
    put_real(object, "p99_ms", MS(histogram_at(histogram, 0.99)));
    put_real(object, "p999_ms", MS(histogram_at(histogram, 0.999)));
    put_real(object, "max_ms", MS(histogram->max));
    return object;
}

static json_t *counts_object(const struct bench_figures *now, const struct bench_figures *before)
{
    json_t *object = json_object();
    for (unsigned i = 0; i < COUNT_KINDS; i++)
        put_int(object, bench_count_name(i), now->counts[i] - (before ? before->counts[i] : 0));
    return object;
}

static bool is_kind_used(const struct bench_options *options, enum bench_kind kind)
{
    const unsigned used[BENCH_KINDS] = {options->viewers - options->slow - options->stalled,
                                        options->join, options->slow, options->stalled};
    return used[kind] > 0;
}

static json_t *relay_between(const struct process_sample *before, const struct process_sample *now)
{
    json_t *object = json_object(), *threads = json_array();
    put_real(object, "cpu_ms", MS(now->cpu_ns - before->cpu_ns));
    put_real(object, "user_ms", MS(now->user_ns - before->user_ns));
    put_real(object, "system_ms", MS(now->system_ns - before->system_ns));
    put_int(object, "resident_bytes", now->resident_bytes);
    put_int(object, "resident_peak_bytes", now->resident_peak_bytes);
    put_int(object, "switches_voluntary", now->switches_voluntary - before->switches_voluntary);
    put_int(object, "switches_involuntary",
            now->switches_involuntary - before->switches_involuntary);
    put_int(object, "thread_count", now->thread_count);
    for (unsigned i = 0; i < now->thread_count && i < PROCESS_THREADS_MAX; i++) {
        const struct process_thread *thread = &now->threads[i];
        json_t *entry = json_object();
        put_int(entry, "tid", (uint64_t)thread->tid);
        json_object_set_new(entry, "name", json_string(thread->name));
        put_real(entry, "cpu_ms", MS(thread->cpu_ns - process_thread_cpu_ns(before, thread->tid)));
        json_array_append_new(threads, entry);
    }
    json_object_set_new(object, "threads", threads);
    return object;
}

static json_t *traffic_between(const struct bench_traffic *before, const struct bench_traffic *now)
{
    json_t *object = json_object();
    put_int(object, "packets_received", now->packets_received - before->packets_received);
    put_int(object, "packets_sent", now->packets_sent - before->packets_sent);
    put_int(object, "packets_lost", now->packets_lost - before->packets_lost);
    put_int(object, "bytes_received", now->bytes_received - before->bytes_received);
    put_int(object, "bytes_sent", now->bytes_sent - before->bytes_sent);
    return object;
}

static json_t *own_between(const struct bench_result *result, const struct bench_moment *before,
                           const struct bench_moment *now)
{
    double waiting;
    json_t *object = json_object(), *threads = json_array();
    put_real(
        object, "busiest",
        bench_own_busiest(&before->own, &now->own, bench_thread_count(result->options), &waiting));
    put_real(object, "waiting", waiting);
    for (unsigned i = 0; i < bench_thread_count(result->options); i++) {
        json_t *entry = json_object();
        put_real(entry, "cpu_ms", MS(now->own.cpu_ns[i] - before->own.cpu_ns[i]));
        put_real(entry, "wait_ms", MS(now->own.wait_ns[i] - before->own.wait_ns[i]));
        json_array_append_new(threads, entry);
    }
    json_object_set_new(object, "threads", threads);
    return object;
}

static void put_published(json_t *object, const struct bench_tally *before,
                          const struct bench_tally *now)
{
    json_t *published = json_object();
    put_int(published, "frames", now->published_frames - before->published_frames);
    put_int(published, "bytes", now->published_bytes - before->published_bytes);
    put_int(published, "groups", now->published_groups - before->published_groups);
    json_object_set_new(object, "published", published);
}

/* ---- Lines ----------------------------------------------------------------------------------- */

void bench_json_event(const char *event, double at_s)
{
    json_t *object = json_object();
    json_object_set_new(object, "event", json_string(event));
    put_real(object, "at_s", at_s);
    print_object(object);
}

void bench_json_second(const struct bench_result *result, const struct bench_second *second)
{
    const struct bench_moment *before = second->before, *now = second->now;
    json_t *object = json_object(), *viewers = json_object();
    json_object_set_new(object, "stage", json_string(second->stage));
    put_real(object, "at_s", second->at_s);
    put_real(object, "seconds", (double)(now->sum.taken_ns - before->sum.taken_ns) / 1e9);
    for (unsigned kind = 0; kind < BENCH_KINDS; kind++) {
        if (!is_kind_used(result->options, kind))
            continue;
        struct histogram latency;
        json_t *entry = counts_object(&now->sum.kinds[kind], &before->sum.kinds[kind]);
        bench_latency_between(&latency, second, kind);
        json_object_set_new(entry, "latency", times_object(&latency));
        json_object_set_new(viewers, bench_kind_names[kind], entry);
    }
    json_object_set_new(object, "viewers", viewers);
    put_published(object, &before->sum, &now->sum);
    json_object_set_new(object, "traffic",
                        traffic_between(&before->sum.traffic, &now->sum.traffic));
    json_object_set_new(object, "generator", own_between(result, before, now));
    if (before->has_relay && now->has_relay)
        json_object_set_new(object, "relay", relay_between(&before->relay, &now->relay));
    print_object(object);
}

static json_t *kind_summary(const struct bench_figures *figures)
{
    json_t *entry = counts_object(figures, NULL);
    json_object_set_new(entry, "latency", times_object(&figures->latency));
    json_object_set_new(entry, "first_frame", times_object(&figures->first_frame));
    json_object_set_new(entry, "connect", times_object(&figures->connect));
    return entry;
}

static json_t *costs_summary(const struct bench_costs *costs)
{
    json_t *object = json_object();
    put_real(object, "cpu_cores", costs->cpu_cores);
    put_real(object, "kernel_share", costs->kernel_share);
    put_real(object, "cpu_us_per_viewer_frame", costs->cpu_us_per_frame);
    put_real(object, "cpu_us_per_packet", costs->cpu_us_per_packet);
    put_real(object, "cpu_cores_per_gbps", costs->cpu_cores_per_gbps);
    put_real(object, "resident_bytes_per_viewer", costs->resident_bytes_per_viewer);
    return object;
}

static void put_validity(json_t *object, const struct bench_result *result)
{
    char text[BENCH_REASON_BYTES];
    const char *reason = bench_invalid(result, text);
    json_object_set_new(object, "is_valid", json_boolean(!reason));
    if (reason)
        json_object_set_new(object, "reason", json_string(reason));
    json_object_set_new(object, "is_interrupted", json_boolean(result->is_interrupted));
}

static void put_storm(json_t *object, const struct bench_result *result)
{
    json_t *storm = json_object();
    if (!result->options->announce) {
        json_decref(storm);
        return;
    }
    put_int(storm, "paths", result->options->announce);
    put_int(storm, "seen", result->storm_seen);
    if (result->storm_ns)
        put_real(storm, "ms", MS(result->storm_ns));
    json_object_set_new(object, "announce", storm);
}

void bench_json_summary(const struct bench_result *result)
{
    struct bench_costs costs;
    bench_costs(result, &costs);
    json_t *line = json_object(), *object = json_object(), *viewers = json_object();
    put_validity(object, result);
    put_real(object, "seconds", costs.seconds);
    put_int(object, "viewer_count", result->options->viewers + result->options->join);
    put_int(object, "viewer_frames", costs.viewer_frames);
    put_int(object, "viewer_bytes", costs.viewer_bytes);
    for (unsigned kind = 0; kind < BENCH_KINDS; kind++)
        if (is_kind_used(result->options, kind))
            json_object_set_new(viewers, bench_kind_names[kind],
                                kind_summary(&result->total.kinds[kind]));
    json_object_set_new(object, "viewers", viewers);
    put_published(object, &result->begin.sum, &result->end.sum);
    put_storm(object, result);
    json_object_set_new(object, "traffic",
                        traffic_between(&result->begin.sum.traffic, &result->end.sum.traffic));
    json_t *own = own_between(result, &result->begin, &result->end);
    put_int(own, "datagrams_dropped", result->end.own_dropped - result->begin.own_dropped);
    json_object_set_new(object, "generator", own);
    if (result->begin.has_relay && result->end.has_relay) {
        json_t *relay = relay_between(&result->begin.relay, &result->end.relay);
        put_int(relay, "datagrams_dropped",
                result->end.relay_dropped - result->begin.relay_dropped);
        json_object_set_new(object, "relay", relay);
        json_object_set_new(object, "cost", costs_summary(&costs));
    }
    json_object_set_new(line, "summary", object);
    print_object(line);
}
