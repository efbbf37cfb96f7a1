/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Requests as modules see them, while they are asked and while they hold them.
 * Tested by tests/e2e/test_modules.py. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/host/internal.h"

bool request_fits(const struct relay_request *request, const char *function)
{
    return host_fits(request, HOST_REQUEST, function) &&
           core_request_is_open(request->head.worker->core->hooks, request->core, request->number);
}

uint64_t relay_request_number(const struct relay_request *request)
{
    return REQUEST_FITS(request) ? request->number : 0;
}

/* ---- Held ones ------------------------------------------------------------------------------- */

static struct relay_request *take_handle(struct relay_worker *worker)
{
    struct list *node = list_pop_front(&worker->spare);
    return node ? container_of(node, struct relay_request, node)
                : calloc(1, sizeof(struct relay_request));
}

struct relay_request *relay_request_held(struct relay_worker *worker, uint64_t number)
{
    if (!FITS(worker, HOST_WORKER))
        return NULL;
    struct core_request *core = core_request_held(worker->core->hooks, number);
    if (!core || core_request_entry(core) != &worker->hook)
        return NULL; /* or another module holds it */
    struct relay_request *request = core_request_user(core);
    if (request)
        return request;
    request = take_handle(worker);
    if (!request)
        return NULL;
    *request = (struct relay_request){{HOST_REQUEST, worker}, {NULL, NULL}, core, number};
    list_init(&request->node);
    list_push_back(&worker->held, &request->node);
    core_request_set_user(core, request);
    return request;
}

static void spare_handle(struct relay_request *request)
{
    request->head.magic = 0;
    list_remove(&request->node);
    list_push_back(&request->head.worker->spare, &request->node);
}

void request_let_go(struct core_request *core)
{
    if (core_request_user(core))
        spare_handle(core_request_user(core));
}

static void free_handles(struct list *handles)
{
    for (struct list *node; (node = list_pop_front(handles));)
        free(container_of(node, struct relay_request, node));
}

void requests_free(struct relay_worker *worker)
{
    free_handles(&worker->held);
    free_handles(&worker->spare);
}

/* Whether the handle is one of relay_request_held, not that of a hook. */
static bool is_held(const struct relay_request *request)
{
    return core_request_held(request->head.worker->core->hooks, request->number) == request->core;
}

int relay_request_answer(struct relay_request *request, enum relay_verdict verdict)
{
    static const enum core_verdict verdicts[] = {
        [RELAY_PASS] = CORE_PASS, [RELAY_ALLOW] = CORE_ALLOW, [RELAY_DENY] = CORE_DENY};
    if (!REQUEST_FITS(request))
        return RELAY_ERR_INVALID;
    if (verdict != RELAY_PASS && verdict != RELAY_ALLOW && verdict != RELAY_DENY)
        return RELAY_ERR_INVALID;
    if (!is_held(request))
        return RELAY_ERR_NOT_FOUND;
    struct core_hooks *hooks = request->head.worker->core->hooks;
    uint64_t number = request->number;
    spare_handle(request); /* the answer may free the request */
    return host_error(core_answer(hooks, number, verdicts[verdict]));
}

/* ---- What they are about --------------------------------------------------------------------- */

enum relay_request_kind relay_request_kind(const struct relay_request *request)
{
    static const enum relay_request_kind kinds[] = {
        [CORE_REQUEST_SESSION] = RELAY_REQUEST_SESSION,
        [CORE_REQUEST_ANNOUNCE] = RELAY_REQUEST_ANNOUNCE,
        [CORE_REQUEST_SUBSCRIBE] = RELAY_REQUEST_SUBSCRIBE,
        [CORE_REQUEST_FETCH] = RELAY_REQUEST_FETCH,
        [CORE_REQUEST_INFO] = RELAY_REQUEST_INFO,
    };
    return REQUEST_FITS(request) ? kinds[core_request_kind(request->core)] : 0;
}

struct relay_peer *relay_request_peer(const struct relay_request *request)
{
    return REQUEST_FITS(request)
               ? hooks_peer(request->head.worker, core_request_peer(request->core))
               : NULL;
}

const char *relay_request_path(const struct relay_request *request, char *out, size_t size)
{
    return host_path_text(REQUEST_FITS(request) ? core_request_path(request->core) : NULL, out,
                          size);
}

uint64_t relay_request_viewer(const struct relay_request *request)
{
    return REQUEST_FITS(request) ? core_request_viewer(request->core) : 0;
}

uint64_t relay_request_group(const struct relay_request *request)
{
    return REQUEST_FITS(request) ? core_request_group(request->core) : 0;
}

int relay_request_asked(const struct relay_request *request, struct relay_asked *asked)
{
    const struct moq_wish *wish = REQUEST_FITS(request) ? core_request_wish(request->core) : NULL;
    if (!wish)
        return RELAY_ERR_INVALID;
    host_asked(wish, asked);
    return 0;
}

enum relay_verdict relay_request_deny(struct relay_request *request, enum relay_denial code,
                                      const char *format, ...)
{
    char reason[RELAY_REASON_BYTES];
    va_list arguments;
    if (!REQUEST_FITS(request))
        return RELAY_DENY;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    core_request_set_denial(request->core, host_denial(code), reason);
    return RELAY_DENY;
}

int relay_request_set_path(struct relay_request *request, const char *text)
{
    if (!REQUEST_FITS(request) || !core_request_path(request->core))
        return RELAY_ERR_INVALID;
    struct moq_path *path = host_path(text);
    if (!path)
        return RELAY_ERR_INVALID;
    core_request_set_path(request->core, path);
    moq_path_unref(&path);
    return 0;
}

int relay_request_candidate(const struct relay_request *request, size_t index,
                            struct relay_candidate *candidate)
{
    struct core_candidate core;
    if (!REQUEST_FITS(request) || !core_request_candidate(request->core, index, &core))
        return RELAY_ERR_NOT_FOUND;
    host_candidate(&core, candidate);
    return 0;
}

int relay_request_set_source(struct relay_request *request, uint64_t number)
{
    if (!REQUEST_FITS(request))
        return RELAY_ERR_INVALID;
    return host_error(core_request_set_source(request->core, number));
}

int relay_request_set_policy(struct relay_request *request, const struct relay_policy *policy)
{
    struct core_override change;
    if (!REQUEST_FITS(request) || core_request_kind(request->core) != CORE_REQUEST_SUBSCRIBE ||
        host_override(policy, &change))
        return RELAY_ERR_INVALID;
    core_request_override(request->core, &request->head.worker->hook, &change);
    return 0;
}
