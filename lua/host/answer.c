/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A field that is not known is an error, because it is a mistake in writing.
 * Tested by tests/unit/lua/test_answer.c. */
#include "lua/host/answer.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct reading {
    lua_State *lua;
    const char *where;
    struct answer *answer;
};

/* ---- Values: at the top of the stack --------------------------------------------------------- */

static const char *describe_value(lua_State *lua)
{
    return lua_type(lua, -1) == LUA_TNUMBER ? lua_tostring(lua, -1) : luaL_typename(lua, -1);
}

static double read_number(const struct reading *reading, const char *field, double least,
                          double most)
{
    lua_State *lua = reading->lua;
    double number = lua_type(lua, -1) == LUA_TNUMBER ? lua_tonumber(lua, -1) : NAN;
    if (!(number >= least && number <= most)) { /* also not a number */
        lua_pushvalue(lua, -1);
        luaL_error(lua, "%s: %s is a number from %f to %f, not %s", reading->where, field, least,
                   most, describe_value(lua));
    }
    return number;
}

static const char *read_text(const struct reading *reading, const char *field)
{
    lua_State *lua = reading->lua;
    if (lua_type(lua, -1) != LUA_TSTRING)
        luaL_error(lua, "%s: %s is a text, not %s", reading->where, field, describe_value(lua));
    const char *text = lua_tostring(lua, -1);
    if (strlen(text) != lua_objlen(lua, -1))
        luaL_error(lua, "%s: %s has a zero byte in it", reading->where, field);
    return text;
}

/* ---- Fields ---------------------------------------------------------------------------------- */

static void read_latency(const struct reading *reading)
{
    double ms = read_number(reading, "latency", 0, ANSWER_LATENCY_MAX_MS);
    reading->answer->policy.set |= RELAY_SET_LATENCY;
    reading->answer->policy.latency_ns = (uint64_t)(ms * 1e6);
}

static void read_priority(const struct reading *reading)
{
    double priority = read_number(reading, "priority", 0, 255);
    if (priority != floor(priority))
        luaL_error(reading->lua, "%s: priority is a whole number from 0 to 255", reading->where);
    reading->answer->policy.set |= RELAY_SET_PRIORITY;
    reading->answer->policy.priority = (uint32_t)priority;
}

static void read_order(const struct reading *reading)
{
    const char *order = read_text(reading, "order");
    bool is_newest = strcmp(order, "newest") == 0;
    if (!is_newest && strcmp(order, "oldest") != 0)
        luaL_error(reading->lua, "%s: order is \"newest\" or \"oldest\", not \"%s\"",
                   reading->where, order);
    reading->answer->policy.set |= RELAY_SET_ORDER;
    reading->answer->policy.order = is_newest ? RELAY_ORDER_NEWEST : RELAY_ORDER_OLDEST;
}

#define RATE_LEAST_BPS 8000.0
#define RATE_MOST_BPS 1e12

/* Bits per second; 0: no cap. */
static uint64_t read_bps(const struct reading *reading, const char *field)
{
    double bps = read_number(reading, field, 0, RATE_MOST_BPS);
    if (bps > 0 && bps < RATE_LEAST_BPS)
        luaL_error(reading->lua, "%s: %s is 0 (no cap) or at least %f bits per second",
                   reading->where, field, RATE_LEAST_BPS);
    return (uint64_t)bps;
}

static void read_rate(const struct reading *reading)
{
    reading->answer->policy.rate_bps = read_bps(reading, "rate");
    reading->answer->policy.set |= RELAY_SET_RATE;
}

static void read_identity_rate(const struct reading *reading)
{
    reading->answer->policy.identity_rate_bps = read_bps(reading, "identity_rate");
    reading->answer->policy.set |= RELAY_SET_IDENTITY_RATE;
}

/* A word, or how many seconds back. */
static uint64_t read_start_ns(const struct reading *reading)
{
    static const struct {
        const char *word;
        uint64_t ns;
    } words[] = {
        {"newest", RELAY_BEGIN_NEWEST}, {"oldest", RELAY_BEGIN_OLDEST}, {"next", RELAY_BEGIN_NEXT}};
    lua_State *lua = reading->lua;
    if (lua_type(lua, -1) != LUA_TSTRING)
        return (uint64_t)(read_number(reading, "start", 0, ANSWER_START_MAX_S) * 1e9);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i].word, lua_tostring(lua, -1)) == 0)
            return words[i].ns;
    luaL_error(lua,
               "%s: start is \"newest\", \"oldest\", \"next\", or how many seconds back, not "
               "\"%s\"",
               reading->where, lua_tostring(lua, -1));
    return 0;
}

static void read_start(const struct reading *reading)
{
    reading->answer->policy.start_ns = read_start_ns(reading);
    reading->answer->policy.set |= RELAY_SET_START;
}

