/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Keeps one URL connected: looks the name up, fetches the fingerprint if the URL needs it, races
 * the addresses and agrees on a version. When that fails or the session ends, it tries again, after
 * longer and longer pauses.
 * Tested by tests/unit/native/test_loopback.c. */
#include "native/native.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "base/objects.h"
#include "native/fingerprint.h"
#include "native/loop.h"
#include "native/race.h"
#include "native/resolve.h"
#include "native/socket.h"

enum {
    DEFAULT_TIMEOUT_MS = 10000,
    DEFAULT_FIRST_RETRY_MS = 1000,
    DEFAULT_MOST_RETRY_MS = 30000,
    STABLE_MS = 5000, /* after a session that lived this long, pauses start short again */
};

enum client_state {
    CLIENT_RESTING,    /* until the next attempt, or forever */
    CLIENT_CONNECTING, /* from the lookup to the agreed version */
    CLIENT_CONNECTED,
    CLIENT_FAILING, /* no version was agreed on in time; the session ends */
    CLIENT_CLOSING, /* its owner closes it; the session ends */
    CLIENT_CLOSED,
};

struct moq_client {
    struct native_tenant tenant;
    struct moq_native *native;
    struct moq_client_config config;
    enum client_state state;
    /* NULL: made for each attempt (http:), or could not be made: see `tls_text`. */
    struct quic_tls *tls;
    char tls_text[QUIC_ERROR_TEXT_BYTES];
    struct resolve *resolve;
    struct fingerprint *fingerprint;
    struct address_list list;
    struct race race;
    struct native_socket *socket;
    struct moq_session *session;
    uv_timer_t timer; /* of the state: the next attempt, or a timeout */
    uint64_t connected_ns;
    uint32_t failures; /* in a row */
    unsigned open_handles;
    void (*on_closed)(void *user);
    void *on_closed_user;
};

static void client_try(struct moq_client *client);
static void client_finish(struct moq_client *client);

/* ---- Failing and trying again ---------------------------------------------------------------- */

static uint64_t random_below(uint64_t limit)
{
    uint64_t value = 0;
    if (getrandom(&value, sizeof value, GRND_NONBLOCK) != (ssize_t)sizeof value)
        value = clock_monotonic_ns();
    return limit ? value % limit : 0;
}

/* Doubles with each failure; then a random value from half of that to one and a half times as much,
 * so that not all clients come back to a restarted relay at once. UINT64_MAX: give up. */
static uint64_t next_retry_ms(const struct moq_client *client, int error)
{
    const struct moq_reconnect *reconnect = &client->config.reconnect;
    bool is_hopeless = error == MOQ_ERR_INVALID || error == MOQ_ERR_UNSUPPORTED;
    if (!reconnect->is_enabled || is_hopeless)
        return UINT64_MAX;
    if (reconnect->tries && client->failures >= reconnect->tries)
        return UINT64_MAX;
    uint64_t delay = reconnect->first_ms ? reconnect->first_ms : DEFAULT_FIRST_RETRY_MS;
    uint64_t most = reconnect->most_ms ? reconnect->most_ms : DEFAULT_MOST_RETRY_MS;
    for (uint32_t i = 1; i < client->failures && delay < most; i++)
        delay *= 2;
    if (delay > most)
        delay = most;
    return delay / 2 + random_below(delay + 1);
}

static void on_retry(uv_timer_t *timer)
{
    client_try(timer->data);
}

static void stop_trying(struct moq_client *client)
{
    resolve_cancel(&client->resolve);
    fingerprint_cancel(&client->fingerprint);
    race_stop(&client->race);
    uv_timer_stop(&client->timer);
    client->session = NULL;
}

/* The attempt or the session is over. The owner may close the client in its callback. */
static void client_lost(struct moq_client *client, int error, const char *reason)
{
    bool was_stable = client->state == CLIENT_CONNECTED &&
                      client->native->clock.now_ns - client->connected_ns >= STABLE_MS * NS_PER_MS;
    stop_trying(client);
    client->failures = was_stable ? 1 : client->failures + 1;
    client->state = CLIENT_RESTING;
    uint64_t retry_ms = next_retry_ms(client, error);
    if (retry_ms != UINT64_MAX)
        uv_timer_start(&client->timer, on_retry, retry_ms, 0);
    log_debug(LOG_SESSION, "%s: lost: %s", client->config.url.host, reason);
    if (client->config.events->on_lost)
        client->config.events->on_lost(client, error, reason, retry_ms);
}

static const char no_agreement[] = "timed out: the relay did not answer the session request";

/* Ends a session and waits until it is gone, so that no callback of the session comes after the
 * client's last one. */
