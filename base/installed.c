/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tested by tests/e2e/test_modules.py. */
#include "base/installed.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void installed_path(const char *from_program, char *out, size_t size)
{
    char program[PATH_MAX] = "", joined[PATH_MAX + 128], real[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    char *slash = n > 0 ? strrchr(program, '/') : NULL;
    if (slash)
        *slash = '\0';
    snprintf(joined, sizeof joined, "%s/%s", program, from_program);
    snprintf(out, size, "%s", realpath(joined, real) ? real : joined);
}
