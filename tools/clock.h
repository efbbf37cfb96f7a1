/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* moq-clock: the time of day as a track, to try out a relay. A group is a minute. Its first frame
 * says which minute ("2025-01-15 00:00:"), each later frame is a second of it ("07"). */
#ifndef MOQ_TOOLS_CLOCK_H
#define MOQ_TOOLS_CLOCK_H

#include <time.h>

#include "tools/tool.h"

/* Both return the exit code. */
int clock_publish(struct tool *tool, struct moq_path *path);
int clock_watch(struct tool *tool, struct moq_path *path);

enum { CLOCK_MINUTE_BYTES = 17, CLOCK_SECOND_BYTES = 2 };

/* Print "YYYY-MM-DD HH:MM:" and "SS" of a Unix time in UTC, with a final zero. */
void clock_print_minute(time_t now, char text[CLOCK_MINUTE_BYTES + 1]);
void clock_print_second(time_t now, char text[CLOCK_SECOND_BYTES + 1]);

#endif
