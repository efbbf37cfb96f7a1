/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Catalogs and frames become instances, tracks and groups of the output. */
#include "tests/unit/karp/output_record.h"

#include "tests/unit/prologue.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"

enum { VIDEO, AUDIO };
enum { WALL_MS = 1000 };

static struct output_record record;
static struct karp_broadcast broadcast;
static struct moq_clock now;

static void set_catalog(uint32_t width)
{
    struct karp_catalog *catalog = karp_catalog_new();
    const struct karp_track video = {.kind = KARP_VIDEO,
                                     .name = "v",
                                     .codec = "vp8",
                                     .priority = 2,
                                     .width = width,
                                     .height = width};
    const struct karp_track audio = {
        .kind = KARP_AUDIO, .name = "a", .codec = "opus", .priority = 1};
    assert_int_equal(karp_catalog_add(catalog, &video), 0);
    assert_int_equal(karp_catalog_add(catalog, &audio), 0);
    assert_int_equal(karp_broadcast_set_catalog(&broadcast, catalog, WALL_MS), 0);
    karp_catalog_free(catalog);
}

static int prepare(void **state)
{
    (void)state;
    output_record_init(&record);
    now.now_ns = 5 * NS_PER_S;
    broadcast = (struct karp_broadcast){.output = &output_recorder, .user = &record, .clock = &now};
    set_catalog(90);
    return 0;
}

static int go_on_air(void **state)
{
    prepare(state);
    assert_int_equal(karp_broadcast_go_on_air(&broadcast, WALL_MS), 0);
    return 0;
}

static int clear(void **state)
{
    (void)state;
    karp_broadcast_deinit(&broadcast);
    assert_int_equal(record.offered, 0);
    output_record_deinit(&record);
    return 0;
}

static void write_frame(size_t track, bool is_group_start, const char *payload)
{
    const struct karp_frame frame = {track, is_group_start, 33333, (const uint8_t *)payload,
                                     strlen(payload)};
    assert_int_equal(karp_broadcast_write(&broadcast, &frame), 0);
}

static void a_catalog_alone_offers_nothing(void **state)
{
    (void)state;
    assert_int_equal(record.track_count, 0);
    write_frame(VIDEO, true, "k");
    assert_int_equal(broadcast.left_out[KARP_OMISSION_OFF_AIR], 1);
}

static void an_instance_has_a_catalog_and_its_tracks(void **state)
{
    (void)state;
    const struct record_track *catalog = record_track_of(&record, "");
    char *json = karp_catalog_print(broadcast.catalog);
    assert_string_equal(catalog->id, "1000");
    assert_int_equal(catalog->priority, KARP_CATALOG_PRIORITY);
    assert_int_equal(catalog->groups, 1);
    assert_int_equal(catalog->frames, 1);
    assert_false(catalog->is_group_open);
    assert_string_equal(catalog->last, json);
    assert_int_equal(record_track_of(&record, "v")->priority, 2);
    assert_int_equal(record_track_of(&record, "a")->priority, 1);
    assert_string_equal(record_track_of(&record, "a")->id, "1000");
    assert_int_equal(record.track_count, 3);
    free(json);
}

static void a_group_begins_at_each_start(void **state)
{
    (void)state;
    write_frame(VIDEO, false, "d"); /* before a keyframe */
    write_frame(AUDIO, false, "s"); /* sound can begin anywhere */
    write_frame(VIDEO, true, "k");
    write_frame(VIDEO, false, "d");
    write_frame(VIDEO, true, "k");
    const struct record_track *video = record_track_of(&record, "v");
    assert_int_equal(video->groups, 2);
    assert_int_equal(video->group.sequence, 1);
    assert_int_equal(video->frames, 3);
    assert_int_equal(video->bytes, 3 * 5); /* four bytes of time each */
    assert_true(video->is_group_open);
    assert_int_equal(record_track_of(&record, "a")->groups, 1);
    assert_int_equal(broadcast.left_out[KARP_OMISSION_BEFORE_KEYFRAME], 1);
    assert_int_equal(broadcast.frames, 4);
}

static void a_group_that_is_too_large_is_cut(void **state)
{
    (void)state;
    record.group_max_bytes = 12;
    write_frame(VIDEO, true, "kk");
    write_frame(VIDEO, false, "dd");
    write_frame(VIDEO, false, "dd");
    const struct record_track *video = record_track_of(&record, "v");
    assert_false(video->is_group_open);
    assert_int_equal(video->group_error, MOQ_ERR_BOUNDS);
    write_frame(VIDEO, false, "d");
    assert_int_equal(broadcast.left_out[KARP_OMISSION_TOO_LARGE], 2);
    write_frame(VIDEO, true, "k");
    assert_int_equal(video->group.sequence, 1);
    assert_string_equal(record.warnings, "a group over 64 MiB was cut\n");
}

static void a_new_catalog_begins_an_instance_and_retires_the_one_before(void **state)
{
    (void)state;
    write_frame(VIDEO, true, "k");
    const struct record_track *video = record_track_of(&record, "v");
    now.now_ns += 2 * NS_PER_S;
    set_catalog(180);
    assert_string_equal(record_track_of(&record, "")->id, "1001"); /* the wall clock stood still */
    assert_int_equal(record.offered, 6);
    assert_true(video->is_ended);
    assert_string_equal(record.warnings, "");
    assert_true(karp_broadcast_is_own(&broadcast, 1000));
    assert_true(karp_broadcast_is_own(&broadcast, 1001));
    assert_false(karp_broadcast_is_own(&broadcast, 1002));

    now.now_ns += KARP_INSTANCE_MIN_NS + 1;
    karp_broadcast_tick(&broadcast);
    assert_int_equal(record.offered, 3);
    assert_int_equal(video->withdraw_error, 0);
}

