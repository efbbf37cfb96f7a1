/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A third kind of feed, beside legs and mirror: a pond, which publishes a track without being a
 * peer, as a module will. Nothing in core knows it, and it knows nothing of core but its door. */
#ifndef MOQ_TEST_CORE_POND_H
#define MOQ_TEST_CORE_POND_H

#include "server/core/core.h"

struct pond {
    struct announcement *announcement; /* NULL: it is not announced */
    struct pond_feed *feed;            /* NULL: not open */
    struct moq_wish wish;              /* the last one */
    struct fetch *fetch;               /* NULL: nobody fetches */
    uint64_t group;                    /* that was fetched last */
    moq_on_info *on_info;              /* NULL: nobody asks */
    void *info_user;
    int opened, adjusted, rested, closed;
    bool is_asked;   /* it writes */
    bool is_unready; /* it has to begin first */
    bool is_quick;   /* which it does as soon as it is asked */

    /* Of a guest. */
    bool is_shy; /* drains itself when it is not allowed */
    int decided;
    bool is_allowed;
    enum core_denial denial;
    char reason[128];
};

struct pond_feed {
    struct feed feed;
    struct pond *pond;
};

/* Announces "pond" on a worker, until pond_drain; zeroed before. */
void pond_fill(struct pond *pond, struct router *router);
/* Offers `name` on behalf of a guest, until pond_drain or the end of the guest. */
void pond_offer(struct pond *pond, struct core_guest *guest, const char *name);
void pond_drain(struct pond *pond);
struct moq_track *pond_track(const struct pond *pond); /* NULL: nobody watches */

#endif
