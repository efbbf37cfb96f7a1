/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* base/check.h: what holds costs nothing, what does not hold ends the process or is survived, as
 * the name says. */
#include "base/check.h"

#include "tests/unit/dying.h"

static void require_a_falsehood(void *unused)
{
    (void)unused;
    REQUIRE(1 + 1 == 3);
}

static void reach_the_unreachable(void *unused)
{
    (void)unused;
    UNREACHABLE();
}

static bool expect_even(int number)
{
    return EXPECT(number % 2 == 0);
}

static void expect_falsehoods(void *unused)
{
    (void)unused;
    for (int i = 0; i < 5; i++)
        if (expect_even(1))
            _exit(1);
    if (!expect_even(2))
        _exit(1);
}

static void a_broken_requirement_ends_the_process_and_says_where(void **state)
{
    (void)state;
    char words[DYING_WORDS_BYTES];
    int status = in_child(require_a_falsehood, NULL, words);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(words, "1 + 1 == 3"));
    assert_non_null(strstr(words, "test_check.c"));
}

static void the_unreachable_ends_the_process_too(void **state)
{
    (void)state;
    char words[DYING_WORDS_BYTES];
    int status = in_child(reach_the_unreachable, NULL, words);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(words, "unreachable"));
}

static void a_broken_expectation_is_told_once_and_survived(void **state)
{
    (void)state;
    char words[DYING_WORDS_BYTES];
    int status = in_child(expect_falsehoods, NULL, words);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    const char *first = strstr(words, "number % 2 == 0");
    assert_non_null(first);
    assert_null(strstr(first + 1, "number % 2 == 0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broken_requirement_ends_the_process_and_says_where),
        cmocka_unit_test(the_unreachable_ends_the_process_too),
        cmocka_unit_test(a_broken_expectation_is_told_once_and_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
