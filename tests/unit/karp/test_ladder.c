/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Which tracks one decoder can follow, in catalogs as they are and as they should not be. */
#include "karp/karp.h"

#include "tests/unit/prologue.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

#define H264 "avc1.64001f"
#define SIZED(name, codec, width, height, rest)                                                    \
    "{\"track\":{\"name\":\"" name "\",\"priority\":2},\"codec\":\"" codec                         \
    "\",\"resolution\":{\"width\":" #width ",\"height\":" #height "}" rest "}"
#define TRACK(name, codec, rest) SIZED(name, codec, 64, 36, rest)
#define RATE(bps) ",\"bitrate\":" #bps
#define OF(ladder) ",\"ladder\":\"" ladder "\""

static const char audio_track[] =
    "{\"track\":{\"name\":\"sound\",\"priority\":1},\"codec\":\"opus\",\"sample_rate\":48000,"
    "\"channel_count\":2,\"bitrate\":1000}";

/* A catalog with these video tracks, up to NULL, and one of audio. */
static struct karp_catalog *parse_list(const char *const *video)
{
    char json[8192] = "{\"video\":[";
    size_t at = strlen(json);
    struct karp_catalog *catalog;
    struct karp_failure failure;
    for (size_t i = 0; video[i]; i++)
        at += (size_t)snprintf(json + at, sizeof json - at, "%s%s", i ? "," : "", video[i]);
    at += (size_t)snprintf(json + at, sizeof json - at, "],\"audio\":[%s]}", audio_track);
    assert_true(at < sizeof json);
    assert_int_equal(karp_catalog_parse(json, at, &catalog, &failure), 0);
    return catalog;
}

/* Reads the ladder of `name` and compares the names in it, lowest first. */
static void assert_ladder(const char *const *video, const char *name, const char *expected)
{
    struct karp_catalog *catalog = parse_list(video);
    struct karp_ladder ladder;
    char names[1024] = "";
    size_t count = karp_ladder_read(catalog, name, &ladder), at = 0;
    assert_int_equal(count, ladder.count);
    for (size_t i = 0; i < count; i++)
        at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", i ? " " : "",
                               ladder.renditions[i]->name);
    assert_string_equal(names, expected);
    karp_catalog_free(catalog);
}

static void renditions_are_sorted_by_bitrate(void **state)
{
    static const char *const three[] = {TRACK("mid", H264, RATE(2000)),
                                        TRACK("high", "avc1.640028", RATE(5000)),
                                        TRACK("low", "avc1.42c01e", RATE(500)), NULL};
    (void)state;
    assert_ladder(three, "low", "low mid high");
    assert_ladder(three, "mid", "low mid high");
    assert_ladder(three, "high", "low mid high");
    assert_ladder(three, "sound", "");
    assert_ladder(three, "none", "");
    assert_ladder(three, "", "");
}

static void the_same_bitrate_twice_is_sorted_by_size(void **state)
{
    static const char *const same[] = {SIZED("b", H264, 1920, 1080, RATE(1000)),
                                       SIZED("a1", H264, 64, 36, RATE(1000)),
                                       SIZED("a2", H264, 64, 36, RATE(1000)), NULL};
    (void)state;
    assert_ladder(same, "b", "a1 a2 b");
}

static void a_track_without_bitrate_is_no_rendition(void **state)
{
    static const char *const some[] = {TRACK("x", H264, ""), TRACK("zero", H264, RATE(0)),
                                       TRACK("low", H264, RATE(1)), TRACK("high", H264, RATE(2)),
                                       NULL};
    (void)state;
    assert_ladder(some, "low", "low high");
    assert_ladder(some, "x", "");
    assert_ladder(some, "zero", "");
}

static void a_description_keeps_a_track_out(void **state)
{
    static const char *const some[] = {TRACK("told", H264, ",\"description\":\"014d\"" RATE(3)),
                                       TRACK("low", H264, RATE(1)), TRACK("high", H264, RATE(2)),
                                       NULL};
    (void)state;
    assert_ladder(some, "high", "low high");
    assert_ladder(some, "told", "");
}

