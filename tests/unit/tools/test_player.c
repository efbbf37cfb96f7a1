/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The player on a wire in memory: what it passes on when tracks fail, break off, stay silent or
 * come back, and what it counts as missing. */
#include "tests/unit/transfork/pair.h"

#include <string.h>

#include "base/log.h"
#include "tools/player.h"

enum { VIDEO, AUDIO, TRACKS };
enum { LATENCY_MS = 10000, FRAME_US = 20000 };

struct stage {
    struct pair pair;
    struct moq_track *served[TRACKS]; /* by the server */
    bool is_refused[TRACKS];
    char too_long[8]; /* name of a track that has no path */
    uint8_t order;    /* in which groups are sent */
    int requests[TRACKS];
    struct player player;
    uint64_t times_ms[TRACKS][64]; /* of the frames that were given on */
    size_t count[TRACKS];
};
static struct stage stage;

/* ---- Both ends ------------------------------------------------------------------------------- */

static void on_ready(struct moq_session *session)
{
    struct peer *peer = moq_session_user(session);
    peer->session = session;
}

static void on_request(struct moq_session *session, struct moq_request *request)
{
    (void)session;
    for (int i = 0; i < TRACKS; i++) {
        if (!moq_path_equal(request->path, moq_track_path(stage.served[i])))
            continue;
        const struct moq_policy policy = {
            .latency_ns = CLOCK_NEVER, .priority = 128, .order = stage.order};
        stage.requests[i]++;
        if (stage.is_refused[i])
            moq_request_refuse(request, MOQ_ERR_NOT_FOUND);
        else
            moq_request_serve(request, stage.served[i], &policy);
    }
}

static int on_frame(void *user, const struct karp_frame *frame)
{
    (void)user;
    stage.times_ms[frame->track][stage.count[frame->track]++] = frame->timestamp_us / 1000;
    return 0;
}

static void on_warning(void *user, const char *line)
{
    (void)user;
    (void)line;
}

static int make_path(void *user, const char *name, struct moq_path **path)
{
    char text[32];
    (void)user;
    if (strcmp(name, stage.too_long) == 0)
        return MOQ_ERR_BOUNDS;
    snprintf(text, sizeof text, "b/%s", name);
    *path = moq_path_from_text(text);
    return *path ? 0 : MOQ_ERR_NOMEM;
}

static struct karp_catalog *catalog(void)
{
    struct karp_catalog *made = karp_catalog_new();
    struct karp_track track = {.kind = KARP_VIDEO, .name = "v", .codec = "vp8"};
    assert_int_equal(karp_catalog_add(made, &track), 0);
    track = (struct karp_track){.kind = KARP_AUDIO, .name = "a", .codec = "opus"};
    assert_int_equal(karp_catalog_add(made, &track), 0);
    return made;
}

static void open_player(uint64_t first, bool is_resuming)
{
    const struct karp_playback_start start = {.first = first, .is_resuming = is_resuming};
    stage.player.session = stage.pair.peer[CLIENT].session;
    assert_int_equal(karp_playback_open(&stage.player.playback, catalog(), &start), 0);
    karp_playback_play(&stage.player.playback);
    wire_run(&stage.pair.wire);
}

static int open_stage(void **state)
{
    static const struct moq_session_events events = {.on_ready = on_ready,
                                                     .on_request = on_request};
    static const struct karp_playback_events playback_events = {.on_frame = on_frame,
                                                                .on_warning = on_warning};
    (void)state;
    memset(&stage, 0, sizeof stage);
    log_set_level(LOG_LEVEL_OFF);
    pair_init(&stage.pair, &(struct options){.events = &events});
    stage.order = MOQ_ORDER_OLDEST;
    for (int i = 0; i < TRACKS; i++)
        stage.served[i] = track_new(&stage.pair, i == VIDEO ? "b/v" : "b/a");
    player_init(&stage.player, &stage.pair.wire.clock, make_path, NULL);
    stage.player.playback.events = &playback_events;
    stage.player.playback.latency_ns = LATENCY_MS * NS_PER_MS;
    return 0;
}

static int close_stage(void **state)
{
    (void)state;
    karp_playback_close(&stage.player.playback);
    wire_run(&stage.pair.wire);
    for (int i = 0; i < TRACKS; i++)
        moq_track_unref(&stage.served[i]);
    pair_deinit(&stage.pair);
    return 0;
}

