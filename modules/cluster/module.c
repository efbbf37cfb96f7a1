/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The cluster module: joins relays, so that what is published on any of them can be watched on any
 * other one.
 * Tested by tests/e2e/test_cluster.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modules/cluster/cluster.h"

struct cluster_dial {
    struct relay_dial *dial;
    const struct cluster_peer *peer;
    struct relay_worker *worker;
    bool is_down_told;
    char name[128]; /* the URL for people: without its query, which may be a token */
};

/* ---- Dials ----------------------------------------------------------------------------------- */

static void on_up(struct relay_dial *dial, struct relay_peer *peer, void *user)
{
    struct cluster_dial *mine = user;
    (void)dial;
    mine->is_down_told = false;
    relay_peer_tell(peer, RELAY_TELL_NOTHING); /* a relay of this kind reads what it needs */
    link_begin(peer, mine->peer->cost);
}

/* Once for each time that it was up. */
static void on_down(struct relay_dial *dial, int error, const char *reason, uint64_t retry_ns,
                    void *user)
{
    struct cluster_dial *mine = user;
    (void)dial, (void)error;
    if (!mine->is_down_told)
        relay_log(relay_worker_self(mine->worker), RELAY_WARN, "%s: %s%s", mine->name, reason,
                  retry_ns == RELAY_NEVER ? "" : "; it is tried again");
    mine->is_down_told = true;
}

/* Another relay may publish and watch everything. NULL: it has no identity. */
static struct relay_grants grants_of_relay(const char *identity)
{
    static const char *const everything[] = {""};
    return (struct relay_grants){.size = sizeof(struct relay_grants),
                                 .is_cluster = true,
                                 .identity = identity,
                                 .publish = everything,
                                 .publish_count = 1,
                                 .subscribe = everything,
                                 .subscribe_count = 1};
}

static int open_dial(struct cluster_dial *mine, const struct cluster_config *config)
{
    static const struct relay_dial_ops ops = {
        .size = sizeof ops, .on_up = on_up, .on_down = on_down};
    const struct relay_grants grants = grants_of_relay(mine->name);
    const struct relay_dial_config dial = {
        .size = sizeof dial,
        .url = mine->peer->url,
        .grants = &grants,
        .silence_ns = config->silence_ns,
        .keep_alive_ns = config->keep_alive_ns,
        .first_retry_ns = UINT64_C(500000000),
        .most_retry_ns = UINT64_C(10000000000),
    };
    return relay_dial_open(mine->worker, &dial, &ops, mine, &mine->dial);
}

static int open_dials(struct cluster_worker *here, const struct cluster_config *config)
{
    here->dials = calloc(config->peer_count + 1, sizeof *here->dials);
    if (!here->dials)
        return RELAY_ERR_NOMEM;
    for (size_t i = 0; i < config->peer_count; i++) {
        here->dials[i].peer = &config->peers[i];
        here->dials[i].worker = here->worker;
        snprintf(here->dials[i].name, sizeof here->dials[i].name, "%.*s",
                 (int)strcspn(config->peers[i].url, "?#"), config->peers[i].url);
        int error = open_dial(&here->dials[i], config);
        if (error)
            return error;
    }
    return 0;
}

/* ---- Hooks ----------------------------------------------------------------------------------- */

static bool is_trusted(const struct relay_peer *peer, const struct cluster_config *config)
{
    return relay_peer_is_cluster(peer) || config->trust == CLUSTER_TRUST_ANYBODY;
}

/* A peer that asks for the map is a relay like this one. */
static void welcome_relay(struct relay_peer *peer)
{
    const struct relay_grants grants = grants_of_relay(NULL);
    if (!relay_peer_is_cluster(peer))
        relay_peer_set_grants(peer, &grants);
    link_begin(peer, 1);
}

static enum relay_verdict on_subscribe(struct relay_peer *peer, struct relay_request *request)
{
    const struct cluster_config *config = relay_worker_config(relay_peer_worker(peer));
    char path[RELAY_PATH_BYTES];
    relay_request_path(request, path, sizeof path);
    if (!relay_path_has_prefix(path, CLUSTER_INTERNAL))
        return RELAY_PASS;
    if (!is_trusted(peer, config))
        return relay_request_deny(request, RELAY_DENIED_UNAUTHORIZED,
                                  "%s is for relays of the cluster", path);
    if (strcmp(path, CLUSTER_MAP) == 0)
        welcome_relay(peer);
    return RELAY_ALLOW;
}

static enum relay_verdict on_announce(struct relay_peer *peer, struct relay_request *request)
{
    char path[RELAY_PATH_BYTES];
    relay_request_path(request, path, sizeof path);
    if (!relay_path_has_prefix(path, CLUSTER_INTERNAL) || relay_peer_is_cluster(peer))
        return RELAY_PASS;
    return relay_request_deny(request, RELAY_DENIED_FORBIDDEN, "%s is for relays of the cluster",
                              path);
}

/* ---- Life ------------------------------------------------------------------------------------ */

static int start_cluster(struct relay_self *self, const void *config)
{
    struct cluster_worker **workers =
        calloc(relay_worker_count(self), sizeof(struct cluster_worker *));
    (void)config;
    if (!workers)
        return relay_fail(self, "out of memory");
    relay_set_data(self, workers);
    return 0;
}

static int worker_start(struct relay_worker *worker, const void *config)
{
    struct cluster_worker *here = cluster_here(worker);
    here->worker = worker;
    list_init(&here->links);
    cluster_workers(worker)[relay_worker_number(worker)] = here;
    if (relay_worker_number(worker) != 0)
        return 0;
    here->hub = hub_new(worker, config);
    int error = here->hub ? open_dials(here, config) : RELAY_ERR_NOMEM;
    return error ? relay_fail(relay_worker_self(worker), "the cluster cannot begin: %s",
                              relay_error_words(error))
                 : 0;
}

static void worker_stop(struct relay_worker *worker)
{
    struct cluster_worker *here = cluster_here(worker);
    const struct cluster_config *config = relay_worker_config(worker);
    for (size_t i = 0; here->dials && i < config->peer_count; i++)
        relay_dial_close(&here->dials[i].dial);
    free(here->dials);
    here->dials = NULL;
    hub_free(&here->hub);
}

static void stop_cluster(struct relay_self *self)
{
    free(relay_data(self));
}

static const struct relay_hooks hooks = {
    .size = sizeof hooks,
    .session_close = link_end,
    .announce = on_announce,
    .subscribe = on_subscribe,
};

RELAY_MODULE = {
    RELAY_MODULE_HEAD,
    .name = "cluster",
    .version = "1.0",
    .config = &cluster_schema,
    .hooks = &hooks,
    .check = cluster_check,
    .start = start_cluster,
    .worker_start = worker_start,
    .worker_stop = worker_stop,
    .stop = stop_cluster,
    .peer_slot_bytes = sizeof(struct link_peer),
    .worker_slot_bytes = sizeof(struct cluster_worker),
};
