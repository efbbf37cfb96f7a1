/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The broadcasts that somebody has lately asked for on a worker, and their catalogs. A catalog is
 * read while requests wait for it, and followed for BROADCAST_KEPT_NS after the last one. */
#ifndef MODULE_LADDER_BROADCASTS_H
#define MODULE_LADDER_BROADCASTS_H

#include <relay/module.h>

#include "base/list.h"
#include "karp/karp.h"

/* So many at a time on a worker: one more broadcast takes the place of the least lately used one,
 * and requests beyond that are not held. */
enum { BROADCASTS_MAX = 256, BROADCAST_HELD_MAX = 4096 };
#define BROADCAST_KEPT_NS UINT64_C(10000000000)
/* How long a catalog may take to come before requests go on without it. */
#define BROADCAST_PATIENCE_NS UINT64_C(1000000000)

/* Answers a request that waited. `catalog` NULL: there is none. */
typedef void broadcast_on_read(struct relay_request *request, const struct karp_catalog *catalog);

struct broadcasts { /* zeroed, then broadcasts_start */
    struct relay_worker *worker;
    broadcast_on_read *on_read;
    struct list all; /* the last used one first */
    size_t count, held_count;
    struct relay_timer *timer;
};

struct broadcast;

/* False: out of memory. */
bool broadcasts_start(struct broadcasts *broadcasts, struct relay_worker *worker,
                      broadcast_on_read *on_read);
void broadcasts_stop(struct broadcasts *broadcasts); /* also of one that was not started */

/* The broadcast of this path; NULL: it has no catalog, or requests wait for all that there may
 * be. It may be forgotten by the next call. */
struct broadcast *broadcast_get(struct broadcasts *broadcasts, const char *path);
/* True: *catalog is its catalog (borrowed), or NULL if it has none. False: it is being read. */
bool broadcast_catalog(const struct broadcast *broadcast, const struct karp_catalog **catalog);
/* The request waits until the catalog is read. False: too many do. */
bool broadcast_hold(struct broadcast *broadcast, const struct relay_request *request);

#endif
