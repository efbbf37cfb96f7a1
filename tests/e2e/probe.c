/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What single clients are allowed to do: reads one client per line from standard input, opens all
 * of them at once, and prints what they get, until standard input ends.
 *
 *   ID VERSION ACTION PATH URL
 *
 * VERSION is 02, 03, 04 or any; PATH is "-" for none; ID is any word. Actions, and what is printed
 * behind ID:
 *   connect     in
 *   announce    in; stays, and serves the path: group 0 with the frame "hello"
 *   watch       in, then "+ PATH" and "- PATH" for each path under PATH; stays
 *   view        in, then "frame TEXT" for each one, and "no: WHY" when there will be no more; stays
 *   subscribe   frame TEXT, or "no: WHY"
 *   fetch       frame TEXT of group 0, or "no: WHY"
 *   info        latest NUMBER, or "no: WHY"
 * Each of them: "lost: WHY" when its session ends, or could not begin. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "native/native.h"

enum { LINE_BYTES = 16384, ID_BYTES = 64, GOODBYE_MS = 200 };

enum action { CONNECT, ANNOUNCE, WATCH, VIEW, SUBSCRIBE, FETCH, INFO, ACTIONS };
static const char *const names[ACTIONS] = {"connect",   "announce", "watch", "view",
                                           "subscribe", "fetch",    "info"};

struct program {
    uv_loop_t *loop;
    struct moq_native *native;
    uv_pipe_t input;
    uv_timer_t goodbye;
    struct probe *probes; /* the newest */
    char line[LINE_BYTES];
    size_t used;
};

struct probe {
    struct moq_watcher watcher; /* must be the first member: see on_growth */
    char id[ID_BYTES];
    enum action action;
    struct program *program;
    struct probe *earlier;
    struct moq_client *client;
    struct moq_path *path;
    struct moq_track *track; /* that it serves, or that it watches */
    struct moq_group_reader reader;
};

static void say(const struct probe *probe, const char *what, const char *more, int n)
{
    printf("%s %s%.*s\n", probe->id, what, n, more);
    fflush(stdout);
}

/* A client that has its answer leaves. */
static void finish(struct probe *probe)
{
    if (probe->client)
        moq_client_close(&probe->client, 0, NULL, NULL);
}

static void say_no(struct probe *probe, int error)
{
    if (!probe->client)
        return;
    say(probe, "no: ", moq_error_words(error), 80);
    if (probe->action != VIEW)
        finish(probe);
}

/* ---- Watching -------------------------------------------------------------------------------- */

static void on_growth(struct moq_watcher *watcher, struct moq_group *group)
{
    struct probe *probe = (struct probe *)watcher;
    const uint8_t *data;
    size_t size;
    if (probe->reader.group != group && group == moq_track_newest(probe->track)) {
        moq_group_reader_deinit(&probe->reader);
        moq_group_reader_init(&probe->reader, group);
    }
    while (probe->reader.group && moq_group_reader_next(&probe->reader, &data, &size) == 0)
        say(probe, "frame ", (const char *)data, (int)size);
    if (probe->action == SUBSCRIBE && probe->reader.position > 0)
        finish(probe);
}

static void on_subscription_closed(struct moq_subscription *subscription, int error)
{
    say_no(moq_subscription_user(subscription), error);
}

static struct moq_track *new_track(struct probe *probe)
{
    struct moq_track_config config = {.clock = moq_native_clock(probe->program->native),
                                      .priority = 128};
    return moq_track_new(probe->path, &config);
}

static void subscribe(struct probe *probe, struct moq_session *session)
{
    static const struct moq_watcher_ops growth = {.on_growth = on_growth};
    static const struct moq_subscription_events events = {.on_closed = on_subscription_closed};
    const struct moq_wish wish = {128, MOQ_ORDER_NEWEST, 0, MOQ_NO_GROUP, MOQ_NO_GROUP};
    probe->track = new_track(probe);
    probe->watcher.ops = &growth;
    moq_track_watch(probe->track, &probe->watcher);
    moq_session_subscribe(session, probe->track, &wish, &events, probe);
}

/* A short group: its size in one byte, then the frame. */
static void on_fetched(struct moq_fetch *fetch, const uint8_t *data, size_t n)
{
    struct probe *probe = moq_fetch_user(fetch);
    if (n > 1)
        say(probe, "frame ", (const char *)data + 1, (int)n - 1);
}

static void on_fetch_closed(struct moq_fetch *fetch, int error)
{
    struct probe *probe = moq_fetch_user(fetch);
    if (error)
        say_no(probe, error);
    else
        finish(probe);
}

static void on_info(void *user, int error, const struct moq_info *info)
{
    struct probe *probe = user;
    char number[24];
    if (error) {
        say_no(probe, error);
        return;
    }
    snprintf(number, sizeof number, "%llu", (unsigned long long)info->latest);
    say(probe, "latest ", number, 24);
    finish(probe);
}

static void say_path(struct moq_announced *announced, const char *what, struct moq_path *path)
{
    char text[MOQ_PATH_TEXT_BYTES];
    moq_path_text(path, text, sizeof text);
    say(moq_announced_user(announced), what, text, (int)sizeof text);
}

static void on_active(struct moq_announced *announced, struct moq_path *path)
{
    say_path(announced, "+ ", path);
}

static void on_ended(struct moq_announced *announced, struct moq_path *path)
{
    say_path(announced, "- ", path);
}

