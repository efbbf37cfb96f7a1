/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tested by tests/e2e/test_lua.py. */
#include "lua/host/pulse.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define NS_PER_MS UINT64_C(1000000)

struct watchdog {
    struct relay_self *self;
    unsigned threads, calls;
    pthread_t thread;
    pthread_mutex_t mutex; /* for what follows */
    pthread_cond_t end;
    bool is_ending;
    uint64_t abort_ns;
    char (*places)[PULSE_PLACE_BYTES]; /* of each call of each thread */
    uint64_t *told_ns;                 /* of each thread: the call that the log knows of */
    struct pulse *pulses;              /* their members are atomic */
};

/* ---- The thread ------------------------------------------------------------------------------ */

static uint64_t read_now(struct timespec *now)
{
    clock_gettime(CLOCK_MONOTONIC, now);
    return (uint64_t)now->tv_sec * 1000 * NS_PER_MS + (uint64_t)now->tv_nsec;
}

static void look_at_thread(struct watchdog *watchdog, unsigned thread, uint64_t now_ns)
{
    const struct pulse *pulse = &watchdog->pulses[thread];
    uint64_t since_ns = __atomic_load_n(&pulse->since_ns, __ATOMIC_RELAXED);
    unsigned call = (unsigned)__atomic_load_n(&pulse->call, __ATOMIC_RELAXED);
    if (since_ns == 0 || now_ns < since_ns + PULSE_WARN_MS * NS_PER_MS || call >= watchdog->calls)
        return;
    const char *place = watchdog->places[thread * watchdog->calls + call];
    double seconds = (double)(now_ns - since_ns) / 1e9;
    if (watchdog->told_ns[thread] != since_ns)
        relay_log(watchdog->self, RELAY_WARN,
                  "a call of the script has been running for %.1f s: %s; the thread that it runs "
                  "on does nothing else",
                  seconds, place);
    watchdog->told_ns[thread] = since_ns;
    if (watchdog->abort_ns == 0 || now_ns - since_ns < watchdog->abort_ns)
        return;
    relay_log(watchdog->self, RELAY_ERROR,
              "a call of the script has been running for %.1f s: %s; the relay aborts, as "
              "abort_after says",
              seconds, place);
    abort();
}

static void *run_watchdog(void *user)
{
    struct watchdog *watchdog = user;
    struct timespec now;
    pthread_mutex_lock(&watchdog->mutex);
    while (!watchdog->is_ending) {
        uint64_t now_ns = read_now(&now);
        for (unsigned i = 0; i < watchdog->threads; i++)
            look_at_thread(watchdog, i, now_ns);
        uint64_t until_ns = now_ns + PULSE_LOOK_MS * NS_PER_MS;
        const struct timespec until = {.tv_sec = (time_t)(until_ns / (1000 * NS_PER_MS)),
                                       .tv_nsec = (long)(until_ns % (1000 * NS_PER_MS))};
        pthread_cond_timedwait(&watchdog->end, &watchdog->mutex, &until);
    }
    pthread_mutex_unlock(&watchdog->mutex);
    return NULL;
}

/* ---- From outside ---------------------------------------------------------------------------- */

static void free_memory(struct watchdog *watchdog)
{
    free(watchdog->places);
    free(watchdog->told_ns);
    free(watchdog->pulses);
    free(watchdog);
}

static bool start_thread(struct watchdog *watchdog)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&watchdog->mutex, NULL);
    pthread_cond_init(&watchdog->end, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&watchdog->thread, NULL, run_watchdog, watchdog) == 0)
        return true;
    pthread_cond_destroy(&watchdog->end);
    pthread_mutex_destroy(&watchdog->mutex);
    return false;
}

struct watchdog *watchdog_new(struct relay_self *self, unsigned threads, unsigned calls)
{
    struct watchdog *watchdog = calloc(1, sizeof *watchdog);
    if (!watchdog)
        return NULL;
    watchdog->self = self;
    watchdog->threads = threads;
    watchdog->calls = calls;
    watchdog->places = calloc((size_t)threads * calls, sizeof *watchdog->places);
    watchdog->told_ns = calloc(threads, sizeof *watchdog->told_ns);
    watchdog->pulses = calloc(threads, sizeof *watchdog->pulses);
    bool has_memory = watchdog->places && watchdog->told_ns && watchdog->pulses;
    if (has_memory && start_thread(watchdog))
        return watchdog;
    free_memory(watchdog);
    return NULL;
}

void watchdog_free(struct watchdog **pointer)
{
    struct watchdog *watchdog = *pointer;
    *pointer = NULL;
    if (!watchdog)
        return;
    pthread_mutex_lock(&watchdog->mutex);
    watchdog->is_ending = true;
    pthread_cond_signal(&watchdog->end);
    pthread_mutex_unlock(&watchdog->mutex);
    pthread_join(watchdog->thread, NULL);
    pthread_cond_destroy(&watchdog->end);
    pthread_mutex_destroy(&watchdog->mutex);
    free_memory(watchdog);
}

struct pulse *watchdog_pulse(const struct watchdog *watchdog, unsigned thread)
{
    return &watchdog->pulses[thread];
}

void watchdog_set_place(struct watchdog *watchdog, unsigned thread, unsigned call,
                        const char *place)
{
    pthread_mutex_lock(&watchdog->mutex);
    snprintf(watchdog->places[thread * watchdog->calls + call], PULSE_PLACE_BYTES, "%s", place);
    pthread_mutex_unlock(&watchdog->mutex);
}

void watchdog_set_abort(struct watchdog *watchdog, uint64_t abort_ns)
{
    pthread_mutex_lock(&watchdog->mutex);
    watchdog->abort_ns = abort_ns;
    pthread_mutex_unlock(&watchdog->mutex);
}
