/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Cursors: the items that a reader of a track gets, when it keeps up, falls behind or stalls. */
#include "transfork/track.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/objects.h"

enum { TEXT_BYTES = 512, LATENCY_MS = 300 };

struct scene {
    struct moq_clock clock;
    struct moq_track *track;
    struct moq_cursor *cursor;
    int news;
    char text[TEXT_BYTES]; /* what was read last */
};

static void on_news(void *user)
{
    ((struct scene *)user)->news++;
}

static void scene_init(struct scene *scene, uint32_t cached_groups)
{
    *scene = (struct scene){.clock = {NS_PER_S}};
    struct moq_path *path = moq_path_from_text("t");
    struct moq_track_config config = {
        .clock = &scene->clock,
        .cache = {.groups = cached_groups, .grace_ns = LATENCY_MS * NS_PER_MS}};
    scene->track = moq_track_new(path, &config);
    moq_path_unref(&path);
}

static void scene_deinit(struct scene *scene)
{
    moq_cursor_free(&scene->cursor);
    moq_track_unref(&scene->track);
    assert_int_equal(objects_report(stderr), 0);
}

static void open_limited(struct scene *scene, uint8_t order, enum moq_cursor_start start,
                         uint64_t unread_max_bytes)
{
    const struct moq_cursor_config config = {
        .policy = {.latency_ns = LATENCY_MS * NS_PER_MS, .order = order},
        .start = start,
        .unread_max_bytes = unread_max_bytes,
        .on_news = on_news,
        .user = scene,
    };
    scene->cursor = moq_cursor_new(scene->track, &config);
    assert_non_null(scene->cursor);
}

static void open_cursor(struct scene *scene, uint8_t order, enum moq_cursor_start start)
{
    open_limited(scene, order, start, 0);
}

static void wait_ms(struct scene *scene, uint64_t ms)
{
    scene->clock.now_ns += ms * NS_PER_MS;
}

static struct moq_group *begin(struct scene *scene, uint64_t sequence)
{
    struct moq_group *group;
    assert_int_equal(moq_track_open_group(scene->track, sequence, &group), 0);
    return group;
}

static void add(struct scene *scene, struct moq_group *group, const char *text)
{
    assert_int_equal(moq_track_write_frame(scene->track, group, text, strlen(text)), 0);
}

static void put(struct scene *scene, uint64_t sequence, const char *text)
{
    struct moq_group *group = begin(scene, sequence);
    add(scene, group, text);
    moq_track_finish_group(scene->track, group);
}

/* One item as words: "(4" a group, "x" a frame, "4)" its end, "4)!-12" an end with an error,
 * "[5-6 -9]" a gap, "end -9" the end. */
static void write_item(const struct moq_cursor_item *item, char *out, size_t size)
{
    unsigned long long sequence = item->sequence, last = item->last;
    if (item->kind == MOQ_CURSOR_GROUP)
        snprintf(out, size, "(%llu", sequence);
    else if (item->kind == MOQ_CURSOR_FRAME)
        snprintf(out, size, "%.*s", (int)item->size, (const char *)item->data);
    else if (item->kind == MOQ_CURSOR_GROUP_END && item->error)
        snprintf(out, size, "%llu)!%d", sequence, item->error);
    else if (item->kind == MOQ_CURSOR_GROUP_END)
        snprintf(out, size, "%llu)", sequence);
    else if (item->kind == MOQ_CURSOR_GAP)
        snprintf(out, size, "[%llu-%llu %d]", sequence, last, item->error);
    else
        snprintf(out, size, "end %d", item->error);
}

/* Reads at most `most` items. */
static const char *read_some(struct scene *scene, int most)
{
    struct moq_cursor_item item;
    size_t length = 0;
    scene->text[0] = '\0';
    while (most-- > 0) {
        bool has_next = moq_cursor_has_next(scene->cursor);
        int got = moq_cursor_next(scene->cursor, &item);
        assert_int_equal(has_next, got != 0);
        if (got != 1)
            break;
        if (length > 0)
            scene->text[length++] = ' ';
        write_item(&item, scene->text + length, TEXT_BYTES - length);
        length += strlen(scene->text + length);
    }
    return scene->text;
}

