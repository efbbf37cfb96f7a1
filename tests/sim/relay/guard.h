/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A hook entry on every worker that gives each new peer the grants that the test chose for it. */
#ifndef MOQ_TESTS_SIM_RELAY_GUARD_H
#define MOQ_TESTS_SIM_RELAY_GUARD_H

#include "tests/sim/relay/client.h"

enum { PASS_PREFIXES_MAX = 8 };

struct pass { /* grants, as a test writes them */
    const char *identity, *claims;
    const char *publish, *subscribe; /* prefixes with spaces between; "*": everything; NULL: none */
    uint64_t expires_ms;
    bool is_cluster;
};

struct guard {
    struct world *world;
    struct core_hook hooks[WORLD_WORKERS_MAX];
    const struct pass *next;                     /* for the peers that come; NULL: no grants */
    enum core_verdict session, announce, others; /* its answers */
    enum core_denial denial;                     /* with each denial at once */
    const char *reason;
    int error;                  /* of the last grants that were set */
    struct core_peer *peer;     /* the last one that came */
    struct core_request *held;  /* the last one that was answered LATER */
    uint64_t number;            /* of `held` */
    struct moq_path *rename;    /* for announcements; NULL: as they are */
    struct core_guest **closes; /* a guest that it closes when a request is withdrawn; NULL: none */
    int withdrawn;
    int announces, questions; /* requests that it was asked about: to publish, and to watch */
};

/* The world must have no peers yet. */
void guard_init(struct guard *guard, struct world *world);
void guard_deinit(struct guard *guard);
/* Connects a client with these grants (NULL: none) and waits until its session is ready. Its peer
 * is guard->peer then. */
struct client *guard_admit(struct guard *guard, const struct pass *pass,
                           const struct client_setup *setup);
/* As core_request_set_grants and core_peer_set_grants. */
int pass_to_request(const struct pass *pass, struct core_request *request);
int pass_to_peer(const struct pass *pass, struct core_peer *peer);

/* A relay with a guard, whose links take 10 ms. */
struct guarded {
    struct world world;
    struct guard guard;
};

void guarded_init(struct guarded *stage);
void guarded_deinit(struct guarded *stage);
void guarded_run_ms(struct guarded *stage, uint64_t ms);
struct client *guarded_admit(struct guarded *stage, const struct pass *pass);

#endif
