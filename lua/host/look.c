/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Viewers are collected before anything is done with Lua, which may leave a function at any time.
 * Tested by tests/e2e/test_lua_policies.py. */
#include "lua/host/look.h"

#include <lauxlib.h>
#include <math.h>
#include <string.h>

#include "lua/host/table.h"
#include "lua/host/view.h"

/* ---- Numbers --------------------------------------------------------------------------------- */

int look_at_stats(lua_State *lua)
{
    const struct relay_worker *worker = script_worker(script_of(lua));
    struct relay_worker_stats stats = {.size = sizeof stats};
    if (worker)
        relay_worker_stats(worker, &stats);
    lua_newtable(lua);
    table_set_number(lua, "workers", stats.workers);
    table_set_number(lua, "sessions", (double)stats.all_sessions);
    table_set_number(lua, "viewers", (double)stats.all_viewers);
    table_set_number(lua, "tracks", (double)stats.all_tracks);
    table_set_number(lua, "bytes_sent", (double)stats.all_bytes_sent);
    lua_newtable(lua);
    table_set_number(lua, "sessions", (double)stats.sessions);
    table_set_number(lua, "viewers", (double)stats.viewers);
    table_set_number(lua, "tracks", (double)stats.tracks);
    table_set_number(lua, "bytes_sent", (double)stats.bytes_sent);
    lua_setfield(lua, -2, "here");
    return 1;
}

int look_at_track(lua_State *lua)
{
    struct relay_worker *worker = script_worker(script_of(lua));
    struct relay_track_stats stats = {.size = sizeof stats};
    const char *path = luaL_checkstring(lua, 1);
    int error = worker ? relay_track_stats(worker, path, &stats) : RELAY_ERR_NOT_FOUND;
    if (error == RELAY_ERR_INVALID)
        return luaL_error(lua, "relay.track: \"%s\" is no path that a track can have", path);
    if (error)
        return 0;
    lua_newtable(lua);
    table_set_number(lua, "viewers", stats.all_viewers);
    table_set_number(lua, "viewers_here", stats.viewers);
    table_set_number(lua, "rate_bps", (double)stats.rate_bps);
    table_set_number(lua, "group_interval_ms", (double)stats.group_interval_ns / 1e6);
    table_set_number(lua, "cached_ms", (double)stats.cached_ns / 1e6);
    table_set_number(lua, "cached_bytes", (double)stats.cached_bytes);
    table_set_number(lua, "worker", stats.worker);
    if (stats.newest == RELAY_ANY_GROUP)
        return 1;
    table_set_number(lua, "newest", (double)stats.newest);
    table_set_number(lua, "newest_age_ms", (double)stats.newest_age_ns / 1e6);
    return 1;
}

/* ---- Viewers --------------------------------------------------------------------------------- */

enum { LIMIT_USUAL = 100 };

struct collected {
    struct relay_viewer *all[RELAY_VISIT_MAX];
    size_t count, limit;
};

static bool collect_viewer(struct relay_viewer *viewer, void *user)
{
    struct collected *collected = user;
    collected->all[collected->count++] = viewer;
    return collected->count < collected->limit;
}

/* A name that is written wrongly would select everybody. */
static void check_names(lua_State *lua)
{
    static const char *const known[] = {"path", "limit", "after", NULL};
    for (lua_pushnil(lua); lua_next(lua, 1); lua_pop(lua, 1)) {
        int i = 0;
        lua_pushvalue(lua, -2); /* making a text of the key itself would end the walk */
        const char *name = lua_tostring(lua, -1);
        while (name && known[i] && strcmp(known[i], name) != 0)
            i++;
        if (!name || !known[i])
            luaL_error(lua, "relay.viewers: there is no field \"%s\"; there are: path limit after",
                       name ? name : luaL_typename(lua, -1));
        lua_pop(lua, 1);
    }
}

static double number_in(lua_State *lua, const char *field, double usual, double most)
{
    double number = usual;
    lua_getfield(lua, 1, field);
    if (!lua_isnil(lua, -1))
        number = lua_type(lua, -1) == LUA_TNUMBER ? lua_tonumber(lua, -1) : -1;
    lua_pop(lua, 1);
    if (!(number >= 0 && number <= most) || number != floor(number))
        luaL_error(lua, "relay.viewers: %s is a whole number from 0 to %f", field, most);
    return number;
}

static const char *pattern_in(lua_State *lua)
{
    lua_getfield(lua, 1, "path"); /* the table keeps it */
    if (!lua_isnil(lua, -1) && lua_type(lua, -1) != LUA_TSTRING)
        luaL_error(lua, "relay.viewers: path is a pattern, such as \"demo/**\"");
    const char *pattern = lua_tostring(lua, -1);
    lua_pop(lua, 1);
    return pattern;
}

int look_at_viewers(lua_State *lua)
{
    struct relay_worker *worker = script_worker(script_of(lua));
    struct collected found = {.count = 0};
    if (lua_isnoneornil(lua, 1)) {
        lua_settop(lua, 0);
        lua_newtable(lua);
    }
    luaL_checktype(lua, 1, LUA_TTABLE);
    lua_settop(lua, 1);
    check_names(lua);
    const char *pattern = pattern_in(lua);
    uint64_t place = (uint64_t)number_in(lua, "after", 0, 9e15);
    found.limit = (size_t)number_in(lua, "limit", LIMIT_USUAL, RELAY_VISIT_MAX);
    lua_newtable(lua);
    if (!worker || found.limit == 0)
        return 1;
    if (relay_viewers(worker, pattern, &place, collect_viewer, &found) < 0)
        return luaL_error(lua, "relay.viewers: \"%s\" is no pattern of paths", pattern);
    for (size_t i = 0; i < found.count; i++) {
        view_push_viewer(lua, found.all[i]);
        lua_rawseti(lua, 2, (int)i + 1);
    }
    if (place == 0)
        return 1;
    lua_pushnumber(lua, (double)place);
    return 2;
}
