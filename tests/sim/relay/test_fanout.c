/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One publisher and 200 viewers, of which one is stalled and one has a tenth of the rate it needs:
 * the other 198 get every frame as it was written, over one subscription upstream, and the relay
 * keeps no more of the track than its cache allows. */
#include "tests/sim/relay/prologue.h"

#include "base/objects.h"
#include "tests/sim/relay/stall.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    CROWD = 198,
    VIEWERS = CROWD + 2,
    GROUPS = 24,
    GROUP_MS = 500,
    FRAMES = 15, /* of a group */
    FRAME_BYTES = 4000,
    FRAME_MS = GROUP_MS / FRAMES,
    GROUP_MAX_BYTES = FRAMES * FRAME_BYTES,
    BPS = FRAMES * FRAME_BYTES / 2 * 8 * 1000 / GROUP_MS, /* on average */
    LATENCY_MS = 1000,
    CHUNK_BYTES = 64 * 1024, /* memory is allocated in chunks of at most this size */
    CACHED_GROUPS = 2,
    TROUBLE_MS = 2200,
    /* What viewers may hold besides the cache: groups that were superseded within their latency,
     * and the parts of older groups that were in packets when they were cut. For a silent peer that
     * is one window, and one probe each time the wait doubles. */
    OVERTAKEN_GROUPS = LATENCY_MS / GROUP_MS,
    HELD_GROUPS = 10,
};

enum trouble { VANISHES, NEVER_READS };

struct fanout {
    struct world world;
    struct client *publisher;
    struct watch *watches; /* VIEWERS of them: the ordinary ones, the stalled one, the slow one */
    struct camera_setup setup;
    struct camera *camera;
    uint64_t most_groups, most_cached, most_upstream;
};

static struct host *slow_host(struct world *world)
{
    struct host *host = world_host(world);
    sim_set_node_link(world->sim, host->node,
                      &(struct sim_link){.delay_ns = 10 * NS_PER_MS,
                                         .bandwidth_bps = BPS / 10,
                                         .queue_ns = 300 * NS_PER_MS});
    return host;
}

static void fanout_init(struct fanout *fanout, enum trouble trouble)
{
    const struct world_setup setup = {.seed = 77 + trouble,
                                      .link = {.delay_ns = 10 * NS_PER_MS},
                                      .yaml = "limits:\n  idle: 600s\n"
                                              "cache:\n  groups: 2\n  age: 60s\n"
                                              "policy:\n  latency: 1s\n"};
    struct world *world = &fanout->world;
    *fanout = (struct fanout){0};
    world_init(world, &setup);
    fanout->watches = calloc(VIEWERS, sizeof *fanout->watches);
    fanout->publisher = client_ready(world_host(world), NULL);
    fanout->setup = (struct camera_setup){.track = client_publish(fanout->publisher, "demo/bbb"),
                                          .count = GROUPS,
                                          .frames = FRAMES,
                                          .frame_bytes = FRAME_BYTES,
                                          .interval_ns = FRAME_MS * NS_PER_MS};

    struct host *crowd = world_host(world), *stalled = world_host(world), *slow = slow_host(world);
    struct client *client;
    for (int i = 0; i < VIEWERS; i++) {
        if (i == CROWD && trouble == NEVER_READS)
            client = client_ready_to_stall(stalled, NULL);
        else
            client = client_ready(i < CROWD ? crowd : i == CROWD ? stalled : slow, NULL);
        watch_init(&fanout->watches[i], client, "demo/bbb", &WISH_ANY);
        fanout->watches[i].camera = &fanout->setup;
    }
    world_run(world, NS_PER_S);
}

static int count_groups(const struct moq_track *track)
{
    int count = 0;
    struct moq_group *group = moq_track_oldest(track);
    for (; group; group = moq_track_after(track, group))
        count++;
    return count;
}

/* The relay's groups: all groups of the process that are not in a client's track. */
static uint64_t relay_groups(const struct fanout *fanout)
{
    int64_t count = object_count(OBJECT_group) - count_groups(fanout->setup.track);
    for (int i = 0; i < VIEWERS; i++)
        count -= count_groups(fanout->watches[i].track);
    assert_true(count >= 0);
    return (uint64_t)count;
}

