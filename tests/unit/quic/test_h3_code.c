/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Application codes go into HTTP/3's number space and come back, and greasing between them means
 * nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "quic/h3.h"

static const struct {
    uint32_t app;
    uint64_t h3;
} known[] = {
    {0, 0x52e4a40fa8db},          {1, 0x52e4a40fa8dc},   {4, 0x52e4a40fa8df},
    {5, 0x52e4a40fa8e0},          {13, 0x52e4a40fa8e8},  {29, 0x52e4a40fa8f8},
    {30, 0x52e4a40fa8fa},         {31, 0x52e4a40fa8fb},  {60, 0x52e4a40fa919},
    {64, 0x52e4a40fa91d},         {255, 0x52e4a40fa9e2}, {468, 0x52e4a40faabe},
    {0xffffffff, 0x52e5ac983162},
};

static void known_codes_map_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        assert_true(h3_code_from_app(known[i].app) == known[i].h3);
        assert_true(h3_code_to_app(known[i].h3) == known[i].app);
    }
}

static void every_code_comes_back(void **state)
{
    (void)state;
    for (uint64_t code = 0; code < 100000; code++)
        assert_true(h3_code_to_app(h3_code_from_app((uint32_t)code)) == (int64_t)code);
    for (uint64_t code = 0; code <= UINT32_MAX; code += 65521)
        assert_true(h3_code_to_app(h3_code_from_app((uint32_t)code)) == (int64_t)code);
}

static void greasing_and_foreign_codes_are_none(void **state)
{
    static const uint64_t foreign[] = {
        0,
        0x33,
        0x100,
        0x10c,
        0x170d7b68,
        0x52e4a40fa8da,
        0x52e4a40fa8f9,
        0x52e4a40fa918,
        0x52e4a40fa937,
        0x52e5ac983163,
        (UINT64_C(1) << 62) - 1,
        UINT64_MAX,
    };
    (void)state;
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        assert_true(h3_code_to_app(foreign[i]) == -1);
}

static void codes_never_hit_a_grease_point(void **state)
{
    (void)state;
    for (uint32_t code = 0; code < 10000; code++)
        assert_true((h3_code_from_app(code) - 0x21) % 31 != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_codes_map_both_ways),
        cmocka_unit_test(every_code_comes_back),
        cmocka_unit_test(greasing_and_foreign_codes_are_none),
        cmocka_unit_test(codes_never_hit_a_grease_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
