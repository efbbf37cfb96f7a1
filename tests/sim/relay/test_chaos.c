/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Publishers, viewers, hooks, feeds and sinks do random things over changing networks. Whatever
 * happens, the relay goes on, and nothing is left in the end.
 *
 * usage: test_sim_relay_chaos [SEED [COUNT]]    runs only these cases */
#include "tests/sim/relay/chaos.h"

#include <stdio.h>
#include <stdlib.h>

enum { SEEDS = 400, STEPS = 400 };

static const char *const paths[CHAOS_PATHS] = {"a", "a/b", "c", "c/d/e"};

uint64_t chaos_dice(struct chaos *chaos, uint64_t sides)
{
    return sim_random(chaos->world.sim) % sides;
}

const char *chaos_any_path(struct chaos *chaos)
{
    return paths[chaos_dice(chaos, CHAOS_PATHS)];
}

const char *chaos_path(int index)
{
    return paths[index];
}

/* ---- Clients --------------------------------------------------------------------------------- */

static struct client *any_client(struct chaos *chaos)
{
    for (uint64_t i = 0, first = chaos_dice(chaos, CHAOS_CLIENTS); i < CHAOS_CLIENTS; i++) {
        struct client *client = chaos->clients[(first + i) % CHAOS_CLIENTS];
        if (client && client->session)
            return client;
    }
    return NULL;
}

static void forget_watch(struct chaos *chaos, int i)
{
    struct watch *watch = chaos->watches[i];
    chaos->whole += watch_count(watch, FATE_WHOLE);
    chaos->cut += watch_count(watch, FATE_CUT);
    chaos->gaps += watch_count(watch, FATE_GAP);
    watch_deinit(watch);
    free(watch);
    chaos->watches[i] = NULL;
}

static void forget_client(struct chaos *chaos, int slot)
{
    for (int i = 0; i < CHAOS_WATCHES; i++)
        if (chaos->watches[i] && chaos->watches[i]->client == chaos->clients[slot])
            forget_watch(chaos, i);
    client_free(chaos->clients[slot]);
    chaos->clients[slot] = NULL;
}

static void come(struct chaos *chaos)
{
    const uint32_t versions[] = {0, MOQ_VERSION_02, MOQ_VERSION_03, MOQ_VERSION_03, MOQ_VERSION_04};
    const struct client_setup setup = {
        .versions = versions[chaos_dice(chaos, 5)],
        .protocol = chaos_dice(chaos, 2) ? QUIC_PROTOCOL_RAW : QUIC_PROTOCOL_WEBTRANSPORT};
    int i = (int)chaos_dice(chaos, CHAOS_CLIENTS);
    if (chaos->clients[i] && chaos->clients[i]->closed)
        forget_client(chaos, i);
    if (!chaos->clients[i])
        chaos->clients[i] = client_connect(chaos->hosts[chaos_dice(chaos, CHAOS_HOSTS)], &setup);
}

static void go(struct chaos *chaos)
{
    struct client *client = any_client(chaos);
    if (client && chaos_dice(chaos, 4) == 0)
        client_close(client, chaos_dice(chaos, 2) ? 0 : MOQ_ERR_IO);
}

/* ---- Publishing ------------------------------------------------------------------------------ */

/* A random track that is being published; NULL: there is none. */
static struct moq_track **any_track(struct chaos *chaos, struct client **owner)
{
    uint64_t slots = CHAOS_CLIENTS * CLIENT_TRACKS_MAX;
    for (uint64_t i = 0, first = chaos_dice(chaos, slots); i < slots; i++) {
        uint64_t slot = (first + i) % slots;
        *owner = chaos->clients[slot / CLIENT_TRACKS_MAX];
        if (*owner && (*owner)->session && (*owner)->tracks[slot % CLIENT_TRACKS_MAX])
            return &(*owner)->tracks[slot % CLIENT_TRACKS_MAX];
    }
    return NULL;
}

