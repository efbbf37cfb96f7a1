/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The way out of a socket: which trains wait for others, and what becomes of them when the kernel
 * has no room or refuses. The linker leads sendmmsg and sendmsg here (--wrap). */
#include "tests/unit/prologue.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"
#include "quic/udp_message.h"
#include "quic/udp_socket.h"

enum {
    PACKET_BYTES = 1200,
    LONG_TRAIN_BYTES = 20 * PACKET_BYTES,
    SENT_MAX = 256,
    CONTROL_SEGMENT = 103
};

/* ---- The kernel ------------------------------------------------------------------------------ */

/* What it got, one entry per message. */
static struct {
    uint8_t mark[SENT_MAX]; /* of every byte */
    const void *from[SENT_MAX];
    size_t size[SENT_MAX];
    bool is_train[SENT_MAX];
    unsigned parts[SENT_MAX]; /* UDP_PART_... that it came with */
    size_t count, calls;
    size_t room;            /* messages that it still takes */
    unsigned refused_parts; /* a message with one of them fails, 0: none does */
    bool refuses_all;
    int refusal;     /* by this errno */
    bool interrupts; /* the next call */
} kernel;

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);

static unsigned part_of(const struct cmsghdr *control)
{
    if (control->cmsg_level == IPPROTO_UDP && control->cmsg_type == CONTROL_SEGMENT)
        return UDP_PART_TRAIN;
    if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_TCLASS)
        return UDP_PART_ECN;
    assert_int_equal(control->cmsg_level, IPPROTO_IPV6);
    assert_int_equal(control->cmsg_type, IPV6_PKTINFO);
    return UDP_PART_LOCAL;
}

static int take(const struct msghdr *message)
{
    const struct cmsghdr *control = CMSG_FIRSTHDR(message);
    unsigned parts = 0;
    for (; control; control = CMSG_NXTHDR((struct msghdr *)(uintptr_t)message,
                                          (struct cmsghdr *)(uintptr_t)control))
        parts |= part_of(control);
    if (kernel.interrupts) {
        kernel.interrupts = false;
        return EINTR;
    }
    if ((parts & kernel.refused_parts) || kernel.refuses_all)
        return kernel.refusal;
    if (kernel.room == 0)
        return EAGAIN;
    assert_true(kernel.count < SENT_MAX);
    kernel.room--;
    const uint8_t *data = message->msg_iov->iov_base;
    for (size_t i = 1; i < message->msg_iov->iov_len; i++)
        assert_int_equal(data[i], data[0]);
    kernel.mark[kernel.count] = data[0];
    kernel.from[kernel.count] = data;
    kernel.size[kernel.count] = message->msg_iov->iov_len;
    kernel.parts[kernel.count] = parts;
    kernel.is_train[kernel.count++] = (parts & UDP_PART_TRAIN) != 0;
    return 0;
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
    (void)fd, (void)flags;
    kernel.calls++;
    errno = take(message);
    return errno ? -1 : (ssize_t)message->msg_iov->iov_len;
}

int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    int sent = 0;
    (void)fd, (void)flags;
    kernel.calls++;
    for (errno = 0; errno == 0 && (unsigned)sent < count; sent += errno == 0)
        errno = take(&messages[sent].msg_hdr);
    return sent > 0 ? sent : -1;
}

/* ---- Sending --------------------------------------------------------------------------------- */

static const struct sockaddr_in6 any = {.sin6_family = AF_INET6};
static const struct sockaddr_in6 there = {
    .sin6_family = AF_INET6, .sin6_port = 1, .sin6_addr = {{{[15] = 1}}}};
static uint8_t bytes[LONG_TRAIN_BYTES];
static const void *rooms[SENT_MAX];

static void begin(struct udp_socket *socket, bool is_gso_disabled)
{
    const struct udp_socket_config config = {.address = (const struct sockaddr *)&any,
                                             .address_size = sizeof any,
                                             .is_gso_disabled = is_gso_disabled};
    memset(&kernel, 0, sizeof kernel);
    kernel.room = SENT_MAX;
    assert_int_equal(udp_socket_open(socket, &config), 0);
    assert_int_equal(socket->has_gso, !is_gso_disabled);
}

