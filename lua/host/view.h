/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Peers and viewers as scripts see them: one table each, for as long as they live. Fields of ours
 * are read when a script asks for them; whatever else it keeps in the table stays there. When what
 * it stands for ends, the table keeps the last values.
 *
 * All but view_leave and view_forget are for use in a call, and may raise errors. */
#ifndef LUA_HOST_VIEW_H
#define LUA_HOST_VIEW_H

#include "lua/host/script.h"

enum {
    VIEW_PENDING_MAX = 1024, /* subscriptions of a peer that are not served yet */
    VIEW_VALUE_BYTES = 1024, /* of a value in the query of a URL; longer ones are left out */
};

/* In the slot of a peer or of a viewer; zeroed at first. */
struct view {
    uint64_t generation;     /* of the script that has the table */
    int table;               /* reference in its registry */
    bool is_kept;            /* its end will be told; the table of another is made anew each time */
    struct relay_peer *peer; /* that it belongs to, */
    struct relay_viewer *viewer;  /* or this; NULL: a peer */
    struct view *next, *previous; /* those that the same script has tables for */
};

/* Once for a script: makes what its tables share. */
void view_open(lua_State *lua);

/* Pushes the table of a peer. */
void view_push_peer(lua_State *lua, struct relay_peer *peer);
/* Pushes a table for the viewer that a subscription will have; its viewer gets it. */
void view_push_subscriber(lua_State *lua, const struct relay_request *request);
/* The same for any request of this peer, without a path. */
void view_push_pending(lua_State *lua, struct relay_peer *peer, uint64_t number);
/* Pushes the table of a viewer. */
void view_push_viewer(lua_State *lua, struct relay_viewer *viewer);

/* The view of the table at `index`, a positive one. NULL: it is no table of ours, or what it stood
 * for is gone. */
struct view *view_find(lua_State *lua, int index);

/* The script has nothing to do with it any more. */
void view_leave(struct script *script, struct view *view);
/* The peer or viewer is gone. */
void view_forget(struct script *script, struct view *view);

#endif
