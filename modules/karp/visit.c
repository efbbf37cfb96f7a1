/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Whatever goes wrong is a verdict, and the state says by which way it is told.
 * Tested by tests/unit/modules/test_karp_http.c. */
#include "modules/karp/visit.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"

enum { ANSWER_BYTES = VERDICT_TEXT_BYTES + 256 };

static const struct host *host_of(const struct visit *visit)
{
    return ingest_set_host(visit->set);
}

static void set_state(struct visit *visit, enum visit_state state, uint64_t most_ms)
{
    visit->state = state;
    visit->until_ns = most_ms ? host_of(visit)->clock->now_ns + most_ms * NS_PER_MS : UINT64_MAX;
}

static void write_address(struct visit *visit, const struct sockaddr *address)
{
    char name[VISIT_ADDRESS_BYTES] = "unknown", port[8] = "0";
    socklen_t size = address && address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                               : sizeof(struct sockaddr_in);
    if (address)
        getnameinfo(address, size, name, sizeof name, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV);
    bool is_ipv6 = strchr(name, ':') != NULL;
    snprintf(visit->address, sizeof visit->address, is_ipv6 ? "[%.48s]:%s" : "%.48s:%s", name,
             port);
}

void visit_begin(struct visit *visit, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    visit->connection = connection;
    visit->fd = info->connect_fd;
    info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    write_address(visit, info ? info->client_addr : NULL);
    set_state(visit, VISIT_HEAD, VISIT_HEAD_MS);
}

void visit_set_target(struct visit *visit, const char *target)
{
    free(visit->target);
    visit->target = strdup(target);
}

static void close_media(struct visit *visit)
{
    const struct host *host = host_of(visit);
    bool is_guest_kept = ingest_close(&visit->ingest);
    if (visit->is_guest_open && !is_guest_kept)
        host->ops->close_guest(host->user, visit->guest);
    visit->is_guest_open = false;
}

/* ---- Answers --------------------------------------------------------------------------------- */

static void log_answer(struct visit *visit)
{
    if (visit->verdict.status != VERDICT_OK)
        host_log(host_of(visit), HOST_WARN, "HTTP %s: \"%s\": %u: %s", visit->address, visit->path,
                 visit->verdict.status, visit->verdict.text);
}

/* At the head, or after the whole body. */
static enum MHD_Result answer_request(struct visit *visit)
{
    char text[VERDICT_TEXT_BYTES + 1];
    int size = snprintf(text, sizeof text, "%s\n", visit->verdict.text);
    struct MHD_Response *response =
        MHD_create_response_from_buffer((size_t)size, text, MHD_RESPMEM_MUST_COPY);
    log_answer(visit);
    close_media(visit);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain");
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    if (visit->verdict.status == VERDICT_METHOD)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "PUT, POST");
    if (visit->verdict.status == VERDICT_UNAUTHORIZED) /* encoders wait for this */
        MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
                                "Basic realm=\"moq-relay\"");
    enum MHD_Result result = MHD_queue_response(visit->connection, visit->verdict.status, response);
    MHD_destroy_response(response);
    set_state(visit, VISIT_ANSWERED, VISIT_ANSWER_MS);
    return result;
}

/* In the middle of the body: see visit.h. */
static void answer_early(struct visit *visit)
{
    char text[ANSWER_BYTES];
    int size = snprintf(text, sizeof text,
                        "HTTP/1.1 %u %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
                        "Connection: close\r\n\r\n%s\n",
                        visit->verdict.status, verdict_phrase(visit->verdict.status),
                        strlen(visit->verdict.text) + 1, visit->verdict.text);
    log_answer(visit);
    close_media(visit);
    if (send(visit->fd, text, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT) == size)
        shutdown(visit->fd, SHUT_WR);
    set_state(visit, VISIT_DRAINING, VISIT_DRAIN_MS);
}

/* ---- Head and decision ----------------------------------------------------------------------- */

/* The whole body is there, so libmicrohttpd can answer. */
static void settle_visit(struct visit *visit)
{
    visit_resume(visit);
}

static void on_ingest_failed(void *owner, const struct verdict *why)
{
    struct visit *visit = owner;
    visit->verdict = *why;
    if (visit->state == VISIT_SETTLING)
        settle_visit(visit);
    else
        answer_early(visit);
}

/* Tracks are offered when their media has come, and until then the visit would keep the path from
 * those who may publish it. */
