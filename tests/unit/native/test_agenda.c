/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* native/agenda.c: the earliest comes first, whatever was put in, moved and removed before. */
#include "native/agenda.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

enum { ENTRIES = 200, ROUNDS = 20000 };

static void an_empty_agenda_has_no_first(void **state)
{
    (void)state;
    struct agenda agenda;
    struct agenda_entry entry = {.place = 0};
    agenda_init(&agenda);
    assert_null(agenda_first(&agenda));
    agenda_remove(&agenda, &entry);
    assert_null(agenda_first(&agenda));
    agenda_deinit(&agenda);
}

static void moving_an_entry_changes_who_is_first(void **state)
{
    (void)state;
    struct agenda agenda;
    struct agenda_entry a = {.place = 0}, b = {.place = 0};
    agenda_init(&agenda);
    assert_int_equal(agenda_reserve(&agenda, 2), 0);
    agenda_set(&agenda, &a, 10);
    agenda_set(&agenda, &b, 20);
    assert_ptr_equal(agenda_first(&agenda), &a);
    agenda_set(&agenda, &b, 5);
    assert_ptr_equal(agenda_first(&agenda), &b);
    agenda_set(&agenda, &b, 15);
    assert_ptr_equal(agenda_first(&agenda), &a);
    agenda_remove(&agenda, &a);
    assert_ptr_equal(agenda_first(&agenda), &b);
    agenda_deinit(&agenda);
}

static uint64_t earliest(const struct agenda_entry *entries)
{
    uint64_t when_ns = UINT64_MAX;
    for (int i = 0; i < ENTRIES; i++)
        if (entries[i].place && entries[i].when_ns < when_ns)
            when_ns = entries[i].when_ns;
    return when_ns;
}

static void the_first_is_the_earliest_through_random_changes(void **state)
{
    (void)state;
    struct agenda agenda;
    struct agenda_entry entries[ENTRIES] = {{.place = 0}};
    unsigned seed = 4711;
    agenda_init(&agenda);
    assert_int_equal(agenda_reserve(&agenda, ENTRIES), 0);
    for (int i = 0; i < ROUNDS; i++) {
        struct agenda_entry *entry = &entries[rand_r(&seed) % ENTRIES];
        if (rand_r(&seed) % 3 == 0)
            agenda_remove(&agenda, entry);
        else
            agenda_set(&agenda, entry, (uint64_t)rand_r(&seed) % 1000);
        struct agenda_entry *first = agenda_first(&agenda);
        assert_int_equal(first ? first->when_ns : UINT64_MAX, earliest(entries));
    }
    agenda_deinit(&agenda);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_agenda_has_no_first),
        cmocka_unit_test(moving_an_entry_changes_who_is_first),
        cmocka_unit_test(the_first_is_the_earliest_through_random_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
