/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A fault of the script is an error of the test at once, so no test can pass over one.
 * Tested by tests/e2e/test_lua_tools.py. */
#include "lua/test/policy.h"

#include <jansson.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/host/script.h"
#include "lua/test/fake.h"
#include "lua/test/nodes.h"

extern const struct relay_module relay_module;

#define NS_PER_S 1000000000.0
enum {
    DIRECTORIES_MAX = 8,
    BUDGET_MS = 5 * BUDGET_FACTOR, /* sanitizers make scripts slower, not wrong */
    LOAD_BUDGET_MS = 100 * BUDGET_FACTOR,
};
#define NS_PER_MS 1000000ull

struct policy {
    struct relay_self *self;
    struct script_config config, old; /* `old` is in use until a reload is over */
    char *file, *directory;
    const char *directories[DIRECTORIES_MAX];
    struct relay_node *params;
    char fault[SANDBOX_ERROR_BYTES]; /* "": none since the last look */
    lua_State *lua;                  /* of the test, for its log */
    int log;                         /* a table in its registry */
};

/* ---- The script ------------------------------------------------------------------------------ */

static void note_line(void *user, int level, const char *text)
{
    struct policy *policy = user;
    lua_State *lua = policy->lua;
    lua_rawgeti(lua, LUA_REGISTRYINDEX, policy->log);
    lua_pushstring(lua, text);
    lua_rawseti(lua, -2, (int)lua_objlen(lua, -2) + 1);
    lua_pop(lua, 1);
    bool is_fault = level == RELAY_ERROR && !policy->fault[0];
    if (is_fault && strstr(text, ".lua:"))
        snprintf(policy->fault, sizeof policy->fault, "%s", text);
}

static int free_policy(lua_State *lua)
{
    struct policy *policy = lua_touserdata(lua, 1);
    if (policy->self)
        policy->self->on_log = NULL;
    fake_free(&policy->self);
    nodes_free(&policy->params);
    free(policy->file);
    free(policy->directory);
    return 0;
}

static struct policy *policy_at(lua_State *lua)
{
    struct policy *policy = lua_touserdata(lua, 1);
    luaL_argcheck(lua, policy && lua_isuserdata(lua, 1), 1, "a policy is expected");
    policy->lua = lua;
    return policy;
}

/* Raises the script's fault, if there was one. */
static void raise_fault(lua_State *lua, struct policy *policy)
{
    char fault[SANDBOX_ERROR_BYTES];
    fake_run_posts(policy->self);
    if (!policy->fault[0])
        return;
    memcpy(fault, policy->fault, sizeof fault);
    policy->fault[0] = '\0';
    luaL_error(lua, "%s", fault);
}

static void set_up(lua_State *lua, struct policy *policy, const char *file)
{
    const char *slash = strrchr(file, '/');
    policy->file = strdup(file);
    policy->directory = slash ? strndup(file, (size_t)(slash - file)) : strdup(".");
    lua_pushvalue(lua, 2);
    policy->params = nodes_new(lua);
    lua_pop(lua, 1);
    if (!policy->params)
        luaL_error(lua, "the params of a script are texts, numbers, booleans, and tables of these");
    policy->directories[0] = policy->directory;
    policy->config = (struct script_config){.file = policy->file,
                                            .directories = policy->directories,
                                            .directory_count = 1,
                                            .params = policy->params,
                                            .budget_ns = BUDGET_MS * NS_PER_MS,
                                            .load_budget_ns = LOAD_BUDGET_MS * NS_PER_MS,
                                            .memory_bytes = 64 << 20,
                                            .faults = 0};
}

/* load(file, params): a script as relay.yaml would name it. */
static int load_policy(lua_State *lua)
{
    const char *file = luaL_checkstring(lua, 1);
    lua_settop(lua, 2);
    struct policy *policy = lua_newuserdata(lua, sizeof *policy);
    *policy = (struct policy){.lua = lua};
    lua_newtable(lua);
    policy->log = luaL_ref(lua, LUA_REGISTRYINDEX);
    lua_newtable(lua);
    lua_pushcfunction(lua, free_policy);
    lua_setfield(lua, -2, "__gc");
    lua_setmetatable(lua, -2);
    set_up(lua, policy, file);
    policy->self = fake_new(&relay_module, note_line, policy);
    if (!policy->self || fake_start(policy->self, &policy->config) != 0)
        return luaL_error(lua, "%s", policy->self ? policy->self->failure : "out of memory");
    raise_fault(lua, policy);
    return 1;
}

