/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* native over real sockets on one loop: a listener that publishes a track, and clients who find it,
 * lose it and return. */
#include "native/native.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/objects.h"

enum { PATIENCE_MS = 15000 };

struct world {
    uv_loop_t loop;
    struct moq_native *server, *native;
    struct quic_tls *tls;
    struct moq_listener *listener;
    struct moq_track *published;
    struct moq_client *client;
    struct moq_track *received;
    unsigned connected, lost, sessions_ended, peers;
    int lost_error;
    char lost_reason[256];
    uint64_t retry_ms;
    char peer_path[64];
    bool is_closed, is_patience_over;
    uv_timer_t patience;
};

/* ---- The server: one track ------------------------------------------------------------------- */

static void on_request(struct moq_session *session, struct moq_request *request)
{
    struct world *world = moq_session_user(session);
    struct moq_policy policy = {.latency_ns = NS_PER_S, .priority = 128, .order = MOQ_ORDER_NEWEST};
    if (request->kind == MOQ_REQUEST_SUBSCRIBE)
        moq_request_serve(request, world->published, &policy);
    else
        moq_request_refuse(request, MOQ_ERR_NOT_FOUND);
}

static int on_peer(struct moq_listener *listener, const struct moq_peer *peer,
                   struct moq_session_config *config)
{
    static const struct moq_session_events events = {.on_request = on_request};
    struct world *world = moq_listener_user(listener);
    world->peers++;
    snprintf(world->peer_path, sizeof world->peer_path, "%s", peer->path);
    if (strncmp(peer->path, "/forbidden", strlen("/forbidden")) == 0)
        return MOQ_ERR_REFUSED;
    config->events = &events;
    config->user = world;
    return 0;
}

static uint16_t listen_on(struct world *world, const char *address)
{
    static const struct moq_listener_events events = {.on_peer = on_peer};
    struct moq_listener_config config = {
        .address = address, .tls = world->tls, .events = &events, .user = world};
    char why[QUIC_ERROR_TEXT_BYTES] = "";
    struct sockaddr_storage bound;
    socklen_t size = sizeof bound;
    if (moq_listener_open(world->server, &config, &world->listener, why))
        fail_msg("%s", why);
    assert_int_equal(moq_listener_address(world->listener, &bound, &size), 0);
    return ntohs(((struct sockaddr_in *)(void *)&bound)->sin_port);
}

/* ---- The client ------------------------------------------------------------------------------ */

static void on_connected(struct moq_client *client, struct moq_session *session)
{
    struct world *world = moq_client_user(client);
    assert_ptr_equal(moq_client_session(client), session);
    assert_non_null(moq_client_conn(client));
    assert_ptr_equal(moq_session_user(session), world);
    world->connected++;
}

static void on_lost(struct moq_client *client, int error, const char *reason, uint64_t retry_ms)
{
    struct world *world = moq_client_user(client);
    assert_null(moq_client_session(client));
    world->lost++;
    world->lost_error = error;
    world->retry_ms = retry_ms;
    snprintf(world->lost_reason, sizeof world->lost_reason, "%s", reason);
}

static void on_session_closed(struct moq_session *session, int error, const char *reason)
{
    struct world *world = moq_session_user(session);
    (void)error;
    (void)reason;
    world->sessions_ended++;
}

static struct moq_client_config config_for(struct world *world, const char *format, uint16_t port)
{
    static const struct moq_client_events events = {.on_connected = on_connected,
                                                    .on_lost = on_lost};
    static const struct moq_session_events session = {.on_closed = on_session_closed};
    struct moq_client_config config = {.events = &events, .session = &session, .user = world};
    char text[128];
    snprintf(text, sizeof text, format, port);
    assert_int_equal(moq_url_parse(&config.url, text, NULL), 0);
    config.tls.is_verify_disabled = true;
    return config;
}

/* ---- The world ------------------------------------------------------------------------------- */

static void on_patience(uv_timer_t *timer)
{
    struct world *world = timer->data;
    world->is_patience_over = true;
}

static bool is_connected(struct world *world)
{
    return world->connected > 0;
}

static bool is_lost(struct world *world)
{
    return world->lost > 0;
}

