/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Announcements of sessions and guests, from the moment they are made until they join a route. The
 * owner of an offer may remove it when it is told of a decision, so an announcement is held
 * meanwhile.
 * Tested by tests/sim/relay/test_revoked.c and tests/unit/core/test_guest.c. */
#include "server/core/peer_announce.h"

#include <stdlib.h>

/* ---- Telling --------------------------------------------------------------------------------- */

static void tell_owner(const struct announcement *announcement, bool is_allowed,
                       enum core_denial denial, const char *reason)
{
    if (announcement->on_decided && !announcement->is_leaving)
        announcement->on_decided(announcement->self, is_allowed, denial, reason);
}

/* Hooks are told last, and may do anything. */
static void tell_refused(const struct announcement *announcement, enum core_denial denial,
                         const char *reason)
{
    struct router *router = announcement->router;
    struct moq_path *path = moq_path_ref(announcement->path);
    router->counters.announcements_denied++;
    tell_owner(announcement, false, denial, reason);
    core_hooks_event(&router->hooks, "announce_refused", path);
    moq_path_unref(&path);
}

static void tell_uncovered(const struct announcement *announcement)
{
    char limits[PEER_LIMITS_BYTES];
    tell_owner(announcement, false, CORE_DENIAL_FORBIDDEN,
               peer_limits(announcement->peer, CORE_PUBLISH, limits));
}

/* ---- Deciding -------------------------------------------------------------------------------- */

/* Its grants may have been replaced since hooks were asked. */
static bool refuse_if_revoked(struct announcement *announcement)
{
    const struct core_peer *peer = announcement->peer;
    announcement->is_revoked = !peer_check_may(peer, CORE_PUBLISH, announcement->path);
    if (!announcement->is_revoked)
        return false;
    char limits[PEER_LIMITS_BYTES];
    tell_refused(announcement, CORE_DENIAL_FORBIDDEN, peer_limits(peer, CORE_PUBLISH, limits));
    return true;
}

static void refuse_by_hooks(struct announcement *announcement, const struct core_request *request)
{
    const struct core_peer *peer = announcement->peer;
    char text[MOQ_PATH_LINE_BYTES], name[PEER_NAME_BYTES];
    enum core_denial denial;
    const char *reason;
    /* A hook that has ended the guest has said more by that. */
    if (!peer->guest || !core_guest_is_ending(peer->guest, &denial, &reason)) {
        denial = request_denial(request);
        reason = request_words(request);
    }
    announcement->is_revoked = !core_peer_may(peer, CORE_PUBLISH, announcement->path);
    log_info(LOG_POLICY, "%s may not publish %s: %s", peer_name(peer, name),
             moq_path_text(announcement->path, text, sizeof text), reason);
    tell_refused(announcement, denial, reason);
}

/* Hooks may have it removed or revoked as soon as it has joined its route. */
static void join_route(struct announcement *announcement, struct moq_path *path)
{
    if (!route_add(announcement, path))
        tell_owner(announcement, false, CORE_DENIAL_BUSY, "out of memory");
    else if (announcement->route)
        tell_owner(announcement, true, CORE_DENIAL_REFUSED, "");
}

static void on_announce_decided(struct core_request *request, bool is_allowed)
{
    struct announcement_question *question =
        container_of(request, struct announcement_question, request);
    struct announcement *announcement = question->announcement;
    announcement->question = NULL; /* there is nothing to withdraw any more */
    announcement_hold(announcement);
    if (!is_allowed)
        refuse_by_hooks(announcement, request);
    else if (!refuse_if_revoked(announcement))
        join_route(announcement, request->path);
    announcement_release(announcement);
    question_free(&question);
}

/* Its grants decide first, then hooks. */
static void ask_about(struct announcement *announcement)
{
    struct core_peer *peer = announcement->peer;
    if (refuse_if_revoked(announcement))
        return;
    struct announcement_question *question = calloc(1, sizeof *question);
    if (!question) {
        log_error(LOG_ROUTE, "out of memory: an announcement is ignored");
        tell_owner(announcement, false, CORE_DENIAL_BUSY, "out of memory");
        return;
    }
    question->announcement = announcement;
    question->request = (struct core_request){
        .kind = CORE_REQUEST_ANNOUNCE,
        .peer = peer,
        .path = moq_path_ref(announcement->name),
        .on_decided = on_announce_decided,
    };
    announcement->has_failed = false;
    announcement->question = question;
    core_hooks_ask(&peer->router->hooks, &question->request);
}

/* ---- All of a peer --------------------------------------------------------------------------- */

void peer_announce(struct core_peer *peer, struct announcement *announcement)
{
    announcement->peer = peer;
    list_push_back(&peer->announcements, &announcement->owner_node);
    ask_about(announcement);
}

static void review_announcement(struct announcement *announcement)
{
    bool may = core_peer_may(announcement->peer, CORE_PUBLISH, announcement->path);
    if (announcement->is_leaving || announcement->question)
        return; /* until hooks have decided */
    if (may && announcement->is_revoked) {
        ask_about(announcement);
    } else if (!may && !announcement->is_revoked) {
        route_suspend(announcement);
        tell_uncovered(announcement);
    }
}

/* While an announcement is held it stays in the list, so the next one is known afterwards. */
void peer_review_announcements(struct core_peer *peer)
{
    struct list *node = peer->announcements.next;
    while (node != &peer->announcements) {
        struct announcement *announcement = container_of(node, struct announcement, owner_node);
        announcement_hold(announcement);
        review_announcement(announcement);
        node = node->next;
        announcement_release(announcement);
    }
}

static struct announcement *next_staying(const struct core_peer *peer)
{
    list_for_each (node, &peer->announcements) {
        struct announcement *announcement = container_of(node, struct announcement, owner_node);
        if (!announcement->is_leaving)
            return announcement;
    }
    return NULL;
}

/* Those that are held leave the list later. */
void peer_forget_announcements(struct core_peer *peer)
{
    struct announcement *announcement;
    while ((announcement = next_staying(peer)))
        route_remove(announcement);
}
