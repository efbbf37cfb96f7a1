/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The workers as a whole: how they begin, what they are told together, and how they end.
 * Tested by tests/unit/core/test_worker.c. */
#include "server/core/core.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/router.h"
#include "server/core/settings.h"
#include "server/core/slice.h"
#include "server/core/source.h"
#include "server/core/tidy.h"
#include "server/core/worker.h"

/* How often certificates are checked: to renew self-signed ones, and to warn before others
 * expire. */
enum { RENEW_MS = 10 * 1000, CERTIFICATES_MAX = 64, ADDRESS_BYTES = 80 };

struct core {
    uv_loop_t *loop;
    struct router_commons commons;
    struct quic_commons counts;
    struct worker *workers[CORE_WORKERS_MAX];
    struct mailbox *mailboxes[CORE_WORKERS_MAX];
    size_t worker_count;
    struct quic_tls *tls[CORE_LISTENERS_MAX];
    size_t listener_count;
    struct core_stats stats;
    struct slice *slices[CORE_WORKERS_MAX]; /* NULL: not listed yet */
    uv_timer_t renewal, tidying;
    struct tidy tidy;
    uv_async_t silence;    /* a worker has no sessions any more */
    uint32_t silent_count; /* atomic */
    uint32_t open_handles; /* while closing */
    bool is_running;       /* workers serve: they may only be reached through their mailboxes */
    void (*on_silent)(void *user); /* NULL: nobody is told */
    void *silence_user;
    void (*on_stopped)(void *user);
    void *user;
};

uv_loop_t *core_loop(const struct core *core)
{
    return core->loop;
}

size_t core_worker_count(const struct core *core)
{
    return core->worker_count;
}

struct attaching {
    void (*work)(const struct core_worker *worker, void *user);
    void *user;
};

static void attach_to_worker(struct worker *worker, void *user)
{
    const struct attaching *attaching = user;
    attaching->work(&worker->door, attaching->user);
}

void core_with_worker(struct core *core, size_t worker,
                      void (*work)(const struct core_worker *worker, void *user), void *user)
{
    struct attaching attaching = {.work = work, .user = user};
    if (core->is_running)
        worker_call(core->workers[worker], attach_to_worker, &attaching);
    else
        attach_to_worker(core->workers[worker], &attaching);
}

bool core_worker_is_here(const struct core_worker *worker)
{
    return worker_is_here(worker->whole);
}

void core_on_silent(struct core *core, void (*on_silent)(void *user), void *user)
{
    core->on_silent = on_silent;
    core->silence_user = user;
}

size_t core_listener_count(const struct core *core)
{
    return core->listener_count;
}

int core_listener_address(const struct core *core, size_t index, struct sockaddr_storage *out,
                          socklen_t *size)
{
    return moq_listener_address(core->workers[0]->listeners[index], out, size);
}

/* It never changes, so it may be read from any thread. */
enum quic_congestion core_listener_congestion(const struct core *core, size_t index)
{
    return quic_endpoint_congestion(moq_listener_endpoint(core->workers[0]->listeners[index]));
}

int core_fingerprint(const struct core *core, uint8_t out[QUIC_FINGERPRINT_BYTES])
{
    return quic_tls_fingerprint(core->tls[0], out);
}

int core_pem(const struct core *core, struct quic_pem *pem)
{
    return quic_tls_pem(core->tls[0], pem);
}

/* ---- Counters -------------------------------------------------------------------------------- */

static void add_worker(struct core_stats *stats, const struct core_worker_stats *worker)
{
#define ADD(name, help) stats->total.name += worker->counters.name;
    CORE_COUNTERS(ADD)
#undef ADD
    for (size_t i = 0; i < stats->listener_count; i++) {
        struct quic_endpoint_stats *sum = &stats->listeners[i];
#define ADD(name) sum->name += worker->listeners[i].name;
        QUIC_ENDPOINT_STATS(ADD)
#undef ADD
    }
}

const struct core_stats *core_stats(struct core *core)
{
    struct core_stats *stats = &core->stats;
    uint64_t deadline_ns = clock_monotonic_ns() + CORE_REPORT_NS;
    *stats = (struct core_stats){.listener_count = core->listener_count,
                                 .worker_count = core->worker_count};
    for (size_t i = 0; i < core->worker_count; i++)
        worker_ask(core->workers[i]);
    for (size_t i = 0; i < core->worker_count; i++) {
        worker_stats(core->workers[i], deadline_ns, &stats->workers[i]);
        add_worker(stats, &stats->workers[i]);
    }
    return stats;
}

/* ---- Listings -------------------------------------------------------------------------------- */

/* What one call of core_list_viewers is about. */
struct listing {
    const struct core_viewers_query *query;
    bool (*each)(void *user, const struct core_viewer_row *row);
    void *user;
    struct core_place *next;
    uint64_t deadline_ns;
};

