/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a peer may do: its grants, what changes when they are replaced, and their expiry.
 * Tested by tests/sim/relay/test_grants.c and tests/sim/relay/test_revoked.c. */
#include <stdio.h>
#include <string.h>

#include "server/core/mix.h"
#include "server/core/offering.h"
#include "server/core/peer.h"
#include "server/core/peer_announce.h"
#include "server/core/viewer.h"

/* ---- For hooks ------------------------------------------------------------------------------- */

const char *core_peer_identity(const struct core_peer *peer)
{
    return peer->grants ? peer->grants->identity : "";
}

const char *core_peer_claims(const struct core_peer *peer)
{
    return peer->grants ? peer->grants->claims : "";
}

uint64_t core_peer_expires_ms(const struct core_peer *peer)
{
    return peer->grants ? peer->grants->expires_ms : 0;
}

bool core_peer_is_cluster(const struct core_peer *peer)
{
    return peer->grants && peer->grants->is_cluster;
}

bool core_is_internal(const struct moq_path *path)
{
    if (moq_path_count(path) == 0)
        return false;
    struct moq_part first = moq_path_part(path, 0);
    return first.size == strlen(CORE_INTERNAL) &&
           memcmp(first.data, CORE_INTERNAL, first.size) == 0;
}

bool core_peer_may(const struct core_peer *peer, enum core_action action,
                   const struct moq_path *path)
{
    if (peer->has_expired)
        return false;
    return grants_cover(peer->grants, action, path) ||
           (core_peer_is_cluster(peer) && core_is_internal(path));
}

/* ---- Checks ---------------------------------------------------------------------------------- */

char *peer_name(const struct core_peer *peer, char out[PEER_NAME_BYTES])
{
    const char *kind = peer->guest ? "guest" : "session", *identity = core_peer_identity(peer);
    unsigned long long number = peer->number;
    if (*identity)
        snprintf(out, PEER_NAME_BYTES, "%s %llu (%s)", kind, number, identity);
    else
        snprintf(out, PEER_NAME_BYTES, "%s %llu", kind, number);
    return out;
}

static const char *action_word(enum core_action action)
{
    return action == CORE_PUBLISH ? "publish" : "watch";
}

char *peer_limits(const struct core_peer *peer, enum core_action action,
                  char out[PEER_LIMITS_BYTES])
{
    char granted[GRANTS_TEXT_BYTES];
    if (peer->has_expired)
        snprintf(out, PEER_LIMITS_BYTES, "its grants have expired");
    else
        snprintf(out, PEER_LIMITS_BYTES, "it may %s %s", action_word(action),
                 peer->grants ? grants_text(peer->grants, action, granted) : "everything");
    return out;
}

bool peer_check_may(const struct core_peer *peer, enum core_action action,
                    const struct moq_path *path)
{
    char name[PEER_NAME_BYTES], text[MOQ_PATH_LINE_BYTES], limits[PEER_LIMITS_BYTES];
    if (core_peer_may(peer, action, path))
        return true;
    log_info(LOG_POLICY, "%s may not %s %s: %s", peer_name(peer, name), action_word(action),
             moq_path_text(path, text, sizeof text), peer_limits(peer, action, limits));
    return false;
}

/* ---- Changes --------------------------------------------------------------------------------- */

void peer_note_expiry(struct core_peer *peer)
{
    uint64_t expires_ms = core_peer_expires_ms(peer);
    if (expires_ms > 0 && expires_ms < peer->router->expiry_ms)
        peer->router->expiry_ms = expires_ms;
}

void peer_take_grants(struct core_peer *peer, struct grants *grants)
{
    grants_unref(&peer->grants);
    publisher_unref(&peer->publisher);
    peer->grants = grants;
    peer_note_expiry(peer);
}

/* A viewer that is not covered any more is closed. One that was moved to a rendition which is not
 * goes back to the one that it asked for, or is closed if that is gone. */
