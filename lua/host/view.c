/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What never changes is in the table itself. The rest is read when a script asks for it, by the
 * table's metatable (fields.h). The registry has a table of *objects*: the view of each table whose
 * peer or viewer lives.
 * Tested by tests/unit/lua/test_view.c. */
#include "lua/host/view.h"

#include <lauxlib.h>
#include <string.h>

#include "lua/host/renditions.h"
#include "lua/host/table.h"

/* ---- Reading --------------------------------------------------------------------------------- */

struct view *view_find(lua_State *lua, int index)
{
    lua_rawgeti(lua, LUA_REGISTRYINDEX, script_of(lua)->objects);
    lua_pushvalue(lua, index);
    lua_rawget(lua, -2);
    struct view *view = lua_touserdata(lua, -1);
    lua_pop(lua, 2);
    return view;
}

/* The number of the field at index 2, by the names in the upvalue; 0: it is none of ours. */
static int field_number(lua_State *lua)
{
    lua_pushvalue(lua, 2);
    lua_rawget(lua, lua_upvalueindex(1));
    int number = (int)lua_tointeger(lua, -1);
    lua_pop(lua, 1);
    return number;
}

static int read_viewer(lua_State *lua)
{
    struct shown *shown = &script_of(lua)->shown;
    int number = field_number(lua);
    if (number == 0)
        return 0;
    if (!shown->view || shown->table != lua_topointer(lua, 1)) {
        const struct view *view = view_find(lua, 1);
        if (!view)
            return 0;
        *shown = (struct shown){view, lua_topointer(lua, 1), {.viewer = view->viewer}};
    }
    fields_push_of_viewer(lua, number, &shown->read);
    return 1;
}

static int read_peer(lua_State *lua)
{
    int number = field_number(lua);
    const struct view *view = number > 0 ? view_find(lua, 1) : NULL;
    if (!view)
        return 0;
    fields_push_of_peer(lua, number, view->peer, 1);
    return 1;
}

/* What a script puts into the table, for the first time. */
static int write_field(lua_State *lua)
{
    if (field_number(lua) > 0)
        return luaL_error(lua, "\"%s\" is read from the relay and cannot be set; return it",
                          lua_tostring(lua, 2));
    lua_settop(lua, 3);
    lua_rawset(lua, 1);
    return 0;
}

/* Pushes a metatable whose functions know the names at the top, and takes those off. */
static void push_metatable(lua_State *lua, lua_CFunction read)
{
    lua_newtable(lua);
    lua_pushvalue(lua, -2);
    lua_pushcclosure(lua, read, 1);
    lua_setfield(lua, -2, "__index");
    lua_pushvalue(lua, -2);
    lua_pushcclosure(lua, write_field, 1);
    lua_setfield(lua, -2, "__newindex");
    lua_pushboolean(lua, 0);
    lua_setfield(lua, -2, "__metatable");
    lua_replace(lua, -2);
}

void view_open(lua_State *lua)
{
    struct script *script = script_of(lua);
    fields_push_viewer_names(lua);
    push_metatable(lua, read_viewer);
    script->viewer_metatable = luaL_ref(lua, LUA_REGISTRYINDEX);
    fields_push_peer_names(lua);
    push_metatable(lua, read_peer);
    script->peer_metatable = luaL_ref(lua, LUA_REGISTRYINDEX);
    lua_newtable(lua);
    script->objects = luaL_ref(lua, LUA_REGISTRYINDEX);
}

/* ---- Keeping --------------------------------------------------------------------------------- */

/* Pushes the table that the view refers to. False: it has none in this script, nothing is
 * pushed. */
static bool push_known(lua_State *lua, const struct view *view)
{
    if (view->generation != script_generation(script_of(lua)))
        return false;
    lua_rawgeti(lua, LUA_REGISTRYINDEX, view->table);
    return true;
}

void view_leave(struct script *script, struct view *view)
{
    view->generation = 0;
    *(view->previous ? &view->previous->next : &script->views) = view->next;
    if (view->next)
        view->next->previous = view->previous;
    view->next = view->previous = NULL;
}

