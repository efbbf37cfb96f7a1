/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Choices of hooks: which announcement feeds a track. A choice raises the rank of the announcement
 * above those of all others, on every worker, so all workers agree on it as they do on the
 * newest. */
#ifndef MOQ_CORE_CHOICE_H
#define MOQ_CORE_CHOICE_H

#include "server/core/request.h"
#include "server/core/router.h"

/* Carries out what hooks chose for an allowed subscription. Viewers may be gone afterwards. */
void choice_apply(struct router *router, const struct core_request *request);

#endif