static int send_from(struct udp_socket *socket, uint8_t *data, uint8_t mark, size_t size)
{
    const struct quic_datagram train = {.data = data,
                                        .size = size,
                                        .segment_size = PACKET_BYTES,
                                        .local = (const struct sockaddr *)&any,
                                        .local_size = sizeof any,
                                        .remote = (const struct sockaddr *)&there,
                                        .remote_size = sizeof there};
    memset(data, mark, size);
    return udp_socket_send(socket, &train);
}

/* With an address to send from and an ECN mark. */
static int send_full(struct udp_socket *socket, uint8_t mark, size_t size)
{
    const struct quic_datagram train = {.data = bytes,
                                        .size = size,
                                        .segment_size = PACKET_BYTES,
                                        .local = (const struct sockaddr *)&there,
                                        .local_size = sizeof there,
                                        .remote = (const struct sockaddr *)&there,
                                        .remote_size = sizeof there,
                                        .ecn = 2};
    memset(bytes, mark, size);
    return udp_socket_send(socket, &train);
}

static int send_train(struct udp_socket *socket, uint8_t mark, size_t size)
{
    return send_from(socket, bytes, mark, size);
}

static void assert_sent(const char *marks)
{
    assert_int_equal(kernel.count, strlen(marks));
    assert_memory_equal(kernel.mark, marks, kernel.count);
    kernel.count = 0;
}

static void trains_wait_for_others_and_go_in_order(void **state)
{
    struct udp_socket socket;
    (void)state;
    begin(&socket, false);
    for (uint8_t mark = 'a'; mark < 'e'; mark++)
        assert_int_equal(send_train(&socket, mark, 3 * PACKET_BYTES), 0);
    assert_int_equal(kernel.calls, 0);
    assert_int_equal(udp_socket_flush(&socket), 0);
    assert_int_equal(kernel.calls, 1);
    assert_true(kernel.is_train[0]);
    assert_int_equal(kernel.size[0], 3 * PACKET_BYTES);
    assert_sent("abcd");
    assert_int_equal(udp_socket_flush(&socket), 0);
    assert_sent("");
    udp_socket_close(&socket);
}

static void a_full_outbox_goes_by_itself(void **state)
{
    struct udp_socket socket;
    (void)state;
    begin(&socket, false);
    for (uint8_t mark = 'a'; mark <= 'p'; mark++) /* as many as fit by number */
        assert_int_equal(send_train(&socket, mark, PACKET_BYTES), 0);
    assert_sent("abcdefghijklmnop");
    for (uint8_t mark = 'q'; mark <= 'u'; mark++) /* and by bytes */
        assert_int_equal(send_train(&socket, mark, 13 * PACKET_BYTES), 0);
    assert_sent("qrstu");
    assert_int_equal(udp_socket_flush(&socket), 0);
    assert_sent("");
    udp_socket_close(&socket);
}

static void what_is_written_into_the_room_is_not_copied(void **state)
{
    struct udp_socket socket;
    (void)state;
    begin(&socket, false);
    for (uint8_t mark = 'a'; mark <= 't'; mark++) {
        uint8_t *room = udp_socket_room(&socket);
        assert_ptr_equal(udp_socket_room(&socket), room);
        assert_int_equal(send_from(&socket, room, mark, mark == 'r' ? LONG_TRAIN_BYTES : 99), 0);
        rooms[mark - 'a'] = room;
    }
    assert_int_equal(udp_socket_flush(&socket), 0);
    assert_memory_equal(kernel.from, rooms, 20 * sizeof rooms[0]);
    assert_sent("abcdefghijklmnopqrst");
    udp_socket_close(&socket);
}

/* Nothing is written over a train that the kernel has no room for, nor does it write over others.
 */
