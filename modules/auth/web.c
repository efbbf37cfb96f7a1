/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* libcurl's "multi" interface on a loop: a uv_poll_t for each socket that it names, and one timer.
 * Tested by tests/e2e/test_callback.py. */
#include "modules/auth/web.h"

#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <relay/module.h>
#include <uv.h>

#include "base/list.h"

struct web {
    struct relay_worker *worker;
    CURLM *multi;
    uv_timer_t timer;
    struct list exchanges;
    uint32_t count;
};

struct exchange {
    struct list node; /* web.exchanges */
    struct web *web;
    CURL *easy;
    struct curl_slist *headers;
    web_on_answer *on_answer;
    void *user;
    size_t header_bytes, body_bytes;
    bool is_too_large;
    char error[CURL_ERROR_SIZE];
    char body[WEB_ANSWER_MAX_BYTES];
};

/* ---- Ends ------------------------------------------------------------------------------------ */

static void free_exchange(struct exchange *exchange)
{
    if (exchange->easy)
        curl_easy_cleanup(exchange->easy);
    curl_slist_free_all(exchange->headers);
    free(exchange);
}

static void end_exchange(struct exchange *exchange, struct web_answer answer)
{
    curl_multi_remove_handle(exchange->web->multi, exchange->easy);
    list_remove(&exchange->node);
    exchange->web->count--;
    exchange->on_answer(exchange->user, &answer);
    free_exchange(exchange);
}

static const char *words_of_failure(const struct exchange *exchange, CURLcode code)
{
    if (code == CURLE_OK)
        return NULL;
    if (exchange->is_too_large)
        return "the answer is longer than 64 KiB";
    return exchange->error[0] ? exchange->error : curl_easy_strerror(code);
}

static void take_ended(struct web *web)
{
    int left;
    const CURLMsg *message;
    while ((message = curl_multi_info_read(web->multi, &left))) {
        char *found = NULL;
        CURLcode code = message->data.result;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &found);
        struct exchange *exchange = (struct exchange *)(void *)found;
        struct web_answer answer = {.failure = words_of_failure(exchange, code),
                                    .body = exchange->body,
                                    .body_bytes = exchange->body_bytes};
        if (!answer.failure)
            curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &answer.status);
        end_exchange(exchange, answer);
    }
}

/* ---- libcurl and libuv ----------------------------------------------------------------------- */

struct poll { /* of one socket */
    uv_poll_t handle;
    struct web *web;
    curl_socket_t socket;
};

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct poll *poll = handle->data;
    struct web *web = poll->web;
    int running, what = status < 0 ? CURL_CSELECT_ERR : 0;
    what |= (events & UV_READABLE ? CURL_CSELECT_IN : 0) |
            (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0);
    relay_worker_wake(web->worker);
    curl_multi_socket_action(web->multi, poll->socket, what, &running);
    take_ended(web);
}

