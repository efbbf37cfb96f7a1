/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Invariants: what must hold between turns, whatever peers do. A debug build walks them by itself
 * (moq_session_tick, moq_track_sweep), the simulator after each turn. Each function ends the
 * process and names the condition that does not hold. They look at everything, so nothing on the
 * path of a frame calls them. */
#ifndef MOQ_TRANSFORK_CHECK_H
#define MOQ_TRANSFORK_CHECK_H

#include "transfork/sequences.h"
#include "transfork/session_state.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Not while moq_track_follow is under way. */
void track_check(const struct moq_track *track);
void sequences_check(const struct sequences *done);
void viewer_check(const struct moq_viewer *viewer); /* not its track */

/* The session and all that it has: streams, viewers, requests, subscriptions, groups under way. Not
 * in an upcall. */
void session_check(const struct moq_session *session);

#ifdef __cplusplus
}
#endif
#endif
