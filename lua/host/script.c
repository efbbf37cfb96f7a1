/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Every way into a script leads through script_call_reference: fuse, budget, counters, log.
 * Tested by tests/e2e/test_lua.py. */
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/host/params.h"
#include "lua/host/script.h"

static const char *const hook_names[SCRIPT_HOOKS] = {
    [SCRIPT_LOAD] = "load",           [SCRIPT_CONNECT] = "connect",
    [SCRIPT_ANNOUNCE] = "announce",   [SCRIPT_SAMPLE] = "sample",
    [SCRIPT_SUBSCRIBE] = "subscribe", [SCRIPT_LEAVE] = "leave",
    [SCRIPT_BACKLOG] = "backlog",     [SCRIPT_CHOOSE_SOURCE] = "choose_source",
    [SCRIPT_TIMER] = "timer"};

const char *script_hook_name(enum script_hook hook)
{
    return hook_names[hook];
}

/* ---- Faults ---------------------------------------------------------------------------------- */

/* They answer what peers ask for, so peers may be what makes them fail. */
static bool is_of_peers(enum script_hook hook)
{
    return hook == SCRIPT_CONNECT || hook == SCRIPT_ANNOUNCE || hook == SCRIPT_SUBSCRIBE;
}

/* As in "policy.lua:12: oh no". */
static bool has_line(const char *error)
{
    const char *colon = strchr(error, ':');
    size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;
    return digits > 0 && colon[1 + digits] == ':';
}

/* An error that names no line gets that of the function that was called. */
static void add_line(const char *where, char error[SANDBOX_ERROR_BYTES])
{
    char text[SANDBOX_ERROR_BYTES];
    if (has_line(error) || strstr(error, where))
        return;
    memcpy(text, error, sizeof text);
    snprintf(error, SANDBOX_ERROR_BYTES, "%.*s: %.*s", SCRIPT_WHERE_BYTES, where,
             SANDBOX_ERROR_BYTES - SCRIPT_WHERE_BYTES - 4, text);
}

static void tell_fault(struct script *script, enum script_hook hook, const char *error)
{
    char text[SANDBOX_ERROR_BYTES];
    relay_count(script->worker, script->accounts[hook].faults, 1);
    snprintf(text, sizeof text, "%s: %.*s", script_hook_name(hook), RELAY_NOTE_BYTES, error);
    relay_note(script->self, "last_error", text);
    relay_log_write(script->self, &script->fault_sites[hook], RELAY_ERROR, "%s: %s",
                    script_hook_name(hook), error);
}

static void tell_fuse(const struct script *script, enum script_hook hook, const struct fuse *fuse,
                      bool was_blown)
{
    uint64_t wait_s = fuse->wait_ns / UINT64_C(1000000000);
    if (fuse_is_blown(fuse) && was_blown)
        relay_log(script->self, RELAY_ERROR,
                  "%s has failed again and stays benched: correct the script; the next try is in "
                  "%llu s",
                  script_hook_name(hook), (unsigned long long)wait_s);
    else if (fuse_is_blown(fuse))
        relay_log(script->self, RELAY_ERROR,
                  "%s is benched, after %llu faults of %llu calls in a minute: correct the script; "
                  "it is tried again in %llu s",
                  script_hook_name(hook), (unsigned long long)fuse->faults,
                  (unsigned long long)fuse->calls, (unsigned long long)wait_s);
    else
        relay_log(script->self, RELAY_INFO, "%s works again, and is called as before",
                  script_hook_name(hook));
}

