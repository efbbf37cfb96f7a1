/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The session stream: which version is agreed on, what may arrive before, and every way in which it
 * fails. */
#include "pair.h"

#include <string.h>

static void the_best_common_version_is_agreed(void **state)
{
    (void)state;
    static const struct {
        uint32_t client, server, agreed;
    } cases[] = {
        {MOQ_VERSION_ALL, MOQ_VERSION_ALL, MOQ_VERSION_03},
        {MOQ_VERSION_02 | MOQ_VERSION_04, MOQ_VERSION_ALL, MOQ_VERSION_02},
        {MOQ_VERSION_04, MOQ_VERSION_ALL, MOQ_VERSION_04},
        {MOQ_VERSION_ALL, MOQ_VERSION_04, MOQ_VERSION_04},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t piece = 0; piece < 20; piece++) {
            struct pair pair;
            pair_init(&pair, &(struct options){.version = cases[i].server,
                                               .client_versions = cases[i].client,
                                               .piece = piece});
            assert_int_equal(moq_session_version(pair.peer[CLIENT].session), cases[i].agreed);
            assert_int_equal(moq_session_version(pair.peer[SERVER].session), cases[i].agreed);
            assert_int_equal(pair.peer[CLIENT].ready, 1);
            assert_int_equal(pair.peer[SERVER].ready, 1);
            pair_deinit(&pair);
        }
}

static void without_a_common_version_both_sides_are_told(void **state)
{
    (void)state;
    struct pair pair;
    pair_init(&pair,
              &(struct options){.version = MOQ_VERSION_03, .client_versions = MOQ_VERSION_02});
    assert_int_equal(pair.peer[CLIENT].ready, 0);
    assert_int_equal(pair.peer[SERVER].close_error, MOQ_ERR_VERSION);
    assert_int_equal(pair.peer[CLIENT].close_error, MOQ_ERR_VERSION);
    assert_string_equal(pair.peer[SERVER].reason, "unsupported version");
    pair_deinit(&pair);
}

static void a_server_answers_as_the_specification_shows(void **state)
{
    (void)state;
    struct pair pair;
    pair_init(&pair, &(struct options){.has_no_client = true});
    struct wire_stream *session =
        open_hex(&pair.wire, CLIENT, true, "00 01 c0000000ff0bad02 01 00 01 03");
    assert_string_equal(hex_of(&session->half[SERVER]), "c0000000ff0bad0200");
    say_hex(session, CLIENT, "4082 c0000000ff0bad02 07"); /* SESSION_UPDATEs mean nothing to us */
    assert_int_equal(pair.peer[SERVER].closed, 0);

    wire_end_stream(session, CLIENT);
    assert_ended(session, SERVER);
    assert_int_equal(pair.wire.end[SERVER].close_code, 0);
    pair_deinit(&pair);
}

static void a_client_offers_newest_first(void **state)
{
    (void)state;
    struct pair pair;
    pair_init(&pair, &(struct options){.has_no_server = true});
    struct wire_stream *session = wire_nth(&pair.wire, CLIENT, true, 0);
    assert_string_equal(hex_of(&session->half[CLIENT]), "0003c0000000ff0bad04"
                                                        "c0000000ff0bad03c0000000ff0bad0200");
    say_hex(session, SERVER, "c0000000ff0bad03 00");
    assert_int_equal(moq_session_version(pair.peer[CLIENT].session), MOQ_VERSION_03);
    pair_deinit(&pair);
}

/* With whatever code: one of them means that the transport is gone, but it is not when a peer says
 * so. */
static void a_session_ends_with_its_stream(void **state)
{
    (void)state;
    for (uint32_t code = 0; code < 32; code++)
        for (int i = 0; i < 2; i++) {
            struct pair pair;
            pair_init(&pair, &(struct options){.has_no_client = true});
            struct wire_stream *session =
                open_hex(&pair.wire, CLIENT, true, "00 01 c0000000ff0bad02 01 00 01 03");
            assert_int_equal(pair.peer[SERVER].ready, 1);
            (i ? wire_stop : wire_reset)(session, CLIENT, code);
            assert_true(pair.wire.end[SERVER].is_closed);
            assert_int_equal(pair.peer[SERVER].closed, 1);
            pair_deinit(&pair);
        }
}

/* How a server of ours closes when the client says `hex` on its first stream and then nothing, an
 * end or a reset. */