static const char *read_all(struct scene *scene)
{
    return read_some(scene, 1000);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static void a_group_is_read_as_it_grows(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, 8);
    open_cursor(&scene, MOQ_ORDER_OLDEST, MOQ_CURSOR_NEWEST);
    assert_string_equal(read_all(&scene), "");
    struct moq_group *group = begin(&scene, 4);
    assert_int_equal(scene.news, 1);
    assert_string_equal(read_all(&scene), "(4");
    add(&scene, group, "a");
    assert_int_equal(scene.news, 2);
    assert_string_equal(read_all(&scene), "a");
    moq_track_append(scene.track, group, "\x02h", 2); /* half a frame */
    assert_string_equal(read_all(&scene), "");
    moq_track_append(scene.track, group, "i", 1);
    moq_track_finish_group(scene.track, group);
    assert_string_equal(read_all(&scene), "hi 4)");
    moq_track_end(scene.track, 0);
    assert_string_equal(read_all(&scene), "end 0");
    struct moq_cursor_item item;
    assert_int_equal(moq_cursor_next(scene.cursor, &item), MOQ_ERR_CLOSED);
    scene_deinit(&scene);
}

static void it_starts_where_it_is_told_to(void **state)
{
    (void)state;
    static const struct {
        enum moq_cursor_start start;
        const char *text;
    } cases[] = {
        {MOQ_CURSOR_NEWEST, "(3 c 3) (4 d 4)"},
        {MOQ_CURSOR_OLDEST, "(1 a 1) (2 b 2) (3 c 3) (4 d 4)"},
        {MOQ_CURSOR_NEXT, "(4 d 4)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene scene;
        scene_init(&scene, 8);
        put(&scene, 1, "a");
        put(&scene, 2, "b");
        put(&scene, 3, "c");
        wait_ms(&scene, 10 * LATENCY_MS); /* history is not late */
        open_cursor(&scene, MOQ_ORDER_OLDEST, cases[i].start);
        put(&scene, 4, "d");
        assert_string_equal(read_all(&scene), cases[i].text);
        scene_deinit(&scene);
    }
}

static void the_order_says_which_group_comes_next(void **state)
{
    (void)state;
    struct scene scene;
    for (uint8_t order = MOQ_ORDER_OLDEST; order <= MOQ_ORDER_NEWEST; order++) {
        scene_init(&scene, 8);
        open_cursor(&scene, order, MOQ_CURSOR_NEWEST);
        put(&scene, 1, "a");
        put(&scene, 2, "b");
        put(&scene, 3, "c");
        assert_string_equal(read_all(&scene), order == MOQ_ORDER_OLDEST
                                                  ? "(1 a 1) (2 b 2) (3 c 3)"
                                                  : "(3 c 3) (2 b 2) (1 a 1)");
        scene_deinit(&scene);
    }
}

/* Streams overtake each other: the tail of a group comes after the next one began. */
static void a_group_that_is_not_late_is_read_to_its_end(void **state)
{
    (void)state;
    struct scene scene;
    for (uint8_t order = MOQ_ORDER_OLDEST; order <= MOQ_ORDER_NEWEST; order++) {
        scene_init(&scene, 8);
        open_cursor(&scene, order, MOQ_CURSOR_NEWEST);
        struct moq_group *group = begin(&scene, 1);
        add(&scene, group, "a");
        assert_string_equal(read_all(&scene), "(1 a");
        put(&scene, 2, "c");
        assert_string_equal(read_all(&scene), "");
        add(&scene, group, "b");
        moq_track_finish_group(scene.track, group);
        assert_string_equal(read_all(&scene), "b 1) (2 c 2)");
        scene_deinit(&scene);
    }
}

static void the_oldest_first_means_in_order(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, 8);
    open_cursor(&scene, MOQ_ORDER_OLDEST, MOQ_CURSOR_NEWEST);
    put(&scene, 1, "a");
    put(&scene, 3, "c");
    assert_string_equal(read_all(&scene), "(1 a 1)");
    put(&scene, 2, "b");
    assert_string_equal(read_all(&scene), "(2 b 2) (3 c 3)");
    scene_deinit(&scene);
}

