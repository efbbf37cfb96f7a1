/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Keeps trains in the order in which they are due. */
#include "quic/udp_spread.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/deadlines.h"
#include "base/list.h"

enum {
    LONG_HEADER = 0x80,
    SHORT_ID_OFFSET = 1, /* where the connection ID is: RFC 9000, sections 17.2 and 17.3 */
    LONG_ID_OFFSET = 6,
    ID_BYTES = 8, /* only this much of an ID is used */
};

struct held {
    struct deadline due;
    struct sockaddr_storage local, remote;
    struct quic_datagram train; /* its pointers point into this struct */
    uint8_t data[];
};

struct udp_spread {
    uint64_t most_ns;
    uint64_t last_ns; /* when the newest train was added */
    struct deadlines due;
    struct held *first; /* taken out of `due` by udp_spread_first(); NULL: none */
    size_t count, bytes;
};

struct udp_spread *udp_spread_new(uint64_t most_ns)
{
    struct udp_spread *spread = calloc(1, sizeof *spread);
    if (spread)
        spread->most_ns = most_ns;
    return spread;
}

void udp_spread_free(struct udp_spread **owner)
{
    struct udp_spread *spread = *owner;
    *owner = NULL;
    if (!spread)
        return;
    while (udp_spread_first(spread, CLOCK_NEVER))
        udp_spread_drop(spread);
    deadlines_deinit(&spread->due);
    free(spread);
}

/* The delay of a train, computed from its connection ID: IDs are random and stay the same for most
 * of the life of a connection. A packet without an ID is not delayed. */
static uint64_t delay_of(const struct udp_spread *spread, const struct quic_datagram *train)
{
    uint64_t id;
    size_t offset = train->size && train->data[0] & LONG_HEADER ? LONG_ID_OFFSET : SHORT_ID_OFFSET;
    if (train->size < offset + ID_BYTES)
        return 0;
    memcpy(&id, train->data + offset, ID_BYTES);
    /* Mix all bits, because some stacks use a counter as ID. */
    id *= UINT64_C(0x9e3779b97f4a7c15);
    return (id ^ id >> 32) % (spread->most_ns + 1);
}

static struct held *copy_of(const struct quic_datagram *train)
{
    struct held *held = malloc(sizeof *held + train->size);
    if (!held)
        return NULL;
    held->due.place = 0;
    memcpy(held->data, train->data, train->size);
    memcpy(&held->local, train->local, train->local_size);
    memcpy(&held->remote, train->remote, train->remote_size);
    held->train = *train;
    held->train.data = held->data;
    held->train.local = (const struct sockaddr *)&held->local;
    held->train.remote = (const struct sockaddr *)&held->remote;
    return held;
}

int udp_spread_put(struct udp_spread *spread, uint64_t now_ns, const struct quic_datagram *train)
{
    if (spread->count == SPREAD_MAX_TRAINS || train->size > SPREAD_MAX_BYTES - spread->bytes)
        return MOQ_ERR_AGAIN;
    struct held *held = copy_of(train);
    if (!held || deadlines_add(&spread->due, &held->due)) {
        free(held);
        return MOQ_ERR_NOMEM;
    }
    /* No two trains have the same time, so that those of a connection keep their order. */
    spread->last_ns = now_ns > spread->last_ns ? now_ns : spread->last_ns + 1;
    deadlines_set(&spread->due, &held->due, spread->last_ns + delay_of(spread, train));
    spread->count++;
    spread->bytes += train->size;
    return 0;
}

const struct quic_datagram *udp_spread_first(struct udp_spread *spread, uint64_t now_ns)
{
    if (!spread->first) {
        struct deadline *due = deadlines_pop(&spread->due, now_ns);
        if (!due)
            return NULL;
        spread->first = container_of(due, struct held, due);
        deadlines_remove(&spread->due, due);
    }
    return &spread->first->train;
}

void udp_spread_drop(struct udp_spread *spread)
{
    struct held *held = spread->first;
    if (!held)
        return;
    spread->first = NULL;
    spread->count--;
    spread->bytes -= held->train.size;
    free(held);
}

uint64_t udp_spread_deadline(const struct udp_spread *spread)
{
    return deadlines_earliest(&spread->due);
}
