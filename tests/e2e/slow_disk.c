/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A disk that stalls or is full, for recordings alone: preloaded into a relay, it stands before
 * write(2) to files whose names end with .mp4.
 *   SLOW_DISK_HOLD   a file: while it exists, writes wait
 *   SLOW_DISK_FULL   bytes: a recording that is larger does not fit */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { POLL_US = 10000 };

static bool is_recording(int fd)
{
    char link[64], name[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, name, sizeof name);
    return n > 4 && memcmp(name + n - 4, ".mp4", 4) == 0;
}

/* How much of `size` bytes fits. */
static size_t room_for(int fd, size_t size)
{
    const char *full = getenv("SLOW_DISK_FULL");
    struct stat status;
    if (!full || fstat(fd, &status))
        return size;
    off_t room = atol(full) - status.st_size;
    return room < 0 ? 0 : (size_t)room < size ? (size_t)room : size;
}

ssize_t write(int fd, const void *data, size_t size)
{
    const char *hold = getenv("SLOW_DISK_HOLD");
    if (!is_recording(fd))
        return syscall(SYS_write, fd, data, size);
    while (hold && access(hold, F_OK) == 0)
        usleep(POLL_US);
    size_t room = room_for(fd, size);
    if (room > 0 || size == 0)
        return syscall(SYS_write, fd, data, room);
    errno = ENOSPC;
    return -1;
}