static void frames_of_any_size_are_the_reader_s(void **state)
{
    (void)state;
    struct scene scene;
    struct moq_cursor_item item;
    static uint8_t frame[300000];
    uint64_t sequence = 1;
    scene_init(&scene, 1);
    open_cursor(&scene, MOQ_ORDER_OLDEST, MOQ_CURSOR_NEWEST);
    for (size_t size = 0; size < sizeof frame; size = 3 * size + 1) {
        memset(frame, (int)size, size);
        struct moq_group *group = begin(&scene, sequence++);
        moq_track_write_frame(scene.track, group, frame, size);
        assert_int_equal(moq_cursor_next(scene.cursor, &item), 1);
        assert_int_equal(moq_cursor_next(scene.cursor, &item), 1);
        moq_track_finish_group(scene.track, group);
        wait_ms(&scene, 10);
        begin(&scene, sequence++); /* drops the group, once it is late */
        wait_ms(&scene, 2 * LATENCY_MS);
        moq_track_sweep(scene.track);
        moq_cursor_tend(scene.cursor);
        assert_int_equal(item.size, size);
        assert_true(size == 0 || memcmp(item.data, frame, size) == 0); /* asan sees this one */
        moq_track_finish_group(scene.track, moq_track_newest(scene.track));
        while (moq_cursor_next(scene.cursor, &item) == 1)
            ;
    }
    scene_deinit(&scene);
}

/* ---- Falling behind -------------------------------------------------------------------------- */

static void groups_that_are_late_are_skipped(void **state)
{
    (void)state;
    struct scene scene;
    struct moq_cursor_stats stats;
    scene_init(&scene, 8);
    open_cursor(&scene, MOQ_ORDER_OLDEST, MOQ_CURSOR_NEWEST);
    for (uint64_t i = 0; i < 6; i++) { /* superseded 500, 400, 300, 200 and 100 ms ago */
        put(&scene, i, "x");
        wait_ms(&scene, 100);
    }
    assert_string_equal(read_all(&scene), "[0-2 -12] (3 x 3) (4 x 4) (5 x 5)");
    moq_cursor_stats(scene.cursor, &stats);
    assert_int_equal(stats.groups_skipped, 3);
    assert_int_equal(stats.groups_read, 3);
    assert_int_equal(stats.bytes_read, 3);
    scene_deinit(&scene);
}

static void a_group_that_it_is_in_is_cut_when_it_is_late(void **state)
{
    (void)state;
    struct scene scene;
    struct moq_cursor_stats stats;
    for (int is_idle = 0; is_idle < 2; is_idle++) {
        scene_init(&scene, 8);
        open_cursor(&scene, MOQ_ORDER_OLDEST, MOQ_CURSOR_NEWEST);
        struct moq_group *group = begin(&scene, 1);
        add(&scene, group, "a");
        assert_string_equal(read_all(&scene), "(1 a");
        if (!is_idle)
            add(&scene, group, "b");
        put(&scene, 2, "c");
        wait_ms(&scene, LATENCY_MS - 1);
        moq_cursor_stats(scene.cursor, &stats);
        assert_int_equal(stats.backlog_bytes, is_idle ? 0 : 2);
        assert_int_equal(stats.backlog_ns, is_idle ? 0 : (LATENCY_MS - 1) * NS_PER_MS);
        wait_ms(&scene, 1);
        assert_string_equal(read_all(&scene), "1)!-12 (2 c 2)");
        moq_cursor_stats(scene.cursor, &stats);
        assert_int_equal(stats.groups_cut, 1);
        scene_deinit(&scene);
    }
}

