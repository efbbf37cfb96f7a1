/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Several inputs as one broadcast: their catalogs become one, with names that tell the inputs apart
 * and with one zero of time. */
#ifndef MOQ_KARP_MERGE_H
#define MOQ_KARP_MERGE_H

#include "karp/catalog.h"
#include "karp/import.h"
#include "karp/renditions.h"

struct merge_input {
    struct karp_catalog *catalog;           /* NULL: not known yet */
    size_t places[KARP_CATALOG_MAX_TRACKS]; /* of its tracks, in the catalog of all */
    uint64_t delay_us;                      /* added to its times */
};

/* `input_count` is set once, at least 1; the rest is zero then. */
struct merge {
    size_t input_count;
    struct merge_input inputs[KARP_RENDITIONS_MAX_INPUTS];
};

void merge_deinit(struct merge *merge);

/* Takes a copy of the catalog of an input. */
int merge_take(struct merge *merge, size_t input, const struct karp_catalog *catalog);

/* The first input whose catalog is not known; input_count: all are known. */
size_t merge_missing(const struct merge *merge);

/* Makes the catalog of all inputs, which the caller owns. All catalogs must be known.
 * MOQ_ERR_BOUNDS: more than KARP_CATALOG_MAX_TRACKS tracks. */
int merge_catalog(struct merge *merge, struct karp_catalog **catalog);

/* Changes a frame of an input into one of the catalog of all. */
void merge_frame(const struct merge *merge, size_t input, struct karp_frame *frame);

#endif
