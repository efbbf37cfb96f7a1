/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The peers of pair.h. */
#include "pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/objects.h"

static struct peer *peer_of(struct moq_session *session)
{
    return moq_session_user(session);
}

static void on_ready(struct moq_session *session)
{
    peer_of(session)->session = session;
    peer_of(session)->ready++;
}

static void on_closed(struct moq_session *session, int error, const char *reason)
{
    struct peer *peer = peer_of(session);
    peer->closed++;
    peer->close_error = error;
    snprintf(peer->reason, sizeof peer->reason, "%s", reason);
}

static void on_request(struct moq_session *session, struct moq_request *request)
{
    struct peer *peer = peer_of(session);
    peer->requests++;
    if (request->kind == MOQ_REQUEST_SUBSCRIBE && peer->track &&
        moq_path_equal(request->path, moq_track_path(peer->track))) {
        struct moq_policy policy = moq_policy_of_wish(&peer->policy, &request->wish);
        peer->viewer = moq_request_serve(request, peer->track, &policy);
    } else
        peer->request = request;
}

static void on_request_updated(struct moq_session *session, struct moq_request *request)
{
    struct peer *peer = peer_of(session);
    peer->requests_updated++;
    if (peer->on_update == PEER_SERVES)
        peer->viewer = moq_request_serve(request, peer->track, &peer->policy);
    if (peer->on_update == PEER_REFUSES)
        moq_request_refuse(request, MOQ_ERR_REFUSED);
}

static void on_request_gone(struct moq_session *session, struct moq_request *request)
{
    struct peer *peer = peer_of(session);
    peer->gone++;
    if (peer->request == request)
        peer->request = NULL;
}

static void on_viewer_updated(struct moq_session *session, struct moq_viewer *viewer)
{
    peer_of(session)->viewers_updated++;
    if (peer_of(session)->on_update == PEER_FOLLOWS)
        moq_viewer_follow_wish(viewer);
}

static void on_viewer_closed(struct moq_session *session, struct moq_viewer *viewer)
{
    struct peer *peer = peer_of(session);
    peer->viewers_closed++;
    if (peer->viewer == viewer)
        peer->viewer = NULL;
}

static bool can_see(struct moq_session *session, const struct moq_path *path, const void *owner)
{
    (void)path;
    const void *hidden = peer_of(session)->hidden_owner;
    return !hidden || hidden != owner;
}

static const struct moq_session_events events = {.on_ready = on_ready,
                                                 .on_closed = on_closed,
                                                 .on_request = on_request,
                                                 .on_request_updated = on_request_updated,
                                                 .on_request_gone = on_request_gone,
                                                 .on_viewer_updated = on_viewer_updated,
                                                 .on_viewer_closed = on_viewer_closed,
                                                 .can_see = can_see};

static void start(struct pair *pair, int end, const struct options *options)
{
    struct peer *peer = &pair->peer[end];
    uint32_t versions = options->version ? options->version : MOQ_VERSION_ALL;
    if (end == CLIENT && options->client_versions)
        versions = options->client_versions;
    peer->offers = moq_offers_new();
    peer->policy.latency_ns = CLOCK_NEVER;
    struct moq_session_config config = {.is_server = end == SERVER,
                                        .is_browser = options->is_browser && end == SERVER,
                                        .versions = versions,
                                        .clock = &pair->wire.clock,
                                        .offers = peer->offers,
                                        .limits = options->limits,
                                        .events = options->events ? options->events : &events,
                                        .user = peer};
    peer->session = moq_session_new(&config, wire_transport(&pair->wire, end));
    pair->wire.end[end].session = peer->session;
    assert_non_null(peer->session);
}

void pair_init(struct pair *pair, const struct options *options)
{
    memset(pair, 0, sizeof *pair);
    wire_init(&pair->wire);
    if (options->piece)
        pair->wire.piece = options->piece;
    if (!options->has_no_server)
        start(pair, SERVER, options);
    if (!options->has_no_client)
        start(pair, CLIENT, options);
    wire_run(&pair->wire);
}

void pair_deinit(struct pair *pair)
{
    wire_deinit(&pair->wire);
    for (int end = 0; end < 2; end++) {
        moq_track_unref(&pair->peer[end].track);
        moq_offers_free(&pair->peer[end].offers);
    }
    assert_int_equal(objects_report(stderr), 0);
}

/* ---- Tracks ---------------------------------------------------------------------------------- */

struct moq_track *track_new(struct pair *pair, const char *path)
{
    struct moq_path *name = moq_path_from_text(path);
    struct moq_track_config config = {.clock = &pair->wire.clock,
                                      .priority = 128,
                                      .order = MOQ_ORDER_NEWEST,
                                      .cache = {.groups = 100}};
    struct moq_track *track = moq_track_new(name, &config);
    moq_path_unref(&name);
    assert_non_null(track);
    return track;
}

void track_begin(struct moq_track *track, uint64_t sequence, struct moq_group **group)
{
    assert_int_equal(moq_track_open_group(track, sequence, group), 0);
    moq_group_ref(*group);
}

