/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Copies of frames that the exporter holds until the init segment is written or the opening of
 * their track is complete.
 * Tested by tests/unit/karp/test_export.c. */
#include <stdlib.h>
#include <string.h>

#include "karp/export_internal.h"

struct export_pending *export_pending_new(const struct karp_frame *frame)
{
    struct export_pending *pending = malloc(sizeof *pending + frame->size);
    if (!pending)
        return NULL;
    uint8_t *payload = (uint8_t *)(pending + 1);
    if (frame->size > 0)
        memcpy(payload, frame->payload, frame->size);
    pending->frame = *frame;
    pending->frame.payload = payload;
    return pending;
}
