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
 *   announce      "tracks whose path starts so are available", told to whoever asked for that
 *                 prefix
 *   subscription  our wish for a track, sent to a peer; what arrives is appended to a `moq_track`
 *                 that we own
 *   viewer        a peer's subscription that we serve from a `moq_track`: a cursor, never a queue
 *   request       something a peer asked for that we have not answered yet: subscribe, fetch or
 *                 info
 *   session       one connected peer, speaking one version; both sides may publish and subscribe
 *   transport     the QUIC streams below; see transfork/transport.h
 *
 * Ownership: every object belongs to one thread, that of its session or track; only the body of a
 * group, its bytes and their end, is shared between threads. Functions never keep pointers to their
 * arguments unless they say so. Errors are codes of base/error.h. Callbacks must not free the
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

struct moq_path; /* immutable and counted; its references must stay on one thread */

struct moq_part {
    const char *data; /* not terminated */
    size_t size;
};

/* A path of `count` parts, copied. NULL: over the limits above, or out of memory. No parts: the
 * empty prefix. */
struct moq_path *moq_path_new(const struct moq_part *parts, size_t count);

/* The path of a text as moq_path_text writes it: "demo/bbb" -> [demo, bbb]; a leading slash is
 * dropped; "" gives no parts; "a/" gives [a, ""]; "{}/a" gives ["", a]. What moq_path_text would
 * write in braces may also stand there as it is. NULL as above. */
struct moq_path *moq_path_from_text(const char *text);
/* The same for `n` characters after the first slash of a URL: "" gives [""], "/a" gives ["", a]. */
struct moq_path *moq_path_from_name(const char *name, size_t n);
struct moq_path *moq_path_ref(struct moq_path *path);
void moq_path_unref(struct moq_path **path); /* NULL inside is fine; sets it to NULL */

size_t moq_path_count(const struct moq_path *path);
struct moq_part moq_path_part(const struct moq_path *path, size_t index); /* index < count */
bool moq_path_equal(const struct moq_path *a, const struct moq_path *b);
/* Part by part, as bytes. */
int moq_path_compare(const struct moq_path *a, const struct moq_path *b);
uint64_t moq_path_hash(const struct moq_path *path);
bool moq_path_has_prefix(const struct moq_path *path, const struct moq_path *prefix);

/* The same parts in memory of its own, for another thread. NULL: out of memory. */
struct moq_path *moq_path_copy(const struct moq_path *path);
/* NULL as for _new. */
struct moq_path *moq_path_join(const struct moq_path *a, const struct moq_path *b);
struct moq_path *moq_path_child(const struct moq_path *path, const char *part); /* one more part */
/* Without its first parts. */
struct moq_path *moq_path_suffix(const struct moq_path *path, size_t skip);

/* Parts joined by '/', as people write the path in a URL, where '%' and what follows it stay as
 * they are. Bytes that no URL puts into a part are written in hexadecimal, in braces: [a b] ->
 * "a{20}b"; so is an empty first part: "{}". Each path has a text of its own, which
 * moq_path_from_text turns back. Always ends with NUL. One that does not fit in `size` is cut and
 * ends with MOQ_PATH_CUT_MARK, if that fits. Returns `out`. */
char *moq_path_text(const struct moq_path *path, char *out, size_t size);
#define MOQ_PATH_CUT_MARK "{...}"
/* How many characters at the start of `text` are bytes in braces, such as "{20}"; 0: it does not
 * begin with any. */
size_t moq_path_braces(const char *text, size_t n);
enum {
    MOQ_PATH_TEXT_BYTES = 3 * (MOQ_PATH_MAX_BYTES + MOQ_PATH_MAX_PARTS) + 1, /* room for any path */
    MOQ_PATH_LINE_BYTES = 1600 /* for a line of a log: room for any path that has no braces */
};

/* ---- Groups: step 8 of a frame's walk -------------------------------------------------------- */

enum { MOQ_GROUP_MAX_BYTES = 64 << 20, MOQ_FRAME_MAX_BYTES = 16 << 20 };

/* Bytes in wire format (size, payload, size, payload, ...), identical for every viewer, and whether
 * they are all there. Written on one thread, that of the track where the group was opened; read on
 * any. Counted. */
struct moq_group_body;

struct moq_group_body *moq_group_body_ref(struct moq_group_body *body); /* any thread */
void moq_group_body_unref(struct moq_group_body **body); /* sets it to NULL; any thread */

/* Once it is true, all bytes are there, and *error is 0 or why there are no more; any thread. */
bool moq_group_body_has_ended(const struct moq_group_body *body, int *error);

/* A body as one track has it: all but the body belongs to the track's thread. */
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
struct moq_group_body *moq_group_body(const struct moq_group *group); /* borrowed; for others to
                                                                         adopt */

/* Reads a group frame by frame. The reader holds a reference. */
struct moq_group_reader {
    struct moq_group *group; /* read-only */
    const void *chunk;       /* private: the piece of memory at hand */
    size_t offset;           /* private: in that */
    uint64_t position;       /* read-only: bytes of the group that were read */
    uint8_t *frame;          /* private: the last frame that lay in several pieces */
    size_t frame_bytes;      /* private: room for it */
};