static void what_waits_in_the_room_stays_whole(void **state)
{
    struct udp_socket socket;
    (void)state;
    begin(&socket, false);
    kernel.room = 0;
    for (uint8_t mark = 'a'; mark <= 'p'; mark++)
        assert_int_equal(send_from(&socket, udp_socket_room(&socket), mark, PACKET_BYTES), 0);
    uint8_t *room = udp_socket_room(&socket);
    assert_int_equal(send_from(&socket, room, 'q', 3 * PACKET_BYTES), MOQ_ERR_AGAIN);
    kernel.room = 1;
    assert_int_equal(send_from(&socket, room, 'q', 3 * PACKET_BYTES), MOQ_ERR_AGAIN);
    assert_ptr_equal(udp_socket_room(&socket), room);
    kernel.room = SENT_MAX;
    assert_int_equal(send_from(&socket, room, 'q', 3 * PACKET_BYTES), 0);
    assert_int_equal(udp_socket_flush(&socket), 0);
    assert_sent("abcdefghijklmnopq");
    udp_socket_close(&socket);
}

static void a_long_train_goes_at_once_behind_those_that_wait(void **state)
{
    struct udp_socket socket;
    (void)state;
    begin(&socket, false);
    assert_int_equal(send_train(&socket, 'a', PACKET_BYTES), 0);
    assert_int_equal(send_train(&socket, 'b', LONG_TRAIN_BYTES), 0);
    assert_int_equal(kernel.size[1], LONG_TRAIN_BYTES);
    assert_sent("ab");
    udp_socket_close(&socket);
}

static void without_room_everything_waits_and_nothing_is_lost(void **state)
{
    struct udp_socket socket;
    (void)state;
    begin(&socket, false);
    kernel.room = 2;
    for (uint8_t mark = 'a'; mark <= 'e'; mark++)
        assert_int_equal(send_train(&socket, mark, PACKET_BYTES), 0);
    assert_int_equal(udp_socket_flush(&socket), MOQ_ERR_AGAIN);
    assert_sent("ab");
    assert_int_equal(send_train(&socket, 'f', LONG_TRAIN_BYTES), MOQ_ERR_AGAIN);
    for (uint8_t mark = 'f'; mark <= 'p'; mark++)
        assert_int_equal(send_train(&socket, mark, PACKET_BYTES), 0);
    assert_int_equal(send_train(&socket, 'q', PACKET_BYTES),
                     MOQ_ERR_AGAIN); /* the outbox is full */
    kernel.room = SENT_MAX;
    kernel.interrupts = true;
    assert_int_equal(send_train(&socket, 'q', PACKET_BYTES), 0);
    assert_sent("cdefghijklmnop");
    assert_int_equal(udp_socket_flush(&socket), 0);
    assert_sent("q");
    udp_socket_close(&socket);
}

static void a_refused_train_goes_packet_by_packet(void **state)
{
    struct udp_socket socket;
    (void)state;
    begin(&socket, false);
    kernel.refused_parts = UDP_PART_TRAIN;
    kernel.refusal = EIO;
    assert_int_equal(send_train(&socket, 'a', PACKET_BYTES), 0);
    assert_int_equal(send_train(&socket, 'b', 2 * PACKET_BYTES), 0);
    assert_int_equal(send_train(&socket, 'c', PACKET_BYTES), 0);
    assert_int_equal(udp_socket_flush(&socket), 0);
    assert_sent("abbc");
    assert_int_equal(socket.send_errors, 0);
    assert_false(socket.has_gso);
    assert_int_equal(send_train(&socket, 'd', 2 * PACKET_BYTES + 1),
                     0); /* without asking from here on */
    assert_int_equal(udp_socket_flush(&socket), 0);
    assert_int_equal(kernel.size[2], 1);
    assert_sent("ddd");
    udp_socket_close(&socket);
}

