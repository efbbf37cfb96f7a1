/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Streams of a session: early, late and foreign ones. The trace of a minimal session both ways, cut
 * at every byte. */
#include "fake_conn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- streams --------------------------------------------------------------------------------- */

static void streams_of_the_session_are_the_applications(void **state)
{
    (void)state;
    struct fake_conn *conn = established_server();
    assert_int_equal(fake_give_hex(conn, 4, "40 41 00 00 01"), WT_STREAM_APPLICATION);
    assert_true(fake_app_is(conn, 4, "00 01"));
    assert_int_equal(fake_give_hex(conn, 6, "80000054 c000000000000000 07"), WT_STREAM_APPLICATION);
    assert_true(fake_app_is(conn, 6, "07"));
    fake_free(&conn);
}

static void our_streams_begin_with_their_header(void **state)
{
    (void)state;
    struct fake_conn *server = fake_new(true);
    uint8_t header[WT_STREAM_HEADER_MAX_BYTES];
    assert_int_equal(wt_session_stream_header(server->wt, true, header), 0);
    fake_give_hex(server, 256, connect_request);
    assert_int_equal(wt_session_stream_header(server->wt, false, header), 4);
    assert_memory_equal(header, "\x40\x54\x41\x00", 4);
    assert_int_equal(wt_session_stream_header(server->wt, true, header), 4);
    assert_memory_equal(header, "\x40\x41\x41\x00", 4);
    fake_free(&server);
}

static void early_streams_are_parked_until_the_session_is_up(void **state)
{
    (void)state;
    struct fake_conn *conn = fake_new(true);
    assert_int_equal(fake_give_hex(conn, 4, "40"), WT_STREAM_MORE);
    assert_int_equal(fake_give_hex(conn, 4, "41 00 aa"), WT_STREAM_PARKED);
    assert_int_equal(fake_give_hex(conn, 6, "40 54 00 bb"), WT_STREAM_PARKED);
    assert_int_equal(fake_give_hex(conn, 6, "cc"), WT_STREAM_PARKED);

    fake_give_hex(conn, 0, connect_request);

    assert_int_equal(fake_give(conn, 4, NULL, 0, false), WT_STREAM_APPLICATION);
    assert_int_equal(fake_give(conn, 6, NULL, 0, false), WT_STREAM_APPLICATION);
    assert_true(fake_app_is(conn, 4, "aa"));
    assert_true(fake_app_is(conn, 6, "bb cc"));
    fake_free(&conn);
}

static void streams_of_a_refused_session_are_gone(void **state)
{
    (void)state;
    struct fake_conn *conn = fake_new(true);
    fake_give_hex(conn, 4, "40 41 00 aa");
    conn->status = 403;
    fake_give_hex(conn, 0, connect_request);
    assert_int_equal(fake_give(conn, 4, NULL, 0, false), WT_STREAM_REJECTED);
    assert_true(fake_stream(conn, 4)->reset_code == H3_WT_SESSION_GONE);
    assert_true(fake_stream(conn, 4)->stop_code == H3_WT_SESSION_GONE);
    assert_int_equal(fake_give_hex(conn, 6, "40 54 00"), WT_STREAM_REJECTED);
    assert_true(fake_stream(conn, 6)->stop_code == H3_WT_SESSION_GONE);
    fake_free(&conn);
}

static void no_more_than_sixteen_streams_are_parked(void **state)
{
    (void)state;
    struct fake_conn *conn = fake_new(true);
    for (int64_t i = 0; i < WT_PARKED_MAX_STREAMS; i++)
        assert_int_equal(fake_give_hex(conn, 6 + 4 * i, "40 54 00"), WT_STREAM_PARKED);
    assert_int_equal(fake_give_hex(conn, 102, "40 54 00"), WT_STREAM_REJECTED);
    assert_true(fake_stream(conn, 102)->stop_code == H3_WT_BUFFERED_STREAM_REJECTED);

    wt_session_stream_closed(conn->wt, 6);
    assert_int_equal(fake_give_hex(conn, 106, "40 54 00"), WT_STREAM_PARKED);
    fake_free(&conn);
}

