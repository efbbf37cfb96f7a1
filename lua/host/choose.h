/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Which of several publishers feeds a track, chosen by the hook choose_source or, for the track of
 * a subscription, by `source` in the answer of subscribe. */
#ifndef LUA_HOST_CHOOSE_H
#define LUA_HOST_CHOOSE_H

#include <relay/module.h>

#include "lua/host/answer.h"

/* As relay_hooks.choose_source. */
int choose_source(struct relay_worker *worker, const struct relay_choice *choice);

/* Gives the table at the top a field `candidates`: a list of the publishers that could feed the
 * track of script.asked; nil if there are not at least two, or if the call is over. It is made when
 * the script reads it. May raise an error. */
void choose_add_candidates(lua_State *lua);
/* Carries out `source` and `source_peer` of an answer. If none of the candidates is meant, nothing
 * is chosen. */
void choose_answered(struct relay_request *request, const struct answer *answer);

#endif
