/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The watchdog: a thread that sees when a script has been in one call for too long. A budget ends
 * what a script does; this tells of what no budget ends, such as a function of C. */
#ifndef LUA_HOST_PULSE_H
#define LUA_HOST_PULSE_H

#include <relay/module.h>

enum { PULSE_WARN_MS = 1000, PULSE_LOOK_MS = 250, PULSE_PLACE_BYTES = 128 };

/* Of one thread that runs scripts. A call writes both, and pays for nothing else. */
struct pulse {
    uint64_t since_ns; /* atomic: when the call began that is under way; 0: none is */
    int call;          /* atomic: which of the places */
};

struct watchdog;

/* `threads` pulses, each with `calls` places. NULL: out of memory or threads. */
struct watchdog *watchdog_new(struct relay_self *self, unsigned threads, unsigned calls);
void watchdog_free(struct watchdog **watchdog); /* waits for the thread */

/* Lives as long as the watchdog. */
struct pulse *watchdog_pulse(const struct watchdog *watchdog, unsigned thread);
/* What the log calls this call of this thread, such as "sample (policy.lua:12)". */
void watchdog_set_place(struct watchdog *watchdog, unsigned thread, unsigned call,
                        const char *place);
/* The process aborts when a call takes this long, so that whoever supervises it starts it again and
 * has a core. 0: it does not. */
void watchdog_set_abort(struct watchdog *watchdog, uint64_t abort_ns);

#endif
