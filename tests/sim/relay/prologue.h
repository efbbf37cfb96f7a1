/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What every test here includes: cmocka with what it needs before it, and the world. */
#ifndef MOQ_TESTS_SIM_RELAY_PROLOGUE_H
#define MOQ_TESTS_SIM_RELAY_PROLOGUE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/sim/peer.h"
#include "tests/sim/relay/watch.h"

static inline int free_tls(void **state)
{
    (void)state;
    peer_tls_free();
    return 0;
}

#endif
