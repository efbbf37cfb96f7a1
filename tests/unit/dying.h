/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* For tests of code that ends the process: it runs in a child, whose output is checked. */
#ifndef MOQ_TESTS_UNIT_DYING_H
#define MOQ_TESTS_UNIT_DYING_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { DYING_WORDS_BYTES = 1000 };

/* Runs `act` in a child whose standard error goes to `words`. Returns its status in the form of
 * waitpid. */
static inline int in_child(void (*act)(void *arg), void *arg, char words[DYING_WORDS_BYTES])
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        act(arg);
        _exit(0);
    }
    close(ends[1]);
    size_t used = 0;
    for (ssize_t n; (n = read(ends[0], words + used, DYING_WORDS_BYTES - 1 - used)) > 0;)
        used += (size_t)n;
    words[used] = '\0';
    close(ends[0]);
    int status;
    waitpid(child, &status, 0);
    return status;
}

/* Checks that `act` aborts in a REQUIRE whose text contains `what`. */
static inline void assert_dies_of(void (*act)(void *arg), void *arg, const char *what)
{
    char words[DYING_WORDS_BYTES];
    int status = in_child(act, arg, words);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
        fail_msg("it ends with status %x, where it should die of: %s", (unsigned)status, what);
    if (!strstr(words, what))
        fail_msg("it should die of: %s, and says: %s", what, words);
}

#endif
