/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A session against a peer without manners: the input is a list of events. The session serves a
 * live track, may ask and be asked anything, and everything that it opened or allocated must be
 * gone at the end.
 *
 * First byte: bit 0: we are the client; bits 1-2: the version; bit 3: the greeting is left to the
 * input; bit 4: bytes come one at a time. Then events of one byte each, some of them followed by a
 * stream's number, a length or bytes. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/objects.h"
#include "tests/unit/transfork/wire.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { EVENTS_MAX = 400, STREAMS_MAX = 64, GROUPS = 4, ASKED = 4 };

struct scene {
    struct wire wire;
    int us, them;
    struct moq_session *session;
    struct moq_offers *offers;
    struct moq_track *track, *heard;
    struct moq_group *group[GROUPS];
    uint64_t next_group;
    struct moq_request *request; /* the last one that waits */
    struct moq_viewer *viewer;
    struct moq_subscription *subscription[ASKED];
    struct moq_announced *announced[ASKED];
    struct moq_fetch *fetch[ASKED];
    struct moq_info_query *query[ASKED];
    const uint8_t *data;
    size_t left;
};

static uint8_t take(struct scene *scene)
{
    if (scene->left == 0)
        return 0;
    scene->left--;
    return *scene->data++;
}

static struct moq_path *path_of(const char *text)
{
    struct moq_path *path = moq_path_from_text(text);
    REQUIRE(path);
    return path;
}

/* ---- What the session tells its owner -------------------------------------------------------- */

static struct scene *scene_of(struct moq_session *session)
{
    return moq_session_user(session);
}

static void on_request(struct moq_session *session, struct moq_request *request)
{
    struct scene *scene = scene_of(session);
    struct moq_policy policy = {.latency_ns = 300 * NS_PER_MS,
                                .priority = request->wish.priority,
                                .order = request->wish.order};
    if (request->kind == MOQ_REQUEST_SUBSCRIBE && request->wish.priority % 2 == 0) {
        scene->viewer = moq_request_serve(request, scene->track, &policy);
        return;
    }
    if (scene->request)
        moq_request_refuse(scene->request, MOQ_ERR_NOT_FOUND);
    scene->request = request;
}

static void on_request_gone(struct moq_session *session, struct moq_request *request)
{
    if (scene_of(session)->request == request)
        scene_of(session)->request = NULL;
}

static void on_viewer_closed(struct moq_session *session, struct moq_viewer *viewer)
{
    if (scene_of(session)->viewer == viewer)
        scene_of(session)->viewer = NULL;
}

static const struct moq_session_events events = {.on_request = on_request,
                                                 .on_request_gone = on_request_gone,
                                                 .on_viewer_closed = on_viewer_closed};

/* Each query knows where its owner keeps it. */
static void subscription_closed(struct moq_subscription *subscription, int error)
{
    (void)error;
    *(struct moq_subscription **)moq_subscription_user(subscription) = NULL;
}

static void announced_closed(struct moq_announced *announced, int error)
{
    (void)error;
    *(struct moq_announced **)moq_announced_user(announced) = NULL;
}

static void fetch_closed(struct moq_fetch *fetch, int error)
{
    (void)error;
    *(struct moq_fetch **)moq_fetch_user(fetch) = NULL;
}

static void info_came(void *user, int error, const struct moq_info *info)
{
    REQUIRE((error != 0) == (info == NULL));
    *(struct moq_info_query **)user = NULL;
}

static const struct moq_subscription_events subscription_events = {.on_closed =
                                                                       subscription_closed};
static const struct moq_announced_events announced_events = {.on_closed = announced_closed};
static const struct moq_fetch_events fetch_events = {.on_closed = fetch_closed};

/* ---- Events ---------------------------------------------------------------------------------- */

static struct wire_stream *take_stream(struct scene *scene)
{
    size_t index = take(scene) % STREAMS_MAX;
    list_for_each (node, &scene->wire.streams)
        if (index-- == 0)
            return stream_at(node);
    return NULL;
}

static bool can_speak(const struct scene *scene, const struct wire_stream *stream)
{
    if (!stream || (!stream->is_bidi && stream->opener == scene->us))
        return false;
    const struct wire_half *half = &stream->half[scene->them];
    return !half->has_end && !half->has_reset && !half->is_over;
}

static void say(struct scene *scene, struct wire_stream *stream)
{
    size_t n = take(scene) % 64;
    if (n > scene->left)
        n = scene->left;
    if (can_speak(scene, stream))
        wire_say(stream, scene->them, scene->data, n);
    scene->data += n;
    scene->left -= n;
}

