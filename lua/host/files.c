/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tested by tests/e2e/test_lua_files.py. */
#include "lua/host/files.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static struct file_stamp stamp_of(const char *path)
{
    struct stat now;
    struct file_stamp stamp;
    memset(&stamp, 0, sizeof stamp); /* also what is between its members */
    if (stat(path, &now) != 0)
        return stamp;
    stamp.device = now.st_dev;
    stamp.number = now.st_ino;
    stamp.bytes = now.st_size;
    stamp.modified_s = now.st_mtim.tv_sec;
    stamp.modified_ns = now.st_mtim.tv_nsec;
    stamp.changed_s = now.st_ctim.tv_sec;
    stamp.changed_ns = now.st_ctim.tv_nsec;
    return stamp;
}

static bool add_stamped(struct files *files, const char *path, const struct file_stamp *stamp)
{
    struct file *file = &files->list[files->count];
    if (files->count == FILES_MAX)
        return false;
    file->path = strdup(path);
    if (!file->path)
        return false;
    memcpy(&file->stamp, stamp, sizeof *stamp);
    files->count++;
    return true;
}

bool files_add(struct files *files, const char *path)
{
    const struct file_stamp stamp = stamp_of(path);
    return add_stamped(files, path, &stamp);
}

bool files_have_changed(const struct files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        const struct file_stamp now = stamp_of(files->list[i].path);
        if (memcmp(&now, &files->list[i].stamp, sizeof now) != 0)
            return true;
    }
    return false;
}

void files_take(struct files *files, struct files *from)
{
    files_clear(files);
    *files = *from;
    from->count = 0;
}

bool files_copy(struct files *files, const struct files *from)
{
    files_clear(files);
    for (size_t i = 0; i < from->count; i++)
        if (!add_stamped(files, from->list[i].path, &from->list[i].stamp)) {
            files_clear(files);
            return false;
        }
    return true;
}

void files_clear(struct files *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->list[i].path);
    files->count = 0;
}
