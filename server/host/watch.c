/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tracks that modules watch, and the paths that they are told of.
 * Tested by tests/e2e/test_modules.py. */
#include <stdlib.h>
#include <string.h>

#include "server/host/internal.h"

_Static_assert((int)RELAY_WATCHES_MAX == (int)CORE_WATCHES_MAX, "one is the other");
_Static_assert((int)RELAY_ANNOUNCED_MAX == (int)CORE_ANNOUNCED_MAX, "one is the other");

struct relay_watch {
    struct host_handle head;
    struct list node; /* relay_worker.watches */
    struct core_watch *core;
    relay_on_readable *on_readable;
    void *user;
};

struct relay_announced {
    struct host_handle head;
    struct list node; /* relay_worker.announced */
    struct core_announced *core;
    struct relay_announced_ops ops;
    void *user;
};

/* ---- Tracks ---------------------------------------------------------------------------------- */

static void on_core_readable(void *user, struct core_watch *core)
{
    struct relay_watch *watch = user;
    (void)core;
    if (watch->on_readable)
        watch->on_readable(watch, watch->user);
}

static const struct core_watch_ops watch_ops = {.on_readable = on_core_readable};

static int read_wish(const struct relay_worker *worker, const struct relay_wish *given,
                     struct core_watch_wish *wish)
{
    static const enum moq_cursor_start starts[] = {
        [RELAY_START_NEWEST] = MOQ_CURSOR_NEWEST,
        [RELAY_START_OLDEST] = MOQ_CURSOR_OLDEST,
        [RELAY_START_NEXT] = MOQ_CURSOR_NEXT,
    };
    struct relay_wish all = {.size = 0};
    memcpy(&all, given, host_struct_bytes(given->size, sizeof all));
    if (given->size <= offsetof(struct relay_wish, order) || all.start > RELAY_START_NEXT ||
        all.order > RELAY_ORDER_NEWEST)
        return RELAY_ERR_INVALID;
    *wish = (struct core_watch_wish){
        .path = host_path(all.path),
        .policy = {.latency_ns = all.latency_ns,
                   .priority = 128,
                   .order = all.order == RELAY_ORDER_OLDEST ? MOQ_ORDER_OLDEST : MOQ_ORDER_NEWEST},
        .start = starts[all.start],
        .unread_max_bytes = all.unread_max_bytes,
    };
    const struct config_asker asker = {.path = all.path}; /* it has no URL and no token */
    if (wish->path && all.latency_ns == 0)
        wish->policy.latency_ns = config_policy_for(&worker->relay->policy, &asker).latency_ns;
    return wish->path ? 0 : RELAY_ERR_INVALID;
}

int relay_watch_open(struct relay_worker *worker, const struct relay_wish *given,
                     relay_on_readable *on_readable, void *user, struct relay_watch **out)
{
    struct core_watch_wish wish;
    *out = NULL;
    if (!FITS(worker, HOST_WORKER) || read_wish(worker, given, &wish))
        return RELAY_ERR_INVALID;
    struct relay_watch *watch = calloc(1, sizeof *watch);
    int error = watch ? 0 : MOQ_ERR_NOMEM;
    if (watch) {
        watch->head = (struct host_handle){HOST_WATCH, worker};
        watch->on_readable = on_readable;
        watch->user = user;
        error = core_watch_open(worker->core->router, &wish, &watch_ops, watch, &watch->core);
    }
    moq_path_unref(&wish.path);
    if (error) {
        free(watch);
        return host_error(error);
    }
    list_push_back(&worker->watches, &watch->node);
    *out = watch;
    return 0;
}

static enum relay_item_kind kind_of_item(enum moq_cursor_item_kind kind)
{
    switch (kind) {
    case MOQ_CURSOR_GROUP:
        return RELAY_ITEM_GROUP;
    case MOQ_CURSOR_FRAME:
        return RELAY_ITEM_FRAME;
    case MOQ_CURSOR_GROUP_END:
        return RELAY_ITEM_GROUP_END;
    case MOQ_CURSOR_GAP:
        return RELAY_ITEM_GAP;
    case MOQ_CURSOR_END:
        break;
    }
    return RELAY_ITEM_END;
}

int relay_watch_read(struct relay_watch *watch, struct relay_item *item)
{
    struct moq_cursor_item core = {.kind = MOQ_CURSOR_END};
    uint32_t size = item->size;
    if (!FITS(watch, HOST_WATCH))
        return RELAY_ERR_INVALID;
    int found = core_watch_read(watch->core, &core);
    if (found <= 0)
        return found == 0 ? 0 : host_error(found);
    const struct relay_item all = {
        .size = size,
        .kind = kind_of_item(core.kind),
        .sequence = core.sequence,
        .last = core.last,
        .data = core.data,
        .data_bytes = core.size,
        .error = host_error(core.error),
    };
    memcpy(item, &all, host_struct_bytes(size, sizeof all));
    return 1;
}

