/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What hooks may answer, and what is said of anything else. */
#include "tests/unit/lua/snippet.h"

#include "lua/host/answer.h"

/* The relay's function, as far as the tests need it. */
bool relay_path_is_valid(const char *path)
{
    return *path && strcmp(path, "a//b") != 0;
}

enum { ALL = ANSWER_POLICY | ANSWER_PATH | ANSWER_GRANTS | ANSWER_TRACK | ANSWER_START };

struct question {
    const char *text;
    unsigned fields;
    void (*look)(const struct answer *answer);
};

static int ask(lua_State *lua)
{
    const struct question *question = lua_touserdata(lua, 1);
    struct answer answer;
    lua_settop(lua, 0);
    if (luaL_loadbuffer(lua, question->text, strlen(question->text), "@test.lua") != 0)
        return lua_error(lua);
    sandbox_push_globals(lua);
    lua_setfenv(lua, -2);
    lua_call(lua, 0, LUA_MULTRET);
    script_read_answer(lua, lua_gettop(lua), "test.lua:7", question->fields, &answer);
    if (question->look)
        question->look(&answer);
    return 0;
}

static enum sandbox_result run_question(const struct question *question,
                                        char error[SANDBOX_ERROR_BYTES])
{
    struct sandbox *sandbox = sandbox_new(8 << 20);
    enum sandbox_result result =
        sandbox_run(sandbox, SNIPPET_BUDGET_NS, ask, (void *)(uintptr_t)question, error);
    sandbox_free(&sandbox);
    return result;
}

static void is(const char *text, unsigned fields, void (*look)(const struct answer *answer))
{
    char error[SANDBOX_ERROR_BYTES] = "";
    const struct question question = {text, fields, look};
    if (run_question(&question, error) != SANDBOX_OK)
        fail_msg("%s: %s", text, error);
}

static void is_wrong(const char *text, unsigned fields, const char *words)
{
    char error[SANDBOX_ERROR_BYTES] = "";
    const struct question question = {text, fields, NULL};
    if (run_question(&question, error) == SANDBOX_OK)
        fail_msg("no error: %s", text);
    if (!strstr(error, words) || strncmp(error, "test.lua:7: ", 12) != 0)
        fail_msg("%s: %s", text, error);
}

static void passes(const struct answer *answer)
{
    assert_int_equal(answer->kind, ANSWER_PASS);
    assert_int_equal(answer->policy.set, 0);
}

static void allows(const struct answer *answer)
{
    assert_int_equal(answer->kind, ANSWER_ALLOW);
}

static void denies_as_usual(const struct answer *answer)
{
    assert_int_equal(answer->kind, ANSWER_DENY);
    assert_int_equal(answer->code, RELAY_DENIED_REFUSED);
    assert_string_equal(answer->reason, "refused by the script");
}

static void denies_unknown(const struct answer *answer)
{
    assert_int_equal(answer->kind, ANSWER_DENY);
    assert_int_equal(answer->code, RELAY_DENIED_NOT_FOUND);
    assert_string_equal(answer->reason, "who?");
}

static void has_policy(const struct answer *answer)
{
    assert_int_equal(answer->kind, ANSWER_PASS);
    assert_int_equal(answer->policy.set, RELAY_SET_LATENCY | RELAY_SET_PRIORITY | RELAY_SET_ORDER);
    assert_int_equal(answer->policy.latency_ns, 250500000);
    assert_int_equal(answer->policy.priority, 255);
    assert_int_equal(answer->policy.order, RELAY_ORDER_NEWEST);
    assert_string_equal(answer->path, "live/room");
}

static void has_caps(const struct answer *answer)
{
    assert_int_equal(answer->policy.set,
                     RELAY_SET_RATE | RELAY_SET_IDENTITY_RATE | RELAY_SET_START);
    assert_int_equal(answer->policy.rate_bps, 2000000);
    assert_int_equal(answer->policy.identity_rate_bps, 0);
    assert_int_equal(answer->policy.start_ns, 2500000000);
    assert_string_equal(answer->track, "low");
}

