/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* An answer is read while the script's state is protected and is applied afterwards, because that
 * may lead to other hooks.
 * Tested by tests/e2e/test_lua.py. */
#include "lua/host/hooks.h"

#include <lauxlib.h>
#include <string.h>

#include "lua/host/answer.h"
#include "lua/host/choose.h"
#include "lua/host/closings.h"
#include "lua/host/renditions.h"
#include "lua/host/table.h"

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
    if (!error && answer->track)
        error = renditions_begin_with(request, answer->track); /* sets the path, too */
    if (!error && (answer->source || answer->source_peer))
        choose_answered(request, answer);
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
    script_read_answer(lua, count, where, call->fields, &answer);
    answer.policy.note = where;
    if (answer.kind == ANSWER_DENY)
        call->verdict = relay_request_deny(call->request, answer.code, "%s", answer.reason);
    else
        call->verdict = apply_fields(&answer, call->request,
                                     answer.kind == ANSWER_ALLOW ? RELAY_ALLOW : RELAY_PASS);
}

/* Often the script alone decides who may come in and publish. What may be watched is more often
 * decided before it, by a token. */
static bool is_denied_by_fault(const struct script *script, enum script_hook hook)
{
    int on_fault = script_config(script)->on_fault;
    return on_fault == SCRIPT_FAULT_DENIES_ALL ||
           (on_fault == SCRIPT_FAULT_DENIES && hook != SCRIPT_SUBSCRIBE);
}

static enum relay_verdict ask_script(struct script *script, enum script_hook hook,
                                     int (*push)(lua_State *lua, void *user),
                                     struct request_call *answer)
{
    const struct script_call call = {push, read_request, answer};
    enum script_result result = script_call(script, hook, &call);
    bool is_fault = result == SCRIPT_FAILED || result == SCRIPT_BENCHED;
    if (!is_fault)
        return answer->verdict;
    if (!is_denied_by_fault(script, hook))
        return RELAY_PASS;
    return relay_request_deny(answer->request, RELAY_DENIED_BUSY, "the relay's script has failed");
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
    table_set_text(lua, "path", relay_request_path(request, path, sizeof path));
    table_set_text(lua, "kind", kinds[relay_request_kind(request)]);
    if (relay_request_asked(request, &asked) != 0)
        return;
    table_set_number(lua, "priority", asked.priority);
    if (asked.order != RELAY_ORDER_ANY)
        table_set_text(lua, "order", orders[asked.order]);
    choose_add_candidates(lua);
}

static int push_subscribe(lua_State *lua, void *user)
{
    const struct request_call *call = user;
    view_push_subscriber(lua, call->request);
    push_wanted(lua, call->request);
    return 2;
}

enum { SUBSCRIPTION_FIELDS = ANSWER_POLICY | ANSWER_TRACK | ANSWER_START | ANSWER_SOURCE };

static enum relay_verdict on_subscribe(struct relay_peer *peer, struct relay_request *request)
{
    bool is_subscription = relay_request_kind(request) == RELAY_REQUEST_SUBSCRIBE;
    struct request_call answer = {.peer = peer,
                                  .request = request,
                                  .fields =
                                      ANSWER_PATH | (is_subscription ? SUBSCRIPTION_FIELDS : 0)};
    struct script *script = script_at(relay_peer_worker(peer));
    script->asked = request;
    enum relay_verdict verdict = ask_script(script, SCRIPT_SUBSCRIBE, push_subscribe, &answer);
    script->asked = NULL;
    return verdict;
}

/* ---- Viewers --------------------------------------------------------------------------------- */

struct viewer_call {
    struct relay_viewer *viewer;
    double behind_ms; /* of `backlog` */
    struct relay_policy policy;
    uint32_t cleared;             /* enum relay_policy_bits: relay.yaml counts again */
    char track[RELAY_PATH_BYTES]; /* "": it stays */
    bool is_closing, is_skipping;
    enum relay_denial code; /* of a viewer that is closed, like the reason */
    char reason[RELAY_REASON_BYTES];
};

/* Does not clear the texts, because this runs four times a second for each viewer. */
static void call_about(struct viewer_call *call, struct relay_viewer *viewer)
{
    call->viewer = viewer;
    call->policy.set = call->cleared = 0;
    call->track[0] = '\0';
    call->is_closing = call->is_skipping = false;
}

static int push_viewer(lua_State *lua, void *user)
{
    const struct viewer_call *call = user;
    view_push_viewer(lua, call->viewer);
    return 1;
}

static int push_late_viewer(lua_State *lua, void *user)
{
    const struct viewer_call *call = user;
    push_viewer(lua, user);
    lua_pushnumber(lua, call->behind_ms);
    return 2;
}

static void close_with(struct viewer_call *call, const struct answer *answer)
{
    call->is_closing = true;
    call->code = answer->code;
    memcpy(call->reason, answer->reason, sizeof call->reason);
}

static void read_word(lua_State *lua, int count, const char *where, struct viewer_call *call)
{
    struct answer answer = {.code = RELAY_DENIED_REFUSED};
    const char *word = lua_tostring(lua, 1);
    call->is_skipping = strcmp(word, "skip") == 0;
    if (strcmp(word, "close") == 0) {
        script_read_reason(lua, count, where, SCRIPT_CLOSED, &answer);
        close_with(call, &answer);
    } else if (!call->is_skipping) {
        luaL_error(lua,
                   "%s: it returned \"%s\"; the words that it may return are \"skip\" and "
                   "\"close\"",
                   where, word);
    }
}

