/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A relay without sockets, workers or media: as much of relay/module.h as the module `lua` uses,
 * for one worker. Whoever drives it says who connects, what they want, what their numbers are and
 * what time it is. What the module decides can be read from the structs below. */
#ifndef LUA_TEST_FAKE_H
#define LUA_TEST_FAKE_H

#include <relay/module.h>
#include <uthash.h>

enum {
    FAKE_COUNTERS_MAX = 512,
    FAKE_NAME_BYTES = 64,
    FAKE_NOTES_MAX = 16,
    FAKE_TEXT_BYTES = 512,
    FAKE_NS_PER_MS = 1000000,
};

struct fake_pair { /* of the map that workers share, and of notes */
    UT_hash_handle hh;
    char key[RELAY_KEY_BYTES], value[RELAY_VALUE_BYTES];
};

enum { FAKE_POSTS_MAX = 64, FAKE_CANDIDATES_MAX = 8 };

struct fake_post {
    void (*run)(struct relay_worker *worker, void *arg);
    void *arg;
};

struct relay_choice {
    enum relay_choice_cause cause;
    const char *path;
    struct relay_candidate candidates[FAKE_CANDIDATES_MAX];
    size_t count;
};

struct relay_worker {
    struct relay_self *self;
    struct fake_post posts[FAKE_POSTS_MAX];
    size_t post_count;
    uint64_t now_ns;
    struct relay_timer *timers;
    void *slot;
    bool is_sampling;
};

struct relay_self {
    const struct relay_module *module;
    void *data;
    char failure[FAKE_TEXT_BYTES];
    void (*on_log)(void *user, int level, const char *text);
    void *user;
    char counter_names[FAKE_COUNTERS_MAX][FAKE_NAME_BYTES];
    int64_t counters[FAKE_COUNTERS_MAX];
    int counter_count;
    struct fake_pair *shared, *notes;
    struct relay_worker worker;
    struct relay_peer *peers; /* also those that have left; freed at the end */
    uint64_t last_number;
    bool is_reload_wanted; /* atomic */
};

enum { FAKE_RENDITIONS_MAX = 8 };

struct fake_ladder {
    char paths[FAKE_RENDITIONS_MAX][FAKE_TEXT_BYTES];
    uint64_t bitrates_bps[FAKE_RENDITIONS_MAX];
    size_t count;
};

struct relay_peer {
    struct relay_self *self;
    struct relay_peer *next;
    struct relay_viewer *viewers; /* also those that have left */
    uint64_t number;
    char *address, *sni, *path, *query, *page, *identity, *claims;
    enum relay_protocol protocol;
    uint32_t version;
    bool is_cluster, is_gone;
    struct relay_peer_stats stats;
    struct fake_ladder ladder; /* of its subscriptions */
    char *closed_why;          /* NULL: the module has not closed it */
    max_align_t slot[];
};

struct relay_viewer {
    struct relay_peer *peer;
    struct relay_viewer *next;
    uint64_t number;
    char path[RELAY_PATH_BYTES], track[RELAY_PATH_BYTES];
    struct relay_viewer_stats stats;
    struct relay_policy policy;
    struct fake_ladder ladder;
    uint32_t skips;          /* how often the module skipped it */
    bool is_gone, is_closed; /* it has left; by the module */
    enum relay_denial code;
    char *reason; /* why the module has closed it; NULL: it has not said so */
    max_align_t slot[];
};

/* A question to the module, and what it has decided. */
struct relay_request {
    enum relay_request_kind kind;
    struct relay_peer *peer;
    uint64_t viewer;
    struct relay_asked asked;
    char path[RELAY_PATH_BYTES];
    enum relay_verdict verdict;
    enum relay_denial code;
    char reason[RELAY_REASON_BYTES];
    struct relay_policy policy; /* `set` says which fields count */
    bool has_path, has_grants;
    const struct relay_choice *choice; /* which publishers there are; NULL: just one */
    size_t source; /* the place of the one that was chosen, from 1 on; 0: none was */
    char identity[FAKE_TEXT_BYTES];
    uint64_t expires_ms;
    char publish[RELAY_VALUE_BYTES], subscribe[RELAY_VALUE_BYTES]; /* prefixes, by spaces */
};

/* NULL: out of memory. */
struct relay_self *fake_new(const struct relay_module *module,
                            void (*on_log)(void *user, int level, const char *text), void *user);
/* Stops it first, if it was started. */
void fake_free(struct relay_self **self);

/* 0, or an error; then `failure` of it says why. The configuration is borrowed. */
int fake_start(struct relay_self *self, const void *config);
int fake_reload(struct relay_self *self, const void *config);

/* Time goes on, step by step: at each timer that is due on the way, it runs. */
void fake_advance(struct relay_self *self, uint64_t ns);

struct fake_info { /* of a peer; each text may be NULL */
    const char *address, *sni, *path, *query, *page, *identity, *claims;
    enum relay_protocol protocol;
    uint32_t version;
    bool is_cluster;
};
/* Asks the module whether the peer may come in. The peer lives until fake_free; one that is
 * refused has left. NULL: out of memory. */
struct relay_peer *fake_connect(struct relay_self *self, const struct fake_info *info,
                                struct relay_request *request);
void fake_announce(struct relay_peer *peer, const char *path, struct relay_request *request);
/* `request` has the kind (RELAY_REQUEST_SUBSCRIBE, _FETCH or _INFO) and the choice. Returns the
 * viewer; NULL: there is none. */
struct relay_viewer *fake_subscribe(struct relay_peer *peer, const char *path,
                                    struct relay_request *request);
void fake_sample(struct relay_viewer *viewer);
void fake_leave(struct relay_viewer *viewer);
void fake_disconnect(struct relay_peer *peer); /* its viewers leave, too */

/* Asks the module which candidate feeds a track: its index, or negative. */
int fake_choose(struct relay_self *self, const struct relay_choice *choice);
void fake_run_posts(struct relay_self *self); /* what the module has posted to itself */

bool fake_has_counter(const struct relay_self *self, const char *name);
int64_t fake_counter(const struct relay_self *self, const char *name);  /* 0: there is none */
const char *fake_note(const struct relay_self *self, const char *name); /* NULL: there is none */

#endif
