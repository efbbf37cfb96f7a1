/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The roster: cursors read everybody once, whoever comes and leaves meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/core/roster.h"

enum { ENTRIES = 6 };

struct stage {
    struct roster roster;
    struct roster_entry entries[ENTRIES];
    struct roster_cursor cursor, other;
};

static void stage_init(struct stage *stage, int count)
{
    roster_init(&stage->roster);
    for (int i = 0; i < count; i++)
        roster_add(&stage->roster, &stage->entries[i]);
    roster_cursor_init(&stage->cursor);
    roster_cursor_init(&stage->other);
    roster_cursor_rewind(&stage->roster, &stage->cursor);
}

static void assert_next(struct stage *stage, int i)
{
    struct roster_entry *entry = roster_cursor_next(&stage->roster, &stage->cursor);
    assert_ptr_equal(entry, &stage->entries[i]);
    assert_int_equal(stage->cursor.place, entry->place);
}

static void assert_end(struct stage *stage)
{
    assert_null(roster_cursor_next(&stage->roster, &stage->cursor));
}

static void a_cursor_reads_all_in_their_order(void **state)
{
    struct stage stage;
    (void)state;
    stage_init(&stage, 2);
    assert_next(&stage, 0);
    assert_next(&stage, 1);
    assert_end(&stage);
    roster_add(&stage.roster, &stage.entries[2]);
    assert_next(&stage, 2);
    assert_end(&stage);
    roster_cursor_rewind(&stage.roster, &stage.cursor);
    assert_next(&stage, 0);
}

static void who_leaves_takes_no_cursor_along(void **state)
{
    struct stage stage;
    (void)state;
    stage_init(&stage, 5);
    assert_next(&stage, 0);
    assert_next(&stage, 1);
    roster_remove(&stage.entries[1]);
    roster_remove(&stage.entries[0]);
    roster_remove(&stage.entries[2]);
    assert_next(&stage, 3);
    roster_remove(&stage.entries[4]);
    assert_end(&stage);
}

static void cursors_do_not_see_each_other(void **state)
{
    struct stage stage;
    (void)state;
    stage_init(&stage, 3);
    roster_cursor_rewind(&stage.roster, &stage.other);
    assert_next(&stage, 0);
    assert_ptr_equal(roster_cursor_next(&stage.roster, &stage.other), &stage.entries[0]);
    assert_ptr_equal(roster_cursor_next(&stage.roster, &stage.other), &stage.entries[1]);
    assert_next(&stage, 1);
    roster_cursor_close(&stage.other);
    roster_cursor_close(&stage.other);
    assert_next(&stage, 2);
    assert_end(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cursor_reads_all_in_their_order),
        cmocka_unit_test(who_leaves_takes_no_cursor_along),
        cmocka_unit_test(cursors_do_not_see_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
