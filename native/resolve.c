/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Looks host names up without blocking the loop. A lookup cannot be stopped while the system works
 * on it, so a cancelled one stays in memory, without a callback, until it is done.
 * Tested by tests/unit/native/test_loopback.c. */
#include "native/resolve.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

#include "native/loop.h"

struct resolve {
    uv_getaddrinfo_t request;
    struct moq_native *native;
    resolve_on_done *on_done; /* NULL: cancelled */
    void *user;
};

static void on_found(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct resolve *resolve = container_of(request, struct resolve, request);
    struct moq_native *native = resolve->native;
    native->clock.now_ns = clock_monotonic_ns();
    struct address_list list = {.count = 0};
    if (status == 0)
        address_list_fill(&list, found);
    uv_freeaddrinfo(found);
    if (resolve->on_done && list.count > 0)
        resolve->on_done(resolve->user, &list, "");
    else if (resolve->on_done)
        resolve->on_done(resolve->user, NULL, status ? uv_strerror(status) : "it has no address");
    free(resolve);
    native_release(native);
}

struct resolve *resolve_start(struct moq_native *native, const char *host, uint16_t port,
                              resolve_on_done *on_done, void *user)
{
    struct resolve *resolve = calloc(1, sizeof *resolve);
    if (!resolve)
        return NULL;
    resolve->native = native;
    resolve->on_done = on_done;
    resolve->user = user;

    char service[8];
    snprintf(service, sizeof service, "%u", port);
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICSERV};
    if (uv_getaddrinfo(native->config.loop, &resolve->request, on_found, host, service, &hints)) {
        free(resolve);
        return NULL;
    }
    native_hold(native);
    return resolve;
}

void resolve_cancel(struct resolve **resolve)
{
    if (!*resolve)
        return;
    (*resolve)->on_done = NULL;
    uv_cancel((uv_req_t *)&(*resolve)->request);
    *resolve = NULL;
}
