/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The floor's loop: receive, make the frames that are due, write to every connection. */
#include "tests/bench/floor.h"
#include "base/clock.h"

#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { IDLE_WAIT_MS = 10, FRAME_PATTERN_STEP = 151 };

static void die(const char *what, const char *why)
{
    fprintf(stderr, "floor: %s: %s\n", what, why);
    exit(1);
}

/* ---- In -------------------------------------------------------------------------------------- */

static void end(struct floor *floor, uint32_t index)
{
    if (floor->feeder == floor->conns[index])
        floor->feeder = NULL;
    floor_conn_free(floor->conns[index]);
    floor->conns[index] = NULL;
    floor->due_ns[index] = CLOCK_NEVER;
}

static struct floor_conn *find(const struct floor *floor, const ngtcp2_version_cid *ids)
{
    uint32_t index;
    if (ids->dcidlen == FLOOR_CID_BYTES) {
        memcpy(&index, ids->dcid, sizeof index);
        return index < floor->count ? floor->conns[index] : NULL;
    }
    for (index = 0; index < floor->count; index++) {
        struct floor_conn *conn = floor->conns[index];
        if (conn && conn->first_dcid.datalen == ids->dcidlen &&
            memcmp(conn->first_dcid.data, ids->dcid, ids->dcidlen) == 0)
            return conn;
    }
    return NULL;
}

static struct floor_conn *accept_conn(struct floor *floor, const ngtcp2_path *path,
                                      const uint8_t *data, size_t n)
{
    struct floor_conn *conn = floor_conn_new(floor, path, data, n);
    if (conn) {
        floor->due_ns[floor->count] = CLOCK_NEVER;
        floor->conns[floor->count++] = conn;
    }
    return conn;
}

/* A packet that only acknowledges needs no answer: a connection with nothing to write waits for the
 * next frame. */
static void on_packet(struct floor *floor, const ngtcp2_path *path, const uint8_t *data, size_t n)
{
    ngtcp2_version_cid ids;
    if (ngtcp2_pkt_decode_version_cid(&ids, data, n, FLOOR_CID_BYTES) != 0)
        return;
    struct floor_conn *conn = find(floor, &ids);
    if (!conn && ids.version != 0)
        conn = accept_conn(floor, path, data, n);
    if (!conn)
        return;
    bool is_well = floor_conn_receive(conn, path, data, n);
    if (is_well && (!floor_conn_is_up(conn) || ids.version != 0 || floor_conn_has_data(conn)))
        is_well = floor_conn_write(conn);
    if (!is_well)
        end(floor, conn->index);
}

/* ---- Out ------------------------------------------------------------------------------------- */

static uint64_t frame_bytes(const struct floor *floor, uint64_t frames)
{
    return frames * floor->options.size;
}

static void make_frames(struct floor *floor, uint64_t started_ns)
{
    if (!floor->options.is_fed)
        floor->made =
            frame_bytes(floor, (floor->clock.now_ns - started_ns) * floor->options.rate / NS_PER_S);
}

static void write_all(struct floor *floor, bool has_frame)
{
    for (uint32_t i = 0; i < floor->count; i++) {
        struct floor_conn *conn = floor->conns[i];
        bool is_due = floor->due_ns[i] <= floor->clock.now_ns, is_well = true;
        if (is_due)
            is_well = floor_conn_expire(conn);
        if (is_well && conn && (is_due || has_frame))
            is_well = floor_conn_write(conn);
        if (!is_well)
            end(floor, i);
    }
}

/* The feeder may send as much as its viewers have received. */
static void grant(struct floor *floor)
{
    uint64_t slowest = floor->made;
    for (uint32_t i = 0; floor->feeder && i < floor->count; i++) {
        const struct floor_conn *conn = floor->conns[i];
        if (conn && conn != floor->feeder && floor_conn_position(conn) < slowest)
            slowest = floor_conn_position(conn);
    }
    uint64_t wanted = slowest + FLOOR_WINDOW_BYTES;
    if (!floor->feeder || wanted < floor->granted + FLOOR_WINDOW_BYTES / 4)
        return;
    uint64_t more = wanted - floor->granted;
    floor->granted += more;
    floor_conn_grant(floor->feeder, more);
    floor_conn_write(floor->feeder);
}

