/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* How many broadcasts the ladder module knows at a time, and which of them it forgets. The relay is
 * played by the functions below: all paths are offered, and no catalog ever comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "modules/ladder/broadcasts.h"

#define SECOND_NS UINT64_C(1000000000)

struct relay_worker {
    uint64_t now_ns;
    void (*run)(struct relay_worker *worker, void *arg); /* of its timer */
    void *arg;
    struct broadcasts broadcasts;
    uint64_t requests; /* so many were made; they are held until they are answered */
    int answered, watches;
};

struct relay_request {
    struct relay_worker *worker;
    uint64_t number;
};

struct relay_watch {
    struct relay_worker *worker;
};

struct relay_timer {
    int unused;
};

/* ---- The relay ------------------------------------------------------------------------------- */

uint64_t relay_worker_now_ns(const struct relay_worker *worker)
{
    return worker->now_ns;
}

struct relay_self *relay_worker_self(const struct relay_worker *worker)
{
    (void)worker;
    return NULL;
}

void relay_log_write(struct relay_self *self, struct relay_log_site *site, int level,
                     const char *format, ...)
{
    (void)self, (void)site, (void)level, (void)format;
}

bool relay_path_is_offered(const struct relay_worker *worker, const char *path)
{
    (void)worker, (void)path;
    return true;
}

struct relay_timer *relay_timer_start(struct relay_worker *worker, uint64_t delay_ms,
                                      uint64_t repeat_ms,
                                      void (*run)(struct relay_worker *worker, void *arg),
                                      void *arg)
{
    static struct relay_timer timer;
    (void)delay_ms, (void)repeat_ms;
    worker->run = run;
    worker->arg = arg;
    return &timer;
}

void relay_timer_stop(struct relay_timer **timer)
{
    *timer = NULL;
}

int relay_watch_open(struct relay_worker *worker, const struct relay_wish *wish,
                     void (*readable)(struct relay_watch *watch, void *user), void *user,
                     struct relay_watch **watch)
{
    (void)wish, (void)readable, (void)user;
    *watch = malloc(sizeof **watch);
    assert_non_null(*watch);
    (*watch)->worker = worker;
    worker->watches++;
    return 0;
}

int relay_watch_read(struct relay_watch *watch, struct relay_item *item)
{
    (void)watch, (void)item;
    return 0;
}

void relay_watch_close(struct relay_watch **watch)
{
    if (*watch)
        (*watch)->worker->watches--;
    free(*watch);
    *watch = NULL;
}

uint64_t relay_request_number(const struct relay_request *request)
{
    return request->number;
}

struct relay_request *relay_request_held(struct relay_worker *worker, uint64_t number)
{
    static struct relay_request request;
    request = (struct relay_request){worker, number};
    return &request;
}

/* ---- Requests -------------------------------------------------------------------------------- */

static struct broadcast *ask_for(struct relay_worker *worker, int number)
{
    char path[16];
    snprintf(path, sizeof path, "show/%d", number);
    return broadcast_get(&worker->broadcasts, path);
}

static void hold_request(struct relay_worker *worker, int number)
{
    const struct relay_request request = {worker, ++worker->requests};
    assert_true(broadcast_hold(ask_for(worker, number), &request));
}

/* Whoever is answered asks for another broadcast at once. */
static void on_read(struct relay_request *request, const struct karp_catalog *catalog)
{
    struct relay_worker *worker = request->worker;
    assert_null(catalog);
    worker->answered++;
    ask_for(worker, 1000 + (int)request->number);
}

static void start(struct relay_worker *worker)
{
    *worker = (struct relay_worker){.now_ns = SECOND_NS};
    assert_true(broadcasts_start(&worker->broadcasts, worker, on_read));
}

static void wait_ns(struct relay_worker *worker, uint64_t ns)
{
    worker->now_ns += ns;
    worker->run(worker, worker->arg);
}

static void stop(struct relay_worker *worker)
{
    broadcasts_stop(&worker->broadcasts);
    assert_int_equal(worker->watches, 0);
    assert_int_equal(worker->broadcasts.held_count, 0);
}

/* ---- Tests ----------------------------------------------------------------------------------- */

/* So nobody can keep the ladders of others away by asking for many broadcasts. */
static void one_too_many_takes_the_place_of_the_least_lately_used(void **state)
{
    struct relay_worker worker;
    (void)state;
    start(&worker);
    for (int i = 0; i < BROADCASTS_MAX; i++)
        assert_non_null(ask_for(&worker, i));
    struct broadcast *first = ask_for(&worker, 0);
    assert_non_null(ask_for(&worker, BROADCASTS_MAX));
    assert_int_equal(worker.watches, BROADCASTS_MAX);
    assert_ptr_equal(ask_for(&worker, 0), first);
    stop(&worker);
}

static void one_for_which_requests_wait_keeps_its_place(void **state)
{
    struct relay_worker worker;
    (void)state;
    start(&worker);
    for (int i = 0; i < BROADCASTS_MAX; i++)
        hold_request(&worker, i);
    assert_null(ask_for(&worker, BROADCASTS_MAX));
    assert_int_equal(worker.answered, 0);
    stop(&worker);
    assert_int_equal(worker.answered, BROADCASTS_MAX);
}

/* While these are answered, others come, are looked at and take places. */
static void requests_do_not_wait_for_ever(void **state)
{
    struct relay_worker worker;
    (void)state;
    start(&worker);
    for (int i = 0; i < BROADCASTS_MAX; i++)
        hold_request(&worker, i);
    wait_ns(&worker, BROADCAST_PATIENCE_NS / 2);
    assert_int_equal(worker.answered, 0);
    wait_ns(&worker, BROADCAST_PATIENCE_NS);
    assert_int_equal(worker.answered, BROADCASTS_MAX);
    assert_int_equal(worker.broadcasts.count, BROADCASTS_MAX);
    wait_ns(&worker, BROADCAST_KEPT_NS + SECOND_NS);
    assert_int_equal(worker.broadcasts.count, 0);
    stop(&worker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_too_many_takes_the_place_of_the_least_lately_used),
        cmocka_unit_test(one_for_which_requests_wait_keeps_its_place),
        cmocka_unit_test(requests_do_not_wait_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