static uint32_t code_after(const char *hex, char then)
{
    struct pair pair;
    pair_init(&pair, &(struct options){.has_no_client = true});
    struct wire_stream *stream = open_hex(&pair.wire, CLIENT, true, hex);
    if (then == 'e' && !pair.wire.is_dead)
        wire_end_stream(stream, CLIENT);
    if (then == 'r' && !pair.wire.is_dead)
        wire_reset(stream, CLIENT, 0);
    if (then == 's' && !pair.wire.is_dead)
        wire_stop(stream, CLIENT, 0);
    if (then == 't')
        wire_pass(&pair.wire, 10001);
    assert_true(pair.wire.end[SERVER].is_closed);
    assert_int_equal(pair.peer[SERVER].closed, 1);
    uint32_t code = pair.wire.end[SERVER].close_code;
    pair_deinit(&pair);
    return code;
}

static void a_broken_greeting_closes_the_session_with_its_code(void **state)
{
    (void)state;
    assert_int_equal(code_after("00 01 c0000000ff0bad07 00", 0), 9);
    assert_int_equal(code_after("00 00 00", 0), 9);
    assert_int_equal(code_after("00 4041", 0), 5); /* 65 versions */
    assert_int_equal(code_after("00 01 c0000000ff0bad02 02 0000 0000", 0),
                     5); /* one extension twice */
    assert_int_equal(code_after("00 01 c0000000ff0bad02 01 00 5001", 0), 5); /* 4097 bytes of one */
    assert_int_equal(code_after("00 01 c0", 'e'), 5);
    assert_int_equal(code_after("00 01 c0", 'r'), 5);
    assert_int_equal(code_after("00 01 c0", 's'), 5);
    assert_int_equal(code_after("00 01 c0", 't'), 5);
    assert_int_equal(code_after("", 't'), 4);
    assert_int_equal(code_after(HEX_OFFER_02, 'e'), 0);
    assert_int_equal(code_after(HEX_OFFER_02, 'r'), 0);
    assert_int_equal(code_after(HEX_OFFER_02, 's'), 0);
    assert_int_equal(code_after(HEX_OFFER_02 "c0", 'e'), 0);
}

static void a_greeting_cut_at_any_byte_closes_with_a_decode_error(void **state)
{
    (void)state;
    char hex[] = "0001c0000000ff0bad02010001";
    for (size_t n = strlen(hex); n > 2; n -= 2) {
        hex[n] = 0;
        assert_int_equal(code_after(hex, 'e'), 5);
        assert_int_equal(code_after(hex, 't'), 5);
    }
}

static void a_later_protocol_is_told_at_once(void **state)
{
    (void)state;
    assert_int_equal(code_after("4040 02 c0000000ff0dad01", 0), 10);
}

static void a_first_stream_of_another_type_gets_ten_seconds(void **state)
{
    (void)state;
    assert_int_equal(code_after(HEX_SUBSCRIBE_02, 't'), 10);
}

static void streams_that_overtake_the_greeting_wait_for_it(void **state)
{
    (void)state;
    for (size_t piece = 0; piece < 4; piece++) {
        struct pair pair;
        pair_init(&pair, &(struct options){.has_no_client = true, .piece = piece});
        struct wire_stream *subscribe = open_hex(&pair.wire, CLIENT, true, HEX_SUBSCRIBE_02);
        struct wire_stream *unknown = open_hex(&pair.wire, CLIENT, true, "07");
        struct wire_stream *cut = open_hex(&pair.wire, CLIENT, true, HEX_SUBSCRIBE_02);
        wire_reset(cut, CLIENT, 0);
        struct wire_stream *ended = open_hex(&pair.wire, CLIENT, true, "02 00 01");
        wire_end_stream(ended, CLIENT);
        assert_int_equal(pair.peer[SERVER].requests, 0);

        open_hex(&pair.wire, CLIENT, true, HEX_OFFER_02);

        assert_int_equal(pair.peer[SERVER].requests, 1);
        assert_false(subscribe->half[SERVER].has_reset);
        assert_aborted(unknown, SERVER, 5);
        assert_reset(cut, SERVER, 0);
        assert_reset(ended, SERVER, 5);
        pair_deinit(&pair);
    }
}

