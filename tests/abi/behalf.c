/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A module that does what peers ask it to do for them: a peer that asks for info of do/VERB/PATH
 * has VERB done with PATH on its behalf, and is then refused the info. Each worker tells of the
 * paths that are offered. */
#include <string.h>

#include "kit.h"

struct listing {
    struct relay_worker *worker;
    struct relay_announced *announced;
    const char *name;
};
struct state { /* in the worker's slot */
    struct listing all, own;
    struct relay_source *quiet, *loud, *older;
};

/* ---- What a peer has done -------------------------------------------------------------------- */

static int offer_as(struct relay_peer *peer, const char *path, const char *before, bool is_spare)
{
    char name[RELAY_PATH_BYTES];
    const struct relay_peer_has what = {
        .size = sizeof what, .is_spare = is_spare, .path = path, .name = before ? name : NULL};
    snprintf(name, sizeof name, "%s/%s", before ? before : "", path);
    return relay_peer_offer(peer, &what);
}

static int tell(struct relay_peer *peer, const char *what)
{
    relay_peer_tell(peer, strcmp(what, "all") == 0    ? RELAY_TELL_ALL
                          : strcmp(what, "near") == 0 ? RELAY_TELL_NEAR
                                                      : RELAY_TELL_NOTHING);
    return 0;
}

static int grant(struct relay_peer *peer, const char *what)
{
    static const char *const narrow[] = {"pub", "do"}, *const wide[] = {""};
    const bool is_narrow = strcmp(what, "narrow") == 0 || strcmp(what, "joined") == 0;
    const struct relay_grants grants = {.size = sizeof grants,
                                        .is_cluster = strcmp(what, "cluster") == 0 ||
                                                      strcmp(what, "joined") == 0,
                                        .publish = is_narrow ? narrow : wide,
                                        .publish_count = is_narrow ? 2 : 1,
                                        .subscribe = is_narrow ? narrow : wide,
                                        .subscribe_count = is_narrow ? 2 : 1};
    return relay_peer_set_grants(peer, &grants);
}

static int obey(struct relay_peer *peer, const char *verb, const char *path)
{
    if (strcmp(verb, "offer") == 0)
        return offer_as(peer, path, NULL, false);
    if (strcmp(verb, "as") == 0)
        return offer_as(peer, path, "as", false);
    if (strcmp(verb, "hide") == 0)
        return offer_as(peer, path, "internal", false);
    if (strcmp(verb, "spare") == 0)
        return offer_as(peer, path, NULL, true);
    if (strcmp(verb, "promote") == 0)
        return relay_peer_promote(peer, path);
    if (strcmp(verb, "withdraw") == 0)
        return relay_peer_withdraw(peer, path);
    return strcmp(verb, "tell") == 0 ? tell(peer, path) : grant(peer, path);
}

static bool is_below(const char *path, const char *prefix)
{
    return relay_path_has_prefix(path, prefix);
}

static void offer_badly(struct relay_peer *peer)
{
    struct relay_peer_has what = {.size = sizeof what, .path = "good", .name = "good"};
    EXPECT(relay_peer_offer(peer, &what), RELAY_ERR_CLOSED); /* it has no session yet */
    EXPECT(relay_peer_offer(peer, NULL), RELAY_ERR_INVALID);
    what.path = NULL;
    EXPECT(relay_peer_offer(peer, &what), RELAY_ERR_INVALID);
    what.path = "";
    EXPECT(relay_peer_offer(peer, &what), RELAY_ERR_INVALID);
    what = (struct relay_peer_has){.size = sizeof what, .path = "good", .name = ""};
    EXPECT(relay_peer_offer(peer, &what), RELAY_ERR_INVALID);
    what = (struct relay_peer_has){.size = 0, .path = "good"};
    EXPECT(relay_peer_offer(peer, &what), RELAY_ERR_INVALID);
    EXPECT(relay_peer_promote(peer, "good"), RELAY_ERR_NOT_FOUND);
    EXPECT(relay_peer_promote(peer, NULL), RELAY_ERR_INVALID);
    EXPECT(relay_peer_withdraw(peer, "good"), RELAY_ERR_NOT_FOUND);
    EXPECT(relay_peer_withdraw(peer, ""), RELAY_ERR_INVALID);
}

/* ---- Hooks ----------------------------------------------------------------------------------- */

static enum relay_verdict session_open(struct relay_peer *peer, struct relay_request *request)
{
    (void)request;
    EXPECT(relay_peer_is_dialled(peer), 0);
    offer_badly(peer);
    return RELAY_PASS;
}

