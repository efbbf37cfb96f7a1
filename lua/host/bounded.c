/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The functions keep the meaning of Lua's own, up to the bounds. Those that search have a matcher
 * that counts its steps; the others ask first how much there is to do.
 * Tested by tests/unit/lua/test_bounded.c. */
#include "lua/host/bounded.h"

#include <lauxlib.h>
#include <string.h>

#include "lua/host/budget.h"
#include "lua/host/pattern.h"

/* ---- Sizes ----------------------------------------------------------------------------------- */

/* Calls Lua's own function, which is the upvalue, with all arguments. */
static int call_own(lua_State *lua)
{
    budget_look(lua);
    lua_pushvalue(lua, lua_upvalueindex(1));
    lua_insert(lua, 1);
    lua_call(lua, lua_gettop(lua) - 1, LUA_MULTRET);
    return lua_gettop(lua);
}

static int repeat_text(lua_State *lua)
{
    size_t size;
    luaL_checklstring(lua, 1, &size);
    lua_Number times = luaL_checknumber(lua, 2);
    size += lua_isnoneornil(lua, 3) ? 0 : lua_objlen(lua, 3);
    if (times > 0 && (double)size * times > BOUNDED_PIECE_MAX_BYTES)
        return luaL_error(lua, "the text would be longer than %d bytes", BOUNDED_PIECE_MAX_BYTES);
    return call_own(lua);
}

static int concat_table(lua_State *lua)
{
    luaL_checktype(lua, 1, LUA_TTABLE);
    double size = 0;
    int first = luaL_optint(lua, 3, 1);
    int last = luaL_optint(lua, 4, (int)lua_objlen(lua, 1));
    int separator = (int)lua_objlen(lua, 2);
    for (int i = first; i <= last; i++) {
        lua_rawgeti(lua, 1, i);
        if (!lua_isstring(lua, -1))
            break; /* Lua's own says what is wrong */
        size += (double)lua_objlen(lua, -1) + separator;
        lua_pop(lua, 1);
        if (size > BOUNDED_PIECE_MAX_BYTES)
            return luaL_error(lua, "the text would be longer than %d bytes",
                              BOUNDED_PIECE_MAX_BYTES);
    }
    return call_own(lua);
}

static int sort_table(lua_State *lua)
{
    luaL_checktype(lua, 1, LUA_TTABLE);
    if (lua_objlen(lua, 1) > BOUNDED_SORT_MAX)
        return luaL_error(lua, "a table of more than %d entries is not sorted", BOUNDED_SORT_MAX);
    return call_own(lua);
}

/* ---- Searching ------------------------------------------------------------------------------- */

/* What a call of find, match, gmatch or gsub works on. */
struct search {
    struct pattern_match match;
    bool is_anchored;
};

static bool is_time_over(void *user)
{
    return budget_is_over(user);
}

static void begin_search(lua_State *lua, struct search *search)
{
    size_t subject_size, pattern_size;
    const char *subject = luaL_checklstring(lua, 1, &subject_size);
    const char *pattern = luaL_checklstring(lua, 2, &pattern_size);
    budget_look(lua);
    search->is_anchored = pattern_size > 0 && *pattern == '^';
    search->match = (struct pattern_match){.subject = subject,
                                           .subject_end = subject + subject_size,
                                           .pattern = pattern + search->is_anchored,
                                           .pattern_end = pattern + pattern_size,
                                           .look_at = PATTERN_STEPS_LOOK,
                                           .is_over = is_time_over,
                                           .user = lua};
}

/* If time is over, that is why it takes too long. */
static void raise_error(lua_State *lua, const struct pattern_match *match)
{
    budget_look(lua);
    luaL_error(lua, "%s", match->error);
}

/* The first match from `from` on. NULL: there is none. Otherwise *start is where it begins, and its
 * end is returned. */
static const char *find_from(lua_State *lua, struct search *search, const char *from,
                             const char **start)
{
    struct pattern_match *match = &search->match;
    for (; from <= match->subject_end; from++) {
        const char *end = pattern_match_at(match, from);
        if (match->error)
            raise_error(lua, match);
        *start = from;
        if (end || search->is_anchored)
            return end;
    }
    return NULL;
}

static void push_capture(lua_State *lua, const struct pattern_match *match, size_t i)
{
    const struct pattern_capture *capture = &match->captures[i];
    if (capture->kind == CAPTURE_POSITION)
        lua_pushinteger(lua, capture->at - match->subject + 1);
    else
        lua_pushlstring(lua, capture->at, capture->size);
}

