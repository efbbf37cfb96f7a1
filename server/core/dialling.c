/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Dials: a client of native/ whose sessions are peers of the router.
 * Tested by tests/unit/core/test_dial.c. */
#include "server/core/dialling.h"

#include <stdlib.h>

#include "base/objects.h"
#include "server/core/core.h"
#include "server/core/peer_session.h"

struct core_dial {
    struct list node;          /* router.dials */
    struct router *router;     /* NULL: it is gone */
    struct moq_client *client; /* NULL: the worker has ended its sessions */
    struct grants *grants;     /* a reference; NULL: none */
    struct core_peer *peer;    /* of the present session; NULL: there is none */
    bool is_over;              /* its owner was told that there will be no session any more */
    const struct core_dial_ops *ops;
    void *user;
};

static int on_session(struct moq_client *client, struct quic_conn *conn,
                      struct moq_session_config *config)
{
    struct core_dial *dial = moq_client_user(client);
    const struct moq_peer info = {
        .conn = conn,
        .protocol = quic_conn_protocol(conn),
        .path = quic_conn_path(conn),
        .server_name = quic_conn_server_name(conn),
        .address = quic_conn_remote(conn),
    };
    return peer_dial(dial->router, &info, dial->grants, config, &dial->peer);
}

static void on_connected(struct moq_client *client, struct moq_session *session)
{
    struct core_dial *dial = moq_client_user(client);
    (void)session;
    dial->ops->on_up(dial->user, dial->peer);
}

/* This follows the end of the session, and with that the death of the peer. If there was no memory
 * for a session, there is a peer without one. */
static void on_lost(struct moq_client *client, int error, const char *reason, uint64_t retry_ms)
{
    struct core_dial *dial = moq_client_user(client);
    if (dial->peer)
        peer_abandon(dial->peer);
    dial->is_over = retry_ms == UINT64_MAX;
    dial->ops->on_down(dial->user, error, reason, retry_ms);
}

static const struct moq_client_events client_events = {
    .on_session = on_session,
    .on_connected = on_connected,
    .on_lost = on_lost,
};

static void free_dial(struct core_dial *dial)
{
    if (dial->router)
        dial->router->dial_count--;
    list_remove(&dial->node);
    grants_unref(&dial->grants);
    free(dial);
    object_died(OBJECT_dial);
}

/* NULL: out of memory. */
static struct core_dial *new_dial(struct router *router, const struct core_dial_ops *ops,
                                  void *user)
{
    struct core_dial *dial = calloc(1, sizeof *dial);
    if (!dial)
        return NULL;
    *dial = (struct core_dial){.router = router, .ops = ops, .user = user};
    list_push_back(&router->dials, &dial->node);
    router->dial_count++;
    object_born(OBJECT_dial);
    return dial;
}

static struct moq_client *open_client(const struct core_worker *worker, struct core_dial *dial,
                                      const struct core_dial_config *config)
{
    const struct moq_client_config client = {
        .url = config->url,
        .tls = config->tls,
        .events = &client_events,
        .reconnect = config->reconnect,
        .idle_ns = config->idle_ns,
        .keep_alive_ns = config->keep_alive_ns,
        .user = dial,
        .refresh = config->refresh,
        .refresh_user = dial->user,
    };
    return moq_client_open(worker->native, &client);
}

int core_dial_open(const struct core_worker *worker, const struct core_dial_config *config,
                   const struct core_dial_ops *ops, void *user, struct core_dial **out)
{
    struct router *router = worker->router;
    if (router->is_dialling_over)
        return MOQ_ERR_CLOSED;
    if (router->dial_count >= CORE_DIALS_MAX)
        return MOQ_ERR_BOUNDS;
    struct core_dial *dial = new_dial(router, ops, user);
    if (!dial)
        return MOQ_ERR_NOMEM;
    int error =
        config->grants ? grants_new(config->grants, router_wall_ms(router), &dial->grants) : 0;
    if (!error) {
        dial->client = open_client(worker, dial, config);
        error = dial->client ? 0 : MOQ_ERR_NOMEM;
        router->dial_clients += dial->client != NULL;
    }
    if (error)
        free_dial(dial);
    else
        *out = dial;
    return error;
}

static void on_client_closed(void *user)
{
    struct router *router = user;
    if (--router->dial_clients == 0 && router->on_dials_over)
        router->on_dials_over(router->dials_over_user);
}

static void close_client(struct core_dial *dial, int error)
{
    moq_client_close(&dial->client, error, on_client_closed, dial->router);
}

void core_dial_close(struct core_dial **out, int error)
{
    struct core_dial *dial = *out;
    *out = NULL;
    if (!dial)
        return;
    if (dial->peer)
        dial->peer->dialled = NULL; /* it dies with its session, later */
    if (dial->client)
        close_client(dial, error);
    free_dial(dial);
}

void dials_deinit(struct router *router)
{
    for (struct list *node; (node = list_pop_front(&router->dials));)
        container_of(node, struct core_dial, node)->router = NULL;
}

static struct core_dial *next_open(const struct router *router)
{
    list_for_each (node, &router->dials) {
        struct core_dial *dial = container_of(node, struct core_dial, node);
        if (dial->client)
            return dial;
    }
    return NULL;
}

/* Owners may close any dial when they are told. */
bool dials_end(struct router *router, void (*on_over)(void *user), void *user)
{
    struct core_dial *dial;
    router->is_dialling_over = true;
    while ((dial = next_open(router))) {
        close_client(dial, 0);
        if (!dial->is_over)
            dial->ops->on_down(dial->user, MOQ_ERR_CANCELLED, "the relay stops", UINT64_MAX);
    }
    if (router->dial_clients == 0)
        return false;
    router->on_dials_over = on_over;
    router->dials_over_user = user;
    return true;
}
