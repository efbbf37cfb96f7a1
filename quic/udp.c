/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The driver on libuv: steps 1, 11 and 15 of a frame's walk; the system calls are in udp_socket.c
 * and udp_send.c. Whatever happens in a round of the loop, the last thing before it sleeps is one
 * tick, one turn of the owner and one flush. */
#include "quic/udp.h"

#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "quic/gather.h"
#include "quic/udp_socket.h"
#include "quic/udp_spread.h"

/* About the number of packets to receive before the flush. A paced connection sends as much per
 * turn as is due in a millisecond, so a turn must not take longer than that. */
enum { PACKETS_PER_TURN = 256 };

/* Deadlines closer than this use a timer in nanoseconds. libuv's timers count in milliseconds and
 * round up. That is too coarse for a pacer that waits a tenth of a millisecond between two trains
 * of a large frame, but does not matter for a time-out of 25 ms. */
#define FINE_TIMER_NS (5 * NS_PER_MS)

struct quic_udp {
    uv_poll_t poll;
    uv_prepare_t prepare;
    uv_idle_t idle; /* while it is active, the loop does not sleep */
    uv_timer_t timer;
    uv_poll_t fine_poll; /* watches fine_fd */
    int fine_fd;         /* a timer in nanoseconds; -1: it could not be opened */
    struct udp_socket socket;
    struct udp_spread *spread; /* NULL: trains are not delayed */
    struct quic_endpoint *endpoint;
    struct gather gather;
    struct moq_clock *clock;
    void (*on_turn)(void *self);
    void *on_turn_self;
    size_t trains, packets; /* received in the current look */
    int batch;              /* trains to receive per call, so that they make about one turn */
    uint64_t timer_ns;      /* the time for which a timer is set */
    bool has_fired;         /* the timer of fine_fd, since it was set */
    uint8_t workers;
    bool is_gathering; /* as configured; `gather` knows whether it does so now */
    bool has_looked;   /* at the socket, in this turn */
    bool is_blocked;   /* the kernel has no room for packets */
    int poll_events;
    int open_handles;
    void (*on_closed)(void *user);
    void *on_closed_user;
};

static void set_clock(struct quic_udp *udp)
{
    udp->clock->now_ns = clock_monotonic_ns();
}

/* ---- The socket ------------------------------------------------------------------------------ */

static void on_poll(uv_poll_t *poll, int status, int events);

/* Sets the events for which the socket is polled, which may be none. */
static void set_poll(struct quic_udp *udp)
{
    int events =
        (gather_is_on(&udp->gather) ? 0 : UV_READABLE) | (udp->is_blocked ? UV_WRITABLE : 0);
    if (udp->poll_events == events)
        return;
    udp->poll_events = events;
    uv_poll_start(&udp->poll, events, on_poll);
}

static void set_blocked(struct quic_udp *udp, bool is_blocked)
{
    udp->is_blocked = is_blocked;
    set_poll(udp);
}

static int send_now(struct quic_udp *udp, const struct quic_datagram *train)
{
    int rv = udp_socket_send(&udp->socket, train);
    if (rv == MOQ_ERR_AGAIN)
        set_blocked(udp, true);
    return rv;
}

static int sink_send_train(void *self, const struct quic_datagram *train)
{
    struct quic_udp *udp = self;
    if (udp->spread)
        return udp_spread_put(udp->spread, udp->clock->now_ns, train);
    return send_now(udp, train);
}

/* Sends delayed trains that are due. Returns when the next one is due; CLOCK_NEVER: none is, or the
 * kernel has no room. */
static uint64_t send_due(struct quic_udp *udp, uint64_t until_ns)
{
    const struct quic_datagram *train;
    if (!udp->spread)
        return CLOCK_NEVER;
    while ((train = udp_spread_first(udp->spread, until_ns))) {
        if (send_now(udp, train) == MOQ_ERR_AGAIN)
            return CLOCK_NEVER;
        udp_spread_drop(udp->spread);
    }
    quic_endpoint_writable(udp->endpoint); /* it may have been told that too much waits */
    return udp_spread_deadline(udp->spread);
}