/* The slice of a worker, which it does not have now. NULL: it keeps it too long, or out of
 * memory. */
static struct slice *free_slice(struct core *core, uint32_t worker, uint64_t deadline_ns)
{
    if (!core->slices[worker])
        core->slices[worker] = slice_new();
    struct slice *slice = core->slices[worker];
    return slice && slice_wait(slice, deadline_ns) ? slice : NULL;
}

/* False: the listing ends, and `next` says where. */
static bool pass_rows(const struct listing *listing, const struct slice *slice)
{
    for (size_t i = 0; i < slice->count; i++) {
        if (!listing->each(listing->user, &slice->rows[i]))
            return false;
        listing->next->after = slice->rows[i].place;
    }
    listing->next->after = slice->reached;
    return true;
}

/* Lists one worker, from `next` on. False: as pass_rows. */
static bool list_worker(struct core *core, const struct listing *listing)
{
    uint32_t worker = listing->next->worker;
    for (bool is_end = false; !is_end;) {
        struct slice *slice = free_slice(core, worker, listing->deadline_ns);
        if (!slice)
            return false;
        slice_ask(slice, core->mailboxes[worker], listing->query->path, listing->next->after);
        if (!slice_wait(slice, listing->deadline_ns) || !pass_rows(listing, slice))
            return false;
        is_end = slice->is_end;
    }
    return true;
}

bool core_list_viewers(struct core *core, const struct core_viewers_query *query,
                       bool (*each)(void *user, const struct core_viewer_row *row), void *user,
                       struct core_place *next)
{
    const struct listing listing = {
        .query = query,
        .each = each,
        .user = user,
        .next = next,
        .deadline_ns = clock_monotonic_ns() + CORE_LISTING_NS,
    };
    *next = query->place;
    for (; next->worker < core->worker_count; next->worker++, next->after = 0)
        if (!list_worker(core, &listing))
            return false;
    return true;
}

/* ---- Certificates ---------------------------------------------------------------------------- */

/* Loads the TLS context of one listener. `previous` is the one that it will replace; NULL: none. */
static struct quic_tls *load_tls(const struct relay_config *relay, size_t index,
                                 struct quic_tls *previous, char *error_text)
{
    const struct config_listener *listener = &relay->listen[index];
    struct quic_certificate certificates[CERTIFICATES_MAX];
    struct quic_tls_server_config config = {
        .certificates = certificates,
        .certificate_count = listener->certificate_count,
        .self_signed = (const char *const *)listener->self_signed,
        .self_signed_count = listener->self_signed_count,
        .reset_secret_file = relay->quic.reset_secret,
        .reset_scope = listener->address.text,
        .previous = previous,
    };
    if (listener->certificate_count > CERTIFICATES_MAX) {
        snprintf(error_text, QUIC_ERROR_TEXT_BYTES, "more than %d certificates for %s; remove some",
                 CERTIFICATES_MAX, listener->address.text);
        return NULL;
    }
    for (size_t i = 0; i < listener->certificate_count; i++)
        certificates[i] = (struct quic_certificate){listener->certificates[i].cert,
                                                    listener->certificates[i].key};
    return quic_tls_server_new(&config, error_text);
}

static void on_renewal(uv_timer_t *timer)
{
    struct core *core = timer->data;
    for (size_t i = 0; i < core->listener_count; i++)
        if (quic_tls_renew(core->tls[i], clock_wall_ms()))
            log_info(LOG_TLS, "renewed a self-signed certificate; its fingerprint has changed");
}

static void on_tidying(uv_timer_t *timer)
{
    struct core *core = timer->data;
    if (tidy_is_due(&core->tidy, clock_monotonic_ns(),
                    __atomic_load_n(&core->counts.connections, __ATOMIC_RELAXED),
                    __atomic_load_n(&core->commons.cache_bytes, __ATOMIC_RELAXED)))
        tidy_up();
}

int core_check(const struct relay_config *config, char *error_text)
{
    for (size_t i = 0; i < config->listen_count; i++) {
        struct quic_tls *tls = load_tls(config, i, NULL, error_text);
        if (!tls)
            return MOQ_ERR_TLS;
        quic_tls_unref(&tls);
    }
    return 0;
}

/* ---- The end --------------------------------------------------------------------------------- */

/* All threads have ended: runs the posts that are left in the mailboxes, and those that they
 * send. */
static void run_mailboxes(struct core *core)
{
    size_t count;
    do {
        count = 0;
        for (size_t i = 0; i < core->worker_count; i++)
            count += mailbox_run(&core->workers[i]->mailbox);
    } while (count > 0);
}

