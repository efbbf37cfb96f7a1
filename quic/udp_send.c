/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Sends datagrams: step 15 of a frame's walk. The trains of many connections are written into an
 * outbox one after the other, and one sendmmsg hands them to the kernel together. That saves a call
 * for each, and a receiver on this host is woken only once. A long train is sent at once. */
#include "quic/udp_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "quic/udp_message.h"

enum {
    OUTBOX_MESSAGES = 16,
    OUTBOX_BYTES = 64 << 10,           /* an outbox with this much in it is full */
    OUTBOX_TRAIN_MAX_BYTES = 16 << 10, /* a longer train is worth a call of its own */
};

struct udp_outbox {
    struct mmsghdr headers[OUTBOX_MESSAGES];
    struct udp_message messages[OUTBOX_MESSAGES];
    size_t first, count; /* messages; those before `first` have been sent */
    size_t used;         /* bytes used in `data`; the next train is written after them */
    uint8_t data[OUTBOX_BYTES + OUTBOX_TRAIN_MAX_BYTES + QUIC_TRAIN_MAX_BYTES];
};

struct udp_outbox *udp_outbox_new(void)
{
    return calloc(1, sizeof(struct udp_outbox));
}

void udp_outbox_free(struct udp_outbox **outbox)
{
    free(*outbox);
    *outbox = NULL;
}

static bool is_full(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK;
}

/* ---- The outbox ------------------------------------------------------------------------------ */

static void send_refused(struct udp_socket *self, struct udp_outbox *outbox)
{
    size_t i = outbox->first++;
    bool is_sent =
        udp_message_send_reduced(self, &outbox->headers[i].msg_hdr, &outbox->messages[i]);
    self->send_errors += !is_sent;
}

/* A message that the kernel rejects in every form is lost. QUIC treats that as packet loss. */
int udp_socket_flush(struct udp_socket *self)
{
    struct udp_outbox *outbox = self->outbox;
    while (outbox->first < outbox->count) {
        int sent = sendmmsg(self->fd, outbox->headers + outbox->first,
                            (unsigned)(outbox->count - outbox->first), 0);
        if (sent > 0) {
            udp_message_sent(self, &outbox->messages[outbox->first]);
            outbox->first += (size_t)sent;
        } else if (is_full()) {
            return MOQ_ERR_AGAIN;
        } else if (errno != EINTR) {
            send_refused(self, outbox);
        }
    }
    outbox->first = outbox->count = outbox->used = 0;
    return 0;
}

static bool is_outbox_full(const struct udp_outbox *outbox)
{
    return outbox->count == OUTBOX_MESSAGES || outbox->used >= OUTBOX_BYTES;
}

uint8_t *udp_socket_room(struct udp_socket *self)
{
    return self->outbox->data + self->outbox->used;
}

/* Adds `n` bytes of a train. Usually they are in the right place already. Returns 0 or
 * MOQ_ERR_AGAIN. */
static int put_into_outbox(struct udp_socket *self, const struct quic_datagram *train,
                           size_t offset, size_t n)
{
    struct udp_outbox *outbox = self->outbox;
    if (is_outbox_full(outbox) && udp_socket_flush(self) != 0)
        return MOQ_ERR_AGAIN;
    uint8_t *data = udp_socket_room(self);
    struct udp_message *message = &outbox->messages[outbox->count];
    if (data != train->data + offset)
        memmove(data, train->data + offset, n);
    udp_message_compose(self, train, data, n, &outbox->headers[outbox->count].msg_hdr, message);
    outbox->used += n;
    outbox->count++;
    /* Flushed now, so that the next train is written where it will be sent from. If the kernel has
     * no room, the next call returns MOQ_ERR_AGAIN. */
    if (is_outbox_full(outbox))
        udp_socket_flush(self);
    return 0;
}

static int send_at_once(struct udp_socket *self, const struct quic_datagram *train)
{
    struct udp_message message;
    struct msghdr header;
    if (udp_socket_flush(self) != 0)
        return MOQ_ERR_AGAIN;
    memset(&message, 0, sizeof message);
    udp_message_compose(self, train, train->data, train->size, &header, &message);
    while (sendmsg(self->fd, &header, 0) < 0) {
        if (is_full())
            return MOQ_ERR_AGAIN;
        if (errno == EINTR)
            continue;
        if (udp_message_send_reduced(self, &header, &message))
            return 0;
        self->send_errors++;
        return MOQ_ERR_IO;
    }
    udp_message_sent(self, &message);
    return 0;
}

int udp_socket_send(struct udp_socket *self, const struct quic_datagram *train)
{
    if (self->has_gso && train->size > OUTBOX_TRAIN_MAX_BYTES)
        return send_at_once(self, train);

    size_t step = self->has_gso ? train->size : train->segment_size;
    while (self->resume_offset < train->size) {
        size_t left = train->size - self->resume_offset;
        size_t n = left < step ? left : step;
        int rv = put_into_outbox(self, train, self->resume_offset, n);
        if (rv != 0)
            return rv;
        self->resume_offset += n;
    }
    self->resume_offset = 0;
    return 0;
}
