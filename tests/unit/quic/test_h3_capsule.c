/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Capsules, however they are cut, and the one that closes a session. */
#include "fake_conn.h"
#include "tests/unit/prologue.h"

#include <string.h>

#include "quic/h3.h"

static void capsules_are_the_same_however_they_are_cut(void **state)
{
    (void)state;
    struct h3_span all = fake_span("5f07 00 800078ae 00 21 03 010203 6843 09 000001a4 7465ff0a74");
    for (size_t cut = 0; cut <= all.n; cut++) {
        struct h3_capsules capsules;
        h3_capsules_init(&capsules);
        assert_int_equal(h3_capsules_feed(&capsules, (struct h3_span){all.data, cut}), 0);
        assert_int_equal(h3_capsules_feed(&capsules, (struct h3_span){all.data + cut, all.n - cut}),
                         0);
        assert_true(capsules.is_draining);
        assert_true(capsules.is_closed);
        assert_int_equal(capsules.code, 420);
        assert_string_equal(h3_capsules_reason(&capsules), "te\xff?t");
        assert_true(h3_capsules_are_whole(&capsules));
    }
}

static void a_cut_capsule_is_not_whole_and_closes_nothing(void **state)
{
    (void)state;
    struct h3_span all = fake_span("6843 08 000001a4 74657374");
    for (size_t cut = 0; cut < all.n; cut++) {
        struct h3_capsules capsules;
        h3_capsules_init(&capsules);
        assert_int_equal(h3_capsules_feed(&capsules, (struct h3_span){all.data, cut}), 0);
        assert_false(capsules.is_closed);
        assert_int_equal(h3_capsules_are_whole(&capsules), cut == 0);
        assert_string_equal(h3_capsules_reason(&capsules), "");
    }
}

static void a_reason_may_have_1024_bytes(void **state)
{
    (void)state;
    struct byte_buf out;
    struct h3_capsules capsules;
    char reason[H3_REASON_MAX_BYTES + 1];
    memset(reason, 'r', sizeof reason - 1);
    reason[sizeof reason - 1] = '\0';
    byte_buf_init(&out, 4096);
    assert_int_equal(h3_close_encode(&out, 0xfffffffe, reason), 0);
    h3_capsules_init(&capsules);
    size_t header = 1 + 2; /* DATA and its length */
    assert_int_equal(
        h3_capsules_feed(&capsules, (struct h3_span){out.data + header, out.size - header}), 0);
    assert_true(capsules.is_closed);
    assert_true(capsules.code == 0xfffffffe);
    assert_string_equal(h3_capsules_reason(&capsules), reason);
    byte_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(capsules_are_the_same_however_they_are_cut),
        cmocka_unit_test(a_cut_capsule_is_not_whole_and_closes_nothing),
        cmocka_unit_test(a_reason_may_have_1024_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
