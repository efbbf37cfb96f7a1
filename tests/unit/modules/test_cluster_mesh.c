/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Meshes that hear each other, see cluster_fleet.h: in every shape each node finds the cheapest way
 * to what another one publishes, also after deaths and cuts, and there are no circles. */
#include "tests/unit/prologue.h"

#include <stdlib.h>

#include "base/clock.h"
#include "tests/unit/modules/cluster_fleet.h"

enum { ROUNDS = 2000 };

static void settle(struct fleet *fleet)
{
    assert_true(fleet_run(fleet, ROUNDS) < ROUNDS);
}

/* Every living node is led to `home`; returns the sum of the costs. */
static int64_t check_all_find(const struct fleet *fleet, const char *path, size_t home)
{
    int64_t sum = 0;
    for (size_t i = 0; i < fleet->node_count; i++) {
        size_t found;
        if (!fleet->nodes[i].mesh)
            continue;
        int64_t cost = fleet_trace(fleet, i, path, &found);
        assert_true(cost >= 0);
        assert_int_equal(found, home);
        sum += cost;
    }
    return sum;
}

static void check_nobody_offers(const struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->node_count; i++)
        assert_int_equal(fleet->nodes[i].offer_count, 0);
}

static struct fleet *line_of(size_t count)
{
    struct fleet *fleet = fleet_new(count);
    for (size_t i = 1; i < count; i++)
        fleet_link(fleet, i - 1, i, 1);
    return fleet;
}

static struct fleet *ring_of(size_t count)
{
    struct fleet *fleet = line_of(count);
    fleet_link(fleet, count - 1, 0, 1);
    return fleet;
}

static struct fleet *tree_of(size_t count)
{
    struct fleet *fleet = fleet_new(count);
    for (size_t i = 1; i < count; i++)
        fleet_link(fleet, (i - 1) / 3, i, 1);
    return fleet;
}

static struct fleet *mesh_of(size_t count)
{
    struct fleet *fleet = fleet_new(count);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            fleet_link(fleet, i, j, 1);
    return fleet;
}

static void in_every_shape_each_node_finds_each_other(void **state)
{
    (void)state;
    static struct fleet *(*const shapes[])(size_t count) = {line_of, ring_of, tree_of, mesh_of};
    static const int64_t sums_from_first[] = {28, 16, 11, 7};
    for (size_t shape = 0; shape < 4; shape++) {
        struct fleet *fleet = shapes[shape](8);
        for (size_t i = 0; i < 8; i++)
            assert_int_equal(mesh_begin_path(fleet->nodes[i].mesh, fleet->nodes[i].name), 0);
        settle(fleet);
        assert_int_equal(check_all_find(fleet, "node0", 0), sums_from_first[shape]);
        for (size_t i = 0; i < 8; i++)
            check_all_find(fleet, fleet->nodes[i].name, i);
        for (size_t i = 0; i < 8; i++)
            mesh_end_path(fleet->nodes[i].mesh, fleet->nodes[i].name);
        settle(fleet);
        check_nobody_offers(fleet);
        fleet_free(fleet);
    }
}

/* Two regions: 0 to 2 and 3 to 5, each a mesh; a cheap link between 0 and 3 and a dear one between
 * 2 and 5. */
static void the_cheapest_way_is_taken_and_the_next_when_it_is_cut(void **state)
{
    (void)state;
    struct fleet *fleet = fleet_new(6);
    for (size_t region = 0; region < 6; region += 3)
        for (size_t i = 0; i < 3; i++)
            fleet_link(fleet, region + i, region + (i + 1) % 3, 1);
    size_t cheap = fleet_link(fleet, 0, 3, 10);
    fleet_link(fleet, 2, 5, 100);
    mesh_begin_path(fleet->nodes[4].mesh, "film");
    settle(fleet);
    assert_int_equal(check_all_find(fleet, "film", 4), 11 + 12 + 12 + 1 + 0 + 1);
    fleet_cut(fleet, cheap);
    settle(fleet);
    assert_int_equal(check_all_find(fleet, "film", 4), 102 + 102 + 101 + 1 + 0 + 1);
    fleet_mend(fleet, cheap);
    settle(fleet);
    assert_int_equal(check_all_find(fleet, "film", 4), 11 + 12 + 12 + 1 + 0 + 1);
    fleet_free(fleet);
}

static void the_newest_of_two_publishers_is_followed_and_then_the_other(void **state)
{
    (void)state;
    struct fleet *fleet = line_of(5);
    mesh_begin_path(fleet->nodes[0].mesh, "film");
    settle(fleet);
    check_all_find(fleet, "film", 0);
    mesh_begin_path(fleet->nodes[4].mesh, "film");
    settle(fleet);
    check_all_find(fleet, "film", 4);
    fleet_stop(fleet, 4);
    settle(fleet);
    check_all_find(fleet, "film", 0);
    mesh_end_path(fleet->nodes[0].mesh, "film");
    settle(fleet);
    check_nobody_offers(fleet);
    fleet_free(fleet);
}

/* Also one whose clock was set back meanwhile: others know it as it was before. */
static void a_node_that_starts_again_is_believed(void **state)
{
    (void)state;
    static const uint64_t boots[] = {2000, 1};
    for (size_t i = 0; i < 2; i++) {
        struct fleet *fleet = ring_of(4);
        mesh_begin_path(fleet->nodes[2].mesh, "old");
        settle(fleet);
        fleet_stop(fleet, 2);
        settle(fleet);
        check_nobody_offers(fleet);
        fleet_start(fleet, 2, boots[i]);
        mesh_begin_path(fleet->nodes[2].mesh, "new");
        settle(fleet);
        check_all_find(fleet, "new", 2);
        for (size_t j = 0; j < 4; j++)
            if (j != 2)
                assert_int_equal(fleet->nodes[j].offer_count, 1);
        fleet_free(fleet);
    }
}

