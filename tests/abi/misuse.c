/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A module that breaks one rule of relay/module.h, or comes close: its settings say which. */
#include "kit.h"

#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

enum doing {
    TIMERS,        /* all that timers may do */
    POST_MANY,     /* posts until it may not */
    POST_LATE,     /* posts from a thread until `stop`, and in it */
    LEAVE_OPEN,    /* leaves timers, sources and groups at its stop */
    LEAVE_HANDLE,  /* leaves a handle of libuv */
    USE_HANDLE,    /* uses one as it should */
    THREAD_COUNTS, /* a thread calls what it may, and then what it may not */
    THREAD_LOOKS,  /* the same, of a worker */
    OTHER_WORKER,  /* one worker uses the handle of another */
    MAIN_LOOKS,    /* `stop` uses a worker */
    STALE_TIMER,   /* uses a timer that was stopped */
    WRONG_TYPE,    /* uses a source as a group */
    NO_HANDLE,     /* calls without one */
    STALE_REQUEST, /* answers twice by one handle */
    CLOSE_IN_LIVE, /* closes a source in on_live */
    DIE_IN_TIMER,  /* closes everything in a timer */
};
static const char *const doings[] = {"timers",
                                     "post_many",
                                     "post_late",
                                     "leave_open",
                                     "leave_handle",
                                     "use_handle",
                                     "thread_counts",
                                     "thread_looks",
                                     "other_worker",
                                     "main_looks",
                                     "stale_timer",
                                     "wrong_type",
                                     "no_handle",
                                     "stale_request",
                                     "close_in_live",
                                     "die_in_timer",
                                     NULL};

struct settings {
    int doing;
};
static const struct relay_field fields[] = {FIELD_DO("timers")};
static const struct relay_schema schema = RELAY_SCHEMA(struct settings, fields);

struct state { /* in the worker's slot */
    struct relay_worker *worker;
    struct relay_timer *timer, *other;
    struct relay_source *source;
    struct relay_group *group;
    pthread_t thread;
    bool has_thread, is_over; /* atomic */
    int turns;
    int64_t since_ms; /* when `other` was started */
    long posted, ran;
    uv_timer_t handle;
    bool is_handle_open;
};

static struct state *state_of(struct relay_worker *worker)
{
    return relay_worker_slot(worker);
}

static const struct settings *settings_of(struct relay_worker *worker)
{
    return relay_worker_config(worker);
}

/* ---- Timers ---------------------------------------------------------------------------------- */

enum { DELAY_MS = 50, BUSY_MS = 120 };

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void run_once(struct relay_worker *worker, void *arg)
{
    struct state *state = arg;
    EXPECT(now_ms() - state->since_ms >= DELAY_MS - 1, 1);
    EXPECT(worker == state->worker, 1);
    EXPECT(state->turns, 3);
    relay_timer_stop(&state->other); /* the one that runs */
    EXPECT(state->other == NULL, 1);
    relay_timer_stop(&state->other);
    relay_timer_stop(NULL);
    trace("timers are good");
}

static void run_thrice(struct relay_worker *worker, void *arg)
{
    struct state *state = arg;
    if (++state->turns < 3)
        return;
    relay_timer_stop(&state->timer);
    EXPECT(relay_timer_start(worker, 1, 0, NULL, NULL) == NULL, 1);
    usleep(BUSY_MS * 1000); /* however long a turn has lasted, the delay begins now */
    state->since_ms = now_ms();
    state->other = relay_timer_start(worker, DELAY_MS, 0, run_once, state);
}

/* ---- Posts ----------------------------------------------------------------------------------- */

static void count_post(struct relay_worker *worker, void *arg)
{
    struct state *state = state_of(worker);
    EXPECT((long)(intptr_t)arg, state->ran);
    state->ran++;
    if (state->ran == RELAY_POSTS_MAX)
        trace("all posts ran in their order");
}

static void post_many(struct relay_worker *worker, void *arg)
{
    struct state *state = arg;
    int error = 0;
    while (!error) {
        error = relay_worker_post(worker, count_post, (void *)(intptr_t)state->posted);
        state->posted += !error;
    }
    EXPECT(error, RELAY_ERR_BOUNDS);
    EXPECT(state->posted, RELAY_POSTS_MAX);
    EXPECT(state->ran, 0);
    relay_timer_stop(&state->timer);
}

static void ignore_post(struct relay_worker *worker, void *arg)
{
    EXPECT(state_of(worker) == arg, 1);
}

