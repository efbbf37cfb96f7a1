/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Catalogs are watched as players watch them.
 * Tested by tests/unit/modules/test_ladder_broadcasts.c and tests/e2e/test_switching.py. */
#include "modules/ladder/broadcasts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMER_MS = 250 };

struct held {
    struct list node;
    uint64_t number;
};

struct broadcast {
    struct list node;
    struct broadcasts *broadcasts;
    struct relay_watch *watch; /* NULL: its catalog has ended */
    struct karp_catalog *catalog;
    struct list held; /* held.node: requests that wait for it */
    uint64_t asked_ns, used_ns;
    bool is_decided; /* it was read, or nobody waits for it any more */
    bool is_deciding;
    char path[];
};

static uint64_t now_ns(const struct broadcast *broadcast)
{
    return relay_worker_now_ns(broadcast->broadcasts->worker);
}

/* ---- Requests that wait ---------------------------------------------------------------------- */

bool broadcast_hold(struct broadcast *broadcast, const struct relay_request *request)
{
    struct broadcasts *broadcasts = broadcast->broadcasts;
    struct held *held = broadcasts->held_count < BROADCAST_HELD_MAX ? malloc(sizeof *held) : NULL;
    if (!held)
        return false;
    held->number = relay_request_number(request);
    list_push_back(&broadcast->held, &held->node);
    broadcasts->held_count++;
    return true;
}

/* Answers all that wait. Answering calls hooks, which may ask for other broadcasts. */
static void decide_broadcast(struct broadcast *broadcast)
{
    struct broadcasts *broadcasts = broadcast->broadcasts;
    broadcast->is_decided = broadcast->is_deciding = true;
    for (struct list *node; (node = list_pop_front(&broadcast->held));) {
        struct held *held = container_of(node, struct held, node);
        struct relay_request *request = relay_request_held(broadcasts->worker, held->number);
        broadcasts->held_count--;
        free(held);
        if (request)
            broadcasts->on_read(request, broadcast->catalog);
    }
    broadcast->is_deciding = false;
}

/* ---- Their catalogs -------------------------------------------------------------------------- */

/* A catalog that cannot be read changes nothing: the last good one counts. */
static void read_catalog(struct broadcast *broadcast, const struct relay_item *item)
{
    struct karp_catalog *catalog;
    struct karp_failure failure;
    int error = karp_catalog_parse(item->data, item->data_bytes, &catalog, &failure);
    if (error) {
        relay_log(relay_worker_self(broadcast->broadcasts->worker), RELAY_WARN,
                  "the catalog of %s cannot be read: %s", broadcast->path, failure.text);
        return;
    }
    karp_catalog_free(broadcast->catalog);
    broadcast->catalog = catalog;
}

static void on_readable(struct relay_watch *watch, void *user)
{
    struct broadcast *broadcast = user;
    struct relay_item item = {.size = sizeof item};
    bool is_over = false;
    while (!is_over && relay_watch_read(watch, &item) == 1) {
        if (item.kind == RELAY_ITEM_FRAME)
            read_catalog(broadcast, &item);
        is_over = item.kind == RELAY_ITEM_END;
    }
    if (is_over)
        relay_watch_close(&broadcast->watch);
    if (is_over || broadcast->catalog)
        decide_broadcast(broadcast);
}

/* Where tracks have string names, the catalog is one of them; with array paths it is at the path of
 * the broadcast itself. NULL: neither is offered. */
static const char *find_catalog(struct relay_worker *worker, const char *path,
                                char out[RELAY_PATH_BYTES])
{
    int n = snprintf(out, RELAY_PATH_BYTES, "%s/%s", path, KARP_CATALOG_NAME);
    if (n < RELAY_PATH_BYTES && relay_path_is_offered(worker, out))
        return out;
    return relay_path_is_offered(worker, path) ? path : NULL;
}

static void free_broadcast(struct broadcast *broadcast)
{
    broadcast->broadcasts->count--;
    list_remove(&broadcast->node);
    relay_watch_close(&broadcast->watch);
    decide_broadcast(broadcast);
    karp_catalog_free(broadcast->catalog);
    free(broadcast);
}

