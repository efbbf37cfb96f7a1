/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Lua's patterns (Lua 5.1 manual, section 5.4.1) in a bounded number of steps. Those of the library
 * may take time that is exponential in the pattern, in C, where no budget stops them. */
#ifndef LUA_HOST_PATTERN_H
#define LUA_HOST_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

enum {
    PATTERN_CAPTURES_MAX = 32,
    PATTERN_STEPS_MAX = 500000, /* of one call */
    PATTERN_STEPS_LOOK = 10000, /* between two looks whether time is over */
    PATTERN_DEPTH_MAX = 200,
};

struct pattern_capture {
    const char *at;
    size_t size;
    enum { CAPTURE_TEXT, CAPTURE_POSITION, CAPTURE_OPEN } kind;
};

struct pattern_match {
    const char *subject, *subject_end; /* in */
    const char *pattern, *pattern_end; /* in; without the ^ at the beginning */
    bool (*is_over)(void *user);       /* in: whether to give up; NULL: never */
    void *user;                        /* in */
    unsigned steps;                    /* so far; 0 at first */
    unsigned look_at;                  /* in: the step of the first look; private afterwards */
    unsigned depth;                    /* private */
    struct pattern_capture captures[PATTERN_CAPTURES_MAX];
    size_t count;
    const char
        *error; /* what is wrong with the pattern, or that it takes too long; NULL: nothing */
};

/* Matches at `at` exactly. Returns the end of the match; NULL: none, or an error. */
const char *pattern_match_at(struct pattern_match *match, const char *at);

/* Whether a text is a pattern that finds only itself. */
bool pattern_is_plain(const char *pattern, size_t size);

#endif
