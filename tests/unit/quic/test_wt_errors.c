/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Errors that end a connection and those that end only a stream: frames in the wrong place, streams
 * that must not end, limits. */
#include "fake_conn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "quic/wt_internal.h"

enum place { ON_CONTROL, ON_REQUEST, AFTER_HEADERS, PLACE_COUNT };

static const struct {
    uint64_t type;
    uint64_t at_server[PLACE_COUNT], at_client[PLACE_COUNT]; /* 0: it may be here */
} rules[] = {
#define UNEXPECTED H3_FRAME_UNEXPECTED
    {0x00, {UNEXPECTED, UNEXPECTED, 0}, {UNEXPECTED, UNEXPECTED, 0}},
    {0x02, {UNEXPECTED, UNEXPECTED, UNEXPECTED}, {UNEXPECTED, UNEXPECTED, UNEXPECTED}},
    {0x03, {0, UNEXPECTED, UNEXPECTED}, {0, UNEXPECTED, UNEXPECTED}},
    {0x04, {UNEXPECTED, UNEXPECTED, UNEXPECTED}, {UNEXPECTED, UNEXPECTED, UNEXPECTED}},
    {0x05, {UNEXPECTED, UNEXPECTED, UNEXPECTED}, {UNEXPECTED, H3_ID_ERROR, H3_ID_ERROR}},
    {0x06, {UNEXPECTED, UNEXPECTED, UNEXPECTED}, {UNEXPECTED, UNEXPECTED, UNEXPECTED}},
    {0x08, {UNEXPECTED, UNEXPECTED, UNEXPECTED}, {UNEXPECTED, UNEXPECTED, UNEXPECTED}},
    {0x09, {UNEXPECTED, UNEXPECTED, UNEXPECTED}, {UNEXPECTED, UNEXPECTED, UNEXPECTED}},
    {0x0d, {0, UNEXPECTED, UNEXPECTED}, {UNEXPECTED, UNEXPECTED, UNEXPECTED}},
    {0x21, {0, 0, 0}, {0, 0, 0}},
    {0x40, {0, 0, 0}, {0, 0, 0}},
    {0x7e, {0, 0, 0}, {0, 0, 0}},
    {0xf0700, {0, 0, 0}, {0, 0, 0}},
    {0xf0701, {0, 0, 0}, {0, 0, 0}},
    {0x3fffffffffffffff, {0, 0, 0}, {0, 0, 0}},
#undef UNEXPECTED
};

/* A connection at the point where the frame comes; `*id` is the stream it comes on. */
static struct fake_conn *conn_at(bool is_server, enum place place, int64_t *id)
{
    struct fake_conn *conn = fake_new(is_server);
    int64_t control = is_server ? 2 : 3;
    if (!is_server)
        wt_session_connect(conn->wt, "a", "/", "");
    fake_give_hex(conn, control, is_server ? chromium_settings : server_settings);
    if (place == AFTER_HEADERS)
        fake_give_hex(conn, 0, is_server ? connect_request : accepted_response);
    *id = place == ON_CONTROL ? control : 0;
    return conn;
}

static uint64_t result_of(bool is_server, enum place place, uint64_t type)
{
    int64_t id;
    uint8_t frame[16];
    struct fake_conn *conn = conn_at(is_server, place, &id);
    struct byte_buf bytes;
    byte_buf_init(&bytes, sizeof frame);
    byte_buf_append_varint(&bytes, type);
    byte_buf_append_byte(&bytes, 0);
    fake_give(conn, id, bytes.data, bytes.size, false);
    byte_buf_deinit(&bytes);
    uint64_t result = conn->failed;
    fake_free(&conn);
    return result;
}

static void each_frame_is_allowed_or_not_in_each_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        for (int place = 0; place < PLACE_COUNT; place++) {
            uint64_t server = result_of(true, (enum place)place, rules[i].type);
            uint64_t client = result_of(false, (enum place)place, rules[i].type);
            if (server != rules[i].at_server[place] || client != rules[i].at_client[place])
                print_error("frame 0x%llx in place %d\n", (unsigned long long)rules[i].type, place);
            assert_true(server == rules[i].at_server[place]);
            assert_true(client == rules[i].at_client[place]);
        }
}

/* Gives `hex` on stream `id` of a new connection and returns the connection error. */
static uint64_t failure_of(bool is_server, int64_t id, const char *hex, bool is_end)
{
    struct fake_conn *conn = fake_new(is_server);
    uint8_t bytes[256];
    size_t n = fake_hex(hex, bytes, sizeof bytes);
    fake_give(conn, id, bytes, n, is_end);
    uint64_t failed = conn->failed;
    assert_int_equal(conn->fail_count, failed != 0);
    fake_free(&conn);
    return failed;
}