static void begin_ending_session(struct moq_client *client, enum client_state state, int error,
                                 uv_timer_cb on_patience_ends)
{
    struct moq_session *session = moq_native_bridge_session(client->race.winner->conn);
    client->state = state;
    uv_timer_start(&client->timer, on_patience_ends, CLOSE_PATIENCE_MS, 0);
    if (session)
        moq_session_close(session, error, error ? moq_error_words(error) : "");
    else
        quic_conn_close(client->race.winner->conn, moq_error_to_wire(error), "");
}

/* ---- One try --------------------------------------------------------------------------------- */

static int on_won(void *user, struct quic_conn *conn, struct moq_session_config *config)
{
    struct moq_client *client = user;
    const struct moq_client_events *events = client->config.events;
    config->events = client->config.session;
    config->offers = client->config.offers;
    config->versions = client->config.versions;
    config->user = client->config.user;
    return events->on_session ? events->on_session(client, conn, config) : 0;
}

static void on_ready(void *user, struct moq_session *session)
{
    struct moq_client *client = user;
    if (client->state != CLIENT_CONNECTING)
        return;
    client->state = CLIENT_CONNECTED;
    client->session = session;
    client->connected_ns = client->native->clock.now_ns;
    uv_timer_stop(&client->timer);
    if (client->config.events->on_connected)
        client->config.events->on_connected(client, session);
}

static void on_lost(void *user, int error, const char *reason)
{
    struct moq_client *client = user;
    if (client->state == CLIENT_CLOSING)
        client_finish(client);
    else if (client->state == CLIENT_FAILING)
        client_lost(client, MOQ_ERR_TIMEOUT, no_agreement);
    else if (client->state != CLIENT_CLOSED)
        client_lost(client, error, reason);
}

static void client_race(struct moq_client *client)
{
    struct race_config config = {
        .socket = client->socket,
        .tls = client->tls,
        .url = &client->config.url,
        .list = &client->list,
        .idle_ns = client->config.idle_ns,
        .keep_alive_ns = client->config.keep_alive_ns,
        .on_won = on_won,
        .on_ready = on_ready,
        .on_lost = on_lost,
        .user = client,
    };
    race_start(&client->race, &config);
}

static void on_fingerprint(void *user, const uint8_t *sha256, const char *reason)
{
    struct moq_client *client = user;
    char text[QUIC_ERROR_TEXT_BYTES] = "";
    client->fingerprint = NULL;
    if (!sha256) {
        client_lost(client, MOQ_ERR_IO, reason);
        return;
    }
    struct quic_tls_client_config config = {.pinned_sha256 = sha256};
    quic_tls_unref(&client->tls);
    client->tls = quic_tls_client_new(&config, text);
    if (!client->tls)
        client_lost(client, MOQ_ERR_TLS, text);
    else
        client_race(client);
}

/* The host has addresses, but none of the family that the socket is bound to. */
static void explain_families(struct moq_client *client, const struct sockaddr_storage *local)
{
    const char *bind = client->native->bind,
               *family = local->ss_family == AF_INET ? "IPv4" : "IPv6";
    char reason[RACE_REASON_BYTES];
    if (bind)
        snprintf(reason, sizeof reason,
                 "the host has no %s address, and the local address %.80s is %s; bind [::]:0, "
                 "which reaches both families",
                 family, bind, family);
    else
        snprintf(reason, sizeof reason, "the host has no %s address, and this machine has only %s",
                 family, family);
    client_lost(client, MOQ_ERR_TRANSPORT, reason);
}

static void on_resolved(void *user, const struct address_list *list, const char *reason)
{
    struct moq_client *client = user;
    client->resolve = NULL;
    if (!list) {
        char text[RACE_REASON_BYTES + MOQ_URL_HOST_BYTES];
        snprintf(text, sizeof text, "cannot resolve %s: %s", client->config.url.host, reason);
        client_lost(client, MOQ_ERR_NAME_LOOKUP, text);
        return;
    }
    struct sockaddr_storage local;
    socklen_t local_size = sizeof local;
    client->list = *list;
    if (quic_udp_address(client->socket->udp, &local, &local_size) == 0)
        address_list_fit(&client->list, &local);
    if (client->list.count == 0) {
        explain_families(client, &local);
        return;
    }
    if (!client->config.url.is_fingerprint_fetched) {
        client_race(client);
        return;
    }
    client->fingerprint =
        fingerprint_start(client->native, &client->config.url, list, on_fingerprint, client);
    if (!client->fingerprint)
        client_lost(client, MOQ_ERR_NOMEM, moq_error_words(MOQ_ERR_NOMEM));
}

static void on_failed(uv_timer_t *timer)
{
    struct moq_client *client = timer->data;
    moq_native_wake(client->native);
    client_lost(client, MOQ_ERR_TIMEOUT, no_agreement);
}

