/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What decides a viewer's policy, in a whole relay: its wish and updates, its class, a hook and the
 * limits, in any order. */
#include "tests/sim/relay/prologue.h"

static const char yaml[] = "policy:\n"
                           "  latency: 1s\n"
                           "  max: { latency: 3s }\n"
                           "  classes:\n"
                           "    - { match: \"meet/**\", latency: 250ms, priority: 138 }\n"
                           "    - { match: \"film/**\", latency: 2s, order: oldest }\n"
                           "    - { match: \"a%20b{20}c/*\", latency: 300ms, priority: 7 }\n";

enum { LATE_GROUPS = 200 };

struct stage {
    struct world world;
    struct core_hook hook;
    uint64_t held;          /* the last request that the hook holds */
    struct moq_path *alias; /* target of subscriptions; NULL: as asked */
    struct core_override sampled;
    bool is_holding, has_ladder; /* has_ladder: of meet/here and film/noir */
    struct client *publisher, *viewer;
    struct watch watch;
};

static void set_ladder(struct core_request *request)
{
    struct core_rendition renditions[] = {{.path = moq_path_from_text("meet/here")},
                                          {.path = moq_path_from_text("film/noir")}};
    struct core_ladder *ladder = core_ladder_new(renditions, 2);
    core_request_set_ladder(request, ladder);
    core_ladder_unref(&ladder);
    moq_path_unref(&renditions[0].path);
    moq_path_unref(&renditions[1].path);
}

static enum core_verdict on_subscribe(void *self, struct core_request *request)
{
    struct stage *stage = self;
    if (stage->has_ladder)
        set_ladder(request);
    if (stage->alias)
        core_request_set_path(request, stage->alias);
    if (!stage->is_holding)
        return CORE_PASS;
    stage->held = core_request_number(request);
    return CORE_LATER;
}

static void on_sample(void *self, struct core_viewer *viewer)
{
    struct stage *stage = self;
    if (stage->sampled.set)
        core_viewer_override(viewer, &stage->hook, &stage->sampled);
}

static const struct core_hook_ops hook_ops = {
    .name = "stage", .subscribe = on_subscribe, .viewer_sample = on_sample};

static void run_ms(struct stage *stage, uint64_t ms)
{
    world_run(&stage->world, ms * NS_PER_MS);
}

static void stage_init(struct stage *stage, uint64_t seed)
{
    const struct world_setup setup = {
        .seed = seed, .workers = 1, .yaml = yaml, .link = {.delay_ns = 5 * NS_PER_MS}};
    *stage = (struct stage){.hook.ops = &hook_ops};
    stage->hook.self = stage;
    world_init(&stage->world, &setup);
    world_add_hook(&stage->world, &stage->hook);
    stage->publisher = client_ready(world_host(&stage->world), NULL);
    stage->viewer = client_ready(world_host(&stage->world), NULL);
    publish_text(client_publish(stage->publisher, "meet/here"), 1, "one");
    publish_text(client_publish(stage->publisher, "film/noir"), 1, "one");
    run_ms(stage, 100);
}

static void watch_path(struct stage *stage, const char *path, const struct moq_wish *wish)
{
    watch_init(&stage->watch, stage->viewer, path, wish);
    run_ms(stage, 100);
}

static void stage_deinit(struct stage *stage)
{
    watch_deinit(&stage->watch);
    moq_path_unref(&stage->alias);
    world_deinit(&stage->world);
}

static struct core_viewer *only_viewer(const struct stage *stage)
{
    const struct list *viewers = &stage->world.workers[0].router.viewers;
    assert_false(list_is_empty(viewers));
    return container_of(viewers->next, struct core_viewer, router_node);
}

static void assert_policy(const struct stage *stage, uint64_t latency_ms, uint8_t priority,
                          uint8_t order)
{
    const struct moq_policy *policy = core_viewer_policy(only_viewer(stage));
    assert_int_equal(policy->latency_ns, latency_ms * NS_PER_MS);
    assert_int_equal(policy->priority, priority);
    assert_int_equal(policy->order, order);
}

static void update_wish(struct stage *stage, uint8_t priority, uint8_t order)
{
    struct moq_wish wish = WISH_ANY;
    wish.priority = priority;
    wish.order = order;
    moq_subscription_update(stage->watch.subscription, &wish);
    run_ms(stage, 100);
}

/* ---- The four cases -------------------------------------------------------------------------- */