static void check_grants(struct visit *visit)
{
    const struct host *host = host_of(visit);
    if (visit->verdict.status == 0 &&
        !host->ops->may_publish(host->user, visit->guest, visit->path))
        verdict_set(&visit->verdict, VERDICT_FORBIDDEN,
                    "may not publish \"%s\": its grants do not cover this path", visit->path);
}

static enum MHD_Result begin_body(struct visit *visit)
{
    static const struct ingest_events events = {.on_failed = on_ingest_failed};
    char from[INGEST_FROM_BYTES];
    const struct ingest_config config = {
        .path = visit->path,
        .from = from,
        .guest = visit->guest,
        .silence_ms = visit->silence_ms,
        .ladder = visit->ladder,
        .events = &events,
        .owner = visit,
    };
    snprintf(from, sizeof from, "HTTP %s", visit->address);
    check_grants(visit);
    if (visit->verdict.status == 0)
        visit->ingest = ingest_open(visit->set, &config, &visit->verdict);
    if (!visit->ingest)
        return answer_request(visit);
    set_state(visit, VISIT_BODY, 0);
    return MHD_YES;
}

void visit_resume(struct visit *visit)
{
    if (!visit->is_suspended)
        return;
    visit->is_suspended = false;
    MHD_resume_connection(visit->connection);
    visit->on_resumed(visit->server);
}

static void on_decided(void *owner, const struct verdict *verdict)
{
    struct visit *visit = owner;
    if (verdict->status)
        visit->verdict = *verdict;
    if (visit->state == VISIT_DECIDING)
        set_state(visit, VISIT_DECIDED, VISIT_DECISION_MS);
    visit_resume(visit);
}

static void on_guest_closed(void *owner, const struct verdict *why)
{
    struct visit *visit = owner;
    if (visit->verdict.status == 0)
        visit->verdict = *why;
    if (visit->state == VISIT_SETTLING)
        settle_visit(visit);
    if (visit->state != VISIT_BODY)
        return;
    ingest_fail(visit->ingest, why);
    answer_early(visit);
}

/* The credential: a bearer token, the password of Basic, as encoders send it, or ?jwt=. */
static void read_credential(struct visit *visit, char token[REQUEST_CREDENTIAL_BYTES])
{
    const char *header = MHD_lookup_connection_value(visit->connection, MHD_HEADER_KIND,
                                                     MHD_HTTP_HEADER_AUTHORIZATION);
    char *password = NULL;
    if (request_bearer(header, token) > 0)
        return;
    char *user = MHD_basic_auth_get_username_password(visit->connection, &password);
    if (password)
        snprintf(token, REQUEST_CREDENTIAL_BYTES, "%s", password);
    else
        request_query_token(request_query(visit->target), token);
    MHD_free(user);
    MHD_free(password);
}

/* Asks the relay, who may decide at once or later. */
static void ask_relay(struct visit *visit)
{
    static const struct host_guest_events events = {on_decided, on_guest_closed};
    const struct host *host = host_of(visit);
    char token[REQUEST_CREDENTIAL_BYTES], url_path[REQUEST_PATH_BYTES + 1];
    const struct host_visitor visitor = {
        .address = visit->address,
        .path = url_path,
        .query = request_query(visit->target),
        .credential = token,
    };
    snprintf(url_path, sizeof url_path, "/%s", visit->path);
    read_credential(visit, token);
    set_state(visit, VISIT_DECIDING, VISIT_DECISION_MS);
    int error = host->ops->open_guest(host->user, &visitor, &events, visit, &visit->guest);
    visit->is_guest_open = error == 0;
    if (error)
        verdict_set(&visit->verdict, VERDICT_BUSY, "the relay takes no further guests now");
}

/* The status of what is wrong with the head; 0: nothing. */
static unsigned check_head(struct visit *visit, const char *method)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(visit->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    struct verdict *verdict = &visit->verdict;
    if (!visit->target)
        return verdict_set(verdict, VERDICT_BUSY, "out of memory");
    if (info && info->header_size > VISIT_HEAD_MAX_BYTES)
        return verdict_set(verdict, VERDICT_HEADER_TOO_LARGE,
                           "the head of the request has more than %d KiB",
                           VISIT_HEAD_MAX_BYTES >> 10);
    if (strcmp(method, MHD_HTTP_METHOD_PUT) != 0 && strcmp(method, MHD_HTTP_METHOD_POST) != 0)
        return verdict_set(verdict, VERDICT_METHOD, "media is sent by PUT or POST");
    return request_path(visit->target, visit->path, verdict);
}

