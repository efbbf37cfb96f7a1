/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The benchmark's generator: one publisher and many viewers of one track, in one process, through a
 * relay. It checks what arrives; whoever measures the relay is told on standard output when to
 * look:
 *
 *   published      the publisher is connected, no viewer is yet
 *   measuring      every viewer has received something and the warm-up is over
 *   measured       the last frame that counts was published a moment ago
 *   {...}          the generator's own figures
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "native/native.h"
#include "tests/bench/frames.h"

enum {
    VIEWERS_MAX = 1000,
    SETTLE_MS = 500, /* for the publisher's announcement to reach the relay */
    DRAIN_MS = 1000,
    START_TIMEOUT_MS = 30000,
    MOMENT_MS = 100,
    ARRIVAL_MS = 5, /* from one viewer to the next */
};

struct options {
    struct moq_url url;
    unsigned viewers, rate, size, group_ms, warm_up_ms, measure_ms;
};

struct load;

struct viewer {
    struct load *load;
    struct moq_track *track;
    struct moq_watcher watcher;
    struct moq_group_reader reader;
    struct moq_subscription *subscription;
    struct frame_check check;
};

struct load {
    struct options options;
    struct moq_native *native;
    struct moq_path *path;
    struct moq_track *track;
    struct moq_group *group;
    struct frame_source source;
    struct viewer *viewers;
    unsigned opened, watching; /* viewers that came; those that have received something */
    uv_timer_t frame_timer, stage_timer, arrival_timer;
    uint64_t started_ns; /* the first frame's time */
    uint64_t measured_from_ns;
    uint64_t cpu_before_us, cpu_us, wall_us;
    struct frame_window window;
};

/* Nothing that the generator meets is worth going on after. */
static void die(const char *what, const char *why)
{
    fprintf(stderr, "load: %s: %s\n", what, why);
    exit(1);
}

static void say(const char *line)
{
    puts(line);
    fflush(stdout);
}

