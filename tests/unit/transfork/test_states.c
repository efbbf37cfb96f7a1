/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Every stream cut at every byte by an end, a reset, a stop or the death of the connection; every
 * message where it does not belong. The victim is always the smallest thing, the code is the right
 * one, and nothing is left behind. */
#include "pair.h"

#include <stdio.h>
#include <string.h>

static const char *const offers[] = {HEX_OFFER_02, HEX_OFFER_03, HEX_OFFER_04};
static const char *const answers[] = {"c0000000ff0bad02 00", "c0000000ff0bad03 00",
                                      "c0000000ff0bad04 00"};

/* What a peer may say on a stream of its own, without spaces. */
struct speech {
    const char *name, *hex[3]; /* by version */
    size_t whole[3];           /* bytes of type and first message */
};

static const struct speech speeches[] = {
    {"announce",
     {"01020361626301"
      "74",
      "010203616263"
      "0174",
      "0102036162630174"},
     {8, 8, 8}},
    {"subscribe, served",
     {"02050101748001000000", "0205010174408002000000", "020501017480010000"},
     {10, 11, 9}},
    {"subscribe, waiting",
     {"02050101788001000000", "0205010178408002000000", "020501017880010000"},
     {10, 11, 9}},
    {"subscribe and update",
     {"020501017480010000004082010000"
      "00",
      "02050101744080020000004082020000"
      "00",
      "0205010174800100004082010000"},
     {10, 11, 9}},
    {"fetch", {"03010174800300", "0301017440800300", "03010174800300"}, {7, 8, 7}},
    {"info", {"04010174", "04010174", "04010174"}, {4, 4, 4}},
};
enum { SPEECHES = sizeof speeches / sizeof *speeches };

static void start(struct pair *pair, size_t version)
{
    pair_init(pair, &(struct options){.has_no_client = true});
    pair->peer[SERVER].track = track_new(pair, "t");
    track_group(pair->peer[SERVER].track, 3, "some bytes");
    open_hex(&pair->wire, CLIENT, true, offers[version]);
}

/* A session that still answers is alive. */
static void assert_alive(struct pair *pair)
{
    assert_int_equal(pair->peer[SERVER].closed, 0);
    struct wire_stream *probe = open_hex(&pair->wire, CLIENT, true, "01 00");
    assert_false(probe->half[SERVER].has_reset);
    assert_false(probe->half[CLIENT].has_stop);
}

static struct wire_stream *say_part(struct pair *pair, const char *hex, size_t bytes)
{
    char part[256];
    snprintf(part, sizeof part, "%.*s", (int)(2 * bytes), hex);
    return open_hex(&pair->wire, CLIENT, true, part);
}

static void cut_one(const struct speech *speech, size_t version, size_t bytes, char how)
{
    struct pair pair;
    start(&pair, version);
    struct wire_stream *stream = say_part(&pair, speech->hex[version], bytes);
    bool is_refused = stream->half[SERVER].has_reset;
    if (how == 'e')
        wire_end_stream(stream, CLIENT);
    if (how == 'r')
        wire_reset(stream, CLIENT, 4);
    if (how == 's')
        wire_stop(stream, CLIENT, 4);
    if (how == 'd')
        wire_cut(&pair.wire);
    else
        assert_alive(&pair);
    if (how == 'e' && bytes < speech->whole[version] && !is_refused)
        assert_reset(stream, SERVER, 5);
    if (how == 'r')
        assert_true(stream->half[SERVER].has_reset || stream->half[SERVER].has_end);
    if (how == 's')
        assert_true(stream->is_closed[SERVER] && stream->half[CLIENT].has_stop);
    pair_deinit(&pair);
}

static void cut_everywhere(const struct speech *speech, size_t version)
{
    for (size_t bytes = 1; bytes <= strlen(speech->hex[version]) / 2; bytes++)
        for (const char *how = "ersd"; *how; how++)
            cut_one(speech, version, bytes, *how);
}

static void a_stream_of_the_peer_may_be_cut_at_every_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < SPEECHES; i++)
        for (size_t version = 0; version < 3; version++)
            cut_everywhere(&speeches[i], version);
}