static void an_update_while_the_request_waits_counts(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage, 1);
    stage.is_holding = true;
    watch_path(&stage, "meet/here", &WISH_ANY);
    update_wish(&stage, 60, MOQ_ORDER_OLDEST);
    world_answer(&stage.world, stage.held, CORE_ALLOW);
    run_ms(&stage, 100);
    assert_policy(&stage, 250, 70, MOQ_ORDER_OLDEST); /* moved by its class */
    stage_deinit(&stage);

    stage_init(&stage, 2); /* and while it waits for a publisher */
    watch_path(&stage, "meet/later", &WISH_ANY);
    update_wish(&stage, 60, MOQ_ORDER_OLDEST);
    publish_text(client_publish(stage.publisher, "meet/later"), 1, "one");
    run_ms(&stage, 100);
    assert_policy(&stage, 250, 70, MOQ_ORDER_OLDEST);
    stage_deinit(&stage);
}

static void what_a_hook_sets_outlives_the_viewers_updates(void **state)
{
    (void)state;
    struct stage stage;
    struct core_policy_reasons why;
    stage_init(&stage, 3);
    watch_path(&stage, "meet/here", &WISH_ANY);
    const struct core_override change = {.set = CORE_SET_PRIORITY, .priority = 7};
    core_viewer_override(only_viewer(&stage), &stage.hook, &change);
    update_wish(&stage, 200, MOQ_ORDER_OLDEST);
    assert_policy(&stage, 250, 7, MOQ_ORDER_OLDEST);
    core_viewer_reasons(only_viewer(&stage), &why);
    assert_int_equal(why.priority.decider, CORE_DECIDED_BY_HOOK);
    assert_string_equal(why.priority.hook, "stage");
    assert_int_equal(why.order.decider, CORE_DECIDED_BY_WISH);
    assert_int_equal(why.latency.decider, CORE_DECIDED_BY_CLASS);

    core_viewer_clear_override(only_viewer(&stage), CORE_SET_PRIORITY);
    assert_policy(&stage, 250, 210, MOQ_ORDER_OLDEST);
    stage_deinit(&stage);
}

static void samples_do_not_escape_the_limit(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage, 4);
    stage.sampled = (struct core_override){.set = CORE_SET_LATENCY, .latency_ns = 60 * NS_PER_S};
    watch_path(&stage, "meet/here", &WISH_ANY);
    run_ms(&stage, 500);
    assert_policy(&stage, 3000, 138, MOQ_ORDER_NEWEST);
    stage_deinit(&stage);
}

static void publish_bytes(struct moq_track *track, uint64_t sequence, size_t n)
{
    static const uint8_t frame[8000];
    struct moq_group *group;
    assert_int_equal(moq_track_open_group(track, sequence, &group), 0);
    assert_int_equal(moq_track_write_frame(track, group, frame, n), 0);
    moq_track_finish_group(track, group);
}

/* A viewer of a path whose class lets it be 250 ms late, while a hook lets it be 60 s late. */
static struct moq_track *watch_patiently(struct stage *stage)
{
    const struct core_override change = {.set = CORE_SET_LATENCY | CORE_SET_ORDER,
                                         .latency_ns = 60 * NS_PER_S,
                                         .order = MOQ_ORDER_OLDEST};
    struct moq_track *track = client_publish(stage->publisher, "meet/late");
    stage->world.config->cache.groups = 2;
    stage->world.config->policy.max.latency_ns = 60 * NS_PER_S;
    run_ms(stage, 100);
    watch_path(stage, "meet/late", &WISH_ANY);
    core_viewer_override(only_viewer(stage), &stage->hook, &change);
    return track;
}

/* More is published than is kept by number, and than any class would wait for. */
static void publish_while_the_viewer_is_away(struct stage *stage, struct moq_track *track)
{
    struct sim_link link = {.loss_percent = 100};
    sim_set_node_link(stage->world.sim, stage->viewer->host->node, &link);
    for (uint64_t group = 1; group <= LATE_GROUPS; group++) {
        publish_bytes(track, group, 8000);
        run_ms(stage, 20);
    }
    link = (struct sim_link){.delay_ns = 5 * NS_PER_MS};
    sim_set_node_link(stage->world.sim, stage->viewer->host->node, &link);
    run_ms(stage, 8000);
}

static void groups_stay_for_as_long_as_a_hook_lets_a_viewer_be_late(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage, 7);
    publish_while_the_viewer_is_away(&stage, watch_patiently(&stage));
    assert_int_equal(watch_count(&stage.watch, FATE_WHOLE), LATE_GROUPS);
    stage_deinit(&stage);
}

/* Those who are served keep what they had, and the cache with them. */
static void a_reload_takes_no_groups_from_a_patient_viewer(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage, 8);
    struct moq_track *track = watch_patiently(&stage);
    stage.world.config->policy.max.latency_ns = NS_PER_S;
    sources_take_configuration(&stage.world.workers[0].router);
    publish_while_the_viewer_is_away(&stage, track);
    assert_int_equal(watch_count(&stage.watch, FATE_WHOLE), LATE_GROUPS);
    stage_deinit(&stage);
}

