/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* base/check.h: what holds costs nothing, what does not hold ends the process or is survived, as
 * the name says. */
#include "base/check.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

/* Runs `act` in a child with standard error in a pipe; returns its status. */
static int in_child(void (*act)(void), char *words, size_t size)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        act();
        _exit(0);
    }
    close(ends[1]);
    size_t used = 0;
    for (ssize_t n; (n = read(ends[0], words + used, size - 1 - used)) > 0;)
        used += (size_t)n;
    words[used] = '\0';
    close(ends[0]);
    int status;
    waitpid(child, &status, 0);
    return status;
}

static void require_a_falsehood(void)
{
    REQUIRE(1 + 1 == 3);
}

static void reach_the_unreachable(void)
{
    UNREACHABLE();
}

static bool expect_even(int number)
{
    return EXPECT(number % 2 == 0);
}

static void expect_falsehoods(void)
{
    for (int i = 0; i < 5; i++)
        if (expect_even(1))
            _exit(1);
    if (!expect_even(2))
        _exit(1);
}

static void a_broken_requirement_ends_the_process_and_says_where(void **state)
{
    (void)state;
    char words[500];
    int status = in_child(require_a_falsehood, words, sizeof words);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(words, "1 + 1 == 3"));
    assert_non_null(strstr(words, "test_check.c"));
}

static void the_unreachable_ends_the_process_too(void **state)
{
    (void)state;
    char words[500];
    int status = in_child(reach_the_unreachable, words, sizeof words);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(words, "unreachable"));
}

static void a_broken_expectation_is_told_once_and_survived(void **state)
{
    (void)state;
    char words[2000];
    int status = in_child(expect_falsehoods, words, sizeof words);
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
