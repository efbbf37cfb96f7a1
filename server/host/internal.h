/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The handles of relay/module.h from the inside, and what the files of this room share.
 *
 *   kind            a shared object that was found and fits, with its schema
 *   relay_self      a kind that was started
 *   relay_worker    the same on one worker: an entry of its hook chain, with all that the module
 *                   has there
 *   relay_peer,     the entry's slot in a peer or viewer of core; the module's own slot follows
 *   relay_viewer */
#ifndef MOQ_HOST_INTERNAL_H
#define MOQ_HOST_INTERNAL_H

#include "base/mailbox.h"
#include "server/config/rows.h"
#include "server/host/host.h"
#include "server/include/relay/module.h"

enum { HOST_MODULES_MAX = CONFIG_MAX_MODULES, HOST_FILE_BYTES = 1024 };

/* ---- Handles --------------------------------------------------------------------------------- */

enum host_magic {
    HOST_SELF = 0x6d6f7101,
    HOST_WORKER,
    HOST_PEER,
    HOST_REQUEST,
    HOST_VIEWER,
    HOST_SOURCE,
    HOST_GROUP,
    HOST_TIMER,
    HOST_WATCH,
    HOST_ANNOUNCED,
    HOST_GUEST,
    HOST_CHOICE,
    HOST_DIAL,
};

/* The first member of each handle but relay_self. */
struct host_handle {
    uint32_t magic;              /* enum host_magic; 0: the handle is no more */
    struct relay_worker *worker; /* to which it belongs */
};

/* Whether `handle` may be used in `function`, on this thread. If not, logs which module does what
 * wrong; a debug build aborts. Stale handles are recognised as long as their memory is not used
 * again. */
bool host_fits(const void *handle, enum host_magic magic, const char *function);
bool host_self_fits(const struct relay_self *self, const char *function); /* any relay thread */
#define FITS(handle, magic) host_fits(handle, magic, __func__)
#define SELF_FITS(self) host_self_fits(self, __func__)

/* ---- Kinds: kind.c, schema.c ----------------------------------------------------------------- */

enum { KIND_NAME_MAX_BYTES = 31 };

struct host_kind {
    struct config_module_kind config; /* name, file, settings */
    struct relay_module module;       /* copies, zero where an older module has nothing */
    struct relay_hooks hooks;
    struct config_section *section; /* owned; NULL: it has no settings */
    char file[HOST_FILE_BYTES];
};

/* Reads the module in the shared object `file`. NULL: `problem` says why. */
struct host_kind *kind_load(const char *file, char *problem);
/* For one that is linked into the relay. */
struct host_kind *kind_of(const struct relay_module *module, const char *file, char *problem);
void kind_free(struct host_kind **kind);
/* How many bytes at the start of `text` a module's name may have; and whether all of it is one. */
size_t kind_name_bytes(const char *text);
bool kind_is_name(const char *text);

/* Makes a section of a module's schema, in one allocation chain that schema_free frees. NULL:
 * `problem` says what is wrong with it. */
struct config_section *schema_section(const struct relay_schema *schema, char *problem);
void schema_free(struct config_section **section);

/* ---- The host: host.c ------------------------------------------------------------------------ */

bool host_is_main(const struct host *host); /* whether this is its thread */
uint32_t host_worker_count(const struct host *host);
/* find.c: the shared object that relay.yaml calls `name`, for config_host. */
const struct config_module_kind *host_find(void *host, const char *name, const char *directory,
                                           char *problem);
size_t host_list(void *host, const char *directory, const struct config_module_kind **kinds,
                 size_t max);

/* ---- Running modules ------------------------------------------------------------------------- */

struct shared; /* shared.c: the map that a module's workers share */

struct host_counter {
    char name[48];
};

struct host_note {
    char name[48];
    char text[RELAY_NOTE_BYTES]; /* printable ASCII; "": none */
};

struct relay_self {
    uint32_t magic;
    struct host *host;
    const struct host_kind *kind;
    const struct relay_config *relay; /* the whole configuration */
    const void *config;               /* the module's part of it, which workers use */
    const void *fresh;                /* while a reload is under way */
    bool is_prepared;                 /* the module accepted `fresh` */
    void *data;
    char failure[512]; /* by relay_fail */
    uv_mutex_t mutex;  /* held while a counter is added, or a note is used */
    struct host_counter counters[RELAY_COUNTERS_MAX];
    uint32_t counter_count;                  /* atomic */
    struct host_note notes[RELAY_NOTES_MAX]; /* under the mutex */
    bool is_reload_wanted;                   /* atomic */
    struct shared *shared;
    struct relay_worker *workers[CORE_WORKERS_MAX];
    uint32_t worker_count;
    struct relay_worker *failed; /* whose worker_start failed; posts may refer to it */
};