static const struct moq_cache_limits *kept_by(struct moq_track *track)
{
    return &moq_track_config(track)->cache;
}

/* What it is served shares the groups of its source, where they are counted and cut, so both keep
 * them equally long, also after a turn and a reload. */
static void groups_stay_as_long_in_the_source_of_a_moved_viewer(void **state)
{
    (void)state;
    struct stage stage;
    const struct core_override change = {.set = CORE_SET_LATENCY, .latency_ns = 3 * NS_PER_S};
    stage_init(&stage, 9);
    stage.has_ladder = true;
    watch_path(&stage, "meet/here", &WISH_ANY);
    struct core_viewer *viewer = only_viewer(&stage);
    core_viewer_override(viewer, &stage.hook, &change);
    assert_int_equal(kept_by(moq_viewer_track(viewer->served))->grace_ns, 3 * NS_PER_S);
    assert_int_equal(kept_by(viewer->source->track)->grace_ns, 3 * NS_PER_S);

    assert_int_equal(core_viewer_turn_to(viewer, &stage.hook, 1), 0);
    run_ms(&stage, 100);
    publish_text(stage.publisher->tracks[0], 2, "two");
    publish_text(stage.publisher->tracks[1], 2, "two");
    run_ms(&stage, 100);
    assert_int_equal(core_viewer_rendition(viewer), 1);
    assert_int_equal(kept_by(viewer->source->track)->grace_ns, 3 * NS_PER_S);

    stage.world.config->cache.groups = 7;
    sources_take_configuration(&stage.world.workers[0].router);
    assert_int_equal(kept_by(moq_viewer_track(viewer->served))->groups, 7);
    assert_int_equal(kept_by(moq_viewer_track(viewer->served))->grace_ns, 3 * NS_PER_S);
    stage_deinit(&stage);
}

static void the_class_is_that_of_the_path_that_was_asked_for(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage, 5);
    stage.alias = moq_path_from_text("film/noir");
    watch_path(&stage, "meet/somewhere", &WISH_ANY);
    assert_group(&stage.watch, 1, "one");
    assert_policy(&stage, 250, 138, MOQ_ORDER_NEWEST);
    update_wish(&stage, 100, MOQ_ORDER_ANY);
    assert_policy(&stage, 250, 110, MOQ_ORDER_NEWEST);
    char text[MOQ_PATH_TEXT_BYTES];
    const struct core_viewer *viewer = only_viewer(&stage);
    assert_string_equal(moq_path_text(core_viewer_path(viewer), text, sizeof text),
                        "meet/somewhere");
    assert_string_equal(moq_path_text(core_viewer_track(viewer), text, sizeof text), "film/noir");
    stage_deinit(&stage);
}

/* A class is matched against the path in the form that the log prints. */
static void a_class_of_odd_names_is_found(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage, 6);
    publish_text(client_publish(stage.publisher, "a%20b{20}c/track"), 1, "one");
    watch_path(&stage, "a%20b c/track", &WISH_ANY);
    assert_group(&stage.watch, 1, "one");
    assert_policy(&stage, 300, 7, MOQ_ORDER_NEWEST);
    stage_deinit(&stage);
}

/* Class and limit are both taken at the moment when a viewer begins to be served. */
static void a_reload_counts_for_those_who_wait(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage, 6);
    stage.is_holding = true;
    watch_path(&stage, "film/noir", &WISH_ANY);
    struct config_policy *policy = &stage.world.config->policy;
    policy->classes[1].latency_ns = 900 * NS_PER_MS;
    policy->classes[1].priority = 108;
    policy->max.latency_ns = 700 * NS_PER_MS;
    world_answer(&stage.world, stage.held, CORE_ALLOW);
    run_ms(&stage, 100);
    assert_policy(&stage, 700, 108, MOQ_ORDER_OLDEST);

    policy->classes[1].latency_ns = policy->max.latency_ns = 100 * NS_PER_MS;
    update_wish(&stage, 100, MOQ_ORDER_ANY); /* viewers that are served keep theirs */
    assert_policy(&stage, 700, 80, MOQ_ORDER_OLDEST);
    stage_deinit(&stage);
}

/* ---- Any order, against a model -------------------------------------------------------------- */

struct model { /* the expected result, computed in another way */
    int64_t wished_priority;
    uint8_t wished_order;
    int64_t hook_latency_ms, hook_priority, hook_order; /* -1: not set */
    int64_t max_latency_ms;
    bool is_film;
};

