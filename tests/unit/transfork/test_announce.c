/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Announce streams: what is offered reaches whoever asked for its prefix, and what ends is told. */
#include "pair.h"

#include <stdio.h>
#include <string.h>

static const uint32_t versions[] = {MOQ_VERSION_02, MOQ_VERSION_03, MOQ_VERSION_04};

/* What a listener was told: "+path -path live closed". */
struct notes {
    char text[4096];
    int closed, close_error;
};

static void note(struct notes *notes, const char *mark, struct moq_path *path)
{
    char name[MOQ_PATH_TEXT_BYTES];
    size_t used = strlen(notes->text);
    snprintf(notes->text + used, sizeof notes->text - used, "%s%s%s", used ? " " : "", mark,
             path ? moq_path_text(path, name, sizeof name) : "");
}

static void on_active(struct moq_announced *announced, struct moq_path *path)
{
    note(moq_announced_user(announced), "+", path);
}

static void on_ended(struct moq_announced *announced, struct moq_path *path)
{
    note(moq_announced_user(announced), "-", path);
}

static void on_live(struct moq_announced *announced)
{
    note(moq_announced_user(announced), "live", NULL);
}

static void on_closed(struct moq_announced *announced, int error)
{
    struct notes *notes = moq_announced_user(announced);
    notes->closed++;
    notes->close_error = error;
}

static const struct moq_announced_events events = {
    .on_active = on_active, .on_ended = on_ended, .on_live = on_live, .on_closed = on_closed};

static void offer(struct pair *pair, const char *path, bool is_on)
{
    struct moq_path *name = moq_path_from_text(path);
    struct moq_offers *offers = pair->peer[SERVER].offers;
    if (is_on)
        assert_int_equal(moq_offers_add(offers, name, pair), 0);
    else
        moq_offers_remove(offers, name, pair);
    moq_path_unref(&name);
    wire_run(&pair->wire);
}

static struct moq_announced *ask(struct pair *pair, const char *prefix, struct notes *notes)
{
    struct moq_path *name = moq_path_from_text(prefix);
    *notes = (struct notes){0};
    struct moq_announced *announced =
        moq_session_announced(pair->peer[CLIENT].session, name, &events, notes);
    moq_path_unref(&name);
    wire_run(&pair->wire);
    return announced;
}

static void offers_are_told_under_their_prefix(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++)
        for (size_t piece = 0; piece < 9; piece++) {
            struct pair pair;
            struct notes notes;
            pair_init(&pair, &(struct options){.version = versions[i], .piece = piece});
            offer(&pair, "demo/bbb", true);
            offer(&pair, "other/x", true);
            ask(&pair, "demo", &notes);
            wire_pass(&pair.wire, 301);
            offer(&pair, "demo/ccc", true);
            offer(&pair, "demo/bbb", false);
            offer(&pair, "demo", true);
            assert_string_equal(notes.text, "+demo/bbb live +demo/ccc -demo/bbb +demo");
            pair_deinit(&pair);
            assert_int_equal(notes.closed, 1);
        }
}

static void on_02_silence_says_live(void **state)
{
    (void)state;
    struct pair pair;
    struct notes notes;
    pair_init(&pair, &(struct options){.version = MOQ_VERSION_02});
    ask(&pair, "", &notes);
    wire_pass(&pair.wire, 200);
    offer(&pair, "a", true);
    wire_pass(&pair.wire, 200);
    assert_string_equal(notes.text, "+a");
    wire_pass(&pair.wire, 101);
    assert_string_equal(notes.text, "+a live");
    pair_deinit(&pair);
}

static void live_is_never_said_on_02(void **state)
{
    (void)state;
    static const char *const offers[] = {HEX_OFFER_02, HEX_OFFER_03, HEX_OFFER_04};
    for (size_t i = 0; i < 3; i++) {
        struct pair pair;
        pair_init(&pair, &(struct options){.has_no_client = true});
        offer(&pair, "demo/bbb", true);
        open_hex(&pair.wire, CLIENT, true, offers[i]);
        struct wire_stream *stream = open_hex(&pair.wire, CLIENT, true, "01 01 04 64656d6f");
        assert_string_equal(hex_of(&stream->half[SERVER]),
                            i == 0 ? "010103626262" : "01010362626202");
        pair_deinit(&pair);
    }
}

