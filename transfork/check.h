/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Invariants: what must hold between turns, whatever peers do. Each function aborts the process
 * with the condition that does not hold. Debug builds call them in moq_session_tick and
 * moq_track_sweep, the simulator after each turn. They visit everything, so nothing on the path of
 * a frame calls them. */
#ifndef MOQ_TRANSFORK_CHECK_H
#define MOQ_TRANSFORK_CHECK_H

#include "transfork/sequences.h"
#include "transfork/session_state.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Not from a callback of moq_track_follow. */
void track_check(const struct moq_track *track);
void sequences_check(const struct sequences *done);
void viewer_check(const struct moq_viewer *viewer); /* without its track */

/* The session and all that it has: streams, viewers, requests, subscriptions, groups under way. Not
 * from a callback of the session. */
void session_check(const struct moq_session *session);

#ifdef __cplusplus
}
#endif
#endif
