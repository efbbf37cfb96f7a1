/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The codec against every example of the protocol's description: decoded, encoded, and cut at every
 * byte. */
#include "tests/unit/transfork/any_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/objects.h"
#include "base/varint.h"
#include "tests/unit/transfork/bytes_of_hex.h"
#include "tests/unit/vectors.h"

enum {
    V02 = MOQ_VERSION_02,
    V03 = MOQ_VERSION_03,
    V04 = MOQ_VERSION_04,
    ALL = MOQ_VERSION_ALL,
};

/* A line of tests/vectors/transfork.txt, which says what the marks mean. */
struct vector {
    char mark;
    enum any_kind kind;
    uint32_t versions;
    const char *bytes;
    const char *words;
};

enum { VECTORS_MAX = 200 };

static char *vectors_text;
static struct vector vectors[VECTORS_MAX];
static size_t vector_count;

static uint32_t versions_of(const char *text)
{
    return (strstr(text, "02") ? V02 : 0u) | (strstr(text, "03") ? V03 : 0u) |
           (strstr(text, "04") ? V04 : 0u);
}

static void keep_vector(char *const columns[VECTOR_COLUMNS], void *user)
{
    (void)user;
    struct vector vector = {*columns[0], 0, versions_of(columns[1]), columns[2], columns[3]};
    while (vector.kind < ANY_COUNT && strcmp(any_kind_names[vector.kind], columns[0] + 2) != 0)
        vector.kind++;
    assert_true(vector.kind < ANY_COUNT && vector.versions && vector_count < VECTORS_MAX);
    vectors[vector_count++] = vector;
}

static int read_vectors(void **state)
{
    (void)state;
    vectors_text = vectors_load(VECTORS_DIR "/transfork.txt");
    vectors_each(vectors_text, keep_vector, NULL);
    return vector_count > 80 ? 0 : -1;
}

typedef void on_vector(const struct vector *vector, uint32_t version);

/* Those with one of `marks`, in each of their versions. */
static void for_each_vector(const char *marks, on_vector *check)
{
    static const uint32_t versions[] = {V02, V03, V04};
    for (size_t i = 0; i < vector_count; i++)
        for (int k = 0; k < 3; k++)
            if (strchr(marks, vectors[i].mark) && vectors[i].versions & versions[k])
                check(&vectors[i], versions[k]);
}

static int nothing_lives(void **state)
{
    (void)state;
    free(vectors_text);
    return object_count(OBJECT_path) == 0 ? 0 : -1;
}

/* A copy of exactly `n` bytes, so that a sanitizer sees every step too far. */
static uint8_t *exact_copy(const uint8_t *data, size_t n)
{
    uint8_t *copy = malloc(n ? n : 1);
    memcpy(copy, data, n);
    return copy;
}

static void decode_says(const struct vector *vector, uint32_t version)
{
    struct hex hex = bytes_of_hex(vector->bytes);
    struct any_message any = {.kind = vector->kind, .version = version};
    struct any_text text;
    size_t used = 0;
    uint8_t *copy = exact_copy(hex.data, hex.size);
    assert_int_equal(any_decode(&any, copy, hex.size, &used), 0);
    assert_int_equal(used, hex.size);
    assert_string_equal(any_words(&any, &text), vector->words);
    any_free(&any);
    free(copy);
}

static void every_example_decodes_to_what_it_means(void **state)
{
    (void)state;
    for_each_vector("=~", decode_says);
}

static void encode_gives_the_bytes(const struct vector *vector, uint32_t version)
{
    struct hex hex = bytes_of_hex(vector->bytes);
    struct any_message any = {.kind = vector->kind, .version = version};
    struct byte_buf out;
    size_t used;
    byte_buf_init(&out, MESSAGE_MAX_BYTES);
    assert_int_equal(any_decode(&any, hex.data, hex.size, &used), 0);
    assert_int_equal(any_encode(&any, &out), 0);
    assert_int_equal(out.size, hex.size);
    assert_memory_equal(out.data, hex.data, hex.size);
    byte_buf_deinit(&out);
    any_free(&any);
}

static void every_example_encodes_to_the_same_bytes(void **state)
{
    (void)state;
    for_each_vector("=", encode_gives_the_bytes);
}

static void cuts_ask_for_more(const struct vector *vector, uint32_t version)
{
    struct hex hex = bytes_of_hex(vector->bytes);
    for (size_t n = 0; n < hex.size; n++) {
        struct any_message any = {.kind = vector->kind, .version = version};
        size_t used = 777;
        uint8_t *copy = exact_copy(hex.data, n);
        assert_int_equal(any_decode(&any, copy, n, &used), MOQ_ERR_AGAIN);
        assert_int_equal(used, 777);
        free(copy);
    }
}

static void every_strict_prefix_of_an_example_asks_for_more(void **state)
{
    (void)state;
    for_each_vector("=", cuts_ask_for_more);
}

