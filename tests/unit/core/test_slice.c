/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Slices of a worker's viewers, in a whole relay on a simulated network: all of them once, in
 * bounded pieces, with who decided their numbers. */
#include "tests/sim/relay/prologue.h"

#include "server/core/slice.h"
#include "server/core/viewer.h"

enum { VIEWERS = 200, NAME_BYTES = 600 };

static const char yaml[] = "policy:\n"
                           "  latency: 1s\n"
                           "  max: { latency: 3s }\n"
                           "  classes:\n"
                           "    - { match: \"film/**\", latency: 2s }\n"
                           "    - { match: \"meet/**\", latency: 250ms, order: oldest }\n";

struct stage {
    struct world world;
    struct core_hook hook;
    struct core_override change;
    struct client *publisher, *viewer;
    struct watch watches[VIEWERS];
    int count;
    struct slice *slice;
};

static enum core_verdict on_subscribe(void *self, struct core_request *request)
{
    struct stage *stage = self;
    if (stage->change.set)
        core_request_override(request, &stage->hook, &stage->change);
    return CORE_PASS;
}

static const struct core_hook_ops hook_ops = {.name = "patron", .subscribe = on_subscribe};

static struct router *router_of(struct stage *stage)
{
    return &stage->world.workers[0].router;
}

static void stage_init(struct stage *stage)
{
    const struct world_setup setup = {
        .seed = 7, .workers = 1, .yaml = yaml, .link = {.delay_ns = NS_PER_MS}};
    *stage = (struct stage){.hook.ops = &hook_ops};
    stage->hook.self = stage;
    world_init(&stage->world, &setup);
    world_add_hook(&stage->world, &stage->hook);
    stage->publisher = client_ready(world_host(&stage->world), NULL);
    stage->viewer = client_ready(world_host(&stage->world), NULL);
    stage->slice = slice_new();
}

static void stage_deinit(struct stage *stage)
{
    slice_free(&stage->slice);
    for (int i = 0; i < stage->count; i++)
        watch_deinit(&stage->watches[i]);
    world_deinit(&stage->world);
}

static void watch_path(struct stage *stage, const char *path, int count)
{
    const struct moq_wish wish = WISH_ANY;
    publish_text(client_publish(stage->publisher, path), 1, "one");
    world_run(&stage->world, 100 * NS_PER_MS);
    for (int i = 0; i < count; i++)
        watch_init(&stage->watches[stage->count++], stage->viewer, path, &wish);
    world_run(&stage->world, 300 * NS_PER_MS);
}

static const struct slice *fill(struct stage *stage, const char *pattern, uint64_t after)
{
    snprintf(stage->slice->pattern, sizeof stage->slice->pattern, "%s", pattern);
    stage->slice->after = after;
    slice_fill(stage->slice, router_of(stage));
    return stage->slice;
}

/* Reads all in slices. Returns how many viewers there are. */
static int read_all(struct stage *stage, const char *pattern, int *slices)
{
    uint64_t after = 0, last = 0;
    int count = 0;
    for (*slices = 0;; after = stage->slice->reached) {
        const struct slice *slice = fill(stage, pattern, after);
        ++*slices;
        for (size_t i = 0; i < slice->count; i++) {
            assert_true(slice->rows[i].number > last);
            last = slice->rows[i].number;
        }
        count += (int)slice->count;
        if (slice->is_end)
            return count;
        assert_true(slice->reached > after);
    }
}

static void all_viewers_come_once_in_bounded_pieces(void **state)
{
    struct stage stage;
    int slices;
    (void)state;
    stage_init(&stage);
    assert_true(fill(&stage, "", 0)->is_end);
    assert_int_equal(stage.slice->count, 0);
    watch_path(&stage, "live", VIEWERS);
    assert_int_equal(read_all(&stage, "", &slices), VIEWERS);
    assert_true(slices >= VIEWERS / SLICE_ROWS_MAX);
    assert_int_equal(read_all(&stage, "li*", &slices), VIEWERS);
    assert_int_equal(read_all(&stage, "other/**", &slices), 0);
    stage_deinit(&stage);
}

static void a_listing_goes_on_anywhere(void **state)
{
    struct stage stage;
    (void)state;
    stage_init(&stage);
    watch_path(&stage, "live", 10);
    uint64_t third = fill(&stage, "", 0)->rows[2].place;
    assert_int_equal(fill(&stage, "", third)->count, 7);
    moq_subscription_close(&stage.watches[2].subscription);
    moq_subscription_close(&stage.watches[3].subscription);
    world_run(&stage.world, 100 * NS_PER_MS);
    assert_int_equal(fill(&stage, "", third)->count, 6);
    assert_int_equal(fill(&stage, "", UINT64_MAX)->count, 0);
    assert_true(stage.slice->is_end);
    stage_deinit(&stage);
}

/* Long names fill a slice before its rows do. */
static void texts_are_bounded(void **state)
{
    struct stage stage;
    char name[NAME_BYTES] = "";
    int slices;
    (void)state;
    memset(name, 'n', sizeof name - 1);
    stage_init(&stage);
    watch_path(&stage, name, VIEWERS);
    assert_true(fill(&stage, "", 0)->count < SLICE_ROWS_MAX);
    assert_int_equal(read_all(&stage, "", &slices), VIEWERS);
    stage_deinit(&stage);
}

