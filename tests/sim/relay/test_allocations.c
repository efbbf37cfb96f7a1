/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A running relay allocates nothing for a frame or a packet, and little for a viewer. The linker
 * redirects every allocation of this program to this file (--wrap); those of the relay are counted:
 * in its endpoint's calls, its sessions' ticks and its sweep. Those of the simulated network are
 * not. */
#include "tests/sim/relay/prologue.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "quic/conn.h"
#include "quic/endpoint.h"
#include "transfork/group.h"
#include "transfork/session_state.h"
#include "transfork/viewer.h"

enum {
    VIEWERS = 6, /* half of them over WebTransport */
    IDLE_VIEWERS = 200,
    IDLE_MAX_BYTES = 32000,     /* per idle viewer */
    SLABS_MAX_BYTES = 5 * 1024, /* more per viewer with more workers: more slabs are not full */
    IDLE_S = 10,
    IDLE_TURNS_MAX = IDLE_S * 500, /* turns of the relay: 100 a second, and those for packets */
    FRAMES = 10000,
    WARM_UP_FRAMES = 2000,
    FRAME_BYTES = 600, /* size of the largest frame */
    CHUNK_BYTES = 64 * 1024,
    PER_STREAM = 2, /* allocations per viewer and group: our stream and its sender */
    PER_GROUP = 13, /* allocations per group: two objects, the stream it arrives on, chunks */
    SLACK = 8,      /* tables that grow once more, slabs of the pool */
};

#define FRAME_INTERVAL_NS (4 * NS_PER_MS)

struct scene {
    struct world world;
    struct client *publisher, *viewers[VIEWERS];
    struct watch watches[VIEWERS];
};

/* ---- Counting -------------------------------------------------------------------------------- */

static const struct world *counted; /* NULL: nothing is counted */
static bool is_relay;               /* a call of the relay is under way */
static uint64_t allocations, turns;
static int64_t held;         /* bytes, glibc's own eight for each piece included */
static size_t refused_bytes; /* the relay's allocations of this size fail */
static struct quic_sink network;

static bool is_counted_endpoint(const struct quic_endpoint *endpoint)
{
    if (!counted)
        return false;
    for (uint32_t i = 0; i < counted->worker_count; i++)
        if (sim_endpoint(counted->sim, counted->workers[i].node) == endpoint)
            return true;
    return false;
}

static bool is_counted_bridge(const struct moq_native_bridge *bridge)
{
    if (!counted)
        return false;
    for (uint32_t i = 0; i < counted->worker_count; i++)
        if (&counted->workers[i].bridge == bridge)
            return true;
    return false;
}

static int send_uncounted(void *self, const struct quic_datagram *train)
{
    bool was_relay = is_relay;
    is_relay = false;
    int rv = network.send(self, train);
    is_relay = was_relay;
    return rv;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t pieces, size_t n);
void *__real_realloc(void *block, size_t n);
void __real_free(void *block);
int __real_munmap(void *where, size_t n);
void *__real_mmap(void *where, size_t n, int protection, int flags, int file, off_t offset);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t pieces, size_t n);
void *__wrap_realloc(void *block, size_t n);
void __wrap_free(void *block);
int __wrap_munmap(void *where, size_t n);
void *__wrap_mmap(void *where, size_t n, int protection, int flags, int file, off_t offset);

static void *count(void *block)
{
    if (is_relay && block) {
        allocations++;
        held += (int64_t)malloc_usable_size(block) + 8;
    }
    return block;
}

static void uncount(void *block)
{
    if (is_relay && block)
        held -= (int64_t)malloc_usable_size(block) + 8;
}

void *__wrap_malloc(size_t n)
{
    return count(__real_malloc(n));
}

void *__wrap_calloc(size_t pieces, size_t n)
{
    return is_relay && n == refused_bytes ? NULL : count(__real_calloc(pieces, n));
}

void *__wrap_realloc(void *block, size_t n)
{
    uncount(block);
    return count(__real_realloc(block, n));
}

void __wrap_free(void *block)
{
    uncount(block);
    __real_free(block);
}

int __wrap_munmap(void *where, size_t n)
{
    held -= is_relay ? (int64_t)n : 0;
    return __real_munmap(where, n);
}

void *__wrap_mmap(void *where, size_t n, int protection, int flags, int file, off_t offset)
{
    allocations += is_relay;
    held += is_relay ? (int64_t)n : 0;
    return __real_mmap(where, n, protection, flags, file, offset);
}

/* ---- The relay's calls ----------------------------------------------------------------------- */

void __real_quic_endpoint_receive(struct quic_endpoint *endpoint, const struct quic_datagram *in);
void __real_quic_endpoint_tick(struct quic_endpoint *endpoint);
void __real_quic_endpoint_flush(struct quic_endpoint *endpoint);
void __real_moq_native_bridge_tick(struct moq_native_bridge *bridge);
void __real_router_sweep(struct router *router);
/* Its name in object files, see base/symbols.h. */
size_t __real_moq_mailbox_run(struct mailbox *mailbox);
void __wrap_quic_endpoint_receive(struct quic_endpoint *endpoint, const struct quic_datagram *in);
void __wrap_quic_endpoint_tick(struct quic_endpoint *endpoint);
void __wrap_quic_endpoint_flush(struct quic_endpoint *endpoint);
void __wrap_moq_native_bridge_tick(struct moq_native_bridge *bridge);
void __wrap_router_sweep(struct router *router);
size_t __wrap_moq_mailbox_run(struct mailbox *mailbox);

