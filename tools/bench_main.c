/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* moq-bench: the stages of a run. Publishers connect, viewers arrive, the load warms up, the window
 * is measured, what is under way arrives, and the threads count what is missing. The main thread
 * only watches the clock, the threads' tallies and the relay's process.
 * Tested by tests/meter/run. */
#include "tools/bench_report.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/descriptors.h"

enum {
    STEP_MS = 10,
    DRAIN_MS = 1000, /* wait after the window for what is under way */
    /* Between the last announcement and the first viewer, to see the relay at rest. */
    BEFORE_MS = 300,
    BENCH_INVALID = 3,
};

enum stage {
    STAGE_CONNECTING,
    STAGE_RESTING,
    STAGE_ARRIVING,
    STAGE_WARMING,
    STAGE_MEASURING,
    STAGE_DRAINING,
    STAGE_SETTLING,
    STAGE_OVER,
};
static const char *const stage_names[] = {"connecting", "resting",  "arriving", "warming",
                                          "measuring",  "draining", "settling", "over"};

enum purpose { FOR_SECOND = 1, FOR_BEGIN = 2, FOR_END = 4, FOR_TOTAL = 8 };

struct run {
    struct bench bench;
    struct bench_result result;
    struct bench_words words;
    uv_loop_t loop;
    uv_async_t async;
    uv_timer_t step, second;
    uv_signal_t interrupt, terminate;
    enum stage stage;
    uint64_t started_ns, stage_ns;    /* when the program and the current stage began */
    unsigned wanted, serving;         /* bits of enum purpose: why the threads are asked */
    unsigned replies;                 /* still to come */
    struct bench_moment look, before; /* the newest moment, and the one of the last second */
    bool has_joined, has_announced;
    unsigned signals;
};

static double at_s(const struct run *run)
{
    return (double)(clock_monotonic_ns() - run->started_ns) / 1e9;
}

static void say_event(const struct run *run, const char *event)
{
    if (run->bench.options.is_json)
        bench_json_event(event, at_s(run));
}

/* ---- Looks ----------------------------------------------------------------------------------- */

static void look_at_relay(struct run *run, struct bench_moment *moment)
{
    const struct bench_options *options = &run->bench.options;
    moment->has_relay = options->pid && process_sample(options->pid, &moment->relay);
}

static void look_at_drops(struct run *run, struct bench_moment *moment)
{
    moment->own_dropped = process_udp_drops(getpid());
    moment->relay_dropped = run->bench.options.pid ? process_udp_drops(run->bench.options.pid) : 0;
}

static void ask_threads(struct run *run)
{
    if (run->replies || !run->wanted)
        return;
    run->serving = run->wanted;
    run->wanted = 0;
    run->replies = bench_thread_count(&run->bench.options);
    memset(&run->look.sum, 0, sizeof run->look.sum);
    look_at_relay(run, &run->look);
    bench_order(&run->bench, run->serving & FOR_TOTAL ? ORDER_SETTLE : ORDER_REPORT);
}

static void want_report(struct run *run, enum purpose purpose)
{
    run->wanted |= purpose;
    ask_threads(run);
}

static void tell_second(struct run *run)
{
    struct bench_second second = {.before = &run->before,
                                  .now = &run->look,
                                  .stage = stage_names[run->stage],
                                  .at_s = at_s(run)};
    if (run->before.sum.taken_ns && run->bench.options.is_json)
        bench_json_second(&run->result, &second);
    else if (run->before.sum.taken_ns)
        bench_words_second(&run->words, &run->result, &second);
    run->before = run->look;
}

static void on_look(struct run *run)
{
    if (run->serving & FOR_SECOND)
        tell_second(run);
    if (run->serving & (FOR_BEGIN | FOR_END))
        look_at_drops(run, &run->look);
    if (run->serving & FOR_BEGIN)
        run->result.begin = run->look;
    if (run->serving & FOR_END)
        run->result.end = run->look;
    if (run->serving & FOR_TOTAL) {
        run->result.total = run->look.sum;
        run->stage = STAGE_OVER;
    }
    ask_threads(run);
}

static void on_reply(struct post *post, void *owner)
{
    struct run *run = owner;
    const struct bench_thread *thread = container_of(post, struct bench_thread, reply);
    struct bench_own *own = &run->look.own;
    bench_tally_merge(&run->look.sum, &thread->report);
    own->cpu_ns[thread->index] = thread->report.cpu_ns;
    own->wait_ns[thread->index] = thread->report.wait_ns;
    own->taken_ns[thread->index] = thread->report.taken_ns;
    if (--run->replies == 0)
        on_look(run);
}

static void on_second(uv_timer_t *timer)
{
    struct run *run = timer->data;
    if (run->stage >= STAGE_ARRIVING && run->stage <= STAGE_MEASURING)
        want_report(run, FOR_SECOND);
}

/* ---- Stages ---------------------------------------------------------------------------------- */

static void enter_stage(struct run *run, enum stage stage)
{
    run->stage = stage;
    run->stage_ns = clock_monotonic_ns();
}

