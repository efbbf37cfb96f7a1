/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The binary interface between moq-relay and its modules. This header is all that a module needs.
 *
 * A module is a shared object that exports one constant, `relay_module`, by RELAY_MODULE below. The
 * relay reads the versions and the size at its beginning from the file, and loads the file only if
 * they fit. Then it fills the module's configuration from relay.yaml by the module's schema, and
 * only then calls the module.
 *
 * Versions. A change that breaks modules raises the major version: such modules must be compiled
 * again. An addition raises the minor version: older modules keep working, and a module that was
 * compiled for a newer minor version is refused. Structs that may grow begin with their size.
 *   1.0   2026-11-30   first version
 *   1.1   2026-12-01   renditions of viewers; rates, start and note in struct relay_policy; notes,
 *                      reloads and sampling of modules; relay_log may be used on any thread;
 *                      relay_viewers, relay_viewer_deny; relay_track_stats,
 *                      relay_viewer_track_stats, relay_worker_stats; more in relay_viewer_stats
 *                      and relay_candidate; relay_hooks.choose_source; relay_shared_keys
 *   1.2   2026-12-01   sessions that the relay opens: relay_dial_open, relay_dial_close,
 *                      relay_peer_is_dialled; what peers have and are told: relay_peer_offer,
 *                      relay_peer_promote, relay_peer_withdraw, relay_peer_tell, "internal" paths
 *                      (relay_grants.is_cluster), relay_offer.is_quiet,
 *                      relay_announced_ops.omits_given
 *
 * Threads. The relay has a main thread and one thread per worker. In square brackets, each comment
 * says where a function may be called, or where the relay calls it:
 *   [main]      the main thread, in start, check, reload, reload_done and stop
 *   [worker]    the thread of the worker to which the object belongs; in worker_start also the
 *               main thread, because workers do not run yet
 *   [relay]     the main thread or any worker's thread
 *   [any]       any thread, also one that the module started
 * A worker serves nobody while a module's function runs, so none of them may wait for anything. A
 * debug build of the relay aborts on a call from a wrong thread, or with a handle that is no more,
 * as far as it can be told.
 *
 * Ownership. Functions copy what they are given, unless their comment says that they keep it. What
 * they return is borrowed and valid until the module returns to the relay, unless the comment says
 * otherwise. Handles are opaque; each belongs to one module and one worker.
 *
 * Errors. Functions that can fail return 0 or more on success, and a negative enum relay_error.
 *
 * Paths are texts such as "demo/bbb": parts joined by '/'. One at the beginning is dropped. A byte
 * that no URL can have in a part is written in hexadecimal, in braces: "a{20}b". */
#ifndef RELAY_MODULE_H
#define RELAY_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RELAY_ABI_MAJOR 1
#define RELAY_ABI_MINOR 2

/* Marks what crosses the border. For functions: since which version. */
#define RELAY_EXPORT __attribute__((visibility("default")))
#define RELAY_SINCE(major, minor) RELAY_EXPORT
#define RELAY_PRINTF(text, first) __attribute__((format(printf, text, first)))

struct uv_loop_s; /* uv_loop_t of <uv.h> */

struct relay_self;      /* the module itself, once per relay */
struct relay_worker;    /* the module on one worker */
struct relay_check;     /* a configuration that is being checked */
struct relay_peer;      /* one connected session, or a guest */
struct relay_request;   /* what a peer asks for, not decided yet */
struct relay_viewer;    /* one subscription of a peer that is served */
struct relay_source;    /* a track that the module publishes */
struct relay_group;     /* a group of such a track that is being written */
struct relay_watch;     /* a track that the module watches */
struct relay_announced; /* the paths under a prefix, as they come and go */
struct relay_guest;     /* a publisher that reaches the relay through the module */
struct relay_choice;    /* of one of several publishers of a track */
struct relay_timer;
struct relay_dial; /* a session that the module has the relay open, and keep open */

/* ---- Errors ---------------------------------------------------------------------------------- */

enum relay_error {
    RELAY_ERR_INVALID = -1,   /* an argument is invalid */
    RELAY_ERR_NOMEM = -2,     /* out of memory */
    RELAY_ERR_BOUNDS = -3,    /* a limit is exceeded */
    RELAY_ERR_NOT_FOUND = -4, /* there is no such thing, or not any more */
    RELAY_ERR_DUPLICATE = -5, /* it exists already */
    RELAY_ERR_CLOSED = -6,    /* it has ended */
    RELAY_ERR_EXPIRED = -7,   /* too late to be useful */
    RELAY_ERR_AGAIN = -8,     /* not now */
    RELAY_ERR_REFUSED = -9,   /* a hook or a grant forbids it */
    RELAY_ERR_OFFLINE = -10,  /* nobody publishes it any more */
    RELAY_ERR_CANCELLED = -11,
    RELAY_ERR_IO = -12,     /* input or output failed */
    RELAY_ERR_MEDIA = -13,  /* the media is malformed */
    RELAY_ERR_FAILED = -14, /* anything else; the log has details */
};

RELAY_SINCE(1, 0) const char *relay_error_words(int error); /* [any] static; never NULL */

/* ---- Configuration --------------------------------------------------------------------------- */

/* What a setting is in relay.yaml, and its type in the module's struct. */
enum relay_field_type {
    RELAY_FIELD_BOOL = 1, /* bool */
    RELAY_FIELD_INT,      /* uint64_t */
    RELAY_FIELD_SIZE,     /* uint64_t, in bytes: 512MiB */
    RELAY_FIELD_DURATION, /* uint64_t, in nanoseconds: 250ms */
    RELAY_FIELD_STRING,   /* const char *; NULL: empty */
    RELAY_FIELD_FILE,     /* const char *: a file or directory; NULL: empty */
    RELAY_FIELD_ADDRESS,  /* struct relay_address: "127.0.0.1:8080" */
    RELAY_FIELD_ENUM,     /* int: index into `words` */
    RELAY_FIELD_STRINGS,  /* const char *const *, and a size_t at `count_offset` */
    RELAY_FIELD_SECTION,  /* a struct, by `section` */
    RELAY_FIELD_SECTIONS, /* a pointer to structs, by `section`, and a size_t at `count_offset` */
    RELAY_FIELD_TREE,     /* const struct relay_node *: any YAML; NULL: not written */
};

enum relay_field_flags {
    RELAY_FIELD_RELOADS = 1 << 0,    /* may change while the relay runs */
    RELAY_FIELD_REQUIRED = 1 << 1,   /* must be written */
    RELAY_FIELD_READABLE = 1 << 2,   /* names a file that must be readable */
    RELAY_FIELD_WRITABLE = 1 << 3,   /* names a directory that must be writable */
    RELAY_FIELD_IS_PATTERN = 1 << 4, /* a pattern of paths, see relay_path_matches */
    RELAY_FIELD_IS_PATH = 1 << 5,    /* a path, see the top; empty only if the default is */
};

/* One setting. Its name has the characters a-z, 0-9 and _. */
struct relay_field {
    const char *name;
    const char *help; /* one line for people, not a sentence: "where keys are read from" */
    uint32_t type;    /* enum relay_field_type */
    uint32_t flags;   /* enum relay_field_flags, or-ed */
    size_t offset, count_offset;
    uint64_t min, max;        /* of a number; `max` also of the entries of a list, there 0 is 64 */
    const char *fallback;     /* the default, as text; NULL: empty, false or 0 */
    const char *zero;         /* the word for 0, such as "off"; NULL: none */
    const char *const *words; /* of an enum; ends with NULL */
    const struct relay_schema *section;
};

/* The settings of a struct. Use RELAY_SCHEMA(struct_type, fields), `fields` being an array. */
struct relay_schema {
    uint32_t struct_bytes, field_bytes, field_count;
    const struct relay_field *fields;
};
#define RELAY_SCHEMA(type, array)                                                                  \
    {                                                                                              \
        sizeof(type), sizeof(struct relay_field), sizeof(array) / sizeof((array)[0]), (array)      \
    }

