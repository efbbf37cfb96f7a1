/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Catalogs and frames of an importer that have to wait: one call of the importer may hand out more
 * than can be published now, such as the catalog of the next instance right after the last frame of
 * one that is too young. */
#ifndef MOQ_KARP_QUEUE_H
#define MOQ_KARP_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "karp/catalog.h"
#include "karp/import.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* More than the importer holds before its catalog, together with what a slice of input holds. */
enum { KARP_QUEUE_MAX_BYTES = 64 << 20 };

struct karp_queue; /* private */

struct karp_queued {
    struct karp_catalog *catalog; /* NULL: it is a frame */
    struct karp_frame frame;
};

struct karp_queue *karp_queue_new(void);        /* empty; NULL: out of memory */
void karp_queue_free(struct karp_queue *queue); /* with what still waits; NULL is allowed */

bool karp_queue_is_empty(const struct karp_queue *queue);

/* Each adds a copy. MOQ_ERR_BOUNDS: more than KARP_QUEUE_MAX_BYTES would wait; MOQ_ERR_NOMEM. */
int karp_queue_add_catalog(struct karp_queue *queue, const struct karp_catalog *catalog);
int karp_queue_add_frame(struct karp_queue *queue, const struct karp_frame *frame);

/* The entry that has waited longest, borrowed until the queue changes. False: none waits. */
bool karp_queue_first(const struct karp_queue *queue, struct karp_queued *queued);
void karp_queue_drop_first(struct karp_queue *queue); /* there must be one */

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
