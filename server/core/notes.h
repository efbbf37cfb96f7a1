/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Notes: where a module set each of a viewer's numbers, such as "premium.lua:12", for operators who
 * ask why. They decide nothing. Most viewers have none, so they are an object of their own, which
 * is copied when it is changed by one of several owners. */
#ifndef MOQ_CORE_NOTES_H
#define MOQ_CORE_NOTES_H

#include "server/core/hooks.h"

enum { POLICY_NOTES_MAX = 8 }; /* one for each bit of enum core_override_bits */

struct policy_notes {
    uint32_t refs;
    char text[POLICY_NOTES_MAX][CORE_NOTE_BYTES];
};

/* Both may be given NULL. */
struct policy_notes *policy_notes_ref(struct policy_notes *notes);
void policy_notes_unref(struct policy_notes **notes); /* sets it to NULL */

/* The numbers of `bits` were set at `note` (NULL: not said). Out of memory: *notes is NULL, and
 * nothing is known of other numbers either. */
void policy_notes_set(struct policy_notes **notes, unsigned bits, const char *note);

/* The note of one bit; "": none. */
const char *policy_notes_of(const struct policy_notes *notes, unsigned bit);

#endif