static void note_result(struct script *script, enum script_hook hook, struct fuse *fuse,
                        bool has_failed)
{
    const struct fuse_limits limits = {.faults = script->config->faults,
                                       .budget_ns = script->config->budget_ns,
                                       .is_of_peers = is_of_peers(hook) ||
                                                      fuse == &script->fuses[SCRIPT_TIMER]};
    uint64_t spent_ns = sandbox_spent_ns(script->sandbox);
    bool was_blown = fuse_is_blown(fuse);
    account_note_call(&script->accounts[hook], script->worker, spent_ns);
    workload_note(&script->workload, script->worker, spent_ns);
    if (fuse_note(fuse, &limits, relay_worker_now_ns(script->worker), spent_ns, has_failed) ==
        FUSE_SAME)
        return;
    tell_fuse(script, hook, fuse, was_blown);
    relay_count(script->worker, script->counter_of_benchings, !was_blown);
    relay_count(script->worker, script->counter_of_benched,
                (int)fuse_is_blown(fuse) - (int)was_blown);
}

void script_drop_fuse(const struct script *script, const struct fuse *fuse)
{
    if (script->worker && fuse_is_blown(fuse))
        relay_count(script->worker, script->counter_of_benched, -1);
}

/* ---- Calls ----------------------------------------------------------------------------------- */

struct reference_call {
    const struct script_call *call;
    int reference;
    const char *where;
};

static int run_reference(lua_State *lua)
{
    const struct reference_call *reference = lua_touserdata(lua, 1);
    const struct script_call *call = reference->call;
    lua_settop(lua, 0);
    lua_rawgeti(lua, LUA_REGISTRYINDEX, reference->reference);
    lua_call(lua, call->push ? call->push(lua, call->user) : 0, LUA_MULTRET);
    if (call->read)
        call->read(lua, lua_gettop(lua), reference->where, call->user);
    return 0;
}

static void note_call(const struct script *script, enum script_hook hook)
{
    if (script->pulse)
        __atomic_store_n(&script->pulse->call, (int)hook, __ATOMIC_RELAXED);
}

enum script_result script_call_reference(struct script *script, enum script_hook hook,
                                         const struct script_function *function,
                                         const struct script_call *call)
{
    char error[SANDBOX_ERROR_BYTES];
    struct reference_call argument = {call, function->reference, function->where};
    if (!fuse_lets_through(function->fuse, relay_worker_now_ns(script->worker)))
        return SCRIPT_BENCHED;
    script->shown.view = NULL;
    note_call(script, hook);
    bool has_failed = sandbox_run(script->sandbox, script->config->budget_ns, run_reference,
                                  &argument, error) != SANDBOX_OK;
    if (has_failed) {
        add_line(function->where, error);
        tell_fault(script, hook, error);
    }
    note_result(script, hook, function->fuse, has_failed);
    return has_failed ? SCRIPT_FAILED : SCRIPT_DONE;
}

enum script_result script_call(struct script *script, enum script_hook hook,
                               const struct script_call *call)
{
    const struct script_function function = {script->hooks[hook], &script->fuses[hook],
                                             script->places[hook]};
    if (script->hooks[hook] == LUA_NOREF)
        return SCRIPT_NONE;
    return script_call_reference(script, hook, &function, call);
}

/* ---- Hooks ----------------------------------------------------------------------------------- */

static enum script_hook find_hook(lua_State *lua, const char *name)
{
    for (int i = 0; i < SCRIPT_TIMER; i++)
        if (strcmp(hook_names[i], name) == 0)
            return (enum script_hook)i;
    luaL_error(lua,
               "there is no hook \"%s\": use load, connect, announce, subscribe, choose_source, "
               "sample, backlog or leave",
               name);
    return SCRIPT_HOOKS;
}

void script_write_place(lua_State *lua, int index, char where[SCRIPT_WHERE_BYTES])
{
    lua_Debug place;
    lua_pushvalue(lua, index);
    lua_getinfo(lua, ">S", &place);
    snprintf(where, SCRIPT_WHERE_BYTES, "%s:%d", place.short_src, place.linedefined);
}

