/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A module in a page: greets every peer in the log, counts them, and keeps them out while the house
 * is closed.
 * Tested by tests/e2e/test_modules.py. */
#include <relay/module.h>

/* Its settings. The relay fills this struct from relay.yaml, before any code below runs. */
struct hello_config {
    const char *greeting;
    bool is_open;
};

static const struct relay_field fields[] = {
    {.name = "greeting",
     .type = RELAY_FIELD_STRING,
     .flags = RELAY_FIELD_RELOADS,
     .offset = offsetof(struct hello_config, greeting),
     .fallback = "hello",
     .help = "what the log says when somebody comes"},
    {.name = "open",
     .type = RELAY_FIELD_BOOL,
     .flags = RELAY_FIELD_RELOADS,
     .offset = offsetof(struct hello_config, is_open),
     .fallback = "true",
     .help = "whether anybody may come in"},
};
static const struct relay_schema schema = RELAY_SCHEMA(struct hello_config, fields);

/* What it keeps on each worker: zeroed memory, as for the peers below. */
struct hello_worker {
    int greeted; /* the index of a counter */
};

static int worker_start(struct relay_worker *worker, const void *config)
{
    struct hello_worker *hello = relay_worker_slot(worker);
    (void)config;
    hello->greeted = relay_counter(relay_worker_self(worker), "greeted");
    return 0;
}

/* What it keeps in each peer. */
struct guest {
    uint64_t came_ns;
};

static enum relay_verdict session_open(struct relay_peer *peer, struct relay_request *request)
{
    struct relay_worker *worker = relay_peer_worker(peer);
    const struct hello_config *config = relay_worker_config(worker);
    const struct hello_worker *hello = relay_worker_slot(worker);
    struct guest *guest = relay_peer_slot(peer);
    guest->came_ns = relay_worker_now_ns(worker);
    if (!config->is_open)
        return relay_request_deny(request, RELAY_DENIED_BUSY, "we are closed");
    relay_log(relay_worker_self(worker), RELAY_INFO, "%s, %s", config->greeting,
              relay_peer_address(peer));
    relay_count(worker, hello->greeted, 1);
    return RELAY_PASS;
}

static void session_close(struct relay_peer *peer)
{
    struct relay_worker *worker = relay_peer_worker(peer);
    const struct guest *guest = relay_peer_slot(peer);
    double stayed_s = (double)(relay_worker_now_ns(worker) - guest->came_ns) / 1e9;
    relay_log(relay_worker_self(worker), RELAY_INFO, "goodbye, %s, after %.1f s",
              relay_peer_address(peer), stayed_s);
}

static const struct relay_hooks hooks = {
    .size = sizeof hooks,
    .session_open = session_open,
    .session_close = session_close,
};

RELAY_MODULE = {
    RELAY_MODULE_HEAD,
    .name = "hello",
    .version = "1.0",
    .config = &schema,
    .hooks = &hooks,
    .peer_slot_bytes = sizeof(struct guest),
    .worker_slot_bytes = sizeof(struct hello_worker),
    .worker_start = worker_start,
};
