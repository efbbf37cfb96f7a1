/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The set of offered paths, and for each announce stream the difference between what its peer knows
 * and what is true. */
#include "transfork/transfork.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/log.h"
#include "base/objects.h"
#include "transfork/path.h"

#define HASH_NONFATAL_OOM 1 /* then hh.tbl of what is added is NULL */
#include <uthash.h>

struct owner {
    struct list node; /* in offer.owners */
    const void *who;
    uint64_t count;
};

struct offer {
    struct moq_path *path;
    struct list owners;
    UT_hash_handle hh;
};

struct moq_offers {
    struct offer *table;
    struct list watchers; /* offers_watcher.node */
    struct list waking;   /* offers_watcher.wake_node: on_pending has to be called */
};

/* What one watcher knows of one path. It exists while the peer was told that the path is active, or
 * may see it. If it is pending and told, the peer needs to hear that the path ended. If it is
 * visible too, the path ended and came back, and the peer then needs to hear that it is active
 * again. */
struct sight {
    struct moq_path *path;
    struct list pending; /* in offers_watcher.pending while there is something to tell */
    bool is_told;        /* the peer was told that it is active */
    bool is_visible;     /* it has an owner whose offers this peer may see */
    UT_hash_handle hh;
};

struct moq_offers_watcher {
    struct list node, wake_node;
    struct moq_path *prefix;
    const struct moq_offers_watcher_ops *ops;
    void *user;
    struct sight *table;
    struct list pending;
    struct moq_path *last; /* the path that moq_offers_watcher_next returned */
};

/* ---- Tables: keyed by a path's wire form, with its own keyed hash ---------------------------- */

static unsigned hash_of(const struct moq_path *path)
{
    return (unsigned)moq_path_hash(path);
}

static struct offer *offer_find(const struct moq_offers *offers, const struct moq_path *path)
{
    struct offer *found;
    size_t size;
    const uint8_t *wire = path_wire(path, &size);
    HASH_FIND_BYHASHVALUE(hh, offers->table, wire, size, hash_of(path), found);
    return found;
}

static struct offer *offer_new(struct moq_offers *offers, struct moq_path *path)
{
    struct offer *offer = calloc(1, sizeof *offer);
    if (!offer)
        return NULL;
    offer->path = moq_path_ref(path);
    list_init(&offer->owners);
    size_t size;
    const uint8_t *wire = path_wire(offer->path, &size);
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, offers->table, wire, size, hash_of(path), offer);
    if (offer->hh.tbl)
        return offer;
    moq_path_unref(&offer->path);
    free(offer);
    return NULL;
}

static void owner_free(struct owner *owner)
{
    list_remove(&owner->node);
    free(owner);
}

static void offer_free(struct moq_offers *offers, struct offer *offer)
{
    list_for_each_safe (node, &offer->owners)
        owner_free(container_of(node, struct owner, node));
    HASH_DEL(offers->table, offer);
    moq_path_unref(&offer->path);
    free(offer);
}

static struct sight *sight_find(const struct moq_offers_watcher *watcher,
                                const struct moq_path *path)
{
    struct sight *found;
    size_t size;
    const uint8_t *wire = path_wire(path, &size);
    HASH_FIND_BYHASHVALUE(hh, watcher->table, wire, size, hash_of(path), found);
    return found;
}

static struct sight *sight_new(struct moq_offers_watcher *watcher, struct moq_path *path)
{
    struct sight *sight = calloc(1, sizeof *sight);
    if (!sight)
        return NULL;
    sight->path = moq_path_ref(path);
    list_init(&sight->pending);
    size_t size;
    const uint8_t *wire = path_wire(sight->path, &size);
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, watcher->table, wire, size, hash_of(path), sight);
    if (!sight->hh.tbl) {
        moq_path_unref(&sight->path);
        free(sight);
        return NULL;
    }
    object_born(OBJECT_sight);
    return sight;
}