static bool has_lasted(const struct run *run, uint64_t ms)
{
    return clock_monotonic_ns() - run->stage_ns >= ms * NS_PER_MS;
}

static void begin_viewers(struct run *run)
{
    struct bench_moment rest;
    say_event(run, "published");
    look_at_relay(run, &rest);
    if (rest.has_relay)
        run->result.resident_before = rest.relay.resident_bytes;
    bench_order(&run->bench, ORDER_ARRIVE);
    enter_stage(run, STAGE_ARRIVING);
}

static void begin_window(struct run *run)
{
    uint64_t now_ns = clock_monotonic_ns();
    run->result.arrived = (unsigned)bench_get(&run->bench.arrived);
    bench_set(&run->bench.end_ns, now_ns + run->bench.options.duration_ms * NS_PER_MS);
    bench_set(&run->bench.begin_ns, now_ns);
    bench_order(&run->bench, ORDER_CHURN);
    want_report(run, FOR_BEGIN);
    enter_stage(run, STAGE_MEASURING);
    say_event(run, "measuring");
}

static void act_in_window(struct run *run)
{
    const struct bench_options *options = &run->bench.options;
    if (options->join && !run->has_joined && has_lasted(run, options->join_at_ms)) {
        run->has_joined = true;
        bench_order(&run->bench, ORDER_JOIN);
    }
    if (options->announce && !run->has_announced && has_lasted(run, BENCH_ANNOUNCE_AFTER_MS)) {
        run->has_announced = true;
        bench_order(&run->bench, ORDER_ANNOUNCE);
    }
}

static void end_window(struct run *run)
{
    bench_set(&run->bench.end_ns, clock_monotonic_ns());
    want_report(run, FOR_END);
    enter_stage(run, STAGE_DRAINING);
    say_event(run, "measured");
}

static void settle_run(struct run *run)
{
    run->result.storm_ns = bench_get(&run->bench.storm_ns);
    run->result.storm_seen = (unsigned)bench_get(&run->bench.storm_seen);
    want_report(run, FOR_TOTAL);
    enter_stage(run, STAGE_SETTLING);
}

static void advance_stage(struct run *run)
{
    struct bench *bench = &run->bench;
    const struct bench_options *options = &bench->options;
    switch (run->stage) {
    case STAGE_CONNECTING:
        if (bench_get(&bench->announced) >= bench_flow_count(bench))
            enter_stage(run, STAGE_RESTING);
        else if (has_lasted(run, options->patience_ms))
            bench_fail(bench, "announcements: not all of them came back from the relay");
        break;
    case STAGE_RESTING:
        if (has_lasted(run, BEFORE_MS))
            begin_viewers(run);
        break;
    case STAGE_ARRIVING:
        if (bench_get(&bench->arrived) >= options->viewers ||
            has_lasted(run, options->ramp_ms + options->patience_ms))
            enter_stage(run, STAGE_WARMING);
        break;
    case STAGE_WARMING:
        if (has_lasted(run, options->warm_up_ms))
            begin_window(run);
        break;
    case STAGE_MEASURING:
        act_in_window(run);
        if (has_lasted(run, options->duration_ms))
            end_window(run);
        break;
    case STAGE_DRAINING:
        if (has_lasted(run, DRAIN_MS))
            settle_run(run);
        break;
    case STAGE_SETTLING:
    case STAGE_OVER:
        break;
    }
}

static void end_loop(struct run *run)
{
    uv_close((uv_handle_t *)&run->step, NULL);
    uv_close((uv_handle_t *)&run->second, NULL);
    uv_close((uv_handle_t *)&run->interrupt, NULL);
    uv_close((uv_handle_t *)&run->terminate, NULL);
    uv_stop(&run->loop);
}

static void on_step(uv_timer_t *timer)
{
    struct run *run = timer->data;
    bool has_failed = bench_get(&run->bench.has_failed);
    if (has_failed && run->stage == STAGE_MEASURING) {
        run->result.failure = run->bench.reason;
        end_window(run);
    } else if (has_failed && run->stage < STAGE_DRAINING)
        run->stage = STAGE_OVER;
    if (run->stage == STAGE_OVER)
        end_loop(run);
    else
        advance_stage(run);
}

/* The first signal ends the window early; the result so far is printed. */
static void on_signal(uv_signal_t *handle, int number)
{
    struct run *run = handle->data;
    (void)number;
    run->result.is_interrupted = true;
    if (run->stage == STAGE_MEASURING && !run->signals++)
        end_window(run);
    else
        run->stage =
            run->stage == STAGE_DRAINING && run->signals == 1 ? STAGE_DRAINING : STAGE_OVER;
}

static void on_async(uv_async_t *async)
{
    struct run *run = async->data;
    mailbox_run(&run->bench.mailbox);
}

static void wake_main(void *self)
{
    struct run *run = self;
    uv_async_send(&run->async);
}

/* ---- The beginning and the end --------------------------------------------------------------- */

