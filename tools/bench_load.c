/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* moq-bench's threads. Each runs a loop with its share of publishers and viewers, follows orders,
 * and hands out its tally when asked.
 * Tested by tests/meter/run. */
#include "tools/bench.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PULSE_MS = 10, RETRY_PULSES = 50, LIMIT_CONNECTIONS = 1000000 };

/* ---- Sums ------------------------------------------------------------------------------------ */

#define BENCH_COUNT_NAME(name) #name,
static const char *const count_names[] = {BENCH_COUNTS(BENCH_COUNT_NAME)};
#undef BENCH_COUNT_NAME

const char *bench_count_name(enum bench_count count)
{
    return count_names[count];
}

void bench_figures_merge(struct bench_figures *sum, const struct bench_figures *more)
{
    for (size_t i = 0; i < COUNT_KINDS; i++)
        sum->counts[i] += more->counts[i];
    histogram_merge(&sum->latency, &more->latency);
    histogram_merge(&sum->first_frame, &more->first_frame);
    histogram_merge(&sum->connect, &more->connect);
    if (more->last_ns > sum->last_ns)
        sum->last_ns = more->last_ns;
}

void bench_traffic_add(struct bench_traffic *sum, const struct bench_traffic *more)
{
    sum->packets_received += more->packets_received;
    sum->packets_sent += more->packets_sent;
    sum->packets_lost += more->packets_lost;
    sum->bytes_received += more->bytes_received;
    sum->bytes_sent += more->bytes_sent;
}

void bench_tally_merge(struct bench_tally *sum, const struct bench_tally *more)
{
    for (size_t i = 0; i < BENCH_KINDS; i++)
        bench_figures_merge(&sum->kinds[i], &more->kinds[i]);
    bench_traffic_add(&sum->traffic, &more->traffic);
    sum->published_frames += more->published_frames;
    sum->published_bytes += more->published_bytes;
    sum->published_groups += more->published_groups;
    sum->cpu_ns += more->cpu_ns;
    sum->wait_ns += more->wait_ns;
    if (more->taken_ns > sum->taken_ns)
        sum->taken_ns = more->taken_ns;
}

void bench_traffic_see(struct bench_traffic *seen, const struct moq_client *client)
{
    struct quic_conn *conn = client ? moq_client_conn(client) : NULL;
    struct quic_conn_stats stats;
    if (!conn)
        return;
    quic_conn_stats(conn, &stats);
    *seen = (struct bench_traffic){
        .packets_received = stats.packets_received,
        .packets_sent = stats.packets_sent,
        .packets_lost = stats.packets_lost,
        .bytes_received = stats.bytes_received,
        .bytes_sent = stats.bytes_sent,
    };
}

/* ---- What threads have in common ------------------------------------------------------------- */

unsigned bench_flow_count(const struct bench *bench)
{
    return bench->options.publishers * bench->options.tracks;
}

enum bench_kind bench_kind_of(const struct bench_options *options, unsigned viewer)
{
    if (viewer >= options->viewers)
        return BENCH_JOINED;
    if (viewer < options->slow)
        return BENCH_SLOW;
    return viewer < options->slow + options->stalled ? BENCH_STALLED : BENCH_ORDINARY;
}

void bench_fail(struct bench *bench, const char *format, ...)
{
    va_list values;
    if (bench_add(&bench->failures, 1) > 1)
        return;
    va_start(values, format);
    vsnprintf(bench->reason, sizeof bench->reason, format, values);
    va_end(values);
    bench_set(&bench->has_failed, true);
}

void bench_fail_connection(struct bench *bench, const char *what, int error, const char *reason)
{
    if (!*reason)
        reason =
            error ? moq_error_words(error) : "the relay closed it; does it speak this version?";
    bench_fail(bench, "%s: %s%s", what, reason, tool_trust_hint(reason));
}

static struct moq_path *child_of(const struct bench *bench, const char *first, const char *second)
{
    struct moq_path *base = moq_url_broadcast(&bench->options.url);
    struct moq_path *parent = base ? moq_path_child(base, first) : NULL;
    struct moq_path *path = parent ? moq_path_child(parent, second) : NULL;
    moq_path_unref(&base);
    moq_path_unref(&parent);
    return path;
}

struct moq_path *bench_flow_path(const struct bench *bench, unsigned flow)
{
    char publisher[16], track[16];
    snprintf(publisher, sizeof publisher, "p%u", flow / bench->options.tracks);
    snprintf(track, sizeof track, "t%u", flow % bench->options.tracks);
    return child_of(bench, publisher, track);
}

struct moq_path *bench_storm_path(const struct bench *bench, unsigned number)
{
    char name[16];
    snprintf(name, sizeof name, "%u", number);
    return child_of(bench, "storm", name);
}