static void publish(struct chaos *chaos)
{
    struct client *client = any_client(chaos);
    for (int i = 0; client && i < CLIENT_TRACKS_MAX; i++) {
        if (client->tracks[i])
            continue;
        client_publish(client, chaos_any_path(chaos));
        return;
    }
}

static void withdraw(struct chaos *chaos)
{
    struct client *client;
    struct moq_track **track = any_track(chaos, &client);
    if (!track || chaos_dice(chaos, 3))
        return;
    client_withdraw(client, *track);
    uint64_t roll = chaos_dice(chaos, 3);
    if (roll)
        moq_track_end(*track, roll == 1 ? 0 : MOQ_ERR_IO);
    moq_track_unref(track);
}

static void end_track(struct chaos *chaos)
{
    struct client *client;
    struct moq_track **track = any_track(chaos, &client);
    if (track && chaos_dice(chaos, 4) == 0)
        moq_track_end(*track, chaos_dice(chaos, 2) ? 0 : MOQ_ERR_MEDIA);
}

/* A new group, somewhere before or after the newest. */
static void write_group(struct chaos *chaos)
{
    struct client *client;
    struct moq_track **slot = any_track(chaos, &client);
    struct moq_group *group;
    uint8_t frame[4000] = {0};
    if (!slot)
        return;
    uint64_t sequence = moq_track_latest(*slot) + chaos_dice(chaos, 4);
    if (chaos_dice(chaos, 5) == 0 && sequence > 3)
        sequence -= 3;
    if (moq_track_open_group(*slot, sequence, &group))
        return;
    moq_group_ref(group);
    for (uint64_t i = chaos_dice(chaos, 5); i > 0; i--)
        moq_track_write_frame(*slot, group, frame, chaos_dice(chaos, sizeof frame));
    if (chaos_dice(chaos, 3))
        moq_track_finish_group(*slot, group);
    moq_group_unref(&group);
}

static void go_on_with_group(struct chaos *chaos)
{
    struct client *client;
    struct moq_track **track = any_track(chaos, &client);
    struct moq_group *group = track ? moq_track_newest(*track) : NULL;
    if (!group || group->is_ended)
        return;
    uint64_t roll = chaos_dice(chaos, 4);
    if (roll == 0)
        moq_track_abort_group(*track, group, MOQ_ERR_IO);
    else if (roll == 1)
        moq_track_finish_group(*track, group);
    else
        moq_track_write_frame(*track, group, "more", 4);
}

/* ---- Watching -------------------------------------------------------------------------------- */

static struct moq_wish any_wish(struct chaos *chaos)
{
    struct moq_wish wish = WISH_ANY;
    wish.priority = (uint8_t)chaos_dice(chaos, 256);
    wish.order = (uint8_t)chaos_dice(chaos, 3);
    if (chaos_dice(chaos, 3) == 0)
        wish.min = chaos_dice(chaos, 40);
    if (chaos_dice(chaos, 4) == 0)
        wish.max = (wish.min == MOQ_NO_GROUP ? 20 : wish.min) + chaos_dice(chaos, 20);
    if (chaos_dice(chaos, 6) == 0)
        wish.expires_ms = chaos_dice(chaos, 500);
    return wish;
}

static void watch_any(struct chaos *chaos)
{
    int i = (int)chaos_dice(chaos, CHAOS_WATCHES);
    struct client *client = any_client(chaos);
    struct moq_wish wish = any_wish(chaos);
    if (chaos->watches[i] && (chaos->watches[i]->closed || chaos_dice(chaos, 8) == 0))
        forget_watch(chaos, i);
    if (!client || chaos->watches[i])
        return;
    chaos->watches[i] = malloc(sizeof *chaos->watches[i]);
    assert_non_null(chaos->watches[i]);
    watch_init(chaos->watches[i], client, chaos_any_path(chaos), &wish);
}

static void change_wish(struct chaos *chaos)
{
    struct watch *watch = chaos->watches[chaos_dice(chaos, CHAOS_WATCHES)];
    struct moq_wish wish = any_wish(chaos);
    if (watch && watch->subscription)
        moq_subscription_update(watch->subscription, &wish);
}

