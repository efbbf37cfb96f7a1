/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A wall clock that a test sets while a program runs, preloaded into the program and all that it
 * starts; wallkit.py is the other half. Other clocks stay as they are, and so do waits until a time
 * of the wall clock.
 *   WALL_CLOCK   a file that holds one int64_t: so many nanoseconds is the clock ahead */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { NS_PER_S = 1000000000 };

typedef int clock_getter(clockid_t clock, struct timespec *time);

static const _Atomic int64_t *ahead_ns;
static clock_getter *_Atomic others; /* libc's, which needs no system call for most clocks */

__attribute__((constructor)) static void map_clock(void)
{
    const char *path = getenv("WALL_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *place = mmap(NULL, sizeof *ahead_ns, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (place != MAP_FAILED)
        ahead_ns = place;
}

static int read_wall(clockid_t clock, struct timespec *time)
{
    int result = (int)syscall(SYS_clock_gettime, clock, time);
    if (result != 0 || !ahead_ns)
        return result;
    int64_t ns = (int64_t)time->tv_sec * NS_PER_S + time->tv_nsec + atomic_load(ahead_ns);
    time->tv_sec = (time_t)(ns / NS_PER_S);
    time->tv_nsec = (long)(ns % NS_PER_S);
    return 0;
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
        return read_wall(clock, time);
    clock_getter *get = atomic_load(&others);
    if (!get) {
        *(void **)&get = dlsym(RTLD_NEXT, "clock_gettime");
        atomic_store(&others, get);
    }
    return get ? get(clock, time) : (int)syscall(SYS_clock_gettime, clock, time);
}

int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    int result = read_wall(CLOCK_REALTIME, &now);
    *time = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return result;
}

time_t time(time_t *out)
{
    struct timespec now = {0};
    read_wall(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}