static int prepare_bench(struct run *run)
{
    struct bench *bench = &run->bench;
    const struct bench_options *options = &bench->options;
    bench->pattern = frame_pattern_new(options->size_bytes.most);
    bench->flows = calloc(bench_flow_count(bench), sizeof *bench->flows);
    bench->threads = calloc(bench_thread_count(options), sizeof *bench->threads);
    if (!bench->pattern || !bench->flows || !bench->threads)
        return bench_say_failed("start", "out of memory");
    for (unsigned i = 0; i < bench_flow_count(bench); i++) {
        struct bench_flow *flow = &bench->flows[i];
        bench_set(&flow->first_frame, BENCH_NOT_YET);
        bench_set(&flow->end_frame, BENCH_NOT_YET);
        bench_set(&flow->first_group, BENCH_NOT_YET);
        bench_set(&flow->end_group, BENCH_NOT_YET);
    }
    bench_set(&bench->begin_ns, BENCH_NOT_YET);
    bench_set(&bench->end_ns, BENCH_NOT_YET);
    for (unsigned i = 0; i < bench_thread_count(options); i++)
        bench->threads[i].reply.run = on_reply;
    mailbox_init(&bench->mailbox, run, wake_main, run);
    return 0;
}

static void start_handles(struct run *run)
{
    uv_async_init(&run->loop, &run->async, on_async);
    uv_timer_init(&run->loop, &run->step);
    uv_timer_init(&run->loop, &run->second);
    uv_signal_init(&run->loop, &run->interrupt);
    uv_signal_init(&run->loop, &run->terminate);
    run->async.data = run->step.data = run->second.data = run;
    run->interrupt.data = run->terminate.data = run;
    uv_timer_start(&run->step, on_step, STEP_MS, STEP_MS);
    uv_timer_start(&run->second, on_second, 1000, 1000);
    uv_signal_start(&run->interrupt, on_signal, SIGINT);
    uv_signal_start(&run->terminate, on_signal, SIGTERM);
}

static int tell_result(struct run *run)
{
    char text[BENCH_REASON_BYTES];
    if (bench_get(&run->bench.has_failed) && run->result.total.taken_ns == 0)
        return bench_say_failed("failed", run->bench.reason);
    if (run->result.total.taken_ns == 0)
        return bench_say_failed("interrupted", "before anything was measured");
    if (run->bench.options.is_json)
        bench_json_summary(&run->result);
    else
        bench_words_summary(&run->words, &run->result);
    if ((fflush(stdout) || ferror(stdout)) && errno != EPIPE)
        return bench_say_failed("standard output", strerror(errno));
    return bench_invalid(&run->result, text) ? BENCH_INVALID : TOOL_OK;
}

/* The descriptors that the threads need: four for a loop, two for a socket and its timer, two for
 * each viewer behind a link. */
static unsigned count_descriptors(const struct bench_options *options)
{
    enum { LOOP = 4, SOCKET = 2, LINK = 2, NATIVES_BESIDE = 2 };
    unsigned of_thread = LOOP + SOCKET * (options->sockets + NATIVES_BESIDE);
    return of_thread * bench_thread_count(options) + LINK * (options->slow + options->stalled);
}

static int measure_relay(struct run *run)
{
    if (tool_loop_init("moq-bench", &run->loop, count_descriptors(&run->bench.options)))
        return TOOL_FAILED;
    run->started_ns = clock_monotonic_ns();
    enter_stage(run, STAGE_CONNECTING);
    start_handles(run);
    int error = bench_threads_start(&run->bench);
    if (error)
        _Exit(bench_say_failed("threads", moq_error_words(error))); /* threads may be running */
    uv_run(&run->loop, UV_RUN_DEFAULT);
    int status = tell_result(run);
    bench_order(&run->bench, ORDER_STOP);
    bench_threads_join(&run->bench);
    uv_close((uv_handle_t *)&run->async, NULL);
    uv_run(&run->loop, UV_RUN_DEFAULT);
    uv_loop_close(&run->loop);
    return status;
}

/* Keeps freed memory in the process. The next group needs it again, and giving pages back to the
 * kernel in between would take a tenth of our CPU time. */
static void keep_memory(void)
{
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, INT_MAX);
#endif
}

/* Raises the limit of open files as far as possible: each viewer behind a link needs two
 * sockets. */
static void allow_files(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files))
        return;
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

int main(int argc, char **argv)
{
    descriptors_fill_standard();
    struct run *run = calloc(1, sizeof *run);
    if (!run)
        return bench_say_failed("start", "out of memory");
    int result = bench_options_parse(&run->bench.options, argc, argv);
    int status = options_status(result);
    run->result.options = &run->bench.options;
    run->words.is_terminal = isatty(STDOUT_FILENO);
    signal(SIGPIPE, SIG_IGN);
    keep_memory();
    allow_files();
    if (result == OPTIONS_RUN) {
        status = bench_find_relay(&run->bench);
        status = status ? status : prepare_bench(run);
        status = status ? status : measure_relay(run);
    }
    free(run->bench.threads);
    free(run->bench.flows);
    frame_pattern_free(&run->bench.pattern);
    free(run);
    return status;
}