static void a_node_that_leaves_is_gone_around(void **state)
{
    (void)state;
    struct fleet *fleet = fleet_new(4);
    fleet_link(fleet, 0, 1, 1);
    fleet_link(fleet, 1, 3, 1);
    fleet_link(fleet, 0, 2, 5);
    fleet_link(fleet, 2, 3, 5);
    mesh_begin_path(fleet->nodes[3].mesh, "film");
    mesh_begin_path(fleet->nodes[1].mesh, "last");
    settle(fleet);
    size_t home;
    assert_int_equal(fleet_trace(fleet, 0, "film", &home), 2);
    mesh_leave(fleet->nodes[1].mesh);
    settle(fleet);
    assert_int_equal(fleet_trace(fleet, 0, "film", &home), 10);
    check_all_find(fleet, "last", 1); /* what only that one has is still fetched there */
    fleet_free(fleet);
}

/* Links and nodes come and go at random, and frames are heard a few rounds at a time in between. */
static void nothing_leaks_and_nothing_turns_in_circles_in_random_changes(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 20; seed++) {
        struct fleet *fleet = fleet_new(10);
        srand(seed);
        for (size_t i = 1; i < 10; i++)
            fleet_link(fleet, i, (size_t)rand() % i, 1 + (uint64_t)rand() % 9);
        for (size_t i = 0; i < 10; i++) {
            size_t a = (size_t)rand() % 10;
            fleet_link(fleet, a, (a + 1 + (size_t)rand() % 9) % 10, 1 + (uint64_t)rand() % 9);
        }
        size_t links = fleet->link_count;
        mesh_begin_path(fleet->nodes[0].mesh, "film");
        for (int change = 0; change < 60; change++) {
            size_t link = 1 + (size_t)rand() % links, node = 1 + (size_t)rand() % 9;
            const struct fleet_link *chosen = &fleet->links[link - 1];
            if (rand() % 3 == 0 && fleet->nodes[node].mesh)
                fleet_stop(fleet, node);
            else if (rand() % 3 == 0 && !fleet->nodes[node].mesh)
                fleet_start(fleet, node, 1000 + (uint64_t)change);
            else if (chosen->is_up)
                fleet_cut(fleet, link);
            else if (fleet->nodes[chosen->ends[0]].mesh && fleet->nodes[chosen->ends[1]].mesh)
                fleet_mend(fleet, link);
            fleet_run(fleet, (size_t)rand() % 4);
        }
        for (size_t i = 1; i < 10; i++)
            if (!fleet->nodes[i].mesh)
                fleet_start(fleet, i, 5000);
        for (size_t i = 1; i <= links; i++)
            fleet_mend(fleet, i);
        settle(fleet);
        check_all_find(fleet, "film", 0);
        mesh_end_path(fleet->nodes[0].mesh, "film");
        settle(fleet);
        check_nobody_offers(fleet);
        fleet_free(fleet);
    }
}

/* Each node has 4 links: a ring and chords. What a change costs grows with links, not with pairs of
 * nodes; and a death is known everywhere after as many rounds as the network is wide. */
static void large_fleets_settle_in_few_rounds_and_frames(void **state)
{
    (void)state;
    static const size_t counts[] = {3, 10, 50, 200};
    for (size_t n = 0; n < 4; n++) {
        size_t count = counts[n], stride = 1;
        struct fleet *fleet = ring_of(count);
        while (stride * stride < count)
            stride++;
        for (size_t i = 0; count > 3 && i < count; i++)
            fleet_link(fleet, i, (i + stride) % count, 1);
        mesh_begin_path(fleet->nodes[0].mesh, "film");
        size_t rounds = fleet_run(fleet, ROUNDS);
        check_all_find(fleet, "film", 0);
        uint64_t before = fleet->frames;
        fleet_stop(fleet, count / 2);
        size_t death = fleet_run(fleet, ROUNDS);
        uint64_t frames = fleet->frames - before;
        check_all_find(fleet, "film", 0);
        print_message("%zu nodes, %zu links: settled after %zu rounds; a death after %zu, %llu "
                      "frames\n",
                      count, fleet->link_count, rounds, death, (unsigned long long)frames);
        assert_true(death <= 2 * stride + 4);
        assert_true(frames <= 2 * fleet->link_count * 5); /* the adverts of 4 neighbours */
        fleet_free(fleet);
    }
}

static void malformed_frames_are_told(void **state)
{
    (void)state;
    struct fleet *fleet = line_of(2);
    uint8_t frame[] = {WIRE_ADVERT, 5, 'a'};
    assert_int_equal(mesh_hear_map(fleet->nodes[0].mesh, frame, sizeof frame), MESH_MALFORMED);
    assert_int_equal(mesh_hear_map(fleet->nodes[0].mesh, frame, 0), MESH_MALFORMED);
    uint8_t later[] = {60, 1, 2, 3};
    assert_int_equal(mesh_hear_map(fleet->nodes[0].mesh, later, sizeof later), 0);
    fleet_free(fleet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_every_shape_each_node_finds_each_other),
        cmocka_unit_test(the_cheapest_way_is_taken_and_the_next_when_it_is_cut),
        cmocka_unit_test(the_newest_of_two_publishers_is_followed_and_then_the_other),
        cmocka_unit_test(a_node_that_starts_again_is_believed),
        cmocka_unit_test(a_node_that_leaves_is_gone_around),
        cmocka_unit_test(nothing_leaks_and_nothing_turns_in_circles_in_random_changes),
        cmocka_unit_test(large_fleets_settle_in_few_rounds_and_frames),
        cmocka_unit_test(malformed_frames_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
