/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A module that gives the viewers of film/ more patience than others, and says where it does.
 * Compiled by tests/e2e/test_viewers.py. */
#include <relay/module.h>

static void viewer_open(struct relay_viewer *viewer)
{
    char path[RELAY_PATH_BYTES];
    const struct relay_policy policy = {.size = sizeof policy,
                                        .set = RELAY_SET_LATENCY,
                                        .latency_ns = 7000000000,
                                        .note = "patron.c: \"patience\""};
    relay_viewer_path(viewer, path, sizeof path);
    if (relay_path_has_prefix(path, "film"))
        relay_viewer_set_policy(viewer, &policy);
}

static const struct relay_hooks hooks = {.size = sizeof hooks, .viewer_open = viewer_open};

RELAY_MODULE = {RELAY_MODULE_HEAD, .name = "patron", .version = "1", .hooks = &hooks};
