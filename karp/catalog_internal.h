/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The members of a track in a catalog that are ours alone, as JSON: see catalog_ours.c. */
#ifndef MOQ_KARP_CATALOG_INTERNAL_H
#define MOQ_KARP_CATALOG_INTERNAL_H

#include <jansson.h>

#include "karp/catalog.h"

/* What does not have the right form counts as absent: it is not worth refusing a catalog for. */
void catalog_read_ours(const json_t *object, struct karp_track *track);

/* False: out of memory. */
bool catalog_write_ours(json_t *object, const struct karp_track *track);

#endif
