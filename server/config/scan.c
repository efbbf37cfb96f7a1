/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A first look at the bytes, before any YAML: what no configuration may contain is named here in
 * plain words, with its line and column, instead of by a parser that trips over it somewhere else.
 * Tested by tests/unit/config/test_files.c. */
#include <string.h>

#include "server/config/internal.h"

/* Length of the UTF-8 sequence at `p`, or 0 if it is malformed (RFC 3629: no surrogates, no long
 * forms). */
static size_t sequence_size(const unsigned char *p, size_t n, uint32_t *code)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t size = p[0] < 0x80 ? 1 : (p[0] & 0xe0) == 0xc0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : 4;
    if (size == 4 && (p[0] & 0xf8) != 0xf0)
        return 0;
    if (size > n)
        return 0;
    *code = size == 1 ? p[0] : p[0] & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (p[i] & 0x3f);
    }
    bool is_valid =
        *code >= smallest[size] && *code <= 0x10ffff && (*code < 0xd800 || *code > 0xdfff);
    return is_valid ? size : 0;
}

static bool is_control(uint32_t code)
{
    if (code == '\t' || code == '\n' || code == '\r' || code == 0x85)
        return false;
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0xfffe || code == 0xffff;
}

/* What is wrong with a character, or NULL. */
static const char *problem_with(size_t size, uint32_t code, bool is_indentation)
{
    if (size == 0)
        return "not UTF-8; save it as UTF-8 text";
    if (code == 0)
        return "a NUL byte; this is not a text file";
    if (is_control(code))
        return "a control character; remove it";
    if (code == '\t' && is_indentation)
        return "a tab as indentation; use spaces";
    return NULL;
}

bool config_scan(const struct config_place *start, const char *text, size_t n,
                 struct config_errors *errors)
{
    struct config_place at = *start;
    bool is_indentation = true;
    for (size_t i = 0; i < n;) {
        uint32_t code = 0;
        size_t size = sequence_size((const unsigned char *)text + i, n - i, &code);
        const char *problem = problem_with(size, code, is_indentation);
        if (problem) {
            config_errors_add(errors, &at, "%s", problem);
            return false;
        }
        at.column++;
        if (code == '\n')
            at.line++, at.column = 1;
        is_indentation = code == '\n' || (is_indentation && code == ' ');
        i += size;
    }
    return true;
}

bool config_text_has_control(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    return false;
}
