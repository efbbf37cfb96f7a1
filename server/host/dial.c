/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Sessions that modules have the relay open.
 * Tested by tests/abi/test_dial.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/core.h"
#include "server/host/internal.h"

_Static_assert((int)RELAY_DIALS_MAX == (int)CORE_DIALS_MAX, "one is the other");

struct relay_dial {
    struct host_handle head;
    struct list node; /* relay_worker.dials */
    struct core_dial *core;
    struct relay_dial_ops ops;
    void *user;
};

static void on_up(void *user, struct core_peer *peer)
{
    struct relay_dial *dial = user;
    struct relay_peer *handle = hooks_peer(dial->head.worker, peer);
    handle->was_asked = true; /* the module knows it from now on, so it is told of its end */
    if (dial->ops.on_up)
        dial->ops.on_up(dial, handle, dial->user);
}

static void on_down(void *user, int error, const char *reason, uint64_t retry_ms)
{
    struct relay_dial *dial = user;
    uint64_t retry_ns = retry_ms == UINT64_MAX ? RELAY_NEVER : retry_ms * NS_PER_MS;
    if (dial->ops.on_down)
        dial->ops.on_down(dial, host_error(error), reason, retry_ns, dial->user);
}

static const struct core_dial_ops dial_ops = {.on_up = on_up, .on_down = on_down};

/* Before each attempt. */
static int put_token(void *user, struct moq_url *url, char *error_text)
{
    struct relay_dial *dial = user;
    const char *token = dial->ops.token(dial, dial->user);
    if (!token || !*token)
        return 0;
    int error = moq_url_set_parameter(url, MOQ_URL_TOKEN, token);
    if (error)
        snprintf(error_text, QUIC_ERROR_TEXT_BYTES, "the token is too long for a URL");
    return error;
}

/* What is not 0 does not become 0, which is the default. */
static uint32_t whole_ms(uint64_t ns)
{
    uint64_t ms = ns / NS_PER_MS + (ns % NS_PER_MS != 0);
    return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

/* The defaults of what the module leaves 0 are those of the libraries below. */
static int fill_config(struct core_dial_config *config, const struct relay_dial_config *from,
                       const struct relay_dial *dial)
{
    config->idle_ns = from->silence_ns;
    config->keep_alive_ns = from->keep_alive_ns;
    config->reconnect.is_enabled = true;
    config->reconnect.first_ms = whole_ms(from->first_retry_ns);
    config->reconnect.most_ms = whole_ms(from->most_retry_ns);
    const struct config_tls *tls = &dial->head.worker->relay->tls;
    config->tls.is_verify_disabled = from->is_insecure || !tls->is_verified;
    config->tls.pinned_sha256 = from->pinned_sha256;
    bool has_roots = from->root_file_count > 0;
    config->tls.root_files = has_roots ? from->root_files : (const char *const *)tls->roots;
    config->tls.root_file_count = has_roots ? from->root_file_count : tls->root_count;
    config->refresh = dial->ops.token ? put_token : NULL;
    return from->url && moq_url_parse(&config->url, from->url, NULL) == 0 ? 0 : MOQ_ERR_INVALID;
}

struct opening {
    struct relay_dial *dial;
    struct core_dial_config config;
};

static int open_core(void *subject, const struct core_grants *grants)
{
    struct opening *opening = subject;
    struct relay_dial *dial = opening->dial;
    opening->config.grants = grants;
    return core_dial_open(dial->head.worker->core, &opening->config, &dial_ops, dial, &dial->core);
}

/* Returns an enum relay_error. */
static int open_dial(struct relay_dial *dial, const struct relay_dial_config *from)
{
    struct opening opening = {.dial = dial};
    int error = fill_config(&opening.config, from, dial);
    if (error)
        return host_error(error);
    return from->grants ? host_with_grants(from->grants, open_core, &opening)
                        : host_error(open_core(&opening, NULL));
}

int relay_dial_open(struct relay_worker *worker, const struct relay_dial_config *given,
                    const struct relay_dial_ops *ops, void *user, struct relay_dial **out)
{
    *out = NULL;
    if (!FITS(worker, HOST_WORKER) || !given || worker->ops.peer_slot_bytes == 0)
        return RELAY_ERR_INVALID;
    struct relay_dial_config config = {.size = 0};
    memcpy(&config, given, host_struct_bytes(given->size, sizeof config));
    struct relay_dial *dial = calloc(1, sizeof *dial);
    if (!dial)
        return RELAY_ERR_NOMEM;
    *dial = (struct relay_dial){.head = {HOST_DIAL, worker}, .user = user};
    if (ops)
        memcpy(&dial->ops, ops, host_struct_bytes(ops->size, sizeof dial->ops));
    int error = open_dial(dial, &config);
    if (error) {
        free(dial);
        return error;
    }
    list_push_back(&worker->dials, &dial->node);
    *out = dial;
    return 0;
}

static void close_dial(struct relay_dial *dial)
{
    dial->head.magic = 0;
    list_remove(&dial->node);
    core_dial_close(&dial->core, 0);
    free(dial);
}

void relay_dial_close(struct relay_dial **dial)
{
    struct relay_dial *closed = dial ? *dial : NULL;
    if (dial)
        *dial = NULL;
    if (closed && FITS(closed, HOST_DIAL))
        close_dial(closed);
}

void dials_close_forgotten(struct relay_worker *worker)
{
    while (!list_is_empty(&worker->dials))
        close_dial(container_of(worker->dials.next, struct relay_dial, node));
}
