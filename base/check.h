/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Three kinds of assertion.
 *
 *   REQUIRE      an invariant of our own. If it is false, there is a bug, and the process aborts
 *                before it does harm.
 *   EXPECT       something that should hold but that we can do without. If it is false, that is
 *                logged once per site, and the caller handles it.
 *   UNREACHABLE  a branch that no input can take.
 *
 * Nothing that depends on a peer's bytes, a script or a file may fail REQUIRE or reach
 * UNREACHABLE. */
#ifndef MOQ_BASE_CHECK_H
#define MOQ_BASE_CHECK_H

#include <stdbool.h>

#include "base/symbols.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* Prints what failed and aborts. Never returns. */
__attribute__((noreturn, cold)) void check_failed(const char *what, const char *file, int line);

/* Logs `what` at the first failure of a site; later ones are silent. Always returns false. */
__attribute__((cold)) bool check_unexpected(const char *what, const char *file, int line,
                                            bool *seen);

#define REQUIRE(x) ((x) ? (void)0 : check_failed(#x, __FILE__, __LINE__))
#define UNREACHABLE() check_failed("unreachable", __FILE__, __LINE__)
#define EXPECT(x)                                                                                  \
    (__extension__({                                                                               \
        static bool seen_;                                                                         \
        (x) ? true : check_unexpected(#x, __FILE__, __LINE__, &seen_);                             \
    }))

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
