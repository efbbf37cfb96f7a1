/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A module that lets every viewer be moved between its track and another one, and moves nobody, to
 * measure what that costs. */
#include <relay/module.h>
#include <stdio.h>

static enum relay_verdict on_subscribe(struct relay_peer *peer, struct relay_request *request)
{
    char path[RELAY_PATH_BYTES], other[RELAY_PATH_BYTES];
    relay_request_path(request, path, sizeof path);
    snprintf(other, sizeof other, "%.*s-low", RELAY_PATH_BYTES - 8, path);
    const struct relay_rendition both[] = {
        {.size = sizeof both[0], .bitrate_bps = 100, .path = other},
        {.size = sizeof both[0], .bitrate_bps = 200, .path = path},
    };
    (void)peer;
    if (relay_request_kind(request) == RELAY_REQUEST_SUBSCRIBE)
        relay_request_set_renditions(request, both, 2);
    return RELAY_PASS;
}

static const struct relay_hooks hooks = {.size = sizeof hooks, .subscribe = on_subscribe};

RELAY_MODULE = {RELAY_MODULE_HEAD, .name = "renditions", .version = "1.0", .hooks = &hooks};
