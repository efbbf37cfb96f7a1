/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Functions of Lua that could work for ever in C, or fill the memory. */
#include "tests/unit/lua/snippet.h"

static void texts_are_bounded(void **state)
{
    struct sandbox *sandbox = sandbox_new(64 << 20);
    (void)state;
    snippet_fails(sandbox, "return ('x'):rep(1e9)", "would be longer than");
    snippet_fails(sandbox, "return ('x'):rep(1e9, 'y')", "would be longer than");
    snippet_fails(sandbox, "return ('xy'):rep(1/0)", "would be longer than");
    snippet_fails(sandbox,
                  "local t = {} for i = 1, 100 do t[i] = ('x'):rep(100000) end "
                  "return table.concat(t)",
                  "would be longer than");
    snippet_works(sandbox, "assert(('ab'):rep(3, '-') == 'ab-ab-ab')");
    snippet_works(sandbox, "assert(('ab'):rep(-1) == '' and ('ab'):rep(0/0) ~= nil)");
    snippet_works(sandbox, "assert(table.concat({1, 2, 'x'}, ', ', 2) == '2, x')");
    snippet_fails(sandbox, "return table.concat({1, {}, 2})", "table");
    sandbox_free(&sandbox);
}

static void sorting_is_bounded(void **state)
{
    struct sandbox *sandbox = sandbox_new(64 << 20);
    (void)state;
    snippet_fails(sandbox, "local t = {} for i = 1, 20000 do t[i] = -i end table.sort(t)",
                  "is not sorted");
    snippet_works(sandbox, "local t = {3, 1, 2} table.sort(t, function(a, b) return a > b end) "
                           "assert(t[1] == 3 and t[3] == 1)");
    sandbox_free(&sandbox);
}

static void searches_are_bounded(void **state)
{
    struct sandbox *sandbox = sandbox_new(64 << 20);
    static const char *const bombs[] = {
        "return (('a'):rep(30)):find(('a?'):rep(30) .. ('a'):rep(30))",
        "return (('a'):rep(4000)):match('.-.-.-.-.-x')",
        "return (('a'):rep(4000)):gsub('.-.-.-.-.-x', '')",
        "for _ in (('a'):rep(4000)):gmatch('.-.-.-.-.-x') do end",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bombs / sizeof bombs[0]; i++)
        snippet_fails(sandbox, bombs[i], "takes too long with this text");
    snippet_works(sandbox, "local a, b = ('/live/room'):match('^/(%w+)/(%w+)$') "
                           "assert(a == 'live' and b == 'room')");
    snippet_works(sandbox, "assert(('a.b'):find('.', 1, true) == 2)");
    snippet_works(sandbox, "assert(('abc'):find('b', -2) == 2 and not ('abc'):find('a', 2))");
    sandbox_free(&sandbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_bounded),
        cmocka_unit_test(sorting_is_bounded),
        cmocka_unit_test(searches_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