/* Nothing of it is missing. */
static void a_group_that_was_read_is_complete_however_late_its_end_is_read(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, 8);
    open_cursor(&scene, MOQ_ORDER_OLDEST, MOQ_CURSOR_NEWEST);
    put(&scene, 1, "a");
    assert_string_equal(read_some(&scene, 2), "(1 a");
    put(&scene, 2, "c");
    wait_ms(&scene, 10 * LATENCY_MS);
    assert_string_equal(read_all(&scene), "1) (2 c 2)");
    scene_deinit(&scene);
}

static void what_the_cache_dropped_is_a_gap(void **state)
{
    (void)state;
    struct scene scene;
    struct moq_cursor_stats stats;
    scene_init(&scene, 2);
    open_cursor(&scene, MOQ_ORDER_OLDEST, MOQ_CURSOR_NEWEST);
    put(&scene, 1, "a");
    assert_string_equal(read_all(&scene), "(1 a 1)");
    for (uint64_t i = 2; i <= 7; i++) {
        put(&scene, i, "x");
        wait_ms(&scene, LATENCY_MS);
    }
    assert_string_equal(read_all(&scene), "[2-6 -12] (7 x 7)");
    moq_cursor_stats(scene.cursor, &stats);
    assert_int_equal(stats.groups_skipped, 5);
    scene_deinit(&scene);
}

static void it_keeps_at_most_the_group_that_it_is_in(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, 1);
    open_cursor(&scene, MOQ_ORDER_OLDEST, MOQ_CURSOR_NEWEST);
    put(&scene, 0, "x");
    read_some(&scene, 1);
    for (uint64_t i = 1; i < 50; i++) {
        put(&scene, i, "x");
        wait_ms(&scene, LATENCY_MS);
    }
    moq_track_sweep(scene.track);
    assert_int_equal(object_count(OBJECT_group), 2);
    moq_cursor_tend(scene.cursor); /* it is late */
    assert_int_equal(object_count(OBJECT_group), 1);
    assert_string_equal(read_all(&scene), "0)!-12 [1-47 -12] [48-48 -9] (49 x 49)");
    scene_deinit(&scene);
}

static void a_group_with_too_much_unread_is_cut(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, 8);
    open_limited(&scene, MOQ_ORDER_OLDEST, MOQ_CURSOR_NEWEST, 8);
    struct moq_group *group = begin(&scene, 1);
    add(&scene, group, "abc");
    assert_string_equal(read_all(&scene), "(1 abc");
    add(&scene, group, "defg");
    assert_string_equal(read_all(&scene), "defg");
    add(&scene, group, "hijk");
    add(&scene, group, "lmno");
    assert_string_equal(read_all(&scene), "1)!-7");
    put(&scene, 2, "0123456789");
    put(&scene, 3, "p");
    assert_string_equal(read_all(&scene), "(2 2)!-7 (3 p 3)");
    scene_deinit(&scene);
}

/* ---- Gaps ------------------------------------------------------------------------------------ */

static void what_the_publisher_reports_lost_is_a_gap_between_groups(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, 8);
    open_cursor(&scene, MOQ_ORDER_OLDEST, MOQ_CURSOR_NEWEST);
    struct moq_group *group = begin(&scene, 1);
    assert_string_equal(read_all(&scene), "(1");
    moq_track_gap(scene.track, 2, 3, MOQ_ERR_IO);
    moq_track_gap(scene.track, 4, 4, MOQ_ERR_IO);
    assert_string_equal(read_all(&scene), "");
    moq_track_finish_group(scene.track, group);
    put(&scene, 5, "x");
    assert_string_equal(read_all(&scene), "1) [2-4 -18] (5 x 5)");
    scene_deinit(&scene);
}

static void a_group_that_was_cut_gives_its_frames_or_is_a_gap(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, 8);
    open_cursor(&scene, MOQ_ORDER_OLDEST, MOQ_CURSOR_NEWEST);
    struct moq_group *first = begin(&scene, 1);
    assert_string_equal(read_all(&scene), "(1");
    add(&scene, first, "a");
    struct moq_group *second = begin(&scene, 2);
    add(&scene, second, "b");
    moq_track_abort_group(scene.track, first, MOQ_ERR_IO);
    moq_track_abort_group(scene.track, second, MOQ_ERR_MEDIA);
    assert_string_equal(read_all(&scene), "a 1)!-18 [2-2 -25]");
    scene_deinit(&scene);
}

