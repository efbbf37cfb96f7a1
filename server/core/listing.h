/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Listings: the viewers of all workers, and the paths that are announced on any of them, for
 * operators. Part of core's door.
 *
 * A listing reads one worker after the other, and of each a slice at a time: a post to the worker
 * fills a bounded number of rows in a bounded number of steps, and then the worker serves a turn
 * before the next one. So a busy relay pays for it in small change, whatever it has. */
#ifndef MOQ_CORE_LISTING_H
#define MOQ_CORE_LISTING_H

#include "server/core/hooks.h"

#ifdef __cplusplus
extern "C" {
#endif

struct core;

/* Who set a number, in words: "default", "class 2 (demo/X)" with its pattern, "viewer", "limit", or
 * the name of a module with its note: "lua (premium.lua:12)". */
enum { CORE_SETTER_BYTES = 256 };

/* One viewer. Texts are borrowed until the caller returns. */
struct core_viewer_row {
    uint64_t number, peer;                /* as core_viewer_number and core_peer_number */
    uint32_t worker, version;             /* of transfork: 2, 3 or 4 */
    enum quic_protocol protocol;          /* of its peer */
    const char *address, *identity;       /* of its peer; identity "": none */
    const char *path, *track;             /* what it asked for, and what it is served */
    uint64_t watched_ns;                  /* how long it has been served */
    uint64_t lag_ns, backlog_bytes;       /* as moq_viewer_stats: how far behind it is */
    uint64_t rate_bps, rtt_ns;            /* of its connection, as measured; 0: not known */
    uint64_t groups_sent, groups_skipped; /* since it began */
    uint64_t groups_reset, bytes_sent;
    struct moq_policy policy; /* in force */
    const char *latency_by, *priority_by, *order_by, *rate_by, *identity_rate_by, *start_by;
    const char *rendition_by; /* who moved it to the track that it is served; "": nobody */
    uint64_t place;           /* in the order of its worker's viewers */
};

/* Where a listing goes on. All zero: at the beginning. */
struct core_place {
    uint32_t worker;
    uint64_t after; /* core_viewer_row.place */
};

struct core_viewers_query {
    const char *path;        /* a pattern of the paths asked for; NULL: all */
    struct core_place place; /* begins there */
};

/* How long a listing waits for workers in all. What it has not read then comes with the next. */
#define CORE_LISTING_NS (500 * NS_PER_MS)
enum { CORE_LISTING_PATTERN_BYTES = 1024 };

/* Calls `each` for the viewers that match, worker by worker, in the order in which they came. If it
 * returns false, the listing ends before that row. Viewers that are there all the time are listed
 * exactly once by listings that continue each other. Returns true if all were listed; otherwise
 * *next says where to go on. On the thread of core_stats. */
bool core_list_viewers(struct core *core, const struct core_viewers_query *query,
                       bool (*each)(void *user, const struct core_viewer_row *row), void *user,
                       struct core_place *next);

/* ---- Announced paths ------------------------------------------------------------------------- */

/* Which paths are announced now. A worker keeps it up to date, so reading asks no worker anything.
 * Both take its lock for a few microseconds; no frame passes there. */
struct core_directory;

/* Paths that it has at most; further ones are left out, and the log says so. */
enum { CORE_DIRECTORY_MAX = 1 << 16 };

/* Opens it. On the thread of core_stats, as all of this. Returns 0, MOQ_ERR_NOMEM, or as
 * core_announced_open. Paths come to be there a little later. */
int core_directory_open(struct core *core, struct core_directory **directory);
/* Before core_stop. May point to NULL; sets it to NULL. */
void core_directory_close(struct core_directory **directory);

/* The order of a directory: part by part. Parts of digits alone come first, the highest number
 * first of all, so that the newest instance of a broadcast is before the older ones; other parts
 * follow as bytes. What is below a path follows it. */
int core_directory_compare(const struct moq_path *a, const struct moq_path *b);

/* Whether this part is a number, such as that of an instance. */
bool core_directory_is_number(struct moq_part part);

/* Calls `each` for the paths below `prefix` that come behind `after` (NULL: from the first one on)
 * in their order, with how many viewers of all workers each has, until it returns false. `path` is
 * borrowed, and no reference may be taken. Whatever changes meanwhile: paths that are there all the
 * time are told of exactly once. Returns 0 or MOQ_ERR_NOMEM. */
int core_directory_read(struct core_directory *directory, const struct moq_path *prefix,
                        const struct moq_path *after,
                        bool (*each)(void *user, const struct moq_path *path, uint32_t viewers),
                        void *user);

#ifdef __cplusplus
}
#endif
#endif
