/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* base/error.h: the list is consistent, and wire codes are those of transfork. */
#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define ERROR_CODE(name, code, wire, words) code,
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

static void wire_codes_are_those_of_the_protocol(void **state)
{
    (void)state;
    assert_int_equal(moq_error_to_wire(MOQ_ERR_CANCELLED), 0);
    assert_int_equal(moq_error_to_wire(MOQ_ERR_REQUIRED_EXTENSION), 1);
    assert_int_equal(moq_error_to_wire(MOQ_ERR_TRANSPORT), 4);
    assert_int_equal(moq_error_to_wire(MOQ_ERR_DECODE), 5);
    assert_int_equal(moq_error_to_wire(MOQ_ERR_VERSION), 9);
    assert_int_equal(moq_error_to_wire(MOQ_ERR_UNEXPECTED_STREAM), 10);
    assert_int_equal(moq_error_to_wire(MOQ_ERR_BOUNDS), 11);
    assert_int_equal(moq_error_to_wire(MOQ_ERR_DUPLICATE), 12);
    assert_int_equal(moq_error_to_wire(MOQ_ERR_NOT_FOUND), 13);
    assert_int_equal(moq_error_to_wire(MOQ_ERR_WRONG_SIZE), 14);
    assert_int_equal(moq_error_to_wire(MOQ_ERR_PROTOCOL), 15);
}

static void a_wire_code_comes_back_as_itself(void **state)
{
    (void)state;
    for (int i = 0; i < CODE_COUNT; i++) {
        uint32_t wire = moq_error_to_wire(codes[i]);
        assert_true(wire < MOQ_WIRE_APP);
        assert_int_equal(moq_error_to_wire(moq_error_from_wire(wire)), wire);
    }
    assert_int_equal(moq_error_from_wire(13), MOQ_ERR_NOT_FOUND);
    assert_int_equal(moq_error_from_wire(5), MOQ_ERR_DECODE);
}

static void unknown_numbers_are_a_plain_cancel(void **state)
{
    (void)state;
    assert_int_equal(moq_error_from_wire(404), MOQ_ERR_CANCELLED);
    assert_int_equal(moq_error_from_wire(UINT64_MAX), MOQ_ERR_CANCELLED);
    assert_int_equal(moq_error_to_wire(-9999), 0);
    assert_int_equal(moq_error_to_wire(0), 0);
    assert_string_equal(moq_error_words(0), "success");
    assert_string_equal(moq_error_words(-9999), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_is_negative_and_its_own),
        cmocka_unit_test(wire_codes_are_those_of_the_protocol),
        cmocka_unit_test(a_wire_code_comes_back_as_itself),
        cmocka_unit_test(unknown_numbers_are_a_plain_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
