/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Records of any length, taken apart as their bytes come. */
#include "fake_conn.h"
#include "tests/unit/prologue.h"

#include "quic/h3.h"

static void a_record_of_any_length_is_skipped_by_counting(void **state)
{
    (void)state;
    struct h3_record record = {0};
    struct h3_span in = fake_span("21 ffffffffffffffff 0000"), value;
    assert_int_equal(h3_record_next(&record, &in, &value), H3_EVENT_BEGIN);
    assert_true(record.left == (UINT64_C(1) << 62) - 1);
    assert_int_equal(h3_record_next(&record, &in, &value), H3_EVENT_VALUE);
    assert_int_equal(value.n, 2);
    assert_int_equal(h3_record_next(&record, &in, &value), H3_EVENT_MORE);
    assert_false(h3_record_is_between(&record));
}

static void an_empty_record_ends_without_more_bytes(void **state)
{
    (void)state;
    struct h3_record record = {0};
    struct h3_span in = fake_span("07 00"), value;
    assert_int_equal(h3_record_next(&record, &in, &value), H3_EVENT_BEGIN);
    assert_int_equal(h3_record_next(&record, &in, &value), H3_EVENT_END);
    assert_true(h3_record_is_between(&record));
    assert_int_equal(h3_record_next(&record, &in, &value), H3_EVENT_MORE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_of_any_length_is_skipped_by_counting),
        cmocka_unit_test(an_empty_record_ends_without_more_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
