/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Fetch and info, on both sides: a query, its answer, and everything else that can happen. */
#include "pair.h"

#include <string.h>

static const uint32_t versions[] = {MOQ_VERSION_02, MOQ_VERSION_03, MOQ_VERSION_04};
static const bool counts_frames[] = {false, true, false};

struct fetched {
    uint8_t data[4096];
    size_t size;
    int closed, close_error;
    struct moq_fetch *fetch;
};

static void on_data(struct moq_fetch *fetch, const uint8_t *data, size_t n)
{
    struct fetched *fetched = moq_fetch_user(fetch);
    assert_true(fetched->size + n <= sizeof fetched->data);
    memcpy(fetched->data + fetched->size, data, n);
    fetched->size += n;
}

static void on_fetch_closed(struct moq_fetch *fetch, int error)
{
    struct fetched *fetched = moq_fetch_user(fetch);
    fetched->closed++;
    fetched->close_error = error;
    fetched->fetch = NULL;
}

static const struct moq_fetch_events fetch_events = {.on_data = on_data,
                                                     .on_closed = on_fetch_closed};

static void fetch(struct pair *pair, struct fetched *fetched, uint64_t group, uint64_t offset)
{
    struct moq_path *path = moq_path_from_text("demo/bbb");
    struct moq_fetch_wish wish = {.group = group, .offset = offset, .priority = 100};
    *fetched = (struct fetched){.size = 0};
    fetched->fetch =
        moq_session_fetch(pair->peer[CLIENT].session, path, &wish, &fetch_events, fetched);
    moq_path_unref(&path);
    wire_run(&pair->wire);
}

static void assert_fetched(const struct fetched *fetched, const char *text)
{
    assert_int_equal(fetched->size, strlen(text));
    assert_memory_equal(fetched->data, text, fetched->size);
}

static void a_growing_group_is_fetched_from_an_offset_to_its_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++)
        for (size_t piece = 0; piece < 5; piece++) {
            struct pair pair;
            struct fetched fetched;
            struct moq_group *group;
            pair_init(&pair, &(struct options){.version = versions[i], .piece = piece});
            struct moq_track *track = pair.peer[SERVER].track = track_new(&pair, "demo/bbb");
            track_begin(track, 7, &group);
            track_frame(track, group, "ab");
            bool is_frames = counts_frames[i];
            fetch(&pair, &fetched, 7, is_frames ? 2 : 7);

            struct moq_request *request = pair.peer[SERVER].request;
            assert_int_equal(request->kind, MOQ_REQUEST_FETCH);
            assert_int_equal(request->group, 7);
            assert_int_equal(request->wish.priority, 100);
            assert_int_equal(request->is_offset_frames, is_frames);
            assert_int_equal(moq_request_send_group(request, track, group), 0);
            wire_run(&pair.wire);
            assert_fetched(&fetched, "");
            track_frame(track, group, "cde");
            track_frame(track, group, "f");
            wire_run(&pair.wire);
            assert_fetched(&fetched, "\x01"
                                     "f");
            assert_int_equal(fetched.closed, 0);
            track_end(track, &group);
            wire_run(&pair.wire);
            assert_int_equal(fetched.closed, 1);
            assert_int_equal(fetched.close_error, 0);
            pair_deinit(&pair);
        }
}

/* The writer is ahead of what its mirror has followed, as it may be on a thread of its own. */
static void a_fetch_from_a_mirror_ends_when_the_mirror_does(void **state)
{
    (void)state;
    struct pair pair;
    struct fetched fetched;
    struct moq_group *group, *view;
    pair_init(&pair, &(struct options){0});
    struct moq_track *track = pair.peer[SERVER].track = track_new(&pair, "demo/bbb");
    struct moq_track *home = track_new(&pair, "home");
    track_begin(home, 7, &group);
    assert_int_equal(moq_track_adopt_group(track, 7, moq_group_body(group), &view), 0);
    fetch(&pair, &fetched, 7, 0);
    assert_int_equal(moq_request_send_group(pair.peer[SERVER].request, track, view), 0);
    track_frame(home, group, "a");
    moq_track_follow(track);
    track_frame(home, group, "b");
    track_end(home, &group);
    moq_track_unref(&home);
    wire_run(&pair.wire);
    assert_fetched(&fetched, "\x01"
                             "a"
                             "\x01"
                             "b");
    assert_int_equal(fetched.closed, 0);

    moq_track_follow(track);
    wire_run(&pair.wire);
    assert_int_equal(fetched.closed, 1);
    assert_int_equal(fetched.close_error, 0);
    pair_deinit(&pair);
}

