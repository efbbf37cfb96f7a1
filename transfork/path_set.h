/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A set of paths, in a hash table. Its owner limits how many paths there are. */
#ifndef MOQ_PATH_SET_H
#define MOQ_PATH_SET_H

#include "transfork/transfork.h"
#include "base/list.h"

#ifdef __cplusplus
extern "C" {
#endif

struct path_set {
    struct list *buckets; /* private */
    size_t bucket_count;  /* private: a power of two, or 0 */
    size_t count;         /* read-only */
    size_t lowest;        /* private: the buckets before this one are empty */
};

void path_set_init(struct path_set *set);
void path_set_deinit(struct path_set *set);

/* Returns 0 (a reference is taken), MOQ_ERR_DUPLICATE or MOQ_ERR_NOMEM. */
int path_set_add(struct path_set *set, struct moq_path *path);
/* Removes `path` and releases the set's reference. False: it is not in the set. */
bool path_set_remove(struct path_set *set, const struct moq_path *path);

/* Removes any one of them and passes its reference to the caller. NULL: the set is empty. */
struct moq_path *path_set_pop(struct path_set *set);

#ifdef __cplusplus
}
#endif
#endif
