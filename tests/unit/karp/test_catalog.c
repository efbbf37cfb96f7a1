/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The catalog as a list of tracks, and what of its text tests/vectors/karp.txt does not say because
 * only we do it so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/objects.h"
#include "karp/karp.h"

static const char reference[] =
    "{\"video\":[{\"track\":{\"name\":\"video\",\"priority\":2},\"codec\":\"avc1.64001f\","
    "\"resolution\":{\"width\":1280,\"height\":720},\"bitrate\":6000000}],"
    "\"audio\":[{\"track\":{\"name\":\"audio\",\"priority\":1},\"codec\":\"opus\","
    "\"sample_rate\":48000,\"channel_count\":2,\"bitrate\":128000}]}";

static struct karp_catalog *parse(const char *json)
{
    struct karp_catalog *catalog;
    struct karp_failure failure = {0};
    if (karp_catalog_parse(json, strlen(json), &catalog, &failure) != 0)
        fail_msg("%s: %s", json, failure.text);
    return catalog;
}

static void assert_prints(const struct karp_catalog *catalog, const char *json)
{
    char *text = karp_catalog_print(catalog);
    assert_string_equal(text, json);
    free(text);
}

static void assert_survives(const char *json)
{
    struct karp_catalog *catalog = parse(json);
    assert_prints(catalog, json);
    karp_catalog_free(catalog);
}

static void where_presentation_begins_is_read(void **state)
{
    (void)state;
    struct karp_catalog *without = parse("{\"start\":-1}"), *catalog = parse("{\"start\":23220}");
    struct karp_catalog *copy = karp_catalog_copy(catalog);
    assert_false(without->has_start);
    assert_true(copy->has_start);
    assert_int_equal(copy->start_us, 23220);
    karp_catalog_free(without);
    karp_catalog_free(catalog);
    karp_catalog_free(copy);
}

#define SHOWN(members)                                                                             \
    "{\"video\":[{\"track\":{\"name\":\"v\",\"priority\":2},\"codec\":\"vp8\","                    \
    "\"resolution\":{\"width\":720,\"height\":576}" members "}]}"

static void colors_without_a_word_survive_as_numbers(void **state)
{
    (void)state;
    assert_survives(SHOWN(",\"colorSpace\":{\"primaries\":22,\"transfer\":14,\"fullRange\":true}"));
}

static void a_tag_that_names_no_language_is_ignored(void **state)
{
    (void)state;
    struct karp_catalog *catalog = parse(SHOWN(",\"language\":7,\"languageTag\":\"de AT\""));
    assert_prints(catalog, SHOWN(""));
    karp_catalog_free(catalog);
}

static void tracks_that_are_shown_otherwise_differ(void **state)
{
    (void)state;
    static const char *const others[] = {
        SHOWN(",\"language\":\"deu\""),
        SHOWN(",\"languageTag\":\"de\""),
        SHOWN(",\"rotation\":90"),
        SHOWN(",\"flip\":true"),
        SHOWN(",\"ladder\":\"auto\""),
        SHOWN(",\"displayAspectWidth\":16,\"displayAspectHeight\":9"),
        SHOWN(",\"colorSpace\":{\"primaries\":\"bt709\",\"fullRange\":false}"),
        SHOWN(",\"colorSpace\":{\"primaries\":\"bt709\",\"fullRange\":true}"),
    };
    enum { COUNT = sizeof others / sizeof *others };
    struct karp_catalog *catalogs[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        catalogs[i] = parse(others[i]);
    for (size_t i = 0; i < COUNT * COUNT; i++)
        assert_int_equal(
            karp_track_equals(catalogs[i / COUNT]->tracks, catalogs[i % COUNT]->tracks),
            i / COUNT == i % COUNT);
    for (size_t i = 0; i < COUNT; i++)
        karp_catalog_free(catalogs[i]);
}

static void the_fields_are_read(void **state)
{
    (void)state;
    struct karp_catalog *catalog = parse(reference);
    const struct karp_track *video = karp_catalog_find(catalog, "video");
    const struct karp_track *audio = karp_catalog_find(catalog, "audio");
    assert_int_equal(catalog->track_count, 2);
    assert_int_equal(video->kind, KARP_VIDEO);
    assert_int_equal(video->priority, 2);
    assert_int_equal(video->width, 1280);
    assert_int_equal(video->height, 720);
    assert_int_equal(audio->sample_rate, 48000);
    assert_int_equal(audio->channel_count, 2);
    assert_int_equal(audio->bitrate_bps, 128000);
    assert_null(karp_catalog_find(catalog, "text"));
    karp_catalog_free(catalog);
}

#define VIDEO(track, rest) "{\"video\":[{\"track\":" track "," rest "}]}"
#define TRACK "{\"name\":\"v\",\"priority\":2}"
#define SIZE "\"resolution\":{\"width\":1,\"height\":2}"

static void broken_documents_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        enum karp_failure_kind kind;
    } broken[] = {
        {"", KARP_FAILURE_JSON},
        {VIDEO("{\"name\":\"v\",\"priority\":1.0}", "\"codec\":\"vp8\"," SIZE),
         KARP_FAILURE_EXPECTED_INT},
        {VIDEO(TRACK, "\"codec\":\"avc1.42c0\"," SIZE), KARP_FAILURE_INVALID_CODEC},
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        struct karp_catalog *catalog;
        struct karp_failure failure = {0};
        size_t size = strlen(broken[i].json);
        assert_int_equal(karp_catalog_parse(broken[i].json, size, &catalog, &failure),
                         MOQ_ERR_DECODE);
        assert_int_equal(failure.kind, broken[i].kind);
        assert_null(catalog);
    }
    assert_int_equal(object_count(OBJECT_catalog), 0);
}

