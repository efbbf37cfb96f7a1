/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Paths: limits, order, text, and their wire form. */
#include "transfork/path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/objects.h"
#include "tests/unit/transfork/bytes_of_hex.h"

static void assert_text(struct moq_path *path, const char *expected)
{
    char text[MOQ_PATH_TEXT_BYTES];
    assert_non_null(path);
    assert_string_equal(moq_path_text(path, text, sizeof text), expected);
    moq_path_unref(&path);
}

static struct moq_path *path_of(const char *text)
{
    struct moq_path *path = moq_path_from_text(text);
    assert_non_null(path);
    return path;
}

static int nothing_lives(void **state)
{
    (void)state;
    return object_count(OBJECT_path) == 0 ? 0 : -1;
}

static size_t count_of(const char *text)
{
    struct moq_path *path = path_of(text);
    size_t count = moq_path_count(path);
    moq_path_unref(&path);
    return count;
}

static void text_becomes_parts(void **state)
{
    (void)state;
    assert_int_equal(count_of(""), 0);
    assert_int_equal(count_of("/"), 0);
    assert_int_equal(count_of("demo"), 1);
    assert_int_equal(count_of("/demo/bbb"), 2);
    assert_int_equal(count_of("a/"), 2);
    assert_int_equal(count_of("//"), 2);
    assert_text(path_of("/demo/bbb"), "demo/bbb");
    assert_text(path_of("a/"), "a/");
}

static void a_part_is_any_bytes(void **state)
{
    (void)state;
    const struct moq_part parts[] = {{"a/b", 3}, {"", 0}, {"\0\xff %", 4}};
    struct moq_path *path = moq_path_new(parts, 3);
    assert_int_equal(moq_path_part(path, 0).size, 3);
    assert_int_equal(moq_path_part(path, 1).size, 0);
    assert_int_equal(moq_path_part(path, 2).size, 4);
    assert_memory_equal(moq_path_part(path, 2).data, "\0\xff %", 4);
    assert_text(path, "a{2f}b//{00ff20}%");
}

static void thirty_two_parts_fit_and_one_more_does_not(void **state)
{
    (void)state;
    struct moq_part parts[33];
    for (int i = 0; i < 33; i++)
        parts[i] = (struct moq_part){"x", 1};
    struct moq_path *path = moq_path_new(parts, 32);
    assert_non_null(path);
    assert_int_equal(moq_path_count(path), 32);
    assert_null(moq_path_new(parts, 33));
    assert_null(moq_path_child(path, "y"));
    assert_null(moq_path_join(path, path));
    moq_path_unref(&path);

    char text[100] = "";
    for (int i = 0; i < 32; i++)
        strcat(text, i ? "/x" : "x");
    assert_int_equal(count_of(text), 32);
    assert_null(moq_path_from_text(strcat(text, "/")));
}

static void a_thousand_and_twenty_three_bytes_fit_and_one_more_does_not(void **state)
{
    (void)state;
    char text[1025];
    memset(text, 'p', sizeof text);
    const struct moq_part one = {text, 1023}, more = {text, 1024}, huge = {text, SIZE_MAX};
    struct moq_path *path = moq_path_new(&one, 1);
    assert_non_null(path);
    assert_null(moq_path_new(&more, 1));
    assert_null(moq_path_new(&huge, 1));
    const struct moq_part two[] = {{text, 1000}, {text, 23}}, many[] = {{text, 1000}, {text, 24}};
    struct moq_path *other = moq_path_new(two, 2);
    assert_non_null(other);
    assert_null(moq_path_new(many, 2));
    assert_null(moq_path_child(path, "y"));
    struct moq_path *child = moq_path_child(path, "");
    assert_int_equal(moq_path_count(child), 2);
    moq_path_unref(&child);
    moq_path_unref(&other);
    moq_path_unref(&path);
}

static void order_is_part_by_part(void **state)
{
    (void)state;
    static const char *const ascending[] = {"", "a", "a/", "a/b", "a/b/c", "a/bb", "a!", "aa", "b"};
    enum { COUNT = sizeof ascending / sizeof ascending[0] };
    for (int i = 0; i < COUNT; i++) {
        for (int k = 0; k < COUNT; k++) {
            struct moq_path *a = path_of(ascending[i]), *b = path_of(ascending[k]);
            int order = moq_path_compare(a, b);
            assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
            assert_int_equal(moq_path_equal(a, b), i == k);
            assert_true(i != k || moq_path_hash(a) == moq_path_hash(b));
            assert_true(i == k || moq_path_hash(a) != moq_path_hash(b));
            moq_path_unref(&a);
            moq_path_unref(&b);
        }
    }
}