void relay_watch_stats(const struct relay_watch *watch, struct relay_watch_stats *stats)
{
    struct moq_cursor_stats core = {.groups_read = 0};
    uint32_t size = stats->size;
    if (FITS(watch, HOST_WATCH))
        core_watch_stats(watch->core, &core);
    const struct relay_watch_stats all = {
        .size = size,
        .groups_read = core.groups_read,
        .groups_cut = core.groups_cut,
        .groups_skipped = core.groups_skipped,
        .bytes_read = core.bytes_read,
        .backlog_bytes = core.backlog_bytes,
        .lag_ns = core.backlog_ns,
    };
    memcpy(stats, &all, host_struct_bytes(size, sizeof all));
}

static void close_watch(struct relay_watch *watch)
{
    watch->head.magic = 0;
    list_remove(&watch->node);
    core_watch_close(&watch->core);
    free(watch);
}

void relay_watch_close(struct relay_watch **watch)
{
    struct relay_watch *closed = watch ? *watch : NULL;
    if (watch)
        *watch = NULL; /* first, because hooks may close it again */
    if (closed && FITS(closed, HOST_WATCH))
        close_watch(closed);
}

/* ---- Paths ----------------------------------------------------------------------------------- */

static void on_core_path(void *user, struct moq_path *path, bool is_announced)
{
    const struct relay_announced *announced = user;
    char text[MOQ_PATH_TEXT_BYTES];
    announced->ops.on_path(announced->user, moq_path_text(path, text, sizeof text), is_announced);
}

static void on_core_listed(void *user)
{
    const struct relay_announced *announced = user;
    if (announced->ops.on_listed)
        announced->ops.on_listed(announced->user);
}

static const struct core_announced_ops all_ops = {.on_path = on_core_path,
                                                  .on_listed = on_core_listed};
static const struct core_announced_ops ungiven_ops = {
    .on_path = on_core_path, .on_listed = on_core_listed, .omits_given = true};

int relay_announced_open(struct relay_worker *worker, const char *prefix,
                         const struct relay_announced_ops *ops, void *user,
                         struct relay_announced **out)
{
    *out = NULL;
    if (!FITS(worker, HOST_WORKER) || !prefix || !ops ||
        ops->size <= offsetof(struct relay_announced_ops, on_path) || !ops->on_path)
        return RELAY_ERR_INVALID;
    struct moq_path *path = moq_path_from_text(prefix);
    struct relay_announced *announced = path ? calloc(1, sizeof *announced) : NULL;
    int error = !path ? MOQ_ERR_INVALID : !announced ? MOQ_ERR_NOMEM : 0;
    if (!error) {
        announced->head = (struct host_handle){HOST_ANNOUNCED, worker};
        memcpy(&announced->ops, ops, host_struct_bytes(ops->size, sizeof announced->ops));
        announced->user = user;
        error = core_announced_open(worker->core->router, path,
                                    announced->ops.omits_given ? &ungiven_ops : &all_ops, announced,
                                    &announced->core);
    }
    moq_path_unref(&path);
    if (error) {
        free(announced);
        return host_error(error);
    }
    list_push_back(&worker->announced, &announced->node);
    *out = announced;
    return 0;
}

static void close_announced(struct relay_announced *announced)
{
    announced->head.magic = 0;
    list_remove(&announced->node);
    core_announced_close(&announced->core);
    free(announced);
}

void relay_announced_close(struct relay_announced **announced)
{
    if (announced && *announced && FITS(*announced, HOST_ANNOUNCED))
        close_announced(*announced);
    if (announced)
        *announced = NULL;
}

void watches_close_forgotten(struct relay_worker *worker)
{
    while (!list_is_empty(&worker->watches))
        close_watch(container_of(worker->watches.next, struct relay_watch, node));
    while (!list_is_empty(&worker->announced))
        close_announced(container_of(worker->announced.next, struct relay_announced, node));
}

bool relay_path_is_offered(const struct relay_worker *worker, const char *text)
{
    struct moq_path *path = FITS(worker, HOST_WORKER) && text ? host_path(text) : NULL;
    bool is_offered = path && core_is_announced(worker->core->router, path);
    moq_path_unref(&path);
    return is_offered;
}
