/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A reload: what a script keeps in the tables of peers and viewers goes on in the next one. */
#ifndef LUA_HOST_CARRY_H
#define LUA_HOST_CARRY_H

#include "lua/host/script.h"

enum { CARRY_MAX_BYTES = 16384 }; /* of one peer or viewer */

/* Copies plain data (copy.h) from all tables of `from` into new ones of `to`, which runs from now
 * on. What does not fit is left out and told in the log. */
void carry_tables(struct script *from, struct script *to);

#endif
