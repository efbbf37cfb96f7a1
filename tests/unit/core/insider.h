/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A relay with two entries in its chain that do things from inside their own functions. Each hears
 * everything in pairs, and checks that. */
#ifndef MOQ_TESTS_UNIT_CORE_INSIDER_H
#define MOQ_TESTS_UNIT_CORE_INSIDER_H

#include "tests/sim/relay/prologue.h"

enum { MEMBERS = 32 };

enum place {
    AT_SESSION,
    AT_ANNOUNCE,
    AT_SUBSCRIBE,
    AT_FETCH,
    AT_INFO,
    AT_WITHDRAWN,
    AT_PEER_BORN,
    AT_PEER_DIED,
    AT_VIEWER_BORN,
    AT_VIEWER_DIED,
    AT_SAMPLE,
    AT_LIVE,
    AT_IDLE,
    AT_EVENT,
    PLACES,
};

struct stage;

/* One entry: what it has heard, and what it does where. */
struct entry {
    struct core_hook hook;
    struct stage *stage;
    const void *members[MEMBERS]; /* born and not dead; NULL: free place */
    int births, live;
    int refusals, takeovers; /* events */
    enum core_verdict verdicts[AT_INFO + 1];
    void (*deed)(struct entry *entry); /* NULL: none */
    enum place place;                  /* where */
    int deeds;
};

struct stage {
    struct world world;
    struct entry first, second;
    struct client *publisher, *viewer;
    struct watch watch;
    struct core_peer *peer;       /* the last one born, until it has died */
    struct core_viewer *seen;     /* the viewer that an entry is told of; NULL: none */
    struct core_request *request; /* that it is asked; NULL: none */
    struct core_guest *guest;     /* that a deed has opened */
    int decisions;
    bool is_guest_allowed;
    struct core_watch *watching; /* that a deed has opened */
    struct fetch *fetch;         /* that a feed of the test was asked for */
};

extern const struct core_hook_ops insider_ops;

void stage_init(struct stage *stage);
void stage_deinit(struct stage *stage);
void run_ms(struct stage *stage, uint64_t ms);

/* From now on the entry does this there. */
void at(struct entry *entry, enum place place, void (*deed)(struct entry *entry));

/* A client comes, does all that a client does, and goes. */
void a_client_lives(struct stage *stage);

/* Whatever it was told of has died. */
void assert_gone(const struct entry *entry);

#endif
