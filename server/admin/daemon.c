/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tested by tests/e2e/test_http.py and tests/e2e/test_https.py. */
#include "server/admin/daemon.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "server/admin/answer.h"
#include "server/admin/fields.h"

enum {
    /* For the header of a request: pages on localhost share their cookies, whatever their ports. */
    CONNECTION_MEMORY_BYTES = 16 << 10,
    /* Of each connection 4 KiB are sent in a pass if it has TLS; then signals and others have their
     * turn. */
    PASSES_PER_TURN = 32,
};

static const char tls_versions[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";

struct daemon {
    struct daemon_config config;
    struct MHD_Daemon *mhd;
    uv_poll_t poll; /* of its epoll descriptor */
};

/* ---- What libmicrohttpd calls ---------------------------------------------------------------- */

static int socket_of(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

static uint64_t now_ms(const struct daemon *daemon)
{
    return uv_now(daemon->config.loop);
}

/* A request, from its first line to its answer. */
struct request {
    struct target target;
    bool has_header;
    bool has_host; /* as it must be; known with the header */
};

/* The first line has been read. What this returns stays with the request. */
static void *on_target(void *self, const char *raw, struct MHD_Connection *connection)
{
    struct request *request = malloc(sizeof *request);
    (void)self, (void)connection;
    if (!request)
        return NULL;
    target_read(&request->target, raw);
    request->has_header = false;
    request->has_host = true;
    return request;
}

struct hosts {
    unsigned count, fitting;
};

static enum MHD_Result on_field(void *self, enum MHD_ValueKind kind, const char *name,
                                const char *value)
{
    struct hosts *hosts = self;
    (void)kind;
    if (strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0) {
        hosts->count++;
        hosts->fitting += value && fields_is_host(value);
    }
    return MHD_YES;
}

/* A request has one Host field; only one of HTTP/1.0 may be without (RFC 9112, section 3.2). A
 * proxy before us may have read another one of several. libmicrohttpd would let all of them in. */
static bool has_host(struct MHD_Connection *connection, const char *version)
{
    struct hosts hosts = {0, 0};
    bool is_old = strcmp(version, MHD_HTTP_VERSION_1_0) == 0;
    MHD_get_connection_values(connection, MHD_HEADER_KIND, on_field, &hosts);
    return hosts.count == hosts.fitting && (hosts.count == 1 || (is_old && hosts.count == 0));
}

/* Whether a request is to be answered now. libmicrohttpd calls first when it has the header, then
 * for each part of a body, which nobody wants, and then without one. Whoever is answered at the
 * first call has to connect again, so that is for those who may send a long body, or whose next
 * request is not to be trusted to begin where it seems to. */
static bool is_complete(struct request *request, const char *method, size_t *body_bytes)
{
    bool has_header = request->has_header, has_body = *body_bytes > 0;
    request->has_header = true;
    *body_bytes = 0;
    return (has_header && !has_body) || !request->has_host || !pages_know_method(method);
}

/* There is more of a request (house: parameters). */
static enum MHD_Result on_request(void *self, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *body,
                                  size_t *body_bytes, void **state)
{
    struct daemon *daemon = self;
    struct request *request = *state;
    (void)url, (void)body;
    if (!request)
        return MHD_NO;
    if (!request->has_header)
        request->has_host = has_host(connection, version);
    if (!is_complete(request, method, body_bytes))
        return MHD_YES;
    guests_note_request(daemon->config.guests, socket_of(connection), now_ms(daemon));
    if (!request->has_host)
        return answer_text(connection, MHD_HTTP_BAD_REQUEST,
                           "a request has one Host field, with the name of its server\n");
    return pages_answer(daemon->config.pages, connection, &request->target, method);
}

static void on_answered(void *self, struct MHD_Connection *connection, void **state,
                        enum MHD_RequestTerminationCode why)
{
    struct daemon *daemon = self;
    (void)why;
    free(*state);
    *state = NULL;
    guests_note_answer(daemon->config.guests, socket_of(connection), now_ms(daemon));
}

static void on_connection_change(void *self, struct MHD_Connection *connection, void **state,
                                 enum MHD_ConnectionNotificationCode what)
{
    struct daemon *daemon = self;
    (void)state;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED)
        guests_remove(daemon->config.guests, socket_of(connection));
}

/* ---- Running --------------------------------------------------------------------------------- */

/* It has no timeout of its own, because that would start again with each byte. It lets the kernel
 * send files (sendfile) only if it knows that SIGPIPE is ignored, which main sees to. */
static struct MHD_Daemon *start_mhd(struct daemon *daemon)
{
    const struct quic_pem *pem = daemon->config.pem;
    struct MHD_OptionItem secure[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, pem ? pem->chain : NULL},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, pem ? pem->key : NULL},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)tls_versions},
        {MHD_OPTION_END, 0, NULL},
    };
    unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | (pem ? MHD_USE_TLS : 0);
    return MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, daemon, MHD_OPTION_CONNECTION_LIMIT, (unsigned)GUESTS_MAX,
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_MEMORY_BYTES, MHD_OPTION_URI_LOG_CALLBACK, on_target, daemon,
        MHD_OPTION_NOTIFY_COMPLETED, on_answered, daemon, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection_change, daemon, MHD_OPTION_ARRAY, pem ? secure : secure + 3, MHD_OPTION_END);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct daemon *daemon = poll->data;
    (void)status, (void)events;
    daemon->config.on_ready(daemon->config.self);
}

struct daemon *daemon_start(const struct daemon_config *config)
{
    struct daemon *daemon = calloc(1, sizeof *daemon);
    if (!daemon)
        return NULL;
    daemon->config = *config;
    errno = 0;
    daemon->mhd = start_mhd(daemon);
    daemon->config.pem = NULL;
    if (!daemon->mhd) {
        free(daemon);
        return NULL;
    }
    uv_poll_init(config->loop, &daemon->poll,
                 MHD_get_daemon_info(daemon->mhd, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
    daemon->poll.data = daemon;
    uv_poll_start(&daemon->poll, UV_READABLE, on_readable);
    return daemon;
}

void daemon_add(struct daemon *daemon, int fd)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof address;
    getpeername(fd, (struct sockaddr *)&address, &size); /* fails if the peer is gone already */
    if (MHD_add_connection(daemon->mhd, fd, (struct sockaddr *)&address, size) != MHD_YES)
        guests_remove(daemon->config.guests, fd); /* which has been closed */
}

uint64_t daemon_run(struct daemon *daemon)
{
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;
    for (int i = 0; i < PASSES_PER_TURN && wait_ms == 0; i++) {
        MHD_run(daemon->mhd);
        if (MHD_get_timeout(daemon->mhd, &wait_ms) != MHD_YES)
            return UINT64_MAX;
    }
    return wait_ms;
}

bool daemon_has_connections(const struct daemon *daemon)
{
    return MHD_get_daemon_info(daemon->mhd, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections >
           0;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void daemon_stop(struct daemon **pointer)
{
    struct daemon *daemon = *pointer;
    *pointer = NULL;
    if (!daemon)
        return;
    uv_poll_stop(&daemon->poll);
    MHD_stop_daemon(daemon->mhd);
    uv_close((uv_handle_t *)&daemon->poll, on_closed);
}