enum { RELAY_ADDRESS_BYTES = 72 };
struct relay_address {
    char text[RELAY_ADDRESS_BYTES]; /* as written; "": none */
    struct sockaddr_storage socket;
    socklen_t socket_bytes; /* 0: none */
    bool unused;
};

enum relay_node_kind { RELAY_NODE_EMPTY, RELAY_NODE_TEXT, RELAY_NODE_LIST, RELAY_NODE_MAP };
struct relay_node { /* of a RELAY_FIELD_TREE; lives as long as the configuration */
    uint32_t kind;  /* enum relay_node_kind */
    bool is_quoted; /* of a text: it is one whatever it looks like */
    unsigned line, column;
    const char *key;                       /* in a map; else NULL */
    const char *text;                      /* of a text; else NULL */
    const struct relay_node *first, *next; /* its first child; its sibling */
};

/* [main] In a module's `check`: says what is wrong with a setting, such as "sources[0].file" ("":
 * with all of them), and what to do. The relay adds file, line and column. */
RELAY_SINCE(1, 0)
void relay_check_fail(struct relay_check *check, const char *setting, const char *format, ...)
    RELAY_PRINTF(3, 4);

/* ---- The module ------------------------------------------------------------------------------ */

struct relay_module {
    uint16_t abi_major, abi_minor; /* these three first, by RELAY_MODULE_HEAD */
    uint32_t size;
    const char *name;    /* of a-z, 0-9, - and _, at most 31: its name in relay.yaml */
    const char *version; /* its own, for people */
    const struct relay_schema *config; /* NULL: it has no settings */
    const struct relay_hooks *hooks;   /* NULL: none */
    /* Zeroed memory of its own in each peer, viewer and worker: see relay_peer_slot and so on. */
    uint32_t peer_slot_bytes, viewer_slot_bytes, worker_slot_bytes;

    /* Each may be NULL. Those that return int return 0, or what relay_fail returns; then the relay
     * does not start. `config` points to the module's struct, filled from relay.yaml. It stays
     * valid until a reload has replaced it on all workers; NULL if there is no schema. */

    /* [main] Checks settings against each other. Also called by `moq-relay --check`, without any
     * other function of the module, so it must not rely on them, and must not change anything. */
    void (*check)(struct relay_check *check, const void *config);
    /* [main] Once, before workers exist. If it fails, `stop` is not called. */
    int (*start)(struct relay_self *self, const void *config);
    /* [worker] Once per worker, in their order, before the first session. If it fails, worker_stop
     * is called for the earlier workers, and then `stop`. */
    int (*worker_start)(struct relay_worker *worker, const void *config);
    /* [main] A new configuration, which only differs in settings that may be reloaded: prepares to
     * use it, or refuses it by relay_fail, in which case nothing changes for any module. */
    int (*reload)(struct relay_self *self, const void *config);
    /* [worker] No module has refused: uses the new configuration from now on. */
    void (*worker_reload)(struct relay_worker *worker, const void *config);
    /* [main] Follows each `reload` that returned 0. True: all workers have the new configuration,
     * and the old one is freed after this. False: another module refused, the new one is freed. */
    void (*reload_done)(struct relay_self *self, bool is_applied);
    /* [worker] After the last session has ended and the last hook was called: closes its sources,
     * watches, guests, timers and handles on the worker's loop, and ends its threads' use of the
     * worker. */
    void (*worker_stop)(struct relay_worker *worker);
    void (*stop)(struct relay_self *self); /* [main] last, when no worker calls it any more */
};

/* RELAY_MODULE = { RELAY_MODULE_HEAD, .name = "hello", ... }; defines it, once per shared object.
 * A module that is linked into the relay is compiled with RELAY_MODULE_SYMBOL set to the name that
 * the relay's build gives it. */
#ifndef RELAY_MODULE_SYMBOL
#define RELAY_MODULE_SYMBOL relay_module
#endif
#define RELAY_MODULE                                                                               \
    RELAY_EXPORT extern const struct relay_module RELAY_MODULE_SYMBOL;                             \
    const struct relay_module RELAY_MODULE_SYMBOL
#define RELAY_MODULE_HEAD RELAY_ABI_MAJOR, RELAY_ABI_MINOR, sizeof(struct relay_module)

/* [main], and [worker] in worker_start: notes why a function fails, and what to do. Returns
 * RELAY_ERR_FAILED, to be returned in turn. */
RELAY_SINCE(1, 0)
int relay_fail(struct relay_self *self, const char *format, ...) RELAY_PRINTF(2, 3);

/* [relay] The module's own pointer, NULL at first. Set it in `start`. */
RELAY_SINCE(1, 0) void relay_set_data(struct relay_self *self, void *data);
RELAY_SINCE(1, 0) void *relay_data(const struct relay_self *self);
RELAY_SINCE(1, 0) uint32_t relay_worker_count(const struct relay_self *self); /* [relay] */
/* [any] Soon, the relay reloads this module alone: calls its `reload`, with the configuration that
 * it has, and what follows that, as if relay.yaml had been read again. The log says how it went.
 * For what a configuration names and the module watches itself, such as a file. */
RELAY_SINCE(1, 1) void relay_reload(struct relay_self *self);

/* ---- Workers --------------------------------------------------------------------------------- */

/* [worker], all but relay_worker_post. Whatever should exist once per relay, such as a source,
 * belongs on one worker, usually number 0. */
RELAY_SINCE(1, 0) struct relay_self *relay_worker_self(const struct relay_worker *worker);
RELAY_SINCE(1, 0) uint32_t relay_worker_number(const struct relay_worker *worker); /* from 0 */
RELAY_SINCE(1, 0) void *relay_worker_slot(const struct relay_worker *worker); /* NULL: no bytes */
/* The configuration that this worker uses now; valid until worker_reload. */
RELAY_SINCE(1, 0) const void *relay_worker_config(const struct relay_worker *worker);
/* For handles of the module's own, which worker_stop must close. Each of their callbacks begins
 * with relay_worker_wake, which sets the worker's clock. */
RELAY_SINCE(1, 0) struct uv_loop_s *relay_worker_loop(const struct relay_worker *worker);
RELAY_SINCE(1, 0) void relay_worker_wake(struct relay_worker *worker);
RELAY_SINCE(1, 0) uint64_t relay_worker_now_ns(const struct relay_worker *worker); /* monotonic */
/* Whether the module's viewer_sample is called on this worker; it is at first. */
RELAY_SINCE(1, 1) void relay_worker_set_sampling(struct relay_worker *worker, bool is_wanted);

/* [any] Runs `run` on the worker's thread, soon. Posts of one thread run in their order. The
 * worker's mailbox takes them until its worker_stop has returned; those that wait then are not
 * run, and it is for the module's `stop` to free what `arg` points to. RELAY_ERR_NOMEM;
 * RELAY_ERR_BOUNDS: RELAY_POSTS_MAX of this module wait already; RELAY_ERR_CLOSED: the worker has
 * stopped. */
RELAY_SINCE(1, 0)
int relay_worker_post(struct relay_worker *worker,
                      void (*run)(struct relay_worker *worker, void *arg), void *arg);

/* [worker] Calls `run` after `delay_ms`, then every `repeat_ms` (0: once). NULL: out of memory, or
 * RELAY_TIMERS_MAX. Belongs to the module until relay_timer_stop, also when it has run. */
RELAY_SINCE(1, 0)
struct relay_timer *relay_timer_start(struct relay_worker *worker, uint64_t delay_ms,
                                      uint64_t repeat_ms,
                                      void (*run)(struct relay_worker *worker, void *arg),
                                      void *arg);
RELAY_SINCE(1, 0) void relay_timer_stop(struct relay_timer **timer); /* [worker] sets it to NULL */

/* ---- Log, counters, shared memory ------------------------------------------------------------ */

enum relay_level { RELAY_ERROR = 1, RELAY_WARN, RELAY_INFO, RELAY_DEBUG, RELAY_TRACE };

