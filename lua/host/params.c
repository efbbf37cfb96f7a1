/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The tree of a configuration becomes tables and texts.
 * Tested by tests/e2e/test_lua.py. */
#include "lua/host/params.h"

#include <lauxlib.h>
#include <math.h>
#include <string.h>

static void push_node(lua_State *lua, const struct relay_node *node);

static void push_children(lua_State *lua, const struct relay_node *node)
{
    int i = 0;
    luaL_checkstack(lua, 4, "parameters");
    lua_newtable(lua);
    for (const struct relay_node *child = node->first; child; child = child->next) {
        push_node(lua, child);
        if (child->key)
            lua_setfield(lua, -2, child->key);
        else
            lua_rawseti(lua, -2, ++i);
    }
}

/* A text that is not quoted is what it looks like: a number, true or false. */
static void push_scalar(lua_State *lua, const struct relay_node *node)
{
    lua_pushstring(lua, node->text);
    if (node->is_quoted)
        return;
    bool is_true = strcmp(node->text, "true") == 0;
    if (is_true || strcmp(node->text, "false") == 0)
        lua_pushboolean(lua, is_true);
    else if (lua_isnumber(lua, -1) && isfinite(lua_tonumber(lua, -1)))
        lua_pushnumber(lua, lua_tonumber(lua, -1));
    else
        return;
    lua_replace(lua, -2);
}

static void push_node(lua_State *lua, const struct relay_node *node)
{
    switch ((enum relay_node_kind)node->kind) {
    case RELAY_NODE_LIST:
    case RELAY_NODE_MAP:
        push_children(lua, node);
        break;
    case RELAY_NODE_TEXT:
        push_scalar(lua, node);
        break;
    case RELAY_NODE_EMPTY:
        lua_pushnil(lua);
        break;
    }
}

void params_push(lua_State *lua, const struct relay_node *params)
{
    if (params && params->kind != RELAY_NODE_EMPTY)
        push_node(lua, params);
    else
        lua_newtable(lua);
}
