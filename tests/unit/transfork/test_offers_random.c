/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Offers against a plain model, over many seeded random lives: publishers come and go, peers pull
 * when they like. */
#include "transfork/transfork.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/objects.h"

enum { SEEDS = 200, STEPS = 600, PATHS = 8, OWNERS = 3, PEERS = 4 };

static const char *const path_texts[PATHS] = {"a", "a/x", "a/x/1", "a/y", "b", "b/x", "", "a/"};
static const char *const prefix_texts[PEERS] = {"", "a", "a/x", "b"};

/* What one peer believes, and what must be told to it. */
struct peer {
    struct moq_offers_watcher *watcher;
    unsigned owners_seen;  /* bit per owner */
    bool is_told[PATHS];   /* from what it pulled */
    bool has_ended[PATHS]; /* since it was told: the end must be told as well */
    int woken;             /* in this step */
};

struct world {
    struct moq_offers *offers;
    struct moq_path *paths[PATHS], *prefixes[PEERS];
    uint64_t counts[PATHS][OWNERS];
    struct peer peers[PEERS];
    uint64_t seed;
};

static int owner_marks[OWNERS];

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

static bool can_see(void *user, const struct moq_path *path, const void *owner)
{
    const struct peer *peer = user;
    (void)path;
    return peer->owners_seen & 1u << ((const int *)owner - owner_marks);
}

static void on_pending(struct moq_offers_watcher *watcher, void *user)
{
    struct peer *peer = user;
    assert_ptr_equal(watcher, peer->watcher);
    peer->woken++;
}

static const struct moq_offers_watcher_ops ops = {.on_pending = on_pending, .can_see = can_see};

static bool is_visible(const struct world *world, int peer, int path)
{
    if (!moq_path_has_prefix(world->paths[path], world->prefixes[peer]))
        return false;
    for (int owner = 0; owner < OWNERS; owner++)
        if (world->counts[path][owner] > 0 && world->peers[peer].owners_seen & 1u << owner)
            return true;
    return false;
}

static int path_number(const struct world *world, const struct moq_path *path)
{
    for (int i = 0; i < PATHS; i++)
        if (moq_path_equal(world->paths[i], path))
            return i;
    fail_msg("a path that nobody offered");
    return -1;
}

static void peer_pull(struct world *world, int number, uint64_t most)
{
    struct peer *peer = &world->peers[number];
    struct moq_path *path;
    bool is_active;
    for (uint64_t i = 0; i < most; i++) {
        if (!moq_offers_watcher_next(peer->watcher, &is_active, &path))
            return;
        int which = path_number(world, path);
        assert_int_equal(peer->is_told[which], !is_active);
        assert_true(!is_active || is_visible(world, number, which));
        peer->is_told[which] = is_active;
        peer->has_ended[which] = false;
    }
}

/* Everything pulled: the peer believes what is true, and has heard of every end. */
static void assert_caught_up(struct world *world, int number)
{
    peer_pull(world, number, UINT64_MAX);
    for (int path = 0; path < PATHS; path++) {
        assert_int_equal(world->peers[number].is_told[path], is_visible(world, number, path));
        assert_false(world->peers[number].has_ended[path]);
    }
}

static void change(struct world *world)
{
    int path = (int)(next_random(&world->seed) % PATHS);
    int owner = (int)(next_random(&world->seed) % OWNERS);
    bool was_visible[PEERS], had_pending[PEERS];
    for (int i = 0; i < PEERS; i++) {
        was_visible[i] = is_visible(world, i, path);
        had_pending[i] = moq_offers_watcher_has_pending(world->peers[i].watcher);
        world->peers[i].woken = 0;
    }

    if (next_random(&world->seed) % 2) {
        world->counts[path][owner]++;
        assert_int_equal(moq_offers_add(world->offers, world->paths[path], &owner_marks[owner]), 0);
    } else {
        world->counts[path][owner] -= world->counts[path][owner] > 0;
        moq_offers_remove(world->offers, world->paths[path], &owner_marks[owner]);
    }
    for (int i = 0; i < PEERS; i++) {
        struct peer *peer = &world->peers[i];
        bool is_now = is_visible(world, i, path);
        if (was_visible[i] && !is_now && peer->is_told[path])
            peer->has_ended[path] = true;
        bool is_first = !had_pending[i] && moq_offers_watcher_has_pending(peer->watcher);
        assert_int_equal(peer->woken, is_first ? 1 : 0);
    }
}

/* A peer may see other owners from now on. */
static void change_sight(struct world *world, int number)
{
    struct peer *peer = &world->peers[number];
    bool was_visible[PATHS], had_pending = moq_offers_watcher_has_pending(peer->watcher);
    for (int path = 0; path < PATHS; path++)
        was_visible[path] = is_visible(world, number, path);
    peer->woken = 0;
    peer->owners_seen = (unsigned)(next_random(&world->seed) % (1u << OWNERS));
    moq_offers_look_again(world->offers, peer->watcher);
    for (int path = 0; path < PATHS; path++)
        if (was_visible[path] && !is_visible(world, number, path) && peer->is_told[path])
            peer->has_ended[path] = true;
    bool is_first = !had_pending && moq_offers_watcher_has_pending(peer->watcher);
    assert_int_equal(peer->woken, is_first ? 1 : 0);
}

/* A peer costs one entry for what it was told or may see, and no more. */
static void assert_bounded(const struct world *world)
{
    int64_t most = 0;
    for (int i = 0; i < PEERS; i++)
        for (int path = 0; path < PATHS; path++)
            most += world->peers[i].is_told[path] || is_visible(world, i, path);
    assert_true(object_count(OBJECT_sight) <= most);
}

static void come(struct world *world, int number)
{
    struct peer *peer = &world->peers[number];
    *peer = (struct peer){.owners_seen = (unsigned)(next_random(&world->seed) % (1u << OWNERS))};
    peer->watcher = moq_offers_watch(world->offers, world->prefixes[number], &ops, peer);
    assert_non_null(peer->watcher);
}

static void step(struct world *world)
{
    int number = (int)(next_random(&world->seed) % PEERS);
    uint64_t dice = next_random(&world->seed) % 100;
    if (dice < 60) {
        change(world);
    } else if (dice < 85) {
        peer_pull(world, number, next_random(&world->seed) % 4);
    } else if (dice < 92) {
        assert_caught_up(world, number);
    } else if (dice < 97) {
        change_sight(world, number);
    } else {
        moq_offers_unwatch(&world->peers[number].watcher);
        come(world, number);
    }
    assert_bounded(world);
}

static void live(uint64_t seed)
{
    struct world world = {.offers = moq_offers_new(), .seed = seed};
    for (int i = 0; i < PATHS; i++)
        world.paths[i] = moq_path_from_text(path_texts[i]);
    for (int i = 0; i < PEERS; i++) {
        world.prefixes[i] = moq_path_from_text(prefix_texts[i]);
        come(&world, i);
    }
    for (int i = 0; i < STEPS; i++)
        step(&world);
    for (int i = 0; i < PEERS; i++) {
        assert_caught_up(&world, i);
        moq_offers_unwatch(&world.peers[i].watcher);
        moq_path_unref(&world.prefixes[i]);
    }
    moq_offers_free(&world.offers);
    for (int i = 0; i < PATHS; i++)
        moq_path_unref(&world.paths[i]);
}

static void every_peer_believes_the_truth_once_it_has_pulled_all(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        live(seed);
    assert_int_equal(objects_report(stderr), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_peer_believes_the_truth_once_it_has_pulled_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