static void sight_free(struct moq_offers_watcher *watcher, struct sight *sight)
{
    list_remove(&sight->pending);
    HASH_DEL(watcher->table, sight);
    moq_path_unref(&sight->path);
    free(sight);
    object_died(OBJECT_sight);
}

/* ---- What a change means to a watcher -------------------------------------------------------- */

static bool may_see(const struct moq_offers_watcher *watcher, const struct moq_path *path,
                    const void *who)
{
    return !watcher->ops || !watcher->ops->can_see ||
           watcher->ops->can_see(watcher->user, path, who);
}

static bool sees_offer(const struct moq_offers_watcher *watcher, const struct offer *offer)
{
    if (!moq_path_has_prefix(offer->path, watcher->prefix))
        return false;
    list_for_each (node, &offer->owners)
        if (may_see(watcher, offer->path, container_of(node, struct owner, node)->who))
            return true;
    return false;
}

static void set_visible(struct moq_offers_watcher *watcher, struct sight *sight, bool is_visible)
{
    sight->is_visible = is_visible;
    if (!is_visible && !sight->is_told)
        sight_free(watcher, sight);
    else if (list_is_empty(&sight->pending))
        list_push_back(&watcher->pending, &sight->pending);
}

/* Looks at `offer` again after one of its owners came or went. */
static void look_at_offer(struct moq_offers_watcher *watcher, const struct offer *offer)
{
    bool is_visible = sees_offer(watcher, offer);
    struct sight *sight = sight_find(watcher, offer->path);
    if (is_visible == (sight && sight->is_visible))
        return;
    if (!sight)
        sight = sight_new(watcher, offer->path);
    if (sight)
        set_visible(watcher, sight, is_visible);
    else
        log_error(LOG_SESSION, "out of memory: a peer is not told of a new path");
}

static void tell_offers_watchers(struct moq_offers *offers, const struct offer *offer)
{
    list_for_each (node, &offers->watchers) {
        struct moq_offers_watcher *watcher = container_of(node, struct moq_offers_watcher, node);
        bool had_pending = moq_offers_watcher_has_pending(watcher);
        look_at_offer(watcher, offer);
        bool is_new = !had_pending && moq_offers_watcher_has_pending(watcher);
        if (is_new && list_is_empty(&watcher->wake_node))
            list_push_back(&offers->waking, &watcher->wake_node);
    }
}

/* Called after the walk over all watchers, because a callback may remove any of them. */
static void wake_watchers(struct moq_offers *offers)
{
    for (struct list *node; (node = list_pop_front(&offers->waking));) {
        struct moq_offers_watcher *watcher =
            container_of(node, struct moq_offers_watcher, wake_node);
        if (watcher->ops && watcher->ops->on_pending)
            watcher->ops->on_pending(watcher, watcher->user);
    }
}

/* ---- The set --------------------------------------------------------------------------------- */

struct moq_offers *moq_offers_new(void)
{
    struct moq_offers *offers = calloc(1, sizeof *offers);
    if (!offers)
        return NULL;
    list_init(&offers->watchers);
    list_init(&offers->waking);
    return offers;
}

void moq_offers_free(struct moq_offers **offers)
{
    struct moq_offers *mine = *offers;
    *offers = NULL;
    if (!mine)
        return;
    while (list_pop_front(&mine->watchers) || list_pop_front(&mine->waking))
        ; /* so that a later offers_unwatch does no harm */
    struct offer *offer, *next;
    HASH_ITER(hh, mine->table, offer, next)
    offer_free(mine, offer);
    free(mine);
}

static struct owner *owner_find(const struct offer *offer, const void *who)
{
    list_for_each (node, &offer->owners)
        if (container_of(node, struct owner, node)->who == who)
            return container_of(node, struct owner, node);
    return NULL;
}

