/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The target of a request, such as /demo/app.js?v=2: the path that is asked for, decoded once and
 * checked, so that no code behind this meets one that leads elsewhere. */
#ifndef MOQ_ADMIN_TARGET_H
#define MOQ_ADMIN_TARGET_H

#include <stdbool.h>
#include <stddef.h>

enum {
    TARGET_MAX_BYTES = 2048, /* as it was sent, with its query; a longer one is refused */
};

enum target_verdict {
    TARGET_FITS,
    TARGET_IS_BROKEN,  /* no target at all, escaped wrongly, or with control characters */
    TARGET_IS_NOBODYS, /* a path that nothing here can have: with "..", "." or empty parts, with an
                          escaped slash or a backslash, or with a part that begins with a dot */
    TARGET_IS_TOO_LONG,
};

struct target {
    enum target_verdict verdict;
    bool is_folder;              /* the path is empty or ends with a slash */
    char path[TARGET_MAX_BYTES]; /* decoded, without the slashes at its ends; "": the root */
    char raw[TARGET_MAX_BYTES];  /* as it was sent */
};

/* Reads a target as it stands in the request line. */
void target_read(struct target *target, const char *raw);

/* Where the same is as a folder: "./demo/?v=2", relative to the target, which is none. */
void target_as_folder(const struct target *target, char out[TARGET_MAX_BYTES + 4]);

#endif