static uint64_t cpu_us(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* ---- The end --------------------------------------------------------------------------------- */

static void on_drained(uv_timer_t *timer)
{
    struct load *load = timer->data;
    struct frame_figures figures = {0};
    uint64_t expected = (load->window.end - load->window.first) * (uint64_t)load->options.viewers;
    for (unsigned i = 0; i < load->options.viewers; i++)
        frame_figures_add(&figures, &load->viewers[i].check);
    printf("{\"expected\":%" PRIu64 ",\"delivered\":%" PRIu64 ",\"lost\":%" PRIu64
           ",\"broken\":%" PRIu64 ",\"median_ms\":%.1f,\"p99_ms\":%.1f,\"worst_ms\":%.1f"
           ",\"seconds\":%.3f,\"generator_cpu\":%.3f}\n",
           expected, figures.delivered, expected - figures.delivered, figures.broken,
           frame_figures_latency_ms(&figures, 0.5), frame_figures_latency_ms(&figures, 0.99),
           (double)figures.worst_ns / 1e6, (double)load->wall_us / 1e6,
           (double)load->cpu_us / (double)load->wall_us);
    fflush(stdout);
    exit(0); /* the relay is ended right behind us; nobody waits for our farewells */
}

static void on_measured(uv_timer_t *timer)
{
    struct load *load = timer->data;
    load->window.end = load->source.next;
    uv_timer_stop(&load->frame_timer);
    load->cpu_us = cpu_us() - load->cpu_before_us;
    load->wall_us = (clock_monotonic_ns() - load->measured_from_ns) / 1000;
    say("measured");
    uv_timer_start(&load->stage_timer, on_drained, DRAIN_MS, 0);
}

static void on_warm(uv_timer_t *timer)
{
    struct load *load = timer->data;
    load->window.first = load->source.next;
    load->cpu_before_us = cpu_us();
    load->measured_from_ns = clock_monotonic_ns();
    say("measuring");
    uv_timer_start(&load->stage_timer, on_measured, load->options.measure_ms, 0);
}

/* ---- Viewers --------------------------------------------------------------------------------- */

static void notice_first(struct viewer *viewer)
{
    struct load *load = viewer->load;
    if (++load->watching == load->options.viewers)
        uv_timer_start(&load->stage_timer, on_warm, load->options.warm_up_ms, 0);
}

static int read_frames(struct viewer *viewer)
{
    const uint8_t *data = NULL;
    size_t size = 0;
    int error;
    while ((error = moq_group_reader_next(&viewer->reader, &data, &size)) == 0) {
        if (!viewer->check.has_begun)
            notice_first(viewer);
        frame_check_take(&viewer->check, data, size, clock_monotonic_ns());
    }
    return error;
}

static void on_growth(struct moq_watcher *watcher, struct moq_group *group)
{
    struct viewer *viewer = container_of(watcher, struct viewer, watcher);
    while (group) {
        if (!viewer->reader.group)
            moq_group_reader_init(&viewer->reader, group);
        if (read_frames(viewer) == MOQ_ERR_AGAIN)
            return;
        group = moq_track_after(viewer->track, viewer->reader.group);
        if (group)
            moq_group_reader_deinit(&viewer->reader);
    }
}

static void on_subscription_closed(struct moq_subscription *subscription, int error)
{
    (void)subscription;
    die("a subscription ended", moq_error_words(error));
}

static void on_viewer_connected(struct moq_client *client, struct moq_session *session)
{
    static const struct moq_subscription_events events = {.on_closed = on_subscription_closed};
    static const struct moq_wish wish = {128, MOQ_ORDER_OLDEST, 0, MOQ_NO_GROUP, MOQ_NO_GROUP};
    struct viewer *viewer = moq_client_user(client);
    if (!moq_session_subscribe(session, viewer->track, &wish, &events, viewer))
        die("subscribe", "out of memory");
}

static void on_lost(struct moq_client *client, int error, const char *reason, uint64_t retry_ms)
{
    (void)client;
    (void)retry_ms;
    die(moq_error_words(error), reason);
}

static void open_client(struct load *load, const struct moq_client_events *events,
                        const struct moq_session_events *session, void *user)
{
    struct moq_client_config config = {.url = load->options.url,
                                       .tls = {.is_verify_disabled = true},
                                       .events = events,
                                       .session = session,
                                       .user = user};
    if (session) {
        config.offers = moq_offers_new();
        moq_offers_add(config.offers, load->path, NULL);
    }
    if (!moq_client_open(load->native, &config))
        die("connect", "out of memory");
}

static void open_viewer(struct load *load, struct viewer *viewer)
{
    static const struct moq_watcher_ops growth = {.on_growth = on_growth};
    static const struct moq_client_events events = {on_viewer_connected, on_lost};
    struct moq_track_config config = {
        .clock = moq_native_clock(load->native), .priority = 128, .cache = {.groups = 4}};
    viewer->load = load;
    viewer->check.source = &load->source;
    viewer->check.window = &load->window;
    viewer->track = moq_track_new(load->path, &config);
    viewer->watcher.ops = &growth;
    moq_track_watch(viewer->track, &viewer->watcher);
    open_client(load, &events, NULL, viewer);
}

static void on_arrival(uv_timer_t *timer)
{
    struct load *load = timer->data;
    open_viewer(load, &load->viewers[load->opened++]);
    if (load->opened == load->options.viewers)
        uv_timer_stop(timer);
}

static void on_late(uv_timer_t *timer)
{
    const struct load *load = timer->data;
    char text[64];
    snprintf(text, sizeof text, "%u of %u", load->watching, load->options.viewers);
    die("viewers that have received something in time", text);
}

/* ---- The publisher --------------------------------------------------------------------------- */

static void on_frame(uv_timer_t *timer);

static uint64_t frame_due_ns(const struct load *load)
{
    return load->started_ns + load->source.next * NS_PER_S / load->options.rate;
}

static void write_frame(struct load *load)
{
    unsigned frames_per_group = load->options.group_ms * load->options.rate / 1000;
    if (load->source.next % frames_per_group == 0) {
        if (load->group)
            moq_track_finish_group(load->track, load->group);
        if (moq_track_open_group(load->track, load->source.next / frames_per_group, &load->group))
            die("publish", "no group");
    }
    const uint8_t *frame = frame_source_next(&load->source, clock_monotonic_ns());
    if (moq_track_write_frame(load->track, load->group, frame, load->source.size))
        die("publish", "no frame");
}

static void on_frame(uv_timer_t *timer)
{
    struct load *load = timer->data;
    moq_native_wake(load->native);
    while (frame_due_ns(load) <= clock_monotonic_ns())
        write_frame(load);
    uint64_t wait_ns = frame_due_ns(load) - clock_monotonic_ns();
    uv_update_time(timer->loop);
    uv_timer_start(timer, on_frame, (wait_ns + NS_PER_MS - 1) / NS_PER_MS, 0);
}

static void on_settled(uv_timer_t *timer)
{
    struct load *load = timer->data;
    say("published");
    load->started_ns = clock_monotonic_ns() + MOMENT_MS * NS_PER_MS; /* time to look at the relay */
    uv_timer_start(&load->frame_timer, on_frame, MOMENT_MS, 0);
    uv_timer_start(&load->stage_timer, on_late, START_TIMEOUT_MS, 0);
    uv_timer_start(&load->arrival_timer, on_arrival, ARRIVAL_MS, ARRIVAL_MS);
}

static void on_request(struct moq_session *session, struct moq_request *request)
{
    const struct load *load = moq_session_user(session);
    struct moq_policy policy = {2 * NS_PER_S, request->wish.priority, request->wish.order};
    if (request->kind == MOQ_REQUEST_SUBSCRIBE)
        moq_request_serve(request, load->track, &policy);
    else
        moq_request_refuse(request, MOQ_ERR_NOT_FOUND);
}

static void on_publisher_connected(struct moq_client *client, struct moq_session *session)
{
    struct load *load = moq_client_user(client);
    (void)session;
    uv_timer_start(&load->stage_timer, on_settled, SETTLE_MS, 0);
}

/* ---- Command line ---------------------------------------------------------------------------- */

static unsigned number(const char *text, unsigned least, unsigned most)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*text == '\0' || *end != '\0' || value < least || value > most)
        die("no such number", text);
    return (unsigned)value;
}

