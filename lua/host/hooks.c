/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* An answer is read while the script's state is protected and is applied afterwards, because that
 * may lead to other hooks.
 * Tested by tests/e2e/test_lua.py. */
#include "lua/host/hooks.h"

#include <lauxlib.h>
#include <string.h>

#include "lua/host/answer.h"

static struct script *script_at(const struct relay_worker *worker)
{
    return ((struct lua_worker *)relay_worker_slot(worker))->script;
}

/* ---- Requests -------------------------------------------------------------------------------- */

struct request_call {
    struct relay_peer *peer;
    struct relay_request *request;
    unsigned fields;
    enum relay_verdict verdict;
};

static enum relay_verdict apply_fields(const struct answer *answer, struct relay_request *request,
                                       enum relay_verdict verdict)
{
    int error = 0;
    if (answer->path)
        error = relay_request_set_path(request, answer->path);
    if (!error && answer->policy.set)
        error = relay_request_set_policy(request, &answer->policy);
    if (!error && answer->has_grants)
        error = relay_request_set_grants(request, &answer->grants);
    if (error)
        return relay_request_deny(request, RELAY_DENIED_REFUSED, "the script's answer: %s",
                                  relay_error_words(error));
    return verdict;
}

/* Setting what was answered leads to no other hook, so it is done while Lua has the texts. */
static void read_request(lua_State *lua, int count, const char *where, void *user)
{
    struct request_call *call = user;
    struct answer answer;
    answer_read(lua, count, where, call->fields, &answer);
    if (answer.kind == ANSWER_DENY)
        call->verdict = relay_request_deny(call->request, answer.code, "%s", answer.reason);
    else
        call->verdict = apply_fields(&answer, call->request,
                                     answer.kind == ANSWER_ALLOW ? RELAY_ALLOW : RELAY_PASS);
}

static enum relay_verdict after_fault(const struct script *script, struct relay_request *request)
{
    if (script_config(script)->on_fault == SCRIPT_FAULT_PASSES)
        return RELAY_PASS;
    return relay_request_deny(request, RELAY_DENIED_BUSY, "the relay's script has failed");
}

/* Asks a hook whose failure is no opinion of the script. */
static enum relay_verdict ask_script(struct script *script, enum script_hook hook,
                                     int (*push)(lua_State *lua, void *user),
                                     struct request_call *answer)
{
    const struct script_call call = {push, read_request, answer};
    enum script_result result = script_call(script, hook, &call);
    bool is_fault = result == SCRIPT_FAILED || result == SCRIPT_BENCHED;
    return is_fault ? after_fault(script, answer->request) : answer->verdict;
}

static int push_connect(lua_State *lua, void *user)
{
    struct request_call *call = user;
    view_push_peer(lua, call->peer);
    return 1;
}

static enum relay_verdict on_session_open(struct relay_peer *peer, struct relay_request *request)
{
    struct script *script = script_at(relay_peer_worker(peer));
    struct request_call answer = {.peer = peer, .request = request, .fields = ANSWER_GRANTS};
    struct view *view = relay_peer_slot(peer);
    view->is_kept = true; /* session_close follows session_open only */
    return ask_script(script, SCRIPT_CONNECT, push_connect, &answer);
}

static int push_announce(lua_State *lua, void *user)
{
    struct request_call *call = user;
    char path[RELAY_PATH_BYTES];
    view_push_peer(lua, call->peer);
    lua_pushstring(lua, relay_request_path(call->request, path, sizeof path));
    return 2;
}

static enum relay_verdict on_announce(struct relay_peer *peer, struct relay_request *request)
{
    struct script *script = script_at(relay_peer_worker(peer));
    struct request_call answer = {.peer = peer, .request = request, .fields = ANSWER_PATH};
    return ask_script(script, SCRIPT_ANNOUNCE, push_announce, &answer);
}