/* What it may do there, too. */
static enum relay_verdict announce(struct relay_peer *peer, struct relay_request *request)
{
    char path[RELAY_PATH_BYTES];
    relay_request_path(request, path, sizeof path);
    trace("announce %s", path);
    if (is_below(path, "gone"))
        EXPECT(relay_peer_withdraw(peer, path), 0);
    if (is_below(path, "chief")) {
        int error = relay_peer_promote(peer, path);
        EXPECT(error == 0 || error == RELAY_ERR_NOT_FOUND, 1); /* the peer's own */
    }
    if (strcmp(path, "pair") == 0)
        EXPECT(offer_as(peer, "other", NULL, false), 0);
    return is_below(path, "refused") ? RELAY_DENY : RELAY_PASS;
}

/* Nobody chooses here, so the newest one feeds the track. */
static void look_at_candidates(const struct relay_request *request)
{
    struct relay_candidate candidate = {.size = sizeof candidate};
    int newest = 0;
    for (size_t i = 0; relay_request_candidate(request, i, &candidate) == 0; i++) {
        EXPECT(candidate.is_newest, candidate.is_next);
        newest += candidate.is_newest;
    }
    EXPECT(newest <= 1, 1);
}

static enum relay_verdict subscribe(struct relay_peer *peer, struct relay_request *request)
{
    char path[RELAY_PATH_BYTES], verb[16], rest[RELAY_PATH_BYTES];
    relay_request_path(request, path, sizeof path);
    if (relay_request_kind(request) == RELAY_REQUEST_SUBSCRIBE)
        look_at_candidates(request);
    if (sscanf(path, "do/%15[^/]/%4000s", verb, rest) != 2)
        return RELAY_PASS;
    trace("%s %s %d", verb, rest, obey(peer, verb, rest));
    return RELAY_DENY;
}

static void event(struct relay_worker *worker, const char *name, const char *path)
{
    (void)worker;
    trace("event %s %s", name, path ? path : "");
}

/* ---- What is offered ------------------------------------------------------------------------- */

static void on_path(void *user, const char *path, bool is_offered)
{
    const struct listing *listing = user;
    trace("%u %s %s %s", relay_worker_number(listing->worker), listing->name,
          is_offered ? "offered" : "gone", path);
}

static void list_paths(struct listing *listing, struct relay_worker *worker, const char *name,
                       const struct relay_announced_ops *ops)
{
    *listing = (struct listing){.worker = worker, .name = name};
    EXPECT(relay_announced_open(worker, "", ops, listing, &listing->announced), 0);
}

static struct relay_source *open_source(struct relay_worker *worker,
                                        const struct relay_offer *offer)
{
    struct relay_source *source;
    struct relay_group *group;
    EXPECT(relay_source_open(worker, offer, NULL, NULL, &source), 0);
    EXPECT(relay_group_open(source, RELAY_NEXT_GROUP, &group), 0);
    EXPECT(relay_group_write(group, offer->path, strlen(offer->path)), 0);
    relay_group_close(&group, 0);
    return source;
}

/* The last of them as a module of 1.1 would, which knows nothing of quiet sources. */
static void open_sources(struct state *state, struct relay_worker *worker)
{
    struct relay_offer offer = {
        .size = sizeof offer, .path = "quiet", .priority = 128, .is_quiet = true};
    state->quiet = open_source(worker, &offer);
    EXPECT(relay_path_is_offered(worker, "quiet"), 0);
    offer.path = "loud";
    offer.is_quiet = false;
    state->loud = open_source(worker, &offer);
    offer.path = "older";
    offer.is_quiet = true;
    offer.size = offsetof(struct relay_offer, is_quiet);
    state->older = open_source(worker, &offer);
    EXPECT(relay_path_is_offered(worker, "older"), 1);
}

static int worker_start(struct relay_worker *worker, const void *config)
{
    static const struct relay_announced_ops all = {.size = sizeof all, .on_path = on_path},
                                            own = {.size = sizeof own,
                                                   .on_path = on_path,
                                                   .omits_given = true};
    struct state *state = relay_worker_slot(worker);
    (void)config;
    list_paths(&state->all, worker, "all", &all);
    list_paths(&state->own, worker, "own", &own);
    if (relay_worker_number(worker) == 0)
        open_sources(state, worker);
    return 0;
}

static void worker_stop(struct relay_worker *worker)
{
    struct state *state = relay_worker_slot(worker);
    relay_announced_close(&state->all.announced);
    relay_announced_close(&state->own.announced);
    relay_source_close(&state->quiet, 0);
    relay_source_close(&state->loud, 0);
    relay_source_close(&state->older, 0);
}

static const struct relay_hooks hooks = {
    .size = sizeof hooks,
    .session_open = session_open,
    .announce = announce,
    .subscribe = subscribe,
    .event = event,
};

RELAY_MODULE = {
    RELAY_MODULE_HEAD,
    .name = "behalf",
    .version = "1.0",
    .hooks = &hooks,
    .worker_slot_bytes = sizeof(struct state),
    .worker_start = worker_start,
    .worker_stop = worker_stop,
};