static void an_offset_behind_the_end_exceeds_a_bound(void **state)
{
    (void)state;
    struct pair pair;
    struct fetched fetched;
    pair_init(&pair, &(struct options){0});
    struct moq_track *track = pair.peer[SERVER].track = track_new(&pair, "demo/bbb");
    track_group(track, 1, "abc");
    fetch(&pair, &fetched, 1, 2);
    int error = moq_request_send_group(pair.peer[SERVER].request, track, moq_track_find(track, 1));
    wire_run(&pair.wire);
    assert_int_equal(error, MOQ_ERR_BOUNDS);
    assert_int_equal(fetched.close_error, MOQ_ERR_BOUNDS);

    fetch(&pair, &fetched, 1, 1); /* the end itself is fine */
    error = moq_request_send_group(pair.peer[SERVER].request, track, moq_track_find(track, 1));
    wire_run(&pair.wire);
    assert_int_equal(error, 0);
    assert_int_equal(fetched.close_error, 0);
    assert_int_equal(fetched.closed, 1);
    pair_deinit(&pair);
}

static void a_group_cut_while_it_is_fetched_cuts_the_answer(void **state)
{
    (void)state;
    struct pair pair;
    struct fetched fetched;
    struct moq_group *group;
    pair_init(&pair, &(struct options){0});
    struct moq_track *track = pair.peer[SERVER].track = track_new(&pair, "demo/bbb");
    track_begin(track, 1, &group);
    fetch(&pair, &fetched, 1, 0);
    moq_request_send_group(pair.peer[SERVER].request, track, group);
    moq_track_abort_group(track, group, MOQ_ERR_WRONG_SIZE);
    moq_group_unref(&group);
    wire_run(&pair.wire);
    assert_int_equal(fetched.close_error, MOQ_ERR_WRONG_SIZE);
    pair_deinit(&pair);
}

static void a_fetch_may_be_refused_taken_back_or_changed(void **state)
{
    (void)state;
    struct pair pair;
    struct fetched fetched;
    pair_init(&pair, &(struct options){0});
    fetch(&pair, &fetched, 1, 0);
    moq_request_refuse(pair.peer[SERVER].request, MOQ_ERR_NOT_FOUND);
    wire_run(&pair.wire);
    assert_int_equal(fetched.close_error, MOQ_ERR_NOT_FOUND);

    fetch(&pair, &fetched, 1, 0);
    moq_fetch_set_priority(fetched.fetch, 7);
    wire_run(&pair.wire);
    assert_int_equal(pair.peer[SERVER].request->wish.priority, 7);
    moq_fetch_close(&fetched.fetch);
    wire_run(&pair.wire);
    assert_int_equal(pair.peer[SERVER].gone, 1);
    assert_int_equal(fetched.closed, 0);
    pair_deinit(&pair);
}

struct answer {
    int count, error;
    struct moq_info info;
};

static void on_info(void *user, int error, const struct moq_info *info)
{
    struct answer *answer = user;
    answer->count++;
    answer->error = error;
    if (info)
        answer->info = *info;
}

static struct moq_info_query *ask_info(struct pair *pair, struct answer *answer)
{
    struct moq_path *path = moq_path_from_text("demo/bbb");
    *answer = (struct answer){0};
    struct moq_info_query *query =
        moq_session_info(pair->peer[CLIENT].session, path, on_info, answer);
    moq_path_unref(&path);
    wire_run(&pair->wire);
    return query;
}

static void info_is_answered_in_every_version(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++)
        for (size_t piece = 0; piece < 4; piece++) {
            struct pair pair;
            struct answer answer;
            pair_init(&pair, &(struct options){.version = versions[i], .piece = piece});
            ask_info(&pair, &answer);
            assert_int_equal(pair.peer[SERVER].request->kind, MOQ_REQUEST_INFO);
            struct moq_info info = {130, MOQ_ORDER_OLDEST, 0, 42};
            assert_int_equal(moq_request_send_info(pair.peer[SERVER].request, &info), 0);
            wire_run(&pair.wire);
            assert_int_equal(answer.count, 1);
            assert_int_equal(answer.error, 0);
            assert_int_equal(answer.info.priority, 130);
            assert_int_equal(answer.info.order, MOQ_ORDER_OLDEST);
            assert_int_equal(answer.info.latest, 42);
            struct wire_stream *stream = wire_nth(&pair.wire, CLIENT, true, 1);
            assert_true(stream->is_closed[CLIENT] && stream->is_closed[SERVER]);
            pair_deinit(&pair);
        }
}

