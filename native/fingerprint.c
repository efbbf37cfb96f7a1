/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* GET http://host:port/fingerprint: which self-signed certificate an http: URL may trust. Uses
 * HTTP/1.0, so that the answer is not chunked and ends with the connection; limited in time and
 * size; addresses are tried one after the other. */
#include "native/fingerprint.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/hex.h"
#include "native/loop.h"
#include "native/resolve.h"

enum { ADDRESS_PATIENCE_MS = 1500 /* for one address */, REASON_BYTES = 256 };
enum { STATUS_AT = 9 /* in "HTTP/1.1 200 OK" */ };

struct fingerprint {
    struct moq_native *native;
    struct address_list list;
    size_t next;
    uint16_t port;
    uv_tcp_t tcp;
    uv_timer_t timer;
    uv_connect_t connect;
    uv_write_t write;
    uv_buf_t request;
    char request_text[MOQ_URL_HOST_BYTES + 128];
    char answer[FINGERPRINT_MAX_ANSWER_BYTES];
    size_t answer_bytes;
    char reason[REASON_BYTES];
    moq_fingerprint_on_done *on_done; /* NULL: cancelled or done */
    void *user;
    bool is_over;
    int connect_error; /* of uv_tcp_connect; reported by the timer, not inside _start */
    unsigned open_handles;
};

/* ---- The answer ------------------------------------------------------------------------------ */

static int parse_body(const char *body, size_t n, uint8_t out[QUIC_FINGERPRINT_BYTES])
{
    while (n > 0 && isspace((unsigned char)*body))
        body++, n--;
    while (n > 0 && isspace((unsigned char)body[n - 1]))
        n--;
    if (n != 2 * QUIC_FINGERPRINT_BYTES)
        return MOQ_ERR_DECODE;
    for (size_t i = 0; i < QUIC_FINGERPRINT_BYTES; i++) {
        int value = hex_byte(body + 2 * i);
        if (value < 0)
            return MOQ_ERR_DECODE;
        out[i] = (uint8_t)value;
    }
    return 0;
}

/* The value of Content-Length, or -1 if the head has none or an invalid one. */
static long content_length(const char *head, size_t n)
{
    static const char name[] = "\ncontent-length:";
    for (size_t i = 0; i + sizeof name - 1 < n; i++) {
        if (strncasecmp(head + i, name, sizeof name - 1) != 0)
            continue;
        long value = 0;
        const char *digit = head + i + sizeof name - 1, *end = head + n;
        while (digit < end && *digit == ' ')
            digit++;
        if (digit == end || !isdigit((unsigned char)*digit))
            return -1;
        for (; digit < end && isdigit((unsigned char)*digit); digit++)
            if ((value = value * 10 + (*digit - '0')) > FINGERPRINT_MAX_ANSWER_BYTES)
                return FINGERPRINT_MAX_ANSWER_BYTES;
        return value;
    }
    return -1;
}

static bool is_status_ok(const char *answer, size_t n)
{
    return n >= STATUS_AT + 3 && memcmp(answer, "HTTP/1.", 7) == 0 &&
           memcmp(answer + STATUS_AT - 1, " 200", 4) == 0;
}

int fingerprint_parse(const char *answer, size_t n, bool is_end,
                      uint8_t out[QUIC_FINGERPRINT_BYTES])
{
    const char *end = memmem(answer, n, "\r\n\r\n", 4);
    if (!end)
        return is_end ? MOQ_ERR_DECODE : MOQ_ERR_AGAIN;
    size_t head_bytes = (size_t)(end - answer) + 4, body_bytes = n - head_bytes;
    if (head_bytes < 5 || memcmp(answer, "HTTP/", 5) != 0)
        return MOQ_ERR_DECODE;
    if (!is_status_ok(answer, head_bytes))
        return MOQ_ERR_REFUSED;

    long length = content_length(answer, head_bytes);
    if (length >= 0 && body_bytes >= (size_t)length)
        return parse_body(answer + head_bytes, (size_t)length, out);
    if (!is_end)
        return MOQ_ERR_AGAIN;
    return length < 0 ? parse_body(answer + head_bytes, body_bytes, out) : MOQ_ERR_DECODE;
}

/* ---- The way there --------------------------------------------------------------------------- */

static void try_next_address(struct fingerprint *fingerprint);

