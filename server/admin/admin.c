/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The HTTP pages, served by libmicrohttpd on the main loop, which polls its epoll descriptor; its
 * connections come from the acceptor.
 * Tested by tests/e2e/test_relay.py. */
#include "server/admin/admin.h"

#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/bind_error.h"
#include "server/admin/acceptor.h"
#include "server/admin/viewers.h"

/* The counters of a module in /stats, RELAY_COUNTERS_MAX of them, and RELAY_NOTES_MAX notes. */
enum { MODULE_MAX_BYTES = 16 * 1024 };

enum {
    CONNECTIONS_MAX = ADMIN_CONNECTIONS_MAX,
    CONNECTIONS_PER_ADDRESS_MAX = 16,
    CONNECTION_TIMEOUT_S = 10,      /* without a byte */
    CONNECTION_LIFETIME_MS = 15000, /* each carries one request */
    CONNECTION_MEMORY_BYTES = 8 * 1024,
    PAGE_BYTES = 96 * 1024 + CONFIG_MAX_MODULES * MODULE_MAX_BYTES,
    ENTRY_MAX_BYTES = 1024, /* of a list in /stats */
};

/* The sockets of the connections that MHD has, and the deadline of each. */
struct guests {
    struct pollfd sockets[CONNECTIONS_MAX]; /* `events` is 0 once reading has been shut down */
    uint64_t until_ms[CONNECTIONS_MAX];     /* by the loop's clock; UINT64_MAX: already ended */
    unsigned count;
};

struct admin {
    struct core *core;
    const struct host *host;
    struct config_http config;
    struct MHD_Daemon *daemon;
    struct acceptor acceptor;
    uv_poll_t poll;
    uv_timer_t timer; /* for MHD's own timeouts */
    struct guests guests;
    int open_handles;
};

struct page {
    const char *url;
    const char *type;
    bool (*is_enabled)(const struct config_http *config);
    size_t (*write)(struct admin *admin, char *out, size_t size);
};

static bool has_fingerprint(const struct config_http *config)
{
    return config->has_fingerprint;
}

static bool has_stats(const struct config_http *config)
{
    return config->has_stats;
}

static size_t write_fingerprint(struct admin *admin, char *out, size_t size)
{
    uint8_t digest[QUIC_FINGERPRINT_BYTES];
    size_t used = 0;
    if (core_fingerprint(admin->core, digest))
        return 0;
    for (size_t i = 0; i < sizeof digest; i++)
        used += (size_t)snprintf(out + used, size - used, "%02x", digest[i]);
    return used;
}

static size_t add_number(char *out, size_t size, size_t used, const char *name, uint64_t value)
{
    if (used >= size)
        return used;
    int n = snprintf(out + used, size - used, "%s\"%s\":%llu", out[used - 1] == '{' ? "" : ",",
                     name, (unsigned long long)value);
    return n > 0 ? used + (size_t)n : used;
}

static size_t write_listener(const struct core_stats *stats, size_t index, char *out, size_t size)
{
    const struct quic_endpoint_stats *listener = &stats->listeners[index];
    size_t used = (size_t)snprintf(out, size, "{");
#define NUMBER(name) used = add_number(out, size, used, #name, listener->name);
    QUIC_ENDPOINT_STATS(NUMBER)
#undef NUMBER
    return used + (size_t)snprintf(out + used, size - used, "}");
}

static size_t write_worker(const struct core_stats *stats, size_t index, char *out, size_t size)
{
    const struct core_worker_stats *worker = &stats->workers[index];
    struct quic_endpoint_stats sums = {.connections = 0};
    for (size_t i = 0; i < stats->listener_count; i++) {
#define ADD(name) sums.name += worker->listeners[i].name;
        QUIC_ENDPOINT_STATS(ADD)
#undef ADD
    }
    size_t used = (size_t)snprintf(out, size, "{");
#define NUMBER(name, value) used = add_number(out, size, used, #name, value)
    NUMBER(thread, (uint64_t)worker->system_thread);
    NUMBER(cpu_ms, worker->cpu_ns / NS_PER_MS);
    NUMBER(sessions, worker->counters.sessions);
    NUMBER(viewers, worker->counters.viewers);
    NUMBER(datagrams_received, sums.datagrams_received);
    NUMBER(datagrams_forwarded, sums.datagrams_forwarded);
    NUMBER(trains_sent, sums.trains_sent);
    NUMBER(packets_sent, sums.packets_sent);
    NUMBER(bytes_sent, sums.bytes_sent);
#undef NUMBER
    return used + (size_t)snprintf(out + used, size - used, "}");
}

