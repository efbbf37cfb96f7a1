/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A list, run by a post to the worker itself.
 * Tested by tests/unit/lua/test_fake.c and tests/e2e/test_lua_policies.py. */
#include "lua/host/closings.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>

#include "lua/host/answer.h"

struct closing {
    struct closing *next;
    const struct view *view;
    enum relay_denial code;
    char reason[RELAY_REASON_BYTES];
};

static struct closing *take_first(struct lua_worker *here)
{
    struct closing *closing = here->closings;
    if (closing) {
        here->closings = closing->next;
        here->closing_count--;
    }
    return closing;
}

/* Each may end others that are on the list, which closings_forget takes off. */
static void run_closings(struct relay_worker *worker, void *arg)
{
    struct lua_worker *here = arg;
    (void)worker;
    here->is_closing_posted = false;
    for (struct closing *closing; (closing = take_first(here));) {
        if (closing->view->viewer)
            relay_viewer_deny(closing->view->viewer, closing->code, closing->reason);
        else
            relay_peer_close(closing->view->peer, closing->code, closing->reason);
        free(closing);
    }
}

/* Raises an error if there is no room. */
static struct closing *new_closing(lua_State *lua, struct lua_worker *here)
{
    if (here->closing_count >= CLOSINGS_MAX)
        luaL_error(lua, "relay.close: %d are being closed already", CLOSINGS_MAX);
    struct closing *closing = calloc(1, sizeof *closing);
    if (!closing)
        luaL_error(lua, "relay.close: out of memory");
    closing->next = here->closings;
    here->closings = closing;
    here->closing_count++;
    return closing;
}

int closings_add(lua_State *lua)
{
    struct relay_worker *worker = script_worker(script_of(lua));
    luaL_checktype(lua, 1, LUA_TTABLE);
    const char *reason = luaL_optstring(lua, 2, SCRIPT_CLOSED);
    enum relay_denial code =
        lua_isnoneornil(lua, 3) ? RELAY_DENIED_REFUSED : script_read_code(lua, 3, "relay.close");
    const struct view *view = worker ? view_find(lua, 1) : NULL;
    if (view) {
        struct lua_worker *here = relay_worker_slot(worker);
        struct closing *closing = new_closing(lua, here);
        closing->view = view;
        closing->code = code;
        snprintf(closing->reason, sizeof closing->reason, "%s", reason);
        if (!here->is_closing_posted)
            here->is_closing_posted = relay_worker_post(worker, run_closings, here) == 0;
    }
    lua_pushboolean(lua, view != NULL);
    return 1;
}

void closings_forget(struct lua_worker *here, const struct view *view)
{
    for (struct closing **place = &here->closings; *place;) {
        struct closing *closing = *place;
        if (closing->view != view) {
            place = &closing->next;
            continue;
        }
        *place = closing->next;
        here->closing_count--;
        free(closing);
    }
}

void closings_free(struct lua_worker *here)
{
    for (struct closing *closing; (closing = take_first(here));)
        free(closing);
}