static void codecs_and_profiles_are_not_mixed(void **state)
{
    static const char *const mixed[] = {TRACK("h1", H264, RATE(1)),
                                        TRACK("h2", "avc3.4d401f", RATE(2)),
                                        TRACK("ten", "avc1.6e001f", RATE(3)),
                                        TRACK("e1", "hev1.1.6.L93.B0", RATE(4)),
                                        TRACK("e2", "hev1.1.6.L120.90", RATE(5)),
                                        TRACK("e10", "hev1.2.4.L93.B0", RATE(6)),
                                        TRACK("v1", "vp09.00.41.08", RATE(7)),
                                        TRACK("v10", "vp09.02.41.10", RATE(8)),
                                        TRACK("o1", "av01.0.04M.08", RATE(9)),
                                        TRACK("o2", "av01.0.08M.08", RATE(10)),
                                        TRACK("o10", "av01.0.08M.10", RATE(11)),
                                        TRACK("w1", "vvc1.1", RATE(12)),
                                        TRACK("w2", "vvc1.1", RATE(13)),
                                        TRACK("p1", "vp8", RATE(14)),
                                        TRACK("p2", "vp8", RATE(15)),
                                        NULL};
    (void)state;
    assert_ladder(mixed, "h1", "h1 h2");
    assert_ladder(mixed, "ten", "ten");
    assert_ladder(mixed, "e1", "e1 e2");
    assert_ladder(mixed, "e10", "e10");
    assert_ladder(mixed, "v1", "v1");
    assert_ladder(mixed, "v10", "v10");
    assert_ladder(mixed, "o2", "o1 o2");
    assert_ladder(mixed, "o10", "o10");
    assert_ladder(mixed, "p2", "p1 p2");
    assert_ladder(mixed, "w1", ""); /* nobody knows whether its sets are in band */
}

static void what_is_shown_differently_is_not_mixed(void **state)
{
    static const char *const some[] = {
        TRACK("a", H264, RATE(1)), TRACK("turned", H264, RATE(2) ",\"rotation\":90"),
        TRACK("b", H264, RATE(3) ",\"displayAspectWidth\":16,\"displayAspectHeight\":9"),
        TRACK("mirrored", H264, RATE(4) ",\"flip\":true"), NULL};
    (void)state;
    assert_ladder(some, "a", "a b");
    assert_ladder(some, "turned", "turned");
    assert_ladder(some, "mirrored", "mirrored");
}

static void clocks_differ_only_if_both_are_told(void **state)
{
    static const char *const some[] = {TRACK("a", H264, RATE(1) ",\"timescale\":12800"),
                                       TRACK("b", H264, RATE(2) ",\"timescale\":15360"),
                                       TRACK("c", H264, RATE(3)), NULL};
    (void)state;
    assert_ladder(some, "a", "a c");
    assert_ladder(some, "b", "b c");
    assert_ladder(some, "c", "a b c");
}

static void the_automatic_track_is_no_rendition(void **state)
{
    static const char *const some[] = {
        TRACK("auto", "avc1.640028", RATE(9)), TRACK("high", "avc1.640028", RATE(2) OF("auto")),
        TRACK("low", H264, RATE(1) OF("auto")), TRACK("other", H264, RATE(3)), NULL};
    struct karp_catalog *catalog = parse_list(some);
    struct karp_ladder ladder;
    (void)state;
    assert_ladder(some, "auto", "low high");
    assert_ladder(some, "low", "low high");
    assert_ladder(some, "other", "other");
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(karp_ladder_read(catalog, catalog->tracks[i].name, &ladder), 2);
        assert_ptr_equal(ladder.automatic, karp_catalog_find(catalog, "auto"));
    }
    assert_int_equal(karp_ladder_read(catalog, "other", &ladder), 1);
    assert_null(ladder.automatic);
    assert_true(karp_ladder_is_automatic(catalog, &catalog->tracks[0]));
    assert_false(karp_ladder_is_automatic(catalog, &catalog->tracks[1]));
    karp_catalog_free(catalog);
}

static void names_of_ladders_that_make_no_sense_do_no_harm(void **state)
{
    static const char *const ring[] = {TRACK("a", H264, RATE(1) OF("b")),
                                       TRACK("b", H264, RATE(2) OF("a")), NULL};
    static const char *const own[] = {TRACK("a", H264, RATE(1) OF("a")), TRACK("b", H264, RATE(2)),
                                      NULL};
    static const char *const audio[] = {TRACK("x", H264, RATE(1) OF("a")),
                                        TRACK("y", H264, RATE(2) OF("a")), NULL};
    static const char *const wrong[] = {TRACK("x", H264, RATE(1) ",\"ladder\":7"),
                                        TRACK("y", H264, RATE(2) ",\"ladder\":\"\""), NULL};
    static const char *const foreign[] = {TRACK("auto", "hev1.1.6.L93.B0", ""),
                                          TRACK("x", H264, RATE(1) OF("auto")), NULL};
    struct karp_ladder ladder;
    struct karp_catalog *catalog = parse_list(audio);
    (void)state;
    assert_ladder(ring, "a", ""); /* each stands for the other, so there is none left */
    assert_ladder(ring, "b", "");
    assert_ladder(own, "a", "a b");
    assert_ladder(audio, "a", "");
    assert_ladder(audio, "x", "x y"); /* a ladder without an automatic track */
    assert_int_equal(karp_ladder_read(catalog, "x", &ladder), 2);
    assert_null(ladder.automatic);
    assert_ladder(wrong, "x", "x y");
    assert_ladder(foreign, "auto", "");
    assert_ladder(foreign, "x", "x");
    karp_catalog_free(catalog);
}

