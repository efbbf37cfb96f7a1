/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Time is kept by a hook that runs every so many instructions. It works in interpreted code only,
 * so the compiler of LuaJIT is off. The hook is one for all coroutines of a state.
 * Tested by tests/unit/lua/test_sandbox.c. */
#include "lua/host/sandbox.h"

#include <errno.h>
#include <lauxlib.h>
#include <luajit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "lua/host/bounded.h"
#include "lua/host/budget.h"
#include "lua/host/names.h"

#define NS_PER_MS UINT64_C(1000000)

struct sandbox {
    lua_State *lua;
    lua_Alloc inner; /* LuaJIT's own allocator */
    void *inner_state;
    uint64_t used_bytes, max_bytes;
    uint64_t deadline_ns, budget_ns;
    bool is_running, are_globals_locked;
    void *user;
};

/* ---- Memory ---------------------------------------------------------------------------------- */

static void *allocate_piece(void *state, void *old, size_t old_bytes, size_t bytes)
{
    struct sandbox *sandbox = state;
    bool is_more = bytes > old_bytes;
    if (is_more && (bytes > BOUNDED_PIECE_MAX_BYTES ||
                    sandbox->used_bytes + (bytes - old_bytes) > sandbox->max_bytes))
        return NULL;
    void *fresh = sandbox->inner(sandbox->inner_state, old, old_bytes, bytes);
    if (fresh || bytes == 0)
        sandbox->used_bytes += bytes - old_bytes;
    return fresh;
}

struct sandbox *sandbox_of(lua_State *lua)
{
    void *state;
    lua_getallocf(lua, &state);
    return state;
}

/* ---- Time ------------------------------------------------------------------------------------ */

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 * NS_PER_MS + (uint64_t)now.tv_nsec;
}

/* From the end of the budget on, each instruction fails, so that catching the error does not
 * help. */
static void on_count(lua_State *lua, lua_Debug *place)
{
    const struct sandbox *sandbox = sandbox_of(lua);
    if (now_ns() < sandbox->deadline_ns)
        return;
    lua_sethook(lua, on_count, LUA_MASKCOUNT, 1);
    lua_getinfo(lua, "Sl", place);
    lua_pushfstring(lua, "%s:%d: it has run for longer than its budget of %d ms", place->short_src,
                    place->currentline, (int)(sandbox->budget_ns / NS_PER_MS));
    lua_error(lua);
}

void budget_look(lua_State *lua)
{
    const struct sandbox *sandbox = sandbox_of(lua);
    if (!sandbox->is_running || now_ns() < sandbox->deadline_ns)
        return;
    lua_sethook(lua, on_count, LUA_MASKCOUNT, 1);
    luaL_error(lua, "it has run for longer than its budget of %d ms",
               (int)(sandbox->budget_ns / NS_PER_MS));
}

/* ---- Calls ----------------------------------------------------------------------------------- */

/* Makes a text of any error object without running code of the script. */
static int on_error(lua_State *lua)
{
    if (lua_type(lua, 1) == LUA_TSTRING)
        return 1;
    luaL_where(lua, 1);
    if (lua_type(lua, 1) == LUA_TNUMBER)
        lua_pushvalue(lua, 1);
    else
        lua_pushfstring(lua, "an error object that is a %s", luaL_typename(lua, 1));
    lua_concat(lua, 2);
    return 1;
}

static void note_error(lua_State *lua, char error[SANDBOX_ERROR_BYTES])
{
    const char *text = lua_type(lua, -1) == LUA_TSTRING ? lua_tostring(lua, -1) : "unknown error";
    snprintf(error, SANDBOX_ERROR_BYTES, "%s", text);
    for (char *at = error; *at; at++)
        if ((unsigned char)*at < ' ')
            *at = ' ';
}

struct call {
    lua_CFunction run;
    void *argument;
    int status;
};

