/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A relay with known faults, to check that moq-bench finds them. It forwards every announced track,
 * and
 *
 *   --shift         says that frame n was published (n % 100 + 1) times 10 ms earlier than it was
 *   --drop K        does not forward groups K-1, 2K-1, ...
 *   --reset K       forwards only the first half of groups 0, K, 2K, ..., and resets them
 *   --short K       likewise, but ends them in order
 *   --break K       damages a byte of frames 0, K, 2K, ...
 *   --burn US       burns this much CPU time for each frame
 *
 * Once it listens it says so on standard output. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "native/native.h"
#include "tools/bench_frame.h"
#include "base/clock.h"
#include "base/list.h"

enum { FLOWS_MAX = 64, SHIFTS = 100, SHIFT_MS = 10, KEEP_GROUPS = 16, FRAME_MAX = 65536 };

struct faults {
    bool has_shift;
    unsigned drop, reset, shorten, damage, burn_us;
};

struct flow { /* one announced track */
    struct relay *relay;
    struct moq_path *path;
    struct moq_track *in, *out;
    struct moq_watcher watcher;
    struct moq_group_reader reader;
    struct moq_group *group; /* of `out`; NULL: this one is not forwarded */
    unsigned frames;         /* read of the group at hand */
};

struct relay {
    struct faults faults;
    struct moq_native *native;
    struct moq_offers *offers;
    struct flow flows[FLOWS_MAX];
    unsigned flow_count;
    uint8_t frame[FRAME_MAX];
};

static void die(const char *what)
{
    fprintf(stderr, "synthetic: %s\n", what);
    exit(1);
}

/* ---- Forwarding ------------------------------------------------------------------------------ */

static bool is_turn(uint64_t number, unsigned every, unsigned which)
{
    return every && number % every == which;
}

static void burn(unsigned us)
{
    struct timespec now, begin;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
    do
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    while ((now.tv_sec - begin.tv_sec) * 1000000000L + now.tv_nsec - begin.tv_nsec < us * 1000L);
}

static void begin_group(struct flow *flow, struct moq_group *group)
{
    const struct faults *faults = &flow->relay->faults;
    moq_group_reader_init(&flow->reader, group);
    flow->frames = 0;
    flow->group = NULL;
    if (is_turn(group->sequence, faults->drop, faults->drop - 1))
        return;
    if (moq_track_open_group(flow->out, group->sequence, &flow->group))
        die("a group cannot be opened");
}

static void forward(struct flow *flow, const uint8_t *data, size_t size)
{
    struct relay *relay = flow->relay;
    const struct faults *faults = &relay->faults;
    uint64_t sequence = flow->reader.group->sequence;
    struct frame_header header;
    if (size < sizeof header || size > sizeof relay->frame)
        die("a frame of a strange size");
    memcpy(relay->frame, data, size);
    memcpy(&header, data, sizeof header);
    burn(faults->burn_us);
    bool is_cut = is_turn(sequence, faults->reset, 0) || is_turn(sequence, faults->shorten, 0);
    if (!flow->group || (is_cut && header.index >= header.group_frames / 2))
        return;
    if (faults->has_shift)
        header.published_ns -= (header.number % SHIFTS + 1) * SHIFT_MS * NS_PER_MS;
    memcpy(relay->frame, &header, sizeof header);
    if (is_turn(header.number, faults->damage, 0))
        relay->frame[size - 1] ^= 1;
    if (moq_track_write_frame(flow->out, flow->group, relay->frame, size))
        die("a frame cannot be written");
}

static void end_group(struct flow *flow)
{
    uint64_t sequence = flow->reader.group->sequence;
    if (flow->group && is_turn(sequence, flow->relay->faults.reset, 0))
        moq_track_abort_group(flow->out, flow->group, MOQ_ERR_EXPIRED);
    else if (flow->group)
        moq_track_finish_group(flow->out, flow->group);
    moq_group_reader_deinit(&flow->reader);
    flow->group = NULL;
}

static int read_group(struct flow *flow)
{
    const uint8_t *data = NULL;
    size_t size = 0;
    int error;
    while ((error = moq_group_reader_next(&flow->reader, &data, &size)) == 0)
        forward(flow, data, size);
    return error;
}

static void on_growth(struct moq_watcher *watcher, struct moq_group *group)
{
    struct flow *flow = container_of(watcher, struct flow, watcher);
    while (group) {
        if (!flow->reader.group)
            begin_group(flow, group);
        if (read_group(flow) == MOQ_ERR_AGAIN)
            return;
        group = moq_track_after(flow->in, flow->reader.group);
        end_group(flow);
    }
}

/* ---- Peers ----------------------------------------------------------------------------------- */

