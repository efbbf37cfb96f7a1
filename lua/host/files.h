/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The files that a script was made of, and how each of them looked before it was read; also those
 * that were looked for and were not there. */
#ifndef LUA_HOST_FILES_H
#define LUA_HOST_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { FILES_MAX = 256 };

struct file_stamp { /* all zero: there is none */
    dev_t device;
    ino_t number;
    off_t bytes;
    int64_t modified_s, modified_ns, changed_s, changed_ns;
};

struct files {
    struct file {
        char *path;
        struct file_stamp stamp;
    } list[FILES_MAX];
    size_t count;
};

/* Notes a file as it looks now. False: out of memory, or FILES_MAX. */
bool files_add(struct files *files, const char *path);
/* Whether any of them looks different from how it was noted. Reads the disk. */
bool files_have_changed(const struct files *files);
/* Takes all of `from`, which is empty then. */
void files_take(struct files *files, struct files *from);
/* False: out of memory, and it is empty. */
bool files_copy(struct files *files, const struct files *from);
void files_clear(struct files *files);

#endif
