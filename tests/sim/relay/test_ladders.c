/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Which renditions a viewer may be moved between. */
#include "tests/sim/relay/prologue.h"

#include "server/core/mix.h"
#include "tests/sim/relay/rungs.h"
#include "tests/sim/relay/guard.h"

static const char *const names[] = {"show/low", "show/mid", "show/high", "show/auto"};
enum { RUNGS = 3, NAMES = 4 };

static enum core_verdict set_ladder(void *self, struct core_request *request)
{
    (void)self;
    set_rungs(request, names, RUNGS);
    return CORE_PASS;
}

static const struct core_hook_ops hook_ops = {.name = "stage", .subscribe = set_ladder};

struct scene {
    struct guarded stage;
    struct core_hook hook;
    struct watch watch;
};

/* A camera publishes these paths, and a viewer with these grants asks for `asked`. Returns it. */
static struct core_viewer *scene_init(struct scene *scene, const struct core_hook_ops *ops,
                                      const char *const *published, size_t count,
                                      const char *grants, const char *asked)
{
    static const struct pass camera = {.publish = "*"};
    const struct pass pass = {.subscribe = grants};
    guarded_init(&scene->stage);
    scene->hook = (struct core_hook){.ops = ops};
    world_add_hook(&scene->stage.world, &scene->hook);
    struct client *publisher = guarded_admit(&scene->stage, &camera);
    for (size_t i = 0; i < count; i++)
        publish_text(client_publish(publisher, published[i]), 1, "x");
    guarded_run_ms(&scene->stage, 100);
    watch_init(&scene->watch, guarded_admit(&scene->stage, &pass), asked, &WISH_ANY);
    guarded_run_ms(&scene->stage, 500);
    const struct list *viewers = &scene->stage.world.workers[0].router.viewers;
    assert_false(list_is_empty(viewers));
    return container_of(viewers->next, struct core_viewer, router_node);
}

static void scene_deinit(struct scene *scene)
{
    watch_deinit(&scene->watch);
    guarded_deinit(&scene->stage);
}

/* The names of the ladder that a viewer with these grants has, which asks for `asked`. */
static const char *ladder_of(const char *grants, const char *asked, char out[128])
{
    struct scene scene;
    const struct core_ladder *ladder =
        core_viewer_ladder(scene_init(&scene, &hook_ops, names, NAMES, grants, asked));
    out[0] = '\0';
    for (size_t i = 0, n = 0; i < core_ladder_count(ladder); i++) {
        char text[MOQ_PATH_LINE_BYTES];
        moq_path_text(core_ladder_at(ladder, i)->path, text, sizeof text);
        n += (size_t)snprintf(out + n, 128 - n, "%s%s", i > 0 ? " " : "", text);
    }
    scene_deinit(&scene);
    return out;
}

static void grants_bound_the_ladder(void **state)
{
    char text[128];
    (void)state;
    assert_string_equal(ladder_of("*", names[1], text), "show/low show/mid show/high");
    assert_string_equal(ladder_of("show", names[1], text), "show/low show/mid show/high");
    assert_string_equal(ladder_of("show/low show/mid", names[1], text), "show/low show/mid");
    assert_string_equal(ladder_of("show/low show/high", names[0], text), "show/low show/high");
    assert_string_equal(ladder_of("show/high", names[2], text), ""); /* it stays where it is */
}

static void an_automatic_track_stands_for_all(void **state)
{
    char text[128];
    (void)state;
    assert_string_equal(ladder_of("show/auto", names[3], text), "show/low show/mid show/high");
}

/* A viewer of the lowest rendition was moved to the highest one, when its token is replaced. */
static void new_grants_turn_a_viewer_back(void **state)
{
    static const struct pass low = {.subscribe = "show/low"};
    struct scene scene;
    (void)state;
    struct core_viewer *viewer = scene_init(&scene, &hook_ops, names, NAMES, "show", names[0]);
    assert_int_equal(core_viewer_turn_to(viewer, &scene.hook, 2), 0);
    guarded_run_ms(&scene.stage, 100);
    assert_int_equal(mix_wanted(viewer->mix), 2);
    assert_int_equal(pass_to_peer(&low, scene.stage.guard.peer), 0);
    guarded_run_ms(&scene.stage, 100);
    assert_int_equal(mix_wanted(viewer->mix), 0);
    assert_int_equal(core_viewer_turn_to(viewer, &scene.hook, 1), MOQ_ERR_REFUSED);
    scene_deinit(&scene);
}

static enum core_verdict redirect(void *self, struct core_request *request)
{
    struct moq_path *path = moq_path_from_text("backup/low");
    set_ladder(self, request);
    core_request_set_path(request, path);
    moq_path_unref(&path);
    return CORE_PASS;
}

/* Its renditions would lead it back to where it was sent away from. */
static void who_is_sent_elsewhere_has_no_ladder(void **state)
{
    static const struct core_hook_ops ops = {.name = "redirect", .subscribe = redirect};
    static const char *const published[] = {"backup/low"};
    struct scene scene;
    (void)state;
    assert_null(core_viewer_ladder(scene_init(&scene, &ops, published, 1, "*", names[0])));
    scene_deinit(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grants_bound_the_ladder),
        cmocka_unit_test(an_automatic_track_stands_for_all),
        cmocka_unit_test(new_grants_turn_a_viewer_back),
        cmocka_unit_test(who_is_sent_elsewhere_has_no_ladder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