void __wrap_quic_endpoint_receive(struct quic_endpoint *endpoint, const struct quic_datagram *in)
{
    is_relay = is_counted_endpoint(endpoint);
    __real_quic_endpoint_receive(endpoint, in);
    is_relay = false;
}

void __wrap_quic_endpoint_tick(struct quic_endpoint *endpoint)
{
    is_relay = is_counted_endpoint(endpoint);
    __real_quic_endpoint_tick(endpoint);
    is_relay = false;
}

void __wrap_quic_endpoint_flush(struct quic_endpoint *endpoint)
{
    is_relay = is_counted_endpoint(endpoint);
    __real_quic_endpoint_flush(endpoint);
    is_relay = false;
}

void __wrap_moq_native_bridge_tick(struct moq_native_bridge *bridge)
{
    is_relay = is_counted_bridge(bridge);
    turns += is_relay;
    __real_moq_native_bridge_tick(bridge);
    is_relay = false;
}

void __wrap_router_sweep(struct router *router)
{
    is_relay = counted != NULL;
    __real_router_sweep(router);
    is_relay = false;
}

size_t __wrap_moq_mailbox_run(struct mailbox *mailbox)
{
    is_relay = counted != NULL;
    size_t posts = __real_moq_mailbox_run(mailbox);
    is_relay = false;
    return posts;
}

/* ---- The scene ------------------------------------------------------------------------------- */

static void begin(struct scene *scene, const struct sim_link *link)
{
    const struct world_setup setup = {.seed = 11, .link = *link};
    *scene = (struct scene){0};
    struct world *world = &scene->world;
    world_init(world, &setup);
    for (uint32_t i = 0; i < world->worker_count; i++) {
        struct quic_endpoint *relay = sim_endpoint(world->sim, world->workers[i].node);
        network = relay->sink;
        relay->sink.send = send_uncounted;
    }
    scene->publisher = client_ready(world_host(world), NULL);
}

static void watch(struct scene *scene)
{
    struct host *host = world_host(&scene->world);
    for (int i = 0; i < VIEWERS; i++) {
        const struct client_setup setup = {.protocol = i % 2 ? QUIC_PROTOCOL_RAW
                                                             : QUIC_PROTOCOL_WEBTRANSPORT};
        scene->viewers[i] = client_ready(host, &setup);
        watch_init(&scene->watches[i], scene->viewers[i], "steady", &WISH_ANY);
    }
}

static uint64_t bytes_written(const struct camera *camera)
{
    return camera->group ? bytes_log_length(&camera->group->body->log) : 0;
}

/* Lets the camera write `frames` frames. Returns the relay's allocations in that time. */
static uint64_t count_over(struct scene *scene, uint64_t frames)
{
    allocations = 0;
    counted = &scene->world;
    world_run(&scene->world, frames * FRAME_INTERVAL_NS);
    counted = NULL;
    return allocations;
}

static void end(struct scene *scene)
{
    for (int i = 0; i < VIEWERS; i++) {
        assert_int_equal(scene->watches[i].closed, 0);
        assert_true(scene->watches[i].begun > 0);
        watch_deinit(&scene->watches[i]);
    }
    world_deinit(&scene->world);
}

