/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Included by every test here: cmocka with the headers that it needs before it, and the world. */
#ifndef MOQ_TESTS_SIM_RELAY_PROLOGUE_H
#define MOQ_TESTS_SIM_RELAY_PROLOGUE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tests/sim/peer.h"
#include "tests/sim/relay/watch.h"

static inline int free_tls(void **state)
{
    (void)state;
    peer_tls_free();
    return 0;
}

#define assert_group(watch, sequence, text)                                                        \
    do {                                                                                           \
        char got_[WATCH_TEXT_BYTES];                                                               \
        assert_string_equal(watch_text(watch, sequence, got_), text);                              \
    } while (0)

#define assert_ended_after(world, watch, error, at_most_ns)                                        \
    do {                                                                                           \
        assert_true(world_run_until(world, watch_is_closed, watch, at_most_ns));                   \
        assert_int_equal((watch)->close_error, error);                                             \
    } while (0)

#endif