/* As the tool does. */
static void pass(uint64_t ms)
{
    for (uint64_t done = 0; done < ms; done += 20) {
        wire_pass(&stage.pair.wire, 20);
        karp_playback_pump(&stage.player.playback);
        karp_playback_retry(&stage.player.playback);
        wire_run(&stage.pair.wire);
    }
    karp_playback_pump(&stage.player.playback);
}

/* ---- What is published ----------------------------------------------------------------------- */

static void write_frames(int track, struct moq_group *group, uint64_t from_ms, int count)
{
    for (int i = 0; i < count; i++) {
        uint8_t frame[KARP_FRAME_HEADER_MAX_BYTES + 4] = {0};
        size_t head = karp_frame_header(from_ms * 1000 + (uint64_t)i * FRAME_US, frame);
        assert_int_equal(moq_track_write_frame(stage.served[track], group, frame, head + 4), 0);
    }
    wire_run(&stage.pair.wire);
}

/* A group that grows. */
static struct moq_group *begin(int track, uint64_t sequence, int count)
{
    struct moq_group *group;
    assert_int_equal(moq_track_open_group(stage.served[track], sequence, &group), 0);
    write_frames(track, group, sequence * 1000, count);
    return group;
}

static void finish(int track, struct moq_group *group)
{
    moq_track_finish_group(stage.served[track], group);
    wire_run(&stage.pair.wire);
}

static void publish(int track, uint64_t sequence, int count)
{
    finish(track, begin(track, sequence, count));
}

