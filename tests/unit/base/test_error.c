/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* base/error.h: the list is consistent. */
#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define ERROR_CODE(name, code, words) code,
static const int codes[] = {MOQ_ERRORS(ERROR_CODE)};
#undef ERROR_CODE

enum { CODE_COUNT = sizeof codes / sizeof codes[0] };

static void every_error_is_negative_and_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < CODE_COUNT; i++) {
        assert_true(codes[i] < 0);
        assert_true(strlen(moq_error_words(codes[i])) > 0);
        assert_string_not_equal(moq_error_words(codes[i]), moq_error_words(1));
        for (int k = 0; k < i; k++)
            assert_int_not_equal(codes[i], codes[k]);
    }
}

static void other_numbers_have_words_too(void **state)
{
    (void)state;
    assert_string_equal(moq_error_words(0), "success");
    assert_string_equal(moq_error_words(-9999), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_is_negative_and_its_own),
        cmocka_unit_test(other_numbers_have_words_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
