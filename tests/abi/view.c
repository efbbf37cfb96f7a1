/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A module that looks at viewers, tracks and events, tells of them, and does to viewers what its
 * settings say. */
#include <stdio.h>

#include "kit.h"

enum doing { NOTHING, POLICY, CLOSE, CLOSE_PEER };
static const char *const doings[] = {"nothing", "policy", "close", "close_peer", NULL};

struct settings {
    int sample, opening;
};

#define AT(member) .offset = offsetof(struct settings, member)
static const struct relay_field fields[] = {
    {.name = "sample",
     .type = RELAY_FIELD_ENUM,
     AT(sample),
     .words = doings,
     .fallback = "nothing",
     .help = "what it does in viewer_sample"},
    {.name = "opening",
     .type = RELAY_FIELD_ENUM,
     AT(opening),
     .words = doings,
     .fallback = "nothing",
     .help = "what it does in viewer_open"},
};
static const struct relay_schema schema = RELAY_SCHEMA(struct settings, fields);

struct watcher { /* in a viewer's slot */
    uint64_t samples;
};

static struct relay_worker *worker_of(struct relay_viewer *viewer)
{
    return relay_peer_worker(relay_viewer_peer(viewer));
}

static const char *path_of(struct relay_viewer *viewer, char *out, size_t size)
{
    char track[RELAY_PATH_BYTES];
    relay_viewer_path(viewer, out, size);
    relay_viewer_track(viewer, track, sizeof track);
    if (track[0] && out[0])
        trace("paths '%s' '%s'", out, track);
    return out;
}

static void check_policy(struct relay_viewer *viewer)
{
    struct relay_policy wanted = {.size = sizeof wanted,
                                  .set = RELAY_SET_LATENCY | RELAY_SET_PRIORITY | RELAY_SET_ORDER,
                                  .latency_ns = 123000000,
                                  .priority = 77,
                                  .order = RELAY_ORDER_OLDEST};
    struct relay_policy now = {.size = sizeof now}, wrong = wanted;
    EXPECT(relay_viewer_set_policy(viewer, &wanted), 0);
    relay_viewer_policy(viewer, &now);
    EXPECT(now.latency_ns, wanted.latency_ns);
    EXPECT(now.priority, 77);
    EXPECT(now.order, RELAY_ORDER_OLDEST);
    wrong.priority = 256;
    EXPECT(relay_viewer_set_policy(viewer, &wrong), RELAY_ERR_INVALID);
    wrong = wanted;
    wrong.order = 2;
    EXPECT(relay_viewer_set_policy(viewer, &wrong), RELAY_ERR_INVALID);
    wrong = wanted;
    wrong.size = 0;
    EXPECT(relay_viewer_set_policy(viewer, &wrong), RELAY_ERR_INVALID);
    wrong = wanted;
    wrong.set = 0xff;
    EXPECT(relay_viewer_set_policy(viewer, &wrong), RELAY_ERR_INVALID);
    relay_viewer_clear_policy(viewer, RELAY_SET_LATENCY | RELAY_SET_ORDER);
    relay_viewer_policy(viewer, &now);
    EXPECT(now.priority, 77);
    EXPECT(now.latency_ns != wanted.latency_ns, 1);
    trace("policy is set");
}

static void act(struct relay_viewer *viewer, int doing)
{
    if (doing == POLICY)
        check_policy(viewer);
    else if (doing == CLOSE) {
        relay_viewer_close(viewer, RELAY_DENIED_EXPIRED);
        trace("closing has returned");
    } else if (doing == CLOSE_PEER)
        relay_peer_close(relay_viewer_peer(viewer), RELAY_DENIED_EXPIRED, "time is up");
}

/* "any" for what it does not say. */
static const char *group_text(uint64_t group, char out[24])
{
    snprintf(out, 24, "%llu", (unsigned long long)group);
    return group == RELAY_ANY_GROUP ? "any" : out;
}

static void trace_asked(const char *who, const struct relay_asked *asked)
{
    char first[24], last[24];
    trace("%s asked: priority %u order %u groups %s to %s", who, asked->priority, asked->order,
          group_text(asked->first, first), group_text(asked->last, last));
}

static enum relay_verdict subscribe(struct relay_peer *peer, struct relay_request *request)
{
    struct relay_asked asked = {.size = sizeof asked};
    bool is_subscription = relay_request_kind(request) == RELAY_REQUEST_SUBSCRIBE;
    int error = relay_request_asked(request, &asked);
    EXPECT(error, is_subscription ? 0 : RELAY_ERR_INVALID);
    EXPECT(relay_peer_version(peer) >= 2 && relay_peer_version(peer) <= 4, 1);
    if (is_subscription)
        trace_asked("request", &asked);
    return RELAY_PASS;
}

static void viewer_open(struct relay_viewer *viewer)
{
    struct relay_asked asked = {.size = sizeof asked};
    char path[RELAY_PATH_BYTES];
    const struct settings *settings = relay_worker_config(worker_of(viewer));
    struct watcher *watcher = relay_viewer_slot(viewer);
    uint64_t *peer = relay_peer_slot(relay_viewer_peer(viewer));
    EXPECT(watcher->samples, 0);
    ++*peer;
    trace("viewer_open %s", path_of(viewer, path, sizeof path));
    relay_viewer_asked(viewer, &asked);
    trace_asked("viewer", &asked);
    act(viewer, settings->opening);
}

static void viewer_sample(struct relay_viewer *viewer)
{
    const struct settings *settings = relay_worker_config(worker_of(viewer));
    struct watcher *watcher = relay_viewer_slot(viewer);
    struct relay_viewer_stats stats = {.size = sizeof stats};
    relay_viewer_stats(viewer, &stats);
    EXPECT(stats.size, sizeof stats);
    if (watcher->samples++ == 0) {
        trace("first sample");
        act(viewer, settings->sample);
    }
}

static void viewer_close(struct relay_viewer *viewer)
{
    char path[RELAY_PATH_BYTES];
    struct relay_viewer_stats stats = {.size = sizeof stats};
    relay_viewer_stats(viewer, &stats);
    trace("viewer_close %s groups %llu", relay_viewer_path(viewer, path, sizeof path),
          (unsigned long long)stats.groups_sent);
}

static void session_close(struct relay_peer *peer)
{
    const uint64_t *viewers = relay_peer_slot(peer);
    trace("session_close %llu", (unsigned long long)*viewers);
}

static void track_live(struct relay_worker *worker, const char *path)
{
    EXPECT(relay_worker_now_ns(worker) > 0, 1);
    trace("track_live %s", path);
}

static void track_idle(struct relay_worker *worker, const char *path)
{
    EXPECT(relay_worker_now_ns(worker) > 0, 1);
    trace("track_idle %s", path);
}

static void event(struct relay_worker *worker, const char *name, const char *path)
{
    EXPECT(relay_worker_now_ns(worker) > 0, 1);
    trace("event %s %s", name, path ? path : "-");
}

static const struct relay_hooks hooks = {
    .size = sizeof hooks,
    .session_close = session_close,
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
    .name = "view",
    .version = "1.0",
    .config = &schema,
    .hooks = &hooks,
    .peer_slot_bytes = sizeof(uint64_t),
    .viewer_slot_bytes = sizeof(struct watcher),
};