static struct flow *flow_by_path(struct relay *relay, const struct moq_path *path)
{
    for (unsigned i = 0; i < relay->flow_count; i++)
        if (moq_path_equal(relay->flows[i].path, path))
            return &relay->flows[i];
    return NULL;
}

static void on_active(struct moq_announced *announced, struct moq_path *path)
{
    static const struct moq_watcher_ops growth = {.on_growth = on_growth};
    static const struct moq_subscription_events events = {0};
    static const struct moq_wish wish = {128, MOQ_ORDER_OLDEST, 0, MOQ_NO_GROUP, MOQ_NO_GROUP};
    struct moq_session *session = moq_announced_user(announced);
    struct relay *relay = moq_session_user(session);
    struct moq_track_config config = {.clock = moq_native_clock(relay->native),
                                      .priority = 128,
                                      .cache = {.groups = KEEP_GROUPS}};
    if (flow_by_path(relay, path))
        return;
    if (relay->flow_count == FLOWS_MAX)
        die("too many tracks");
    struct flow *flow = &relay->flows[relay->flow_count++];
    flow->relay = relay;
    flow->path = moq_path_ref(path);
    flow->in = moq_track_new(path, &config);
    flow->out = moq_track_new(path, &config);
    flow->watcher.ops = &growth;
    moq_track_watch(flow->in, &flow->watcher);
    if (!moq_session_subscribe(session, flow->in, &wish, &events, flow))
        die("no subscription");
    moq_offers_add(relay->offers, path, NULL);
}

static void on_ready(struct moq_session *session)
{
    static const struct moq_announced_events events = {.on_active = on_active};
    struct moq_path *all = moq_path_from_text("");
    if (!all || !moq_session_announced(session, all, &events, session))
        die("no announcements");
    moq_path_unref(&all);
}

static void on_request(struct moq_session *session, struct moq_request *request)
{
    struct flow *flow = flow_by_path(moq_session_user(session), request->path);
    struct moq_policy policy = {
        .latency_ns = 2 * NS_PER_S, .priority = 128, .order = MOQ_ORDER_OLDEST};
    if (flow && request->kind == MOQ_REQUEST_SUBSCRIBE)
        moq_request_serve(request, flow->out, &policy);
    else
        moq_request_refuse(request, MOQ_ERR_NOT_FOUND);
}

static int on_peer(struct moq_listener *listener, const struct moq_peer *peer,
                   struct moq_session_config *config)
{
    static const struct moq_session_events events = {.on_ready = on_ready,
                                                     .on_request = on_request};
    struct relay *relay = moq_listener_user(listener);
    (void)peer;
    config->events = &events;
    config->offers = relay->offers;
    config->user = relay;
    return 0;
}

/* ---- Command line ---------------------------------------------------------------------------- */

static const char *parse(struct faults *faults, int argc, char **argv)
{
    static const struct option known[] = {
        {"shift", no_argument, NULL, 'd'},
        {"drop", required_argument, NULL, 'k'},
        {"reset", required_argument, NULL, 'r'},
        {"short", required_argument, NULL, 's'},
        {"break", required_argument, NULL, 'b'},
        {"burn", required_argument, NULL, 'c'},
        {NULL, 0, NULL, 0},
    };
    int letter;
    while ((letter = getopt_long(argc, argv, "", known, NULL)) != -1) {
        unsigned value = optarg ? (unsigned)strtoul(optarg, NULL, 10) : 0;
        switch (letter) {
        case 'd':
            faults->has_shift = true;
            break;
        case 'k':
            faults->drop = value;
            break;
        case 'r':
            faults->reset = value;
            break;
        case 's':
            faults->shorten = value;
            break;
        case 'b':
            faults->damage = value;
            break;
        case 'c':
            faults->burn_us = value;
            break;
        default:
            die("unknown option");
        }
    }
    if (optind + 1 != argc)
        die("an address is wanted, such as [::]:4443");
    return argv[optind];
}

int main(int argc, char **argv)
{
    static struct relay relay;
    static const struct moq_listener_events events = {.on_peer = on_peer};
    const char *address = parse(&relay.faults, argc, argv);
    const char *name = "localhost";
    char why[QUIC_ERROR_TEXT_BYTES] = "";
    struct quic_tls_server_config tls = {.self_signed = &name, .self_signed_count = 1};
    struct moq_native_config native = {.loop = uv_default_loop()};
    struct moq_listener_config config = {.address = address,
                                         .tls = quic_tls_server_new(&tls, why),
                                         .events = &events,
                                         .user = &relay};
    struct moq_listener *listener;
    relay.native = moq_native_new(&native);
    relay.offers = moq_offers_new();
    if (!config.tls || !relay.native || !relay.offers ||
        moq_listener_open(relay.native, &config, &listener, why))
        die(why);
    puts("listening");
    fflush(stdout);
    return uv_run(native.loop, UV_RUN_DEFAULT);
}
