/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The karp module: media from outside as broadcasts of the relay, by HTTP, over TCP and unix
 * sockets, from files, and from commands. All of it is on worker 0; viewers of other workers get it
 * from there, as from any publisher.
 * Tested by tests/e2e/test_ingest.py. */
#ifdef RELAY_MODULE_SYMBOL
enum { HAS_OWN_LOG = 0 }; /* linked into the relay, so libkarp's lines are the relay's */
#else
enum { HAS_OWN_LOG = 1 };
#endif

#include <relay/module.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "modules/karp/child.h"
#include "modules/karp/file.h"
#include "modules/karp/guest.h"
#include "modules/karp/http.h"
#include "modules/karp/ingest.h"
#include "modules/karp/listen.h"
#include "modules/karp/settings.h"
#include "modules/karp/track.h"

enum { COUNT_MS = 1000 };

#define COUNTERS(X)                                                                                \
    X(opened)                                                                                      \
    X(refused)                                                                                     \
    X(failed)                                                                                      \
    X(active)                                                                                      \
    X(bytes)                                                                                       \
    X(frames)                                                                                      \
    X(left_out)

enum counter {
#define COUNTER_ENUM(name) COUNTER_##name,
    COUNTERS(COUNTER_ENUM)
#undef COUNTER_ENUM
        COUNTER_COUNT,
};

/* One of the configuration's; one pointer is set. */
struct source {
    struct file_source *file;
    struct child_source *child;
    struct listen_source *listen;
};

struct ingest_worker {
    struct relay_worker *worker;
    struct moq_clock clock;
    struct host host;
    struct track_writer writer;
    struct child_yard yard;
    struct ingest_set *set;
    struct http_server *http;
    struct source *sources;
    size_t source_count;
    struct relay_timer *timer; /* passes the counts on */
    int counters[COUNTER_COUNT];
    struct ingest_counts counted; /* what the relay knows */
};

/* ---- The host -------------------------------------------------------------------------------- */

static void on_wake(void *user)
{
    struct ingest_worker *self = user;
    relay_worker_wake(self->worker);
    self->clock.now_ns = relay_worker_now_ns(self->worker);
}

static void on_log(void *user, enum host_level level, const char *line)
{
    const struct ingest_worker *self = user;
    relay_log(relay_worker_self(self->worker), (int)level, "%s", line);
}

static int open_guest(void *user, const struct host_visitor *visitor,
                      const struct host_guest_events *events, void *owner, void **guest)
{
    const struct ingest_worker *self = user;
    return guest_open(self->worker, visitor, events, owner, (struct guest **)guest);
}

static void close_guest(void *user, void *guest)
{
    (void)user;
    guest_close(guest);
}

static bool may_publish(void *user, const void *guest, const char *path)
{
    (void)user;
    return guest_may_publish(guest, path);
}

static void move_guest(void *user, void *guest, const struct host_guest_events *events, void *owner)
{
    (void)user;
    guest_move(guest, events, owner);
}

static int open_output(void *user, const struct host_offer *offer, struct host_output *output)
{
    struct ingest_worker *self = user;
    return track_open_output(&self->writer, offer, output);
}

static bool is_decided(void *user, const struct host_output *output)
{
    (void)user;
    return track_is_decided(output);
}

static void close_output(void *user, struct host_output *output)
{
    (void)user;
    track_close_output(output);
}

static const struct host_ops host_ops = {
    .wake = on_wake,
    .log = on_log,
    .open_guest = open_guest,
    .close_guest = close_guest,
    .may_publish = may_publish,
    .move_guest = move_guest,
    .open_output = open_output,
    .is_decided = is_decided,
    .close_output = close_output,
};

/* ---- Counters -------------------------------------------------------------------------------- */

