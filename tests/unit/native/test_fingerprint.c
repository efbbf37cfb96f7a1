/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* http: URLs: the certificate that GET /fingerprint names is trusted, and no other; a bad answer
 * fails the attempt and nothing else. */
#include "native/native.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/list.h"
#include "base/objects.h"

enum { PATIENCE_MS = 15000, WEB_CONNECTIONS = 8 };

struct world {
    uv_loop_t loop;
    struct moq_native *native;
    struct quic_tls *tls;
    struct moq_listener *listener;
    struct moq_client *client;
    uint16_t port;
    uv_tcp_t web, connections[WEB_CONNECTIONS];
    unsigned connection_count, requests;
    const char *answer; /* NULL: says nothing at all */
    bool is_connected, is_lost, is_late, is_fetched, is_named;
    uint8_t sha256[QUIC_FINGERPRINT_BYTES];
    char reason[256];
    uv_timer_t patience;
};

/* ---- A web server that gives one answer ------------------------------------------------------ */

static void on_written(uv_write_t *write, int status)
{
    (void)status;
    uv_close((uv_handle_t *)write->handle, NULL);
    free(write);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    static char room[1024];
    (void)handle;
    (void)suggested;
    *buf = uv_buf_init(room, sizeof room);
}

static void on_request(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct world *world = stream->data;
    if (n < 0) {
        uv_close((uv_handle_t *)stream, NULL);
        return;
    }
    assert_true(n > 22 && memcmp(buf->base, "GET /fingerprint HTTP/", 22) == 0);
    world->requests++;
    if (!world->answer)
        return;
    uv_read_stop(stream);
    uv_write_t *write = malloc(sizeof *write);
    assert_non_null(write);
    uv_buf_t out = uv_buf_init((char *)(uintptr_t)world->answer, (unsigned)strlen(world->answer));
    assert_int_equal(uv_write(write, stream, &out, 1, on_written), 0);
}

static void on_web(uv_stream_t *web, int status)
{
    struct world *world = web->data;
    assert_int_equal(status, 0);
    assert_true(world->connection_count < WEB_CONNECTIONS);
    uv_tcp_t *connection = &world->connections[world->connection_count++];
    uv_tcp_init(&world->loop, connection);
    connection->data = world;
    assert_int_equal(uv_accept(web, (uv_stream_t *)connection), 0);
    uv_read_start((uv_stream_t *)connection, on_room, on_request);
}

/* ---- The world ------------------------------------------------------------------------------- */

static int on_peer(struct moq_listener *listener, const struct moq_peer *peer,
                   struct moq_session_config *config)
{
    static const struct moq_session_events events = {.on_ready = NULL};
    (void)listener;
    (void)peer;
    config->events = &events;
    return 0;
}

/* A socket of TCP with a port of its own. */
static int bind_tcp(struct sockaddr_in *bound)
{
    socklen_t size = sizeof *bound;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    *bound = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(bind(fd, (const struct sockaddr *)bound, sizeof *bound), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)bound, &size), 0);
    return fd;
}

/* QUIC and the page have the same port. Another program may have the one of UDP, so several are
 * tried. Returns the socket of TCP. */
static int open_ports(struct world *world)
{
    static const struct moq_listener_events events = {.on_peer = on_peer};
    for (int i = 0; i < 20; i++) {
        struct sockaddr_in bound;
        char address[32];
        int fd = bind_tcp(&bound);
        world->port = ntohs(bound.sin_port);
        snprintf(address, sizeof address, "127.0.0.1:%u", world->port);
        const struct moq_listener_config listen = {
            .address = address, .tls = world->tls, .events = &events};
        if (moq_listener_open(world->native, &listen, &world->listener, NULL) == 0)
            return fd;
        close(fd);
    }
    fail_msg("no port is free for both TCP and UDP");
    return -1;
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    assert_int_equal(uv_loop_init(&world->loop), 0);
    uv_timer_init(&world->loop, &world->patience);
    struct moq_native_config config = {.loop = &world->loop};
    world->native = moq_native_new(&config);
    const char *names[] = {"localhost"};
    struct quic_tls_server_config tls = {.self_signed = names, .self_signed_count = 1};
    world->tls = quic_tls_server_new(&tls, NULL);
    assert_non_null(world->tls);
    uv_tcp_init(&world->loop, &world->web);
    world->web.data = world;
    assert_int_equal(uv_tcp_open(&world->web, open_ports(world)), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&world->web, 8, on_web), 0);
    *state = world;
    return 0;
}

static void close_handle(uv_handle_t *handle, void *user)
{
    (void)user;
    if (handle->type == UV_TCP && !uv_is_closing(handle))
        uv_close(handle, NULL);
}

static int tear_down(void **state)
{
    struct world *world = *state;
    moq_client_close(&world->client, 0, NULL, NULL);
    moq_native_close(&world->native, NULL, NULL);
    uv_close((uv_handle_t *)&world->patience, NULL);
    uv_walk(&world->loop, close_handle, NULL);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&world->loop), 0);
    quic_tls_unref(&world->tls);
    free(world);
    assert_int_equal(objects_report(stderr), 0);
    return 0;
}

static void on_connected(struct moq_client *client, struct moq_session *session)
{
    struct world *world = moq_client_user(client);
    (void)session;
    world->is_connected = true;
}