/* [any], before 1.1 [relay]: a line of topic "module", beginning with the module's name. Each place
 * in the code is limited to some lines per second; the macros below give each call a site of its
 * own. */
struct relay_log_site {
    uint64_t private_state[2];
};
RELAY_SINCE(1, 0)
void relay_log_write(struct relay_self *self, struct relay_log_site *site, int level,
                     const char *format, ...) RELAY_PRINTF(4, 5);
#define relay_log(self, level, ...)                                                                \
    do {                                                                                           \
        static struct relay_log_site relay_site_;                                                  \
        relay_log_write(self, &relay_site_, level, __VA_ARGS__);                                   \
    } while (0)

/* [relay] The index of the module's counter with this name, which is made if there is none. `name`
 * has the characters a-z, 0-9 and _, at most 47. /stats shows it under the module's name.
 * RELAY_ERR_INVALID; RELAY_ERR_BOUNDS: RELAY_COUNTERS_MAX. */
RELAY_SINCE(1, 0) int relay_counter(struct relay_self *self, const char *name);
/* [worker] Adds to it on this worker; /stats shows the sum of all workers. */
RELAY_SINCE(1, 0) void relay_count(struct relay_worker *worker, int counter, int64_t change);

/* [relay] Replaces the text that /stats shows under this name beside the module's counters, such as
 * a last error: RELAY_NOTE_BYTES at most. NULL: removes it. Errors as relay_counter, and
 * RELAY_ERR_BOUNDS: RELAY_NOTES_MAX. */
RELAY_SINCE(1, 1)
int relay_note(struct relay_self *self, const char *name, const char *text);

/* [relay] A small map that the module's workers share. Keys and values are texts, and vanish with
 * the relay. RELAY_ERR_INVALID: no key, or one that is too long; RELAY_ERR_BOUNDS:
 * RELAY_SHARED_MAX, or the value is too long; RELAY_ERR_NOMEM. */
RELAY_SINCE(1, 0)
int relay_shared_set(struct relay_self *self, const char *key,
                     const char *value); /* NULL: removes it */
/* Copies the value. Returns its length, cut to fit like snprintf; RELAY_ERR_NOT_FOUND. */
RELAY_SINCE(1, 0)
int relay_shared_get(struct relay_self *self, const char *key, char *out, size_t size);
/* Adds to a value that is a number (0 if there is none) in one step, and stores the sum in *sum,
 * unless `sum` is NULL. Errors as relay_shared_set, and RELAY_ERR_INVALID: the value is no number;
 * RELAY_ERR_BOUNDS: the sum is too large. */
RELAY_SINCE(1, 0)
int relay_shared_add(struct relay_self *self, const char *key, int64_t change, int64_t *sum);
/* Writes the keys that begin with `prefix` to `out`, the oldest first, each with its final zero.
 * Returns how many it has written: all, or as many as there is room for. */
RELAY_SINCE(1, 1)
int relay_shared_keys(struct relay_self *self, const char *prefix, char *out, size_t size);

enum { /* limits of one module on one worker */
       RELAY_POSTS_MAX = 65536,
       RELAY_TIMERS_MAX = 4096,
       RELAY_SOURCES_MAX = 1024,
       RELAY_GROUPS_MAX = 16, /* open ones of a source */
       RELAY_GROUP_MAX_BYTES = 64 << 20,
       RELAY_FRAME_MAX_BYTES = 16 << 20,
};
enum {                           /* limits of one module */
       RELAY_COUNTERS_MAX = 128, /* 64 before 1.1 */
       RELAY_NOTES_MAX = 8,
       RELAY_NOTE_BYTES = 256,
       RELAY_SHARED_MAX = 4096, /* keys */
       RELAY_KEY_BYTES = 128,   /* with the final zero, as all that follow */
       RELAY_VALUE_BYTES = 1024,
       RELAY_REASON_BYTES = 128,
       RELAY_POLICY_NOTE_BYTES = 64,
       RELAY_CANDIDATES_MAX = 64,
       RELAY_PATH_BYTES = 3166, /* room for any path */
};
enum { /* limits of all modules together on one worker */
       RELAY_WATCHES_MAX = 1024,
       RELAY_ANNOUNCED_MAX = 256,
       RELAY_GUESTS_MAX = 1024,
       RELAY_DIALS_MAX = 1024,             /* since 1.2 */
       RELAY_CREDENTIAL_MAX_BYTES = 16384, /* of a guest */
       RELAY_VISIT_MAX = 1024,             /* viewers in a call of relay_viewers */
};

/* ---- Paths: [any] ---------------------------------------------------------------------------- */

/* Whether `prefix` is a run of whole parts at the beginning of `path`: "demo" is one of "demo/bbb"
 * and of "demo", but not of "demo2". The empty prefix is one of every path. */
RELAY_SINCE(1, 0) bool relay_path_has_prefix(const char *path, const char *prefix);
/* Whether `pattern` matches all of `path`. `*` stands for any run of bytes within a part, `**` as a
 * whole part for any number of parts. */
RELAY_SINCE(1, 0) bool relay_path_matches(const char *pattern, const char *path);
/* Whether `path` is one that can be offered and watched: 1 to 32 parts, at most 1023 bytes. */
RELAY_SINCE(1, 0) bool relay_path_is_valid(const char *path);

/* ---- Hooks: [worker] ------------------------------------------------------------------------- */

/* Modules are asked in the order of relay.yaml. The first answer other than RELAY_PASS decides; if
 * all pass, the request is allowed. */
enum relay_verdict {
    RELAY_PASS,  /* no opinion */
    RELAY_ALLOW, /* yes; later modules are not asked */
    RELAY_DENY,  /* no: see relay_request_deny */
    RELAY_LATER, /* the module answers later by relay_request_answer; after 5 s: no */
};

enum relay_request_kind {
    RELAY_REQUEST_SESSION = 1,
    RELAY_REQUEST_ANNOUNCE,
    RELAY_REQUEST_SUBSCRIBE,
    RELAY_REQUEST_FETCH, /* one group by its number */
    RELAY_REQUEST_INFO,  /* what is known of a track */
};

/* Each may be NULL and then costs nothing. They are also called from inside functions of this
 * header that lead to what they tell of, and may call any of them in turn: a function that closes
 * something sets the caller's pointer to NULL before it calls a hook. */
struct relay_hooks {
    uint32_t size; /* sizeof(struct relay_hooks) */
    /* A peer has connected; no session exists yet. Answers may set grants. */
    enum relay_verdict (*session_open)(struct relay_peer *peer, struct relay_request *request);
    /* Once for each session_open: the peer leaves, or was refused. The last call about it. Of a
     * peer that was dialled: for each relay_dial_ops.on_up; without session_open in any case. */
    void (*session_close)(struct relay_peer *peer);
    /* A peer offers a track that its grants cover. Answers may change the path under which others
     * are offered it. */
    enum relay_verdict (*announce)(struct relay_peer *peer, struct relay_request *request);
    /* A peer wants a track that its grants cover, one of its groups, or to know of it: see
     * relay_request_kind. Answers may change the path that it is served, the source and the
     * policy. */
    enum relay_verdict (*subscribe)(struct relay_peer *peer, struct relay_request *request);
    /* A request that the module holds needs no answer any more: it was held too long, or the peer
     * has withdrawn it. Its number is void. */
    void (*withdrawn)(struct relay_peer *peer, struct relay_request *request);
    /* A subscription begins to be served, and has ended; the second call is the last about it, and
     * its final numbers can still be read. */
    void (*viewer_open)(struct relay_viewer *viewer);
    void (*viewer_close)(struct relay_viewer *viewer);
    /* Every 250 ms for each viewer. May set its policy or close it. */
    void (*viewer_sample)(struct relay_viewer *viewer);
    /* The first viewer of a track on this worker has come; the last has left, or it has ended. The
     * path is the one under which it is offered. */
    void (*track_live)(struct relay_worker *worker, const char *path);
    void (*track_idle)(struct relay_worker *worker, const char *path);
    /* Something has happened on this worker:
     *   "announced", "ended"   the path of a publisher there
     *   "announce_refused", "subscribe_refused"   what grants or hooks forbade a peer, under the
     *                          path that it named; fetch and info requests included
     *   "taken_over"           a track in use comes from another publisher from now on
     *   "fell_silent"          1.1: the publisher of a track in use, on this worker, is connected
     *                          and brings nothing any more; another one follows (policy.failover)
     * Later versions may tell of more; then `path` may be NULL. */
    void (*event)(struct relay_worker *worker, const char *name, const char *path);
    /* 1.1: chooses one of several publishers of a track, when something of relay_choice_cause
     * happens. Only the worker asks whose publisher feeds the track, or is about to. Returns the
     * index of a candidate, with the same effect as relay_request_set_source; negative: no opinion.
     * The first module that has one decides; if none has, all stays as it is. */
    int (*choose_source)(struct relay_worker *worker, const struct relay_choice *choice);
};