/* Without captures, the whole match counts as one if `is_whole`. Returns how many. */
static int push_captures(lua_State *lua, const struct pattern_match *match, const char *start,
                         const char *end, bool is_whole)
{
    luaL_checkstack(lua, PATTERN_CAPTURES_MAX, "too many captures");
    if (match->count == 0 && is_whole) {
        lua_pushlstring(lua, start, (size_t)(end - start));
        return 1;
    }
    for (size_t i = 0; i < match->count; i++)
        push_capture(lua, match, i);
    return (int)match->count;
}

/* Where the search begins, by argument 3. NULL: behind the end. */
static const char *search_start(lua_State *lua, const struct pattern_match *match)
{
    ptrdiff_t size = match->subject_end - match->subject, at = luaL_optinteger(lua, 3, 1);
    if (at < 0)
        at = at + size + 1 > 0 ? at + size + 1 : 1;
    at = at > 0 ? at - 1 : 0;
    return match->subject + (at < size ? at : size);
}

static int find_plain(lua_State *lua, const struct search *search, const char *from)
{
    const struct pattern_match *match = &search->match;
    size_t size = (size_t)(match->pattern_end - match->pattern) + search->is_anchored;
    const char *text = match->pattern - search->is_anchored;
    const char *found = memmem(from, (size_t)(match->subject_end - from), text, size);
    if (!found)
        return 0;
    lua_pushinteger(lua, found - match->subject + 1);
    lua_pushinteger(lua, found - match->subject + (ptrdiff_t)size);
    return 2;
}

static int find_or_match(lua_State *lua, bool is_find)
{
    struct search search;
    begin_search(lua, &search);
    const struct pattern_match *match = &search.match;
    const char *start = search_start(lua, match);
    size_t size = (size_t)(match->pattern_end - match->pattern);
    int results = 0;
    if (is_find && (lua_toboolean(lua, 4) ||
                    (!search.is_anchored && pattern_is_plain(match->pattern, size)))) {
        results = find_plain(lua, &search, start);
    } else {
        const char *end = find_from(lua, &search, start, &start);
        if (end && is_find) {
            lua_pushinteger(lua, start - match->subject + 1);
            lua_pushinteger(lua, end - match->subject);
            results = 2 + push_captures(lua, match, start, end, false);
        } else if (end) {
            results = push_captures(lua, match, start, end, true);
        }
    }
    if (results == 0)
        lua_pushnil(lua);
    return results ? results : 1;
}

static int find_text(lua_State *lua)
{
    return find_or_match(lua, true);
}

static int match_text(lua_State *lua)
{
    return find_or_match(lua, false);
}

/* ---- gmatch ---------------------------------------------------------------------------------- */

/* Upvalues: text, pattern, where to go on. */
static int next_match(lua_State *lua)
{
    struct search search;
    const char *start;
    lua_settop(lua, 0);
    lua_pushvalue(lua, lua_upvalueindex(1));
    lua_pushvalue(lua, lua_upvalueindex(2));
    begin_search(lua, &search);
    if (search.is_anchored) { /* a ^ means itself here */
        search.is_anchored = false;
        search.match.pattern--;
    }
    const char *from = search.match.subject + lua_tointeger(lua, lua_upvalueindex(3));
    const char *end = find_from(lua, &search, from, &start);
    if (!end)
        return 0;
    lua_pushinteger(lua, end - search.match.subject + (end == start));
    lua_replace(lua, lua_upvalueindex(3));
    return push_captures(lua, &search.match, start, end, true);
}

static int each_match(lua_State *lua)
{
    luaL_checkstring(lua, 1);
    luaL_checkstring(lua, 2);
    lua_settop(lua, 2);
    lua_pushinteger(lua, 0);
    lua_pushcclosure(lua, next_match, 3);
    return 1;
}

/* ---- gsub ------------------------------------------------------------------------------------ */

