/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* FETCH and INFO through the relay: answered from its cache, by a publisher that is known to
 * answer, or refused. */
#include "tests/sim/relay/prologue.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/core/fetch.h"

struct stage {
    struct world world;
    struct client *publisher, *viewer;
    struct moq_track *track;
    struct watch watch;
};

static const struct client_setup as_03 = {.versions = MOQ_VERSION_03};

static void stage_init(struct stage *stage, uint32_t version)
{
    const struct client_setup setup = {.versions = version};
    const struct world_setup world = {.seed = 13, .link = {.delay_ns = 10 * NS_PER_MS}};
    world_init(&stage->world, &world);
    stage->publisher = client_ready(world_host(&stage->world), &setup);
    stage->viewer = client_ready(world_host(&stage->world), &as_03);
    stage->track = client_publish(stage->publisher, "demo/bbb");
    for (uint64_t sequence = 0; sequence < 6; sequence++) {
        char text[16];
        snprintf(text, sizeof text, "group %llu", (unsigned long long)sequence);
        publish_text(stage->track, sequence, text);
    }
    world_run(&stage->world, 200 * NS_PER_MS);
}

static void watch_it(struct stage *stage)
{
    watch_init(&stage->watch, stage->viewer, "demo/bbb", &WISH_ANY);
    world_run(&stage->world, 200 * NS_PER_MS);
    assert_group(&stage->watch, 5, "group 5");
}

/* ---- FETCH ----------------------------------------------------------------------------------- */

struct question {
    struct byte_buf bytes;
    struct moq_fetch *fetch;
    int closed, error;
    struct moq_info info;
};

static void on_data(struct moq_fetch *fetch, const uint8_t *data, size_t n)
{
    struct question *question = moq_fetch_user(fetch);
    assert_int_equal(byte_buf_append(&question->bytes, data, n), 0);
}

static void on_closed(struct moq_fetch *fetch, int error)
{
    struct question *question = moq_fetch_user(fetch);
    question->fetch = NULL;
    question->closed++;
    question->error = error;
}

static const struct moq_fetch_events fetch_events = {.on_data = on_data, .on_closed = on_closed};

static void ask_fetch(struct question *question, struct client *client, const char *text,
                      const struct moq_fetch_wish *wish)
{
    struct moq_path *path = moq_path_from_text(text);
    *question = (struct question){0};
    byte_buf_init(&question->bytes, 1024);
    question->fetch = moq_session_fetch(client->session, path, wish, &fetch_events, question);
    assert_non_null(question->fetch);
    moq_path_unref(&path);
}

static void fetch_group(struct question *question, struct stage *stage, const char *path,
                        uint64_t group)
{
    ask_fetch(question, stage->viewer, path, &(struct moq_fetch_wish){.group = group});
    world_run(&stage->world, 500 * NS_PER_MS);
}

static void assert_fetched(struct question *question, const char *wire)
{
    assert_int_equal(question->closed, 1);
    assert_int_equal(question->error, 0);
    assert_int_equal(question->bytes.size, strlen(wire));
    assert_memory_equal(question->bytes.data, wire, strlen(wire));
    byte_buf_deinit(&question->bytes);
}

static void assert_refused(struct question *question)
{
    assert_int_equal(question->closed, 1);
    assert_int_equal(question->error, MOQ_ERR_NOT_FOUND);
    byte_buf_deinit(&question->bytes);
}

static void a_group_in_the_cache_is_fetched_from_there(void **state)
{
    (void)state;
    struct stage stage;
    struct question question;
    stage_init(&stage, MOQ_VERSION_03);
    watch_it(&stage);
    fetch_group(&question, &stage, "demo/bbb", 5);
    assert_fetched(&question, "\x07group 5");
    assert_int_equal(stage.publisher->fetches, 0);
    assert_int_equal(world_counters(&stage.world)->fetches, 1);
    watch_deinit(&stage.watch);
    world_deinit(&stage.world);
}

static void another_group_is_fetched_from_the_publisher(void **state)
{
    (void)state;
    struct stage stage;
    struct question question;
    stage_init(&stage, MOQ_VERSION_03);
    fetch_group(&question, &stage, "demo/bbb", 2);
    assert_fetched(&question, "\x07group 2");
    assert_int_equal(stage.publisher->fetches, 1);
    assert_int_equal(stage.publisher->subscribes, 0);

    watch_it(&stage);
    fetch_group(&question, &stage, "demo/bbb", 1);
    assert_fetched(&question, "\x07group 1");
    assert_int_equal(stage.publisher->fetches, 2);
    assert_int_equal(world_counters(&stage.world)->fetches_upstream, 2);
    watch_deinit(&stage.watch);
    world_deinit(&stage.world);
}

