/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* base/varint.h against the examples of RFC 9000, section 16 and appendix A.1. */
#include "base/varint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct example {
    uint64_t value;
    size_t size;
    uint8_t bytes[8];
};

static const struct example examples[] = {
    {0, 1, {0x00}},
    {37, 1, {0x25}},
    {63, 1, {0x3f}},
    {64, 2, {0x40, 0x40}},
    {15293, 2, {0x7b, 0xbd}},
    {16383, 2, {0x7f, 0xff}},
    {16384, 4, {0x80, 0x00, 0x40, 0x00}},
    {494878333, 4, {0x9d, 0x7f, 0x3e, 0x7d}},
    {1073741823, 4, {0xbf, 0xff, 0xff, 0xff}},
    {1073741824, 8, {0xc0, 0, 0, 0, 0x40, 0, 0, 0}},
    {UINT64_C(151288809941952652), 8, {0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c}},
    {VARINT_MAX, 8, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
};

enum { EXAMPLE_COUNT = sizeof examples / sizeof examples[0] };

static void the_shortest_form_is_written(void **state)
{
    (void)state;
    for (int i = 0; i < EXAMPLE_COUNT; i++) {
        uint8_t out[VARINT_MAX_BYTES];
        assert_int_equal(varint_size(examples[i].value), examples[i].size);
        assert_int_equal(varint_encode(out, examples[i].value), examples[i].size);
        assert_memory_equal(out, examples[i].bytes, examples[i].size);
    }
}

static void a_form_is_read_when_all_of_it_is_there(void **state)
{
    (void)state;
    for (int i = 0; i < EXAMPLE_COUNT; i++) {
        uint64_t value = 99;
        for (size_t n = 0; n < examples[i].size; n++)
            assert_int_equal(varint_decode(examples[i].bytes, n, &value), 0);
        assert_int_equal(value, 99);
        assert_int_equal(varint_decode(examples[i].bytes, 8, &value), examples[i].size);
        assert_int_equal(value, examples[i].value);
    }
}

static void longer_forms_are_read_too(void **state)
{
    (void)state;
    static const uint8_t two[] = {0x40, 0x25}, four[] = {0x80, 0, 0, 0x25},
                         eight[] = {0xc0, 0, 0, 0, 0, 0, 0, 0x25};
    uint64_t value = 0;
    assert_int_equal(varint_decode(two, sizeof two, &value), 2);
    assert_int_equal(value, 37);
    assert_int_equal(varint_decode(four, sizeof four, &value), 4);
    assert_int_equal(value, 37);
    assert_int_equal(varint_decode(eight, sizeof eight, &value), 8);
    assert_int_equal(value, 37);
}

static void what_has_no_form_is_refused(void **state)
{
    (void)state;
    uint8_t out[VARINT_MAX_BYTES];
    assert_int_equal(varint_size(VARINT_MAX + 1), 0);
    assert_int_equal(varint_encode(out, VARINT_MAX + 1), 0);
    assert_int_equal(varint_encode(out, UINT64_MAX), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shortest_form_is_written),
        cmocka_unit_test(a_form_is_read_when_all_of_it_is_there),
        cmocka_unit_test(longer_forms_are_read_too),
        cmocka_unit_test(what_has_no_form_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