static void parse(struct options *options, int argc, char **argv)
{
    static const struct option known[] = {
        {"viewers", required_argument, NULL, 'n'},
        {"rate", required_argument, NULL, 'r'},
        {"size", required_argument, NULL, 's'},
        {"group-ms", required_argument, NULL, 'g'},
        {"warm-up", required_argument, NULL, 'w'},
        {"seconds", required_argument, NULL, 't'},
        {NULL, 0, NULL, 0},
    };
    *options = (struct options){.viewers = 50,
                                .rate = 60,
                                .size = 4096,
                                .group_ms = 2000,
                                .warm_up_ms = 2000,
                                .measure_ms = 10000};
    char why[QUIC_ERROR_TEXT_BYTES] = "load [--viewers N --rate FPS --size BYTES ...] URL";
    int letter;
    while ((letter = getopt_long(argc, argv, "", known, NULL)) != -1) {
        unsigned *to = letter == 'n'   ? &options->viewers
                       : letter == 'r' ? &options->rate
                       : letter == 's' ? &options->size
                       : letter == 'g' ? &options->group_ms
                       : letter == 'w' ? &options->warm_up_ms
                                       : &options->measure_ms;
        if (letter == '?')
            die("usage", why);
        unsigned least = letter == 's' ? FRAME_MIN_BYTES : letter == 'w' ? 0 : 1;
        *to = number(optarg, least, letter == 'n' ? VIEWERS_MAX : FRAME_MAX_BYTES);
        if (letter == 'w' || letter == 't')
            *to *= 1000;
    }
    if (options->group_ms * options->rate < 1000)
        die("usage", "a group needs a frame");
    if (optind + 1 != argc || moq_url_parse(&options->url, argv[optind], why))
        die("usage", why);
}

int main(int argc, char **argv)
{
    static const struct moq_session_events session = {.on_request = on_request};
    static const struct moq_client_events events = {on_publisher_connected, on_lost};
    static struct load load;
    parse(&load.options, argc, argv);
    struct moq_native_config native = {.loop = uv_default_loop()};
    load.native = moq_native_new(&native);
    load.viewers = calloc(load.options.viewers, sizeof *load.viewers);
    load.path = moq_url_broadcast(&load.options.url);
    load.window = (struct frame_window){UINT64_MAX, UINT64_MAX};
    if (!load.native || !load.viewers || !load.path ||
        frame_source_init(&load.source, load.options.size))
        die("start", "out of memory");

    struct moq_track_config track = {
        .clock = moq_native_clock(load.native), .priority = 128, .cache = {.groups = 2}};
    load.track = moq_track_new(load.path, &track);
    load.frame_timer.data = load.stage_timer.data = load.arrival_timer.data = &load;
    uv_timer_init(native.loop, &load.frame_timer);
    uv_timer_init(native.loop, &load.stage_timer);
    uv_timer_init(native.loop, &load.arrival_timer);
    open_client(&load, &events, &session, &load);
    return uv_run(native.loop, UV_RUN_DEFAULT);
}
