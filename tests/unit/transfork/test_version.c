/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What each version is called and can do, said once more and independently of the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "transfork/version.h"

enum { V02 = MOQ_VERSION_02, V03 = MOQ_VERSION_03, V04 = MOQ_VERSION_04 };

static void versions_have_their_numbers(void **state)
{
    (void)state;
    assert_int_equal(version_row(V02)->wire, 0xff0bad02);
    assert_int_equal(version_row(V03)->wire, 0xff0bad03);
    assert_int_equal(version_row(V04)->wire, 0xff0bad04);
    assert_int_equal(version_from_wire(0xff0bad02), V02);
    assert_int_equal(version_from_wire(0xff0bad03), V03);
    assert_int_equal(version_from_wire(0xff0bad04), V04);
    assert_int_equal(version_from_wire(0xff0bad01), 0);
    assert_int_equal(version_from_wire(0), 0);
}

static void a_name_may_lack_its_zero(void **state)
{
    (void)state;
    assert_int_equal(moq_version_by_name("02"), V02);
    assert_int_equal(moq_version_by_name("3"), V03);
    assert_int_equal(moq_version_by_name("04"), V04);
    static const char *const wrong[] = {"", "0", "1", "01", "5", "004", "33", "3 ", "v3"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(moq_version_by_name(wrong[i]), 0);
}

static void every_version_has_one_row_and_all_together_are_all(void **state)
{
    (void)state;
    uint32_t all = 0;
    for (uint32_t version = 1; version <= MOQ_VERSION_ALL; version <<= 1) {
        assert_int_equal(version_row(version)->version, version);
        all |= version_row(version)->version;
    }
    assert_int_equal(all, MOQ_VERSION_ALL);
}

static void what_is_no_version_can_do_nothing(void **state)
{
    (void)state;
    static const uint32_t wrong[] = {0, V02 | V03, MOQ_VERSION_ALL, MOQ_VERSION_ALL + 1};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(version_row(wrong[i])->version, 0);
        assert_int_equal(version_row(wrong[i])->can, 0);
    }
}

static void only_03_is_known_to_do_all(void **state)
{
    (void)state;
    uint32_t all = MOQ_CAN_LIVE | MOQ_CAN_RANGES | MOQ_CAN_FETCH | MOQ_CAN_INFO | MOQ_CAN_UPDATE |
                   MOQ_CAN_BITRATE;
    assert_int_equal(version_row(V02)->can, 0);
    assert_int_equal(version_row(V03)->can, all);
    assert_int_equal(version_row(V04)->can, MOQ_CAN_LIVE);
}

static void a_server_takes_03_then_02_then_04(void **state)
{
    (void)state;
    assert_int_equal(version_pick(MOQ_VERSION_ALL), V03);
    assert_int_equal(version_pick(V02 | V04), V02);
    assert_int_equal(version_pick(V04), V04);
    assert_int_equal(version_pick(0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_have_their_numbers),
        cmocka_unit_test(a_name_may_lack_its_zero),
        cmocka_unit_test(every_version_has_one_row_and_all_together_are_all),
        cmocka_unit_test(what_is_no_version_can_do_nothing),
        cmocka_unit_test(only_03_is_known_to_do_all),
        cmocka_unit_test(a_server_takes_03_then_02_then_04),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
