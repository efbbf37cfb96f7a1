/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Grants in a whole relay: what a peer may publish, watch and see, with every version and both
 * transports; and how a hook sets them. */
#include "tests/sim/relay/prologue.h"

#include "tests/sim/relay/guard.h"

/* ---- Every action ---------------------------------------------------------------------------- */

struct answers { /* to one who fetches and asks for INFO */
    int fetched, fetch_error, informed, info_error;
};

static void on_fetched(struct moq_fetch *fetch, int error)
{
    struct answers *answers = moq_fetch_user(fetch);
    answers->fetched++;
    answers->fetch_error = error;
}

static void on_info(void *user, int error, const struct moq_info *info)
{
    struct answers *answers = user;
    (void)info;
    answers->informed++;
    answers->info_error = error;
}

static void ask(struct client *client, const char *text, struct answers *answers)
{
    static const struct moq_fetch_events events = {.on_closed = on_fetched};
    struct moq_path *path = moq_path_from_text(text);
    const struct moq_fetch_wish wish = {.group = 1};
    *answers = (struct answers){0};
    assert_non_null(moq_session_fetch(client->session, path, &wish, &events, answers));
    assert_non_null(moq_session_info(client->session, path, on_info, answers));
    moq_path_unref(&path);
}

static void assert_answers(struct guarded *stage, struct client *client, const char *path,
                           int error)
{
    struct answers answers;
    struct watch watch;
    watch_init(&watch, client, path, &WISH_ANY);
    guarded_run_ms(stage, 300);
    ask(client, path, &answers);
    guarded_run_ms(stage, 500);
    assert_int_equal(watch.closed, error != 0);
    assert_int_equal(watch.close_error, error);
    if (!error)
        assert_group(&watch, 1, "one");
    assert_int_equal(answers.fetched, 1);
    assert_int_equal(answers.fetch_error, error);
    assert_int_equal(answers.informed, 1);
    assert_int_equal(answers.info_error, error);
    watch_deinit(&watch);
    guarded_run_ms(stage, 100);
}

/* One who watches as granted; refused watching gives the same answer as a path that is not there,
 * and no hook is asked. */
static void watch_as_granted(struct guarded *stage, const struct client_setup *setup)
{
    static const struct pass pass = {.identity = "bob", .subscribe = "live/a"};
    struct client *viewer = guard_admit(&stage->guard, &pass, setup);
    uint64_t refused = world_counters(&stage->world)->requests_refused;
    client_listen(viewer, "");
    guarded_run_ms(stage, 200);
    assert_int_equal(viewer->actives, 1);

    assert_answers(stage, viewer, "live/a", 0);
    int questions = stage->guard.questions;
    assert_answers(stage, viewer, "live/ab", MOQ_ERR_NOT_FOUND);
    assert_answers(stage, viewer, "live/b", MOQ_ERR_NOT_FOUND);
    assert_int_equal(stage->guard.questions, questions);
    assert_int_equal(world_counters(&stage->world)->requests_refused, refused + 6);

    uint64_t denied = world_counters(&stage->world)->announcements_denied;
    client_publish(viewer, "live/a/of/mine");
    guarded_run_ms(stage, 200);
    assert_int_equal(world_counters(&stage->world)->announcements_denied, denied + 1);
    client_close(viewer, 0);
    guarded_run_ms(stage, 300);
}

static void publish_as_granted(struct guarded *stage, const struct client_setup *setup)
{
    static const struct pass pass = {.identity = "alice", .publish = "own"};
    uint64_t denied = world_counters(&stage->world)->announcements_denied;
    uint64_t before = world_counters(&stage->world)->announcements;
    struct client *publisher = guard_admit(&stage->guard, &pass, setup);
    struct client *viewer = guarded_admit(stage, NULL);
    struct answers answers;
    client_listen(viewer, "own");
    client_listen(publisher, "");
    client_publish(publisher, "own/x");
    client_publish(publisher, "own2/x");
    client_publish(publisher, "live/a");
    guarded_run_ms(stage, 300);
    assert_int_equal(world_counters(&stage->world)->announcements_denied, denied + 2);
    assert_int_equal(world_counters(&stage->world)->announcements, before + 1);
    assert_int_equal(viewer->actives, 1);
    assert_int_equal(publisher->actives, 0);

    ask(publisher, "live/a", &answers);
    guarded_run_ms(stage, 300);
    assert_int_equal(answers.fetch_error, MOQ_ERR_NOT_FOUND);
    assert_int_equal(answers.info_error, MOQ_ERR_NOT_FOUND);
    client_close(publisher, 0);
    client_close(viewer, 0);
    guarded_run_ms(stage, 300);
    assert_int_equal(world_counters(&stage->world)->announcements, before);
}

