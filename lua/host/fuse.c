/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tested by tests/unit/lua/test_fuse.c. */
#include "lua/host/fuse.h"

bool fuse_is_blown(const struct fuse *fuse)
{
    return fuse->wait_ns > 0;
}

bool fuse_lets_through(const struct fuse *fuse, uint64_t now_ns)
{
    return fuse->wait_ns == 0 || now_ns >= fuse->retry_ns;
}

static void open_window(struct fuse *fuse, uint64_t now_ns)
{
    fuse->since_ns = now_ns;
    fuse->calls = fuse->faults = fuse->failed_ns = 0;
}

static bool has_too_many(const struct fuse *fuse, const struct fuse_limits *limits)
{
    bool is_costly = fuse->failed_ns >= limits->faults * limits->budget_ns;
    bool is_most = fuse->faults >= limits->faults && 2 * fuse->faults > fuse->calls;
    return limits->faults > 0 && (is_costly || (is_most && !limits->is_of_peers));
}

static void blow_fuse(struct fuse *fuse, const struct fuse_limits *limits, uint64_t now_ns)
{
    bool is_longer = fuse->wait_ns > 0 && !limits->is_of_peers;
    uint64_t wait_ns = is_longer ? 2 * fuse->wait_ns : FUSE_WAIT_NS;
    fuse->wait_ns = wait_ns < FUSE_WAIT_MAX_NS ? wait_ns : FUSE_WAIT_MAX_NS;
    fuse->retry_ns = now_ns + fuse->wait_ns;
}

enum fuse_event fuse_note(struct fuse *fuse, const struct fuse_limits *limits, uint64_t now_ns,
                          uint64_t spent_ns, bool has_failed)
{
    bool was_blown = fuse_is_blown(fuse);
    if (was_blown && !has_failed) {
        *fuse = (struct fuse){.since_ns = now_ns};
        return FUSE_MENDED;
    }
    if (now_ns - fuse->since_ns >= FUSE_WINDOW_NS)
        open_window(fuse, now_ns);
    fuse->calls++;
    if (!has_failed)
        return FUSE_SAME;
    fuse->faults++;
    fuse->failed_ns += spent_ns < limits->budget_ns ? spent_ns : limits->budget_ns;
    if (!was_blown && !has_too_many(fuse, limits))
        return FUSE_SAME;
    blow_fuse(fuse, limits, now_ns);
    return FUSE_BLOWN;
}
