/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* When memory goes back to the system, and that it does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "server/core/tidy.h"

enum { BLOCKS = 40000, BLOCK_BYTES = 1000 };

/* A minute after the last time. */
static bool is_due(struct tidy *tidy, uint32_t connections, uint64_t cache_bytes)
{
    return tidy_is_due(tidy, tidy->done_ns + TIDY_REST_MS * NS_PER_MS, connections, cache_bytes);
}

static void it_is_due_when_half_are_gone(void **state)
{
    (void)state;
    struct tidy tidy = {0};
    assert_false(is_due(&tidy, 0, 0));
    assert_false(is_due(&tidy, 1000, 0));
    assert_false(is_due(&tidy, 501, 0));
    assert_true(is_due(&tidy, 500, 0));
    assert_false(is_due(&tidy, 500, 0));
    assert_false(is_due(&tidy, 900, 0));
    assert_true(is_due(&tidy, 0, 0));
    assert_false(is_due(&tidy, 0, 0));
}

static void it_is_due_when_half_of_the_caches_are_gone(void **state)
{
    (void)state;
    struct tidy tidy = {0};
    assert_false(is_due(&tidy, 2, 4ull * TIDY_LEAST_CACHE_BYTES));
    assert_false(is_due(&tidy, 2, 2ull * TIDY_LEAST_CACHE_BYTES + 1));
    assert_true(is_due(&tidy, 2, 2ull * TIDY_LEAST_CACHE_BYTES));
    assert_false(is_due(&tidy, 2, 2ull * TIDY_LEAST_CACHE_BYTES));
    assert_true(is_due(&tidy, 2, 0));
}

static void it_is_not_for_a_few(void **state)
{
    (void)state;
    struct tidy tidy = {0};
    assert_false(is_due(&tidy, TIDY_LEAST_CONNECTIONS - 1, TIDY_LEAST_CACHE_BYTES - 1));
    assert_false(is_due(&tidy, 0, 0));
}

static void it_rests(void **state)
{
    (void)state;
    struct tidy tidy = {0};
    uint64_t now_ns = TIDY_REST_MS * NS_PER_MS;
    assert_false(tidy_is_due(&tidy, now_ns, 1000, 0));
    assert_true(tidy_is_due(&tidy, now_ns, 0, 0));
    assert_false(tidy_is_due(&tidy, now_ns + 1, 1000, 0));
    assert_false(tidy_is_due(&tidy, 2 * now_ns - 1, 0, 0));
    assert_true(tidy_is_due(&tidy, 2 * now_ns, 0, 0));
}

static long resident_bytes(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*d %ld", &pages), 1);
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

/* As after handshakes: every sixteenth block stays. */
static void pages_between_what_stays_go_back(void **state)
{
    (void)state;
    static char *blocks[BLOCKS];
    if (mallinfo2().uordblks == 0)
        skip(); /* a sanitizer's heap */
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(BLOCK_BYTES);
        assert_non_null(blocks[i]);
        memset(blocks[i], 1, BLOCK_BYTES);
    }
    for (int i = 0; i < BLOCKS; i++)
        if (i % 16 > 0)
            free(blocks[i]);

    long before = resident_bytes();
    tidy_up();

    assert_true(before - resident_bytes() > BLOCKS * BLOCK_BYTES / 2);
    for (int i = 0; i < BLOCKS; i += 16)
        free(blocks[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_due_when_half_are_gone),
        cmocka_unit_test(it_is_due_when_half_of_the_caches_are_gone),
        cmocka_unit_test(it_is_not_for_a_few),
        cmocka_unit_test(it_rests),
        cmocka_unit_test(pages_between_what_stays_go_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