/* A publisher may report any number of gaps to one that does not read, who hears of each group all
 * the same, and once. */
static void many_gaps_cost_a_fixed_amount(void **state)
{
    (void)state;
    enum { LOST = 3000 };
    struct scene scene;
    struct moq_cursor_item item;
    static uint8_t told[LOST];
    scene_init(&scene, 8);
    open_cursor(&scene, MOQ_ORDER_OLDEST, MOQ_CURSOR_NEWEST);
    put(&scene, 1, "a");
    for (uint64_t i = 2; i + 1 < LOST; i += 3) /* two of three; the third never comes either */
        moq_track_gap(scene.track, i, i + 1, MOQ_ERR_IO);
    put(&scene, LOST, "z");
    wait_ms(&scene, LATENCY_MS);
    while (moq_cursor_next(scene.cursor, &item) == 1)
        for (uint64_t i = item.sequence; item.kind == MOQ_CURSOR_GAP && i <= item.last; i++)
            told[i]++;
    for (uint64_t i = 2; i < LOST; i++)
        assert_int_equal(told[i], 1);
    moq_track_end(scene.track, 0);
    assert_string_equal(read_all(&scene), "end 0");
    scene_deinit(&scene);
}

/* ---- Ends ------------------------------------------------------------------------------------ */

static void what_is_unread_when_the_track_ends_can_be_read(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, 8);
    open_cursor(&scene, MOQ_ORDER_OLDEST, MOQ_CURSOR_NEWEST);
    put(&scene, 1, "a");
    put(&scene, 2, "b");
    struct moq_group *group = begin(&scene, 3);
    add(&scene, group, "c");
    moq_track_end(scene.track, MOQ_ERR_OFFLINE);
    moq_track_unref(&scene.track); /* the cursor keeps it */
    assert_string_equal(read_all(&scene), "(1 a 1) (2 b 2) [3-3 -23] end -23");
    assert_int_equal(object_count(OBJECT_track), 0);
    scene_deinit(&scene);
}

static void the_end_of_an_empty_track_is_read(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, 8);
    open_cursor(&scene, MOQ_ORDER_OLDEST, MOQ_CURSOR_NEXT);
    moq_track_end(scene.track, 0);
    assert_string_equal(read_all(&scene), "end 0");
    scene_deinit(&scene);
}

static void one_that_stalls_lets_go_of_a_track_that_has_ended(void **state)
{
    (void)state;
    struct scene scene;
    struct moq_cursor_stats stats;
    scene_init(&scene, 8);
    open_cursor(&scene, MOQ_ORDER_OLDEST, MOQ_CURSOR_NEWEST);
    put(&scene, 1, "a");
    assert_string_equal(read_some(&scene, 1), "(1");
    put(&scene, 2, "b");
    put(&scene, 3, "c");
    moq_track_end(scene.track, 0);
    moq_track_unref(&scene.track);
    wait_ms(&scene, MOQ_CURSOR_STALL_NS / NS_PER_MS - 1);
    moq_cursor_tend(scene.cursor);
    assert_int_equal(object_count(OBJECT_track), 1);
    wait_ms(&scene, 1);
    moq_cursor_tend(scene.cursor);
    assert_int_equal(object_count(OBJECT_track), 0);
    assert_int_equal(object_count(OBJECT_group), 0);
    assert_string_equal(read_all(&scene), "1)!-12 [2-3 -12] end 0");
    moq_cursor_stats(scene.cursor, &stats);
    assert_int_equal(stats.groups_skipped, 2);
    scene_deinit(&scene);
}