static void an_instance_that_is_replaced_at_once_gets_a_warning(void **state)
{
    (void)state;
    assert_true(karp_broadcast_is_young(&broadcast));
    set_catalog(180);
    assert_string_equal(record.warnings,
                        "the next instance begins so soon that viewers may miss this one\n");
    set_catalog(270);
    assert_int_equal(record.offered, 6); /* and not three generations of them */
}

static void tracks_end_whole_or_with_an_error(void **state)
{
    (void)state;
    write_frame(VIDEO, true, "k");
    karp_broadcast_finish(&broadcast, false);
    const struct record_track *video = record_track_of(&record, "v");
    assert_false(video->is_group_open);
    assert_false(video->is_ended);
    karp_broadcast_go_off_air(&broadcast, MOQ_ERR_MEDIA);
    assert_int_equal(video->withdraw_error, MOQ_ERR_MEDIA);

    assert_int_equal(karp_broadcast_go_on_air(&broadcast, WALL_MS), 0);
    karp_broadcast_finish(&broadcast, true);
    assert_true(record_track_of(&record, "v")->is_ended);
}

static void an_output_that_refuses_leaves_nothing_behind(void **state)
{
    for (size_t allowed = 0; allowed < 3; allowed++) {
        prepare(state);
        record.offers_allowed = allowed;
        assert_int_equal(karp_broadcast_go_on_air(&broadcast, WALL_MS), MOQ_ERR_BOUNDS);
        karp_broadcast_go_off_air(&broadcast, MOQ_ERR_BOUNDS);
        assert_int_equal(record.track_count, allowed);
        assert_int_equal(record.offered, 0);
        clear(state);
    }
}

static void a_catalog_that_old_viewers_refuse_gets_a_warning(void **state)
{
    (void)state;
    struct karp_catalog *catalog = karp_catalog_new();
    const struct karp_track audio = {
        .kind = KARP_AUDIO, .name = "hifi", .codec = "opus", .sample_rate = 96000};
    assert_int_equal(karp_catalog_add(catalog, &audio), 0);
    assert_int_equal(karp_broadcast_set_catalog(&broadcast, catalog, WALL_MS), 0);
    assert_non_null(strstr(record.warnings, "track hifi: "));
    karp_catalog_free(catalog);
}

static void a_promise_is_the_instance_that_comes(void **state)
{
    (void)state;
    assert_int_equal(karp_broadcast_promise(&broadcast, WALL_MS), 0);
    assert_int_equal(karp_broadcast_promise(&broadcast, WALL_MS), 0); /* it is there already */
    assert_int_equal(record.track_count, 1);
    const struct record_track *catalog = record_track_of(&record, "");
    assert_int_equal(catalog->groups, 0);
    assert_false(broadcast.is_on_air);
    write_frame(VIDEO, true, "k");
    assert_int_equal(broadcast.left_out[KARP_OMISSION_OFF_AIR], 1);

    assert_int_equal(karp_broadcast_go_on_air(&broadcast, WALL_MS + 7), 0);
    assert_string_equal(record_track_of(&record, "v")->id, catalog->id);
    assert_int_equal(catalog->groups, 1);
    assert_int_equal(record.track_count, 3);
}

static void a_promise_that_is_not_kept_is_withdrawn(void **state)
{
    (void)state;
    assert_int_equal(karp_broadcast_promise(&broadcast, WALL_MS), 0);
    karp_broadcast_go_off_air(&broadcast, MOQ_ERR_OFFLINE);
    assert_int_equal(record.offered, 0);
    assert_int_equal(record_track_of(&record, "")->withdraw_error, MOQ_ERR_OFFLINE);
    assert_int_equal(karp_broadcast_promise(&broadcast, WALL_MS), 0);
    assert_string_equal(record_track_of(&record, "")->id, "1001");
}

#define ON_AIR(test) cmocka_unit_test_setup_teardown(test, go_on_air, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_catalog_alone_offers_nothing, prepare, clear),
        cmocka_unit_test_setup_teardown(a_promise_is_the_instance_that_comes, prepare, clear),
        cmocka_unit_test_setup_teardown(a_promise_that_is_not_kept_is_withdrawn, prepare, clear),
        ON_AIR(an_instance_has_a_catalog_and_its_tracks),
        ON_AIR(a_group_begins_at_each_start),
        ON_AIR(a_group_that_is_too_large_is_cut),
        ON_AIR(a_new_catalog_begins_an_instance_and_retires_the_one_before),
        ON_AIR(an_instance_that_is_replaced_at_once_gets_a_warning),
        ON_AIR(tracks_end_whole_or_with_an_error),
        cmocka_unit_test(an_output_that_refuses_leaves_nothing_behind),
        cmocka_unit_test_setup_teardown(a_catalog_that_old_viewers_refuse_gets_a_warning, prepare,
                                        clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
