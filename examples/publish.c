/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A complete publisher: one track, named by the path of the URL, with one number per second and a
 * new group every ten seconds.
 *
 *   example-publish https://relay.example/hello [insecure]
 *
 * To watch, run example-subscribe with the same arguments.
 * Tested by tests/e2e/test_tools.py. */
#include <stdio.h>
#include <string.h>

#include "native/native.h"

struct publisher {
    struct moq_native *native;
    struct moq_track *track;
    struct moq_group *group;
    unsigned count;
};

/* Serves our track. A viewer that joins late begins with the first frame of the newest group. */
static void on_request(struct moq_session *session, struct moq_request *request)
{
    struct publisher *publisher = moq_session_user(session);
    const struct moq_policy defaults = {.latency_ns = UINT64_C(2000000000),
                                        .order = MOQ_ORDER_NEWEST};
    struct moq_policy policy = moq_policy_of_wish(&defaults, &request->wish);
    bool is_ours = moq_path_equal(request->path, moq_track_path(publisher->track));
    if (is_ours && request->kind == MOQ_REQUEST_SUBSCRIBE)
        moq_request_serve(request, publisher->track, &policy);
    else
        moq_request_refuse(request, MOQ_ERR_NOT_FOUND);
}

static void on_second(uv_timer_t *timer)
{
    struct publisher *publisher = timer->data;
    char text[16];
    moq_native_wake(publisher->native); /* call this before changing what sessions have to send */
    if (publisher->count % 10 == 0) {
        if (publisher->group)
            moq_track_finish_group(publisher->track, publisher->group);
        if (moq_track_open_group(publisher->track, publisher->count / 10, &publisher->group))
            return;
    }
    int n = snprintf(text, sizeof text, "%u", publisher->count++);
    moq_track_write_frame(publisher->track, publisher->group, text, (size_t)n);
}

static void on_lost(struct moq_client *client, int error, const char *reason, uint64_t retry_ms)
{
    (void)client;
    (void)retry_ms; /* the client reconnects by itself, see `reconnect` below */
    fprintf(stderr, "not connected: %s (%s)\n", reason, moq_error_words(error));
}

int main(int argc, char **argv)
{
    moq_native_fill_descriptors();
    static const struct moq_session_events session = {.on_request = on_request};
    static const struct moq_client_events events = {.on_lost = on_lost};
    struct moq_native_config native = {.loop = uv_default_loop()};
    struct publisher publisher = {.native = moq_native_new(&native)};
    struct moq_client_config client = {.session = &session, .events = &events, .user = &publisher};
    char why[QUIC_ERROR_TEXT_BYTES] = "usage: example-publish URL [insecure]";
    if (argc < 2 || moq_url_parse(&client.url, argv[1], why))
        return fprintf(stderr, "%s\n", why), 2;
    client.tls.is_verify_disabled = argc > 2 && strcmp(argv[2], "insecure") == 0;
    client.reconnect.is_enabled = true;

    struct moq_track_config track = {.clock = moq_native_clock(publisher.native), .priority = 128};
    struct moq_path *path = moq_url_broadcast(&client.url);
    publisher.track = moq_track_new(path, &track);
    client.offers = moq_offers_new();
    moq_offers_add(client.offers, path, NULL);
    moq_client_open(publisher.native, &client);

    uv_timer_t timer = {.data = &publisher};
    uv_timer_init(native.loop, &timer);
    uv_timer_start(&timer, on_second, 0, 1000);
    return uv_run(native.loop, UV_RUN_DEFAULT);
}
