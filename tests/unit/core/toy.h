/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* An entry of a hook chain as a module would write one: it knows peers, viewers and requests by
 * their handles only, keeps in slots what it remembers of them, and includes core's door alone. */
#ifndef MOQ_TEST_CORE_TOY_H
#define MOQ_TEST_CORE_TOY_H

#include "server/core/core.h"

enum { TOY_KINDS = CORE_REQUEST_INFO + 1 };

struct toy_peer {
    uint64_t number;
    int requests;
};

struct toy_viewer {
    int samples;
};

struct toy {
    struct core_hook hook;
    int asked[TOY_KINDS]; /* by kind */
    int peers, viewers, peers_ever, viewers_ever, samples, held, withdrawn;
    bool is_holding; /* answers subscriptions LATER */
    bool is_closing; /* the viewers that it sees */
    bool has_sni;    /* the last session */
    uint64_t group;  /* of the last fetch */
    struct core_request *last_held;
    uint64_t sampled_at_ns; /* the turn of the last sample, and how many were in it */
    const struct moq_clock *clock;
    int in_turn, most_in_turn;
};

void toy_init(struct toy *toy, const struct moq_clock *clock);

#endif