/* ---- Requests: [worker] ---------------------------------------------------------------------- */

/* Valid until the hook that was given it returns. If its peer ends meanwhile, it stays safe to use,
 * and means nothing. A module that returns RELAY_LATER keeps its number, which no other request
 * ever has. */
RELAY_SINCE(1, 0) uint64_t relay_request_number(const struct relay_request *request);
/* The request that the module holds under this number, valid until the module returns to the relay
 * or answers it. NULL: it needs no answer any more, or was answered. */
RELAY_SINCE(1, 0)
struct relay_request *relay_request_held(struct relay_worker *worker, uint64_t number);
/* Answers a request that is held, by RELAY_PASS, RELAY_ALLOW or RELAY_DENY. RELAY_ERR_INVALID:
 * another verdict; RELAY_ERR_NOT_FOUND: it is not held, as in the hook itself. */
RELAY_SINCE(1, 0)
int relay_request_answer(struct relay_request *request, enum relay_verdict verdict);

RELAY_SINCE(1, 0) enum relay_request_kind relay_request_kind(const struct relay_request *request);
RELAY_SINCE(1, 0) struct relay_peer *relay_request_peer(const struct relay_request *request);
/* Writes the path as earlier modules left it, and returns `out`. "": a session's request. */
RELAY_SINCE(1, 0)
const char *relay_request_path(const struct relay_request *request, char *out, size_t size);
RELAY_SINCE(1, 0)
uint64_t relay_request_group(const struct relay_request *request); /* of a fetch */
/* The number that the viewer of a subscription has, if it is served; 0: not a subscription. */
RELAY_SINCE(1, 0) uint64_t relay_request_viewer(const struct relay_request *request);

enum relay_order { RELAY_ORDER_OLDEST, RELAY_ORDER_NEWEST, RELAY_ORDER_ANY };
/* How a subscriber wants its groups, as of its last update. */
struct relay_asked {
    uint32_t size;     /* in: sizeof(struct relay_asked) */
    uint32_t priority; /* 0 to 255; 128 is neutral, higher goes first */
    uint32_t order;    /* enum relay_order; RELAY_ORDER_ANY: it does not say */
    uint32_t unused;
    uint64_t first, last; /* its range of groups; RELAY_ANY_GROUP: it does not say */
};
#define RELAY_ANY_GROUP UINT64_MAX
/* RELAY_ERR_INVALID: not a subscription. */
RELAY_SINCE(1, 0)
int relay_request_asked(const struct relay_request *request, struct relay_asked *asked);

/* Why the peer is refused, and how it is told; RELAY_DENIED_REFUSED if nothing is said. A session
 * by WebTransport that is refused at once is told by an HTTP status. Whatever else is refused is
 * told by a code of transfork: a session by raw QUIC, any session after RELAY_LATER, and what a
 * peer asks for. */
enum relay_denial {
    RELAY_DENIED_REFUSED,      /* status 403; code 13 */
    RELAY_DENIED_UNAUTHORIZED, /* no credentials, or bad ones: 401; 6 */
    RELAY_DENIED_FORBIDDEN,    /* known, but not allowed this: 403; 13 */
    RELAY_DENIED_NOT_FOUND,    /* 404; 13 */
    RELAY_DENIED_BUSY,         /* it may try again later: 503; 11 */
    RELAY_DENIED_EXPIRED,      /* credentials that were valid: 401; 6 */
};
/* Notes code and reason, which the log and the peer are told: at most RELAY_REASON_BYTES, and no
 * secrets. Returns RELAY_DENY, to be returned in turn. */
RELAY_SINCE(1, 0)
enum relay_verdict relay_request_deny(struct relay_request *request, enum relay_denial code,
                                      const char *format, ...) RELAY_PRINTF(3, 4);
/* An announcement: offers it under this path. A subscribe, fetch or info request: serves the track
 * of this path; the peer does not notice. RELAY_ERR_INVALID: no valid path, or a session. */
RELAY_SINCE(1, 0) int relay_request_set_path(struct relay_request *request, const char *path);

/* One that offers the track of a subscription, and could feed it. */
struct relay_candidate {
    uint32_t size;   /* in: sizeof(struct relay_candidate) */
    uint32_t worker; /* where its publisher is */
    uint64_t number; /* of the offer, on all workers; later ones have higher numbers */
    uint64_t peer;   /* relay_peer_number; 0: a module's; before 1.1 also on another worker */
    uint64_t age_ns; /* since this worker has known it */
    bool is_newest;  /* the one that feeds the track if nobody chooses */
    bool is_next;    /* the one that feeds it, or will when it is watched */
    bool has_failed; /* it ended the track, and does not feed it even if it is chosen */
    /* From here on 1.1. In the last 10 s it was connected and brought no groups for too long. */
    bool is_silent;
    /* It feeds the track on this worker now. Only then the next three are measured, because nothing
     * comes of the others. */
    bool is_feeding;
    uint64_t group_age_ns;                /* since its newest group began; 0: no group yet */
    uint64_t rate_bps, group_interval_ns; /* as relay_track_stats; 0: not known */
    uint32_t hops; /* relays between its publisher and this one: 0, or 1 if it is a relay itself,
                      because transfork does not tell what is behind that */
    uint32_t unused;
    /* Of its publisher, on whichever worker that is, as of its announcement; "": none, or a
     * module's. */
    const char *identity, *address, *url_path, *query, *claims;
};
/* Fills in the candidate with this index, in the order in which they would follow each other.
 * RELAY_ERR_NOT_FOUND: there is none, or it is no subscription. */
RELAY_SINCE(1, 0)
int relay_request_candidate(const struct relay_request *request, size_t index,
                            struct relay_candidate *candidate);
/* If the request is allowed, this one feeds the track as long as it offers it and does not fail,
 * also when newer ones come. The choice is the track's, not the viewer's: the last one counts, on
 * all workers. A track that another one feeds changes over as to a newer publisher. Choose after
 * relay_request_set_path. RELAY_ERR_NOT_FOUND; RELAY_ERR_INVALID: not a subscription. */
RELAY_SINCE(1, 0) int relay_request_set_source(struct relay_request *request, uint64_t number);

/* One of several tracks with the same pictures, between which a viewer may be moved. Groups begin
 * with their media time, as those of karp do: their first frame begins with it, in microseconds, as
 * a QUIC varint. */
struct relay_rendition { /* since 1.1 */
    uint32_t size;       /* sizeof(struct relay_rendition) */
    uint32_t unused;
    uint64_t bitrate_bps; /* 0: not known */
    const char *path;
};
enum { RELAY_RENDITIONS_MAX = 16 }; /* of one viewer */
/* The viewer of this subscription may be moved between these, the lowest bit rate first; the track
 * that it is served should be one of them. If it asked for one of them, those that its grants do
 * not cover are left out. It has no effect on a viewer that asks for a range with an end. Count 0:
 * it may not be moved. RELAY_ERR_INVALID: a path is invalid, or it is not a subscription;
 * RELAY_ERR_BOUNDS; RELAY_ERR_NOMEM. */
