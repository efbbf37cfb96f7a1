/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tested by tests/e2e/test_lua.py. */
#include "lua/host/view.h"

#include <jansson.h>
#include <lauxlib.h>
#include <string.h>

enum { JSON_DEPTH_MAX = 16 };

/* ---- Fields of the table at the top ---------------------------------------------------------- */

/* NULL: nil. */
static void set_text(lua_State *lua, const char *field, const char *text)
{
    lua_pushstring(lua, text);
    lua_setfield(lua, -2, field);
}

static void set_number(lua_State *lua, const char *field, double number)
{
    lua_pushnumber(lua, number);
    lua_setfield(lua, -2, field);
}

/* ---- Claims ---------------------------------------------------------------------------------- */

static void push_json(lua_State *lua, const json_t *value, int depth);

static void push_json_object(lua_State *lua, const json_t *object, int depth)
{
    const char *key;
    const json_t *value;
    lua_newtable(lua);
    json_object_foreach((json_t *)object, key, value)
    {
        push_json(lua, value, depth);
        lua_setfield(lua, -2, key);
    }
}

static void push_json_array(lua_State *lua, const json_t *array, int depth)
{
    size_t i;
    const json_t *value;
    lua_newtable(lua);
    json_array_foreach(array, i, value)
    {
        push_json(lua, value, depth);
        lua_rawseti(lua, -2, (int)i + 1);
    }
}

static void push_json(lua_State *lua, const json_t *value, int depth)
{
    luaL_checkstack(lua, 4, "claims");
    if (json_is_object(value) && depth < JSON_DEPTH_MAX)
        push_json_object(lua, value, depth + 1);
    else if (json_is_array(value) && depth < JSON_DEPTH_MAX)
        push_json_array(lua, value, depth + 1);
    else if (json_is_string(value))
        lua_pushlstring(lua, json_string_value(value), json_string_length(value));
    else if (json_is_number(value))
        lua_pushnumber(lua, json_number_value(value));
    else if (json_is_boolean(value))
        lua_pushboolean(lua, json_is_true(value));
    else
        lua_pushnil(lua);
}

/* The parsed text belongs to a userdata, so that it is freed whatever happens. */
static int free_json(lua_State *lua)
{
    json_t **json = lua_touserdata(lua, 1);
    json_decref(*json);
    return 0;
}

static void push_claims(lua_State *lua, const char *text)
{
    json_t **json = lua_newuserdata(lua, sizeof(json_t *));
    *json = NULL;
    lua_newtable(lua);
    lua_pushcfunction(lua, free_json);
    lua_setfield(lua, -2, "__gc");
    lua_setmetatable(lua, -2);
    *json = *text ? json_loads(text, 0, NULL) : NULL;
    if (json_is_object(*json))
        push_json(lua, *json, 0);
    else
        lua_newtable(lua);
    lua_replace(lua, -2);
}

/* ---- Peers ----------------------------------------------------------------------------------- */

/* Pushes what we keep of the peer whose table is at the top. It is the metatable, which scripts
 * cannot reach: those of its subscriptions that have no viewer yet, by number; their count; the
 * text of its claims. */
static void push_hidden(lua_State *lua)
{
    if (lua_getmetatable(lua, -1))
        return;
    lua_newtable(lua);
    lua_pushboolean(lua, 0);
    lua_setfield(lua, -2, "__metatable");
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
                set_text(lua, name, value);
        }
        pair += n + (pair[n] == '&');
    }
}

static void fill_peer(lua_State *lua, const struct relay_peer *peer)
{
    static const char *const protocols[] = {[RELAY_PROTOCOL_WEBTRANSPORT] = "webtransport",
                                            [RELAY_PROTOCOL_QUIC] = "quic",
                                            [RELAY_PROTOCOL_GUEST] = "guest"};
    set_number(lua, "id", (double)relay_peer_number(peer));
    set_text(lua, "address", relay_peer_address(peer));
    set_text(lua, "sni", relay_peer_server_name(peer));
    set_text(lua, "path", relay_peer_url_path(peer));
    set_text(lua, "page", relay_peer_page(peer));
    set_text(lua, "transport", protocols[relay_peer_protocol(peer)]);
    push_query(lua, peer);
    lua_setfield(lua, -2, "query");
}

/* Parsed anew only if their text is another one. */
static void refresh_claims(lua_State *lua, const char *text)
{
    push_hidden(lua);
    lua_getfield(lua, -1, "claims");
    bool is_same = lua_isstring(lua, -1) && strcmp(lua_tostring(lua, -1), text) == 0;
    lua_pop(lua, 1);
    if (!is_same) {
        push_claims(lua, text);
        lua_setfield(lua, -3, "claims");
        set_text(lua, "claims", text);
    }
    lua_pop(lua, 1);
}