static void a_stream_without_bytes_may_be_cut_too(void **state)
{
    (void)state;
    static const char how[] = "er";
    for (size_t i = 0; i < 2; i++)
        for (int is_bidi = 0; is_bidi < 2; is_bidi++) {
            struct pair pair;
            start(&pair, 0);
            struct wire_stream *stream = wire_open(&pair.wire, CLIENT, is_bidi);
            if (how[i] == 'e')
                wire_end_stream(stream, CLIENT);
            else
                wire_reset(stream, CLIENT, 0);
            assert_alive(&pair);
            pair_deinit(&pair);
        }
}

/* ---- Groups that a peer sends us ------------------------------------------------------------- */

struct scene {
    struct pair pair;
    struct listener listener;
};

/* A client that subscribed under id 0 to a server that the test plays. */
static void listen(struct scene *scene, size_t version, bool has_info)
{
    static const char *const infos[] = {"80010000", "4080000200", "800100"};
    pair_init(&scene->pair, &(struct options){.has_no_server = true});
    listener_init(&scene->listener, &scene->pair, "t");
    say_hex(wire_nth(&scene->pair.wire, CLIENT, true, 0), SERVER, answers[version]);
    listener_subscribe(&scene->listener, scene->pair.peer[CLIENT].session, &NO_WISH);
    wire_run(&scene->pair.wire);
    if (has_info)
        say_hex(wire_nth(&scene->pair.wire, CLIENT, true, 1), SERVER, infos[version]);
}

static void scene_deinit(struct scene *scene)
{
    listener_deinit(&scene->listener);
    pair_deinit(&scene->pair);
}

static void cut_group(size_t bytes, char how)
{
    static const char hex[] = "00000702616200014103"
                              "646566";
    static const bool is_edge[] = {false, false, false, true,  false, false, true,
                                   true,  false, true,  false, false, false, true};
    struct scene scene;
    char part[64];
    listen(&scene, 0, true);
    snprintf(part, sizeof part, "%.*s", (int)(2 * bytes), hex);
    struct wire_stream *stream = open_hex(&scene.pair.wire, SERVER, false, part);
    struct moq_group *group = moq_track_find(scene.listener.track, 7);
    assert_true((group != NULL) == (bytes >= 3));
    if (how == 'e')
        wire_end_stream(stream, SERVER);
    if (how == 'r')
        wire_reset(stream, SERVER, 4);
    if (how == 'd')
        wire_cut(&scene.pair.wire);
    if (group) {
        assert_true(group->is_ended);
        int wanted = how != 'e' ? MOQ_ERR_TRANSPORT : is_edge[bytes] ? 0 : MOQ_ERR_WRONG_SIZE;
        assert_int_equal(group->error, wanted);
    }
    assert_int_equal(scene.pair.peer[CLIENT].closed, how == 'd');
    assert_int_equal(scene.listener.closed, how == 'd');
    scene_deinit(&scene);
}

static void a_group_may_be_cut_at_every_byte(void **state)
{
    (void)state;
    for (size_t bytes = 0; bytes <= 13; bytes++)
        for (const char *how = "erd"; *how; how++)
            if (bytes > 0 || *how == 'd')
                cut_group(bytes, *how);
}

/* The code with which a client of ours stops a uni stream of `hex`. */
static uint32_t stop_code(const char *hex)
{
    struct scene scene;
    listen(&scene, 0, true);
    open_hex(&scene.pair.wire, SERVER, false, "00 00 05");
    struct wire_stream *stream = open_hex(&scene.pair.wire, SERVER, false, hex);
    assert_true(stream->half[SERVER].has_stop);
    uint32_t code = stream->half[SERVER].stop_code;
    assert_int_equal(scene.pair.peer[CLIENT].closed, 0);
    assert_int_equal(scene.listener.closed, 0);
    scene_deinit(&scene);
    return code;
}

static void groups_that_nobody_wants_are_stopped(void **state)
{
    (void)state;
    assert_int_equal(stop_code("00 07 01"), 0); /* no such subscription */
    assert_int_equal(stop_code("00 00 05"), 0); /* seen before */
    assert_int_equal(stop_code("07"), 5);       /* no such type */
    assert_int_equal(stop_code("00 00 06 c000000001000001"),
                     11); /* a frame of 16 MiB and one byte */
    assert_int_equal(stop_code("00 00 06 ffffffffffffffff"), 11);
}

