/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A module that brings a guest, offers two tracks on its behalf, and ends it itself, in the hook
 * that `do` says. It tells what the owner of the guest is told. */
#include "kit.h"

#include <time.h>

enum doing { OPEN, ANNOUNCE, ANNOUNCE_QUIETLY, EXPIRE };
static const char *const doings[] = {"open", "announce", "announce_quietly", "expire", NULL};

struct settings {
    int doing; /* enum doing */
};

static const struct relay_field fields[] = {FIELD_DO("open")};
static const struct relay_schema schema = RELAY_SCHEMA(struct settings, fields);

struct state { /* in the worker's slot */
    struct relay_timer *timer;
    struct relay_guest *guest;
    struct relay_source *first, *second;
};

static enum doing doing_of(struct relay_worker *worker)
{
    return ((const struct settings *)relay_worker_config(worker))->doing;
}

/* ---- Hooks ----------------------------------------------------------------------------------- */

static enum relay_verdict session_open(struct relay_peer *peer, struct relay_request *request)
{
    enum doing doing = doing_of(relay_peer_worker(peer));
    static const char *const any[] = {""};
    const struct relay_grants grants = {.size = sizeof grants,
                                        .publish = any,
                                        .publish_count = 1,
                                        .expires_ms = (uint64_t)time(NULL) * 1000 + 2000};
    if (doing == OPEN)
        relay_peer_close(peer, RELAY_DENIED_BUSY, "come later");
    if (doing == EXPIRE)
        EXPECT(relay_request_set_grants(request, &grants), 0);
    return RELAY_PASS;
}

static enum relay_verdict announce(struct relay_peer *peer, struct relay_request *request)
{
    enum doing doing = doing_of(relay_peer_worker(peer));
    (void)request;
    if (doing == EXPIRE)
        return RELAY_PASS;
    relay_peer_close(peer, RELAY_DENIED_FORBIDDEN, "not this one");
    return doing == ANNOUNCE ? RELAY_DENY : RELAY_PASS;
}

/* ---- The guest ------------------------------------------------------------------------------- */

static void on_refused(struct relay_source *source, void *user, enum relay_denial code,
                       const char *reason)
{
    struct state *state = user;
    trace("%s refused %d %s", source == state->first ? "first" : "second", (int)code, reason);
}

static void on_decided(void *user, bool is_allowed, enum relay_denial code, const char *reason)
{
    struct state *state = user;
    trace("decided %d %d %s", is_allowed, (int)code, reason);
    if (!is_allowed)
        state->guest = NULL;
}

static void on_closed(void *user, enum relay_denial code, const char *reason)
{
    struct state *state = user;
    trace("closed %d %s", (int)code, reason);
    state->guest = NULL;
}

static void open_source(struct relay_worker *worker, const char *path, struct relay_source **source)
{
    static const struct relay_source_ops ops = {.size = sizeof ops, .on_refused = on_refused};
    struct state *state = relay_worker_slot(worker);
    const struct relay_offer offer = {
        .size = sizeof offer, .path = path, .guest = state->guest, .priority = 128};
    EXPECT(relay_source_open(worker, &offer, &ops, state, source), 0);
}

static void come(struct relay_worker *worker, void *arg)
{
    static const struct relay_guest_ops ops = {
        .size = sizeof ops, .on_decided = on_decided, .on_closed = on_closed};
    const struct relay_guest_info info = {.size = sizeof info, .address = "192.0.2.1:1"};
    struct state *state = arg;
    EXPECT(relay_guest_open(worker, &info, &ops, state, &state->guest), 0);
    if (!state->guest || doing_of(worker) == OPEN)
        return;
    open_source(worker, "visit/first", &state->first);
    open_source(worker, "visit/second", &state->second);
}

/* ---- The module ------------------------------------------------------------------------------ */

static int worker_start(struct relay_worker *worker, const void *config)
{
    struct state *state = relay_worker_slot(worker);
    (void)config;
    if (relay_worker_number(worker) == 0)
        state->timer = relay_timer_start(worker, 10, 0, come, state);
    return 0;
}

static void worker_stop(struct relay_worker *worker)
{
    struct state *state = relay_worker_slot(worker);
    relay_timer_stop(&state->timer);
    if (state->first)
        relay_source_close(&state->first, 0);
    if (state->second)
        relay_source_close(&state->second, 0);
    relay_guest_close(&state->guest);
}

static const struct relay_hooks hooks = {
    .size = sizeof hooks, .session_open = session_open, .announce = announce};

RELAY_MODULE = {
    RELAY_MODULE_HEAD,
    .name = "visitor",
    .config = &schema,
    .hooks = &hooks,
    .worker_slot_bytes = sizeof(struct state),
    .worker_start = worker_start,
    .worker_stop = worker_stop,
};
