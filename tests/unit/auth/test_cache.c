/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The cache of answers: how long they are used, and how many there are. */
#include <stdio.h>
#include <string.h>

#include "modules/auth/cache.h"

#include "tests/unit/prologue.h"

static void put(struct cache *cache, const char *key, uint64_t until_ns)
{
    struct token token = {.identity = strdup(key), .claims = strdup("")};
    cache_put(cache, key, until_ns, &token);
    assert_null(token.identity); /* it was taken */
}

static void an_answer_is_used_until_its_time_is_over(void **state)
{
    struct cache cache = {NULL};
    (void)state;
    put(&cache, "a", 100);
    assert_string_equal(cache_find(&cache, "a", 99)->identity, "a");
    assert_null(cache_find(&cache, "b", 99));
    assert_null(cache_find(&cache, "a", 100));
    assert_null(cache_find(&cache, "a", 0)); /* it was dropped */
    cache_clear(&cache);
}

static void a_newer_answer_replaces_an_older_one(void **state)
{
    struct cache cache = {NULL};
    (void)state;
    put(&cache, "a", 100);
    put(&cache, "a", 200);
    assert_non_null(cache_find(&cache, "a", 150));
    cache_clear(&cache);
    assert_null(cache_find(&cache, "a", 150));
}

static void the_oldest_makes_room(void **state)
{
    struct cache cache = {NULL};
    char key[16];
    (void)state;
    for (int i = 0; i <= CACHE_MAX; i++) {
        snprintf(key, sizeof key, "%d", i);
        put(&cache, key, 100);
    }
    assert_null(cache_find(&cache, "0", 0));
    assert_non_null(cache_find(&cache, "1", 0));
    assert_non_null(cache_find(&cache, key, 0));
    cache_clear(&cache);
}

static void a_long_key_is_not_kept(void **state)
{
    struct cache cache = {NULL};
    char key[CACHE_KEY_MAX_BYTES + 2];
    (void)state;
    memset(key, 'a', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    put(&cache, key, 100);
    assert_null(cache_find(&cache, key, 0));
    put(&cache, key + 1, 100);
    assert_non_null(cache_find(&cache, key + 1, 0));
    cache_clear(&cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_used_until_its_time_is_over),
        cmocka_unit_test(a_newer_answer_replaces_an_older_one),
        cmocka_unit_test(the_oldest_makes_room),
        cmocka_unit_test(a_long_key_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
