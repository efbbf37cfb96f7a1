/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* From announcements, catalogs and groups that the test makes to one file, or a file for each
 * instance. What moq-karp makes of it is in tests/e2e/test_recorder.py. */
#include "tests/unit/karp/export_sink.h"
#include "tests/unit/karp/input_script.h"

#include "tests/unit/prologue.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { VIDEO, AUDIO };
enum { LATENCY_MS = 5000, TICK_MS = 20 };

static struct input_script script;
static struct karp_follower follower;
static struct karp_playback playback;
static struct karp_recorder recorder;
static struct moq_clock now;
static char told[512]; /* "+1 ", "- ": instances; "end " and "cut ", "next " behind them; "fail " */
static bool has_file_each;
static size_t files;    /* that were begun */
static int write_error; /* of on_write */

static int on_write(void *user, const uint8_t *data, size_t size)
{
    (void)user;
    assert_true(sink.size + size <= sizeof sink.data);
    files += size > 8 && memcmp(data + 4, "ftyp", 4) == 0;
    memcpy(sink.data + sink.size, data, size);
    sink.size += size;
    return write_error;
}

static void on_warning(void *user, const char *line)
{
    (void)user;
    (void)line;
}

static void on_instance(void *user, const char *id)
{
    (void)user;
    strcat(strcat(strcat(told, id ? "+" : "-"), id ? id : ""), " ");
}

static void on_instance_end(void *user, bool is_cut_off, bool has_next)
{
    (void)user;
    strcat(told, is_cut_off ? "cut " : "end ");
    strcat(told, has_next ? "next " : "");
    if (has_file_each)
        assert_int_equal(karp_recorder_end_file(&recorder), 0);
}

static void on_failure(void *user, const char *what, int error)
{
    (void)user;
    assert_true(strlen(what) > 0);
    assert_int_not_equal(error, 0);
    strcat(told, "fail ");
}

static int open_catalog(void *user, const char *id)
{
    (void)user;
    (void)id;
    return 0;
}

static void close_catalog(void *user)
{
    (void)user;
}

static int prepare(void **state)
{
    static const struct karp_follower_input catalogs = {open_catalog, close_catalog};
    static const struct karp_recorder_events events = {
        on_write, NULL, on_warning, on_instance, on_instance_end, on_failure};
    (void)state;
    now.now_ns = NS_PER_S;
    script = (struct input_script){.clock = &now, .is_forgetful = true};
    follower = (struct karp_follower){.clock = &now, .input = &catalogs};
    playback = (struct karp_playback){.clock = &now,
                                      .latency_ns = LATENCY_MS * NS_PER_MS,
                                      .input = &input_script,
                                      .input_user = &script};
    recorder = (struct karp_recorder){.is_past_wanted = false};
    sink = (struct sink){.size = 0};
    told[0] = '\0';
    has_file_each = false;
    files = 0;
    write_error = 0;
    karp_recorder_init(&recorder, &follower, &playback, &events, NULL);
    karp_follower_listen(&follower);
    karp_follower_settle(&follower);
    return 0;
}

static int clear(void **state)
{
    (void)state;
    karp_recorder_deinit(&recorder);
    karp_recorder_deinit(&recorder);
    return 0;
}

static void pass(uint64_t ms)
{
    for (uint64_t done = 0; done < ms; done += TICK_MS) {
        now.now_ns += TICK_MS * NS_PER_MS;
        karp_follower_tick(&follower);
        karp_recorder_tick(&recorder);
    }
}

static void give_catalog(uint64_t version, const char *video, const char *audio)
{
    struct karp_catalog *catalog = catalog_of(video, NULL, 0, audio);
    char *json = karp_catalog_print(catalog);
    karp_follower_give_catalog(&follower, version, json, strlen(json));
    free(json);
    karp_catalog_free(catalog);
}

