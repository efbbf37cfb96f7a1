/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a publishing tool answers: a subscription and a fetch from its track, info about it, and a
 * refusal for a group that is not there. */
#include "tests/unit/transfork/pair.h"

#include <string.h>

#include "tools/serve.h"

static struct pair pair;

static void on_ready(struct moq_session *session)
{
    struct peer *peer = moq_session_user(session);
    peer->session = session;
}

static void on_request(struct moq_session *session, struct moq_request *request)
{
    struct peer *peer = moq_session_user(session);
    peer->requests++;
    peer->viewer = serve_request(request, peer->track, NS_PER_S);
}

static int open_server(void **state)
{
    static const struct moq_session_events events = {.on_ready = on_ready,
                                                     .on_request = on_request};
    (void)state;
    pair_init(&pair, &(struct options){.events = &events});
    struct moq_path *path = moq_path_from_text("clock");
    struct moq_track_config config = {.clock = &pair.wire.clock,
                                      .priority = 7,
                                      .order = MOQ_ORDER_OLDEST,
                                      .expires_ms = 3000,
                                      .cache = {.groups = 100}};
    pair.peer[SERVER].track = moq_track_new(path, &config);
    moq_path_unref(&path);
    track_group(pair.peer[SERVER].track, 4, "four");
    return 0;
}

static int close_server(void **state)
{
    (void)state;
    pair_deinit(&pair);
    return 0;
}

static void a_subscriber_gets_the_newest_group_and_the_next(void **state)
{
    (void)state;
    struct listener listener;
    track_group(pair.peer[SERVER].track, 5, "five");
    listener_init(&listener, &pair, "clock");
    listener_subscribe(&listener, pair.peer[CLIENT].session, &NO_WISH);
    wire_run(&pair.wire);
    assert_non_null(pair.peer[SERVER].viewer);
    track_group(pair.peer[SERVER].track, 6, "six");
    wire_run(&pair.wire);
    assert_int_equal(listener.count, 2);
    assert_string_equal(text_of(listener.track, 5), "five");
    assert_string_equal(text_of(listener.track, 6), "six");
    listener_deinit(&listener);
}

static void a_group_that_was_superseded_too_long_ago_is_not_begun(void **state)
{
    (void)state;
    struct listener listener;
    listener_init(&listener, &pair, "clock");
    listener_subscribe(&listener, pair.peer[CLIENT].session, &NO_WISH);
    wire_run(&pair.wire);
    pair.wire.end[SERVER].is_blocked = true;
    for (uint64_t sequence = 5; sequence <= 7; sequence++) {
        track_group(pair.peer[SERVER].track, sequence, "late");
        wire_pass(&pair.wire, 600);
    }
    pair.wire.end[SERVER].is_blocked = false;
    wire_run(&pair.wire);
    assert_null(moq_track_find(listener.track, 5)); /* 1.2 s ago; 6 was 0.6 s ago */
    assert_string_equal(text_of(listener.track, 6), "late");
    assert_string_equal(text_of(listener.track, 7), "late");
    listener_deinit(&listener);
}

struct fetched {
    char text[64];
    size_t size;
    int closed, close_error;
};

static void on_data(struct moq_fetch *fetch, const uint8_t *data, size_t n)
{
    struct fetched *fetched = moq_fetch_user(fetch);
    assert_true(fetched->size + n < sizeof fetched->text);
    memcpy(fetched->text + fetched->size, data, n);
    fetched->size += n;
}

static void on_fetch_closed(struct moq_fetch *fetch, int error)
{
    struct fetched *fetched = moq_fetch_user(fetch);
    fetched->closed++;
    fetched->close_error = error;
}

static void fetch(struct fetched *fetched, uint64_t group)
{
    static const struct moq_fetch_events events = {.on_data = on_data,
                                                   .on_closed = on_fetch_closed};
    struct moq_path *path = moq_path_from_text("clock");
    struct moq_fetch_wish wish = {.group = group};
    memset(fetched, 0, sizeof *fetched);
    assert_non_null(moq_session_fetch(pair.peer[CLIENT].session, path, &wish, &events, fetched));
    moq_path_unref(&path);
    wire_run(&pair.wire);
    assert_int_equal(fetched->closed, 1);
    assert_null(pair.peer[SERVER].viewer);
}

static void a_group_is_fetched(void **state)
{
    (void)state;
    struct fetched fetched;
    fetch(&fetched, 4);
    assert_int_equal(fetched.close_error, 0);
    assert_string_equal(fetched.text, "\x04"
                                      "four");
}

static void a_group_that_is_not_there_is_refused(void **state)
{
    (void)state;
    struct fetched fetched;
    fetch(&fetched, 3);
    assert_int_equal(fetched.close_error, MOQ_ERR_NOT_FOUND);
    assert_int_equal(fetched.size, 0);
}

static void on_info(void *user, int error, const struct moq_info *info)
{
    assert_int_equal(error, 0);
    *(struct moq_info *)user = *info;
}

static void info_tells_about_the_track(void **state)
{
    (void)state;
    struct moq_path *path = moq_path_from_text("clock");
    struct moq_info info = {.latest = MOQ_NO_GROUP};
    assert_non_null(moq_session_info(pair.peer[CLIENT].session, path, on_info, &info));
    moq_path_unref(&path);
    wire_run(&pair.wire);
    assert_int_equal(info.latest, 4);
    assert_int_equal(info.priority, 7);
    assert_int_equal(info.order, MOQ_ORDER_OLDEST);
    assert_int_equal(info.expires_ms, 3000);
    assert_null(pair.peer[SERVER].viewer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_subscriber_gets_the_newest_group_and_the_next,
                                        open_server, close_server),
        cmocka_unit_test_setup_teardown(a_group_that_was_superseded_too_long_ago_is_not_begun,
                                        open_server, close_server),
        cmocka_unit_test_setup_teardown(a_group_is_fetched, open_server, close_server),
        cmocka_unit_test_setup_teardown(a_group_that_is_not_there_is_refused, open_server,
                                        close_server),
        cmocka_unit_test_setup_teardown(info_tells_about_the_track, open_server, close_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