struct moq_native *bench_native(struct bench_thread *thread, unsigned number)
{
    const struct bench_options *options = &thread->bench->options;
    return thread->natives.items[number / options->threads % options->sockets];
}

struct moq_native *bench_prompt_native(struct bench_thread *thread, unsigned number)
{
    struct moq_native *prompt = thread->natives.prompt;
    return prompt ? prompt : bench_native(thread, number);
}

void bench_client_config(const struct bench *bench, struct moq_client_config *config)
{
    const struct bench_options *options = &bench->options;
    config->url = options->url;
    config->tls.root_files = options->common.tls_roots.items;
    config->tls.root_file_count = options->common.tls_roots.count;
    config->tls.pinned_sha256 = bench->is_pinned ? bench->pinned_sha256 : NULL;
    config->tls.is_verify_disabled = options->common.is_verify_disabled;
    config->versions = tool_versions(&options->common);
    config->timeout_ms = (uint32_t)options->common.timeout_ms;
    config->reconnect.is_enabled = !options->common.is_once;
    tool_bear_token(&options->common, config);
}

/* ---- Reports --------------------------------------------------------------------------------- */

static uint64_t thread_cpu_ns(void)
{
    struct timespec time;
    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time))
        return 0;
    return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
}

static uint64_t thread_wait_ns(void)
{
    unsigned long long run = 0, wait = 0;
    FILE *file = fopen("/proc/thread-self/schedstat", "re");
    if (!file)
        return 0;
    if (fscanf(file, "%llu %llu", &run, &wait) != 2)
        wait = 0;
    fclose(file);
    return wait;
}

static void report_tally(struct bench_thread *thread)
{
    struct bench_tally *tally = &thread->report;
    *tally = thread->tally;
    bench_viewers_traffic(thread, &tally->traffic);
    bench_publishers_traffic(thread, &tally->traffic);
    tally->cpu_ns = thread_cpu_ns();
    tally->wait_ns = thread_wait_ns();
    tally->taken_ns = clock_monotonic_ns();
    mailbox_send(&thread->bench->mailbox, &thread->reply);
}

/* ---- Arrivals and churn ---------------------------------------------------------------------- */

static void open_due(struct bench_thread *thread, uint64_t now_ns)
{
    uint64_t ramp_ns = thread->bench->options.ramp_ms * NS_PER_MS;
    uint64_t past_ns = now_ns - thread->arrive_ns, due = thread->viewer_count;
    if (!thread->arrive_ns)
        return;
    if (past_ns < ramp_ns)
        due = due * past_ns / ramp_ns + (due > 0);
    while (thread->opened < due && thread->opened < thread->viewer_count)
        bench_viewer_open(thread, thread->opened++);
}

/* Calls `act` for the viewers in turn, spread evenly over the period. */
static void churn_due(struct bench_thread *thread, uint64_t now_ns, uint64_t period_ms,
                      uint64_t *done, void (*act)(struct bench_thread *, unsigned))
{
    unsigned count = thread->viewer_count + (thread->is_joined ? thread->joined_count : 0);
    if (!thread->churn_ns || !period_ms || !count || now_ns >= bench_get(&thread->bench->end_ns))
        return;
    uint64_t due = (now_ns - thread->churn_ns) / NS_PER_US * count / (period_ms * 1000);
    for (; *done < due; ++*done)
        act(thread, (unsigned)(*done % count));
}

static void on_pulse(uv_timer_t *timer)
{
    struct bench_thread *thread = timer->data;
    const struct bench_options *options = &thread->bench->options;
    uint64_t now_ns = clock_monotonic_ns();
    open_due(thread, now_ns);
    churn_due(thread, now_ns, options->resubscribe_ms, &thread->resubscribed,
              bench_viewer_resubscribe);
    churn_due(thread, now_ns, options->reconnect_ms, &thread->reconnected, bench_viewer_reconnect);
    if (++thread->pulses % RETRY_PULSES == 0)
        bench_viewers_retry(thread);
}

/* ---- Orders ---------------------------------------------------------------------------------- */

static void join_now(struct bench_thread *thread)
{
    thread->is_joined = true;
    for (unsigned i = 0; i < thread->joined_count; i++)
        bench_viewer_open(thread, thread->viewer_count + i);
}

static void close_natives(struct bench_thread *thread)
{
    for (unsigned i = 0; i < thread->bench->options.sockets; i++)
        moq_native_close(&thread->natives.items[i], NULL, NULL);
    moq_native_close(&thread->natives.links, NULL, NULL);
    moq_native_close(&thread->natives.prompt, NULL, NULL);
}

