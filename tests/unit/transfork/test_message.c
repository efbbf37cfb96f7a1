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

enum {
    V02 = MOQ_VERSION_02,
    V03 = MOQ_VERSION_03,
    V04 = MOQ_VERSION_04,
    ALL = MOQ_VERSION_ALL,
};

struct vector {
    enum any_kind kind;
    uint32_t versions;
    const char *bytes;
    const char *words;
};

#define BBB "04 64656d6f 03 626262"              /* demo, bbb */
#define INSTANCE "0d 31373336383939323030303030" /* 1736899200000 */
#define VIDEO "06 766964656f31"                  /* video1 */

static const struct vector vectors[] = {
    {ANY_STREAM_TYPE, ALL, "00", "0"},
    {ANY_STREAM_TYPE, ALL, "04", "4"},
    {ANY_STREAM_TYPE, ALL, "4040", "64"},

    {ANY_SESSION_CLIENT, ALL, "01 c0000000ff0bad02 00", "offers ff0bad02"},
    {ANY_SESSION_CLIENT, ALL, "03 c0000000ff0bad04 c0000000ff0bad03 c0000000ff0bad02 00",
     "offers ff0bad04 ff0bad03 ff0bad02"},
    {ANY_SESSION_CLIENT, ALL, "01 c0000000ff0bad02 01 00 01 03", "offers ff0bad02 ext 0=03"},
    {ANY_SESSION_CLIENT, ALL, "00 00", "offers"},
    {ANY_SESSION_CLIENT, ALL, "02 01 c0000000ff0dad01 02 4050 00 07 03 aabbcc",
     "offers 1 ff0dad01 ext 80= ext 7=aabbcc"},
    {ANY_SESSION_SERVER, ALL, "c0000000ff0bad02 00", "picks ff0bad02"},
    {ANY_SESSION_SERVER, ALL, "c0000000ff0bad03 01 00 01 03", "picks ff0bad03 ext 0=03"},
    {ANY_SESSION_UPDATE, ALL, "00", "0"},
    {ANY_SESSION_UPDATE, ALL, "804c4b40", "5000000"},

    {ANY_ANNOUNCE_PLEASE, ALL, "00", "[0] "},
    {ANY_ANNOUNCE_PLEASE, ALL, "02" BBB, "[2] demo/bbb"},
    {ANY_ANNOUNCE_PLEASE, ALL, "01 00", "[1] {}"},
    {ANY_ANNOUNCE, ALL, "01 01" INSTANCE, "active [1] 1736899200000"},
    {ANY_ANNOUNCE, ALL, "01 02" INSTANCE VIDEO, "active [2] 1736899200000/video1"},
    {ANY_ANNOUNCE, ALL, "00 01" INSTANCE, "ended [1] 1736899200000"},
    {ANY_ANNOUNCE, ALL, "01 00", "active [0] "},
    {ANY_ANNOUNCE, V03 | V04, "02", "live"},
    {ANY_ANNOUNCE, ALL, "01 03" BBB INSTANCE, "active [3] demo/bbb/1736899200000"},
    {ANY_ANNOUNCE, ALL, "01 01 06 72656c617932", "active [1] relay2"},

    {ANY_SUBSCRIBE, V02, "00 03" BBB INSTANCE "7f 01 00 00 00",
     "id 0 priority 127 order 1 expires 0 path [3] demo/bbb/1736899200000"},
    {ANY_SUBSCRIBE, V02, "01 04" BBB INSTANCE VIDEO "82 01 00 00 00",
     "id 1 priority 130 order 1 expires 0 path [4] demo/bbb/1736899200000/video1"},
    {ANY_SUBSCRIBE, V02, "4064 01 05 636c6f636b 80 00 4bb8 06 0a",
     "id 100 priority 128 order 0 expires 3000 from 5 to 9 path [1] clock"},
    {ANY_SUBSCRIBE, V02, "00 03" BBB INSTANCE "02 00 00 00 00",
     "id 0 priority 2 order 0 expires 0 path [3] demo/bbb/1736899200000"},
    {ANY_SUBSCRIBE, V04, "01 04" BBB INSTANCE VIDEO "82 01 00 00",
     "id 1 priority 130 order 1 expires 0 path [4] demo/bbb/1736899200000/video1"},
    {ANY_SUBSCRIBE, V03, "4064 01 05 636c6f636b 4080 01 4bb8 06 0a",
     "id 100 priority 128 order 1 expires 3000 from 5 to 9 path [1] clock"},
    {ANY_SUBSCRIBE, V03, "00 01 00 05 02 00 00 01",
     "id 0 priority 5 order 2 expires 0 to 0 path [1] {}"},
    {ANY_SUBSCRIBE, V02, "00 01 01 78 80 02 00 ffffffffffffffff 00",
     "id 0 priority 128 order 2 expires 0 from 4611686018427387902 path [1] x"},

    {ANY_SUBSCRIBE_UPDATE, V02 | V03, "4082 01 00 00 00", "priority 130 order 1 expires 0"},
    {ANY_SUBSCRIBE_UPDATE, V04, "4082 01 00 00", "priority 130 order 1 expires 0"},
    {ANY_SUBSCRIBE_UPDATE, V02 | V03, "4082 00 4bb8 06 0a",
     "priority 130 order 0 expires 3000 from 5 to 9"},
    {ANY_SUBSCRIBE_UPDATE, V04, "05 02 06 0a", "priority 5 order 2 expires 0 from 5 to 9"},
    {ANY_LAST_UPDATE, V03, "4082 01 00 00 00", "priority 130 order 1 expires 0"},
    {ANY_LAST_UPDATE, V04, "4082 01 00 00", "priority 130 order 1 expires 0"},

    {ANY_INFO, V02, "82 01 00 2a", "priority 130 order 1 expires 0 latest 42"},
    {ANY_INFO, V03, "4082 2a 02 00", "priority 130 order 2 expires 0 latest 42"},
    {ANY_INFO, V04, "82 01 2a", "priority 130 order 1 expires 0 latest 42"},
    {ANY_INFO, V02, "7f 01 00 00", "priority 127 order 1 expires 0 latest 0"},
    {ANY_INFO, V02, "02 02 4bb8 07", "priority 2 order 2 expires 3000 latest 7"},

    {ANY_GAP, ALL, "07 00 04", "start 7 count 0 code 4"},
    {ANY_GAP, ALL, "07 02 4194", "start 7 count 2 code 404"},

    {ANY_GROUP, ALL, "01 2a", "subscription 1 sequence 42"},
    {ANY_GROUP, ALL, "4046 80004e20", "subscription 70 sequence 20000"},
    {ANY_GROUP, ALL, "00 ffffffffffffffff", "subscription 0 sequence 4611686018427387903"},
    {ANY_FRAME, ALL, "05", "5"},
    {ANY_FRAME, ALL, "00", "0"},
    {ANY_FRAME, ALL, "81000000", "16777216"},

    {ANY_FETCH, V02 | V04, "04" BBB INSTANCE VIDEO "82 2a 00",
     "priority 130 group 42 offset 0 path [4] demo/bbb/1736899200000/video1"},
    {ANY_FETCH, V03, "04" BBB INSTANCE VIDEO "4082 2a 03",
     "priority 130 group 42 offset 3 path [4] demo/bbb/1736899200000/video1"},
    {ANY_FETCH_UPDATE, ALL, "4082", "130"},
    {ANY_INFO_PLEASE, ALL, "04" BBB INSTANCE VIDEO, "[4] demo/bbb/1736899200000/video1"},
};

