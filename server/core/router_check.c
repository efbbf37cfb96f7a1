/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Walks over everything that a router has, and compares state that is kept in two places. */
#include "server/core/router_check.h"

#include "base/check.h"
#include "server/core/fetch.h"
#include "server/core/mix.h"
#include "server/core/outlet.h"
#include "server/core/peer.h"
#include "server/core/source.h"
#include "server/core/track_request.h"
#include "server/core/watching.h"

static size_t count_nodes(const struct list *list)
{
    size_t count = 0;
    list_for_each (node, list) {
        REQUIRE(node->next->prev == node);
        count++;
    }
    return count;
}

/* ---- Sources --------------------------------------------------------------------------------- */

/* A viewer's policy is what policy_decide returns, because nothing else sets it. */
static void check_policy(const struct core_viewer *viewer)
{
    const struct moq_policy *policy = moq_viewer_policy(viewer->served);
    struct moq_policy decided = core_viewer_decided(viewer);
    REQUIRE(policy->latency_ns == decided.latency_ns);
    REQUIRE(policy->priority == decided.priority);
    REQUIRE(policy->order == decided.order);
    REQUIRE(policy->start_ns == decided.start_ns);
    REQUIRE(policy->rate_bps == decided.rate_bps);
    REQUIRE(policy->shared_rate_bps == decided.shared_rate_bps);
}

static void check_viewers(const struct source *source)
{
    list_for_each (node, &source->viewers) {
        const struct core_viewer *viewer = container_of(node, struct core_viewer, node);
        REQUIRE(viewer->source == source && viewer->router == source->router);
        REQUIRE(viewer->mix || moq_viewer_track(viewer->served) == source->track);
        REQUIRE(moq_viewer_user(viewer->served) == viewer);
        REQUIRE(viewer->member.object == viewer);
        REQUIRE(viewer->path != NULL);
        REQUIRE(core_peer_may(core_viewer_peer(viewer), CORE_SUBSCRIBE, viewer->path));
        check_policy(viewer);
    }
    REQUIRE(source->viewer_count == count_nodes(&source->viewers));
    bool is_watched = !list_is_empty(&source->viewers) || source->watch_count > 0;
    REQUIRE(!is_watched || !source->origin || !source->is_resting);
    REQUIRE((source->idle_since_ns == CLOCK_NEVER) == is_watched);
}

static void check_listening_watches(const struct source *source)
{
    uint32_t count = 0;
    list_for_each (node, &source->listeners) {
        const struct source_listener *listener = container_of(node, struct source_listener, node);
        count += listener->ops == &mix_listening;
        if (listener->ops != &watch_listening)
            continue;
        const struct core_watch *watch = container_of(node, struct core_watch, listener.node);
        REQUIRE(watch->source == source && listener->has_wish);
        count++;
    }
    REQUIRE(source->watch_count == count);
}

void source_check(const struct source *source)
{
    const struct feed *feed = source->feed;
    REQUIRE(source->track != NULL);
    REQUIRE(!source->route || source->route->follower == &source->follower);
    REQUIRE(source->route || (!source->origin && !feed)); /* a source that has ended has no feed */
    REQUIRE(!feed || feed->source == source);
    if (source->origin) {
        REQUIRE(source->origin->route == source->route);
        REQUIRE(feed && feed->ops == source->origin->feed);
        REQUIRE(source->farewell_ns == CLOCK_NEVER);
    } else if (source->route) {
        REQUIRE(feed != NULL); /* its path was withdrawn, and it will end soon */
        REQUIRE(source->farewell_ns != CLOCK_NEVER);
    }
    check_viewers(source);
    check_listening_watches(source);
}

/* ---- Routes ---------------------------------------------------------------------------------- */

/* Returns how many of the announcements are of this worker. */
static size_t check_announcements(const struct route *route)
{
    size_t local_count = 0;
    uint64_t above = UINT64_MAX;
    list_for_each (node, &route->announcements) {
        const struct announcement *announcement =
            container_of(node, struct announcement, route_node);
        REQUIRE(announcement->route == route);
        REQUIRE(announcement->rank < above); /* the highest first, and no rank twice */
        REQUIRE(!announcement->peer || announcement_is_local(announcement));
        REQUIRE(!announcement->question);
        above = announcement->rank;
        local_count += announcement_is_local(announcement);
    }
    return local_count;
}

static size_t check_waiting(const struct route *route)
{
    list_for_each (node, &route->waiting) {
        const struct route_waiter *waiter = container_of(node, struct route_waiter, node);
        REQUIRE(waiter->route == route);
        if (waiter->ops == &watch_waiting)
            REQUIRE(!container_of(node, struct core_watch, waiting.node)->cursor);
        if (waiter->ops != &track_request_waiting)
            continue;
        const struct track_request *request =
            container_of(node, struct track_request, waiting.node);
        REQUIRE(moq_request_user(request->asked) == request);
        REQUIRE(!request->request.is_held); /* hooks have decided */
    }
    return count_nodes(&route->waiting);
}

static void check_routes(struct router *router)
{
    size_t local_count = 0, waiting_count = 0;
    struct route *route, *next;
    HASH_ITER(hh, router->routes, route, next)
    {
        bool is_needed = route->follower || !list_is_empty(&route->announcements) ||
                         !list_is_empty(&route->waiting);
        REQUIRE(is_needed);
        REQUIRE(route_find(router, route->path) == route);
        REQUIRE(!route->follower || source_of(route)->route == route);
        local_count += check_announcements(route);
        waiting_count += check_waiting(route);
    }
    REQUIRE(router->counters.announcements == local_count);
    REQUIRE(router->waiting_count == waiting_count);
}

