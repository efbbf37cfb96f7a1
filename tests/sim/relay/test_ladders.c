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

/* The names of the ladder that a viewer with these grants has, which asks for `asked`. */
static const char *ladder_of(const char *grants, const char *asked, char out[128])
{
    static const struct pass camera = {.publish = "*"};
    const struct pass pass = {.subscribe = grants};
    struct guarded stage;
    struct core_hook hook = {.ops = &hook_ops};
    struct watch watch;
    guarded_init(&stage);
    world_add_hook(&stage.world, &hook);
    struct client *publisher = guarded_admit(&stage, &camera);
    for (size_t i = 0; i < NAMES; i++)
        publish_text(client_publish(publisher, names[i]), 1, "x");
    guarded_run_ms(&stage, 100);
    watch_init(&watch, guarded_admit(&stage, &pass), asked, &WISH_ANY);
    guarded_run_ms(&stage, 500);
    const struct list *viewers = &stage.world.workers[0].router.viewers;
    const struct core_ladder *ladder =
        core_viewer_ladder(container_of(viewers->next, struct core_viewer, router_node));
    out[0] = '\0';
    for (size_t i = 0, n = 0; i < core_ladder_count(ladder); i++) {
        char text[MOQ_PATH_LINE_BYTES];
        moq_path_text(core_ladder_at(ladder, i)->path, text, sizeof text);
        n += (size_t)snprintf(out + n, 128 - n, "%s%s", i > 0 ? " " : "", text);
    }
    watch_deinit(&watch);
    guarded_deinit(&stage);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grants_bound_the_ladder),
        cmocka_unit_test(an_automatic_track_stands_for_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