static void a_control_stream_begins_with_settings(void **state)
{
    static const char *const first[] = {"00 07 01 00", "00 00 00", "00 21 00", "00 0d 01 00"};
    (void)state;
    for (size_t i = 0; i < sizeof first / sizeof *first; i++)
        assert_true(failure_of(true, 2, first[i], false) == H3_MISSING_SETTINGS);
}

static void there_is_one_control_stream(void **state)
{
    static const char *const types[] = {"00 04 00", "02", "03"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct fake_conn *conn = fake_new(true);
        fake_give_hex(conn, 2, types[i]);
        assert_int_equal(conn->failed, 0);
        fake_give_hex(conn, 6, types[i]);
        assert_true(conn->failed == H3_STREAM_CREATION_ERROR);
        fake_free(&conn);
    }
}

static void critical_streams_must_not_end(void **state)
{
    static const char *const types[] = {"00 04 00", "00", "02", "03"};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        assert_true(failure_of(true, 2, types[i], true) == H3_CLOSED_CRITICAL_STREAM);
        assert_true(failure_of(false, 3, types[i], true) == H3_CLOSED_CRITICAL_STREAM);

        struct fake_conn *conn = fake_new(true);
        fake_give_hex(conn, 2, types[i]);
        wt_session_stream_reset(conn->wt, 2, H3_NO_ERROR);
        assert_true(conn->failed == H3_CLOSED_CRITICAL_STREAM);
        fake_free(&conn);
    }
    struct fake_conn *ours = fake_new(true); /* STOP_SENDING on ours */
    wt_session_stream_reset(ours->wt, 3, H3_NO_ERROR);
    assert_true(ours->failed == H3_CLOSED_CRITICAL_STREAM);
    fake_free(&ours);
}

static void other_streams_may_end_before_they_begin(void **state)
{
    (void)state;
    assert_int_equal(failure_of(true, 2, "", true), 0);
    assert_int_equal(failure_of(true, 2, "40", true), 0);
    assert_int_equal(failure_of(true, 2, "40 54", true), 0);
    assert_int_equal(failure_of(true, 2, "21 00", true), 0);
    assert_int_equal(failure_of(true, 0, "", true), 0);
    assert_int_equal(failure_of(true, 0, "40 41", true), 0);
    assert_int_equal(failure_of(false, 1, "40 41", true), 0);
}

static void push_streams_do_not_exist(void **state)
{
    (void)state;
    assert_true(failure_of(true, 2, "01", false) == H3_STREAM_CREATION_ERROR);
    assert_true(failure_of(false, 3, "01", false) == H3_ID_ERROR);
}

static void a_session_id_is_a_requests(void **state)
{
    static const char *const ids[] = {"40 54 01", "40 54 02", "40 54 03", "40 54 ffffffffffffffff"};
    (void)state;
    for (size_t i = 0; i < 4; i++)
        assert_true(failure_of(true, 6, ids[i], false) == H3_ID_ERROR);
    assert_true(failure_of(true, 4, "40 41 01", false) == H3_ID_ERROR);
    assert_true(failure_of(false, 1, "40 41 06", false) == H3_ID_ERROR);
}

static void a_server_sends_no_requests(void **state)
{
    (void)state;
    assert_true(failure_of(false, 1, "01 03 0000d9", false) == H3_STREAM_CREATION_ERROR);
    assert_true(failure_of(false, 1, "21 00", false) == H3_STREAM_CREATION_ERROR);
}

static void the_webtransport_type_only_opens_a_stream(void **state)
{
    (void)state;
    assert_true(failure_of(true, 0, "21 00 4041 00", false) == H3_FRAME_ERROR);
    assert_true(failure_of(true, 2, "00 0400 4041 00", false) == H3_FRAME_ERROR);
    struct fake_conn *conn = fake_new(true);
    fake_give_hex(conn, 0, connect_request);
    fake_give_hex(conn, 0, "4041 00");
    assert_true(conn->failed == H3_FRAME_ERROR);
    fake_free(&conn);
}

static void frames_cut_by_the_end_break_the_connection(void **state)
{
    (void)state;
    assert_true(failure_of(true, 0, "01 45", true) == H3_FRAME_ERROR);
    assert_true(failure_of(true, 0, "01 4045 0000", true) == H3_FRAME_ERROR);
    assert_true(failure_of(true, 0, "21 05 00", true) == H3_FRAME_ERROR);
}

static void headers_after_the_connect_are_unexpected(void **state)
{
    (void)state;
    struct fake_conn *conn = fake_new(true);
    fake_give_hex(conn, 0, connect_request);
    fake_give_hex(conn, 0, "01 00");
    assert_true(conn->failed == H3_FRAME_UNEXPECTED);
    fake_free(&conn);
}

