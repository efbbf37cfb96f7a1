/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One worker: its thread, its loop and what runs on it. Step 11 of a frame's walk begins here for
 * frames of other workers: their posts are run, and the sockets flush before the loop sleeps. */
#include "server/core/worker.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "server/core/dialling.h"
#include "server/core/peer_session.h"
#include "server/core/settings.h"

/* ---- What runs on its thread ----------------------------------------------------------------- */

static void on_worker_wake(uv_async_t *wake)
{
    struct worker *worker = wake->data;
    moq_native_wake(worker->native);
    mailbox_run(&worker->mailbox);
}

/* Any thread. */
static void wake_worker(void *self)
{
    struct worker *worker = self;
    uv_async_send(&worker->wake);
}

static void on_sample(uv_timer_t *sampling)
{
    struct worker *worker = sampling->data;
    moq_native_wake(worker->native);
    core_viewers_sample(&worker->router);
}

/* The timer runs only while a hook wants samples. */
static void adjust_sampling(struct worker *worker)
{
    bool is_active = uv_is_active((uv_handle_t *)&worker->sampling);
    bool is_wanted = router_wants_samples(&worker->router);
    if (is_wanted && !is_active)
        uv_timer_start(&worker->sampling, on_sample, CORE_SAMPLE_STEP_MS, CORE_SAMPLE_STEP_MS);
    else if (!is_wanted && is_active)
        uv_timer_stop(&worker->sampling);
}

static struct core_load load_of(const struct worker *worker)
{
    struct core_load load = {
        .sessions = worker->router.counters.sessions,
        .viewers = worker->router.counters.viewers,
        .tracks = worker->router.track_count,
    };
    for (size_t i = 0; i < worker->listener_count; i++) {
        struct quic_endpoint_stats stats = {.bytes_sent = 0};
        if (worker->listeners[i])
            quic_endpoint_stats(moq_listener_endpoint(worker->listeners[i]), &stats);
        load.bytes_sent += stats.bytes_sent;
    }
    return load;
}

/* Adds to the sum of all workers what has changed. */
static void tell_load(struct worker *worker)
{
    struct core_load *all = &worker->config.commons->load, load = load_of(worker);
#define TELL(member)                                                                               \
    __atomic_add_fetch(&all->member, load.member - worker->told.member, __ATOMIC_RELAXED)
    TELL(sessions);
    TELL(viewers);
    TELL(tracks);
    TELL(bytes_sent);
#undef TELL
    worker->told = load;
}

void core_worker_load(const struct core_worker *door, struct core_load *here, struct core_load *all)
{
    const struct core_load *sum = &door->whole->config.commons->load;
    *here = load_of(door->whole);
    *all = (struct core_load){
        .sessions = __atomic_load_n(&sum->sessions, __ATOMIC_RELAXED),
        .viewers = __atomic_load_n(&sum->viewers, __ATOMIC_RELAXED),
        .tracks = __atomic_load_n(&sum->tracks, __ATOMIC_RELAXED),
        .bytes_sent = __atomic_load_n(&sum->bytes_sent, __ATOMIC_RELAXED),
    };
}

static void on_sweep(uv_timer_t *sweep)
{
    struct worker *worker = sweep->data;
    moq_native_wake(worker->native);
    router_sweep(&worker->router);
    tell_load(worker);
    adjust_sampling(worker);
}

static void run_loop(void *self)
{
    struct worker *worker = self;
    char name[16];
    snprintf(name, sizeof name, "worker %u", worker->config.number);
    pthread_setname_np(pthread_self(), name);
    __atomic_store_n(&worker->system_thread, (int)gettid(), __ATOMIC_RELAXED);
    uv_sem_wait(&worker->gate);
    if (worker->is_running)
        uv_run(&worker->loop, UV_RUN_DEFAULT);
}

static int on_peer(struct moq_listener *listener, const struct moq_peer *peer,
                   struct moq_session_config *config)
{
    struct worker *worker = moq_listener_user(listener);
    return peer_accept(&worker->router, peer, config);
}

static const struct moq_listener_events listener_events = {.on_peer = on_peer,
                                                           .on_stray = stray_send};

/* ---- Its beginning --------------------------------------------------------------------------- */

static int start_handles(struct worker *worker)
{
    int error = uv_async_init(&worker->loop, &worker->wake, on_worker_wake);
    if (error)
        return error;
    uv_timer_init(&worker->loop, &worker->sweep);
    uv_timer_init(&worker->loop, &worker->sampling);
    worker->wake.data = worker->sweep.data = worker->sampling.data = worker;
    uv_timer_start(&worker->sweep, on_sweep, CORE_SWEEP_MS, CORE_SWEEP_MS);
    mailbox_init(&worker->mailbox, &worker->router, wake_worker, worker);
    return 0;
}