static void on_info(void *user, int error, const struct moq_info *info)
{
    (void)user, (void)error, (void)info;
}

static void ask(struct chaos *chaos)
{
    static const struct moq_fetch_events no_events;
    struct client *client = any_client(chaos);
    struct moq_path *path = moq_path_from_text(chaos_any_path(chaos));
    const struct moq_fetch_wish wish = {.group = chaos_dice(chaos, 60),
                                        .offset = chaos_dice(chaos, 3)};
    if (client && chaos_dice(chaos, 2))
        moq_session_info(client->session, path, on_info, NULL);
    else if (client)
        moq_session_fetch(client->session, path, &wish, &no_events, NULL);
    moq_path_unref(&path);
}

/* ---- The network ----------------------------------------------------------------------------- */

static void change_network(struct chaos *chaos)
{
    const double losses[] = {0, 0, 0, 0, 0, 5, 10, 20, 40, 100};
    const struct sim_link link = {.loss_percent = losses[chaos_dice(chaos, 10)],
                                  .reorder_percent = 5,
                                  .delay_ns = (1 + chaos_dice(chaos, 30)) * NS_PER_MS,
                                  .bandwidth_bps = chaos_dice(chaos, 4) ? 0 : 500000,
                                  .queue_ns = 300 * NS_PER_MS};
    sim_set_node_link(chaos->world.sim, chaos->hosts[chaos_dice(chaos, CHAOS_HOSTS)]->node, &link);
}

/* ---- The configuration ----------------------------------------------------------------------- */

/* Expires grants too early, or later than they said. */
static void change_clock(struct chaos *chaos)
{
    if (chaos_dice(chaos, 4) == 0)
        world_jump(&chaos->world, (int64_t)chaos_dice(chaos, 4000) - 2000);
}

/* As core does it: at another moment on each worker, and for those who are there. */
static void reload(struct chaos *chaos)
{
    struct relay_config *config = chaos->world.config;
    uint32_t worker = (uint32_t)chaos_dice(chaos, chaos->world.worker_count);
    config->policy.latency_ns = chaos_dice(chaos, 1000) * NS_PER_MS;
    config->policy.max.latency_ns = chaos_dice(chaos, 3000) * NS_PER_MS;
    config->cache.groups = 1 + chaos_dice(chaos, 10);
    config->limits.wait_ns = chaos_dice(chaos, 1000) * NS_PER_MS;
    config->limits.waiting = chaos_dice(chaos, 4) ? 1000 : chaos_dice(chaos, 3);
    sources_take_configuration(&chaos->world.workers[worker].router);
}

static void (*const deeds[])(struct chaos *chaos) = {
    come,
    come,
    go,
    publish,
    publish,
    withdraw,
    end_track,
    write_group,
    write_group,
    write_group,
    write_group,
    go_on_with_group,
    watch_any,
    watch_any,
    watch_any,
    change_wish,
    ask,
    change_network,
    reload,
    change_clock,
    chaos_answer_one,
    chaos_answer_one,
    chaos_answer_one,
    chaos_change_chain,
    chaos_pond_acts,
    chaos_pond_acts,
    chaos_pond_acts,
    chaos_sink_acts,
    chaos_sink_acts,
    chaos_sink_acts,
};

/* ---- A case ---------------------------------------------------------------------------------- */

static void chaos_init(struct chaos *chaos, uint64_t seed)
{
    const struct world_setup setup = {
        .seed = seed,
        .link = {.delay_ns = 10 * NS_PER_MS, .jitter_ns = NS_PER_MS},
        .yaml = "limits:\n  idle: 2s\n  wait: 500ms\nquic:\n  keep_alive: 500ms\n"
                "cache:\n  groups: 6\n  bytes: 64KiB\npolicy:\n  latency: 300ms\n"};
    *chaos = (struct chaos){.has_guests = seed % 3 != 0};
    world_init(&chaos->world, &setup);
    chaos_entries_init(chaos);
    for (int i = 0; i < CHAOS_HOSTS; i++)
        chaos->hosts[i] = world_host(&chaos->world);
}

