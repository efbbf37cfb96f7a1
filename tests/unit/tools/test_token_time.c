/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* tools/token_time.c: a time from now on, a date, or a number. */
#include "tools/token_time.h"

#include "tests/unit/prologue.h"

#define NOW INT64_C(1750000000)

static void assert_time(const char *text, int64_t expected)
{
    int64_t seconds = -1;
    assert_true(token_time_parse(text, NOW, &seconds));
    assert_int_equal(seconds, expected);
}

static void times_from_now_on_have_a_unit(void **state)
{
    (void)state;
    assert_time("now", NOW);
    assert_time("90s", NOW + 90);
    assert_time("15m", NOW + 900);
    assert_time("1h", NOW + 3600);
    assert_time("1.5h", NOW + 5400);
    assert_time("30d", NOW + 30 * 86400);
    assert_time("0s", NOW);
}

static void numbers_count_from_1970(void **state)
{
    (void)state;
    assert_time("0", 0);
    assert_time("1750000000", NOW);
    assert_time("253402300799", INT64_C(253402300799));
}

static void dates_may_have_a_zone(void **state)
{
    (void)state;
    assert_time("1970-01-01T00:00:00Z", 0);
    assert_time("2025-06-15T15:06:40Z", NOW);
    assert_time("2025-06-15t15:06:40z", NOW);
    assert_time("2025-06-15 15:06:40Z", NOW);
    assert_time("2025-06-15T15:06:40.999Z", NOW);
    assert_time("2025-06-15T17:06:40+02:00", NOW);
    assert_time("2025-06-15T11:36:40-03:30", NOW);
    assert_time("2024-02-29T00:00:00Z", INT64_C(1709164800));
    assert_time("9999-12-31T23:59:59Z", INT64_C(253402300799));
}

static void everything_else_is_refused(void **state)
{
    static const char *const texts[] = {"",
                                        " ",
                                        "soon",
                                        "-1",
                                        "+5",
                                        "1x",
                                        "h",
                                        "d",
                                        "1.d",
                                        "-5d",
                                        "253402300800",
                                        "1e9",
                                        "0x10",
                                        "2025-06-15",
                                        "2025-06-15T15:06:40",
                                        "2025-06-15T15:06Z",
                                        "2025-02-29T00:00:00Z",
                                        "2025-13-01T00:00:00Z",
                                        "2025-06-15T24:00:00Z",
                                        "2025-06-15T15:60:00Z",
                                        "2025-06-15T15:06:40+",
                                        "2025-06-15T15:06:40+24:00",
                                        "2025-06-15T15:06:40Zx",
                                        "2025-06-15T15:06:40+02:00x",
                                        "2025-06-15x15:06:40Z",
                                        "1969-12-31T23:59:59Z",
                                        "1750000000000",
                                        "99999999999999999999",
                                        "100001d"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int64_t seconds;
        if (token_time_parse(texts[i], NOW, &seconds))
            fail_msg("%s: %lld", texts[i], (long long)seconds);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_from_now_on_have_a_unit),
        cmocka_unit_test(numbers_count_from_1970),
        cmocka_unit_test(dates_may_have_a_zone),
        cmocka_unit_test(everything_else_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
