/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Timers of modules: libuv's, with the worker's clock set before each call.
 * Tested by tests/e2e/test_modules.py. */
#include <stdlib.h>

#include "server/host/internal.h"

struct relay_timer {
    struct host_handle head;
    struct list node; /* relay_worker.timers */
    uv_timer_t timer;
    void (*run)(struct relay_worker *worker, void *arg);
    void *arg;
};

static void on_timer(uv_timer_t *handle)
{
    struct relay_timer *timer = handle->data;
    struct relay_worker *worker = timer->head.worker;
    moq_native_wake(worker->core->native);
    timer->run(worker, timer->arg);
}

struct relay_timer *relay_timer_start(struct relay_worker *worker, uint64_t delay_ms,
                                      uint64_t repeat_ms,
                                      void (*run)(struct relay_worker *worker, void *arg),
                                      void *arg)
{
    if (!FITS(worker, HOST_WORKER) || !run || worker->timer_count == RELAY_TIMERS_MAX)
        return NULL;
    struct relay_timer *timer = calloc(1, sizeof *timer);
    if (!timer)
        return NULL;
    timer->head = (struct host_handle){HOST_TIMER, worker};
    timer->run = run;
    timer->arg = arg;
    list_push_back(&worker->timers, &timer->node);
    worker->timer_count++;
    uv_update_time(worker->core->loop); /* this turn may have begun long ago */
    uv_timer_init(worker->core->loop, &timer->timer);
    timer->timer.data = timer;
    uv_timer_start(&timer->timer, on_timer, delay_ms, repeat_ms);
    return timer;
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void stop_timer(struct relay_timer *timer)
{
    timer->head.magic = 0;
    list_remove(&timer->node);
    timer->head.worker->timer_count--;
    uv_close((uv_handle_t *)&timer->timer, on_timer_closed);
}

void relay_timer_stop(struct relay_timer **timer)
{
    if (timer && *timer && FITS(*timer, HOST_TIMER))
        stop_timer(*timer);
    if (timer)
        *timer = NULL;
}

void timers_stop_forgotten(struct relay_worker *worker)
{
    while (!list_is_empty(&worker->timers))
        stop_timer(container_of(worker->timers.next, struct relay_timer, node));
}
