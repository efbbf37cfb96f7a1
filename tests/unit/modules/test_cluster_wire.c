/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Frames of what relays tell each other: as they are written, and what is refused. */
#include "tests/unit/prologue.h"

#include <string.h>

#include "modules/cluster/wire.h"

static uint8_t bytes[WIRE_FRAME_BYTES];
static struct wire_frame frame;

static struct wire_text text_of(const char *text)
{
    return (struct wire_text){text, strlen(text)};
}

static void assert_text(struct wire_text text, const char *expected)
{
    assert_int_equal(text.size, strlen(expected));
    assert_memory_equal(text.data, expected, text.size);
}

/* Its beginnings are all refused, and bytes behind it are left to later versions. */
static void check_ends(size_t size)
{
    assert_true(size > 0 && size < WIRE_FRAME_BYTES);
    for (size_t n = 0; n < size; n++)
        assert_int_equal(wire_read(&frame, bytes, n), -1);
    bytes[size] = 99;
    assert_int_equal(wire_read(&frame, bytes, size + 1), 0);
}

static void a_hello_says_who_speaks(void **state)
{
    static const uint8_t expected[] = {1, 1, 4, 'f', 'r', 'a', '1'};
    (void)state;
    size_t size = wire_hello(bytes, "fra1");
    assert_int_equal(size, sizeof expected);
    assert_memory_equal(bytes, expected, size);
    check_ends(size);
    assert_int_equal(frame.kind, WIRE_HELLO);
    assert_int_equal(frame.version, WIRE_VERSION);
    assert_text(frame.name, "fra1");
}

static void an_advert_lists_links(void **state)
{
    static const uint8_t expected[] = {2, 1, 'a', 7, 3, 1, 2, 1, 'b', 1, 1, 'c', 0x40, 100};
    static const struct wire_advert advert = {
        .name = {"a", 1},
        .boot = 7,
        .sequence = 3,
        .is_leaving = true,
        .link_count = 2,
        .links = {{{"b", 1}, 1}, {{"c", 1}, 100}},
    };
    (void)state;
    size_t size = wire_advert(bytes, &advert);
    assert_int_equal(size, sizeof expected);
    assert_memory_equal(bytes, expected, size);
    check_ends(size);
    assert_text(frame.advert.name, "a");
    assert_int_equal(frame.advert.boot, 7);
    assert_int_equal(frame.advert.sequence, 3);
    assert_true(frame.advert.is_leaving);
    assert_int_equal(frame.advert.link_count, 2);
    assert_text(frame.advert.links[1].to, "c");
    assert_int_equal(frame.advert.links[1].cost, 100);
}

static void paths_come_and_go(void **state)
{
    (void)state;
    check_ends(wire_offered(bytes, "demo/bbb", 5));
    assert_int_equal(frame.kind, WIRE_OFFERED);
    assert_text(frame.path, "demo/bbb");
    assert_int_equal(frame.stamp, 5);
    check_ends(wire_ended(bytes, "demo/bbb"));
    assert_int_equal(frame.kind, WIRE_ENDED);
    assert_text(frame.path, "demo/bbb");
    check_ends(wire_listed(bytes));
    assert_int_equal(frame.kind, WIRE_LISTED);
}

static void what_is_over_a_limit_is_refused(void **state)
{
    static struct wire_advert advert = {.name = {"a", 1}};
    static char name[WIRE_NAME_BYTES + 1];
    (void)state;
    memset(name, 'x', sizeof name - 1);
    assert_int_equal(wire_read(&frame, bytes, wire_hello(bytes, name)), -1);
    name[WIRE_NAME_BYTES - 1] = '\0';
    assert_int_equal(wire_read(&frame, bytes, wire_hello(bytes, name)), 0);
    assert_int_equal(wire_read(&frame, bytes, wire_hello(bytes, "")), -1);
    const uint8_t zero_inside[] = {1, 1, 3, 'a', 0, 'b'};
    assert_int_equal(wire_read(&frame, zero_inside, sizeof zero_inside), -1);
    advert.link_count = WIRE_LINKS_MAX;
    for (size_t i = 0; i < WIRE_LINKS_MAX; i++)
        advert.links[i] = (struct wire_link){text_of(name), 1};
    assert_int_equal(wire_advert(bytes, &advert), 0); /* longer than a frame */
    const uint8_t too_many[] = {2, 1, 'a', 1, 1, 0, 0x41, 1};
    assert_int_equal(wire_read(&frame, too_many, sizeof too_many), -1);
}

static void kinds_of_later_versions_are_skipped(void **state)
{
    (void)state;
    const uint8_t later[] = {6, 1, 2, 3}, none[] = {0};
    assert_int_equal(wire_read(&frame, later, sizeof later), 1);
    assert_int_equal(wire_read(&frame, none, sizeof none), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hello_says_who_speaks),
        cmocka_unit_test(an_advert_lists_links),
        cmocka_unit_test(paths_come_and_go),
        cmocka_unit_test(what_is_over_a_limit_is_refused),
        cmocka_unit_test(kinds_of_later_versions_are_skipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
