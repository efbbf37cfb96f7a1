/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Counts what the exporter leaves out.
 * Tested by tests/unit/karp/test_export.c. */
#include "karp/export_internal.h"

const char *karp_export_loss_words(enum karp_export_loss loss)
{
    static const char *const words[] = {
#define LOSS_WORDS(name, text) text,
        KARP_EXPORT_LOSSES(LOSS_WORDS)
#undef LOSS_WORDS
    };
    return (unsigned)loss < KARP_EXPORT_LOSS_COUNT ? words[loss] : "for an unknown reason";
}

int export_leave_out(struct karp_exporter *exporter, enum karp_export_loss loss, int error)
{
    exporter->counters.left_out[loss]++;
    exporter->counters.dropped_frames++;
    return error;
}
