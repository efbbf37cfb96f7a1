/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Finds a value in a query, and decodes it. */
#include "server/core/query.h"

#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/hex.h"

/* Decodes one character of a query as forms write it (application/x-www-form-urlencoded, URL
 * standard section 5.1) and moves *text past it. False: it is wrongly escaped, or NUL. */
static bool decode_character(const char **text, char *out)
{
    const char *p = *text;
    if (*p != '%') {
        *out = (char)(*p == '+' ? ' ' : *p);
        *text = p + 1;
        return true;
    }
    int value = hex_byte(p + 1);
    if (value <= 0)
        return false;
    *out = (char)value;
    *text = p + 3;
    return true;
}

/* Decodes `n` bytes into `out` as snprintf would. */
static int decode_value(const char *text, size_t n, char *out, size_t size)
{
    const char *end = text + n;
    size_t length = 0;
    while (text < end) {
        char c;
        if (!decode_character(&text, &c) || text > end)
            return MOQ_ERR_INVALID;
        if (length + 1 < size)
            out[length] = c;
        length++;
    }
    if (size > 0)
        out[length < size ? length : size - 1] = '\0';
    return (int)length;
}

int query_value(const char *query, const char *name, char *out, size_t size)
{
    const char *found = NULL;
    size_t found_bytes = 0, name_bytes = strlen(name);
    for (const char *pair = query; *pair;) {
        size_t n = strcspn(pair, "&");
        if (n > name_bytes && pair[name_bytes] == '=' && strncmp(pair, name, name_bytes) == 0) {
            if (found)
                return MOQ_ERR_INVALID;
            found = pair + name_bytes + 1;
            found_bytes = n - name_bytes - 1;
        }
        pair += n + (pair[n] == '&');
    }
    return found ? decode_value(found, found_bytes, out, size) : MOQ_ERR_NOT_FOUND;
}