/* What may raise an error for want of memory has to be in here, too. */
static int run_call(lua_State *lua)
{
    struct call *call = lua_touserdata(lua, 1);
    lua_settop(lua, 0);
    lua_pushcfunction(lua, on_error);
    lua_pushcfunction(lua, call->run);
    lua_pushlightuserdata(lua, call->argument);
    call->status = lua_pcall(lua, 1, 0, 1);
    return call->status ? lua_error(lua) : 0;
}

/* Giving memory back takes some, too. */
static void run_beyond_bounds(struct sandbox *sandbox, lua_CFunction run, void *argument)
{
    uint64_t max_bytes = sandbox->max_bytes;
    sandbox->max_bytes = UINT64_MAX;
    lua_cpcall(sandbox->lua, run, argument);
    lua_settop(sandbox->lua, 0);
    sandbox->max_bytes = max_bytes;
}

static int collect_garbage(lua_State *lua)
{
    lua_gc(lua, LUA_GCCOLLECT, 0);
    return 0;
}

static int release_reference(lua_State *lua)
{
    const int *reference = lua_touserdata(lua, 1);
    luaL_unref(lua, LUA_REGISTRYINDEX, *reference);
    return 0;
}

void sandbox_unref(struct sandbox *sandbox, int reference)
{
    run_beyond_bounds(sandbox, release_reference, &reference);
}

enum sandbox_result sandbox_run(struct sandbox *sandbox, uint64_t budget_ns, lua_CFunction run,
                                void *argument, char error[SANDBOX_ERROR_BYTES])
{
    lua_State *lua = sandbox->lua;
    struct call call = {.run = run, .argument = argument};
    sandbox->budget_ns = budget_ns;
    sandbox->deadline_ns = now_ns() + budget_ns;
    sandbox->is_running = true;
    lua_sethook(lua, on_count, LUA_MASKCOUNT, SANDBOX_COUNT);
    int status = lua_cpcall(lua, run_call, &call);
    lua_sethook(lua, NULL, 0, 0);
    if (status)
        note_error(lua, error);
    lua_settop(lua, 0);
    sandbox->is_running = false;
    bool is_full = status == LUA_ERRMEM || call.status == LUA_ERRMEM;
    if (is_full || sandbox->used_bytes > sandbox->max_bytes / 4 * 3)
        run_beyond_bounds(sandbox, collect_garbage, NULL); /* or the next call would fail */
    return status == 0 ? SANDBOX_OK : is_full ? SANDBOX_NO_MEMORY : SANDBOX_FAULT;
}

/* ---- Files ----------------------------------------------------------------------------------- */

/* The text of a regular file that has `room` bytes at most. Returns its size, or -1 with errno. */
static ssize_t read_text(const char *path, char *text, size_t room)
{
    FILE *file = fopen(path, "re");
    size_t size = file ? fread(text, 1, room, file) : 0;
    int reason = errno;
    bool is_good = file && !ferror(file);
    if (file)
        fclose(file);
    errno = reason;
    return is_good ? (ssize_t)size : -1;
}

