/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* token/base64.c: one text for the same bytes. */
#include "token/base64.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/prologue.h"

static void bytes_come_back(void **state)
{
    uint8_t bytes[70], back[BASE64_DECODED_BYTES(96)];
    uint64_t seed = 1;
    (void)state;
    for (size_t n = 0; n < sizeof bytes; n++) {
        for (size_t i = 0; i < n; i++)
            bytes[i] = (uint8_t)next_random(&seed);
        size_t size = 99;
        char *text = base64_encode(bytes, n);
        assert_true(base64_decode(text, strlen(text), back, &size));
        assert_int_equal(size, n);
        assert_memory_equal(back, bytes, n);
        free(text);
    }
}

static void texts_are_those_of_the_standard(void **state)
{
    static const char *const pairs[][2] = {
        {"", ""},        {"f", "Zg"},        {"fo", "Zm8"},
        {"foo", "Zm9v"}, {"foob", "Zm9vYg"}, {"\xff\xef\xbf", "_--_"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char *text = base64_encode(pairs[i][0], strlen(pairs[i][0]));
        assert_string_equal(text, pairs[i][1]);
        free(text);
    }
}

static void other_texts_are_refused(void **state)
{
    static const char *const texts[] = {"Z",    "Zg==",  "Zm8=", "Zh",   "Zm9",
                                        "Zm 8", "Zm8\n", "_+-_", "_/-_", "Zm9vY"};
    uint8_t out[16];
    size_t size;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(base64_decode(texts[i], strlen(texts[i]), out, &size));
}

static void files_may_have_the_older_alphabet_and_padding(void **state)
{
    uint8_t out[16];
    size_t size;
    (void)state;
    assert_true(base64_decode_loosely("/++/", 4, out, &size));
    assert_memory_equal(out, "\xff\xef\xbf", 3);
    assert_true(base64_decode_loosely("Zg==", 4, out, &size));
    assert_int_equal(size, 1);
    assert_false(base64_decode_loosely("Zg===", 5, out, &size));
    assert_false(base64_decode_loosely("Z===", 4, out, &size));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_back),
        cmocka_unit_test(texts_are_those_of_the_standard),
        cmocka_unit_test(other_texts_are_refused),
        cmocka_unit_test(files_may_have_the_older_alphabet_and_padding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
