/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Fills in failures: a name and a sentence.
 * Tested by tests/unit/karp/test_broken.c. */
#include "karp/internal.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/error.h"

const char *karp_failure_word(enum karp_failure_kind kind)
{
    static const char *const words[] = {
#define FAILURE_WORD(name, word) [KARP_FAILURE_##name] = word,
        KARP_FAILURES(FAILURE_WORD)
#undef FAILURE_WORD
    };

    size_t count = sizeof words / sizeof *words;
    return (size_t)kind < count ? words[kind] : "unknown";
}

int failure_set(struct karp_failure *failure, enum karp_failure_kind kind, const char *what,
                const char *format, ...)
{
    if (!failure)
        return MOQ_ERR_MEDIA;

    char sentence[KARP_FAILURE_TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);

    failure->kind = kind;
    const char *word = karp_failure_word(kind);
    snprintf(failure->text, sizeof failure->text, what ? "%s(%s): %.140s" : "%s%s: %.140s", word,
             what ? what : "", sentence);
    return MOQ_ERR_MEDIA;
}

int failure_nomem(struct karp_failure *failure)
{
    failure_set(failure, KARP_FAILURE_OUT_OF_MEMORY, NULL, "no memory for the media at hand");
    return MOQ_ERR_NOMEM;
}
