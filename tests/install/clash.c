/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A stranger's program with functions of its own that have the names of inner functions of the
 * libraries: the ones below, and all others in a file that tests/install/run writes. It links with
 * all libraries, and they never call its functions: a session begins and ends over a real socket,
 * and media is read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include "karp/karp.h"
#include "native/native.h"

void stream_new(void);
void conn_free(void);
void reader_u8(void);

void stream_new(void)
{
    abort();
}

void conn_free(void)
{
    abort();
}

void reader_u8(void)
{
    abort();
}

struct world {
    struct moq_native *native;
    struct moq_listener *listener;
    struct moq_client *client;
    bool has_met;
};

static int on_peer(struct moq_listener *listener, const struct moq_peer *peer,
                   struct moq_session_config *config)
{
    static const struct moq_session_events no_events;
    (void)listener, (void)peer;
    config->events = &no_events;
    return 0;
}

static void on_connected(struct moq_client *client, struct moq_session *session)
{
    struct world *world = moq_client_user(client);
    (void)session;
    world->has_met = true;
    moq_native_close(&world->native, NULL, NULL);
}

static void on_lost(struct moq_client *client, int error, const char *reason, uint64_t retry_ms)
{
    struct world *world = moq_client_user(client);
    (void)retry_ms;
    fprintf(stderr, "lost: %s (%s)\n", reason, moq_error_words(error));
    moq_native_close(&world->native, NULL, NULL);
}

static int meet(uv_loop_t *loop)
{
    static const char *const names[] = {"localhost"};
    static const struct moq_listener_events listening = {.on_peer = on_peer};
    static const struct moq_client_events events = {.on_connected = on_connected,
                                                    .on_lost = on_lost};
    struct moq_native_config native = {.loop = loop};
    struct world world = {.native = moq_native_new(&native)};
    struct quic_tls_server_config server = {.self_signed = names, .self_signed_count = 1};
    char why[QUIC_ERROR_TEXT_BYTES] = "", url[64];
    struct sockaddr_storage bound;
    socklen_t size = sizeof bound;

    struct moq_listener_config config = {.address = "127.0.0.1:0", .events = &listening};
    config.tls = quic_tls_server_new(&server, why);
    if (!config.tls || moq_listener_open(world.native, &config, &world.listener, why))
        return fprintf(stderr, "%s\n", why), 1;
    moq_listener_address(world.listener, &bound, &size);

    struct moq_client_config client = {.events = &events, .user = &world};
    snprintf(url, sizeof url, "https://127.0.0.1:%u/",
             ntohs(((struct sockaddr_in *)(void *)&bound)->sin_port));
    moq_url_parse(&client.url, url, NULL);
    client.tls.is_verify_disabled = true;
    world.client = moq_client_open(world.native, &client);
    uv_run(loop, UV_RUN_DEFAULT);
    quic_tls_unref(&config.tls);
    return world.has_met ? 0 : 1;
}

static int on_catalog(void *user, const struct karp_catalog *catalog)
{
    (void)user, (void)catalog;
    return 0;
}

static int on_frame(void *user, const struct karp_frame *frame)
{
    (void)user, (void)frame;
    return 0;
}

/* A movie whose only track has no media: read to its end, and refused for that. */
static int read_media(void)
{
    static const struct karp_import_events events = {on_catalog, on_frame};
    static const uint8_t file[] = "\0\0\0\020ftypisom\0\0\0\0\0\0\0\020moov\0\0\0\010trak";
    struct karp_importer *importer = karp_importer_new(&events, NULL, NULL);
    int error = karp_importer_feed(importer, file, sizeof file - 1);
    if (!error)
        error = karp_importer_finish(importer);
    karp_importer_free(importer);
    return error == MOQ_ERR_MEDIA ? 0 : 1;
}

int main(void)
{
    uv_loop_t loop;
    uv_loop_init(&loop);
    int error = meet(&loop);
    return error || uv_loop_close(&loop) || read_media();
}
