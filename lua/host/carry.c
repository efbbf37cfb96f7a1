/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Peers go first, because the tables of viewers refer to theirs.
 * Tested by tests/unit/lua/test_carry.c. */
#include "lua/host/carry.h"

#include <lauxlib.h>

#include "lua/host/copy.h"
#include "lua/host/view.h"

struct carrying {
    struct view *view;
    struct copy copy; /* the old table is at the top of its `from` */
};

static bool is_of_peer(const char *key)
{
    return fields_is_name(key, true);
}

static bool is_of_viewer(const char *key)
{
    return fields_is_name(key, false);
}

/* The tables of subscriptions that have no viewer yet are in the metatable of the peer's. */
static void carry_pending(struct copy *copy, struct relay_peer *peer)
{
    lua_State *from = copy->from;
    if (!lua_getmetatable(from, -1))
        return;
    lua_pushnil(from);
    while (lua_next(from, -2)) {
        if (lua_type(from, -2) == LUA_TNUMBER && lua_istable(from, -1)) {
            uint64_t number = (uint64_t)lua_tonumber(from, -2);
            view_push_pending(copy->to, peer, number);
            copy_entries(copy, is_of_viewer);
            lua_getfield(from, -1, "path");
            lua_pushstring(copy->to, lua_tostring(from, -1));
            lua_pop(from, 1);
            lua_setfield(copy->to, -2, "path");
            lua_pop(copy->to, 1);
        }
        lua_pop(from, 1);
    }
    lua_pop(from, 1);
}

static int carry_view(lua_State *lua)
{
    struct carrying *carrying = lua_touserdata(lua, 1);
    struct view *view = carrying->view;
    carrying->copy.to = lua;
    lua_settop(lua, 0);
    if (view->viewer)
        view_push_viewer(lua, view->viewer);
    else
        view_push_peer(lua, view->peer);
    copy_entries(&carrying->copy, view->viewer ? is_of_viewer : is_of_peer);
    if (!view->viewer)
        carry_pending(&carrying->copy, view->peer);
    return 0;
}

static void carry_one(struct script *from, struct script *to, struct view *view)
{
    char error[SANDBOX_ERROR_BYTES];
    lua_State *old = sandbox_lua(from->sandbox);
    int top = lua_gettop(old);
    struct carrying carrying = {view, {.from = old, .room = CARRY_MAX_BYTES}};
    lua_rawgeti(old, LUA_REGISTRYINDEX, view->table);
    view_leave(from, view);
    if (sandbox_run(to->sandbox, to->config->load_budget_ns, carry_view, &carrying, error) !=
        SANDBOX_OK)
        relay_log(to->self, RELAY_WARN, "what the script stored for a peer or viewer is lost: %s",
                  error);
    else if (carrying.copy.is_cut)
        relay_log(to->self, RELAY_WARN,
                  "the script stored more than %d bytes, or %d levels, for a peer or viewer: the "
                  "rest is left out",
                  CARRY_MAX_BYTES, COPY_DEPTH_MAX);
    lua_settop(old, top);
}

void carry_tables(struct script *from, struct script *to)
{
    for (int is_viewer = 0; is_viewer < 2; is_viewer++) {
        struct view *next, *view = from->views;
        for (; view; view = next) {
            next = view->next;
            if ((view->viewer != NULL) == is_viewer)
                carry_one(from, to, view);
        }
    }
    to->shown.view = NULL;
}
