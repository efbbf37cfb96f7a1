/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Audio frames have a known length: times that are less than one length off are corrected, others
 * are kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sample_files.h"

enum { MAX_FRAMES = 32 };

struct result {
    size_t count;
    uint64_t us[MAX_FRAMES];
};

static int note_catalog(void *user, const struct karp_catalog *catalog)
{
    (void)user;
    (void)catalog;
    return 0;
}

static int note_time(void *user, const struct karp_frame *frame)
{
    struct result *result = user;
    assert_true(result->count < MAX_FRAMES);
    result->us[result->count++] = frame->timestamp_us;
    return 0;
}

/* Imports frames with `payload` that the file dates `times`, each in a fragment of its own, and
 * checks that they are handed out at `expected`. */
static void assert_paced(const char *codec, const char *payload, size_t count,
                         const uint64_t *times, const uint64_t *expected)
{
    static const struct karp_import_events events = {note_catalog, note_time};
    struct sample_track track = audio_track;
    struct file *file = calloc(1, sizeof *file);
    struct result result = {0};
    track.codec = codec;
    file_ftyp(file);
    file_moov(file, &track, 1);
    for (size_t i = 0; i < count; i++)
        file_fragment(file, &(struct sample_run){.track = 2, .time = times[i], .texts = payload});
    struct karp_importer *importer = karp_importer_new(&events, &result, NULL);
    assert_int_equal(karp_importer_feed(importer, file->data, file->size), 0);
    assert_int_equal(result.count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(result.us[i], expected[i] * 1000000 / 48000);
    karp_importer_free(importer);
    free(file);
}

#define ASSERT_AAC(times, expected)                                                                \
    assert_paced("mp4a", "aac", sizeof(times) / sizeof *(times), times, expected)

static void frames_that_are_dated_in_pairs_are_put_right(void **state)
{
    (void)state;
    const uint64_t times[] = {0, 2048, 2048, 3072, 5120, 5120, 7168, 7168};
    const uint64_t right[] = {0, 1024, 2048, 3072, 4096, 5120, 6144, 7168};
    ASSERT_AAC(times, right);
    const uint64_t opus[] = {0, 1920, 1920, 2880, 4800, 4800};
    const uint64_t right_opus[] = {0, 960, 1920, 2880, 3840, 4800};
    assert_paced("Opus", "x", 6, opus, right_opus); /* a frame of 20 ms */
}

static void rounding_and_drift_are_passed_on(void **state)
{
    (void)state;
    const uint64_t drift[] = {0, 1025, 2050, 3075, 4100, 5125, 6150, 7175, 8200};
    const uint64_t jitter[] = {0, 1030, 2040, 3080, 4090, 5125, 6140};
    ASSERT_AAC(drift, drift);
    ASSERT_AAC(jitter, jitter);
}

static void pairs_that_drift_are_put_right_where_they_are(void **state)
{
    (void)state;
    const uint64_t times[] = {0, 2050, 2050, 4100, 4100, 6150, 6150};
    const uint64_t right[] = {0, 1024, 2050, 3074, 4100, 5124, 6150};
    ASSERT_AAC(times, right);
}

static void gaps_are_followed(void **state)
{
    (void)state;
    const uint64_t large[] = {0, 1024, 5000, 6024, 7048};
    ASSERT_AAC(large, large);
    const uint64_t small[] = {0, 1024, 2548, 3572, 4596, 5620};
    const uint64_t followed[] = {0, 1024, 2048, 3072, 4596, 5620};
    ASSERT_AAC(small, followed);
    const uint64_t one[] = {0, 1024, 3072, 4096, 5120, 6144}; /* a frame is missing */
    const uint64_t patient[] = {0, 1024, 2048, 3072, 5120, 6144};
    ASSERT_AAC(one, patient);
}

/* GStreamer shortens the first packet of Opus by its priming, ffmpeg leaves a gap after the first
 * frame of AAC. */
static void a_first_frame_may_be_cut(void **state)
{
    (void)state;
    const uint64_t cut[] = {0, 648, 1608, 2568, 3528};
    assert_paced("Opus", "x", 5, cut, cut);
    const uint64_t gap[] = {0, 1600, 2624, 3648, 4672};
    ASSERT_AAC(gap, gap);
}

static void times_that_do_not_rise_are_nobodys_business(void **state)
{
    (void)state;
    const uint64_t times[] = {0, 0, 1024, 1024, 2048, 2048};
    ASSERT_AAC(times, times);
}

static void a_length_that_the_file_does_not_go_by_is_given_up(void **state)
{
    (void)state;
    const uint64_t times[] = {0, 2048, 4096, 6144, 8192, 10240, 12288, 14336, 16384, 18432, 20480};
    const uint64_t given_up[] = {0,     1024,  4096,  5120,  8192, 9216,
                                 12288, 14336, 16384, 18432, 20480};
    ASSERT_AAC(times, given_up);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_that_are_dated_in_pairs_are_put_right),
        cmocka_unit_test(rounding_and_drift_are_passed_on),
        cmocka_unit_test(pairs_that_drift_are_put_right_where_they_are),
        cmocka_unit_test(gaps_are_followed),
        cmocka_unit_test(a_first_frame_may_be_cut),
        cmocka_unit_test(times_that_do_not_rise_are_nobodys_business),
        cmocka_unit_test(a_length_that_the_file_does_not_go_by_is_given_up),
    };
    return cmocka_run_group_tests(tests, quiet, NULL);
}
