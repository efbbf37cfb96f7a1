/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Gives memory back to the system when half of the connections or caches are gone. */
#include "server/core/tidy.h"

#include "base/clock.h"
#ifdef __GLIBC__
#include <malloc.h>
#endif

static bool is_half_gone(uint64_t now, uint64_t most, uint64_t least)
{
    return most >= least && now <= most / 2;
}

bool tidy_is_due(struct tidy *tidy, uint64_t now_ns, uint32_t connections, uint64_t cache_bytes)
{
    if (connections > tidy->most_connections)
        tidy->most_connections = connections;
    if (cache_bytes > tidy->most_cache_bytes)
        tidy->most_cache_bytes = cache_bytes;
    bool is_due = is_half_gone(connections, tidy->most_connections, TIDY_LEAST_CONNECTIONS) ||
                  is_half_gone(cache_bytes, tidy->most_cache_bytes, TIDY_LEAST_CACHE_BYTES);
    if (!is_due || now_ns - tidy->done_ns < TIDY_REST_MS * NS_PER_MS)
        return false;
    *tidy = (struct tidy){connections, cache_bytes, now_ns};
    return true;
}

void tidy_up(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}