/* Adds the replacement text of argument 3, with %0 to %9 in it. */
static void add_text(lua_State *lua, luaL_Buffer *out, const struct pattern_match *match,
                     const char *start, const char *end)
{
    size_t size;
    const char *text = lua_tolstring(lua, 3, &size);
    for (size_t i = 0; i < size; i++) {
        char digit = text[i] == '%' && i + 1 < size ? text[++i] : '\0';
        if (text[i] != '%' && digit == '\0')
            luaL_addchar(out, text[i]);
        else if (digit == '%')
            luaL_addchar(out, '%');
        else if (digit == '0' || (digit == '1' && match->count == 0))
            luaL_addlstring(out, start, (size_t)(end - start));
        else if (digit >= '1' && (size_t)(digit - '1') < match->count) {
            push_capture(lua, match, (size_t)(digit - '1'));
            luaL_addvalue(out);
        } else if (digit >= '1' && digit <= '9')
            luaL_error(lua, "invalid capture index");
        else
            luaL_error(lua, "invalid use of '%%' in the replacement");
    }
}

/* Pushes what a function or a table gives for the match: a text, or the match itself. */
static void push_replacement(lua_State *lua, const struct pattern_match *match, const char *start,
                             const char *end)
{
    if (lua_type(lua, 3) == LUA_TFUNCTION) {
        lua_pushvalue(lua, 3);
        lua_call(lua, push_captures(lua, match, start, end, true), 1);
    } else {
        if (match->count > 0)
            push_capture(lua, match, 0);
        else
            lua_pushlstring(lua, start, (size_t)(end - start));
        lua_gettable(lua, 3);
    }
    if (!lua_toboolean(lua, -1)) {
        lua_pop(lua, 1);
        lua_pushlstring(lua, start, (size_t)(end - start));
    } else if (!lua_isstring(lua, -1)) {
        luaL_error(lua, "invalid replacement value (a %s)", luaL_typename(lua, -1));
    }
}

static void add_replacement(lua_State *lua, luaL_Buffer *out, const struct pattern_match *match,
                            const char *start, const char *end)
{
    if (lua_isstring(lua, 3)) {
        add_text(lua, out, match, start, end);
        return;
    }
    push_replacement(lua, match, start, end);
    luaL_addvalue(out);
}

static int replace_text(lua_State *lua)
{
    struct search search;
    luaL_Buffer out;
    begin_search(lua, &search);
    struct pattern_match *match = &search.match;
    const char *at = match->subject;
    lua_Integer most = luaL_optinteger(lua, 4, match->subject_end - match->subject + 1), n = 0;
    int kind = lua_type(lua, 3);
    luaL_argcheck(lua,
                  kind == LUA_TSTRING || kind == LUA_TNUMBER || kind == LUA_TFUNCTION ||
                      kind == LUA_TTABLE,
                  3, "a text, a function or a table is expected");
    lua_settop(lua, 3);
    luaL_buffinit(lua, &out);
    while (n < most) {
        const char *end = pattern_match_at(match, at);
        if (match->error)
            raise_error(lua, match);
        if (end) {
            n++;
            add_replacement(lua, &out, match, at, end);
        }
        if (end && end > at)
            at = end;
        else if (at < match->subject_end)
            luaL_addchar(&out, *at++);
        else
            break;
        if (search.is_anchored)
            break;
    }
    luaL_addlstring(&out, at, (size_t)(match->subject_end - at));
    luaL_pushresult(&out);
    lua_pushinteger(lua, n);
    return 2;
}

/* ---- Installation ---------------------------------------------------------------------------- */

static void replace_in(lua_State *lua, const char *library, const char *name,
                       lua_CFunction function)
{
    lua_getglobal(lua, library);
    lua_getfield(lua, -1, name);
    if (lua_isnil(lua, -1)) { /* not in this version of LuaJIT */
        lua_pop(lua, 2);
        return;
    }
    lua_pushcclosure(lua, function, 1);
    lua_setfield(lua, -2, name);
    lua_pop(lua, 1);
}

void bounded_install(lua_State *lua)
{
    static const char *const own[][2] = {
        {"string", "format"}, {"string", "lower"}, {"string", "reverse"}, {"string", "upper"},
        {"table", "insert"},  {"table", "maxn"},   {"table", "move"},     {"table", "remove"}};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        replace_in(lua, own[i][0], own[i][1], call_own);
    replace_in(lua, "string", "rep", repeat_text);
    replace_in(lua, "string", "find", find_text);
    replace_in(lua, "string", "match", match_text);
    replace_in(lua, "string", "gmatch", each_match);
    replace_in(lua, "string", "gsub", replace_text);
    replace_in(lua, "table", "concat", concat_table);
    replace_in(lua, "table", "sort", sort_table);
}