/* ---- Everything ------------------------------------------------------------------------------ */

/* What the peer may not publish has no route; when hooks have decided, it is noted as revoked. */
static void check_peers_announcements(const struct core_peer *peer)
{
    list_for_each (node, &peer->announcements) {
        const struct announcement *announcement =
            container_of(node, struct announcement, owner_node);
        REQUIRE(container_of(node, struct announcement, owner_node)->peer == peer);
        bool may = core_peer_may(peer, CORE_PUBLISH, announcement->path);
        REQUIRE(announcement->question || announcement->is_revoked == !may);
        REQUIRE(!announcement->is_revoked || (!announcement->route && !announcement->question));
    }
}

static void check_peers(const struct router *router)
{
    list_for_each (node, &router->peers) {
        const struct core_peer *peer = container_of(node, struct core_peer, node);
        REQUIRE(peer->router == router);
        check_peers_announcements(peer);
        bool is_expiring = core_peer_expires_ms(peer) > 0 && !peer->has_expired && !peer->request;
        REQUIRE(!is_expiring || core_peer_expires_ms(peer) >= router->expiry_ms);
    }
    REQUIRE(router->counters.sessions + router->counters.guests == count_nodes(&router->peers));
    REQUIRE(router->counters.guests == count_nodes(&router->guests));
    REQUIRE(count_nodes(&router->hooks.peers) == count_nodes(&router->peers));
}

static void check_foreign(const struct router *router)
{
    list_for_each (node, &router->foreign) {
        const struct announcement *announcement =
            container_of(node, struct announcement, owner_node);
        REQUIRE(!announcement_is_local(announcement) && announcement->route);
    }
}

static void check_origins(const struct router *router)
{
    list_for_each (node, &router->origins) {
        const struct announcement *announcement =
            container_of(node, struct announcement, owner_node);
        REQUIRE(announcement_is_local(announcement) && !announcement->peer);
    }
}

static void check_fetches(const struct router *router)
{
    list_for_each (node, &router->fetches) {
        const struct fetch *fetch = container_of(node, struct fetch, node);
        REQUIRE(fetch->upstream && fetch->track); /* fetches that are over have left the list */
        REQUIRE(!fetch->group || list_is_empty(&fetch->waiters));
    }
    REQUIRE(router->fetch_count == count_nodes(&router->fetches));
}

/* An outlet is silent while another worker feeds its source, so that workers never feed each other
 * in a circle. */
static void check_outlets(const struct router *router)
{
    list_for_each (node, &router->outlets) {
        const struct outlet *outlet = container_of(node, struct outlet, node);
        const struct source *source = outlet->source;
        bool is_listening = !list_is_empty(&outlet->listener.node);
        REQUIRE(is_listening == (source != NULL));
        if (!source)
            continue;
        bool is_copy = source->origin && !announcement_is_local(source->origin);
        REQUIRE(outlet->track == NULL || outlet->track == source->track);
        REQUIRE(outlet->track == NULL || !is_copy);
        REQUIRE(outlet->track || !outlet->listener.has_wish);
    }
}

static void check_mixes(const struct router *router)
{
    list_for_each (node, &router->mixes)
        mix_check(container_of(node, struct mix, node));
}

/* A watch waits, or listens to a source, or is over. */
static void check_watches(const struct router *router)
{
    list_for_each (node, &router->watches) {
        const struct core_watch *watch = container_of(node, struct core_watch, node);
        bool is_waiting = watch->waiting.route != NULL, is_listening = watch->source != NULL;
        REQUIRE(watch->router == router && !watch->is_closed);
        REQUIRE(is_waiting + is_listening + watch->is_ended == 1);
        REQUIRE(is_listening == !list_is_empty(&watch->listener.node));
        REQUIRE(!is_listening || watch->cursor);
        REQUIRE(!watch->is_armed || list_is_empty(&watch->soon.node));
    }
    REQUIRE(router->counters.watches == count_nodes(&router->watches));
    REQUIRE(router->announced_count == count_nodes(&router->announced));
    REQUIRE(router->is_soon_sent || list_is_empty(&router->soon));
}

static void check_held(const struct router *router)
{
    uint64_t before_ns = 0;
    list_for_each (node, &router->hooks.held) {
        const struct core_request *request = container_of(node, struct core_request, node);
        REQUIRE(request->is_held && request->current);
        REQUIRE(core_request_held(&router->hooks, request->number) == request);
        REQUIRE(request->deadline_ns >= before_ns);
        before_ns = request->deadline_ns;
    }
}

void router_check(struct router *router)
{
    size_t viewer_count = 0;
    list_for_each (node, &router->sources) {
        const struct source *source = container_of(node, struct source, node);
        REQUIRE(source->router == router);
        source_check(source);
        viewer_count += count_nodes(&source->viewers);
    }
    REQUIRE(router->viewer_count == viewer_count);
    REQUIRE(router->counters.viewers == viewer_count);
    REQUIRE(count_nodes(&router->viewers) == viewer_count);
    REQUIRE(count_nodes(&router->hooks.viewers) == viewer_count);
    REQUIRE(router->hooks.passes == NULL);
    check_fetches(router);
    check_foreign(router);
    check_peers(router);
    check_outlets(router);
    check_routes(router);
    check_origins(router);
    check_held(router);
    check_watches(router);
    check_mixes(router);
}
