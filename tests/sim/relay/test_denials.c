/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a peer is told when a hook denies something: the code and the words for each kind of denial,
 * at once and later. */
#include "tests/sim/relay/prologue.h"

#include <stdio.h>

#include "tests/sim/relay/guard.h"

static int answer_held(struct guarded *stage, enum core_verdict verdict)
{
    struct guard *guard = &stage->guard;
    return core_answer(guard->held->hooks, guard->number, verdict);
}

static const struct {
    int status, error; /* of HTTP; as it comes back from the wire */
    const char *words;
} denials[] = {
    [CORE_DENIAL_REFUSED] = {403, MOQ_ERR_NOT_FOUND, "refused"},
    [CORE_DENIAL_UNAUTHORIZED] = {401, MOQ_ERR_UNAUTHORIZED, "no valid credentials"},
    [CORE_DENIAL_FORBIDDEN] = {403, MOQ_ERR_NOT_FOUND, "not allowed"},
    [CORE_DENIAL_NOT_FOUND] = {404, MOQ_ERR_NOT_FOUND, "not found"},
    [CORE_DENIAL_BUSY] = {503, MOQ_ERR_BOUNDS, "too busy"},
    [CORE_DENIAL_EXPIRED] = {401, MOQ_ERR_UNAUTHORIZED, "expired"},
};

enum { DENIALS = sizeof denials / sizeof denials[0] };

/* ---- Sessions -------------------------------------------------------------------------------- */

static void assert_told(const struct client *client, enum quic_protocol protocol, size_t denial,
                        const char *words)
{
    char heard[CLIENT_REASON_BYTES];
    bool is_raw = protocol == QUIC_PROTOCOL_RAW;
    snprintf(heard, sizeof heard, "the server answered with status %d: %s", denials[denial].status,
             words);
    assert_int_equal(client->ready, 0);
    assert_int_equal(client->closed, 1);
    assert_string_equal(client->reason, is_raw ? words : heard);
    if (is_raw)
        assert_int_equal(client->close_error, denials[denial].error);
    else
        assert_int_equal(client->close_error,
                         denials[denial].status == 401 ? MOQ_ERR_UNAUTHORIZED : MOQ_ERR_REFUSED);
}

static const enum quic_protocol protocols[] = {QUIC_PROTOCOL_RAW, QUIC_PROTOCOL_WEBTRANSPORT};

/* Twice: with the words of the code, and with those of the hook. */
static void a_session_that_is_denied_at_once_learns_why(void **state)
{
    struct guarded stage;
    (void)state;
    guarded_init(&stage);
    stage.guard.session = CORE_DENY;
    for (size_t i = 0; i < (size_t)4 * DENIALS; i++) {
        const struct client_setup setup = {.protocol = protocols[i % 2]};
        stage.guard.denial = (enum core_denial)(i / 4);
        stage.guard.reason = i % 4 < 2 ? NULL : "not in these shoes";
        struct client *client = client_connect(world_host(&stage.world), &setup);
        guarded_run_ms(&stage, 1000);
        assert_told(client, protocols[i % 2], i / 4,
                    stage.guard.reason ? stage.guard.reason : denials[i / 4].words);
    }
    assert_int_equal(world_counters(&stage.world)->sessions_denied, 4 * DENIALS);
    assert_int_equal(world_counters(&stage.world)->sessions, 0);
    guarded_deinit(&stage);
}

/* Transport and streams are up already, so it is closed with a code on both. */
static void a_session_that_is_denied_later_learns_why(void **state)
{
    struct guarded stage;
    (void)state;
    guarded_init(&stage);
    stage.guard.session = CORE_LATER;
    for (size_t i = 0; i < (size_t)2 * DENIALS; i++) {
        const struct client_setup setup = {.protocol = protocols[i % 2]};
        struct client *client = client_connect(world_host(&stage.world), &setup);
        guarded_run_ms(&stage, 500);
        assert_int_equal(client->closed, 0);
        core_request_set_denial(stage.guard.held, (enum core_denial)(i / 2), NULL);
        assert_int_equal(answer_held(&stage, CORE_DENY), 0);
        guarded_run_ms(&stage, 1000);
        assert_int_equal(client->ready, 0);
        assert_int_equal(client->close_error, denials[i / 2].error);
        assert_string_equal(client->reason, denials[i / 2].words);
    }
    guarded_deinit(&stage);
}

