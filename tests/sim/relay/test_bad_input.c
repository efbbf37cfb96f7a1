/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Strangers send the relay things that no honest peer would, while a publisher publishes and a
 * viewer watches: the viewer gets every frame, and the strangers leave nothing. */
#include "tests/sim/relay/prologue.h"

#include "quic/conn.h"
#include "quic/endpoint.h"
#include "quic/tls.h"

enum { GROUPS = 40, FRAMES = 5, FRAME_BYTES = 2000, GROUP_MS = 250, ROUNDS = 100, STREAMS = 12 };

struct scene {
    struct world world;
    struct client *publisher, *viewer;
    struct watch watch;
    struct camera_setup setup;
    struct peer stranger; /* speaks QUIC and TLS, but no transfork */
    int stranger_node;
};

static void scene_init(struct scene *scene, uint64_t seed)
{
    const struct world_setup setup = {.seed = seed,
                                      .workers = 1,
                                      .link = {.delay_ns = 10 * NS_PER_MS},
                                      .yaml = "limits:\n  idle: 3s\n  handshake: 2s\n"
                                              "quic:\n  keep_alive: 1s\n"};
    struct world *world = &scene->world;
    *scene = (struct scene){0};
    world_init(world, &setup);
    scene->publisher = client_ready(world_host(world), NULL);
    scene->viewer = client_ready(world_host(world), NULL);
    scene->setup = (struct camera_setup){.track = client_publish(scene->publisher, "demo/bbb"),
                                         .count = GROUPS,
                                         .frames = FRAMES,
                                         .frame_bytes = FRAME_BYTES,
                                         .interval_ns = GROUP_MS / FRAMES * NS_PER_MS};
    watch_init(&scene->watch, scene->viewer, "demo/bbb", &WISH_ANY);
    scene->watch.camera = &scene->setup;
    world_run(world, NS_PER_S);
    camera_start(scene->publisher->host, &scene->setup);

    peer_init(&scene->stranger, false);
    const struct quic_endpoint_config endpoint = {.app = &peer_app, .user = &scene->stranger};
    scene->stranger_node = sim_add_endpoint(world->sim, &endpoint);
    assert_true(scene->stranger_node >= 0);
}

static void scene_deinit(struct scene *scene)
{
    struct world *world = &scene->world;
    world_run(world, GROUPS * GROUP_MS * NS_PER_MS + 10 * NS_PER_S);
    assert_int_equal(watch_count(&scene->watch, FATE_WHOLE), GROUPS);
    assert_int_equal(scene->watch.wrong, 0);
    assert_int_equal(scene->watch.closed, 1);
    assert_int_equal(scene->watch.close_error, 0);

    sim_remove_endpoint(world->sim, scene->stranger_node);
    world_run(world, 10 * NS_PER_S);
    assert_int_equal(world_counters(world)->sessions, 2);
    assert_int_equal(world_counters(world)->requests_waiting, 0);
    watch_deinit(&scene->watch);
    peer_deinit(&scene->stranger);
    world_deinit(world);
}

static struct quic_conn *dial(struct scene *scene, enum quic_protocol protocol)
{
    const struct quic_connect_config config = {.tls = peer_client_tls(),
                                               .protocol = protocol,
                                               .server_name = "localhost",
                                               .authority = "localhost:4433",
                                               .url_path = "/",
                                               .user = &scene->stranger};
    struct world *world = &scene->world;
    return sim_connect(world->sim, scene->stranger_node, world->workers[0].node, &config);
}

static void connect_stranger(struct scene *scene, enum quic_protocol protocol)
{
    scene->stranger.connected = 0;
    assert_non_null(dial(scene, protocol));
    assert_true(world_run_until(&scene->world, peer_is_connected, &scene->stranger, NS_PER_S));
}

/* Sends bytes on a new stream, if the relay allows one. */
static void say(struct scene *scene, bool is_bidi, const void *data, size_t n, bool is_end)
{
    struct peer *stranger = &scene->stranger;
    struct flow *flow = stranger->conn ? peer_open(stranger, stranger->conn, is_bidi) : NULL;
    if (flow)
        flow_add(flow, data, n, is_end);
}

static void hang_up(struct scene *scene)
{
    if (scene->stranger.conn)
        quic_conn_close(scene->stranger.conn, 0, "");
    world_run(&scene->world, 50 * NS_PER_MS);
}

