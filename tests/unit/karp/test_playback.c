/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Playback of an input that the test writes: what is delivered and in which order, also if the
 * input shows one group at a time. What playback does when sessions fail is in
 * tests/unit/tools/test_player.c. */
#include "tests/unit/karp/input_script.h"

#include "tests/unit/prologue.h"

#include <string.h>

#include "base/error.h"

enum { VIDEO, AUDIO };
enum { LATENCY_MS = 5000, TICK_MS = 20 };

static struct input_script script;
static struct karp_playback playback;
static struct moq_clock now;
static char heard[256]; /* a letter for each frame: V, A at the start of a group, otherwise v, a */
static char warnings[1024];
static bool is_output_full;
static int frame_error; /* of on_frame */

static int on_frame(void *user, const struct karp_frame *frame)
{
    const char *letters = frame->is_group_start ? "VA" : "va";
    assert_ptr_equal(user, &script);
    assert_int_equal(frame->size, 1);
    strncat(heard, &letters[frame->track], 1);
    return frame_error;
}

static bool is_full(void *user)
{
    (void)user;
    return is_output_full;
}

static void on_warning(void *user, const char *line)
{
    (void)user;
    strcat(warnings, line);
    strcat(warnings, "\n");
}

static struct karp_catalog *catalog_with(const char *codec)
{
    struct karp_catalog *made = karp_catalog_new();
    struct karp_track track = {.kind = KARP_VIDEO, .name = "v"};
    strcpy(track.codec, codec);
    assert_int_equal(karp_catalog_add(made, &track), 0);
    track = (struct karp_track){.kind = KARP_AUDIO, .name = "a", .codec = "opus"};
    assert_int_equal(karp_catalog_add(made, &track), 0);
    return made;
}

static void open_from(uint64_t first, bool is_resuming)
{
    const struct karp_playback_start start = {.first = first, .is_resuming = is_resuming};
    assert_int_equal(karp_playback_open(&playback, catalog_with("vp8"), &start), 0);
    karp_playback_play(&playback);
}

static int prepare(void **state)
{
    static const struct karp_playback_events events = {on_frame, is_full, on_warning};
    (void)state;
    now.now_ns = NS_PER_S;
    script = (struct input_script){.clock = &now};
    playback = (struct karp_playback){.clock = &now,
                                      .latency_ns = LATENCY_MS * NS_PER_MS,
                                      .input = &input_script,
                                      .input_user = &script,
                                      .events = &events,
                                      .user = &script};
    heard[0] = warnings[0] = '\0';
    is_output_full = false;
    frame_error = 0;
    return 0;
}

static int prepare_pull_only(void **state)
{
    prepare(state);
    script.is_pull_only = true;
    return 0;
}

static int clear(void **state)
{
    (void)state;
    karp_playback_close(&playback);
    assert_null(script.tracks[VIDEO].playing);
    assert_null(script.tracks[AUDIO].playing);
    return 0;
}

static void pass(uint64_t ms)
{
    for (uint64_t done = 0; done < ms; done += TICK_MS) {
        now.now_ns += TICK_MS * NS_PER_MS;
        karp_playback_pump(&playback);
        karp_playback_retry(&playback);
    }
}

static void frames_of_tracks_are_woven_by_time(void **state)
{
    (void)state;
    open_from(0, false);
    script_publish(&script, VIDEO, 0, 3);
    assert_string_equal(heard, "");
    script_publish(&script, AUDIO, 0, 2);
    assert_string_equal(heard, "VAva");
    pass(TICK_MS);
    assert_string_equal(heard, "VAva");
    script_end(&script, AUDIO, 0);
    pass(TICK_MS);
    assert_string_equal(heard, "VAvav");
    assert_false(karp_playback_is_over(&playback));
    script_end(&script, VIDEO, 0);
    pass(TICK_MS);
    assert_true(karp_playback_is_over(&playback));
    assert_false(karp_playback_has_broken_off(&playback));
    assert_int_equal(playback.frames, 5);
}

