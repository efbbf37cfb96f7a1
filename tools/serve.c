/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Answers SUBSCRIBE, FETCH and INFO from a track that this process writes. */
#include "tools/serve.h"

static void send_group(struct moq_request *request, struct moq_track *track)
{
    struct moq_group *group = moq_track_find(track, request->group);
    if (group)
        moq_request_send_group(request, track, group);
    else
        moq_request_refuse(request, MOQ_ERR_NOT_FOUND);
}

static void send_info(struct moq_request *request, struct moq_track *track)
{
    const struct moq_track_config *config = moq_track_config(track);
    struct moq_info info = {
        .priority = config->priority,
        .order = config->order,
        .expires_ms = config->expires_ms,
        .latest = moq_track_latest(track),
    };
    moq_request_send_info(request, &info);
}

struct moq_viewer *serve_request(struct moq_request *request, struct moq_track *track,
                                 uint64_t latency_ns)
{
    if (request->kind == MOQ_REQUEST_SUBSCRIBE) {
        const struct moq_policy defaults = {.latency_ns = latency_ns, .order = MOQ_ORDER_NEWEST};
        struct moq_policy policy = moq_policy_of_wish(&defaults, &request->wish);
        return moq_request_serve(request, track, &policy);
    }
    if (request->kind == MOQ_REQUEST_FETCH)
        send_group(request, track);
    else
        send_info(request, track);
    return NULL;
}
