/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Hook chains: where modules and scripts are asked, in the order in which they were added. Part of core's door.
 *
 * An entry answers PASS (no opinion), ALLOW or DENY at once, or LATER and then calls core_answer. The first answer other
 * than PASS ends the chain; when all pass, the default of the question applies (allow). A LATER that takes longer than
 * CORE_ANSWER_TIMEOUT_NS is a DENY. When what a question is about goes away first, `withdrawn` says so. */
#ifndef MOQ_CORE_HOOKS_H
#define MOQ_CORE_HOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "native/native.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CORE_ANSWER_TIMEOUT_NS (5 * NS_PER_S)
enum { CORE_REASON_BYTES = 128 };

struct core_peer; /* one connected session; see core.h */

enum core_verdict { CORE_PASS, CORE_ALLOW, CORE_DENY, CORE_LATER };

enum core_question { CORE_ASK_SESSION, CORE_ASK_ANNOUNCE, CORE_ASK_SUBSCRIBE };

/* One question on its way through the chain. An entry may change what is marked so. */
struct core_ask {
    enum core_question question; /* read-only */
    struct core_peer *peer;      /* read-only */
    struct moq_path
        *path; /* announce, subscribe: may be replaced (rename, alias): take a reference of the new,
                                       drop the old */
    struct moq_policy policy;       /* subscribe: may be changed */
    char reason[CORE_REASON_BYTES]; /* may be set with DENY */

    struct core_hooks *hooks; /* private from here on */
    struct list *next;
    struct list node;
    uint64_t deadline_ns;
    bool is_waiting;
    void (*on_decided)(struct core_ask *ask,
                       bool is_allowed); /* called once; owns the ask afterwards */
    void *user;
};

/* What an entry may answer or hear; every member may be NULL. */
struct core_hook_ops {
    enum core_verdict (*session_open)(void *self, struct core_ask *ask);
    enum core_verdict (*announce)(void *self, struct core_ask *ask);
    enum core_verdict (*subscribe)(void *self, struct core_ask *ask);
    /* A question that waits for core_answer needs none any more: it took too long, or what it is
     * about is gone. Told to every entry; not to be used afterwards. */
    void (*withdrawn)(void *self, struct core_ask *ask);
    void (*session_close)(void *self, struct core_peer *peer); /* once, if session_open was asked */
    void (*viewer_sample)(
        void *self,
        struct moq_viewer *viewer); /* four times a second; may set the viewer's policy, by
                                       what moq_viewer_stats and core_peer_transport tell */
    void (*track_live)(void *self, const struct moq_path *path); /* the first viewer came */
    void (*track_idle)(void *self, const struct moq_path *path); /* the last one left */
    void (*event)(void *self, const char *name,
                  const struct moq_path *path); /* notable things, after the fact */
};

struct core_hook {
    struct list node; /* private */
    const struct core_hook_ops *ops;
    void *self;
};

struct core_hooks {
    struct list chain;         /* private: core_hook.node */
    struct list waiting;       /* private: core_ask.node, by deadline */
    const struct clock *clock; /* private */
};

void core_hooks_init(struct core_hooks *hooks, const struct clock *clock);

/* Adds an entry at the end; it is kept until core_hooks_remove. Not while a chain runs. */
void core_hooks_add(struct core_hooks *hooks, struct core_hook *hook);
void core_hooks_remove(struct core_hooks *hooks, struct core_hook *hook);

/* Completes a LATER; PASS goes on with the next entry. Not twice, and not after the question went away. */
void core_answer(struct core_ask *ask, enum core_verdict verdict);

/* ---- For core itself ------------------------------------------------------------------------- */

/* Runs the chain. `on_decided` may be called before this returns. */
void core_hooks_ask(struct core_hooks *hooks, struct core_ask *ask);
void core_hooks_withdraw(struct core_ask *ask); /* what it is about is gone: no call follows */
uint64_t core_hooks_tick(
    struct core_hooks *hooks); /* denies what took too long; returns the next deadline */

void core_hooks_session_close(struct core_hooks *hooks, struct core_peer *peer);
void core_hooks_viewer_sample(struct core_hooks *hooks, struct moq_viewer *viewer);
bool core_hooks_want_samples(const struct core_hooks *hooks);
void core_hooks_track(struct core_hooks *hooks, const struct moq_path *path, bool is_live);
void core_hooks_event(struct core_hooks *hooks, const char *name, const struct moq_path *path);

#ifdef __cplusplus
}
#endif
#endif
