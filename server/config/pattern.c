/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Patterns of paths, and the policy that applies to a path because of them. Matching takes no
 * memory, and at most time in the product of both lengths: a later star never needs an earlier one
 * to move again. */
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

/* How many of the `n` bytes at `text`, in a path, the pattern's character `c` matches; 0: it does
 * not match. */
static size_t char_matches(unsigned char c, const char *text, size_t n)
{
    static const char digits[] = "0123456789ABCDEF";
    if (!is_escaped_in_urls(c))
        return (unsigned char)*text == c;
    const char code[] = {'%', digits[c >> 4], digits[c & 15]};
    return n >= sizeof code && memcmp(text, code, sizeof code) == 0 ? sizeof code : 0;
}

/* Matches one part; `*` matches any run of bytes. */
static bool part_matches(const char *pattern, const char *text)
{
    const char *pattern_end = pattern + part_size(pattern), *text_end = text + part_size(text);
    const char *star = NULL, *star_text = NULL;
    while (text < text_end) {
        size_t taken = 0;
        if (pattern < pattern_end && *pattern == '*') {
            star = ++pattern;
            star_text = text;
        } else if (pattern < pattern_end && (taken = char_matches((unsigned char)*pattern, text,
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

struct config_verdict config_policy_for(const struct config_policy *policy, const char *path)
{
    for (size_t i = 0; i < policy->class_count; i++) {
        const struct config_class *class = &policy->classes[i];
        if (config_pattern_matches(class->match, path))
            return (struct config_verdict){
                .latency_ns = class->latency_ns,
                .order = class->order,
                .priority = (uint8_t) class->priority,
                .rate_bps = class->rate_bps,
                .identity_rate_bps = class->identity_rate_bps,
                .start_ns = class->start_ns,
                .class_number = (uint32_t)i + 1,
            };
    }
    return (struct config_verdict){
        .latency_ns = policy->latency_ns,
        .order = policy->order,
        .priority = (uint8_t)policy->priority,
        .rate_bps = policy->rate_bps,
        .identity_rate_bps = policy->identity_rate_bps,
        .start_ns = policy->start_ns,
    };
}