static void act(struct chaos *chaos)
{
    for (int step = 0; step < STEPS; step++) {
        deeds[chaos_dice(chaos, sizeof deeds / sizeof *deeds)](chaos);
        chaos_ponds_check(chaos);
        world_run(&chaos->world, chaos_dice(chaos, 40) * chaos_dice(chaos, 3) * NS_PER_MS);
    }
    for (int i = 0; i < CHAOS_WATCHES; i++)
        if (chaos->watches[i])
            forget_watch(chaos, i);
    chaos_ponds_end(chaos);
    world_run(&chaos->world, NS_PER_S);
    chaos_ears_check(chaos);
    chaos_sinks_end(chaos);
}

static bool has_left(const struct chaos *chaos)
{
    for (uint32_t i = 0; i < chaos->world.worker_count; i++) {
        const struct router *router = &chaos->world.workers[i].router;
        if (router->counters.sessions > 0 || !list_is_empty(&router->sources) ||
            router->fetch_count > 0 || router->routes)
            return true;
    }
    return false;
}

/* Runs a case. In half of them the relay ends the sessions, in the others the clients do. */
static int run_case(uint64_t seed, struct chaos *chaos)
{
    chaos_init(chaos, seed);
    act(chaos);
    if (seed % 2)
        world_stop(&chaos->world);
    for (int i = 0; i < CHAOS_CLIENTS; i++)
        if (chaos->clients[i] && seed % 2 == 0)
            client_close(chaos->clients[i], 0);
    world_run(&chaos->world, 30 * NS_PER_S);

    bool is_bad = has_left(chaos);
    world_deinit(&chaos->world);
    chaos_entries_check(chaos);
    if (is_bad)
        printf("FAILED, again with: test_sim_relay_chaos %llu\n", (unsigned long long)seed);
    return is_bad;
}

static int run_cases(uint64_t first, uint64_t count)
{
    struct chaos chaos;
    int failures = 0, whole = 0, cut = 0, gaps = 0, asked = 0, replaced = 0, inside = 0,
        granted = 0, guests = 0, pond_groups = 0, sink_calls = 0, sink_groups = 0, sink_gaps = 0;
    for (uint64_t seed = first; seed < first + count; seed++) {
        fprintf(stderr, "seed %llu\r", (unsigned long long)seed); /* to know it after a crash */
        failures += run_case(seed, &chaos);
        whole += chaos.whole;
        cut += chaos.cut;
        gaps += chaos.gaps;
        asked += chaos.asked;
        replaced += chaos.replaced;
        inside += chaos.inside;
        granted += chaos.granted;
        guests += chaos.guests;
        pond_groups += chaos.pond_groups;
        sink_calls += chaos.sink_calls;
        sink_groups += chaos.sink_groups;
        sink_gaps += chaos.sink_gaps;
    }
    printf(
        "%llu seeds: %d groups whole, %d cut, %d reported as dropped, hooks asked %d times and "
        "replaced %d times, did %d things inside and gave grants %d times, %d guests, %d groups of "
        "ponds, sinks called %d times and read %d groups and %d gaps\n",
        (unsigned long long)count, whole, cut, gaps, asked, replaced, inside, granted, guests,
        pond_groups, sink_calls, sink_groups, sink_gaps);
    return failures;
}

struct seeds {
    uint64_t first, count;
};

static void nothing_is_left_of_chaos(void **state)
{
    const struct seeds *seeds = *state;
    assert_int_equal(run_cases(seeds->first, seeds->count), 0);
}

int main(int argc, char **argv)
{
    struct seeds seeds = {1, SEEDS};
    if (argc > 1) {
        seeds.first = strtoull(argv[1], NULL, 10);
        seeds.count = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test_prestate(nothing_is_left_of_chaos, &seeds)};
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
