/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A complete viewer that prints a track: example-subscribe https://relay.example/hello
 * [insecure]
 * Tested by tests/e2e/test_tools.py. */
#include <stdio.h>
#include <string.h>

#include "native/native.h"

struct viewer {
    struct moq_watcher watcher; /* must be the first member: see on_growth */
    struct moq_native *native;
    struct moq_session *session;
    struct moq_path *path;
    struct moq_track *track;
    struct moq_group_reader reader;
};

/* A group has grown: prints its new frames. Older groups that still grow are ignored. */
static void on_growth(struct moq_watcher *watcher, struct moq_group *group)
{
    struct viewer *viewer = (struct viewer *)watcher;
    const uint8_t *data;
    size_t size;
    if (viewer->reader.group != group && group == moq_track_newest(viewer->track)) {
        moq_group_reader_deinit(&viewer->reader);
        moq_group_reader_init(&viewer->reader, group);
    }
    while (moq_group_reader_next(&viewer->reader, &data, &size) == 0)
        printf("%llu: %.*s\n", (unsigned long long)viewer->reader.group->sequence, (int)size,
               (const char *)data);
    fflush(stdout);
}

/* The broadcast is announced, now or as soon as someone publishes it: subscribes to it. */
static void on_active(struct moq_announced *announced, struct moq_path *path)
{
    static const struct moq_watcher_ops growth = {.on_growth = on_growth};
    struct viewer *viewer = moq_announced_user(announced);
    static const struct moq_subscription_events no_events;
    struct moq_wish wish = {128, MOQ_ORDER_NEWEST, 0, MOQ_NO_GROUP, MOQ_NO_GROUP};
    struct moq_track_config config = {.clock = moq_native_clock(viewer->native), .priority = 128};
    if (!moq_path_equal(path, viewer->path) || viewer->track)
        return;
    viewer->track = moq_track_new(path, &config);
    viewer->watcher.ops = &growth;
    moq_track_watch(viewer->track, &viewer->watcher);
    moq_session_subscribe(viewer->session, viewer->track, &wish, &no_events, viewer);
}

static void on_connected(struct moq_client *client, struct moq_session *session)
{
    static const struct moq_announced_events events = {.on_active = on_active};
    struct viewer *viewer = moq_client_user(client);
    moq_session_announced(viewer->session = session, viewer->path, &events, viewer);
}

static void on_lost(struct moq_client *client, int error, const char *reason, uint64_t retry_ms)
{
    struct viewer *viewer = moq_client_user(client);
    (void)retry_ms;
    fprintf(stderr, "over: %s (%s)\n", reason, moq_error_words(error));
    moq_group_reader_deinit(&viewer->reader);
    moq_track_unref(&viewer->track); /* before moq_native_close: it uses the clock of the native */
    moq_path_unref(&viewer->path);
    moq_native_close(&viewer->native, NULL, NULL); /* closes the client too, so the loop ends */
}

int main(int argc, char **argv)
{
    moq_native_fill_descriptors();
    static const struct moq_client_events events = {.on_connected = on_connected,
                                                    .on_lost = on_lost};
    struct moq_native_config native = {.loop = uv_default_loop()};
    struct viewer viewer = {.native = moq_native_new(&native)};
    struct moq_client_config client = {.events = &events, .user = &viewer};
    char why[QUIC_ERROR_TEXT_BYTES] = "usage: example-subscribe URL [insecure]";
    if (argc < 2 || moq_url_parse(&client.url, argv[1], why))
        return fprintf(stderr, "%s\n", why), 2;
    client.tls.is_verify_disabled = argc > 2 && strcmp(argv[2], "insecure") == 0;
    viewer.path = moq_url_broadcast(&client.url);
    moq_client_open(viewer.native, &client);
    return uv_run(native.loop, UV_RUN_DEFAULT);
}