/* History is never late, but nobody may wait for it for ever. */
static void one_that_stalls_lets_go_of_history(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, 8);
    put(&scene, 1, "a");
    put(&scene, 2, "b");
    put(&scene, 3, "c");
    open_cursor(&scene, MOQ_ORDER_OLDEST, MOQ_CURSOR_OLDEST);
    assert_string_equal(read_some(&scene, 1), "(1");
    wait_ms(&scene, MOQ_CURSOR_STALL_NS / NS_PER_MS - 1);
    moq_cursor_tend(scene.cursor);
    assert_string_equal(read_some(&scene, 1), "a");
    wait_ms(&scene, MOQ_CURSOR_STALL_NS / NS_PER_MS);
    moq_cursor_tend(scene.cursor);
    assert_string_equal(read_some(&scene, 2), "1) (2"); /* everything of 1 had been read */
    wait_ms(&scene, MOQ_CURSOR_STALL_NS / NS_PER_MS);
    moq_cursor_tend(scene.cursor);
    assert_string_equal(read_all(&scene), "2)!-12 (3 c 3)");
    scene_deinit(&scene);
}

static void an_abandoned_one_tells_why(void **state)
{
    (void)state;
    struct scene scene;
    for (int is_in_group = 0; is_in_group < 2; is_in_group++) {
        scene_init(&scene, 8);
        open_cursor(&scene, MOQ_ORDER_OLDEST, MOQ_CURSOR_NEWEST);
        put(&scene, 1, "a");
        read_some(&scene, is_in_group);
        moq_cursor_abandon(scene.cursor, MOQ_ERR_CANCELLED);
        moq_track_unref(&scene.track);
        assert_int_equal(object_count(OBJECT_track), 0);
        assert_string_equal(read_all(&scene), is_in_group ? "1)!-1 end -1" : "end -1");
        scene_deinit(&scene);
    }
}

static void free_on_news(void *user)
{
    moq_cursor_free(&((struct scene *)user)->cursor);
}

/* In the writer's call, as its comment says. */
static void it_may_be_freed_when_there_is_news(void **state)
{
    (void)state;
    for (int what = 0; what < 4; what++) {
        struct scene scene;
        const struct moq_cursor_config config = {.on_news = free_on_news, .user = &scene};
        scene_init(&scene, 8);
        struct moq_group *group = begin(&scene, 1);
        scene.cursor = moq_cursor_new(scene.track, &config);
        if (what == 0)
            begin(&scene, 2);
        else if (what == 1)
            add(&scene, group, "a");
        else if (what == 2)
            moq_track_gap(scene.track, 5, 6, MOQ_ERR_IO);
        else
            moq_track_end(scene.track, 0);
        assert_null(scene.cursor);
        scene_deinit(&scene);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_is_read_as_it_grows),
        cmocka_unit_test(it_starts_where_it_is_told_to),
        cmocka_unit_test(the_order_says_which_group_comes_next),
        cmocka_unit_test(a_group_that_is_not_late_is_read_to_its_end),
        cmocka_unit_test(the_oldest_first_means_in_order),
        cmocka_unit_test(frames_of_any_size_are_the_reader_s),
        cmocka_unit_test(groups_that_are_late_are_skipped),
        cmocka_unit_test(a_group_that_it_is_in_is_cut_when_it_is_late),
        cmocka_unit_test(a_group_that_was_read_is_complete_however_late_its_end_is_read),
        cmocka_unit_test(what_the_cache_dropped_is_a_gap),
        cmocka_unit_test(it_keeps_at_most_the_group_that_it_is_in),
        cmocka_unit_test(a_group_with_too_much_unread_is_cut),
        cmocka_unit_test(what_the_publisher_reports_lost_is_a_gap_between_groups),
        cmocka_unit_test(a_group_that_was_cut_gives_its_frames_or_is_a_gap),
        cmocka_unit_test(many_gaps_cost_a_fixed_amount),
        cmocka_unit_test(what_is_unread_when_the_track_ends_can_be_read),
        cmocka_unit_test(the_end_of_an_empty_track_is_read),
        cmocka_unit_test(one_that_stalls_lets_go_of_a_track_that_has_ended),
        cmocka_unit_test(one_that_stalls_lets_go_of_history),
        cmocka_unit_test(an_abandoned_one_tells_why),
        cmocka_unit_test(it_may_be_freed_when_there_is_news),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
