/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A wall clock that is set forward while the relay runs, preloaded into it.
 *   LATE_CLOCK_BY    seconds
 *   LATE_CLOCK_WHEN  a file: once it exists, the clock is late */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time)
{
    const char *by = getenv("LATE_CLOCK_BY"), *when = getenv("LATE_CLOCK_WHEN");
    int result = (int)syscall(SYS_clock_gettime, clock, time);
    if (result == 0 && clock == CLOCK_REALTIME && by && when && access(when, F_OK) == 0)
        time->tv_sec += atol(by);
    return result;
}
