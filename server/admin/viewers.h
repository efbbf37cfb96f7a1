/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The page /api/viewers: who watches what, and why so. */
#ifndef MOQ_ADMIN_VIEWERS_H
#define MOQ_ADMIN_VIEWERS_H

#include "server/core/core.h"

/* Limits of one answer: viewers unless `limit` says less or more, viewers at most, and bytes. What
 * does not fit comes with the next one. */
enum {
    VIEWERS_USUALLY = 1000,
    VIEWERS_MAX = 10000,
    VIEWERS_ANSWER_MAX_BYTES = 2 << 20,
};

/* The parameters of the URL, decoded; NULL: not there. */
struct viewers_question {
    const char *path;  /* a pattern of the paths that viewers asked for */
    const char *limit; /* at most so many */
    const char *after; /* the `next` of another answer */
};

struct viewers_answer {
    const char *problem; /* what is wrong with the question; static. NULL: nothing */
    char *body;          /* JSON, to be freed; NULL also if out of memory */
    size_t size;
};

void viewers_list(struct core *core, const struct viewers_question *question,
                  struct viewers_answer *answer);

#endif
