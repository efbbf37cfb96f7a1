/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* SETTINGS of known peers and of others: what they enable, and what is an error in them. */
#include "fake_conn.h"
#include "tests/unit/prologue.h"

#include "quic/h3.h"

static uint64_t parse(const char *hex, struct h3_settings *settings)
{
    struct h3_span span = fake_span(hex);
    return h3_settings_parse(span.data, span.n, settings);
}

static void settings_of_known_peers_enable_webtransport(void **state)
{
    static const char *const peers[] = {server_settings, client_settings, chromium_settings,
                                        rust_settings};
    (void)state;
    for (size_t i = 0; i < sizeof peers / sizeof *peers; i++) {
        struct h3_settings settings;
        struct h3_span span = fake_span(peers[i]);
        assert_int_equal(h3_settings_parse(span.data + 3, span.n - 3, &settings), 0);
        assert_true(settings.has_webtransport);
        assert_true(settings.has_datagrams);
        assert_true(settings.has_rfc_datagrams);
    }
}

static void ids_and_values_may_have_any_length(void **state)
{
    (void)state;
    struct h3_settings settings;
    assert_int_equal(parse("c000000000000033 80000001 c00000002b603742 4001", &settings), 0);
    assert_true(settings.has_webtransport && settings.has_rfc_datagrams);
    assert_int_equal(parse("", &settings), 0);
    assert_false(settings.has_webtransport || settings.has_datagrams);
}

static void settings_that_contradict_are_errors(void **state)
{
    static const char *const bad[] = {
        "3301 3301",                                   /* twice */
        "21 05 4021 05",                               /* twice, in another length */
        "0200",          "0300", "0400",       "0500", /* of HTTP/2 */
        "0802",          "3302", "80ffd27702", "ab60374202", "33 80000002",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct h3_settings settings;
        assert_true(parse(bad[i], &settings) == H3_SETTINGS_ERROR);
    }
}

static void settings_that_are_no_pairs_are_frame_errors(void **state)
{
    (void)state;
    struct h3_settings settings;
    struct h3_span whole = fake_span(server_settings + 8);
    size_t ends[] = {2, 7, 9, 11, 13, 18, 23, 28, 37, 42}; /* where a pair ends */
    for (size_t cut = 1; cut <= whole.n; cut++) {
        bool is_whole = false;
        for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
            is_whole |= ends[i] == cut;
        assert_true(h3_settings_parse(whole.data, cut, &settings) ==
                    (is_whole ? 0 : (uint64_t)H3_FRAME_ERROR));
    }
}

static void too_many_settings_are_refused(void **state)
{
    (void)state;
    uint8_t bytes[(H3_SETTINGS_MAX_PAIRS + 1) * 3];
    for (size_t i = 0; i <= H3_SETTINGS_MAX_PAIRS; i++) {
        bytes[3 * i] = (uint8_t)(0x50 | i >> 8);
        bytes[3 * i + 1] = (uint8_t)i;
        bytes[3 * i + 2] = 0;
    }
    struct h3_settings settings;
    assert_int_equal(h3_settings_parse(bytes, sizeof bytes - 3, &settings), 0);
    assert_true(h3_settings_parse(bytes, sizeof bytes, &settings) == H3_EXCESSIVE_LOAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_of_known_peers_enable_webtransport),
        cmocka_unit_test(ids_and_values_may_have_any_length),
        cmocka_unit_test(settings_that_contradict_are_errors),
        cmocka_unit_test(settings_that_are_no_pairs_are_frame_errors),
        cmocka_unit_test(too_many_settings_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
