/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The parts that work on bytes alone: records, SETTINGS, capsules, header blocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_conn.h"
#include "quic/h3.h"

static struct h3_span span_of(const char *hex)
{
    static uint8_t bytes[FAKE_MAX_BYTES];
    return (struct h3_span){bytes, fake_hex(hex, bytes, sizeof bytes)};
}

/* ---- settings -------------------------------------------------------------------------------- */

static uint64_t parse(const char *hex, struct h3_settings *settings)
{
    struct h3_span span = span_of(hex);
    return h3_settings_parse(span.data, span.n, settings);
}

static void settings_of_known_peers_enable_webtransport(void **state)
{
    static const char *const peers[] = {server_settings, client_settings, chromium_settings,
                                        rust_settings};
    (void)state;
    for (size_t i = 0; i < sizeof peers / sizeof *peers; i++) {
        struct h3_settings settings;
        struct h3_span span = span_of(peers[i]);
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
    struct h3_span whole = span_of(server_settings + 8);
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

/* ---- records and capsules -------------------------------------------------------------------- */

static void a_record_of_any_length_is_skipped_by_counting(void **state)
{
    (void)state;
    struct h3_record record = {0};
    struct h3_span in = span_of("21 ffffffffffffffff 0000"), value;
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
    struct h3_span in = span_of("07 00"), value;
    assert_int_equal(h3_record_next(&record, &in, &value), H3_EVENT_BEGIN);
    assert_int_equal(h3_record_next(&record, &in, &value), H3_EVENT_END);
    assert_true(h3_record_is_between(&record));
    assert_int_equal(h3_record_next(&record, &in, &value), H3_EVENT_MORE);
}

static void capsules_are_the_same_however_they_are_cut(void **state)
{
    (void)state;
    struct h3_span all = span_of("5f07 00 800078ae 00 21 03 010203 6843 09 000001a4 7465ff0a74");
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
    struct h3_span all = span_of("6843 08 000001a4 74657374");
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

/* ---- header blocks --------------------------------------------------------------------------- */

/* A block of literal fields with literal names, from pairs that end with NULL. */
static struct h3_span literal_block(const char *const *pairs)
{
    static uint8_t block[H3_HEADERS_MAX_BYTES + 1024];
    size_t n = 2;
    block[0] = block[1] = 0;
    for (; *pairs; pairs += 2) {
        size_t name = strlen(pairs[0]), value = strlen(pairs[1]);
        assert_true(name < 100 && value < 100 && n + name + value + 6 < sizeof block);
        if (name < 7) {
            block[n++] = (uint8_t)(0x20 | name);
        } else {
            block[n++] = 0x27;
            block[n++] = (uint8_t)(name - 7);
        }
        memcpy(block + n, pairs[0], name);
        n += name;
        block[n++] = (uint8_t)value;
        memcpy(block + n, pairs[1], value);
        n += value;
    }
    return (struct h3_span){block, n};
}

/* What becomes of a request of these fields: a status, or minus the stream's error. */
static int64_t judge(const char *const *pairs)
{
    struct h3_fields fields;
    uint64_t code = h3_fields_decode(literal_block(pairs), true, &fields);
    int64_t result = code ? -(int64_t)code : h3_fields_judge_request(&fields);
    h3_fields_deinit(&fields);
    return result;
}

#define JUDGE(...) judge((const char *const[]){__VA_ARGS__, NULL})
#define CONNECT_FIELDS ":scheme", "https", ":authority", "a", ":path", "/x"

static void both_names_of_the_protocol_are_accepted(void **state)
{
    (void)state;
    assert_int_equal(JUDGE(":method", "CONNECT", CONNECT_FIELDS, ":protocol", "webtransport"), 200);
    assert_int_equal(JUDGE(":method", "CONNECT", CONNECT_FIELDS, ":protocol", "webtransport-h3"),
                     200);
    assert_int_equal(JUDGE(":protocol", "webtransport", ":path", "/", ":authority", "a", ":scheme",
                           "https", ":method", "CONNECT", "origin", "https://b", "x-y", "z"),
                     200);
}

static void other_requests_have_their_status(void **state)
{
    (void)state;
    assert_int_equal(JUDGE(":method", "GET", CONNECT_FIELDS), 404);
    assert_int_equal(JUDGE(":method", "HEAD", CONNECT_FIELDS), 404);
    assert_int_equal(JUDGE(":method", "POST", CONNECT_FIELDS), 405);
    assert_int_equal(JUDGE(":method", "CONNECT", ":authority", "a"), 405);
    assert_int_equal(JUDGE(":method", "CONNECT", CONNECT_FIELDS, ":protocol", "websocket"), 501);
    assert_int_equal(JUDGE(":method", "CONNECT", ":scheme", "http", ":authority", "a", ":path", "/",
                           ":protocol", "webtransport"),
                     400);
    assert_int_equal(JUDGE(":method", "CONNECT", ":scheme", "https", ":authority", "a", ":path",
                           "x", ":protocol", "webtransport"),
                     400);
}

static void each_pseudo_field_is_there_exactly_once(void **state)
{
    static const char *const all[] = {":method", "CONNECT", ":scheme", "https",     ":authority",
                                      "a",       ":path",   "/",       ":protocol", "webtransport"};
    (void)state;
    for (size_t field = 0; field < 5; field++) {
        const char *pairs[16] = {0};
        size_t n = 0;
        for (size_t i = 0; i < 5; i++)
            if (i != field) {
                pairs[n++] = all[2 * i];
                pairs[n++] = all[2 * i + 1];
            }
        assert_true(judge(pairs) == 0); /* also without :protocol: a plain CONNECT has no path */

        memcpy(pairs, all, sizeof all);
        pairs[10] = all[2 * field];
        pairs[11] = all[2 * field + 1];
        assert_true(judge(pairs) == -(int64_t)H3_MESSAGE_ERROR);
    }
}

static void malformed_fields_are_message_errors(void **state)
{
    (void)state;
#define BAD(...)                                                                                   \
    assert_true(JUDGE(":method", "CONNECT", CONNECT_FIELDS, ":protocol", "webtransport",           \
                      __VA_ARGS__) == -(int64_t)H3_MESSAGE_ERROR)
    BAD("Origin", "x");
    BAD("a b", "x");
    BAD("a:b", "x");
    BAD("", "x");
    BAD("name", "line\nbreak");
    BAD("name", "\x7f");
    BAD(":unknown", "x");
    BAD(":status", "200");
    BAD("connection", "close");
    BAD("transfer-encoding", "chunked");
    BAD("origin", "a", "origin", "b");
    assert_true(JUDGE("origin", "a", ":method", "CONNECT", CONNECT_FIELDS, ":protocol",
                      "webtransport") == -(int64_t)H3_MESSAGE_ERROR);
    assert_int_equal(JUDGE("x", "y"), 0);
    assert_int_equal(JUDGE(":method", "", CONNECT_FIELDS), 0);
    assert_int_equal(JUDGE(":method", "GET", CONNECT_FIELDS, ":protocol", "webtransport"), 0);
#undef BAD
}

static void a_list_over_16_kib_is_too_much(void **state)
{
    (void)state;
    const char *pairs[2 * 420 + 1] = {0};
    for (size_t i = 0; i < 420; i++) {
        pairs[2 * i] = "name";
        pairs[2 * i + 1] = "value";
    }
    assert_true(judge(pairs) == -(int64_t)H3_EXCESSIVE_LOAD);
    pairs[2 * 390] = NULL;
    assert_int_equal(judge(pairs), 0);
}

static void a_dynamic_table_is_a_decompression_failure(void **state)
{
    static const char *const blocks[] = {"",        "00",      "0200 80",
                                         "0000 80", "0000 ff", "0000 ffffffffffffff",
                                         "0000 2f", "0000 10", "0000 5f"};
    (void)state;
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        struct h3_fields fields;
        assert_true(h3_fields_decode(span_of(blocks[i]), true, &fields) ==
                    H3_QPACK_DECOMPRESSION_FAILED);
        h3_fields_deinit(&fields);
    }
}

static void a_request_is_encoded_as_the_trace_has_it(void **state)
{
    (void)state;
    struct byte_buf out;
    byte_buf_init(&out, H3_HEADERS_MAX_BYTES);
    assert_int_equal(h3_request_encode(&out, "localhost:4443", "/demo/bbb", ""), 0);
    struct h3_span wanted = span_of(connect_request);
    assert_int_equal(out.size, wanted.n);
    assert_memory_equal(out.data, wanted.data, wanted.n);
    byte_buf_deinit(&out);
}

static void a_path_without_end_is_refused(void **state)
{
    (void)state;
    static char path[H3_HEADERS_MAX_BYTES];
    struct byte_buf out;
    memset(path, '/', sizeof path - 1);
    byte_buf_init(&out, H3_HEADERS_MAX_BYTES);
    assert_int_equal(h3_request_encode(&out, "a", path, ""), MOQ_ERR_BOUNDS);
    byte_buf_deinit(&out);
}

static void every_answer_reads_back_as_its_status(void **state)
{
    (void)state;
    for (int status = 200; status <= 599; status++) {
        uint8_t frame[H3_RESPONSE_MAX_BYTES];
        size_t n = h3_response_encode(frame, status);
        struct h3_fields fields;
        assert_true(n > 2 && frame[0] == 0x01 && frame[1] == n - 2);
        assert_int_equal(h3_fields_decode((struct h3_span){frame + 2, n - 2}, false, &fields), 0);
        assert_int_equal(h3_fields_status(&fields), status);
        h3_fields_deinit(&fields);
    }
}

static void a_status_is_three_digits(void **state)
{
    static const char *const bad[] = {"", "20", "2000", "abc", "2x0", "099", "600", "-20"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct h3_fields fields = {.value = {[H3_FIELD_STATUS] = strdup(bad[i])}};
        assert_int_equal(h3_fields_status(&fields), 0);
        h3_fields_deinit(&fields);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_of_known_peers_enable_webtransport),
        cmocka_unit_test(ids_and_values_may_have_any_length),
        cmocka_unit_test(settings_that_contradict_are_errors),
        cmocka_unit_test(settings_that_are_no_pairs_are_frame_errors),
        cmocka_unit_test(too_many_settings_are_refused),
        cmocka_unit_test(a_record_of_any_length_is_skipped_by_counting),
        cmocka_unit_test(an_empty_record_ends_without_more_bytes),
        cmocka_unit_test(capsules_are_the_same_however_they_are_cut),
        cmocka_unit_test(a_cut_capsule_is_not_whole_and_closes_nothing),
        cmocka_unit_test(a_reason_may_have_1024_bytes),
        cmocka_unit_test(both_names_of_the_protocol_are_accepted),
        cmocka_unit_test(other_requests_have_their_status),
        cmocka_unit_test(each_pseudo_field_is_there_exactly_once),
        cmocka_unit_test(malformed_fields_are_message_errors),
        cmocka_unit_test(a_list_over_16_kib_is_too_much),
        cmocka_unit_test(a_dynamic_table_is_a_decompression_failure),
        cmocka_unit_test(a_request_is_encoded_as_the_trace_has_it),
        cmocka_unit_test(a_path_without_end_is_refused),
        cmocka_unit_test(every_answer_reads_back_as_its_status),
        cmocka_unit_test(a_status_is_three_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
