/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Gives memory back to the system when peers are gone. Handshakes put long-lived objects between
 * short-lived ones, so the heap keeps nearly all pages that it ever had, although most of them are
 * free. Memory from a worker's cache stays in that worker's heap, where it is of no use to the
 * others. */
#ifndef MOQ_CORE_TIDY_H
#define MOQ_CORE_TIDY_H

#include <stdbool.h>
#include <stdint.h>

/* How often to look, how often to tidy at most, and how much there must have been to make it
 * worthwhile, so that peers that come and go do not keep the relay busy with tidying. */
enum {
    TIDY_LOOK_MS = 5 * 1000,
    TIDY_REST_MS = 60 * 1000,
    TIDY_LEAST_CONNECTIONS = 256,
    TIDY_LEAST_CACHE_BYTES = 64 << 20,
};

struct tidy {                  /* zeroed is ready */
    uint32_t most_connections; /* private, like the rest: maxima since memory went back */
    uint64_t most_cache_bytes;
    uint64_t done_ns;
};

/* Whether half of the connections, or of the bytes in caches, are gone since memory was last given
 * back. Call it often enough to see the maxima. */
bool tidy_is_due(struct tidy *tidy, uint64_t now_ns, uint32_t connections, uint64_t cache_bytes);

/* Gives the free pages of all threads' heaps back. A thread that needs memory in the meantime waits
 * 0.1 to 0.3 ms for each megabyte of its heap that is given back, so do it rarely, when much can be
 * given back at once. */
void tidy_up(void);

#endif
