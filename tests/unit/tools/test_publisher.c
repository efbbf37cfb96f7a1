/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a publisher leaves out is counted, by reason; what a viewer loses, too. */
#include "tests/unit/transfork/pair.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "tools/publisher.h"

enum { VIDEO, AUDIO };
enum { FRAME_BYTES = 8 << 20, FRAMES_OF_A_GROUP = (64 << 20) / FRAME_BYTES - 1 };

static struct pair pair;
static struct publisher publisher;

static void on_ready(struct moq_session *session)
{
    struct peer *peer = moq_session_user(session);
    peer->session = session;
}

static void on_request(struct moq_session *session, struct moq_request *request)
{
    (void)session;
    publisher_on_request(&publisher, request);
}

static void on_viewer_closed(struct moq_session *session, struct moq_viewer *viewer)
{
    (void)session;
    publisher_on_viewer_closed(&publisher, viewer);
}

static int open_publisher(void **state)
{
    static const struct moq_session_events events = {
        .on_ready = on_ready, .on_request = on_request, .on_viewer_closed = on_viewer_closed};
    (void)state;
    log_set_level(LOG_LEVEL_OFF);
    pair_init(&pair, &(struct options){.events = &events});
    publisher = (struct publisher){.offers = pair.peer[SERVER].offers,
                                   .broadcast = moq_path_from_text("b"),
                                   .latency_ns = NS_PER_S};
    publisher_init(&publisher, &pair.wire.clock);
    struct karp_catalog *catalog = karp_catalog_new();
    struct karp_track track = {.kind = KARP_VIDEO, .name = "v", .codec = "vp8"};
    assert_int_equal(karp_catalog_add(catalog, &track), 0);
    track = (struct karp_track){.kind = KARP_AUDIO, .name = "a", .codec = "opus"};
    assert_int_equal(karp_catalog_add(catalog, &track), 0);
    assert_int_equal(karp_broadcast_set_catalog(&publisher.media, catalog, clock_wall_ms()), 0);
    karp_catalog_free(catalog);
    assert_int_equal(karp_broadcast_go_on_air(&publisher.media, clock_wall_ms()), 0);
    return 0;
}

static int close_publisher(void **state)
{
    (void)state;
    publisher_deinit(&publisher);
    moq_path_unref(&publisher.broadcast);
    pair_deinit(&pair);
    return 0;
}

static void write_frame(size_t track, bool is_group_start, size_t size)
{
    static const uint8_t payload[FRAME_BYTES];
    const struct karp_frame frame = {track, is_group_start, 0, payload, size};
    assert_int_equal(karp_broadcast_write(&publisher.media, &frame), 0);
}

static void assert_left_out(uint64_t off_air, uint64_t before_keyframe, uint64_t too_large)
{
    assert_int_equal(publisher.media.left_out[KARP_OMISSION_OFF_AIR], off_air);
    assert_int_equal(publisher.media.left_out[KARP_OMISSION_BEFORE_KEYFRAME], before_keyframe);
    assert_int_equal(publisher.media.left_out[KARP_OMISSION_TOO_LARGE], too_large);
}

static void nothing_is_left_out_on_air(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        write_frame(VIDEO, i % 5 == 0, 10);
        write_frame(AUDIO, i % 5 == 0, 10);
    }
    assert_left_out(0, 0, 0);
    assert_int_equal(publisher.media.frames, 20);
}

static void frames_off_air_and_up_to_the_next_keyframe_count(void **state)
{
    (void)state;
    write_frame(VIDEO, true, 10);
    karp_broadcast_go_off_air(&publisher.media, MOQ_ERR_CLOSED);
    write_frame(VIDEO, false, 10);
    write_frame(AUDIO, false, 10);
    write_frame(VIDEO, true, 10);
    assert_left_out(3, 0, 0);
    assert_int_equal(karp_broadcast_go_on_air(&publisher.media, clock_wall_ms()), 0);
    write_frame(VIDEO, false, 10);
    write_frame(VIDEO, false, 10);
    write_frame(AUDIO, false, 10); /* sound can begin anywhere */
    write_frame(VIDEO, true, 10);
    write_frame(VIDEO, false, 10);
    assert_left_out(3, 2, 0);
    assert_int_equal(publisher.media.frames, 4);
}

