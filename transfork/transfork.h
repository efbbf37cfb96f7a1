/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* moq-transfork: the protocol and its model, without sockets and without a clock of its own.
 *
 * Glossary
 *   path          a list of 1..32 byte strings that names a track; a prefix is a path too, and may
 *                 have no parts
 *   track         a named, live sequence of groups
 *   group         an append-only run of frames; a viewer starts at the head of one. Sent as one
 *                 QUIC stream
 *   frame         a sized payload, meaningful to the application
 *   announce      to tell a peer that a path is available; peers ask for announcements by prefix
 *   wish          how a subscriber wants its groups: priority, order, range, expiry
 *   query         something that we asked a peer for: a subscription, a fetch, info
 *   subscription  a query for a track; the groups that arrive are appended to a `moq_track` that we
 *                 own
 *   viewer        a peer's subscription that we serve from a `moq_track`: a cursor, never a queue
 *   request       something that a peer asked us for and that we have not answered yet: subscribe,
 *                 fetch or info
 *   session       one connected peer, speaking one version; both sides may publish and subscribe
 *   transport     the QUIC streams below; see transfork/transport.h
 *
 * Ownership: every object belongs to one thread, that of its session or track; only the body of a
 * group (its bytes and how they end) is shared between threads. Functions never keep pointers to
 * their arguments unless they say so. Errors are codes of base/error.h. Callbacks must not free the
 * object they are about, except where its comment allows it. Source:
 * draft-lcurley-moq-transfork-02, -03 and -04, and the Rust crates moq-transfork 0.4 to 0.12. */
#ifndef MOQ_TRANSFORK_H
#define MOQ_TRANSFORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/now.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* ---- Paths ----------------------------------------------------------------------------------- */

enum { MOQ_PATH_MAX_PARTS = 32, MOQ_PATH_MAX_BYTES = 1023 };

struct moq_path; /* immutable, reference-counted; all references must stay on one thread */

struct moq_part {
    const char *data; /* not terminated */
    size_t size;
};

/* A path of `count` parts, which are copied; the caller owns a reference. No parts: the empty
 * prefix. NULL: over the limits above, or out of memory. */
struct moq_path *moq_path_new(const struct moq_part *parts, size_t count);

/* The path whose text is `text` (see moq_path_text): "demo/bbb" -> [demo, bbb]; a leading slash is
 * dropped; "" gives no parts; "a/" gives [a, ""]; "{}/a" gives ["", a]. Bytes that moq_path_text
 * writes in braces are also accepted as they are. NULL as above. */
struct moq_path *moq_path_from_text(const char *text);
/* The same for `n` characters after the first slash of a URL: "" gives [""], "/a" gives ["", a]. */
struct moq_path *moq_path_from_name(const char *name, size_t n);
struct moq_path *moq_path_ref(struct moq_path *path);
void moq_path_unref(struct moq_path **path); /* does nothing if *path is NULL; sets it to NULL */

size_t moq_path_count(const struct moq_path *path);
struct moq_part moq_path_part(const struct moq_path *path, size_t index); /* index < count */
bool moq_path_equal(const struct moq_path *a, const struct moq_path *b);
/* Compares part by part, as bytes: negative, 0 or positive. */
int moq_path_compare(const struct moq_path *a, const struct moq_path *b);
uint64_t moq_path_hash(const struct moq_path *path);
bool moq_path_has_prefix(const struct moq_path *path, const struct moq_path *prefix);

/* The same parts in memory of its own, for another thread. NULL: out of memory. */
struct moq_path *moq_path_copy(const struct moq_path *path);
/* New paths, with a reference that the caller owns; NULL as for moq_path_new. */
struct moq_path *moq_path_join(const struct moq_path *a, const struct moq_path *b);
struct moq_path *moq_path_child(const struct moq_path *path, const char *part); /* one more part */
/* Without the first `skip` parts. */
struct moq_path *moq_path_suffix(const struct moq_path *path, size_t skip);