static void review_viewer(const struct core_peer *peer, struct core_viewer *viewer)
{
    viewer->is_reviewed = true;
    if (viewer->is_revoked)
        return;
    viewer->is_revoked = !core_peer_may(peer, CORE_SUBSCRIBE, core_viewer_path(viewer));
    bool is_elsewhere = !viewer->is_revoked && viewer->mix && !core_viewer_is_over(viewer) &&
                        !mix_is_covered(viewer->mix);
    if (viewer->is_revoked ||
        (is_elsewhere && mix_turn_back(viewer->mix, core_viewer_path(viewer))))
        core_viewer_close(viewer, MOQ_ERR_REFUSED);
}

/* Others may die in each call, so every search begins at the first one again. */
static void review_viewers(const struct core_peer *peer)
{
    struct core_viewer *viewer;
    struct moq_viewer *served = NULL;
    while ((served = moq_session_next_viewer(peer->session, served)))
        if ((viewer = moq_viewer_user(served)))
            viewer->is_reviewed = false;
    while ((served = moq_session_next_viewer(peer->session, served))) {
        viewer = moq_viewer_user(served);
        if (!viewer || viewer->is_reviewed)
            continue;
        review_viewer(peer, viewer);
        served = NULL;
    }
}

static void tell_viewers_identity(const struct core_peer *peer)
{
    struct moq_viewer *served = NULL;
    while ((served = moq_session_next_viewer(peer->session, served)))
        if (moq_viewer_user(served))
            core_viewer_take_identity(moq_viewer_user(served));
}

/* Makes everything that the peer does agree with what it may do now. */
static void apply_grants(struct core_peer *peer)
{
    peer_review_announcements(peer);
    if (!peer->session)
        return;
    review_viewers(peer);
    tell_viewers_identity(peer);
    moq_session_look_again(peer->session);
}

int core_request_set_grants(struct core_request *request, const struct core_grants *grants)
{
    struct core_peer *peer = request->peer;
    struct grants *copy;
    if (!request->grants)
        return MOQ_ERR_INVALID;
    request->grants_error = grants_new(grants, router_wall_ms(peer->router), &copy);
    if (!request->grants_error)
        peer_take_grants(peer, copy);
    return request->grants_error;
}

int core_peer_set_grants(struct core_peer *peer, const struct core_grants *grants)
{
    struct grants *copy = NULL;
    if (peer->request)
        return MOQ_ERR_AGAIN;
    if (peer->has_expired)
        return MOQ_ERR_CLOSED;
    int error = grants ? grants_new(grants, router_wall_ms(peer->router), &copy) : 0;
    if (error)
        return error;
    peer_take_grants(peer, copy);
    apply_grants(peer);
    return 0;
}

/* ---- Expiry ---------------------------------------------------------------------------------- */

static void expire_peer(struct core_peer *peer)
{
    char name[PEER_NAME_BYTES];
    peer->has_expired = true;
    peer->router->counters.sessions_expired++;
    log_info(LOG_POLICY, "%s from %s is closed: its token has expired", peer_name(peer, name),
             peer->address);
    apply_grants(peer);
    core_peer_deny(peer, CORE_DENIAL_EXPIRED, "token expired");
}

/* The wall clock may have jumped since the last sweep, in either direction. */
void peers_expire(struct router *router)
{
    uint64_t now_ms = router_wall_ms(router);
    if (now_ms < router->expiry_ms)
        return;
    router->expiry_ms = UINT64_MAX;
    list_for_each_safe (node, &router->peers) {
        struct core_peer *peer = container_of(node, struct core_peer, node);
        uint64_t expires_ms = core_peer_expires_ms(peer);
        if (expires_ms == 0 || peer->has_expired)
            continue;
        if (expires_ms <= now_ms)
            expire_peer(peer);
        else if (expires_ms < router->expiry_ms)
            router->expiry_ms = expires_ms;
    }
}