static int start_native(struct worker *worker)
{
    const struct relay_config *config = worker->config.config;
    struct moq_native_config native = {
        .loop = &worker->loop,
        .limits = core_quic_limits(config),
        .congestion = core_congestion(config->quic.congestion),
        .qlog_directory = config->quic.qlog,
        .is_keylog_enabled = config->quic.has_key_log,
        .is_gso_disabled = !config->quic.has_gso,
    };
    worker->native = moq_native_new(&native);
    if (!worker->native)
        return MOQ_ERR_NOMEM;
    struct router_config router = {
        .clock = moq_native_clock(worker->native),
        .config = config,
        .commons = worker->config.commons,
        .mailboxes = worker->config.mailboxes,
        .worker = worker->config.number,
        .workers = worker->config.count,
    };
    worker->door = (struct core_worker){
        .number = worker->config.number,
        .loop = &worker->loop,
        .native = worker->native,
        .hooks = &worker->router.hooks,
        .router = &worker->router,
        .mailbox = &worker->mailbox,
        .whole = worker,
    };
    return router_init(&worker->router, &router);
}

/* A handle that was left open would keep the loop from ending. */
static void close_forgotten(uv_handle_t *handle, void *unused)
{
    (void)unused;
    if (uv_is_closing(handle))
        return;
    log_error(
        LOG_CORE,
        "a handle (%s) was left open on a worker's loop; the code that attached it must close "
        "it before the relay stops",
        uv_handle_type_name(handle->type));
    uv_close(handle, NULL);
}

static void drop_loop(struct worker *worker)
{
    uv_close((uv_handle_t *)&worker->wake, NULL);
    uv_close((uv_handle_t *)&worker->sweep, NULL);
    uv_close((uv_handle_t *)&worker->sampling, NULL);
    while (worker->is_native_open)
        uv_run(&worker->loop, UV_RUN_ONCE);
    uv_walk(&worker->loop, close_forgotten, NULL);
    uv_run(&worker->loop, UV_RUN_DEFAULT);
    uv_loop_close(&worker->loop);
    uv_sem_destroy(&worker->gate);
    uv_cond_destroy(&worker->report.answered);
    uv_mutex_destroy(&worker->report.mutex);
    free(worker);
}

static struct worker *fail_new(struct worker *worker, int error, char *error_text)
{
    snprintf(error_text, QUIC_ERROR_TEXT_BYTES, "cannot start a worker: %s%s", uv_strerror(error),
             error == UV_EMFILE
                 ? "; allow more open files (ulimit -n, LimitNOFILE=) or set fewer workers"
                 : "");
    free(worker);
    return NULL;
}

struct worker *worker_new(const struct worker_config *config, char *error_text)
{
    struct worker *worker = calloc(1, sizeof *worker);
    if (!worker)
        return NULL;
    worker->config = *config;
    worker->maker = uv_thread_self();
    int error = uv_loop_init(&worker->loop);
    if (error)
        return fail_new(worker, error, error_text);
    error = start_handles(worker);
    if (error) {
        uv_loop_close(&worker->loop);
        return fail_new(worker, error, error_text);
    }
    uv_mutex_init(&worker->report.mutex);
    uv_cond_init(&worker->report.answered);
    uv_sem_init(&worker->gate, 0);
    if (start_native(worker) != 0) {
        worker_close(worker);
        drop_loop(worker);
        return NULL;
    }
    return worker;
}

int worker_listen(struct worker *worker, const struct moq_listener_config *config, char *error_text)
{
    struct moq_listener_config full = *config;
    full.is_reuse_port = worker->config.count > 1;
    full.worker = (uint8_t)worker->config.number;
    full.workers = (uint8_t)worker->config.count;
    full.commons = worker->config.counts;
    full.events = &listener_events;
    full.user = worker;
    struct moq_listener **listener = &worker->listeners[worker->listener_count];
    int error = moq_listener_open(worker->native, &full, listener, error_text);
    if (!error)
        worker->listener_count++;
    return error;
}

int worker_start(struct worker *worker)
{
    worker->is_started = uv_thread_create(&worker->thread, run_loop, worker) == 0;
    return worker->is_started ? 0 : MOQ_ERR_NOMEM;
}

bool worker_is_here(const struct worker *worker)
{
    uv_thread_t here = uv_thread_self();
    bool is_running = __atomic_load_n(&worker->is_running, __ATOMIC_ACQUIRE);
    return uv_thread_equal(&here, is_running ? &worker->thread : &worker->maker) != 0;
}

void worker_run(struct worker *worker)
{
    __atomic_store_n(&worker->is_running, true, __ATOMIC_RELEASE);
    uv_sem_post(&worker->gate);
}

/* ---- What others ask of it ------------------------------------------------------------------- */

struct call {
    struct post post;
    struct worker *worker;
    void (*work)(struct worker *worker, void *user);
    void *user;
    uv_sem_t is_done;
};