static void groups_outside_the_range_are_stopped(void **state)
{
    (void)state;
    struct scene scene;
    pair_init(&scene.pair, &(struct options){.has_no_server = true});
    listener_init(&scene.listener, &scene.pair, "t");
    say_hex(wire_nth(&scene.pair.wire, CLIENT, true, 0), SERVER, answers[0]);
    listener_subscribe(&scene.listener, scene.pair.peer[CLIENT].session, &RANGE(5, 6));
    wire_run(&scene.pair.wire);
    assert_stopped(open_hex(&scene.pair.wire, SERVER, false, "00 00 04"), SERVER, 0);
    assert_stopped(open_hex(&scene.pair.wire, SERVER, false, "00 00 07"), SERVER, 0);
    assert_false(open_hex(&scene.pair.wire, SERVER, false, "00 00 05")->half[SERVER].has_stop);
    scene_deinit(&scene);
}

/* ---- Answers to what we ask ------------------------------------------------------------------ */

static void a_subscription_learns_how_it_ended(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        char how;
        int error;
    } cases[] = {
        {"80010000", 'e', 0},
        {"80010000 07 00 04", 'e', 0},
        {"80010000 07 00", 'e', MOQ_ERR_DECODE},
        {"8001", 'e', MOQ_ERR_NOT_FOUND},
        {"", 'e', MOQ_ERR_NOT_FOUND},
        {"", 'r', MOQ_ERR_NOT_FOUND},
        {"80010000", 'r', MOQ_ERR_NOT_FOUND},
        {"80010000", 's', MOQ_ERR_NOT_FOUND},
        {"80010000", 'd', MOQ_ERR_TRANSPORT},
        {"80010000 ffffffffffffffff 05 00", 0, MOQ_ERR_BOUNDS},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene scene;
        listen(&scene, 0, false);
        struct wire_stream *stream = wire_nth(&scene.pair.wire, CLIENT, true, 1);
        say_hex(stream, SERVER, cases[i].hex);
        if (cases[i].how == 'e')
            wire_end_stream(stream, SERVER);
        if (cases[i].how == 'r')
            wire_reset(stream, SERVER, 13);
        if (cases[i].how == 's')
            wire_stop(stream, SERVER, 13);
        if (cases[i].how == 'd')
            wire_cut(&scene.pair.wire);
        assert_int_equal(scene.listener.closed, 1);
        assert_int_equal(scene.listener.close_error, cases[i].error);
        assert_int_equal(scene.pair.peer[CLIENT].closed, cases[i].how == 'd');
        scene_deinit(&scene);
    }
}

static void an_info_of_a_page_is_taken_as_it_is(void **state)
{
    (void)state;
    struct scene scene;
    listen(&scene, 0, false);
    say_hex(wire_nth(&scene.pair.wire, CLIENT, true, 1), SERVER, "01 02 00 2b");
    assert_int_equal(scene.listener.infos, 1);
    assert_int_equal(scene.listener.closed, 0);
    scene_deinit(&scene);
}

static void groups_under_way_may_end_after_the_subscription_did(void **state)
{
    (void)state;
    struct scene scene;
    listen(&scene, 0, true);
    struct wire_stream *group = open_hex(&scene.pair.wire, SERVER, false, "00 00 07 02 61");
    wire_end_stream(wire_nth(&scene.pair.wire, CLIENT, true, 1), SERVER);
    assert_int_equal(scene.listener.closed, 0);
    say_hex(group, SERVER, "62");
    wire_end_stream(group, SERVER);
    assert_string_equal(text_of(scene.listener.track, 7), "ab");
    assert_int_equal(scene.listener.closed, 1);
    scene_deinit(&scene);

    listen(&scene, 0, true);
    open_hex(&scene.pair.wire, SERVER, false, "00 00 07 02 61");
    wire_end_stream(wire_nth(&scene.pair.wire, CLIENT, true, 1), SERVER);
    wire_pass(&scene.pair.wire, 5001);
    assert_int_equal(scene.listener.closed, 1);
    assert_string_equal(text_of(scene.listener.track, 7), "!");
    scene_deinit(&scene);
}

static void groups_may_overtake_info(void **state)
{
    (void)state;
    struct scene scene;
    listen(&scene, 0, false);
    open_hex(&scene.pair.wire, SERVER, false, "00 00 07 01 61");
    assert_string_equal(text_of(scene.listener.track, 7), "a...");
    scene_deinit(&scene);
}