static struct karp_track rendition(unsigned number, uint64_t bps)
{
    struct karp_track track = {.kind = KARP_VIDEO, .codec = H264, .has_bitrate = true};
    snprintf(track.name, sizeof track.name, "video%u", number);
    track.bitrate_bps = bps;
    return track;
}

static void one_rendition_is_a_ladder_of_one(void **state)
{
    static const char *const one[] = {TRACK("v", H264, RATE(1)), NULL};
    struct karp_catalog *catalog = parse_list(one);
    struct karp_ladder ladder;
    (void)state;
    assert_int_equal(karp_ladder_read(catalog, "v", &ladder), 1);
    assert_int_equal(karp_ladder_largest(catalog, &ladder), 1);
    assert_ptr_equal(ladder.renditions[0], &catalog->tracks[0]);
    karp_catalog_free(catalog);
}

/* Whoever watches one of many is among those that are kept, and so are both ends. */
static void of_many_renditions_some_are_kept(void **state)
{
    (void)state;
    for (size_t count = 1; count <= KARP_CATALOG_MAX_TRACKS; count++) {
        struct karp_catalog *catalog = karp_catalog_new();
        size_t kept = count < KARP_LADDER_MAX_RENDITIONS ? count : KARP_LADDER_MAX_RENDITIONS;
        for (unsigned i = 0; i < count; i++) {
            const struct karp_track track = rendition(i, 1 + (count - i) * 10);
            assert_int_equal(karp_catalog_add(catalog, &track), 0);
        }
        for (size_t i = 0; i < count; i++) {
            struct karp_ladder ladder;
            bool is_found = false;
            assert_int_equal(karp_ladder_read(catalog, catalog->tracks[i].name, &ladder), kept);
            assert_int_equal(ladder.left_out, count - kept);
            assert_ptr_equal(ladder.renditions[0], &catalog->tracks[count - 1]);
            assert_ptr_equal(ladder.renditions[kept - 1], &catalog->tracks[0]);
            for (size_t j = 0; j < kept; j++) {
                is_found = is_found || ladder.renditions[j] == &catalog->tracks[i];
                assert_true(j == 0 || ladder.renditions[j - 1]->bitrate_bps <
                                          ladder.renditions[j]->bitrate_bps);
            }
            assert_true(is_found);
        }
        karp_catalog_free(catalog);
    }
}

static void the_largest_ladder_is_found(void **state)
{
    static const char *const some[] = {TRACK("alone", "vp8", RATE(1)),
                                       TRACK("e1", "hev1.1.6.L93.B0", RATE(4)),
                                       TRACK("e2", "hev1.1.6.L93.B0", RATE(3)),
                                       TRACK("h1", H264, RATE(2)),
                                       TRACK("h2", H264, RATE(1)),
                                       NULL};
    struct karp_catalog *catalog = parse_list(some), *empty = karp_catalog_new();
    struct karp_ladder ladder;
    (void)state;
    assert_int_equal(karp_ladder_largest(catalog, &ladder), 2);
    assert_string_equal(ladder.renditions[0]->name, "e2");
    assert_int_equal(karp_ladder_largest(empty, &ladder), 0);
    karp_catalog_free(catalog);
    karp_catalog_free(empty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renditions_are_sorted_by_bitrate),
        cmocka_unit_test(the_same_bitrate_twice_is_sorted_by_size),
        cmocka_unit_test(a_track_without_bitrate_is_no_rendition),
        cmocka_unit_test(a_description_keeps_a_track_out),
        cmocka_unit_test(codecs_and_profiles_are_not_mixed),
        cmocka_unit_test(what_is_shown_differently_is_not_mixed),
        cmocka_unit_test(clocks_differ_only_if_both_are_told),
        cmocka_unit_test(the_automatic_track_is_no_rendition),
        cmocka_unit_test(names_of_ladders_that_make_no_sense_do_no_harm),
        cmocka_unit_test(one_rendition_is_a_ladder_of_one),
        cmocka_unit_test(of_many_renditions_some_are_kept),
        cmocka_unit_test(the_largest_ladder_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