void script_set_hook(lua_State *lua, const char *name, int index)
{
    struct script *script = script_of(lua);
    enum script_hook hook = find_hook(lua, name);
    if (!script->is_loading)
        luaL_error(lua, "hooks are set while the script loads, not later");
    if (script->hooks[hook] != LUA_NOREF)
        luaL_error(lua, "the hook \"%s\" is set twice", name);
    script_write_place(lua, index, script->places[hook]);
    lua_pushvalue(lua, index);
    script->hooks[hook] = luaL_ref(lua, LUA_REGISTRYINDEX);
}

/* ---- Loading --------------------------------------------------------------------------------- */

const char *script_file(const struct script_config *config, char out[PATH_MAX])
{
    if (config->file)
        return config->file;
    require_shipped_policy(out);
    return out;
}

struct loading {
    const struct script *script;
    void (*open_library)(lua_State *lua);
};

static int run_file(lua_State *lua)
{
    char path[PATH_MAX];
    const struct loading *loading = lua_touserdata(lua, 1);
    lua_settop(lua, 0);
    loading->open_library(lua);
    sandbox_push_file(lua, script_file(loading->script->config, path));
    lua_call(lua, 0, 0);
    return 0;
}

static int push_params(lua_State *lua, void *user)
{
    (void)user;
    params_push(lua, script_of(lua)->config->params);
    return 1;
}

static void read_refusal(lua_State *lua, int results, const char *where, void *user)
{
    struct script *script = user;
    if (results == 0 || lua_isnil(lua, 1) || (lua_isboolean(lua, 1) && lua_toboolean(lua, 1)))
        return;
    if (!lua_isboolean(lua, 1))
        luaL_error(lua, "%s: load returns nothing, or false and a reason", where);
    const char *reason = results > 1 && lua_isstring(lua, 2) ? lua_tostring(lua, 2) : "no reason";
    snprintf(script->load_refusal, sizeof script->load_refusal, "%s: load refuses: %s", where,
             reason);
}

static int run_load(lua_State *lua)
{
    struct script *script = lua_touserdata(lua, 1);
    const struct script_call call = {.push = push_params, .read = read_refusal, .user = script};
    struct reference_call reference = {&call, script->hooks[SCRIPT_LOAD],
                                       script->places[SCRIPT_LOAD]};
    lua_pushcfunction(lua, run_reference);
    lua_pushlightuserdata(lua, &reference);
    lua_call(lua, 1, 0);
    return 0;
}

static bool load_script(struct script *script, void (*open_library)(lua_State *lua),
                        char error[SANDBOX_ERROR_BYTES])
{
    char path[PATH_MAX];
    uint64_t budget_ns = script->config->load_budget_ns;
    struct loading loading = {script, open_library};
    script->is_loading = true;
    note_call(script, SCRIPT_LOAD);
    const char *where = script_file(script->config, path);
    bool is_loaded =
        sandbox_run(script->sandbox, budget_ns, run_file, &loading, error) == SANDBOX_OK;
    if (is_loaded && script->hooks[SCRIPT_LOAD] != LUA_NOREF) {
        where = script->places[SCRIPT_LOAD];
        is_loaded = sandbox_run(script->sandbox, budget_ns, run_load, script, error) == SANDBOX_OK;
    }
    if (!is_loaded)
        add_line(where, error);
    script->is_loading = false;
    script->require.is_closed = true;
    script->require.files = NULL;
    sandbox_lock_globals(script->sandbox);
    if (is_loaded && script->load_refusal[0])
        snprintf(error, SANDBOX_ERROR_BYTES, "%s", script->load_refusal);
    return is_loaded && !script->load_refusal[0];
}

static void make_counters(struct script *script)
{
    for (int i = SCRIPT_CONNECT; i < SCRIPT_HOOKS; i++)
        account_init(&script->accounts[i], script->self, hook_names[i]);
    script->counter_of_benchings = relay_counter(script->self, "hooks_benched");
    script->counter_of_benched = relay_counter(script->self, "benched_now");
    script->counter_of_scripts = relay_counter(script->self, "scripts");
}

