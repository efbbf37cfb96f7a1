/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Timers of a script. Those of the load begin when the script is attached; all end with it.
 * Tested by tests/e2e/test_lua.py. */
#include <lauxlib.h>
#include <stdlib.h>

#include "lua/host/script.h"

static void run_timer(struct relay_worker *worker, void *arg);

static bool start_timer(struct script_timer *timer)
{
    struct relay_worker *worker = timer->script->worker;
    uint64_t repeat_ms = timer->is_repeated ? timer->ms : 0;
    timer->handle = relay_timer_start(worker, timer->ms, repeat_ms, run_timer, timer);
    return timer->handle != NULL;
}

static void free_timer(struct script_timer *timer)
{
    struct script *script = timer->script;
    struct script_timer **at = &script->timers;
    while (*at != timer)
        at = &(*at)->next;
    *at = timer->next;
    script->timer_count--;
    script_drop_fuse(script, &timer->fuse);
    relay_timer_stop(&timer->handle);
    free(timer);
}

/* Those that run once share a fuse, because each may start the next. */
static struct fuse *fuse_of(struct script_timer *timer)
{
    return timer->is_repeated ? &timer->fuse : &timer->script->fuses[SCRIPT_TIMER];
}

/* One that runs once and was not called waits for the next try. */
static bool try_again(struct script_timer *timer)
{
    relay_timer_stop(&timer->handle);
    timer->ms = FUSE_WAIT_NS / UINT64_C(1000000);
    return start_timer(timer);
}

static void run_timer(struct relay_worker *worker, void *arg)
{
    static const struct script_call no_arguments;
    struct script_timer *timer = arg;
    const struct script_function function = {timer->function, fuse_of(timer), timer->place};
    (void)worker;
    timer->is_running = true;
    enum script_result result =
        script_call_reference(timer->script, SCRIPT_TIMER, &function, &no_arguments);
    timer->is_running = false;
    bool is_kept = timer->is_repeated || (result == SCRIPT_BENCHED && try_again(timer));
    if (is_kept && !timer->is_cancelled)
        return;
    sandbox_unref(timer->script->sandbox, timer->function);
    free_timer(timer);
}

uint32_t script_add_timer(lua_State *lua, int index, double seconds, bool is_repeated)
{
    struct script *script = script_of(lua);
    if (script->timer_count == SCRIPT_TIMERS_MAX)
        luaL_error(lua, "there are %d timers already: cancel some", SCRIPT_TIMERS_MAX);
    lua_pushvalue(lua, index);
    int function = luaL_ref(lua, LUA_REGISTRYINDEX);
    struct script_timer *timer = calloc(1, sizeof *timer);
    if (!timer) {
        luaL_unref(lua, LUA_REGISTRYINDEX, function);
        return (uint32_t)luaL_error(lua, "out of memory");
    }
    uint64_t ms = (uint64_t)(seconds * 1000 + 0.5);
    *timer = (struct script_timer){.next = script->timers,
                                   .script = script,
                                   .ms = ms > 0 ? ms : 1,
                                   .number = ++script->last_timer,
                                   .function = function,
                                   .is_repeated = is_repeated};
    script_write_place(lua, index, timer->place);
    script->timers = timer;
    script->timer_count++;
    if (script->worker && !start_timer(timer)) {
        free_timer(timer);
        luaL_unref(lua, LUA_REGISTRYINDEX, function);
        return (uint32_t)luaL_error(lua, "out of memory");
    }
    return timer->number;
}

/* One whose function is called at this moment is freed after that. */
void script_cancel_timer(lua_State *lua, uint32_t number)
{
    struct script_timer *timer = script_of(lua)->timers;
    while (timer && timer->number != number)
        timer = timer->next;
    if (!timer)
        return;
    timer->is_cancelled = true;
    if (timer->is_running)
        return;
    luaL_unref(lua, LUA_REGISTRYINDEX, timer->function);
    free_timer(timer);
}

void script_start_timers(struct script *script)
{
    for (struct script_timer *timer = script->timers; timer; timer = timer->next)
        if (!start_timer(timer))
            relay_log(script->self, RELAY_ERROR, "out of memory: a timer does not run");
}

void script_free_timers(struct script *script)
{
    while (script->timers)
        free_timer(script->timers);
}
