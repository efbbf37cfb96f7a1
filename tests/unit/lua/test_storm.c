/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Thousands of small random programs against the sandbox. Each of them ends, whatever it does, its
 * memory keeps the bound, and the state works afterwards. */
#include "tests/unit/lua/snippet.h"

#include <stdio.h>

enum { PROGRAMS = 2000, PROGRAM_BYTES = 8192, DEPTH_MAX = 4, MEMORY_BYTES = 4 << 20 };
#define BUDGET_NS UINT64_C(1000000)

struct program {
    char text[PROGRAM_BYTES];
    size_t size;
    uint64_t random;
};

static void add_text(struct program *program, const char *text)
{
    size_t n = strlen(text);
    if (n >= sizeof program->text - program->size)
        return;
    memcpy(program->text + program->size, text, n + 1);
    program->size += n;
}

static size_t roll(struct program *program, size_t count)
{
    return (size_t)(next_random(&program->random) % count);
}
#define PICK(program, list) (list)[roll(program, sizeof(list) / sizeof(list)[0])]

static void add_expression(struct program *program, int depth);

static void add_function(struct program *program, int depth);

/* `@` stands for an expression, `#` for a function. */
static void add_form(struct program *program, const char *form, int depth)
{
    char one[2] = "";
    for (; *form; form++) {
        one[0] = *form;
        if (*form == '@')
            add_expression(program, depth + 1);
        else if (*form == '#')
            add_function(program, depth + 1);
        else
            add_text(program, one);
    }
}

static void add_expression(struct program *program, int depth)
{
    static const char *const leaves[] = {
        "a",   "b",     "c",    "nil",       "true",   "0",        "-1",
        "1e9", "0/0",   "2^64", "math.huge", "''",     "'abc'",    "('x'):rep(1000)",
        "_G",  "print", "{}",   "'%d'",      "string", "coroutine"};
    static const char *const forms[] = {
        "(@ .. @)",
        "(@ == @)",
        "(@ and @ or @)",
        "{@, @, x = @}",
        "select(2, pcall(#, @))",
        "select(2, xpcall(#, #, @))",
        "coroutine.wrap(#)(@)",
        "coroutine.create(#)",
        "setmetatable({}, {__index = #, __newindex = #, __call = #, __tostring = #})",
        "setmetatable({}, {__gc = #, __concat = #, __eq = #, __lt = #, __mode = 'k'})",
        "tostring(@)",
        "tonumber(@)",
        "type(@)",
        "next({@})",
        "unpack({@, @})",
        "#",
        "string.rep(tostring(@), 1e7)",
        "(tostring(@)):rep(100)",
        "('aaaaaaaaaaaaaaaaaaaaaaaa'):find('a-a-a-a-a-a-a-a-b')",
        "(tostring(@)):gsub('.', #)",
        "(tostring(@)):gsub('%w', {a = @})",
        "string.format(tostring(@), @)",
        "(tostring(@)):match(tostring(@))",
        "table.concat({tostring(@)}, tostring(@))",
        "math.floor(tonumber(@) or 0)",
        "getmetatable(@)",
        "rawequal(@, @)",
        "bit.lshift(tonumber(@) or 1, 3)",
    };
    if (depth > DEPTH_MAX || roll(program, 3) == 0)
        add_text(program, PICK(program, leaves));
    else
        add_form(program, PICK(program, forms), depth);
}

static void add_statement(struct program *program, int depth)
{
    static const char *const forms[] = {
        "a = @ ",
        "b = @ ",
        "local c = @ ",
        "a = (tostring(a)):rep(2) ",
        "while true do a = @ end ",
        "for i = 1, 1e9 do b = @ end ",
        "repeat local x = @ until x == 1 ",
        "for k, v in pairs(type(a) == 'table' and a or {}) do b = @ end ",
        "pcall(#) ",
        "while true do pcall(#) end ",
        "local f f = function(...) return f(...) end pcall(f) ",
        "local f f = function() return 1 + f() end pcall(f) ",
        "local t = {} for i = 1, 300 do t[i] = i * 7 % 31 end pcall(table.sort, t, #) ",
        "local co = coroutine.wrap(#) pcall(co) pcall(co) ",
        "local o o = coroutine.create(function() pcall(coroutine.resume, o) end) pcall(o) ",
        "error(@) ",
        "a = {} for i = 1, 1e6 do a[i] = {} end ",
        "local s = 'x' while true do s = s .. s end ",
        "if type(a) == 'table' then a[a] = a a.x = @ end ",
        "g = @ ",
        "for word in (tostring(@)):gmatch('%w*') do b = word end ",
    };
    add_form(program, PICK(program, forms), depth);
}

static void add_function(struct program *program, int depth)
{
    add_text(program, "function(a, b) ");
    if (depth <= DEPTH_MAX)
        add_statement(program, depth);
    add_text(program, "return ");
    add_expression(program, depth);
    add_text(program, " end");
}

static void make_program(struct program *program, uint64_t seed)
{
    program->random = seed;
    program->size = 0;
    program->text[0] = '\0';
    add_text(program, "local a, b, c ");
    size_t count = 1 + roll(program, 4);
    for (size_t i = 0; i < count; i++)
        add_statement(program, 0);
}

static void run_program(struct sandbox *sandbox, const struct program *program)
{
    char error[SANDBOX_ERROR_BYTES] = "";
    enum sandbox_result result =
        sandbox_run(sandbox, BUDGET_NS, snippet_body, (void *)(uintptr_t)program->text, error);
    if (result != SANDBOX_OK && !error[0])
        fail_msg("no reason: %s", program->text);
    if (sandbox_used_bytes(sandbox) > MEMORY_BYTES + (1 << 20))
        fail_msg("%llu bytes: %s", (unsigned long long)sandbox_used_bytes(sandbox), program->text);
}

static void whatever_a_program_does_it_ends(void **state)
{
    static struct program program;
    (void)state;
    struct sandbox *sandbox = sandbox_new(MEMORY_BYTES);
    assert_non_null(sandbox);
    sandbox_lock_globals(sandbox);
    size_t ran = 0;
    for (uint64_t seed = 1; seed <= PROGRAMS; seed++) {
        make_program(&program, seed);
        run_program(sandbox, &program);
        snippet_works(sandbox, "local t = {} for i = 1, 100 do t[i] = {i} end "
                               "assert(#t == 100 and g == nil)");
        ran++;
    }
    assert_int_equal(ran, PROGRAMS);
    sandbox_free(&sandbox);
}

/* The generator would show nothing if all programs were wrong in their form. */
static void the_programs_are_programs(void **state)
{
    static struct program program;
    (void)state;
    lua_State *lua = luaL_newstate();
    size_t cut = 0;
    for (uint64_t seed = 1; seed <= PROGRAMS; seed++) {
        make_program(&program, seed);
        if (luaL_loadbuffer(lua, program.text, program.size, "@x") != 0)
            cut++;
        lua_settop(lua, 0);
    }
    lua_close(lua);
    assert_true(cut < PROGRAMS / 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_programs_are_programs),
        cmocka_unit_test(whatever_a_program_does_it_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
