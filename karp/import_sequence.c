/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Nothing but a keyframe tells a viewer the sequence header of AV1, because a catalog has no
 * description for it. Files should have the header in both places; some have it only in av1C.
 * Tested by tests/unit/karp/test_import_groups.c. */
#include "karp/import_internal.h"

#include <string.h>

#include "karp/av1.h"

void import_sequence_keep(struct import_track *track, struct reader sequence)
{
    bool has_room = sequence.size > 0 && sequence.size <= sizeof track->sequence;
    track->sequence_size = has_room ? sequence.size : 0;
    if (has_room)
        memcpy(track->sequence, sequence.data, sequence.size);
}

int import_sequence_add(struct karp_importer *importer, const struct import_track *track,
                        struct karp_frame *frame)
{
    struct av1_sequence found;
    struct reader in = reader_of(frame->payload, frame->size);
    if (track->sequence_size == 0 || av1_first_frame(in) != AV1_KEY_FRAME)
        return 0;
    av1_find_sequence(in, &found);
    if (found.obu)
        return 0;
    size_t front = av1_delimiter_size(in);
    struct byte_buf *mended = &importer->mended;
    mended->size = 0;
    if (byte_buf_append(mended, frame->payload, front) != 0 ||
        byte_buf_append(mended, track->sequence, track->sequence_size) != 0 ||
        byte_buf_append(mended, frame->payload + front, frame->size - front) != 0)
        return failure_nomem(&importer->failure);
    frame->payload = mended->data;
    frame->size = mended->size;
    return 0;
}
