/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tested by tests/e2e/test_lua_tools.py. */
#include "lua/test/nodes.h"

#include <stdlib.h>
#include <string.h>

static struct relay_node *make_node(lua_State *lua, int depth);

static struct relay_node *make_text(const char *text, bool is_quoted)
{
    struct relay_node *node = calloc(1, sizeof *node);
    if (!node)
        return NULL;
    node->kind = RELAY_NODE_TEXT;
    node->is_quoted = is_quoted;
    node->text = strdup(text);
    return node;
}

/* The key is below the value at the top. */
static struct relay_node *make_child(lua_State *lua, bool is_map, int depth)
{
    struct relay_node *child = make_node(lua, depth);
    if (child && is_map) {
        lua_pushvalue(lua, -2); /* making a text of the key itself would end the walk */
        child->key = strdup(lua_tostring(lua, -1));
        lua_pop(lua, 1);
    }
    return child;
}

static struct relay_node *make_table(lua_State *lua, int depth)
{
    bool is_map = lua_objlen(lua, -1) == 0;
    struct relay_node *node = calloc(1, sizeof *node);
    if (!node || depth == NODES_DEPTH_MAX || !lua_checkstack(lua, 4)) {
        free(node);
        return NULL;
    }
    node->kind = is_map ? RELAY_NODE_MAP : RELAY_NODE_LIST;
    const struct relay_node **at = &node->first;
    lua_pushnil(lua);
    while (lua_next(lua, -2)) {
        struct relay_node *child = make_child(lua, is_map, depth + 1);
        lua_pop(lua, 1);
        if (!child) {
            lua_pop(lua, 1);
            nodes_free(&node);
            return NULL;
        }
        *at = child;
        at = &child->next;
    }
    return node;
}

static struct relay_node *make_node(lua_State *lua, int depth)
{
    switch (lua_type(lua, -1)) {
    case LUA_TNIL:
        return calloc(1, sizeof(struct relay_node));
    case LUA_TBOOLEAN:
        return make_text(lua_toboolean(lua, -1) ? "true" : "false", false);
    case LUA_TNUMBER:
    case LUA_TSTRING:
        return make_text(lua_tostring(lua, -1), lua_type(lua, -1) == LUA_TSTRING);
    case LUA_TTABLE:
        return make_table(lua, depth);
    default:
        return NULL;
    }
}

struct relay_node *nodes_new(lua_State *lua)
{
    return make_node(lua, 0);
}

void nodes_free(struct relay_node **pointer)
{
    struct relay_node *node = *pointer;
    *pointer = NULL;
    if (!node)
        return;
    const struct relay_node *child = node->first;
    while (child) {
        struct relay_node *gone = (struct relay_node *)(uintptr_t)child;
        child = child->next;
        nodes_free(&gone);
    }
    free((char *)(uintptr_t)node->key);
    free((char *)(uintptr_t)node->text);
    free(node);
}