/* Keeps the table at the top. */
static void keep_table(lua_State *lua, struct view *view)
{
    struct script *script = script_of(lua);
    lua_rawgeti(lua, LUA_REGISTRYINDEX, script->objects);
    lua_pushvalue(lua, -2);
    lua_pushlightuserdata(lua, view);
    lua_rawset(lua, -3);
    lua_pop(lua, 1);
    lua_pushvalue(lua, -1);
    view->table = luaL_ref(lua, LUA_REGISTRYINDEX);
    view->generation = script_generation(script);
    view->next = script->views;
    if (view->next)
        view->next->previous = view;
    script->views = view;
}

/* The table of a viewer or peer that ends has its last numbers, for scripts that keep it. */
static int forget_table(lua_State *lua)
{
    const struct view *view = lua_touserdata(lua, 1);
    lua_settop(lua, 0);
    lua_rawgeti(lua, LUA_REGISTRYINDEX, view->table);
    if (view->viewer)
        fields_freeze_viewer(lua, view->viewer);
    else
        fields_freeze_peer(lua, view->peer);
    lua_rawgeti(lua, LUA_REGISTRYINDEX, script_of(lua)->objects);
    lua_insert(lua, 1);
    lua_pushnil(lua);
    lua_rawset(lua, 1);
    luaL_unref(lua, LUA_REGISTRYINDEX, view->table);
    return 0;
}

void view_forget(struct script *script, struct view *view)
{
    if (view->generation == script_generation(script)) {
        sandbox_clean(script->sandbox, forget_table, view);
        view_leave(script, view);
        script->shown.view = NULL;
    }
}

/* ---- Peers ----------------------------------------------------------------------------------- */

/* Pushes what we keep of the peer whose table is at the top. It is the metatable, which scripts
 * cannot reach: those of its subscriptions that have no viewer yet, by number; their count; its
 * claims, and their text. */
static void push_hidden(lua_State *lua)
{
    if (lua_getmetatable(lua, -1))
        return;
    lua_newtable(lua);
    lua_rawgeti(lua, LUA_REGISTRYINDEX, script_of(lua)->peer_metatable);
    lua_pushnil(lua);
    while (lua_next(lua, -2)) {
        lua_pushvalue(lua, -2);
        lua_insert(lua, -2);
        lua_rawset(lua, -5);
    }
    lua_pop(lua, 1);
    lua_pushvalue(lua, -1);
    lua_setmetatable(lua, -3);
}

/* Tokens stay out of scripts, which may log what they see. */
static bool is_secret(const char *name, size_t size)
{
    return size == 3 && strncmp(name, "jwt", 3) == 0;
}

static void push_query(lua_State *lua, const struct relay_peer *peer)
{
    char name[VIEW_VALUE_BYTES], value[VIEW_VALUE_BYTES];
    lua_newtable(lua);
    for (const char *pair = relay_peer_query(peer); *pair;) {
        size_t n = strcspn(pair, "&"), size = strcspn(pair, "=&");
        if (size > 0 && size < sizeof name && !is_secret(pair, size)) {
            memcpy(name, pair, size);
            name[size] = '\0';
            int length = relay_peer_query_value(peer, name, value, sizeof value);
            if (length >= 0 && (size_t)length < sizeof value)
                table_set_text(lua, name, value);
        }
        pair += n + (pair[n] == '&');
    }
}

static void fill_peer(lua_State *lua, const struct relay_peer *peer)
{
    static const char *const protocols[] = {[RELAY_PROTOCOL_WEBTRANSPORT] = "webtransport",
                                            [RELAY_PROTOCOL_QUIC] = "quic",
                                            [RELAY_PROTOCOL_GUEST] = "guest"};
    table_set_number(lua, "id", (double)relay_peer_number(peer));
    table_set_text(lua, "address", relay_peer_address(peer));
    table_set_text(lua, "sni", relay_peer_server_name(peer));
    table_set_text(lua, "path", relay_peer_url_path(peer));
    table_set_text(lua, "page", relay_peer_page(peer));
    table_set_text(lua, "transport", protocols[relay_peer_protocol(peer)]);
    push_query(lua, peer);
    lua_setfield(lua, -2, "query");
}

