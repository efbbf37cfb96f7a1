/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Every trick of tricks.lua in every hook: it is a fault that names the line, what the docs say for
 * a fault follows, its fuse blows if any does, and all other hooks go on. */
#include "tests/unit/lua/relay.h"

#include <lauxlib.h>
#include <lualib.h>

enum { FAULTS = 2, SCRIPT_BYTES = 2048, TRICKS_MAX = 100, WORDS_MAX = 4 };

/* ---- Tricks ---------------------------------------------------------------------------------- */

struct trick {
    int place; /* in the list */
    const char *name, *words[WORDS_MAX];
    bool is_answer, is_allowed_at_load;
};

struct tricks {
    lua_State *lua; /* has the texts */
    struct trick list[TRICKS_MAX];
    size_t count;
};

static void read_trick(lua_State *lua, struct trick *trick)
{
    lua_getfield(lua, -1, "name");
    trick->name = lua_tostring(lua, -1);
    lua_getfield(lua, -2, "is_answer");
    trick->is_answer = lua_toboolean(lua, -1);
    lua_getfield(lua, -3, "is_allowed_at_load");
    trick->is_allowed_at_load = lua_toboolean(lua, -1);
    lua_getfield(lua, -4, "words");
    for (int i = 0; i < WORDS_MAX && lua_istable(lua, -1); i++) {
        lua_rawgeti(lua, -1, i + 1);
        trick->words[i] = lua_tostring(lua, -1);
        lua_pop(lua, 1);
    }
    lua_pop(lua, 4);
}

static void read_tricks(struct tricks *tricks)
{
    *tricks = (struct tricks){.lua = luaL_newstate()};
    luaL_openlibs(tricks->lua);
    if (luaL_dofile(tricks->lua, TEST_FOLDER "/tricks.lua") != 0)
        fail_msg("%s", lua_tostring(tricks->lua, -1));
    tricks->count = lua_objlen(tricks->lua, -1);
    assert_in_range(tricks->count, 40, TRICKS_MAX);
    for (size_t i = 0; i < tricks->count; i++) {
        tricks->list[i].place = (int)i + 1;
        lua_rawgeti(tricks->lua, -1, (int)i + 1);
        read_trick(tricks->lua, &tricks->list[i]);
        lua_pop(tricks->lua, 1);
    }
}

/* ---- Hooks ----------------------------------------------------------------------------------- */

struct scene { /* a relay with somebody on it */
    struct scripted relay;
    const char *directory;
    struct relay_peer *peer;
    struct relay_viewer *viewer;
};

/* Each returns whether what follows is what the docs say for a fault, which is also what follows
 * from no opinion, unless `is_fault` says that the hook has failed. */

static bool provoke_connect(struct scene *scene, bool is_fault)
{
    struct relay_request request;
    fake_connect(scene->relay.self, &(struct fake_info){.path = "/room"}, &request);
    return is_fault ? request.verdict == RELAY_DENY && request.code == RELAY_DENIED_BUSY
                    : request.verdict == RELAY_PASS;
}

static bool provoke_announce(struct scene *scene, bool is_fault)
{
    struct relay_request request;
    fake_announce(scene->peer, "demo/a", &request);
    return is_fault ? request.verdict == RELAY_DENY && request.code == RELAY_DENIED_BUSY
                    : request.verdict == RELAY_PASS;
}

static bool provoke_subscribe(struct scene *scene, bool is_fault)
{
    struct relay_request request = {.kind = RELAY_REQUEST_SUBSCRIBE};
    (void)is_fault;
    struct relay_viewer *viewer = fake_subscribe(scene->peer, "demo/a", &request);
    return viewer && request.verdict == RELAY_PASS && request.policy.set == 0 && !request.has_path;
}

static bool is_as_before(const struct scene *scene)
{
    return !scene->viewer->is_closed && scene->viewer->policy.latency_ns == 1000000000 &&
           scene->viewer->skips == 0;
}

static bool provoke_sample(struct scene *scene, bool is_fault)
{
    (void)is_fault;
    scene->viewer->stats.lag_ns = 0;
    fake_sample(scene->viewer);
    return is_as_before(scene);
}

static bool provoke_backlog(struct scene *scene, bool is_fault)
{
    (void)is_fault;
    scene->viewer->stats.lag_ns = 900000000;
    fake_sample(scene->viewer);
    return is_as_before(scene);
}

