/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Two tables of rows: a field is a row.
 * Tested by tests/unit/lua/test_view.c. */
#include "lua/host/fields.h"

#include <jansson.h>
#include <lauxlib.h>
#include <string.h>

enum { JSON_DEPTH_MAX = 16 };

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

void fields_push_claims(lua_State *lua, const char *text)
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

/* ---- Viewers --------------------------------------------------------------------------------- */

static const struct relay_viewer_stats *stats_of(struct fields_viewer *viewer)
{
    if (!viewer->has_stats) {
        viewer->stats = (struct relay_viewer_stats){.size = sizeof viewer->stats};
        relay_viewer_stats(viewer->viewer, &viewer->stats);
        viewer->has_stats = true;
    }
    return &viewer->stats;
}

static const struct relay_policy *policy_of(struct fields_viewer *viewer)
{
    if (!viewer->has_policy) {
        viewer->policy = (struct relay_policy){.size = sizeof viewer->policy};
        relay_viewer_policy(viewer->viewer, &viewer->policy);
        viewer->has_policy = true;
    }
    return &viewer->policy;
}

static const struct relay_peer_stats *transport_of(struct fields_viewer *viewer)
{
    if (!viewer->has_transport) {
        viewer->transport = (struct relay_peer_stats){.size = sizeof viewer->transport};
        relay_peer_stats(relay_viewer_peer(viewer->viewer), &viewer->transport);
        viewer->has_transport = true;
    }
    return &viewer->transport;
}

#define NUMBER_OF_VIEWER(name, expression)                                                         \
    static void push_##name(lua_State *lua, struct fields_viewer *viewer)                          \
    {                                                                                              \
        lua_pushnumber(lua, (double)(expression));                                                 \
    }
NUMBER_OF_VIEWER(groups_sent, stats_of(viewer)->groups_sent)
NUMBER_OF_VIEWER(groups_skipped, stats_of(viewer)->groups_skipped + stats_of(viewer)->groups_reset)
NUMBER_OF_VIEWER(late, stats_of(viewer)->groups_late)
NUMBER_OF_VIEWER(watched, (double)stats_of(viewer)->watched_ns / 1e9)
NUMBER_OF_VIEWER(bytes_sent, stats_of(viewer)->bytes_sent)
NUMBER_OF_VIEWER(backlog_bytes, stats_of(viewer)->backlog_bytes)
NUMBER_OF_VIEWER(backlog_ms, (double)stats_of(viewer)->lag_ns / 1e6)
NUMBER_OF_VIEWER(latency, (double)policy_of(viewer)->latency_ns / 1e6)
NUMBER_OF_VIEWER(priority, policy_of(viewer)->priority)
NUMBER_OF_VIEWER(rate, policy_of(viewer)->rate_bps)
NUMBER_OF_VIEWER(identity_rate, policy_of(viewer)->identity_rate_bps)
NUMBER_OF_VIEWER(rtt_ms, (double)transport_of(viewer)->rtt_ns / 1e6)
NUMBER_OF_VIEWER(rate_bps, transport_of(viewer)->rate_bps)
#undef NUMBER_OF_VIEWER

static void push_track(lua_State *lua, struct fields_viewer *viewer)
{
    char track[RELAY_PATH_BYTES];
    lua_pushstring(lua, relay_viewer_track(viewer->viewer, track, sizeof track));
}

static void push_order(lua_State *lua, struct fields_viewer *viewer)
{
    bool is_newest = policy_of(viewer)->order == RELAY_ORDER_NEWEST;
    lua_pushstring(lua, is_newest ? "newest" : "oldest");
}

static void push_loss(lua_State *lua, struct fields_viewer *viewer)
{
    const struct relay_peer_stats *transport = transport_of(viewer);
    double sent = (double)transport->packets_sent;
    lua_pushnumber(lua, sent > 0 ? (double)transport->packets_lost / sent : 0);
}

static const struct viewer_field {
    const char *name;
    void (*push)(lua_State *lua, struct fields_viewer *viewer);
} viewer_fields[] = {
    {"track", push_track},
    {"groups_sent", push_groups_sent},
    {"groups_skipped", push_groups_skipped},
    {"late", push_late},
    {"watched", push_watched},
    {"bytes_sent", push_bytes_sent},
    {"backlog_bytes", push_backlog_bytes},
    {"backlog_ms", push_backlog_ms},
    {"latency", push_latency},
    {"priority", push_priority},
    {"order", push_order},
    {"rate", push_rate},
    {"identity_rate", push_identity_rate},
    {"rtt_ms", push_rtt_ms},
    {"rate_bps", push_rate_bps},
    {"loss", push_loss},
};
enum { VIEWER_FIELDS = sizeof viewer_fields / sizeof viewer_fields[0] };

