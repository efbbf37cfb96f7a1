/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A client that never reads: its connection acknowledges packets, but never extends its flow
 * control windows. Tests that link stall.c intercept ngtcp2's calls for that (the linker's --wrap,
 * see CMakeLists.txt). */
#ifndef MOQ_TESTS_SIM_RELAY_STALL_H
#define MOQ_TESTS_SIM_RELAY_STALL_H

#include "tests/sim/relay/client.h"

enum { STALL_WINDOW_BYTES = 100 * 1000 };

/* Like client_ready(). Only one client can stall at a time. */
struct client *client_ready_to_stall(struct host *host, const struct client_setup *setup);

#endif
