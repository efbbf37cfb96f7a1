/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Requests: they wait, limited in number, until the owner answers or the peer withdraws them.
 * Tested by tests/unit/transfork/test_wishes.c. */
#include "transfork/request.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/objects.h"
#include "transfork/message.h"
#include "transfork/viewer.h"

struct request *request_new(struct moq_stream *stream, enum moq_request_kind kind,
                            struct moq_path **path)
{
    struct moq_session *session = stream->session;
    struct request *request = NULL;
    if (session->subscription_count < session->config.limits.subscriptions)
        request = calloc(1, sizeof *request);
    if (!request) {
        moq_path_unref(path);
        return NULL;
    }
    request->asked = (struct moq_request){.kind = kind,
                                          .session = session,
                                          .path = *path,
                                          .wish = {.min = MOQ_NO_GROUP, .max = MOQ_NO_GROUP}};
    *path = NULL;
    request->stream = stream;
    session->subscription_count++;
    list_push_back(&session->requests, &request->node);
    object_born(OBJECT_request);
    return request;
}

void request_deliver(struct request *request)
{
    struct moq_session *session = request->asked.session;
    if (session->config.events->on_request)
        session->config.events->on_request(session, &request->asked);
    else
        moq_request_refuse(&request->asked, MOQ_ERR_NOT_FOUND);
}

void request_updated(struct request *request)
{
    struct moq_session *session = request->asked.session;
    if (session->config.events->on_request_updated)
        session->config.events->on_request_updated(session, &request->asked);
}

static void request_free(struct grave *grave)
{
    struct request *request = container_of(grave, struct request, grave);
    moq_path_unref(&request->asked.path);
    free(request);
    object_died(OBJECT_request);
}

void request_done(struct request *request)
{
    struct moq_session *session = request->asked.session;
    REQUIRE(session->subscription_count > 0);
    request->stream = NULL;
    session->subscription_count--;
    list_remove(&request->node);
    session_bury(session, &request->grave, request_free);
}

void request_gone(struct request *request)
{
    struct moq_session *session = request->asked.session;
    request->stream = NULL;
    if (session->config.events->on_request_gone)
        session->config.events->on_request_gone(session, &request->asked);
    request_done(request);
}

void moq_request_refuse(struct moq_request *asked, int error)
{
    struct request *request = request_of(asked);
    if (!request->stream)
        return;
    stream_abort(request->stream, error ? error : MOQ_ERR_CANCELLED);
    request_done(request);
}

void moq_request_set_user(struct moq_request *request, void *user)
{
    request->user = user;
}

void *moq_request_user(const struct moq_request *request)
{
    return request->user;
}

bool moq_wish_equal(const struct moq_wish *a, const struct moq_wish *b)
{
    return a->priority == b->priority && a->order == b->order && a->expires_ms == b->expires_ms &&
           a->min == b->min && a->max == b->max;
}

bool wish_has_groups(const struct moq_wish *wish)
{
    return wish->min == MOQ_NO_GROUP || wish->max == MOQ_NO_GROUP || wish->min <= wish->max;
}

int wish_update(struct moq_wish *wish, const struct moq_wish *update)
{
    wish->priority = update->priority;
    wish->order = update->order;
    wish->expires_ms = update->expires_ms;
    if (update->min != MOQ_NO_GROUP && (wish->min == MOQ_NO_GROUP || update->min > wish->min))
        wish->min = update->min;
    if (update->max != MOQ_NO_GROUP && update->max < wish->max)
        wish->max = update->max;
    return wish_has_groups(wish) ? 0 : MOQ_ERR_PROTOCOL;
}

bool request_has_id(const struct moq_session *session, uint64_t id)
{
    list_for_each (node, &session->viewers)
        if (container_of(node, struct moq_viewer, node)->id == id)
            return true;
    list_for_each (node, &session->requests) {
        const struct request *request = container_of(node, struct request, node);
        if (request->asked.kind == MOQ_REQUEST_SUBSCRIBE && request->id == id)
            return true;
    }
    return false;
}
