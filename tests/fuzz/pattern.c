/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Patterns of scripts. The input is a pattern, a zero byte and a subject. Captures lie in the
 * subject, and all matches of a search together end soon after the last step that they may take. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lua/host/pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* A copy of exactly this size, so that reading on is noticed. */
static char *copy_exactly(const uint8_t *data, size_t n)
{
    char *copy = malloc(n ? n : 1);
    must(copy != NULL);
    if (n > 0)
        memcpy(copy, data, n);
    return copy;
}

static void check_captures(const struct pattern_match *match, const char *at, const char *end)
{
    must(at <= end && end <= match->subject_end && match->count <= PATTERN_CAPTURES_MAX);
    for (size_t i = 0; i < match->count; i++) {
        const struct pattern_capture *capture = &match->captures[i];
        must(capture->kind != CAPTURE_OPEN);
        must(capture->at >= match->subject && capture->at <= match->subject_end);
        must(capture->size <= (size_t)(match->subject_end - capture->at));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const uint8_t *zero = n > 0 ? memchr(data, 0, n) : NULL;
    size_t pattern_size = zero ? (size_t)(zero - data) : n;
    size_t subject_size = zero ? n - pattern_size - 1 : 0;
    char *pattern = copy_exactly(data, pattern_size);
    char *subject = copy_exactly(zero ? zero + 1 : data, subject_size);
    struct pattern_match match = {.subject = subject,
                                  .subject_end = subject + subject_size,
                                  .pattern = pattern,
                                  .pattern_end = pattern + pattern_size};
    pattern_is_plain(pattern, pattern_size);
    for (const char *at = subject; at <= match.subject_end && !match.error; at++) {
        const char *end = pattern_match_at(&match, at);
        if (end)
            check_captures(&match, at, end);
        /* One step may cost as much as the longest set, or the longest text of a capture. */
        must(match.steps <= PATTERN_STEPS_MAX + 2 + PATTERN_DEPTH_MAX + n);
    }
    free(pattern);
    free(subject);
    return 0;
}
