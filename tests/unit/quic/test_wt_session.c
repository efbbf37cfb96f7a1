/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A session's life at a server and at a client: start, CONNECT and its answer, close. */
#include "fake_conn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- start ----------------------------------------------------------------------------------- */

static void a_server_sends_its_settings_first(void **state)
{
    (void)state;
    struct fake_conn *conn = fake_new(true);
    assert_true(fake_sent_is(conn, 3, server_settings));
    assert_false(fake_stream(conn, 3)->is_finished);
    fake_free(&conn);
}

static void a_client_sends_its_settings_first(void **state)
{
    (void)state;
    struct fake_conn *conn = fake_new(false);
    assert_true(fake_sent_is(conn, 2, client_settings));
    fake_free(&conn);
}

static void a_client_waits_for_settings_before_it_asks(void **state)
{
    (void)state;
    struct fake_conn *conn = connecting_client();
    assert_int_equal(fake_stream(conn, 0)->sent_size, 0);

    fake_give_hex(conn, 3, server_settings);

    assert_true(fake_sent_is(conn, 0, connect_request));
    assert_false(fake_stream(conn, 0)->is_finished);
    fake_free(&conn);
}

static void a_client_asks_when_settings_came_before(void **state)
{
    (void)state;
    struct fake_conn *conn = fake_new(false);
    fake_give_hex(conn, 3, rust_settings);
    assert_int_equal(wt_session_connect(conn->wt, "localhost:4443", "/demo/bbb", ""), 0);
    assert_true(fake_sent_is(conn, 0, connect_request));
    assert_int_equal(wt_session_connect(conn->wt, "localhost", "/", ""), MOQ_ERR_INVALID);
    fake_free(&conn);
}

static void without_credit_it_waits_and_then_goes_on(void **state)
{
    (void)state;
    struct fake_conn *conn = connecting_client();
    conn->credit = 0;
    fake_give_hex(conn, 3, server_settings);
    wt_session_credit(conn->wt);
    assert_int_equal(fake_stream(conn, 0)->sent_size, 0);

    conn->credit = 1;
    wt_session_credit(conn->wt);

    assert_true(fake_sent_is(conn, 0, connect_request));
    fake_free(&conn);
}

static void a_server_without_webtransport_is_told_apart(void **state)
{
    (void)state;
    struct fake_conn *conn = connecting_client();
    fake_give_hex(conn, 3, "00 04 04 0801 3301");
    assert_true(conn->failed == H3_WT_REQUIREMENTS_NOT_MET);
    assert_non_null(strstr(conn->fail_reason, "WebTransport"));
    fake_free(&conn);
}

static void a_server_without_datagrams_is_told_apart(void **state)
{
    (void)state;
    struct fake_conn *conn = connecting_client();
    fake_give_hex(conn, 3, "00 04 07 3300 ab60374201");
    assert_true(conn->failed == H3_WT_REQUIREMENTS_NOT_MET);
    assert_non_null(strstr(conn->fail_reason, "datagrams"));
    fake_free(&conn);
}

static void any_drafts_enabling_setting_will_do(void **state)
{
    static const char *const enabling[] = {
        "00 04 07 3301 ab60374201", "00 04 07 3301 ab60374301", "00 04 0b 3301 c0000000c671706a01",
        "00 04 07 3301 94e9cd2901", "00 04 07 3301 ac7cf00001", "00 04 0a 80ffd27701 ab60374201",
    };
    (void)state;
    for (size_t i = 0; i < sizeof enabling / sizeof *enabling; i++) {
        struct fake_conn *conn = connecting_client();
        fake_give_hex(conn, 3, enabling[i]);
        assert_int_equal(conn->failed, 0);
        assert_true(fake_sent_is(conn, 0, connect_request));
        fake_free(&conn);
    }
}

/* ---- CONNECT and its answer ------------------------------------------------------------------ */