static void a_refusal_that_is_no_matter_of_trains_leaves_them_alone(void **state)
{
    struct udp_socket socket;
    (void)state;
    begin(&socket, false);
    kernel.refused_parts = UDP_PART_TRAIN;
    kernel.refusal = ENETUNREACH;
    assert_int_equal(send_train(&socket, 'a', 2 * PACKET_BYTES), 0);
    assert_int_equal(send_train(&socket, 'b', LONG_TRAIN_BYTES), MOQ_ERR_IO);
    assert_int_equal(socket.send_errors, 2);
    assert_true(socket.has_gso);
    assert_sent("");
    udp_socket_close(&socket);
}

static void only_the_part_that_is_refused_is_left_out(void **state)
{
    static const unsigned all = UDP_PART_LOCAL | UDP_PART_ECN | UDP_PART_TRAIN;
    static const unsigned refused[] = {UDP_PART_ECN, UDP_PART_LOCAL, UDP_PART_ECN | UDP_PART_LOCAL};
    static const size_t sizes[] = {3 * PACKET_BYTES, LONG_TRAIN_BYTES}; /* in the outbox, at once */
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < 2; k++) {
            struct udp_socket socket;
            begin(&socket, false);
            kernel.refused_parts = refused[i];
            kernel.refusal = EINVAL;

            assert_int_equal(send_full(&socket, 'a', sizes[k]), 0);
            assert_int_equal(udp_socket_flush(&socket), 0);

            assert_int_equal(kernel.parts[0], all & ~refused[i]);
            assert_int_equal(kernel.size[0], sizes[k]);
            assert_sent("a");
            assert_int_equal(socket.send_errors, 0);
            assert_true(socket.has_gso);
            udp_socket_close(&socket);
        }
    }
}

static void ecn_marks_that_were_refused_are_not_tried_again(void **state)
{
    struct udp_socket socket;
    (void)state;
    begin(&socket, false);
    kernel.refused_parts = UDP_PART_ECN;
    kernel.refusal = EINVAL;
    assert_int_equal(send_full(&socket, 'a', PACKET_BYTES), 0);
    assert_int_equal(udp_socket_flush(&socket), 0);
    kernel.calls = 0;

    assert_int_equal(send_full(&socket, 'b', PACKET_BYTES), 0);
    assert_int_equal(udp_socket_flush(&socket), 0);

    assert_int_equal(kernel.calls, 1);
    assert_int_equal(kernel.parts[1], UDP_PART_LOCAL);
    assert_sent("ab");
    udp_socket_close(&socket);
}

/* As iptables does in OUTPUT: always, so it is the marks. */
static void a_firewall_may_refuse_marks_but_is_not_asked_about_trains(void **state)
{
    struct udp_socket socket;
    (void)state;
    begin(&socket, false);
    kernel.refused_parts = UDP_PART_ECN;
    kernel.refusal = EPERM;
    for (int i = 0; i < 8; i++) {
        assert_int_equal(socket.refused_parts, 0);
        assert_int_equal(send_full(&socket, 'a', 3 * PACKET_BYTES), 0);
        assert_int_equal(udp_socket_flush(&socket), 0);
        assert_int_equal(kernel.parts[i], UDP_PART_LOCAL | UDP_PART_TRAIN);
    }
    assert_sent("aaaaaaaa");
    assert_int_equal(socket.refused_parts, UDP_PART_ECN);

    kernel.refused_parts = UDP_PART_TRAIN;
    assert_int_equal(send_full(&socket, 'b', 3 * PACKET_BYTES), 0);
    assert_int_equal(udp_socket_flush(&socket), 0);
    assert_sent("");
    assert_int_equal(socket.send_errors, 1);
    assert_int_equal(socket.refused_parts, UDP_PART_ECN);
    udp_socket_close(&socket);
}

