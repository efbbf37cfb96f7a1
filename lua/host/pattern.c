/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A matcher that goes back: an item with a suffix tries its longest (or shortest) run first and the
 * rest of the pattern behind it. Every character that is looked at is a step.
 * Tested by tests/unit/lua/test_pattern.c. */
#include "lua/host/pattern.h"

#include <ctype.h>
#include <string.h>

enum { SET_BYTES_PER_STEP = 8 }; /* a long set is searched for each character */

static const char *match_rest(struct pattern_match *match, const char *at, const char *item);

static const char *fail_match(struct pattern_match *match, const char *error)
{
    if (!match->error)
        match->error = error;
    return NULL;
}

static bool take_step(struct pattern_match *match)
{
    bool is_over = ++match->steps > PATTERN_STEPS_MAX;
    if (match->steps >= match->look_at && match->is_over) {
        match->look_at = match->steps + PATTERN_STEPS_LOOK;
        is_over = is_over || match->is_over(match->user);
    }
    if (is_over)
        fail_match(match, "the pattern takes too long with this text");
    return !match->error;
}

/* ---- Single characters ----------------------------------------------------------------------- */

static bool is_in_class(unsigned char c, unsigned char class)
{
    bool is_in;
    switch (tolower(class)) {
    case 'a':
        is_in = isalpha(c);
        break;
    case 'c':
        is_in = iscntrl(c);
        break;
    case 'd':
        is_in = isdigit(c);
        break;
    case 'g':
        is_in = isgraph(c);
        break;
    case 'l':
        is_in = islower(c);
        break;
    case 'p':
        is_in = ispunct(c);
        break;
    case 's':
        is_in = isspace(c);
        break;
    case 'u':
        is_in = isupper(c);
        break;
    case 'w':
        is_in = isalnum(c);
        break;
    case 'x':
        is_in = isxdigit(c);
        break;
    case 'z':
        is_in = c == '\0';
        break;
    default:
        return class == c;
    }
    return isupper(class) ? !is_in : is_in;
}

/* The end of the set that begins at `item`, a '['. NULL: it has none. */
static const char *end_of_set(struct pattern_match *match, const char *item)
{
    const char *p = item + 1, *end = match->pattern_end;
    p += p < end && *p == '^';
    do { /* a ']' at the beginning is one of the set */
        if (p < end && *p == '%')
            p++;
        if (p >= end)
            return fail_match(match, "malformed pattern (missing ']')");
        p++;
    } while (p >= end || *p != ']');
    match->steps += (unsigned)((p - item) / SET_BYTES_PER_STEP);
    return p + 1;
}

/* The end of the single character class at `item`. NULL: it is malformed. */
static const char *end_of_class(struct pattern_match *match, const char *item)
{
    if (*item == '[')
        return end_of_set(match, item);
    if (*item != '%')
        return item + 1;
    return item + 1 < match->pattern_end ? item + 2
                                         : fail_match(match, "malformed pattern (ends with '%')");
}

/* `end` is behind the set's ']'. */
static bool is_in_set(unsigned char c, const char *item, const char *end)
{
    bool is_negative = item[1] == '^';
    const char *p = item + 1 + is_negative, *last = end - 1;
    while (p < last) {
        if (*p == '%' && p + 1 < last) {
            if (is_in_class(c, (unsigned char)p[1]))
                return !is_negative;
            p += 2;
        } else if (p + 2 < last && p[1] == '-') {
            if ((unsigned char)p[0] <= c && c <= (unsigned char)p[2])
                return !is_negative;
            p += 3;
        } else {
            if ((unsigned char)*p == c)
                return !is_negative;
            p++;
        }
    }
    return is_negative;
}

static bool is_class_of(unsigned char c, const char *item, const char *end)
{
    if (*item == '[')
        return is_in_set(c, item, end);
    if (*item == '%')
        return is_in_class(c, (unsigned char)item[1]);
    return *item == '.' || (unsigned char)*item == c;
}

static bool matches_one(struct pattern_match *match, const char *at, const char *item,
                        const char *end)
{
    match->steps += (unsigned)((end - item) / SET_BYTES_PER_STEP);
    return at < match->subject_end && is_class_of((unsigned char)*at, item, end);
}

/* ---- Runs ------------------------------------------------------------------------------------ */

static const char *match_longest(struct pattern_match *match, const char *at, const char *item,
                                 const char *end)
{
    size_t n = 0;
    while (matches_one(match, at + n, item, end) && take_step(match))
        n++;
    for (;; n--) {
        const char *found = match->error ? NULL : match_rest(match, at + n, end + 1);
        if (found || n == 0)
            return found;
    }
}

static const char *match_shortest(struct pattern_match *match, const char *at, const char *item,
                                  const char *end)
{
    for (;; at++) {
        const char *found = match_rest(match, at, end + 1);
        if (found || match->error || !matches_one(match, at, item, end))
            return found;
    }
}

/* ---- Captures -------------------------------------------------------------------------------- */

static const char *open_capture(struct pattern_match *match, const char *at, const char *item)
{
    bool is_position = item + 1 < match->pattern_end && item[1] == ')';
    if (match->count == PATTERN_CAPTURES_MAX)
        return fail_match(match, "too many captures");
    match->captures[match->count++] =
        (struct pattern_capture){.at = at, .kind = is_position ? CAPTURE_POSITION : CAPTURE_OPEN};
    const char *found = match_rest(match, at, item + (is_position ? 2 : 1));
    if (!found)
        match->count--;
    return found;
}

