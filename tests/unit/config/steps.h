/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Work, counted instead of timed: each basic block of server/config that runs is one step. A busy
 * machine makes none of them more. tests/unit/config/CMakeLists.txt has the room compiled for it
 * (-fsanitize-coverage=trace-pc). */
#ifndef MOQ_TEST_CONFIG_STEPS_H
#define MOQ_TEST_CONFIG_STEPS_H

#include <stdint.h>

uint64_t steps_taken(void); /* since the program began */

#endif
