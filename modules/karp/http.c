/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* libmicrohttpd on the worker's loop, which polls its epoll descriptor. It parses and frames; who
 * may stay for how long is decided here, because its own limit starts again with each byte.
 * Tested by tests/unit/modules/test_karp_http.c. */
#include "modules/karp/http.h"

#include <fcntl.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "modules/karp/visit.h"

enum {
    CONNECTION_MEMORY_BYTES = 128 << 10, /* a head and, later, pieces of a body */
    CHECK_MS = 250,
    RUNS_MAX = 16, /* of libmicrohttpd in a turn of the loop, while it has something left to do */
    PAUSE_MS = 1,
    HANDLES = 4,
};

struct http_server {
    struct ingest_set *set;
    uint64_t silence_ms;
    struct ingest_ladder ladder;
    struct MHD_Daemon *daemon;
    struct door door;
    uv_poll_t poll;
    uv_timer_t timer; /* for libmicrohttpd's own times */
    uv_timer_t check; /* runs while there are visits */
    struct list visits;
    unsigned visit_count, open_handles;
    bool is_running; /* in MHD_run */
};

static void run_daemon(struct http_server *server);

static const struct host *host_of(const struct http_server *server)
{
    return ingest_set_host(server->set);
}

/* ---- Callbacks of libmicrohttpd -------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer)
{
    struct http_server *server = timer->data;
    host_wake(host_of(server));
    run_daemon(server);
}

/* A connection was resumed, perhaps from within MHD_run, so it is taken up in the next turn. */
static void on_resumed(void *self)
{
    struct http_server *server = self;
    uv_timer_start(&server->timer, on_timer, 0, 0);
}

static void on_check(uv_timer_t *timer);

/* Others who ask the same do not put it off. */
static void check_soon(struct http_server *server)
{
    if (uv_timer_get_due_in(&server->check) > VISIT_SETTLE_MS)
        uv_timer_start(&server->check, on_check, VISIT_SETTLE_MS, CHECK_MS);
}

static void on_check(uv_timer_t *timer)
{
    struct http_server *server = timer->data;
    bool is_any_settling = false;
    host_wake(host_of(server));
    list_for_each_safe (node, &server->visits) {
        struct visit *visit = container_of(node, struct visit, link);
        visit_check(visit, host_of(server)->clock->now_ns);
        is_any_settling |= visit->state == VISIT_SETTLING;
    }
    if (is_any_settling)
        check_soon(server);
}

static void *open_visit(struct http_server *server, struct MHD_Connection *connection)
{
    struct visit *visit = calloc(1, sizeof *visit);
    if (!visit)
        return NULL;
    visit->set = server->set;
    visit->silence_ms = server->silence_ms;
    visit->ladder = server->ladder;
    visit->on_resumed = on_resumed;
    visit->server = server;
    list_push_back(&server->visits, &visit->link);
    visit_begin(visit, connection);
    if (server->visit_count++ == 0)
        uv_timer_start(&server->check, on_check, CHECK_MS, CHECK_MS);
    return visit;
}

/* The start and the end of a connection. */
static void on_connection(void *self, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct http_server *server = self;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = open_visit(server, connection);
        return;
    }
    if (!*context)
        return;
    visit_free(*context);
    *context = NULL;
    if (--server->visit_count == 0)
        uv_timer_stop(&server->check);
}

static struct visit *visit_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

/* The target as it was sent; what is returned comes back as `state`. */
static void *on_target(void *self, const char *target, struct MHD_Connection *connection)
{
    struct visit *visit = visit_of(connection);
    (void)self;
    if (visit)
        visit_set_target(visit, target);
    return NULL;
}

/* libmicrohttpd's callback (house: parameters). */
static enum MHD_Result on_http(void *self, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *data,
                               size_t *size, void **state)
{
    struct http_server *server = self;
    struct visit *visit = visit_of(connection);
    (void)url, (void)version, (void)state;
    enum MHD_Result result = visit ? visit_handle(visit, method, data, size) : MHD_NO;
    if (visit && visit->state == VISIT_SETTLING)
        check_soon(server);
    return result;
}

/* The request is over, whole or not. */
static void on_completed(void *self, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode how)
{
    struct visit *visit = visit_of(connection);
    (void)self, (void)state, (void)how;
    if (visit)
        visit_end(visit);
}

/* Escapes stay: request.h reads targets itself. */
static size_t unescape_nothing(void *self, struct MHD_Connection *connection, char *text)
{
    (void)self, (void)connection;
    return strlen(text);
}

/* ---- Running --------------------------------------------------------------------------------- */

/* Returns after how many milliseconds it has to run again; UINT64_MAX: not before the next event.
 * It would like to run again at once for as long as a line of the client's fills its buffer and
 * does not end. A timer that starts itself again with 0 would keep libuv from everything else. */
static uint64_t run_for_a_while(struct MHD_Daemon *daemon)
{
    MHD_UNSIGNED_LONG_LONG wait_ms;
    for (int runs = 0; runs < RUNS_MAX; runs++) {
        MHD_run(daemon);
        if (MHD_get_timeout(daemon, &wait_ms) != MHD_YES)
            return UINT64_MAX;
        if (wait_ms > 0)
            return wait_ms;
    }
    return PAUSE_MS;
}

