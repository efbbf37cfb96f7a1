/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Newest first decides which group to begin; one that was begun early and as the newest goes on
 * until it is sent or late. The wire takes a few bytes of the most urgent stream at a time. */
#include "pair.h"

#include <string.h>

enum { LATENCY_MS = 1000, PIECE = 16, GROUP_BYTES = 62 };

struct scene {
    struct pair pair;
    struct moq_track *track;
    struct listener listener;
};

static void scene_init(struct scene *scene, uint32_t open_groups)
{
    memset(scene, 0, sizeof *scene);
    pair_init(&scene->pair, &(struct options){.limits.open_groups = open_groups, .piece = PIECE});
    struct peer *server = &scene->pair.peer[SERVER];
    server->policy = (struct moq_policy){
        .latency_ns = LATENCY_MS * NS_PER_MS, .priority = 128, .order = MOQ_ORDER_NEWEST};
    scene->track = server->track = track_new(&scene->pair, "t");
    wire_run(&scene->pair.wire);
    listener_init(&scene->listener, &scene->pair, "t");
    listener_subscribe(&scene->listener, scene->pair.peer[CLIENT].session, &NO_WISH);
    wire_run(&scene->pair.wire);
    scene->pair.wire.end[SERVER].is_blocked = true;
}

static void scene_deinit(struct scene *scene)
{
    scene->pair.wire.end[SERVER].is_blocked = false;
    wire_run(&scene->pair.wire);
    listener_deinit(&scene->listener);
    pair_deinit(&scene->pair);
}

/* A whole group of one frame, which the wire does not take yet. */
static void put(struct scene *scene, uint64_t sequence)
{
    char text[GROUP_BYTES] = {0};
    memset(text, '0' + (int)(sequence % 10), sizeof text - 1);
    track_group(scene->track, sequence, text);
    wire_run(&scene->pair.wire);
}

/* The wire takes so many pieces, and each group is five of them. */
static void take(struct scene *scene, uint32_t pieces)
{
    scene->pair.wire.end[SERVER].pieces = pieces;
    wire_run(&scene->pair.wire);
    assert_int_equal(scene->pair.wire.end[SERVER].pieces, 0);
}

enum { GROUP = 5 };

static char fate_of(const struct scene *scene, uint64_t sequence)
{
    const struct moq_group *group = moq_track_find(scene->listener.track, sequence);
    return !group ? '-' : !group->is_ended ? '.' : group->error ? '!' : 'w';
}

/* The fates of groups 1 to 4: '-' not begun, '.' growing, 'w' whole, '!' cut. */
#define assert_fates(scene, expected)                                                              \
    do {                                                                                           \
        char fates_[5] = {fate_of(scene, 1), fate_of(scene, 2), fate_of(scene, 3),                 \
                          fate_of(scene, 4)};                                                      \
        assert_string_equal(fates_, expected);                                                     \
    } while (0)

static void a_group_that_was_begun_goes_on_before_newer_ones(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, 0);
    put(&scene, 1);
    take(&scene, 1);
    put(&scene, 2);
    put(&scene, 3);
    take(&scene, GROUP - 1);
    assert_fates(&scene, "w---");
    take(&scene, GROUP); /* and then the newest */
    assert_fates(&scene, "w-w-");
    take(&scene, GROUP);
    assert_fates(&scene, "www-");
    scene_deinit(&scene);
}

/* Groups of 100 ms. */
static void a_group_that_is_begun_late_gives_way_to_the_next(void **state)
{
    static const struct {
        uint32_t after_ms; /* it began */
        const char *fates;
    } cases[] = {{20, "ww--"}, {21, "w.w-"}};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct scene scene;
        scene_init(&scene, 0);
        put(&scene, 1);
        take(&scene, GROUP);
        wire_pass(&scene.pair.wire, 100);
        put(&scene, 2);
        wire_pass(&scene.pair.wire, cases[i].after_ms);
        take(&scene, 1);
        wire_pass(&scene.pair.wire, 100 - cases[i].after_ms);
        put(&scene, 3);
        take(&scene, i == 0 ? GROUP - 1 : GROUP);
        assert_fates(&scene, cases[i].fates);
        take(&scene, i == 0 ? GROUP : GROUP - 1);
        assert_fates(&scene, "www-");
        scene_deinit(&scene);
    }
}

static void a_begun_group_that_is_late_makes_way(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, 0);
    put(&scene, 1);
    take(&scene, 1);
    put(&scene, 2);
    wire_pass(&scene.pair.wire, LATENCY_MS - 1);
    take(&scene, 1);
    assert_fates(&scene, ".---");
    wire_pass(&scene.pair.wire, 1);
    assert_fates(&scene, "!---");
    take(&scene, GROUP + 1); /* the gap goes first */
    assert_fates(&scene, "!w--");
    scene_deinit(&scene);
}

static void what_is_begun_after_a_newer_one_gets_what_is_left(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, 0);
    put(&scene, 1);
    put(&scene, 2);
    take(&scene, GROUP + 1);
    assert_fates(&scene, ".w--");
    put(&scene, 3);
    take(&scene, GROUP);
    assert_fates(&scene, ".ww-");
    put(&scene, 4);
    take(&scene, GROUP);
    assert_fates(&scene, ".www");
    take(&scene, GROUP - 1);
    assert_fates(&scene, "wwww");
    scene_deinit(&scene);
}