static void read_path(const struct reading *reading)
{
    reading->answer->path = read_text(reading, "path");
    if (!relay_path_is_valid(reading->answer->path))
        luaL_error(reading->lua, "%s: path is no path that a track can have: \"%s\"",
                   reading->where, reading->answer->path);
}

static void read_track(const struct reading *reading)
{
    reading->answer->track = read_text(reading, "track");
}

#define PEER_NUMBER_MOST                                                                           \
    9007199254740992.0 /* 2^53: above it, not every integer is a number of Lua */

/* A publisher by its identity or by its `id`. */
static void read_source(const struct reading *reading)
{
    struct answer *answer = reading->answer;
    if (lua_type(reading->lua, -1) == LUA_TSTRING)
        answer->source = read_text(reading, "source");
    else
        answer->source_peer = (uint64_t)read_number(
            reading, "source (an id, or the text of an identity)", 1, PEER_NUMBER_MOST);
}

/* "demo" grants everything below it. A star is no wildcard here. */
static void check_prefix(const struct reading *reading, const char *field, const char *text)
{
    size_t n = strlen(text);
    if (n == 0 || text[n - 1] != '*')
        return;
    while (n > 0 && (text[n - 1] == '*' || text[n - 1] == '/'))
        n--;
    lua_pushlstring(reading->lua, text, n);
    luaL_error(reading->lua, "%s: %s has \"%s\", and needs a prefix, not a pattern: \"%s\"",
               reading->where, field, text, lua_tostring(reading->lua, -1));
}

static size_t read_prefixes(const struct reading *reading, const char *field, const char **out)
{
    lua_State *lua = reading->lua;
    size_t n = 0;
    if (!lua_istable(lua, -1))
        luaL_error(lua, "%s: %s is a list of prefixes of paths, not %s", reading->where, field,
                   describe_value(lua));
    for (;; n++) {
        lua_rawgeti(lua, -1, (int)n + 1);
        if (lua_isnil(lua, -1))
            break;
        if (n == ANSWER_PREFIXES_MAX)
            luaL_error(lua, "%s: %s has more than %d prefixes", reading->where, field,
                       ANSWER_PREFIXES_MAX);
        out[n] = read_text(reading, field);
        check_prefix(reading, field, out[n]);
        lua_pop(lua, 1);
    }
    lua_pop(lua, 1);
    return n;
}

static void read_publish(const struct reading *reading)
{
    struct answer *answer = reading->answer;
    answer->has_grants = answer->has_lists = true;
    answer->grants.publish_count = read_prefixes(reading, "publish", answer->publish);
}

static void read_subscribe(const struct reading *reading)
{
    struct answer *answer = reading->answer;
    answer->has_grants = answer->has_lists = true;
    answer->grants.subscribe_count = read_prefixes(reading, "subscribe", answer->subscribe);
}

static void read_identity(const struct reading *reading)
{
    reading->answer->has_grants = true;
    reading->answer->grants.identity = read_text(reading, "identity");
}

/* Seconds since 1970, as os.time() counts. */
static void read_expires(const struct reading *reading)
{
    double seconds = read_number(reading, "expires", 0, 2147483647.0);
    reading->answer->has_grants = true;
    reading->answer->grants.expires_ms = (uint64_t)(seconds * 1000);
}

static const struct field {
    const char *name;
    unsigned kind;
    void (*read)(const struct reading *reading);
    uint32_t bit; /* 0: it cannot be false */
} all_fields[] = {
    {"latency", ANSWER_POLICY, read_latency, RELAY_SET_LATENCY},
    {"priority", ANSWER_POLICY, read_priority, RELAY_SET_PRIORITY},
    {"rate", ANSWER_POLICY, read_rate, RELAY_SET_RATE},
    {"identity_rate", ANSWER_POLICY, read_identity_rate, RELAY_SET_IDENTITY_RATE},
    {"start", ANSWER_START, read_start, 0},
    {"order", ANSWER_POLICY, read_order, RELAY_SET_ORDER},
    {"path", ANSWER_PATH, read_path, 0},
    {"track", ANSWER_TRACK, read_track, 0},
    {"source", ANSWER_SOURCE, read_source, 0},
    {"publish", ANSWER_GRANTS, read_publish, 0},
    {"subscribe", ANSWER_GRANTS, read_subscribe, 0},
    {"identity", ANSWER_GRANTS, read_identity, 0},
    {"expires", ANSWER_GRANTS, read_expires, 0},
};
enum { FIELDS = sizeof all_fields / sizeof all_fields[0] };