static void more_bytes_are_left_alone(const struct vector *vector, uint32_t version)
{
    struct hex hex = bytes_of_hex(vector->bytes);
    struct any_message any = {.kind = vector->kind, .version = version};
    size_t size = hex.size, used = 0;
    hex.data[size] = 0xff;
    assert_int_equal(any_decode(&any, hex.data, size + 1, &used), 0);
    assert_int_equal(used, size);
    any_free(&any);
}

static void what_follows_a_message_is_not_taken(void **state)
{
    (void)state;
    for_each_vector("=", more_bytes_are_left_alone);
}

/* ---- What must not pass ---------------------------------------------------------------------- */

static int verdict(const struct vector *vector, uint32_t version)
{
    struct hex hex = bytes_of_hex(vector->bytes);
    struct any_message any = {.kind = vector->kind, .version = version};
    uint8_t *copy = exact_copy(hex.data, hex.size);
    size_t used;
    int error = any_decode(&any, copy, hex.size, &used);
    if (!error)
        any_free(&any);
    free(copy);
    return error;
}

static void is_refused(const struct vector *vector, uint32_t version)
{
    bool is_bounds = strcmp(vector->words, "bounds") == 0;
    assert_true(is_bounds || strcmp(vector->words, "decode") == 0);
    int expected = is_bounds ? MOQ_ERR_BOUNDS : MOQ_ERR_DECODE;
    if (verdict(vector, version) != expected)
        fail_msg("%s is not refused as %s", vector->bytes, vector->words);
}

static void what_must_not_pass_is_refused(void **state)
{
    (void)state;
    for_each_vector("!", is_refused);
}

static void is_incomplete(const struct vector *vector, uint32_t version)
{
    if (verdict(vector, version) != MOQ_ERR_AGAIN)
        fail_msg("%s is complete", vector->bytes);
}

static void what_is_incomplete_asks_for_more(void **state)
{
    (void)state;
    for_each_vector("+", is_incomplete);
}

static void live_is_never_sent_on_02(void **state)
{
    (void)state;
    struct msg_announce live = {.status = ANNOUNCE_LIVE};
    struct byte_buf out;
    byte_buf_init(&out, 100);
    assert_int_equal(message_encode_announce(V02, &out, &live), MOQ_ERR_INVALID);
    assert_int_equal(out.size, 0);
    byte_buf_deinit(&out);
}

static void no_message_is_waited_for_without_end(void **state)
{
    (void)state;
    uint8_t *big = calloc(1, MESSAGE_MAX_BYTES);
    struct msg_session_server msg;
    size_t used, at = 2;
    big[1] = 63; /* 63 extensions of 4000 bytes: over the limit before they are all here */
    for (uint8_t id = 0; at + 3 + 4000 < MESSAGE_MAX_BYTES; id++, at += 3 + 4000) {
        big[at] = id;
        big[at + 1] = 0x40 | 4000 >> 8;
        big[at + 2] = 4000 & 0xff;
    }
    big[at] = 60;
    big[at + 1] = 0x4f;
    assert_int_equal(message_decode_session_server(big, MESSAGE_MAX_BYTES - 1, &used, &msg),
                     MOQ_ERR_AGAIN);
    assert_int_equal(message_decode_session_server(big, MESSAGE_MAX_BYTES, &used, &msg),
                     MOQ_ERR_BOUNDS);
    free(big);
}

static void encoders_refuse_what_a_version_cannot_say(void **state)
{
    (void)state;
    struct byte_buf out;
    struct moq_path *path = moq_path_from_text("x"), *none = moq_path_from_text("");
    struct msg_subscribe msg = {
        .path = path, .wish = {.priority = 256, .min = MOQ_NO_GROUP, .max = MOQ_NO_GROUP}};
    byte_buf_init(&out, 1000);
    assert_int_equal(message_encode_subscribe(V02, &out, &msg), MOQ_ERR_INVALID);
    assert_int_equal(message_encode_subscribe(V03, &out, &msg), 0);
    msg.wish.priority = 5;
    msg.wish.min = VARINT_MAX; /* would be written as 2^62 */
    assert_int_equal(message_encode_subscribe(V02, &out, &msg), MOQ_ERR_INVALID);
    msg.wish.min = 0;
    msg.wish.order = 3;
    assert_int_equal(message_encode_subscribe(V02, &out, &msg), MOQ_ERR_INVALID);
    msg.wish.order = 0;
    msg.path = none;
    assert_int_equal(message_encode_subscribe(V02, &out, &msg), MOQ_ERR_INVALID);
    assert_int_equal(message_encode_info_please(&out, none), MOQ_ERR_INVALID);
    byte_buf_deinit(&out);
    moq_path_unref(&path);
    moq_path_unref(&none);
}

/* ---- Meaning --------------------------------------------------------------------------------- */