/* Pushes the text of a file, or raises an error. The memory is Lua's, so that nothing leaks. */
static void push_text(lua_State *lua, const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        luaL_error(lua, "%s: cannot be read: %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode)) /* opening a pipe would wait */
        luaL_error(lua, "%s: it is not a regular file", path);
    if (status.st_size > SANDBOX_FILE_MAX_BYTES)
        luaL_error(lua, "%s: it is longer than %d bytes", path, SANDBOX_FILE_MAX_BYTES);
    size_t room = (size_t)status.st_size + 1;
    char *text = lua_newuserdata(lua, room);
    ssize_t size = read_text(path, text, room);
    if (size < 0)
        luaL_error(lua, "%s: cannot be read: %s", path, strerror(errno));
    if ((size_t)size == room)
        luaL_error(lua, "%s: it grew while it was read", path);
    lua_pushlstring(lua, text, (size_t)size);
    lua_replace(lua, -2);
}

void sandbox_push_file(lua_State *lua, const char *path)
{
    size_t size;
    push_text(lua, path);
    const char *text = lua_tolstring(lua, -1, &size), *slash = strrchr(path, '/');
    lua_pushfstring(lua, "@%s", slash ? slash + 1 : path);
    if (luaL_loadbufferx(lua, text, size, lua_tostring(lua, -1), "t") != 0)
        lua_error(lua);
    lua_replace(lua, -3);
    lua_pop(lua, 1);
    sandbox_push_globals(lua);
    lua_setfenv(lua, -2);
}

/* ---- Globals --------------------------------------------------------------------------------- */

static const char globals_key; /* its address is the key of the table in the registry */

void sandbox_push_globals(lua_State *lua)
{
    lua_pushlightuserdata(lua, (void *)&globals_key);
    lua_rawget(lua, LUA_REGISTRYINDEX);
}

/* __newindex of the globals: they are kept in the table that they are read from, so that this is
 * called for each of them. */
static int set_global(lua_State *lua)
{
    if (sandbox_of(lua)->are_globals_locked)
        return luaL_error(lua,
                          "no global can be set after the script was loaded; write \"local %s\"",
                          lua_type(lua, 2) == LUA_TSTRING ? lua_tostring(lua, 2) : "name");
    lua_settop(lua, 3);
    lua_rawset(lua, lua_upvalueindex(1));
    return 0;
}

/* Two tables: the one that scripts see is always empty. */
static int make_globals(lua_State *lua)
{
    names_push(lua);
    lua_newtable(lua);
    lua_pushvalue(lua, -1);
    lua_setfield(lua, -3, "_G");
    lua_newtable(lua);
    lua_pushvalue(lua, -3);
    lua_setfield(lua, -2, "__index");
    lua_pushvalue(lua, -3);
    lua_pushcclosure(lua, set_global, 1);
    lua_setfield(lua, -2, "__newindex");
    lua_pushboolean(lua, 0);
    lua_setfield(lua, -2, "__metatable");
    lua_setmetatable(lua, -2);
    lua_pushlightuserdata(lua, (void *)&globals_key);
    lua_insert(lua, -2);
    lua_rawset(lua, LUA_REGISTRYINDEX);
    return 0;
}

void sandbox_lock_globals(struct sandbox *sandbox)
{
    sandbox->are_globals_locked = true;
}

/* ---- A state --------------------------------------------------------------------------------- */

struct sandbox *sandbox_new(uint64_t memory_bytes)
{
    char error[SANDBOX_ERROR_BYTES];
    struct sandbox *sandbox = calloc(1, sizeof *sandbox);
    lua_State *lua = sandbox ? luaL_newstate() : NULL;
    if (!lua) {
        free(sandbox);
        return NULL;
    }
    luaJIT_setmode(lua, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
    sandbox->lua = lua;
    sandbox->inner = lua_getallocf(lua, &sandbox->inner_state);
    sandbox->used_bytes = (uint64_t)lua_gc(lua, LUA_GCCOUNT, 0) * 1024;
    sandbox->max_bytes = memory_bytes;
    lua_setallocf(lua, allocate_piece, sandbox);
    lua_gc(lua, LUA_GCSETPAUSE, 130); /* so that garbage does not fill the memory first */
    if (sandbox_run(sandbox, 1000 * NS_PER_MS, make_globals, NULL, error))
        sandbox_free(&sandbox);
    return sandbox;
}

void sandbox_free(struct sandbox **pointer)
{
    struct sandbox *sandbox = *pointer;
    *pointer = NULL;
    if (!sandbox)
        return;
    /* The state's own memory goes with LuaJIT's allocator. */
    lua_setallocf(sandbox->lua, sandbox->inner, sandbox->inner_state);
    lua_close(sandbox->lua);
    free(sandbox);
}

lua_State *sandbox_lua(const struct sandbox *sandbox)
{
    return sandbox->lua;
}

void sandbox_set_user(struct sandbox *sandbox, void *user)
{
    sandbox->user = user;
}

void *sandbox_user(const struct sandbox *sandbox)
{
    return sandbox->user;
}

uint64_t sandbox_used_bytes(const struct sandbox *sandbox)
{
    return sandbox->used_bytes;
}

bool sandbox_is_running(const struct sandbox *sandbox)
{
    return sandbox->is_running;
}
