/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The worker that is asked chooses at once, and posts the choice to the worker of the publisher,
 * which tells all others with its next bulletin. Ranks only grow, so whatever arrives first, all
 * end with the last choice.
 * Tested by tests/sim/relay/test_choices.c. */
#include "server/core/choice.h"

#include <stdlib.h>

#include "server/core/bulletin.h"
#include "server/core/peer.h"
#include "server/core/source.h"

/* A choice on its way to the worker of the publisher. */
struct choice {
    struct post post;
    struct moq_path *path; /* a copy, whose references belong to the reader */
    uint64_t stamp, rank;
};

static struct announcement *find_stamped(struct router *router, const struct moq_path *path,
                                         uint64_t stamp)
{
    const struct route *route = route_find(router, path);
    return route ? route_stamped(route, stamp) : NULL;
}

/* ---- For hooks ------------------------------------------------------------------------------- */

static bool is_subscription(const struct core_request *request)
{
    return request->kind == CORE_REQUEST_SUBSCRIBE;
}

static const struct announcement *newest_of(const struct route *route)
{
    const struct announcement *newest = NULL;
    list_for_each (node, &route->announcements) {
        const struct announcement *announcement =
            container_of(node, struct announcement, route_node);
        if (!newest || announcement->newness > newest->newness)
            newest = announcement;
    }
    return newest;
}

static const struct announcement *announcement_at(const struct route *route, size_t index)
{
    list_for_each (node, &route->announcements)
        if (index-- == 0)
            return container_of(node, struct announcement, route_node);
    return NULL;
}

static void describe_publisher(const struct publisher *publisher, struct core_candidate *candidate)
{
    candidate->peer = publisher ? publisher->peer : 0;
    candidate->hops = publisher && publisher->is_cluster;
    candidate->identity = publisher ? publisher->identity : "";
    candidate->address = publisher ? publisher->address : "";
    candidate->url_path = publisher ? publisher->path : "";
    candidate->query = publisher ? publisher->query : "";
    candidate->claims = publisher ? publisher->claims : "";
}

/* What was measured is of the publisher that feeds the track; of others nothing comes. */
static void describe_track(const struct announcement *announcement,
                           struct core_candidate *candidate)
{
    const struct source *source = source_of(announcement->route);
    const struct moq_group *newest = source ? moq_track_newest(source->track) : NULL;
    candidate->is_feeding = source && source->origin == announcement && !source->is_resting;
    if (!candidate->is_feeding)
        return;
    if (newest && newest->sequence >= source->origin_from)
        candidate->group_age_ns = source->router->clock->now_ns - newest->started_ns;
    candidate->rate_bps = meter_rate_bps(&source->meter);
    candidate->interval_ns = source->meter.interval_ns;
}

void choice_describe(const struct announcement *announcement, struct core_candidate *candidate)
{
    const struct route *route = announcement->route;
    *candidate = (struct core_candidate){
        .number = announcement->stamp,
        .age_ns = announcement->router->clock->now_ns - announcement->since_ns,
        .worker = announcement->worker,
        .is_newest = announcement == newest_of(route),
        .is_next = announcement == route_next(route),
        .has_failed = announcement->has_failed,
        .is_silent = announcement_is_silent(announcement),
    };
    describe_publisher(announcement->publisher, candidate);
    describe_track(announcement, candidate);
}

bool core_request_candidate(const struct core_request *request, size_t index,
                            struct core_candidate *candidate)
{
    struct router *router = request->peer->router;
    const struct route *route = is_subscription(request) ? route_find(router, request->path) : NULL;
    const struct announcement *announcement = route ? announcement_at(route, index) : NULL;
    if (!announcement)
        return false;
    choice_describe(announcement, candidate);
    return true;
}

int core_request_set_source(struct core_request *request, uint64_t number)
{
    if (!is_subscription(request))
        return MOQ_ERR_INVALID;
    if (!find_stamped(request->peer->router, request->path, number))
        return MOQ_ERR_NOT_FOUND;
    request->source = number;
    return 0;
}

/* ---- Choosing -------------------------------------------------------------------------------- */

/* On the worker of its publisher. */
static void raise_here(struct announcement *announcement, uint64_t rank)
{
    if (rank <= announcement->rank)
        return;
    bulletins_raise(announcement->router, announcement->share, announcement->newness, rank);
    route_raise(announcement, rank);
}

static void on_choice_arrived(struct post *post, void *owner)
{
    struct choice *choice = container_of(post, struct choice, post);
    struct announcement *announcement = find_stamped(owner, choice->path, choice->stamp);
    if (announcement && announcement_is_local(announcement))
        raise_here(announcement, choice->rank);
    moq_path_unref(&choice->path);
    free(choice);
}

/* Out of memory: the choice counts on this worker only. */
static void post_choice(const struct router *router, const struct announcement *announcement,
                        uint64_t rank)
{
    struct choice *choice = malloc(sizeof *choice);
    struct moq_path *path = choice ? moq_path_copy(announcement->route->path) : NULL;
    if (!path) {
        log_error(LOG_ROUTE, "out of memory: other workers do not learn which source was chosen");
        free(choice);
        return;
    }
    *choice = (struct choice){{.run = on_choice_arrived}, path, announcement->stamp, rank};
    mailbox_send(router->mailboxes[announcement->worker], &choice->post);
}

/* Whether it was the last choice already. */
static bool is_chosen(const struct announcement *announcement)
{
    const struct list *first = announcement->route->announcements.next;
    return (announcement->rank & ROUTE_CHOSEN) && first == &announcement->route_node;
}

void choice_apply(struct router *router, const struct core_request *request)
{
    if (request->source)
        choice_make(router, request->path, request->source);
}

void choice_make(struct router *router, const struct moq_path *path, uint64_t stamp)
{
    struct announcement *announcement = find_stamped(router, path, stamp);
    if (!announcement || is_chosen(announcement))
        return;
    uint64_t rank = router_next_stamp(router) | ROUTE_CHOSEN;
    if (announcement_is_local(announcement)) {
        raise_here(announcement, rank);
        return;
    }
    post_choice(router, announcement, rank);
    route_raise(announcement, rank);
}