static void on_handle_closed(uv_handle_t *handle)
{
    struct fingerprint *fingerprint = handle->data;
    if (--fingerprint->open_handles > 0)
        return;
    if (!fingerprint->is_over) {
        try_next_address(fingerprint);
        return;
    }
    struct moq_native *native = fingerprint->native;
    free(fingerprint);
    native_release(native);
}

/* Closes both handles of this address; when they are gone, the next address is tried, or the fetch
 * ends. */
static void close_handles(struct fingerprint *fingerprint)
{
    if (!uv_is_closing((uv_handle_t *)&fingerprint->tcp)) {
        uv_close((uv_handle_t *)&fingerprint->tcp, on_handle_closed);
        uv_close((uv_handle_t *)&fingerprint->timer, on_handle_closed);
    }
}

static void finish_fingerprint(struct fingerprint *fingerprint, const uint8_t *sha256)
{
    moq_fingerprint_on_done *on_done = fingerprint->on_done;
    fingerprint->on_done = NULL;
    fingerprint->is_over = true;
    close_handles(fingerprint);
    if (on_done)
        on_done(fingerprint->user, sha256, fingerprint->reason);
}

static void leave_address(struct fingerprint *fingerprint)
{
    if (fingerprint->next == fingerprint->list.count)
        finish_fingerprint(fingerprint, NULL);
    else
        close_handles(fingerprint);
}

static void fail_address(struct fingerprint *fingerprint, const char *reason)
{
    snprintf(fingerprint->reason, sizeof fingerprint->reason, "no answer to GET /fingerprint: %s",
             reason);
    leave_address(fingerprint);
}

/* The server does not exist or does not answer. */
static void fail_silence(struct fingerprint *fingerprint, const char *what)
{
    snprintf(fingerprint->reason, sizeof fingerprint->reason,
             "no answer to GET /fingerprint: %s; does a relay with http.address (or --dev) listen "
             "on TCP port %u there? For one with a certificate that is trusted, use https://",
             what, fingerprint->port);
    leave_address(fingerprint);
}

/* The server answered, but without a fingerprint. Of its answer, only the digits of the status
 * appear in the message. */
static void fail_answer(struct fingerprint *fingerprint, int error)
{
    char status[32] = "something else";
    if (error == MOQ_ERR_REFUSED && strspn(fingerprint->answer + STATUS_AT, "0123456789") >= 3)
        snprintf(status, sizeof status, "status %.3s", fingerprint->answer + STATUS_AT);
    snprintf(fingerprint->reason, sizeof fingerprint->reason,
             "GET /fingerprint is answered with %s: an http:// URL needs a relay with "
             "http.fingerprint (or --dev) on that TCP port; for one with a certificate that is "
             "trusted, use https://",
             status);
    leave_address(fingerprint);
}

static void on_address_timeout(uv_timer_t *timer)
{
    struct fingerprint *fingerprint = timer->data;
    int error = fingerprint->connect_error;
    fail_silence(fingerprint, error ? uv_strerror(error) : "timed out");
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct fingerprint *fingerprint = handle->data;
    (void)suggested;
    *buf = uv_buf_init(fingerprint->answer + fingerprint->answer_bytes,
                       (unsigned)(sizeof fingerprint->answer - fingerprint->answer_bytes));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct fingerprint *fingerprint = stream->data;
    (void)buf;
    if (n < 0 && n != UV_EOF) {
        fail_address(fingerprint, n == UV_ENOBUFS ? "it is too long" : uv_strerror((int)n));
        return;
    }
    if (n > 0)
        fingerprint->answer_bytes += (size_t)n;
    uint8_t sha256[QUIC_FINGERPRINT_BYTES];
    int error =
        fingerprint_parse(fingerprint->answer, fingerprint->answer_bytes, n == UV_EOF, sha256);
    if (error == 0)
        finish_fingerprint(fingerprint, sha256);
    else if (error != MOQ_ERR_AGAIN && fingerprint->answer_bytes == 0)
        fail_address(fingerprint, "the server closed the connection; it may have too many");
    else if (error != MOQ_ERR_AGAIN)
        fail_answer(fingerprint, error);
}

static void on_written(uv_write_t *write, int status)
{
    struct fingerprint *fingerprint = write->data;
    if (status < 0 && status != UV_ECANCELED)
        fail_address(fingerprint, uv_strerror(status));
}