static enum MHD_Result suspend_visit(struct visit *visit)
{
    visit->is_suspended = true;
    MHD_suspend_connection(visit->connection);
    return MHD_YES;
}

static enum MHD_Result handle_head(struct visit *visit, const char *method)
{
    if (check_head(visit, method))
        return answer_request(visit);
    ask_relay(visit);
    if (visit->state != VISIT_DECIDING || visit->verdict.status)
        return begin_body(visit);
    return suspend_visit(visit);
}

/* ---- Body ------------------------------------------------------------------------------------ */

static enum MHD_Result answer_end(struct visit *visit)
{
    if (visit->verdict.status == 0)
        visit->verdict = *ingest_verdict(visit->ingest);
    if (visit->verdict.status == 0)
        verdict_set(&visit->verdict, VERDICT_OK, "%llu frames published",
                    (unsigned long long)ingest_frames(visit->ingest));
    return answer_request(visit);
}

/* A short body is over before it is decided whether its tracks may be offered. */
static enum MHD_Result handle_body(struct visit *visit, const char *data, size_t *size)
{
    if (*size > 0) {
        if (ingest_feed(visit->ingest, (const uint8_t *)data, *size)) {
            visit->verdict = *ingest_verdict(visit->ingest);
            answer_early(visit);
        }
        *size = 0;
        return MHD_YES;
    }
    if (ingest_finish(visit->ingest) || ingest_is_decided(visit->ingest))
        return answer_end(visit);
    set_state(visit, VISIT_SETTLING, VISIT_DECISION_MS);
    return suspend_visit(visit);
}

enum MHD_Result visit_handle(struct visit *visit, const char *method, const char *data,
                             size_t *size)
{
    switch (visit->state) {
    case VISIT_HEAD:
        return handle_head(visit, method);
    case VISIT_DECIDED:
        return begin_body(visit);
    case VISIT_BODY:
        return handle_body(visit, data, size);
    case VISIT_SETTLING:
        return answer_end(visit);
    case VISIT_DECIDING:
    case VISIT_ANSWERED:
        return MHD_YES;
    case VISIT_DRAINING:
    case VISIT_CUT:
        break;
    }
    bool is_over = *size == 0;
    *size = 0;
    return is_over ? MHD_NO : MHD_YES;
}

/* ---- The end --------------------------------------------------------------------------------- */

void visit_end(struct visit *visit)
{
    struct verdict why;
    if (visit->ingest && visit->state != VISIT_SETTLING) {
        verdict_set(&why, VERDICT_MALFORMED, "the connection broke off");
        ingest_fail(visit->ingest, &why);
    }
    close_media(visit);
    visit->until_ns = UINT64_MAX;
}

static void cut_visit(struct visit *visit)
{
    shutdown(visit->fd, SHUT_RDWR); /* wakes libmicrohttpd, which then closes it */
    set_state(visit, VISIT_CUT, 0);
}

void visit_yield(struct visit *visit)
{
    host_log(host_of(visit), HOST_WARN,
             "HTTP %s: has sent no whole request, and all places are taken: closed in favour of "
             "the next connection",
             visit->address);
    cut_visit(visit);
}

void visit_check(struct visit *visit, uint64_t now_ns)
{
    bool is_settling = visit->state == VISIT_SETTLING && visit->ingest;
    if (is_settling && ingest_is_decided(visit->ingest))
        settle_visit(visit);
    if (now_ns < visit->until_ns)
        return;
    if (is_settling) {
        verdict_set(&visit->verdict, VERDICT_BUSY, "the relay has not decided in time");
        ingest_fail(visit->ingest, &visit->verdict);
        settle_visit(visit);
        return;
    }
    if (visit->state == VISIT_DECIDING) {
        verdict_set(&visit->verdict, VERDICT_BUSY, "the relay has not decided in time");
        set_state(visit, VISIT_DECIDED, VISIT_DECISION_MS);
        visit_resume(visit);
        return;
    }
    cut_visit(visit);
}

void visit_free(struct visit *visit)
{
    visit_end(visit);
    list_remove(&visit->link);
    free(visit->target);
    free(visit);
}