/* The parts joined by '/', as the path of a URL; '%' is not special. Bytes that no URL can have in
 * a part are written in hexadecimal, in braces: [a b] -> "a{20}b"; an empty first part is "{}".
 * Each path has a different text, which moq_path_from_text turns back. Always ends with NUL. A text
 * that does not fit into `size` is cut and ends with MOQ_PATH_CUT_MARK, if that fits. Returns
 * `out`. */
char *moq_path_text(const struct moq_path *path, char *out, size_t size);
#define MOQ_PATH_CUT_MARK "{...}"
/* The length of the bytes in braces, such as "{20}", with which `text` begins; 0: it begins with
 * something else. */
size_t moq_path_braces(const char *text, size_t n);
enum {
    MOQ_PATH_TEXT_BYTES = 3 * (MOQ_PATH_MAX_BYTES + MOQ_PATH_MAX_PARTS) + 1, /* room for any path */
    MOQ_PATH_LINE_BYTES = 1600 /* for a log line: room for any path without braces */
};

/* ---- Groups: step 8 of a frame's walk -------------------------------------------------------- */

enum { MOQ_GROUP_MAX_BYTES = 64 << 20, MOQ_FRAME_MAX_BYTES = 16 << 20 };

/* Bytes in wire format (size, payload, size, payload, ...), identical for every viewer, and how
 * they end. Written on one thread, that of the track where the group was opened; read on any.
 * Reference-counted. */
struct moq_group_body;

struct moq_group_body *moq_group_body_ref(struct moq_group_body *body); /* any thread */
void moq_group_body_unref(struct moq_group_body **body); /* sets it to NULL; any thread */

/* True: all bytes are there, and *error is 0 or says why there are no more. Any thread. */
bool moq_group_body_has_ended(const struct moq_group_body *body, int *error);

/* A group as one track sees it: everything but the body belongs to the track's thread. */
struct moq_group {
    uint64_t sequence;           /* read-only */
    struct moq_group_body *body; /* private: a reference; see moq_group_body */
    uint64_t counted_bytes;      /* private: its part of the track's cached bytes */
    uint64_t started_ns;         /* read-only */
    uint64_t ended_ns;           /* read-only: when it finished or was cut; 0 while it grows */
    uint64_t superseded_ns; /* read-only: when a newer group of its track started; 0 while it is
                                    the newest */
    uint32_t refs;          /* private */
    int error;              /* read-only: 0, or why it was cut short */
    bool is_ended;          /* read-only: nothing will be added */
    bool is_adopted;        /* read-only: another track writes it; see moq_track_adopt_group */
};

struct moq_group *moq_group_ref(struct moq_group *group);
void moq_group_unref(struct moq_group **group);           /* sets it to NULL */
uint64_t moq_group_length(const struct moq_group *group); /* bytes that can be read now */
/* Copies the first bytes of the group, at most `max` of those that are there. Returns how many. */
size_t moq_group_head(const struct moq_group *group, void *out, size_t max);
/* Borrowed; for other tracks to adopt. */
struct moq_group_body *moq_group_body(const struct moq_group *group);

/* Reads a group frame by frame. The reader holds a reference. */
struct moq_group_reader {
    struct moq_group *group; /* read-only */
    const void *chunk;       /* private: the chunk of the group that is being read */
    size_t offset;           /* private: in the chunk */
    uint64_t position;       /* read-only: number of bytes read */
    uint8_t *frame;          /* private: copy of the last frame that spans several chunks */
    size_t frame_bytes;      /* private: size of that buffer */
};

void moq_group_reader_init(struct moq_group_reader *reader, struct moq_group *group);
void moq_group_reader_deinit(struct moq_group_reader *reader);

/* The next frame; *data is valid until the next call. Returns 0; MOQ_ERR_AGAIN: the frame is not
 * complete yet; MOQ_ERR_END: the group is complete and there is no further frame; MOQ_ERR_NOMEM; or
 * the error with which the group was cut short. */
int moq_group_reader_next(struct moq_group_reader *reader, const uint8_t **data, size_t *size);

/* ---- Tracks: step 9 -------------------------------------------------------------------------- */

enum moq_order {
    MOQ_ORDER_OLDEST = 0, /* as the Rust crates write it */
    MOQ_ORDER_NEWEST = 1,
    MOQ_ORDER_ANY = 2, /* in a wish: the publisher, or policy, decides */
};