static void begins_with_the_oldest(const struct answer *answer)
{
    assert_int_equal(answer->policy.start_ns, RELAY_BEGIN_OLDEST);
}

static void has_grants(const struct answer *answer)
{
    assert_int_equal(answer->kind, ANSWER_ALLOW);
    assert_int_equal(answer->grants.publish_count, 0);
    assert_int_equal(answer->grants.subscribe_count, 2);
    assert_string_equal(answer->grants.subscribe[1], "b");
    assert_string_equal(answer->grants.identity, "anna");
    assert_int_equal(answer->grants.expires_ms, 2000);
}

static void answers_are_read(void **state)
{
    (void)state;
    is("", ALL, passes);
    is("return nil, 5", ALL, passes);
    is("return {}", ALL, passes);
    is("return true", 0, allows);
    is("return false", 0, denies_as_usual);
    is("return false, nil, nil", 0, denies_as_usual);
    is("return false, 'who?', 'not found'", 0, denies_unknown);
    is("return {latency = 250.5, priority = 255, order = 'newest', path = 'live/room'}", ALL,
       has_policy);
    is("return {rate = 2e6, identity_rate = 0, start = 2.5, track = 'low'}", ALL, has_caps);
    is("return {start = 'oldest'}", ALL, begins_with_the_oldest);
    is("return {publish = {}, subscribe = {'a', 'b'}, identity = 'anna', expires = 2}", ALL,
       has_grants);
}

static void wrong_answers_are_told(void **state)
{
    (void)state;
    is_wrong("return 5", ALL, "returned a number");
    is_wrong("return 'yes'", ALL, "returned a string");
    is_wrong("return {}", 0, "returned a table");
    is_wrong("return function() end", ALL, "returned a function");
    is_wrong("return {latncy = 5}", ALL, "no field \"latncy\" here; there are: latency");
    is_wrong("return {path = 'a'}", ANSWER_POLICY, "no field \"path\"");
    is_wrong("return {5}", ALL, "a key that is a number");
    is_wrong("return {[{}] = 5}", ALL, "a key that is a table");
    is_wrong("return {latency = '5'}", ALL, "latency is a number from 0 to 3600000, not string");
    is_wrong("return {latency = 0/0}", ALL, "latency is a number");
    is_wrong("return {latency = 1/0}", ALL, "not inf");
    is_wrong("return {latency = -1}", ALL, "not -1");
    is_wrong("return {latency = 2^64}", ALL, "latency is a number");
    is_wrong("return {priority = 256}", ALL, "priority is a number from 0 to 255");
    is_wrong("return {priority = 1.5}", ALL, "a whole number");
    is_wrong("return {order = 'best'}", ALL, "not \"best\"");
    is_wrong("return {order = 1}", ALL, "order is a text, not 1");
    is_wrong("return {path = 'a//b'}", ALL, "no path that a track can have");
    is_wrong("return {path = 'a\\0b'}", ALL, "a zero byte");
    is_wrong("return {publish = 'a'}", ALL, "a list of prefixes");
    is_wrong("return {publish = {1}}", ALL, "publish is a text, not 1");
    is_wrong("local t = {} for i = 1, 65 do t[i] = 'a' end return {publish = t}", ALL,
             "more than 64 prefixes");
    is_wrong("return {expires = -5}", ALL, "expires is a number");
    is_wrong("return {rate = 1}", ALL, "rate is 0 (no cap) or at least 8000");
    is_wrong("return {rate = 1e13}", ALL, "rate is a number from 0 to 1000000000000");
    is_wrong("return {identity_rate = '1M'}", ALL, "identity_rate is a number");
    is_wrong("return {start = 'first'}", ALL, "start is \"newest\", \"oldest\", \"next\"");
    is_wrong("return {start = -1}", ALL, "start is a number from 0 to 3600");
    is_wrong("return {track = 5}", ALL, "track is a text");
    is_wrong("return false, 5", ALL, "a reason is a text");
    is_wrong("return false, 'no', 'never'", ALL, "a refusal is one of");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_read),
        cmocka_unit_test(wrong_answers_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