static bool provoke_choose_source(struct scene *scene, bool is_fault)
{
    static const struct relay_choice choice = {
        .path = "demo/a",
        .candidates =
            {{.peer = 1, .identity = "a", .address = "", .url_path = "", .query = "", .claims = ""},
             {.peer = 2,
              .identity = "b",
              .address = "",
              .url_path = "",
              .query = "",
              .claims = ""}},
        .count = 2};
    (void)is_fault;
    return fake_choose(scene->relay.self, &choice) < 0;
}

static bool provoke_leave(struct scene *scene, bool is_fault)
{
    struct relay_viewer *viewer = scripted_viewer(scene->peer, "demo/a");
    (void)is_fault;
    fake_leave(viewer);
    return viewer->is_gone;
}

static bool provoke_timers(struct scene *scene, bool is_fault)
{
    (void)is_fault;
    fake_advance(scene->relay.self, UINT64_C(1000000000));
    return is_as_before(scene);
}

static const struct hook {
    const char *name, *counted; /* by relay.on; in counters and in the log */
    bool (*provoke)(struct scene *scene, bool is_fault);
    bool is_answer_ignored, is_of_peers, is_one_shot;
} hooks[] = {
    {"connect", "connect", provoke_connect, .is_of_peers = true},
    {"announce", "announce", provoke_announce, .is_of_peers = true},
    {"subscribe", "subscribe", provoke_subscribe, .is_of_peers = true},
    {"sample", "sample", provoke_sample, .is_of_peers = false},
    {"backlog", "backlog", provoke_backlog, .is_of_peers = false},
    {"choose_source", "choose_source", provoke_choose_source, .is_of_peers = false},
    {"leave", "leave", provoke_leave, .is_answer_ignored = true},
    {"every", "timer", provoke_timers, .is_answer_ignored = true},
    {"after", "timer", provoke_timers, .is_answer_ignored = true, .is_one_shot = true},
};
enum { HOOKS = sizeof hooks / sizeof hooks[0] };

/* ---- Scripts --------------------------------------------------------------------------------- */

/* All hooks, of which the guilty one plays the trick, and the others count. */
static const char script_form[] =
    "local relay, trick, guilty = require 'relay', require 'tricks'[%d], '%s'\n"
    "local function hook(name)\n"
    "  local ran = relay.counter('ran_' .. name)\n"
    "  return function(...)\n"
    "    ran()\n"
    "    if name == guilty then return trick.play(...) end\n"
    "  end\n"
    "end\n"
    "for _, name in ipairs { 'connect', 'announce', 'subscribe', 'sample', 'backlog',\n"
    "                        'choose_source', 'leave' } do relay.on(name, hook(name)) end\n"
    "if guilty == 'load' then relay.on('load', hook 'load') end\n"
    "relay.every(1, hook 'every')\n"
    "for i = 1, 9 do relay.after(i, hook 'after') end\n";

static const char *script_of_trick(const struct trick *trick, const char *guilty)
{
    static char text[SCRIPT_BYTES];
    snprintf(text, sizeof text, script_form, trick->place, guilty);
    return text;
}

static void begin_scene(struct scene *scene)
{
    scripted_start(&scene->relay, "");
    scene->directory = TEST_FOLDER;
    scene->relay.config.directories = &scene->directory;
    scene->relay.config.directory_count = 1;
    scene->relay.config.budget_ns = UINT64_C(5000000);
    scene->relay.config.faults = FAULTS;
    scene->peer = scripted_peer(&scene->relay);
    scene->viewer = scripted_viewer(scene->peer, "demo/a");
    scene->viewer->policy.latency_ns = 1000000000;
    fake_advance(scene->relay.self, UINT64_C(600000000000)); /* a fuse's minute begins with it */
}

static int64_t count_of(const struct scene *scene, const char *form, const char *name)
{
    char counter[FAKE_NAME_BYTES];
    snprintf(counter, sizeof counter, form, name);
    return fake_counter(scene->relay.self, counter);
}

/* ---- What must hold -------------------------------------------------------------------------- */

/* A line of the script or of tricks.lua, and the words. */
static void check_reason(const struct trick *trick, const char *hook, const char *text)
{
    bool has_line = strstr(text, "tricks.lua:") || strstr(text, "moq-lua-");
    bool has_words = !trick->words[0];
    for (int i = 0; i < WORDS_MAX && trick->words[i]; i++)
        has_words = has_words || strstr(text, trick->words[i]);
    if (!has_line || !has_words)
        fail_msg("%s in %s: %s", trick->name, hook, text);
}

/* For a hook that answers peers, only what faults cost counts, so cheap ones do not blow its fuse.
 * Some tricks may be either. */
