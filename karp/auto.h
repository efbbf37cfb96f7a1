/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The automatic track of a ladder: see ladder.h. */
#ifndef MOQ_KARP_AUTO_H
#define MOQ_KARP_AUTO_H

#include "karp/catalog.h"

/* Adds the track KARP_AUTO_NAME to *catalog, in front of all others, for its largest ladder, and
 * names the ladder in each rendition. `alias` becomes the rendition whose frames it gets: the
 * middle one, or the lower of two in the middle. Both are indices in the new catalog, which
 * replaces *catalog. MOQ_ERR_NOT_FOUND: there is no ladder of two, and nothing has changed. */
int auto_add(struct karp_catalog **catalog, size_t *alias);

#endif