static void frames_that_have_no_room_in_their_group_count(void **state)
{
    (void)state;
    for (int i = 0; i < FRAMES_OF_A_GROUP; i++)
        write_frame(VIDEO, i == 0, FRAME_BYTES);
    assert_left_out(0, 0, 0);
    write_frame(VIDEO, false, FRAME_BYTES);
    write_frame(VIDEO, false, 10);
    assert_left_out(0, 0, 2);
    write_frame(VIDEO, true, 10);
    write_frame(VIDEO, false, 10);
    assert_left_out(0, 0, 2);
}

/* A viewer of the video, who has its first group. */
static void watch(struct listener *viewer)
{
    char path[MOQ_PATH_TEXT_BYTES];
    listener_init(
        viewer, &pair,
        moq_path_text(moq_track_path(publisher.media.tracks[VIDEO].track), path, sizeof path));
    listener_subscribe(viewer, pair.peer[CLIENT].session, &NO_WISH);
    wire_run(&pair.wire);
    write_frame(VIDEO, true, 10);
    wire_run(&pair.wire);
    assert_int_equal(viewer->count, 1);
}

static uint64_t groups_lost(void)
{
    struct publisher_backlog backlog;
    publisher_backlog(&publisher, &backlog);
    return backlog.groups_lost;
}

static void a_viewer_that_lags_loses_groups(void **state)
{
    (void)state;
    struct listener viewer;
    watch(&viewer);
    pair.wire.end[SERVER].is_blocked = true;
    write_frame(VIDEO, false, 10);
    for (int i = 0; i < 3; i++) {
        write_frame(VIDEO, true, 10);
        wire_pass(&pair.wire, 2000);
    }
    assert_int_equal(groups_lost(), 3); /* of the first one, its second frame */
    pair.wire.end[SERVER].is_blocked = false;
    listener_deinit(&viewer);
    wire_run(&pair.wire);
    assert_int_equal(groups_lost(), 3);
}

static void a_viewer_that_leaves_loses_nothing(void **state)
{
    (void)state;
    struct listener viewer;
    watch(&viewer);
    write_frame(VIDEO, false, 10);
    listener_deinit(&viewer);
    wire_run(&pair.wire);
    assert_int_equal(publisher.viewer_count, 0);
    assert_int_equal(groups_lost(), 0);
}

static void begin_instance(uint32_t width)
{
    struct karp_catalog *catalog = karp_catalog_copy(publisher.media.catalog);
    catalog->tracks[VIDEO].width = catalog->tracks[VIDEO].height = width;
    assert_int_equal(karp_broadcast_set_catalog(&publisher.media, catalog, clock_wall_ms()), 0);
    karp_catalog_free(catalog);
}

static void an_instance_can_be_had_for_a_while_after_the_next_began(void **state)
{
    (void)state;
    char path[MOQ_PATH_TEXT_BYTES];
    struct listener early, late;
    moq_path_text(moq_track_path(publisher.media.tracks[VIDEO].track), path, sizeof path);
    listener_init(&early, &pair, path);
    listener_init(&late, &pair, path);
    write_frame(VIDEO, true, 10);
    begin_instance(90);
    write_frame(VIDEO, true, 10);
    listener_subscribe(&early, pair.peer[CLIENT].session, &NO_WISH);
    wire_run(&pair.wire);
    assert_int_equal(early.count, 1);

    wire_pass(&pair.wire, 2000);
    write_frame(VIDEO, true, 10);
    assert_int_equal(publisher.media.retired_count, 0);
    listener_subscribe(&late, pair.peer[CLIENT].session, &NO_WISH);
    wire_run(&pair.wire);
    assert_int_equal(late.count, 0);

    begin_instance(180);
    begin_instance(270);
    assert_int_equal(publisher.media.retired_count, 2);
    listener_deinit(&early);
    listener_deinit(&late);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_left_out_on_air, open_publisher,
                                        close_publisher),
        cmocka_unit_test_setup_teardown(frames_off_air_and_up_to_the_next_keyframe_count,
                                        open_publisher, close_publisher),
        cmocka_unit_test_setup_teardown(frames_that_have_no_room_in_their_group_count,
                                        open_publisher, close_publisher),
        cmocka_unit_test_setup_teardown(a_viewer_that_lags_loses_groups, open_publisher,
                                        close_publisher),
        cmocka_unit_test_setup_teardown(a_viewer_that_leaves_loses_nothing, open_publisher,
                                        close_publisher),
        cmocka_unit_test_setup_teardown(an_instance_can_be_had_for_a_while_after_the_next_began,
                                        open_publisher, close_publisher),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
