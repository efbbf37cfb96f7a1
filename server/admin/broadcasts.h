/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The page /api/broadcasts: what is live. */
#ifndef MOQ_ADMIN_BROADCASTS_H
#define MOQ_ADMIN_BROADCASTS_H

#include "server/core/core.h"

/* Limits of one answer: broadcasts and tracks together unless `limit` says less or more, at most,
 * and bytes of each of the two lists; what does not fit comes with the next one. And tracks of one
 * broadcast; further ones are left out. */
enum {
    BROADCASTS_USUALLY = 1000,
    BROADCASTS_MAX = 10000,
    BROADCASTS_LIST_MAX_BYTES = 1 << 20,
    BROADCASTS_TRACKS_MAX = 64,
};

/* The parameters of the URL, decoded; NULL: not there. */
struct broadcasts_question {
    const char *prefix; /* paths below this one only */
    const char *limit;  /* at most so many */
    const char *after;  /* the `next` of another answer */
};

struct broadcasts_answer {
    const char *problem; /* what is wrong with the question; static. NULL: nothing */
    char *body;          /* JSON, to be freed; NULL also if out of memory */
    size_t size;
};

/* Without a directory (NULL) nothing is live. */
void broadcasts_list(struct core_directory *directory, const struct broadcasts_question *question,
                     struct broadcasts_answer *answer);

/* The same, step by step. What is told of comes in the order of a directory. */
struct broadcasts_lister;

/* `after`: where the answer before ended; NULL: nowhere. NULL: out of memory. */
struct broadcasts_lister *broadcasts_begin(const struct moq_path *after, size_t limit);
/* False: the answer is full, and this path is not in it. */
bool broadcasts_add(void *lister, const struct moq_path *path, uint32_t viewers);
/* Ends it and frees the lister. */
void broadcasts_end(struct broadcasts_lister **lister, struct broadcasts_answer *answer);

#endif