struct list_of {
    const char *name;
    size_t count;
    size_t (*write)(const struct core_stats *stats, size_t index, char *out, size_t size);
};

static size_t add_list(const struct core_stats *stats, const struct list_of *list, char *out,
                       size_t size, size_t used)
{
    used += (size_t)snprintf(out + used, size - used, ",\"%s\":[", list->name);
    for (size_t i = 0; i < list->count && used + ENTRY_MAX_BYTES < size; i++) {
        if (i > 0)
            out[used++] = ',';
        used += list->write(stats, i, out + used, size - used);
    }
    return used + (size_t)snprintf(out + used, size - used, "]");
}

struct figure_writer {
    char *out;
    size_t size, used;
    const char *module; /* whose figures are being written; NULL: none */
};

/* Begins an entry of a module's object. */
static void begin_figure(struct figure_writer *writer, const char *module, const char *name)
{
    char *out = writer->out + writer->used;
    size_t size = writer->size - writer->used;
    bool is_next = writer->module != module;
    int n = is_next
                ? snprintf(out, size, "%s\"%s\":{\"%s\":", writer->module ? "}," : "", module, name)
                : snprintf(out, size, ",\"%s\":", name);
    writer->used += (size_t)n;
    writer->module = module;
}

static void write_counter(void *user, const char *module, const char *name, int64_t value)
{
    struct figure_writer *writer = user;
    begin_figure(writer, module, name);
    writer->used += (size_t)snprintf(writer->out + writer->used, writer->size - writer->used,
                                     "%lld", (long long)value);
}

static void write_note(void *user, const char *module, const char *name, const char *text)
{
    struct figure_writer *writer = user;
    begin_figure(writer, module, name);
    writer->out[writer->used++] = '"';
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            writer->out[writer->used++] = '\\';
        writer->out[writer->used++] = *text;
    }
    writer->out[writer->used++] = '"';
}

static size_t add_modules(const struct host *host, char *out, size_t size, size_t used)
{
    static const struct host_figures figures = {write_counter, write_note};
    struct figure_writer writer = {.out = out, .size = size, .used = used};
    writer.used += (size_t)snprintf(out + used, size - used, ",\"modules\":{");
    host_figures(host, &figures, &writer);
    return writer.used +
           (size_t)snprintf(out + writer.used, size - writer.used, writer.module ? "}}" : "}");
}

static size_t write_stats(struct admin *admin, char *out, size_t size)
{
    const struct core_stats *stats = core_stats(admin->core);
    const struct list_of listeners = {"listeners", stats->listener_count, write_listener};
    const struct list_of workers = {"workers", stats->worker_count, write_worker};
    size_t used = (size_t)snprintf(out, size, "{");
#define COUNTER(name, help) used = add_number(out, size, used, #name, stats->total.name);
    CORE_COUNTERS(COUNTER)
#undef COUNTER
    used = add_list(stats, &listeners, out, size, used);
    used = add_list(stats, &workers, out, size, used);
    used = add_modules(admin->host, out, size, used);
    return used + (size_t)snprintf(out + used, size - used, "}\n");
}

static const struct page pages[] = {
    {"/fingerprint", "text/plain", has_fingerprint, write_fingerprint},
    {"/certificate.sha256", "text/plain", has_fingerprint, write_fingerprint},
    {"/stats", "application/json", has_stats, write_stats},
};

static enum MHD_Result answer_http(struct MHD_Connection *connection, unsigned status,
                                   const char *type, const char *body, size_t size)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(size, (void *)(uintptr_t)body, MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED || status == MHD_HTTP_NO_CONTENT) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD, OPTIONS");
        MHD_add_response_header(response, "Access-Control-Allow-Methods", "GET");
    }
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned status,
                                   const char *text)
{
    return answer_http(connection, status, "text/plain", text, strlen(text));
}

static enum MHD_Result answer_page(struct admin *admin, struct MHD_Connection *connection,
                                   const struct page *page)
{
    char body[PAGE_BYTES];
    size_t size = page->write(admin, body, sizeof body);
    if (size == 0)
        return answer_text(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "not available\n");
    return answer_http(connection, MHD_HTTP_OK, page->type, body, size);
}

/* It names people, so only those who can reach the address read it, and no page of another origin
 * that they happen to have open. */