/* reload(policy): as after SIGHUP. */
static int reload_policy(lua_State *lua)
{
    struct policy *policy = policy_at(lua);
    if (fake_reload(policy->self, &policy->config) != 0)
        return luaL_error(lua, "%s", policy->self->failure);
    raise_fault(lua, policy);
    return 0;
}

static int advance_policy(lua_State *lua)
{
    struct policy *policy = policy_at(lua);
    fake_advance(policy->self, (uint64_t)(luaL_checknumber(lua, 2) * NS_PER_S));
    raise_fault(lua, policy);
    return 0;
}

static int fail_counter(lua_State *lua, const struct relay_self *self, const char *name)
{
    luaL_Buffer names;
    luaL_buffinit(lua, &names);
    for (int i = 0; i < self->counter_count; i++) {
        luaL_addchar(&names, ' ');
        luaL_addstring(&names, self->counter_names[i]);
    }
    luaL_pushresult(&names);
    return luaL_error(lua, "there is no counter \"%s\"; there are:%s", name, lua_tostring(lua, -1));
}

static int count_policy(lua_State *lua)
{
    const struct policy *policy = policy_at(lua);
    const char *name = luaL_checkstring(lua, 2);
    if (!fake_has_counter(policy->self, name))
        return fail_counter(lua, policy->self, name);
    lua_pushnumber(lua, (double)fake_counter(policy->self, name));
    return 1;
}

static int shared_of_policy(lua_State *lua)
{
    const struct policy *policy = policy_at(lua);
    lua_newtable(lua);
    for (const struct fake_pair *pair = policy->self->shared; pair; pair = pair->hh.next) {
        lua_pushstring(lua, pair->value);
        lua_setfield(lua, -2, pair->key);
    }
    return 1;
}

static int log_of_policy(lua_State *lua)
{
    lua_rawgeti(lua, LUA_REGISTRYINDEX, policy_at(lua)->log);
    return 1;
}

/* ---- What a hook has decided ----------------------------------------------------------------- */

static void set_text(lua_State *lua, const char *field, const char *text)
{
    lua_pushstring(lua, text);
    lua_setfield(lua, -2, field);
}

static void push_words(lua_State *lua, const char *words)
{
    int n = 0;
    lua_newtable(lua);
    while (*words) {
        size_t size = strcspn(words, " ");
        lua_pushlstring(lua, words, size);
        lua_rawseti(lua, -2, ++n);
        words += size + (words[size] == ' ');
    }
}

static void push_policy(lua_State *lua, const struct relay_policy *policy)
{
    if (policy->set & RELAY_SET_LATENCY) {
        lua_pushnumber(lua, (double)policy->latency_ns / 1e6);
        lua_setfield(lua, -2, "latency");
    }
    if (policy->set & RELAY_SET_PRIORITY) {
        lua_pushnumber(lua, policy->priority);
        lua_setfield(lua, -2, "priority");
    }
    if (policy->set & RELAY_SET_RATE) {
        lua_pushnumber(lua, (double)policy->rate_bps);
        lua_setfield(lua, -2, "rate");
    }
    if (policy->set & RELAY_SET_IDENTITY_RATE) {
        lua_pushnumber(lua, (double)policy->identity_rate_bps);
        lua_setfield(lua, -2, "identity_rate");
    }
    if (policy->set & RELAY_SET_ORDER)
        set_text(lua, "order", policy->order == RELAY_ORDER_NEWEST ? "newest" : "oldest");
}

