/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Happy Eyeballs (RFC 8305): one attempt to reach a host with several addresses. Connections are
 * started one after the other, a little apart, and the first whose handshake succeeds is kept; a
 * broken address family costs a short delay instead of a timeout.
 * Tested by tests/unit/native/test_loopback.c. */
#include "native/race.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"

static void begin_next_attempt(struct race *race);

static void drop_attempt(struct race_attempt *attempt)
{
    struct quic_conn *conn = attempt->conn;
    attempt->conn = NULL;
    if (conn)
        moq_native_bridge_forget(conn);
}

static void drop_attempts_but(struct race *race, const struct race_attempt *kept)
{
    uv_timer_stop(&race->stagger);
    for (size_t i = 0; i < race->begun; i++)
        if (&race->attempts[i] != kept)
            drop_attempt(&race->attempts[i]);
}

static bool is_any_running(const struct race *race)
{
    for (size_t i = 0; i < race->begun; i++)
        if (race->attempts[i].conn)
            return true;
    return false;
}

static void on_stagger(uv_timer_t *timer)
{
    struct race *race = container_of(timer, struct race, stagger);
    moq_native_wake(race->config.socket->native);
    begin_next_attempt(race);
}

static struct quic_conn *dial_address(struct race *race, struct race_attempt *attempt,
                                      const struct sockaddr *remote)
{
    const struct moq_url *url = race->config.url;
    struct native_socket *socket = race->config.socket;
    struct sockaddr_storage local;
    socklen_t local_size = sizeof local;
    if (quic_udp_address(socket->udp, &local, &local_size))
        return NULL;

    char authority[MOQ_URL_HOST_BYTES + 10], path[MOQ_URL_PATH_BYTES];
    moq_url_request_path(url, path);
    snprintf(authority, sizeof authority, strchr(url->host, ':') ? "[%s]:%u" : "%s:%u", url->host,
             url->port);
    struct quic_connect_config config = {
        .tls = race->config.tls,
        .protocol = url->protocol,
        .server_name = url->host,
        .authority = authority,
        .url_path = path,
        .local = (const struct sockaddr *)&local,
        .local_size = local_size,
        .remote = remote,
        .remote_size = address_size(remote),
        .idle_ns = race->config.idle_ns,
        .keep_alive_ns = race->config.keep_alive_ns,
    };
    return moq_native_bridge_connect(&socket->bridge, quic_udp_endpoint(socket->udp), &config,
                                     attempt);
}

static void begin_next_attempt(struct race *race)
{
    while (race->begun < race->list.count) {
        const struct sockaddr *remote = (const void *)&race->list.items[race->begun];
        struct race_attempt *attempt = &race->attempts[race->begun++];
        char text[ADDRESS_TEXT_BYTES];
        log_debug(LOG_QUIC, "trying %s", address_text(remote, text));
        attempt->race = race;
        attempt->conn = dial_address(race, attempt, remote);
        if (!attempt->conn)
            continue;
        moq_native_wake(race->config.socket->native);
        if (race->begun < race->list.count)
            uv_timer_start(&race->stagger, on_stagger, RACE_STAGGER_MS, 0);
        return;
    }
    if (!is_any_running(race))
        race->config.on_lost(race->config.user, race->error, race->reason);
}

static int on_client(void *self, void *user, struct quic_conn *conn,
                     struct moq_session_config *config)
{
    struct race_attempt *attempt = user;
    struct race *race = attempt->race;
    (void)self;
    if (race->winner)
        return MOQ_ERR_CANCELLED;
    race->winner = attempt;
    drop_attempts_but(race, attempt);
    return race->config.on_won(race->config.user, conn, config);
}

static void on_ready(void *self, void *user, struct moq_session *session)
{
    struct race_attempt *attempt = user;
    (void)self;
    attempt->race->config.on_ready(attempt->race->config.user, session);
}

static void on_lost(void *self, void *user, int error, const char *reason)
{
    struct race_attempt *attempt = user;
    struct race *race = attempt->race;
    (void)self;
    attempt->conn = NULL;
    race->error = error;
    snprintf(race->reason, sizeof race->reason, "%s",
             reason && *reason ? reason : moq_error_words(error));
    if (race->winner)
        race->config.on_lost(race->config.user, race->error, race->reason);
    else
        begin_next_attempt(race);
}

void race_bridge(struct moq_native_bridge *bridge)
{
    bridge->on_client = on_client;
    bridge->on_ready = on_ready;
    bridge->on_lost = on_lost;
}

void race_start(struct race *race, const struct race_config *config)
{
    race->config = *config;
    race->list = *config->list;
    race->winner = NULL;
    race->begun = 0;
    race->error = MOQ_ERR_TRANSPORT;
    snprintf(race->reason, sizeof race->reason, "none of the host's addresses can be tried");
    begin_next_attempt(race);
}

void race_stop(struct race *race)
{
    drop_attempts_but(race, NULL);
    race->winner = NULL;
}
