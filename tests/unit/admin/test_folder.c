/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* server/admin/folder.c: links are followed inside of a folder, and nothing outside is opened. */
#include "server/admin/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/prologue.h"

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* A folder `site` beside a secret; the tests run in the folder above both. */
static int make_site(void **state)
{
    static char above[] = "/tmp/moq-folder-XXXXXX";
    if (!mkdtemp(above) || chdir(above))
        return -1;
    *state = above;
    assert_int_equal(mkdir("site", 0755), 0);
    assert_int_equal(mkdir("site/sub", 0755), 0);
    assert_int_equal(mkdir("site2", 0755), 0);
    write_file("secret", "secret");
    write_file("site2/secret", "secret");
    write_file("site/a.txt", "a");
    write_file("site/sub/b.txt", "bb");
    return 0;
}

static int remove_site(void **state)
{
    char command[PATH_MAX + 16];
    snprintf(command, sizeof command, "rm -rf '%s'", (const char *)*state);
    return chdir("/") || system(command);
}

static int size_of(const char *root, const char *path)
{
    struct folder_file file;
    int error = folder_open(root, path, &file);
    if (error)
        return -error;
    if (file.fd < 0)
        return -EISDIR;
    close(file.fd);
    return (int)file.stat.st_size;
}

static void files_and_folders_are_told_apart(void **state)
{
    (void)state;
    assert_int_equal(size_of("site", "a.txt"), 1);
    assert_int_equal(size_of("site", "sub/b.txt"), 2);
    assert_int_equal(size_of("site/", "a.txt"), 1);
    assert_int_equal(size_of("site", "sub"), -EISDIR);
    assert_int_equal(size_of("site", ""), -EISDIR);
    assert_int_equal(size_of("site", "c.txt"), -ENOENT);
    assert_int_equal(size_of("site", "a.txt/b"), -ENOTDIR);
    assert_int_equal(size_of("none", "a.txt"), -ENOENT);
    assert_int_equal(size_of("secret", ""), -ENOTDIR);
}

static void links_inside_work(void **state)
{
    char target[PATH_MAX];
    assert_int_equal(symlink("a.txt", "site/near"), 0);
    assert_int_equal(symlink("../a.txt", "site/sub/up"), 0);
    assert_int_equal(symlink("sub", "site/through"), 0);
    snprintf(target, sizeof target, "%s/site/a.txt", (const char *)*state);
    assert_int_equal(symlink(target, "site/absolute"), 0);
    assert_int_equal(symlink("site", "current"), 0);
    assert_int_equal(size_of("site", "near"), 1);
    assert_int_equal(size_of("site", "sub/up"), 1);
    assert_int_equal(size_of("site", "through/up"), 1);
    assert_int_equal(size_of("site", "through/b.txt"), 2);
    assert_int_equal(size_of("site", "absolute"), 1);
    assert_int_equal(size_of("current", "near"), 1); /* the folder itself may be a link */
}

static void nothing_outside_is_opened(void **state)
{
    (void)state;
    assert_int_equal(symlink("../secret", "site/out"), 0);
    assert_int_equal(symlink("/etc/passwd", "site/passwd"), 0);
    assert_int_equal(symlink("..", "site/above"), 0);
    assert_int_equal(symlink("../site2", "site/neighbour"), 0);
    assert_int_equal(symlink("loop", "site/loop"), 0);
    assert_int_equal(size_of("site", "out"), -ENOENT);
    assert_int_equal(size_of("site", "passwd"), -ENOENT);
    assert_int_equal(size_of("site", "above/secret"), -ENOENT);
    assert_int_equal(size_of("site", "neighbour/secret"), -ENOENT);
    assert_int_equal(size_of("site", "loop"), -ELOOP);
    assert_int_equal(size_of("site", "../secret"), -ENOENT);
    assert_int_equal(size_of("site", "/etc/passwd"), -ENOENT);
}

static void what_is_no_file_is_not_opened(void **state)
{
    (void)state;
    assert_int_equal(mkfifo("site/fifo", 0644), 0);
    assert_int_equal(size_of("site", "fifo"), -ENOENT);
    assert_int_equal(size_of("/dev", "null"), -ENOENT);
    assert_int_equal(size_of("/dev", "tty"), -ENOENT);
}

/* The folder `site/swap` becomes a link that leads out, and a folder again, all the time. */
static void *swap_folder(void *user)
{
    const int *is_over = user;
    while (!__atomic_load_n(is_over, __ATOMIC_ACQUIRE)) {
        rename("site/swap", "site/kept");
        symlink("..", "site/swap");
        unlink("site/swap");
        rename("site/kept", "site/swap");
    }
    return NULL;
}

static void folders_that_become_links_are_not_followed(void **state)
{
    int is_over = 0;
    unsigned opened = 0, refused = 0;
    pthread_t thread;
    (void)state;
    assert_int_equal(mkdir("site/swap", 0755), 0);
    write_file("site/swap/secret", "no");
    assert_int_equal(pthread_create(&thread, NULL, swap_folder, &is_over), 0);
    for (int turn = 0; turn < 500000 && (opened < 200 || refused < 200); turn++) {
        int size = size_of("site", "swap/secret");
        opened += size >= 0 ? 1 : 0;
        refused += size < 0 ? 1 : 0;
        assert_int_not_equal(size, 6);
    }
    __atomic_store_n(&is_over, 1, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    assert_true(opened > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_and_folders_are_told_apart),
        cmocka_unit_test(links_inside_work),
        cmocka_unit_test(nothing_outside_is_opened),
        cmocka_unit_test(what_is_no_file_is_not_opened),
        cmocka_unit_test(folders_that_become_links_are_not_followed),
    };
    return cmocka_run_group_tests(tests, make_site, remove_site);
}