static void run_call(struct post *post, void *owner)
{
    struct call *call = container_of(post, struct call, post);
    (void)owner;
    call->work(call->worker, call->user);
    uv_sem_post(&call->is_done);
}

void worker_call(struct worker *worker, void (*work)(struct worker *worker, void *user), void *user)
{
    struct call call = {.post = {.run = run_call}, .worker = worker, .work = work, .user = user};
    uv_sem_init(&call.is_done, 0);
    mailbox_send(&worker->mailbox, &call.post);
    uv_sem_wait(&call.is_done);
    uv_sem_destroy(&call.is_done);
}

static void fill_stats(struct worker *worker, struct core_worker_stats *stats)
{
    router_counters(&worker->router, &stats->counters);
    for (size_t i = 0; i < worker->listener_count; i++)
        if (worker->listeners[i])
            quic_endpoint_stats(moq_listener_endpoint(worker->listeners[i]), &stats->listeners[i]);
}

static void run_report(struct post *post, void *owner)
{
    struct worker *worker = container_of(owner, struct worker, router);
    struct worker_report *report = container_of(post, struct worker_report, post);
    struct core_worker_stats stats = {.system_thread = 0};
    fill_stats(worker, &stats);
    uv_mutex_lock(&report->mutex);
    report->stats = stats;
    report->is_asked = false;
    uv_cond_signal(&report->answered);
    uv_mutex_unlock(&report->mutex);
}

void worker_ask(struct worker *worker)
{
    struct worker_report *report = &worker->report;
    uv_mutex_lock(&report->mutex);
    bool is_asked = report->is_asked;
    report->is_asked = true;
    uv_mutex_unlock(&report->mutex);
    if (is_asked)
        return;
    report->post.run = run_report;
    mailbox_send(&worker->mailbox, &report->post);
}

/* CPU time of the thread. */
static uint64_t cpu_ns(struct worker *worker)
{
    clockid_t clock;
    struct timespec time;
    if (!worker->is_started || pthread_getcpuclockid(worker->thread, &clock) != 0 ||
        clock_gettime(clock, &time) != 0)
        return 0;
    return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
}

void worker_stats(struct worker *worker, uint64_t deadline_ns, struct core_worker_stats *out)
{
    struct worker_report *report = &worker->report;
    uv_mutex_lock(&report->mutex);
    for (uint64_t now = clock_monotonic_ns(); report->is_asked && now < deadline_ns;
         now = clock_monotonic_ns())
        uv_cond_timedwait(&report->answered, &report->mutex, deadline_ns - now);
    *out = report->stats;
    bool is_late = report->is_asked;
    uv_mutex_unlock(&report->mutex);
    if (is_late)
        log_warn(LOG_CORE, "worker %u did not report in time; its previous counters are shown",
                 worker->config.number);
    out->system_thread = __atomic_load_n(&worker->system_thread, __ATOMIC_RELAXED);
    out->cpu_ns = cpu_ns(worker);
}

/* ---- Its end --------------------------------------------------------------------------------- */

/* Of a listener, or of all dials. */
static void on_sessions_closed(void *user)
{
    struct worker *worker = user;
    if (--worker->open_ends == 0)
        worker->config.on_silent(worker->config.self);
}

static void run_ending(struct post *post, void *owner)
{
    struct worker *worker = container_of(owner, struct worker, router);
    (void)post;
    worker->open_ends = worker->listener_count;
    worker->open_ends += dials_end(&worker->router, on_sessions_closed, worker);
    for (size_t i = 0; i < worker->listener_count; i++)
        moq_listener_close(&worker->listeners[i], on_sessions_closed, worker);
}

void worker_end_sessions(struct worker *worker)
{
    worker->ending.run = run_ending;
    mailbox_send(&worker->mailbox, &worker->ending);
}

static void run_leaving(struct post *post, void *owner)
{
    (void)post;
    uv_stop(&container_of(owner, struct worker, router)->loop);
}

void worker_leave(struct worker *worker)
{
    worker->leaving.run = run_leaving;
    mailbox_send(&worker->mailbox, &worker->leaving);
}

void worker_join(struct worker *worker)
{
    if (!worker->is_started)
        return;
    if (!worker->is_running)
        uv_sem_post(&worker->gate);
    uv_thread_join(&worker->thread);
    worker->is_started = false;
    __atomic_store_n(&worker->is_running, false, __ATOMIC_RELEASE);
}

static void on_native_closed(void *user)
{
    struct worker *worker = user;
    worker->is_native_open = false;
}

void worker_close(struct worker *worker)
{
    worker->is_native_open = worker->native != NULL;
    moq_native_close(&worker->native, on_native_closed, worker);
}

void worker_free(struct worker **worker)
{
    if (*worker)
        drop_loop(*worker);
    *worker = NULL;
}