int moq_offers_add(struct moq_offers *offers, struct moq_path *path, const void *who)
{
    struct offer *offer = offer_find(offers, path);
    struct owner *owner = offer ? owner_find(offer, who) : NULL;
    if (owner) {
        owner->count++;
        return 0;
    }
    owner = calloc(1, sizeof *owner);
    if (owner && !offer)
        offer = offer_new(offers, path);
    if (!owner || !offer) {
        free(owner);
        return MOQ_ERR_NOMEM;
    }
    *owner = (struct owner){.who = who, .count = 1};
    list_push_back(&offer->owners, &owner->node);
    tell_offers_watchers(offers, offer);
    wake_watchers(offers);
    return 0;
}

void moq_offers_remove(struct moq_offers *offers, const struct moq_path *path, const void *who)
{
    struct offer *offer = offer_find(offers, path);
    struct owner *owner = offer ? owner_find(offer, who) : NULL;
    if (!owner || --owner->count > 0)
        return;
    owner_free(owner);
    tell_offers_watchers(offers, offer);
    if (list_is_empty(&offer->owners))
        offer_free(offers, offer);
    wake_watchers(offers);
}

bool moq_offers_has(const struct moq_offers *offers, const struct moq_path *path)
{
    return offer_find(offers, path) != NULL;
}

size_t moq_offers_count(const struct moq_offers *offers)
{
    return HASH_COUNT(offers->table);
}

/* ---- Watchers -------------------------------------------------------------------------------- */

struct moq_offers_watcher *moq_offers_watch(struct moq_offers *offers, struct moq_path *prefix,
                                            const struct moq_offers_watcher_ops *ops, void *user)
{
    struct moq_offers_watcher *watcher = calloc(1, sizeof *watcher);
    if (!watcher)
        return NULL;
    watcher->prefix = moq_path_ref(prefix);
    watcher->ops = ops;
    watcher->user = user;
    list_init(&watcher->pending);
    list_init(&watcher->wake_node);
    list_push_back(&offers->watchers, &watcher->node);

    struct offer *offer, *next;
    HASH_ITER(hh, offers->table, offer, next)
    look_at_offer(watcher, offer);
    return watcher;
}

void moq_offers_look_again(struct moq_offers *offers, struct moq_offers_watcher *watcher)
{
    bool had_pending = moq_offers_watcher_has_pending(watcher);
    struct offer *offer, *next;
    HASH_ITER(hh, offers->table, offer, next)
    look_at_offer(watcher, offer);
    bool is_new = !had_pending && moq_offers_watcher_has_pending(watcher);
    if (is_new && watcher->ops && watcher->ops->on_pending)
        watcher->ops->on_pending(watcher, watcher->user);
}

void moq_offers_unwatch(struct moq_offers_watcher **watcher)
{
    struct moq_offers_watcher *mine = *watcher;
    *watcher = NULL;
    if (!mine)
        return;
    list_remove(&mine->node);
    list_remove(&mine->wake_node);
    struct sight *sight, *next;
    HASH_ITER(hh, mine->table, sight, next)
    sight_free(mine, sight);
    moq_path_unref(&mine->prefix);
    moq_path_unref(&mine->last);
    free(mine);
}

bool moq_offers_watcher_next(struct moq_offers_watcher *watcher, bool *is_active,
                             struct moq_path **path)
{
    struct list *node = list_pop_front(&watcher->pending);
    moq_path_unref(&watcher->last);
    if (!node)
        return false;

    struct sight *sight = container_of(node, struct sight, pending);
    *is_active = !sight->is_told;
    *path = watcher->last = moq_path_ref(sight->path);
    sight->is_told = *is_active;
    if (!sight->is_told && sight->is_visible)
        list_push_front(&watcher->pending, &sight->pending); /* its second half: active again */
    if (!sight->is_told && !sight->is_visible)
        sight_free(watcher, sight);
    return true;
}

bool moq_offers_watcher_has_pending(const struct moq_offers_watcher *watcher)
{
    return !list_is_empty(&watcher->pending);
}

const struct moq_path *moq_offers_watcher_prefix(const struct moq_offers_watcher *watcher)
{
    return watcher->prefix;
}