static void on_lost(struct moq_client *client, int error, const char *reason, uint64_t retry_ms)
{
    struct world *world = moq_client_user(client);
    (void)error;
    (void)retry_ms;
    world->is_lost = true;
    snprintf(world->reason, sizeof world->reason, "%s", reason);
}

static void on_patience(uv_timer_t *timer)
{
    struct world *world = container_of(timer, struct world, patience);
    world->is_late = true;
}

static void parse_url(const struct world *world, struct moq_url *url)
{
    char text[64];
    snprintf(text, sizeof text, "http://127.0.0.1:%u/", world->port);
    assert_int_equal(moq_url_parse(url, text, NULL), 0);
}

static void run_until_told(struct world *world, const bool *is_told)
{
    uv_timer_start(&world->patience, on_patience, PATIENCE_MS, 0);
    while (!*is_told && !world->is_lost && !world->is_late)
        uv_run(&world->loop, UV_RUN_ONCE);
    uv_timer_stop(&world->patience);
    assert_false(world->is_late);
}

static void open_client(struct world *world, struct moq_client_config *config)
{
    static const struct moq_client_events events = {.on_connected = on_connected,
                                                    .on_lost = on_lost};
    config->events = &events;
    config->user = world;
    world->client = moq_client_open(world->native, config);
    run_until_told(world, &world->is_connected);
}

static void connect_with(struct world *world, const char *answer)
{
    struct moq_client_config config = {.timeout_ms = 0};
    world->answer = answer;
    parse_url(world, &config.url);
    open_client(world, &config);
    assert_int_equal(world->requests, 1);
}

static void on_fetched(void *user, const uint8_t *sha256, const char *reason)
{
    struct world *world = user;
    world->is_fetched = true;
    world->is_named = sha256 != NULL;
    if (sha256)
        memcpy(world->sha256, sha256, sizeof world->sha256);
    snprintf(world->reason, sizeof world->reason, "%s", reason);
}

static void fetch_with(struct world *world, const char *answer, struct moq_url *url)
{
    world->answer = answer;
    parse_url(world, url);
    assert_int_equal(moq_fingerprint_fetch(world->native, url, on_fetched, world), 0);
    run_until_told(world, &world->is_fetched);
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n";

static void print_answer(struct world *world, uint8_t spoil, char *out)
{
    uint8_t sha256[QUIC_FINGERPRINT_BYTES];
    assert_int_equal(quic_tls_fingerprint(world->tls, sha256), 0);
    sha256[31] ^= spoil;
    out += sprintf(out, "%s", head);
    for (size_t i = 0; i < sizeof sha256; i++)
        out += sprintf(out, "%02x", sha256[i]);
}

static void the_named_certificate_is_trusted(void **state)
{
    struct world *world = *state;
    char answer[256];
    print_answer(world, 0, answer);
    connect_with(world, answer);
    assert_true(world->is_connected);
}

static void any_other_certificate_is_not(void **state)
{
    struct world *world = *state;
    char answer[256];
    print_answer(world, 1, answer);
    connect_with(world, answer);
    assert_true(world->is_lost);
}

static void a_page_that_is_no_fingerprint_fails_the_try(void **state)
{
    struct world *world = *state;
    connect_with(world, "HTTP/1.1 200 OK\r\n\r\n<html>hello</html>");
    assert_true(world->is_lost);
    assert_non_null(strstr(world->reason, "/fingerprint"));
}

static void a_server_without_such_a_page_fails_the_try(void **state)
{
    struct world *world = *state;
    connect_with(world, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    assert_true(world->is_lost);
}

static void an_answer_without_an_end_is_cut_off(void **state)
{
    struct world *world = *state;
    char *answer = malloc(100001);
    assert_non_null(answer);
    memset(answer, 'x', 100000);
    answer[100000] = '\0';
    connect_with(world, answer);
    assert_true(world->is_lost);
    uv_run(&world->loop, UV_RUN_NOWAIT);
    free(answer);
}

static void a_server_that_says_nothing_is_left(void **state)
{
    struct world *world = *state;
    connect_with(world, NULL);
    assert_true(world->is_lost);
    assert_non_null(strstr(world->reason, "timed out"));
}

static void many_clients_need_to_ask_but_once(void **state)
{
    struct world *world = *state;
    struct moq_client_config config = {.tls.pinned_sha256 = world->sha256};
    char answer[256];
    print_answer(world, 0, answer);
    fetch_with(world, answer, &config.url);
    assert_true(world->is_named);
    config.url.is_fingerprint_fetched = false;
    for (int i = 0; i < 3; i++) {
        world->is_connected = false;
        open_client(world, &config);
        assert_true(world->is_connected);
        moq_client_close(&world->client, 0, NULL, NULL);
    }
    assert_int_equal(world->requests, 1);
}

static void a_question_without_an_answer_says_why(void **state)
{
    struct world *world = *state;
    struct moq_url url;
    fetch_with(world, "", &url);
    assert_false(world->is_named);
    assert_non_null(strstr(world->reason, "closed the connection"));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_named_certificate_is_trusted),
        CASE(any_other_certificate_is_not),
        CASE(a_page_that_is_no_fingerprint_fails_the_try),
        CASE(a_server_without_such_a_page_fails_the_try),
        CASE(an_answer_without_an_end_is_cut_off),
        CASE(a_server_that_says_nothing_is_left),
        CASE(many_clients_need_to_ask_but_once),
        CASE(a_question_without_an_answer_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