static void push_decision(lua_State *lua, const struct relay_request *request)
{
    static const char *const words[] = {
        [RELAY_PASS] = "pass", [RELAY_ALLOW] = "allow", [RELAY_DENY] = "deny"};
    static const char *const codes[] = {"refused",   "unauthorized", "forbidden",
                                        "not found", "busy",         "expired"};
    lua_newtable(lua);
    set_text(lua, "verdict", words[request->verdict]);
    if (request->verdict == RELAY_DENY) {
        set_text(lua, "reason", request->reason);
        set_text(lua, "code", codes[request->code]);
    }
    if (request->has_path)
        set_text(lua, "path", request->path);
    if (request->source) {
        set_text(lua, "source", request->choice->candidates[request->source - 1].identity);
        lua_pushnumber(lua, (double)request->source);
        lua_setfield(lua, -2, "source_place");
    }
    push_policy(lua, &request->policy);
    if (request->has_grants) {
        set_text(lua, "identity", request->identity[0] ? request->identity : NULL);
        push_words(lua, request->publish);
        lua_setfield(lua, -2, "publish");
        push_words(lua, request->subscribe);
        lua_setfield(lua, -2, "subscribe");
    }
}

/* problem_of_claims(text): why it is no object of JSON; nil: it is one, or empty. */
static int find_problem_of_claims(lua_State *lua)
{
    json_error_t error;
    const char *text = luaL_checkstring(lua, 1);
    json_t *json = json_loads(text, 0, &error);
    bool is_object = json_is_object(json);
    json_decref(json);
    if (is_object || !*text)
        return 0;
    if (json)
        lua_pushliteral(lua, "is an object of JSON, such as {\"plan\":\"gold\"}");
    else
        lua_pushfstring(lua, "is no JSON: %s", error.text);
    return 1;
}

/* ---- Peers and viewers ----------------------------------------------------------------------- */

static const char *text_of(lua_State *lua, const char *field)
{
    lua_getfield(lua, 2, field);
    const char *text = lua_tostring(lua, -1);
    lua_pop(lua, 1); /* the table still has it */
    return text;
}

static double number_of(lua_State *lua, const char *field, double usual)
{
    lua_getfield(lua, 2, field);
    double number = lua_isnumber(lua, -1) ? lua_tonumber(lua, -1) : usual;
    lua_pop(lua, 1);
    return number;
}

/* connect(policy, info): returns the peer and the decision. */
static int connect_peer(lua_State *lua)
{
    struct policy *policy = policy_at(lua);
    struct relay_request request;
    luaL_checktype(lua, 2, LUA_TTABLE);
    lua_getfield(lua, 2, "cluster");
    const struct fake_info info = {.address = text_of(lua, "address"),
                                   .sni = text_of(lua, "sni"),
                                   .path = text_of(lua, "path"),
                                   .query = text_of(lua, "query"),
                                   .page = text_of(lua, "page"),
                                   .identity = text_of(lua, "identity"),
                                   .claims = text_of(lua, "claims"),
                                   .protocol = RELAY_PROTOCOL_WEBTRANSPORT,
                                   .version = (uint32_t)number_of(lua, "version", 4),
                                   .is_cluster = lua_toboolean(lua, -1)};
    struct relay_peer *peer = fake_connect(policy->self, &info, &request);
    if (!peer)
        return luaL_error(lua, "out of memory");
    raise_fault(lua, policy);
    lua_pushlightuserdata(lua, peer);
    push_decision(lua, &request);
    return 2;
}

/* announce(policy, peer, path): returns the decision. */
static int announce_path(lua_State *lua)
{
    struct policy *policy = policy_at(lua);
    struct relay_request request;
    fake_announce(lua_touserdata(lua, 2), luaL_checkstring(lua, 3), &request);
    raise_fault(lua, policy);
    push_decision(lua, &request);
    return 1;
}

/* Of the table at the top. */
static bool read_flag(lua_State *lua, const char *field)
{
    lua_getfield(lua, -1, field);
    bool is_set = lua_toboolean(lua, -1);
    lua_pop(lua, 1);
    return is_set;
}

