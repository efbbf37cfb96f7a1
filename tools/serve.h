/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* How a publishing tool answers what peers ask of one of its tracks. */
#ifndef MOQ_TOOLS_SERVE_H
#define MOQ_TOOLS_SERVE_H

#include "native/native.h"

/* Answers any kind of request from `track`. Groups that were superseded longer than `latency_ns`
 * ago are not begun any more. The viewer of a subscribe request; NULL: it was another kind, or
 * memory is out. */
struct moq_viewer *serve_request(struct moq_request *request, struct moq_track *track,
                                 uint64_t latency_ns);

#endif
