/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads a file from where it stands to its end, or to a limit. */
#ifndef MOQ_BASE_READ_ALL_H
#define MOQ_BASE_READ_ALL_H

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/types.h>
#include <unistd.h>

/* Reads up to `room` bytes from `file`, and goes on after a signal. Returns how many, or -1 with
 * errno. */
static inline ssize_t read_all(int file, void *to, size_t room)
{
    size_t size = 0;
    while (size < room) {
        ssize_t got = read(file, (char *)to + size, room - size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        size += (size_t)got;
    }
    return (ssize_t)size;
}

/* Closes `file`, unless it is negative, and keeps errno. */
static inline void close_quietly(int file)
{
    int error = errno;
    if (file >= 0)
        close(file);
    errno = error;
}

/* Reads up to `room` bytes of the file at `path`. Returns how many, or -1 with errno. */
static inline ssize_t read_path(const char *path, void *to, size_t room)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t size = file < 0 ? -1 : read_all(file, to, room);
    close_quietly(file);
    return size;
}

#endif
