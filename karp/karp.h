/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The media layer: what runs inside the tracks of a broadcast. It knows files and frames, not
 * sockets or sessions: a publisher feeds bytes of a fragmented MP4 to a `karp_importer` and gets a
 * catalog and frames, of which `karp_renditions` may make a ladder, and which a `karp_broadcast`
 * turns into tracks and groups; a viewer hands what it hears of a broadcast to a `karp_follower`
 * and the groups that it receives to a `karp_playback`, whose frames a `karp_exporter` turns into
 * MP4 bytes to write. A `karp_recorder` joins these three.
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
#include "karp/follower.h"
#include "karp/import.h"
#include "karp/instances.h"
#include "karp/ladder.h"
#include "karp/pace.h"
#include "karp/playback.h"
#include "karp/queue.h"
#include "karp/recorder.h"
#include "karp/renditions.h"
#include "karp/timeline.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

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
