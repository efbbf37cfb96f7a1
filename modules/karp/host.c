/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Lines may quote media, requests and what children write, so they are cleaned here.
 * Tested by tests/unit/modules/test_karp_child.c. */
#include "modules/karp/host.h"

#include <stdarg.h>
#include <stdio.h>

void host_wake(const struct host *host)
{
    host->ops->wake(host->user);
}

void host_log(const struct host *host, enum host_level level, const char *format, ...)
{
    char line[HOST_LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    for (char *at = line; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            *at = '?';
    host->ops->log(host->user, level, line);
}