/* ---- Messages where they do not belong ------------------------------------------------------- */

static void a_wrong_message_costs_its_stream_alone(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        uint32_t code;
    } cases[] = {
        {"05", 5},                             /* no such type */
        {"ffffffffffffffff", 5},               /* nor that */
        {"00", 10},                            /* a second session */
        {"01 21", 11},                         /* 33 parts */
        {"01 01 4400", 11},                    /* a part of 1024 bytes */
        {"01 00 07", 15},                      /* something behind ANNOUNCE_PLEASE */
        {"02 00 00 80 01 00 00 00", 11},       /* a track without a name */
        {"02 00 01 01 74 80 03 00 00 00", 5},  /* an order that is none */
        {"02 00 01 01 74 80 01 00 05 03", 15}, /* min over max */
        {"03 00 80 00 00", 11},                /* fetch of nothing */
        {"04 00", 11},                         /* info of nothing */
        {"04 01 01 74 00", 15},                /* something behind INFO_PLEASE */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pair pair;
        start(&pair, 0);
        struct wire_stream *stream = open_hex(&pair.wire, CLIENT, true, cases[i].hex);
        assert_aborted(stream, SERVER, cases[i].code);
        assert_alive(&pair);
        pair_deinit(&pair);
    }
}

static void a_request_without_a_handler_is_refused(void **state)
{
    (void)state;
    static const struct moq_session_events no_events;
    struct wire wire;
    wire_init(&wire);
    struct moq_session_config config = {
        .is_server = true, .versions = MOQ_VERSION_ALL, .clock = &wire.clock, .events = &no_events};
    wire.end[SERVER].session = moq_session_new(&config, wire_transport(&wire, SERVER));
    open_hex(&wire, CLIENT, true, HEX_OFFER_02);
    assert_aborted(open_hex(&wire, CLIENT, true, HEX_SUBSCRIBE_02), SERVER, 13);
    assert_aborted(open_hex(&wire, CLIENT, true, "04 01 01 74"), SERVER, 13);
    assert_aborted(open_hex(&wire, CLIENT, true, "03 01 01 74 80 00 00"), SERVER, 13);
    struct wire_stream *announce = open_hex(&wire, CLIENT, true, "01 00");
    assert_false(announce->half[SERVER].has_reset);
    wire_deinit(&wire);
}

static void an_answer_that_comes_late_is_fine(void **state)
{
    (void)state;
    struct pair pair;
    struct listener listener;
    pair_init(&pair, &(struct options){0});
    listener_init(&listener, &pair, "later");
    listener_subscribe(&listener, pair.peer[CLIENT].session, &NO_WISH);
    wire_run(&pair.wire);
    wire_pass(&pair.wire, 5000);
    struct moq_track *track = pair.peer[SERVER].track = track_new(&pair, "later");
    track_group(track, 1, "x");
    struct moq_viewer *viewer =
        moq_request_serve(pair.peer[SERVER].request, track, &pair.peer[SERVER].policy);
    assert_non_null(viewer);
    wire_run(&pair.wire);
    assert_string_equal(text_of(listener.track, 1), "x");
    moq_viewer_close(viewer, 0);
    wire_run(&pair.wire);
    assert_int_equal(listener.closed, 1);
    assert_int_equal(listener.close_error, 0);
    listener_deinit(&listener);
    pair_deinit(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_of_the_peer_may_be_cut_at_every_byte),
        cmocka_unit_test(a_stream_without_bytes_may_be_cut_too),
        cmocka_unit_test(a_group_may_be_cut_at_every_byte),
        cmocka_unit_test(groups_that_nobody_wants_are_stopped),
        cmocka_unit_test(groups_outside_the_range_are_stopped),
        cmocka_unit_test(a_subscription_learns_how_it_ended),
        cmocka_unit_test(an_info_of_a_page_is_taken_as_it_is),
        cmocka_unit_test(groups_under_way_may_end_after_the_subscription_did),
        cmocka_unit_test(groups_may_overtake_info),
        cmocka_unit_test(a_wrong_message_costs_its_stream_alone),
        cmocka_unit_test(a_request_without_a_handler_is_refused),
        cmocka_unit_test(an_answer_that_comes_late_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
