/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Viewers of one path belong to different classes, by what their URL and their token say. */
#include "tests/sim/relay/prologue.h"

#include "tests/sim/relay/guard.h"

static const char yaml[] = "policy:\n"
                           "  latency: 1s\n"
                           "  classes:\n"
                           "    - { match: \"show/*\", claims: [plan=gold], latency: 3s }\n"
                           "    - { query: [mode=live], latency: 200ms }\n"
                           "    - { match: \"show/**\", latency: 2s }\n"
                           "    - match: \"tv/**\"\n"
                           "      ladder:\n"
                           "        - { track: v/high, rate: 4Mbps }\n"
                           "        - { track: low, rate: 1Mbps }\n"
                           "        - { track: my mid, rate: 2Mbps }\n";

struct stage {
    struct world world;
    struct guard guard;
    struct client *publisher;
};

static void stage_init(struct stage *stage)
{
    const struct world_setup setup = {
        .seed = 3, .workers = 1, .yaml = yaml, .link = {.delay_ns = 5 * NS_PER_MS}};
    world_init(&stage->world, &setup);
    guard_init(&stage->guard, &stage->world);
    stage->publisher = client_ready(world_host(&stage->world), NULL);
    publish_text(client_publish(stage->publisher, "show/1"), 1, "one");
    world_run(&stage->world, 100 * NS_PER_MS);
}

static void stage_deinit(struct stage *stage)
{
    guard_deinit(&stage->guard);
    world_deinit(&stage->world);
}

/* The latency of a viewer of show/1 that comes with these. */
static uint64_t latency_ms(struct stage *stage, const char *url_path, const struct pass *pass)
{
    const struct client_setup setup = {.protocol = QUIC_PROTOCOL_WEBTRANSPORT,
                                       .url_path = url_path};
    struct client *client = guard_admit(&stage->guard, pass, &setup);
    struct watch watch;
    watch_init(&watch, client, "show/1", &WISH_ANY);
    world_run(&stage->world, 100 * NS_PER_MS);
    const struct list *viewers = &stage->world.workers[0].router.viewers;
    assert_false(list_is_empty(viewers));
    const struct core_viewer *viewer = container_of(viewers->next, struct core_viewer, router_node);
    uint64_t latency_ns = core_viewer_policy(viewer)->latency_ns;
    watch_deinit(&watch);
    client_close(client, 0);
    world_run(&stage->world, 100 * NS_PER_MS);
    return latency_ns / NS_PER_MS;
}

static void the_url_chooses_a_class(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    assert_int_equal(latency_ms(&stage, "/", NULL), 2000);
    assert_int_equal(latency_ms(&stage, "/?mode=live", NULL), 200);
    assert_int_equal(latency_ms(&stage, "/x?a=b&mode=l%69ve&c", NULL), 200);
    assert_int_equal(latency_ms(&stage, "/?mode=lively", NULL), 2000);
    assert_int_equal(latency_ms(&stage, "/?mode=live&mode=live", NULL), 2000); /* which one? */
    assert_int_equal(latency_ms(&stage, "/?mode=%zz", NULL), 2000);
    assert_int_equal(latency_ms(&stage, "/?plan=gold", NULL), 2000); /* that is no claim */
    stage_deinit(&stage);
}

static void the_token_chooses_a_class(void **state)
{
    (void)state;
    struct stage stage;
    static const struct pass gold = {.subscribe = "*", .claims = "{\"plan\": \"gold\"}"},
                             silver = {.subscribe = "*", .claims = "{\"plan\": \"silver\"}"},
                             many = {.subscribe = "*", .claims = "{\"plan\": [\"x\", \"gold\"]}"},
                             none = {.subscribe = "*"};
    stage_init(&stage);
    assert_int_equal(latency_ms(&stage, "/", &gold), 3000);
    assert_int_equal(latency_ms(&stage, "/?mode=live", &gold), 3000); /* the first one counts */
    assert_int_equal(latency_ms(&stage, "/?mode=live", &silver), 200);
    assert_int_equal(latency_ms(&stage, "/", &many), 3000);
    assert_int_equal(latency_ms(&stage, "/", &none), 2000);
    stage_deinit(&stage);
}

