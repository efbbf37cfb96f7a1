/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Notes: each number keeps its own, owners do not see each other's changes, and nothing grows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/core/notes.h"

static void assert_notes(const struct policy_notes *notes, const char *latency, const char *order)
{
    assert_string_equal(policy_notes_of(notes, CORE_SET_LATENCY), latency);
    assert_string_equal(policy_notes_of(notes, CORE_SET_ORDER), order);
}

static void each_number_has_its_own(void **state)
{
    struct policy_notes *notes = NULL;
    (void)state;
    policy_notes_set(&notes, CORE_SET_ALL, NULL);
    assert_null(notes);
    assert_notes(notes, "", "");
    policy_notes_set(&notes, CORE_SET_LATENCY | CORE_SET_ORDER, "a.lua:1");
    policy_notes_set(&notes, CORE_SET_ORDER, "a.lua:2");
    assert_notes(notes, "a.lua:1", "a.lua:2");
    assert_string_equal(policy_notes_of(notes, CORE_SET_PRIORITY), "");
    policy_notes_set(&notes, CORE_SET_LATENCY, NULL);
    assert_notes(notes, "", "a.lua:2");
    policy_notes_unref(&notes);
    policy_notes_unref(&notes);
}

static void owners_do_not_see_each_others_changes(void **state)
{
    struct policy_notes *mine = NULL;
    (void)state;
    policy_notes_set(&mine, CORE_SET_LATENCY, "mine");
    struct policy_notes *yours = policy_notes_ref(mine);
    policy_notes_set(&yours, CORE_SET_LATENCY, "mine");
    assert_ptr_equal(yours, mine); /* nothing has changed, so nothing was copied */
    policy_notes_set(&yours, CORE_SET_ORDER, "yours");
    assert_notes(mine, "mine", "");
    assert_notes(yours, "mine", "yours");
    policy_notes_unref(&mine);
    policy_notes_unref(&yours);
}

static void a_long_one_is_cut(void **state)
{
    struct policy_notes *notes = NULL;
    char text[4 * CORE_NOTE_BYTES] = "";
    (void)state;
    memset(text, 'x', sizeof text - 1);
    policy_notes_set(&notes, CORE_SET_LATENCY, text);
    const struct policy_notes *before = notes;
    assert_int_equal(strlen(policy_notes_of(notes, CORE_SET_LATENCY)), CORE_NOTE_BYTES - 1);
    policy_notes_set(&notes, CORE_SET_LATENCY, text);
    assert_ptr_equal(notes, before);
    policy_notes_unref(&notes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_number_has_its_own),
        cmocka_unit_test(owners_do_not_see_each_others_changes),
        cmocka_unit_test(a_long_one_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
