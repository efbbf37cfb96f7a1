/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Announced paths for code inside the relay: a function is told of the offers that peers are told
 * of. */
#include <stdlib.h>

#include "base/objects.h"
#include "server/core/route.h"
#include "server/core/watch.h"
#include "server/core/watching.h"

/* Paths that one is told of in a turn. */
enum { PATHS_PER_TURN = 256 };

static void on_pending(struct moq_offers_watcher *watcher, void *user)
{
    struct core_announced *announced = user;
    (void)watcher;
    router_soon(announced->router, &announced->soon);
}

static bool can_see(void *user, const struct moq_path *path, const void *owner)
{
    const struct core_announced *announced = user;
    (void)path;
    return !announced->ops->omits_given || !announcement_is_given(owner);
}

static const struct moq_offers_watcher_ops watcher_ops = {.on_pending = on_pending,
                                                          .can_see = can_see};

static void free_announced(struct core_announced *announced)
{
    free(announced);
    object_died(OBJECT_announced_paths);
}

/* Tells one difference. False: there is none, or it was closed. */
static bool tell_one(struct core_announced *announced)
{
    struct moq_path *path;
    bool is_active;
    if (announced->is_closed || !announced->router ||
        !moq_offers_watcher_next(announced->watcher, &is_active, &path))
        return false;
    moq_path_ref(path);
    announced->ops->on_path(announced->user, path, is_active);
    moq_path_unref(&path);
    return true;
}

static bool has_more(const struct core_announced *announced)
{
    return announced->router && moq_offers_watcher_has_pending(announced->watcher);
}

static void tell_listed(struct core_announced *announced)
{
    if (announced->is_closed || !announced->router || announced->is_listed || has_more(announced))
        return;
    announced->is_listed = true;
    if (announced->ops->on_listed)
        announced->ops->on_listed(announced->user);
}

static void run_tell(struct soon *soon)
{
    struct core_announced *announced = container_of(soon, struct core_announced, soon);
    announced->is_telling = true;
    for (int i = 0; i < PATHS_PER_TURN && tell_one(announced); i++)
        ;
    tell_listed(announced);
    announced->is_telling = false;
    if (announced->is_closed)
        free_announced(announced);
    else if (has_more(announced))
        router_soon(announced->router, &announced->soon);
}

int core_announced_open(struct router *router, struct moq_path *prefix,
                        const struct core_announced_ops *ops, void *user,
                        struct core_announced **out)
{
    if (router->is_stopped)
        return MOQ_ERR_CLOSED;
    if (router->announced_count >= CORE_ANNOUNCED_MAX)
        return MOQ_ERR_BOUNDS;
    struct core_announced *announced = calloc(1, sizeof *announced);
    if (!announced)
        return MOQ_ERR_NOMEM;
    *announced = (struct core_announced){
        .router = router, .ops = ops, .user = user, .soon = {.run = run_tell}};
    announced->watcher = moq_offers_watch(router->offers, prefix, &watcher_ops, announced);
    if (!announced->watcher) {
        free(announced);
        return MOQ_ERR_NOMEM;
    }
    list_init(&announced->soon.node);
    list_push_back(&router->announced, &announced->node);
    router->announced_count++;
    router_soon(router, &announced->soon);
    object_born(OBJECT_announced_paths);
    *out = announced;
    return 0;
}

static void stop_telling(struct core_announced *announced)
{
    if (!announced->router)
        return;
    announced->router->announced_count--;
    announced->router = NULL;
    list_remove(&announced->node);
    list_remove(&announced->soon.node);
    moq_offers_unwatch(&announced->watcher);
}

void core_announced_close(struct core_announced **out)
{
    struct core_announced *announced = *out;
    *out = NULL;
    if (!announced)
        return;
    stop_telling(announced);
    announced->is_closed = true;
    if (!announced->is_telling)
        free_announced(announced);
}

void announced_stop(struct router *router)
{
    while (!list_is_empty(&router->announced))
        stop_telling(container_of(router->announced.next, struct core_announced, node));
}

bool core_is_announced(const struct router *router, const struct moq_path *path)
{
    return moq_offers_has(router->offers, path);
}