enum fuse_rule { BLOWS, HOLDS, MAY_BLOW };

static enum fuse_rule rule_of(const struct hook *hook, const struct trick *trick)
{
    bool is_endless = trick->words[0] && strcmp(trick->words[0], "budget") == 0 && !trick->words[1];
    if ((!hook->is_of_peers && !hook->is_one_shot) || is_endless)
        return BLOWS;
    return trick->is_answer ? HOLDS : MAY_BLOW;
}

static void check_fuse(const struct hook *hook, const struct trick *trick, int64_t faults,
                       bool is_blown)
{
    enum fuse_rule rule = rule_of(hook, trick);
    if ((rule == BLOWS && (!is_blown || faults != FAULTS)) ||
        (rule == HOLDS && (is_blown || faults != FAULTS + 1)) || faults < FAULTS)
        fail_msg("%s in %s: the fuse is %s after %lld faults", trick->name, hook->name,
                 is_blown ? "blown" : "whole", (long long)faults);
}

static void check_faults(struct scene *scene, const struct hook *hook, const struct trick *trick)
{
    int64_t faults = count_of(scene, "%s_faults", hook->counted),
            benched = count_of(scene, "%s", "hooks_benched"),
            ran = count_of(scene, "ran_%s", hook->name);
    scene->relay.log[0] = '\0';
    for (int i = 0; i < FAULTS + 1; i++)
        if (!hook->provoke(scene, true))
            fail_msg("%s in %s: what follows is not as after a fault", trick->name, hook->name);
    const char *reason = fake_note(scene->relay.self, "last_error");
    check_reason(trick, hook->name, reason ? reason : "no reason");
    check_reason(trick, hook->name, scene->relay.log);
    faults = count_of(scene, "%s_faults", hook->counted) - faults;
    assert_int_equal(count_of(scene, "ran_%s", hook->name) - ran, faults);
    check_fuse(hook, trick, faults, count_of(scene, "%s", "hooks_benched") > benched);
}

static void check_others(struct scene *scene, const struct hook *guilty, const char *trick)
{
    for (size_t i = 0; i < HOOKS; i++) {
        const struct hook *other = &hooks[i];
        if (guilty && strcmp(other->counted, guilty->counted) == 0)
            continue;
        int64_t ran = count_of(scene, "ran_%s", other->name),
                faults = count_of(scene, "%s_faults", other->counted);
        if (!other->provoke(scene, false) || count_of(scene, "ran_%s", other->name) <= ran ||
            count_of(scene, "%s_faults", other->counted) != faults)
            fail_msg("%s in %s: then %s does not work", trick, guilty ? guilty->name : "load",
                     other->name);
    }
}

static void tricks_are_faults_of_their_hook_alone(void **state)
{
    struct tricks tricks;
    (void)state;
    read_tricks(&tricks);
    for (size_t i = 0; i < HOOKS; i++) {
        struct scene scene;
        begin_scene(&scene);
        for (size_t j = 0; j < tricks.count; j++) {
            const struct trick *trick = &tricks.list[j];
            if (trick->is_answer && hooks[i].is_answer_ignored)
                continue;
            scripted_reload(&scene.relay, script_of_trick(trick, hooks[i].name));
            check_faults(&scene, &hooks[i], trick);
            check_others(&scene, &hooks[i], trick->name);
        }
        scripted_end(&scene.relay);
    }
    lua_close(tricks.lua);
}

static void a_script_that_plays_them_while_it_loads_is_not_used(void **state)
{
    struct tricks tricks;
    struct scene scene;
    (void)state;
    read_tricks(&tricks);
    begin_scene(&scene);
    scene.relay.config.load_budget_ns = UINT64_C(20000000);
    scripted_reload(&scene.relay, script_of_trick(&tricks.list[0], "nobody"));
    for (size_t i = 0; i < tricks.count; i++) {
        const struct trick *trick = &tricks.list[i];
        if (trick->is_allowed_at_load)
            continue;
        scripted_write(&scene.relay, script_of_trick(trick, "load"));
        if (fake_reload(scene.relay.self, &scene.relay.config) == 0)
            fail_msg("%s: the script is used", trick->name);
        check_reason(trick, "load", scene.relay.self->failure);
    }
    check_others(&scene, NULL, "all");
    assert_int_equal(fake_counter(scene.relay.self, "generation"), 2);
    scripted_end(&scene.relay);
    lua_close(tricks.lua);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tricks_are_faults_of_their_hook_alone),
        cmocka_unit_test(a_script_that_plays_them_while_it_loads_is_not_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
