/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Frames and catalogs of tests/vectors/karp.txt, which says what the marks mean. The player in web/
 * is tested with the same ones. */
#include "tests/unit/prologue.h"

#include <inttypes.h>

#include "base/error.h"
#include "base/objects.h"
#include "karp/karp.h"
#include "tests/unit/transfork/bytes_of_hex.h"
#include "tests/unit/vectors.h"

struct vector {
    char mark;
    const char *what, *one, *other;
};

enum { VECTORS_MAX = 100 };

static char *vectors_text;
static struct vector vectors[VECTORS_MAX];
static size_t vector_count;

static void keep_vector(char *const columns[VECTOR_COLUMNS], void *user)
{
    (void)user;
    assert_true(vector_count < VECTORS_MAX);
    vectors[vector_count++] = (struct vector){*columns[0], columns[0] + 2, columns[1], columns[2]};
}

static int read_vectors(void **state)
{
    (void)state;
    vectors_text = vectors_load(VECTORS_DIR "/karp.txt");
    vectors_each(vectors_text, keep_vector, NULL);
    return vector_count > 60 ? 0 : -1;
}

static int nothing_lives(void **state)
{
    (void)state;
    free(vectors_text);
    return object_count(OBJECT_catalog) == 0 ? 0 : -1;
}

/* Calls `check` for each vector of a mark and a kind. */
static void for_each(char mark, const char *what, void check(const struct vector *vector))
{
    size_t count = 0;
    for (size_t i = 0; i < vector_count; i++) {
        if (vectors[i].mark != mark || strcmp(vectors[i].what, what) != 0)
            continue;
        check(&vectors[i]);
        count++;
    }
    assert_true(count > 0);
}

/* ---- Frames ---------------------------------------------------------------------------------- */

static void is_a_frame(const struct vector *vector)
{
    struct hex hex = bytes_of_hex(vector->one);
    uint64_t expected = strtoull(vector->other, NULL, 10), time_us;
    uint8_t header[KARP_FRAME_HEADER_MAX_BYTES];
    size_t payload;
    assert_int_equal(karp_frame_header(expected, header), hex.size);
    assert_memory_equal(header, hex.data, hex.size);
    assert_int_equal(karp_frame_parse(hex.data, hex.size, &time_us, &payload), 0);
    assert_int_equal(time_us, expected);
    assert_int_equal(payload, hex.size);
    for (size_t cut = 0; cut < hex.size; cut++)
        assert_int_equal(karp_frame_parse(hex.data, cut, &time_us, &payload), MOQ_ERR_DECODE);
}

static void is_no_frame(const struct vector *vector)
{
    struct hex hex = bytes_of_hex(vector->one);
    uint64_t time_us;
    size_t payload;
    assert_int_equal(karp_frame_parse(hex.data, hex.size, &time_us, &payload), MOQ_ERR_DECODE);
}

static void frames_begin_with_their_time(void **state)
{
    (void)state;
    for_each('=', "frame", is_a_frame);
    for_each('!', "frame", is_no_frame);
}

/* ---- Catalogs -------------------------------------------------------------------------------- */

static void prints(const char *json, const char *expected)
{
    struct karp_catalog *catalog;
    struct karp_failure failure = {0};
    if (karp_catalog_parse(json, strlen(json), &catalog, &failure) != 0)
        fail_msg("%s: %s", json, failure.text);
    char *text = karp_catalog_print(catalog);
    assert_string_equal(text, expected);
    free(text);
    karp_catalog_free(catalog);
}

static void survives(const struct vector *vector)
{
    prints(vector->one, vector->one);
    for (size_t size = 0; size < strlen(vector->one); size++) {
        struct karp_catalog *catalog;
        assert_int_equal(karp_catalog_parse(vector->one, size, &catalog, NULL), MOQ_ERR_DECODE);
    }
}

static void catalogs_survive_to_the_byte(void **state)
{
    (void)state;
    for_each('=', "catalog", survives);
}

static void means_the_other(const struct vector *vector)
{
    prints(vector->one, vector->other);
}

static void what_makes_no_sense_is_left_out(void **state)
{
    (void)state;
    for_each('~', "catalog", means_the_other);
}

static void is_refused(const struct vector *vector)
{
    static const struct {
        const char *word;
        enum karp_failure_kind kind;
    } words[] = {{"json", KARP_FAILURE_JSON},
                 {"int", KARP_FAILURE_EXPECTED_INT},
                 {"hex", KARP_FAILURE_HEX},
                 {"twice", KARP_FAILURE_DUPLICATE_TRACK}};
    struct karp_catalog *catalog;
    struct karp_failure failure = {0};
    size_t size = strlen(vector->one), i = 0;
    assert_int_equal(karp_catalog_parse(vector->one, size, &catalog, &failure), MOQ_ERR_DECODE);
    assert_null(catalog);
    while (i < 3 && strcmp(words[i].word, vector->other) != 0)
        i++;
    assert_string_equal(words[i].word, vector->other);
    assert_int_equal(failure.kind, words[i].kind);
    assert_int_equal(karp_catalog_parse(vector->one, size, &catalog, NULL), MOQ_ERR_DECODE);
}

static void broken_catalogs_are_refused_by_name(void **state)
{
    (void)state;
    for_each('!', "catalog", is_refused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_begin_with_their_time),
        cmocka_unit_test(catalogs_survive_to_the_byte),
        cmocka_unit_test(what_makes_no_sense_is_left_out),
        cmocka_unit_test(broken_catalogs_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, read_vectors, nothing_lives);
}