/* What an entry said counts only if it denies. */
static void words_of_an_entry_that_lets_pass_are_not_told(void **state)
{
    struct guarded stage;
    (void)state;
    guarded_init(&stage);
    stage.guard.session = CORE_LATER;
    struct client *client = client_connect(world_host(&stage.world), NULL);
    guarded_run_ms(&stage, 500);
    core_request_set_denial(stage.guard.held, CORE_DENIAL_BUSY, "busy");
    guarded_run_ms(&stage, 6000);
    assert_int_equal(client->close_error, MOQ_ERR_NOT_FOUND);
    assert_string_equal(client->reason, "no hook answered in time");

    client = client_connect(world_host(&stage.world), NULL);
    guarded_run_ms(&stage, 500);
    core_request_set_denial(stage.guard.held, CORE_DENIAL_BUSY, "busy");
    assert_int_equal(answer_held(&stage, CORE_PASS), 0);
    guarded_run_ms(&stage, 500);
    assert_int_equal(client->ready, 1);
    guarded_deinit(&stage);
}

static void a_denial_that_is_unknown_is_a_refusal(void **state)
{
    struct guarded stage;
    (void)state;
    guarded_init(&stage);
    stage.guard.session = CORE_DENY;
    stage.guard.denial = (enum core_denial)200;
    struct client *client = client_connect(world_host(&stage.world), NULL);
    guarded_run_ms(&stage, 1000);
    assert_told(client, QUIC_PROTOCOL_RAW, CORE_DENIAL_REFUSED, "refused");
    guarded_deinit(&stage);
}

static void grants_that_have_expired_say_so(void **state)
{
    const struct pass old = {.subscribe = "*", .expires_ms = 1};
    struct guarded stage;
    (void)state;
    guarded_init(&stage);
    stage.guard.next = &old;
    for (size_t i = 0; i < 2; i++) {
        const struct client_setup setup = {.protocol = protocols[i]};
        struct client *client = client_connect(world_host(&stage.world), &setup);
        guarded_run_ms(&stage, 1000);
        assert_told(client, protocols[i], CORE_DENIAL_EXPIRED, "token expired");
    }
    guarded_deinit(&stage);
}

/* ---- Requests -------------------------------------------------------------------------------- */

struct question {
    int fetched, fetch_error, informed, info_error;
};

static void on_fetched(struct moq_fetch *fetch, int error)
{
    struct question *question = moq_fetch_user(fetch);
    question->fetched++;
    question->fetch_error = error;
}

static void on_info(void *user, int error, const struct moq_info *info)
{
    struct question *question = user;
    (void)info;
    question->informed++;
    question->info_error = error;
}

static void requests_are_denied_with_the_code(void **state)
{
    static const struct moq_fetch_events events = {.on_closed = on_fetched};
    const struct moq_fetch_wish wish = {.group = 1};
    struct guarded stage;
    (void)state;
    guarded_init(&stage);
    struct client *publisher = client_ready(world_host(&stage.world), NULL);
    struct client *client = client_ready(world_host(&stage.world), NULL);
    struct moq_path *path = moq_path_from_text("demo/bbb");
    publish_text(client_publish(publisher, "demo/bbb"), 1, "one");
    guarded_run_ms(&stage, 200);
    stage.guard.others = CORE_DENY;
    for (size_t i = 0; i < DENIALS; i++) {
        struct question question = {0};
        struct watch watch;
        stage.guard.denial = (enum core_denial)i;
        watch_init(&watch, client, "demo/bbb", &WISH_ANY);
        assert_non_null(moq_session_fetch(client->session, path, &wish, &events, &question));
        assert_non_null(moq_session_info(client->session, path, on_info, &question));
        guarded_run_ms(&stage, 300);
        assert_int_equal(watch.closed, 1);
        assert_int_equal(watch.close_error, denials[i].error);
        assert_int_equal(question.fetched, 1);
        assert_int_equal(question.fetch_error, denials[i].error);
        assert_int_equal(question.informed, 1);
        assert_int_equal(question.info_error, denials[i].error);
        watch_deinit(&watch);
    }
    assert_int_equal(world_counters(&stage.world)->requests_refused, 3 * DENIALS);
    moq_path_unref(&path);
    guarded_deinit(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_that_is_denied_at_once_learns_why),
        cmocka_unit_test(a_session_that_is_denied_later_learns_why),
        cmocka_unit_test(words_of_an_entry_that_lets_pass_are_not_told),
        cmocka_unit_test(a_denial_that_is_unknown_is_a_refusal),
        cmocka_unit_test(grants_that_have_expired_say_so),
        cmocka_unit_test(requests_are_denied_with_the_code),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