static void begin_instance(const char *id, const char *video, const char *audio)
{
    karp_follower_announce(&follower, id, 1);
    pass(200);
    give_catalog(0, video, audio);
}

static void end_tracks(int error)
{
    script_end(&script, VIDEO, error);
    script_end(&script, AUDIO, error);
    pass(TICK_MS);
}

static void an_instance_becomes_a_file(void **state)
{
    (void)state;
    begin_instance("1", "vp8", "opus");
    assert_int_equal(script.tracks[VIDEO].first, 0);
    script_publish(&script, VIDEO, 0, 3);
    script_publish(&script, AUDIO, 0, 3);
    pass(TICK_MS);
    end_tracks(0);
    karp_follower_withdraw(&follower, "1", 1);
    pass(200);
    assert_string_equal(told, "+1 - end ");
    assert_true(recorder.has_played);
    assert_false(karp_playback_is_open(&playback));
    assert_int_equal(karp_recorder_end_file(&recorder), 0);
    scan();
    assert_int_equal(sink.count, 6);
    assert_int_equal(files, 1);
}

static void one_that_was_there_begins_with_its_newest_group(void **state)
{
    (void)state;
    karp_follower_listen(&follower);
    karp_follower_announce(&follower, "1", 1);
    pass(TICK_MS);
    give_catalog(0, "vp8", NULL);
    assert_true(script.tracks[VIDEO].first == KARP_ANY_GROUP);
}

static void a_file_goes_on_with_the_next_instance(void **state)
{
    (void)state;
    begin_instance("1", "vp8", "opus");
    script_publish(&script, VIDEO, 0, 3);
    script_publish(&script, AUDIO, 0, 3);
    pass(TICK_MS);
    end_tracks(MOQ_ERR_OFFLINE);
    begin_instance("2", "vp8", "opus");
    assert_string_equal(told, "+1 +2 ");
    pass(TICK_MS);
    assert_string_equal(told, "+1 +2 cut next ");
    assert_string_equal(recorder.playing_id, "2");
    script_publish(&script, VIDEO, 0, 3);
    script_publish(&script, AUDIO, 0, 3);
    end_tracks(0);
    assert_int_equal(karp_recorder_end_file(&recorder), 0);
    scan();
    assert_int_equal(sink.count, 12);
    assert_int_equal(files, 1);
}

static void each_instance_may_have_a_file(void **state)
{
    (void)state;
    has_file_each = true;
    for (const char *id = "123"; *id; id++) {
        const char text[] = {*id, '\0'};
        begin_instance(text, "vp8", "opus");
        script_publish(&script, VIDEO, 0, 2);
        script_publish(&script, AUDIO, 0, 2);
        pass(TICK_MS);
        end_tracks(0);
        karp_follower_withdraw(&follower, text, 1);
        pass(200);
    }
    assert_string_equal(told, "+1 - end +2 - end +3 - end ");
    assert_int_equal(files, 3);
    assert_null(recorder.exporter);
}

/* Other tracks may follow. */
static void a_catalog_of_one_kind_is_given_time(void **state)
{
    (void)state;
    begin_instance("1", NULL, "opus");
    script_publish(&script, AUDIO, 0, 3);
    pass(400);
    assert_false(recorder.has_played);
    give_catalog(1, "vp8", "opus");
    script_publish(&script, VIDEO, 0, 3);
    script_publish(&script, AUDIO, 0, 3);
    pass(TICK_MS);
    assert_true(recorder.has_played);
    assert_int_equal(script.tracks[AUDIO].opened, 2);
    karp_recorder_end_file(&recorder);
    assert_int_equal(files, 1);
}

static const char ladder[] =
    "{\"video\":[{\"track\":{\"name\":\"auto\",\"priority\":2},\"codec\":\"vp8\","
    "\"resolution\":{\"width\":64,\"height\":36}},"
    "{\"track\":{\"name\":\"v\",\"priority\":2},\"codec\":\"vp8\","
    "\"resolution\":{\"width\":64,\"height\":36},\"bitrate\":7,\"ladder\":\"auto\"}]}";