/* The texts belong to the list. */
static void read_candidate(lua_State *lua, struct relay_candidate *candidate)
{
    static const char *const texts[] = {"identity", "address", "path", "query", "claims"};
    const char **const places[] = {&candidate->identity, &candidate->address, &candidate->url_path,
                                   &candidate->query, &candidate->claims};
    luaL_checktype(lua, -1, LUA_TTABLE);
    *candidate = (struct relay_candidate){.size = sizeof *candidate};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        lua_getfield(lua, -1, texts[i]); /* the table keeps it */
        *places[i] = luaL_optstring(lua, -1, "");
        lua_pop(lua, 1);
    }
    candidate->is_silent = read_flag(lua, "silent");
    candidate->is_feeding = read_flag(lua, "feeding");
    candidate->is_newest = read_flag(lua, "newest");
    candidate->has_failed = read_flag(lua, "failed");
    lua_getfield(lua, -1, "age");
    candidate->age_ns = (uint64_t)(luaL_optnumber(lua, -1, 0) * NS_PER_S);
    lua_pop(lua, 1);
}

/* The list of candidates at `index`. */
static void read_candidates(lua_State *lua, int index, struct relay_choice *choice)
{
    luaL_checktype(lua, index, LUA_TTABLE);
    choice->count = lua_objlen(lua, index);
    if (choice->count > FAKE_CANDIDATES_MAX)
        luaL_error(lua, "at most %d candidates can be tried", FAKE_CANDIDATES_MAX);
    for (size_t i = 0; i < choice->count; i++) {
        lua_rawgeti(lua, index, (int)i + 1);
        read_candidate(lua, &choice->candidates[i]);
        choice->candidates[i].number = choice->candidates[i].peer = i + 1;
        lua_pop(lua, 1);
    }
}

/* subscribe(policy, peer, path, kind, candidates): returns the viewer, or nil, and the decision. */
static int subscribe_path(lua_State *lua)
{
    static const char *const kinds[] = {"subscribe", "fetch", "info", NULL};
    struct policy *policy = policy_at(lua);
    struct relay_choice choice = {.count = 0};
    int kind = luaL_checkoption(lua, 4, "subscribe", kinds);
    struct relay_request request = {
        .kind = (enum relay_request_kind)((int)RELAY_REQUEST_SUBSCRIBE + kind)};
    if (!lua_isnoneornil(lua, 5)) {
        read_candidates(lua, 5, &choice);
        request.choice = &choice;
    }
    struct relay_viewer *viewer =
        fake_subscribe(lua_touserdata(lua, 2), luaL_checkstring(lua, 3), &request);
    raise_fault(lua, policy);
    if (viewer)
        lua_pushlightuserdata(lua, viewer);
    else
        lua_pushnil(lua);
    push_decision(lua, &request);
    return 2;
}

static void read_rung(lua_State *lua, struct fake_ladder *ladder, size_t index)
{
    lua_getfield(lua, -1, "path");
    lua_getfield(lua, -2, "bitrate");
    snprintf(ladder->paths[index], FAKE_TEXT_BYTES, "%s", luaL_checkstring(lua, -2));
    ladder->bitrates_bps[index] = (uint64_t)luaL_checknumber(lua, -1);
    lua_pop(lua, 2);
}

/* ladder(peer, list): what its subscriptions have from now on, each a table of path and bitrate. */
static int set_ladder(lua_State *lua)
{
    struct relay_peer *peer = lua_touserdata(lua, 1);
    luaL_checktype(lua, 2, LUA_TTABLE);
    size_t count = lua_objlen(lua, 2);
    if (count > FAKE_RENDITIONS_MAX)
        return luaL_error(lua, "a ladder has at most %d renditions here", FAKE_RENDITIONS_MAX);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(lua, 2, (int)i + 1);
        luaL_checktype(lua, -1, LUA_TTABLE);
        read_rung(lua, &peer->ladder, i);
        lua_pop(lua, 1);
    }
    peer->ladder.count = count;
    return 0;
}

/* choose(policy, path, candidates, cause): the place of the one that is chosen, or nil. */
static int choose_candidate(lua_State *lua)
{
    static const char *const causes[] = {"watched", "candidate", "lost", "silent", NULL};
    struct policy *policy = policy_at(lua);
    struct relay_choice choice = {.path = luaL_checkstring(lua, 2)};
    int cause = luaL_checkoption(lua, 4, "watched", causes);
    choice.cause = (enum relay_choice_cause)(RELAY_CHOICE_WATCHED + cause);
    read_candidates(lua, 3, &choice);
    int chosen = fake_choose(policy->self, &choice);
    raise_fault(lua, policy);
    if (chosen < 0)
        return 0;
    lua_pushinteger(lua, chosen + 1);
    return 1;
}