static void what_waits_for_the_greeting_is_bounded(void **state)
{
    (void)state;
    struct pair pair;
    pair_init(&pair, &(struct options){.has_no_client = true});
    struct wire_stream *streams[18];
    for (size_t i = 0; i < 18; i++)
        streams[i] = open_hex(&pair.wire, CLIENT, true, "02");
    assert_false(streams[15]->half[SERVER].has_reset);
    assert_aborted(streams[16], SERVER, 11);
    assert_aborted(streams[17], SERVER, 11);

    static const uint8_t much[9000];
    for (size_t i = 0; i < 8; i++)
        wire_say(streams[i], CLIENT, much, sizeof much);
    assert_false(streams[6]->half[SERVER].has_reset);
    assert_aborted(streams[7], SERVER, 11);
    wire_say(streams[8], CLIENT, much, 2000); /* what was refused gave its room back */
    assert_false(streams[8]->half[SERVER].has_reset);
    pair_deinit(&pair);
}

static void a_second_session_stream_is_alone_in_its_fate(void **state)
{
    (void)state;
    struct pair pair;
    pair_init(&pair, &(struct options){.has_no_client = true});
    open_hex(&pair.wire, CLIENT, true, HEX_OFFER_02);
    struct wire_stream *second = open_hex(&pair.wire, CLIENT, true, HEX_OFFER_02);
    assert_aborted(second, SERVER, 10);
    assert_int_equal(pair.peer[SERVER].closed, 0);
    pair_deinit(&pair);

    pair_init(&pair, &(struct options){.has_no_client = true});
    open_hex(&pair.wire, CLIENT, true, "00 01");
    second = open_hex(&pair.wire, CLIENT, true, "00");
    assert_aborted(second, SERVER, 10);
    assert_int_equal(pair.peer[SERVER].closed, 0);
    pair_deinit(&pair);
}

static void a_server_may_not_open_a_session_stream(void **state)
{
    (void)state;
    struct pair pair;
    pair_init(&pair, &(struct options){.has_no_server = true});
    say_hex(wire_nth(&pair.wire, CLIENT, true, 0), SERVER, "c0000000ff0bad02 00");
    struct wire_stream *stream = open_hex(&pair.wire, SERVER, true, "00");
    assert_aborted(stream, CLIENT, 10);
    assert_int_equal(pair.peer[CLIENT].closed, 0);
    pair_deinit(&pair);
}

static int client_error_after(const char *hex, char then)
{
    struct pair pair;
    pair_init(&pair, &(struct options){.has_no_server = true, .version = MOQ_VERSION_02});
    struct wire_stream *stream = wire_nth(&pair.wire, CLIENT, true, 0);
    say_hex(stream, SERVER, hex);
    if (then == 'e')
        wire_end_stream(stream, SERVER);
    if (then == 'r')
        wire_reset(stream, SERVER, 9);
    if (then == 't')
        wire_pass(&pair.wire, 10001);
    if (!pair.peer[CLIENT].closed)
        wire_pass(&pair.wire, 501); /* no other reason comes */
    assert_int_equal(pair.peer[CLIENT].closed, 1);
    int error = pair.peer[CLIENT].close_error;
    pair_deinit(&pair);
    return error;
}

static void a_client_learns_why_it_was_not_let_in(void **state)
{
    (void)state;
    assert_int_equal(client_error_after("c0000000ff0bad03 00", 0), MOQ_ERR_VERSION);
    assert_int_equal(client_error_after("", 'r'), MOQ_ERR_VERSION);
    assert_int_equal(client_error_after("", 'e'), MOQ_ERR_VERSION);
    assert_int_equal(client_error_after("c000", 'e'), MOQ_ERR_DECODE);
    assert_int_equal(client_error_after("c0000000ff0bad02 02 0000 0000", 0), MOQ_ERR_DECODE);
    assert_int_equal(client_error_after("", 't'), MOQ_ERR_TIMEOUT);
}

static void a_server_that_refuses_has_the_last_word(void **state)
{
    (void)state;
    static const char how[] = {'e', 'r'};
    for (size_t i = 0; i < sizeof how; i++) {
        struct pair pair;
        pair_init(&pair, &(struct options){.has_no_server = true, .version = MOQ_VERSION_02});
        struct wire_stream *stream = wire_nth(&pair.wire, CLIENT, true, 0);
        if (how[i] == 'e')
            wire_end_stream(stream, SERVER);
        else
            wire_reset(stream, SERVER, 6);
        wire_pass(&pair.wire, 400);
        assert_int_equal(pair.peer[CLIENT].closed, 0);
        pair.wire.end[SERVER].is_closed = true;
        pair.wire.end[SERVER].close_code = (uint32_t)moq_error_to_wire(MOQ_ERR_UNAUTHORIZED);
        strcpy(pair.wire.end[SERVER].close_reason, "no token");
        wire_run(&pair.wire);
        assert_int_equal(pair.peer[CLIENT].close_error, MOQ_ERR_UNAUTHORIZED);
        assert_string_equal(pair.peer[CLIENT].reason, "no token");
        pair_deinit(&pair);
    }
}