static struct camera *start(struct scene *scene, uint32_t frames_of_a_group)
{
    struct camera_setup setup = {
        .track = client_publish(scene->publisher, "steady"),
        .count = UINT32_MAX,
        .frames = frames_of_a_group,
        .frame_bytes = FRAME_BYTES,
        .interval_ns = FRAME_INTERVAL_NS,
    };
    struct camera *camera = camera_start(scene->publisher->host, &setup);
    watch(scene);
    world_run(&scene->world, WARM_UP_FRAMES * FRAME_INTERVAL_NS);
    return camera;
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void check_long_group(const struct sim_link *link)
{
    struct scene scene;
    begin(&scene, link);
    struct camera *camera = start(&scene, UINT32_MAX);
    uint64_t bytes = bytes_written(camera);
    uint64_t taken = count_over(&scene, FRAMES);
    bytes = bytes_written(camera) - bytes;

    uint64_t chunks = (bytes + CHUNK_BYTES - 1) / CHUNK_BYTES;
    printf("%d frames, %d viewers: %llu allocations, %llu chunks of the cache\n", FRAMES, VIEWERS,
           (unsigned long long)taken, (unsigned long long)chunks);
    assert_true(bytes > FRAMES);
    assert_true(taken <= chunks + SLACK);
    end(&scene);
}

static void frames_and_packets_take_no_memory(void **state)
{
    (void)state;
    check_long_group(&(struct sim_link){.delay_ns = 5 * NS_PER_MS});
}

static void nor_do_they_where_packets_are_lost(void **state)
{
    (void)state;
    check_long_group(
        &(struct sim_link){.delay_ns = 20 * NS_PER_MS, .jitter_ns = NS_PER_MS, .loss_percent = 2});
}

static void a_group_takes_a_few_for_each_viewer(void **state)
{
    enum { FRAMES_OF_A_GROUP = 20 };
    struct scene scene;
    (void)state;
    begin(&scene, &(struct sim_link){.delay_ns = 5 * NS_PER_MS});
    start(&scene, FRAMES_OF_A_GROUP);
    uint64_t taken = count_over(&scene, FRAMES);

    uint64_t groups = FRAMES / FRAMES_OF_A_GROUP;
    printf("%llu groups: %.1f allocations each\n", (unsigned long long)groups,
           (double)taken / (double)groups);
    assert_true(taken <= groups * (PER_GROUP * scene.world.worker_count + PER_STREAM * VIEWERS));
    end(&scene);
}

/* The memory that the relay holds per viewer of a track with nothing new. Sets `*max_bytes` to what
 * is allowed. */
static int64_t bytes_of_idle(enum quic_protocol protocol, int64_t *max_bytes)
{
    static struct watch watches[IDLE_VIEWERS];
    const struct client_setup setup = {.protocol = protocol};
    struct scene scene;
    begin(&scene, &(struct sim_link){.delay_ns = 5 * NS_PER_MS});
    client_publish(scene.publisher, "still");
    struct host *host = world_host(&scene.world);
    for (int i = -1; i < IDLE_VIEWERS - 1; i++) { /* the first one makes what all share */
        counted = &scene.world;
        struct client *client = client_ready(host, &setup);
        watch_init(&watches[i + 1], client, "still", &WISH_ANY);
        world_run(&scene.world, 500 * NS_PER_MS);
        held = i < 0 ? 0 : held;
    }
    turns = 0;
    world_run(&scene.world, IDLE_S * NS_PER_S);
    counted = NULL;
    assert_in_range(turns, 1, IDLE_TURNS_MAX * scene.world.worker_count);
    *max_bytes = IDLE_MAX_BYTES + (scene.world.worker_count > 1 ? SLABS_MAX_BYTES : 0);
    for (int i = 0; i < IDLE_VIEWERS; i++) {
        assert_int_equal(watches[i].infos, 1);
        watch_deinit(&watches[i]);
    }
    world_deinit(&scene.world);
    return held / (IDLE_VIEWERS - 1);
}

static void an_idle_viewer_holds_little(void **state)
{
    (void)state;
    int64_t max_bytes;
    int64_t raw = bytes_of_idle(QUIC_PROTOCOL_RAW, &max_bytes);
    int64_t web = bytes_of_idle(QUIC_PROTOCOL_WEBTRANSPORT, &max_bytes);
    printf("an idle viewer: %lld bytes, %lld by WebTransport; %llu turns for %d of them\n",
           (long long)raw, (long long)web, (unsigned long long)turns, IDLE_VIEWERS);
    assert_in_range(raw, 1, max_bytes);
    assert_in_range(web, 1, max_bytes);
}

static void a_peer_whose_session_finds_no_memory_leaves_nothing_behind(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, &(struct sim_link){.delay_ns = 5 * NS_PER_MS});
    refused_bytes = sizeof(struct moq_session);
    counted = &scene.world;
    struct client *client = client_connect(world_host(&scene.world), NULL);
    assert_true(world_run_until(&scene.world, client_is_closed, client, 10 * NS_PER_S));
    counted = NULL;
    refused_bytes = 0;

    assert_int_equal(client->ready, 0);
    assert_int_equal(world_counters(&scene.world)->sessions, 1); /* only the publisher's */
    world_deinit(&scene.world);
}

static void a_viewer_that_finds_no_memory_is_counted_as_refused(void **state)
{
    (void)state;
    struct scene scene;
    struct watch watch;
    begin(&scene, &(struct sim_link){.delay_ns = 5 * NS_PER_MS});
    client_publish(scene.publisher, "still");
    struct client *client = client_ready(world_host(&scene.world), NULL);
    refused_bytes = sizeof(struct moq_viewer);
    counted = &scene.world;
    watch_init(&watch, client, "still", &WISH_ANY);
    world_run(&scene.world, NS_PER_S);
    counted = NULL;
    refused_bytes = 0;

    assert_int_equal(watch.closed, 1);
    assert_int_equal(world_counters(&scene.world)->requests_refused, 1);
    watch_deinit(&watch);
    world_deinit(&scene.world);
}

int main(void)
{
    if (POOL_IS_MALLOC) {
        puts("not under the address sanitizer, where every block is one of malloc's");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_and_packets_take_no_memory),
        cmocka_unit_test(nor_do_they_where_packets_are_lost),
        cmocka_unit_test(a_group_takes_a_few_for_each_viewer),
        cmocka_unit_test(an_idle_viewer_holds_little),
        cmocka_unit_test(a_peer_whose_session_finds_no_memory_leaves_nothing_behind),
        cmocka_unit_test(a_viewer_that_finds_no_memory_is_counted_as_refused),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
