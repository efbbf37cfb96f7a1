/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* 2,000 sessions come and go, cleanly or not: they leave nothing at the relay, neither an object
 * nor a byte. */
#include "tests/sim/relay/prologue.h"

#include "base/objects.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "quic/conn.h"
#include "quic/endpoint.h"

enum {
    WAVES = 100,
    WAVE = 20, /* clients of one wave */
    WARM_UP = 20,
    GHOSTS = 4,                   /* clients per wave that vanish */
    GROWTH_MAX_BYTES = 16 * 1024, /* over all waves after the warm-up, for tables that grow */
};

struct wave {
    struct client *clients[WAVE];
    struct watch watches[WAVE];
    bool has_watch[WAVE];
};

struct memory {
    struct world world;
    struct host *house, *haunted; /* hosts of clients that close, and of those that vanish */
    struct client *publisher, *viewer;
    struct watch watch;
    int64_t objects[OBJECT_KIND_COUNT];
    size_t bytes;
};

static const enum quic_protocol protocols[] = {QUIC_PROTOCOL_RAW, QUIC_PROTOCOL_WEBTRANSPORT};

static void memory_init(struct memory *memory)
{
    const struct world_setup setup = {
        .seed = 5,
        .link = {.delay_ns = 5 * NS_PER_MS},
        .yaml = "limits:\n  idle: 2s\n  wait: 1s\nquic:\n  keep_alive: 500ms\n"};
    *memory = (struct memory){0};
    world_init(&memory->world, &setup);
    memory->house = world_host(&memory->world);
    memory->haunted = world_host(&memory->world);
    memory->publisher = client_ready(memory->house, NULL);
    memory->viewer = client_ready(memory->house, NULL);
    struct moq_track *track = client_publish(memory->publisher, "steady");
    watch_init(&memory->watch, memory->viewer, "steady", &WISH_ANY);
    publish_text(track, 1, "here");
}

/* What a client of a wave does. */
enum part { PUBLISHES, WATCHES, WATCHES_ANOTHER, WAITS_IN_VAIN, PARTS };

static void begin_part(struct wave *wave, int i)
{
    struct client *client = wave->clients[i];
    const char *paths[PARTS] = {"", "steady", "wave/0", "nowhere"};
    enum part part = (enum part)(i % PARTS);
    struct moq_group *group;
    if (part == PUBLISHES) {
        char path[32];
        snprintf(path, sizeof path, "wave/%d", i / 8);
        struct moq_track *track = client_publish(client, path);
        assert_int_equal(moq_track_open_group(track, 1, &group), 0);
        assert_int_equal(moq_track_write_frame(track, group, "unfinished", 10), 0);
        return;
    }
    watch_init(&wave->watches[i], client, paths[part], &WISH_ANY);
    wave->has_watch[i] = true;
    client_listen(client, "");
}

/* Begins a wave. One in five of the clients that close does not wait for its session. */
static void begin(struct memory *memory, struct wave *wave, int number)
{
    *wave = (struct wave){0};
    for (int i = 0; i < WAVE; i++) {
        struct host *host = i < GHOSTS ? memory->haunted : memory->house;
        const struct client_setup setup = {.protocol = protocols[(number + i / PARTS) % 2]};
        wave->clients[i] = client_connect(host, &setup);
    }
    world_run(&memory->world, 15 * NS_PER_MS);
    for (int i = GHOSTS; i < WAVE; i += 5)
        client_close(wave->clients[i], 0);
    world_run(&memory->world, 300 * NS_PER_MS);
    for (int i = 0; i < WAVE; i++)
        if (wave->clients[i]->session)
            begin_part(wave, i);
    world_run(&memory->world, 200 * NS_PER_MS);
}

static void end(struct memory *memory, struct wave *wave)
{
    const struct sim_link *link = &(struct sim_link){.loss_percent = 100};
    sim_set_node_link(memory->world.sim, memory->haunted->node, link);
    for (int i = GHOSTS; i < WAVE; i++)
        client_close(wave->clients[i], i % 3 == 0 ? 0 : i % 3 == 1 ? MOQ_ERR_IO : MOQ_ERR_PROTOCOL);
    world_run(&memory->world, 10 * NS_PER_S);
    for (int i = 0; i < WAVE; i++) {
        assert_true(client_is_closed(wave->clients[i]));
        if (wave->has_watch[i])
            watch_deinit(&wave->watches[i]);
        client_free(wave->clients[i]);
    }
    link = &(struct sim_link){.delay_ns = 5 * NS_PER_MS};
    sim_set_node_link(memory->world.sim, memory->haunted->node, link);
}

/* The bytes in use on the heap and for ngtcp2's objects. Under a sanitizer the heap is not counted,
 * because sanitizers have their own. */
static size_t bytes_in_use(const struct memory *memory)
{
    const struct world *world = &memory->world;
    size_t bytes = mallinfo2().uordblks;
    for (uint32_t i = 0; i < world->worker_count; i++) {
        const struct pool *pool = &sim_endpoint(world->sim, world->workers[i].node)->pool;
        bytes += pool->slab_count * POOL_SLAB_BYTES + pool->block_count;
    }
    return bytes;
}

static void remember(struct memory *memory)
{
    for (int kind = 0; kind < OBJECT_KIND_COUNT; kind++)
        memory->objects[kind] = object_count((enum object_kind)kind);
}

static void assert_as_before(const struct memory *memory)
{
    for (int kind = 0; kind < OBJECT_KIND_COUNT; kind++)
        assert_int_equal(object_count((enum object_kind)kind), memory->objects[kind]);
}

static void two_thousand_sessions_leave_nothing_behind(void **state)
{
    struct memory memory;
    struct wave wave;
    (void)state;
    memory_init(&memory);
    world_run(&memory.world, NS_PER_S);
    remember(&memory);
    for (int i = 0; i < WAVES; i++) {
        if (i == WARM_UP)
            memory.bytes = bytes_in_use(&memory);
        begin(&memory, &wave, i);
        assert_int_equal(world_counters(&memory.world)->sessions, 2 + WAVE - 4);
        end(&memory, &wave);
        assert_int_equal(world_counters(&memory.world)->sessions, 2);
        assert_as_before(&memory);
    }

    int64_t growth = (int64_t)(bytes_in_use(&memory) - memory.bytes);
    printf("%llu sessions; %lld bytes more than after the first %d waves\n",
           (unsigned long long)world_counters(&memory.world)->sessions_total, (long long)growth,
           WARM_UP);
    assert_true(growth < GROWTH_MAX_BYTES);
    assert_int_equal(memory.watch.closed, 0);
    watch_deinit(&memory.watch);
    world_deinit(&memory.world);
}

/* Switches off glibc's caches of free pieces, which would count as in use. */
static void without_caches(char **argv)
{
    if (getenv("GLIBC_TUNABLES"))
        return;
    setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0", 1);
    execv("/proc/self/exe", argv);
}

int main(int argc, char **argv)
{
    (void)argc;
    without_caches(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_thousand_sessions_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