/* It drops some packets and lets others pass, with marks or without. */
static void what_a_firewall_drops_by_chance_says_nothing_of_marks(void **state)
{
    struct udp_socket socket;
    (void)state;
    for (size_t size = PACKET_BYTES; size <= LONG_TRAIN_BYTES;
         size += LONG_TRAIN_BYTES - PACKET_BYTES) {
        begin(&socket, false);
        kernel.refusal = EPERM;
        for (int i = 0; i < 100; i++) {
            kernel.refused_parts = i % 5 ? UDP_PART_ECN : 0;
            assert_int_equal(send_full(&socket, 'a', size), 0);
            assert_int_equal(udp_socket_flush(&socket), 0);
        }
        assert_int_equal(kernel.count, 100);
        assert_int_equal(socket.send_errors, 0);
        assert_int_equal(socket.refused_parts, 0);
        udp_socket_close(&socket);
    }
}

/* A socket of all addresses: one of them may be gone, the others are not. */
static void an_address_that_is_refused_says_nothing_of_others(void **state)
{
    struct udp_socket socket;
    (void)state;
    begin(&socket, false);
    kernel.refused_parts = UDP_PART_LOCAL;
    kernel.refusal = EINVAL;
    assert_int_equal(send_full(&socket, 'a', PACKET_BYTES), 0);
    assert_int_equal(udp_socket_flush(&socket), 0);
    kernel.refused_parts = 0;

    assert_int_equal(send_full(&socket, 'b', PACKET_BYTES), 0);
    assert_int_equal(udp_socket_flush(&socket), 0);

    assert_int_equal(kernel.parts[1], UDP_PART_LOCAL | UDP_PART_ECN);
    assert_sent("ab");
    udp_socket_close(&socket);
}

static void what_is_refused_in_every_form_is_dropped_and_changes_nothing(void **state)
{
    struct udp_socket socket;
    (void)state;
    begin(&socket, false);
    kernel.refuses_all = true;
    kernel.refusal = EINVAL;
    assert_int_equal(send_full(&socket, 'a', 3 * PACKET_BYTES), 0);
    assert_int_equal(send_full(&socket, 'b', LONG_TRAIN_BYTES), MOQ_ERR_IO);
    assert_int_equal(socket.send_errors, 2);
    assert_true(socket.has_gso);
    assert_int_equal(socket.refused_parts, 0);
    assert_sent("");
    udp_socket_close(&socket);
}

/* More packets than the outbox holds: what is in it already is not put there twice. */
static void without_gso_a_train_goes_on_where_it_stopped(void **state)
{
    struct udp_socket socket;
    (void)state;
    begin(&socket, true);
    kernel.room = 0;
    assert_int_equal(send_train(&socket, 'a', LONG_TRAIN_BYTES), MOQ_ERR_AGAIN);
    kernel.room = SENT_MAX;
    assert_int_equal(send_train(&socket, 'a', LONG_TRAIN_BYTES), 0);
    assert_int_equal(udp_socket_flush(&socket), 0);
    assert_sent("aaaaaaaaaaaaaaaaaaaa");
    udp_socket_close(&socket);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trains_wait_for_others_and_go_in_order),
        cmocka_unit_test(a_full_outbox_goes_by_itself),
        cmocka_unit_test(what_is_written_into_the_room_is_not_copied),
        cmocka_unit_test(what_waits_in_the_room_stays_whole),
        cmocka_unit_test(a_long_train_goes_at_once_behind_those_that_wait),
        cmocka_unit_test(without_room_everything_waits_and_nothing_is_lost),
        cmocka_unit_test(a_refused_train_goes_packet_by_packet),
        cmocka_unit_test(only_the_part_that_is_refused_is_left_out),
        cmocka_unit_test(ecn_marks_that_were_refused_are_not_tried_again),
        cmocka_unit_test(a_firewall_may_refuse_marks_but_is_not_asked_about_trains),
        cmocka_unit_test(what_a_firewall_drops_by_chance_says_nothing_of_marks),
        cmocka_unit_test(an_address_that_is_refused_says_nothing_of_others),
        cmocka_unit_test(what_is_refused_in_every_form_is_dropped_and_changes_nothing),
        cmocka_unit_test(a_refusal_that_is_no_matter_of_trains_leaves_them_alone),
        cmocka_unit_test(without_gso_a_train_goes_on_where_it_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
