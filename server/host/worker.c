/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A module on one worker: its place, its clock, its loop, and posts from other threads.
 * Tested by tests/e2e/test_modules.py. */
#include <stdlib.h>

#include "server/host/internal.h"

struct relay_worker *host_worker_new(struct relay_self *self, const struct core_worker *core)
{
    size_t slot_bytes = self->kind->module.worker_slot_bytes;
    struct relay_worker *worker = calloc(1, sizeof *worker);
    if (!worker)
        return NULL;
    worker->head = (struct host_handle){HOST_WORKER, worker};
    worker->self = self;
    worker->core = core;
    worker->relay = self->relay;
    worker->config = self->config;
    list_init(&worker->timers);
    list_init(&worker->sources);
    list_init(&worker->watches);
    list_init(&worker->announced);
    list_init(&worker->guests);
    list_init(&worker->dials);
    list_init(&worker->held);
    list_init(&worker->spare);
    worker->slot = slot_bytes > 0 ? calloc(1, slot_bytes) : NULL;
    if (worker->slot || slot_bytes == 0) {
        hooks_fill(worker);
        return worker;
    }
    free(worker);
    return NULL;
}

void host_worker_end(struct relay_worker *worker)
{
    __atomic_store_n(&worker->is_stopped, true, __ATOMIC_RELAXED);
    sources_close_forgotten(worker);
    guests_close_forgotten(worker);
    dials_close_forgotten(worker);
    watches_close_forgotten(worker);
    timers_stop_forgotten(worker);
}

void host_worker_free(struct relay_worker **pointer)
{
    struct relay_worker *worker = *pointer;
    if (!worker)
        return;
    worker->head.magic = 0;
    free(worker->slot);
    requests_free(worker);
    free(worker);
    *pointer = NULL;
}

struct relay_self *relay_worker_self(const struct relay_worker *worker)
{
    return FITS(worker, HOST_WORKER) ? worker->self : NULL;
}

uint32_t relay_worker_number(const struct relay_worker *worker)
{
    return FITS(worker, HOST_WORKER) ? (uint32_t)worker->core->number : 0;
}

void *relay_worker_slot(const struct relay_worker *worker)
{
    return FITS(worker, HOST_WORKER) ? worker->slot : NULL;
}

const void *relay_worker_config(const struct relay_worker *worker)
{
    return FITS(worker, HOST_WORKER) ? worker->config : NULL;
}

struct uv_loop_s *relay_worker_loop(const struct relay_worker *worker)
{
    return FITS(worker, HOST_WORKER) ? worker->core->loop : NULL;
}

void relay_worker_wake(struct relay_worker *worker)
{
    if (FITS(worker, HOST_WORKER))
        moq_native_wake(worker->core->native);
}

uint64_t relay_worker_now_ns(const struct relay_worker *worker)
{
    return FITS(worker, HOST_WORKER) ? moq_native_clock(worker->core->native)->now_ns : 0;
}

/* ---- Posts ----------------------------------------------------------------------------------- */

struct module_post {
    struct post post;
    struct relay_worker *worker;
    void (*run)(struct relay_worker *worker, void *arg);
    void *arg;
};

static void run_module_post(struct post *post, void *owner)
{
    struct module_post *wanted = container_of(post, struct module_post, post);
    struct relay_worker *worker = wanted->worker;
    (void)owner;
    __atomic_sub_fetch(&worker->waiting_posts, 1, __ATOMIC_RELAXED);
    if (!__atomic_load_n(&worker->is_stopped, __ATOMIC_RELAXED))
        wanted->run(worker, wanted->arg);
    free(wanted);
}

/* Does not ask for the thread, because this is the one function for all of them. */
int relay_worker_post(struct relay_worker *worker,
                      void (*run)(struct relay_worker *worker, void *arg), void *arg)
{
    if (!worker || worker->head.magic != HOST_WORKER || !run)
        return RELAY_ERR_INVALID;
    if (__atomic_load_n(&worker->is_stopped, __ATOMIC_RELAXED))
        return RELAY_ERR_CLOSED;
    if (__atomic_add_fetch(&worker->waiting_posts, 1, __ATOMIC_RELAXED) > RELAY_POSTS_MAX) {
        __atomic_sub_fetch(&worker->waiting_posts, 1, __ATOMIC_RELAXED);
        return RELAY_ERR_BOUNDS;
    }
    struct module_post *post = calloc(1, sizeof *post);
    if (!post) {
        __atomic_sub_fetch(&worker->waiting_posts, 1, __ATOMIC_RELAXED);
        return RELAY_ERR_NOMEM;
    }
    *post = (struct module_post){{.run = run_module_post}, worker, run, arg};
    mailbox_send(worker->core->mailbox, &post->post);
    return 0;
}