static void open_stream(struct scene *scene, bool is_bidi)
{
    size_t count = 0;
    list_for_each (node, &scene->wire.streams)
        count++;
    if (count < STREAMS_MAX)
        say(scene, wire_open(&scene->wire, scene->them, is_bidi));
}

static void end_stream(struct scene *scene, uint8_t how)
{
    struct wire_stream *stream = take_stream(scene);
    bool hears = stream && (stream->is_bidi || stream->opener == scene->us);
    if (how == 2 && hears && !stream->half[scene->us].has_stop)
        wire_stop(stream, scene->them, take(scene));
    if (!can_speak(scene, stream))
        return;
    if (how == 0)
        wire_end_stream(stream, scene->them);
    if (how == 1)
        wire_reset(stream, scene->them, take(scene));
}

static void grow(struct scene *scene)
{
    uint8_t choice = take(scene);
    struct moq_group **group = &scene->group[choice % GROUPS];
    if (!*group) {
        scene->next_group += choice / GROUPS % 4;
        if (moq_track_open_group(scene->track, scene->next_group++, group))
            *group = NULL;
        else
            moq_group_ref(*group);
        return;
    }
    moq_track_append(scene->track, *group, "\x02hi\x00", choice % 5);
    if (choice < 64)
        moq_track_finish_group(scene->track, *group);
    else if (choice > 240)
        moq_track_abort_group(scene->track, *group, MOQ_ERR_WRONG_SIZE);
    if (choice < 64 || choice > 240)
        moq_group_unref(group);
}

static void ask(struct scene *scene)
{
    uint8_t choice = take(scene);
    struct moq_session *session = scene->session;
    struct moq_wish wish = {choice, choice % 2, choice, choice % 3 ? MOQ_NO_GROUP : 2,
                            MOQ_NO_GROUP};
    struct moq_fetch_wish fetch = {choice, choice / 8, 1};
    size_t at = choice / 4 % ASKED;
    struct moq_path *path = path_of("t");
    if (choice % 4 == 0 && !scene->subscription[at])
        scene->subscription[at] = moq_session_subscribe(
            session, scene->heard, &wish, &subscription_events, &scene->subscription[at]);
    if (choice % 4 == 1 && !scene->announced[at])
        scene->announced[at] =
            moq_session_announced(session, path, &announced_events, &scene->announced[at]);
    if (choice % 4 == 2 && !scene->fetch[at])
        scene->fetch[at] =
            moq_session_fetch(session, path, &fetch, &fetch_events, &scene->fetch[at]);
    if (choice % 4 == 3 && !scene->query[at])
        scene->query[at] = moq_session_info(session, path, info_came, &scene->query[at]);
    moq_path_unref(&path);
}

static void drop(struct scene *scene, uint8_t choice)
{
    size_t at = choice / 4 % ASKED;
    if (choice % 4 == 0)
        moq_subscription_close(&scene->subscription[at]);
    if (choice % 4 == 1)
        moq_announced_close(&scene->announced[at]);
    if (choice % 4 == 2)
        moq_fetch_close(&scene->fetch[at]);
    if (choice % 4 == 3)
        moq_info_query_close(&scene->query[at]);
}

static void answer(struct scene *scene)
{
    uint8_t choice = take(scene);
    struct moq_request *request = scene->request;
    struct moq_policy policy = {
        .latency_ns = choice * NS_PER_MS, .priority = choice, .order = choice % 2};
    struct moq_info info = {choice, choice % 2, 0, choice};
    struct moq_group *newest = moq_track_newest(scene->track);
    scene->request = NULL;
    if (!request)
        return;
    if (choice % 8 == 0 || (request->kind == MOQ_REQUEST_FETCH && !newest))
        moq_request_refuse(request, MOQ_ERR_REFUSED);
    else if (request->kind == MOQ_REQUEST_SUBSCRIBE)
        scene->viewer = moq_request_serve(request, scene->track, &policy);
    else if (request->kind == MOQ_REQUEST_FETCH)
        moq_request_send_group(request, scene->track, newest);
    else
        moq_request_send_info(request, &info);
}

static void steer(struct scene *scene)
{
    uint8_t choice = take(scene);
    struct moq_policy policy = {.latency_ns = choice * NS_PER_MS,
                                .priority = choice,
                                .order = choice % 2,
                                .rate_bps = choice % 3 ? 0 : MOQ_RATE_MIN_BPS * (1u + choice)};
    if (scene->viewer && choice > 250)
        moq_viewer_close(scene->viewer, choice % 2 ? 0 : MOQ_ERR_OFFLINE);
    else if (scene->viewer)
        moq_viewer_set_policy(scene->viewer, &policy);
    if (choice % 16 == 3)
        moq_track_gap(scene->track, choice / 4, choice / 2, MOQ_ERR_NOT_FOUND);
    if (choice == 77)
        moq_track_end(scene->track, 0);
    if (choice == 78)
        moq_track_end(scene->track, MOQ_ERR_OFFLINE);
    if (choice == 79)
        moq_session_close(scene->session, MOQ_ERR_CANCELLED, "enough");
}