static void push_wanted(lua_State *lua, const struct relay_request *request)
{
    static const char *const kinds[] = {[RELAY_REQUEST_SUBSCRIBE] = "subscribe",
                                        [RELAY_REQUEST_FETCH] = "fetch",
                                        [RELAY_REQUEST_INFO] = "info"};
    static const char *const orders[] = {
        [RELAY_ORDER_OLDEST] = "oldest", [RELAY_ORDER_NEWEST] = "newest"};
    struct relay_asked asked = {.size = sizeof asked};
    char path[RELAY_PATH_BYTES];
    lua_newtable(lua);
    lua_pushstring(lua, relay_request_path(request, path, sizeof path));
    lua_setfield(lua, -2, "path");
    lua_pushstring(lua, kinds[relay_request_kind(request)]);
    lua_setfield(lua, -2, "kind");
    if (relay_request_asked(request, &asked) != 0)
        return;
    lua_pushnumber(lua, asked.priority);
    lua_setfield(lua, -2, "priority");
    if (asked.order != RELAY_ORDER_ANY) {
        lua_pushstring(lua, orders[asked.order]);
        lua_setfield(lua, -2, "order");
    }
}

static int push_subscribe(lua_State *lua, void *user)
{
    const struct request_call *call = user;
    view_push_subscriber(lua, call->request);
    push_wanted(lua, call->request);
    return 2;
}

/* A fault means the usual route and policy: who may watch was decided before. */
static enum relay_verdict on_subscribe(struct relay_peer *peer, struct relay_request *request)
{
    bool is_subscription = relay_request_kind(request) == RELAY_REQUEST_SUBSCRIBE;
    struct request_call answer = {.peer = peer,
                                  .request = request,
                                  .fields = ANSWER_PATH | (is_subscription ? ANSWER_POLICY : 0)};
    const struct script_call call = {push_subscribe, read_request, &answer};
    script_call(script_at(relay_peer_worker(peer)), SCRIPT_SUBSCRIBE, &call);
    return answer.verdict;
}

/* ---- Viewers --------------------------------------------------------------------------------- */

struct viewer_call {
    struct relay_viewer *viewer;
    struct relay_policy policy;
    bool is_closing;
};

static int push_viewer(lua_State *lua, void *user)
{
    const struct viewer_call *call = user;
    view_push_viewer(lua, call->viewer);
    return 1;
}

static void read_sample(lua_State *lua, int count, const char *where, void *user)
{
    struct viewer_call *call = user;
    struct answer answer;
    if (count > 0 && lua_type(lua, 1) == LUA_TSTRING) {
        if (strcmp(lua_tostring(lua, 1), "close") != 0)
            luaL_error(lua,
                       "%s: sample returned \"%s\"; the only word that it may return is "
                       "\"close\"",
                       where, lua_tostring(lua, 1));
        call->is_closing = true;
        return;
    }
    answer_read(lua, count, where, ANSWER_POLICY, &answer);
    call->policy = answer.policy;
    call->is_closing = answer.kind == ANSWER_DENY;
}

static void on_viewer_sample(struct relay_viewer *viewer)
{
    struct viewer_call answer = {.viewer = viewer};
    const struct script_call call = {push_viewer, read_sample, &answer};
    struct script *script = script_at(relay_peer_worker(relay_viewer_peer(viewer)));
    if (script_call(script, SCRIPT_SAMPLE, &call) != SCRIPT_DONE)
        return;
    if (answer.is_closing)
        relay_viewer_close(viewer, RELAY_DENIED_REFUSED);
    else if (answer.policy.set)
        relay_viewer_set_policy(viewer, &answer.policy);
}

static void on_viewer_close(struct relay_viewer *viewer)
{
    struct viewer_call answer = {.viewer = viewer};
    const struct script_call call = {.push = push_viewer, .user = &answer};
    struct script *script = script_at(relay_peer_worker(relay_viewer_peer(viewer)));
    script_call(script, SCRIPT_LEAVE, &call);
    view_forget(script, relay_viewer_slot(viewer));
}

static void on_session_close(struct relay_peer *peer)
{
    view_forget(script_at(relay_peer_worker(peer)), relay_peer_slot(peer));
}

const struct relay_hooks lua_hooks = {
    .size = sizeof lua_hooks,
    .session_open = on_session_open,
    .session_close = on_session_close,
    .announce = on_announce,
    .subscribe = on_subscribe,
    .viewer_close = on_viewer_close,
    .viewer_sample = on_viewer_sample,
};