static void pass_counts(struct relay_worker *worker, void *arg)
{
    struct ingest_worker *self = arg;
    const struct ingest_counts *counts = ingest_set_counts(self->set);
#define PASS(name)                                                                                 \
    relay_count(worker, self->counters[COUNTER_##name],                                            \
                (int64_t)(counts->name - self->counted.name));
    COUNTERS(PASS)
#undef PASS
    self->counted = *counts;
}

static void name_counters(struct ingest_worker *self)
{
    struct relay_self *module = relay_worker_self(self->worker);
#define NAME(name) self->counters[COUNTER_##name] = relay_counter(module, #name);
    COUNTERS(NAME)
#undef NAME
}

/* ---- Start ----------------------------------------------------------------------------------- */

static int open_http(struct ingest_worker *self, const struct settings *settings)
{
    char error_text[DOOR_ERROR_BYTES];
    const struct http_config config = {
        .address = (const struct sockaddr *)&settings->http.socket,
        .silence_ms = settings->silence_ns / NS_PER_MS,
        .ladder = {settings->is_in_band, settings->has_auto},
    };
    if (settings->http.socket_bytes == 0 ||
        http_open(&self->http, self->set, &config, error_text) == 0)
        return 0;
    return relay_fail(relay_worker_self(self->worker), "http: %s: %s", settings->http.text,
                      error_text);
}

static struct ingest_ladder ladder_of(const struct settings *all, size_t index)
{
    return (struct ingest_ladder){settings_is_in_band(all, index), settings_has_auto(all, index)};
}

static int open_listen(struct ingest_worker *self, const struct settings *all, size_t index)
{
    const struct settings_source *settings = &all->sources[index];
    char error_text[DOOR_ERROR_BYTES];
    bool is_tcp = settings->tcp.socket_bytes > 0;
    const struct listen_config config = {
        .path = settings->path,
        .address = is_tcp ? (const struct sockaddr *)&settings->tcp.socket : NULL,
        .unix_path = settings->unix_socket,
        .silence_ms = settings_silence_ms(all, index),
        .ladder = ladder_of(all, index),
    };
    if (listen_open(&self->sources[index].listen, self->set, &config, error_text) == 0)
        return 0;
    return relay_fail(relay_worker_self(self->worker), "%s: %s: %s", settings->path,
                      is_tcp ? settings->tcp.text : settings->unix_socket, error_text);
}

static int open_source(struct ingest_worker *self, const struct settings *all, size_t index)
{
    const struct settings_source *settings = &all->sources[index];
    struct source *source = &self->sources[index];
    const struct file_config file = {
        .path = settings->path,
        .file = settings->file,
        .is_loop = settings->is_loop,
        .ladder = ladder_of(all, index),
    };
    const struct child_config child = {
        .path = settings->path,
        .command = settings->command,
        .is_on_demand = settings->is_on_demand,
        .yard = &self->yard,
        .idle_ms = settings->idle_ns / NS_PER_MS,
        .silence_ms = settings_silence_ms(all, index),
        .ladder = ladder_of(all, index),
    };
    if (settings->file)
        source->file = file_open(self->set, &file);
    else if (settings->command)
        source->child = child_open(self->set, &child);
    else
        return open_listen(self, all, index);
    return source->file || source->child
               ? 0
               : relay_fail(relay_worker_self(self->worker), "out of memory");
}

static int open_sources(struct ingest_worker *self, const struct settings *settings)
{
    self->sources = calloc(settings->source_count + 1, sizeof *self->sources);
    if (!self->sources)
        return relay_fail(relay_worker_self(self->worker), "out of memory");
    for (size_t i = 0; i < settings->source_count; i++) {
        if (ingest_set_keep_path(self->set, settings->sources[i].path))
            return relay_fail(relay_worker_self(self->worker), "out of memory");
        int error = open_source(self, settings, i);
        if (error)
            return error;
        self->source_count++;
    }
    return 0;
}

static void end_worker(struct ingest_worker *self)
{
    for (size_t i = 0; i < self->source_count; i++) {
        file_close(&self->sources[i].file);
        child_close(&self->sources[i].child);
        listen_close(&self->sources[i].listen);
    }
    child_yard_clear(&self->yard);
    http_close(&self->http);
    relay_timer_stop(&self->timer);
    ingest_set_close(&self->set);
    track_writer_deinit(&self->writer);
    free(self->sources);
    self->sources = NULL;
    self->source_count = 0;
}

static int begin_worker(struct ingest_worker *self, const struct settings *settings)
{
    name_counters(self);
    on_wake(self);
    self->set = ingest_set_new(&self->host);
    self->timer = relay_timer_start(self->worker, COUNT_MS, COUNT_MS, pass_counts, self);
    if (!self->set || !self->timer)
        return relay_fail(relay_worker_self(self->worker), "out of memory");
    int error = open_http(self, settings);
    return error ? error : open_sources(self, settings);
}

static int worker_start(struct relay_worker *worker, const void *config)
{
    struct ingest_worker *self = relay_worker_slot(worker);
    if (relay_worker_number(worker) != 0)
        return 0;
    self->worker = worker;
    self->host = (struct host){
        .loop = relay_worker_loop(worker), .clock = &self->clock, .ops = &host_ops, .user = self};
    track_writer_init(&self->writer, worker, &self->host);
    child_yard_init(&self->yard);
    int error = begin_worker(self, config);
    if (error)
        end_worker(self);
    return error;
}

static void worker_stop(struct relay_worker *worker)
{
    struct ingest_worker *self = relay_worker_slot(worker);
    if (self->worker)
        end_worker(self);
}

/* Lines of libkarp, which know nothing of the relay. */
static void on_library_log(void *user, enum log_level level, const char *message)
{
    struct relay_self *self = user;
    relay_log(self, (int)level, "%s", message);
}

static int start_module(struct relay_self *self, const void *config)
{
    (void)config;
    if (HAS_OWN_LOG)
        log_set_sink(on_library_log, self);
    return 0;
}

static void stop_module(struct relay_self *self)
{
    (void)self;
    if (HAS_OWN_LOG)
        log_set_sink(NULL, NULL);
}

static void check_settings(struct relay_check *check, const void *config)
{
    settings_check(check, config);
}

RELAY_MODULE = {
    RELAY_MODULE_HEAD,
    .name = "karp",
    .version = "1.0",
    .config = &settings_schema,
    .worker_slot_bytes = sizeof(struct ingest_worker),
    .check = check_settings,
    .start = start_module,
    .stop = stop_module,
    .worker_start = worker_start,
    .worker_stop = worker_stop,
};