/* `x and { ... }` is false when it means nothing. */
static bool is_no_opinion(lua_State *lua, int count, const char *where)
{
    if (count == 0 || lua_type(lua, 1) != LUA_TBOOLEAN || lua_toboolean(lua, 1))
        return false;
    if (count > 1 && !lua_isnil(lua, 2))
        luaL_error(lua, "%s: to end a viewer, return \"close\" and a reason, not false", where);
    return true;
}

static void read_viewers_answer(lua_State *lua, int count, const char *where, void *user)
{
    struct viewer_call *call = user;
    struct answer answer;
    if (is_no_opinion(lua, count, where))
        return;
    if (count > 0 && lua_type(lua, 1) == LUA_TSTRING) {
        read_word(lua, count, where, call);
        return;
    }
    script_read_answer(lua, count, where, ANSWER_POLICY | ANSWER_TRACK | ANSWER_CLEAR, &answer);
    call->policy = answer.policy;
    call->policy.note = where;
    call->cleared = answer.cleared;
    if (answer.track && strlen(answer.track) >= sizeof call->track)
        luaL_error(lua, "%s: track is too long for a path", where);
    if (answer.track)
        memcpy(call->track, answer.track, strlen(answer.track) + 1);
}

static void move_viewer(struct relay_self *self, struct relay_viewer *viewer, const char *track)
{
    uint64_t number = relay_viewer_number(viewer);
    int error = renditions_turn_to(viewer, track);
    if (error)
        relay_log(self, RELAY_WARN, "viewer %llu cannot be moved to \"%s\": %s",
                  (unsigned long long)number, track, relay_error_words(error));
}

/* Each step may end the viewer, and then on_viewer_close clears `here->answered`. */
static void apply_to_viewer(struct lua_worker *here, const struct viewer_call *call)
{
    here->answered = call->viewer;
    if (call->cleared)
        relay_viewer_clear_policy(call->viewer, call->cleared);
    if (here->answered && call->policy.set)
        relay_viewer_set_policy(call->viewer, &call->policy);
    if (here->answered && call->track[0])
        move_viewer(script_self(here->script), call->viewer, call->track);
    if (here->answered && call->is_skipping)
        relay_viewer_skip(call->viewer);
    if (here->answered && call->is_closing)
        relay_viewer_deny(call->viewer, call->code, call->reason);
}

/* False: the viewer is gone. */
static bool ask_about_viewer(struct lua_worker *here, enum script_hook hook,
                             int (*push)(lua_State *lua, void *user), struct viewer_call *answer)
{
    const struct script_call call = {push, read_viewers_answer, answer};
    here->answered = answer->viewer;
    if (script_call(here->script, hook, &call) == SCRIPT_DONE)
        apply_to_viewer(here, answer);
    return here->answered != NULL;
}

/* How late it is, if that is more than half of what it may be; else 0. */
static double lateness_ms(const struct relay_viewer *viewer)
{
    struct relay_viewer_stats stats = {.size = sizeof stats};
    struct relay_policy policy = {.size = sizeof policy};
    relay_viewer_stats(viewer, &stats);
    relay_viewer_policy(viewer, &policy);
    return stats.lag_ns > policy.latency_ns / 2 ? (double)stats.lag_ns / 1e6 : 0;
}

static bool ask_about_backlog(struct lua_worker *here, struct relay_viewer *viewer)
{
    struct viewer_call answer;
    if (!script_has(here->script, SCRIPT_BACKLOG))
        return true;
    call_about(&answer, viewer);
    answer.behind_ms = lateness_ms(viewer);
    return answer.behind_ms == 0 ||
           ask_about_viewer(here, SCRIPT_BACKLOG, push_late_viewer, &answer);
}

static void on_viewer_sample(struct relay_viewer *viewer)
{
    struct lua_worker *here = relay_worker_slot(relay_peer_worker(relay_viewer_peer(viewer)));
    struct viewer_call answer;
    if (!ask_about_backlog(here, viewer) || !script_has(here->script, SCRIPT_SAMPLE))
        return;
    call_about(&answer, viewer);
    ask_about_viewer(here, SCRIPT_SAMPLE, push_viewer, &answer);
}

static void on_viewer_close(struct relay_viewer *viewer)
{
    struct lua_worker *here = relay_worker_slot(relay_peer_worker(relay_viewer_peer(viewer)));
    struct viewer_call answer;
    const struct script_call call = {.push = push_viewer, .user = &answer};
    call_about(&answer, viewer);
    if (here->answered == viewer)
        here->answered = NULL;
    script_call(here->script, SCRIPT_LEAVE, &call);
    closings_forget(here, relay_viewer_slot(viewer));
    view_forget(here->script, relay_viewer_slot(viewer));
}

static void on_session_close(struct relay_peer *peer)
{
    struct lua_worker *here = relay_worker_slot(relay_peer_worker(peer));
    closings_forget(here, relay_peer_slot(peer));
    view_forget(here->script, relay_peer_slot(peer));
}

const struct relay_hooks lua_hooks = {
    .size = sizeof lua_hooks,
    .session_open = on_session_open,
    .session_close = on_session_close,
    .announce = on_announce,
    .subscribe = on_subscribe,
    .viewer_close = on_viewer_close,
    .viewer_sample = on_viewer_sample,
    .choose_source = choose_source,
};
