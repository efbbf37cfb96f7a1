/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A process is over when it has exited and its output has ended: what it wrote last is still in the
 * pipe when it exits. It leads a process group, which is killed as a whole, so that nothing that it
 * started is left behind.
 * Tested by tests/unit/modules/test_karp_child.c. */
#include "modules/karp/child.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"

enum {
    PIECE_BYTES = 64 << 10,
    WHY_BYTES = 128,
    SOURCE_HANDLES = 2,
    PROCESS_HANDLES = 4,
    LOOK_MS = 10
};

/* One run of the command. It may outlive its source, which then is NULL. */
struct process {
    struct list link; /* of the yard */
    struct child_source *source;
    uv_process_t handle;
    uv_pipe_t out, err;
    uv_timer_t timer; /* between SIGTERM and SIGKILL, and for an output that stays open */
    unsigned open_handles;
    bool has_exited, is_output_over, is_over;
    int64_t exit_status;
    int exit_signal;
    char line[CHILD_LINE_BYTES]; /* of standard error, not complete yet */
    size_t line_size;
    uint64_t second; /* the one that `lines` counts */
    unsigned lines, lines_dropped;
    char piece[PIECE_BYTES];
};

struct child_source {
    struct ingest_set *set;
    struct child_config config; /* `path` and `command` point to the copies below */
    char path[REQUEST_PATH_BYTES];
    char *command;
    struct ingest *ingest;   /* NULL: none, until the next start */
    struct process *process; /* NULL: none runs */
    struct backoff backoff;
    uv_timer_t start, idle;
    unsigned open_handles;
    bool is_watched, is_stopping;
    uint64_t started_ns;
};

static const struct host *host_of(const struct child_source *source)
{
    return ingest_set_host(source->set);
}

static void wake_host(const struct process *process)
{
    if (process->source)
        host_wake(host_of(process->source));
}

static void schedule_start(struct child_source *source, uint64_t delay_ms);
static void process_over(struct process *process);

/* ---- A process ------------------------------------------------------------------------------- */

static void on_handle_closed(uv_handle_t *handle)
{
    struct process *process = handle->data;
    if (--process->open_handles == 0)
        free(process);
}

static void close_process(struct process *process)
{
    list_remove(&process->link);
    uv_close((uv_handle_t *)&process->handle, on_handle_closed);
    uv_close((uv_handle_t *)&process->out, on_handle_closed);
    uv_close((uv_handle_t *)&process->err, on_handle_closed);
    uv_close((uv_handle_t *)&process->timer, on_handle_closed);
}

static void kill_group(const struct process *process, int signal)
{
    if (process->handle.pid > 0)
        kill(-process->handle.pid, signal);
}

/* Called when something of it has ended. */
static void check_over(struct process *process)
{
    if (!process->has_exited || !process->is_output_over || process->is_over)
        return;
    process->is_over = true;
    if (process->source)
        process_over(process);
    close_process(process);
}

static void on_patience_over(uv_timer_t *timer)
{
    struct process *process = timer->data;
    wake_host(process);
    kill_group(process, SIGKILL);
    process->is_output_over |= process->has_exited; /* somebody else holds it open */
    check_over(process);
}

static void stop_process(struct process *process)
{
    if (!process->has_exited)
        kill_group(process, SIGTERM);
    uv_timer_start(&process->timer, on_patience_over, CHILD_TERM_MS, 0);
}

static void on_exit_of_child(uv_process_t *handle, int64_t status, int signal)
{
    struct process *process = handle->data;
    wake_host(process);
    process->has_exited = true;
    process->exit_status = status;
    process->exit_signal = signal;
    kill_group(process, SIGKILL); /* whatever it started */
    uv_timer_start(&process->timer, on_patience_over, CHILD_TERM_MS, 0);
    check_over(process);
}

/* ---- Its output ------------------------------------------------------------------------------ */

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct process *process = handle->data;
    (void)suggested;
    *buf = uv_buf_init(process->piece, sizeof process->piece);
}

/* Gives the media of the process to the ingest, if it still has one. */
static void feed_ingest(struct process *process, const char *data, size_t size)
{
    struct child_source *source = process->source;
    if (!source || !source->ingest || source->is_stopping)
        return;
    if (ingest_feed(source->ingest, (const uint8_t *)data, size) == 0)
        return;
    source->is_stopping = true;
    stop_process(process);
}

static void on_output(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct process *process = stream->data;
    wake_host(process);
    if (n > 0)
        feed_ingest(process, buf->base, (size_t)n);
    if (n >= 0)
        return;
    uv_read_stop(stream);
    process->is_output_over = true;
    if (!process->has_exited)
        stop_process(process); /* without its output it is of no use */
    check_over(process);
}

static void log_line(struct process *process)
{
    const struct child_source *source = process->source;
    uint64_t second = host_of(source)->clock->now_ns / NS_PER_S;
    if (second != process->second && process->lines_dropped > 0)
        host_log(host_of(source), HOST_INFO, "%s: (%u more lines)", source->path,
                 process->lines_dropped);
    if (second != process->second)
        process->lines = process->lines_dropped = 0;
    process->second = second;
    if (process->lines++ < CHILD_LINES_PER_SECOND)
        host_log(host_of(source), HOST_INFO, "%s: %.*s", source->path, (int)process->line_size,
                 process->line);
    else
        process->lines_dropped++;
}

