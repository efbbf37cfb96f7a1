/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A module that lets viewers of live/high be moved to live/low, and moves them there at once. */
#include "kit.h"

#include <string.h>

enum { TOO_MANY = RELAY_RENDITIONS_MAX + 1 };

static void look_at_bad_renditions(struct relay_request *request)
{
    struct relay_rendition many[TOO_MANY], odd = {.size = sizeof odd, .path = ""};
    char path[RELAY_PATH_BYTES];
    for (size_t i = 0; i < TOO_MANY; i++)
        many[i] = (struct relay_rendition){.size = sizeof many[i], .path = "live/x"};
    EXPECT(relay_request_set_renditions(request, many, TOO_MANY), RELAY_ERR_BOUNDS);
    EXPECT(relay_request_set_renditions(request, &odd, 1), RELAY_ERR_INVALID);
    odd.path = NULL;
    EXPECT(relay_request_set_renditions(request, &odd, 1), RELAY_ERR_INVALID);
    EXPECT(relay_request_rendition(request, 0, &odd, path), RELAY_ERR_NOT_FOUND);
}

static void set_renditions(struct relay_request *request)
{
    const struct relay_rendition both[] = {
        {.size = sizeof both[0], .bitrate_bps = 100, .path = "live/low"},
        {.size = sizeof both[0], .bitrate_bps = 200, .path = "/live/high"},
    };
    struct relay_rendition found = {.size = sizeof found};
    char path[RELAY_PATH_BYTES];
    EXPECT(relay_request_set_renditions(request, both, 2), 0);
    EXPECT(relay_request_rendition(request, 1, &found, path), 0);
    EXPECT(strcmp(found.path, "live/high"), 0);
    EXPECT(found.bitrate_bps, 200);
    EXPECT(relay_request_rendition(request, 2, &found, path), RELAY_ERR_NOT_FOUND);
}

static enum relay_verdict subscribe(struct relay_peer *peer, struct relay_request *request)
{
    char path[RELAY_PATH_BYTES];
    if (relay_request_kind(request) != RELAY_REQUEST_SUBSCRIBE) {
        EXPECT(relay_request_set_renditions(request, NULL, 0), RELAY_ERR_INVALID);
        return RELAY_PASS;
    }
    look_at_bad_renditions(request);
    EXPECT(relay_path_is_offered(relay_peer_worker(peer), "live/nothing"), false);
    if (strcmp(relay_request_path(request, path, sizeof path), "live/high") == 0)
        set_renditions(request);
    return RELAY_PASS;
}

static void viewer_sample(struct relay_viewer *viewer)
{
    struct relay_rendition found = {.size = sizeof found};
    char path[RELAY_PATH_BYTES], track[RELAY_PATH_BYTES];
    relay_viewer_track(viewer, track, sizeof track);
    if (relay_viewer_rendition(viewer, 0, &found, path)) {
        EXPECT(relay_viewer_turned(viewer), RELAY_ERR_NOT_FOUND);
        EXPECT(relay_viewer_turn(viewer, 0), RELAY_ERR_INVALID);
        trace("stays %s", track);
        return;
    }
    EXPECT(relay_path_is_offered(relay_peer_worker(relay_viewer_peer(viewer)), found.path), true);
    EXPECT(relay_viewer_turn(viewer, 2), RELAY_ERR_INVALID);
    trace("has %d %s", relay_viewer_turned(viewer), track);
    EXPECT(relay_viewer_turn(viewer, 0), 0);
}

static const struct relay_hooks hooks = {
    .size = sizeof hooks, .subscribe = subscribe, .viewer_sample = viewer_sample};

RELAY_MODULE = {RELAY_MODULE_HEAD, .name = "turn", .version = "1", .hooks = &hooks};