RELAY_SINCE(1, 1)
int relay_request_set_renditions(struct relay_request *request,
                                 const struct relay_rendition *renditions, size_t count);
/* What relay.yaml or an earlier module has set: fills in the rendition with this index, and points
 * its path at `path` (RELAY_PATH_BYTES). RELAY_ERR_NOT_FOUND: there is none. */
RELAY_SINCE(1, 1)
int relay_request_rendition(const struct relay_request *request, size_t index,
                            struct relay_rendition *rendition, char *path);

enum relay_choice_cause {
    RELAY_CHOICE_WATCHED =
        1,                  /* the first viewer has come, or those of a worker that lost its own */
    RELAY_CHOICE_CANDIDATE, /* another publisher has come */
    RELAY_CHOICE_LOST,      /* the one that fed it has left or failed */
    RELAY_CHOICE_SILENT,    /* that one has fallen silent; without a choice, the next follows */
};
/* Until choose_source returns. */
RELAY_SINCE(1, 1)
enum relay_choice_cause relay_choice_cause(const struct relay_choice *choice);
/* Writes the path of the track, and returns `out`. */
RELAY_SINCE(1, 1)
const char *relay_choice_path(const struct relay_choice *choice, char *out, size_t size);
/* As relay_request_candidate; there are at least two, and at most RELAY_CANDIDATES_MAX. */
RELAY_SINCE(1, 1)
int relay_choice_candidate(const struct relay_choice *choice, size_t index,
                           struct relay_candidate *candidate);

enum relay_policy_bits {
    RELAY_SET_LATENCY = 1,
    RELAY_SET_PRIORITY = 2,
    RELAY_SET_ORDER = 4,
    RELAY_SET_RATE = 8,           /* since 1.1 */
    RELAY_SET_IDENTITY_RATE = 16, /* since 1.1 */
    RELAY_SET_START = 32,         /* since 1.1 */
};
struct relay_policy {
    uint32_t size;       /* sizeof(struct relay_policy) */
    uint32_t set;        /* enum relay_policy_bits, or-ed: which of the fields below count */
    uint64_t latency_ns; /* groups that are later than this are skipped */
    uint32_t priority;   /* 0 to 255; 128 is neutral, higher goes first */
    uint32_t order;      /* enum relay_order: which of several groups goes first */
    /* Since 1.1. Bits per second of the viewer, and of all viewers of its peer's identity together,
     * on all workers: 0 (no cap), or 8000 to 10^12. The second one caps only viewers of peers that
     * have an identity. Contents of groups count, not what QUIC adds. */
    uint64_t rate_bps, identity_rate_bps;
    /* Since 1.1. Where a viewer that asked for no range begins: with the group that was the newest
     * this long ago, else with the oldest that is kept; or one of the words below. Counts only
     * before it is served. */
    uint64_t start_ns;
    /* 1.1: where these were decided, such as "premium.lua:12", for operators who ask why; without
     * secrets. NULL: not said. Cut to RELAY_POLICY_NOTE_BYTES. Reading a policy leaves it NULL. */
    const char *note;
};
#define RELAY_BEGIN_NEWEST UINT64_C(0)
#define RELAY_BEGIN_OLDEST (UINT64_MAX - 1) /* that is kept */
#define RELAY_BEGIN_NEXT (UINT64_MAX - 2)   /* the first group that begins from now on */
/* How a subscription is served. The limits of relay.yaml (policy.max) hold all the same.
 * RELAY_ERR_INVALID: a field is out of range, or it is not a subscription. */
RELAY_SINCE(1, 0)
int relay_request_set_policy(struct relay_request *request, const struct relay_policy *policy);

struct relay_grants {
    uint32_t size; /* sizeof(struct relay_grants) */
    /* Another relay. Since 1.2, it may also offer and watch paths that begin with the part
     * "internal", and no other peer is told of those. */
    bool is_cluster;
    const char *identity; /* a name for the log, without secrets; NULL: none */
    const char *claims;   /* what is known of the peer, as JSON; NULL: nothing */
    /* Prefixes of paths, see relay_path_has_prefix. None: it may not publish, or watch, at all. */
    const char *const *publish, *const *subscribe;
    size_t publish_count, subscribe_count;
    uint64_t expires_ms; /* Unix time in milliseconds when the relay closes the session; 0: never */
};
/* What the peer of a session request may do from now on; checked by the relay before hooks are
 * asked. Without grants of any module, a peer may do everything. Prefixes that begin or end with a
 * slash mean the same without it. RELAY_ERR_EXPIRED, RELAY_ERR_INVALID, RELAY_ERR_BOUNDS,
 * RELAY_ERR_NOMEM: then the session is denied, unless a later call succeeds. */
RELAY_SINCE(1, 0)
int relay_request_set_grants(struct relay_request *request, const struct relay_grants *grants);

/* ---- Peers: [worker] ------------------------------------------------------------------------- */

/* From session_open to session_close. Texts are borrowed for as long, and never NULL. */
RELAY_SINCE(1, 0) struct relay_worker *relay_peer_worker(const struct relay_peer *peer);
RELAY_SINCE(1, 0) void *relay_peer_slot(const struct relay_peer *peer);      /* NULL: no bytes */
RELAY_SINCE(1, 0) uint64_t relay_peer_number(const struct relay_peer *peer); /* of all workers */
RELAY_SINCE(1, 0) const char *relay_peer_address(const struct relay_peer *peer); /* "[::1]:4443" */
RELAY_SINCE(1, 0) const char *relay_peer_url_path(const struct relay_peer *peer);
RELAY_SINCE(1, 0) const char *relay_peer_query(const struct relay_peer *peer); /* no '?' */
RELAY_SINCE(1, 0) const char *relay_peer_page(const struct relay_peer *peer);  /* a page's origin */
RELAY_SINCE(1, 0) const char *relay_peer_server_name(const struct relay_peer *peer); /* SNI */
/* Copies the value of `name` in the query, decoded. Returns its length, cut to fit like snprintf;
 * RELAY_ERR_NOT_FOUND; RELAY_ERR_INVALID: it is there twice, or wrongly escaped. */
RELAY_SINCE(1, 0)
int relay_peer_query_value(const struct relay_peer *peer, const char *name, char *out, size_t size);

enum relay_protocol { RELAY_PROTOCOL_WEBTRANSPORT = 1, RELAY_PROTOCOL_QUIC, RELAY_PROTOCOL_GUEST };
/* A peer by raw QUIC has no URL, so url_path and query are empty. Of one that the relay has
 * dialled, they are those of that URL, and server_name is its host. */
RELAY_SINCE(1, 0) enum relay_protocol relay_peer_protocol(const struct relay_peer *peer);

/* The version of transfork that its session speaks: 2, 3 or 4; 0: none yet, or a guest. */
RELAY_SINCE(1, 0) uint32_t relay_peer_version(const struct relay_peer *peer);

/* What its grants say; "" if it has none. Valid until they change. */
RELAY_SINCE(1, 0) const char *relay_peer_identity(const struct relay_peer *peer);
RELAY_SINCE(1, 0) const char *relay_peer_claims(const struct relay_peer *peer);
RELAY_SINCE(1, 0) bool relay_peer_is_cluster(const struct relay_peer *peer);
RELAY_SINCE(1, 0) uint64_t relay_peer_expires_ms(const struct relay_peer *peer); /* 0: never */
/* Replaces the grants of a session, at once: what is not covered any more ends, and the peer is
 * told of the paths that it may see now. RELAY_ERR_AGAIN: session_open is not decided yet, so
 * answer its request with them; RELAY_ERR_CLOSED; otherwise as relay_request_set_grants, and
 * nothing has changed. A viewer may be gone when this returns. */
RELAY_SINCE(1, 0)
int relay_peer_set_grants(struct relay_peer *peer, const struct relay_grants *grants);
/* Whether its grants cover `path`; true if it has none. */
RELAY_SINCE(1, 0) bool relay_peer_may_publish(const struct relay_peer *peer, const char *path);
RELAY_SINCE(1, 0) bool relay_peer_may_subscribe(const struct relay_peer *peer, const char *path);

