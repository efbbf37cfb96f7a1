/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Giving memory back when half of the connections are gone. */
#include "server/core/tidy.h"

#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

bool tidy_is_due(struct tidy *tidy, uint32_t connections)
{
    if (connections > tidy->most)
        tidy->most = connections;
    if (tidy->most < TIDY_LEAST_CONNECTIONS || connections > tidy->most / 2)
        return false;
    tidy->most = connections;
    return true;
}

void tidy_up(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}