/* What may change while it lives. */
static void refresh_peer(lua_State *lua, const struct relay_peer *peer)
{
    const char *identity = relay_peer_identity(peer);
    set_number(lua, "version", relay_peer_version(peer));
    set_text(lua, "identity", *identity ? identity : NULL); /* "" would be true in a condition */
    lua_pushboolean(lua, relay_peer_is_cluster(peer));
    lua_setfield(lua, -2, "cluster");
    refresh_claims(lua, relay_peer_claims(peer));
}

/* Pushes the table that the view refers to. False: it has none in this script, nothing is
 * pushed. */
static bool push_known(lua_State *lua, const struct view *view)
{
    if (view->generation != script_generation(script_of(lua)))
        return false;
    lua_rawgeti(lua, LUA_REGISTRYINDEX, view->table);
    return true;
}

/* Keeps the table at the top. */
static void keep_table(lua_State *lua, struct view *view)
{
    lua_pushvalue(lua, -1);
    view->table = luaL_ref(lua, LUA_REGISTRYINDEX);
    view->generation = script_generation(script_of(lua));
}

void view_push_peer(lua_State *lua, struct relay_peer *peer)
{
    struct view *view = relay_peer_slot(peer);
    luaL_checkstack(lua, 8, "a peer");
    if (!push_known(lua, view)) {
        lua_newtable(lua);
        fill_peer(lua, peer);
        if (view->is_kept)
            keep_table(lua, view);
    }
    refresh_peer(lua, peer);
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
    set_number(lua, "id", (double)number);
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
    set_number(lua, "count", count);
    lua_pushnumber(lua, (double)number);
    lua_pushvalue(lua, -3); /* the viewer's table, below that of the pending ones */
    lua_rawset(lua, -3);
    lua_pop(lua, 1);
}

void view_push_subscriber(lua_State *lua, const struct relay_request *request)
{
    char path[RELAY_PATH_BYTES];
    struct relay_peer *peer = relay_request_peer(request);
    uint64_t number = relay_request_viewer(request);
    luaL_checkstack(lua, 12, "a viewer");
    push_new_viewer(lua, peer, number);
    set_text(lua, "path", relay_request_path(request, path, sizeof path));
    keep_pending(lua, peer, number);
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

static void fill_paths(lua_State *lua, const struct relay_viewer *viewer)
{
    char path[RELAY_PATH_BYTES];
    set_text(lua, "path", relay_viewer_path(viewer, path, sizeof path));
    set_text(lua, "track", relay_viewer_track(viewer, path, sizeof path));
}

static void refresh_transport(lua_State *lua, const struct relay_peer *peer)
{
    struct relay_peer_stats stats = {.size = sizeof stats};
    relay_peer_stats(peer, &stats);
    double sent = (double)stats.packets_sent;
    set_number(lua, "rtt_ms", (double)stats.rtt_ns / 1e6);
    set_number(lua, "rate_bps", (double)stats.rate_bps);
    set_number(lua, "loss", sent > 0 ? (double)stats.packets_lost / sent : 0);
}

static void refresh_viewer(lua_State *lua, const struct relay_viewer *viewer)
{
    struct relay_viewer_stats stats = {.size = sizeof stats};
    struct relay_policy policy = {.size = sizeof policy};
    relay_viewer_stats(viewer, &stats);
    relay_viewer_policy(viewer, &policy);
    set_number(lua, "groups_sent", (double)stats.groups_sent);
    set_number(lua, "groups_skipped", (double)(stats.groups_skipped + stats.groups_reset));
    set_number(lua, "bytes_sent", (double)stats.bytes_sent);
    set_number(lua, "backlog_bytes", (double)stats.backlog_bytes);
    set_number(lua, "backlog_ms", (double)stats.lag_ns / 1e6);
    set_number(lua, "latency", (double)policy.latency_ns / 1e6);
    set_number(lua, "priority", policy.priority);
    set_text(lua, "order", policy.order == RELAY_ORDER_NEWEST ? "newest" : "oldest");
    refresh_transport(lua, relay_viewer_peer(viewer));
}

void view_push_viewer(lua_State *lua, struct relay_viewer *viewer)
{
    struct view *view = relay_viewer_slot(viewer);
    struct relay_peer *peer = relay_viewer_peer(viewer);
    uint64_t number = relay_viewer_number(viewer);
    luaL_checkstack(lua, 12, "a viewer");
    if (!push_known(lua, view)) {
        if (!push_taken(lua, peer, number))
            push_new_viewer(lua, peer, number);
        fill_paths(lua, viewer);
        view->is_kept = true;
        keep_table(lua, view);
    }
    refresh_viewer(lua, viewer);
}

/* ---- Their end ------------------------------------------------------------------------------- */

void view_forget(struct script *script, struct view *view)
{
    if (view->generation == script_generation(script))
        script_forget(script, view->table);
    view->generation = 0;
}