enum { VECTOR_COUNT = sizeof vectors / sizeof vectors[0] };

typedef void on_vector(const struct vector *vector, uint32_t version);

static void for_each_vector(on_vector *check)
{
    static const uint32_t versions[] = {V02, V03, V04};
    for (int i = 0; i < VECTOR_COUNT; i++)
        for (int k = 0; k < 3; k++)
            if (vectors[i].versions & versions[k])
                check(&vectors[i], versions[k]);
}

static int nothing_lives(void **state)
{
    (void)state;
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
    for_each_vector(decode_says);
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
    for_each_vector(encode_gives_the_bytes);
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
    for_each_vector(cuts_ask_for_more);
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
    for_each_vector(more_bytes_are_left_alone);
}

/* ---- What must not pass ---------------------------------------------------------------------- */

static int verdict(enum any_kind kind, uint32_t version, const char *bytes)
{
    struct hex hex = bytes_of_hex(bytes);
    struct any_message any = {.kind = kind, .version = version};
    size_t used;
    int error = any_decode(&any, hex.data, hex.size, &used);
    if (!error)
        any_free(&any);
    return error;
}

static void a_status_that_does_not_exist_is_wrong(void **state)
{
    (void)state;
    assert_int_equal(verdict(ANY_ANNOUNCE, V02, "03"), MOQ_ERR_DECODE);
    assert_int_equal(verdict(ANY_ANNOUNCE, V03, "03 00"), MOQ_ERR_DECODE);
    assert_int_equal(verdict(ANY_ANNOUNCE, V04, "ff"), MOQ_ERR_DECODE);
    assert_int_equal(verdict(ANY_ANNOUNCE, V02, "40"), MOQ_ERR_DECODE);
    assert_int_equal(verdict(ANY_ANNOUNCE, V03, "4001 00"), 0);
}

