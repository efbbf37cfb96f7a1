/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* moq-clock: the time of day as a track, for trying a relay out. A group is a minute: its first
 * frame says which ("2025-01-15 00:00:"), each further one a second of it ("07"). */
#ifndef MOQ_TOOLS_CLOCK_H
#define MOQ_TOOLS_CLOCK_H

#include <time.h>

#include "tools/tool.h"

int clock_publish(struct tool *tool, struct moq_path *path); /* exit code */
int clock_watch(struct tool *tool, struct moq_path *path);

enum { CLOCK_MINUTE_BYTES = 17, CLOCK_SECOND_BYTES = 2 };

/* "YYYY-MM-DD HH:MM:" and "SS" of a Unix time, UTC; both end with NUL. */
void clock_print_minute(time_t now, char text[CLOCK_MINUTE_BYTES + 1]);
void clock_print_second(time_t now, char text[CLOCK_SECOND_BYTES + 1]);

#endif
