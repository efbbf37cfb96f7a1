/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* First all links are resolved. The path that is left, which has none, is then walked part by part
 * from the folder down, and a link that has come to be there in the meantime is not followed. So
 * whatever others change in the folder while this runs, the walk never leaves it. openat2 could do
 * the same at once, but it refuses links with absolute paths, and old kernels do not have it.
 *
 * The parts of a resolved path may begin with a dot: Kubernetes shows the files of a volume as
 * links into such a folder. */
#include "server/admin/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Resolves the links of root/path. Returns what of `out` is below the resolved root, NULL: an
 * errno says why. `root` has its resolved path afterwards. */
static const char *resolve_path(char root[PATH_MAX], const char *path, char out[PATH_MAX])
{
    char joined[2 * PATH_MAX];
    if ((size_t)snprintf(joined, sizeof joined, "%s/%s", root, path) >= sizeof joined) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    if (!realpath(joined, out))
        return NULL;
    char real_root[PATH_MAX];
    if (!realpath(root, real_root))
        return NULL;
    size_t size = strcmp(real_root, "/") == 0 ? 0 : strlen(real_root);
    if (strncmp(out, real_root, size) != 0 || (out[size] != '/' && out[size] != '\0')) {
        errno = ENOENT;
        return NULL;
    }
    memcpy(root, real_root, sizeof real_root);
    return out[size] ? out + size + 1 : out + size;
}

/* Opens one part of a path. A regular file is opened for reading, and only if it is known to be
 * one; a FIFO would wait for its other end, and a device might do anything. */
static int open_part(int folder, const char *name, struct folder_file *file)
{
    int fd = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int error = fstat(fd, &file->stat) == 0 ? 0 : errno;
    if (error == 0 && S_ISDIR(file->stat.st_mode)) {
        file->fd = fd;
        return 0;
    }
    close(fd);
    if (error || !S_ISREG(file->stat.st_mode))
        return error ? error : ENOENT;
    file->fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (file->fd < 0)
        return errno;
    if (fstat(file->fd, &file->stat) == 0 && S_ISREG(file->stat.st_mode))
        return 0;
    close(file->fd);
    return ENOENT;
}

/* Walks a path without links down from `root`, and changes it. */
static int walk_down(const char *root, char *path, struct folder_file *file)
{
    int error = open_part(AT_FDCWD, root, file);
    if (error == 0 && !S_ISDIR(file->stat.st_mode)) {
        close(file->fd);
        return ENOTDIR;
    }
    while (error == 0 && *path) {
        char *end = path + strcspn(path, "/");
        bool is_last = *end == '\0';
        *end = '\0';
        int folder = file->fd;
        error = S_ISDIR(file->stat.st_mode) ? open_part(folder, path, file) : ENOTDIR;
        close(folder);
        path = is_last ? end : end + 1;
    }
    return error;
}

int folder_open(const char *root, const char *path, struct folder_file *file)
{
    char real_root[PATH_MAX], real[PATH_MAX];
    if ((size_t)snprintf(real_root, sizeof real_root, "%s", root) >= sizeof real_root)
        return ENAMETOOLONG;
    const char *below = resolve_path(real_root, path, real);
    if (!below)
        return errno;
    int error = walk_down(real_root, real + (below - real), file);
    if (error)
        return error == ELOOP ? ENOENT : error;
    if (S_ISDIR(file->stat.st_mode)) {
        close(file->fd);
        file->fd = -1;
    }
    return 0;
}