static void streams_of_another_session_are_rejected(void **state)
{
    (void)state;
    struct fake_conn *conn = established_server();
    assert_int_equal(fake_give_hex(conn, 4, "40 41 08"), WT_STREAM_REJECTED);
    assert_true(fake_stream(conn, 4)->reset_code == H3_WT_BUFFERED_STREAM_REJECTED);
    assert_int_equal(conn->failed, 0);
    fake_free(&conn);
}

static void a_server_opens_streams_towards_a_client(void **state)
{
    (void)state;
    struct fake_conn *conn = established_client();
    assert_int_equal(fake_give_hex(conn, 1, "40 41 00 01 00"), WT_STREAM_APPLICATION);
    assert_int_equal(fake_give_hex(conn, 7, "40 54 00 00 01"), WT_STREAM_APPLICATION);
    assert_true(fake_app_is(conn, 1, "01 00"));
    fake_free(&conn);
}

static void greasing_is_swallowed_everywhere(void **state)
{
    (void)state;
    struct fake_conn *conn = fake_new(true);
    fake_give_hex(conn, 2, "00 04 07 21 05 3301 405f07");
    fake_give_hex(conn, 2, "21 03 010203 40ff 00 800f0700 02 0000 800f0701 00");
    assert_int_equal(fake_give_hex(conn, 6, "21 0000000041"), WT_STREAM_INTERNAL);
    fake_end(conn, 6);
    fake_give_hex(conn, 10, "02 00");
    fake_give_hex(conn, 14, "03");
    fake_give_hex(conn, 0, "21 02 aabb");
    fake_give_hex(conn, 0, connect_request);
    fake_give_hex(conn, 0, "40 40 01 ff  00 05 21 03 010203  00 06 405f 00 407e 00");
    assert_int_equal(conn->failed, 0);
    assert_true(wt_session_is_established(conn->wt));
    fake_free(&conn);
}

/* ---- the trace of a minimal session ---------------------------------------------------------- */

struct trace_row {
    int64_t id;
    const char *hex;
    bool is_end;
};

static const struct trace_row from_client[] = {
    {2, chromium_settings, false},
    {0, connect_request, false},
    {4, "404100 0001c0000000ff0bad0200", false},
    {0, "000b684308000001a474657374", true},
};

static const struct trace_row from_server[] = {
    {3, server_settings, false},
    {0, accepted_response, false},
    {1, "404100 0100", false},
    {7, "405400 00012a0568656c6c6f", false},
    {0, "", true},
};

/* Gives a row in two parts, of which the first has `cut` bytes. */
static void give_row(struct fake_conn *conn, const struct trace_row *row, size_t cut)
{
    uint8_t bytes[256];
    size_t n = fake_hex(row->hex, bytes, sizeof bytes);
    cut = cut < n ? cut : n;
    fake_give(conn, row->id, bytes, cut, false);
    fake_give(conn, row->id, bytes + cut, n - cut, row->is_end);
}

static void play_to_server(size_t cut)
{
    struct fake_conn *conn = fake_new(true);
    for (size_t i = 0; i < sizeof from_client / sizeof *from_client; i++)
        give_row(conn, &from_client[i], cut);
    assert_int_equal(conn->failed, 0);
    assert_int_equal(conn->established_count, 1);
    assert_true(fake_sent_is(conn, 0, accepted_response));
    assert_true(fake_app_is(conn, 4, "0001c0000000ff0bad0200"));
    assert_int_equal(conn->closed_count, 1);
    assert_int_equal(conn->closed_code, 420);
    assert_string_equal(conn->closed_reason, "test");
    assert_true(fake_stream(conn, 0)->is_finished);
    fake_free(&conn);
}

static void play_to_client(size_t cut)
{
    struct fake_conn *conn = connecting_client();
    for (size_t i = 0; i < sizeof from_server / sizeof *from_server; i++) {
        if (from_server[i].is_end)
            wt_session_close(conn->wt, 420, "test");
        give_row(conn, &from_server[i], cut);
    }
    assert_int_equal(conn->failed, 0);
    assert_int_equal(conn->established_count, 1);
    assert_true(fake_app_is(conn, 1, "0100"));
    assert_true(fake_app_is(conn, 7, "00012a0568656c6c6f"));
    assert_true(wt_session_is_over(conn->wt));
    fake_free(&conn);
}

