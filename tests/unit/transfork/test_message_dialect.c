/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Version 04 has two dialects under one number; the string one must be recognised, and never an
 * array taken for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/transfork/bytes_of_hex.h"
#include "transfork/message.h"

static enum message_dialect dialect(enum message_kind kind, const char *bytes)
{
    struct hex hex = bytes_of_hex(bytes);
    return message_dialect(kind, hex.data, hex.size);
}

#define ARRAY_PATH "04 04 64656d6f 03 626262 0d 31373336383939323030303030 06 766964656f31"
#define STRING_PATH "23 2f64656d6f2f6262622f313733363839393230303030302f766964656f312e6b617270"

static void subscriptions_are_told_apart(void **state)
{
    (void)state;
    assert_int_equal(dialect(KIND_SUBSCRIBE, "01" ARRAY_PATH "82 01 00 00"), DIALECT_ARRAY);
    assert_int_equal(dialect(KIND_SUBSCRIBE, "01" STRING_PATH "82 01 00 00"), DIALECT_STRING);
    assert_int_equal(dialect(KIND_SUBSCRIBE, "00 05 636c6f636b 80 00 00 00"), DIALECT_STRING);
    assert_int_equal(dialect(KIND_SUBSCRIBE, "00 01 05 636c6f636b 80 00 00 00"), DIALECT_ARRAY);
}

static void questions_are_told_apart(void **state)
{
    (void)state;
    assert_int_equal(dialect(KIND_ANNOUNCE_PLEASE, "02 04 64656d6f 03 626262"), DIALECT_ARRAY);
    assert_int_equal(dialect(KIND_ANNOUNCE_PLEASE, "02 08 696e7465726e616c 07 6f726967696e73"),
                     DIALECT_ARRAY);
    /* "/demo/bbb/" and a star, "internal/origins/" and a star, a star */
    assert_int_equal(dialect(KIND_ANNOUNCE_PLEASE, "0b 2f64656d6f2f6262622f2a"), DIALECT_STRING);
    assert_int_equal(dialect(KIND_ANNOUNCE_PLEASE, "12 696e7465726e616c2f6f726967696e732f2a"),
                     DIALECT_STRING);
    assert_int_equal(dialect(KIND_ANNOUNCE_PLEASE, "01 2a"), DIALECT_STRING);
}

static void the_question_for_everything_is_good_in_both(void **state)
{
    (void)state;
    assert_int_equal(dialect(KIND_ANNOUNCE_PLEASE, "00"), DIALECT_EITHER);
    assert_int_equal(dialect(KIND_ANNOUNCE, "02"), DIALECT_EITHER);
    assert_int_equal(dialect(KIND_ANNOUNCE, "01 00"), DIALECT_EITHER);
}

static void announces_are_told_apart(void **state)
{
    (void)state;
    assert_int_equal(dialect(KIND_ANNOUNCE, "01 01 0d 31373336383939323030303030"), DIALECT_ARRAY);
    assert_int_equal(dialect(KIND_ANNOUNCE, "01 24 2f64656d6f2f6262622f31373336383939323030303030"
                                            "2f636174616c6f672e6a736f6e"),
                     DIALECT_STRING);
}

static void streams_of_type_three_are_told_apart(void **state)
{
    (void)state;
    assert_int_equal(dialect(KIND_FETCH, ARRAY_PATH "82 2a 00"), DIALECT_ARRAY);
    assert_int_equal(dialect(KIND_FETCH, STRING_PATH), DIALECT_STRING);
}

static void what_is_wrong_in_both_goes_on_to_the_decoder(void **state)
{
    (void)state;
    assert_int_equal(dialect(KIND_ANNOUNCE_PLEASE, "ffffffffffffffff"), DIALECT_ARRAY);
    assert_int_equal(dialect(KIND_SUBSCRIBE, "00 21 00"), DIALECT_ARRAY);
}

/* A name with a part of `part` bytes, cut anywhere: never a string, whatever the bytes of the part
 * look like. */
