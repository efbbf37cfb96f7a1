/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Announced paths as code inside the relay is told of them, in a whole relay with two workers; and
 * what is still open when its worker has ended. */
#include "tests/sim/relay/prologue.h"

#include <stdio.h>

#include "server/core/watching.h"
#include "tests/unit/core/pond.h"

enum { WORKERS = 2, TEXT_BYTES = 65536 };

struct stage {
    struct world world;
    struct router *here, *there; /* of the pond's worker, and of the other one */
    struct pond pond;
};

static void run_ms(struct stage *stage, uint64_t ms)
{
    world_run(&stage->world, ms * NS_PER_MS);
}

static void stage_init(struct stage *stage)
{
    const struct world_setup setup = {
        .seed = 22, .workers = WORKERS, .link = {.delay_ns = 10 * NS_PER_MS}};
    *stage = (struct stage){.here = NULL};
    world_init(&stage->world, &setup);
    stage->here = &stage->world.workers[0].router;
    stage->there = &stage->world.workers[1].router;
    pond_fill(&stage->pond, stage->here);
    run_ms(stage, 50);
}

static void stage_deinit(struct stage *stage)
{
    if (stage->pond.announcement)
        pond_drain(&stage->pond);
    world_deinit(&stage->world);
}

struct ear {
    struct core_announced *announced;
    char text[TEXT_BYTES];
    int count, close_after; /* 0: never */
    int listed_at;          /* how many it had heard of when it had heard all */
    bool is_quitting;       /* closes it then */
};

static void note(struct ear *ear, const char *sign, const char *text)
{
    size_t length = strlen(ear->text);
    snprintf(ear->text + length, sizeof ear->text - length, "%s%s%s", length ? " " : "", sign,
             text);
}

static void on_path(void *user, struct moq_path *path, bool is_announced)
{
    struct ear *ear = user;
    char text[MOQ_PATH_LINE_BYTES];
    note(ear, is_announced ? "+" : "-", moq_path_text(path, text, sizeof text));
    if (++ear->count == ear->close_after)
        core_announced_close(&ear->announced);
}

static void on_listed(void *user)
{
    struct ear *ear = user;
    note(ear, "", "all");
    ear->listed_at = ear->count;
    if (ear->is_quitting)
        core_announced_close(&ear->announced);
}

static void ear_init(struct ear *ear, struct router *router, const char *prefix)
{
    static const struct core_announced_ops ops = {.on_path = on_path, .on_listed = on_listed};
    struct moq_path *path = moq_path_from_text(prefix);
    *ear = (struct ear){.count = 0};
    assert_int_equal(core_announced_open(router, path, &ops, ear, &ear->announced), 0);
    moq_path_unref(&path);
}

static void assert_heard(struct ear *ear, const char *text)
{
    assert_string_equal(ear->text, text);
    ear->text[0] = '\0';
}

static void announced_paths_are_told_once(void **state)
{
    (void)state;
    struct stage stage;
    struct ear here, there, under;
    stage_init(&stage);
    ear_init(&here, stage.here, "");
    ear_init(&there, stage.there, "");
    ear_init(&under, stage.there, "lake");
    assert_heard(&here, ""); /* not inside core_announced_open */
    run_ms(&stage, 50);
    assert_heard(&here, "+pond all");
    assert_heard(&there, "+pond all");
    assert_heard(&under, "all");

    struct client *peers[] = {client_ready(world_host(&stage.world), NULL),
                              client_ready(world_host(&stage.world), NULL)};
    for (int i = 0; i < 2; i++) /* on different workers */
        client_publish(peers[i], "lake/deep");
    run_ms(&stage, 100);
    client_close(peers[0], 0);
    run_ms(&stage, 100);
    assert_heard(&here, "+lake/deep");
    assert_heard(&under, "+lake/deep");
    client_close(peers[1], 0);
    pond_drain(&stage.pond);
    run_ms(&stage, 100);
    assert_int_equal(here.count, 4);
    assert_heard(&under, "-lake/deep");
    core_announced_close(&here.announced);
    core_announced_close(&there.announced);
    core_announced_close(&under.announced);
    stage_deinit(&stage);
}

static struct announcement *announce(struct stage *stage, int number)
{
    char text[32];
    snprintf(text, sizeof text, "lake/%d", number);
    struct moq_path *path = moq_path_from_text(text);
    const struct origin_offer offer = {.path = path, .feed = stage->pond.announcement->feed};
    struct announcement *announcement = origin_add(stage->here, &offer);
    moq_path_unref(&path);
    return announcement;
}

