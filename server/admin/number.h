/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Numbers in the parameters of a URL. */
#ifndef MOQ_ADMIN_NUMBER_H
#define MOQ_ADMIN_NUMBER_H

#include <stddef.h>
#include <stdint.h>

/* The number with which `text` begins. Returns what follows; NULL: it is none, or over `most`. */
static inline const char *number_read(const char *text, uint64_t most, uint64_t *number)
{
    const char *digit = text;
    for (*number = 0; *digit >= '0' && *digit <= '9'; digit++) {
        unsigned value = (unsigned)(*digit - '0');
        if (*number > (most - value) / 10)
            return NULL;
        *number = *number * 10 + value;
    }
    return digit > text ? digit : NULL;
}

/* The bound of a list that is answered. `text`: what was asked for; NULL: nothing, and `usual`
 * applies. 0: it is not a number from 1 to `most`. */
static inline size_t number_read_limit(const char *text, size_t usual, size_t most)
{
    uint64_t number = usual;
    const char *rest = text ? number_read(text, most, &number) : "";
    return rest && *rest == '\0' ? (size_t)number : 0;
}

#endif