static void run_until(struct world *world, bool (*is_done)(struct world *world))
{
    world->is_patience_over = false;
    uv_timer_start(&world->patience, on_patience, PATIENCE_MS, 0);
    while (!is_done(world) && !world->is_patience_over) {
        uv_run(&world->loop,
               UV_RUN_NOWAIT); /* timers come first, and may be all there is to wait for */
        if (!is_done(world))
            uv_run(&world->loop, UV_RUN_ONCE);
    }
    uv_timer_stop(&world->patience);
    assert_true(is_done(world));
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    assert_int_equal(uv_loop_init(&world->loop), 0);
    uv_timer_init(&world->loop, &world->patience);
    world->patience.data = world;
    struct moq_native_config config = {.loop = &world->loop};
    world->server = moq_native_new(&config);
    world->native = moq_native_new(&config);
    const char *names[] = {"localhost"};
    struct quic_tls_server_config tls = {.self_signed = names, .self_signed_count = 1};
    world->tls = quic_tls_server_new(&tls, NULL);
    assert_non_null(world->tls);

    struct moq_path *path = moq_path_from_text("hello");
    struct moq_track_config track = {.clock = moq_native_clock(world->server), .priority = 128};
    world->published = moq_track_new(path, &track);
    moq_path_unref(&path);
    *state = world;
    return 0;
}

/* Everything that a test left open has to end by itself, and nothing may be left. */
static int tear_down(void **state)
{
    struct world *world = *state;
    moq_client_close(&world->client, 0, NULL, NULL);
    moq_listener_close(&world->listener, NULL, NULL);
    moq_native_close(&world->native, NULL, NULL);
    moq_native_close(&world->server, NULL, NULL);
    moq_track_unref(&world->published);
    moq_track_unref(&world->received);
    uv_close((uv_handle_t *)&world->patience, NULL);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&world->loop), 0);
    quic_tls_unref(&world->tls);
    free(world);
    assert_int_equal(objects_report(stderr), 0);
    return 0;
}

static bool has_hello(struct world *world)
{
    struct moq_group *group = moq_track_newest(world->received);
    return group && moq_group_length(group) == 6;
}

static void write_hello(struct world *world)
{
    struct moq_group *group = NULL;
    moq_native_wake(world->server);
    assert_int_equal(moq_track_open_group(world->published, 7, &group), 0);
    assert_int_equal(moq_track_write_frame(world->published, group, "hello", 5), 0);
    moq_track_finish_group(world->published, group);
}

static void assert_hello_arrives(struct world *world)
{
    static const struct moq_subscription_events events = {.on_closed = NULL};
    static const struct moq_wish wish = {128, MOQ_ORDER_NEWEST, 0, MOQ_NO_GROUP, MOQ_NO_GROUP};
    struct moq_track_config track = {.clock = moq_native_clock(world->native), .priority = 128};
    world->received = moq_track_new(moq_track_path(world->published), &track);
    moq_native_wake(world->native);
    assert_non_null(moq_session_subscribe(moq_client_session(world->client), world->received, &wish,
                                          &events, world));
    write_hello(world);
    run_until(world, has_hello);
    assert_int_equal(moq_track_newest(world->received)->sequence, 7);
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void a_frame_comes_over_webtransport(void **state)
{
    struct world *world = *state;
    uint16_t port = listen_on(world, "127.0.0.1:0");
    struct moq_client_config config = config_for(world, "https://127.0.0.1:%u/demo{20}?x=y", port);
    world->client = moq_client_open(world->native, &config);
    run_until(world, is_connected);
    assert_string_equal(world->peer_path, "/demo%7B20%7D?x=y");
    assert_hello_arrives(world);
}

static bool has_ipv6(void)
{
    struct sockaddr_in6 loopback = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_DGRAM, 0);
    bool is_bound = fd >= 0 && bind(fd, (struct sockaddr *)&loopback, sizeof loopback) == 0;
    if (fd >= 0)
        close(fd);
    return is_bound;
}

static void a_frame_comes_over_raw_quic_and_ipv6(void **state)
{
    struct world *world = *state;
    if (!has_ipv6())
        skip();
    uint16_t port = listen_on(world, "[::1]:0");
    struct moq_client_config config = config_for(world, "moqf://[::1]:%u", port);
    world->client = moq_client_open(world->native, &config);
    run_until(world, is_connected);
    assert_hello_arrives(world);
}