static const char *close_capture(struct pattern_match *match, const char *at, const char *item)
{
    size_t i = match->count;
    while (i > 0 && match->captures[i - 1].kind != CAPTURE_OPEN)
        i--;
    if (i == 0)
        return fail_match(match, "invalid pattern capture");
    struct pattern_capture *capture = &match->captures[i - 1];
    capture->kind = CAPTURE_TEXT;
    capture->size = (size_t)(at - capture->at);
    const char *found = match_rest(match, at, item + 1);
    if (!found)
        capture->kind = CAPTURE_OPEN;
    return found;
}

/* %1 to %9: the text of a capture again. */
static const char *match_again(struct pattern_match *match, const char *at, const char *item)
{
    size_t i = (size_t)(item[1] - '1');
    if (item[1] == '0' || i >= match->count || match->captures[i].kind == CAPTURE_OPEN)
        return fail_match(match, "invalid capture index");
    const struct pattern_capture *capture = &match->captures[i];
    size_t size = capture->size;
    match->steps += (unsigned)(size / 16);
    if (capture->kind == CAPTURE_POSITION || size > (size_t)(match->subject_end - at) ||
        memcmp(at, capture->at, size) != 0)
        return NULL;
    return match_rest(match, at + size, item + 2);
}

/* ---- %b and %f ------------------------------------------------------------------------------- */

static const char *match_balance(struct pattern_match *match, const char *at, const char *item)
{
    size_t level = 1;
    if (item + 3 >= match->pattern_end)
        return fail_match(match, "malformed pattern (missing arguments to '%b')");
    if (at >= match->subject_end || *at != item[2])
        return NULL;
    for (const char *p = at + 1; p < match->subject_end && take_step(match); p++) {
        if (*p == item[3]) {
            if (--level == 0)
                return match_rest(match, p + 1, item + 4);
        } else {
            level += *p == item[2];
        }
    }
    return NULL;
}

static const char *match_frontier(struct pattern_match *match, const char *at, const char *item)
{
    const char *set = item + 2;
    if (set >= match->pattern_end || *set != '[')
        return fail_match(match, "missing '[' after '%f' in pattern");
    const char *end = end_of_set(match, set);
    if (!end)
        return NULL;
    unsigned char before = at > match->subject ? (unsigned char)at[-1] : 0;
    unsigned char here = at < match->subject_end ? (unsigned char)*at : 0;
    bool is_frontier = !is_in_set(before, set, end) && is_in_set(here, set, end);
    return is_frontier ? match_rest(match, at, end) : NULL;
}

/* ---- The whole ------------------------------------------------------------------------------- */

static const char *match_item(struct pattern_match *match, const char *at, const char *item,
                              const char *end)
{
    char suffix = end < match->pattern_end ? *end : '\0';
    bool is_match = matches_one(match, at, item, end);
    if (suffix == '*')
        return match_longest(match, at, item, end);
    if (suffix == '+')
        return is_match ? match_longest(match, at + 1, item, end) : NULL;
    if (suffix == '-')
        return match_shortest(match, at, item, end);
    if (suffix != '?')
        return is_match ? match_rest(match, at + 1, end) : NULL;
    const char *found = is_match ? match_rest(match, at + 1, end + 1) : NULL;
    return found || match->error ? found : match_rest(match, at, end + 1);
}

static const char *match_escape(struct pattern_match *match, const char *at, const char *item)
{
    char what = item + 1 < match->pattern_end ? item[1] : '\0';
    if (what == 'b')
        return match_balance(match, at, item);
    if (what == 'f')
        return match_frontier(match, at, item);
    if (isdigit((unsigned char)what))
        return match_again(match, at, item);
    const char *end = end_of_class(match, item);
    return end ? match_item(match, at, item, end) : NULL;
}

static const char *match_next(struct pattern_match *match, const char *at, const char *item)
{
    bool is_last = item + 1 == match->pattern_end;
    if (*item == '(')
        return open_capture(match, at, item);
    if (*item == ')')
        return close_capture(match, at, item);
    if (*item == '$' && is_last)
        return at == match->subject_end ? at : NULL;
    if (*item == '%')
        return match_escape(match, at, item);
    const char *end = end_of_class(match, item);
    return end ? match_item(match, at, item, end) : NULL;
}

/* A run of plain characters is matched here, so that a long pattern is no deep one. */
static const char *match_rest(struct pattern_match *match, const char *at, const char *item)
{
    static const char special[] = "^$*+?.([%-)";
    const char *end = match->pattern_end;
    while (item < end && !strchr(special, *item) && (item + 1 == end || !strchr("*+?-", item[1]))) {
        if (!take_step(match) || at == match->subject_end || *at != *item)
            return NULL;
        at++;
        item++;
    }
    if (!take_step(match))
        return NULL;
    if (item == end)
        return at;
    if (match->depth == PATTERN_DEPTH_MAX)
        return fail_match(match, "the pattern is too complex");
    match->depth++;
    const char *found = match_next(match, at, item);
    match->depth--;
    return found;
}

const char *pattern_match_at(struct pattern_match *match, const char *at)
{
    match->count = 0;
    match->depth = 0;
    match->error = NULL;
    const char *end = match_rest(match, at, match->pattern);
    for (size_t i = 0; end && i < match->count; i++)
        if (match->captures[i].kind == CAPTURE_OPEN)
            return fail_match(match, "unfinished capture");
    return end;
}

bool pattern_is_plain(const char *pattern, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (pattern[i] == '\0' || strchr("^$*+?.([%-", pattern[i]))
            return false;
    return true;
}
