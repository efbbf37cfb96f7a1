/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The members of a track in a catalog that only we write, as JSON: see catalog_ours.c. */
#ifndef MOQ_KARP_CATALOG_INTERNAL_H
#define MOQ_KARP_CATALOG_INTERNAL_H

#include <jansson.h>

#include "karp/catalog.h"

/* Reads them into `track`. A malformed member counts as absent, because it is no reason to refuse
 * the whole catalog. */
void catalog_read_ours(const json_t *object, struct karp_track *track);

/* Writes them into `object`. False: out of memory. */
bool catalog_write_ours(json_t *object, const struct karp_track *track);

#endif