/* set(viewer, numbers): those that are given. */
static int set_numbers(lua_State *lua)
{
    struct relay_viewer *viewer = lua_touserdata(lua, 1);
    struct relay_viewer_stats *stats = &viewer->stats;
    struct relay_peer_stats *transport = &viewer->peer->stats;
    luaL_checktype(lua, 2, LUA_TTABLE);
    double loss = number_of(lua, "loss", -1);
#define SET(name, field, factor)                                                                   \
    field = (uint64_t)(number_of(lua, name, (double)field / (factor)) * (factor))
    SET("groups_sent", stats->groups_sent, 1);
    SET("groups_skipped", stats->groups_skipped, 1);
    SET("bytes_sent", stats->bytes_sent, 1);
    SET("late", stats->groups_late, 1);
    SET("watched", stats->watched_ns, 1e9);
    SET("backlog_bytes", stats->backlog_bytes, 1);
    SET("backlog_ms", stats->lag_ns, 1e6);
    SET("rtt_ms", transport->rtt_ns, 1e6);
    SET("rate_bps", transport->rate_bps, 1);
#undef SET
    if (loss >= 0) {
        transport->packets_sent = 10000;
        transport->packets_lost = (uint64_t)(loss * 10000);
    }
    return 0;
}

/* sample(policy, viewer), leave(policy, viewer) */
static int sample_viewer(lua_State *lua)
{
    struct policy *policy = policy_at(lua);
    fake_sample(lua_touserdata(lua, 2));
    raise_fault(lua, policy);
    return 0;
}

static int leave_viewer(lua_State *lua)
{
    struct policy *policy = policy_at(lua);
    fake_leave(lua_touserdata(lua, 2));
    raise_fault(lua, policy);
    return 0;
}

static int disconnect_peer(lua_State *lua)
{
    struct policy *policy = policy_at(lua);
    fake_disconnect(lua_touserdata(lua, 2));
    raise_fault(lua, policy);
    return 0;
}

/* look(viewer): how it is served now. */
static int look_at_viewer(lua_State *lua)
{
    const struct relay_viewer *viewer = lua_touserdata(lua, 1);
    struct relay_policy all = viewer->policy;
    all.set = RELAY_SET_LATENCY | RELAY_SET_PRIORITY | RELAY_SET_ORDER | RELAY_SET_RATE |
              RELAY_SET_IDENTITY_RATE;
    lua_newtable(lua);
    push_policy(lua, &all);
    lua_pushboolean(lua, viewer->is_closed);
    lua_setfield(lua, -2, "closed");
    set_text(lua, "reason", viewer->reason);
    lua_pushnumber(lua, viewer->skips);
    lua_setfield(lua, -2, "skips");
    set_text(lua, "path", viewer->path);
    set_text(lua, "track", viewer->track);
    return 1;
}

void policy_push_functions(lua_State *lua)
{
    static const luaL_Reg functions[] = {{"load", load_policy},
                                         {"reload", reload_policy},
                                         {"advance", advance_policy},
                                         {"counter", count_policy},
                                         {"log", log_of_policy},
                                         {"connect", connect_peer},
                                         {"announce", announce_path},
                                         {"subscribe", subscribe_path},
                                         {"set", set_numbers},
                                         {"sample", sample_viewer},
                                         {"leave", leave_viewer},
                                         {"disconnect", disconnect_peer},
                                         {"look", look_at_viewer},
                                         {"ladder", set_ladder},
                                         {"choose", choose_candidate},
                                         {"shared", shared_of_policy},
                                         {"problem_of_claims", find_problem_of_claims},
                                         {NULL, NULL}};
    lua_newtable(lua);
    for (const luaL_Reg *each = functions; each->name; each++) {
        lua_pushcfunction(lua, each->func);
        lua_setfield(lua, -2, each->name);
    }
}
