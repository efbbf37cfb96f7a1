/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Values in the query of a URL. */
#include "tests/unit/prologue.h"

#include <string.h>

#include "base/error.h"
#include "server/core/query.h"

static void a_value_is_found_and_decoded(void **state)
{
    char out[32];
    (void)state;
    assert_int_equal(query_value("jwt=abc", "jwt", out, sizeof out), 3);
    assert_string_equal(out, "abc");
    assert_int_equal(query_value("a=1&jwt=x%2Fy+z%41&b=2", "jwt", out, sizeof out), 6);
    assert_string_equal(out, "x/y zA");
    assert_int_equal(query_value("jwt=", "jwt", out, sizeof out), 0);
    assert_string_equal(out, "");
    assert_int_equal(query_value("a=b=c", "a", out, sizeof out), 3);
    assert_string_equal(out, "b=c");
}

static void other_names_are_passed_over(void **state)
{
    char out[32];
    (void)state;
    assert_int_equal(query_value("", "jwt", out, sizeof out), MOQ_ERR_NOT_FOUND);
    assert_int_equal(query_value("jwt", "jwt", out, sizeof out), MOQ_ERR_NOT_FOUND);
    assert_int_equal(query_value("xjwt=1&jwt2=3&&", "jwt", out, sizeof out), MOQ_ERR_NOT_FOUND);
}

/* Two of them could mean different things to two readers. */
static void a_value_that_is_there_twice_is_refused(void **state)
{
    char out[32];
    (void)state;
    assert_int_equal(query_value("jwt=a&jwt=a", "jwt", out, sizeof out), MOQ_ERR_INVALID);
}

static void wrong_escapes_are_refused(void **state)
{
    static const char *const wrong[] = {"k=%", "k=%4", "k=%zz", "k=%00", "k=%4&a=1"};
    char out[32];
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(query_value(wrong[i], "k", out, sizeof out), MOQ_ERR_INVALID);
}

static void a_long_value_is_cut_and_its_length_told(void **state)
{
    char out[4];
    (void)state;
    assert_int_equal(query_value("k=%61bcdef", "k", out, sizeof out), 6);
    assert_string_equal(out, "abc");
    assert_int_equal(query_value("k=abc", "k", NULL, 0), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_found_and_decoded),
        cmocka_unit_test(other_names_are_passed_over),
        cmocka_unit_test(a_value_that_is_there_twice_is_refused),
        cmocka_unit_test(wrong_escapes_are_refused),
        cmocka_unit_test(a_long_value_is_cut_and_its_length_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
