/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Links: sessions with other relays, and the posts between their workers and the hub.
 * Tested by tests/e2e/test_cluster.py. */
#include <stdlib.h>
#include <string.h>

#include "modules/cluster/cluster.h"

/* ---- To the hub ------------------------------------------------------------------------------ */

struct news {
    uint64_t link, cost; /* cost 0: it ends */
    uint32_t worker;
};

static void run_news(struct relay_worker *worker, void *arg)
{
    struct news *news = arg;
    struct hub *hub = cluster_here(worker)->hub;
    if (hub && news->cost)
        hub_link_begins(hub, news->link, news->worker, news->cost);
    else if (hub)
        hub_link_ends(hub, news->link);
    free(news);
}

static bool tell_hub(struct relay_worker *worker, uint64_t link, uint64_t cost)
{
    struct news *news = malloc(sizeof *news);
    if (!news)
        return false;
    *news = (struct news){link, cost, relay_worker_number(worker)};
    if (relay_worker_post(cluster_workers(worker)[0]->worker, run_news, news) == 0)
        return true;
    free(news);
    return false;
}

void link_begin(struct relay_peer *peer, uint64_t cost)
{
    struct relay_worker *worker = relay_peer_worker(peer);
    struct link_peer *link = relay_peer_slot(peer);
    char name[HUB_MAP_NAME_BYTES];
    if (link->number)
        return;
    uint64_t number = relay_peer_number(peer);
    const struct relay_peer_has map = {
        .size = sizeof map, .path = CLUSTER_MAP, .name = hub_map_name(number, name)};
    if (relay_peer_offer(peer, &map) || !tell_hub(worker, number, cost)) {
        relay_log(relay_worker_self(worker), RELAY_ERROR, "no link to %s: out of memory",
                  relay_peer_address(peer));
        relay_peer_close(peer, RELAY_DENIED_BUSY, "out of memory");
        return;
    }
    *link = (struct link_peer){.peer = peer, .number = number};
    list_init(&link->node);
    list_push_back(&cluster_here(worker)->links, &link->node);
}

void link_end(struct relay_peer *peer)
{
    struct relay_worker *worker = relay_peer_worker(peer);
    struct link_peer *link = relay_peer_slot(peer);
    if (!link->number)
        return;
    list_remove(&link->node);
    if (!tell_hub(worker, link->number, 0))
        relay_log(relay_worker_self(worker), RELAY_ERROR,
                  "out of memory: the end of the link to %s is noticed late",
                  relay_peer_address(peer));
    link->number = 0;
}

/* ---- From the hub ---------------------------------------------------------------------------- */

struct order {
    uint64_t link;
    enum link_order what;
    char path[];
};

static struct link_peer *find_link(struct relay_worker *worker, uint64_t number)
{
    list_for_each (node, &cluster_here(worker)->links) {
        struct link_peer *link = container_of(node, struct link_peer, node);
        if (link->number == number)
            return link;
    }
    return NULL;
}

static void offer_from(const struct link_peer *link, const char *path, bool is_spare)
{
    const struct relay_peer_has has = {.size = sizeof has, .path = path, .is_spare = is_spare};
    int error = relay_peer_offer(link->peer, &has);
    if (error)
        relay_log(relay_worker_self(relay_peer_worker(link->peer)), RELAY_ERROR,
                  "%s is not offered from %s: %s", path, relay_peer_address(link->peer),
                  relay_error_words(error));
}

static void run_order(struct relay_worker *worker, void *arg)
{
    struct order *order = arg;
    const struct link_peer *link = find_link(worker, order->link);
    if (link && (order->what == LINK_OFFER || order->what == LINK_SPARE))
        offer_from(link, order->path, order->what == LINK_SPARE);
    else if (link && order->what == LINK_PROMOTE)
        relay_peer_promote(link->peer, order->path);
    else if (link && order->what == LINK_WITHDRAW)
        relay_peer_withdraw(link->peer, order->path);
    else if (link)
        relay_peer_tell(link->peer, RELAY_TELL_NOTHING);
    free(order);
}

bool link_send(struct relay_worker *hub, uint64_t link, uint32_t worker, enum link_order what,
               const char *path)
{
    size_t size = path ? strlen(path) + 1 : 1;
    struct order *order = malloc(sizeof *order + size);
    if (!order)
        return false;
    *order = (struct order){link, what};
    memcpy(order->path, path ? path : "", size);
    if (relay_worker_post(cluster_workers(hub)[worker]->worker, run_order, order) == 0)
        return true;
    free(order);
    return false;
}