static void a_gap_is_waited_for_unless_it_is_told(void **state)
{
    (void)state;
    open_from(0, false);
    script_end(&script, AUDIO, 0);
    script_publish(&script, VIDEO, 0, 1);
    script_publish(&script, VIDEO, 2, 1);
    pass(1000);
    assert_string_equal(heard, "V");
    karp_playback_on_gap(script.tracks[VIDEO].playing, 1, 1);
    pass(TICK_MS);
    assert_string_equal(heard, "VV");
    script_publish(&script, VIDEO, 4, 1);
    pass(1000);
    assert_string_equal(heard, "VV");
    script_publish(&script, VIDEO, 3, 1);
    assert_string_equal(heard, "VVVV");
    assert_int_equal(playback.groups_skipped, 1);
}

static void the_rest_of_a_group_that_is_late_is_skipped(void **state)
{
    (void)state;
    open_from(0, false);
    script_end(&script, AUDIO, 0);
    struct script_group *group = script_begin(&script, VIDEO, 0);
    script_write(group, 0, 2);
    script_publish(&script, VIDEO, 1, 1);
    pass(LATENCY_MS - 100);
    assert_string_equal(heard, "Vv");
    pass(200);
    assert_string_equal(heard, "VvV");
    assert_int_equal(script.tracks[VIDEO].left, 1);
    assert_int_equal(playback.groups_cut, 1);
}

/* The input cuts it, in its own time. */
static void a_pull_only_input_cuts_late_groups_itself(void **state)
{
    (void)state;
    open_from(0, false);
    script_end(&script, AUDIO, 0);
    struct script_group *group = script_begin(&script, VIDEO, 0);
    script_write(group, 0, 2);
    script_publish(&script, VIDEO, 1, 1);
    pass(LATENCY_MS + 1000);
    assert_string_equal(heard, "Vv");
    script_finish(group, MOQ_ERR_EXPIRED);
    assert_string_equal(heard, "VvV");
    assert_int_equal(playback.groups_cut, 1);
}

static void a_pull_only_input_is_over_when_its_end_is_read(void **state)
{
    (void)state;
    open_from(0, false);
    script_publish(&script, AUDIO, 0, 1);
    script_publish(&script, VIDEO, 0, 2);
    script_end(&script, VIDEO, 0);
    script_end(&script, AUDIO, MOQ_ERR_OFFLINE);
    karp_playback_pump(&playback);
    assert_string_equal(heard, "VAv");
    assert_true(karp_playback_is_over(&playback));
    assert_true(karp_playback_has_broken_off(&playback));
}

static void a_group_that_is_still_open_does_not_outlast_the_instance(void **state)
{
    (void)state;
    open_from(0, false);
    script_end(&script, AUDIO, 0);
    script_write(script_begin(&script, VIDEO, 0), 0, 2);
    pass(100);
    karp_playback_end(&playback, true);
    pass(500);
    assert_false(karp_playback_is_over(&playback));
    pass(1000);
    assert_true(karp_playback_is_over(&playback));
    assert_int_equal(script.tracks[VIDEO].left, 1);
    karp_playback_settle(&playback);
    assert_int_equal(playback.groups_cut, 1);
}

static void a_frame_that_is_malformed_ends_its_group(void **state)
{
    (void)state;
    open_from(0, false);
    script_end(&script, AUDIO, 0);
    struct script_group *group = script_begin(&script, VIDEO, 0);
    script_write(group, 0, 1);
    group->frames[group->count++] = (struct script_frame){.data = {0xff}, .size = 1};
    script_write(group, 40000, 1);
    script_finish(group, 0);
    script_publish(&script, VIDEO, 1, 1);
    assert_string_equal(heard, "VV");
    assert_int_equal(script.tracks[VIDEO].left, 1);
    assert_int_equal(playback.groups_cut, 1);
}

static void the_output_may_refuse_a_group_or_stop_all(void **state)
{
    (void)state;
    open_from(0, false);
    script_end(&script, AUDIO, 0);
    frame_error = MOQ_ERR_EXPIRED;
    script_publish(&script, VIDEO, 0, 3);
    assert_string_equal(heard, "V");
    assert_int_equal(script.tracks[VIDEO].left, 1);
    assert_int_equal(playback.frames, 0);
    frame_error = MOQ_ERR_IO;
    script_publish(&script, VIDEO, 1, 3);
    pass(100);
    assert_string_equal(heard, "VV");
    assert_int_equal(playback.error, MOQ_ERR_IO);
}

