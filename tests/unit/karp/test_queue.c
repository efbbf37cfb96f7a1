/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What waits comes out in the order in which it went in, and is never more than the bound. */
#include "karp/karp.h"

#include "tests/unit/prologue.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static void catalogs_and_frames_keep_their_order(void **state)
{
    struct karp_queue *queue = karp_queue_new();
    struct karp_catalog *catalog = karp_catalog_new();
    struct karp_queued first;
    (void)state;
    const struct karp_track track = {.kind = KARP_AUDIO, .name = "a", .codec = "opus"};
    assert_int_equal(karp_catalog_add(catalog, &track), 0);
    assert_true(karp_queue_is_empty(queue));
    assert_false(karp_queue_first(queue, &first));
    assert_int_equal(karp_queue_add_catalog(queue, catalog), 0);
    karp_catalog_free(catalog); /* the queue has a copy */
    for (uint64_t i = 0; i < 100; i++) {
        const struct karp_frame frame = {1, i == 0, i, (const uint8_t *)"payload", i % 8};
        assert_int_equal(karp_queue_add_frame(queue, &frame), 0);
    }
    assert_true(karp_queue_first(queue, &first));
    assert_string_equal(first.catalog->tracks[0].name, "a");
    karp_queue_drop_first(queue);
    for (uint64_t i = 0; i < 100; i++) {
        assert_true(karp_queue_first(queue, &first));
        assert_null(first.catalog);
        assert_int_equal(first.frame.timestamp_us, i);
        assert_int_equal(first.frame.is_group_start, i == 0);
        assert_int_equal(first.frame.size, i % 8);
        assert_memory_equal(first.frame.payload, "payload", i % 8);
        karp_queue_drop_first(queue);
    }
    assert_true(karp_queue_is_empty(queue));
    karp_queue_free(queue);
}

static void a_queue_is_bounded_and_has_room_again(void **state)
{
    enum { PAYLOAD_BYTES = 8 << 20 };
    struct karp_queue *queue = karp_queue_new();
    uint8_t *payload = calloc(1, PAYLOAD_BYTES);
    const struct karp_frame frame = {0, true, 0, payload, PAYLOAD_BYTES};
    (void)state;
    for (int i = 0; i < KARP_QUEUE_MAX_BYTES / PAYLOAD_BYTES - 1; i++)
        assert_int_equal(karp_queue_add_frame(queue, &frame), 0);
    assert_int_equal(karp_queue_add_frame(queue, &frame), MOQ_ERR_BOUNDS);
    for (int i = 0; i < 4; i++)
        karp_queue_drop_first(queue);
    for (int i = 0; i < 4; i++)
        assert_int_equal(karp_queue_add_frame(queue, &frame), 0);
    karp_queue_free(queue); /* with everything that still waits */
    free(payload);
}

static void what_waits_is_freed_with_the_queue(void **state)
{
    struct karp_queue *queue = karp_queue_new();
    struct karp_catalog *catalog = karp_catalog_new();
    (void)state;
    assert_int_equal(karp_queue_add_catalog(queue, catalog), 0);
    karp_catalog_free(catalog);
    karp_queue_free(queue);
    karp_queue_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(catalogs_and_frames_keep_their_order),
        cmocka_unit_test(a_queue_is_bounded_and_has_room_again),
        cmocka_unit_test(what_waits_is_freed_with_the_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
