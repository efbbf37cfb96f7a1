/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A module that is asked about everything and has no opinion, to measure what being asked costs. */
#include <relay/module.h>

struct watcher { /* in the viewer's slot */
    uint64_t bytes_sent;
};

static enum relay_verdict on_request(struct relay_peer *peer, struct relay_request *request)
{
    (void)peer, (void)request;
    return RELAY_PASS;
}

static void on_sample(struct relay_viewer *viewer)
{
    struct watcher *watcher = relay_viewer_slot(viewer);
    struct relay_viewer_stats stats = {.size = sizeof stats};
    relay_viewer_stats(viewer, &stats);
    watcher->bytes_sent = stats.bytes_sent;
}

static const struct relay_hooks hooks = {
    .size = sizeof hooks,
    .session_open = on_request,
    .announce = on_request,
    .subscribe = on_request,
    .viewer_sample = on_sample,
};

RELAY_MODULE = {
    RELAY_MODULE_HEAD,
    .name = "hooks",
    .version = "1.0",
    .hooks = &hooks,
    .viewer_slot_bytes = sizeof(struct watcher),
};