static struct broadcast *new_broadcast(struct broadcasts *broadcasts, const char *path)
{
    char text[RELAY_PATH_BYTES];
    const struct relay_wish wish = {
        .size = sizeof wish,
        .start = RELAY_START_NEWEST,
        .path = find_catalog(broadcasts->worker, path, text),
        .unread_max_bytes = 2 * KARP_CATALOG_MAX_BYTES,
        .order = RELAY_ORDER_NEWEST,
    };
    size_t size = strlen(path) + 1;
    struct broadcast *broadcast = wish.path ? calloc(1, sizeof *broadcast + size) : NULL;
    if (!broadcast)
        return NULL;
    memcpy(broadcast->path, path, size);
    broadcast->broadcasts = broadcasts;
    list_init(&broadcast->held);
    broadcast->asked_ns = relay_worker_now_ns(broadcasts->worker);
    broadcasts->count++;
    list_push_front(&broadcasts->all, &broadcast->node);
    if (relay_watch_open(broadcasts->worker, &wish, on_readable, broadcast, &broadcast->watch))
        broadcast->is_decided = true;
    return broadcast;
}

/* ---- All of them ----------------------------------------------------------------------------- */

static struct broadcast *find_broadcast(const struct broadcasts *broadcasts, const char *path)
{
    list_for_each (node, &broadcasts->all) {
        struct broadcast *broadcast = container_of(node, struct broadcast, node);
        if (strcmp(broadcast->path, path) == 0)
            return broadcast;
    }
    return NULL;
}

/* Forgets the least lately used one if there are too many. False: requests wait for all of them. */
static bool make_room(struct broadcasts *broadcasts)
{
    struct list *node = broadcasts->all.prev;
    if (broadcasts->count < BROADCASTS_MAX)
        return true;
    for (; node != &broadcasts->all; node = node->prev) {
        struct broadcast *broadcast = container_of(node, struct broadcast, node);
        if (!list_is_empty(&broadcast->held) || broadcast->is_deciding)
            continue;
        free_broadcast(broadcast);
        return true;
    }
    return false;
}

struct broadcast *broadcast_get(struct broadcasts *broadcasts, const char *path)
{
    struct broadcast *broadcast = find_broadcast(broadcasts, path);
    if (!broadcast && make_room(broadcasts))
        broadcast = new_broadcast(broadcasts, path);
    if (!broadcast)
        return NULL;
    broadcast->used_ns = now_ns(broadcast);
    list_remove(&broadcast->node);
    list_push_front(&broadcasts->all, &broadcast->node);
    return broadcast;
}

bool broadcast_catalog(const struct broadcast *broadcast, const struct karp_catalog **catalog)
{
    *catalog = broadcast->catalog;
    return broadcast->is_decided;
}

/* Its catalog takes too long. */
static bool is_slow(const struct broadcast *broadcast)
{
    return !broadcast->is_decided &&
           now_ns(broadcast) - broadcast->asked_ns > BROADCAST_PATIENCE_NS;
}

/* Nobody asks for it any more; or its catalog has ended, and the next request looks for another. */
static bool is_over(const struct broadcast *broadcast)
{
    return !broadcast->watch || now_ns(broadcast) - broadcast->used_ns > BROADCAST_KEPT_NS;
}

static struct broadcast *find_such(const struct broadcasts *broadcasts,
                                   bool (*is_such)(const struct broadcast *broadcast))
{
    list_for_each (node, &broadcasts->all) {
        struct broadcast *broadcast = container_of(node, struct broadcast, node);
        if (is_such(broadcast))
            return broadcast;
    }
    return NULL;
}

/* Hooks of those answered may ask for other broadcasts, which changes the list: each search begins
 * anew. */
static void on_timer(struct relay_worker *worker, void *arg)
{
    struct broadcasts *broadcasts = arg;
    (void)worker;
    for (struct broadcast *slow; (slow = find_such(broadcasts, is_slow));)
        decide_broadcast(slow);
    for (struct broadcast *over; (over = find_such(broadcasts, is_over));)
        free_broadcast(over);
}

bool broadcasts_start(struct broadcasts *broadcasts, struct relay_worker *worker,
                      broadcast_on_read *on_read)
{
    broadcasts->worker = worker;
    broadcasts->on_read = on_read;
    list_init(&broadcasts->all);
    broadcasts->timer = relay_timer_start(worker, TIMER_MS, TIMER_MS, on_timer, broadcasts);
    return broadcasts->timer != NULL;
}

void broadcasts_stop(struct broadcasts *broadcasts)
{
    if (!broadcasts->worker)
        return;
    relay_timer_stop(&broadcasts->timer);
    while (!list_is_empty(&broadcasts->all))
        free_broadcast(container_of(broadcasts->all.next, struct broadcast, node));
}
