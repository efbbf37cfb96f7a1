/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Notes of where numbers were set. A script that sets the same numbers at the same line with each
 * sample changes nothing here, and copies nothing. */
#include "server/core/notes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct policy_notes *policy_notes_ref(struct policy_notes *notes)
{
    if (notes)
        notes->refs++;
    return notes;
}

void policy_notes_unref(struct policy_notes **pointer)
{
    struct policy_notes *notes = *pointer;
    *pointer = NULL;
    if (notes && --notes->refs == 0)
        free(notes);
}

static bool note_is(const struct policy_notes *notes, unsigned index, const char *note)
{
    return strncmp(notes->text[index], note, CORE_NOTE_BYTES - 1) == 0;
}

/* Whether setting them would change nothing. */
static bool are_set(const struct policy_notes *notes, unsigned bits, const char *note)
{
    for (unsigned i = 0; notes && i < POLICY_NOTES_MAX; i++)
        if ((bits & 1u << i) && !note_is(notes, i, note))
            return false;
    return notes || note[0] == '\0';
}

/* Notes that only the caller has. */
static struct policy_notes *own_notes(struct policy_notes *notes)
{
    if (notes && notes->refs == 1)
        return notes;
    struct policy_notes *copy = calloc(1, sizeof *copy);
    if (copy && notes)
        *copy = *notes;
    if (copy)
        copy->refs = 1;
    policy_notes_unref(&notes);
    return copy;
}

void policy_notes_set(struct policy_notes **notes, unsigned bits, const char *note)
{
    const char *text = note ? note : "";
    if (are_set(*notes, bits, text))
        return;
    *notes = own_notes(*notes);
    for (unsigned i = 0; *notes && i < POLICY_NOTES_MAX; i++)
        if (bits & 1u << i)
            snprintf((*notes)->text[i], CORE_NOTE_BYTES, "%s", text);
}

const char *policy_notes_of(const struct policy_notes *notes, unsigned bit)
{
    return notes && bit ? notes->text[__builtin_ctz(bit) % POLICY_NOTES_MAX] : "";
}
