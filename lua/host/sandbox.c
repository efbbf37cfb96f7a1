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
#define BYTES_PER_MIB 1048576

struct sandbox {
    lua_State *lua;
    lua_Alloc inner; /* LuaJIT's own allocator */
    void *inner_state;
    uint64_t used_bytes, max_bytes;
    uint64_t begin_ns, deadline_ns, budget_ns, spent_ns; /* of a call */
    uint64_t cpu_begin_ns; /* of the thread, at the first look; 0: there was none yet */
    bool is_running, are_globals_locked;
    bool is_over, is_full;     /* each instruction fails until the call ends */
    bool is_given_up;          /* what it keeps fills its memory: calls are refused */
    uint64_t look_at_ns;       /* when given up: the next look whether there is room */
    uint64_t collect_at_bytes; /* used so much: garbage is collected after the call */
    int collector_speed;       /* per cent of what is allocated */
    uint64_t *since_ns;        /* atomic; NULL: nobody looks */
    int on_error, run_call;    /* references in the registry */
    void *user;
};

static void on_count(lua_State *lua, lua_Debug *event);

/* ---- Memory ---------------------------------------------------------------------------------- */

/* From now on each instruction of the call fails, so that catching the error does not help. */
static void fail_each_instruction(const struct sandbox *sandbox)
{
    lua_sethook(sandbox->lua, on_count, LUA_MASKCOUNT, 1);
}