static void run_daemon(struct http_server *server)
{
    unsigned before = server->visit_count;
    if (server->is_running)
        return;
    server->is_running = true;
    uint64_t wait_ms = run_for_a_while(server->daemon);
    server->is_running = false;
    if (wait_ms != UINT64_MAX)
        uv_timer_start(&server->timer, on_timer, wait_ms, 0);
    if (server->visit_count < before)
        door_go_on(&server->door);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct http_server *server = poll->data;
    (void)status, (void)events;
    host_wake(host_of(server));
    run_daemon(server);
}

static void on_client_closed(uv_handle_t *handle)
{
    free(handle);
}

/* Gives libmicrohttpd a descriptor of its own for the connection. */
static void hand_over(struct http_server *server, uv_tcp_t *client)
{
    struct sockaddr_storage address = {.ss_family = AF_INET};
    int size = sizeof address;
    uv_os_fd_t fd;
    uv_tcp_getpeername(client, (struct sockaddr *)&address, &size);
    int own = uv_fileno((uv_handle_t *)client, &fd) == 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (own < 0)
        host_log(host_of(server), HOST_WARN, "HTTP: no descriptor for a connection");
    else /* closes it if it fails */
        MHD_add_connection(server->daemon, own, (const struct sockaddr *)&address, (socklen_t)size);
}

/* Whoever only holds a connection open cannot keep others out. */
static void make_room(const struct http_server *server)
{
    list_for_each (node, &server->visits) { /* the oldest first */
        struct visit *visit = container_of(node, struct visit, link);
        if (visit->state == VISIT_CUT)
            return; /* it is leaving */
        if (visit->state == VISIT_HEAD) {
            visit_yield(visit);
            return;
        }
    }
}

static void on_waiting(void *self)
{
    struct http_server *server = self;
    host_wake(host_of(server));
    if (server->visit_count >= HTTP_CONNECTIONS_MAX) {
        make_room(server); /* on_waiting is called again when one has left */
        return;
    }
    uv_tcp_t *client = malloc(sizeof *client);
    if (!client)
        return; /* it waits for the next one to leave */
    if (door_take(&server->door, (uv_stream_t *)client) == 0)
        hand_over(server, client);
    uv_close((uv_handle_t *)client, on_client_closed);
    run_daemon(server);
}

/* ---- Start and end --------------------------------------------------------------------------- */

static struct MHD_Daemon *start_daemon(struct http_server *server)
{
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0,
                            NULL, NULL, on_http, server, MHD_OPTION_CONNECTION_LIMIT,
                            (unsigned)HTTP_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                            (size_t)CONNECTION_MEMORY_BYTES, MHD_OPTION_NOTIFY_CONNECTION,
                            on_connection, server, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
                            server, MHD_OPTION_URI_LOG_CALLBACK, on_target, server,
                            MHD_OPTION_UNESCAPE_CALLBACK, unescape_nothing, server, MHD_OPTION_END);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct http_server *server = handle->data;
    if (--server->open_handles == 0)
        free(server);
}

static void close_handles(struct http_server *server)
{
    door_close(&server->door, on_handle_closed);
    uv_close((uv_handle_t *)&server->poll, on_handle_closed);
    uv_close((uv_handle_t *)&server->timer, on_handle_closed);
    uv_close((uv_handle_t *)&server->check, on_handle_closed);
}

static void init_handles(struct http_server *server, uv_loop_t *loop)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    uv_poll_init(loop, &server->poll, info->epoll_fd);
    uv_timer_init(loop, &server->timer);
    uv_timer_init(loop, &server->check);
    server->poll.data = server->timer.data = server->check.data = server;
    server->open_handles = HANDLES;
}

int http_open(struct http_server **out, struct ingest_set *set, const struct http_config *config,
              char error_text[DOOR_ERROR_BYTES])
{
    struct http_server *server = calloc(1, sizeof *server);
    if (server)
        server->daemon = start_daemon(server);
    if (!server || !server->daemon) {
        snprintf(error_text, DOOR_ERROR_BYTES, "%s", moq_error_words(MOQ_ERR_NOMEM));
        free(server);
        return MOQ_ERR_NOMEM;
    }
    server->set = set;
    server->ladder = config->ladder;
    server->silence_ms = config->silence_ms ? config->silence_ms : INGEST_SILENCE_MS;
    server->door.on_connection = on_waiting;
    server->door.self = server;
    list_init(&server->visits);
    init_handles(server, host_of(server)->loop);
    if (door_open(&server->door, host_of(server)->loop, config->address, NULL, error_text)) {
        MHD_stop_daemon(server->daemon);
        close_handles(server);
        return MOQ_ERR_IO;
    }
    uv_poll_start(&server->poll, UV_READABLE, on_readable);
    *out = server;
    return 0;
}

void http_close(struct http_server **pointer)
{
    struct http_server *server = *pointer;
    *pointer = NULL;
    if (!server)
        return;
    uv_poll_stop(&server->poll);
    list_for_each_safe (node, &server->visits)
        visit_resume(container_of(node, struct visit, link));
    server->is_running = true; /* nothing runs it again */
    MHD_stop_daemon(server->daemon);
    close_handles(server);
}

unsigned http_port(const struct http_server *server)
{
    return door_port(&server->door);
}