static bool has_prefix(const char *path_text, const char *prefix_text)
{
    struct moq_path *path = path_of(path_text), *prefix = path_of(prefix_text);
    bool result = moq_path_has_prefix(path, prefix);
    moq_path_unref(&path);
    moq_path_unref(&prefix);
    return result;
}

static void a_prefix_ends_between_parts(void **state)
{
    (void)state;
    assert_true(has_prefix("demo/bbb", ""));
    assert_true(has_prefix("", ""));
    assert_true(has_prefix("demo/bbb", "demo"));
    assert_true(has_prefix("demo/bbb", "demo/bbb"));
    assert_false(has_prefix("demo/bbb", "demo/b"));
    assert_false(has_prefix("demo/bbb", "demo/bbb/c"));
    assert_false(has_prefix("demo", "demo/"));
    assert_false(has_prefix("", "demo"));
}

static void paths_are_joined_extended_and_cut(void **state)
{
    (void)state;
    struct moq_path *path = path_of("demo/bbb"), *more = path_of("17/video1"), *none = path_of("");
    assert_text(moq_path_join(path, more), "demo/bbb/17/video1");
    assert_text(moq_path_join(path, none), "demo/bbb");
    assert_text(moq_path_child(path, "a"), "demo/bbb/a");
    assert_text(moq_path_copy(path), "demo/bbb");
    assert_text(moq_path_suffix(path, 0), "demo/bbb");
    assert_text(moq_path_suffix(path, 1), "bbb");
    assert_text(moq_path_suffix(path, 2), "");
    assert_text(moq_path_suffix(path, 99), "");
    moq_path_unref(&path);
    moq_path_unref(&more);
    moq_path_unref(&none);
}

static void text_that_is_cut_says_so_and_never_ends_in_braces(void **state)
{
    (void)state;
    const struct moq_part part = {"ab\nc", 4};
    struct moq_path *path = moq_path_new(&part, 1);
    static const char *const expected[] = {"",      "a",      "ab",      "ab",     "ab",
                                           "{...}", "a{...}", "ab{0a}c", "ab{0a}c"};
    for (size_t size = 1; size <= 9; size++) {
        char text[10] = "#########";
        assert_string_equal(moq_path_text(path, text, size), expected[size - 1]);
        assert_true(size == 9 || text[size] == '#');
    }
    moq_path_unref(&path);
}

/* The text of a path leads back to it, and to no other one: also as part of a URL. */
static void assert_text_leads_back(const struct moq_path *path)
{
    char text[MOQ_PATH_TEXT_BYTES];
    moq_path_text(path, text, sizeof text);
    for (const char *c = text; *c; c++)
        assert_true(*c > 0x20 && *c < 0x7f && !strchr("?#\"<>`", *c));
    assert_null(strstr(text, MOQ_PATH_CUT_MARK));
    struct moq_path *again = moq_path_from_text(text);
    assert_non_null(again);
    if (!moq_path_equal(path, again))
        fail_msg("%s is another path", text);
    moq_path_unref(&again);
    again = moq_path_from_name(text, strlen(text));
    assert_true(moq_path_equal(path, again) || moq_path_count(path) == 0);
    moq_path_unref(&again);
}

/* Parts of bytes that mean something to somebody, in any order. */
static void every_text_leads_back_to_its_path(void **state)
{
    (void)state;
    static const char letters[] = "aBf20%{}{}/?#. \"\\<>`&;\n\0\x7f\xc3\xa4\xff";
    enum { LETTERS = sizeof letters - 1, PARTS = 5, BYTES = 8, ROUNDS = 50000 };
    uint32_t seed = 1;
    for (int round = 0; round < ROUNDS; round++) {
        char bytes[PARTS * BYTES];
        struct moq_part parts[PARTS];
        for (size_t i = 0; i < sizeof bytes; i++) {
            seed = seed * 1664525 + 1013904223;
            bytes[i] = letters[(seed >> 16) % LETTERS];
        }
        for (size_t i = 0; i < PARTS; i++)
            parts[i] = (struct moq_part){bytes + i * BYTES, (seed >> (8 + 3 * i)) % BYTES};
        struct moq_path *path = moq_path_new(parts, (size_t)round % (PARTS + 1));
        assert_text_leads_back(path);
        moq_path_unref(&path);
    }
}