void view_push_peer(lua_State *lua, struct relay_peer *peer)
{
    struct view *view = relay_peer_slot(peer);
    luaL_checkstack(lua, 8, "a peer");
    if (push_known(lua, view))
        return;
    lua_newtable(lua);
    fill_peer(lua, peer);
    if (!view->is_kept) {
        fields_freeze_peer(lua, peer);
        return;
    }
    push_hidden(lua);
    lua_pop(lua, 1);
    view->peer = peer;
    keep_table(lua, view);
}

/* ---- Viewers --------------------------------------------------------------------------------- */

static void push_hidden_of(lua_State *lua, struct relay_peer *peer)
{
    view_push_peer(lua, peer);
    push_hidden(lua);
    lua_replace(lua, -2);
}

static void push_new_viewer(lua_State *lua, struct relay_peer *peer, uint64_t number)
{
    lua_newtable(lua);
    table_set_number(lua, "id", (double)number);
    view_push_peer(lua, peer);
    lua_setfield(lua, -2, "peer");
}

/* Those that were never served are given up when there are many. */
static void keep_pending(lua_State *lua, struct relay_peer *peer, uint64_t number)
{
    push_hidden_of(lua, peer);
    lua_getfield(lua, -1, "count");
    int count = (int)lua_tointeger(lua, -1) + 1;
    lua_pop(lua, 1);
    if (count > VIEW_PENDING_MAX) {
        lua_pushnil(lua);
        while (lua_next(lua, -2)) {
            lua_pop(lua, 1);
            if (lua_type(lua, -1) != LUA_TNUMBER)
                continue;
            lua_pushvalue(lua, -1);
            lua_pushnil(lua);
            lua_rawset(lua, -4);
        }
        count = 1;
    }
    table_set_number(lua, "count", count);
    lua_pushnumber(lua, (double)number);
    lua_pushvalue(lua, -3); /* the viewer's table, below that of the pending ones */
    lua_rawset(lua, -3);
    lua_pop(lua, 1);
}

void view_push_pending(lua_State *lua, struct relay_peer *peer, uint64_t number)
{
    luaL_checkstack(lua, 12, "a viewer");
    push_new_viewer(lua, peer, number);
    keep_pending(lua, peer, number);
}

void view_push_subscriber(lua_State *lua, const struct relay_request *request)
{
    char path[RELAY_PATH_BYTES];
    view_push_pending(lua, relay_request_peer(request), relay_request_viewer(request));
    table_set_text(lua, "path", relay_request_path(request, path, sizeof path));
    renditions_show_requests(lua, request);
}

/* Pushes the table that it had as a subscription. False: it had none, nothing is pushed. */
static bool push_taken(lua_State *lua, struct relay_peer *peer, uint64_t number)
{
    push_hidden_of(lua, peer);
    lua_pushnumber(lua, (double)number);
    lua_rawget(lua, -2);
    if (lua_isnil(lua, -1)) {
        lua_pop(lua, 2);
        return false;
    }
    lua_pushnumber(lua, (double)number);
    lua_pushnil(lua);
    lua_rawset(lua, -4);
    lua_replace(lua, -2);
    return true;
}

void view_push_viewer(lua_State *lua, struct relay_viewer *viewer)
{
    char path[RELAY_PATH_BYTES];
    struct shown *shown = &script_of(lua)->shown;
    struct view *view = relay_viewer_slot(viewer);
    if (!push_known(lua, view)) {
        struct relay_peer *peer = relay_viewer_peer(viewer);
        uint64_t number = relay_viewer_number(viewer);
        luaL_checkstack(lua, 12, "a viewer");
        if (!push_taken(lua, peer, number))
            push_new_viewer(lua, peer, number);
        table_set_text(lua, "path", relay_viewer_path(viewer, path, sizeof path));
        renditions_show_viewers(lua, viewer);
        lua_rawgeti(lua, LUA_REGISTRYINDEX, script_of(lua)->viewer_metatable);
        lua_setmetatable(lua, -2);
        view->is_kept = true;
        view->viewer = viewer;
        keep_table(lua, view);
    }
    *shown = (struct shown){view, lua_topointer(lua, -1), {.viewer = viewer}};
}