/* The newest group is always kept; an older one while all limits allow it. 0: no such limit. */
struct moq_cache_limits {
    uint32_t groups;
    uint64_t grace_ns; /* a group over the number stays this long after the next one began: as long
                          as viewers may be late, because short groups come in bursts */
    uint64_t age_ns;   /* since the group ended */
    uint64_t bytes;
};

enum { MOQ_TRACK_OPEN_GROUPS = 16 }; /* one more cuts the oldest group that still grows */

struct moq_track_config {
    const struct moq_clock *clock; /* kept: must outlive the track */
    uint8_t priority;              /* biased: 128 is neutral, higher goes first */
    uint8_t order;                 /* enum moq_order */
    uint64_t expires_ms;           /* 0: no limit */
    struct moq_cache_limits cache;
};

struct moq_track; /* reference-counted: publishers, subscriptions and viewers share it */

/* Takes its own reference to `path`. NULL: out of memory. */
struct moq_track *moq_track_new(struct moq_path *path, const struct moq_track_config *config);
struct moq_track *moq_track_ref(struct moq_track *track);
void moq_track_unref(struct moq_track **track);

struct moq_path *moq_track_path(const struct moq_track *track); /* borrowed */
const struct moq_track_config *moq_track_config(const struct moq_track *track);
void moq_track_set_cache(struct moq_track *track, const struct moq_cache_limits *limits);

/* Starts a group. *group is borrowed: valid until the group has ended, or longer if the caller
 * takes a reference. Only its writer ends the newest group; an older one that still grows may be
 * cut to make room when another is opened or grows, so a writer of several groups needs references.
 * MOQ_ERR_DUPLICATE: seen before; MOQ_ERR_EXPIRED: older than what is kept; MOQ_ERR_CLOSED: the
 * track has ended; MOQ_ERR_NOMEM; MOQ_ERR_INVALID: `sequence` is over 2^62 - 1. On error, no group
 * was started. */
int moq_track_open_group(struct moq_track *track, uint64_t sequence, struct moq_group **group);

/* Starts a group whose bytes are those of `body`, which a track on another thread writes (a
 * reference is taken): this is how a track mirrors another one without a copy. Errors as
 * moq_track_open_group. Watchers are told of the new group, and at once of the bytes that it has
 * and, if it has ended, of its end. Groups adopted earlier are followed first, so watchers hear of
 * ends in order.
 *
 * This track's limits, cuts and end apply to the group as to any other, but end only this view of
 * it: the body keeps growing. moq_track_append and moq_track_write_frame return MOQ_ERR_CLOSED, and
 * moq_track_finish_group does nothing: only the end of the body completes the group. It counts with
 * the bytes that were there when it was last followed. *group is borrowed as above; if it has ended
 * already, it is valid only until the track is used again. */
int moq_track_adopt_group(struct moq_track *track, uint64_t sequence, struct moq_group_body *body,
                          struct moq_group **group);

/* Call it when bodies of adopted groups may have grown or ended: tells watchers of each group that
 * did (one on_growth for new bytes and the end together), and ends those whose body has ended, with
 * the same error. Readers may see bytes earlier, but never the end. Cheap: it looks at each adopted
 * group that grows, at most MOQ_TRACK_OPEN_GROUPS. Watchers may close viewers, end the track, and
 * drop their reference to it. */
void moq_track_follow(struct moq_track *track);
/* From now on an adopted group of this track, ended or not, has the bytes and the end of another
 * body (a reference is taken), under the same sequence. Nobody may have read any of it: of viewers,
 * moq_viewer_has_begun says so; cursors and other readers are not allowed. Watchers are told as of
 * growth, viewers may close and the track may lose references. MOQ_ERR_INVALID: it is not an
 * adopted group of the track; then nothing has changed. */
int moq_track_replace_group(struct moq_track *track, struct moq_group *group,
                            struct moq_group_body *body);
/* moq_track_follow will not be called any more: cuts those adopted groups that still grow. */
void moq_track_unfollow(struct moq_track *track, int error);

