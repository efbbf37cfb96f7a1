/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Bulletins: each worker tells every other one which paths its own publishers announce. One batch
 * at a time is under way to a worker; changes in the meantime wait and are sent as differences, so
 * a publisher that comes and goes quickly costs what it announces at the moment, not what it has
 * ever announced.
 * Tested by tests/sim/relay/test_workers.c. */
#include "server/core/bulletin.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH_MAX = 64 };

struct entry {
    struct bulletin_notice notice; /* its path is a copy, whose references belong to the reader */
    bool is_over;
};

struct bulletin {
    struct post post; /* a batch on its way to the worker, or back */
    struct router *from;
    uint32_t to;
    bool is_under_way;
    struct list pending; /* telling.node, the oldest first */
    size_t count;
    struct entry batch[BATCH_MAX];
};

/* What one other worker still has to be told about an announcement. */
struct telling {
    struct list node; /* bulletin.pending */
    struct share *share;
    bool is_told;
};

/* An announcement as other workers see it. It lives until all of them know that the announcement is
 * over. */
struct share {
    struct bulletin_notice notice;
    uint32_t refs; /* one for the announcement, and one for each worker that knows of it */
    bool is_over;
    struct telling tellings[]; /* by worker */
};

static void share_unref(struct share *share)
{
    if (--share->refs > 0)
        return;
    moq_path_unref(&share->notice.path);
    publisher_unref(&share->notice.publisher);
    free(share);
}

/* ---- Arriving at another worker, and coming back --------------------------------------------- */

static void on_batch_returned(struct post *post, void *owner);

static void on_batch_arrived(struct post *post, void *owner)
{
    struct bulletin *bulletin = container_of(post, struct bulletin, post);
    struct router *router = owner;
    uint32_t from = bulletin->from->worker;
    for (size_t i = 0; i < bulletin->count; i++) {
        struct entry *entry = &bulletin->batch[i];
        entry->notice.worker = from;
        if (entry->is_over)
            router->bulletin_events->on_over(router, &entry->notice);
        else
            router->bulletin_events->on_notice(router, &entry->notice);
        moq_path_unref(&entry->notice.path);
        publisher_unref(&entry->notice.publisher);
    }
    bulletin->count = 0;
    post->run = on_batch_returned;
    mailbox_send(router->mailboxes[from], post);
}

/* ---- Leaving --------------------------------------------------------------------------------- */

/* Moves the first one that waits into the batch. False: out of memory, try again later. */
static bool take_into_batch(struct bulletin *bulletin)
{
    struct telling *telling = container_of(bulletin->pending.next, struct telling, node);
    struct share *share = telling->share;
    struct moq_path *path = moq_path_copy(share->notice.path);
    if (!path)
        return false;
    struct entry *entry = &bulletin->batch[bulletin->count++];
    *entry = (struct entry){share->notice, share->is_over};
    entry->notice.path = path;
    publisher_ref(entry->notice.publisher);
    list_remove(&telling->node);
    telling->is_told = !share->is_over;
    if (share->is_over)
        share_unref(share);
    return true;
}

static void bulletin_send(struct bulletin *bulletin)
{
    if (bulletin->is_under_way)
        return;
    while (!list_is_empty(&bulletin->pending) && bulletin->count < BATCH_MAX)
        if (!take_into_batch(bulletin))
            break;
    if (bulletin->count == 0)
        return;
    bulletin->is_under_way = true;
    bulletin->post.run = on_batch_arrived;
    mailbox_send(bulletin->from->mailboxes[bulletin->to], &bulletin->post);
}

static void on_batch_returned(struct post *post, void *owner)
{
    struct bulletin *bulletin = container_of(post, struct bulletin, post);
    (void)owner;
    bulletin->is_under_way = false;
    bulletin_send(bulletin);
}

/* ---- This worker's announcements ------------------------------------------------------------- */

int bulletins_init(struct router *router, const struct bulletin_events *events)
{
    router->bulletin_events = events;
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

int bulletins_announce(struct router *router, const struct bulletin_notice *notice,
                       struct share **out)
{
    *out = NULL;
    if (router->workers < 2)
        return 0;
    struct share *share = calloc(1, sizeof *share + router->workers * sizeof share->tellings[0]);
    if (!share)
        return MOQ_ERR_NOMEM;
    share->notice = *notice;
    moq_path_ref(notice->path);
    publisher_ref(notice->publisher);
    share->refs = 1;
    for (uint32_t i = 0; i < router->workers; i++) {
        struct telling *telling = &share->tellings[i];
        telling->share = share;
        list_init(&telling->node);
        if (i == router->worker)
            continue;
        share->refs++;
        list_push_back(&router->bulletins[i].pending, &telling->node);
        bulletin_send(&router->bulletins[i]);
    }
    *out = share;
    return 0;
}

static void tell_again(struct bulletin *bulletin, struct telling *telling)
{
    if (list_is_empty(&telling->node))
        list_push_back(&bulletin->pending, &telling->node);
    bulletin_send(bulletin);
}

static void tell_all_again(struct router *router, struct share *share)
{
    for (uint32_t i = 0; i < router->workers; i++)
        if (i != router->worker)
            tell_again(&router->bulletins[i], &share->tellings[i]);
}

void bulletins_fail(struct router *router, struct share *share)
{
    if (!share || share->notice.has_failed)
        return;
    share->notice.has_failed = true;
    tell_all_again(router, share);
}

void bulletins_raise(struct router *router, struct share *share, uint64_t newness, uint64_t rank)
{
    if (!share)
        return;
    share->notice.newness = newness;
    share->notice.rank = rank;
    tell_all_again(router, share);
}

void bulletins_silence(struct router *router, struct share *share, uint64_t until_ns)
{
    if (!share)
        return;
    share->notice.silent_until_ns = until_ns;
    tell_all_again(router, share);
}

void bulletins_withdraw(struct router *router, struct share **pointer)
{
    struct share *share = *pointer;
    *pointer = NULL;
    if (!share)
        return;
    share->is_over = true;
    for (uint32_t i = 0; i < router->workers; i++) {
        struct telling *telling = &share->tellings[i];
        if (i == router->worker)
            continue;
        if (!telling->is_told) { /* it still waits, so nobody knows of it */
            list_remove(&telling->node);
            share_unref(share);
            continue;
        }
        tell_again(&router->bulletins[i], telling);
    }
    share_unref(share);
}
