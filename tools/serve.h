/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Answers the requests of peers for a track that a tool publishes. */
#ifndef MOQ_TOOLS_SERVE_H
#define MOQ_TOOLS_SERVE_H

#include "native/native.h"

/* Answers any kind of request from `track`. Groups that were superseded more than `latency_ns` ago
 * are skipped. Returns the viewer of a SUBSCRIBE request; NULL for other kinds, or if out of
 * memory. */
struct moq_viewer *serve_request(struct moq_request *request, struct moq_track *track,
                                 uint64_t latency_ns);

#endif