void track_frame(struct moq_track *track, struct moq_group *group, const char *text)
{
    assert_int_equal(moq_track_write_frame(track, group, text, strlen(text)), 0);
}

void track_end(struct moq_track *track, struct moq_group **group)
{
    moq_track_finish_group(track, *group);
    moq_group_unref(group);
}

void track_group(struct moq_track *track, uint64_t sequence, const char *text)
{
    struct moq_group *group;
    track_begin(track, sequence, &group);
    track_frame(track, group, text);
    track_end(track, &group);
}

const char *text_of(struct moq_track *track, uint64_t sequence)
{
    static char text[4096];
    struct moq_group *group = moq_track_find(track, sequence);
    if (!group)
        return "none";
    struct moq_group_reader reader;
    moq_group_reader_init(&reader, group);
    const uint8_t *data;
    size_t size, used = 0;
    int error;
    while ((error = moq_group_reader_next(&reader, &data, &size)) == 0)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%.*s", used ? "|" : "",
                                 (int)size, (const char *)data);
    const char *tail = error == MOQ_ERR_END ? "" : error == MOQ_ERR_AGAIN ? "..." : "!";
    snprintf(text + used, sizeof text - used, "%s", tail);
    moq_group_reader_deinit(&reader);
    return text;
}

/* ---- Listeners ------------------------------------------------------------------------------- */

static void on_info(struct moq_subscription *subscription, const struct moq_info *info)
{
    struct listener *listener = moq_subscription_user(subscription);
    listener->infos++;
    listener->info = *info;
}

static void on_subscription_closed(struct moq_subscription *subscription, int error)
{
    struct listener *listener = moq_subscription_user(subscription);
    listener->closed++;
    listener->close_error = error;
    listener->subscription = NULL;
}

static void on_group(struct moq_watcher *watcher, struct moq_group *group)
{
    struct listener *listener = container_of(watcher, struct listener, watcher);
    if (listener->count < 64)
        listener->order[listener->count++] = group->sequence;
}

static void on_gap(struct moq_watcher *watcher, uint64_t first, uint64_t last, int error)
{
    struct listener *listener = container_of(watcher, struct listener, watcher);
    listener->gaps++;
    listener->gap_first = first;
    listener->gap_last = last;
    listener->gap_error = error;
}

void listener_init(struct listener *listener, struct pair *pair, const char *path)
{
    static const struct moq_watcher_ops ops = {.on_group = on_group, .on_gap = on_gap};
    *listener = (struct listener){.watcher = {.ops = &ops}};
    listener->track = track_new(pair, path);
    moq_track_watch(listener->track, &listener->watcher);
}

void listener_subscribe(struct listener *listener, struct moq_session *session,
                        const struct moq_wish *wish)
{
    static const struct moq_subscription_events ops = {.on_info = on_info,
                                                       .on_closed = on_subscription_closed};
    listener->subscription = moq_session_subscribe(session, listener->track, wish, &ops, listener);
    assert_non_null(listener->subscription);
}

void listener_deinit(struct listener *listener)
{
    moq_subscription_close(&listener->subscription);
    moq_track_unwatch(listener->track, &listener->watcher);
    moq_track_unref(&listener->track);
}

/* ---- Bytes ----------------------------------------------------------------------------------- */

const char *hex_of(const struct wire_half *half)
{
    static char hex[8192];
    for (size_t i = 0; i < half->bytes.size && i < 4000; i++)
        snprintf(hex + 2 * i, 3, "%02x", half->bytes.data[i]);
    hex[2 * half->bytes.size] = 0;
    return hex;
}

static size_t bytes_of_hex(const char *hex, uint8_t *out)
{
    size_t n = 0;
    for (const char *at = hex; *at;) {
        if (*at == ' ') {
            at++;
            continue;
        }
        char pair_text[3] = {at[0], at[1], 0};
        out[n++] = (uint8_t)strtoul(pair_text, NULL, 16);
        at += 2;
    }
    return n;
}

void say_hex(struct wire_stream *stream, int end, const char *hex)
{
    uint8_t bytes[4096];
    wire_say(stream, end, bytes, bytes_of_hex(hex, bytes));
}

struct wire_stream *open_hex(struct wire *wire, int end, bool is_bidi, const char *hex)
{
    struct wire_stream *stream = wire_open(wire, end, is_bidi);
    say_hex(stream, end, hex);
    return stream;
}

void assert_ended(const struct wire_stream *stream, int end)
{
    assert_true(stream->half[end].has_end);
    assert_false(stream->half[end].has_reset);
}

void assert_reset(const struct wire_stream *stream, int end, uint32_t code)
{
    assert_true(stream->half[end].has_reset);
    assert_int_equal(stream->half[end].reset_code, code);
}

void assert_stopped(const struct wire_stream *stream, int end, uint32_t code)
{
    assert_true(stream->half[end].has_stop);
    assert_int_equal(stream->half[end].stop_code, code);
}

void assert_aborted(const struct wire_stream *stream, int end, uint32_t code)
{
    assert_reset(stream, end, code);
    assert_stopped(stream, 1 - end, code);
}
