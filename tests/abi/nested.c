/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A module whose hooks end what the call that leads to them is just about: sources, guests, watches
 * and requests, all on worker 0. */
#include "kit.h"

#ifndef NAME
#define NAME "nested"
#endif

enum { NUMBERS = 64 }; /* of requests that are tried */

enum doing {
    END_SOURCE,   /* closes a source while it ends */
    CLOSE_SOURCE, /* closes a source while it is closed */
    CLOSE_WATCH,  /* closes a watch while it is closed */
    CLOSE_GUEST,  /* closes a guest and its source while the guest is closed */
    LOSE_GUEST,   /* the same while the relay ends the guest */
    OFFER,        /* closes a guest when it is asked about what it offers */
    GRANT,        /* closes a guest when it is asked about it, and then grants it something */
    LEAVE,        /* leaves all of them open when it stops */
    REACH,        /* opens a guest that another module holds, and reaches for that request */
    HOLD,         /* is that other module */
};
static const char *const doings[] = {"end_source", "close_source", "close_watch", "close_guest",
                                     "lose_guest", "offer",        "grant",       "leave",
                                     "reach",      "hold",         NULL};

struct settings {
    int doing;
};
static const struct relay_field fields[] = {FIELD_DO("end_source")};
static const struct relay_schema schema = RELAY_SCHEMA(struct settings, fields);

struct state {
    struct relay_source *source;
    struct relay_group *group;
    struct relay_watch *watch;
    struct relay_guest *guest;
    struct relay_timer *timer;
    struct relay_peer *peer; /* of the guest */
    bool is_armed;           /* hooks end what there is */
    bool is_stopped;         /* worker_stop has returned */
};

static int doing_of(const struct relay_worker *worker)
{
    return ((const struct settings *)relay_worker_config(worker))->doing;
}

/* ---- Hooks ----------------------------------------------------------------------------------- */

static void end_all(struct relay_worker *worker, const char *by)
{
    struct state *state = relay_worker_slot(worker);
    EXPECT(state->is_stopped, false);
    if (!state->is_armed)
        return;
    trace("ends all in %s", by);
    relay_watch_close(&state->watch);
    relay_guest_close(&state->guest);
    relay_source_close(&state->source, 0);
}

static void track_idle(struct relay_worker *worker, const char *path)
{
    (void)path;
    end_all(worker, "track_idle");
}

static void event(struct relay_worker *worker, const char *name, const char *path)
{
    (void)path;
    if (name[0] == 'e')
        end_all(worker, "event");
}

static enum relay_verdict session_open(struct relay_peer *peer, struct relay_request *request)
{
    struct relay_worker *worker = relay_peer_worker(peer);
    struct state *state = relay_worker_slot(worker);
    const struct relay_grants grants = {.size = sizeof grants, .identity = "nobody"};
    state->peer = peer;
    if (doing_of(worker) == HOLD) {
        trace("holds %llu", (unsigned long long)relay_request_number(request));
        return RELAY_LATER;
    }
    if (doing_of(worker) != GRANT)
        return RELAY_PASS;
    end_all(worker, "session_open");
    EXPECT(relay_request_number(request), 0);
    EXPECT(relay_request_set_grants(request, &grants), RELAY_ERR_INVALID);
    return RELAY_PASS;
}

static void session_close(struct relay_peer *peer)
{
    const struct state *state = relay_worker_slot(relay_peer_worker(peer));
    EXPECT(state->is_stopped, false);
    trace("session_close");
}

static enum relay_verdict announce(struct relay_peer *peer, struct relay_request *request)
{
    struct relay_worker *worker = relay_peer_worker(peer);
    (void)request;
    if (doing_of(worker) == OFFER)
        end_all(worker, "announce");
    return RELAY_PASS;
}

/* ---- What it does ---------------------------------------------------------------------------- */

static void open_source(struct relay_worker *worker, int expected)
{
    struct state *state = relay_worker_slot(worker);
    const struct relay_offer offer = {
        .size = sizeof offer, .path = "nested", .priority = 128, .guest = state->guest};
    EXPECT(relay_source_open(worker, &offer, NULL, NULL, &state->source), expected);
    EXPECT(state->source != NULL, expected == 0);
    if (expected)
        return;
    EXPECT(relay_source_is_decided(state->source), true);
    EXPECT(relay_group_open(state->source, RELAY_NEXT_GROUP, &state->group), 0);
    EXPECT(relay_group_write(state->group, "x", 1), 0);
}