static void only_what_is_granted_works(void **state)
{
    static const uint32_t versions[] = {MOQ_VERSION_02, MOQ_VERSION_03, MOQ_VERSION_04};
    static const enum quic_protocol protocols[] = {QUIC_PROTOCOL_RAW, QUIC_PROTOCOL_WEBTRANSPORT};
    struct guarded stage;
    (void)state;
    guarded_init(&stage);
    struct client *publisher = guarded_admit(&stage, NULL);
    publish_text(client_publish(publisher, "live/a"), 1, "one");
    publish_text(client_publish(publisher, "live/ab"), 1, "one");
    publish_text(client_publish(publisher, "live/b"), 1, "one");
    guarded_run_ms(&stage, 200);
    for (size_t i = 0; i < 6; i++) {
        const struct client_setup setup = {.versions = versions[i / 2],
                                           .protocol = protocols[i % 2]};
        watch_as_granted(&stage, &setup);
        publish_as_granted(&stage, &setup);
    }
    guarded_deinit(&stage);
}

static void grants_are_read_by_hooks(void **state)
{
    const struct pass pass = {.identity = "alice",
                              .claims = "{}",
                              .subscribe = "a",
                              .expires_ms = UINT64_MAX,
                              .is_cluster = true};
    struct guarded stage;
    (void)state;
    guarded_init(&stage);
    guarded_admit(&stage, NULL);
    struct core_peer *free = stage.guard.peer;
    guarded_admit(&stage, &pass);
    struct core_peer *bound = stage.guard.peer;
    struct moq_path *a = moq_path_from_text("a/x"), *b = moq_path_from_text("b");
    assert_string_equal(core_peer_identity(bound), "alice");
    assert_string_equal(core_peer_claims(bound), "{}");
    assert_true(core_peer_is_cluster(bound));
    assert_true(core_peer_expires_ms(bound) == UINT64_MAX);
    assert_true(core_peer_may(bound, CORE_SUBSCRIBE, a));
    assert_false(core_peer_may(bound, CORE_SUBSCRIBE, b));
    assert_false(core_peer_may(bound, CORE_PUBLISH, a));
    assert_string_equal(core_peer_identity(free), "");
    assert_string_equal(core_peer_claims(free), "");
    assert_false(core_peer_is_cluster(free));
    assert_true(core_peer_expires_ms(free) == 0);
    assert_true(core_peer_may(free, CORE_PUBLISH, b));
    moq_path_unref(&a);
    moq_path_unref(&b);
    guarded_deinit(&stage);
}

/* What counts for seeing is the name under which a path is offered. */
static void a_renamed_path_is_seen_by_its_new_name(void **state)
{
    const struct pass old = {.subscribe = "secret"}, fresh = {.subscribe = "open"},
                      publisher_pass = {.publish = "secret"};
    struct guarded stage;
    struct watch watch;
    (void)state;
    guarded_init(&stage);
    stage.guard.rename = moq_path_from_text("open/x");
    struct client *one = guarded_admit(&stage, &old), *two = guarded_admit(&stage, &fresh);
    struct client *publisher = guarded_admit(&stage, &publisher_pass);
    client_listen(one, "");
    client_listen(two, "");
    publish_text(client_publish(publisher, "secret/x"), 1, "one");
    guarded_run_ms(&stage, 300);
    assert_int_equal(one->actives, 0);
    assert_int_equal(two->actives, 1);
    watch_init(&watch, two, "open/x", &WISH_ANY);
    guarded_run_ms(&stage, 300);
    assert_group(&watch, 1, "one");
    watch_deinit(&watch);
    guarded_deinit(&stage);
}

/* Its track has that name, too, so whoever comes under the same one can take it over. */
static void a_publisher_takes_over_under_the_same_new_name(void **state)
{
    const struct pass viewer_pass = {.subscribe = "open"}, all = {.publish = "*"};
    struct guarded stage;
    struct watch watch;
    (void)state;
    guarded_init(&stage);
    stage.guard.rename = moq_path_from_text("open/x");
    struct client *viewer = guarded_admit(&stage, &viewer_pass);
    struct client *first = guarded_admit(&stage, &all), *second = guarded_admit(&stage, &all);
    publish_text(client_publish(first, "one"), 1, "one");
    guarded_run_ms(&stage, 300);
    watch_init(&watch, viewer, "open/x", &WISH_ANY);
    guarded_run_ms(&stage, 300);
    assert_group(&watch, 1, "one");
    publish_text(client_publish(second, "two"), 7, "two");
    guarded_run_ms(&stage, 500);
    assert_group(&watch, 7, "two");
    assert_int_equal(watch.closed, 0);
    watch_deinit(&watch);
    guarded_deinit(&stage);
}

