/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Info requests: answered from a track that is watched, otherwise by its publisher, otherwise with
 * what is always true.
 * Tested by tests/sim/relay/test_questions.c. */
#include "server/core/info.h"

#include "server/core/peer.h"
#include "server/core/source.h"

const struct moq_info info_unknown = {.priority = 128, .order = MOQ_ORDER_NEWEST};

struct moq_info info_of(const struct moq_track *track)
{
    const struct moq_track_config *config = moq_track_config(track);
    return (struct moq_info){
        .priority = config->priority,
        .order = config->order,
        .expires_ms = config->expires_ms,
        .latest = moq_track_latest(track),
    };
}

/* ---- Queries --------------------------------------------------------------------------------- */

static void on_answered(void *user, int error, const struct moq_info *info)
{
    struct info_query *query = user;
    query->handle = NULL;
    if (error == MOQ_ERR_STREAMS && query->peer)
        peer_note_starved(query->peer);
    query->on_info(query->user, error, info);
}

/* Asks the publisher. Returns false if it cannot be asked. */
static bool query_open(struct info_query *query, const struct announcement *origin)
{
    query->feed = origin->feed;
    query->peer = origin->peer;
    query->handle = origin->feed->info ? origin->feed->info(origin, on_answered, query) : NULL;
    return query->handle != NULL;
}

void info_query_close(struct info_query *query)
{
    void *handle = query->handle;
    query->handle = NULL;
    if (handle)
        query->feed->info_close(handle);
}

int info_find(struct router *router, const struct moq_path *path, bool is_local_only,
              struct moq_info *info, struct info_query *query)
{
    const struct route *route = route_find(router, path);
    const struct source *source = route ? source_of(route) : NULL;
    *info = source ? info_of(source->track) : info_unknown;
    if (source && moq_track_newest(source->track))
        return 0; /* an empty track may only be on its way */
    const struct announcement *origin = NULL;
    if (route)
        origin = is_local_only ? route_newest_local(route) : route_newest(route);
    if (!origin)
        return source ? 0 : MOQ_ERR_NOT_FOUND;
    if (route_may_wait(router) && query_open(query, origin))
        return MOQ_ERR_AGAIN;
    return 0;
}
