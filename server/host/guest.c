/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Guests: publishers that reach the relay through a module.
 * Tested by tests/e2e/test_modules.py. */
#include "server/host/guest.h"

#include <stdlib.h>
#include <string.h>

_Static_assert((int)RELAY_GUESTS_MAX == (int)CORE_GUESTS_MAX, "one is the other");
_Static_assert((int)RELAY_CREDENTIAL_MAX_BYTES == (int)CORE_CREDENTIAL_BYTES, "one is the other");

/* Frees the guest; its sources hear of it, and hooks of what they offered. */
static void end_guest(struct relay_guest *guest, enum relay_denial code, const char *reason)
{
    guest->head.magic = 0;
    list_remove(&guest->node);
    for (struct list *node; (node = list_pop_front(&guest->ties));) {
        struct guest_tie *tie = container_of(node, struct guest_tie, node);
        tie->on_lost(tie, code, reason);
    }
    if (guest->is_opening)
        guest->is_over = true;
    else
        free(guest);
}

static void on_guest_decided(void *user, bool is_allowed, enum core_denial denial,
                             const char *reason)
{
    struct relay_guest *guest = user;
    const struct relay_guest_ops ops = guest->ops;
    void *module_user = guest->user;
    enum relay_denial code = host_denial_back(denial);
    if (!is_allowed)
        end_guest(guest, code, reason);
    if (ops.on_decided)
        ops.on_decided(module_user, is_allowed, code, reason);
}

static void on_guest_closed(void *user, enum core_denial denial, const char *reason)
{
    struct relay_guest *guest = user;
    enum relay_denial code = host_denial_back(denial);
    guest->head.magic = 0;
    if (guest->ops.on_closed) /* first: the module must not use it in the hooks that follow */
        guest->ops.on_closed(guest->user, code, reason);
    end_guest(guest, code, reason);
}

static const struct core_guest_ops guest_ops = {.on_decided = on_guest_decided,
                                                .on_closed = on_guest_closed};

/* NULL: out of memory. */
static struct relay_guest *guest_new(struct relay_worker *worker, const struct relay_guest_ops *ops,
                                     void *user)
{
    struct relay_guest *guest = calloc(1, sizeof *guest);
    if (!guest)
        return NULL;
    guest->head = (struct host_handle){HOST_GUEST, worker};
    if (ops)
        memcpy(&guest->ops, ops, host_struct_bytes(ops->size, sizeof guest->ops));
    guest->user = user;
    list_init(&guest->ties);
    list_push_back(&worker->guests, &guest->node);
    return guest;
}

/* Asks hooks; they may end the guest before this returns. */
static int ask_for_guest(struct relay_guest *guest, const struct relay_guest_info *given)
{
    struct relay_guest_info all = {.size = 0};
    memcpy(&all, given, host_struct_bytes(given->size, sizeof all));
    const struct core_guest_info info = {
        .address = all.address,
        .path = all.url_path,
        .query = all.query,
        .origin = all.page,
        .server_name = all.server_name,
        .credential = all.credential,
    };
    guest->is_opening = true;
    int error =
        core_guest_open(guest->head.worker->core->router, &info, &guest_ops, guest, &guest->core);
    guest->is_opening = false;
    return error;
}

int relay_guest_open(struct relay_worker *worker, const struct relay_guest_info *info,
                     const struct relay_guest_ops *ops, void *user, struct relay_guest **out)
{
    *out = NULL;
    if (!FITS(worker, HOST_WORKER) || !info)
        return RELAY_ERR_INVALID;
    struct relay_guest *guest = guest_new(worker, ops, user);
    if (!guest)
        return RELAY_ERR_NOMEM;
    *out = guest;
    int error = ask_for_guest(guest, info);
    if (error && !guest->is_over)
        end_guest(guest, RELAY_DENIED_REFUSED, "");
    else if (guest->is_over)
        free(guest);
    else
        return 0;
    *out = NULL;
    return error ? host_error(error) : 0;
}

static void close_guest(struct relay_guest *guest)
{
    struct core_guest *core = guest->core;
    end_guest(guest, RELAY_DENIED_REFUSED, "the guest has left");
    core_guest_close(&core);
}

void relay_guest_close(struct relay_guest **guest)
{
    struct relay_guest *closed = guest ? *guest : NULL;
    if (guest)
        *guest = NULL; /* first, because hooks may close it again */
    if (closed && FITS(closed, HOST_GUEST))
        close_guest(closed);
}

bool relay_guest_may_publish(const struct relay_guest *guest, const char *text)
{
    if (!FITS(guest, HOST_GUEST))
        return false;
    struct moq_path *path = host_path(text);
    bool may = path && core_peer_may(core_guest_peer(guest->core), CORE_PUBLISH, path);
    moq_path_unref(&path);
    return may;
}

void guests_close_forgotten(struct relay_worker *worker)
{
    while (!list_is_empty(&worker->guests))
        close_guest(container_of(worker->guests.next, struct relay_guest, node));
}