/* New grants count for what is asked for from then on. */
static void a_viewer_keeps_the_class_that_it_began_with(void **state)
{
    (void)state;
    struct stage stage;
    static const struct pass gold = {.subscribe = "*", .claims = "{\"plan\": \"gold\"}"},
                             silver = {.subscribe = "*", .claims = "{\"plan\": \"silver\"}"};
    struct watch first, second;
    stage_init(&stage);
    struct client *client = guard_admit(&stage.guard, &silver, NULL);
    struct core_peer *peer = stage.guard.peer;
    watch_init(&first, client, "show/1", &WISH_ANY);
    world_run(&stage.world, 100 * NS_PER_MS);
    assert_int_equal(pass_to_peer(&gold, peer), 0);
    watch_init(&second, client, "show/1", &WISH_ANY);
    world_run(&stage.world, 100 * NS_PER_MS);
    uint64_t all_ms = 0;
    list_for_each (node, &stage.world.workers[0].router.viewers)
        all_ms +=
            core_viewer_policy(container_of(node, struct core_viewer, router_node))->latency_ns /
            NS_PER_MS;
    assert_int_equal(all_ms, 2000 + 3000);
    watch_deinit(&first);
    watch_deinit(&second);
    stage_deinit(&stage);
}

/* ---- Ladders --------------------------------------------------------------------------------- */

/* What a viewer of `path`, which is published, may be moved between: "low 1000000, ...". */
static const char *ladder_of(struct stage *stage, const char *path, const struct pass *pass,
                             const struct moq_wish *wish)
{
    static char out[512];
    struct client *publisher = guard_admit(&stage->guard, NULL, NULL);
    struct client *client = guard_admit(&stage->guard, pass, NULL);
    struct watch watch;
    publish_text(client_publish(publisher, path), 1, "one");
    world_run(&stage->world, 100 * NS_PER_MS);
    watch_init(&watch, client, path, wish);
    world_run(&stage->world, 100 * NS_PER_MS);
    const struct list *viewers = &stage->world.workers[0].router.viewers;
    assert_false(list_is_empty(viewers));
    const struct core_ladder *ladder =
        core_viewer_ladder(container_of(viewers->next, struct core_viewer, router_node));
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < core_ladder_count(ladder); i++) {
        char text[MOQ_PATH_TEXT_BYTES];
        const struct core_rendition *rung = core_ladder_at(ladder, i);
        used += (size_t)snprintf(out + used, sizeof out - used, "%s%s %llu", i ? ", " : "",
                                 moq_path_text(rung->path, text, sizeof text),
                                 (unsigned long long)rung->bitrate_bps / 1000);
    }
    watch_deinit(&watch);
    client_close(client, 0);
    client_close(publisher, 0);
    world_run(&stage->world, 100 * NS_PER_MS);
    return out;
}

static void a_class_has_a_ladder_for_each_of_its_broadcasts(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    assert_string_equal(ladder_of(&stage, "tv/1/low", NULL, &WISH_ANY),
                        "tv/1/low 1000, tv/1/my{20}mid 2000, tv/1/v/high 4000");
    assert_string_equal(ladder_of(&stage, "tv/1/v/high", NULL, &WISH_ANY),
                        "tv/1/low 1000, tv/1/my{20}mid 2000, tv/1/v/high 4000");
    assert_string_equal(ladder_of(&stage, "tv/low", NULL, &WISH_ANY),
                        "tv/low 1000, tv/my{20}mid 2000, tv/v/high 4000");
    assert_string_equal(ladder_of(&stage, "tv/1/high", NULL, &WISH_ANY), ""); /* of v */
    assert_string_equal(ladder_of(&stage, "tv/1/lower", NULL, &WISH_ANY), "");
    assert_string_equal(ladder_of(&stage, "tv/low/audio", NULL, &WISH_ANY), "");
    assert_string_equal(ladder_of(&stage, "radio/1/low", NULL, &WISH_ANY), "");
    assert_string_equal(ladder_of(&stage, "tv/1/low", NULL, &WISH_RANGE(1, 2)), "");
    stage_deinit(&stage);
}

static void nobody_is_moved_to_what_it_may_not_watch(void **state)
{
    (void)state;
    struct stage stage;
    static const struct pass all = {.subscribe = "tv"}, most = {.subscribe = "tv/1/low tv/1/v"},
                             one = {.subscribe = "tv/1/low"};
    stage_init(&stage);
    assert_string_equal(ladder_of(&stage, "tv/1/low", &all, &WISH_ANY),
                        "tv/1/low 1000, tv/1/my{20}mid 2000, tv/1/v/high 4000");
    assert_string_equal(ladder_of(&stage, "tv/1/low", &most, &WISH_ANY),
                        "tv/1/low 1000, tv/1/v/high 4000");
    assert_string_equal(ladder_of(&stage, "tv/1/low", &one, &WISH_ANY), "");
    stage_deinit(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_url_chooses_a_class),
        cmocka_unit_test(the_token_chooses_a_class),
        cmocka_unit_test(a_viewer_keeps_the_class_that_it_began_with),
        cmocka_unit_test(a_class_has_a_ladder_for_each_of_its_broadcasts),
        cmocka_unit_test(nobody_is_moved_to_what_it_may_not_watch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
