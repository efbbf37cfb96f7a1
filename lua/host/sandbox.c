/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Time is kept by a hook that runs every so many instructions. It works in interpreted code only,
 * so the compiler of LuaJIT is off. The hook is one for all coroutines of a state, and stays set
 * between calls, because setting it makes LuaJIT rewrite its tables of instructions.
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
    uint64_t begin_ns, deadline_ns, budget_ns, spent_ns; /* of a call */
    uint64_t cpu_begin_ns; /* of the thread, at the first look; 0: there was none yet */
    bool is_running, is_over, are_globals_locked; /* over: the budget is, each instruction fails */
    uint64_t *since_ns;                           /* atomic; NULL: nobody looks */
    int on_error, run_call;                       /* references in the registry */
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

static uint64_t read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000 * NS_PER_MS + (uint64_t)now.tv_nsec;
}

static uint64_t now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

static void on_count(lua_State *lua, lua_Debug *place);

/* A call that the system has kept from running is not over. To ask for a thread's own time is slow,
 * so that of its beginning is read at the first look, which short calls do not come to. */
static bool is_time_over(struct sandbox *sandbox)
{
    if (sandbox->cpu_begin_ns == 0)
        sandbox->cpu_begin_ns = read_clock(CLOCK_THREAD_CPUTIME_ID);
    uint64_t now = now_ns();
    if (now < sandbox->deadline_ns)
        return false;
    uint64_t spent_ns = read_clock(CLOCK_THREAD_CPUTIME_ID) - sandbox->cpu_begin_ns;
    uint64_t allowed_ns = sandbox->budget_ns / 10 * 9; /* some passed before the first look */
    if (spent_ns < allowed_ns)
        sandbox->deadline_ns = now + (allowed_ns - spent_ns);
    return spent_ns >= allowed_ns;
}

/* From now on each instruction fails, so that catching the error does not help. */
static bool is_budget_over(lua_State *lua)
{
    struct sandbox *sandbox = sandbox_of(lua);
    if (!sandbox->is_running || (!sandbox->is_over && !is_time_over(sandbox)))
        return false;
    sandbox->is_over = true;
    lua_sethook(lua, on_count, LUA_MASKCOUNT, 1);
    return true;
}

static void on_count(lua_State *lua, lua_Debug *place)
{
    const struct sandbox *sandbox = sandbox_of(lua);
    if (!is_budget_over(lua))
        return;
    lua_getinfo(lua, "Sl", place);
    lua_pushfstring(lua, "%s:%d: it has run for longer than its budget of %d ms", place->short_src,
                    place->currentline, (int)(sandbox->budget_ns / NS_PER_MS));
    lua_error(lua);
}

void budget_look(lua_State *lua)
{
    if (is_budget_over(lua))
        luaL_error(lua, "it has run for longer than its budget of %d ms",
                   (int)(sandbox_of(lua)->budget_ns / NS_PER_MS));
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
};

/* What may raise an error for want of memory has to be in here, too. */
static int run_call(lua_State *lua)
{
    const struct call *call = lua_touserdata(lua, 1);
    lua_settop(lua, 0);
    lua_pushlightuserdata(lua, call->argument);
    call->run(lua);
    return 0;
}

/* At the bottom of the stack, so that a call makes no new functions. */
enum { STACK_ON_ERROR = 1, STACK_RUN_CALL = 2 };

static int make_functions(lua_State *lua)
{
    struct sandbox *sandbox = sandbox_of(lua);
    lua_pushcfunction(lua, run_call);
    sandbox->run_call = luaL_ref(lua, LUA_REGISTRYINDEX);
    lua_pushcfunction(lua, on_error);
    sandbox->on_error = luaL_ref(lua, LUA_REGISTRYINDEX);
    return 0;
}

static bool prepare_stack(struct sandbox *sandbox)
{
    if (lua_cpcall(sandbox->lua, make_functions, NULL) != 0)
        return false;
    lua_rawgeti(sandbox->lua, LUA_REGISTRYINDEX, sandbox->on_error);
    lua_rawgeti(sandbox->lua, LUA_REGISTRYINDEX, sandbox->run_call);
    lua_sethook(sandbox->lua, on_count, LUA_MASKCOUNT, SANDBOX_COUNT);
    return true;
}

void sandbox_clean(struct sandbox *sandbox, lua_CFunction run, void *argument)
{
    uint64_t max_bytes = sandbox->max_bytes;
    sandbox->max_bytes = UINT64_MAX;
    lua_cpcall(sandbox->lua, run, argument);
    lua_settop(sandbox->lua, STACK_RUN_CALL);
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
    sandbox_clean(sandbox, release_reference, &reference);
}

static void end_call(struct sandbox *sandbox, bool is_full)
{
    lua_settop(sandbox->lua, STACK_RUN_CALL);
    sandbox->spent_ns = now_ns() - sandbox->begin_ns;
    sandbox->is_running = false;
    if (sandbox->is_over)
        lua_sethook(sandbox->lua, on_count, LUA_MASKCOUNT, SANDBOX_COUNT);
    sandbox->is_over = false;
    if (sandbox->since_ns)
        __atomic_store_n(sandbox->since_ns, 0, __ATOMIC_RELAXED);
    if (is_full || sandbox->used_bytes > sandbox->max_bytes / 4 * 3)
        sandbox_clean(sandbox, collect_garbage, NULL); /* or the next call would fail */
}

enum sandbox_result sandbox_run(struct sandbox *sandbox, uint64_t budget_ns, lua_CFunction run,
                                void *argument, char error[SANDBOX_ERROR_BYTES])
{
    lua_State *lua = sandbox->lua;
    struct call call = {.run = run, .argument = argument};
    sandbox->budget_ns = budget_ns;
    sandbox->begin_ns = now_ns();
    sandbox->deadline_ns = sandbox->begin_ns + budget_ns;
    sandbox->cpu_begin_ns = 0;
    if (sandbox->since_ns)
        __atomic_store_n(sandbox->since_ns, sandbox->begin_ns, __ATOMIC_RELAXED);
    sandbox->is_running = true;
    lua_pushvalue(lua, STACK_RUN_CALL);
    lua_pushlightuserdata(lua, &call);
    int status = lua_pcall(lua, 1, 0, STACK_ON_ERROR);
    if (status)
        note_error(lua, error);
    end_call(sandbox, status == LUA_ERRMEM);
    return status == 0 ? SANDBOX_OK : status == LUA_ERRMEM ? SANDBOX_NO_MEMORY : SANDBOX_FAULT;
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
    if (size > 0 && *text == '\033') /* as all bytecode begins */
        luaL_error(lua,
                   "%s: it is compiled; scripts are loaded as plain text only: name the "
                   "source that it was made from",
                   path);
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
    if (!prepare_stack(sandbox) ||
        sandbox_run(sandbox, 1000 * NS_PER_MS, make_globals, NULL, error) != SANDBOX_OK)
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

void sandbox_set_pulse(struct sandbox *sandbox, uint64_t *since_ns)
{
    sandbox->since_ns = since_ns;
}

uint64_t sandbox_spent_ns(const struct sandbox *sandbox)
{
    return sandbox->spent_ns;
}

uint64_t sandbox_used_bytes(const struct sandbox *sandbox)
{
    return sandbox->used_bytes;
}

bool sandbox_is_running(const struct sandbox *sandbox)
{
    return sandbox->is_running;
}