struct relay_worker {
    struct host_handle head;
    struct relay_self *self;
    const struct core_worker *core;
    struct core_hook hook;
    struct core_hook_ops ops;
    const void *config;
    const struct relay_config *relay;      /* the whole configuration that this worker uses */
    uint64_t counters[RELAY_COUNTERS_MAX]; /* written on its thread, read on any: atomic */
    struct list timers, sources, watches, announced, guests, dials;
    uint32_t source_count, timer_count;
    uv_timer_t *sweep;      /* for the caches of its sources; NULL: there was none yet */
    uint32_t waiting_posts; /* atomic */
    bool is_stopped;        /* atomic: worker_stop was called, posts are dropped */
    struct list held;       /* relay_request.node: handles of requests that the module holds */
    struct list spare;      /* relay_request.node: of those that it has held, to be used again */
    void *slot;
};

struct relay_peer {
    struct host_handle head;
    struct core_peer *core;
    bool was_asked; /* session_open was called */
    max_align_t slot[];
};

struct relay_choice { /* on the stack, while a hook is asked */
    struct host_handle head;
    const struct core_choice *core;
};

struct relay_viewer {
    struct host_handle head;
    struct core_viewer *core;
    max_align_t slot[];
};

/* Of a request that is asked about, on the stack. Of one that the module holds, the core's user
 * pointer: made when the module looks for it, and kept for the next one afterwards. */
struct relay_request {
    struct host_handle head;
    struct list node;
    struct core_request *core;
    uint64_t number;
};

/* worker.c. NULL: out of memory. */
struct relay_worker *host_worker_new(struct relay_self *self, const struct core_worker *core);
/* After worker_stop: frees what the module has left, and runs none of its posts any more. */
void host_worker_end(struct relay_worker *worker);
void host_worker_free(struct relay_worker **worker); /* when the core is gone */

/* self.c: as host_figures. */
void self_figures(struct relay_self *self, const struct host_figures *figures, void *user);

/* hooks.c: makes `worker->ops` of the hooks that the module has. */
void hooks_fill(struct relay_worker *worker);
/* request.c: as host_fits, and false if the request is over: a call to the relay may end the peer,
 * and its requests with it, while a hook is still running. */
bool request_fits(const struct relay_request *request, const char *function);
#define REQUEST_FITS(request) request_fits(request, __func__)
/* The module does not hold it any more. */
void request_let_go(struct core_request *core);
void requests_free(struct relay_worker *worker);
struct relay_peer *hooks_peer(struct relay_worker *worker, struct core_peer *peer);

/* grants.c: reads what a module grants, and hands it to `use`, whose result is an error of core.
 * Returns an enum relay_error. */
typedef int host_use_grants(void *subject, const struct core_grants *grants);
int host_with_grants(const struct relay_grants *given, host_use_grants *use, void *subject);
/* source.c */
void sources_close_forgotten(struct relay_worker *worker);
/* watch.c */
void watches_close_forgotten(struct relay_worker *worker);
/* guest.c */
void guests_close_forgotten(struct relay_worker *worker);
/* dial.c */
void dials_close_forgotten(struct relay_worker *worker);
/* timer.c */
void timers_stop_forgotten(struct relay_worker *worker);

/* shared.c */
struct shared *shared_new(void);
void shared_free(struct shared **shared);

/* convert.c: what is wrong with a module, cut to CONFIG_PROBLEM_BYTES. */
void host_problem(char *problem, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* convert.c: errors, paths and policies from one side to the other. */
int host_error(int core_error);               /* of base/error.h -> enum relay_error */
int host_core_error(int error);               /* and back */
struct moq_path *host_path(const char *text); /* NULL: not a valid path, or out of memory */
/* Writes `path` as moq_path_text() does; NULL: the empty text. Returns `out`. */
const char *host_path_text(const struct moq_path *path, char *out, size_t size);
void host_asked(const struct moq_wish *wish, struct relay_asked *asked);
/* The bits whose fields a struct relay_policy of this size has: those that its module knows. */
uint32_t host_policy_bits(uint32_t size);
void host_candidate(const struct core_candidate *core, struct relay_candidate *candidate);
int host_override(const struct relay_policy *policy, struct core_override *override);
enum core_denial host_denial(enum relay_denial code); /* refused, if it is none of ours */
enum relay_denial host_denial_back(enum core_denial denial);
/* The smaller of the size that a caller states and ours: how much of a struct may be copied. */
size_t host_struct_bytes(uint32_t size, size_t ours);

#endif