static void a_name_whose_first_address_is_deaf_is_reached_by_the_other(void **state)
{
    struct world *world = *state;
    uint16_t port = listen_on(world, "127.0.0.1:0");
    struct moq_client_config config = config_for(world, "https://localhost:%u", port);
    config.timeout_ms = 8000; /* for both; the deaf one alone is given up after ten seconds */
    world->client = moq_client_open(world->native, &config);
    run_until(world, is_connected);
    assert_int_equal(world->lost, 0);
}

static void every_version_of_ours_is_agreed_on(void **state)
{
    struct world *world = *state;
    uint16_t port = listen_on(world, "127.0.0.1:0");
    const uint32_t versions[] = {MOQ_VERSION_02, MOQ_VERSION_03, MOQ_VERSION_04};
    for (size_t i = 0; i < 3; i++) {
        struct moq_client_config config = config_for(world, "moqf://127.0.0.1:%u", port);
        config.versions = versions[i];
        world->connected = 0;
        world->client = moq_client_open(world->native, &config);
        run_until(world, is_connected);
        assert_int_equal(moq_session_version(moq_client_session(world->client)), versions[i]);
        moq_client_close(&world->client, 0, NULL, NULL);
    }
}

static void nobody_there_is_told_after_the_timeout(void **state)
{
    struct world *world = *state;
    struct moq_client_config config = config_for(world, "https://127.0.0.1:%u", 9);
    config.timeout_ms = 300;
    world->client = moq_client_open(world->native, &config);
    run_until(world, is_lost);
    assert_int_equal(world->lost_error, MOQ_ERR_TIMEOUT);
    assert_true(world->retry_ms == UINT64_MAX);
    assert_int_equal(world->connected, 0);
}

static void a_certificate_nobody_signed_is_refused(void **state)
{
    struct world *world = *state;
    uint16_t port = listen_on(world, "127.0.0.1:0");
    struct moq_client_config config = config_for(world, "https://127.0.0.1:%u", port);
    config.tls.is_verify_disabled = false;
    world->client = moq_client_open(world->native, &config);
    run_until(world, is_lost);
    assert_int_equal(world->lost_error, MOQ_ERR_TLS);
    assert_int_equal(world->connected, 0);
}

static void a_missing_root_file_is_told_and_not_from_inside(void **state)
{
    struct world *world = *state;
    const char *files[] = {"/nonexistent/roots.pem"};
    struct moq_client_config config = config_for(world, "https://127.0.0.1:%u", 9);
    config.tls = (struct quic_tls_client_config){.root_files = files, .root_file_count = 1};
    world->client = moq_client_open(world->native, &config);
    assert_int_equal(world->lost, 0);
    run_until(world, is_lost);
    assert_int_equal(world->lost_error, MOQ_ERR_INVALID);
    assert_string_equal(world->lost_reason, "/nonexistent/roots.pem: No such file or directory");
}

static void an_unknown_host_is_told(void **state)
{
    struct world *world = *state;
    struct moq_client_config config = config_for(world, "https://host.invalid:%u", 4443);
    world->client = moq_client_open(world->native, &config);
    run_until(world, is_lost);
    assert_true(world->lost_error == MOQ_ERR_NAME_LOOKUP || world->lost_error == MOQ_ERR_TIMEOUT);
}

static void a_refused_peer_learns_it(void **state)
{
    struct world *world = *state;
    uint16_t port = listen_on(world, "127.0.0.1:0");
    struct moq_client_config config = config_for(world, "https://127.0.0.1:%u/forbidden", port);
    world->client = moq_client_open(world->native, &config);
    run_until(world, is_lost);
    assert_int_equal(world->connected, 0);
    assert_int_equal(world->peers, 1);
}

static void on_closed(void *user)
{
    struct world *world = user;
    world->is_closed = true;
}

static bool is_closed(struct world *world)
{
    return world->is_closed;
}

static void a_client_returns_when_its_server_does(void **state)
{
    struct world *world = *state;
    char address[32];
    uint16_t port = listen_on(world, "127.0.0.1:0");
    struct moq_client_config config = config_for(world, "https://127.0.0.1:%u", port);
    config.reconnect = (struct moq_reconnect){.is_enabled = true, .first_ms = 100, .most_ms = 200};
    world->client = moq_client_open(world->native, &config);
    run_until(world, is_connected);

    moq_listener_close(&world->listener, on_closed, world);
    run_until(world, is_lost);
    assert_true(world->retry_ms >= 50 && world->retry_ms <= 150);
    assert_int_equal(world->sessions_ended, 1);

    run_until(world, is_closed);
    world->connected = 0;
    snprintf(address, sizeof address, "127.0.0.1:%u", port);
    listen_on(world, address);
    run_until(world, is_connected);
}

