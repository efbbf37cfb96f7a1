/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One worker: its listeners, its sweep, its beginning and end. */
#include "server/core/core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/internal.h"

/* How often self-signed certificates are looked at. */
#define RENEW_NS (600 * NS_PER_S)
enum { LISTENERS_MAX = 16, CERTIFICATES_MAX = 64 };

struct core {
    struct router router;
    uv_loop_t *loop;
    struct moq_native *native;
    struct quic_tls *tls[LISTENERS_MAX];
    struct moq_listener *listeners[LISTENERS_MAX];
    size_t listener_count;
    uint64_t next_renew_ns;
    struct core_counters counters; /* the router's, and what its present viewers have got */
    uv_timer_t sweep;
    uint32_t closing;      /* what has still to go: the timer, native */
    size_t open_listeners; /* while stopping */
    void (*on_stopped)(void *user);
    void *user;
};

uv_loop_t *core_loop(const struct core *core)
{
    return core->loop;
}

struct core_hooks *core_hooks(struct core *core)
{
    return &core->router.hooks;
}

size_t core_listener_count(const struct core *core)
{
    return core->listener_count;
}

int core_listener_address(const struct core *core, size_t index, struct sockaddr_storage *out,
                          socklen_t *size)
{
    return moq_listener_address(core->listeners[index], out, size);
}

struct quic_endpoint *core_listener_endpoint(const struct core *core, size_t index)
{
    return moq_listener_endpoint(core->listeners[index]);
}

int core_fingerprint(const struct core *core, uint8_t out[QUIC_FINGERPRINT_BYTES])
{
    return quic_tls_fingerprint(core->tls[0], out);
}

const struct core_counters *core_counters(struct core *core)
{
    router_counters(&core->router, &core->counters);
    return &core->counters;
}

static struct quic_tls *load_tls(const struct config_listener *listener, char *error_text)
{
    struct quic_certificate certificates[CERTIFICATES_MAX];
    struct quic_tls_server_config config = {
        .certificates = certificates,
        .certificate_count = listener->certificate_count,
        .self_signed = (const char *const *)listener->self_signed,
        .self_signed_count = listener->self_signed_count,
    };
    if (listener->certificate_count > CERTIFICATES_MAX) {
        snprintf(error_text, QUIC_ERROR_TEXT_BYTES, "more than %d certificates for %s",
                 CERTIFICATES_MAX, listener->address.text);
        return NULL;
    }
    for (size_t i = 0; i < listener->certificate_count; i++)
        certificates[i] = (struct quic_certificate){listener->certificates[i].cert,
                                                    listener->certificates[i].key};
    return quic_tls_server_new(&config, error_text);
}

static int on_peer(struct moq_listener *listener, const struct moq_peer *peer,
                   struct moq_session_config *config)
{
    struct core *core = moq_listener_user(listener);
    return peer_accept(&core->router, peer, config);
}

static const struct moq_listener_events listener_events = {.on_peer = on_peer};

static int open_listener(struct core *core, const struct config_listener *listener,
                         char *error_text)
{
    size_t index = core->listener_count;
    if (index == LISTENERS_MAX) {
        snprintf(error_text, QUIC_ERROR_TEXT_BYTES, "more than %d listeners", LISTENERS_MAX);
        return MOQ_ERR_BOUNDS;
    }
    struct quic_tls *tls = load_tls(listener, error_text);
    if (!tls)
        return MOQ_ERR_TLS;

    struct moq_listener_config config = {
        .address = listener->address.text,
        .tls = tls,
        .congestion = core_congestion(listener->congestion),
        .events = &listener_events,
        .user = core,
    };
    int error = moq_listener_open(core->native, &config, &core->listeners[index], error_text);
    if (error) {
        quic_tls_unref(&tls);
        return error;
    }
    core->tls[index] = tls;
    core->listener_count++;
    return 0;
}

static void renew_certificates(struct core *core)
{
    for (size_t i = 0; i < core->listener_count; i++)
        if (quic_tls_renew(core->tls[i], clock_wall_ms()))
            log_info(LOG_TLS, "renewed a self-signed certificate: its fingerprint is another now");
}

static void on_sweep(uv_timer_t *timer)
{
    struct core *core = timer->data;
    uint64_t now = clock_monotonic_ns();

    router_sweep(&core->router);
    if (now >= core->next_renew_ns) {
        core->next_renew_ns = now + RENEW_NS;
        renew_certificates(core);
    }
    moq_native_wake(core->native);
}

