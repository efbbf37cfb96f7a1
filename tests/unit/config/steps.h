/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Counts work instead of measuring time: each basic block of server/config that runs is one step,
 * also on a busy machine. tests/unit/config/CMakeLists.txt compiles the room for that
 * (-fsanitize-coverage=trace-pc). */
#ifndef MOQ_TEST_CONFIG_STEPS_H
#define MOQ_TEST_CONFIG_STEPS_H

#include <stdint.h>

uint64_t steps_taken(void); /* since the program began */

#endif