static void a_server_accepts_with_the_frozen_answer(void **state)
{
    (void)state;
    struct fake_conn *conn = established_server();
    assert_string_equal(conn->authority, "localhost:4443");
    assert_string_equal(conn->path, "/demo/bbb");
    assert_string_equal(conn->origin, "");
    assert_true(fake_sent_is(conn, 0, accepted_response));
    assert_int_equal(conn->established_count, 1);
    fake_free(&conn);
}

static void a_server_may_answer_later(void **state)
{
    (void)state;
    struct fake_conn *conn = fake_new(true);
    conn->status = 0;
    fake_give_hex(conn, 2, rust_settings);
    fake_give_hex(conn, 0, connect_request);
    assert_false(wt_session_is_established(conn->wt));

    assert_int_equal(wt_session_respond(conn->wt, 200, ""), 0);

    assert_true(wt_session_is_established(conn->wt));
    assert_int_equal(wt_session_respond(conn->wt, 200, ""), MOQ_ERR_CLOSED);
    fake_free(&conn);
}

static void a_refused_client_may_ask_again(void **state)
{
    (void)state;
    struct fake_conn *conn = fake_new(true);
    conn->status = 404;
    fake_give_hex(conn, 0, connect_request);
    assert_true(fake_sent_is(conn, 0, "01 03 0000db"));
    assert_true(fake_stream(conn, 0)->is_finished);
    assert_true(fake_stream(conn, 0)->stop_code == H3_NO_ERROR);
    assert_int_equal(conn->failed, 0);

    conn->status = 200;
    fake_give_hex(conn, 4, connect_request);

    assert_true(fake_sent_is(conn, 4, accepted_response));
    assert_int_equal(conn->established_count, 1);
    fake_free(&conn);
}

/* Hands what a server says on the CONNECT's stream to a client. */
static void relay_answer(struct fake_conn *server, struct fake_conn *client)
{
    const struct fake_stream *stream = fake_stream(server, 0);
    fake_give_hex(client, 3, server_settings);
    fake_give(client, 0, stream->sent, stream->sent_size, true);
}

static void the_words_of_a_refusal_reach_the_client(void **state)
{
    static char long_words[H3_REASON_MAX_BYTES + 10];
    static const struct {
        const char *said, *heard;
    } cases[] = {{"no token", "no token"},
                 {"", ""},
                 {"two\r\nlines\t\x7f", "two??lines??"},
                 {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
                 {long_words, NULL}};
    (void)state;
    memset(long_words, 'x', sizeof long_words - 1);
    for (size_t i = 0; i < 5; i++) {
        struct fake_conn *server = fake_new(true), *client = connecting_client();
        server->status = 401;
        server->chosen = cases[i].said;
        fake_give_hex(server, 0, connect_request);
        assert_true(fake_stream(server, 0)->is_finished);
        relay_answer(server, client);
        assert_int_equal(client->refused_count, 1);
        assert_int_equal(client->refused_status, 401);
        if (cases[i].heard)
            assert_string_equal(client->refused_words, cases[i].heard);
        else
            assert_int_equal(strlen(client->refused_words), H3_REASON_MAX_BYTES);
        assert_int_equal(client->failed, 0);
        fake_free(&server);
        fake_free(&client);
    }
}

static void a_second_session_is_refused(void **state)
{
    (void)state;
    struct fake_conn *conn = established_server();
    fake_give_hex(conn, 4, connect_request);
    assert_true(fake_sent_is(conn, 4, "01 08 00005f0903343239")); /* 429 */
    assert_true(fake_stream(conn, 4)->is_finished);
    assert_int_equal(conn->request_count, 1);
    assert_true(wt_session_is_established(conn->wt));
    fake_free(&conn);
}

static void a_client_is_up_with_any_2xx(void **state)
{
    static const char *const answers[] = {"01 03 0000d9", "01 04 0000ff01",
                                          "01 08 00005f0903323031"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct fake_conn *conn = connecting_client();
        fake_give_hex(conn, 3, server_settings);
        fake_give_hex(conn, 0, answers[i]);
        assert_int_equal(conn->established_count, 1);
        fake_free(&conn);
    }
}

static void a_client_is_told_of_a_refusal(void **state)
{
    static const struct {
        const char *hex;
        int status;
    } answers[] = {{"01 03 0000db", 404}, {"01 04 0000ff05", 403}, {"01 08 00005f0903343239", 429}};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct fake_conn *conn = connecting_client();
        fake_give_hex(conn, 3, server_settings);
        fake_give_hex(conn, 0, answers[i].hex);
        fake_end(conn, 0);
        assert_int_equal(conn->refused_count, 1);
        assert_int_equal(conn->refused_status, answers[i].status);
        assert_int_equal(conn->failed, 0);
        assert_true(wt_session_is_over(conn->wt));
        assert_true(fake_stream(conn, 0)->is_finished);
        fake_free(&conn);
    }
}