static void live_is_understood_everywhere_and_never_sent_on_02(void **state)
{
    (void)state;
    struct msg_announce live = {.status = ANNOUNCE_LIVE};
    struct byte_buf out;
    byte_buf_init(&out, 100);
    assert_int_equal(verdict(ANY_ANNOUNCE, V02, "02"), 0);
    assert_int_equal(message_encode_announce(V02, &out, &live), MOQ_ERR_INVALID);
    assert_int_equal(out.size, 0);
    byte_buf_deinit(&out);
}

static void an_order_that_does_not_exist_is_wrong_but_not_in_info(void **state)
{
    (void)state;
    assert_int_equal(verdict(ANY_SUBSCRIBE, V02, "00 01 01 78 80 03 00 00 00"), MOQ_ERR_DECODE);
    assert_int_equal(verdict(ANY_SUBSCRIBE, V03, "00 01 01 78 05 03 00 00 00"), MOQ_ERR_DECODE);
    assert_int_equal(verdict(ANY_SUBSCRIBE_UPDATE, V04, "05 03"), MOQ_ERR_DECODE);
    assert_int_equal(verdict(ANY_INFO, V02, "80 4099 00 00"), 0);
}

static void a_track_needs_a_name(void **state)
{
    (void)state;
    assert_int_equal(verdict(ANY_SUBSCRIBE, V02, "00 00"), MOQ_ERR_BOUNDS);
    assert_int_equal(verdict(ANY_FETCH, V02, "00"), MOQ_ERR_BOUNDS);
    assert_int_equal(verdict(ANY_INFO_PLEASE, V02, "00"), MOQ_ERR_BOUNDS);
}

static void paths_over_the_limits_are_refused_at_once(void **state)
{
    (void)state;
    assert_int_equal(verdict(ANY_ANNOUNCE_PLEASE, V02, "21"), MOQ_ERR_BOUNDS);
    assert_int_equal(verdict(ANY_ANNOUNCE, V02, "01 01 4400"), MOQ_ERR_BOUNDS);
    assert_int_equal(verdict(ANY_SUBSCRIBE, V02, "00 01 ffffffffffffffff"), MOQ_ERR_BOUNDS);
    assert_int_equal(verdict(ANY_SUBSCRIBE, V02, "00 ffffffffffffffff"), MOQ_ERR_BOUNDS);
}

static void lists_of_a_session_are_capped(void **state)
{
    (void)state;
    assert_int_equal(verdict(ANY_SESSION_CLIENT, V02, "4041"), MOQ_ERR_BOUNDS);
    assert_int_equal(verdict(ANY_SESSION_CLIENT, V02, "ffffffffffffffff"), MOQ_ERR_BOUNDS);
    assert_int_equal(verdict(ANY_SESSION_CLIENT, V02, "00 4041"), MOQ_ERR_BOUNDS);
    assert_int_equal(verdict(ANY_SESSION_SERVER, V02, "00 01 00 5001"), MOQ_ERR_BOUNDS);
    assert_int_equal(verdict(ANY_SESSION_SERVER, V02, "00 01 00 5000"), MOQ_ERR_AGAIN);
}