static void a_client_waits_for_credit_with_its_greeting(void **state)
{
    (void)state;
    struct wire wire;
    wire_init(&wire);
    wire.end[CLIENT].bidi_credit = 0;
    static const struct moq_session_events events;
    struct moq_session_config config = {
        .versions = MOQ_VERSION_02, .clock = &wire.clock, .events = &events};
    wire.end[CLIENT].session = moq_session_new(&config, wire_transport(&wire, CLIENT));
    wire_run(&wire);
    assert_null(wire_nth(&wire, CLIENT, true, 0));

    wire_grant(&wire, CLIENT, 1, 0);
    wire_run(&wire);
    assert_non_null(wire_nth(&wire, CLIENT, true, 0));
    wire_deinit(&wire);
}

static void closing_in_order_ends_the_session_stream(void **state)
{
    (void)state;
    struct pair pair;
    pair_init(&pair, &(struct options){0});
    moq_session_close(pair.peer[SERVER].session, MOQ_ERR_CANCELLED, "good night");
    wire_run(&pair.wire);
    assert_int_equal(pair.wire.end[SERVER].close_code, 0);
    assert_string_equal(pair.peer[SERVER].reason, "good night");
    assert_int_equal(pair.peer[SERVER].closed, 1);
    assert_int_equal(pair.peer[CLIENT].closed, 1);
    pair_deinit(&pair);
}

/* Crate 0.12 says 04 and means paths as strings. */
static void the_string_dialect_of_04_is_refused_by_name(void **state)
{
    (void)state;
    static const char *const openings[] = {
        "01 0a 2f64656d6f2f6262622f",              /* filter /demo/bbb/ */
        "02 01 09 2f64656d6f2f626262 82 01 00 00", /* subscribe */
        "03 23 2f64656d6f2f6262622f313733363839393230303030302f766964656f312e6b617270",
    };
    for (size_t i = 0; i < 3; i++) {
        struct pair pair;
        pair_init(&pair, &(struct options){.has_no_client = true});
        open_hex(&pair.wire, CLIENT, true, HEX_OFFER_04);
        open_hex(&pair.wire, CLIENT, true, openings[i]);
        wire_pass(&pair.wire, 600);
        assert_int_equal(pair.wire.end[SERVER].close_code, 9);
        assert_non_null(strstr(pair.peer[SERVER].reason, "string"));
        pair_deinit(&pair);
    }
}

static void an_array_path_in_single_bytes_is_not_taken_for_a_string(void **state)
{
    (void)state;
    struct pair pair;
    pair_init(&pair, &(struct options){.has_no_client = true, .piece = 1});
    open_hex(&pair.wire, CLIENT, true, HEX_OFFER_04);
    struct wire_stream *stream = wire_open(&pair.wire, CLIENT, true);
    say_hex(stream, CLIENT, "01 02 2f");
    for (size_t i = 0; i < 47; i++) {
        say_hex(stream, CLIENT, "61");
        wire_pass(&pair.wire, 1);
    }
    say_hex(stream, CLIENT, "01 62");
    wire_pass(&pair.wire, 1000);
    assert_int_equal(pair.peer[SERVER].closed, 0);
    assert_string_equal(hex_of(&stream->half[SERVER]), "02"); /* live: there is nothing */
    pair_deinit(&pair);
}

/* A held session: its owner has not decided yet. */
static struct moq_session *hold(struct wire *wire)
{
    static const struct moq_session_events no_events;
    struct moq_session_config config = {.is_server = true,
                                        .is_held = true,
                                        .versions = MOQ_VERSION_ALL,
                                        .clock = &wire->clock,
                                        .events = &no_events};
    wire_init(wire);
    wire->end[SERVER].session = moq_session_new(&config, wire_transport(wire, SERVER));
    return wire->end[SERVER].session;
}

