/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Packets wait in a list, sorted by their time of arrival. The clock jumps to the next arrival or
 * deadline. */
#include "tests/sim/network.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/list.h"
#include "quic/check.h"

enum { FIRST_PORT = 4433, REBOUND_PORT = 20000, START_S = 1000 };

enum { FEW = 16, CHECKED_OF_MANY = 4 }; /* see sim_check_every */

struct packet {
    struct list link;
    uint64_t due_ns;
    struct sockaddr_in from, to;
    uint8_t ecn;
    size_t size;
    uint8_t data[];
};

struct node {
    struct sim *sim;
    struct quic_endpoint *endpoint;
    struct sockaddr_in address,
        outside;              /* the one it believes to have, and the one that others see */
    uint64_t wire_free_ns;    /* when its link has sent what it was given */
    uint64_t inbound_free_ns; /* the same for its own link, towards it */
    struct sim_link own_link;
    bool has_own_link;
    size_t sink_room, sink_used;
    uint64_t writable_ns;
    uint64_t (*on_turn)(void *self);
    void *on_turn_self;
    uint64_t turn_ns, turns;
    bool (*on_packet)(void *self, const uint8_t *data, size_t n);
    void *on_packet_self;
};

struct sim {
    struct moq_clock clock;
    uint64_t random;
    struct sim_link link;
    struct sim_stats stats;
    struct list packets;
    size_t packet_count;
    struct node nodes[SIM_MAX_ENDPOINTS];
    int node_count;
    uint16_t rebinds;
};

