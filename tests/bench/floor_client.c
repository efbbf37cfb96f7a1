/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The floor's viewers: our own quic/, so that the floor is acknowledged as the relay is. They count
 * bytes and say when to look at the floor, as moq-bench does. A feeder, if there is one, is one
 * more connection, with a stream that never ends. */
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "quic/udp.h"
#include "tests/bench/floor.h"
#include "base/clock.h"

enum { ARRIVAL_MS = 5, START_TIMEOUT_MS = 30000, FEED_PIECE_BYTES = 256 << 10 };

struct viewers {
    const struct floor_options *options;
    struct moq_clock clock;
    struct quic_udp *udp;
    struct quic_tls *tls;
    uv_timer_t arrival_timer, stage_timer;
    unsigned opened, watching;
    uint64_t bytes, cpu_us, measured_from_ns;
    bool *has_bytes; /* of each */
};

static uint64_t cpu_us(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void say(const char *word)
{
    puts(word);
    fflush(stdout);
}

static void die(const char *why)
{
    fprintf(stderr, "floor: view: %s\n", why);
    exit(1);
}

/* ---- Stages ---------------------------------------------------------------------------------- */

static void on_measured(uv_timer_t *timer)
{
    const struct viewers *viewers = timer->data;
    uint64_t wall_us = (clock_monotonic_ns() - viewers->measured_from_ns) / 1000;
    say("measured");
    printf("{\"delivered\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"seconds\":%.3f"
           ",\"generator_cpu\":%.3f}\n",
           viewers->bytes / viewers->options->size, viewers->bytes, (double)wall_us / 1e6,
           (double)(cpu_us() - viewers->cpu_us) / (double)wall_us);
    fflush(stdout);
    exit(0);
}

static void on_warm(uv_timer_t *timer)
{
    struct viewers *viewers = timer->data;
    viewers->bytes = 0;
    viewers->cpu_us = cpu_us();
    viewers->measured_from_ns = clock_monotonic_ns();
    say("measuring");
    uv_timer_start(timer, on_measured, viewers->options->measure_ms, 0);
}

static void on_late(uv_timer_t *timer)
{
    (void)timer;
    die("not all viewers have received something in time");
}

/* ---- What quic/ calls ------------------------------------------------------------------------ */

static bool is_feeder(const struct quic_conn *conn)
{
    const struct viewers *viewers = quic_conn_user(conn);
    return quic_conn_number(conn) > viewers->options->viewers;
}

static void on_connected(struct quic_conn *conn)
{
    if (is_feeder(conn))
        quic_stream_wake(quic_conn_open(conn, false, quic_conn_user(conn)));
}

static void *on_stream(struct quic_conn *conn, struct quic_stream *stream, bool is_bidi)
{
    (void)stream, (void)is_bidi;
    return quic_conn_user(conn);
}

static void on_data(struct quic_stream *stream, const uint8_t *data, size_t n, bool is_end)
{
    struct viewers *viewers = quic_stream_user(stream);
    (void)data, (void)is_end;
    bool *has_bytes = &viewers->has_bytes[quic_conn_number(quic_stream_conn(stream)) - 1];
    viewers->bytes += n;
    if (*has_bytes || n == 0)
        return;
    *has_bytes = true;
    if (++viewers->watching == viewers->options->viewers)
        uv_timer_start(&viewers->stage_timer, on_warm, viewers->options->warm_up_ms, 0);
}

static void on_code(struct quic_stream *stream, uint32_t code)
{
    (void)stream, (void)code;
}

static size_t on_pull(struct quic_stream *stream, struct iovec *vec, size_t max, bool *is_end)
{
    static uint8_t piece[FEED_PIECE_BYTES];
    (void)is_end;
    if (max == 0 || !is_feeder(quic_stream_conn(stream)))
        return 0;
    vec[0] = (struct iovec){piece, sizeof piece};
    return 1;
}

static void on_sent(struct quic_stream *stream, size_t n, bool is_end)
{
    (void)n, (void)is_end;
    quic_stream_wake(stream);
}

static void on_acked(struct quic_stream *stream, uint64_t offset)
{
    (void)stream, (void)offset;
}

static void on_stream_closed(struct quic_stream *stream)
{
    (void)stream;
}

static void on_credit(struct quic_conn *conn, bool is_bidi)
{
    (void)conn, (void)is_bidi;
}

static void on_closed(struct quic_conn *conn, const struct quic_close *why)
{
    (void)conn;
    die(why->reason);
}

/* ---- The beginning --------------------------------------------------------------------------- */

static struct sockaddr_in loopback(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static void on_arrival(uv_timer_t *timer)
{
    struct viewers *viewers = timer->data;
    struct sockaddr_in remote = loopback(viewers->options->port);
    struct sockaddr_storage local;
    socklen_t local_size = sizeof local;
    quic_udp_address(viewers->udp, &local, &local_size);
    const struct quic_connect_config config = {.tls = viewers->tls,
                                               .protocol = QUIC_PROTOCOL_RAW,
                                               .server_name = "localhost",
                                               .local = (const struct sockaddr *)&local,
                                               .local_size = local_size,
                                               .remote = (const struct sockaddr *)&remote,
                                               .remote_size = sizeof remote,
                                               .user = viewers};
    if (!quic_endpoint_connect(quic_udp_endpoint(viewers->udp), &config))
        die("cannot connect");
    quic_udp_wake(viewers->udp);
    if (++viewers->opened == viewers->options->viewers + viewers->options->is_fed)
        uv_timer_stop(timer);
}

int floor_client(const struct floor_options *options)
{
    static const struct quic_app_protocol protocols[] = {{.alpn = "moqf-02"}};
    static const struct quic_app app = {.protocols = {protocols, 1},
                                        .on_connected = on_connected,
                                        .on_stream = on_stream,
                                        .on_data = on_data,
                                        .on_reset = on_code,
                                        .on_stopped = on_code,
                                        .on_pull = on_pull,
                                        .on_sent = on_sent,
                                        .on_acked = on_acked,
                                        .on_stream_closed = on_stream_closed,
                                        .on_credit = on_credit,
                                        .on_closed = on_closed};
    static struct viewers viewers;
    const struct quic_tls_client_config trust = {.is_verify_disabled = true};
    struct sockaddr_in any = loopback(0);
    struct quic_udp_config config = {.loop = uv_default_loop(),
                                     .address = (const struct sockaddr *)&any,
                                     .address_size = sizeof any,
                                     .clock = &viewers.clock,
                                     .endpoint = {.app = &app, .user = &viewers}};
    viewers.options = options;
    viewers.has_bytes = calloc(options->viewers, sizeof *viewers.has_bytes);
    viewers.tls = quic_tls_client_new(&trust, NULL);
    if (!viewers.has_bytes || !viewers.tls || quic_udp_open(&viewers.udp, &config) != 0)
        die("no memory, no TLS or no socket");
    viewers.arrival_timer.data = viewers.stage_timer.data = &viewers;
    uv_timer_init(config.loop, &viewers.arrival_timer);
    uv_timer_init(config.loop, &viewers.stage_timer);
    uv_timer_start(&viewers.stage_timer, on_late, START_TIMEOUT_MS, 0);
    uv_timer_start(&viewers.arrival_timer, on_arrival, ARRIVAL_MS, ARRIVAL_MS);
    return uv_run(config.loop, UV_RUN_DEFAULT);
}