/* Adds raw wire bytes as they were received, in pieces of any size. MOQ_ERR_BOUNDS: over
 * MOQ_GROUP_MAX_BYTES; MOQ_ERR_CLOSED: the group is an adopted one or has ended, perhaps just now
 * because the track exceeds its limit in bytes; MOQ_ERR_NOMEM. */
int moq_track_append(struct moq_track *track, struct moq_group *group, const void *data, size_t n);

/* Adds one frame: its size and the payload. Errors as moq_track_append; MOQ_ERR_BOUNDS also if the
 * payload is over MOQ_FRAME_MAX_BYTES. */
int moq_track_write_frame(struct moq_track *track, struct moq_group *group, const void *payload,
                          size_t size);

/* Frees the chunks of a group of this track that `reader` has read completely. Use it only if
 * nobody else reads the group now or later: no viewer, no second reader. A group whose body other
 * tracks share is left as it is. */
void moq_track_drop_read(struct moq_track *track, const struct moq_group_reader *reader);

void moq_track_finish_group(struct moq_track *track, struct moq_group *group); /* complete */
/* Cut short. */
void moq_track_abort_group(struct moq_track *track, struct moq_group *group, int error);

/* There will be no more groups. `error`: 0 for a normal end, which lets growing groups end by
 * themselves; otherwise the reason, with which they are cut. */
void moq_track_end(struct moq_track *track, int error);
bool moq_track_has_ended(const struct moq_track *track, int *error);

struct moq_group *moq_track_newest(const struct moq_track *track); /* borrowed; NULL: none yet */
struct moq_group *moq_track_oldest(const struct moq_track *track); /* borrowed; NULL: none */
/* Borrowed; NULL: not there (any more). */
struct moq_group *moq_track_find(const struct moq_track *track, uint64_t sequence);
/* The next newer one that is kept, borrowed; NULL: `group` is the newest. */
struct moq_group *moq_track_after(const struct moq_track *track, const struct moq_group *group);
uint64_t moq_track_latest(const struct moq_track *track); /* highest sequence ever seen; 0: none */
uint64_t moq_track_cached_bytes(const struct moq_track *track);

/* Drops groups that are too old. Returns the time (of the track's clock) to call it again;
 * UINT64_MAX: not needed. */
uint64_t moq_track_sweep(struct moq_track *track);

/* Told when a track grows. Calls come on the track's thread, from inside the writer's call; a
 * watcher may remove itself, but must not write to the track. Every entry may be NULL. */
struct moq_watcher {
    struct moq_watcher *prev, *next; /* private: those of the same track */
    const struct moq_watcher_ops *ops;
};
struct moq_watcher_ops {
    void (*on_group)(struct moq_watcher *watcher, struct moq_group *group);  /* a new group */
    void (*on_growth)(struct moq_watcher *watcher, struct moq_group *group); /* bytes, or its end */
    /* Groups first..last will never arrive, because of `error`. */
    void (*on_gap)(struct moq_watcher *watcher, uint64_t first, uint64_t last, int error);
    void (*on_end)(struct moq_watcher *watcher, int error); /* see moq_track_end */
    /* Its body is another one: see moq_track_replace_group. on_growth follows. */
    void (*on_replaced)(struct moq_watcher *watcher, struct moq_group *group);
};
/* `watcher` is the caller's, and must live until moq_track_unwatch. */
void moq_track_watch(struct moq_track *track, struct moq_watcher *watcher);
void moq_track_unwatch(struct moq_track *track, struct moq_watcher *watcher);

/* Tells watchers that groups first..last are lost upstream. */
void moq_track_gap(struct moq_track *track, uint64_t first, uint64_t last, int error);

/* Missing groups from `first` on were requested upstream and may arrive until `until_ns` (of the
 * track's clock): viewers that asked for them by number wait that long before they are told of a
 * gap. */
void moq_track_expect(struct moq_track *track, uint64_t first, uint64_t until_ns);

/* ---- Sequences that go on where others ended ------------------------------------------------- */

/* What is added to the sequences of a publisher that takes over from another one. Publishers start
 * counting anywhere, and a viewer must never see a number twice or a step back. All zero: nothing
 * is added. */
