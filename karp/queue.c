/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The entries lie one after another in a buffer, each frame with its payload behind it. The buffer
 * is moved to the front only when half of it has been taken, so an entry costs the same however
 * many wait. */
#include "karp/queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"

struct karp_queue {
    struct byte_buf entries;
    size_t taken; /* bytes at the front that are not part of the queue any more */
};

struct karp_queue *karp_queue_new(void)
{
    struct karp_queue *queue = calloc(1, sizeof *queue);
    if (queue)
        byte_buf_init(&queue->entries, KARP_QUEUE_MAX_BYTES);
    return queue;
}

void karp_queue_free(struct karp_queue *queue)
{
    if (!queue)
        return;
    while (!karp_queue_is_empty(queue))
        karp_queue_drop_first(queue);
    byte_buf_deinit(&queue->entries);
    free(queue);
}

bool karp_queue_is_empty(const struct karp_queue *queue)
{
    return queue->taken == queue->entries.size;
}

/* Adds the whole entry or nothing. */
static int add_entry(struct karp_queue *queue, const struct karp_queued *queued)
{
    size_t before = queue->entries.size;
    int error = byte_buf_append(&queue->entries, queued, sizeof *queued);
    if (!error)
        error = byte_buf_append(&queue->entries, queued->frame.payload, queued->frame.size);
    if (error)
        queue->entries.size = before;
    return error;
}

int karp_queue_add_catalog(struct karp_queue *queue, const struct karp_catalog *catalog)
{
    struct karp_queued queued = {.catalog = karp_catalog_copy(catalog)};
    int error = queued.catalog ? add_entry(queue, &queued) : MOQ_ERR_NOMEM;
    if (error)
        karp_catalog_free(queued.catalog);
    return error;
}

int karp_queue_add_frame(struct karp_queue *queue, const struct karp_frame *frame)
{
    return add_entry(queue, &(struct karp_queued){.frame = *frame});
}

bool karp_queue_first(const struct karp_queue *queue, struct karp_queued *queued)
{
    if (karp_queue_is_empty(queue))
        return false;
    const uint8_t *entry = queue->entries.data + queue->taken;
    memcpy(queued, entry, sizeof *queued);
    queued->frame.payload = entry + sizeof *queued;
    return true;
}

void karp_queue_drop_first(struct karp_queue *queue)
{
    struct karp_queued queued;
    if (!karp_queue_first(queue, &queued))
        return;
    karp_catalog_free(queued.catalog);
    queue->taken += sizeof queued + queued.frame.size;
    if (queue->taken < queue->entries.size / 2)
        return;
    byte_buf_consume(&queue->entries, queue->taken);
    queue->taken = 0;
}
