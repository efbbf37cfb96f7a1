/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The relay's handle is gone as soon as the relay has refused or ended the guest; ours stays until
 * the visitor has been told.
 * Tested by tests/e2e/test_ingest.py. */
#include "modules/karp/guest.h"

#include <stdlib.h>

#include "base/error.h"

struct guest {
    struct relay_guest *handle;
    const struct host_guest_events *events;
    void *owner;
};

void guest_explain_denial(struct verdict *verdict, enum relay_denial code, const char *reason)
{
    static const unsigned statuses[] = {
        [RELAY_DENIED_REFUSED] = VERDICT_FORBIDDEN,
        [RELAY_DENIED_UNAUTHORIZED] = VERDICT_UNAUTHORIZED,
        [RELAY_DENIED_FORBIDDEN] = VERDICT_FORBIDDEN,
        [RELAY_DENIED_NOT_FOUND] = VERDICT_NOT_FOUND,
        [RELAY_DENIED_BUSY] = VERDICT_BUSY,
        [RELAY_DENIED_EXPIRED] = VERDICT_UNAUTHORIZED,
    };
    bool is_known = (size_t)code < sizeof statuses / sizeof statuses[0];
    verdict_set(verdict, is_known ? statuses[code] : VERDICT_FORBIDDEN, "%s",
                reason && *reason ? reason : "the relay refuses it");
}

static void on_decided(void *user, bool is_allowed, enum relay_denial code, const char *reason)
{
    struct guest *guest = user;
    struct verdict verdict = {.status = 0};
    if (!is_allowed) {
        guest->handle = NULL;
        guest_explain_denial(&verdict, code, reason);
    }
    guest->events->on_decided(guest->owner, &verdict);
}

static void on_closed(void *user, enum relay_denial code, const char *reason)
{
    struct guest *guest = user;
    struct verdict verdict;
    guest->handle = NULL;
    guest_explain_denial(&verdict, code, reason);
    guest->events->on_closed(guest->owner, &verdict); /* which may close it */
}

int guest_open(struct relay_worker *worker, const struct host_visitor *visitor,
               const struct host_guest_events *events, void *owner, struct guest **out)
{
    static const struct relay_guest_ops ops = {
        .size = sizeof ops, .on_decided = on_decided, .on_closed = on_closed};
    const struct relay_guest_info info = {
        .size = sizeof info,
        .address = visitor->address,
        .url_path = visitor->path,
        .query = visitor->query,
        .credential = visitor->credential,
    };
    struct guest *guest = calloc(1, sizeof *guest);
    if (!guest)
        return MOQ_ERR_NOMEM;
    guest->events = events;
    guest->owner = owner;
    *out = guest;
    if (relay_guest_open(worker, &info, &ops, guest, &guest->handle) == 0)
        return 0;
    free(guest);
    *out = NULL;
    return MOQ_ERR_BOUNDS;
}

void guest_close(struct guest *guest)
{
    relay_guest_close(&guest->handle);
    free(guest);
}

bool guest_may_publish(const struct guest *guest, const char *path)
{
    return guest->handle && relay_guest_may_publish(guest->handle, path);
}

void guest_move(struct guest *guest, const struct host_guest_events *events, void *owner)
{
    guest->events = events;
    guest->owner = owner;
}

struct relay_guest *guest_handle(const struct guest *guest)
{
    return guest ? guest->handle : NULL;
}
