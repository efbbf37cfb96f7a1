/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Timers on the clock of the fake relay.
 * Tested by tests/unit/lua/test_fake.c. */
#include <stdlib.h>

#include "lua/test/fake.h"

struct relay_timer {
    struct relay_timer *next;
    struct relay_worker *worker;
    uint64_t due_ns, repeat_ns; /* due UINT64_MAX: it has run */
    void (*run)(struct relay_worker *worker, void *arg);
    void *arg;
};

struct relay_timer *relay_timer_start(struct relay_worker *worker, uint64_t delay_ms,
                                      uint64_t repeat_ms,
                                      void (*run)(struct relay_worker *worker, void *arg),
                                      void *arg)
{
    struct relay_timer *timer = calloc(1, sizeof *timer);
    if (!timer)
        return NULL;
    *timer = (struct relay_timer){.next = worker->timers,
                                  .worker = worker,
                                  .due_ns = worker->now_ns + delay_ms * FAKE_NS_PER_MS,
                                  .repeat_ns = repeat_ms * FAKE_NS_PER_MS,
                                  .run = run,
                                  .arg = arg};
    worker->timers = timer;
    return timer;
}

void relay_timer_stop(struct relay_timer **pointer)
{
    struct relay_timer *timer = *pointer;
    *pointer = NULL;
    if (!timer)
        return;
    struct relay_timer **at = &timer->worker->timers;
    while (*at != timer)
        at = &(*at)->next;
    *at = timer->next;
    free(timer);
}

void fake_advance(struct relay_self *self, uint64_t ns)
{
    struct relay_worker *worker = &self->worker;
    uint64_t until_ns = worker->now_ns + ns;
    for (;;) {
        struct relay_timer *first = NULL;
        for (struct relay_timer *timer = worker->timers; timer; timer = timer->next)
            if (timer->due_ns <= until_ns && (!first || timer->due_ns < first->due_ns))
                first = timer;
        if (!first)
            break;
        worker->now_ns = first->due_ns;
        first->due_ns = first->repeat_ns > 0 ? first->due_ns + first->repeat_ns : UINT64_MAX;
        first->run(worker, first->arg);
    }
    worker->now_ns = until_ns;
}