void moq_group_reader_init(struct moq_group_reader *reader, struct moq_group *group);
void moq_group_reader_deinit(struct moq_group_reader *reader);

/* The next frame; *data belongs to the reader until the next call. Returns 0; MOQ_ERR_AGAIN: not
 * all of it is here; MOQ_ERR_END: the group is complete; otherwise why the group was cut short, or
 * MOQ_ERR_NOMEM. */
int moq_group_reader_next(struct moq_group_reader *reader, const uint8_t **data, size_t *size);

/* ---- Tracks: step 9 -------------------------------------------------------------------------- */

enum moq_order {
    MOQ_ORDER_OLDEST = 0, /* as the Rust crates write it */
    MOQ_ORDER_NEWEST = 1,
    MOQ_ORDER_ANY = 2, /* a wish that leaves it to the publisher, or to policy */
};

/* The newest group is always kept; older ones while all three limits hold. 0: no limit of that
 * kind. */
struct moq_cache_limits {
    uint32_t groups;
    uint64_t grace_ns; /* one too many stays so long after it was followed by another: viewers have
                          that latency, and short groups may come in bursts */
    uint64_t age_ns;   /* since the group ended */
    uint64_t bytes;
};

enum { MOQ_TRACK_OPEN_GROUPS = 16 }; /* a group beyond replaces the oldest that still grows */

struct moq_track_config {
    const struct moq_clock *clock; /* kept: must outlive the track */
    uint8_t priority;              /* biased: 128 is neutral, higher goes first */
    uint8_t order;                 /* enum moq_order */
    uint64_t expires_ms;           /* 0: no limit */
    struct moq_cache_limits cache;
};

struct moq_track; /* counted: publishers, subscriptions and viewers share it */

/* Takes its own reference; NULL: out of memory. */
struct moq_track *moq_track_new(struct moq_path *path, const struct moq_track_config *config);
struct moq_track *moq_track_ref(struct moq_track *track);
void moq_track_unref(struct moq_track **track);

struct moq_path *moq_track_path(const struct moq_track *track); /* borrowed */
const struct moq_track_config *moq_track_config(const struct moq_track *track);
void moq_track_set_cache(struct moq_track *track, const struct moq_cache_limits *limits);

/* Starts a group. *group is borrowed: valid until it has ended, or longer with a reference of one's
 * own. The newest ends only when its writer says so; an older one that still grows may be cut to
 * make room when another is opened or grows, so whoever writes to several holds references.
 * MOQ_ERR_DUPLICATE: seen before; MOQ_ERR_EXPIRED: older than what is kept; MOQ_ERR_CLOSED;
 * MOQ_ERR_NOMEM; MOQ_ERR_INVALID: `sequence` is over 2^62 - 1. On error there is no group to be
 * ended. */
int moq_track_open_group(struct moq_track *track, uint64_t sequence, struct moq_group **group);

/* Starts a group whose bytes are those of `body`, which a track on another thread writes (a
 * reference is taken): how a track mirrors another without a copy. Errors as moq_track_open_group.
 * Watchers are told of the new group, and at once of what it has: its bytes, and its end if it has
 * ended. Groups that were adopted before are followed first, so that ends are told in order.
 *
 * Limits, cuts and the end of this track hold for the group as for any other, and end it here only:
 * the body goes on. moq_track_append and moq_track_write_frame return MOQ_ERR_CLOSED, and
 * moq_track_finish_group does nothing: only the body's end ends it well. Of its memory, the bytes
 * count that were there when it was last followed. *group is borrowed as above; if it has ended
 * already, only until the track is used again. */
int moq_track_adopt_group(struct moq_track *track, uint64_t sequence, struct moq_group_body *body,
                          struct moq_group **group);

/* To be called when bodies of adopted groups may have grown or ended: tells watchers of each that
 * did (one on_growth for new bytes and the end together), and ends those whose body has ended, as
 * it did. Readers may see bytes before that, but never the end. Costs nothing but a look at each
 * adopted group that grows, at most MOQ_TRACK_OPEN_GROUPS. Watchers may do what they may anywhere:
 * close viewers, end the track, let go of it. */
void moq_track_follow(struct moq_track *track);
/* Nobody will tell of those groups any more: what still grows is cut. */
void moq_track_unfollow(struct moq_track *track, int error);

/* Adds raw wire bytes, as they came; any cut is fine. MOQ_ERR_BOUNDS over MOQ_GROUP_MAX_BYTES;
 * MOQ_ERR_CLOSED: the group has ended, maybe just now because the track is over its bytes, or was
 * adopted; MOQ_ERR_NOMEM. */
int moq_track_append(struct moq_track *track, struct moq_group *group, const void *data, size_t n);

/* Adds one frame: size and payload. Errors as moq_track_append; also MOQ_ERR_BOUNDS over
 * MOQ_FRAME_MAX_BYTES. */
