/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Patterns of paths and of other texts. Matching takes no memory, and at most time in the product
 * of both lengths: a later star never needs an earlier one to move again. */
#include <string.h>

#include "server/config/internal.h"

enum { PATTERN_MAX_BYTES = 1023, PATH_MAX_PARTS = 32 };

static size_t part_size(const char *text)
{
    return strcspn(text, "/");
}

/* The part after the one at `text`; NULL: there is none. */
static const char *part_next(const char *text)
{
    text += part_size(text);
    return *text ? text + 1 : NULL;
}

static bool is_double_star(const char *pattern)
{
    return part_size(pattern) == 2 && memcmp(pattern, "**", 2) == 0;
}

/* Whether URLs, and so the text of a path, have this byte as %XX. */
static bool is_escaped_in_urls(unsigned char c)
{
    return c <= 0x20 || c >= 0x7f || strchr("\"<>`", c);
}

/* How many of the `n` bytes at `text` the pattern's character `c` matches; 0: it does not. */
typedef size_t byte_matches(unsigned char c, const char *text, size_t n);

static size_t matches_in_path(unsigned char c, const char *text, size_t n)
{
    static const char digits[] = "0123456789ABCDEF";
    if (!is_escaped_in_urls(c))
        return (unsigned char)*text == c;
    const char code[] = {'%', digits[c >> 4], digits[c & 15]};
    return n >= sizeof code && memcmp(text, code, sizeof code) == 0 ? sizeof code : 0;
}

static size_t matches_itself(unsigned char c, const char *text, size_t n)
{
    (void)n;
    return (unsigned char)*text == c;
}

/* `*` matches any run of bytes. */
static bool run_matches(const char *pattern, size_t pattern_bytes, const char *text, size_t bytes,
                        byte_matches *matches)
{
    const char *pattern_end = pattern + pattern_bytes, *text_end = text + bytes;
    const char *star = NULL, *star_text = NULL;
    while (text < text_end) {
        size_t taken = 0;
        if (pattern < pattern_end && *pattern == '*') {
            star = ++pattern;
            star_text = text;
        } else if (pattern < pattern_end && (taken = matches((unsigned char)*pattern, text,
                                                             (size_t)(text_end - text))) > 0) {
            pattern++, text += taken;
        } else if (star) {
            pattern = star;
            text = ++star_text;
        } else {
            return false;
        }
    }
    while (pattern < pattern_end && *pattern == '*')
        pattern++;
    return pattern == pattern_end;
}

static bool part_matches(const char *pattern, const char *text)
{
    return run_matches(pattern, part_size(pattern), text, part_size(text), matches_in_path);
}

bool config_value_matches(const char *pattern, const char *text)
{
    return run_matches(pattern, strlen(pattern), text, strlen(text), matches_itself);
}

bool config_pattern_matches(const char *pattern, const char *path)
{
    const char *star = NULL,
               *star_path = NULL; /* after the last `**`, and how far it reaches so far */
    bool has_star = false;
    if (path && *path == '\0')
        path = NULL;
    while (path) {
        if (pattern && is_double_star(pattern)) {
            has_star = true;
            star = pattern = part_next(pattern);
            star_path = path;
        } else if (pattern && part_matches(pattern, path)) {
            pattern = part_next(pattern);
            path = part_next(path);
        } else if (has_star) {
            pattern = star;
            path = star_path = part_next(star_path);
        } else {
            return false;
        }
    }
    while (pattern && is_double_star(pattern))
        pattern = part_next(pattern);
    return !pattern;
}

const char *config_pattern_problem(const char *pattern)
{
    if (pattern[0] == '\0')
        return "is empty; write a path, or ** for every path";
    if (pattern[0] == '/')
        return "begins with /; paths have no leading slash, remove it";
    if (strlen(pattern) > PATTERN_MAX_BYTES)
        return "is longer than 1023 bytes; shorten it";
    for (const char *c = pattern; *c; c++)
        if (*c == '?' || *c == '#' || (unsigned char)*c < 0x20 || *c == 0x7f)
            return "has ?, # or a control character; write it as the log does, in hexadecimal: "
                   "{3f} for ?";
    for (const char *part = pattern; part; part = part_next(part)) {
        const char *stars = strstr(part, "**");
        if (stars && stars < part + part_size(part) && !is_double_star(part))
            return "has ** within a part; write ** as a whole part, or a single *";
    }
    return NULL;
}

const char *config_broadcast_problem(const char *path)
{
    size_t parts = 1;
    if (path[0] == '/')
        return "begins with /; paths have no leading slash, remove it";
    if (strlen(path) > PATTERN_MAX_BYTES)
        return "is longer than 1023 bytes; shorten it";
    for (const char *c = path; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return "has a control character; write it as the log does, in hexadecimal: {0a}";
        if (*c == '/' && (c[1] == '/' || c[1] == '\0'))
            return "has an empty part; write one / between parts, and none at the end";
        parts += *c == '/';
    }
    return parts > PATH_MAX_PARTS ? "has more than 32 parts; shorten it" : NULL;
}