struct relay_peer_stats {
    uint32_t size; /* in: sizeof(struct relay_peer_stats) */
    uint32_t unused;
    uint64_t rtt_ns;   /* smoothed; 0: not measured */
    uint64_t rate_bps; /* what the path was measured to carry; 0: not known */
    uint64_t bytes_sent, bytes_received;
    uint64_t packets_sent, packets_lost;
};
RELAY_SINCE(1, 0)
void relay_peer_stats(const struct relay_peer *peer, struct relay_peer_stats *stats);
/* Ends its session with code and reason; session_close follows after the module has returned. */
RELAY_SINCE(1, 0)
void relay_peer_close(struct relay_peer *peer, enum relay_denial code, const char *reason);

/* What a peer is told of: the paths that it may watch, if others offer them. Since 1.2. */
enum relay_telling {
    RELAY_TELL_ALL,  /* at first */
    RELAY_TELL_NEAR, /* not those that only other relays (relay_peer_is_cluster) announce */
    RELAY_TELL_NOTHING,
};
/* Takes effect at once: what the peer is not told of any more has ended for it. It may ask for a
 * path all the same. What is offered on behalf of another relay (relay_peer_offer) is near. */
RELAY_SINCE(1, 2) void relay_peer_tell(struct relay_peer *peer, enum relay_telling telling);
/* What a peer has, although it has not announced it: the module knows by other ways. */
struct relay_peer_has { /* since 1.2 */
    uint32_t size;      /* sizeof(struct relay_peer_has) */
    bool is_spare;      /* feeds a track only while no publisher does that is none */
    const char *path;   /* as the peer knows it */
    const char *name;   /* under which it is offered; NULL: the same. Nobody is told of a name that
                           begins with the part "internal", but whoever knows it may watch. */
};
/* Offers it until relay_peer_withdraw or the end of the session. In all else it is as if the peer
 * had announced it: its grants have to cover `path`, modules are asked. A module must not offer a
 * path twice. RELAY_ERR_INVALID; RELAY_ERR_CLOSED: it has no session; RELAY_ERR_NOMEM. */
RELAY_SINCE(1, 2)
int relay_peer_offer(struct relay_peer *peer, const struct relay_peer_has *what);
/* What was offered as a spare is none any more, and newer than all others. RELAY_ERR_NOT_FOUND. */
RELAY_SINCE(1, 2) int relay_peer_promote(struct relay_peer *peer, const char *path);
RELAY_SINCE(1, 2)
int relay_peer_withdraw(struct relay_peer *peer, const char *path); /* RELAY_ERR_NOT_FOUND */

/* ---- Viewers: [worker] ----------------------------------------------------------------------- */

/* From viewer_open to viewer_close. A call that ends a viewer calls viewer_close before it
 * returns. */
RELAY_SINCE(1, 0) struct relay_peer *relay_viewer_peer(const struct relay_viewer *viewer);
RELAY_SINCE(1, 0)
uint64_t relay_viewer_number(const struct relay_viewer *viewer);              /* of all workers */
RELAY_SINCE(1, 0) void *relay_viewer_slot(const struct relay_viewer *viewer); /* NULL: no bytes */
/* The path that it asked for, and the one under which the track that it is served is offered. Both
 * return `out`. */
RELAY_SINCE(1, 0)
const char *relay_viewer_path(const struct relay_viewer *viewer, char *out, size_t size);
RELAY_SINCE(1, 0)
const char *relay_viewer_track(const struct relay_viewer *viewer, char *out, size_t size);

RELAY_SINCE(1, 0)
void relay_viewer_asked(const struct relay_viewer *viewer, struct relay_asked *asked);

/* The renditions between which it may be moved, as relay_request_rendition. They stay the same as
 * long as it lives. */
RELAY_SINCE(1, 1)
int relay_viewer_rendition(const struct relay_viewer *viewer, size_t index,
                           struct relay_rendition *rendition, char *path);
/* The index of the one that it is served now. RELAY_ERR_NOT_FOUND: it cannot be moved, or its track
 * is none of them. */
RELAY_SINCE(1, 1) int relay_viewer_turned(const struct relay_viewer *viewer);
/* Moves it to another rendition, at the next group that begins at the same media time in both. Not
 * more than once in two seconds: until then, the last call counts. The viewer may be gone when this
 * returns. RELAY_ERR_INVALID: it cannot be moved, or has no such rendition; RELAY_ERR_NOT_FOUND:
 * nobody publishes that; RELAY_ERR_NOMEM. */
RELAY_SINCE(1, 1) int relay_viewer_turn(struct relay_viewer *viewer, size_t index);

struct relay_viewer_stats {
    uint32_t size;        /* in: sizeof(struct relay_viewer_stats) */
    uint32_t open_groups; /* streams that are open for it now */
    uint64_t groups_sent, groups_skipped, groups_reset, bytes_sent;
    uint64_t backlog_bytes; /* there for it, but not sent yet */
    uint64_t lag_ns;        /* age of the oldest group that it has not been sent completely */
    /* 1.1: those of groups_reset that were cut because they were later than its policy allows; the
     * others were stopped by the viewer, or cut short by their publisher. */
    uint64_t groups_late;
    uint64_t watched_ns; /* 1.1: how long it has been served */
};
RELAY_SINCE(1, 0)
void relay_viewer_stats(const struct relay_viewer *viewer, struct relay_viewer_stats *stats);
/* Fills in all numbers that apply to it now, as far as `size` has room, and their bits. */
RELAY_SINCE(1, 0)
void relay_viewer_policy(const struct relay_viewer *viewer, struct relay_policy *policy);
/* Errors as relay_request_set_policy. The viewer may be gone when this returns. */
RELAY_SINCE(1, 0)
int relay_viewer_set_policy(struct relay_viewer *viewer, const struct relay_policy *policy);
/* The numbers of `bits` are no module's any more. */
RELAY_SINCE(1, 0) void relay_viewer_clear_policy(struct relay_viewer *viewer, uint32_t bits);
/* Skips to the newest group: older ones are given up. The viewer may be gone when this returns. */
RELAY_SINCE(1, 1) void relay_viewer_skip(struct relay_viewer *viewer);
RELAY_SINCE(1, 0) void relay_viewer_close(struct relay_viewer *viewer, enum relay_denial code);
/* The same, and the log says why: at most RELAY_REASON_BYTES. The subscriber is told the code only,
 * because the protocol has no words for it; relay_peer_close has. Both may be called at any time:
 * in hooks, timers and posts. */
RELAY_SINCE(1, 1)
void relay_viewer_deny(struct relay_viewer *viewer, enum relay_denial code, const char *reason);

typedef bool relay_each_viewer(struct relay_viewer *viewer, void *user);
/* Calls `each` for the viewers of this worker that asked for a path that `pattern` matches (NULL:
 * all), in the order in which they came, until it returns false. A call looks at RELAY_VISIT_MAX
 * viewers at most, or at fewer if the pattern takes long. *place says where it begins (0: with the
 * first), and is set to where to go on; 0: all have been visited. `place` may be NULL: the first
 * ones only. `each` may end this viewer and others. Returns how many were visited, or
 * RELAY_ERR_INVALID: `pattern` is none, or the module has neither a hook nor a slot of viewers. */
RELAY_SINCE(1, 1)
int relay_viewers(struct relay_worker *worker, const char *pattern, uint64_t *place,
                  relay_each_viewer *each, void *user);

/* ---- Statistics: [worker] -------------------------------------------------------------------- */