static void late_post(struct relay_worker *worker, void *arg)
{
    (void)worker;
    (void)arg;
    trace("FAILED a post ran after the stop");
}

static void *post_always(void *arg)
{
    struct state *state = arg;
    while (!__atomic_load_n(&state->is_over, __ATOMIC_RELAXED)) {
        int error = relay_worker_post(state->worker, ignore_post, state);
        EXPECT(error == 0 || error == RELAY_ERR_BOUNDS || error == RELAY_ERR_CLOSED, 1);
        usleep(10);
    }
    return NULL;
}

/* ---- Handles of libuv ------------------------------------------------------------------------ */

static void on_uv_timer(uv_timer_t *handle)
{
    struct state *state = handle->data;
    uint64_t before = relay_worker_now_ns(state->worker);
    relay_worker_wake(state->worker);
    EXPECT(relay_worker_now_ns(state->worker) >= before, 1);
    if (state->turns++ == 3)
        trace("a handle of libuv turns");
}

static void open_handle(struct state *state)
{
    EXPECT(uv_timer_init(relay_worker_loop(state->worker), &state->handle), 0);
    state->handle.data = state;
    uv_timer_start(&state->handle, on_uv_timer, 10, 10);
    state->is_handle_open = true;
}

/* ---- Wrong threads and handles --------------------------------------------------------------- */

static void *log_foreign(void *arg)
{
    relay_log((struct relay_self *)arg, RELAY_INFO, "from a thread");
    relay_counter((struct relay_self *)arg, "from_a_thread");
    return NULL;
}

static void *look_foreign(void *arg)
{
    EXPECT(relay_worker_number(arg), 0);
    return NULL;
}

static void start_thread(struct state *state, void *(*run)(void *arg), void *arg)
{
    EXPECT(pthread_create(&state->thread, NULL, run, arg), 0);
    __atomic_store_n(&state->has_thread, true, __ATOMIC_RELAXED);
}

/* What worker 0 told the others. */
static void look_at_other(struct relay_worker *worker, void *arg)
{
    struct relay_worker *other = NULL;
    char text[32];
    (void)arg;
    if (relay_shared_get(relay_worker_self(worker), "worker", text, sizeof text) > 0)
        sscanf(text, "%p", (void **)&other);
    relay_worker_now_ns(other);
}

static void use_stale_timer(struct relay_worker *worker, void *arg)
{
    struct state *state = arg;
    struct relay_timer *stale = state->timer;
    (void)worker;
    relay_timer_stop(&state->timer);
    relay_timer_stop(&stale);
}

static void use_wrong_type(struct relay_worker *worker, void *arg)
{
    struct state *state = arg;
    (void)worker;
    relay_group_write((struct relay_group *)(void *)state->source, "x", 1);
}

static void use_no_handle(struct relay_worker *worker, void *arg)
{
    (void)worker;
    (void)arg;
    relay_peer_address(NULL);
}

/* ---- Sources --------------------------------------------------------------------------------- */

static void on_live(struct relay_source *source, void *user)
{
    struct state *state = user;
    EXPECT(source == state->source, 1);
    if (settings_of(state->worker)->doing == CLOSE_IN_LIVE) {
        relay_group_close(&state->group, 0);
        relay_source_close(&state->source, 0);
        trace("closed in on_live");
    }
}

static void open_source(struct state *state)
{
    static const struct relay_source_ops ops = {.size = sizeof ops, .on_live = on_live};
    char path[32];
    snprintf(path, sizeof path, "misuse/%u", relay_worker_number(state->worker));
    const struct relay_offer offer = {.size = sizeof offer, .path = path, .priority = 128};
    EXPECT(relay_source_open(state->worker, &offer, &ops, state, &state->source), 0);
    EXPECT(relay_group_open(state->source, RELAY_NEXT_GROUP, &state->group), 0);
    EXPECT(relay_group_write(state->group, "hello", 5), 0);
}

static void close_all(struct relay_worker *worker, void *arg)
{
    struct state *state = arg;
    (void)worker;
    relay_source_close(&state->source, RELAY_ERR_OFFLINE);
    state->group = NULL; /* went with its source */
    relay_timer_stop(&state->timer);
    trace("all is closed");
}

static void turn(struct relay_worker *worker, void *arg)
{
    (void)worker;
    (void)arg;
}

/* ---- Its life -------------------------------------------------------------------------------- */

