/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What test_chaos.c is made of: clients of a relay, and what modules will be: entries of hook
 * chains, publishers that are not peers, and sinks. All of them act at random, by a seed. */
#ifndef MOQ_TESTS_SIM_RELAY_CHAOS_H
#define MOQ_TESTS_SIM_RELAY_CHAOS_H

#include "tests/sim/relay/prologue.h"
#include "tests/sim/relay/tap.h"

enum {
    CHAOS_HOSTS = 4,
    CHAOS_CLIENTS = 8,
    CHAOS_WATCHES = 12,
    CHAOS_PATHS = 4,
    CHAOS_ENTRIES = 3, /* per worker; not all of them are in its chain */
    CHAOS_PONDS = 4,
    CHAOS_TAPS = 8,
    CHAOS_EARS = 3,
    CHAOS_HELD = 8,      /* requests that an entry can hold at a time */
    CHAOS_MEMBERS = 256, /* peers and viewers that an entry can know */
};

struct chaos;

struct chaos_entry {
    struct core_hook hook;
    struct core_hooks *hooks; /* NULL: not in the chain */
    struct chaos *chaos;
    struct core_request *held[CHAOS_HELD]; /* NULL: unused */
    void *members[CHAOS_MEMBERS];          /* born and not dead; NULL: unused */
    int live;                              /* number of live tracks */
};

/* A publisher without a session; sometimes a guest, that is, a peer to hooks. */
struct chaos_pond {
    struct chaos *chaos;
    struct announcement *announcement; /* NULL: nothing is announced */
    struct feed *feed;                 /* NULL: not open */
    struct fetch *fetch;               /* NULL: no FETCH waits */
    moq_on_info *on_info;              /* NULL: no INFO request waits */
    void *info_user;
    struct moq_group *growing; /* a reference, while the feed is open; NULL: none */
    uint64_t sequence;
    bool is_announcing, is_ready, is_asked, is_resting;
    struct core_guest *guest;  /* on whose behalf it may announce; NULL: none */
    bool is_let_in, is_guests; /* the guest; the announcement is one of the guest's */
};

/* One that hears which paths are announced. */
struct chaos_ear {
    struct chaos *chaos;
    struct router *router;
    struct core_announced *announced; /* NULL: unused */
    bool heard[CHAOS_PATHS];          /* it was told that this path is announced */
    bool is_listed;
};

struct chaos {
    struct world world;
    struct host *hosts[CHAOS_HOSTS];
    struct client *clients[CHAOS_CLIENTS]; /* NULL: unused */
    struct watch *watches[CHAOS_WATCHES];  /* NULL: unused */
    struct chaos_entry entries[WORLD_WORKERS_MAX][CHAOS_ENTRIES];
    struct chaos_pond ponds[CHAOS_PONDS];
    struct tap taps[CHAOS_TAPS]; /* without a watch: unused */
    struct chaos_ear ears[CHAOS_EARS];
    bool has_guests; /* there are entries and ponds, not only clients */
    bool is_ending;  /* ponds make no more announcements */
    int whole, cut, gaps, asked, replaced, inside, granted, guests, pond_groups, sink_calls,
        sink_groups, sink_gaps;
};

uint64_t chaos_dice(struct chaos *chaos, uint64_t sides);
const char *chaos_any_path(struct chaos *chaos);
const char *chaos_path(int index);

/* ---- Entries --------------------------------------------------------------------------------- */

void chaos_entries_init(struct chaos *chaos);
void chaos_answer_one(struct chaos *chaos);
void chaos_change_chain(struct chaos *chaos);        /* adds, removes or replaces an entry */
void chaos_entries_check(const struct chaos *chaos); /* at the end: each birth had a death */

/* ---- Ponds ----------------------------------------------------------------------------------- */

void chaos_pond_acts(struct chaos *chaos);         /* a pond announces, writes, answers or ends */
void chaos_ponds_check(const struct chaos *chaos); /* checks that ponds rest when nobody watches */
void chaos_ponds_end(struct chaos *chaos);

/* ---- Sinks ----------------------------------------------------------------------------------- */

void chaos_sink_acts(struct chaos *chaos);        /* a sink opens, reads or closes */
void chaos_ears_check(const struct chaos *chaos); /* when nothing is under way: they know all */
void chaos_sinks_end(struct chaos *chaos);

#endif