static const uint8_t offers[3][11] = {
    {0x00, 0x01, 0xc0, 0x00, 0x00, 0x00, 0xff, 0x0b, 0xad, 0x02, 0x00},
    {0x00, 0x01, 0xc0, 0x00, 0x00, 0x00, 0xff, 0x0b, 0xad, 0x03, 0x00},
    {0x00, 0x01, 0xc0, 0x00, 0x00, 0x00, 0xff, 0x0b, 0xad, 0x04, 0x00},
};

static const enum quic_protocol protocols[] = {QUIC_PROTOCOL_RAW, QUIC_PROTOCOL_WEBTRANSPORT};

/* A stream that begins like a real one and continues at random. */
static void say_noise(struct scene *scene)
{
    struct sim *sim = scene->world.sim;
    uint8_t data[96];
    size_t n = sim_random(sim) % sizeof data;
    for (size_t i = 0; i < n; i++) {
        uint64_t noise = sim_random(sim);
        data[i] = (uint8_t)(noise % 3 == 0 ? noise >> 32 : (noise >> 32) % 8);
    }
    say(scene, sim_random(sim) % 4 > 0, data, n, sim_random(sim) % 2 == 0);
}

static void noise_on_streams_harms_nobody(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, 31);
    for (size_t i = 0; i < ROUNDS; i++) {
        connect_stranger(&scene, protocols[i % 2]);
        if (i % 4 > 0)
            say(&scene, true, offers[i % 3], sizeof offers[0], false);
        for (int j = 0; j < STREAMS; j++) {
            say_noise(&scene);
            world_run(&scene.world, 5 * NS_PER_MS);
        }
        hang_up(&scene);
    }
    scene_deinit(&scene);
}

/* Each is sent after a greeting of version 02, on a stream of its own. */
struct lie {
    bool is_uni;
    uint8_t size;
    uint8_t data[24];
};

