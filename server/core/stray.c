/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Packets that arrived at a worker other than the one that has their connection: if the kernel
 * cannot steer, because a client's address has changed; if it can, because it put packets of
 * several connections of one client into one train. They are copied into the mailbox of the right
 * worker. */
#include <stdlib.h>
#include <string.h>

#include "server/core/worker.h"

/* How much may wait in one mailbox. The rest is dropped, as by a full socket. */
enum { STRAYS_MAX = 1024, STRAYS_MAX_BYTES = 1 << 20 };

struct stray {
    struct post post;
    size_t listener; /* index of the listener, the same on every worker */
    struct quic_datagram packet;
    struct sockaddr_storage local, remote;
    uint8_t data[];
};

static void receive_stray(struct post *post, void *owner)
{
    struct stray *stray = container_of(post, struct stray, post);
    struct worker *worker = container_of(owner, struct worker, router);
    __atomic_sub_fetch(&worker->stray_count, 1, __ATOMIC_RELAXED);
    __atomic_sub_fetch(&worker->stray_bytes, (uint32_t)stray->packet.size, __ATOMIC_RELAXED);
    if (worker->listeners[stray->listener]) /* NULL: closed */
        moq_listener_receive(worker->listeners[stray->listener], &stray->packet);
    free(stray);
}

static struct stray *stray_new(const struct quic_datagram *packet)
{
    struct stray *stray = malloc(sizeof *stray + packet->size);
    if (!stray)
        return NULL;
    stray->post.run = receive_stray;
    stray->packet = *packet;
    memcpy(stray->data, packet->data, packet->size);
    memcpy(&stray->local, packet->local, packet->local_size);
    memcpy(&stray->remote, packet->remote, packet->remote_size);
    stray->packet.data = stray->data;
    stray->packet.local = (const struct sockaddr *)&stray->local;
    stray->packet.remote = (const struct sockaddr *)&stray->remote;
    stray->packet.is_forwarded = true;
    return stray;
}

/* Several workers may exceed the limit at the same time, each by one packet. */
static bool has_room_for_stray(const struct worker *worker)
{
    return __atomic_load_n(&worker->stray_count, __ATOMIC_RELAXED) < STRAYS_MAX &&
           __atomic_load_n(&worker->stray_bytes, __ATOMIC_RELAXED) < STRAYS_MAX_BYTES;
}

static size_t listener_number(const struct worker *worker, const struct moq_listener *listener)
{
    size_t number = 0;
    while (number < worker->listener_count && worker->listeners[number] != listener)
        number++;
    return number;
}

int stray_send(struct moq_listener *listener, uint8_t number, const struct quic_datagram *packet)
{
    const struct worker *from = moq_listener_user(listener);
    struct mailbox *mailbox = from->config.mailboxes[number];
    struct worker *to = container_of(mailbox->owner, struct worker, router);
    size_t index = listener_number(from, listener);
    if (index == from->listener_count || !has_room_for_stray(to)) /* the first: it is closing */
        return MOQ_ERR_BOUNDS;
    struct stray *stray = stray_new(packet);
    if (!stray)
        return MOQ_ERR_NOMEM;
    stray->listener = index;
    __atomic_add_fetch(&to->stray_count, 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&to->stray_bytes, (uint32_t)packet->size, __ATOMIC_RELAXED);
    mailbox_send(mailbox, &stray->post);
    return 0;
}