static void a_blip_is_told_as_end_and_start_and_never_twice_active(void **state)
{
    (void)state;
    struct pair pair;
    struct notes notes;
    pair_init(&pair, &(struct options){.version = MOQ_VERSION_03});
    offer(&pair, "a", true);
    ask(&pair, "", &notes);
    pair.wire.end[SERVER].is_blocked = true;
    offer(&pair, "a", false);
    offer(&pair, "a", true);
    offer(&pair, "a", false);
    offer(&pair, "a", true);
    pair.wire.end[SERVER].is_blocked = false;
    wire_run(&pair.wire);
    assert_int_equal(strncmp(notes.text, "+a live -a +a", 13), 0);
    assert_null(strstr(notes.text, "+a +a"));
    pair_deinit(&pair);
}

static void a_peer_that_does_not_read_costs_a_bounded_log(void **state)
{
    (void)state;
    struct pair pair;
    struct notes notes;
    pair_init(&pair,
              &(struct options){.version = MOQ_VERSION_03, .limits = {.announced_paths = 20000}});
    ask(&pair, "", &notes);
    pair.wire.end[SERVER].is_blocked = true;
    for (int i = 0; i < 6000; i++) {
        char path[40];
        snprintf(path, sizeof path, "stream/number/%d", i);
        offer(&pair, path, true);
    }
    struct wire_stream *stream = wire_nth(&pair.wire, CLIENT, true, 1);
    assert_false(stream->half[SERVER].has_reset);
    pair.wire.end[SERVER].is_blocked = false;
    wire_run(&pair.wire);
    assert_true(stream->half[SERVER].sent > 6000 * 15);
    assert_int_equal(notes.closed, 0);
    pair_deinit(&pair);
}

static void closing_the_question_ends_its_stream(void **state)
{
    (void)state;
    struct pair pair;
    struct notes notes;
    pair_init(&pair, &(struct options){.version = MOQ_VERSION_03});
    struct moq_announced *announced = ask(&pair, "", &notes);
    moq_announced_close(&announced);
    wire_run(&pair.wire);
    struct wire_stream *stream = wire_nth(&pair.wire, CLIENT, true, 1);
    assert_ended(stream, CLIENT);
    assert_stopped(stream, SERVER, 0);
    assert_true(stream->is_closed[CLIENT] && stream->is_closed[SERVER]);
    offer(&pair, "a", true);
    assert_string_equal(notes.text, "live");
    assert_int_equal(notes.closed, 0);
    pair_deinit(&pair);
}

/* What a client of ours is told when a 03 server answers its query for "p" with `hex` and then ends
 * or resets. */
static struct notes notes_of(const char *hex, char then, uint32_t *code)
{
    struct pair pair;
    struct notes notes;
    pair_init(&pair, &(struct options){.has_no_server = true, .limits = {.announced_paths = 3}});
    say_hex(wire_nth(&pair.wire, CLIENT, true, 0), SERVER, "c0000000ff0bad03 00");
    ask(&pair, "p", &notes);
    struct wire_stream *stream = wire_nth(&pair.wire, CLIENT, true, 1);
    say_hex(stream, SERVER, hex);
    if (then == 'e')
        wire_end_stream(stream, SERVER);
    if (then == 'r')
        wire_reset(stream, SERVER, 4);
    if (then == 's')
        wire_stop(stream, SERVER, 0);
    *code = stream->half[CLIENT].has_reset ? stream->half[CLIENT].reset_code : 1000;
    assert_int_equal(pair.peer[CLIENT].closed, 0);
    if (then == 's')
        notes.closed += 100;
    struct notes result = notes;
    pair_deinit(&pair);
    return result;
}