/* ---- How they are set ------------------------------------------------------------------------ */

static const enum quic_protocol both[] = {QUIC_PROTOCOL_RAW, QUIC_PROTOCOL_WEBTRANSPORT};

static struct client *try(struct guarded *stage, const struct pass *pass,
                          enum quic_protocol protocol)
{
    const struct client_setup setup = {.protocol = protocol};
    stage->guard.next = pass;
    struct client *client = client_connect(world_host(&stage->world), &setup);
    guarded_run_ms(stage, 1000);
    stage->guard.next = NULL;
    return client;
}

/* Even if the entry lets it in: without grants it might do everything. */
static void a_session_whose_grants_cannot_be_set_is_denied(void **state)
{
    static char long_text[CORE_CLAIMS_BYTES + 2];
    const struct pass wrong[] = {{.claims = long_text, .subscribe = "*"},
                                 {.subscribe = "*", .expires_ms = 1}};
    const int errors[] = {MOQ_ERR_BOUNDS, MOQ_ERR_EXPIRED};
    struct guarded stage;
    (void)state;
    memset(long_text, 'x', sizeof long_text - 1);
    guarded_init(&stage);
    for (size_t i = 0; i < 8; i++) {
        stage.guard.session = i % 4 < 2 ? CORE_PASS : CORE_ALLOW;
        const struct client *client = try(&stage, &wrong[i % 2], both[i / 4]);
        assert_int_equal(stage.guard.error, errors[i % 2]);
        assert_int_equal(client->ready, 0);
        assert_int_equal(client->closed, 1);
    }
    assert_int_equal(world_counters(&stage.world)->sessions_denied, 8);
    assert_int_equal(world_counters(&stage.world)->sessions, 0);
    guarded_deinit(&stage);
}

static void grants_may_come_later(void **state)
{
    const struct pass pass = {.identity = "late", .subscribe = "live"};
    struct guarded stage;
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        guarded_init(&stage);
        stage.guard.session = CORE_LATER;
        struct client *client = try(&stage, NULL, both[i]);
        assert_int_equal(client->ready, 0);
        assert_int_equal(core_peer_set_grants(stage.guard.peer, &(struct core_grants){0}),
                         MOQ_ERR_AGAIN);
        assert_int_equal(pass_to_request(&pass, stage.guard.held), 0);
        assert_int_equal(core_answer(stage.guard.held->hooks, stage.guard.number, CORE_ALLOW), 0);
        guarded_run_ms(&stage, 200);
        assert_int_equal(client->ready, 1);
        assert_string_equal(core_peer_identity(stage.guard.peer), "late");
        client_publish(client, "live/x");
        guarded_run_ms(&stage, 200);
        assert_int_equal(world_counters(&stage.world)->announcements_denied, 1);
        guarded_deinit(&stage);
    }
}

static enum core_verdict give_all(void *self, struct core_request *request)
{
    const struct pass pass = {.identity = "all", .publish = "*", .subscribe = "*"};
    assert_int_equal(pass_to_request(&pass, request), 0);
    return *(enum core_verdict *)self;
}

/* An entry that holds a request is removed: its grants are undone, those of the entry before it
 * stay. */
static void grants_of_a_removed_entry_are_undone(void **state)
{
    static const struct core_hook_ops ops = {.name = "generous", .session_open = give_all};
    const struct pass pass = {.identity = "first", .subscribe = "a"};
    enum core_verdict later = CORE_LATER;
    struct core_hook generous = {.ops = &ops, .self = &later};
    struct guarded stage;
    (void)state;
    guarded_init(&stage);
    struct core_hooks *hooks = &stage.world.workers[0].router.hooks;
    for (int i = 0; i < 2; i++) {
        stage.world.next_worker = 0;
        assert_int_equal(core_hooks_add(hooks, &generous), 0);
        struct client *client = try(&stage, i == 0 ? &pass : NULL, QUIC_PROTOCOL_RAW);
        assert_string_equal(core_peer_identity(stage.guard.peer), "all");
        core_hooks_remove(hooks, &generous);
        guarded_run_ms(&stage, 200);
        assert_int_equal(client->ready, 1);
        assert_string_equal(core_peer_identity(stage.guard.peer), i == 0 ? "first" : "");
    }
    guarded_deinit(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_granted_works),
        cmocka_unit_test(grants_are_read_by_hooks),
        cmocka_unit_test(a_renamed_path_is_seen_by_its_new_name),
        cmocka_unit_test(a_publisher_takes_over_under_the_same_new_name),
        cmocka_unit_test(a_session_whose_grants_cannot_be_set_is_denied),
        cmocka_unit_test(grants_may_come_later),
        cmocka_unit_test(grants_of_a_removed_entry_are_undone),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
