/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Files are played at their own pace, once or in a loop; and those that cannot be played are told
 * and tried again. */
#include "tests/unit/modules/karp_shell.h"

#include "tests/unit/prologue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "modules/karp/file.h"

static struct stage stage;
static struct file_source *source;
static char folder[] = "/tmp/moq-file-XXXXXX";
static bool has_ended;

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* A file of so many pictures of 40 ms, each in a fragment; the first is a keyframe. */
static void write_pictures(const char *name, const struct sample_track *track, int count)
{
    static struct file media;
    media.size = 0;
    file_ftyp(&media);
    file_moov(&media, track, 1);
    for (int i = 0; i < count; i++)
        file_fragment(&media, &(struct sample_run){.track = track->id,
                                                   .time = (uint64_t)i * 40,
                                                   .texts = i == 0 ? "Key" : "more",
                                                   .duration = 40,
                                                   .first_flags = i == 0 ? 0x2000000 : 0x1010000,
                                                   .flags = 0x1010000});
    FILE *file = fopen(path_of(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(media.data, 1, media.size, file), media.size);
    fclose(file);
}

static void on_end(void *owner)
{
    (void)owner;
    has_ended = true;
}

static void play(const char *name, bool is_loop)
{
    const struct file_config config = {
        .path = "demo/file", .file = path_of(name), .is_loop = is_loop, .on_end = on_end};
    source = file_open(stage.set, &config);
    assert_non_null(source);
}

static int begin(void **state)
{
    (void)state;
    stage_init(&stage);
    has_ended = false;
    return 0;
}

static int end(void **state)
{
    char command[128];
    (void)state;
    file_close(&source);
    stage_deinit(&stage);
    snprintf(command, sizeof command, "rm -rf %s/* %s/.hidden.mp4", folder, folder);
    return system(command);
}

static bool is_at_end(void *arg)
{
    (void)arg;
    return has_ended;
}

static void a_file_plays_at_its_own_pace(void **state)
{
    (void)state;
    write_pictures("a.mp4", &video_track, 26);
    uint64_t began_ns = clock_monotonic_ns();
    play("a.mp4", false);
    stage_run_for(&stage, 500);
    assert_in_range(stage_frames(&stage, "video1"), 1, 14);
    assert_true(stage_run(&stage, is_at_end, NULL));
    assert_true(clock_monotonic_ns() - began_ns > 990 * NS_PER_MS);
    assert_int_equal(stage_track(&stage, "video1")->frames, 26);
    assert_true(stage_track(&stage, "video1")->is_ended);
    assert_int_equal(stage_track(&stage, "video1")->withdraw_error, 0);
}

static bool is_long(void *arg)
{
    return stage_frames(&stage, "video1") >= *(unsigned *)arg;
}

static void a_file_in_a_loop_is_one_instance(void **state)
{
    unsigned wanted = 20;
    (void)state;
    write_pictures("a.mp4", &video_track, 5); /* of 200 ms */
    uint64_t began_ns = clock_monotonic_ns();
    play("a.mp4", true);
    assert_true(stage_run(&stage, is_long, &wanted));
    assert_true(clock_monotonic_ns() - began_ns > 700 * NS_PER_MS);
    assert_int_equal(stage.output_count, 1);
    assert_int_equal(stage_output(&stage)->record.track_count, 2);
    assert_in_range(stage_track(&stage, "video1")->groups, 4, 5);
    assert_false(has_ended);
}

static void a_directory_plays_in_the_order_of_names(void **state)
{
    struct sample_track other = video_track;
    (void)state;
    other.id = 7;
    write_pictures("b.mp4", &other, 2); /* another instance, which waits for a second */
    write_pictures("a.mp4", &video_track, 3);
    write_pictures(".hidden.mp4", &video_track, 100);
    write_pictures("notes.txt", &video_track, 100);
    assert_int_equal(mkdir(path_of("c.mp4"), 0700), 0);
    uint64_t began_ns = clock_monotonic_ns();
    play("", false);
    assert_true(stage_run(&stage, is_at_end, NULL));
    assert_true(clock_monotonic_ns() - began_ns > 990 * NS_PER_MS);
    assert_int_equal(stage_track(&stage, "video1")->frames, 3);
    assert_int_equal(stage_track(&stage, "video7")->frames, 2);
    assert_int_equal(stage_output(&stage)->record.track_count, 4);
    assert_string_equal(stage_output(&stage)->record.warnings, "");
}

static void put_fast_entry(struct file *file)
{
    static const uint8_t usual[] = {0x00, 0x01, 0xf4, 0x00}; /* 128000 bit/s at most */
    size_t place = file->size;
    file_audio_entry(file, "mp4a");
    while (memcmp(file->data + place, usual, sizeof usual) != 0)
        place++;
    file_u32_at(file, place, 192000);
}

static void files_that_differ_in_their_bitrate_are_one_instance(void **state)
{
    struct sample_track track = audio_track;
    (void)state;
    track.codec = "mp4a";
    track.timescale = 1000;
    write_pictures("a.mp4", &track, 3);
    track.put_entries = put_fast_entry;
    write_pictures("b.mp4", &track, 3);
    play("", false);
    assert_true(stage_run(&stage, is_at_end, NULL));
    assert_int_equal(stage_track(&stage, "audio2")->frames, 6);
    assert_int_equal(stage_output(&stage)->record.track_count, 2); /* with the catalog */
}

static void what_cannot_be_played_is_told_and_tried_again(void **state)
{
    unsigned wanted = 1;
    (void)state;
    play("a.mp4", true);
    assert_true(stage_run_until_log(&stage, "no such file or directory; trying again in "));
    FILE *file = fopen(path_of("a.mp4"), "wb");
    fputs("This is no MP4 at all, but a text.", file);
    fclose(file);
    stage.log[0] = '\0';
    assert_true(stage_run_until_log(&stage, "trying again"));
    assert_true(stage_has_log(&stage, "/a.mp4: "));
    assert_false(stage_has_log(&stage, "/a.mp4: /"));
    write_pictures("a.mp4", &video_track, 5);
    assert_true(stage_run(&stage, is_long, &wanted));
}

static void a_directory_without_media_is_told(void **state)
{
    (void)state;
    play("", true);
    assert_true(stage_run_until_log(&stage, "no *.mp4 in this directory"));
}

static void a_file_without_frames_does_not_spin(void **state)
{
    (void)state;
    write_pictures("a.mp4", &video_track, 0);
    play("a.mp4", true);
    assert_true(stage_run_until_log(&stage, "no frames in a whole round; trying again"));
    FILE *file = fopen(path_of("a.mp4"), "wb");
    fclose(file);
    stage.log[0] = '\0';
    assert_true(stage_run_until_log(&stage, "no frames in a whole round; trying again"));
}

static void a_path_that_is_taken_is_waited_for(void **state)
{
    static const struct ingest_events events = {.on_failed = NULL};
    const struct ingest_config config = {
        .path = "demo/file", .from = "somebody", .events = &events};
    struct verdict why;
    unsigned wanted = 1;
    (void)state;
    struct ingest *other = ingest_open(stage.set, &config, &why);
    write_pictures("a.mp4", &video_track, 5);
    play("a.mp4", true);
    assert_true(stage_run_until_log(&stage, "published already, from somebody; trying again"));
    ingest_close(&other);
    assert_true(stage_run(&stage, is_long, &wanted));
}

static bool has_second_output(void *arg)
{
    (void)arg;
    return stage.output_count == 2;
}

static void a_relay_that_refuses_is_asked_again(void **state)
{
    unsigned wanted = 1;
    struct verdict why;
    (void)state;
    write_pictures("a.mp4", &video_track, 5);
    play("a.mp4", true);
    assert_true(stage_run(&stage, is_long, &wanted));
    verdict_set(&why, VERDICT_FORBIDDEN, "not here");
    const struct host_offer *offer = &stage_output(&stage)->offer;
    offer->on_refused(offer->owner, &why);
    assert_true(stage_run_until_log(&stage, "not here after"));
    assert_true(stage_run_until_log(&stage, "trying again"));
    assert_true(stage_run(&stage, has_second_output, NULL));
    assert_true(stage_run(&stage, is_long, &wanted));
}

static void a_source_can_be_closed_at_any_time(void **state)
{
    (void)state;
    write_pictures("a.mp4", &video_track, 5);
    for (int i = 0; i < 30; i++) {
        play(i % 2 ? "a.mp4" : "", true);
        for (int turn = 0; turn < i / 2; turn++)
            uv_run(&stage.loop, UV_RUN_NOWAIT);
        file_close(&source);
    }
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STAGE(a_file_plays_at_its_own_pace),
        ON_STAGE(a_file_in_a_loop_is_one_instance),
        ON_STAGE(a_directory_plays_in_the_order_of_names),
        ON_STAGE(files_that_differ_in_their_bitrate_are_one_instance),
        ON_STAGE(what_cannot_be_played_is_told_and_tried_again),
        ON_STAGE(a_directory_without_media_is_told),
        ON_STAGE(a_file_without_frames_does_not_spin),
        ON_STAGE(a_path_that_is_taken_is_waited_for),
        ON_STAGE(a_relay_that_refuses_is_asked_again),
        ON_STAGE(a_source_can_be_closed_at_any_time),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