static uint8_t *sink_train_room(void *self)
{
    struct quic_udp *udp = self;
    return udp_socket_room(&udp->socket);
}

/* Sends what is in the outbox. If the kernel has no room, the rest is sent when the socket is
 * writable. */
static bool empty_outbox(struct quic_udp *udp)
{
    bool is_empty = udp_socket_flush(&udp->socket) == 0;
    if (!is_empty)
        set_blocked(udp, true);
    return is_empty;
}

static void on_datagram(void *self, const struct quic_datagram *datagram)
{
    struct quic_udp *udp = self;
    size_t segment = datagram->segment_size ? datagram->segment_size : 1;
    udp->trains++;
    udp->packets += datagram->size / segment + (datagram->size % segment != 0);
    quic_endpoint_receive(udp->endpoint, datagram);
}

static size_t cost_of_look(const struct quic_udp *udp)
{
    return udp->trains + udp->packets;
}

/* Receives once. Returns whether there may be more. */
static bool receive_batch(struct quic_udp *udp)
{
    size_t before = cost_of_look(udp);
    int asked = udp->batch;
    int count = udp_socket_receive(&udp->socket, asked, on_datagram, udp);
    if (count <= 0)
        return false;
    size_t fitting = PACKETS_PER_TURN * (size_t)count / (cost_of_look(udp) - before);
    udp->batch = fitting < UDP_BATCH ? (int)fitting : UDP_BATCH;
    if (udp->batch == 0)
        udp->batch = 1;
    return count == asked;
}

/* Receives what has arrived, up to a bound, so that a flood of datagrams does not delay what is
 * ready to be sent. The bound counts packets, because one train may have dozens. */
static void look_at_socket(struct quic_udp *udp)
{
    udp->trains = udp->packets = 0;
    while (cost_of_look(udp) < PACKETS_PER_TURN && receive_batch(udp))
        ;
    if (!udp->is_gathering)
        return;
    gather_note(&udp->gather, udp->clock->now_ns, udp->packets, udp->trains);
    udp->has_looked = true;
    set_poll(udp);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct quic_udp *udp = poll->data;
    set_clock(udp);
    if (status < 0) {
        log_warn(LOG_QUIC, "cannot poll the UDP socket: %s", uv_strerror(status));
        return;
    }
    if (events & UV_WRITABLE) {
        set_blocked(udp, false);
        if (empty_outbox(udp))
            quic_endpoint_writable(udp->endpoint);
    }
    if (events & UV_READABLE)
        look_at_socket(udp);
}

/* ---- The turn -------------------------------------------------------------------------------- */

static void on_idle(uv_idle_t *idle)
{
    (void)idle; /* an active idle handle keeps the loop awake; on_prepare does the work */
}

/* Reads the socket if gathering says that it is time. This is done here and not in on_prepare,
 * because other sockets of the loop may have been flushed by then, and what arrives may be for
 * them. */
static void look_if_due(struct quic_udp *udp)
{
    set_clock(udp);
    if (udp->clock->now_ns >= gather_next_ns(&udp->gather))
        look_at_socket(udp);
}

static void on_timer(uv_timer_t *timer)
{
    struct quic_udp *udp = timer->data;
    udp->timer_ns = CLOCK_NEVER;
    look_if_due(udp);
}

static void on_fine_timer(uv_poll_t *poll, int status, int events)
{
    struct quic_udp *udp = poll->data;
    (void)status, (void)events;
    udp->timer_ns = CLOCK_NEVER;
    udp->has_fired = true;
    look_if_due(udp);
}

/* Reads the timer's descriptor, which stays readable after the timer has gone off until it is read
 * or set again. */
static void calm_fine_timer(struct quic_udp *udp)
{
    uint64_t expirations;
    if (udp->has_fired)
        (void)!read(udp->fine_fd, &expirations, sizeof expirations);
    udp->has_fired = false;
}