static void frames_wait_for_room(void **state)
{
    (void)state;
    open_from(0, false);
    script_end(&script, AUDIO, 0);
    is_output_full = true;
    script_publish(&script, VIDEO, 0, 2);
    script_end(&script, VIDEO, 0);
    pass(1000);
    assert_string_equal(heard, "");
    assert_false(karp_playback_is_over(&playback));
    is_output_full = false;
    karp_playback_pump(&playback);
    assert_string_equal(heard, "Vv");
    assert_true(karp_playback_is_over(&playback));
}

static void a_track_that_cannot_be_brought_now_is_opened_again(void **state)
{
    (void)state;
    script.tracks[VIDEO].open_error = MOQ_ERR_CLOSED;
    open_from(0, false);
    script_publish(&script, AUDIO, 0, 1);
    pass(900);
    assert_int_equal(script.tracks[VIDEO].opened, 1);
    script.tracks[VIDEO].open_error = 0;
    pass(200);
    assert_int_equal(script.tracks[VIDEO].opened, 2);
    script_publish(&script, VIDEO, 0, 1);
    pass(2000);
    assert_string_equal(heard, "AV");
    assert_non_null(strstr(warnings, "track v: its subscription failed"));
}

static void any_other_error_of_the_input_comes_out(void **state)
{
    const struct karp_playback_start start = {.first = 0};
    (void)state;
    script.tracks[AUDIO].open_error = MOQ_ERR_BOUNDS;
    assert_int_equal(karp_playback_open(&playback, catalog_with("vp8"), &start), MOQ_ERR_BOUNDS);
    assert_false(karp_playback_is_open(&playback));
    assert_int_equal(script.tracks[VIDEO].opened, 1);
}

static void what_was_delivered_is_not_delivered_again(void **state)
{
    (void)state;
    open_from(KARP_ANY_GROUP, false);
    script_end(&script, AUDIO, 0);
    struct script_group *group = script_begin(&script, VIDEO, 7);
    script_write(group, 7000000, 2);
    assert_string_equal(heard, "Vv");
    karp_playback_close(&playback);
    open_from(KARP_ANY_GROUP, true);
    assert_int_equal(script.tracks[VIDEO].first, 7);
    script_end(&script, AUDIO, 0);
    script_write(group, 7040000, 1);
    script_finish(group, 0);
    assert_string_equal(heard, "Vvv");
    karp_playback_close(&playback);
    open_from(KARP_ANY_GROUP, true);
    assert_int_equal(script.tracks[VIDEO].first, 8);
    karp_playback_close(&playback);
    open_from(KARP_ANY_GROUP, false);
    assert_int_equal(script.tracks[VIDEO].first, KARP_ANY_GROUP);
}

static void a_catalog_differs_by_what_its_tracks_are(void **state)
{
    (void)state;
    open_from(0, false);
    struct karp_catalog *same = catalog_with("vp8"), *other = catalog_with("vp09.00.41.08");
    assert_false(karp_playback_differs(&playback, same));
    assert_true(karp_playback_differs(&playback, other));
    karp_catalog_free(same);
    karp_catalog_free(other);
}

#define PUSHED(test) cmocka_unit_test_setup_teardown(test, prepare, clear)
#define PULLED(test) cmocka_unit_test_setup_teardown(test, prepare_pull_only, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PUSHED(frames_of_tracks_are_woven_by_time),
        PULLED(frames_of_tracks_are_woven_by_time),
        PUSHED(a_gap_is_waited_for_unless_it_is_told),
        PUSHED(the_rest_of_a_group_that_is_late_is_skipped),
        PULLED(a_pull_only_input_cuts_late_groups_itself),
        PULLED(a_pull_only_input_is_over_when_its_end_is_read),
        PUSHED(a_group_that_is_still_open_does_not_outlast_the_instance),
        PULLED(a_group_that_is_still_open_does_not_outlast_the_instance),
        PUSHED(a_frame_that_is_malformed_ends_its_group),
        PULLED(a_frame_that_is_malformed_ends_its_group),
        PUSHED(the_output_may_refuse_a_group_or_stop_all),
        PULLED(the_output_may_refuse_a_group_or_stop_all),
        PUSHED(frames_wait_for_room),
        PULLED(frames_wait_for_room),
        PUSHED(a_track_that_cannot_be_brought_now_is_opened_again),
        PUSHED(any_other_error_of_the_input_comes_out),
        PUSHED(what_was_delivered_is_not_delivered_again),
        PULLED(what_was_delivered_is_not_delivered_again),
        PUSHED(a_catalog_differs_by_what_its_tracks_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