static void free_workers(struct core *core)
{
    for (size_t i = 0; i < core->worker_count; i++)
        worker_join(core->workers[i]);
    for (size_t i = 0; i < core->worker_count; i++)
        router_stop(&core->workers[i]->router);
    run_mailboxes(core);
    for (size_t i = 0; i < core->worker_count; i++)
        slice_free(&core->slices[i]);
    for (size_t i = 0; i < core->worker_count; i++)
        router_deinit(&core->workers[i]->router);
    for (size_t i = 0; i < core->worker_count; i++)
        worker_close(core->workers[i]);
    for (size_t i = 0; i < core->worker_count; i++)
        worker_free(&core->workers[i]);
    core->worker_count = 0;
}

static void core_free(struct core *core)
{
    free_workers(core);
    for (size_t i = 0; i < core->listener_count; i++)
        quic_tls_unref(&core->tls[i]);
    router_commons_deinit(&core->commons);
    free(core);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct core *core = handle->data;
    void (*on_stopped)(void *) = core->on_stopped;
    void *user = core->user;
    if (--core->open_handles > 0)
        return;
    core_free(core);
    if (on_stopped)
        on_stopped(user);
}

static void close_handles(struct core *core)
{
    core->open_handles = 3;
    uv_close((uv_handle_t *)&core->renewal, on_handle_closed);
    uv_close((uv_handle_t *)&core->tidying, on_handle_closed);
    uv_close((uv_handle_t *)&core->silence, on_handle_closed);
}

static void on_silence(uv_async_t *silence)
{
    struct core *core = silence->data;
    bool are_all = __atomic_load_n(&core->silent_count, __ATOMIC_ACQUIRE) == core->worker_count;
    if (!are_all || core->open_handles > 0)
        return;
    if (core->on_silent)
        core->on_silent(core->silence_user);
    for (size_t i = 0; i < core->worker_count; i++)
        worker_leave(core->workers[i]);
    close_handles(core);
}

/* On the worker's thread. */
static void on_worker_silent(void *self)
{
    struct core *core = self;
    __atomic_add_fetch(&core->silent_count, 1, __ATOMIC_RELEASE);
    uv_async_send(&core->silence);
}

void core_stop(struct core **pointer, void (*on_stopped)(void *user), void *user)
{
    struct core *core = *pointer;
    *pointer = NULL;
    core->on_stopped = on_stopped;
    core->user = user;
    if (!core->is_running) {
        close_handles(core);
        return;
    }
    for (size_t i = 0; i < core->worker_count; i++)
        worker_end_sessions(core->workers[i]);
}

/* ---- The beginning --------------------------------------------------------------------------- */

uint32_t core_workers_of(const struct relay_config *config)
{
    uint64_t wanted = config->workers ? config->workers : uv_available_parallelism();
    return wanted < CORE_WORKERS_MAX ? (uint32_t)wanted : CORE_WORKERS_MAX;
}

static int make_workers(struct core *core, const struct relay_config *config, char *error_text)
{
    struct worker_config worker = {
        .config = config,
        .count = core_workers_of(config),
        .commons = &core->commons,
        .counts = &core->counts,
        .mailboxes = core->mailboxes,
        .on_silent = on_worker_silent,
        .self = core,
    };
    for (; worker.number < worker.count; worker.number++) {
        struct worker *made = worker_new(&worker, error_text);
        if (!made)
            return MOQ_ERR_NOMEM;
        core->workers[core->worker_count] = made;
        core->mailboxes[core->worker_count++] = &made->mailbox;
    }
    return 0;
}

/* The address as configured, with port 0 replaced by the port that the first worker got. */
static void name_address(const struct core *core, const struct config_listener *listener,
                         size_t index, char out[ADDRESS_BYTES])
{
    struct sockaddr_storage bound;
    socklen_t size;
    unsigned port = 0;
    if (core_listener_address(core, index, &bound, &size) == 0)
        port = ntohs(((const struct sockaddr_in *)(const void *)&bound)->sin_port);
    const char *text = listener->address.text;
    snprintf(out, ADDRESS_BYTES, "%.*s:%u", (int)(strrchr(text, ':') - text), text, port);
}

/* The first worker binds the address, and the others join it in their order, because the kernel
 * numbers the sockets in that order. */
static int listen_on(struct core *core, const struct relay_config *relay, char *error_text)
{
    size_t index = core->listener_count;
    const struct config_listener *listener = &relay->listen[index];
    char address[ADDRESS_BYTES];
    if (index == CORE_LISTENERS_MAX) {
        snprintf(error_text, QUIC_ERROR_TEXT_BYTES, "more than %d listeners; remove some",
                 CORE_LISTENERS_MAX);
        return MOQ_ERR_BOUNDS;
    }
    core->tls[index] = load_tls(relay, index, NULL, error_text);
    if (!core->tls[index])
        return MOQ_ERR_TLS;
    core->listener_count++;
    struct moq_listener_config config = {
        .address = address,
        .tls = core->tls[index],
        .congestion = core_congestion(listener->congestion),
    };
    snprintf(address, sizeof address, "%s", listener->address.text);
    for (size_t i = 0; i < core->worker_count; i++) {
        int error = worker_listen(core->workers[i], &config, error_text);
        if (error)
            return error;
        if (i == 0)
            name_address(core, listener, index, address);
    }
    return 0;
}