static void note_most(uint64_t *most, uint64_t now)
{
    *most = now > *most ? now : *most;
}

static void note(struct fanout *fanout)
{
    struct router *router = &fanout->world.workers[0].router;
    note_most(&fanout->most_groups, relay_groups(fanout));
    note_most(&fanout->most_upstream, router->counters.upstream_subscriptions);
    list_for_each (node, &router->sources) {
        const struct source *source = container_of(node, struct source, node);
        note_most(&fanout->most_cached, moq_track_cached_bytes(source->track));
    }
}

static void play(struct fanout *fanout, enum trouble trouble)
{
    fanout->camera = camera_start(fanout->publisher->host, &fanout->setup);
    world_run(&fanout->world, TROUBLE_MS * NS_PER_MS);
    if (trouble == VANISHES)
        host_vanish(fanout->watches[CROWD].client->host);
    while (!camera_is_over(fanout->camera)) {
        world_run(&fanout->world, 50 * NS_PER_MS);
        note(fanout);
    }
    world_run(&fanout->world, 5 * NS_PER_S);
}

static void leave(struct fanout *fanout)
{
    struct world *world = &fanout->world;
    for (int i = 0; i < VIEWERS; i++)
        client_close(fanout->watches[i].client, 0);
    client_close(fanout->publisher, 0);
    for (int i = 0; i < VIEWERS; i++)
        watch_deinit(&fanout->watches[i]);
    free(fanout->watches);
    world_run(world, 700 * NS_PER_S);
    const struct core_counters *counters = world_counters(world);
    assert_int_equal(counters->sessions, 0);
    assert_int_equal(counters->viewers, 0);
    assert_int_equal(counters->tracks, 0);
    assert_int_equal(counters->upstream_subscriptions, 0);
    assert_int_equal(counters->announcements, 0);
    assert_int_equal(counters->cache_bytes, 0);
    world_deinit(world);
}

static void assert_has_all(const struct watch *watch)
{
    assert_int_equal(watch_count(watch, FATE_WHOLE), GROUPS);
    assert_int_equal(watch->wrong, 0);
    assert_int_equal(watch->closed, 1);
    assert_int_equal(watch->close_error, 0);
}

static void fan_out(enum trouble trouble)
{
    struct fanout fanout;
    fanout_init(&fanout, trouble);
    struct watch *stalled = &fanout.watches[CROWD], *slow = &fanout.watches[CROWD + 1];

    play(&fanout, trouble);

    for (int i = 0; i < CROWD; i++)
        assert_has_all(&fanout.watches[i]);
    assert_in_range(watch_count(stalled, FATE_WHOLE), trouble == VANISHES ? 4 : 1, 5);
    assert_int_equal(stalled->wrong, 0);
    assert_in_range(watch_count(slow, FATE_WHOLE), 0, GROUPS / 2);
    assert_true(watch_knows(slow, 0, GROUPS - 3));
    assert_int_equal(slow->wrong, 0);
    printf("most groups at the relay: %llu; most bytes in the cache: %llu; the stalled viewer has "
           "%d groups, the slow one %d, of %d\n",
           (unsigned long long)fanout.most_groups, (unsigned long long)fanout.most_cached,
           watch_count(stalled, FATE_WHOLE), watch_count(slow, FATE_WHOLE), GROUPS);
    assert_int_equal(fanout.most_upstream, 1);
    assert_int_equal(world_counters(&fanout.world)->upstream_subscriptions_total, 1);
    assert_int_equal(fanout.publisher->subscribes, 1);
    assert_in_range(fanout.most_cached, 1, CACHED_GROUPS * (GROUP_MAX_BYTES + CHUNK_BYTES));
    uint64_t kept = fanout.world.worker_count * (CACHED_GROUPS + OVERTAKEN_GROUPS);
    assert_in_range(fanout.most_groups, 1, kept + HELD_GROUPS);
    leave(&fanout);
}

static void a_viewer_that_vanishes_harms_nobody(void **state)
{
    (void)state;
    fan_out(VANISHES);
}

static void a_viewer_that_never_reads_harms_nobody(void **state)
{
    (void)state;
    fan_out(NEVER_READS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_viewer_that_vanishes_harms_nobody),
        cmocka_unit_test(a_viewer_that_never_reads_harms_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