static void set_pulse(struct script *script, struct pulse *pulse)
{
    script->pulse = pulse;
    sandbox_set_pulse(script->sandbox, pulse ? &pulse->since_ns : NULL);
}

struct script *script_new(const struct script_config *config, const struct script_maker *maker,
                          char error[SANDBOX_ERROR_BYTES])
{
    static uint64_t generations; /* (house: globals) counts all that were ever made */
    char path[PATH_MAX];
    struct script *script = calloc(1, sizeof *script);
    if (script)
        script->sandbox = sandbox_new(config->memory_bytes);
    if (!script || !script->sandbox) {
        free(script);
        snprintf(error, SANDBOX_ERROR_BYTES, "out of memory");
        return NULL;
    }
    script->config = config;
    script->self = maker->self;
    script->require = (struct require){.directories = config->directories,
                                       .count = config->directory_count,
                                       .files = maker->files};
    if (maker->files)
        files_add(maker->files, script_file(config, path));
    set_pulse(script, maker->pulse);
    script->generation = __atomic_add_fetch(&generations, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < SCRIPT_HOOKS; i++)
        script->hooks[i] = LUA_NOREF;
    sandbox_set_user(script->sandbox, script);
    if (script->self)
        make_counters(script);
    if (!load_script(script, maker->open_library, error))
        script_free(&script);
    return script;
}

void script_attach(struct script *script, struct relay_worker *worker, struct pulse *pulse)
{
    script->worker = worker;
    set_pulse(script, pulse);
    relay_count(worker, script->counter_of_scripts, 1);
    relay_worker_set_sampling(worker, script_has(script, SCRIPT_SAMPLE) ||
                                          script_has(script, SCRIPT_BACKLOG));
    script_start_timers(script);
}

void script_free(struct script **pointer)
{
    struct script *script = *pointer;
    *pointer = NULL;
    if (!script)
        return;
    if (script->worker)
        relay_count(script->worker, script->counter_of_scripts, -1);
    for (int i = 0; i < SCRIPT_HOOKS; i++)
        script_drop_fuse(script, &script->fuses[i]);
    script_free_timers(script);
    sandbox_free(&script->sandbox);
    free(script);
}

/* ---- What it is ------------------------------------------------------------------------------ */

struct script *script_of(lua_State *lua)
{
    return sandbox_user(sandbox_of(lua));
}

uint64_t script_generation(const struct script *script)
{
    return script->generation;
}

const char *script_place(const struct script *script, enum script_hook hook)
{
    return script->places[hook];
}

bool script_has(const struct script *script, enum script_hook hook)
{
    return script->hooks[hook] != LUA_NOREF;
}

struct script_outline script_outline_of(const struct script *script)
{
    struct script_outline outline = {.does_something = script->timer_count > 0};
    for (int i = 0; i < SCRIPT_HOOKS; i++) {
        outline.has[i] = script_has(script, (enum script_hook)i);
        outline.does_something = outline.does_something || outline.has[i];
    }
    return outline;
}

const struct require *script_require(const struct script *script)
{
    return &script->require;
}

bool script_is_loading(const struct script *script)
{
    return script->is_loading;
}

struct relay_log_site *script_log_site(lua_State *lua)
{
    lua_Debug place;
    unsigned line = 0;
    if (lua_getstack(lua, 1, &place) && lua_getinfo(lua, "Sl", &place))
        line = (unsigned)place.currentline + (unsigned)((uintptr_t)place.source >> 4);
    return &script_of(lua)->log_sites[line % SCRIPT_LOG_SITES];
}

struct relay_self *script_self(const struct script *script)
{
    return script->self;
}

struct relay_worker *script_worker(const struct script *script)
{
    return script->worker;
}

const struct script_config *script_config(const struct script *script)
{
    return script->config;
}