/* Its publisher pauses in the middle of it. */
static void while_a_begun_group_has_nothing_to_send_others_go(void **state)
{
    (void)state;
    struct scene scene;
    struct moq_group *group;
    scene_init(&scene, 0);
    track_begin(scene.track, 1, &group);
    track_frame(scene.track, group, "one");
    take(&scene, 1);
    put(&scene, 2);
    take(&scene, 1);
    assert_fates(&scene, "..--");
    track_frame(scene.track, group, "two");
    track_end(scene.track, &group);
    take(&scene, 1);
    assert_fates(&scene, "w.--");
    take(&scene, GROUP - 1);
    assert_fates(&scene, "ww--");
    scene_deinit(&scene);
}

static void the_limit_of_open_groups_cuts_no_group_that_was_begun_first(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, 2);
    put(&scene, 1);
    take(&scene, 1);
    for (uint64_t sequence = 2; sequence <= 4; sequence++) {
        put(&scene, sequence);
        wire_pass(&scene.pair.wire, 2); /* so that none is fresh */
    }
    take(&scene, 1 + GROUP - 1); /* after the gaps of 2 and 3 */
    assert_fates(&scene, "w---");
    take(&scene, GROUP);
    assert_fates(&scene, "w--w");
    scene_deinit(&scene);

    scene_init(&scene, 1); /* there is room for nothing else */
    put(&scene, 1);
    take(&scene, 1);
    put(&scene, 2);
    wire_pass(&scene.pair.wire, 2);
    take(&scene, GROUP - 1);
    assert_fates(&scene, "w---");
    take(&scene, GROUP);
    assert_fates(&scene, "ww--");
    scene_deinit(&scene);
}

static void set_order(struct scene *scene, uint8_t order)
{
    struct moq_policy policy = scene->pair.peer[SERVER].policy;
    policy.order = order;
    moq_viewer_set_policy(scene->pair.peer[SERVER].viewer, &policy);
}

static void another_order_counts_at_once(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, 0);
    put(&scene, 1);
    put(&scene, 2);
    put(&scene, 3);
    take(&scene, 1);
    assert_fates(&scene, "--.-");
    set_order(&scene, MOQ_ORDER_OLDEST);
    take(&scene, GROUP + 1);
    assert_fates(&scene, "w..-");
    put(&scene, 4);
    set_order(&scene, MOQ_ORDER_NEWEST);
    take(&scene, GROUP - 1); /* which was begun as the newest */
    assert_fates(&scene, "w.w-");
    take(&scene, GROUP);
    assert_fates(&scene, "w.ww");
    scene_deinit(&scene);
}

/* Sequences of different tracks have nothing to do with each other. */
static void the_first_groups_of_two_viewers_take_turns(void **state)
{
    (void)state;
    struct scene scene;
    struct listener other;
    scene_init(&scene, 0);
    scene.pair.wire.end[SERVER].is_blocked = false;
    struct moq_track *first = scene.track;
    scene.pair.peer[SERVER].track = track_new(&scene.pair, "u");
    listener_init(&other, &scene.pair, "u");
    listener_subscribe(&other, scene.pair.peer[CLIENT].session, &NO_WISH);
    wire_run(&scene.pair.wire);
    scene.pair.wire.end[SERVER].is_blocked = true;
    track_group(first, 1, "one");
    track_group(scene.pair.peer[SERVER].track, 500, "five hundred");
    track_group(scene.pair.peer[SERVER].track, 501, "and one");
    uint64_t urgency[3];
    for (size_t i = 0; i < 3; i++)
        urgency[i] = wire_nth(&scene.pair.wire, SERVER, false, i)->half[SERVER].urgency;
    assert_true(urgency[0] == urgency[2]);
    assert_true(urgency[1] < urgency[2]);
    scene.pair.wire.end[SERVER].is_blocked = false;
    wire_run(&scene.pair.wire);
    moq_track_unref(&first);
    listener_deinit(&other);
    scene_deinit(&scene);
}

/* Whatever the publisher counts, such as nanoseconds since 1970. */
static void high_numbers_have_an_order_too(void **state)
{
    const uint64_t first = UINT64_C(1800000000000000000);
    (void)state;
    for (int is_oldest = 0; is_oldest < 2; is_oldest++) {
        struct scene scene;
        scene_init(&scene, 0);
        struct moq_policy *policy = &scene.pair.peer[SERVER].policy;
        policy->order = is_oldest ? MOQ_ORDER_OLDEST : MOQ_ORDER_NEWEST;
        put(&scene, first);
        moq_viewer_set_policy(scene.pair.peer[SERVER].viewer, policy);
        for (uint64_t i = 1; i < 4; i++)
            put(&scene, first + i * NS_PER_S);
        take(&scene, GROUP);
        assert_int_equal(fate_of(&scene, first), is_oldest ? 'w' : '-');
        assert_int_equal(fate_of(&scene, first + 3 * NS_PER_S), is_oldest ? '-' : 'w');
        take(&scene, GROUP);
        assert_int_equal(fate_of(&scene, first + NS_PER_S), is_oldest ? 'w' : '-');
        assert_int_equal(fate_of(&scene, first + 2 * NS_PER_S), is_oldest ? '-' : 'w');
        scene_deinit(&scene);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_that_was_begun_goes_on_before_newer_ones),
        cmocka_unit_test(a_group_that_is_begun_late_gives_way_to_the_next),
        cmocka_unit_test(a_begun_group_that_is_late_makes_way),
        cmocka_unit_test(what_is_begun_after_a_newer_one_gets_what_is_left),
        cmocka_unit_test(while_a_begun_group_has_nothing_to_send_others_go),
        cmocka_unit_test(the_limit_of_open_groups_cuts_no_group_that_was_begun_first),
        cmocka_unit_test(another_order_counts_at_once),
        cmocka_unit_test(the_first_groups_of_two_viewers_take_turns),
        cmocka_unit_test(high_numbers_have_an_order_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
