/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* There is nothing to answer by, so whatever is wrong with the media is in the log only.
 * Tested by tests/unit/modules/test_karp_listen.c. */
#include "modules/karp/listen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/error.h"
#include "base/list.h"

enum {
    PIECE_BYTES = 64 << 10,
    NAME_BYTES =
        1 + sizeof((struct sockaddr_un *)0)->sun_path, /* a name that was cut is too long */
};

/* A connection. It outlives its source by the turn in which its handle closes. */
struct client {
    union {
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t unix_socket;
    } handle;
    struct listen_source *source;
    struct ingest *ingest;
    char piece[PIECE_BYTES];
};

struct listen_source {
    struct ingest_set *set;
    struct door door;
    struct client *client; /* NULL: none */
    uint64_t silence_ms;
    struct ingest_ladder ladder;
    char path[REQUEST_PATH_BYTES];
    char unix_path[NAME_BYTES];
    char from[INGEST_FROM_BYTES];
};

static const struct host *host_of(const struct listen_source *source)
{
    return ingest_set_host(source->set);
}

static void on_client_closed(uv_handle_t *handle)
{
    free(container_of((uv_stream_t *)handle, struct client, handle.stream));
}

static void close_client(struct client *client)
{
    ingest_close(&client->ingest);
    if (client->source->client == client)
        client->source->client = NULL;
    uv_close((uv_handle_t *)&client->handle.stream, on_client_closed);
}

static void on_ingest_failed(void *owner, const struct verdict *why)
{
    (void)why; /* is logged when the ingest closes */
    close_client(owner);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct client *client = container_of((uv_stream_t *)handle, struct client, handle.stream);
    (void)suggested;
    *buf = uv_buf_init(client->piece, sizeof client->piece);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct client *client = container_of(stream, struct client, handle.stream);
    struct verdict why;
    host_wake(host_of(client->source));
    if (n == 0)
        return;
    if (n > 0 && ingest_feed(client->ingest, (const uint8_t *)buf->base, (size_t)n) == 0)
        return;
    if (n == UV_EOF) {
        ingest_finish(client->ingest);
    } else if (n < 0) {
        verdict_set(&why, VERDICT_MALFORMED, "the connection broke off: %s", uv_strerror((int)n));
        ingest_fail(client->ingest, &why);
    }
    close_client(client);
}

/* False: the client is not wanted. */
static bool begin_ingest(struct listen_source *source, struct client *client)
{
    static const struct ingest_events events = {.on_failed = on_ingest_failed};
    struct verdict why;
    const struct ingest_config config = {
        .path = source->path,
        .from = source->from,
        .silence_ms = source->silence_ms,
        .ladder = source->ladder,
        .events = &events,
        .owner = client,
    };
    client->ingest = ingest_open(source->set, &config, &why);
    if (!client->ingest)
        host_log(host_of(source), HOST_WARN, "%s: a client is sent away: %s", source->from,
                 why.text);
    return client->ingest != NULL;
}

static void on_waiting(void *self)
{
    struct listen_source *source = self;
    host_wake(host_of(source));
    struct client *client = calloc(1, sizeof *client);
    if (!client)
        return; /* it waits for the next connection */
    client->source = source;
    int error = door_take(&source->door, &client->handle.stream);
    if (!error && begin_ingest(source, client)) {
        source->client = client;
        error = uv_read_start(&client->handle.stream, on_room, on_read);
    }
    if (error || !client->ingest)
        close_client(client);
}

static void describe_source(struct listen_source *source, const struct listen_config *config)
{
    if (config->address)
        snprintf(source->from, sizeof source->from, "TCP port %u", door_port(&source->door));
    else
        snprintf(source->from, sizeof source->from, "unix socket %.100s", source->unix_path);
}

static void on_door_closed(uv_handle_t *handle)
{
    free(handle->data);
}

int listen_open(struct listen_source **out, struct ingest_set *set,
                const struct listen_config *config, char error_text[DOOR_ERROR_BYTES])
{
    struct listen_source *source = calloc(1, sizeof *source);
    if (!source) {
        snprintf(error_text, DOOR_ERROR_BYTES, "%s", moq_error_words(MOQ_ERR_NOMEM));
        return MOQ_ERR_NOMEM;
    }
    source->set = set;
    source->ladder = config->ladder;
    source->silence_ms = config->silence_ms ? config->silence_ms : INGEST_SILENCE_MS;
    source->door.on_connection = on_waiting;
    source->door.self = source;
    snprintf(source->path, sizeof source->path, "%s", config->path);
    if (!config->address)
        snprintf(source->unix_path, sizeof source->unix_path, "%s", config->unix_path);
    if (door_open(&source->door, host_of(source)->loop, config->address, source->unix_path,
                  error_text)) {
        door_close(&source->door, on_door_closed);
        return MOQ_ERR_IO;
    }
    describe_source(source, config);
    *out = source;
    return 0;
}

void listen_close(struct listen_source **pointer)
{
    struct listen_source *source = *pointer;
    *pointer = NULL;
    if (!source)
        return;
    if (source->client)
        close_client(source->client);
    door_close(&source->door, on_door_closed);
}

unsigned listen_port(const struct listen_source *source)
{
    return door_port(&source->door);
}