static void offer(struct scene *scene)
{
    uint8_t choice = take(scene);
    char name[8] = {'t', '/', (char)('a' + choice % 8), 0};
    struct moq_path *path = path_of(name);
    if (choice & 8)
        moq_offers_add(scene->offers, path, scene);
    else
        moq_offers_remove(scene->offers, path, scene);
    moq_path_unref(&path);
}

static void happen(struct scene *scene)
{
    uint8_t event = take(scene);
    switch (event % 14) {
    case 0:
    case 1:
        open_stream(scene, event % 14 == 0);
        break;
    case 2:
        say(scene, take_stream(scene));
        break;
    case 3:
    case 4:
    case 5:
        end_stream(scene, (uint8_t)(event % 14 - 3));
        break;
    case 6:
        wire_pass(&scene->wire, take(scene) * UINT64_C(40));
        break;
    case 7:
        wire_grant(&scene->wire, scene->us, take(scene) % 4, take(scene) % 4);
        break;
    case 8:
        scene->wire.end[scene->us].is_blocked = take(scene) % 2;
        break;
    case 9:
        grow(scene);
        break;
    case 10:
        ask(scene);
        break;
    case 11:
        drop(scene, take(scene));
        break;
    case 12:
        event & 128 ? answer(scene) : offer(scene);
        break;
    case 13:
        steer(scene);
        break;
    }
}

/* ---- A whole run ----------------------------------------------------------------------------- */

static struct moq_track *make_track(const struct scene *scene, const char *name)
{
    struct moq_path *path = path_of(name);
    struct moq_track_config config = {
        .clock = &scene->wire.clock, .order = MOQ_ORDER_NEWEST, .cache = {.groups = 8}};
    struct moq_track *track = moq_track_new(path, &config);
    moq_path_unref(&path);
    return track;
}

/* The peer's part of a greeting. */
static void greet(struct scene *scene, uint8_t version)
{
    uint8_t client[] = {0, 1, 0xc0, 0, 0, 0, 0xff, 0x0b, 0xad, (uint8_t)(2 + version % 3), 0};
    wire_run(&scene->wire);
    if (scene->us == SERVER) {
        wire_say(wire_open(&scene->wire, CLIENT, true), CLIENT, client, sizeof client);
        return;
    }
    wire_say(wire_nth(&scene->wire, CLIENT, true, 0), SERVER, client + 2, sizeof client - 2);
}

static void begin(struct scene *scene)
{
    uint8_t flags = take(scene);
    wire_init(&scene->wire);
    scene->us = flags & 1 ? CLIENT : SERVER;
    scene->them = other(scene->us);
    scene->wire.piece = flags & 16 ? 1 : SIZE_MAX;
    scene->wire.end[scene->us].uni_credit = scene->wire.end[scene->us].bidi_credit = 8;
    scene->offers = moq_offers_new();
    scene->track = make_track(scene, "t");
    scene->heard = make_track(scene, "t");
    struct moq_session_config config = {.is_server = scene->us == SERVER,
                                        .versions = MOQ_VERSION_ALL,
                                        .clock = &scene->wire.clock,
                                        .offers = scene->offers,
                                        .limits = {.open_groups = 3, .announced_paths = 5},
                                        .events = &events,
                                        .user = scene};
    struct moq_transport transport = wire_transport(&scene->wire, scene->us);
    scene->session = scene->wire.end[scene->us].session = moq_session_new(&config, transport);
    if (!(flags & 8))
        greet(scene, flags >> 1 & 3);
}

static void finish(struct scene *scene)
{
    wire_deinit(&scene->wire);
    for (size_t i = 0; i < ASKED; i++)
        REQUIRE(!scene->subscription[i] && !scene->announced[i] && !scene->fetch[i] &&
                !scene->query[i]);
    REQUIRE(!scene->request && !scene->viewer);
    for (size_t i = 0; i < GROUPS; i++)
        moq_group_unref(&scene->group[i]);
    moq_track_unref(&scene->track);
    moq_track_unref(&scene->heard);
    moq_offers_free(&scene->offers);
    REQUIRE(objects_report(stderr) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct scene scene = {.data = data, .left = n};
    begin(&scene);
    for (int i = 0; i < EVENTS_MAX && scene.left > 0 && !scene.wire.is_dead; i++) {
        happen(&scene);
        wire_run(&scene.wire);
    }
    finish(&scene);
    return 0;
}