static void stop_thread(struct bench_thread *thread)
{
    if (thread->is_stopping)
        return;
    thread->is_stopping = true;
    uv_close((uv_handle_t *)&thread->pulse, NULL);
    uv_close((uv_handle_t *)&thread->async, NULL);
    bench_viewers_close(thread);
    bench_watch_close(thread);
    bench_publishers_close(thread);
    close_natives(thread);
}

static void settle_thread(struct bench_thread *thread)
{
    bench_viewers_settle(thread);
    report_tally(thread);
}

static void obey_order(struct post *post, void *owner)
{
    struct bench_thread *thread = owner;
    switch (container_of(post, struct bench_order_post, post)->order) {
    case ORDER_REPORT:
        report_tally(thread);
        break;
    case ORDER_ARRIVE:
        thread->arrive_ns = clock_monotonic_ns();
        break;
    case ORDER_CHURN:
        thread->churn_ns = clock_monotonic_ns();
        break;
    case ORDER_JOIN:
        join_now(thread);
        break;
    case ORDER_ANNOUNCE:
        bench_publishers_announce(thread);
        break;
    case ORDER_SETTLE:
        settle_thread(thread);
        break;
    case ORDER_STOP:
        stop_thread(thread);
        break;
    case ORDER_KINDS:
        break;
    }
}

static void on_orders(uv_async_t *async)
{
    struct bench_thread *thread = async->data;
    mailbox_run(&thread->mailbox);
}

static void wake_thread(void *self)
{
    struct bench_thread *thread = self;
    uv_async_send(&thread->async);
}

void bench_order(struct bench *bench, enum bench_order order)
{
    for (unsigned i = 0; i < bench_thread_count(&bench->options); i++)
        mailbox_send(&bench->threads[i].mailbox, &bench->threads[i].orders[order].post);
}

/* ---- Life ------------------------------------------------------------------------------------ */

static int open_natives(struct bench_thread *thread)
{
    const struct bench_options *options = &thread->bench->options;
    struct moq_native_config config = {.loop = &thread->loop,
                                       .bind = options->common.bind,
                                       .is_keylog_enabled = true,
                                       .limits = {.connections = LIMIT_CONNECTIONS},
                                       .send_spread_ns = options->spread_ms * NS_PER_MS};
    for (unsigned i = 0; i < options->sockets; i++)
        if (!(thread->natives.items[i] = moq_native_new(&config)))
            return MOQ_ERR_NOMEM;
    config.send_spread_ns = 0;
    if (options->spread_ms && !(thread->natives.prompt = moq_native_new(&config)))
        return MOQ_ERR_NOMEM;
    config.bind = NULL; /* links listen on localhost */
    thread->natives.links = moq_native_new(&config);
    return thread->natives.links ? 0 : MOQ_ERR_NOMEM;
}

static void run_thread(void *self)
{
    struct bench_thread *thread = self;
    int error = open_natives(thread);
    if (!error)
        error = bench_viewers_init(thread);
    if (!error)
        error = bench_publishers_open(thread);
    if (!error && thread->index == 0)
        error = bench_watch_open(thread);
    if (error)
        bench_fail(thread->bench, "cannot start a thread: %s", moq_error_words(error));
    else
        uv_timer_start(&thread->pulse, on_pulse, PULSE_MS, PULSE_MS);
    uv_run(&thread->loop, UV_RUN_DEFAULT);
    bench_publishers_free(thread);
    bench_watch_free(thread);
    bench_viewers_free(thread);
    uv_loop_close(&thread->loop);
}

static int start_thread(struct bench *bench, unsigned index)
{
    struct bench_thread *thread = &bench->threads[index];
    thread->bench = bench;
    thread->index = index;
    for (unsigned i = 0; i < ORDER_KINDS; i++)
        thread->orders[i] = (struct bench_order_post){.post = {.run = obey_order}, .order = i};
    mailbox_init(&thread->mailbox, thread, wake_thread, thread);
    if (uv_loop_init(&thread->loop) || uv_async_init(&thread->loop, &thread->async, on_orders) ||
        uv_timer_init(&thread->loop, &thread->pulse))
        return MOQ_ERR_IO;
    thread->async.data = thread->pulse.data = thread;
    return uv_thread_create(&thread->id, run_thread, thread) ? MOQ_ERR_IO : 0;
}

int bench_threads_start(struct bench *bench)
{
    for (unsigned i = 0; i < bench_thread_count(&bench->options); i++) {
        int error = start_thread(bench, i);
        if (error)
            return error; /* nothing is freed, because the process ends */
    }
    return 0;
}

void bench_threads_join(struct bench *bench)
{
    for (unsigned i = 0; i < bench_thread_count(&bench->options); i++)
        uv_thread_join(&bench->threads[i].id);
}
