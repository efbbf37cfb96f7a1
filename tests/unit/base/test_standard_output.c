/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* base/standard_output.h in a process of its own, whose output a test may spoil. */
#include "tests/unit/prologue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/standard_output.h"

struct ended {
    int status;
    char complaint[128];
};

/* A program that prints to the file `path` and ends its output. */
static struct ended print_to(const char *path)
{
    struct ended ended = {0};
    int told[2];
    assert_int_equal(pipe(told), 0);
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(told[1], STDERR_FILENO);
        if (!freopen(path, "w", stdout))
            _exit(2);
        printf("words");
        _exit(standard_output_end("printer") == MOQ_ERR_IO);
    }
    close(told[1]);
    assert_int_equal(waitpid(pid, &ended.status, 0), pid);
    assert_true(read(told[0], ended.complaint, sizeof ended.complaint - 1) >= 0);
    close(told[0]);
    return ended;
}

static void what_was_written_is_no_error(void **state)
{
    (void)state;
    struct ended ended = print_to("/dev/null");
    assert_true(WIFEXITED(ended.status));
    assert_int_equal(WEXITSTATUS(ended.status), 0);
    assert_string_equal(ended.complaint, "");
}

static void a_full_disk_is_told(void **state)
{
    (void)state;
    struct ended ended = print_to("/dev/full");
    assert_true(WIFEXITED(ended.status));
    assert_int_equal(WEXITSTATUS(ended.status), 1);
    assert_string_equal(ended.complaint, "printer: standard output: No space left on device\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_no_error),
        cmocka_unit_test(a_full_disk_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
