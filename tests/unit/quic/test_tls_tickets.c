/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A client that resumes its session, whatever happens to its tickets and to the keys that sealed
 * them: a ticket that cannot be opened costs a full handshake, and nothing else. */
#include "tests/sim/prologue.h"

#include "quic/conn.h"
#include "quic/tls.h"
#include "quic/tls_tickets.h"

enum { MINUTE_S = 60 };

static struct quic_tls *new_server(void)
{
    static const char *const name = "localhost";
    const struct quic_tls_server_config config = {.self_signed = &name, .self_signed_count = 1};
    struct quic_tls *tls = quic_tls_server_new(&config, NULL);
    assert_non_null(tls);
    return tls;
}

static void damage_ticket(WOLFSSL *ssl, size_t at)
{
    uint8_t ticket[1024];
    word32 n = sizeof ticket;
    assert_int_equal(wolfSSL_get_SessionTicket(ssl, ticket, &n), WOLFSSL_SUCCESS);
    assert_true(at < n);
    ticket[at]++;
    assert_int_equal(wolfSSL_set_SessionTicket(ssl, ticket, n), WOLFSSL_SUCCESS);
}

/* As a process does that dials again and again through one configuration. */
struct resuming {
    struct pair pair;
    struct quic_tls *server, *client;
    WOLFSSL_SESSION *session;
};

/* Dials with the session of the time before and keeps the new one. `damaged`: a byte of the ticket
 * that is another one; -1: none. Returns whether the session was resumed. */
static bool dial_with(struct resuming *self, int damaged)
{
    struct pair *pair = &self->pair;
    const struct quic_connect_config config = {.tls = self->client,
                                               .protocol = QUIC_PROTOCOL_RAW,
                                               .server_name = "localhost",
                                               .user = &pair->client};
    int connected = pair->client.connected;
    struct quic_conn *conn = sim_connect(pair->sim, pair->client_node, pair->server_node, &config);
    assert_non_null(conn);
    WOLFSSL *ssl = tls_session_native(conn->tls);
    if (self->session)
        assert_int_equal(wolfSSL_set_session(ssl, self->session), WOLFSSL_SUCCESS);
    if (damaged >= 0)
        damage_ticket(ssl, (size_t)damaged);
    sim_run(pair->sim, NS_PER_S); /* the ticket comes later than the session */
    assert_int_equal(pair->client.connected, connected + 1);

    bool is_resumed = wolfSSL_session_reused(ssl);
    wolfSSL_SESSION_free(self->session);
    self->session = wolfSSL_get1_session(ssl);
    quic_conn_close(conn, 0, "");
    sim_run(pair->sim, NS_PER_S);
    return is_resumed;
}

static bool dial_again(struct resuming *self)
{
    return dial_with(self, -1);
}

/* A client without a ticket comes and gets one. */
static void dial_as_another(struct resuming *self)
{
    WOLFSSL_SESSION *kept = self->session;
    self->session = NULL;
    assert_false(dial_again(self));
    wolfSSL_SESSION_free(self->session);
    self->session = kept;
}

/* Ends with the first ticket of a new server. */
static void start_resuming(struct resuming *self)
{
    const struct pair_setup setup = {.seed = 9, .protocol = QUIC_PROTOCOL_RAW};
    const struct quic_tls_client_config config = {.is_verify_disabled = true};
    *self = (struct resuming){.server = new_server(), .client = quic_tls_client_new(&config, NULL)};
    pair_init(&self->pair, &setup);
    self->pair.server_config.server_tls = self->server;
    pair_start(&self->pair);
    assert_false(dial_again(self));
}

static void end_resuming(struct resuming *self)
{
    wolfSSL_SESSION_free(self->session);
    quic_tls_unref(&self->client);
    pair_deinit(&self->pair);
    quic_tls_unref(&self->server);
}

static void pass_minutes(struct resuming *self, unsigned minutes)
{
    sim_run(self->pair.sim, minutes * MINUTE_S * NS_PER_S);
}

static void a_session_is_resumed_any_number_of_times_in_a_row(void **state)
{
    (void)state;
    enum { DIALS = 606 };
    struct resuming resuming;
    start_resuming(&resuming);

    int full = 0;
    for (int i = 0; i < DIALS; i++)
        full += !dial_again(&resuming);

    assert_int_equal(full, DIALS / (TICKET_RESUMPTIONS_MAX + 1));
    end_resuming(&resuming);
}

/* The name of the key, the number of resumptions, the nonce, what is sealed. */
static void a_changed_ticket_means_a_full_handshake(void **state)
{
    (void)state;
    static const int places[] = {0, WOLFSSL_TICKET_NAME_SZ - 1, WOLFSSL_TICKET_NAME_SZ, 60};
    struct resuming resuming;
    start_resuming(&resuming);

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        assert_true(dial_again(&resuming));
        assert_false(dial_with(&resuming, places[i]));
    }
    end_resuming(&resuming);
}

static void tickets_of_the_key_before_are_still_opened(void **state)
{
    (void)state;
    struct resuming resuming;
    start_resuming(&resuming);

    for (int i = 0; i < 5; i++) {
        pass_minutes(&resuming, 90);
        dial_as_another(&resuming); /* which makes the server change its key */
        assert_true(dial_again(&resuming));
    }
    end_resuming(&resuming);
}

static void tickets_of_a_key_of_two_hours_mean_a_full_handshake(void **state)
{
    (void)state;
    struct resuming resuming;
    start_resuming(&resuming);

    pass_minutes(&resuming, 121); /* nobody has come, so it is the newest key still */
    assert_false(dial_again(&resuming));

    assert_true(dial_again(&resuming));
    end_resuming(&resuming);
}

static void tickets_of_a_key_before_the_last_two_mean_a_full_handshake(void **state)
{
    (void)state;
    struct resuming resuming;
    start_resuming(&resuming);

    for (int i = 0; i < 2; i++) {
        pass_minutes(&resuming, 61);
        dial_as_another(&resuming);
    }
    assert_false(dial_again(&resuming));

    assert_true(dial_again(&resuming));
    end_resuming(&resuming);
}

static void a_restarted_server_makes_a_full_handshake(void **state)
{
    (void)state;
    struct resuming resuming;
    start_resuming(&resuming);
    struct pair *pair = &resuming.pair;

    quic_tls_unref(&resuming.server);
    resuming.server = pair->server_config.server_tls = new_server();
    assert_int_equal(sim_restart_endpoint(pair->sim, pair->server_node, &pair->server_config), 0);
    assert_false(dial_again(&resuming));

    assert_true(dial_again(&resuming));
    end_resuming(&resuming);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_is_resumed_any_number_of_times_in_a_row),
        cmocka_unit_test(a_changed_ticket_means_a_full_handshake),
        cmocka_unit_test(tickets_of_the_key_before_are_still_opened),
        cmocka_unit_test(tickets_of_a_key_of_two_hours_mean_a_full_handshake),
        cmocka_unit_test(tickets_of_a_key_before_the_last_two_mean_a_full_handshake),
        cmocka_unit_test(a_restarted_server_makes_a_full_handshake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
