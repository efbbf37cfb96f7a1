/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Header blocks: which requests and answers they make, and which errors. */
#include "fake_conn.h"
#include "tests/unit/prologue.h"

#include <string.h>

#include "quic/h3.h"

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
        assert_true(h3_fields_decode(fake_span(blocks[i]), true, &fields) ==
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
    struct h3_span wanted = fake_span(connect_request);
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
