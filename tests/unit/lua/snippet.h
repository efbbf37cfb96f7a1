/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Runs a piece of a script in a sandbox. */
#ifndef MOQ_TESTS_UNIT_LUA_SNIPPET_H
#define MOQ_TESTS_UNIT_LUA_SNIPPET_H

#include "tests/unit/prologue.h"

#include <lauxlib.h>
#include <string.h>

#include "lua/host/sandbox.h"

/* What ends does so long before the first, also on a busy machine under a sanitizer. What runs
 * for ever is stopped by the second. */
#define SNIPPET_BUDGET_NS UINT64_C(20000000000)
#define ENDLESS_BUDGET_NS UINT64_C(50000000)

static inline int snippet_body(lua_State *lua)
{
    const char *text = (const char *)lua_touserdata(lua, 1);
    lua_settop(lua, 0);
    if (luaL_loadbuffer(lua, text, strlen(text), "@test.lua") != 0)
        return lua_error(lua);
    sandbox_push_globals(lua);
    lua_setfenv(lua, -2);
    lua_call(lua, 0, 0);
    return 0;
}

static inline enum sandbox_result snippet_run(struct sandbox *sandbox, const char *text,
                                              char error[SANDBOX_ERROR_BYTES])
{
    error[0] = '\0';
    return sandbox_run(sandbox, SNIPPET_BUDGET_NS, snippet_body, (void *)(uintptr_t)text, error);
}

/* It must be stopped. */
static inline void snippet_is_endless(struct sandbox *sandbox, const char *text)
{
    char error[SANDBOX_ERROR_BYTES];
    sandbox_run(sandbox, ENDLESS_BUDGET_NS, snippet_body, (void *)(uintptr_t)text, error);
    if (!strstr(error, "has run for longer than its budget of 50 ms"))
        fail_msg("%s: %s", text, error);
}

/* It must fail, with these words. */
static inline void snippet_fails(struct sandbox *sandbox, const char *text, const char *words)
{
    char error[SANDBOX_ERROR_BYTES];
    if (snippet_run(sandbox, text, error) == SANDBOX_OK)
        fail_msg("no error: %s", text);
    if (!strstr(error, words))
        fail_msg("%s: %s", text, error);
}

static inline void snippet_works(struct sandbox *sandbox, const char *text)
{
    char error[SANDBOX_ERROR_BYTES];
    if (snippet_run(sandbox, text, error) != SANDBOX_OK)
        fail_msg("%s: %s", text, error);
}

#endif
