/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The fields of peers and viewers that change while they live. A script that asks for one reads it
 * from the relay; one that does not pays nothing for it. */
#ifndef LUA_HOST_FIELDS_H
#define LUA_HOST_FIELDS_H

#include <lua.h>
#include <relay/module.h>
#include <stdbool.h>

/* A viewer, and what was read of it in this call, in which nothing changes. */
struct fields_viewer {
    struct relay_viewer *viewer;
    bool has_stats, has_policy, has_transport; /* private, like all that follows */
    struct relay_viewer_stats stats;
    struct relay_policy policy;
    struct relay_peer_stats transport;
};

/* All may raise errors. Push a table of the names, each with its number from 1 on. */
void fields_push_viewer_names(lua_State *lua);
void fields_push_peer_names(lua_State *lua);

/* Push the value of the field with this number. For a peer, `table` is the index of its table. */
void fields_push_of_viewer(lua_State *lua, int number, struct fields_viewer *viewer);
void fields_push_of_peer(lua_State *lua, int number, const struct relay_peer *peer, int table);

/* Pushes the table of a token's claims, given as JSON. It is empty if there are none. */
void fields_push_claims(lua_State *lua, const char *text);

/* Sets all of them in the table at the top, as they are now. */
void fields_freeze_viewer(lua_State *lua, struct relay_viewer *viewer);
void fields_freeze_peer(lua_State *lua, const struct relay_peer *peer);

/* Whether it is the name of any field of ours, also of those that never change. */
bool fields_is_name(const char *name, bool is_peer);

#endif