static void text_is_written_as_in_a_url(void **state)
{
    (void)state;
    assert_text(path_of("a%20b"), "a%20b");
    assert_text(path_of("100%"), "100%");
    assert_text(path_of("demo//b/"), "demo//b/");
    assert_text(path_of("//b"), "{}/b");
    assert_text(path_of("{}"), "{}");
    assert_text(path_of("{}/{}b"), "{}/b");
    assert_text(path_of("a b\xc3\xa4?"), "a{20}b{c3a43f}");
    assert_text(path_of("{2F}{41}"), "{2f}A");
    assert_text(path_of("{2}{2g}{"), "{7b}2{7d7b}2g{7d7b}");
    assert_text(moq_path_from_name("", 0), "{}");
    assert_text(moq_path_from_name("/a?b", 2), "{}/a");
}

static void the_longest_text_fits_its_constant(void **state)
{
    (void)state;
    char bytes[1023];
    struct moq_part parts[32];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i % 2 ? 'x' : 1);
    for (size_t i = 0; i < 32; i++)
        parts[i] = (struct moq_part){bytes, i == 0 ? 992 : 1};
    struct moq_path *path = moq_path_new(parts, 32);
    char *text = malloc(MOQ_PATH_TEXT_BYTES);
    assert_int_equal(strlen(moq_path_text(path, text, MOQ_PATH_TEXT_BYTES)),
                     992 / 2 * 5 + 31 * 4 + 31);
    assert_text_leads_back(path);
    free(text);
    moq_path_unref(&path);
}

static void references_are_counted(void **state)
{
    (void)state;
    struct moq_path *path = path_of("a"), *second = moq_path_ref(path);
    moq_path_unref(&path);
    assert_null(path);
    assert_int_equal(object_count(OBJECT_path), 1);
    assert_int_equal(moq_path_count(second), 1);
    moq_path_unref(&second);
    moq_path_unref(&second);
    assert_int_equal(object_count(OBJECT_path), 0);
}

/* ---- Wire form ------------------------------------------------------------------------------- */

static int decode(const char *text, struct path_view *view, size_t *used)
{
    struct hex hex = bytes_of_hex(text);
    return path_view_decode(hex.data, hex.size, used, view);
}

static void long_forms_come_out_canonical(void **state)
{
    (void)state;
    struct hex hex = bytes_of_hex("4002 c000000000000004 64656d6f 80000003 626262 ff");
    struct path_view view;
    size_t used = 0, size;
    assert_int_equal(path_view_decode(hex.data, hex.size, &used, &view), 0);
    assert_int_equal(used, hex.size - 1);
    struct moq_path *path = path_from_view(&view), *same = path_of("demo/bbb");
    assert_true(moq_path_equal(path, same));
    struct hex canonical = bytes_of_hex("02 04 64656d6f 03 626262");
    const uint8_t *wire = path_wire(path, &size);
    assert_int_equal(size, canonical.size);
    assert_memory_equal(wire, canonical.data, size);
    moq_path_unref(&path);
    moq_path_unref(&same);
}

static void limits_are_known_from_the_first_byte_that_breaks_them(void **state)
{
    (void)state;
    struct path_view view;
    size_t used = 777;
    assert_int_equal(decode("21", &view, &used), MOQ_ERR_BOUNDS);
    assert_int_equal(decode("ffffffffffffffff", &view, &used), MOQ_ERR_BOUNDS);
    assert_int_equal(decode("01 4400", &view, &used), MOQ_ERR_BOUNDS);
    assert_int_equal(decode("01 ffffffffffffffff", &view, &used), MOQ_ERR_BOUNDS);
    assert_int_equal(decode("01 43ff", &view, &used), MOQ_ERR_AGAIN);
    assert_int_equal(decode("20", &view, &used), MOQ_ERR_AGAIN);
    assert_int_equal(decode("", &view, &used), MOQ_ERR_AGAIN);
    assert_int_equal(used, 777);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_becomes_parts),
        cmocka_unit_test(a_part_is_any_bytes),
        cmocka_unit_test(thirty_two_parts_fit_and_one_more_does_not),
        cmocka_unit_test(a_thousand_and_twenty_three_bytes_fit_and_one_more_does_not),
        cmocka_unit_test(order_is_part_by_part),
        cmocka_unit_test(a_prefix_ends_between_parts),
        cmocka_unit_test(paths_are_joined_extended_and_cut),
        cmocka_unit_test(text_is_written_as_in_a_url),
        cmocka_unit_test(every_text_leads_back_to_its_path),
        cmocka_unit_test(text_that_is_cut_says_so_and_never_ends_in_braces),
        cmocka_unit_test(the_longest_text_fits_its_constant),
        cmocka_unit_test(references_are_counted),
        cmocka_unit_test(long_forms_come_out_canonical),
        cmocka_unit_test(limits_are_known_from_the_first_byte_that_breaks_them),
    };
    return cmocka_run_group_tests(tests, NULL, nothing_lives);
}
