/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Bulletins: each worker tells each other one which paths its own publishers announce. One batch at
 * a time is under way to a worker; what changes meanwhile waits and is told in differences, so a
 * publisher that comes and goes fast costs what it announces at a time, and not what it has ever
 * said. */
#include "server/core/bulletin.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH_MAX = 64 };

struct entry {
    struct moq_path *path; /* a copy: its references are the reader's */
    uint64_t stamp;
    uint32_t can;
    bool has_failed, is_over;
};

struct bulletin {
    struct post post; /* a batch on its way there, or back */
    struct router *from;
    uint32_t to;
    bool is_under_way;
    struct list pending; /* notice.node, the oldest first */
    size_t count;
    struct entry batch[BATCH_MAX];
};

/* What one other worker has to know of an announcement. */
struct notice {
    struct list node; /* bulletin.pending */
    struct share *share;
    bool is_told;
};

/* An announcement as others see it. Outlives it until they all know that it is over. */
struct share {
    struct moq_path *path;
    uint64_t stamp;
    uint32_t refs; /* the announcement's, and one for each worker that knows of it */
    uint32_t can;
    bool has_failed, is_over;
    struct notice notices[]; /* by worker */
};

static void share_unref(struct share *share)
{
    if (--share->refs > 0)
        return;
    moq_path_unref(&share->path);
    free(share);
}

/* ---- Arriving at another worker, and coming back --------------------------------------------- */

static void on_returned(struct post *post, void *owner);

static void on_arrived(struct post *post, void *owner)
{
    struct bulletin *bulletin = container_of(post, struct bulletin, post);
    struct router *router = owner;
    uint32_t from = bulletin->from->worker;
    for (size_t i = 0; i < bulletin->count; i++) {
        struct entry *entry = &bulletin->batch[i];
        const struct foreign_announcement foreign = {entry->path, from, entry->stamp, entry->can,
                                                     entry->has_failed};
        if (entry->is_over)
            route_remove_foreign(router, &foreign);
        else
            route_add_foreign(router, &foreign);
        moq_path_unref(&entry->path);
    }
    bulletin->count = 0;
    post->run = on_returned;
    mailbox_send(router->mailboxes[from], post);
}

/* ---- Leaving --------------------------------------------------------------------------------- */

/* Takes the first that waits into the batch. False: out of memory, try again later. */
static bool take(struct bulletin *bulletin)
{
    struct notice *notice = container_of(bulletin->pending.next, struct notice, node);
    struct share *share = notice->share;
    struct moq_path *path = moq_path_copy(share->path);
    if (!path)
        return false;
    bulletin->batch[bulletin->count++] =
        (struct entry){path, share->stamp, share->can, share->has_failed, share->is_over};
    list_remove(&notice->node);
    notice->is_told = !share->is_over;
    if (share->is_over)
        share_unref(share);
    return true;
}

static void bulletin_send(struct bulletin *bulletin)
{
    if (bulletin->is_under_way)
        return;
    while (!list_is_empty(&bulletin->pending) && bulletin->count < BATCH_MAX)
        if (!take(bulletin))
            break;
    if (bulletin->count == 0)
        return;
    bulletin->is_under_way = true;
    bulletin->post.run = on_arrived;
    mailbox_send(bulletin->from->mailboxes[bulletin->to], &bulletin->post);
}

static void on_returned(struct post *post, void *owner)
{
    struct bulletin *bulletin = container_of(post, struct bulletin, post);
    (void)owner;
    bulletin->is_under_way = false;
    bulletin_send(bulletin);
}

/* ---- This worker's announcements ------------------------------------------------------------- */

int bulletins_init(struct router *router)
{
    if (router->workers < 2)
        return 0;
    router->bulletins = calloc(router->workers, sizeof *router->bulletins);
    if (!router->bulletins)
        return MOQ_ERR_NOMEM;
    for (uint32_t i = 0; i < router->workers; i++) {
        router->bulletins[i].from = router;
        router->bulletins[i].to = i;
        list_init(&router->bulletins[i].pending);
    }
    return 0;
}

void bulletins_deinit(struct router *router)
{
    free(router->bulletins);
    router->bulletins = NULL;
}

void bulletins_sweep(struct router *router)
{
    for (uint32_t i = 0; router->bulletins && i < router->workers; i++)
        bulletin_send(&router->bulletins[i]);
}

int bulletins_announce(struct router *router, struct announcement *announcement)
{
    if (router->workers < 2)
        return 0;
    struct share *share = calloc(1, sizeof *share + router->workers * sizeof share->notices[0]);
    if (!share)
        return MOQ_ERR_NOMEM;
    share->path = moq_path_ref(announcement->route->path);
    share->stamp = announcement->stamp;
    share->can = announcement->can;
    share->refs = 1;
    announcement->share = share;
    for (uint32_t i = 0; i < router->workers; i++) {
        struct notice *notice = &share->notices[i];
        notice->share = share;
        list_init(&notice->node);
        if (i == router->worker)
            continue;
        share->refs++;
        list_push_back(&router->bulletins[i].pending, &notice->node);
        bulletin_send(&router->bulletins[i]);
    }
    return 0;
}

static void tell_again(struct bulletin *bulletin, struct notice *notice)
{
    if (list_is_empty(&notice->node))
        list_push_back(&bulletin->pending, &notice->node);
    bulletin_send(bulletin);
}

void bulletins_fail(struct router *router, struct announcement *announcement)
{
    struct share *share = announcement->share;
    if (!share || share->has_failed)
        return;
    share->has_failed = true;
    for (uint32_t i = 0; i < router->workers; i++)
        if (i != router->worker)
            tell_again(&router->bulletins[i], &share->notices[i]);
}

void bulletins_withdraw(struct router *router, struct announcement *announcement)
{
    struct share *share = announcement->share;
    announcement->share = NULL;
    if (!share)
        return;
    share->is_over = true;
    for (uint32_t i = 0; i < router->workers; i++) {
        struct notice *notice = &share->notices[i];
        if (i == router->worker)
            continue;
        if (!notice->is_told) { /* it waits still: nobody will have known */
            list_remove(&notice->node);
            share_unref(share);
            continue;
        }
        tell_again(&router->bulletins[i], notice);
    }
    share_unref(share);
}
