/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Opens files of a folder, and none outside of it, whatever links are there. */
#ifndef MOQ_ADMIN_FOLDER_H
#define MOQ_ADMIN_FOLDER_H

#include <stdbool.h>
#include <sys/stat.h>

struct folder_file {
    int fd; /* of a regular file; -1: it is a folder */
    struct stat stat;
};

/* Opens what is at `path` in the folder `root`, for reading; "": the folder itself. Symbolic links
 * are followed if they lead to something in the folder. Never waits for what is no regular file.
 * Returns 0 or an errno, ENOENT also for links that lead out and for what is neither file nor
 * folder. */
int folder_open(const char *root, const char *path, struct folder_file *file);

#endif