static void refuse_field(const struct reading *reading, unsigned fields)
{
    lua_State *lua = reading->lua;
    luaL_Buffer known;
    const char *name = lua_type(lua, -2) == LUA_TSTRING ? lua_tostring(lua, -2) : NULL;
    if (!name)
        luaL_error(lua, "%s: the table has a key that is a %s, not the name of a field",
                   reading->where, luaL_typename(lua, -2));
    luaL_buffinit(lua, &known);
    for (size_t i = 0; i < FIELDS; i++)
        if (all_fields[i].kind & fields) {
            luaL_addchar(&known, ' ');
            luaL_addstring(&known, all_fields[i].name);
        }
    luaL_pushresult(&known);
    luaL_error(lua, "%s: there is no field \"%s\" here; there are:%s", reading->where, name,
               lua_tostring(lua, -1));
}

static void read_fields(const struct reading *reading, unsigned fields)
{
    lua_State *lua = reading->lua;
    lua_pushnil(lua);
    while (lua_next(lua, 1)) {
        size_t i = 0;
        bool is_name = lua_type(lua, -2) == LUA_TSTRING;
        while (i < FIELDS && !(is_name && (all_fields[i].kind & fields) &&
                               strcmp(all_fields[i].name, lua_tostring(lua, -2)) == 0))
            i++;
        if (i == FIELDS)
            refuse_field(reading, fields);
        bool is_false = lua_isboolean(lua, -1) && !lua_toboolean(lua, -1);
        if ((fields & ANSWER_CLEAR) && all_fields[i].bit && is_false)
            reading->answer->cleared |= all_fields[i].bit;
        else
            all_fields[i].read(reading);
        lua_pop(lua, 1);
    }
}

/* A peer with grants may do nothing else, so a name alone would lock it out. */
static void check_grants(const struct reading *reading)
{
    const struct answer *answer = reading->answer;
    if (answer->has_grants && !answer->has_lists)
        luaL_error(reading->lua,
                   "%s: the grants have neither publish nor subscribe, so the peer may do nothing: "
                   "{ publish = { \"\" }, subscribe = { \"\" } } allows all",
                   reading->where);
}

/* ---- The whole ------------------------------------------------------------------------------- */

enum relay_denial script_read_code(lua_State *lua, int index, const char *where)
{
    static const char *const words[] = {
        [RELAY_DENIED_REFUSED] = "refused",     [RELAY_DENIED_UNAUTHORIZED] = "unauthorized",
        [RELAY_DENIED_FORBIDDEN] = "forbidden", [RELAY_DENIED_NOT_FOUND] = "not found",
        [RELAY_DENIED_BUSY] = "busy",           [RELAY_DENIED_EXPIRED] = "expired"};
    const char *word = lua_type(lua, index) == LUA_TSTRING ? lua_tostring(lua, index) : "";
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i], word) == 0)
            return (enum relay_denial)i;
    luaL_error(lua,
               "%s: a refusal is one of \"refused\", \"unauthorized\", \"forbidden\", \"not "
               "found\", \"busy\", \"expired\"",
               where);
    return RELAY_DENIED_REFUSED;
}

void script_read_reason(lua_State *lua, int count, const char *where, const char *usual,
                        struct answer *answer)
{
    if (count > 1 && !lua_isnil(lua, 2) && lua_type(lua, 2) != LUA_TSTRING)
        luaL_error(lua, "%s: a reason is a text, not %s", where, luaL_typename(lua, 2));
    snprintf(answer->reason, sizeof answer->reason, "%s",
             count > 1 && !lua_isnil(lua, 2) ? lua_tostring(lua, 2) : usual);
    if (count > 2 && !lua_isnil(lua, 3))
        answer->code = script_read_code(lua, 3, where);
}

void script_read_answer(lua_State *lua, int count, const char *where, unsigned fields,
                        struct answer *answer)
{
    const struct reading reading = {lua, where, answer};
    int type = count > 0 ? lua_type(lua, 1) : LUA_TNIL;
    *answer = (struct answer){.policy = {.size = sizeof answer->policy},
                              .grants = {.size = sizeof answer->grants}};
    answer->grants.publish = answer->publish;
    answer->grants.subscribe = answer->subscribe;
    if (type == LUA_TNIL)
        return;
    if (type == LUA_TBOOLEAN && lua_toboolean(lua, 1)) {
        answer->kind = ANSWER_ALLOW;
    } else if (type == LUA_TBOOLEAN) {
        answer->kind = ANSWER_DENY;
        script_read_reason(lua, count, where, "refused by the script", answer);
    } else if (type == LUA_TTABLE && fields) {
        read_fields(&reading, fields);
        check_grants(&reading);
        answer->kind = answer->has_grants ? ANSWER_ALLOW : ANSWER_PASS;
    } else {
        luaL_error(lua, "%s: it returned a %s, which is no answer", where, luaL_typename(lua, 1));
    }
}
