/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* transfork/wire_code.h: every error has a code of the draft, and comes back as the plainest of
 * those that share it. */
#include "transfork/wire_code.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define ERROR_CODE(name, code, words) code,
static const int codes[] = {MOQ_ERRORS(ERROR_CODE)};
#undef ERROR_CODE

enum { CODE_COUNT = sizeof codes / sizeof codes[0] };

static void wire_codes_are_those_of_the_protocol(void **state)
{
    (void)state;
    assert_int_equal(moq_error_to_wire(MOQ_ERR_CANCELLED), 0);
    assert_int_equal(moq_error_to_wire(MOQ_ERR_REQUIRED_EXTENSION), 1);
    assert_int_equal(moq_error_to_wire(MOQ_ERR_TRANSPORT), 4);
    assert_int_equal(moq_error_to_wire(MOQ_ERR_DECODE), 5);
    assert_int_equal(moq_error_to_wire(MOQ_ERR_UNAUTHORIZED), 6);
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
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wire_codes_are_those_of_the_protocol),
        cmocka_unit_test(a_wire_code_comes_back_as_itself),
        cmocka_unit_test(unknown_numbers_are_a_plain_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