/* Without steering, packets are distributed by their sender's address, and workers pass on those of
 * others. */
static void steer_packets(struct core *core, const struct config_listener *listener, size_t index)
{
    int error = 0;
    for (size_t i = 0; i < core->worker_count && !error; i++)
        error = moq_listener_steer(core->workers[i]->listeners[index]);
    if (error)
        log_warn(LOG_CORE,
                 "%s: the kernel cannot steer packets to their workers (%s); "
                 "workers forward them to each other",
                 listener->address.text, strerror(errno));
}

/* Much of the CPU time of a busy relay depends on this, so the log says it. */
static void say_how_packets_are_encrypted(void)
{
    enum quic_aes aes = quic_aes_in_use();
    if (aes != QUIC_AES_SOFTWARE)
        log_info(LOG_TLS, "packets are encrypted by the processor's AES instructions%s",
                 aes == QUIC_AES_WIDE ? ", four blocks at a time" : "");
    else
        log_warn(LOG_TLS, "packets are encrypted in software, at about ten times the cost: this "
                          "processor has no AES instructions, or wolfSSL was built without them "
                          "(dev/deps builds it with them)");
}

static int start_all(struct core *core, const struct relay_config *config, char *error_text)
{
    int error = make_workers(core, config, error_text);
    for (size_t i = 0; !error && i < config->listen_count; i++)
        error = listen_on(core, config, error_text);
    bool has_choice = core->worker_count > 1 && config->quic.has_steering;
    for (size_t i = 0; !error && has_choice && i < config->listen_count; i++)
        steer_packets(core, &config->listen[i], i);
    for (size_t i = 0; !error && i < core->worker_count; i++)
        error = worker_start(core->workers[i]);
    return error;
}

static void init_handles(struct core *core)
{
    uv_timer_init(core->loop, &core->renewal);
    uv_async_init(core->loop, &core->silence, on_silence);
    uv_timer_init(core->loop, &core->tidying);
    core->renewal.data = core->tidying.data = core->silence.data = core;
}

int core_new(struct core **out, uv_loop_t *loop, const struct relay_config *config,
             char *error_text)
{
    struct core *core = calloc(1, sizeof *core);
    int error = core ? 0 : MOQ_ERR_NOMEM;
    if (core) {
        core->loop = loop;
        router_commons_init(&core->commons);
        error = start_all(core, config, error_text);
    }
    if (error) {
        if (error_text[0] == '\0')
            snprintf(error_text, QUIC_ERROR_TEXT_BYTES, "%s", moq_error_words(error));
        if (core)
            core_free(core);
        return error;
    }
    init_handles(core);
    *out = core;
    return 0;
}

void core_run(struct core *core)
{
    say_how_packets_are_encrypted();
    uv_timer_start(&core->renewal, on_renewal, RENEW_MS, RENEW_MS);
    uv_timer_start(&core->tidying, on_tidying, TIDY_LOOK_MS, TIDY_LOOK_MS);
    core->is_running = true;
    for (size_t i = 0; i < core->worker_count; i++)
        worker_run(core->workers[i]);
}

struct reload {
    const struct relay_config *config;
    struct quic_tls *const *tls; /* one for each listener */
};

/* On the worker's thread. */
static void take_configuration(struct worker *worker, void *user)
{
    const struct reload *reload = user;
    for (size_t i = 0; i < worker->listener_count; i++)
        quic_endpoint_set_server_tls(moq_listener_endpoint(worker->listeners[i]), reload->tls[i]);
    worker->router.config = reload->config;
    worker->router.configuration++;
    sources_take_configuration(&worker->router);
}

int core_reload(struct core *core, const struct relay_config *config, char *error_text)
{
    struct quic_tls *fresh[CORE_LISTENERS_MAX] = {0};
    struct reload reload = {.config = config, .tls = fresh};
    for (size_t i = 0; i < core->listener_count; i++) {
        fresh[i] = load_tls(config, i, core->tls[i], error_text);
        if (fresh[i])
            continue;
        while (i-- > 0)
            quic_tls_unref(&fresh[i]);
        return MOQ_ERR_TLS;
    }
    for (size_t i = 0; i < core->worker_count; i++)
        worker_call(core->workers[i], take_configuration, &reload);
    for (size_t i = 0; i < core->listener_count; i++) {
        quic_tls_unref(&core->tls[i]);
        core->tls[i] = fresh[i];
    }
    return 0;
}
