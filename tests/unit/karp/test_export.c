/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the exporter accepts and what it leaves out, from one instance of a broadcast to the
 * next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/objects.h"
#include "export_sink.h"
#include "sample_files.h"

static void frames_survive_export_and_import(void **state)
{
    (void)state;
    struct karp_exporter *exporter = exporter_of("vp09.00.41.08", "opus", NULL);
    struct notes notes = {0};
    assert_int_equal(put(exporter, 0, true, 1000000, "KEY"), 0);
    assert_int_equal(put(exporter, 1, true, 1000000, "aa"), 0);
    assert_int_equal(put(exporter, 0, false, 1033333, "d1"), 0);
    assert_int_equal(put(exporter, 1, false, 1020000, "bb"), 0);
    assert_int_equal(put(exporter, 0, false, 1066666, "d2"), 0);
    finish(exporter);
    assert_int_equal(import_file(sink.data, sink.size, 11, &notes, NULL), 0);
    assert_string_equal(notes.text, "+video1 1000000 KEY\n+audio2 1000000 aa\nvideo1 1033333 d1\n"
                                    "video1 1066666 d2\naudio2 1020000 bb\n");
    assert_int_equal(sink.packets[0].duration, 33333);
    assert_int_equal(sink.packets[0].flags, 0x02000000);
    assert_int_equal(sink.packets[2].flags, 0x01010000);
}

static void a_track_begins_with_a_group(void **state)
{
    (void)state;
    struct karp_exporter *exporter = exporter_of("vp8", NULL, NULL);
    assert_int_equal(put(exporter, 0, false, 0, "late"), 0);
    assert_int_equal(put(exporter, 0, true, 40000, "key"), 0);
    assert_int_equal(karp_exporter_counters(exporter).dropped_frames, 1);
    finish(exporter);
    assert_int_equal(sink.count, 1);
    assert_int_equal(sink.packets[0].pts, 40000);
}

static void an_old_group_that_comes_late_is_refused_whole(void **state)
{
    (void)state;
    struct karp_exporter *exporter = exporter_of("vp8", NULL, NULL);
    assert_int_equal(put(exporter, 0, true, 4000000, "new"), 0);
    assert_int_equal(put(exporter, 0, true, 2000000, "old"), MOQ_ERR_EXPIRED);
    assert_int_equal(put(exporter, 0, false, 2040000, "old"), 0);
    assert_int_equal(put(exporter, 0, true, 6000000, "newer"), 0);
    finish(exporter);
    assert_int_equal(sink.count, 2);
}

static void impossible_frames_are_refused(void **state)
{
    (void)state;
    struct karp_exporter *exporter = exporter_of("vp8", NULL, NULL);
    const struct karp_frame huge = {0, true, 0, sink.data, KARP_FRAME_MAX_BYTES + 1};
    assert_int_equal(put(exporter, 1, true, 0, "x"), MOQ_ERR_NOT_FOUND);
    assert_int_equal(karp_exporter_frame(exporter, &huge), MOQ_ERR_BOUNDS);
    assert_int_equal(put(exporter, 0, true, KARP_TIMESTAMP_MAX_US + 1, "x"), 0);
    assert_int_equal(put(exporter, 0, true, 0, ""), 0);
    assert_int_equal(karp_exporter_counters(exporter).dropped_frames, 3);
    finish(exporter);
    assert_int_equal(sink.count, 0);
}

static void a_newer_instance_continues_behind_the_old_one(void **state)
{
    (void)state;
    struct karp_exporter *exporter = exporter_of("vp8", "opus", NULL);
    struct karp_catalog *same = catalog_of("vp8", NULL, 0, "opus");
    struct karp_catalog *other = catalog_of("vp09.00.41.08", NULL, 0, "opus");
    assert_int_equal(put(exporter, 0, true, 7000000, "old"), 0);
    assert_int_equal(karp_exporter_restart(exporter, same), 0);
    assert_int_equal(put(exporter, 0, true, 5000, "new"), 0);
    assert_int_equal(put(exporter, 1, true, 0, "new"), 0);
    assert_int_equal(karp_exporter_counters(exporter).init_segments, 1);
    assert_int_equal(karp_exporter_restart(exporter, other), 0);
    assert_int_equal(put(exporter, 0, true, 0, "newest"), 0);
    assert_int_equal(karp_exporter_counters(exporter).init_segments, 2);
    karp_catalog_free(same);
    karp_catalog_free(other);
    finish(exporter);

    assert_int_equal(sink.moovs, 2);
    assert_int_equal(sink.packets[1].pts, 7033333 + KARP_EXPORT_RESTART_GAP_US);
    assert_int_equal(sink.packets[2].pts, 7033333 + KARP_EXPORT_RESTART_GAP_US - 5000);
    assert_true(sink.packets[3].pts > sink.packets[1].pts);
}