static void goaway_is_one_falling_integer(void **state)
{
    static const struct {
        const char *hex;
        uint64_t failed;
    } goaways[] = {
        {"07 01 08 07 01 08 07 01 04", 0}, {"07 01 04 07 01 08", H3_ID_ERROR},
        {"07 01 05", H3_ID_ERROR},         {"07 00", H3_FRAME_ERROR},
        {"07 01 40", H3_FRAME_ERROR},      {"07 02 04 00", H3_FRAME_ERROR},
        {"07 09 00", H3_FRAME_ERROR},
    };
    (void)state;
    for (size_t i = 0; i < sizeof goaways / sizeof *goaways; i++) {
        struct fake_conn *conn = fake_new(false);
        fake_give_hex(conn, 3, server_settings);
        fake_give_hex(conn, 3, goaways[i].hex);
        assert_true(conn->failed == goaways[i].failed);
        fake_free(&conn);
    }
}

static void limits_hold_before_anything_is_kept(void **state)
{
    (void)state;
    assert_true(failure_of(true, 2, "00 04 5001", false) == H3_EXCESSIVE_LOAD);
    assert_int_equal(failure_of(true, 2, "00 04 5000", false), 0);

    struct fake_conn *conn = fake_new(true);
    assert_int_equal(fake_give_hex(conn, 0, "01 80004001"), WT_STREAM_REJECTED);
    assert_true(fake_stream(conn, 0)->reset_code == H3_EXCESSIVE_LOAD);
    assert_int_equal(conn->failed, 0);
    assert_int_equal(fake_give_hex(conn, 4, "01 80004000"), WT_STREAM_INTERNAL);
    fake_free(&conn);
}

static void unfinished_headers_share_one_budget(void **state)
{
    (void)state;
    static uint8_t part[4 + H3_HEADERS_MAX_BYTES - 1] = {0x01, 0x80, 0x00, 0x40};
    struct fake_conn *conn = fake_new(true);
    int64_t id = 0;
    for (; id < 16; id += 4) {
        fake_give(conn, id, part, 5, false);
        assert_int_equal(fake_give(conn, id, part + 5, sizeof part - 5, false), WT_STREAM_INTERNAL);
    }
    fake_give(conn, id, part, 5, false);
    assert_int_equal(fake_give(conn, id, part + 5, 4096, false), WT_STREAM_REJECTED);
    assert_true(fake_stream(conn, id)->reset_code == H3_EXCESSIVE_LOAD);

    wt_session_stream_closed(conn->wt, 0);
    fake_give_hex(conn, 40, connect_request);
    assert_int_equal(conn->established_count, 1);
    fake_free(&conn);
}

static void malformed_messages_cost_only_their_stream(void **state)
{
    (void)state;
    struct fake_conn *conn = fake_new(true);
    assert_int_equal(fake_give_hex(conn, 0, "01 03 0000cf"), WT_STREAM_REJECTED);
    assert_true(fake_stream(conn, 0)->reset_code == H3_MESSAGE_ERROR);
    assert_true(fake_stream(conn, 0)->stop_code == H3_MESSAGE_ERROR);
    assert_int_equal(conn->failed, 0);
    fake_give_hex(conn, 4, connect_request);
    assert_int_equal(conn->established_count, 1);
    fake_free(&conn);
}

static void a_malformed_answer_is_a_refusal(void **state)
{
    (void)state;
    struct fake_conn *conn = fake_new(false);
    wt_session_connect(conn->wt, "a", "/", "");
    fake_give_hex(conn, 3, server_settings);
    assert_int_equal(fake_give_hex(conn, 0, "01 02 0000"), WT_STREAM_REJECTED);
    assert_int_equal(conn->refused_count, 1);
    assert_int_equal(conn->failed, 0);
    fake_free(&conn);
}

static void a_bad_header_block_breaks_the_connection(void **state)
{
    (void)state;
    assert_true(failure_of(true, 0, "01 03 020080", false) == H3_QPACK_DECOMPRESSION_FAILED);
    assert_true(failure_of(true, 0, "01 00", false) == H3_QPACK_DECOMPRESSION_FAILED);
}