static void check_cuts(enum message_kind kind, const uint8_t *data, size_t n)
{
    for (size_t cut = 0; cut < n; cut++) {
        enum message_dialect verdict = message_dialect(kind, data, cut);
        assert_true(verdict == DIALECT_WAIT || (cut > 0 && verdict == DIALECT_EITHER));
    }
    assert_int_equal(message_dialect(kind, data, n), DIALECT_ARRAY);
}

static void a_cut_array_is_waited_for(void **state)
{
    (void)state;
    static const char text[] = "Some-Name_with.every/kind-of*letters0123456789~!";
    for (size_t part = 1; part < sizeof text; part++) {
        if (part == '/' || part == '*')
            continue; /* the two lengths that look like the start of a string's name */
        uint8_t data[100] = {1, (uint8_t)part};
        memcpy(data + 2, text, part);
        check_cuts(KIND_ANNOUNCE_PLEASE, data, 2 + part);
    }
}

static void a_cut_string_is_not_taken_for_an_array(void **state)
{
    (void)state;
    struct hex hex = bytes_of_hex("01" STRING_PATH "82 01 00 00");
    for (size_t cut = 0; cut < hex.size; cut++)
        assert_int_equal(message_dialect(KIND_SUBSCRIBE, hex.data, cut), DIALECT_WAIT);
    assert_int_equal(message_dialect(KIND_SUBSCRIBE, hex.data, hex.size), DIALECT_STRING);
}

/* ---- Many names ------------------------------------------------------------------------------ */

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

static size_t random_text(uint64_t *seed, char *out, size_t most)
{
    size_t n = 1 + next_random(seed) % most;
    for (size_t i = 0; i < n; i++)
        out[i] = (char)('!' + next_random(seed) % 94);
    return n;
}

static struct moq_path *random_path(uint64_t *seed)
{
    char texts[4][40];
    struct moq_part parts[4];
    size_t count = 1 + next_random(seed) % 4;
    for (size_t i = 0; i < count; i++)
        parts[i] = (struct moq_part){texts[i], random_text(seed, texts[i], 30)};
    return moq_path_new(parts, count);
}

static void random_array_subscriptions_are_never_taken_for_strings(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 20000; i++) {
        struct msg_subscribe msg = {.id = next_random(&seed) % 100,
                                    .path = random_path(&seed),
                                    .wish = {.priority = next_random(&seed) % 256,
                                             .order = next_random(&seed) % 2,
                                             .min = MOQ_NO_GROUP,
                                             .max = MOQ_NO_GROUP}};
        struct byte_buf out;
        byte_buf_init(&out, 1000);
        assert_int_equal(message_encode_subscribe(MOQ_VERSION_04, &out, &msg), 0);
        assert_int_equal(message_dialect(KIND_SUBSCRIBE, out.data, out.size), DIALECT_ARRAY);
        byte_buf_deinit(&out);
        moq_path_unref(&msg.path);
    }
}

static void random_string_subscriptions_are_recognised(void **state)
{
    (void)state;
    uint64_t seed = 2;
    for (int i = 0; i < 20000; i++) {
        uint8_t data[200] = {(uint8_t)(next_random(&seed) % 60)};
        char text[60];
        size_t size = random_text(&seed, text, 60);
        data[1] = (uint8_t)size;
        memcpy(data + 2, text, size);
        data[2 + size] = (uint8_t)next_random(&seed);
        data[3 + size] = next_random(&seed) % 2;
        assert_int_equal(message_dialect(KIND_SUBSCRIBE, data, 6 + size), DIALECT_STRING);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subscriptions_are_told_apart),
        cmocka_unit_test(questions_are_told_apart),
        cmocka_unit_test(the_question_for_everything_is_good_in_both),
        cmocka_unit_test(announces_are_told_apart),
        cmocka_unit_test(streams_of_type_three_are_told_apart),
        cmocka_unit_test(what_is_wrong_in_both_goes_on_to_the_decoder),
        cmocka_unit_test(a_cut_array_is_waited_for),
        cmocka_unit_test(a_cut_string_is_not_taken_for_an_array),
        cmocka_unit_test(random_array_subscriptions_are_never_taken_for_strings),
        cmocka_unit_test(random_string_subscriptions_are_recognised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