static void assert_set_by(struct stage *stage, const char *path, const char *latency,
                          const char *order)
{
    const struct slice *slice = fill(stage, path, 0);
    assert_int_equal(slice->count, 1);
    assert_string_equal(slice->rows[0].path, path);
    assert_string_equal(slice->rows[0].latency_by, latency);
    assert_string_equal(slice->rows[0].order_by, order);
    assert_string_equal(slice->rows[0].priority_by, "viewer");
}

static void rows_say_who_set_what(void **state)
{
    struct stage stage;
    (void)state;
    stage_init(&stage);
    watch_path(&stage, "live", 1);
    watch_path(&stage, "meet/here", 1);
    stage.change = (struct core_override){
        .set = CORE_SET_LATENCY, .latency_ns = NS_PER_S / 2, .note = "patron.lua:12"};
    watch_path(&stage, "film/a", 1);
    stage.change = (struct core_override){.set = CORE_SET_LATENCY, .latency_ns = 60 * NS_PER_S};
    watch_path(&stage, "film/b", 1);
    assert_set_by(&stage, "live", "default", "default");
    assert_set_by(&stage, "meet/here", "class 2 (meet/**)", "class 2 (meet/**)");
    assert_set_by(&stage, "film/a", "patron (patron.lua:12)", "class 1 (film/**)");
    assert_int_equal(stage.slice->rows[0].policy.latency_ns, NS_PER_S / 2);
    assert_set_by(&stage, "film/b", "limit", "class 1 (film/**)");
    assert_string_equal(stage.slice->rows[0].rendition_by, "");
    struct core_viewer *viewer =
        container_of(router_of(&stage)->viewers.next, struct core_viewer, router_node);
    viewer->rendition_by = "ladder";
    assert_string_equal(fill(&stage, "", 0)->rows[0].rendition_by, "ladder");
    router_of(&stage)->configuration++; /* as after a reload */
    assert_set_by(&stage, "meet/here", "class 2 (before a reload)", "class 2 (before a reload)");
    assert_set_by(&stage, "live", "default (before a reload)", "default (before a reload)");
    stage_deinit(&stage);
}

/* ---- For hooks ------------------------------------------------------------------------------- */

struct visitor {
    struct core_hook *hook;
    int count, most;
    bool is_closing;
};

/* Ends the viewer that it sees. */
static bool on_viewer(void *user, struct core_viewer *viewer)
{
    struct visitor *visitor = user;
    visitor->count++;
    if (visitor->is_closing)
        core_viewer_deny(viewer, visitor->hook, CORE_DENIAL_REFUSED, "enough");
    return visitor->count < visitor->most;
}

static uint64_t visit(struct stage *stage, struct visitor *visitor, const char *pattern,
                      uint64_t place)
{
    int before = visitor->count;
    size_t count = core_viewers_visit(router_of(stage), pattern, &place, on_viewer, visitor);
    assert_int_equal(count, visitor->count - before);
    return place;
}

static void hooks_visit_viewers_and_may_end_them(void **state)
{
    struct stage stage;
    struct visitor visitor = {.hook = &stage.hook, .most = 3};
    (void)state;
    stage_init(&stage);
    watch_path(&stage, "live", 10);
    watch_path(&stage, "film/a", 2);
    uint64_t place = visit(&stage, &visitor, "live", 0);
    assert_int_equal(visitor.count, 3);
    visitor.most = VIEWERS;
    assert_int_equal(visit(&stage, &visitor, "live", place), 0);
    assert_int_equal(visitor.count, 10);
    visitor.is_closing = true;
    assert_int_equal(visit(&stage, &visitor, "film/**", 0), 0);
    assert_int_equal(visit(&stage, &visitor, NULL, 0), 0);
    assert_int_equal(visitor.count, 22);
    assert_int_equal(router_of(&stage)->viewer_count, 0);
    stage_deinit(&stage);
}

static void hooks_see_how_a_track_comes(void **state)
{
    struct stage stage;
    struct core_track_stats stats;
    struct moq_path *path = moq_path_from_text("live");
    (void)state;
    stage_init(&stage);
    assert_false(core_track_stats(router_of(&stage), path, &stats));
    watch_path(&stage, "live", 3);
    assert_true(core_track_stats(router_of(&stage), path, &stats));
    assert_true(stats.has_groups && stats.viewers == 3 && stats.newest == 1);
    assert_int_equal(stats.interval_ns, 0);
    assert_true(stats.newest_age_ns >= 200 * NS_PER_MS);
    assert_true(stats.origin > 0 && stats.origin_peer > 0 && stats.origin_worker == 0);
    moq_path_unref(&path);
    stage_deinit(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_viewers_come_once_in_bounded_pieces),
        cmocka_unit_test(a_listing_goes_on_anywhere),
        cmocka_unit_test(texts_are_bounded),
        cmocka_unit_test(rows_say_who_set_what),
        cmocka_unit_test(hooks_visit_viewers_and_may_end_them),
        cmocka_unit_test(hooks_see_how_a_track_comes),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