static void an_ordinary_request_gets_its_status_and_is_forgotten(void **state)
{
    (void)state;
    struct fake_conn *conn = fake_new(true);
    /* GET https a /: static 17, 23, literal authority, static 1 */
    fake_give_hex(conn, 0, "01 08 0000 d1 d7 500161 c1");
    assert_true(fake_sent_is(conn, 0, "01 03 0000db"));
    assert_true(fake_stream(conn, 0)->is_finished);
    fake_give_hex(conn, 0, "00 02 ffff 01 00 4041");
    fake_end(conn, 0);
    assert_int_equal(conn->failed, 0);
    /* POST: static 20 */
    fake_give_hex(conn, 4, "01 08 0000 d4 d7 500161 c1");
    assert_true(fake_sent_is(conn, 4, "01 08 00005f0903343035"));
    fake_free(&conn);
}

static void a_request_that_is_reset_is_ended_by_us_too(void **state)
{
    static const char *const begun[] = {"", "01", "40", "40 41", "40 41 00", "01 4045 0000"};
    (void)state;
    for (size_t i = 0; i < sizeof begun / sizeof *begun; i++) {
        struct fake_conn *conn = fake_new(true);
        fake_give_hex(conn, 4, begun[i]);
        wt_session_stream_reset(conn->wt, 4, H3_REQUEST_CANCELLED);
        assert_true(fake_stream(conn, 4)->reset_code == H3_REQUEST_CANCELLED);
        assert_int_equal(conn->failed, 0);
        wt_session_stream_closed(conn->wt, 4);
        fake_free(&conn);
    }
}

static void a_stream_that_is_only_stopped_may_still_speak(void **state)
{
    (void)state;
    struct fake_conn *conn = established_server();
    fake_give_hex(conn, 4, "40");
    wt_session_stream_stopped(conn->wt, 4, h3_code_from_app(1));
    wt_session_stream_stopped(conn->wt, 8, h3_code_from_app(1));
    assert_int_equal(fake_stream(conn, 4)->reset_code, 0);
    assert_int_equal(fake_give_hex(conn, 4, "41 00 aa"), WT_STREAM_APPLICATION);

    wt_session_stream_stopped(conn->wt, 0, H3_NO_ERROR);
    assert_int_equal(conn->closed_count, 1);
    wt_session_stream_stopped(conn->wt, 3, H3_NO_ERROR);
    assert_true(conn->failed == H3_CLOSED_CRITICAL_STREAM);
    fake_free(&conn);
}

static void datagrams_need_a_connection_that_has_them(void **state)
{
    (void)state;
    struct fake_conn *conn = fake_new(true);
    wt_session_set_no_datagrams(conn->wt);
    fake_give_hex(conn, 2, chromium_settings);
    assert_true(conn->failed == H3_SETTINGS_ERROR);
    fake_free(&conn);
}

static void nothing_is_heard_after_a_failure(void **state)
{
    (void)state;
    struct fake_conn *conn = fake_new(true);
    fake_give_hex(conn, 2, "00 00 00");
    assert_int_equal(fake_give_hex(conn, 0, connect_request), WT_STREAM_REJECTED);
    assert_int_equal(conn->request_count, 0);
    assert_int_equal(conn->fail_count, 1);
    wt_session_stream_reset(conn->wt, 3, 0);
    assert_int_equal(conn->fail_count, 1);
    assert_int_equal(wt_session_close(conn->wt, 0, ""), MOQ_ERR_CLOSED);
    fake_free(&conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_frame_is_allowed_or_not_in_each_place),
        cmocka_unit_test(a_control_stream_begins_with_settings),
        cmocka_unit_test(there_is_one_control_stream),
        cmocka_unit_test(critical_streams_must_not_end),
        cmocka_unit_test(other_streams_may_end_before_they_begin),
        cmocka_unit_test(push_streams_do_not_exist),
        cmocka_unit_test(a_session_id_is_a_requests),
        cmocka_unit_test(a_server_sends_no_requests),
        cmocka_unit_test(the_webtransport_type_only_opens_a_stream),
        cmocka_unit_test(frames_cut_by_the_end_break_the_connection),
        cmocka_unit_test(headers_after_the_connect_are_unexpected),
        cmocka_unit_test(goaway_is_one_falling_integer),
        cmocka_unit_test(limits_hold_before_anything_is_kept),
        cmocka_unit_test(unfinished_headers_share_one_budget),
        cmocka_unit_test(malformed_messages_cost_only_their_stream),
        cmocka_unit_test(a_malformed_answer_is_a_refusal),
        cmocka_unit_test(a_bad_header_block_breaks_the_connection),
        cmocka_unit_test(an_ordinary_request_gets_its_status_and_is_forgotten),
        cmocka_unit_test(a_request_that_is_reset_is_ended_by_us_too),
        cmocka_unit_test(a_stream_that_is_only_stopped_may_still_speak),
        cmocka_unit_test(datagrams_need_a_connection_that_has_them),
        cmocka_unit_test(nothing_is_heard_after_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