static void an_extension_comes_once(void **state)
{
    (void)state;
    assert_int_equal(verdict(ANY_SESSION_CLIENT, V02, "00 02 05 00 05"), MOQ_ERR_DECODE);
    assert_int_equal(verdict(ANY_SESSION_SERVER, V02, "00 02 05 01 aa 4005"), MOQ_ERR_DECODE);
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

static void a_frame_over_the_limit_is_refused_by_its_size(void **state)
{
    (void)state;
    assert_int_equal(verdict(ANY_FRAME, V02, "81000001"), MOQ_ERR_BOUNDS);
    assert_int_equal(verdict(ANY_FRAME, V02, "ffffffffffffffff"), MOQ_ERR_BOUNDS);
}

static void a_gap_ends_within_the_numbers(void **state)
{
    (void)state;
    assert_int_equal(verdict(ANY_GAP, V02, "fffffffffffffffe 01 00"), 0);
    assert_int_equal(verdict(ANY_GAP, V02, "fffffffffffffffe 02 00"), MOQ_ERR_BOUNDS);
    assert_int_equal(verdict(ANY_GAP, V02, "01 ffffffffffffffff 00"), MOQ_ERR_BOUNDS);
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

static void an_update_of_four_fields_counts_only_at_the_end_on_02(void **state)
{
    (void)state;
    struct hex four = bytes_of_hex("4082 01 06 0a"), five = bytes_of_hex("4082 01 4bb8 06 0a"),
               more = bytes_of_hex("4082 01 06 0a 00 82");
    struct msg_wish update;
    size_t used = 0;
    assert_int_equal(
        message_decode_subscribe_update(V02, four.data, four.size, false, &used, &update),
        MOQ_ERR_AGAIN);
    assert_int_equal(
        message_decode_subscribe_update(V02, four.data, four.size, true, &used, &update), 0);
    assert_int_equal(used, four.size);
    assert_true(update.priority == 130 && update.order == 1 && update.expires_ms == 0);
    assert_true(update.min == 5 && update.max == 9);

    assert_int_equal(
        message_decode_subscribe_update(V02, five.data, five.size, true, &used, &update), 0);
    assert_int_equal(update.expires_ms, 3000);
    assert_int_equal(
        message_decode_subscribe_update(V03, four.data, four.size, true, &used, &update),
        MOQ_ERR_AGAIN);
    assert_int_equal(
        message_decode_subscribe_update(V02, four.data, four.size - 1, true, &used, &update),
        MOQ_ERR_AGAIN);
    assert_int_equal(
        message_decode_subscribe_update(V02, more.data, more.size, true, &used, &update), 0);
    assert_int_equal(used, 6);
}

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

static void longer_forms_of_numbers_are_understood(void **state)
{
    (void)state;
    struct hex hex =
        bytes_of_hex("c000000000000001 4001 80000001 78 80 4001 4000 80000000 c000000000000000");
    struct any_message any = {.kind = ANY_SUBSCRIBE, .version = V02};
    struct any_text text;
    size_t used;
    assert_int_equal(any_decode(&any, hex.data, hex.size, &used), 0);
    assert_int_equal(used, hex.size);
    assert_string_equal(any_words(&any, &text), "id 1 priority 128 order 1 expires 0 path [1] x");
    any_free(&any);
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
        cmocka_unit_test(a_status_that_does_not_exist_is_wrong),
        cmocka_unit_test(live_is_understood_everywhere_and_never_sent_on_02),
        cmocka_unit_test(an_order_that_does_not_exist_is_wrong_but_not_in_info),
        cmocka_unit_test(a_track_needs_a_name),
        cmocka_unit_test(paths_over_the_limits_are_refused_at_once),
        cmocka_unit_test(lists_of_a_session_are_capped),
        cmocka_unit_test(an_extension_comes_once),
        cmocka_unit_test(no_message_is_waited_for_without_end),
        cmocka_unit_test(a_frame_over_the_limit_is_refused_by_its_size),
        cmocka_unit_test(a_gap_ends_within_the_numbers),
        cmocka_unit_test(encoders_refuse_what_a_version_cannot_say),
        cmocka_unit_test(an_update_of_four_fields_counts_only_at_the_end_on_02),
        cmocka_unit_test(orders_mean_what_their_version_says),
        cmocka_unit_test(a_wish_is_what_the_numbers_mean),
        cmocka_unit_test(a_server_prefers_03_then_02_then_04),
        cmocka_unit_test(longer_forms_of_numbers_are_understood),
        cmocka_unit_test(a_group_stream_reads_to_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, nothing_lives);
}
