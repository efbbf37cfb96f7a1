/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Viewers whose links become slower and recover, with the policy that ships: broadcast.lua decides
 * on a fake relay, which is shown the numbers of the simulated one. So nothing here depends on how
 * busy the machine is. tests/e2e/test_quality.py does the same with real media. */
#include "tests/sim/relay/ladder_stage.h"

#include <stdio.h>

#include "lua/host/script.h"
#include "lua/test/fake.h"

enum { LOOK_MS = 240 }; /* about as often as a relay samples, in whole frames */

static const uint64_t bitrates_bps[RUNGS] = {700000, 2000000, 4500000};
static const struct sim_link fast_link = {
    .delay_ns = 10 * NS_PER_MS, .bandwidth_bps = 6000000, .queue_ns = 200 * NS_PER_MS};

extern const struct relay_module relay_module;

struct play { /* a stage, and who decides for its viewer */
    struct stage stage;
    struct script_config config;
    struct relay_self *self;
    struct relay_viewer *viewer;
};

/* ---- The policy ------------------------------------------------------------------------------ */

static void print_line(void *user, int level, const char *text)
{
    (void)user;
    if (level <= RELAY_WARN)
        print_message("%s\n", text);
}

static void start_policy(struct play *play)
{
    struct relay_request request;
    play->config = (struct script_config){.file = POLICY_FILE,
                                          .budget_ns = NS_PER_S,
                                          .load_budget_ns = 10 * NS_PER_S,
                                          .memory_bytes = 8 << 20,
                                          .faults = 5};
    play->self = fake_new(&relay_module, print_line, NULL);
    assert_non_null(play->self);
    if (fake_start(play->self, &play->config) != 0)
        fail_msg("%s", play->self->failure);
    struct relay_peer *peer =
        fake_connect(play->self, &(struct fake_info){.address = "192.0.2.1:5"}, &request);
    assert_non_null(peer);
    peer->ladder.count = RUNGS;
    for (size_t i = 0; i < RUNGS; i++) {
        snprintf(peer->ladder.paths[i], FAKE_TEXT_BYTES, "%s", rung_names[i]);
        peer->ladder.bitrates_bps[i] = bitrates_bps[i];
    }
    request = (struct relay_request){.kind = RELAY_REQUEST_SUBSCRIBE};
    play->viewer = fake_subscribe(peer, rung_names[RUNGS - 1], &request);
    assert_non_null(play->viewer);
}

static void show_numbers(struct play *play)
{
    const struct core_viewer *core = find_viewer(&play->stage);
    struct relay_viewer *viewer = play->viewer;
    struct moq_viewer_stats now;
    struct quic_conn_stats conn;
    core_viewer_stats(core, &now);
    core_peer_transport(core_viewer_peer(core), &conn);
    viewer->stats.groups_sent = now.groups_sent;
    viewer->stats.groups_skipped = now.groups_skipped;
    viewer->stats.groups_reset = now.groups_reset;
    viewer->stats.groups_late = now.groups_late;
    viewer->stats.bytes_sent = now.bytes_sent;
    viewer->stats.backlog_bytes = now.backlog_bytes;
    viewer->stats.lag_ns = now.backlog_ns;
    viewer->peer->stats.rate_bps = conn.delivery_rate_bps;
    viewer->policy.latency_ns = core_viewer_policy(core)->latency_ns;
    snprintf(viewer->track, sizeof viewer->track, "%s", rung_names[core_viewer_rendition(core)]);
}

static void ask_policy(struct play *play)
{
    size_t rung = 0;
    fake_advance(play->self, LOOK_MS * NS_PER_MS);
    show_numbers(play);
    fake_sample(play->viewer);
    while (rung < RUNGS && strcmp(play->viewer->track, rung_names[rung]) != 0)
        rung++;
    assert_in_range(rung, 0, RUNGS - 1);
    turn_to(&play->stage, rung);
}

/* ---- The play -------------------------------------------------------------------------------- */

static void go_on(struct play *play, uint64_t ms)
{
    for (uint64_t i = 0; i < ms / LOOK_MS; i++) {
        film(&play->stage, LOOK_MS);
        ask_policy(play);
    }
}

static size_t rung_now(const struct play *play)
{
    return core_viewer_rendition(find_viewer(&play->stage));
}

static void play_init(struct play *play, uint64_t seed, uint64_t latency_ms, uint8_t order)
{
    *play = (struct play){.self = NULL};
    struct stage *stage = &play->stage;
    stage_init(stage, seed, 1);
    for (size_t i = 0; i < RUNGS; i++) {
        uint64_t second_bytes = bitrates_bps[i] / 8;
        stage->key_bytes[i] = second_bytes / 6;
        stage->frame_bytes[i] = second_bytes * 5 / 6 / FRAMES;
    }
    sim_set_node_link(stage->world.sim, stage->viewer->host->node, &fast_link);
    film(stage, GROUP_MS);
    watch_show(stage, rung_names[RUNGS - 1]);
    film(stage, LOOK_MS);
    const struct core_override change = {.set = CORE_SET_LATENCY | CORE_SET_ORDER,
                                         .latency_ns = latency_ms * NS_PER_MS,
                                         .order = order};
    core_viewer_override(find_viewer(stage), &stage->hook, &change);
    start_policy(play);
    go_on(play, 10000);
    assert_int_equal(rung_now(play), 2);
    stage->stall_ns = 0;
}

