/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A guest is a peer with a list of callbacks instead of a connection. Whatever ends it only notes
 * the end; the next sweep tells its owner and frees it, so it never dies inside a call.
 * Tested by tests/unit/core/test_guest.c. */
#include "server/core/guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/peer.h"
#include "server/core/peer_announce.h"
#include "server/core/route.h"

static const struct core_guest_ops no_ops;

/* From now on nothing is told to its owner. */
static void silence_guest(struct core_guest *guest)
{
    guest->ops = &no_ops;
    guest->user = NULL;
}

/* ---- Coming in ------------------------------------------------------------------------------- */

static void tell_decided(struct core_guest *guest, const struct core_request *request,
                         bool is_allowed)
{
    const struct core_guest_ops *ops = guest->ops;
    void *user = guest->user;
    guest->is_allowed = is_allowed;
    if (!is_allowed) {
        guest->is_over = true;
        silence_guest(guest);
    }
    if (ops->on_decided)
        ops->on_decided(user, is_allowed,
                        is_allowed ? CORE_DENIAL_REFUSED : request_denial(request),
                        is_allowed ? "" : request_words(request));
}

/* If a hook has closed it in the meantime, the sweep tells its owner. */
static void on_guest_decided(struct core_request *request, bool is_allowed)
{
    struct core_peer *peer = request->peer;
    struct core_guest *guest = peer->guest;
    peer->request = NULL;
    peer_note_expiry(peer);
    if (!guest->is_over) {
        if (!is_allowed)
            peer_refuse(peer, request_error(request), request_words(request));
        peer->router->counters.guests_total += is_allowed;
        tell_decided(guest, request, is_allowed);
    }
    free(request);
}

static struct core_guest *guest_alloc(const char *credential)
{
    size_t length = strlen(credential);
    struct core_guest *guest = calloc(1, sizeof *guest + length + 1);
    if (guest)
        memcpy(guest->credential, credential, length);
    return guest;
}

static struct core_guest *guest_new(struct router *router, const struct core_guest_info *info)
{
    struct core_guest *guest = guest_alloc(info->credential ? info->credential : "");
    const struct peer_card card = {
        .path = {info->path, info->path ? strlen(info->path) : 0},
        .query = {info->query, info->query ? strlen(info->query) : 0},
        .origin = info->origin,
        .server_name = info->server_name,
        .address = info->address ? info->address : "",
        .protocol = QUIC_PROTOCOL_UNKNOWN,
        .guest = guest,
    };
    if (!guest)
        return NULL;
    list_push_back(&router->guests, &guest->node);
    guest->peer = peer_new(router, &card);
    if (guest->peer)
        return guest;
    list_remove(&guest->node);
    free(guest);
    return NULL;
}

int core_guest_open(struct router *router, const struct core_guest_info *info,
                    const struct core_guest_ops *ops, void *user, struct core_guest **out)
{
    *out = NULL;
    if (info->credential &&
        strnlen(info->credential, CORE_CREDENTIAL_BYTES + 1) > CORE_CREDENTIAL_BYTES)
        return MOQ_ERR_BOUNDS;
    if (router->counters.guests >= CORE_GUESTS_MAX)
        return MOQ_ERR_BOUNDS;
    struct core_guest *guest = guest_new(router, info);
    if (!guest)
        return MOQ_ERR_NOMEM;
    struct core_peer *peer = guest->peer;
    guest->ops = ops;
    guest->user = user;
    *out = guest;
    *peer->request = (struct core_request){
        .kind = CORE_REQUEST_SESSION,
        .peer = peer,
        .grants = &peer->grants,
        .on_decided = on_guest_decided,
    };
    core_hooks_ask(&router->hooks, peer->request);
    if (guest->ops == &no_ops)
        *out = NULL;
    return 0;
}

/* ---- Offering -------------------------------------------------------------------------------- */

struct announcement *core_guest_offer(struct core_guest *guest, const struct origin_offer *offer,
                                      core_on_offer_decided *on_decided)
{
    struct core_peer *peer = guest->peer;
    if (guest->is_over || !guest->is_allowed)
        return NULL;
    struct announcement *announcement = announcement_new(peer->router, offer->feed, offer->path);
    if (!announcement)
        return NULL;
    announcement->self = offer->self;
    announcement->can = offer->can;
    announcement->on_decided = on_decided;
    peer_announce(peer, announcement);
    return guest->ops == &no_ops ? NULL : announcement; /* hooks may have had it closed */
}

struct core_peer *core_guest_peer(struct core_guest *guest)
{
    return guest->peer;
}

const char *core_peer_credential(const struct core_peer *peer)
{
    return peer->guest ? peer->guest->credential : "";
}

/* ---- The end --------------------------------------------------------------------------------- */

static void withdraw_request(struct core_peer *peer)
{
    struct core_request *request = peer->request;
    peer->request = NULL;
    if (request)
        core_hooks_withdraw(request);
    free(request);
}

void core_guest_close(struct core_guest **guest_in)
{
    struct core_guest *guest = *guest_in;
    *guest_in = NULL;
    if (!guest)
        return;
    silence_guest(guest);
    guest->is_over = true;
    withdraw_request(guest->peer);
    peer_forget_announcements(guest->peer);
}

bool core_guest_is_ending(const struct core_guest *guest, enum core_denial *denial,
                          const char **reason)
{
    *denial = guest->end_denial;
    *reason = guest->end_reason;
    return guest->is_over && guest->is_allowed && guest->ops != &no_ops;
}

/* Tells its owner why it ends. The owner may call anything, core_guest_close included. */
static void tell_end(struct core_guest *guest)
{
    const struct core_guest_ops *ops = guest->ops;
    void *user = guest->user;
    silence_guest(guest);
    if (guest->is_allowed && ops->on_closed)
        ops->on_closed(user, guest->end_denial, guest->end_reason);
    else if (!guest->is_allowed && ops->on_decided)
        ops->on_decided(user, false, guest->end_denial, guest->end_reason);
}

static void end_guest(struct core_guest *guest)
{
    struct core_peer *peer = guest->peer;
    list_remove(&guest->node);
    withdraw_request(peer);
    tell_end(guest);
    peer_forget_announcements(peer);
    peer_free(peer);
    free(guest);
}

static struct core_guest *next_over(const struct router *router)
{
    list_for_each (node, &router->guests) {
        struct core_guest *guest = container_of(node, struct core_guest, node);
        if (guest->is_over)
            return guest;
    }
    return NULL;
}

/* Each call to an owner may end other guests, so every search begins at the front. */
void guests_sweep(struct router *router)
{
    struct core_guest *guest;
    while ((guest = next_over(router)))
        end_guest(guest);
}

void guests_stop(struct router *router)
{
    list_for_each (node, &router->guests) {
        struct core_guest *guest = container_of(node, struct core_guest, node);
        if (!guest->is_over)
            core_peer_close(guest->peer, MOQ_ERR_CLOSED, "the relay stops");
    }
    guests_sweep(router);
}
