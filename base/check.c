/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a failed assertion of base/check.h does: both kinds name the place; one aborts, the other
 * logs once and continues. */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

void check_failed(const char *what, const char *file, int line)
{
    fprintf(stderr, "moq: internal error at %s:%d: %s does not hold; please report this\n", file,
            line, what);
    abort();
}

bool check_unexpected(const char *what, const char *file, int line, bool *seen)
{
    if (!__atomic_exchange_n(seen, true, __ATOMIC_RELAXED)) {
        log_warn(LOG_CORE, "unexpected at %s:%d: %s does not hold; continuing; please report this",
                 file, line, what);
    }
    return false;
}