static void two_who_fetch_the_same_group_share_one_fetch(void **state)
{
    (void)state;
    struct stage stage;
    struct question first, second;
    stage_init(&stage, MOQ_VERSION_03);
    struct client *other = client_ready(stage.viewer->host, &as_03);
    ask_fetch(&first, stage.viewer, "demo/bbb", &(struct moq_fetch_wish){.group = 2});
    ask_fetch(&second, other, "demo/bbb", &(struct moq_fetch_wish){.group = 2});
    world_run(&stage.world, NS_PER_S);
    assert_fetched(&first, "\x07group 2");
    assert_fetched(&second, "\x07group 2");
    assert_int_equal(stage.publisher->fetches, 1);
    world_deinit(&stage.world);
}

static void what_nobody_has_is_refused(void **state)
{
    (void)state;
    struct stage stage;
    struct question question;
    stage_init(&stage, MOQ_VERSION_03);
    fetch_group(&question, &stage, "demo/nobody", 2);
    assert_refused(&question);
    fetch_group(&question, &stage, "demo/bbb", 77);
    assert_refused(&question);
    world_deinit(&stage.world);
}

/* Rust publishers of that time panic. */
static void publishers_of_other_versions_are_not_asked(void **state)
{
    (void)state;
    const uint32_t versions[] = {MOQ_VERSION_02, MOQ_VERSION_04};
    for (size_t i = 0; i < 2; i++) {
        struct stage stage;
        struct question question;
        stage_init(&stage, versions[i]);
        fetch_group(&question, &stage, "demo/bbb", 2);
        assert_refused(&question);
        assert_int_equal(stage.publisher->fetches, 0);
        world_deinit(&stage.world);
    }
}

static void a_fetch_ends_when_its_publisher_dies(void **state)
{
    (void)state;
    struct stage stage;
    struct question question;
    stage_init(&stage, MOQ_VERSION_03);
    stage.publisher->is_mute = true;
    fetch_group(&question, &stage, "demo/bbb", 2);
    assert_int_equal(question.closed, 0);
    assert_int_equal(stage.publisher->fetches, 1);

    client_close(stage.publisher, MOQ_ERR_IO);
    world_run(&stage.world, 200 * NS_PER_MS);
    assert_int_equal(question.closed, 1);
    assert_int_not_equal(question.error, 0);
    byte_buf_deinit(&question.bytes);
    world_deinit(&stage.world);
}

static void a_fetch_that_is_given_up_leaves_the_publisher_alone_again(void **state)
{
    (void)state;
    struct stage stage;
    struct question question;
    stage_init(&stage, MOQ_VERSION_03);
    stage.publisher->is_mute = true;
    fetch_group(&question, &stage, "demo/bbb", 2);
    moq_fetch_close(&question.fetch);
    client_close(stage.viewer, 0);
    world_run(&stage.world, NS_PER_S);
    assert_int_equal(world_counters(&stage.world)->sessions, 1);
    byte_buf_deinit(&question.bytes);
    world_deinit(&stage.world);
}

/* Only its own limit is used up: other publishers are still asked. */
static void a_mute_publisher_does_not_use_up_all_fetches(void **state)
{
    (void)state;
    struct stage stage;
    struct question *mute = calloc(CORE_FETCHES_MAX, sizeof *mute), question;
    assert_non_null(mute);
    stage_init(&stage, MOQ_VERSION_03);
    stage.publisher->is_mute = true;
    for (uint64_t i = 0; i < CORE_FETCHES_MAX; i++)
        ask_fetch(&mute[i], stage.viewer, "demo/bbb", &(struct moq_fetch_wish){.group = i});
    struct client *other = client_ready(world_host(&stage.world), &as_03);
    publish_text(client_publish(other, "demo/other"), 2, "group 2");
    world_run(&stage.world, 500 * NS_PER_MS);
    fetch_group(&question, &stage, "demo/other", 2);
    assert_fetched(&question, "\x07group 2");
    world_deinit(&stage.world);
    for (int i = 0; i < CORE_FETCHES_MAX; i++)
        byte_buf_deinit(&mute[i].bytes);
    free(mute);
}

/* ---- INFO ------------------------------------------------------------------------------------ */

static void on_info(void *user, int error, const struct moq_info *info)
{
    struct question *question = user;
    question->closed++;
    question->error = error;
    if (info)
        question->info = *info;
}

static void ask_info(struct question *question, struct stage *stage, const char *text)
{
    struct moq_path *path = moq_path_from_text(text);
    *question = (struct question){0};
    assert_non_null(moq_session_info(stage->viewer->session, path, on_info, question));
    moq_path_unref(&path);
    world_run(&stage->world, 200 * NS_PER_MS);
}