static void on_tcp_connected(uv_connect_t *connect, int status)
{
    struct fingerprint *fingerprint = connect->data;
    uv_stream_t *stream = (uv_stream_t *)&fingerprint->tcp;
    if (status == UV_ECANCELED)
        return;
    if (status < 0) {
        fail_silence(fingerprint, uv_strerror(status));
        return;
    }
    fingerprint->write.data = fingerprint;
    fingerprint->request =
        uv_buf_init(fingerprint->request_text, (unsigned)strlen(fingerprint->request_text));
    int error = uv_write(&fingerprint->write, stream, &fingerprint->request, 1, on_written);
    if (!error)
        error = uv_read_start(stream, on_room, on_read);
    if (error)
        fail_address(fingerprint, uv_strerror(error));
}

static void try_next_address(struct fingerprint *fingerprint)
{
    const struct sockaddr *address = (const void *)&fingerprint->list.items[fingerprint->next++];
    fingerprint->answer_bytes = 0;
    fingerprint->open_handles = 2;
    uv_tcp_init(fingerprint->native->config.loop, &fingerprint->tcp);
    uv_timer_init(fingerprint->native->config.loop, &fingerprint->timer);
    fingerprint->tcp.data = fingerprint->timer.data = fingerprint->connect.data = fingerprint;
    uv_timer_start(&fingerprint->timer, on_address_timeout, ADDRESS_PATIENCE_MS, 0);
    fingerprint->connect_error =
        uv_tcp_connect(&fingerprint->connect, &fingerprint->tcp, address, on_tcp_connected);
    if (fingerprint->connect_error)
        uv_timer_start(&fingerprint->timer, on_address_timeout, 0, 0);
}

struct fingerprint *fingerprint_start(struct moq_native *native, const struct moq_url *url,
                                      const struct address_list *list,
                                      moq_fingerprint_on_done *on_done, void *user)
{
    struct fingerprint *fingerprint = calloc(1, sizeof *fingerprint);
    if (!fingerprint)
        return NULL;
    fingerprint->native = native;
    fingerprint->list = *list;
    fingerprint->on_done = on_done;
    fingerprint->user = user;
    fingerprint->port = url->port;
    snprintf(fingerprint->request_text, sizeof fingerprint->request_text,
             strchr(url->host, ':') ? "GET /fingerprint HTTP/1.0\r\nHost: [%s]:%u\r\n\r\n"
                                    : "GET /fingerprint HTTP/1.0\r\nHost: %s:%u\r\n\r\n",
             url->host, url->port);
    native_hold(native);
    try_next_address(fingerprint);
    return fingerprint;
}

void fingerprint_cancel(struct fingerprint **fingerprint)
{
    if (!*fingerprint)
        return;
    (*fingerprint)->on_done = NULL;
    (*fingerprint)->is_over = true;
    close_handles(*fingerprint);
    *fingerprint = NULL;
}

/* ---- For many clients ------------------------------------------------------------------------ */

/* Looks the name up and fetches the fingerprint once, instead of for each client that connects. */
struct fetch {
    struct moq_native *native;
    struct moq_url url;
    moq_fingerprint_on_done *on_done;
    void *user;
};

static void finish_fetch(struct fetch *fetch, const uint8_t *sha256, const char *reason)
{
    struct fetch done = *fetch;
    free(fetch);
    done.on_done(done.user, sha256, reason);
}

static void on_fingerprint(void *user, const uint8_t *sha256, const char *reason)
{
    finish_fetch(user, sha256, reason);
}

static void on_resolved(void *user, const struct address_list *list, const char *reason)
{
    struct fetch *fetch = user;
    if (!list)
        finish_fetch(fetch, NULL, reason);
    else if (!fingerprint_start(fetch->native, &fetch->url, list, on_fingerprint, fetch))
        finish_fetch(fetch, NULL, moq_error_words(MOQ_ERR_NOMEM));
}

int moq_fingerprint_fetch(struct moq_native *native, const struct moq_url *url,
                          moq_fingerprint_on_done *on_done, void *user)
{
    struct fetch *fetch = malloc(sizeof *fetch);
    if (!fetch)
        return MOQ_ERR_NOMEM;
    *fetch = (struct fetch){native, *url, on_done, user};
    if (resolve_start(native, url->host, url->port, on_resolved, fetch))
        return 0;
    free(fetch);
    return MOQ_ERR_NOMEM;
}