/* Of a track, as this worker knows it. */
struct relay_track_stats {
    uint32_t size;              /* in: sizeof(struct relay_track_stats) */
    uint32_t viewers;           /* of this worker */
    uint64_t rate_bps;          /* smoothed over some seconds; 0: not known yet */
    uint64_t group_interval_ns; /* from the beginning of a group to that of the next one, smoothed;
                                   0: not known yet */
    uint64_t cached_bytes;      /* of the groups that are kept */
    uint64_t cached_ns;         /* from the beginning of the oldest of them to that of the newest */
    uint64_t newest;            /* the newest group; RELAY_ANY_GROUP: there is none */
    uint64_t newest_age_ns;     /* since it began */
    uint64_t source;            /* relay_candidate.number of what feeds it; 0: nothing does now */
    uint64_t peer;              /* relay_candidate.peer of that */
    uint32_t worker;            /* where that publisher is */
    uint32_t all_viewers;       /* of all workers */
};
/* RELAY_ERR_NOT_FOUND: nobody watches the track of this path on this worker; RELAY_ERR_INVALID. */
RELAY_SINCE(1, 1)
int relay_track_stats(struct relay_worker *worker, const char *path,
                      struct relay_track_stats *stats);
/* Of the track that it is served. */
RELAY_SINCE(1, 1)
void relay_viewer_track_stats(const struct relay_viewer *viewer, struct relay_track_stats *stats);

/* Of the relay. */
struct relay_worker_stats {
    uint32_t size;              /* in: sizeof(struct relay_worker_stats) */
    uint32_t workers;           /* how many there are */
    uint64_t sessions, viewers; /* of this worker, now */
    uint64_t tracks;            /* that are watched anywhere, from publishers of this worker */
    uint64_t bytes_sent;        /* UDP payload, since the relay began */
    /* The same of all workers together, as of the last 100 ms. */
    uint64_t all_sessions, all_viewers, all_tracks, all_bytes_sent;
};
RELAY_SINCE(1, 1)
void relay_worker_stats(const struct relay_worker *worker, struct relay_worker_stats *stats);

/* ---- Sources: [worker] ----------------------------------------------------------------------- */

/* A module publishes a track as a peer does: it offers the path, and writes groups of frames. Its
 * newest group is kept, with as many older ones as the offer says, so that a viewer that comes
 * later begins at once. */
struct relay_offer {
    uint32_t size;             /* sizeof(struct relay_offer) */
    uint32_t groups;           /* older groups that are kept as well */
    const char *path;          /* of the track */
    struct relay_guest *guest; /* on whose behalf; NULL: the module's own, nobody is asked */
    uint64_t age_ns;           /* an older group is kept no longer than this; 0: no limit */
    uint32_t priority;         /* 0 to 255; 128 is neutral */
    uint32_t order;            /* enum relay_order, where neither viewer nor policy says */
    bool is_quiet;             /* 1.2: nobody is told of it, but whoever knows the path may watch */
};
struct relay_source_ops {
    uint32_t size; /* sizeof(struct relay_source_ops) */
    /* Each may be NULL. Somebody watches, on any worker; nobody watches any more. */
    void (*on_live)(struct relay_source *source, void *user);
    void (*on_idle)(struct relay_source *source, void *user);
    /* The guest may not offer it, or is gone: the source must be closed. Never called from inside
     * another function of this header. */
    void (*on_refused)(struct relay_source *source, void *user, enum relay_denial code,
                       const char *reason);
};
/* Offers a track until relay_source_close. `ops` may be NULL. RELAY_ERR_INVALID: no valid path;
 * RELAY_ERR_DUPLICATE: this module offers it on this worker already; RELAY_ERR_BOUNDS:
 * RELAY_SOURCES_MAX; RELAY_ERR_REFUSED: its guest was not let in, or a hook of the module closed it
 * meanwhile; RELAY_ERR_NOMEM. That of a guest which a hook has ended is refused by on_refused. */
RELAY_SINCE(1, 0)
int relay_source_open(struct relay_worker *worker, const struct relay_offer *offer,
                      const struct relay_source_ops *ops, void *user, struct relay_source **source);
RELAY_SINCE(1, 0) bool relay_source_is_live(const struct relay_source *source);
/* Whether it was decided if the guest may offer it; if it may not, on_refused was called. True from
 * the beginning if there is no guest. */
RELAY_SINCE(1, 0) bool relay_source_is_decided(const struct relay_source *source);
/* There will be no more groups; those that are open are closed with `error`, and must not be used
 * any more. Viewers get what is kept, then the end with `error`, and so do viewers that come later,
 * until relay_source_close. */
RELAY_SINCE(1, 0) void relay_source_end(struct relay_source *source, int error);
/* The track is not offered any more, and ends with `error` if it has not ended before: by 0 when
 * each viewer has everything, otherwise at once. Its groups must not be used any more. Sets *source
 * to NULL. */
RELAY_SINCE(1, 0) void relay_source_close(struct relay_source **source, int error);

#define RELAY_NEXT_GROUP UINT64_MAX
/* Begins a group. `sequence` is higher than all before, or RELAY_NEXT_GROUP. Several may be open if
 * the offer keeps older ones: one that is not kept any more is cut. RELAY_ERR_DUPLICATE: there was
 * a higher one; RELAY_ERR_CLOSED: the source has ended; RELAY_ERR_BOUNDS: RELAY_GROUPS_MAX are
 * open; RELAY_ERR_NOMEM. */
RELAY_SINCE(1, 0)
int relay_group_open(struct relay_source *source, uint64_t sequence, struct relay_group **group);
RELAY_SINCE(1, 0) uint64_t relay_group_sequence(const struct relay_group *group);
/* Adds one frame, which viewers are sent in this turn of the loop. RELAY_ERR_BOUNDS: over
 * RELAY_FRAME_MAX_BYTES, or the group would be over RELAY_GROUP_MAX_BYTES; RELAY_ERR_CLOSED: the
 * group was cut, see relay_group_open; RELAY_ERR_NOMEM. */
RELAY_SINCE(1, 0) int relay_group_write(struct relay_group *group, const void *data, size_t size);
/* Ends the group: complete if `error` is 0, else cut short. Sets *group to NULL. */
RELAY_SINCE(1, 0) void relay_group_close(struct relay_group **group, int error);

/* ---- Dials: [worker] ------------------------------------------------------------------------- */

/* Has the relay open a session to another relay, and open it again when it is lost. The peer at its
 * other end is one like those that come in, except that session_open is not asked. The module needs
 * a hook of peers or viewers, or a slot in them. All since 1.2. */
#define RELAY_NEVER UINT64_MAX
struct relay_dial_config {
    uint32_t size;    /* sizeof(struct relay_dial_config) */
    bool is_insecure; /* trusts any certificate */
    /* https://host[:port]/path: WebTransport. http: the same, and trusts the certificate whose
     * fingerprint http://host:port/fingerprint tells. moqf://host[:port]: raw QUIC. */
    const char *url;
    const struct relay_grants *grants; /* what the peer may do; NULL: everything */
    /* The session is lost when nothing has come for so long; after how much silence to ask for a
     * sign of life. 0: as relay.yaml says for all (quic). */
    uint64_t silence_ns, keep_alive_ns;
    /* Pauses double from the first to the longest, and vary by half. 0: 1 s and 30 s. */
    uint64_t first_retry_ns, most_retry_ns;
    const char *const *root_files; /* PEM; none: what relay.yaml trusts (tls) */
    size_t root_file_count;
    const uint8_t *pinned_sha256; /* of the only certificate that is trusted; NULL: any that is
                                     valid */
};
struct relay_dial_ops { /* each may be NULL */
    uint32_t size;      /* sizeof(struct relay_dial_ops) */
    /* There is a session; the peer exists until session_close. */
    void (*on_up)(struct relay_dial *dial, struct relay_peer *peer, void *user);
    /* It is lost, or could not be opened; `error` 0: its peer has ended it in good order. The next
     * attempt is in `retry_ns`; RELAY_NEVER: there is none, because it can never work (root_files)
     * or the relay stops, and this is the last call. */
    void (*on_down)(struct relay_dial *dial, int error, const char *reason, uint64_t retry_ns,
                    void *user);
    /* Before each attempt: the token to send as ?jwt=, borrowed; NULL: what the URL has. By raw
     * QUIC neither path nor token is sent. */
    const char *(*token)(struct relay_dial *dial, void *user);
};
/* Never calls anything before it returns. RELAY_ERR_INVALID: the URL is none, or see above;
 * RELAY_ERR_BOUNDS: RELAY_DIALS_MAX; RELAY_ERR_CLOSED: the relay stops; RELAY_ERR_NOMEM; or as
 * relay_request_set_grants. */