static void info_of_a_watched_track_is_the_relays(void **state)
{
    (void)state;
    struct stage stage;
    struct question question;
    stage_init(&stage, MOQ_VERSION_03);
    watch_it(&stage);
    ask_info(&question, &stage, "demo/bbb");
    assert_int_equal(question.closed, 1);
    assert_int_equal(question.error, 0);
    assert_int_equal(question.info.latest, 5);
    assert_int_equal(stage.publisher->infos, 0);
    watch_deinit(&stage.watch);
    world_deinit(&stage.world);
}

/* Somebody has subscribed a moment ago, and nothing has come yet: the publisher knows more. */
static void info_of_a_track_that_is_still_empty_is_the_publishers(void **state)
{
    (void)state;
    struct stage stage;
    struct question question;
    struct client *other = NULL; /* on the worker of the one who asks */
    struct watch watch;
    stage_init(&stage, MOQ_VERSION_03);
    for (uint32_t i = 0; i < stage.world.worker_count; i++)
        other = client_ready(stage.viewer->host, &as_03);
    watch_init(&watch, other, "demo/bbb", &WISH_ANY);
    world_run(&stage.world, 12 * NS_PER_MS); /* on its way to the publisher */
    ask_info(&question, &stage, "demo/bbb");
    world_run(&stage.world, 200 * NS_PER_MS);
    assert_int_equal(question.closed, 1);
    assert_int_equal(question.info.latest, 5);
    watch_deinit(&watch);
    world_deinit(&stage.world);
}

static void info_of_another_track_is_the_publishers(void **state)
{
    (void)state;
    struct stage stage;
    struct question question;
    stage_init(&stage, MOQ_VERSION_03);
    ask_info(&question, &stage, "demo/bbb");
    assert_int_equal(question.closed, 1);
    assert_int_equal(question.error, 0);
    assert_int_equal(question.info.latest, 5);
    assert_int_equal(stage.publisher->infos, 1);
    world_deinit(&stage.world);
}

static void info_of_what_nobody_publishes_is_refused(void **state)
{
    (void)state;
    struct stage stage;
    struct question question;
    stage_init(&stage, MOQ_VERSION_03);
    ask_info(&question, &stage, "demo/nobody");
    assert_int_equal(question.closed, 1);
    assert_int_equal(question.error, MOQ_ERR_NOT_FOUND);
    world_deinit(&stage.world);
}

static void a_mute_publisher_costs_an_info_one_second(void **state)
{
    (void)state;
    struct stage stage;
    struct question question;
    stage_init(&stage, MOQ_VERSION_03);
    stage.publisher->is_mute = true;
    ask_info(&question, &stage, "demo/bbb");
    assert_int_equal(question.closed, 0);
    world_run(&stage.world, NS_PER_S);
    assert_int_equal(question.closed, 1);
    assert_int_equal(question.error, 0);
    assert_int_equal(question.info.latest, 0);
    world_deinit(&stage.world);
}

static void a_publisher_that_dies_while_it_is_asked_costs_nothing(void **state)
{
    (void)state;
    struct stage stage;
    struct question question;
    stage_init(&stage, MOQ_VERSION_03);
    stage.publisher->is_mute = true;
    ask_info(&question, &stage, "demo/bbb");
    client_close(stage.publisher, MOQ_ERR_IO);
    world_run(&stage.world, 200 * NS_PER_MS);
    assert_int_equal(question.closed, 1);
    assert_int_equal(world_counters(&stage.world)->requests_waiting, 0);
    world_deinit(&stage.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_in_the_cache_is_fetched_from_there),
        cmocka_unit_test(another_group_is_fetched_from_the_publisher),
        cmocka_unit_test(two_who_fetch_the_same_group_share_one_fetch),
        cmocka_unit_test(what_nobody_has_is_refused),
        cmocka_unit_test(publishers_of_other_versions_are_not_asked),
        cmocka_unit_test(a_fetch_ends_when_its_publisher_dies),
        cmocka_unit_test(a_fetch_that_is_given_up_leaves_the_publisher_alone_again),
        cmocka_unit_test(a_mute_publisher_does_not_use_up_all_fetches),
        cmocka_unit_test(info_of_a_watched_track_is_the_relays),
        cmocka_unit_test(info_of_a_track_that_is_still_empty_is_the_publishers),
        cmocka_unit_test(info_of_another_track_is_the_publishers),
        cmocka_unit_test(info_of_what_nobody_publishes_is_refused),
        cmocka_unit_test(a_mute_publisher_costs_an_info_one_second),
        cmocka_unit_test(a_publisher_that_dies_while_it_is_asked_costs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
