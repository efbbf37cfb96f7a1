/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the calls of a script cost: counters of each hook, and a warning if a script takes much of
 * its worker's time although each call stays within its budget. */
#ifndef LUA_HOST_ACCOUNT_H
#define LUA_HOST_ACCOUNT_H

#include <relay/module.h>

enum { ACCOUNT_TIMES = 5 }; /* counters of how long calls took */

struct account { /* of a hook: numbers of counters */
    int calls, faults, times[ACCOUNT_TIMES];
};

void account_init(struct account *account, struct relay_self *self, const char *hook);
void account_note_call(const struct account *account, struct relay_worker *worker,
                       uint64_t spent_ns);

#define WORKLOAD_WINDOW_NS UINT64_C(10000000000)
/* As much of a window, or more, is worth a warning. */
enum { WORKLOAD_PERCENT = 20 };

struct workload { /* of a script; all zero at first */
    uint64_t since_ns, spent_ns;
    bool has_warned; /* in the window before */
};

/* Adds a call. Warns when the share rises to WORKLOAD_PERCENT, not again while it stays there. */
void workload_note(struct workload *workload, struct relay_worker *worker, uint64_t spent_ns);

#endif