static void bad_text_is_refused(void **state)
{
    (void)state;
    static const char nul[] = "{\"video\":[]}\0x", bad_utf8[] = "{\"\xff\":1}";
    struct karp_catalog *catalog;
    assert_int_equal(karp_catalog_parse(nul, sizeof nul - 1, &catalog, NULL), MOQ_ERR_DECODE);
    assert_int_equal(karp_catalog_parse(bad_utf8, sizeof bad_utf8 - 1, &catalog, NULL),
                     MOQ_ERR_DECODE);

    char *deep = malloc(KARP_CATALOG_MAX_BYTES + 1);
    memset(deep, '[', KARP_CATALOG_MAX_BYTES + 1);
    assert_int_equal(karp_catalog_parse(deep, KARP_CATALOG_MAX_BYTES, &catalog, NULL),
                     MOQ_ERR_DECODE);
    assert_int_equal(karp_catalog_parse(deep, KARP_CATALOG_MAX_BYTES + 1, &catalog, NULL),
                     MOQ_ERR_BOUNDS);
    free(deep);
}

static struct karp_track track_of(enum karp_track_kind kind, const char *name)
{
    struct karp_track track = {.kind = kind, .priority = 1, .codec = "opus"};
    snprintf(track.name, sizeof track.name, "%s", name);
    return track;
}

static void tracks_come_and_go(void **state)
{
    (void)state;
    struct karp_catalog *catalog = karp_catalog_new();
    struct karp_track audio = track_of(KARP_AUDIO, "a"), video = track_of(KARP_VIDEO, "v");
    uint8_t record[] = {0xAB, 0x01};
    video.description = record;
    video.description_size = sizeof record;
    assert_int_equal(karp_catalog_add(catalog, &audio), 0);
    assert_int_equal(karp_catalog_add(catalog, &video), 0);
    assert_int_equal(karp_catalog_add(catalog, &video), MOQ_ERR_DUPLICATE);
    assert_string_equal(catalog->tracks[0].name, "v");
    assert_true(karp_track_equals(&catalog->tracks[0], &video));
    assert_false(karp_track_equals(&catalog->tracks[0], &audio));

    assert_int_equal(karp_catalog_remove(catalog, "v"), 0);
    assert_int_equal(karp_catalog_remove(catalog, "v"), MOQ_ERR_NOT_FOUND);
    assert_prints(catalog,
                  "{\"audio\":[{\"track\":{\"name\":\"a\",\"priority\":1},\"codec\":\"opus\","
                  "\"sample_rate\":0,\"channel_count\":0}]}");
    karp_catalog_free(catalog);
    assert_int_equal(object_count(OBJECT_catalog), 0);
}

static void the_number_of_tracks_is_bounded(void **state)
{
    (void)state;
    struct karp_catalog *catalog = karp_catalog_new();
    for (int i = 0; i <= KARP_CATALOG_MAX_TRACKS; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%d", i);
        struct karp_track track = track_of(KARP_AUDIO, name);
        assert_int_equal(karp_catalog_add(catalog, &track),
                         i < KARP_CATALOG_MAX_TRACKS ? 0 : MOQ_ERR_BOUNDS);
    }
    karp_catalog_free(catalog);
}

static void objections_name_what_old_viewers_cannot_read(void **state)
{
    (void)state;
    struct karp_track track = track_of(KARP_AUDIO, "a");
    track.sample_rate = 48000;
    assert_null(karp_track_objection(&track));
    track.sample_rate = 96000;
    assert_non_null(strstr(karp_track_objection(&track), "sample rate"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(colors_without_a_word_survive_as_numbers),
        cmocka_unit_test(a_tag_that_names_no_language_is_ignored),
        cmocka_unit_test(tracks_that_are_shown_otherwise_differ),
        cmocka_unit_test(the_fields_are_read),
        cmocka_unit_test(where_presentation_begins_is_read),
        cmocka_unit_test(broken_documents_are_refused_by_name),
        cmocka_unit_test(bad_text_is_refused),
        cmocka_unit_test(tracks_come_and_go),
        cmocka_unit_test(the_number_of_tracks_is_bounded),
        cmocka_unit_test(objections_name_what_old_viewers_cannot_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