static void on_attempt_timeout(uv_timer_t *timer)
{
    struct moq_client *client = timer->data;
    if (client->race.winner) {
        moq_native_wake(client->native);
        begin_ending_session(client, CLIENT_FAILING, MOQ_ERR_TIMEOUT, on_failed);
        return;
    }
    char silence[RACE_REASON_BYTES];
    snprintf(
        silence, sizeof silence,
        "no answer; does a relay listen on UDP port %u there, and do firewalls let it through?",
        client->config.url.port);
    const char *what = client->resolve       ? "no answer from the name service"
                       : client->fingerprint ? "no answer to GET /fingerprint"
                       : client->race.error != MOQ_ERR_TRANSPORT && *client->race.reason
                           ? client->race.reason
                           : silence;
    char reason[RACE_REASON_BYTES + 32];
    moq_native_wake(client->native);
    snprintf(reason, sizeof reason, "timed out: %s", what);
    client_lost(client, MOQ_ERR_TIMEOUT, reason);
}

static void client_try(struct moq_client *client)
{
    char text[QUIC_ERROR_TEXT_BYTES] = "";
    moq_native_wake(client->native);
    client->state = CLIENT_CONNECTING;
    client->race.reason[0] = '\0';
    struct moq_native_bridge bridge = {.versions = 0};
    race_bridge(&bridge);
    int error = native_socket_share(client->native, &bridge, &client->socket, text);
    if (!error && client->config.refresh)
        error = client->config.refresh(client->config.refresh_user, &client->config.url, text);
    if (client->state != CLIENT_CONNECTING)
        return; /* its owner has closed it there */
    if (error) {
        client_lost(client, error, text);
        return;
    }
    if (!client->tls && !client->config.url.is_fingerprint_fetched) {
        client_lost(client, MOQ_ERR_INVALID, client->tls_text);
        return;
    }
    uint32_t timeout_ms =
        client->config.timeout_ms ? client->config.timeout_ms : DEFAULT_TIMEOUT_MS;
    uv_timer_start(&client->timer, on_attempt_timeout, timeout_ms, 0);
    client->resolve = resolve_start(client->native, client->config.url.host,
                                    client->config.url.port, on_resolved, client);
    if (!client->resolve)
        client_lost(client, MOQ_ERR_NOMEM, moq_error_words(MOQ_ERR_NOMEM));
}

/* ---- Its life -------------------------------------------------------------------------------- */

static void close_tenant(struct native_tenant *tenant)
{
    struct moq_client *client = container_of(tenant, struct moq_client, tenant);
    moq_client_close(&client, 0, NULL, NULL);
}

struct moq_client *moq_client_open(struct moq_native *native,
                                   const struct moq_client_config *config)
{
    struct moq_client *client = calloc(1, sizeof *client);
    if (!client)
        return NULL;
    object_born(OBJECT_client);
    client->native = native;
    client->config = *config;
    if (!config->url.is_fingerprint_fetched)
        client->tls = quic_tls_client_new(&config->tls, client->tls_text);
    uv_timer_init(native->config.loop, &client->timer);
    uv_timer_init(native->config.loop, &client->race.stagger);
    client->open_handles = 2;
    client->timer.data = client->race.stagger.data = client;
    client->tenant.close = close_tenant;
    native_join(native, &client->tenant);
    uv_timer_start(&client->timer, on_retry, 0, 0);
    return client;
}

struct moq_session *moq_client_session(const struct moq_client *client)
{
    return client->state == CLIENT_CONNECTED ? client->session : NULL;
}

struct quic_conn *moq_client_conn(const struct moq_client *client)
{
    return client->state == CLIENT_CONNECTED ? client->race.winner->conn : NULL;
}

void *moq_client_user(const struct moq_client *client)
{
    return client->config.user;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct moq_client *client = handle->data;
    if (--client->open_handles > 0)
        return;
    struct moq_native *native = client->native;
    void (*on_closed)(void *user) = client->on_closed;
    void *user = client->on_closed_user;
    quic_tls_unref(&client->tls);
    free(client);
    object_died(OBJECT_client);
    if (on_closed)
        on_closed(user);
    native_release(native);
}

static void client_finish(struct moq_client *client)
{
    client->state = CLIENT_CLOSED;
    stop_trying(client);
    uv_close((uv_handle_t *)&client->timer, on_handle_closed);
    uv_close((uv_handle_t *)&client->race.stagger, on_handle_closed);
}

static void on_patience_ends(uv_timer_t *timer)
{
    struct moq_client *client = timer->data;
    moq_native_wake(client->native);
    client_finish(client);
}

void moq_client_close(struct moq_client **client_in, int error, void (*on_closed)(void *user),
                      void *user)
{
    struct moq_client *client = *client_in;
    *client_in = NULL;
    if (!client)
        return;
    client->on_closed = on_closed;
    client->on_closed_user = user;
    native_leave(&client->tenant);
    moq_native_wake(client->native);
    if (client->race.winner && client->race.winner->conn)
        begin_ending_session(client, CLIENT_CLOSING, error, on_patience_ends);
    else
        client_finish(client);
}