static void on_timer(uv_timer_t *timer)
{
    struct web *web = timer->data;
    int running;
    relay_worker_wake(web->worker);
    curl_multi_socket_action(web->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    take_ended(web);
}

static void on_poll_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static struct poll *open_poll(struct web *web, curl_socket_t socket)
{
    struct poll *poll = calloc(1, sizeof *poll);
    if (!poll)
        return NULL;
    poll->web = web;
    poll->socket = socket;
    poll->handle.data = poll;
    if (uv_poll_init_socket(relay_worker_loop(web->worker), &poll->handle, socket) == 0)
        return poll;
    free(poll);
    return NULL;
}

static int want_events(struct web *web, struct poll *poll, curl_socket_t socket, int what)
{
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    if (!poll)
        poll = open_poll(web, socket);
    if (!poll)
        return -1;
    curl_multi_assign(web->multi, socket, poll);
    return uv_poll_start(&poll->handle, events, on_poll) == 0 ? 0 : -1;
}

/* libcurl calls this before it closes a socket. */
static int on_socket(CURL *easy, curl_socket_t socket, int what, void *user, void *of_socket)
{
    struct web *web = user;
    struct poll *poll = of_socket;
    (void)easy;
    if (what != CURL_POLL_REMOVE)
        return want_events(web, poll, socket, what);
    if (poll) {
        curl_multi_assign(web->multi, socket, NULL);
        uv_close((uv_handle_t *)&poll->handle, on_poll_closed);
    }
    return 0;
}

static int on_timeout(CURLM *multi, long timeout_ms, void *user)
{
    struct web *web = user;
    (void)multi;
    if (uv_is_closing((uv_handle_t *)&web->timer))
        return 0;
    if (timeout_ms < 0)
        uv_timer_stop(&web->timer);
    else
        uv_timer_start(&web->timer, on_timer, (uint64_t)timeout_ms, 0);
    return 0;
}

/* ---- Opening and closing --------------------------------------------------------------------- */

struct web *web_new(struct relay_worker *worker)
{
    struct web *web = calloc(1, sizeof *web);
    if (!web)
        return NULL;
    web->worker = worker;
    web->multi = curl_multi_init();
    list_init(&web->exchanges);
    if (!web->multi) {
        free(web);
        return NULL;
    }
    uv_timer_init(relay_worker_loop(worker), &web->timer);
    web->timer.data = web;
    curl_multi_setopt(web->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(web->multi, CURLMOPT_SOCKETDATA, web);
    curl_multi_setopt(web->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
    curl_multi_setopt(web->multi, CURLMOPT_TIMERDATA, web);
    return web;
}

uint32_t web_open_count(const struct web *web)
{
    return web->count;
}

static void on_web_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void web_close(struct web **pointer)
{
    struct web *web = *pointer;
    *pointer = NULL;
    if (!web)
        return;
    while (!list_is_empty(&web->exchanges))
        end_exchange(container_of(web->exchanges.next, struct exchange, node),
                     (struct web_answer){.is_cancelled = true});
    curl_multi_cleanup(web->multi);
    uv_close((uv_handle_t *)&web->timer, on_web_closed);
}

/* ---- A request ------------------------------------------------------------------------------- */

static size_t on_body(char *data, size_t one, size_t n, void *user)
{
    struct exchange *exchange = user;
    (void)one;
    if (n > sizeof exchange->body - exchange->body_bytes) {
        exchange->is_too_large = true;
        return 0;
    }
    memcpy(exchange->body + exchange->body_bytes, data, n);
    exchange->body_bytes += n;
    return n;
}

static size_t on_header(char *data, size_t one, size_t n, void *user)
{
    struct exchange *exchange = user;
    (void)data;
    (void)one;
    exchange->header_bytes += n;
    exchange->is_too_large |= exchange->header_bytes > WEB_ANSWER_MAX_BYTES;
    return exchange->is_too_large ? 0 : n;
}

static bool set_headers(struct exchange *exchange)
{
    /* An empty Expect: no round trip before the body. */
    static const char *const lines[] = {"Content-Type: application/json",
                                        "Accept: application/json", "Expect:"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct curl_slist *longer = curl_slist_append(exchange->headers, lines[i]);
        if (!longer)
            return false;
        exchange->headers = longer;
    }
    return curl_easy_setopt(exchange->easy, CURLOPT_HTTPHEADER, exchange->headers) == CURLE_OK;
}

/* What could end in a wrong answer if it were not set. */
static bool set_safely(CURL *easy, const struct web_request *request)
{
    return curl_easy_setopt(easy, CURLOPT_URL, request->url) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, request->body) == CURLE_OK &&
           (!request->ca || curl_easy_setopt(easy, CURLOPT_CAINFO, request->ca) == CURLE_OK) &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms) == CURLE_OK;
}

static void set_rest(struct exchange *exchange)
{
    CURL *easy = exchange->easy;
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->error);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, exchange);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange);
#if LIBCURL_VERSION_NUM >= 0x075700
    /* Does not wait for a name that is still looked up when the time is over. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
}

bool web_post(struct web *web, const struct web_request *request, web_on_answer *on_answer,
              void *user)
{
    struct exchange *exchange = calloc(1, sizeof *exchange);
    if (!exchange)
        return false;
    exchange->web = web;
    exchange->on_answer = on_answer;
    exchange->user = user;
    exchange->easy = curl_easy_init();
    bool is_ready = exchange->easy && set_headers(exchange) && set_safely(exchange->easy, request);
    if (is_ready)
        set_rest(exchange);
    if (!is_ready || curl_multi_add_handle(web->multi, exchange->easy) != CURLM_OK) {
        free_exchange(exchange);
        return false;
    }
    list_push_back(&web->exchanges, &exchange->node);
    web->count++;
    return true;
}