static void on_guest_closed(void *user, enum relay_denial code, const char *reason)
{
    struct state *state = user;
    (void)code, (void)reason;
    state->guest = NULL;
    trace("on_closed");
}

static void open_guest(struct relay_worker *worker)
{
    static const struct relay_guest_ops ops = {.size = sizeof ops, .on_closed = on_guest_closed};
    struct state *state = relay_worker_slot(worker);
    const struct relay_guest_info info = {.size = sizeof info, .address = "192.0.2.1:1"};
    EXPECT(relay_guest_open(worker, &info, &ops, state, &state->guest), 0);
    if (state->guest && doing_of(worker) != REACH) { /* nobody has given it grants */
        EXPECT(relay_guest_may_publish(state->guest, "nested"), true);
        EXPECT(relay_guest_may_publish(state->guest, ""), false);
    }
}

static void open_watch(struct relay_worker *worker)
{
    struct state *state = relay_worker_slot(worker);
    const struct relay_wish wish = {.size = sizeof wish, .path = "nested"};
    EXPECT(relay_watch_open(worker, &wish, NULL, NULL, &state->watch), 0);
}

static void prepare(struct relay_worker *worker)
{
    struct state *state = relay_worker_slot(worker);
    int doing = doing_of(worker);
    bool has_guest = doing >= CLOSE_GUEST && doing <= REACH;
    state->is_armed = doing == GRANT;
    if (has_guest)
        open_guest(worker);
    EXPECT(state->guest != NULL, has_guest && doing != GRANT);
    if (doing == GRANT || doing == REACH || doing == HOLD)
        return;
    state->is_armed = doing == OFFER;
    open_source(worker, doing == OFFER ? RELAY_ERR_REFUSED : 0);
    if (doing != OFFER)
        open_watch(worker);
    state->is_armed = doing != LEAVE;
}

static void reach_for_requests(struct relay_worker *worker)
{
    for (uint64_t number = 0; number < NUMBERS; number++)
        EXPECT(relay_request_held(worker, number) == NULL, true);
}

static void act(struct relay_worker *worker)
{
    struct state *state = relay_worker_slot(worker);
    switch (doing_of(worker)) {
    case END_SOURCE:
        relay_source_end(state->source, RELAY_ERR_IO);
        break;
    case CLOSE_SOURCE:
        relay_source_close(&state->source, RELAY_ERR_IO);
        break;
    case CLOSE_WATCH:
        relay_watch_close(&state->watch);
        break;
    case CLOSE_GUEST:
        relay_guest_close(&state->guest);
        break;
    case LOSE_GUEST:
        relay_peer_close(state->peer, RELAY_DENIED_REFUSED, "");
        break;
    case REACH:
        reach_for_requests(worker);
        break;
    default:
        break;
    }
}

static void clean(struct relay_worker *worker, void *arg)
{
    struct state *state = arg;
    (void)worker;
    relay_timer_stop(&state->timer);
    state->is_armed = false;
    relay_watch_close(&state->watch);
    relay_guest_close(&state->guest);
    relay_source_close(&state->source, 0);
    trace("done");
}

static void run(struct relay_worker *worker, void *arg)
{
    struct state *state = arg;
    relay_timer_stop(&state->timer);
    if (doing_of(worker) == LEAVE) {
        trace("done");
        return;
    }
    act(worker);
    state->timer = relay_timer_start(worker, 700, 0, clean, state); /* after a sweep */
}

static int worker_start(struct relay_worker *worker, const void *config)
{
    struct state *state = relay_worker_slot(worker);
    (void)config;
    if (relay_worker_number(worker) != 0)
        return 0;
    prepare(worker);
    state->timer = relay_timer_start(worker, 300, 0, run, state);
    return 0;
}

static void worker_stop(struct relay_worker *worker)
{
    struct state *state = relay_worker_slot(worker);
    relay_timer_stop(&state->timer);
    state->is_stopped = true;
}

static const struct relay_hooks hooks = {
    .size = sizeof hooks,
    .session_open = session_open,
    .session_close = session_close,
    .announce = announce,
    .track_idle = track_idle,
    .event = event,
};

RELAY_MODULE = {
    RELAY_MODULE_HEAD,
    .name = NAME,
    .version = "1.0",
    .config = &schema,
    .hooks = &hooks,
    .worker_slot_bytes = sizeof(struct state),
    .worker_start = worker_start,
    .worker_stop = worker_stop,
};
