/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A request as the ingest module reads it, after libmicrohttpd: the first line is the target, the
 * second the Authorization header, and the rest the body, which comes in pieces of the size that
 * the first byte of the body says. Frames go to an output that checks how it is used. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/now.h"
#include "modules/karp/ingest.h"
#include "modules/karp/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct stage {
    struct moq_clock clock;
    int tracks, groups;
};

static int offer_track(void *user, const struct karp_offer *offer, void **track)
{
    struct stage *stage = user;
    REQUIRE(offer->id[0] != '\0');
    stage->tracks++;
    *track = stage;
    return 0;
}

static int open_group(void *user, void *track, uint64_t sequence, void **group)
{
    struct stage *stage = user;
    (void)sequence;
    stage->groups++;
    *group = track;
    return 0;
}

static int write_frame(void *user, void *track, void *group, const struct karp_frame_bytes *frame)
{
    uint64_t sum = 0;
    (void)user;
    REQUIRE(track == group);
    for (size_t i = 0; i < frame->body_size; i++)
        sum += frame->body[i]; /* so that unset bytes are noticed */
    return sum == UINT64_MAX;
}

static void close_group(void *user, void *track, void *group, int error)
{
    struct stage *stage = user;
    (void)track, (void)group, (void)error;
    stage->groups--;
}

static void end_track(void *user, void *track)
{
    (void)user, (void)track;
}

static void withdraw_track(void *user, void *track, int error)
{
    struct stage *stage = user;
    (void)track, (void)error;
    stage->tracks--;
}

static void on_warning(void *user, const char *line)
{
    (void)user, (void)line;
}

static void on_wake(void *user)
{
    (void)user;
}

static void on_log(void *user, enum host_level level, const char *line)
{
    (void)user, (void)level;
    REQUIRE(strlen(line) < HOST_LINE_BYTES);
}

static int open_output(void *user, const struct host_offer *offer, struct host_output *output)
{
    static const struct karp_output table = {offer_track, open_group,     write_frame, close_group,
                                             end_track,   withdraw_track, on_warning};
    REQUIRE(offer->path[0] != '\0' && offer->path[0] != '/' && !strstr(offer->path, "//"));
    *output = (struct host_output){&table, user};
    return 0;
}

static void close_output(void *user, struct host_output *output)
{
    struct stage *stage = user;
    (void)output;
    REQUIRE(stage->tracks == 0 && stage->groups == 0);
}

static void on_failed(void *owner, const struct verdict *why)
{
    (void)owner, (void)why;
}

static void read_body(struct ingest_set *set, const char *path, const uint8_t *body, size_t size)
{
    static const struct ingest_events events = {.on_failed = on_failed};
    const struct ingest_config config = {.path = path, .from = "fuzz", .events = &events};
    struct verdict why;
    struct ingest *ingest = ingest_open(set, &config, &why);
    size_t piece = size > 0 ? (size_t)body[0] * 16 + 1 : 1;
    unsigned status = ingest ? 0 : why.status;
    for (size_t at = 1; at < size && !status; at += piece)
        status = ingest_feed(ingest, body + at, size - at < piece ? size - at : piece);
    if (ingest && !status)
        status = ingest_finish(ingest);
    REQUIRE(!ingest || status == ingest_verdict(ingest)->status);
    ingest_close(&ingest);
}

/* The next line of `data` as a text, which the caller frees. */
static char *take_line(const uint8_t **data, size_t *size)
{
    const uint8_t *end = memchr(*data, '\n', *size);
    size_t n = end ? (size_t)(end - *data) : *size;
    char *line = malloc(n + 1);
    if (line) {
        memcpy(line, *data, n);
        line[n] = '\0';
    }
    n += end != NULL;
    *data += n;
    *size -= n;
    return line;
}

static void read_request(struct ingest_set *set, const uint8_t *data, size_t size)
{
    char path[REQUEST_PATH_BYTES], token[REQUEST_CREDENTIAL_BYTES];
    struct verdict why;
    char *target = take_line(&data, &size), *header = take_line(&data, &size);
    if (target && header) {
        request_bearer(header, token);
        request_query_token(request_query(target), token);
        if (request_path(target, path, &why) == 0)
            read_body(set, path, data, size);
        request_name(target, path, &why);
    }
    free(target);
    free(header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct host_ops ops = {
        .wake = on_wake, .log = on_log, .open_output = open_output, .close_output = close_output};
    struct stage stage = {.tracks = 0};
    uv_loop_t loop;
    log_set_level(LOG_LEVEL_OFF);
    if (uv_loop_init(&loop))
        return 0;
    const struct host host = {.loop = &loop, .clock = &stage.clock, .ops = &ops, .user = &stage};
    struct ingest_set *set = ingest_set_new(&host);
    if (set)
        read_request(set, data, size);
    ingest_set_close(&set);
    uv_run(&loop, UV_RUN_DEFAULT);
    REQUIRE(uv_loop_close(&loop) == 0);
    return 0;
}
