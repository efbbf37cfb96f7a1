/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Ladders for hooks of tests. */
#ifndef MOQ_TESTS_SIM_RELAY_RUNGS_H
#define MOQ_TESTS_SIM_RELAY_RUNGS_H

#include "server/core/hooks.h"

/* Sets a ladder of these paths, the first with 1 Mb/s, the second with 2, and so on. */
void set_rungs(struct core_request *request, const char *const *paths, size_t count);

#endif