static void answers_right_and_wrong(void **state)
{
    (void)state;
    uint32_t code;
    struct notes notes = notes_of("01 01 01 61 01 01 01 61 02 02 00 01 01 62", 0, &code);
    assert_string_equal(notes.text, "+p/a live"); /* twice active, twice live, an unknown end */
    assert_int_equal(code, 1000);

    notes = notes_of("01 01 01 61 01 01 01 62", 'e', &code);
    assert_true(strcmp(notes.text, "+p/a +p/b -p/a -p/b") == 0 ||
                strcmp(notes.text, "+p/a +p/b -p/b -p/a") == 0);
    assert_int_equal(notes.closed, 1);
    assert_int_equal(notes.close_error, 0);

    notes = notes_of("01 01 01 61", 'r', &code);
    assert_string_equal(notes.text, "+p/a -p/a");
    assert_int_equal(notes.close_error, MOQ_ERR_TRANSPORT);

    notes = notes_of("01 01 01 61", 's', &code);
    assert_int_equal(notes.closed, 100); /* our direction is silent anyway */

    notes = notes_of("03 01 01 61", 0, &code);
    assert_int_equal(code, 5);
    notes = notes_of("01 01 01", 'e', &code);
    assert_int_equal(notes.close_error, MOQ_ERR_DECODE);
    notes = notes_of("01 21", 0, &code);
    assert_int_equal(code, 11);
    notes = notes_of("01 01 01 61 01 01 01 62 01 01 01 63 01 01 01 64", 0, &code);
    assert_int_equal(code, 11);
}

/* What a server of ours does with ANNOUNCE_PLEASE. */
static void questions_right_and_wrong(void **state)
{
    (void)state;
    struct pair pair;
    pair_init(&pair, &(struct options){.has_no_client = true, .limits = {.announces = 2}});
    open_hex(&pair.wire, CLIENT, true, HEX_OFFER_03);
    assert_aborted(open_hex(&pair.wire, CLIENT, true, "01 21"), SERVER, 11);
    assert_aborted(open_hex(&pair.wire, CLIENT, true, "01 00 00"), SERVER, 15);

    struct wire_stream *ended = open_hex(&pair.wire, CLIENT, true, "01 00");
    wire_end_stream(ended, CLIENT);
    assert_ended(ended, SERVER);
    struct wire_stream *cut = open_hex(&pair.wire, CLIENT, true, "01 00");
    wire_reset(cut, CLIENT, 4);
    assert_reset(cut, SERVER, 0);
    struct wire_stream *stopped = open_hex(&pair.wire, CLIENT, true, "01 00");
    wire_stop(stopped, CLIENT, 4);
    assert_stopped(stopped, CLIENT, 0);

    open_hex(&pair.wire, CLIENT, true, "01 00");
    open_hex(&pair.wire, CLIENT, true, "01 00");
    assert_aborted(open_hex(&pair.wire, CLIENT, true, "01 00"), SERVER, 11);
    assert_int_equal(pair.peer[SERVER].closed, 0);
    pair_deinit(&pair);
}

static void an_offer_is_shown_only_to_those_who_may_see_it(void **state)
{
    (void)state;
    struct pair pair;
    struct notes notes;
    pair_init(&pair, &(struct options){.version = MOQ_VERSION_03});
    pair.peer[SERVER].hidden_owner = &pair;
    offer(&pair, "secret", true);
    ask(&pair, "", &notes);
    assert_string_equal(notes.text, "live");
    pair_deinit(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offers_are_told_under_their_prefix),
        cmocka_unit_test(on_02_silence_says_live),
        cmocka_unit_test(live_is_never_said_on_02),
        cmocka_unit_test(a_blip_is_told_as_end_and_start_and_never_twice_active),
        cmocka_unit_test(a_peer_that_does_not_read_costs_a_bounded_log),
        cmocka_unit_test(closing_the_question_ends_its_stream),
        cmocka_unit_test(answers_right_and_wrong),
        cmocka_unit_test(questions_right_and_wrong),
        cmocka_unit_test(an_offer_is_shown_only_to_those_who_may_see_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