static void begin_misuse(struct state *state, int doing)
{
    struct relay_worker *worker = state->worker;
    static void (*const late[])(struct relay_worker * worker, void *arg) = {
        [TIMERS] = run_thrice,          [POST_MANY] = post_many,
        [OTHER_WORKER] = look_at_other, [STALE_TIMER] = use_stale_timer,
        [WRONG_TYPE] = use_wrong_type,  [NO_HANDLE] = use_no_handle,
        [DIE_IN_TIMER] = close_all};
    if (doing == WRONG_TYPE || doing == LEAVE_OPEN || doing == CLOSE_IN_LIVE ||
        doing == DIE_IN_TIMER)
        open_source(state);
    if (doing == LEAVE_OPEN)
        state->timer = relay_timer_start(worker, 1, 1, turn, NULL);
    else if (doing == LEAVE_HANDLE || doing == USE_HANDLE)
        open_handle(state);
    else if (doing == POST_LATE)
        start_thread(state, post_always, state);
    else if (doing == THREAD_COUNTS)
        start_thread(state, log_foreign, relay_worker_self(worker));
    else if (doing == THREAD_LOOKS)
        start_thread(state, look_foreign, worker);
    else if ((size_t)doing < sizeof late / sizeof late[0] && late[doing])
        state->timer = relay_timer_start(worker, 100, doing == TIMERS ? 10 : 0, late[doing], state);
}

static int start(struct relay_self *self, const void *config)
{
    const struct settings *settings = config;
    if (settings->doing == MAIN_LOOKS)
        EXPECT(relay_shared_set(self, "look", ""), 0);
    return 0;
}

static int worker_start(struct relay_worker *worker, const void *config)
{
    struct state *state = state_of(worker);
    const struct settings *settings = config;
    char text[32];
    state->worker = worker;
    if (relay_worker_number(worker) == 0) {
        snprintf(text, sizeof text, "%p", (void *)worker);
        EXPECT(relay_shared_set(relay_worker_self(worker), "worker", text), 0);
        relay_set_data(relay_worker_self(worker), worker);
    }
    if (settings->doing != OTHER_WORKER || relay_worker_number(worker) == 1)
        begin_misuse(state, settings->doing);
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    (void)handle;
}

static void worker_stop(struct relay_worker *worker)
{
    struct state *state = state_of(worker);
    int doing = settings_of(worker)->doing;
    if (doing == POST_LATE)
        EXPECT(relay_worker_post(worker, late_post, NULL), 0);
    if (state->has_thread) {
        __atomic_store_n(&state->is_over, true, __ATOMIC_RELAXED);
        pthread_join(state->thread, NULL);
    }
    if (doing == LEAVE_OPEN || doing == LEAVE_HANDLE)
        return;
    if (state->is_handle_open)
        uv_close((uv_handle_t *)&state->handle, on_closed);
    relay_timer_stop(&state->timer);
    relay_timer_stop(&state->other);
    relay_group_close(&state->group, 0);
    relay_source_close(&state->source, 0);
}

static void stop(struct relay_self *self)
{
    struct relay_worker *worker = relay_data(self);
    EXPECT(relay_worker_post(worker, late_post, NULL) < 0, 1);
    relay_log(self, RELAY_INFO, "the last words");
    if (relay_shared_get(self, "look", NULL, 0) >= 0)
        relay_worker_number(worker);
    trace("stopped");
}

static void answer_twice(struct relay_worker *worker, void *arg)
{
    struct relay_request *request = relay_request_held(worker, (uint64_t)(uintptr_t)arg);
    EXPECT(relay_request_answer(request, RELAY_ALLOW), 0);
    relay_request_answer(request, RELAY_DENY);
}

static enum relay_verdict subscribe(struct relay_peer *peer, struct relay_request *request)
{
    struct relay_worker *worker = relay_peer_worker(peer);
    if (settings_of(worker)->doing != STALE_REQUEST)
        return RELAY_PASS;
    void *number = (void *)(uintptr_t)relay_request_number(request);
    EXPECT(relay_worker_post(worker, answer_twice, number), 0);
    return RELAY_LATER;
}

static const struct relay_hooks hooks = {.size = sizeof hooks, .subscribe = subscribe};

RELAY_MODULE = {
    RELAY_MODULE_HEAD,
    .name = "misuse",
    .version = "1.0",
    .config = &schema,
    .hooks = &hooks,
    .worker_slot_bytes = sizeof(struct state),
    .start = start,
    .worker_start = worker_start,
    .worker_stop = worker_stop,
    .stop = stop,
};
