/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Paths as keys of uthash. A file that includes this has no tables with other keys. */
#ifndef MOQ_CORE_PATH_KEY_H
#define MOQ_CORE_PATH_KEY_H

#define HASH_NONFATAL_OOM 1 /* then hh.tbl of what is added is NULL */
#include <uthash.h>

#include "transfork/transfork.h"

/* Makes uthash compare keys as paths, because the keys are not plain bytes. */
#undef HASH_KEYCMP
#define HASH_KEYCMP(a, b, length)                                                                  \
    moq_path_compare((const struct moq_path *)(a), (const struct moq_path *)(b))

static inline unsigned path_key_hash(const struct moq_path *path)
{
    return (unsigned)moq_path_hash(path);
}

#endif
