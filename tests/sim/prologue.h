/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Included by every test here: cmocka with the headers that it needs before it, and the pair. */
#ifndef MOQ_TESTS_SIM_PROLOGUE_H
#define MOQ_TESTS_SIM_PROLOGUE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/objects.h"
#include "tests/sim/pair.h"

static inline int free_tls(void **state)
{
    (void)state;
    peer_tls_free();
    return 0;
}

#endif
