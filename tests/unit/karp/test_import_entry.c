/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What sample entries tell that their records do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sample_files.h"

/* An entry of H.265 whose record does not say that its sets are complete. */
static void put_h265_entry(struct file *file, const char *type)
{
    static const uint8_t head[22] = {1, 1, 0x60, 0, 0, 0, 0xb0, 0, 0, 0, 0, 0, 93};
    file_video_entry(file, type, 0);
    size_t entry = file->size - 86, record = file_begin(file, "hvcC");
    for (size_t i = 0; i < sizeof head; i++)
        file_put(file, head[i], 1);
    file_put(file, 3, 1);
    for (uint64_t set = 32; set < 35; set++) {
        file_put(file, set, 1);
        file_put(file, 0x00010001aa, 5);
    }
    file_end(file, record);
    file_end(file, entry);
}

static void put_hvc1(struct file *file)
{
    put_h265_entry(file, "hvc1");
}

static void put_dvh1(struct file *file)
{
    put_h265_entry(file, "dvh1");
}

static void put_hev1(struct file *file)
{
    put_h265_entry(file, "hev1");
}

/* GStreamer leaves it out of its records. */
static void the_record_of_hvc1_says_that_it_is_complete(void **state)
{
    (void)state;
    static const struct {
        void (*put)(struct file *file);
        const char *arrays;
    } entries[] = {{put_hvc1, "03a000010001aaa100010001aaa200010001aa"},
                   {put_dvh1, "03a000010001aaa100010001aaa200010001aa"},
                   {put_hev1, "032000010001aa2100010001aa2200010001aa"}};
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        struct sample_track track = video_track;
        struct file file = {.size = 0};
        struct notes notes;
        track.put_entries = entries[i].put;
        file_ftyp(&file);
        file_moov(&file, &track, 1);
        file_fragment(&file, &(struct sample_run){.track = 1, .texts = "Key"});
        import_well(&file, &notes);
        assert_non_null(strstr(notes.catalog, entries[i].arrays));
        assert_non_null(strstr(notes.catalog, "\"hev1.1.6.L93.B0\""));
    }
}

static void put_empty_av1c(struct file *file)
{
    file_video_entry(file, "av01", 0);
    size_t entry = file->size - 86;
    file_end(file, file_begin(file, "av1C"));
    file_end(file, entry);
}

/* libaom tells its configuration with its first frame, when ffmpeg has already written the moov. */
static void an_empty_record_is_called_so(void **state)
{
    (void)state;
    struct sample_track track = video_track;
    struct file file = {.size = 0};
    track.put_entries = put_empty_av1c;
    file_ftyp(&file);
    file_moov(&file, &track, 1);
    assert_failure(&file, "the box av1C is empty");
}

static void the_higher_of_two_bitrates_is_told(void **state)
{
    (void)state;
    static const struct {
        uint8_t btrt[20];
        const char *member; /* NULL: there is none */
    } cases[] = {
        {"\0\0\0\x14"
         "btrt\0\0\0\0\0\0\x10\0\0\0\x0f\xff",
         ",\"bitrate\":4096"},
        {"\0\0\0\x14"
         "btrt\0\0\0\0\0\0\0\0\0\0\x0f\xff",
         ",\"bitrate\":4095"},
        {"\0\0\0\x14"
         "btrt\0\0\0\1\0\0\0\0\0\0\0",
         NULL},
        {"\0\0\0\x10"
         "btrt\0\0\0\0\0\0\x10\0\0\0\0\x04",
         NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sample_track track = video_track;
        struct file file = {.size = 0};
        struct notes notes = {.catalogs = 0};
        track.boxes = cases[i].btrt;
        track.boxes_size = cases[i].btrt[3];
        file_ftyp(&file);
        file_moov(&file, &track, 1);
        file_fragment(&file, &(struct sample_run){.track = 1, .texts = "Key"});
        import_well(&file, &notes);
        assert_int_equal(strstr(notes.catalog, "bitrate") != NULL, cases[i].member != NULL);
        assert_true(!cases[i].member || strstr(notes.catalog, cases[i].member));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_record_of_hvc1_says_that_it_is_complete),
        cmocka_unit_test(an_empty_record_is_called_so),
        cmocka_unit_test(the_higher_of_two_bitrates_is_told),
    };
    return cmocka_run_group_tests(tests, quiet, NULL);
}
