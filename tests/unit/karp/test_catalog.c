/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The catalog as text and as a list of tracks. */
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

static void the_reference_survives_to_the_byte(void **state)
{
    (void)state;
    assert_int_equal(sizeof reference - 1, 252);
    assert_survives(reference);
    assert_survives("{}");
    assert_survives(
        "{\"video\":[{\"track\":{\"name\":\"video1\",\"priority\":-128},\"codec\":\"avc1.64001f\","
        "\"description\":\"0164001fffe1\",\"resolution\":{\"width\":1280,\"height\":720}}]}");
    assert_survives(
        "{\"audio\":[{\"track\":{\"name\":\"a\",\"priority\":1},\"codec\":\"mp4a.40.2\","
        "\"description\":\"131056e598\",\"sample_rate\":48000,\"channel_count\":2}]}");
}

static void where_presentation_begins_survives_and_nonsense_is_ignored(void **state)
{
    (void)state;
    static const char *const nonsense[] = {"{\"start\":-1}", "{\"start\":\"0\"}",
                                           "{\"start\":null}", "{\"start\":1.5}",
                                           "{\"start\":9223372036854775807}"};
    assert_survives("{\"start\":0}");
    assert_survives(
        "{\"video\":[{\"track\":{\"name\":\"v\",\"priority\":2},\"codec\":\"vp8\","
        "\"resolution\":{\"width\":1,\"height\":1},\"timescale\":15360}],\"start\":23220}");
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        struct karp_catalog *catalog = parse(nonsense[i]);
        assert_false(catalog->has_start);
        karp_catalog_free(catalog);
    }
    struct karp_catalog *catalog = parse("{\"start\":23220}");
    struct karp_catalog *copy = karp_catalog_copy(catalog);
    assert_true(copy->has_start);
    assert_int_equal(copy->start_us, 23220);
    karp_catalog_free(catalog);
    karp_catalog_free(copy);
}

#define SHOWN(members)                                                                             \
    "{\"video\":[{\"track\":{\"name\":\"v\",\"priority\":2},\"codec\":\"vp8\","                    \
    "\"resolution\":{\"width\":720,\"height\":576}" members "}]}"

static void display_and_language_survive(void **state)
{
    (void)state;
    assert_survives(
        SHOWN(",\"language\":\"deu\",\"languageTag\":\"de-AT\",\"rotation\":90,\"flip\":true,"
              "\"displayAspectWidth\":16,\"displayAspectHeight\":9"));
    assert_survives(
        SHOWN(",\"colorSpace\":{\"primaries\":\"bt2020\",\"transfer\":\"pq\",\"matrix\":\"bt2020-"
              "ncl\",\"fullRange\":false}"));
    assert_survives(SHOWN(",\"colorSpace\":{\"primaries\":22,\"transfer\":14,\"fullRange\":true}"));
    assert_survives(SHOWN(",\"colorSpace\":{\"matrix\":\"rgb\",\"fullRange\":false}"));
    assert_survives(SHOWN(",\"colorSpace\":{\"matrix\":\"rgb\"}"));
    assert_survives(SHOWN(",\"ladder\":\"auto\",\"rotation\":90"));
}

static void display_and_language_that_make_no_sense_are_ignored(void **state)
{
    (void)state;
    static const char *const nonsense[] = {
        SHOWN(",\"language\":\"german\""),
        SHOWN(",\"language\":7,\"languageTag\":\"de AT\""),
        SHOWN(",\"languageTag\":\"a-tag-that-is-longer-than-any-that-names-a-language\""),
        SHOWN(",\"languageTag\":\"\",\"language\":\"\""),
        SHOWN(",\"ladder\":7"),
        SHOWN(",\"ladder\":\"\""),
        SHOWN(",\"rotation\":45"),
        SHOWN(",\"rotation\":-90,\"flip\":1"),
        SHOWN(",\"rotation\":360"),
        SHOWN(",\"displayAspectWidth\":16"),
        SHOWN(",\"displayAspectWidth\":16,\"displayAspectHeight\":0"),
        SHOWN(",\"displayAspectWidth\":4294967296,\"displayAspectHeight\":9"),
        SHOWN(",\"colorSpace\":\"bt709\""),
        SHOWN(",\"colorSpace\":{\"primaries\":\"red\",\"transfer\":256,\"matrix\":null}"),
    };
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        struct karp_catalog *catalog = parse(nonsense[i]);
        assert_prints(catalog, SHOWN(""));
        karp_catalog_free(catalog);
    }
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