static void the_trace_plays_cut_at_every_byte(void **state)
{
    (void)state;
    for (size_t cut = 0; cut <= 73; cut++) {
        play_to_server(cut);
        play_to_client(cut);
    }
}

static void the_trace_plays_byte_by_byte(void **state)
{
    (void)state;
    struct fake_conn *conn = fake_new(true);
    for (size_t i = 0; i < sizeof from_client / sizeof *from_client; i++) {
        uint8_t bytes[256];
        size_t n = fake_hex(from_client[i].hex, bytes, sizeof bytes);
        for (size_t at = 0; at < n; at++)
            fake_give(conn, from_client[i].id, bytes + at, 1, from_client[i].is_end && at + 1 == n);
    }
    assert_int_equal(conn->failed, 0);
    assert_int_equal(conn->closed_code, 420);
    fake_free(&conn);
}

/* Each row of the trace is cut and ended at each of its bytes, the rows before it being whole. */
static void every_truncation_has_the_smallest_victim(void **state)
{
    (void)state;
    size_t count = sizeof from_client / sizeof *from_client;
    for (size_t row = 0; row < count; row++) {
        uint8_t bytes[256];
        size_t n = fake_hex(from_client[row].hex, bytes, sizeof bytes);
        for (size_t cut = 0; cut < n; cut++) {
            struct fake_conn *conn = fake_new(true);
            for (size_t i = 0; i < row; i++)
                give_row(conn, &from_client[i], 0);
            fake_give(conn, from_client[row].id, bytes, cut, true);

            assert_int_equal(conn->established_count, row > 1);
            assert_int_equal(conn->closed_count, row == 3 && !conn->failed);
            assert_int_equal(conn->closed_code, 0);
            if (row == 0 && cut > 0) /* the control stream may not end; without a type it is none */
                assert_true(conn->failed == H3_CLOSED_CRITICAL_STREAM);
            if (row == 2)
                assert_int_equal(conn->failed, 0);
            fake_free(&conn);
        }
    }
}

static void a_client_and_a_server_of_ours_agree(void **state)
{
    (void)state;
    struct fake_conn *client = connecting_client(), *server = fake_new(true);
    struct fake_stream *from;
    from = fake_stream(client, 2);
    fake_give(server, 2, from->sent, from->sent_size, false);
    from = fake_stream(server, 3);
    fake_give(client, 3, from->sent, from->sent_size, false);
    from = fake_stream(client, 0);
    fake_give(server, 0, from->sent, from->sent_size, false);
    size_t asked = from->sent_size;
    from = fake_stream(server, 0);
    fake_give(client, 0, from->sent, from->sent_size, false);
    assert_int_equal(client->established_count + server->established_count, 2);

    wt_session_close(client->wt, 99, "bye");
    from = fake_stream(client, 0);
    fake_give(server, 0, from->sent + asked, from->sent_size - asked, true);
    assert_int_equal(server->closed_code, 99);
    assert_string_equal(server->closed_reason, "bye");
    assert_true(fake_stream(server, 0)->is_finished);
    fake_free(&client);
    fake_free(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_of_the_session_are_the_applications),
        cmocka_unit_test(our_streams_begin_with_their_header),
        cmocka_unit_test(early_streams_are_parked_until_the_session_is_up),
        cmocka_unit_test(streams_of_a_refused_session_are_gone),
        cmocka_unit_test(no_more_than_sixteen_streams_are_parked),
        cmocka_unit_test(streams_of_another_session_are_rejected),
        cmocka_unit_test(a_server_opens_streams_towards_a_client),
        cmocka_unit_test(greasing_is_swallowed_everywhere),
        cmocka_unit_test(the_trace_plays_cut_at_every_byte),
        cmocka_unit_test(the_trace_plays_byte_by_byte),
        cmocka_unit_test(every_truncation_has_the_smallest_victim),
        cmocka_unit_test(a_client_and_a_server_of_ours_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