static uint64_t next_due(const struct floor *floor, uint64_t started_ns)
{
    uint64_t due_ns = floor->clock.now_ns + IDLE_WAIT_MS * NS_PER_MS;
    if (floor->options.rate > 0 && !floor->options.is_fed) {
        uint64_t frames = floor->made / floor->options.size;
        uint64_t frame_ns = started_ns + (frames + 1) * NS_PER_S / floor->options.rate;
        due_ns = frame_ns < due_ns ? frame_ns : due_ns;
    }
    for (uint32_t i = 0; i < floor->count; i++)
        due_ns = floor->due_ns[i] < due_ns ? floor->due_ns[i] : due_ns;
    return due_ns > floor->clock.now_ns ? due_ns - floor->clock.now_ns : 0;
}

static void serve(struct floor *floor)
{
    struct pollfd poll = {.fd = floor->fd, .events = POLLIN};
    uint64_t started_ns = floor->clock.now_ns = clock_monotonic_ns();
    for (;;) {
        uint64_t wait_ns = next_due(floor, started_ns);
        struct timespec wait = {0, (long)wait_ns};
        int ready = ppoll(&poll, 1, &wait, NULL);
        uint64_t before = floor->made;
        floor->clock.now_ns = clock_monotonic_ns();
        if (ready > 0)
            floor_socket_receive(floor, on_packet);
        make_frames(floor, started_ns);
        write_all(floor, floor->made != before);
        grant(floor);
    }
}

/* ---- Command line ---------------------------------------------------------------------------- */

static unsigned number(const char *text, unsigned most)
{
    char *rest;
    unsigned long value = strtoul(text, &rest, 10);
    if (*text == '\0' || *rest != '\0' || value > most)
        die("no such number", text);
    return (unsigned)value;
}

static unsigned *option_of(struct floor_options *options, int letter)
{
    switch (letter) {
    case 'p':
        return &options->port;
    case 'r':
        return &options->rate;
    case 's':
        return &options->size;
    case 'g':
        return &options->group_ms;
    case 'n':
        return &options->viewers;
    case 'w':
        return &options->warm_up_ms;
    case 't':
        return &options->measure_ms;
    default:
        die("usage", "floor serve|view --port N [--rate FPS --size BYTES --viewers N ...]");
        return NULL;
    }
}

static void parse(struct floor_options *options, int argc, char **argv)
{
    static const struct option known[] = {
        {"port", required_argument, NULL, 'p'},
        {"rate", required_argument, NULL, 'r'},
        {"size", required_argument, NULL, 's'},
        {"group-ms", required_argument, NULL, 'g'},
        {"viewers", required_argument, NULL, 'n'},
        {"warm-up", required_argument, NULL, 'w'},
        {"seconds", required_argument, NULL, 't'},
        {"fed", no_argument, NULL, 'f'},
        {NULL, 0, NULL, 0},
    };
    *options = (struct floor_options){.port = 4444,
                                      .rate = 60,
                                      .size = 4096,
                                      .group_ms = 2000,
                                      .viewers = 50,
                                      .warm_up_ms = 2,
                                      .measure_ms = 10};
    int letter;
    while ((letter = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (letter == 'f')
            options->is_fed = true;
        else
            *option_of(options, letter) = number(optarg, 1 << 24);
    }
    options->warm_up_ms *= 1000;
    options->measure_ms *= 1000;
    if (options->port == 0 || options->size == 0 || options->size > 1 << 20 ||
        options->group_ms > 60000 || options->viewers == 0 || options->viewers > FLOOR_CONNS_MAX)
        die("usage", "port, size, group or viewers are out of bounds");
}

int main(int argc, char **argv)
{
    static struct floor floor;
    static const char *const names[] = {"localhost"};
    const struct quic_tls_server_config tls = {.self_signed = names, .self_signed_count = 1};
    struct floor_options *options = &floor.options;
    parse(options, argc, argv);
    if (optind + 1 != argc)
        die("usage", "serve or view?");
    if (strcmp(argv[optind], "view") == 0)
        return floor_client(options);

    unsigned frames_per_group = options->group_ms * (options->rate ? options->rate : 60) / 1000;
    floor.group_bytes = (frames_per_group ? frames_per_group : 1) * options->size;
    floor.granted = FLOOR_WINDOW_BYTES;
    floor.body = malloc(floor.group_bytes);
    floor.tls = quic_tls_server_new(&tls, NULL);
    floor.fd = floor_socket_open(options->port);
    if (!floor.body || !floor.tls || floor.fd < 0)
        die("start", "no memory, no TLS or no socket");
    for (size_t i = 0; i < floor.group_bytes; i++)
        floor.body[i] = (uint8_t)(i * FRAME_PATTERN_STEP >> 3);
    puts("ready");
    fflush(stdout);
    serve(&floor);
}