struct moq_sequence_raise {
    uint64_t floor; /* private: see moq_sequence_raise_after */
    uint64_t added; /* read-only: what is added to every sequence; 0 before the first one */
    bool is_open;   /* private: the first sequence decides `added` */
};

/* The track has groups up to `latest` already. If the publisher's first sequence is not higher, it
 * becomes `latest` + 1, and all others are raised by as much. */
void moq_sequence_raise_after(struct moq_sequence_raise *raise, uint64_t latest);

/* For each group that arrives: turns the publisher's sequence into the track's. False: the result
 * would be over 2^62 - 1. */
bool moq_sequence_raise(struct moq_sequence_raise *raise, uint64_t *sequence);

/* For other mentions of first..last by the publisher, such as a gap. False, and they are left
 * unchanged: they have no counterpart, because no group has arrived yet or the result would be too
 * high. */
bool moq_sequence_raise_run(const struct moq_sequence_raise *raise, uint64_t *first,
                            uint64_t *last);

/* ---- Offers: what we announce ---------------------------------------------------------------- */

/* A set of paths that peers may ask for by prefix; must outlive the sessions that use it. */
struct moq_offers;

struct moq_offers *moq_offers_new(void);
void moq_offers_free(struct moq_offers **offers);

/* Adds a path, or withdraws it. Every peer that asked for a prefix of it is told of the change; if
 * a path is withdrawn and added again before a peer could be told, the peer gets both messages.
 * `owner` is any value that `can_see` (session.h) understands. A path that was added twice must be
 * removed twice; removing one that is not there does nothing. Returns 0 or MOQ_ERR_NOMEM. */
int moq_offers_add(struct moq_offers *offers, struct moq_path *path, const void *owner);
void moq_offers_remove(struct moq_offers *offers, const struct moq_path *path, const void *owner);
bool moq_offers_has(const struct moq_offers *offers, const struct moq_path *path);
size_t moq_offers_count(const struct moq_offers *offers);

/* A watcher of offers: what code that follows the paths below a prefix was told, and what is true
 * now. It keeps no history: whoever owns it pulls the difference one step at a time, so one that
 * stalls costs at most one entry per path. A path that ended and came back in the meantime gives
 * "ended" and then "active", because its publisher may have started afresh. */
struct moq_offers_watcher;

struct moq_offers_watcher_ops { /* every entry may be NULL */
    /* There is something to pull, where there was nothing before. Called by moq_offers_add,
     * moq_offers_remove and moq_offers_look_again, never by moq_offers_watch. It may unwatch, but
     * must not add or remove offers. */
    void (*on_pending)(struct moq_offers_watcher *watcher, void *user);
    /* Whether this watcher may know of an offer by `owner`. Asked at each change of an offer; after
     * the answers themselves have changed, call moq_offers_look_again. NULL: it sees all. */
    bool (*can_see)(void *user, const struct moq_path *path, const void *owner);
};

/* Follows all paths below `prefix` (a reference is taken). Existing offers can be pulled at once.
 * NULL: out of memory. */
struct moq_offers_watcher *moq_offers_watch(struct moq_offers *offers, struct moq_path *prefix,
                                            const struct moq_offers_watcher_ops *ops, void *user);
/* May point to NULL; sets it to NULL. Harmless after moq_offers_free. */
void moq_offers_unwatch(struct moq_offers_watcher **watcher);

/* Asks can_see again about every offer; on_pending may follow before it returns. */
void moq_offers_look_again(struct moq_offers *offers, struct moq_offers_watcher *watcher);

/* The next difference. Returns false if there is none; the first time, everything that was there at
 * the beginning has been pulled. *path includes the prefix, and is borrowed until the next call
 * with this watcher. */
bool moq_offers_watcher_next(struct moq_offers_watcher *watcher, bool *is_active,
                             struct moq_path **path);
bool moq_offers_watcher_has_pending(const struct moq_offers_watcher *watcher);
const struct moq_path *moq_offers_watcher_prefix(const struct moq_offers_watcher *watcher);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop

#include "transfork/session.h"

#endif