static void end_line(struct process *process)
{
    if (process->line_size > 0 && process->source)
        log_line(process);
    process->line_size = 0;
}

static void on_error_output(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct process *process = stream->data;
    wake_host(process);
    for (ssize_t i = 0; i < n; i++) {
        char c = buf->base[i];
        if (c == '\n' || c == '\r')
            end_line(process);
        else if (process->line_size < sizeof process->line)
            process->line[process->line_size++] = c;
    }
    if (n >= 0)
        return;
    uv_read_stop(stream);
    end_line(process);
}

/* ---- The yard -------------------------------------------------------------------------------- */

void child_yard_init(struct child_yard *yard)
{
    list_init(&yard->processes);
}

static bool is_anything_left(struct child_yard *yard)
{
    bool is_left = false;
    list_for_each (node, &yard->processes) {
        struct process *process = container_of(node, struct process, link);
        if (!process->has_exited)
            process->has_exited = waitpid(process->handle.pid, NULL, WNOHANG) != 0;
        is_left |= !process->has_exited;
    }
    return is_left;
}

void child_yard_clear(struct child_yard *yard)
{
    for (int ms = 0; ms < CHILD_LEAVE_MS && is_anything_left(yard); ms += LOOK_MS)
        usleep(LOOK_MS * 1000);
    list_for_each_safe (node, &yard->processes) {
        struct process *process = container_of(node, struct process, link);
        kill_group(process, SIGKILL);
        if (!process->has_exited)
            waitpid(process->handle.pid, NULL, 0);
        close_process(process);
    }
}

/* ---- Starting -------------------------------------------------------------------------------- */

static struct process *process_new(struct child_source *source)
{
    uv_loop_t *loop = host_of(source)->loop;
    struct process *process = calloc(1, sizeof *process);
    if (!process)
        return NULL;
    process->source = source;
    list_push_back(&source->config.yard->processes, &process->link);
    uv_pipe_init(loop, &process->out, 0);
    uv_pipe_init(loop, &process->err, 0);
    uv_timer_init(loop, &process->timer);
    process->handle.data = process->out.data = process->err.data = process->timer.data = process;
    process->open_handles = PROCESS_HANDLES;
    return process;
}

/* Returns 0 or an error of libuv. */
static int spawn_command(struct process *process, const char *command)
{
    char shell[] = "/bin/sh", option[] = "-c";
    char *arguments[] = {shell, option, (char *)(uintptr_t)command, NULL};
    uv_stdio_container_t stdio[] = {
        {.flags = UV_IGNORE},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&process->out},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&process->err},
    };
    const uv_process_options_t options = {
        .file = shell,
        .args = arguments,
        .flags = UV_PROCESS_DETACHED, /* a session, and so a group, of its own */
        .stdio = stdio,
        .stdio_count = 3,
        .exit_cb = on_exit_of_child,
    };
    return uv_spawn(process->out.loop, &process->handle, &options);
}

static void start_again_later(struct child_source *source, const char *why)
{
    uint64_t ran_ms = (host_of(source)->clock->now_ns - source->started_ns) / NS_PER_MS;
    uint64_t wait_ms = backoff_next_ms(&source->backoff, ran_ms);
    host_log(host_of(source), HOST_WARN, "%s: the command %s; starting again in %.1f s%s",
             source->path, why, (double)wait_ms / 1000,
             source->config.is_on_demand ? " if somebody watches" : "");
    schedule_start(source, wait_ms);
}

static void on_ingest_failed(void *owner, const struct verdict *why)
{
    struct child_source *source = owner;
    (void)why; /* is logged when the ingest closes */
    source->is_stopping = true;
    if (source->process)
        stop_process(source->process);
}

static void on_idle_over(uv_timer_t *timer)
{
    struct child_source *source = timer->data;
    host_wake(host_of(source));
    if (source->is_watched || !source->process)
        return;
    host_log(host_of(source), HOST_INFO, "%s: nobody watches, so the command is stopped",
             source->path);
    source->is_stopping = true;
    ingest_finish(source->ingest);
    stop_process(source->process);
}

static void on_live(void *owner)
{
    struct child_source *source = owner;
    source->is_watched = true;
    uv_timer_stop(&source->idle);
    if (source->config.is_on_demand && !source->process &&
        !uv_is_active((uv_handle_t *)&source->start))
        schedule_start(source, 0);
}

static void on_idle(void *owner)
{
    struct child_source *source = owner;
    source->is_watched = false;
    if (source->config.is_on_demand)
        uv_timer_start(&source->idle, on_idle_over, source->config.idle_ms, 0);
}