/* Puts a number into the query; the third time there is none. */
static int refresh_url(void *user, struct moq_url *url, char *error_text)
{
    static const char *const values[] = {"one", "two"};
    unsigned *attempts = user;
    if (*attempts == 2) {
        snprintf(error_text, QUIC_ERROR_TEXT_BYTES, "no value is left");
        return MOQ_ERR_IO;
    }
    return moq_url_set_parameter(url, "jwt", values[(*attempts)++]);
}

static void a_url_is_refreshed_before_each_attempt(void **state)
{
    static const char *const paths[] = {"/forbidden?a=b&jwt=one", "/forbidden?a=b&jwt=two"};
    struct world *world = *state;
    uint16_t port = listen_on(world, "127.0.0.1:0");
    struct moq_client_config config = config_for(world, "https://127.0.0.1:%u/forbidden?a=b", port);
    unsigned attempts = 0;
    config.reconnect = (struct moq_reconnect){.is_enabled = true, .first_ms = 10, .most_ms = 20};
    config.refresh = refresh_url;
    config.refresh_user = &attempts;
    world->client = moq_client_open(world->native, &config);
    for (int i = 0; i < 2; i++) {
        run_until(world, is_lost);
        assert_string_equal(world->peer_path, paths[i]);
        world->lost = 0;
    }
    run_until(world, is_lost);
    assert_int_equal(world->lost_error, MOQ_ERR_IO);
    assert_string_equal(world->lost_reason, "no value is left");
    assert_int_equal(world->peers, 2);
}

static void tries_are_counted_and_then_given_up(void **state)
{
    struct world *world = *state;
    struct moq_client_config config = config_for(world, "https://127.0.0.1:%u", 9);
    config.timeout_ms = 50;
    config.reconnect =
        (struct moq_reconnect){.is_enabled = true, .first_ms = 10, .most_ms = 20, .tries = 3};
    world->client = moq_client_open(world->native, &config);
    while (world->retry_ms != UINT64_MAX)
        uv_run(&world->loop, UV_RUN_ONCE);
    assert_int_equal(world->lost, 3);
}

static void closing_ends_the_session_before_it_is_told(void **state)
{
    struct world *world = *state;
    uint16_t port = listen_on(world, "127.0.0.1:0");
    struct moq_client_config config = config_for(world, "https://127.0.0.1:%u", port);
    world->client = moq_client_open(world->native, &config);
    run_until(world, is_connected);
    moq_client_close(&world->client, 0, on_closed, world);
    assert_null(world->client);
    assert_int_equal(world->sessions_ended, 0);
    run_until(world, is_closed);
    assert_int_equal(world->sessions_ended, 1);
    assert_int_equal(world->lost, 0);
}

static void closing_at_any_moment_leaves_nothing_behind(void **state)
{
    struct world *world = *state;
    uint16_t port = listen_on(world, "127.0.0.1:0");
    for (int turns = 0; turns < 30; turns++) {
        struct moq_client_config config = config_for(world, "https://localhost:%u", port);
        world->is_closed = false;
        world->client = moq_client_open(world->native, &config);
        for (int i = 0; i < turns; i++)
            uv_run(&world->loop, UV_RUN_NOWAIT);
        moq_client_close(&world->client, 0, on_closed, world);
        run_until(world, is_closed);
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_frame_comes_over_webtransport),
        CASE(a_frame_comes_over_raw_quic_and_ipv6),
        CASE(a_name_whose_first_address_is_deaf_is_reached_by_the_other),
        CASE(every_version_of_ours_is_agreed_on),
        CASE(nobody_there_is_told_after_the_timeout),
        CASE(a_certificate_nobody_signed_is_refused),
        CASE(a_missing_root_file_is_told_and_not_from_inside),
        CASE(an_unknown_host_is_told),
        CASE(a_refused_peer_learns_it),
        CASE(a_client_returns_when_its_server_does),
        CASE(a_url_is_refreshed_before_each_attempt),
        CASE(tries_are_counted_and_then_given_up),
        CASE(closing_ends_the_session_before_it_is_told),
        CASE(closing_at_any_moment_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