static void assert_model(const struct stage *stage, const struct model *model)
{
    int64_t latency_ms = model->is_film ? 2000 : 250;
    int64_t priority = model->wished_priority + (model->is_film ? 0 : 10);
    int64_t order = model->is_film ? MOQ_ORDER_OLDEST : MOQ_ORDER_NEWEST;
    if (model->wished_order != MOQ_ORDER_ANY)
        order = model->wished_order;
    if (priority > 255)
        priority = 255;
    if (model->hook_priority >= 0)
        priority = model->hook_priority;
    if (model->hook_order >= 0)
        order = model->hook_order;
    if (model->hook_latency_ms >= 0)
        latency_ms = model->hook_latency_ms;
    if (latency_ms > model->max_latency_ms)
        latency_ms = model->max_latency_ms;
    assert_policy(stage, (uint64_t)latency_ms, (uint8_t)priority, (uint8_t)order);
}

static uint64_t dice(struct stage *stage, uint64_t sides)
{
    return sim_random(stage->world.sim) % sides;
}

static uint8_t any_order(struct stage *stage)
{
    static const uint8_t orders[] = {MOQ_ORDER_ANY, MOQ_ORDER_NEWEST, MOQ_ORDER_OLDEST};
    return orders[dice(stage, 3)];
}

static void override_something(struct stage *stage, struct model *model)
{
    struct core_override change = {.set = (unsigned)dice(stage, 8),
                                   .latency_ns = dice(stage, 5000) * NS_PER_MS,
                                   .priority = (uint8_t)dice(stage, 256),
                                   .order = dice(stage, 2) ? MOQ_ORDER_NEWEST : MOQ_ORDER_OLDEST};
    if (change.set & CORE_SET_LATENCY)
        model->hook_latency_ms = (int64_t)(change.latency_ns / NS_PER_MS);
    if (change.set & CORE_SET_PRIORITY)
        model->hook_priority = change.priority;
    if (change.set & CORE_SET_ORDER)
        model->hook_order = change.order;
    core_viewer_override(only_viewer(stage), &stage->hook, &change);
}

static void clear_something(struct stage *stage, struct model *model)
{
    unsigned bits = (unsigned)dice(stage, 8);
    if (bits & CORE_SET_LATENCY)
        model->hook_latency_ms = -1;
    if (bits & CORE_SET_PRIORITY)
        model->hook_priority = -1;
    if (bits & CORE_SET_ORDER)
        model->hook_order = -1;
    core_viewer_clear_override(only_viewer(stage), bits);
}

static void wish_for_something(struct stage *stage, struct model *model)
{
    model->wished_priority = (int64_t)dice(stage, 256);
    model->wished_order = any_order(stage);
    update_wish(stage, (uint8_t)model->wished_priority, model->wished_order);
}

/* Changes the limit. A reload applies to new viewers; this one keeps the limit of its arrival. */
static void move_the_limit(struct stage *stage, struct model *model)
{
    stage->world.config->policy.max.latency_ns = dice(stage, 4000) * NS_PER_MS;
    wish_for_something(stage, model);
}

static void all_comes_out_as_the_model_says(void **state)
{
    enum { SEEDS = 60, STEPS = 40 };
    static void (*const steps[])(struct stage *, struct model *) = {
        override_something, clear_something, wish_for_something, move_the_limit};
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct stage stage;
        stage_init(&stage, seed);
        struct model model = {128, MOQ_ORDER_ANY, -1, -1, -1, 3000, seed % 2};
        watch_path(&stage, model.is_film ? "film/noir" : "meet/here", &WISH_ANY);
        assert_model(&stage, &model);
        for (int i = 0; i < STEPS; i++) {
            steps[dice(&stage, 4)](&stage, &model);
            assert_model(&stage, &model);
        }
        stage_deinit(&stage);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_update_while_the_request_waits_counts),
        cmocka_unit_test(what_a_hook_sets_outlives_the_viewers_updates),
        cmocka_unit_test(samples_do_not_escape_the_limit),
        cmocka_unit_test(a_reload_takes_no_groups_from_a_patient_viewer),
        cmocka_unit_test(groups_stay_for_as_long_as_a_hook_lets_a_viewer_be_late),
        cmocka_unit_test(groups_stay_as_long_in_the_source_of_a_moved_viewer),
        cmocka_unit_test(the_class_is_that_of_the_path_that_was_asked_for),
        cmocka_unit_test(a_class_of_odd_names_is_found),
        cmocka_unit_test(a_reload_counts_for_those_who_wait),
        cmocka_unit_test(all_comes_out_as_the_model_says),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
