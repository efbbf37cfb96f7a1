/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A module that ends all viewers of live/, at the place and in the way that its settings say, and
 * looks at statistics there. */
#include <string.h>

#include "kit.h"

enum where { TIMER, POST, SUBSCRIBE, OPENING, CLOSING, SAMPLE, LIVE, IDLE, EVENT };
static const char *const places[] = {"timer",  "post", "subscribe", "opening", "closing",
                                     "sample", "live", "idle",      "event",   NULL};

struct settings {
    int where;
    bool is_peers;
};

static const struct relay_field fields[] = {
    {.name = "where",
     .type = RELAY_FIELD_ENUM,
     .offset = offsetof(struct settings, where),
     .words = places,
     .fallback = "timer",
     .help = "where it ends them"},
    {.name = "peers",
     .type = RELAY_FIELD_BOOL,
     .offset = offsetof(struct settings, is_peers),
     .help = "whether it ends their sessions"},
};
static const struct relay_schema schema = RELAY_SCHEMA(struct settings, fields);

static const struct settings *settings_of(const struct relay_worker *worker)
{
    return relay_worker_config(worker);
}

/* ---- Statistics ------------------------------------------------------------------------------ */

static void look_at_track(struct relay_worker *worker, struct relay_viewer *viewer)
{
    struct relay_track_stats own = {.size = sizeof own}, same = {.size = sizeof same};
    struct {
        struct relay_track_stats stats;
        char after[8];
    } old = {{.size = 8}, "intact"};
    char track[RELAY_PATH_BYTES];
    relay_viewer_track_stats(viewer, &own);
    EXPECT(own.viewers > 0 && own.size == sizeof own, 1);
    EXPECT(relay_track_stats(worker, relay_viewer_track(viewer, track, sizeof track), &same), 0);
    EXPECT(same.viewers, own.viewers);
    EXPECT(same.all_viewers >= same.viewers, 1);
    EXPECT(same.source, own.source);
    EXPECT(same.cached_ns, own.cached_ns);
    EXPECT(relay_track_stats(worker, "nobody/watches", &same), RELAY_ERR_NOT_FOUND);
    EXPECT(relay_track_stats(worker, "", &same), RELAY_ERR_INVALID);
    old.stats.rate_bps = 17;
    relay_viewer_track_stats(viewer, &old.stats); /* as a caller with a smaller struct */
    EXPECT(old.stats.viewers, own.viewers);
    EXPECT(old.stats.rate_bps, 17);
    EXPECT(strcmp(old.after, "intact"), 0);
}

static void look_at_worker(struct relay_worker *worker)
{
    struct relay_worker_stats stats = {.size = sizeof stats};
    relay_worker_stats(worker, &stats);
    EXPECT(stats.workers, relay_worker_count(relay_worker_self(worker)));
    EXPECT(stats.viewers > 0 && stats.sessions > 0 && stats.bytes_sent > 0, 1);
}

/* ---- Kicking --------------------------------------------------------------------------------- */

static bool kick(struct relay_viewer *viewer, void *user)
{
    struct relay_peer *peer = relay_viewer_peer(viewer);
    struct relay_worker *worker = relay_peer_worker(peer);
    struct relay_viewer_stats stats = {.size = sizeof stats};
    (void)user;
    relay_viewer_stats(viewer, &stats);
    EXPECT(stats.groups_late, 0);
    EXPECT(stats.watched_ns < UINT64_C(3600000000000), 1);
    look_at_track(worker, viewer);
    look_at_worker(worker);
    if (settings_of(worker)->is_peers)
        relay_peer_close(peer, RELAY_DENIED_EXPIRED, "time is up");
    else
        relay_viewer_deny(viewer, RELAY_DENIED_EXPIRED, "the hall is closed");
    return true;
}

static bool stop_at_once(struct relay_viewer *viewer, void *user)
{
    (void)viewer, (void)user;
    return false;
}

static void kick_all(struct relay_worker *worker)
{
    uint64_t place = 0;
    int count = relay_viewers(worker, "live/**", NULL, stop_at_once, NULL);
    EXPECT(count == 0 || count == 1, 1);
    EXPECT(relay_viewers(worker, "other/*", &place, kick, NULL), 0);
    EXPECT(place, 0);
    EXPECT(relay_viewers(worker, "a**", NULL, kick, NULL), RELAY_ERR_INVALID);
    EXPECT(relay_viewers(worker, NULL, NULL, NULL, NULL), RELAY_ERR_INVALID);
    if (relay_viewers(worker, "live/**", &place, kick, NULL) > 0)
        trace("kicked");
    EXPECT(place, 0);
}

static void kick_at(struct relay_worker *worker, enum where where)
{
    if (settings_of(worker)->where == (int)where)
        kick_all(worker);
}

static void on_post(struct relay_worker *worker, void *arg)
{
    (void)arg;
    kick_all(worker);
}

static struct relay_worker *worker_of(struct relay_viewer *viewer)
{
    return relay_peer_worker(relay_viewer_peer(viewer));
}

static int worker_start(struct relay_worker *worker, const void *config)
{
    struct relay_timer **timer = relay_worker_slot(worker);
    (void)config;
    if (settings_of(worker)->where == TIMER)
        *timer = relay_timer_start(worker, 50, 50, on_post, NULL);
    return 0;
}

static void worker_stop(struct relay_worker *worker)
{
    struct relay_timer **timer = relay_worker_slot(worker);
    if (*timer)
        relay_timer_stop(timer);
}

static enum relay_verdict subscribe(struct relay_peer *peer, struct relay_request *request)
{
    (void)request;
    kick_at(relay_peer_worker(peer), SUBSCRIBE);
    return RELAY_PASS;
}

static void viewer_open(struct relay_viewer *viewer)
{
    struct relay_worker *worker = worker_of(viewer);
    if (settings_of(worker)->where == POST)
        EXPECT(relay_worker_post(worker, on_post, NULL), 0);
    kick_at(worker, OPENING);
}

static void viewer_close(struct relay_viewer *viewer)
{
    trace("viewer_close");
    relay_viewer_deny(viewer, RELAY_DENIED_REFUSED, NULL); /* it is ending already */
    kick_at(worker_of(viewer), CLOSING);
}

static void viewer_sample(struct relay_viewer *viewer)
{
    kick_at(worker_of(viewer), SAMPLE);
}

static void track_live(struct relay_worker *worker, const char *path)
{
    (void)path;
    kick_at(worker, LIVE);
}

static void track_idle(struct relay_worker *worker, const char *path)
{
    (void)path;
    kick_at(worker, IDLE);
}

static void event(struct relay_worker *worker, const char *name, const char *path)
{
    (void)name, (void)path;
    kick_at(worker, EVENT);
}

static const struct relay_hooks hooks = {
    .size = sizeof hooks,
    .subscribe = subscribe,
    .viewer_open = viewer_open,
    .viewer_close = viewer_close,
    .viewer_sample = viewer_sample,
    .track_live = track_live,
    .track_idle = track_idle,
    .event = event,
};

RELAY_MODULE = {
    RELAY_MODULE_HEAD,
    .name = "kick",
    .version = "1.0",
    .config = &schema,
    .hooks = &hooks,
    .worker_start = worker_start,
    .worker_stop = worker_stop,
    .worker_slot_bytes = sizeof(struct relay_timer *),
};
