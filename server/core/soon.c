/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Calls that are made soon. A worker sends itself one post for any number of them, so the loop
 * wakes once, and a call that causes another one leaves it to the next turn.
 * Tested by tests/unit/core/test_watch.c. */
#include "server/core/soon.h"

static void run_due(struct post *post, void *owner)
{
    struct router *router = owner;
    struct list due;
    (void)post;
    router->is_soon_sent = false;
    list_init(&due);
    list_move_all(&router->soon, &due);
    for (struct list *node; (node = list_pop_front(&due));) {
        struct soon *soon = container_of(node, struct soon, node);
        soon->run(soon);
    }
}

void router_soon(struct router *router, struct soon *soon)
{
    if (!list_is_empty(&soon->node))
        return;
    list_push_back(&router->soon, &soon->node);
    if (router->is_soon_sent)
        return;
    router->is_soon_sent = true;
    router->soon_post.run = run_due;
    mailbox_send(router->mailboxes[router->worker], &router->soon_post);
}