static enum MHD_Result answer_viewers(struct admin *admin, struct MHD_Connection *connection)
{
    const struct viewers_question question = {
        .path = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "path"),
        .limit = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "limit"),
        .after = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "after"),
    };
    struct viewers_answer answer;
    viewers_list(admin->core, &question, &answer);
    if (answer.problem)
        return answer_text(connection, MHD_HTTP_BAD_REQUEST, answer.problem);
    if (!answer.body)
        return answer_text(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
    struct MHD_Response *response =
        MHD_create_response_from_buffer(answer.size, answer.body, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(answer.body);
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

/* libmicrohttpd's callback (house: parameters). */
static enum MHD_Result on_http(void *self, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_size, void **state)
{
    struct admin *admin = self;
    (void)version, (void)upload, (void)state;
    if (*upload_size > 0) {
        *upload_size = 0; /* request bodies are ignored */
        return MHD_YES;
    }
    if (strcmp(method, MHD_HTTP_METHOD_OPTIONS) == 0)
        return answer_text(connection, MHD_HTTP_NO_CONTENT, "");
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return answer_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET is served here\n");

    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++)
        if (strcmp(pages[i].url, url) == 0 && pages[i].is_enabled(&admin->config))
            return answer_page(admin, connection, &pages[i]);
    if (strcmp(url, "/api/viewers") == 0 && admin->config.has_viewers)
        return answer_viewers(admin, connection);
    return answer_text(connection, MHD_HTTP_NOT_FOUND,
                       "not found; the pages are /fingerprint, /stats and /api/viewers (http in "
                       "relay.yaml says which are served)\n");
}

/* ---- Peers that are gone, or take too long --------------------------------------------------- */

/* libmicrohttpd's callback for the start and the end of a connection. */
static void on_guest(void *self, struct MHD_Connection *connection, void **state,
                     enum MHD_ConnectionNotificationCode what)
{
    struct admin *admin = self;
    struct guests *guests = &admin->guests;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    (void)state;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        if (guests->count == CONNECTIONS_MAX)
            return;
        guests->until_ms[guests->count] = uv_now(admin->poll.loop) + CONNECTION_LIFETIME_MS;
        guests->sockets[guests->count++] =
            (struct pollfd){.fd = info->connect_fd, .events = POLLRDHUP};
        return;
    }
    for (unsigned i = 0; i < guests->count; i++)
        if (guests->sockets[i].fd == info->connect_fd) {
            guests->sockets[i] = guests->sockets[--guests->count];
            guests->until_ms[i] = guests->until_ms[guests->count];
            return;
        }
}

/* Whether the peer has closed, and everything that it sent has been read. */
static bool is_read_to_end(const struct pollfd *socket)
{
    char byte;
    return socket->revents && recv(socket->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* MHD polls edge-triggered, and stops reading at the first short read. If the sender of half a
 * request closed before that read, there is no further edge, and the connection would keep its
 * place until it times out. Shutting down our reading side, where nothing can arrive any more,
 * makes another edge; a complete request is still answered. */
static void hurry_closed_peers(struct guests *guests)
{
    if (poll(guests->sockets, guests->count, 0) <= 0)
        return;
    for (unsigned i = 0; i < guests->count; i++)
        if (guests->sockets[i].events && is_read_to_end(&guests->sockets[i])) {
            shutdown(guests->sockets[i].fd, SHUT_RD);
            guests->sockets[i].events = 0; /* only once */
        }
}

/* MHD's own limit starts again with each byte, so a client that sends one now and then would keep a
 * place for hours. Returns when the next one is due; UINT64_MAX: none. */
static uint64_t end_overdue_guests(struct guests *guests, uint64_t now_ms)
{
    uint64_t next_ms = UINT64_MAX;
    for (unsigned i = 0; i < guests->count; i++) {
        if (guests->until_ms[i] <= now_ms) {
            shutdown(guests->sockets[i].fd, SHUT_RDWR); /* wakes MHD, which then closes it */
            guests->until_ms[i] = UINT64_MAX;
        }
        next_ms = guests->until_ms[i] < next_ms ? guests->until_ms[i] : next_ms;
    }
    return next_ms;
}

/* ---- Running --------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer);

static unsigned connections_of(struct admin *admin)
{
    return MHD_get_daemon_info(admin->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections;
}

static void run_daemon(struct admin *admin)
{
    MHD_UNSIGNED_LONG_LONG mhd_ms;
    uint64_t now_ms = uv_now(admin->poll.loop), wait_ms = UINT64_MAX;
    unsigned before = connections_of(admin);
    MHD_run(admin->daemon);
    if (connections_of(admin) < before)
        acceptor_go_on(&admin->acceptor);
    hurry_closed_peers(&admin->guests);
    uint64_t next_ms = end_overdue_guests(&admin->guests, now_ms);
    if (next_ms != UINT64_MAX)
        wait_ms = next_ms - now_ms;
    if (MHD_get_timeout(admin->daemon, &mhd_ms) == MHD_YES && mhd_ms < wait_ms)
        wait_ms = mhd_ms;
    /* libuv runs a timer that is due at once again in the same pass over the timers, so a
     * connection that always has something left to do would keep the loop there. */
    if (wait_ms != UINT64_MAX)
        uv_timer_start(&admin->timer, on_timer, wait_ms > 0 ? wait_ms : 1, 0);
}

static void on_timer(uv_timer_t *timer)
{
    run_daemon(timer->data);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    run_daemon(poll->data);
}

static bool has_room(void *self)
{
    return connections_of(self) < CONNECTIONS_MAX;
}

/* The daemon closes connections that it does not accept: those over the limit for one address. */
static void on_connection(void *self, int fd, const struct sockaddr *address, socklen_t size)
{
    struct admin *admin = self;
    MHD_add_connection(admin->daemon, fd, address, size);
    run_daemon(admin);
}

static struct MHD_Daemon *start_daemon(struct admin *admin)
{
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL, on_http, admin,
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
                            MHD_OPTION_PER_IP_CONNECTION_LIMIT,
                            (unsigned)CONNECTIONS_PER_ADDRESS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
                            (unsigned)CONNECTION_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                            (size_t)CONNECTION_MEMORY_BYTES, MHD_OPTION_NOTIFY_CONNECTION, on_guest,
                            admin, MHD_OPTION_END);
}

