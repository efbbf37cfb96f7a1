/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A fuse stops the calls of a function that fails, so that it takes no time from others.
 *
 * It counts over a minute, and blows when the failed calls have taken as long as `faults` whole
 * budgets. One that guards a function of the script alone, such as a timer, also blows when
 * `faults` calls have failed and they are more than half of all calls. A function that answers
 * requests of peers goes on after cheap faults: a peer that provokes them by odd requests must not
 * have others refused.
 *
 * A blown fuse lets a call through from time to time, and is whole again if that one succeeds. */
#ifndef LUA_HOST_FUSE_H
#define LUA_HOST_FUSE_H

#include <stdbool.h>
#include <stdint.h>

#define FUSE_WINDOW_NS UINT64_C(60000000000)
/* From when it has blown to the next try. Twice as long after each try that fails, unless it is of
 * peers: one of them could make every try fail. */
#define FUSE_WAIT_NS UINT64_C(10000000000)
#define FUSE_WAIT_MAX_NS UINT64_C(600000000000)

struct fuse_limits {
    uint64_t faults;    /* 0: it never blows */
    uint64_t budget_ns; /* of a call */
    bool is_of_peers;   /* the function answers their requests */
};

struct fuse {          /* all zero: whole */
    uint64_t since_ns; /* the window began */
    uint64_t calls, faults, failed_ns;
    uint64_t wait_ns, retry_ns; /* wait_ns 0: it is whole */
};

enum fuse_event { FUSE_SAME, FUSE_BLOWN, FUSE_MENDED };

bool fuse_is_blown(const struct fuse *fuse);
/* Whether the function may be called now. Then fuse_note must follow. */
bool fuse_lets_through(const struct fuse *fuse, uint64_t now_ns);
/* After a call, which has taken `spent_ns`. FUSE_BLOWN also when a try has failed. */
enum fuse_event fuse_note(struct fuse *fuse, const struct fuse_limits *limits, uint64_t now_ns,
                          uint64_t spent_ns, bool has_failed);

#endif