/* How many frames were left out for that reason, when all others are none. */
static uint64_t left_out(const struct karp_exporter *exporter, enum karp_export_loss loss)
{
    struct karp_export_counters counters = karp_exporter_counters(exporter);
    assert_int_equal(counters.dropped_frames, counters.left_out[loss]);
    assert_true(strlen(karp_export_loss_words(loss)) > 0);
    return counters.left_out[loss];
}

static void what_is_left_out_is_counted_by_reason(void **state)
{
    (void)state;
    const struct karp_export_options moved = {.offset_us = -1000000};
    const struct karp_frame huge = {0, true, 0, sink.data, KARP_FRAME_MAX_BYTES + 1};
    struct karp_exporter *exporter = exporter_of("theora", "opus", NULL);
    assert_int_equal(put(exporter, 0, true, 0, "x"), 0);
    assert_int_equal(left_out(exporter, KARP_EXPORT_LOSS_TRACK), 1);
    finish(exporter);

    exporter = exporter_of("av01.0.04M.10", NULL, NULL);
    assert_int_equal(put(exporter, 0, true, 0, "no sequence header"), 0);
    assert_int_equal(left_out(exporter, KARP_EXPORT_LOSS_UNDESCRIBED), 1);
    finish(exporter);

    exporter = exporter_of("vp8", NULL, NULL);
    assert_int_equal(put(exporter, 0, false, 0, "delta"), 0);
    assert_int_equal(left_out(exporter, KARP_EXPORT_LOSS_BEFORE_KEYFRAME), 1);
    finish(exporter);

    exporter = exporter_of("vp8", NULL, NULL);
    assert_int_equal(put(exporter, 0, true, 4000000, "new"), 0);
    assert_int_equal(put(exporter, 0, true, 2000000, "old"), MOQ_ERR_EXPIRED);
    assert_int_equal(put(exporter, 0, false, 2040000, "old"), 0);
    assert_int_equal(left_out(exporter, KARP_EXPORT_LOSS_LATE), 2);
    finish(exporter);

    exporter = exporter_of("vp8", NULL, &moved);
    assert_int_equal(put(exporter, 0, true, 999999, "early"), 0);
    assert_int_equal(left_out(exporter, KARP_EXPORT_LOSS_BEFORE_START), 1);
    finish(exporter);

    exporter = exporter_of("vp8", NULL, NULL);
    assert_int_equal(put(exporter, 0, true, 0, ""), 0);
    assert_int_equal(left_out(exporter, KARP_EXPORT_LOSS_EMPTY), 1);
    finish(exporter);

    exporter = exporter_of("vp8", NULL, NULL);
    assert_int_equal(karp_exporter_frame(exporter, &huge), MOQ_ERR_BOUNDS);
    assert_int_equal(left_out(exporter, KARP_EXPORT_LOSS_TOO_LARGE), 1);
    finish(exporter);

    exporter = exporter_of("vp8", NULL, NULL);
    assert_int_equal(put(exporter, 0, true, KARP_TIMESTAMP_MAX_US + 1, "x"), 0);
    assert_int_equal(left_out(exporter, KARP_EXPORT_LOSS_TIME), 1);
    finish(exporter);
}

static void a_catalog_that_says_the_same_goes_on_in_the_file(void **state)
{
    (void)state;
    struct karp_exporter *exporter = exporter_of("vp8", "opus", NULL);
    struct karp_catalog *same = catalog_of("vp8", NULL, 0, "opus");
    struct karp_catalog *fewer = catalog_of("vp8", NULL, 0, NULL);
    struct karp_catalog *other = catalog_of("vp09.00.41.08", NULL, 0, "opus");
    assert_true(karp_exporter_fits(exporter, same));
    assert_false(karp_exporter_fits(exporter, fewer));
    assert_false(karp_exporter_fits(exporter, other));
    karp_catalog_free(same);
    karp_catalog_free(fewer);
    karp_catalog_free(other);
    finish(exporter);
}

static void an_error_of_the_writer_comes_back(void **state)
{
    (void)state;
    struct karp_exporter *exporter = exporter_of("vp8", NULL, NULL);
    sink.error = MOQ_ERR_IO;
    assert_int_equal(put(exporter, 0, true, 0, "key"), MOQ_ERR_IO);
    karp_exporter_free(exporter);
    assert_int_equal(object_count(OBJECT_exporter), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_survive_export_and_import),
        cmocka_unit_test(a_track_begins_with_a_group),
        cmocka_unit_test(an_old_group_that_comes_late_is_refused_whole),
        cmocka_unit_test(impossible_frames_are_refused),
        cmocka_unit_test(a_newer_instance_continues_behind_the_old_one),
        cmocka_unit_test(what_is_left_out_is_counted_by_reason),
        cmocka_unit_test(a_catalog_that_says_the_same_goes_on_in_the_file),
        cmocka_unit_test(an_error_of_the_writer_comes_back),
    };
    return cmocka_run_group_tests(tests, quiet, NULL);
}