static void play_deinit(struct play *play)
{
    assert_int_equal(fake_counter(play->self, "sample_faults"), 0);
    fake_free(&play->self);
    stage_deinit(&play->stage);
}

static void set_rate(struct play *play, uint64_t bandwidth_bps)
{
    struct sim_link link = fast_link;
    link.bandwidth_bps = bandwidth_bps;
    sim_set_node_link(play->stage.world.sim, play->stage.viewer->host->node, &link);
}

/* How many ms it takes until the viewer has this rendition; at most `max_ms`. */
static uint64_t ms_until(struct play *play, size_t rung, uint64_t max_ms)
{
    uint64_t ms = 0;
    for (; rung_now(play) != rung && ms < max_ms; ms += LOOK_MS)
        go_on(play, LOOK_MS);
    return ms;
}

/* The rendition of the group of this number, as all renditions count them. */
static int rung_of(const struct play *play, uint64_t group)
{
    for (size_t i = 0; i < SEEN_MAX; i++) {
        const struct seen *seen = &play->stage.seen[i];
        if (seen->is_there && seen->first_us == group * GROUP_MS * 1000)
            return seen->rung;
    }
    return -1;
}

/* Goes on to this frame of a group. */
static void go_to_frame(struct play *play, uint64_t frame)
{
    uint64_t now = play->stage.frame % FRAMES;
    film(&play->stage, (FRAMES - now + frame) % FRAMES * FRAME_MS);
}

/* ---- Tests ----------------------------------------------------------------------------------- */

/* From 6 to 1 Mb/s and back, at any moment of a group: the second group after that is of the lowest
 * rendition, no picture is missing, and something comes at least once in a second. */
static void a_fall_costs_no_picture(void **state)
{
    (void)state;
    for (uint64_t frame = 0; frame < FRAMES; frame++) {
        struct play play;
        play_init(&play, 20 + frame, 5000, MOQ_ORDER_OLDEST);
        go_to_frame(&play, frame);
        uint64_t fell = play.stage.frame / FRAMES;
        set_rate(&play, 1000000);
        go_on(&play, 8000);
        assert_int_equal(rung_of(&play, fell + 2), 0);
        assert_in_range(play.stage.stall_ns, 1, GROUP_MS * NS_PER_MS);

        set_rate(&play, 6000000);
        uint64_t up_ms = ms_until(&play, 1, 60000), top_ms = up_ms + ms_until(&play, 2, 60000);
        assert_in_range(up_ms, 1, 10000);
        assert_in_range(top_ms, 1, 15000);
        go_on(&play, 60000);
        assert_int_equal(rung_now(&play), 2);
        assert_int_equal(world_counters(&play.stage.world)->switches_total, 3);
        assert_seamless(&play.stage);
        play_deinit(&play);
    }
}

/* With the latency and the order that a relay has without a configuration, the group that is being
 * sent is cut, and perhaps the one after it: while it is sent, the newest goes first. */
static void an_impatient_viewer_loses_the_ends_of_two_groups_at_most(void **state)
{
    (void)state;
    for (uint64_t frame = 0; frame < FRAMES; frame += 2) {
        struct play play;
        play_init(&play, 60 + frame, 1000, MOQ_ORDER_NEWEST);
        go_to_frame(&play, frame);
        uint64_t fell = play.stage.frame / FRAMES;
        set_rate(&play, 1000000);
        go_on(&play, 8160);
        struct moq_viewer_stats stats;
        core_viewer_stats(find_viewer(&play.stage), &stats);
        assert_in_range(stats.groups_late, 0, 2);
        assert_int_equal(stats.groups_skipped, 0);
        assert_int_equal(rung_of(&play, fell + 2), 0);
        assert_in_range(play.stage.stall_ns, 1, GROUP_MS * NS_PER_MS);
        play_deinit(&play);
    }
}

/* A path that carries the rendition in the middle gets that one at once, and keeps it: tries to go
 * higher become rare. */
static void a_path_gets_what_it_carries(void **state)
{
    (void)state;
    struct play play;
    play_init(&play, 90, 5000, MOQ_ORDER_OLDEST);
    set_rate(&play, 3000000);
    go_on(&play, 5000);
    assert_int_equal(rung_now(&play), 1);
    go_on(&play, 115000);
    uint64_t early = world_counters(&play.stage.world)->switches_total;
    go_on(&play, 120000);
    uint64_t later = world_counters(&play.stage.world)->switches_total - early;
    assert_in_range(early, 1, 8); /* down, and up and down again three times */
    assert_in_range(later, 0, 3);
    assert_int_equal(count_rung(&play.stage, 0), 0);
    assert_seamless(&play.stage);
    play_deinit(&play);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fall_costs_no_picture),
        cmocka_unit_test(an_impatient_viewer_loses_the_ends_of_two_groups_at_most),
        cmocka_unit_test(a_path_gets_what_it_carries),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
