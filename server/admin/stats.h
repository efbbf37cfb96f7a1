/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The page /stats: counters as JSON. */
#ifndef MOQ_ADMIN_STATS_H
#define MOQ_ADMIN_STATS_H

#include <stddef.h>

#include "server/config/config.h"
#include "server/core/core.h"
#include "server/host/host.h"

/* The counters of a module, RELAY_COUNTERS_MAX of them, and RELAY_NOTES_MAX notes; and all. */
enum {
    STATS_MODULE_MAX_BYTES = 16 * 1024,
    STATS_MAX_BYTES = 96 * 1024 + CONFIG_MAX_MODULES * STATS_MODULE_MAX_BYTES,
};

/* Returns how many bytes it is. */
size_t stats_write(struct core *core, const struct host *host, char out[STATS_MAX_BYTES]);

#endif