/* False: the broadcast cannot be offered now. */
static bool open_ingest(struct child_source *source)
{
    static const struct ingest_events events = {on_ingest_failed, on_live, on_idle};
    struct verdict why;
    const struct ingest_config config = {
        .path = source->path,
        .from = "a command",
        .silence_ms = source->config.silence_ms,
        .is_patient = !source->config.is_on_demand, /* it may listen for an encoder */
        .is_promised = source->config.is_on_demand,
        .ladder = source->config.ladder,
        .events = &events,
        .owner = source,
    };
    if (!source->ingest)
        source->ingest = ingest_open(source->set, &config, &why);
    if (source->ingest)
        return true;
    host_log(host_of(source), HOST_WARN, "%s: %s", source->path, why.text);
    return false;
}

static void start_command(struct child_source *source)
{
    struct process *process = process_new(source);
    char why[WHY_BYTES];
    source->started_ns = host_of(source)->clock->now_ns;
    int error = process ? spawn_command(process, source->command) : UV_ENOMEM;
    if (error) {
        if (process)
            close_process(process);
        snprintf(why, sizeof why, "cannot be started: %s", uv_strerror(error));
        start_again_later(source, why);
        return;
    }
    source->process = process;
    source->is_stopping = false;
    ingest_start(source->ingest);
    uv_read_start((uv_stream_t *)&process->out, on_room, on_output);
    uv_read_start((uv_stream_t *)&process->err, on_room, on_error_output);
    if (source->config.is_on_demand && !source->is_watched)
        uv_timer_start(&source->idle, on_idle_over, source->config.idle_ms, 0);
}

static void on_start(uv_timer_t *timer)
{
    struct child_source *source = timer->data;
    host_wake(host_of(source));
    if (source->process)
        return;
    bool had_ingest = source->ingest != NULL;
    if (!open_ingest(source))
        start_again_later(source, "has to wait");
    else if (!source->config.is_on_demand || (had_ingest && source->is_watched))
        start_command(source);
}

static void schedule_start(struct child_source *source, uint64_t delay_ms)
{
    uv_timer_start(&source->start, on_start, delay_ms, 0);
}

/* ---- The end of a process -------------------------------------------------------------------- */

static void explain_exit(const struct process *process, char why[WHY_BYTES])
{
    if (process->exit_signal)
        snprintf(why, WHY_BYTES, "was ended by signal %d (%s)", process->exit_signal,
                 strsignal(process->exit_signal));
    else
        snprintf(why, WHY_BYTES, "has ended with status %" PRId64, process->exit_status);
}

/* Its broadcast ends: whole if the process says that it has done its work. */
static void end_ingest(struct child_source *source, const struct process *process, const char *why)
{
    bool is_well = process->exit_status == 0 && process->exit_signal == 0;
    struct verdict verdict;
    if (!source->ingest)
        return;
    if (is_well && !source->is_stopping)
        ingest_finish(source->ingest);
    else if (!source->is_stopping) {
        verdict_set(&verdict, VERDICT_MALFORMED, "the command %s", why);
        ingest_fail(source->ingest, &verdict);
    }
    ingest_close(&source->ingest);
}

static void process_over(struct process *process)
{
    struct child_source *source = process->source;
    char why[WHY_BYTES];
    bool was_idle = source->config.is_on_demand && !source->is_watched && source->is_stopping;
    explain_exit(process, why);
    end_ingest(source, process, why);
    source->process = NULL;
    source->is_stopping = source->is_watched = false;
    uv_timer_stop(&source->idle);
    if (!was_idle)
        start_again_later(source, why);
    if (source->config.is_on_demand && !open_ingest(source) && was_idle)
        schedule_start(source, BACKOFF_FIRST_MS);
}

/* ---- The source ------------------------------------------------------------------------------ */

static void on_timer_closed(uv_handle_t *handle)
{
    struct child_source *source = handle->data;
    if (--source->open_handles > 0)
        return;
    free(source->command);
    free(source);
}

struct child_source *child_open(struct ingest_set *set, const struct child_config *config)
{
    struct child_source *source = calloc(1, sizeof *source);
    char *command = strdup(config->command);
    if (!source || !command) {
        free(source);
        free(command);
        return NULL;
    }
    source->set = set;
    source->config = *config;
    source->command = command;
    snprintf(source->path, sizeof source->path, "%s", config->path);
    if (config->idle_ms == 0)
        source->config.idle_ms = CHILD_IDLE_MS;
    if (config->silence_ms == 0)
        source->config.silence_ms = CHILD_SILENCE_MS;
    source->backoff.random = uv_hrtime() ^ (uintptr_t)source;
    uv_timer_init(host_of(source)->loop, &source->start);
    uv_timer_init(host_of(source)->loop, &source->idle);
    source->start.data = source->idle.data = source;
    source->open_handles = SOURCE_HANDLES;
    source->started_ns = host_of(source)->clock->now_ns;
    schedule_start(source, 0);
    return source;
}

void child_close(struct child_source **pointer)
{
    struct child_source *source = *pointer;
    *pointer = NULL;
    if (!source)
        return;
    ingest_close(&source->ingest);
    if (source->process) {
        source->process->source = NULL;
        stop_process(source->process);
    }
    uv_close((uv_handle_t *)&source->start, on_timer_closed);
    uv_close((uv_handle_t *)&source->idle, on_timer_closed);
}

unsigned child_running(const struct child_source *source)
{
    return source->process != NULL;
}