static void interim_answers_are_passed_over(void **state)
{
    (void)state;
    struct fake_conn *conn = connecting_client();
    fake_give_hex(conn, 3, server_settings);
    fake_give_hex(conn, 0, "01 04 0000ff00"); /* 100 */
    assert_int_equal(conn->established_count, 0);
    fake_give_hex(conn, 0, "21 02 abcd 01 03 0000d9");
    assert_int_equal(conn->established_count, 1);
    fake_free(&conn);
}

static void an_answer_that_never_comes_is_a_refusal(void **state)
{
    (void)state;
    struct fake_conn *ended = connecting_client();
    fake_give_hex(ended, 3, server_settings);
    fake_end(ended, 0);
    assert_int_equal(ended->refused_count, 1);
    assert_int_equal(ended->refused_status, 0);
    fake_free(&ended);

    struct fake_conn *reset = connecting_client();
    fake_give_hex(reset, 3, server_settings);
    wt_session_stream_reset(reset->wt, 0, H3_REQUEST_REJECTED);
    assert_int_equal(reset->refused_count, 1);
    fake_free(&reset);
}

static void a_refusal_is_read_though_the_request_was_stopped_before(void **state)
{
    (void)state;
    struct fake_conn *conn = connecting_client();
    fake_give_hex(conn, 3, server_settings);
    wt_session_stream_stopped(conn->wt, 0, H3_NO_ERROR);
    assert_int_equal(conn->refused_count, 0);
    fake_give_hex(conn, 0, "01 03 0000db");
    assert_int_equal(conn->refused_status, 404);
    fake_free(&conn);
}

static void goaway_before_the_request_is_a_refusal(void **state)
{
    (void)state;
    struct fake_conn *conn = connecting_client();
    conn->credit = 0;
    fake_give_hex(conn, 3, server_settings);
    fake_give_hex(conn, 3, "07 01 00");
    assert_int_equal(conn->refused_count, 1);
    assert_int_equal(conn->refused_status, 503);
    fake_free(&conn);
}