RELAY_SINCE(1, 2)
int relay_dial_open(struct relay_worker *worker, const struct relay_dial_config *config,
                    const struct relay_dial_ops *ops, void *user, struct relay_dial **dial);
/* Ends the session, if there is one. Nothing is called for the dial any more; session_close of its
 * peer follows. Sets *dial to NULL. */
RELAY_SINCE(1, 2) void relay_dial_close(struct relay_dial **dial);
RELAY_SINCE(1, 2)
bool relay_peer_is_dialled(const struct relay_peer *peer); /* by any module */

/* ---- Sinks: [worker] ------------------------------------------------------------------------- */

/* A module watches a track as a viewer does, from whichever worker and publisher it comes. Hooks
 * are not asked. It reads items when it likes; groups that it has not read by the time that its
 * latency allows are skipped, and it is told. */
enum relay_watch_start {
    RELAY_START_NEWEST, /* with the newest group that is there */
    RELAY_START_OLDEST, /* with the oldest group that is kept */
    RELAY_START_NEXT,   /* with the next group that begins */
};
struct relay_wish {
    uint32_t size;       /* sizeof(struct relay_wish) */
    uint32_t start;      /* enum relay_watch_start */
    const char *path;    /* of the track */
    uint64_t latency_ns; /* a group is skipped this long after the next one began; 0: as the policy
                            of relay.yaml says for this path */
    uint64_t unread_max_bytes; /* a group of which more is unread is cut; 0: no limit of its own */
    uint32_t order; /* enum relay_order: which of several groups is read first. Oldest first also
                       means in order: an earlier group that is missing gets some time to come */
};
enum relay_item_kind {
    RELAY_ITEM_GROUP = 1, /* group `sequence` begins */
    RELAY_ITEM_FRAME,     /* of that group */
    RELAY_ITEM_GROUP_END, /* no more of it; `error` 0: it is complete */
    RELAY_ITEM_GAP,       /* groups `sequence` to `last` never come, because of `error` */
    RELAY_ITEM_END,       /* of the track, by `error`; the last item */
};
struct relay_item {
    uint32_t size; /* in: sizeof(struct relay_item) */
    uint32_t kind; /* enum relay_item_kind */
    uint64_t sequence, last;
    const void *data; /* a frame, valid until the next call for the same watch */
    size_t data_bytes;
    int32_t error; /* 0 or enum relay_error */
};
/* There is something to read: for the first time, or again after relay_watch_read returned 0. Never
 * called from inside another function of this header. */
typedef void relay_on_readable(struct relay_watch *watch, void *user);
/* If nobody publishes the track, the watch waits as a viewer does (limits.wait), and then ends with
 * RELAY_ERR_NOT_FOUND. RELAY_ERR_INVALID; RELAY_ERR_BOUNDS: RELAY_WATCHES_MAX; RELAY_ERR_NOMEM. */
RELAY_SINCE(1, 0)
int relay_watch_open(struct relay_worker *worker, const struct relay_wish *wish,
                     relay_on_readable *on_readable, void *user, struct relay_watch **watch);
/* 1: *item is the next item. 0: there is none now. RELAY_ERR_CLOSED: after RELAY_ITEM_END. */
RELAY_SINCE(1, 0) int relay_watch_read(struct relay_watch *watch, struct relay_item *item);
/* Also in on_readable of the same watch. Sets it to NULL. */
RELAY_SINCE(1, 0) void relay_watch_close(struct relay_watch **watch);

struct relay_watch_stats {
    uint32_t size; /* in: sizeof(struct relay_watch_stats) */
    uint32_t unused;
    uint64_t groups_read, groups_cut, groups_skipped; /* to the end; begun only; not at all */
    uint64_t bytes_read;
    uint64_t backlog_bytes; /* unread, of the group that it is in */
    uint64_t lag_ns; /* how long ago a newer group than the oldest unread one began; 0: none has */
};
RELAY_SINCE(1, 0)
void relay_watch_stats(const struct relay_watch *watch, struct relay_watch_stats *stats);

/* The paths that are offered, whichever worker their publishers are on. Never called from inside
 * another function of this header. */
struct relay_announced_ops {
    uint32_t size; /* sizeof(struct relay_announced_ops) */
    /* Somebody offers this path now, or nobody does any more. */
    void (*on_path)(void *user, const char *path, bool is_offered);
    /* May be NULL. Once: all paths that were offered when it was opened have been told. */
    void (*on_listed)(void *user);
    bool omits_given; /* 1.2: what is offered by relay_peer_offer does not count */
};
/* Tells of each path under `prefix` that is offered now, and then of each that appears or ends.
 * RELAY_ERR_INVALID; RELAY_ERR_BOUNDS: RELAY_ANNOUNCED_MAX; RELAY_ERR_NOMEM. */
RELAY_SINCE(1, 0)
int relay_announced_open(struct relay_worker *worker, const char *prefix,
                         const struct relay_announced_ops *ops, void *user,
                         struct relay_announced **announced);
RELAY_SINCE(1, 0) void relay_announced_close(struct relay_announced **announced); /* to NULL */
/* Whether this path is offered now, as far as this worker knows. */
RELAY_SINCE(1, 1)
bool relay_path_is_offered(const struct relay_worker *worker, const char *path);

/* ---- Guests: [worker] ------------------------------------------------------------------------ */

/* A publisher that reaches the relay through the module, such as an encoder by HTTP. All modules'
 * hooks see it as a peer: session_open decides and sets its grants, announce decides on what is
 * offered on its behalf (relay_offer.guest), session_close tells of its end. It has no statistics,
 * and watches nothing. */
struct relay_guest_info {
    uint32_t size; /* sizeof(struct relay_guest_info) */
    uint32_t unused;
    const char *address;  /* of its other end: "192.0.2.1:50000" */
    const char *url_path; /* each NULL: "" */
    const char *query;    /* without '?' */
    const char *page;     /* the origin of a page, as browsers tell it */
    const char *server_name;
    const char *credential; /* a token, for relay_peer_credential */
};
struct relay_guest_ops { /* each may be NULL */
    uint32_t size;       /* sizeof(struct relay_guest_ops) */
    /* Once, perhaps before relay_guest_open returns. If it is not allowed, this is the last call,
     * and the guest is gone: its other end should be told code and reason. */
    void (*on_decided)(void *user, bool is_allowed, enum relay_denial code, const char *reason);
    /* A module or its expiry ends it. The last call; the guest is gone, and its sources are refused
     * and must be closed. */
    void (*on_closed)(void *user, enum relay_denial code, const char *reason);
};
/* *guest is NULL on return if it was refused already. RELAY_ERR_BOUNDS: RELAY_GUESTS_MAX, or
 * the credential is too long; RELAY_ERR_NOMEM. After an error nothing is called. */
RELAY_SINCE(1, 0)
int relay_guest_open(struct relay_worker *worker, const struct relay_guest_info *info,
                     const struct relay_guest_ops *ops, void *user, struct relay_guest **guest);
/* Its other end has left. Sources on its behalf are refused, and must be closed. Sets *guest to
 * NULL. */
RELAY_SINCE(1, 0) void relay_guest_close(struct relay_guest **guest);
/* Whether the guest's grants cover `path`; true if it has none. It is known once on_decided was
 * called. False also if `path` is not a path. */
RELAY_SINCE(1, 0)
bool relay_guest_may_publish(const struct relay_guest *guest, const char *path);
/* The token that a guest was opened with; "" for sessions, which have theirs in the query. */
RELAY_SINCE(1, 0) const char *relay_peer_credential(const struct relay_peer *peer);

#ifdef __cplusplus
}
#endif
#endif
