/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* base/descriptors.h: what is closed is filled, what is open is left alone. Each case is a child
 * process, because this one needs its own descriptors. */
#include "base/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static bool is_null_device(int fd)
{
    struct stat found, wanted;
    return fstat(fd, &found) == 0 && stat("/dev/null", &wanted) == 0 &&
           found.st_rdev == wanted.st_rdev && found.st_ino == wanted.st_ino;
}

/* Descriptor `fd` is what it was if it was open, and refuses its own use if it was closed. */
static bool is_right(int fd, bool was_closed, ino_t before)
{
    struct stat now;
    char byte = 0;
    if (fstat(fd, &now) != 0)
        return false;
    if (!was_closed)
        return now.st_ino == before;
    ssize_t done = fd == STDIN_FILENO ? read(fd, &byte, 1) : write(fd, &byte, 1);
    return is_null_device(fd) && done < 0 && errno == EBADF;
}

/* `closed`: a bit for each of 0, 1 and 2. The exit status of the child. */
static int fill(unsigned closed)
{
    ino_t before[3] = {0};
    for (int fd = 0; fd < 3; fd++) {
        struct stat found = {0};
        fstat(fd, &found);
        before[fd] = found.st_ino;
        if (closed & 1u << fd)
            close(fd);
    }
    descriptors_fill_standard();
    for (int fd = 0; fd < 3; fd++)
        if (!is_right(fd, closed & 1u << fd, before[fd]))
            return 10 + fd;
    int next = open("/dev/null", O_RDONLY);
    return next > STDERR_FILENO ? 0 : 20;
}

static void every_set_of_closed_descriptors_is_filled(void **state)
{
    (void)state;
    for (unsigned closed = 0; closed < 8; closed++) {
        int status = -1;
        pid_t child = fork();
        if (child == 0)
            _exit(fill(closed));
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
}

static int count_free(void)
{
    struct rlimit files;
    if (!descriptors_are_free(DESCRIPTORS_FREE_MAX) || descriptors_are_free(UINT_MAX))
        return 10;
    int next = open("/dev/null", O_RDONLY); /* none of the above is left open */
    close(next);
    files.rlim_cur = (rlim_t)next + 4;
    files.rlim_max = files.rlim_cur;
    setrlimit(RLIMIT_NOFILE, &files);
    return descriptors_are_free(4) && !descriptors_are_free(5) ? 0 : 20;
}

static void free_descriptors_are_counted_and_given_back(void **state)
{
    (void)state;
    int status = -1;
    pid_t child = fork();
    if (child == 0)
        _exit(count_free());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void the_remedy_is_that_of_the_reason(void **state)
{
    (void)state;
    assert_non_null(strstr(descriptors_remedy(EMFILE, "x"), "ulimit -n"));
    assert_non_null(strstr(descriptors_remedy(ENFILE, "x"), "fs.file-max"));
    assert_string_equal(descriptors_remedy(EACCES, "x"), "x");
    char why[128];
    descriptors_explain(EMFILE, why, sizeof why);
    assert_non_null(strstr(why, "are allowed; allow more (ulimit -n, LimitNOFILE=)"));
    descriptors_explain(ENFILE, why, sizeof why);
    assert_non_null(strstr(why, " on this host: raise fs.file-max (sysctl)"));
    descriptors_explain(ENOBUFS, why, sizeof why);
    assert_string_equal(why, strerror(ENOBUFS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_set_of_closed_descriptors_is_filled),
        cmocka_unit_test(free_descriptors_are_counted_and_given_back),
        cmocka_unit_test(the_remedy_is_that_of_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
