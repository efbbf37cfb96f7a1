/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Fuzz target: what hooks of scripts answer. The bytes say which values are on the stack of Lua.
 * What is accepted keeps the bounds that the relay counts on. */
#include <lauxlib.h>
#include <math.h>
#include <string.h>

#include "base/check.h"
#include "lua/host/answer.h"
#include "lua/host/sandbox.h"

enum { VALUES_MAX = 4, ENTRIES_MAX = 80, DEPTH_MAX = 3 };
#define RATE_MOST_BPS UINT64_C(1000000000000)

struct input {
    const uint8_t *data;
    size_t size;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t next_byte(struct input *input)
{
    if (input->size == 0)
        return 0;
    input->size--;
    return *input->data++;
}

static void push_word(lua_State *lua, struct input *input)
{
    static const char *const words[] = {
        "latency",   "priority", "order",  "path",         "publish",   "subscribe",
        "identity",  "expires",  "newest", "oldest",       "close",     "refused",
        "forbidden", "busy",     "latncy", "unauthorized", "not found", "expired",
        "rate",      "start",    "track",  "next",         "source",    "identity_rate"};
    uint8_t which = next_byte(input);
    size_t n = which % 32;
    if (which < 128) {
        lua_pushstring(lua, words[which % (sizeof words / sizeof words[0])]);
        return;
    }
    n = n < input->size ? n : input->size;
    lua_pushlstring(lua, (const char *)input->data, n);
    input->data += n;
    input->size -= n;
}

static void push_number(lua_State *lua, struct input *input)
{
    static const double numbers[] = {0,    1,     -1,   255,   256, 0.5,      3600000,     3600001,
                                     1e18, -1e18, 1e19, 1e308, NAN, INFINITY, 2147483647.0};
    uint8_t which = next_byte(input);
    double number;
    if (which < 128 || input->size < sizeof number) {
        lua_pushnumber(lua, numbers[which % (sizeof numbers / sizeof numbers[0])]);
        return;
    }
    memcpy(&number, input->data, sizeof number);
    input->data += sizeof number;
    input->size -= sizeof number;
    lua_pushnumber(lua, isnan(number) ? NAN : number);
}

static void push_value(lua_State *lua, struct input *input, int depth);

static void push_table(lua_State *lua, struct input *input, int depth)
{
    int count = next_byte(input) % ENTRIES_MAX;
    lua_newtable(lua);
    for (int i = 0; i < count && input->size > 0; i++) {
        bool is_list = next_byte(input) % 2;
        if (is_list)
            lua_pushinteger(lua, i + 1);
        else
            push_word(lua, input);
        push_value(lua, input, depth + 1);
        lua_rawset(lua, -3);
    }
}

static void push_value(lua_State *lua, struct input *input, int depth)
{
    luaL_checkstack(lua, 8, "values");
    switch (next_byte(input) % 8) {
    case 0:
        lua_pushnil(lua);
        break;
    case 1:
        lua_pushboolean(lua, next_byte(input) % 2);
        break;
    case 2:
    case 3:
        push_number(lua, input);
        break;
    case 4:
        lua_pushlightuserdata(lua, input);
        break;
    case 5:
        push_word(lua, input);
        break;
    default:
        if (depth < DEPTH_MAX)
            push_table(lua, input, depth);
        else
            lua_newtable(lua);
    }
}

static void judge(const struct answer *answer)
{
    const struct relay_policy *policy = &answer->policy;
    REQUIRE(strlen(answer->reason) < RELAY_REASON_BYTES && answer->code <= RELAY_DENIED_EXPIRED);
    REQUIRE(policy->latency_ns <= ANSWER_LATENCY_MAX_MS * UINT64_C(1000000));
    REQUIRE(policy->priority <= 255 && policy->order <= RELAY_ORDER_NEWEST);
    REQUIRE(policy->rate_bps <= RATE_MOST_BPS && policy->identity_rate_bps <= RATE_MOST_BPS);
    REQUIRE(policy->start_ns <= ANSWER_START_MAX_S * UINT64_C(1000000000) ||
            policy->start_ns == RELAY_BEGIN_OLDEST || policy->start_ns == RELAY_BEGIN_NEXT);
    REQUIRE(answer->grants.publish_count <= ANSWER_PREFIXES_MAX);
    REQUIRE(answer->grants.subscribe_count <= ANSWER_PREFIXES_MAX);
    REQUIRE(!answer->path || relay_path_is_valid(answer->path));
    for (size_t i = 0; i < answer->grants.publish_count; i++)
        REQUIRE(strlen(answer->publish[i]) < SIZE_MAX);
    for (size_t i = 0; i < answer->grants.subscribe_count; i++)
        REQUIRE(strlen(answer->subscribe[i]) < SIZE_MAX);
}

static int read_answer(lua_State *lua)
{
    struct input *input = lua_touserdata(lua, 1);
    struct answer answer;
    lua_settop(lua, 0);
    unsigned fields = next_byte(input) % 32; /* any of ANSWER_* */
    int count = next_byte(input) % (VALUES_MAX + 1);
    for (int i = 0; i < count; i++)
        push_value(lua, input, 0);
    script_read_answer(lua, count, "fuzz.lua:1", fields, &answer);
    judge(&answer);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sandbox *sandbox; /* made once: that takes longer than a run */
    char error[SANDBOX_ERROR_BYTES];
    struct input input = {data, size};
    if (!sandbox)
        sandbox = sandbox_new(16 << 20);
    REQUIRE(sandbox);
    if (sandbox_run(sandbox, UINT64_C(1000000000), read_answer, &input, error) == SANDBOX_FAULT)
        REQUIRE(strncmp(error, "fuzz.lua:1: ", 12) == 0);
    return 0;
}
