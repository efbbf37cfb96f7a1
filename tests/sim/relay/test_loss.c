/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A publisher, the relay and a viewer over networks that lose, reorder and repeat: every group
 * arrives as it was written or is reported as dropped, nothing hangs, and all sessions end cleanly.
 *
 * usage: test_sim_relay_loss [PERCENT SEED]    runs one case again */
#include "tests/sim/relay/prologue.h"

#include <stdio.h>
#include <stdlib.h>

enum { SEEDS = 200, GROUPS = 12, FIRST = 3, PATIENCE_S = 120, CLOSE_S = 30 };

static const int percents[] = {0, 1, 5, 10, 25};

struct totals {
    int whole, cut, gaps;
    uint64_t lost, delivered, longest_ns;
};

static const enum quic_protocol protocols[] = {QUIC_PROTOCOL_RAW, QUIC_PROTOCOL_WEBTRANSPORT};
static const uint32_t versions[] = {MOQ_VERSION_02, MOQ_VERSION_03, MOQ_VERSION_04};

/* What is wrong in a case; NULL: nothing. */
static const char *check(const struct watch *watch, struct world *world, int percent)
{
    if (percent == 0 && watch_count(watch, FATE_WHOLE) != GROUPS)
        return "a group was dropped though nothing was lost";
    if (!watch->closed)
        return "the subscription did not end";
    if (watch->close_error)
        return moq_error_words(watch->close_error);
    if (watch->wrong)
        return "a group has other bytes than were written";
    if (!watch_knows(watch, FIRST, FIRST + GROUPS - 1))
        return "a group neither arrived nor was it reported";
    return world_counters(world)->sessions == 2 ? NULL : "a session is gone";
}

static const char *end_in_order(struct world *world, struct client *publisher,
                                struct client *viewer)
{
    client_close(viewer, 0);
    client_close(publisher, 0);
    world_run_until(world, world_is_empty, world, CLOSE_S * NS_PER_S);
    world_run(world, 3 * NS_PER_S);
    if (!world_is_empty(world))
        return "a session did not end";
    if (!client_is_closed(viewer) || !client_is_closed(publisher))
        return "a client was not told of its end";
    return viewer->close_error || publisher->close_error ? "a session ended with an error" : NULL;
}

static void add_totals(struct totals *totals, struct world *world, const struct watch *watch,
                       uint64_t start_ns)
{
    struct sim_stats stats;
    sim_stats(world->sim, &stats);
    totals->whole += watch_count(watch, FATE_WHOLE);
    totals->cut += watch_count(watch, FATE_CUT);
    totals->gaps += watch_count(watch, FATE_GAP);
    totals->lost += stats.lost;
    totals->delivered += stats.delivered;
    uint64_t took_ns = world_now(world) - start_ns;
    totals->longest_ns = took_ns > totals->longest_ns ? took_ns : totals->longest_ns;
}

static const char *run_case(int percent, uint64_t seed, struct totals *totals)
{
    const struct world_setup setup = {.seed = seed * 1000 + (uint64_t)percent,
                                      .link = {.loss_percent = percent,
                                               .reorder_percent = 5,
                                               .duplicate_percent = 1,
                                               .delay_ns = 20 * NS_PER_MS,
                                               .jitter_ns = 2 * NS_PER_MS},
                                      .yaml = "limits:\n  handshake: 60s\n"};
    const struct client_setup publishing = {.versions = versions[seed % 3],
                                            .protocol = protocols[seed % 2]};
    const struct client_setup viewing = {.versions = versions[seed / 3 % 3],
                                         .protocol = protocols[seed / 2 % 2]};
    struct world world;
    struct watch watch;
    world_init(&world, &setup);
    struct client *publisher = client_ready(world_host(&world), &publishing);
    struct client *viewer = client_ready(world_host(&world), &viewing);
    struct camera_setup camera = {.track = client_publish(publisher, "demo/bbb"),
                                  .first = FIRST,
                                  .count = GROUPS,
                                  .frames = 5,
                                  .frame_bytes = 3000,
                                  .interval_ns = 20 * NS_PER_MS};
    uint64_t start_ns = world_now(&world);
    watch_init(&watch, viewer, "demo/bbb", &WISH_RANGE(FIRST, MOQ_NO_GROUP));
    watch.camera = &camera;
    camera_start(publisher->host, &camera);
    world_run_until(&world, watch_is_closed, &watch, PATIENCE_S * NS_PER_S);

    const char *problem = check(&watch, &world, percent);
    add_totals(totals, &world, &watch, start_ns);
    const char *unended = end_in_order(&world, publisher, viewer);
    watch_deinit(&watch);
    world_deinit(&world);
    return problem ? problem : unended;
}

static int run_cases(int percent, uint64_t first, uint64_t count)
{
    struct totals totals = {0};
    int failures = 0;
    for (uint64_t seed = first; seed < first + count; seed++) {
        const char *problem = run_case(percent, seed, &totals);
        if (!problem)
            continue;
        failures++;
        printf("FAILED, again with: test_sim_relay_loss %d %llu    %s\n", percent,
               (unsigned long long)seed, problem);
    }
    printf("%2d %% lost, %llu seeds: %d groups whole, %d cut, %d reported as dropped; "
           "%llu packets of %llu lost, the longest took %.1f s\n",
           percent, (unsigned long long)count, totals.whole, totals.cut, totals.gaps,
           (unsigned long long)totals.lost, (unsigned long long)(totals.lost + totals.delivered),
           (double)totals.longest_ns / 1e9);
    return failures;
}

static void every_group_arrives_or_is_reported(void **state)
{
    (void)state;
    int failures = 0;
    for (size_t i = 0; i < sizeof percents / sizeof *percents; i++)
        failures += run_cases(percents[i], 1, SEEDS);
    assert_int_equal(failures, 0);
}

int main(int argc, char **argv)
{
    if (argc == 3) {
        int failures = run_cases(atoi(argv[1]), strtoull(argv[2], NULL, 10), 1);
        peer_tls_free();
        return failures > 0;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_group_arrives_or_is_reported)};
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
