/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Requests as modules see them, while they are asked and while they hold them.
 * Tested by tests/e2e/test_modules.py. */
#include <stdarg.h>
#include <stdio.h>

#include "server/host/internal.h"

/* A call to the relay may end the peer, and its requests with it, while a hook is still running. */
static bool request_fits(const struct relay_request *request, const char *function)
{
    return host_fits(request, HOST_REQUEST, function) &&
           core_request_is_open(request->head.worker->core->hooks, request->core, request->number);
}
#define REQUEST_FITS(request) request_fits(request, __func__)

uint64_t relay_request_number(const struct relay_request *request)
{
    return REQUEST_FITS(request) ? request->number : 0;
}

struct relay_request *relay_request_held(struct relay_worker *worker, uint64_t number)
{
    if (!FITS(worker, HOST_WORKER))
        return NULL;
    struct core_request *core = core_request_held(worker->core->hooks, number);
    if (!core)
        return NULL;
    *worker->held = (struct relay_request){{HOST_REQUEST, worker}, core, number};
    return worker->held;
}

int relay_request_answer(struct relay_request *request, enum relay_verdict verdict)
{
    static const enum core_verdict verdicts[] = {
        [RELAY_PASS] = CORE_PASS, [RELAY_ALLOW] = CORE_ALLOW, [RELAY_DENY] = CORE_DENY};
    if (!REQUEST_FITS(request))
        return RELAY_ERR_INVALID;
    struct relay_worker *worker = request->head.worker;
    uint64_t number = request->number;
    if (verdict != RELAY_PASS && verdict != RELAY_ALLOW && verdict != RELAY_DENY)
        return RELAY_ERR_INVALID;
    int error = core_answer(worker->core->hooks, number, verdicts[verdict]);
    if (!error && request == worker->held)
        request->head.magic = 0;
    return error ? host_error(error) : 0;
}

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
    const struct moq_path *path = REQUEST_FITS(request) ? core_request_path(request->core) : NULL;
    if (path)
        return moq_path_text(path, out, size);
    if (size > 0)
        out[0] = '\0';
    return out;
}

uint64_t relay_request_group(const struct relay_request *request)
{
    return REQUEST_FITS(request) ? core_request_group(request->core) : 0;
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

int relay_request_set_policy(struct relay_request *request, const struct relay_policy *policy)
{
    struct core_override change;
    if (!REQUEST_FITS(request) || core_request_kind(request->core) != CORE_REQUEST_SUBSCRIBE ||
        host_override(policy, &change))
        return RELAY_ERR_INVALID;
    core_request_override(request->core, &request->head.worker->hook, &change);
    return 0;
}