/* Gives a catalog with a ladder, and checks which track is recorded. NULL: none. */
static void assert_recorded(uint64_t version, const char *video, const char *name)
{
    recorder.video = video;
    karp_playback_close(&playback);
    karp_follower_give_catalog(&follower, version, ladder, strlen(ladder));
    assert_int_equal(playback.catalog ? playback.catalog->track_count : 0, name ? 1 : 0);
    if (name)
        assert_string_equal(playback.catalog->tracks[0].name, name);
}

static void the_automatic_track_is_recorded_only_if_it_is_asked_for(void **state)
{
    (void)state;
    begin_instance("1", NULL, "opus");
    assert_recorded(1, NULL, "v");
    assert_recorded(2, "auto", "auto");
    assert_recorded(3, "v", "v");
    assert_recorded(4, "none", NULL);
}

static void a_catalog_of_one_kind_may_be_all(void **state)
{
    (void)state;
    begin_instance("1", NULL, "opus");
    script_publish(&script, AUDIO, 0, 3);
    pass(600);
    assert_true(recorder.has_played);
    give_catalog(1, NULL, "opus");
    pass(TICK_MS);
    assert_int_equal(script.tracks[AUDIO].opened, 1);
}

static void what_was_interrupted_goes_on_where_it_was(void **state)
{
    (void)state;
    begin_instance("1", NULL, "opus");
    script_publish(&script, AUDIO, 0, 3);
    pass(600);
    end_tracks(MOQ_ERR_CLOSED);
    karp_recorder_interrupt(&recorder);
    karp_follower_stop(&follower);
    pass(2000);
    assert_false(karp_playback_is_open(&playback));
    assert_string_equal(told, "+1 ");
    karp_recorder_resume(&recorder);
    karp_follower_listen(&follower);
    begin_instance("1", NULL, "opus");
    assert_int_equal(script.tracks[AUDIO].first, 1);
    script_publish(&script, AUDIO, 1, 3);
    pass(600);
    assert_int_equal(playback.groups_skipped + playback.groups_cut, 0);
    assert_int_equal(karp_recorder_end_file(&recorder), 0);
    scan();
    assert_int_equal(sink.count, 6);
    assert_int_equal(files, 1);
}

static void media_that_no_file_can_describe_is_a_failure(void **state)
{
    (void)state;
    begin_instance("1", "theora", NULL);
    pass(600);
    assert_string_equal(told, "+1 fail ");
    pass(600);
    give_catalog(1, "vp8", NULL);
    pass(600);
    assert_string_equal(told, "+1 fail ");
    assert_int_equal(files, 0);
}

static void a_write_that_fails_stops_the_export(void **state)
{
    (void)state;
    write_error = MOQ_ERR_IO;
    begin_instance("1", "vp8", "opus");
    script_publish(&script, VIDEO, 0, 3);
    script_publish(&script, AUDIO, 0, 3);
    pass(100);
    assert_int_equal(playback.error, MOQ_ERR_IO);
    assert_string_equal(told, "+1 ");
    assert_int_equal(files, 1);
}

#define RECORDING(test) cmocka_unit_test_setup_teardown(test, prepare, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RECORDING(an_instance_becomes_a_file),
        RECORDING(one_that_was_there_begins_with_its_newest_group),
        RECORDING(a_file_goes_on_with_the_next_instance),
        RECORDING(each_instance_may_have_a_file),
        RECORDING(a_catalog_of_one_kind_is_given_time),
        RECORDING(the_automatic_track_is_recorded_only_if_it_is_asked_for),
        RECORDING(a_catalog_of_one_kind_may_be_all),
        RECORDING(what_was_interrupted_goes_on_where_it_was),
        RECORDING(media_that_no_file_can_describe_is_a_failure),
        RECORDING(a_write_that_fails_stops_the_export),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