static void a_held_session_answers_when_it_is_released(void **state)
{
    (void)state;
    struct wire wire;
    struct moq_session *session = hold(&wire);
    struct wire_stream *greeting = open_hex(&wire, CLIENT, true, HEX_OFFER_03);
    struct wire_stream *early = open_hex(&wire, CLIENT, true, "01 00");
    assert_string_equal(hex_of(&greeting->half[SERVER]), "");
    assert_int_equal(moq_session_version(session), 0);

    moq_session_release(session);
    wire_run(&wire);

    assert_string_equal(hex_of(&greeting->half[SERVER]), "c0000000ff0bad0300");
    assert_string_equal(hex_of(&early->half[SERVER]), "02");
    wire_deinit(&wire);
}

static void only_03_is_told_of_a_bitrate_and_only_of_news(void **state)
{
    (void)state;
    static const uint32_t versions[] = {MOQ_VERSION_02, MOQ_VERSION_03, MOQ_VERSION_04};
    static const bool has_bitrate[] = {false, true, false};
    for (size_t i = 0; i < 3; i++) {
        struct pair pair;
        pair_init(&pair, &(struct options){.version = versions[i]});
        struct moq_session *us = pair.peer[SERVER].session, *them = pair.peer[CLIENT].session;
        bool is_told = has_bitrate[i];

        moq_session_set_bitrate(us, 1000000);
        wire_run(&pair.wire);
        assert_int_equal(moq_session_peer_bitrate(them), is_told ? 1000000 : 0);

        pair.wire.clock.now_ns += MOQ_BITRATE_PAUSE_NS;
        moq_session_set_bitrate(us, 1099999); /* less than a tenth */
        wire_run(&pair.wire);
        assert_int_equal(moq_session_peer_bitrate(them), is_told ? 1000000 : 0);
        moq_session_set_bitrate(us, 2000000);
        moq_session_set_bitrate(us, 3000000); /* too soon */
        moq_session_set_bitrate(us, 4000000);
        wire_run(&pair.wire);
        assert_int_equal(moq_session_peer_bitrate(them), is_told ? 2000000 : 0);
        wire_pass(&pair.wire, MOQ_BITRATE_PAUSE_NS / NS_PER_MS);
        assert_int_equal(moq_session_peer_bitrate(them), is_told ? 4000000 : 0);
        pair_deinit(&pair);
    }
}

static void a_session_that_is_never_released_times_out(void **state)
{
    (void)state;
    struct wire wire;
    hold(&wire);
    open_hex(&wire, CLIENT, true, HEX_OFFER_03);
    wire_pass(&wire, 10001);
    assert_true(wire.end[SERVER].is_closed);
    wire_deinit(&wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_common_version_is_agreed),
        cmocka_unit_test(without_a_common_version_both_sides_are_told),
        cmocka_unit_test(a_server_answers_as_the_specification_shows),
        cmocka_unit_test(a_client_offers_newest_first),
        cmocka_unit_test(a_broken_greeting_closes_the_session_with_its_code),
        cmocka_unit_test(a_greeting_cut_at_any_byte_closes_with_a_decode_error),
        cmocka_unit_test(a_later_protocol_is_told_at_once),
        cmocka_unit_test(a_first_stream_of_another_type_gets_ten_seconds),
        cmocka_unit_test(streams_that_overtake_the_greeting_wait_for_it),
        cmocka_unit_test(what_waits_for_the_greeting_is_bounded),
        cmocka_unit_test(a_second_session_stream_is_alone_in_its_fate),
        cmocka_unit_test(a_server_may_not_open_a_session_stream),
        cmocka_unit_test(a_client_learns_why_it_was_not_let_in),
        cmocka_unit_test(a_server_that_refuses_has_the_last_word),
        cmocka_unit_test(a_client_waits_for_credit_with_its_greeting),
        cmocka_unit_test(closing_in_order_ends_the_session_stream),
        cmocka_unit_test(the_string_dialect_of_04_is_refused_by_name),
        cmocka_unit_test(a_held_session_answers_when_it_is_released),
        cmocka_unit_test(a_session_ends_with_its_stream),
        cmocka_unit_test(a_session_that_is_never_released_times_out),
        cmocka_unit_test(only_03_is_told_of_a_bitrate_and_only_of_news),
        cmocka_unit_test(an_array_path_in_single_bytes_is_not_taken_for_a_string),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