uint64_t sim_random(struct sim *sim)
{
    uint64_t z = sim->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static bool happens(struct sim *sim, double percent)
{
    return percent > 0 && (double)(sim_random(sim) >> 11) * 0x1p-53 * 100 < percent;
}

struct sim *sim_new(uint64_t seed, const struct sim_link *link)
{
    struct sim *sim = calloc(1, sizeof *sim);
    REQUIRE(sim);
    sim->random = seed;
    sim->clock.now_ns = START_S * NS_PER_S;
    sim_set_link(sim, link);
    list_init(&sim->packets);
    return sim;
}

static void packet_free(struct sim *sim, struct packet *packet)
{
    list_remove(&packet->link);
    sim->packet_count--;
    free(packet);
}

void sim_free(struct sim **owner)
{
    struct sim *sim = *owner;
    for (int i = 0; i < sim->node_count; i++)
        sim_remove_endpoint(sim, i);
    while (!list_is_empty(&sim->packets))
        packet_free(sim, container_of(sim->packets.next, struct packet, link));
    free(sim);
    *owner = NULL;
}

void sim_set_link(struct sim *sim, const struct sim_link *link)
{
    sim->link = link ? *link : (struct sim_link){0};
}

void sim_set_node_link(struct sim *sim, int node, const struct sim_link *link)
{
    sim->nodes[node].own_link = *link;
    sim->nodes[node].has_own_link = true;
}

void sim_stats(const struct sim *sim, struct sim_stats *stats)
{
    *stats = sim->stats;
}

/* ---- Packets --------------------------------------------------------------------------------- */

static void enqueue(struct sim *sim, const struct packet *like, const uint8_t *data,
                    uint64_t due_ns)
{
    REQUIRE(sim->packet_count < SIM_QUEUE_MAX_PACKETS);
    struct packet *packet = malloc(sizeof *packet + like->size);
    REQUIRE(packet);
    *packet = *like;
    memcpy(packet->data, data, like->size);
    packet->due_ns = due_ns;
    struct list *before = sim->packets.prev;
    while (before != &sim->packets && container_of(before, struct packet, link)->due_ns > due_ns)
        before = before->prev;
    list_insert_between(&packet->link, before, before->next);
    sim->packet_count++;
}

static struct node *node_at(struct sim *sim, const struct sockaddr_in *address)
{
    for (int i = 0; i < sim->node_count; i++) {
        struct node *node = &sim->nodes[i];
        if (node->endpoint && node->outside.sin_port == address->sin_port &&
            node->outside.sin_addr.s_addr == address->sin_addr.s_addr)
            return node;
    }
    return NULL;
}

/* The link for a packet, and when it is free again. */
struct way {
    const struct sim_link *link;
    uint64_t *free_ns;
};

static struct way way_of(struct sim *sim, struct node *from, struct node *to)
{
    if (from->has_own_link)
        return (struct way){&from->own_link, &from->wire_free_ns};
    if (to && to->has_own_link)
        return (struct way){&to->own_link, &to->inbound_free_ns};
    return (struct way){&sim->link, &from->wire_free_ns};
}

/* The time at which a packet that is sent now arrives; CLOCK_NEVER: the link's queue is full. */
static uint64_t arrival(struct sim *sim, const struct way *way, size_t size)
{
    const struct sim_link *link = way->link;
    uint64_t leaves_ns = sim->clock.now_ns;
    if (link->bandwidth_bps > 0) {
        uint64_t start_ns = *way->free_ns > leaves_ns ? *way->free_ns : leaves_ns;
        if (link->queue_ns > 0 && start_ns - leaves_ns > link->queue_ns)
            return CLOCK_NEVER;
        *way->free_ns = start_ns + size * 8 * NS_PER_S / link->bandwidth_bps;
        leaves_ns = *way->free_ns;
    }
    uint64_t jitter_ns = link->jitter_ns ? sim_random(sim) % link->jitter_ns : 0;
    uint64_t due_ns = leaves_ns + link->delay_ns + jitter_ns;
    if (!happens(sim, link->reorder_percent))
        return due_ns;
    sim->stats.reordered++;
    return due_ns + link->delay_ns;
}

static void transmit(struct sim *sim, struct node *from, const struct packet *like,
                     const uint8_t *data)
{
    sim->stats.sent++;
    sim->stats.bytes += like->size;
    if (from->on_packet && from->on_packet(from->on_packet_self, data, like->size))
        return;
    const struct way way = way_of(sim, from, node_at(sim, &like->to));
    uint64_t due_ns = CLOCK_NEVER;
    bool is_too_large = way.link->largest_bytes > 0 && like->size > way.link->largest_bytes;
    if (!is_too_large && !happens(sim, way.link->loss_percent))
        due_ns = arrival(sim, &way, like->size);
    if (due_ns == CLOCK_NEVER) {
        sim->stats.lost++;
        return;
    }
    enqueue(sim, like, data, due_ns);
    if (!happens(sim, way.link->duplicate_percent))
        return;
    due_ns = arrival(sim, &way, like->size);
    if (due_ns == CLOCK_NEVER)
        return;
    sim->stats.duplicated++;
    enqueue(sim, like, data, due_ns);
}

static bool is_refused(struct sim *sim, struct node *node, const struct packet *like,
                       const struct quic_datagram *train)
{
    const struct sim_link *link = way_of(sim, node, node_at(sim, &like->to)).link;
    return link->is_device && link->largest_bytes > 0 && train->segment_size > link->largest_bytes;
}

static int send_train(void *self, const struct quic_datagram *train)
{
    struct node *node = self;
    struct sim *sim = node->sim;
    if (node->sink_room > 0 && node->sink_used >= node->sink_room) {
        node->writable_ns = sim->clock.now_ns + NS_PER_MS;
        return MOQ_ERR_AGAIN;
    }
    REQUIRE(train->remote->sa_family == AF_INET);
    struct packet like = {.from = node->outside, .ecn = train->ecn};
    memcpy(&like.to, train->remote, sizeof like.to);
    if (is_refused(sim, node, &like, train)) {
        sim->stats.lost++;
        return 0;
    }
    for (size_t offset = 0; offset < train->size; offset += train->segment_size) {
        size_t left = train->size - offset;
        like.size = left < train->segment_size ? left : train->segment_size;
        node->sink_used++;
        transmit(sim, node, &like, train->data + offset);
    }
    return 0;
}

static void deliver(struct sim *sim, const struct packet *packet)
{
    struct node *node = node_at(sim, &packet->to);
    if (!node) {
        sim->stats.unroutable++;
        return;
    }
    sim->stats.delivered++;
    struct quic_datagram datagram = {.data = packet->data,
                                     .size = packet->size,
                                     .segment_size = packet->size,
                                     .local = (const struct sockaddr *)&node->address,
                                     .remote = (const struct sockaddr *)&packet->from,
                                     .local_size = sizeof node->address,
                                     .remote_size = sizeof packet->from,
                                     .ecn = packet->ecn};
    quic_endpoint_receive(node->endpoint, &datagram);
}

void sim_inject(struct sim *sim, int to, const uint8_t *data, size_t n)
{
    struct packet like = {.size = n, .to = sim->nodes[to].outside};
    like.from.sin_family = AF_INET;
    like.from.sin_port = htons(9);
    like.from.sin_addr.s_addr = htonl(0x0a0000fe);
    enqueue(sim, &like, data, sim->clock.now_ns);
}

void sim_replay(struct sim *sim, int from, int to, const uint8_t *data, size_t n)
{
    const struct packet like = {
        .size = n, .from = sim->nodes[from].outside, .to = sim->nodes[to].outside};
    enqueue(sim, &like, data, sim->clock.now_ns);
}

/* ---- Endpoints ------------------------------------------------------------------------------- */

static int node_start(struct sim *sim, struct node *node, const struct quic_endpoint_config *config)
{
    struct quic_endpoint_config full = *config;
    full.clock = &sim->clock;
    full.sink.send = send_train;
    full.sink.self = node;
    if (full.sink.max_train_packets == 0)
        full.sink.max_train_packets = 16;
    if (full.seed == 0)
        full.seed = sim_random(sim) | 1;
    node->endpoint = quic_endpoint_new(&full);
    node->turn_ns = node->writable_ns = CLOCK_NEVER;
    return node->endpoint ? 0 : -1;
}

int sim_add_endpoint(struct sim *sim, const struct quic_endpoint_config *config)
{
    REQUIRE(sim->node_count < SIM_MAX_ENDPOINTS);
    int number = sim->node_count;
    struct node *node = &sim->nodes[number];
    *node = (struct node){.sim = sim};
    node->address.sin_family = AF_INET;
    node->address.sin_port = htons(FIRST_PORT);
    node->address.sin_addr.s_addr = htonl(0x0a000001 + (uint32_t)number);
    node->outside = node->address;
    sim->node_count++;
    return node_start(sim, node, config) == 0 ? number : -1;
}

void sim_remove_endpoint(struct sim *sim, int node)
{
    quic_endpoint_free(&sim->nodes[node].endpoint);
}

int sim_restart_endpoint(struct sim *sim, int number, const struct quic_endpoint_config *config)
{
    sim_remove_endpoint(sim, number);
    return node_start(sim, &sim->nodes[number], config);
}

struct quic_endpoint *sim_endpoint(struct sim *sim, int node)
{
    return sim->nodes[node].endpoint;
}

const struct sockaddr_in *sim_address(const struct sim *sim, int node)
{
    return &sim->nodes[node].outside;
}

struct moq_clock *sim_clock(struct sim *sim)
{
    return &sim->clock;
}

void sim_rebind(struct sim *sim, int node)
{
    sim->nodes[node].outside.sin_port = htons((uint16_t)(REBOUND_PORT + sim->rebinds++));
}

void sim_move_inside(struct sim *sim, int node, uint16_t port)
{
    sim->nodes[node].address.sin_port = htons(port);
}

void sim_set_sink_room(struct sim *sim, int node, size_t packets)
{
    sim->nodes[node].sink_room = packets;
    sim->nodes[node].sink_used = 0;
}

void sim_on_turn(struct sim *sim, int node, uint64_t (*on_turn)(void *self), void *self)
{
    sim->nodes[node].on_turn = on_turn;
    sim->nodes[node].on_turn_self = self;
}

void sim_wake(struct sim *sim, int node, uint64_t when_ns)
{
    if (when_ns < sim->nodes[node].turn_ns)
        sim->nodes[node].turn_ns = when_ns;
}

void sim_on_packet(struct sim *sim, int node,
                   bool (*on_packet)(void *self, const uint8_t *data, size_t n), void *self)
{
    sim->nodes[node].on_packet = on_packet;
    sim->nodes[node].on_packet_self = self;
}

struct quic_conn *sim_connect(struct sim *sim, int from, int to,
                              const struct quic_connect_config *config)
{
    struct quic_connect_config full = *config;
    full.local = (const struct sockaddr *)&sim->nodes[from].address;
    full.remote = (const struct sockaddr *)&sim->nodes[to].outside;
    full.local_size = full.remote_size = sizeof(struct sockaddr_in);
    return quic_endpoint_connect(sim->nodes[from].endpoint, &full);
}

/* ---- Time ------------------------------------------------------------------------------------ */

uint64_t sim_check_every(uint64_t count)
{
    return count <= FEW ? 1 : count / CHECKED_OF_MANY;
}

static void check_now_and_then(struct node *node)
{
    struct quic_endpoint_stats stats;
    quic_endpoint_stats(node->endpoint, &stats);
    if (node->turns++ % sim_check_every(stats.connections) == 0)
        endpoint_check(node->endpoint);
}

static void turn(struct sim *sim, struct node *node)
{
    if (node->writable_ns <= sim->clock.now_ns) {
        node->writable_ns = CLOCK_NEVER;
        node->sink_used = 0;
        quic_endpoint_writable(node->endpoint);
    }
    quic_endpoint_tick(node->endpoint);
    if (node->on_turn)
        node->turn_ns = node->on_turn(node->on_turn_self);
    quic_endpoint_flush(node->endpoint);
    check_now_and_then(node);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t node_next(const struct node *node)
{
    if (!node->endpoint)
        return CLOCK_NEVER;
    uint64_t next =
        quic_endpoint_has_work(node->endpoint) ? 0 : quic_endpoint_deadline(node->endpoint);
    return earlier(next, earlier(node->turn_ns, node->writable_ns));
}

static uint64_t next_event(const struct sim *sim)
{
    uint64_t next = CLOCK_NEVER;
    if (!list_is_empty(&sim->packets))
        next = container_of(sim->packets.next, struct packet, link)->due_ns;
    for (int i = 0; i < sim->node_count; i++)
        next = earlier(next, node_next(&sim->nodes[i]));
    return next;
}

static void round_of_turns(struct sim *sim)
{
    bool is_any = false;
    while (!list_is_empty(&sim->packets)) {
        struct packet *packet = container_of(sim->packets.next, struct packet, link);
        if (packet->due_ns > sim->clock.now_ns)
            break;
        deliver(sim, packet);
        packet_free(sim, packet);
        is_any = true;
    }
    if (is_any) /* like the real loop, which reads the clock again before its flush */
        sim->clock.now_ns += NS_PER_US;
    for (int i = 0; i < sim->node_count; i++)
        if (sim->nodes[i].endpoint)
            turn(sim, &sim->nodes[i]);
}

bool sim_run_until(struct sim *sim, bool (*is_done)(void *self), void *self, uint64_t limit_ns)
{
    uint64_t end_ns = sim->clock.now_ns + limit_ns;
    for (;;) {
        round_of_turns(sim);
        if (is_done && is_done(self))
            return true;
        uint64_t next = next_event(sim);
        if (next > end_ns) {
            if (sim->clock.now_ns < end_ns)
                sim->clock.now_ns = end_ns;
            return false;
        }
        /* A perfect network takes no time, but a turn must: otherwise two endpoints could exchange
         * packets forever at the same instant. */
        uint64_t least = sim->clock.now_ns + NS_PER_US;
        sim->clock.now_ns = next > least ? next : least;
    }
}

void sim_run(struct sim *sim, uint64_t duration_ns)
{
    sim_run_until(sim, NULL, NULL, duration_ns);
}