static const struct lie lies[] = {
    {false, 9, {0x02, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}, /* 2^62 parts of a path */
    {false,
     11,
     {0x02, 0x00, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}, /* one of 2^62 bytes */
    {false, 4, {0x02, 0x00, 0x21, 0x00}},                                 /* 33 parts */
    {false, 5, {0x02, 0x00, 0x01, 0x43, 0xff}},                           /* 1,023 bytes, almost */
    {false, 2, {0x01, 0x40}},                                             /* half a varint */
    {false, 10, {0x01, 0xbf, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0x00}},
    {false, 12, {0x03, 0x01, 0x01, 0x78, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
    {false, 3, {0x04, 0x01, 0x7f}},
    {false, 1, {0x3f}}, /* an unknown type of stream */
    {false, 8, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
    {true, 1, {0x3f}},
    {true, 3, {0x00, 0x00, 0x00}}, /* a group without a subscription */
    {true, 9, {0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
    {true, 12, {0x00, 0x07, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00}},
    {false, 11, {0x00, 0x01, 0xc0, 0x00, 0x00, 0x00, 0xff, 0x0b, 0xad, 0x02, 0x00}}, /* repeated */
};

static void lies_about_lengths_and_counts_harm_nobody(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, 33);
    for (size_t i = 0; i < 2 * sizeof lies / sizeof *lies; i++) {
        const struct lie *lie = &lies[i / 2];
        connect_stranger(&scene, protocols[i % 2]);
        say(&scene, true, offers[i / 2 % 3], sizeof offers[0], false);
        world_run(&scene.world, 30 * NS_PER_MS);
        say(&scene, !lie->is_uni, lie->data, lie->size, i % 2 == 0);
        world_run(&scene.world, 50 * NS_PER_MS);
        hang_up(&scene);
    }
    scene_deinit(&scene);
}

static void unknown_versions_are_refused(void **state)
{
    (void)state;
    struct scene scene;
    uint8_t offer[sizeof offers[0]];
    scene_init(&scene, 35);
    for (size_t i = 0; i < 2; i++) {
        memcpy(offer, offers[0], sizeof offer);
        offer[9] = 0x77;
        connect_stranger(&scene, protocols[i]);
        scene.stranger.closed = 0;
        say(&scene, true, offer, sizeof offer, false);
        assert_true(world_run_until(&scene.world, peer_is_closed, &scene.stranger, 3 * NS_PER_S));
        world_run(&scene.world, NS_PER_S);
        assert_int_equal(scene.stranger.last_close.code, moq_error_to_wire(MOQ_ERR_VERSION));
    }
    scene_deinit(&scene);
}

static void strangers_that_say_nothing_are_sent_away(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, 37);
    for (size_t i = 0; i < 20; i++)
        assert_non_null(dial(&scene, protocols[i % 2]));
    world_run(&scene.world, NS_PER_S);
    assert_int_equal(world_counters(&scene.world)->sessions, 22);
    world_run(&scene.world, 3 * NS_PER_S);
    assert_int_equal(world_counters(&scene.world)->sessions, 2);
    assert_int_equal(scene.stranger.closed, 20);
    scene_deinit(&scene);
}

static void another_alpn_is_turned_away(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, 43);
    for (int i = 0; i < 5; i++) {
        scene.stranger.closed = 0;
        struct quic_conn *conn = dial(&scene, QUIC_PROTOCOL_RAW);
        const struct tls_session_config config = {.tls = peer_client_tls(),
                                                  .alpn = i % 2 ? "h2" : "moq-00",
                                                  .server_name = "localhost",
                                                  .conn_ref = &conn->ref};
        tls_session_free(&conn->tls);
        conn->tls = tls_session_new(&config);
        ngtcp2_conn_set_tls_native_handle(conn->quic, tls_session_native(conn->tls));
        assert_true(world_run_until(&scene.world, peer_is_closed, &scene.stranger, 10 * NS_PER_S));
        assert_int_equal(scene.stranger.last_close.error, MOQ_ERR_TLS);
    }
    assert_int_equal(world_counters(&scene.world)->sessions_total, 2);
    scene_deinit(&scene);
}

/* Lets only the first few packets through. */
static bool let_some_through(void *self, const uint8_t *data, size_t n)
{
    int *left = self;
    (void)data, (void)n;
    return (*left)-- <= 0;
}

static void handshakes_that_break_off_are_forgotten(void **state)
{
    (void)state;
    struct scene scene;
    struct quic_endpoint_stats stats;
    scene_init(&scene, 39);
    for (int i = 0; i < 40; i++) {
        int left = i / 2 % 4;
        sim_on_packet(scene.world.sim, scene.stranger_node, let_some_through, &left);
        dial(&scene, protocols[i % 2]);
        world_run(&scene.world, 200 * NS_PER_MS);
        sim_on_packet(scene.world.sim, scene.stranger_node, NULL, NULL);
        /* The rest of it arrives too late, from another address. */
        sim_rebind(scene.world.sim, scene.stranger_node);
    }
    sim_remove_endpoint(scene.world.sim, scene.stranger_node);
    world_run(&scene.world, 10 * NS_PER_S);
    quic_endpoint_stats(sim_endpoint(scene.world.sim, scene.world.workers[0].node), &stats);
    assert_int_equal(stats.connections, 2);
    assert_int_equal(stats.half_open, 0);
    scene_deinit(&scene);
}

static void garbage_datagrams_harm_nobody(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, 41);
    struct sim *sim = scene.world.sim;
    for (int i = 0; i < 20000; i++) {
        uint8_t data[1300];
        size_t n = sim_random(sim) % sizeof data;
        for (size_t j = 0; j < n && j < 40; j++)
            data[j] = (uint8_t)sim_random(sim);
        memset(data + 40, i, sizeof data - 40);
        if (n > 5 && i % 3 == 0)
            memcpy(data, "\xc3\x00\x00\x00\x01", 5); /* looks like an Initial of version 1 */
        sim_inject(sim, scene.world.workers[0].node, data, n);
        if (i % 50 == 0)
            world_run(&scene.world, 20 * NS_PER_MS);
    }
    struct quic_endpoint_stats stats;
    quic_endpoint_stats(sim_endpoint(sim, scene.world.workers[0].node), &stats);
    assert_true(stats.datagrams_dropped > 10000);
    scene_deinit(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(noise_on_streams_harms_nobody),
        cmocka_unit_test(lies_about_lengths_and_counts_harm_nobody),
        cmocka_unit_test(unknown_versions_are_refused),
        cmocka_unit_test(strangers_that_say_nothing_are_sent_away),
        cmocka_unit_test(another_alpn_is_turned_away),
        cmocka_unit_test(handshakes_that_break_off_are_forgotten),
        cmocka_unit_test(garbage_datagrams_harm_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