static void *allocate_piece(void *state, void *old, size_t old_bytes, size_t bytes)
{
    struct sandbox *sandbox = state;
    bool is_more = bytes > old_bytes;
    if (is_more && bytes > BOUNDED_PIECE_MAX_BYTES)
        return NULL;
    if (is_more && sandbox->used_bytes + (bytes - old_bytes) > sandbox->max_bytes) {
        if (sandbox->is_running && !sandbox->is_full)
            fail_each_instruction(sandbox);
        sandbox->is_full = true;
        return NULL;
    }
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

bool budget_is_over(lua_State *lua)
{
    struct sandbox *sandbox = sandbox_of(lua);
    if (!sandbox->is_running)
        return false;
    if (!sandbox->is_over && !sandbox->is_full && is_time_over(sandbox)) {
        sandbox->is_over = true;
        fail_each_instruction(sandbox);
    }
    return sandbox->is_over || sandbox->is_full;
}

/* Into a buffer, because a full memory has no room for it. */
static void write_reason(const struct sandbox *sandbox, char reason[SANDBOX_ERROR_BYTES])
{
    if (sandbox->is_full)
        snprintf(reason, SANDBOX_ERROR_BYTES, "its memory of %g MiB is full",
                 (double)sandbox->max_bytes / BYTES_PER_MIB);
    else
        snprintf(reason, SANDBOX_ERROR_BYTES, "it has run for longer than its budget of %g ms",
                 (double)sandbox->budget_ns / NS_PER_MS);
}

/* The innermost line of a file that runs. False: there is none, C has called C. */
static bool find_line(lua_State *lua, lua_Debug *place)
{
    for (int level = 0; lua_getstack(lua, level, place); level++) {
        lua_getinfo(lua, "Sl", place);
        if (place->currentline > 0 && *place->source == '@')
            return true;
    }
    return false;
}

static void push_line(lua_State *lua)
{
    lua_Debug place;
    if (find_line(lua, &place))
        lua_pushfstring(lua, "%s:%d: ", place.short_src, place.currentline);
    else
        lua_pushliteral(lua, "");
}

void budget_look(lua_State *lua)
{
    char reason[SANDBOX_ERROR_BYTES];
    if (!budget_is_over(lua))
        return;
    write_reason(sandbox_of(lua), reason);
    push_line(lua);
    lua_pushstring(lua, reason);
    lua_concat(lua, 2);
    lua_error(lua);
}

static void on_count(lua_State *lua, lua_Debug *event)
{
    (void)event;
    budget_look(lua);
}

/* ---- Calls ----------------------------------------------------------------------------------- */

/* Makes a text of any error object without running code of the script. */
static int on_error(lua_State *lua)
{
    if (lua_type(lua, 1) == LUA_TSTRING)
        return 1;
    push_line(lua);
    if (lua_type(lua, 1) == LUA_TNUMBER)
        lua_pushvalue(lua, 1);
    else
        lua_pushfstring(lua, "an error object that is a %s", luaL_typename(lua, 1));
    lua_concat(lua, 2);
    return 1;
}

static const char *error_text(lua_State *lua)
{
    return lua_type(lua, -1) == LUA_TSTRING ? lua_tostring(lua, -1) : "unknown error";
}

/* The end of the budget or the memory counts also if the script has caught it, and no instruction
 * came afterwards that could fail, as in: return pcall(f) */
static void note_error(const struct sandbox *sandbox, int status, char error[SANDBOX_ERROR_BYTES])
{
    char reason[SANDBOX_ERROR_BYTES];
    bool is_cut = sandbox->is_over || sandbox->is_full;
    const char *text = status ? error_text(sandbox->lua) : "";
    write_reason(sandbox, reason);
    if (is_cut && !strstr(text, reason))
        text = reason;
    if (status == LUA_ERRMEM && !is_cut)
        snprintf(error, SANDBOX_ERROR_BYTES,
                 "not enough memory for it: a text or a table may have %d bytes",
                 BOUNDED_PIECE_MAX_BYTES);
    else
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

/* ---- Garbage --------------------------------------------------------------------------------- */

/* While a script allocates, the collector does a share of its work. The share grows as memory gets
 * scarce, so that a cycle ends before the memory does. */
enum { COLLECTOR_USUAL_SPEED = 200, COLLECTOR_MOST_SPEED = 10000 }; /* per cent */

static uint64_t free_bytes(const struct sandbox *sandbox)
{
    return sandbox->used_bytes < sandbox->max_bytes ? sandbox->max_bytes - sandbox->used_bytes : 0;
}

static void set_collector_speed(struct sandbox *sandbox)
{
    uint64_t speed = COLLECTOR_USUAL_SPEED;
    if (sandbox->used_bytes > sandbox->max_bytes / 2)
        speed = sandbox->used_bytes / (free_bytes(sandbox) / 400 + 1);
    speed = speed < COLLECTOR_MOST_SPEED ? speed : COLLECTOR_MOST_SPEED;
    if ((int)speed != sandbox->collector_speed)
        lua_gc(sandbox->lua, LUA_GCSETSTEPMUL, (int)speed);
    sandbox->collector_speed = (int)speed;
}

/* The longest that a collection holds up the thread. */
#define COLLECT_NS NS_PER_MS

static int collect_some(lua_State *lua)
{
    uint64_t until_ns = now_ns() + COLLECT_NS;
    bool *is_through = lua_touserdata(lua, 1);
    do
        *is_through = lua_gc(lua, LUA_GCSTEP, 0);
    while (!*is_through && now_ns() < until_ns);
    return 0;
}

/* A large text is allocated all at once, so some memory is kept free for that. Collects again when
 * half of what is free then is used, whether that is garbage or not. */
static void collect_early(struct sandbox *sandbox)
{
    uint64_t least_bytes = sandbox->max_bytes / 4 * 3;
    if (sandbox->used_bytes <= sandbox->max_bytes / 2)
        sandbox->collect_at_bytes = least_bytes;
    if (sandbox->used_bytes <= sandbox->collect_at_bytes)
        return;
    bool is_through;
    sandbox_clean(sandbox, collect_some, &is_through);
    uint64_t at_bytes = sandbox->used_bytes + free_bytes(sandbox) / 2;
    sandbox->collect_at_bytes = at_bytes > least_bytes ? at_bytes : least_bytes;
}

static int collect_all(lua_State *lua)
{
    lua_gc(lua, LUA_GCCOLLECT, 0);
    return 0;
}

/* After a collection: what is still in use is what the script keeps. If that is nearly all, each
 * call would end with another full collection. */
static void judge_rest(struct sandbox *sandbox)
{
    sandbox->is_given_up = sandbox->used_bytes > sandbox->max_bytes / 8 * 7;
}

/* After a call. A full memory is emptied at once, or the next call would fail as well. */
static void collect_garbage(struct sandbox *sandbox)
{
    if (sandbox->is_full) {
        sandbox_clean(sandbox, collect_all, NULL);
        sandbox->is_full = false;
        judge_rest(sandbox);
    }
    set_collector_speed(sandbox);
    collect_early(sandbox);
}

/* ---- Calls, again ---------------------------------------------------------------------------- */

static void begin_call(struct sandbox *sandbox, uint64_t budget_ns)
{
    sandbox->budget_ns = budget_ns;
    sandbox->begin_ns = now_ns();
    sandbox->deadline_ns = sandbox->begin_ns + budget_ns;
    sandbox->cpu_begin_ns = 0;
    if (sandbox->since_ns)
        __atomic_store_n(sandbox->since_ns, sandbox->begin_ns, __ATOMIC_RELAXED);
    sandbox->is_running = true;
}

static void end_call(struct sandbox *sandbox)
{
    lua_settop(sandbox->lua, STACK_RUN_CALL);
    sandbox->is_running = false;
    if (sandbox->is_over || sandbox->is_full)
        lua_sethook(sandbox->lua, on_count, LUA_MASKCOUNT, SANDBOX_COUNT);
    sandbox->is_over = false;
    collect_garbage(sandbox);
    if (sandbox->since_ns)
        __atomic_store_n(sandbox->since_ns, 0, __ATOMIC_RELAXED);
    sandbox->spent_ns = now_ns() - sandbox->begin_ns;
}

/* Collects a little now and then: what the script keeps of peers and viewers goes with them. */
static void look_for_room(struct sandbox *sandbox)
{
    bool is_through;
    uint64_t now = now_ns();
    if (now < sandbox->look_at_ns)
        return;
    sandbox->look_at_ns = now + 100 * COLLECT_NS;
    sandbox_clean(sandbox, collect_some, &is_through);
    if (is_through)
        judge_rest(sandbox);
}

static enum sandbox_result refuse_call(struct sandbox *sandbox, char error[SANDBOX_ERROR_BYTES])
{
    sandbox->spent_ns = 0;
    snprintf(error, SANDBOX_ERROR_BYTES,
             "the script keeps so much that its memory of %g MiB is full: correct it and reload",
             (double)sandbox->max_bytes / BYTES_PER_MIB);
    return SANDBOX_NO_MEMORY;
}

enum sandbox_result sandbox_run(struct sandbox *sandbox, uint64_t budget_ns, lua_CFunction run,
                                void *argument, char error[SANDBOX_ERROR_BYTES])
{
    lua_State *lua = sandbox->lua;
    struct call call = {.run = run, .argument = argument};
    if (sandbox->is_given_up)
        look_for_room(sandbox);
    if (sandbox->is_given_up)
        return refuse_call(sandbox, error);
    begin_call(sandbox, budget_ns);
    lua_pushvalue(lua, STACK_RUN_CALL);
    lua_pushlightuserdata(lua, &call);
    int status = lua_pcall(lua, 1, 0, STACK_ON_ERROR);
    bool is_bad = status || sandbox->is_over || sandbox->is_full;
    if (is_bad)
        note_error(sandbox, status, error);
    bool is_memory = sandbox->is_full || status == LUA_ERRMEM;
    end_call(sandbox);
    return is_memory ? SANDBOX_NO_MEMORY : is_bad ? SANDBOX_FAULT : SANDBOX_OK;
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
    sandbox->collect_at_bytes = memory_bytes / 4 * 3;
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
