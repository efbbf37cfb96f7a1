/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A script gets the candidates as a list, and answers with the place of one.
 * Tested by tests/e2e/test_lua_policies.py and tests/unit/lua/test_fake.c. */
#include "lua/host/choose.h"

#include <lauxlib.h>
#include <string.h>

#include "lua/host/fields.h"
#include "lua/host/table.h"
#include "lua/host/worker.h"

struct choice_call {
    const struct relay_choice *choice;
    int count, chosen; /* -1: no opinion */
};

/* Upvalues: the name of a field, the function that makes its value, and the argument of that. */
static int read_field(lua_State *lua)
{
    if (!lua_rawequal(lua, 2, lua_upvalueindex(1)))
        return 0;
    lua_pushvalue(lua, lua_upvalueindex(2));
    lua_pushvalue(lua, lua_upvalueindex(3));
    lua_call(lua, 1, 1);
    lua_pushvalue(lua, 2);
    lua_pushvalue(lua, -2);
    lua_rawset(lua, 1);
    return 1;
}

/* Gives the table below the top a field that is made when it is read for the first time. Takes the
 * argument of `make` from the top. */
static void add_field(lua_State *lua, const char *name, lua_CFunction make)
{
    lua_newtable(lua);
    lua_insert(lua, -2);
    lua_pushstring(lua, name);
    lua_pushcfunction(lua, make);
    lua_pushvalue(lua, -3);
    lua_pushcclosure(lua, read_field, 3);
    lua_setfield(lua, -3, "__index");
    lua_pop(lua, 1);
    lua_pushboolean(lua, 0);
    lua_setfield(lua, -2, "__metatable");
    lua_setmetatable(lua, -2);
}

static int make_claims(lua_State *lua)
{
    fields_push_claims(lua, lua_tostring(lua, 1));
    return 1;
}

static void push_candidate(lua_State *lua, const struct relay_candidate *candidate)
{
    lua_newtable(lua);
    table_set_number(lua, "id", (double)candidate->peer);
    table_set_number(lua, "worker", candidate->worker);
    table_set_number(lua, "hops", candidate->hops);
    table_set_number(lua, "age", (double)candidate->age_ns / 1e9);
    table_set_text(lua, "identity", candidate->identity[0] ? candidate->identity : NULL);
    table_set_text(lua, "address", candidate->address);
    table_set_text(lua, "path", candidate->url_path);
    table_set_text(lua, "query", candidate->query);
    lua_pushstring(lua, candidate->claims); /* may be long, and most scripts do not look at it */
    add_field(lua, "claims", make_claims);
    table_set_flag(lua, "newest", candidate->is_newest);
    table_set_flag(lua, "feeding", candidate->is_feeding);
    table_set_flag(lua, "silent", candidate->is_silent);
    table_set_flag(lua, "failed", candidate->has_failed);
    if (!candidate->is_feeding)
        return;
    table_set_number(lua, "group_age_ms", (double)candidate->group_age_ns / 1e6);
    table_set_number(lua, "group_interval_ms", (double)candidate->group_interval_ns / 1e6);
    table_set_number(lua, "rate_bps", (double)candidate->rate_bps);
}

/* ---- The hook -------------------------------------------------------------------------------- */

static int push_choice(lua_State *lua, void *user)
{
    static const char *const causes[] = {[RELAY_CHOICE_WATCHED] = "watched",
                                         [RELAY_CHOICE_CANDIDATE] = "candidate",
                                         [RELAY_CHOICE_LOST] = "lost",
                                         [RELAY_CHOICE_SILENT] = "silent"};
    struct choice_call *call = user;
    struct relay_candidate candidate = {.size = sizeof candidate};
    char path[RELAY_PATH_BYTES];
    lua_pushstring(lua, relay_choice_path(call->choice, path, sizeof path));
    lua_newtable(lua);
    while (relay_choice_candidate(call->choice, (size_t)call->count, &candidate) == 0) {
        push_candidate(lua, &candidate);
        lua_rawseti(lua, -2, ++call->count);
    }
    lua_pushstring(lua, causes[relay_choice_cause(call->choice)]);
    return 3;
}

static void read_choice(lua_State *lua, int count, const char *where, void *user)
{
    struct choice_call *call = user;
    if (count == 0 || lua_isnil(lua, 1))
        return;
    double place = lua_type(lua, 1) == LUA_TNUMBER ? lua_tonumber(lua, 1) : 0;
    if (!(place >= 1 && place <= call->count) || place != (double)(int)place)
        luaL_error(lua, "%s: choose_source returns nil, or the place of a candidate: 1 to %d",
                   where, call->count);
    call->chosen = (int)place - 1;
}

int choose_source(struct relay_worker *worker, const struct relay_choice *choice)
{
    struct choice_call answer = {.choice = choice, .chosen = -1};
    const struct script_call call = {push_choice, read_choice, &answer};
    struct lua_worker *here = relay_worker_slot(worker);
    script_call(here->script, SCRIPT_CHOOSE_SOURCE, &call);
    return answer.chosen;
}

/* ---- Subscriptions --------------------------------------------------------------------------- */

static void push_candidates(lua_State *lua, const struct relay_request *request)
{
    struct relay_candidate candidate = {.size = sizeof candidate};
    if (relay_request_candidate(request, 1, &candidate) != 0) {
        lua_pushnil(lua);
        return;
    }
    lua_newtable(lua);
    for (size_t i = 0; i < RELAY_CANDIDATES_MAX; i++) {
        if (relay_request_candidate(request, i, &candidate) != 0)
            break;
        push_candidate(lua, &candidate);
        lua_rawseti(lua, -2, (int)i + 1);
    }
}

/* For the viewer with this number, while it is asked about. */
static int make_candidates(lua_State *lua)
{
    const struct relay_request *request = script_of(lua)->asked;
    if (!request || (double)relay_request_viewer(request) != lua_tonumber(lua, 1))
        return 0;
    push_candidates(lua, request);
    return 1;
}

void choose_add_candidates(lua_State *lua)
{
    lua_pushnumber(lua, (double)relay_request_viewer(script_of(lua)->asked));
    add_field(lua, "candidates", make_candidates);
}

static bool is_meant(const struct relay_candidate *candidate, const struct answer *answer)
{
    return answer->source ? strcmp(candidate->identity, answer->source) == 0
                          : candidate->peer == answer->source_peer;
}

/* An identity may have several publishers: one that is not silent is preferred. */
void choose_answered(struct relay_request *request, const struct answer *answer)
{
    struct relay_candidate candidate = {.size = sizeof candidate};
    uint64_t silent = 0;
    for (size_t i = 0; relay_request_candidate(request, i, &candidate) == 0; i++) {
        if (!is_meant(&candidate, answer) || candidate.has_failed)
            continue;
        if (!candidate.is_silent) {
            relay_request_set_source(request, candidate.number);
            return;
        }
        silent = silent ? silent : candidate.number;
    }
    if (silent)
        relay_request_set_source(request, silent);
}