static unsigned port_of(const struct sockaddr *address)
{
    struct sockaddr_in in; /* sockaddr_in6 has its port in the same place */
    memcpy(&in, address, sizeof in);
    return ntohs(in.sin_port);
}

/* `error` is an errno; 0: the reason is not known. */
static void explain_start(const struct config_http *config, const struct sockaddr *address,
                          int error, char *error_text)
{
    const struct bind_attempt attempt = {.port = port_of(address),
                                         .is_ipv6 = address->sa_family == AF_INET6,
                                         .is_tcp = true,
                                         .error = error ? error : ENOMEM};
    int n = snprintf(error_text, QUIC_ERROR_TEXT_BYTES,
                     "cannot serve HTTP on %.80s (TCP, http.address): ",
                     config->address.is_listen ? "the listener's port" : config->address.text);
    bind_error_explain(&attempt, error_text + n, QUIC_ERROR_TEXT_BYTES - (size_t)n);
}

static void watch_daemon(struct admin *admin, uv_loop_t *loop)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(admin->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    uv_poll_init(loop, &admin->poll, info->epoll_fd);
    uv_timer_init(loop, &admin->timer);
    admin->poll.data = admin->timer.data = admin;
    admin->open_handles = 2 + ACCEPTOR_HANDLES;
    uv_poll_start(&admin->poll, UV_READABLE, on_readable);
}

int admin_start(struct admin **out, const struct admin_subjects *subjects,
                const struct config_http *config, const struct sockaddr *address, char *error_text)
{
    uv_loop_t *loop = core_loop(subjects->core);
    struct admin *admin = calloc(1, sizeof *admin);
    if (!admin)
        return MOQ_ERR_NOMEM;
    admin->core = subjects->core;
    admin->host = subjects->host;
    admin->config = *config;
    admin->acceptor.has_room = has_room;
    admin->acceptor.on_connection = on_connection;
    admin->acceptor.self = admin;
    errno = 0;
    admin->daemon = start_daemon(admin);
    int error = admin->daemon ? 0 : errno;
    if (admin->daemon)
        error = acceptor_open(&admin->acceptor, loop, address);
    if (!admin->daemon || error) {
        explain_start(config, address, error, error_text);
        if (admin->daemon)
            MHD_stop_daemon(admin->daemon);
        free(admin);
        return MOQ_ERR_IO;
    }
    watch_daemon(admin, loop);
    *out = admin;
    return 0;
}

void admin_reload(struct admin *admin, const struct config_http *config)
{
    if (admin)
        admin->config = *config;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct admin *admin = handle->data;
    if (--admin->open_handles > 0)
        return;
    free(admin);
}

void admin_stop(struct admin **pointer)
{
    struct admin *admin = *pointer;
    *pointer = NULL;
    if (!admin)
        return;
    uv_poll_stop(&admin->poll);
    MHD_stop_daemon(admin->daemon);
    acceptor_close(&admin->acceptor, on_handle_closed);
    uv_close((uv_handle_t *)&admin->poll, on_handle_closed);
    uv_close((uv_handle_t *)&admin->timer, on_handle_closed);
}