static void goaway_leaves_a_running_session_alone(void **state)
{
    (void)state;
    struct fake_conn *conn = established_client();
    fake_give_hex(conn, 3, "07 01 04");
    assert_true(wt_session_is_established(conn->wt));
    assert_int_equal(conn->failed, 0);
    fake_free(&conn);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void the_peers_close_has_code_and_reason(void **state)
{
    (void)state;
    struct fake_conn *conn = established_server();
    fake_give_hex(conn, 0, "00 0b 6843 08 000001a4 74657374");
    assert_int_equal(conn->closed_count, 1);
    assert_int_equal(conn->closed_code, 420);
    assert_string_equal(conn->closed_reason, "test");
    assert_true(fake_stream(conn, 0)->is_finished);
    assert_true(wt_session_is_over(conn->wt));

    fake_end(conn, 0);
    assert_int_equal(conn->closed_count, 1);
    assert_int_equal(fake_give_hex(conn, 4, "40 41 00"), WT_STREAM_REJECTED);
    assert_true(fake_stream(conn, 4)->reset_code == H3_WT_SESSION_GONE);
    fake_free(&conn);
}

static void capsules_may_span_data_frames(void **state)
{
    (void)state;
    struct fake_conn *conn = established_server();
    fake_give_hex(conn, 0,
                  "00 05 800078ae00 00 01 68 00 03 430800 21 00 00 00 00 07 0001a474657374");
    assert_int_equal(conn->closed_code, 420);
    assert_string_equal(conn->closed_reason, "test");
    fake_free(&conn);
}

static void a_clean_end_without_close_is_code_zero(void **state)
{
    (void)state;
    struct fake_conn *conn = established_server();
    fake_end(conn, 0);
    assert_int_equal(conn->closed_count, 1);
    assert_int_equal(conn->closed_code, 0);
    assert_true(fake_stream(conn, 0)->is_finished);
    assert_int_equal(conn->failed, 0);
    fake_free(&conn);
}

static void a_reset_ends_the_session(void **state)
{
    (void)state;
    struct fake_conn *conn = established_server();
    wt_session_stream_reset(conn->wt, 0, h3_code_from_app(7));
    wt_session_stream_reset(conn->wt, 0, h3_code_from_app(7));
    assert_int_equal(conn->closed_count, 1);
    assert_int_equal(conn->closed_code, 7);
    assert_int_equal(conn->failed, 0);
    wt_session_stream_closed(conn->wt, 0);
    assert_int_equal(conn->closed_count, 1);
    fake_free(&conn);
}

static void bytes_behind_close_are_a_message_error(void **state)
{
    (void)state;
    struct fake_conn *conn = established_server();
    assert_int_equal(fake_give_hex(conn, 0, "00 08 6843 04 00000001 00"), WT_STREAM_REJECTED);
    assert_int_equal(conn->closed_count, 1);
    assert_int_equal(conn->closed_code, 1);
    assert_true(fake_stream(conn, 0)->stop_code == H3_MESSAGE_ERROR);
    assert_int_equal(conn->failed, 0);
    fake_free(&conn);
}

static void a_bad_close_ends_the_session_with_code_zero(void **state)
{
    static const char *const bad[] = {
        "00 06 6843 03 000000", /* no room for a code */
        "00 05 6843 4405 00",   /* a reason of 1025 bytes */
        "00 0b 6843 c000000000ffffff 00",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fake_conn *conn = established_server();
        assert_int_equal(fake_give_hex(conn, 0, bad[i]), WT_STREAM_REJECTED);
        assert_int_equal(conn->closed_count, 1);
        assert_int_equal(conn->closed_code, 0);
        assert_true(fake_stream(conn, 0)->reset_code == H3_MESSAGE_ERROR);
        assert_int_equal(conn->failed, 0);
        fake_free(&conn);
    }
}

static void a_capsule_cut_by_the_end_is_a_message_error(void **state)
{
    (void)state;
    struct fake_conn *conn = established_server();
    fake_give_hex(conn, 0, "00 03 6843 08");
    fake_end(conn, 0);
    assert_int_equal(conn->closed_count, 1);
    assert_true(fake_stream(conn, 0)->reset_code == H3_MESSAGE_ERROR);
    assert_int_equal(conn->failed, 0);
    fake_free(&conn);
}

static void our_close_is_answered_by_the_peers_end(void **state)
{
    (void)state;
    struct fake_conn *conn = established_client();
    size_t before = fake_stream(conn, 0)->sent_size;
    assert_int_equal(wt_session_close(conn->wt, 420, "test"), 0);
    assert_int_equal(wt_session_close(conn->wt, 420, "test"), MOQ_ERR_CLOSED);
    assert_false(wt_session_is_over(conn->wt));
    struct fake_stream *connect = fake_stream(conn, 0);
    assert_int_equal(connect->sent_size - before, 13);
    assert_memory_equal(connect->sent + before, "\x00\x0b\x68\x43\x08\x00\x00\x01\xa4test", 13);
    assert_true(connect->is_finished);

    fake_end(conn, 0);

    assert_true(wt_session_is_over(conn->wt));
    assert_int_equal(conn->closed_count, 0);
    fake_free(&conn);
}

static void a_page_that_is_turned_away_is_told_why(void **state)
{
    (void)state;
    struct fake_conn *server = fake_new(true), *client = connecting_client();
    server->status = 0;
    fake_give_hex(client, 3, server_settings);
    fake_give_hex(server, 0, connect_request);
    assert_int_equal(wt_session_turn_away(server->wt), 0);
    assert_int_equal(wt_session_turn_away(server->wt), MOQ_ERR_CLOSED);
    assert_int_equal(server->established_count, 0);
    struct fake_stream *answer = fake_stream(server, 0);
    assert_false(answer->is_finished);
    assert_int_equal(wt_session_close(server->wt, 6, "expired"), 0);
    assert_false(wt_session_is_over(server->wt));

    assert_true(answer->is_finished);
    fake_give(client, 0, answer->sent, answer->sent_size, true);
    assert_int_equal(client->established_count, 1);
    assert_int_equal(client->closed_code, 6);
    assert_string_equal(client->closed_reason, "expired");

    fake_end(server, 0);
    assert_true(wt_session_is_over(server->wt));
    assert_int_equal(server->closed_count, 0);
    fake_free(&server);
    fake_free(&client);
}

static void both_may_close_at_once(void **state)
{
    (void)state;
    struct fake_conn *conn = established_server();
    wt_session_close(conn->wt, 0, "");
    fake_give_hex(conn, 0, "00 07 6843 04 00000000");
    fake_end(conn, 0);
    assert_true(wt_session_is_over(conn->wt));
    assert_int_equal(conn->closed_count, 0);
    assert_int_equal(conn->failed, 0);
    fake_free(&conn);
}

static void a_long_reason_is_cut_between_characters(void **state)
{
    (void)state;
    struct fake_conn *conn = established_server();
    char reason[1100];
    memset(reason, 'a', sizeof reason);
    memcpy(reason + 1023, "\xc3\xbc", 2);
    reason[sizeof reason - 1] = '\0';
    size_t before = fake_stream(conn, 0)->sent_size;
    assert_int_equal(wt_session_close(conn->wt, 1, reason), 0);
    struct fake_stream *connect = fake_stream(conn, 0);
    /* DATA, its length, CLOSE, its length (two bytes), code, and 1023 bytes of reason */
    assert_int_equal(connect->sent_size - before, 1 + 2 + 2 + 2 + 4 + 1023);
    assert_memory_equal(connect->sent + before, "\x00\x44\x07\x68\x43\x44\x03", 7);
    fake_free(&conn);
}

static void a_session_that_is_not_up_is_cancelled(void **state)
{
    (void)state;
    struct fake_conn *client = connecting_client();
    fake_give_hex(client, 3, server_settings);
    assert_int_equal(wt_session_close(client->wt, 3, "no"), 0);
    assert_true(fake_stream(client, 0)->reset_code == H3_REQUEST_CANCELLED);
    assert_true(wt_session_is_over(client->wt));
    fake_give_hex(client, 0, accepted_response);
    assert_int_equal(client->established_count, 0);
    fake_free(&client);

    struct fake_conn *server = fake_new(true);
    server->status = 0;
    fake_give_hex(server, 0, connect_request);
    assert_int_equal(wt_session_close(server->wt, 3, "no"), 0);
    assert_true(fake_stream(server, 0)->reset_code == H3_REQUEST_REJECTED);
    assert_int_equal(wt_session_respond(server->wt, 200, ""), MOQ_ERR_CLOSED);
    fake_free(&server);
}

static void a_request_withdrawn_before_the_answer_is_closed(void **state)
{
    (void)state;
    struct fake_conn *conn = fake_new(true);
    conn->status = 0;
    fake_give_hex(conn, 0, connect_request);
    fake_end(conn, 0);
    assert_int_equal(conn->closed_count, 1);
    assert_int_equal(wt_session_respond(conn->wt, 200, ""), MOQ_ERR_CLOSED);
    fake_free(&conn);
}

static void datagrams_are_checked_and_dropped(void **state)
{
    (void)state;
    struct fake_conn *conn = established_server();
    wt_session_datagram(conn->wt, (const uint8_t[]){0x00, 0x01}, 2);
    wt_session_datagram(conn->wt, (const uint8_t[]){0x3f}, 1);
    assert_int_equal(wt_session_datagrams_dropped(conn->wt), 2);
    assert_int_equal(conn->failed, 0);

    wt_session_datagram(conn->wt, (const uint8_t[]){0x40}, 1);
    assert_true(conn->failed == H3_DATAGRAM_ERROR);
    fake_free(&conn);

    conn = established_server();
    wt_session_datagram(conn->wt, (const uint8_t[]){0xd0, 0, 0, 0, 0, 0, 0, 0}, 8);
    assert_true(conn->failed == H3_DATAGRAM_ERROR);
    fake_free(&conn);
}

static void a_write_that_fails_ends_the_connection(void **state)
{
    (void)state;
    struct fake_conn *conn = fake_new(true);
    conn->write_error = MOQ_ERR_NOMEM;
    conn->status = 0;
    fake_give_hex(conn, 0, connect_request);
    assert_int_equal(wt_session_respond(conn->wt, 200, ""), MOQ_ERR_NOMEM);
    assert_true(conn->failed == H3_INTERNAL_ERROR);
    assert_int_equal(conn->fail_count, 1);
    assert_int_equal(conn->established_count, 0);
    fake_free(&conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_sends_its_settings_first),
        cmocka_unit_test(a_client_sends_its_settings_first),
        cmocka_unit_test(a_client_waits_for_settings_before_it_asks),
        cmocka_unit_test(a_client_asks_when_settings_came_before),
        cmocka_unit_test(without_credit_it_waits_and_then_goes_on),
        cmocka_unit_test(a_server_without_webtransport_is_told_apart),
        cmocka_unit_test(a_server_without_datagrams_is_told_apart),
        cmocka_unit_test(any_drafts_enabling_setting_will_do),
        cmocka_unit_test(a_server_accepts_with_the_frozen_answer),
        cmocka_unit_test(a_server_may_answer_later),
        cmocka_unit_test(a_refused_client_may_ask_again),
        cmocka_unit_test(the_words_of_a_refusal_reach_the_client),
        cmocka_unit_test(a_second_session_is_refused),
        cmocka_unit_test(a_client_is_up_with_any_2xx),
        cmocka_unit_test(a_client_is_told_of_a_refusal),
        cmocka_unit_test(interim_answers_are_passed_over),
        cmocka_unit_test(an_answer_that_never_comes_is_a_refusal),
        cmocka_unit_test(a_refusal_is_read_though_the_request_was_stopped_before),
        cmocka_unit_test(goaway_before_the_request_is_a_refusal),
        cmocka_unit_test(goaway_leaves_a_running_session_alone),
        cmocka_unit_test(the_peers_close_has_code_and_reason),
        cmocka_unit_test(capsules_may_span_data_frames),
        cmocka_unit_test(a_clean_end_without_close_is_code_zero),
        cmocka_unit_test(a_reset_ends_the_session),
        cmocka_unit_test(bytes_behind_close_are_a_message_error),
        cmocka_unit_test(a_bad_close_ends_the_session_with_code_zero),
        cmocka_unit_test(a_capsule_cut_by_the_end_is_a_message_error),
        cmocka_unit_test(our_close_is_answered_by_the_peers_end),
        cmocka_unit_test(a_page_that_is_turned_away_is_told_why),
        cmocka_unit_test(both_may_close_at_once),
        cmocka_unit_test(a_long_reason_is_cut_between_characters),
        cmocka_unit_test(a_session_that_is_not_up_is_cancelled),
        cmocka_unit_test(a_request_withdrawn_before_the_answer_is_closed),
        cmocka_unit_test(datagrams_are_checked_and_dropped),
        cmocka_unit_test(a_write_that_fails_ends_the_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