static void on_connected(struct moq_client *client, struct moq_session *session)
{
    static const struct moq_announced_events announced = {.on_active = on_active,
                                                          .on_ended = on_ended};
    static const struct moq_fetch_events fetch = {on_fetched, on_fetch_closed};
    const struct moq_fetch_wish first = {.priority = 128};
    struct probe *probe = moq_client_user(client);
    if (probe->action <= VIEW)
        say(probe, "in", "", 0);
    if (probe->action == WATCH)
        moq_session_announced(session, probe->path, &announced, probe);
    if (probe->action == SUBSCRIBE || probe->action == VIEW)
        subscribe(probe, session);
    if (probe->action == FETCH)
        moq_session_fetch(session, probe->path, &first, &fetch, probe);
    if (probe->action == INFO)
        moq_session_info(session, probe->path, on_info, probe);
    if (probe->action == CONNECT)
        finish(probe);
}

static void on_lost(struct moq_client *client, int error, const char *reason, uint64_t retry_ms)
{
    struct probe *probe = moq_client_user(client);
    (void)error;
    (void)retry_ms;
    say(probe, "lost: ", reason, 400);
    finish(probe);
}

/* ---- Publishing ------------------------------------------------------------------------------ */

static void on_request(struct moq_session *session, struct moq_request *request)
{
    struct probe *probe = moq_session_user(session);
    const struct moq_policy policy = {
        .latency_ns = UINT64_C(2000000000), .priority = 128, .order = MOQ_ORDER_NEWEST};
    const struct moq_info info = {128, MOQ_ORDER_NEWEST, 0, 0};
    if (!probe->track || !moq_path_equal(request->path, probe->path))
        moq_request_refuse(request, MOQ_ERR_NOT_FOUND);
    else if (request->kind == MOQ_REQUEST_SUBSCRIBE)
        moq_request_serve(request, probe->track, &policy);
    else if (request->kind == MOQ_REQUEST_FETCH)
        moq_request_send_group(request, probe->track, moq_track_newest(probe->track));
    else
        moq_request_send_info(request, &info);
}

static void publish(struct probe *probe, struct moq_client_config *client)
{
    struct moq_group *group;
    probe->track = new_track(probe);
    if (moq_track_open_group(probe->track, 0, &group) == 0) {
        moq_track_write_frame(probe->track, group, "hello", 5);
        moq_track_finish_group(probe->track, group);
    }
    client->offers = moq_offers_new();
    moq_offers_add(client->offers, probe->path, NULL);
}

/* ---- Lines ----------------------------------------------------------------------------------- */

static enum action find_action(const char *name)
{
    for (int i = 0; i < ACTIONS; i++)
        if (strcmp(name, names[i]) == 0)
            return (enum action)i;
    fprintf(stderr, "no such action: %s\n", name);
    exit(2);
}

static void open_probe(struct program *program, char *line)
{
    static const struct moq_session_events session = {.on_request = on_request};
    static const struct moq_client_events events = {.on_connected = on_connected,
                                                    .on_lost = on_lost};
    char *words[5];
    for (int i = 0; i < 5; i++) {
        words[i] = strtok(i == 0 ? line : NULL, " ");
        if (!words[i])
            return;
    }
    struct probe *probe = calloc(1, sizeof *probe); /* until the program ends */
    struct moq_client_config client = {.session = &session,
                                       .events = &events,
                                       .versions = moq_version_by_name(words[1]),
                                       .tls = {.is_verify_disabled = true},
                                       .user = probe};
    snprintf(probe->id, sizeof probe->id, "%s", words[0]);
    probe->action = find_action(words[2]);
    probe->program = program;
    probe->earlier = program->probes;
    program->probes = probe;
    probe->path = moq_path_from_text(strcmp(words[3], "-") == 0 ? "" : words[3]);
    if (probe->action == ANNOUNCE)
        publish(probe, &client);
    if (moq_url_parse(&client.url, words[4], NULL))
        say(probe, "lost: ", "no URL", 6);
    else
        probe->client = moq_client_open(program->native, &client);
}

static void on_alloc(uv_handle_t *handle, size_t wanted, uv_buf_t *buffer)
{
    struct program *program = handle->data;
    (void)wanted;
    *buffer = uv_buf_init(program->line + program->used,
                          (unsigned)(sizeof program->line - program->used - 1));
}

static void on_goodbye(uv_timer_t *timer)
{
    (void)timer;
    exit(0);
}

/* Tells the relay, so that it does not have to find out. */
static void leave(struct program *program)
{
    for (struct probe *probe = program->probes; probe; probe = probe->earlier)
        finish(probe);
    uv_timer_start(&program->goodbye, on_goodbye, GOODBYE_MS, 0);
}

static void on_input(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    struct program *program = stream->data;
    (void)buffer;
    moq_native_wake(program->native);
    if (n < 0) {
        uv_read_stop(stream);
        leave(program);
        return;
    }
    program->used += (size_t)n;
    program->line[program->used] = '\0';
    char *end, *start = program->line;
    for (; (end = strchr(start, '\n')); start = end + 1) {
        *end = '\0';
        open_probe(program, start);
    }
    program->used = strlen(start);
    memmove(program->line, start, program->used);
}

int main(void)
{
    moq_native_fill_descriptors();
    struct program program = {.loop = uv_default_loop()};
    struct moq_native_config native = {.loop = program.loop};
    program.native = moq_native_new(&native);
    program.input.data = &program;
    uv_timer_init(program.loop, &program.goodbye);
    uv_pipe_init(program.loop, &program.input, 0);
    uv_pipe_open(&program.input, 0);
    uv_read_start((uv_stream_t *)&program.input, on_alloc, on_input);
    return uv_run(program.loop, UV_RUN_DEFAULT);
}