static void any_number_of_paths_is_told(void **state)
{
    (void)state;
    enum { PATHS = 1000 };
    static struct announcement *announcements[PATHS];
    struct stage stage;
    struct ear ear, quitter, reader;
    stage_init(&stage);
    for (int i = 0; i < PATHS; i++)
        announcements[i] = announce(&stage, i);
    ear_init(&ear, stage.here, "lake");
    ear_init(&quitter, stage.here, "lake");
    ear_init(&reader, stage.here, "lake");
    quitter.close_after = 3;
    reader.is_quitting = true;
    run_ms(&stage, 100);
    assert_int_equal(ear.count, PATHS);
    assert_int_equal(ear.listed_at, PATHS);
    assert_int_equal(reader.listed_at, PATHS);
    assert_null(reader.announced);
    assert_int_equal(quitter.listed_at, 0);
    assert_int_equal(quitter.count, 3);
    assert_null(quitter.announced);
    for (int i = 0; i < PATHS; i++)
        origin_remove(announcements[i]);
    assert_int_equal(ear.count, PATHS); /* not inside the publisher's call */
    run_ms(&stage, 100);
    assert_int_equal(ear.count, 2 * PATHS);
    core_announced_close(&ear.announced);
    stage_deinit(&stage);
}

static void close_ear(struct ear *ear)
{
    core_announced_close(&ear->announced);
}

static void number_of_listeners_is_limited(void **state)
{
    (void)state;
    static struct ear ears[CORE_ANNOUNCED_MAX];
    static const struct core_announced_ops ops = {.on_path = on_path};
    struct stage stage;
    struct core_announced *more = NULL;
    struct moq_path *path = moq_path_from_text("");
    stage_init(&stage);
    for (int i = 0; i < CORE_ANNOUNCED_MAX; i++)
        ear_init(&ears[i], stage.here, "");
    assert_int_equal(core_announced_open(stage.here, path, &ops, NULL, &more), MOQ_ERR_BOUNDS);
    for (int i = 0; i < CORE_ANNOUNCED_MAX; i++)
        close_ear(&ears[i]); /* before anything was told */
    run_ms(&stage, 50);
    assert_int_equal(ears[0].count, 0);
    moq_path_unref(&path);
    stage_deinit(&stage);
}

/* ---- The worker's end ------------------------------------------------------------------------ */

static void wake_nobody(void *self)
{
    (void)self;
}

/* A router alone, which ends as core ends it. */
static void what_outlives_its_worker_can_be_closed(void **state)
{
    (void)state;
    static const struct core_watch_ops no_ops;
    struct stage stage;
    struct router router;
    struct mailbox mailbox, *mailboxes[] = {&mailbox};
    struct ear ear;
    struct core_watch *watch;
    struct moq_cursor_item item;
    stage_init(&stage);
    mailbox_init(&mailbox, &router, wake_nobody, NULL);
    const struct router_config config = {.clock = sim_clock(stage.world.sim),
                                         .config = stage.world.config,
                                         .mailboxes = mailboxes,
                                         .workers = 1};
    struct core_watch_wish wish = {.path = moq_path_from_text("desert")};
    assert_int_equal(router_init(&router, &config), 0);
    assert_int_equal(core_watch_open(&router, &wish, &no_ops, NULL, &watch), 0);
    ear_init(&ear, &router, "");
    router_stop(&router);
    while (mailbox_run(&mailbox) > 0)
        ;
    struct core_watch *late;
    assert_int_equal(core_watch_open(&router, &wish, &no_ops, NULL, &late), MOQ_ERR_CLOSED);
    router_deinit(&router);

    assert_int_equal(core_watch_read(watch, &item), 1);
    assert_int_equal(item.kind, MOQ_CURSOR_END);
    assert_int_equal(item.error, MOQ_ERR_CANCELLED);
    core_watch_close(&watch);
    close_ear(&ear);
    moq_path_unref(&wish.path);
    stage_deinit(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(announced_paths_are_told_once),
        cmocka_unit_test(any_number_of_paths_is_told),
        cmocka_unit_test(number_of_listeners_is_limited),
        cmocka_unit_test(what_outlives_its_worker_can_be_closed),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