static bool set_fine_timer(struct quic_udp *udp, uint64_t when_ns)
{
    const struct itimerspec when = {.it_value.tv_sec = (time_t)(when_ns / NS_PER_S),
                                    .it_value.tv_nsec = (long)(when_ns % NS_PER_S)};
    if (udp->fine_fd < 0 || timerfd_settime(udp->fine_fd, TFD_TIMER_ABSTIME, &when, NULL) != 0)
        return false;
    udp->has_fired = false;
    return true;
}

/* Sets one of the two timers. The other one may still go off, which only causes a turn with nothing
 * to do. */
static void set_timer(struct quic_udp *udp, uint64_t when_ns)
{
    if (when_ns == udp->timer_ns)
        return;
    udp->timer_ns = when_ns;
    if (when_ns == CLOCK_NEVER) {
        uv_timer_stop(&udp->timer);
        return;
    }
    uint64_t now_ns = udp->clock->now_ns;
    if (when_ns > now_ns && when_ns - now_ns < FINE_TIMER_NS && set_fine_timer(udp, when_ns))
        return;
    uint64_t wait_ms = when_ns > now_ns ? (when_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS : 0;
    uv_update_time(udp->timer.loop);
    uv_timer_start(&udp->timer, on_timer, wait_ms, 0);
}

static uint64_t earlier_of(uint64_t a_ns, uint64_t b_ns)
{
    return a_ns < b_ns ? a_ns : b_ns;
}

static uint64_t next_look_ns(struct quic_udp *udp)
{
    if (udp->has_looked && gather_is_on(&udp->gather))
        gather_sleep(&udp->gather, clock_monotonic_ns());
    udp->has_looked = false;
    return gather_next_ns(&udp->gather);
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct quic_udp *udp = prepare->data;
    uv_idle_stop(&udp->idle);
    set_clock(udp);
    quic_endpoint_tick(udp->endpoint);
    if (udp->on_turn)
        udp->on_turn(udp->on_turn_self);
    if (!udp->endpoint) /* the owner has closed it */
        return;
    quic_endpoint_flush(udp->endpoint);
    uint64_t send_ns = send_due(udp, udp->clock->now_ns);
    empty_outbox(udp);
    if (quic_endpoint_has_work(udp->endpoint))
        uv_idle_start(&udp->idle, on_idle);
    uint64_t look_ns = next_look_ns(udp);
    uint64_t tick_ns = quic_endpoint_deadline(udp->endpoint);
    set_timer(udp, earlier_of(tick_ns, earlier_of(send_ns, look_ns)));
    calm_fine_timer(udp);
}

/* ---- Life ------------------------------------------------------------------------------------ */

static void on_handle_closed(uv_handle_t *handle)
{
    struct quic_udp *udp = handle->data;
    if (--udp->open_handles > 0)
        return;
    udp_socket_close(&udp->socket);
    udp_spread_free(&udp->spread);
    if (udp->fine_fd >= 0)
        close(udp->fine_fd);
    if (udp->on_closed)
        udp->on_closed(udp->on_closed_user);
    free(udp);
}

/* Opens the timer in nanoseconds. Without it deadlines are up to a millisecond late. */
static void start_fine_timer(struct quic_udp *udp, uv_loop_t *loop)
{
    udp->fine_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (udp->fine_fd < 0)
        return;
    if (uv_poll_init(loop, &udp->fine_poll, udp->fine_fd) != 0) {
        close(udp->fine_fd);
        udp->fine_fd = -1;
        return;
    }
    udp->fine_poll.data = udp;
    udp->open_handles++;
    uv_poll_start(&udp->fine_poll, UV_READABLE, on_fine_timer);
}

static int start_handles(struct quic_udp *udp, uv_loop_t *loop)
{
    int rv = uv_poll_init(loop, &udp->poll, udp->socket.fd);
    if (rv != 0)
        return MOQ_ERR_IO;
    uv_prepare_init(loop, &udp->prepare);
    uv_idle_init(loop, &udp->idle);
    uv_timer_init(loop, &udp->timer);
    udp->poll.data = udp->prepare.data = udp->idle.data = udp->timer.data = udp;
    udp->open_handles = 4;
    start_fine_timer(udp, loop);
    udp->is_gathering &= udp->fine_fd >= 0;
    set_poll(udp);
    uv_prepare_start(&udp->prepare, on_prepare);
    return 0;
}

static int start_endpoint(struct quic_udp *udp, const struct quic_udp_config *config)
{
    struct quic_endpoint_config full = config->endpoint;
    if (config->send_spread_ns && !(udp->spread = udp_spread_new(config->send_spread_ns)))
        return MOQ_ERR_NOMEM;
    full.clock = config->clock;
    full.sink =
        (struct quic_sink){.send = sink_send_train,
                           .room = udp->spread ? NULL : sink_train_room,
                           .self = udp,
                           .max_train_packets = udp->socket.has_gso ? UDP_TRAIN_MAX_PACKETS : 1};
    udp->endpoint = quic_endpoint_new(&full);
    return udp->endpoint ? 0 : MOQ_ERR_NOMEM;
}

int quic_udp_open(struct quic_udp **out, const struct quic_udp_config *config)
{
    const struct udp_socket_config socket_config = {.address = config->address,
                                                    .address_size = config->address_size,
                                                    .is_shared = config->is_reuse_port,
                                                    .is_joining = config->is_reuse_port &&
                                                                  config->endpoint.worker > 0,
                                                    .is_gso_disabled = config->is_gso_disabled};
    struct quic_udp *udp = calloc(1, sizeof *udp);
    *out = NULL;
    if (!udp)
        return MOQ_ERR_NOMEM;
    udp->clock = config->clock;
    udp->on_turn = config->on_turn;
    udp->on_turn_self = config->on_turn_self;
    udp->timer_ns = CLOCK_NEVER;
    udp->batch = UDP_BATCH;
    udp->is_gathering = config->is_gathering;
    gather_init(&udp->gather);
    udp->workers = config->endpoint.workers;
    set_clock(udp);

    int rv = udp_socket_open(&udp->socket, &socket_config);
    if (rv == 0)
        rv = start_endpoint(udp, config);
    if (rv == 0)
        rv = start_handles(udp, config->loop);
    if (rv != 0) {
        quic_endpoint_free(&udp->endpoint);
        udp_socket_close(&udp->socket);
        udp_spread_free(&udp->spread);
        free(udp);
        return rv;
    }
    *out = udp;
    return 0;
}

struct quic_endpoint *quic_udp_endpoint(struct quic_udp *udp)
{
    return udp->endpoint;
}

int quic_udp_address(const struct quic_udp *udp, struct sockaddr_storage *out, socklen_t *size)
{
    *out = udp->socket.address;
    *size = udp->socket.address_size;
    return 0;
}

int quic_udp_steer(struct quic_udp *udp)
{
    int rv = udp_socket_steer(&udp->socket, udp->workers);
    quic_endpoint_set_steered(udp->endpoint, rv == 0);
    return rv;
}

void quic_udp_wake(struct quic_udp *udp)
{
    if (udp->endpoint)
        uv_idle_start(&udp->idle, on_idle);
}

void quic_udp_close(struct quic_udp *udp, void (*on_closed)(void *user), void *user)
{
    udp->on_closed = on_closed;
    udp->on_closed_user = user;
    send_due(udp, CLOCK_NEVER);
    quic_endpoint_free(&udp->endpoint);
    udp_socket_flush(&udp->socket);
    uv_poll_stop(&udp->poll);
    uv_close((uv_handle_t *)&udp->poll, on_handle_closed);
    uv_close((uv_handle_t *)&udp->prepare, on_handle_closed);
    uv_close((uv_handle_t *)&udp->idle, on_handle_closed);
    uv_close((uv_handle_t *)&udp->timer, on_handle_closed);
    if (udp->fine_fd >= 0)
        uv_close((uv_handle_t *)&udp->fine_poll, on_handle_closed);
}