int moq_track_write_frame(struct moq_track *track, struct moq_group *group, const void *payload,
                          size_t size);

/* Frees what `reader` has read of a group of this track, as far as it lies in pieces of memory that
 * are read to their ends. Only where nobody else reads the group or ever will: no viewer, no second
 * reader. A group whose bytes other tracks share is left as it is. */
void moq_track_drop_read(struct moq_track *track, const struct moq_group_reader *reader);

void moq_track_finish_group(struct moq_track *track, struct moq_group *group); /* complete */
/* Cut short. */
void moq_track_abort_group(struct moq_track *track, struct moq_group *group, int error);

/* No more groups: 0 as the publisher meant it, else why. Growing groups are cut when `error` is not
 * 0. */
void moq_track_end(struct moq_track *track, int error);
bool moq_track_has_ended(const struct moq_track *track, int *error);

struct moq_group *moq_track_newest(const struct moq_track *track); /* borrowed; NULL: none yet */
struct moq_group *moq_track_oldest(const struct moq_track *track); /* borrowed; of those kept */
struct moq_group *moq_track_find(const struct moq_track *track, uint64_t sequence);
/* The next newer. */
struct moq_group *moq_track_after(const struct moq_track *track, const struct moq_group *group);
uint64_t moq_track_latest(const struct moq_track *track); /* highest sequence ever seen; 0: none */
uint64_t moq_track_cached_bytes(const struct moq_track *track);

/* Drops what is too old. Returns when to call again, or UINT64_MAX: never. */
uint64_t moq_track_sweep(struct moq_track *track);

/* Whoever wants to know of a track's growth. Calls come on the track's thread, straight from the
 * writer; a watcher may remove itself, but must not write to the track. Every entry may be NULL. */
struct moq_watcher {
    struct moq_watcher *prev, *next; /* private: those of the same track */
    const struct moq_watcher_ops *ops;
};
struct moq_watcher_ops {
    void (*on_group)(struct moq_watcher *watcher, struct moq_group *group);  /* a new one */
    void (*on_growth)(struct moq_watcher *watcher, struct moq_group *group); /* bytes, or its end */
    /* Never will come. */
    void (*on_gap)(struct moq_watcher *watcher, uint64_t first, uint64_t last, int error);
    void (*on_end)(struct moq_watcher *watcher, int error); /* see moq_track_end */
};
/* Kept until moq_track_unwatch. */
void moq_track_watch(struct moq_track *track, struct moq_watcher *watcher);
void moq_track_unwatch(struct moq_track *track, struct moq_watcher *watcher);

/* Tells watchers that groups first..last are lost upstream. */
void moq_track_gap(struct moq_track *track, uint64_t first, uint64_t last, int error);

/* Groups from `first` on that are not here were asked for upstream and may come until `until_ns`:
 * viewers that wished for them by number wait so long before they are told of a gap. */
void moq_track_expect(struct moq_track *track, uint64_t first, uint64_t until_ns);

/* ---- Sequences that go on where others ended ------------------------------------------------- */

/* What is added to the sequences of a publisher that takes another's place. Publishers count from
 * anywhere, and a viewer must never see a number twice, nor a step back. Zeroed: nothing is
 * added. */
struct moq_sequence_raise {
    uint64_t floor; /* private: see moq_sequence_raise_after */
    uint64_t added; /* read-only: to every sequence; 0 before the first */
    bool is_open;   /* private: the first sequence settles `added` */
};

/* There are groups up to `latest` already. The first sequence that comes, if it is not above that,
 * becomes `latest` + 1, and all others are raised by as much. */
void moq_sequence_raise_after(struct moq_sequence_raise *raise, uint64_t latest);

/* A group came: the publisher's sequence becomes the track's. False: no number is left for it. */
bool moq_sequence_raise(struct moq_sequence_raise *raise, uint64_t *sequence);

/* The publisher speaks of first..last, in a gap for example. False, and they are left alone: the
 * numbers mean nothing here, because no group came yet or none are left so high. */
bool moq_sequence_raise_run(const struct moq_sequence_raise *raise, uint64_t *first,
                            uint64_t *last);

/* ---- Offers: what we announce ---------------------------------------------------------------- */

struct moq_offers; /* a set of paths that peers may ask for by prefix; must outlive sessions that
                      use it */

struct moq_offers *moq_offers_new(void);
void moq_offers_free(struct moq_offers **offers);

/* Adds a path / takes it back; each call is told to every peer that asked for a prefix of it, in
 * differences: a path that ends and returns before a peer could be told yields ended and active.
 * `owner` is any value that `can_see` (below) understands; adding twice counts. Returns 0,
 * MOQ_ERR_NOMEM; removing what is not there does nothing. */
int moq_offers_add(struct moq_offers *offers, struct moq_path *path, const void *owner);
void moq_offers_remove(struct moq_offers *offers, const struct moq_path *path, const void *owner);
bool moq_offers_has(const struct moq_offers *offers, const struct moq_path *path);
size_t moq_offers_count(const struct moq_offers *offers);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop

#include "transfork/session.h"

#endif