static void info_may_be_refused_or_given_up(void **state)
{
    (void)state;
    struct pair pair;
    struct answer answer;
    pair_init(&pair, &(struct options){0});
    ask_info(&pair, &answer);
    moq_request_refuse(pair.peer[SERVER].request, MOQ_ERR_NOT_FOUND);
    wire_run(&pair.wire);
    assert_int_equal(answer.error, MOQ_ERR_NOT_FOUND);

    struct moq_info_query *query = ask_info(&pair, &answer);
    moq_info_query_close(&query);
    wire_run(&pair.wire);
    assert_int_equal(answer.count, 0);
    assert_int_equal(pair.peer[SERVER].gone, 1);

    ask_info(&pair, &answer);
    wire_cut(&pair.wire);
    assert_int_equal(answer.count, 1);
    assert_int_equal(answer.error, MOQ_ERR_TRANSPORT);
    pair_deinit(&pair);
}

static void questions_wait_for_credit_and_may_be_dropped_before(void **state)
{
    (void)state;
    struct pair pair;
    struct answer answer, second;
    pair_init(&pair, &(struct options){0});
    pair.wire.end[CLIENT].bidi_credit = 0;
    struct moq_info_query *query = ask_info(&pair, &answer);
    moq_info_query_close(&query);
    ask_info(&pair, &second);
    assert_int_equal(pair.peer[SERVER].requests, 0);
    wire_grant(&pair.wire, CLIENT, 1, 0);
    wire_run(&pair.wire);
    assert_int_equal(pair.peer[SERVER].requests, 1);

    struct answer third;
    ask_info(&pair, &third); /* never opened: told when the connection ends */
    wire_cut(&pair.wire);
    assert_int_equal(third.count, 1);
    assert_int_equal(answer.count, 0);
    pair_deinit(&pair);
}

static void nothing_is_asked_before_the_session_is_ready(void **state)
{
    (void)state;
    struct pair pair;
    struct answer answer;
    pair_init(&pair, &(struct options){.has_no_server = true});
    assert_null(ask_info(&pair, &answer));
    pair_deinit(&pair);
}

/* ---- Subscriptions --------------------------------------------------------------------------- */

struct closer {
    struct moq_watcher watcher;
    struct listener *listener;
};

static void close_when_cut(struct moq_watcher *watcher, struct moq_group *group)
{
    struct closer *closer = (struct closer *)(void *)watcher;
    if (group->is_ended)
        moq_subscription_close(&closer->listener->subscription);
}

/* The end of a subscription cuts its groups first, and whoever hears of that may close it. */
static void one_that_is_closed_while_it_ends_is_not_told(void **state)
{
    (void)state;
    static const struct moq_watcher_ops ops = {.on_growth = close_when_cut};
    struct pair pair;
    struct listener listener;
    struct moq_group *group;
    pair_init(&pair, &(struct options){0});
    struct moq_track *track = pair.peer[SERVER].track = track_new(&pair, "t");
    listener_init(&listener, &pair, "t");
    listener_subscribe(&listener, pair.peer[CLIENT].session, &NO_WISH);
    track_begin(track, 1, &group);
    track_frame(track, group, "x");
    wire_run(&pair.wire);
    assert_string_equal(text_of(listener.track, 1), "x...");

    struct closer closer = {.watcher = {.ops = &ops}, .listener = &listener};
    moq_track_watch(listener.track, &closer.watcher);
    moq_viewer_close(pair.peer[SERVER].viewer, MOQ_ERR_REFUSED);
    wire_run(&pair.wire);
    assert_string_equal(text_of(listener.track, 1), "x!");
    assert_null(listener.subscription);
    assert_int_equal(listener.closed, 0);

    moq_track_unwatch(listener.track, &closer.watcher);
    moq_group_unref(&group);
    listener_deinit(&listener);
    pair_deinit(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_growing_group_is_fetched_from_an_offset_to_its_end),
        cmocka_unit_test(a_fetch_from_a_mirror_ends_when_the_mirror_does),
        cmocka_unit_test(an_offset_behind_the_end_exceeds_a_bound),
        cmocka_unit_test(a_group_cut_while_it_is_fetched_cuts_the_answer),
        cmocka_unit_test(a_fetch_may_be_refused_taken_back_or_changed),
        cmocka_unit_test(info_is_answered_in_every_version),
        cmocka_unit_test(info_may_be_refused_or_given_up),
        cmocka_unit_test(questions_wait_for_credit_and_may_be_dropped_before),
        cmocka_unit_test(nothing_is_asked_before_the_session_is_ready),
        cmocka_unit_test(one_that_is_closed_while_it_ends_is_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