static void what_is_not_in_the_schema_is_ignored(void **state)
{
    (void)state;
    struct karp_catalog *catalog =
        parse(" {\"x\":1,\"audio\":null, "
              "\"video\":[{\"track\":{\"name\":\"v\",\"priority\":2,\"path\":[]},"
              "\"frame_rate\":29.97,\"codec\":\"vp8\",\"description\":null,\"bitrate\":null,"
              "\"resolution\":{\"depth\":3,\"width\":4294967295,\"height\":1}}]} ");
    assert_prints(catalog,
                  "{\"video\":[{\"track\":{\"name\":\"v\",\"priority\":2},\"codec\":\"vp8\","
                  "\"resolution\":{\"width\":4294967295,\"height\":1}}]}");
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
        {"[]", KARP_FAILURE_JSON},
        {"7", KARP_FAILURE_JSON},
        {"{\"video\":", KARP_FAILURE_JSON},
        {"{\"video\":{}}", KARP_FAILURE_JSON},
        {"{\"video\":[7]}", KARP_FAILURE_JSON},
        {"{\"video\":[{}]}", KARP_FAILURE_JSON},
        {VIDEO("{\"name\":\"v\"}", "\"codec\":\"vp8\"," SIZE), KARP_FAILURE_EXPECTED_INT},
        {VIDEO("{\"priority\":2}", "\"codec\":\"vp8\"," SIZE), KARP_FAILURE_JSON},
        {VIDEO("{\"name\":\"v\",\"priority\":128}", "\"codec\":\"vp8\"," SIZE),
         KARP_FAILURE_EXPECTED_INT},
        {VIDEO("{\"name\":\"v\",\"priority\":1.0}", "\"codec\":\"vp8\"," SIZE),
         KARP_FAILURE_EXPECTED_INT},
        {VIDEO(TRACK, SIZE), KARP_FAILURE_JSON},
        {VIDEO(TRACK, "\"codec\":\"avc1.42c0\"," SIZE), KARP_FAILURE_INVALID_CODEC},
        {VIDEO(TRACK, "\"codec\":\"vp8\""), KARP_FAILURE_JSON},
        {VIDEO(TRACK, "\"codec\":\"vp8\",\"resolution\":{\"width\":1}"), KARP_FAILURE_EXPECTED_INT},
        {VIDEO(TRACK, "\"codec\":\"vp8\",\"resolution\":{\"width\":-1,\"height\":2}"),
         KARP_FAILURE_EXPECTED_INT},
        {VIDEO(TRACK, "\"codec\":\"vp8\",\"resolution\":{\"width\":4294967296,\"height\":2}"),
         KARP_FAILURE_EXPECTED_INT},
        {VIDEO(TRACK, "\"codec\":\"vp8\",\"description\":\"abc\"," SIZE), KARP_FAILURE_HEX},
        {VIDEO(TRACK, "\"codec\":\"vp8\",\"description\":\"0g\"," SIZE), KARP_FAILURE_HEX},
        {VIDEO(TRACK, "\"codec\":\"vp8\",\"description\":7," SIZE), KARP_FAILURE_HEX},
        {VIDEO(TRACK, "\"codec\":\"vp8\",\"bitrate\":\"1\"," SIZE), KARP_FAILURE_EXPECTED_INT},
        {"{\"audio\":[{\"track\":" TRACK ",\"codec\":\"opus\",\"channel_count\":2}]}",
         KARP_FAILURE_EXPECTED_INT},
        {"{\"video\":[{\"track\":" TRACK ",\"codec\":\"vp8\"," SIZE "},{\"track\":" TRACK
         ",\"codec\":\"vp8\"," SIZE "}]}",
         KARP_FAILURE_DUPLICATE_TRACK},
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        struct karp_catalog *catalog;
        struct karp_failure failure = {0};
        size_t size = strlen(broken[i].json);
        assert_int_equal(karp_catalog_parse(broken[i].json, size, &catalog, &failure),
                         MOQ_ERR_DECODE);
        assert_int_equal(failure.kind, broken[i].kind);
        assert_null(catalog);
        assert_int_equal(karp_catalog_parse(broken[i].json, size, &catalog, NULL), MOQ_ERR_DECODE);
    }
    assert_int_equal(object_count(OBJECT_catalog), 0);
}

static void a_document_cut_anywhere_is_refused(void **state)
{
    (void)state;
    for (size_t size = 0; size < sizeof reference - 1; size++) {
        struct karp_catalog *catalog;
        assert_int_equal(karp_catalog_parse(reference, size, &catalog, NULL), MOQ_ERR_DECODE);
    }
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
        cmocka_unit_test(the_reference_survives_to_the_byte),
        cmocka_unit_test(display_and_language_survive),
        cmocka_unit_test(display_and_language_that_make_no_sense_are_ignored),
        cmocka_unit_test(tracks_that_are_shown_otherwise_differ),
        cmocka_unit_test(the_fields_are_read),
        cmocka_unit_test(where_presentation_begins_survives_and_nonsense_is_ignored),
        cmocka_unit_test(what_is_not_in_the_schema_is_ignored),
        cmocka_unit_test(broken_documents_are_refused_by_name),
        cmocka_unit_test(a_document_cut_anywhere_is_refused),
        cmocka_unit_test(bad_text_is_refused),
        cmocka_unit_test(tracks_come_and_go),
        cmocka_unit_test(the_number_of_tracks_is_bounded),
        cmocka_unit_test(objections_name_what_old_viewers_cannot_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
