/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Lets a publisher's sequences continue where another publisher's ended: adds one number to all of
 * them. */
#include "base/varint.h"
#include "transfork/transfork.h"

static bool has_number_for(const struct moq_sequence_raise *raise, uint64_t sequence)
{
    return raise->added <= VARINT_MAX && sequence <= VARINT_MAX - raise->added;
}

void moq_sequence_raise_after(struct moq_sequence_raise *raise, uint64_t latest)
{
    *raise = (struct moq_sequence_raise){.floor = latest, .is_open = true};
}

bool moq_sequence_raise(struct moq_sequence_raise *raise, uint64_t *sequence)
{
    if (raise->is_open) {
        raise->added = *sequence <= raise->floor ? raise->floor + 1 - *sequence : 0;
        raise->is_open = false;
    }
    if (!has_number_for(raise, *sequence))
        return false;
    *sequence += raise->added;
    return true;
}

bool moq_sequence_raise_run(const struct moq_sequence_raise *raise, uint64_t *first, uint64_t *last)
{
    if (raise->is_open || !has_number_for(raise, *last))
        return false;
    *first += raise->added;
    *last += raise->added;
    return true;
}