static struct core *core_new(uv_loop_t *loop, const struct relay_config *config)
{
    struct core *core = calloc(1, sizeof *core);
    if (!core)
        return NULL;
    struct moq_native_config native = {
        .loop = loop,
        .limits = core_quic_limits(config),
        .congestion = core_congestion(config->quic.congestion),
        .qlog_directory = config->quic.qlog,
        .is_keylog_enabled = config->quic.has_key_log,
        .is_gso_disabled = !config->quic.has_gso,
    };
    core->native = moq_native_new(&native);
    if (!core->native) {
        free(core);
        return NULL;
    }
    struct router_config router = {
        .clock = moq_native_clock(core->native), .config = config, .workers = 1};
    if (router_init(&core->router, &router)) {
        moq_native_close(&core->native, NULL, NULL);
        free(core);
        return NULL;
    }
    core->loop = loop;
    core->next_renew_ns = clock_monotonic_ns() + RENEW_NS;
    return core;
}

int core_start(struct core **out, uv_loop_t *loop, const struct relay_config *config,
               char *error_text)
{
    struct core *core = core_new(loop, config);
    if (!core) {
        snprintf(error_text, QUIC_ERROR_TEXT_BYTES, "out of memory");
        return MOQ_ERR_NOMEM;
    }
    uv_timer_init(loop, &core->sweep);
    core->sweep.data = core;
    uv_timer_start(&core->sweep, on_sweep, CORE_SWEEP_MS, CORE_SWEEP_MS);

    for (size_t i = 0; i < config->listen_count; i++) {
        int error = open_listener(core, &config->listen[i], error_text);
        if (error) {
            core_stop(&core, NULL, NULL);
            return error;
        }
    }
    *out = core;
    return 0;
}

int core_check(const struct relay_config *config, char *error_text)
{
    for (size_t i = 0; i < config->listen_count; i++) {
        struct quic_tls *tls = load_tls(&config->listen[i], error_text);
        if (!tls)
            return MOQ_ERR_TLS;
        quic_tls_unref(&tls);
    }
    return 0;
}

int core_reload(struct core *core, const struct relay_config *config, char *error_text)
{
    struct quic_tls *fresh[LISTENERS_MAX] = {0};
    for (size_t i = 0; i < core->listener_count; i++) {
        fresh[i] = load_tls(&config->listen[i], error_text);
        if (fresh[i])
            continue;
        while (i-- > 0)
            quic_tls_unref(&fresh[i]);
        return MOQ_ERR_TLS;
    }
    for (size_t i = 0; i < core->listener_count; i++) {
        quic_endpoint_set_server_tls(core_listener_endpoint(core, i), fresh[i]);
        quic_tls_unref(&core->tls[i]);
        core->tls[i] = fresh[i];
    }
    core->router.config = config;
    list_for_each (node, &core->router.sources) {
        struct moq_cache_limits limits = core_cache_limits(config);
        moq_track_set_cache(container_of(node, struct source, node)->track, &limits);
    }
    return 0;
}

static void free_when_all_gone(struct core *core)
{
    if (--core->closing > 0)
        return;
    for (size_t i = 0; i < core->listener_count; i++)
        quic_tls_unref(&core->tls[i]);
    void (*on_stopped)(void *) = core->on_stopped;
    void *user = core->user;
    free(core);
    if (on_stopped)
        on_stopped(user);
}

static void on_timer_closed(uv_handle_t *handle)
{
    free_when_all_gone(handle->data);
}

static void on_native_closed(void *user)
{
    free_when_all_gone(user);
}

/* All sessions are gone, the clock is still there. */
static void close_router(struct core *core)
{
    router_stop(&core->router);
    router_deinit(&core->router);
    moq_native_close(&core->native, on_native_closed, core);
}

static void on_listener_closed(void *user)
{
    struct core *core = user;
    if (--core->open_listeners == 0)
        close_router(core);
}

void core_stop(struct core **pointer, void (*on_stopped)(void *user), void *user)
{
    struct core *core = *pointer;
    *pointer = NULL;
    core->on_stopped = on_stopped;
    core->user = user;
    core->closing = 2; /* the timer and native */
    uv_timer_stop(&core->sweep);
    uv_close((uv_handle_t *)&core->sweep, on_timer_closed);

    core->open_listeners = core->listener_count;
    if (core->listener_count == 0)
        close_router(core);
    for (size_t i = 0; i < core->listener_count; i++)
        moq_listener_close(&core->listeners[i], on_listener_closed, core);
}
