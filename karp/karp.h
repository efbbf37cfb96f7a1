/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The media layer: what runs inside the tracks of a broadcast. It knows files and frames, not
 * sockets or sessions: a publisher feeds bytes of a fragmented MP4 to a `karp_importer` and gets a
 * catalog and frames, which a `karp_broadcast` turns into tracks and groups; a viewer hands the
 * frames it received to a `karp_exporter` and gets MP4 bytes to write.
 *
 *   broadcast   a path and an instance id, chosen when the publisher starts; a newer id replaces
 *               an older one
 *   catalog     the track [path..., id]: JSON that lists the media tracks
 *   media track the track [path..., id, name]: groups that begin at a keyframe
 *   frame       presentation time in microseconds as a varint, then the coded sample
 *
 * Frames are in decode order inside a group; the first of a group is its keyframe. */
#ifndef MOQ_KARP_KARP_H
#define MOQ_KARP_KARP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "karp/broadcast.h"
#include "karp/catalog.h"
#include "karp/codec.h"
#include "karp/export.h"
#include "karp/failure.h"
#include "karp/import.h"
#include "karp/pace.h"
#include "karp/queue.h"
#include "karp/timeline.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* Names ---------------------------------------------------------------------------------------- */

enum {
    KARP_ID_MAX_BYTES = 40,  /* with the final zero; longer numbers are not ids */
    KARP_MAX_INSTANCES = 64, /* of one broadcast at a time; further ones are ignored */
};

/* The id of a new instance: the time, but always above `last_id` (0: none), so that a clock that
 * goes back or a quick reconnect never makes an instance that looks older. */
uint64_t karp_id_next(uint64_t now_ms, uint64_t last_id);
void karp_id_print(uint64_t id, char text[KARP_ID_MAX_BYTES]);

/* Whether `text` (of `size` bytes) can be an id: it has only digits. Other one-part suffixes are
 * tracks of other programs. */
bool karp_id_is_valid(const char *text, size_t size);

/* Compares two valid ids as numbers: negative, 0 or positive. */
int karp_id_compare(const char *a, const char *b);

/* The instances of a broadcast that are announced now. A viewer watches the newest and falls back
 * when it ends. */
struct karp_instances {
    size_t count;                                    /* read-only */
    char ids[KARP_MAX_INSTANCES][KARP_ID_MAX_BYTES]; /* private; ascending */
};

/* Notes that the one-part suffix `id` was announced or ended; what is not an id is ignored. True
 * when the newest instance is a different one than before. */
bool karp_instances_add(struct karp_instances *instances, const char *id, size_t size);
bool karp_instances_remove(struct karp_instances *instances, const char *id, size_t size);

/* The newest id, borrowed; NULL: no instance is announced. */
const char *karp_instances_newest(const struct karp_instances *instances);

/* Frames --------------------------------------------------------------------------------------- */

enum { KARP_FRAME_HEADER_MAX_BYTES = 8 };

/* Writes the header of a media frame. Returns its size in bytes; 0: `timestamp_us` is over
 * KARP_TIMESTAMP_MAX_US. */
size_t karp_frame_header(uint64_t timestamp_us, uint8_t header[KARP_FRAME_HEADER_MAX_BYTES]);

/* Reads the header of a complete frame: the payload begins at offset `*payload`, which may be
 * `size` (no payload). MOQ_ERR_DECODE: the frame is shorter than its header, or the time is over
 * KARP_TIMESTAMP_MAX_US; then give up the group. */
int karp_frame_parse(const uint8_t *frame, size_t size, uint64_t *timestamp_us, size_t *payload);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
