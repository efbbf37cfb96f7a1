/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Makes renditions that one decoder can follow (see ladder.h) of what importers hand out. It stands
 * between the importers of one or several inputs and whoever publishes, such as a `karp_broadcast`,
 * and speaks the language of importers on both sides.
 *
 * With several inputs, the catalog waits until each has told its own. If bitrates have to be
 * measured, it also waits for a group or two, at most 3 s of media. Frames wait with it; what they
 * would be late by is not lost, because they are handed out at once then. */
#ifndef MOQ_KARP_RENDITIONS_H
#define MOQ_KARP_RENDITIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "karp/import.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

enum { KARP_RENDITIONS_MAX_INPUTS = 16 };

struct karp_renditions_options {
    size_t input_count; /* 1 to KARP_RENDITIONS_MAX_INPUTS */
    /* Parameter sets go into the frames, in front of each keyframe, and descriptions out of the
     * catalog. H.264 and H.265 get start codes, as WebCodecs expects then. */
    bool is_in_band;
    /* Adds the track KARP_AUTO_NAME, which has the frames of the rendition in the middle, unless
     * whoever passes them on chooses others. Parameter sets go in band. */
    bool has_auto;
    void (*on_warning)(void *user, const char *line); /* for people */
};

struct karp_renditions; /* private */

/* `events` are called with `user`, as by one importer; on_warning as well. NULL: out of memory. */
struct karp_renditions *karp_renditions_new(const struct karp_import_events *events, void *user,
                                            const struct karp_renditions_options *options);
void karp_renditions_free(struct karp_renditions *renditions); /* NULL is allowed */

/* For the importer of input number `input`, from 0: its events, and the user to give it. Errors of
 * these are those of the events above. MOQ_ERR_BOUNDS: more than KARP_QUEUE_MAX_BYTES wait because
 * an input has no media, or there are more than KARP_CATALOG_MAX_TRACKS tracks; a warning says
 * which. */
extern const struct karp_import_events karp_renditions_events;
void *karp_renditions_input(struct karp_renditions *renditions, size_t input);

/* No more frames come: hands out what waits. */
int karp_renditions_finish(struct karp_renditions *renditions);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