static void orders_mean_what_their_version_says(void **state)
{
    (void)state;
    static const uint32_t old[] = {V02, V04};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(message_order_from_wire(old[i], 0), MOQ_ORDER_OLDEST);
        assert_int_equal(message_order_from_wire(old[i], 1), MOQ_ORDER_NEWEST);
        assert_int_equal(message_order_from_wire(old[i], 2), MOQ_ORDER_NEWEST);
        assert_int_equal(message_order_to_wire(old[i], MOQ_ORDER_OLDEST), 0);
        assert_int_equal(message_order_to_wire(old[i], MOQ_ORDER_NEWEST), 1);
    }
    assert_int_equal(message_order_from_wire(V03, 0), MOQ_ORDER_ANY);
    assert_int_equal(message_order_from_wire(V03, 1), MOQ_ORDER_OLDEST);
    assert_int_equal(message_order_from_wire(V03, 2), MOQ_ORDER_NEWEST);
    assert_int_equal(message_order_to_wire(V03, MOQ_ORDER_OLDEST), 1);
    assert_int_equal(message_order_to_wire(V03, MOQ_ORDER_NEWEST), 2);
    assert_int_equal(message_order_to_wire(V03, MOQ_ORDER_ANY), 0);
    assert_int_equal(message_order_to_wire(V02, MOQ_ORDER_ANY), 1);
}

static void a_wish_is_what_the_numbers_mean(void **state)
{
    (void)state;
    struct msg_wish msg = {
        .priority = 70000, .order = 1, .expires_ms = 9, .min = 3, .max = MOQ_NO_GROUP};
    struct moq_wish wish = message_wish_from_wire(V03, &msg);
    assert_true(wish.priority == 255 && wish.order == MOQ_ORDER_OLDEST && wish.expires_ms == 9);
    assert_true(wish.min == 3 && wish.max == MOQ_NO_GROUP);

    msg = (struct msg_wish){.priority = 127, .order = 2, .min = MOQ_NO_GROUP, .max = 8};
    wish = message_wish_from_wire(V02, &msg);
    assert_true(wish.priority == 127 && wish.order == MOQ_ORDER_NEWEST && wish.max == 8);
    assert_true(wish.min == MOQ_NO_GROUP);
    msg = message_wish_to_wire(V03, &wish);
    assert_true(msg.priority == 127 && msg.order == 2 && msg.expires_ms == 0);
    assert_true(msg.min == MOQ_NO_GROUP && msg.max == 8);
}

static uint32_t pick(const char *bytes, uint32_t ours)
{
    struct hex hex = bytes_of_hex(bytes);
    struct msg_session_client offer;
    size_t used;
    assert_int_equal(message_decode_session_client(hex.data, hex.size, &used, &offer), 0);
    return message_pick_version(&offer, ours);
}

#define ALL_THREE "03 c0000000ff0bad04 c0000000ff0bad02 c0000000ff0bad03 00"

static void a_server_prefers_03_then_02_then_04(void **state)
{
    (void)state;
    assert_int_equal(pick(ALL_THREE, ALL), V03);
    assert_int_equal(pick(ALL_THREE, V02 | V04), V02);
    assert_int_equal(pick(ALL_THREE, V04), V04);
    assert_int_equal(pick("02 c0000000ff0dad01 c0000000ff0bad04 00", ALL), V04);
    assert_int_equal(pick("01 c0000000ff0bad04 00", V02 | V03), 0);
    assert_int_equal(pick("01 c0000000ff000007 00", ALL), 0);
    assert_int_equal(pick("00 00", ALL), 0);
}

/* The whole group stream of the description, read the way a receiver does. */
static void a_group_stream_reads_to_its_end(void **state)
{
    (void)state;
    struct hex hex = bytes_of_hex("00 01 2a 05 68656c6c6f 00 03 616263");
    static const uint64_t sizes[] = {5, 0, 3};
    const uint8_t *at = hex.data, *end = hex.data + hex.size;
    struct msg_group group;
    uint64_t number;
    size_t used;
    assert_int_equal(message_decode_stream_type(at, (size_t)(end - at), &used, &number), 0);
    assert_int_equal(number, UNI_GROUP);
    at += used;
    assert_int_equal(message_decode_group(at, (size_t)(end - at), &used, &group), 0);
    at += used;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(message_decode_frame(at, (size_t)(end - at), &used, &number), 0);
        assert_int_equal(number, sizes[i]);
        at += used + number;
    }
    assert_ptr_equal(at, end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_example_decodes_to_what_it_means),
        cmocka_unit_test(every_example_encodes_to_the_same_bytes),
        cmocka_unit_test(every_strict_prefix_of_an_example_asks_for_more),
        cmocka_unit_test(what_follows_a_message_is_not_taken),
        cmocka_unit_test(what_must_not_pass_is_refused),
        cmocka_unit_test(what_is_incomplete_asks_for_more),
        cmocka_unit_test(live_is_never_sent_on_02),
        cmocka_unit_test(no_message_is_waited_for_without_end),
        cmocka_unit_test(encoders_refuse_what_a_version_cannot_say),
        cmocka_unit_test(orders_mean_what_their_version_says),
        cmocka_unit_test(a_wish_is_what_the_numbers_mean),
        cmocka_unit_test(a_server_prefers_03_then_02_then_04),
        cmocka_unit_test(a_group_stream_reads_to_its_end),
    };
    return cmocka_run_group_tests(tests, read_vectors, nothing_lives);
}