void fields_push_of_viewer(lua_State *lua, int number, struct fields_viewer *viewer)
{
    viewer_fields[number - 1].push(lua, viewer);
}

/* ---- Peers ----------------------------------------------------------------------------------- */

static void push_version(lua_State *lua, const struct relay_peer *peer, int table)
{
    (void)table;
    lua_pushnumber(lua, relay_peer_version(peer));
}

static void push_identity(lua_State *lua, const struct relay_peer *peer, int table)
{
    const char *identity = relay_peer_identity(peer);
    (void)table;
    lua_pushstring(lua, *identity ? identity : NULL); /* "" would be true in a condition */
}

static void push_cluster(lua_State *lua, const struct relay_peer *peer, int table)
{
    (void)table;
    lua_pushboolean(lua, relay_peer_is_cluster(peer));
}

/* Parsed anew only if their text is another one; both are kept in the metatable. */
static void push_claims_of(lua_State *lua, const struct relay_peer *peer, int table)
{
    const char *text = relay_peer_claims(peer);
    if (!lua_getmetatable(lua, table)) {
        fields_push_claims(lua, text);
        return;
    }
    lua_getfield(lua, -1, "claims_text");
    bool is_same = lua_isstring(lua, -1) && strcmp(lua_tostring(lua, -1), text) == 0;
    lua_pop(lua, 1);
    if (!is_same) {
        fields_push_claims(lua, text);
        lua_setfield(lua, -2, "claims");
        lua_pushstring(lua, text);
        lua_setfield(lua, -2, "claims_text");
    }
    lua_getfield(lua, -1, "claims");
    lua_replace(lua, -2);
}

static const struct peer_field {
    const char *name;
    void (*push)(lua_State *lua, const struct relay_peer *peer, int table);
} peer_fields[] = {
    {"version", push_version},
    {"identity", push_identity},
    {"cluster", push_cluster},
    {"claims", push_claims_of},
};
enum { PEER_FIELDS = sizeof peer_fields / sizeof peer_fields[0] };

void fields_push_of_peer(lua_State *lua, int number, const struct relay_peer *peer, int table)
{
    peer_fields[number - 1].push(lua, peer, table);
}

/* ---- All of them ----------------------------------------------------------------------------- */

static void add_name(lua_State *lua, const char *name, int number)
{
    lua_pushinteger(lua, number);
    lua_setfield(lua, -2, name);
}

void fields_push_viewer_names(lua_State *lua)
{
    lua_newtable(lua);
    for (int i = 0; i < VIEWER_FIELDS; i++)
        add_name(lua, viewer_fields[i].name, i + 1);
}

void fields_push_peer_names(lua_State *lua)
{
    lua_newtable(lua);
    for (int i = 0; i < PEER_FIELDS; i++)
        add_name(lua, peer_fields[i].name, i + 1);
}

void fields_freeze_viewer(lua_State *lua, struct relay_viewer *viewer)
{
    struct fields_viewer read = {.viewer = viewer};
    for (int i = 0; i < VIEWER_FIELDS; i++) {
        lua_pushstring(lua, viewer_fields[i].name);
        viewer_fields[i].push(lua, &read);
        lua_rawset(lua, -3);
    }
}

void fields_freeze_peer(lua_State *lua, const struct relay_peer *peer)
{
    int table = lua_gettop(lua);
    for (int i = 0; i < PEER_FIELDS; i++) {
        lua_pushstring(lua, peer_fields[i].name);
        peer_fields[i].push(lua, peer, table);
        lua_rawset(lua, table);
    }
}

bool fields_is_name(const char *name, bool is_peer)
{
    static const char *const fixed[] = {"id",  "peer", "path",      "ladder", "address",
                                        "sni", "page", "transport", "query",  NULL};
    for (int i = 0; fixed[i]; i++)
        if (strcmp(fixed[i], name) == 0)
            return true;
    for (int i = 0; !is_peer && i < VIEWER_FIELDS; i++)
        if (strcmp(viewer_fields[i].name, name) == 0)
            return true;
    for (int i = 0; is_peer && i < PEER_FIELDS; i++)
        if (strcmp(peer_fields[i].name, name) == 0)
            return true;
    return false;
}