static void assert_given(int track, size_t count)
{
    assert_int_equal(stage.count[track], count);
    for (size_t i = 1; i < count; i++)
        assert_true(stage.times_ms[track][i] > stage.times_ms[track][i - 1]);
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void a_track_that_is_refused_is_asked_for_again(void **state)
{
    (void)state;
    stage.is_refused[VIDEO] = true;
    open_player(MOQ_NO_GROUP, false);
    publish(AUDIO, 0, 5);
    pass(500);
    assert_given(AUDIO, 5);
    assert_int_equal(stage.requests[VIDEO], 1);
    pass(1000);
    assert_int_equal(stage.requests[VIDEO], 2);
    pass(1000); /* pauses become longer */
    assert_int_equal(stage.requests[VIDEO], 2);
    stage.is_refused[VIDEO] = false;
    publish(VIDEO, 7, 5);
    pass(2000);
    assert_int_equal(stage.requests[VIDEO], 3);
    assert_given(VIDEO, 5);
    assert_int_equal(stage.requests[AUDIO], 1);
    karp_playback_settle(&stage.player.playback);
    assert_int_equal(stage.player.playback.tracks_refused, 0);
    assert_int_equal(stage.player.playback.tracks_late, 1);
}

static void a_track_that_stays_refused_counts_as_missing(void **state)
{
    (void)state;
    stage.is_refused[VIDEO] = true;
    open_player(MOQ_NO_GROUP, false);
    publish(AUDIO, 0, 5);
    pass(4000);
    moq_track_end(stage.served[AUDIO], 0);
    pass(100);
    assert_true(karp_playback_is_over(&stage.player.playback));
    assert_false(karp_playback_has_broken_off(&stage.player.playback));
    karp_playback_settle(&stage.player.playback);
    karp_playback_settle(&stage.player.playback);
    assert_int_equal(stage.player.playback.tracks_refused, 1);
    assert_int_equal(stage.player.playback.tracks_late, 0);
}

static void a_publisher_that_serves_late_has_withheld_nothing(void **state)
{
    (void)state;
    stage.is_refused[VIDEO] = stage.is_refused[AUDIO] = true;
    open_player(MOQ_NO_GROUP, false);
    pass(500);
    stage.is_refused[VIDEO] = stage.is_refused[AUDIO] = false;
    publish(AUDIO, 0, 5);
    publish(VIDEO, 0, 5);
    pass(4000);
    assert_given(AUDIO, 5);
    assert_given(VIDEO, 5);
    karp_playback_settle(&stage.player.playback);
    assert_int_equal(stage.player.playback.tracks_refused + stage.player.playback.tracks_late, 0);
}

/* With the groups that it has lost meanwhile. */
static void a_track_that_breaks_off_goes_on_where_it_was(void **state)
{
    (void)state;
    open_player(0, false);
    publish(AUDIO, 0, 5);
    publish(VIDEO, 0, 5);
    struct moq_group *group = begin(VIDEO, 1, 3);
    pass(100);
    moq_track_end(stage.served[VIDEO], MOQ_ERR_CANCELLED);
    (void)group;
    pass(100);
    assert_true(karp_playback_has_broken_off(&stage.player.playback));
    moq_track_unref(&stage.served[VIDEO]);
    stage.served[VIDEO] = track_new(&stage.pair, "b/v");
    publish(VIDEO, 1, 6);
    publish(VIDEO, 2, 5);
    pass(4000);
    assert_false(karp_playback_has_broken_off(&stage.player.playback));
    assert_given(VIDEO, 16);
    karp_playback_settle(&stage.player.playback);
    assert_int_equal(stage.player.playback.groups_cut + stage.player.playback.groups_skipped, 0);
}

static void the_last_group_counts_when_it_breaks_off(void **state)
{
    (void)state;
    open_player(MOQ_NO_GROUP, false);
    publish(AUDIO, 0, 5);
    struct moq_group *group = begin(VIDEO, 0, 5);
    pass(100);
    moq_track_abort_group(stage.served[VIDEO], group, MOQ_ERR_CANCELLED);
    moq_track_end(stage.served[VIDEO], 0);
    moq_track_end(stage.served[AUDIO], 0);
    pass(100);
    assert_true(karp_playback_is_over(&stage.player.playback));
    assert_int_equal(stage.player.playback.groups_cut, 0);
    karp_playback_settle(&stage.player.playback);
    karp_playback_settle(&stage.player.playback);
    assert_int_equal(stage.player.playback.groups_cut, 1);
}

static void groups_that_are_lost_at_the_end_count(void **state)
{
    (void)state;
    open_player(MOQ_NO_GROUP, false);
    publish(VIDEO, 0, 5);
    publish(AUDIO, 0, 5);
    pass(100);
    moq_track_gap(stage.served[VIDEO], 1, 3, MOQ_ERR_EXPIRED);
    pass(100);
    karp_playback_settle(&stage.player.playback);
    karp_playback_settle(&stage.player.playback);
    assert_int_equal(stage.player.playback.groups_skipped, 3);
}

static void a_group_under_way_is_waited_for_behind_the_end_for_the_latency(void **state)
{
    (void)state;
    open_player(MOQ_NO_GROUP, false);
    publish(AUDIO, 0, 5);
    struct moq_group *group = begin(VIDEO, 0, 5);
    pass(100);
    karp_playback_end(&stage.player.playback, false);
    pass(LATENCY_MS / 2);
    assert_false(karp_playback_is_over(&stage.player.playback));
    write_frames(VIDEO, group, 500, 2);
    finish(VIDEO, group);
    pass(500);
    assert_given(VIDEO, 7);
    pass(1000);
    assert_true(karp_playback_is_over(&stage.player.playback));
    karp_playback_settle(&stage.player.playback);
    assert_int_equal(stage.player.playback.groups_cut, 0);
}

static void a_group_that_never_ends_is_waited_for_no_longer(void **state)
{
    (void)state;
    open_player(MOQ_NO_GROUP, false);
    begin(VIDEO, 0, 5);
    pass(100);
    karp_playback_end(&stage.player.playback, false);
    pass(LATENCY_MS + 2000);
    assert_true(karp_playback_is_over(&stage.player.playback));
    karp_playback_settle(&stage.player.playback);
    assert_int_equal(stage.player.playback.groups_cut, 1);
}

static void a_group_under_way_does_not_keep_another_instance_waiting(void **state)
{
    (void)state;
    open_player(MOQ_NO_GROUP, false);
    publish(AUDIO, 0, 5);
    begin(VIDEO, 0, 5);
    pass(100);
    karp_playback_end(&stage.player.playback, true);
    pass(500);
    assert_false(karp_playback_is_over(&stage.player.playback));
    pass(1000);
    assert_true(karp_playback_is_over(&stage.player.playback));
    karp_playback_settle(&stage.player.playback);
    assert_int_equal(stage.player.playback.groups_cut, 1);
}

/* The newer group overtakes the rest of the one that was interrupted. */
static void after_a_loss_the_group_at_hand_goes_on_whatever_comes_first(void **state)
{
    (void)state;
    open_player(0, false);
    publish(AUDIO, 0, 5);
    struct moq_group *group = begin(VIDEO, 0, 3);
    pass(100);
    karp_playback_close(&stage.player.playback);
    wire_run(&stage.pair.wire);
    write_frames(VIDEO, group, 500, 2);
    finish(VIDEO, group);
    publish(VIDEO, 1, 5);
    stage.order = MOQ_ORDER_NEWEST;
    stage.pair.wire.piece = 1;
    open_player(0, true);
    pass(2000);
    assert_given(VIDEO, 10);
    karp_playback_settle(&stage.player.playback);
    assert_int_equal(stage.player.playback.groups_cut + stage.player.playback.groups_skipped, 0);
}

static void a_group_that_is_gone_after_a_loss_counts_once(void **state)
{
    (void)state;
    open_player(0, false);
    publish(AUDIO, 0, 5);
    begin(VIDEO, 0, 3);
    pass(100);
    karp_playback_close(&stage.player.playback);
    moq_track_unref(&stage.served[VIDEO]);
    stage.served[VIDEO] = track_new(&stage.pair, "b/v");
    publish(VIDEO, 2, 5);
    open_player(0, true);
    pass(5000);
    assert_given(VIDEO, 8);
    assert_int_equal(stage.player.playback.groups_cut, 1);
    assert_int_equal(stage.player.playback.groups_skipped, 1);
}

static void a_silent_track_makes_the_others_wait_once(void **state)
{
    (void)state;
    open_player(MOQ_NO_GROUP, false);
    publish(AUDIO, 0, 20);
    pass(1000);
    assert_given(AUDIO, 0);
    pass(1100);
    assert_given(AUDIO, 20);
    publish(AUDIO, 1, 5);
    pass(20);
    assert_given(AUDIO, 25);
    publish(VIDEO, 1, 1); /* an occasional picture must not make it wait again */
    publish(AUDIO, 2, 5);
    pass(20);
    assert_given(AUDIO, 30);
}

static void tracks_are_woven_by_time(void **state)
{
    (void)state;
    open_player(MOQ_NO_GROUP, false);
    publish(AUDIO, 1, 5);
    pass(200);
    assert_given(AUDIO, 0);
    publish(VIDEO, 1, 3);
    pass(20);
    assert_given(VIDEO, 3);
    assert_given(AUDIO, 2);
    moq_track_end(stage.served[VIDEO], 0);
    pass(20);
    assert_given(AUDIO, 5);
}

static void a_name_that_makes_its_path_too_long_is_not_called_lack_of_memory(void **state)
{
    (void)state;
    const struct karp_playback_start start = {.first = KARP_ANY_GROUP};
    stage.player.session = stage.pair.peer[CLIENT].session;
    strcpy(stage.too_long, "a");
    assert_int_equal(karp_playback_open(&stage.player.playback, catalog(), &start), MOQ_ERR_BOUNDS);
    assert_false(karp_playback_is_open(&stage.player.playback));
}

#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, open_stage, close_stage)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STAGE(a_track_that_is_refused_is_asked_for_again),
        ON_STAGE(a_track_that_stays_refused_counts_as_missing),
        ON_STAGE(a_publisher_that_serves_late_has_withheld_nothing),
        ON_STAGE(a_track_that_breaks_off_goes_on_where_it_was),
        ON_STAGE(the_last_group_counts_when_it_breaks_off),
        ON_STAGE(groups_that_are_lost_at_the_end_count),
        ON_STAGE(a_group_under_way_is_waited_for_behind_the_end_for_the_latency),
        ON_STAGE(a_group_that_never_ends_is_waited_for_no_longer),
        ON_STAGE(a_group_under_way_does_not_keep_another_instance_waiting),
        ON_STAGE(after_a_loss_the_group_at_hand_goes_on_whatever_comes_first),
        ON_STAGE(a_group_that_is_gone_after_a_loss_counts_once),
        ON_STAGE(a_silent_track_makes_the_others_wait_once),
        ON_STAGE(tracks_are_woven_by_time),
        ON_STAGE(a_name_that_makes_its_path_too_long_is_not_called_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
