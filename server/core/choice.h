/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Choices of hooks: which announcement feeds a track. A choice raises the rank of the announcement
 * above those of all others, on every worker, so all workers agree on it as they do on the
 * newest. */
#ifndef MOQ_CORE_CHOICE_H
#define MOQ_CORE_CHOICE_H

#include "server/core/request.h"
#include "server/core/router.h"

/* From now on the announcement with this stamp feeds the track, unless it is gone. Viewers may be
 * gone afterwards. */
void choice_make(struct router *router, const struct moq_path *path, uint64_t stamp);

struct announcement;
/* Fills in what hooks may know of it. */
void choice_describe(const struct announcement *announcement, struct core_candidate *candidate);

/* Carries out what hooks chose for an allowed subscription. Viewers may be gone afterwards. */
void choice_apply(struct router *router, const struct core_request *request);

#endif
