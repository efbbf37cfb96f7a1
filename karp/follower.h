/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Follows a broadcast: finds the newest instance that is announced, and reads its catalog.
 *
 * Announcements come one by one, and a publisher that reconnects withdraws one and makes another.
 * So a change takes effect only after KARP_FOLLOWER_QUIET_NS without another change. It knows
 * neither sessions nor the path of the broadcast: announcements and frames of the catalog are given
 * to it. */
#ifndef MOQ_KARP_FOLLOWER_H
#define MOQ_KARP_FOLLOWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/now.h"
#include "karp/catalog.h"
#include "karp/instances.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

#define KARP_FOLLOWER_QUIET_NS UINT64_C(100000000)
#define KARP_FOLLOWER_RETRY_NS UINT64_C(1000000000) /* before a catalog is asked for again */

/* Where the catalog is read from. */
struct karp_follower_input {
    /* Begins to bring the catalog of the instance `id`, for karp_follower_give_catalog and
     * karp_follower_end_catalog, which must not be called from inside. An error means the same as
     * the second one. */
    int (*open_catalog)(void *user, const char *id);
    /* Stops bringing it. Also called when it has ended, or was never open. */
    void (*close_catalog)(void *user);
};

struct karp_follower_events {
    /* The newest instance has changed; NULL: there is none any more. */
    void (*on_instance)(void *user, const char *id);
    /* A new version of the catalog of that instance. The callee owns it. */
    void (*on_catalog)(void *user, struct karp_catalog *catalog);
    void (*on_warning)(void *user, const char *line); /* for people */
};

struct karp_follower {
    const struct moq_clock *clock; /* set once, as all down to `user`; the rest is zero then */
    const struct karp_follower_input *input;
    void *input_user;
    const struct karp_follower_events *events;
    void *user;
    char id[KARP_ID_MAX_BYTES]; /* read-only: of the newest instance; "": none */
    bool is_from_start;         /* read-only: that instance began while we were listening */
    uint64_t passed_over;       /* read-only: instances that began while we were listening, but
                                   were replaced or withdrawn before they became the one in `id` */
    uint64_t refused_ns;        /* read-only: since when its catalog cannot be had; 0: it can */
    int refusal;                /* read-only: why */
    struct karp_instances instances;  /* read-only: that are announced */
    bool is_listening;                /* private, as all below: announcements come */
    bool has_settled;                 /* all earlier announcements have come */
    char fresh_id[KARP_ID_MAX_BYTES]; /* the last instance announced after that; "": none */
    unsigned appeared;       /* instances that were announced since the one in `id` was taken */
    bool is_catalog_awaited; /* it has been asked for and has not ended */
    bool is_refusal_told;
    unsigned delays;   /* how often a newer instance has been put off for this one's catalog */
    bool has_version;  /* `version` has been read */
    uint64_t version;  /* sequence of the catalog's group that was read last */
    uint64_t quiet_ns; /* when the newest instance is taken; 0: nothing has changed */
    uint64_t retry_ns; /* when the catalog is asked for again; 0: not */
};

/* Announcements begin to come. What was known before does not count any more: on_instance is called
 * again, even if the instance is the same. */
void karp_follower_listen(struct karp_follower *follower);
/* No announcements come any more, but that does not mean that broadcasts have ended: nothing
 * changes until the next karp_follower_listen. */
void karp_follower_pause(struct karp_follower *follower);
/* The same, and the catalog is closed. */
void karp_follower_stop(struct karp_follower *follower);

/* An instance of the broadcast is announced, or no more: the last part of its path, of `size`
 * bytes. What is not an id is ignored. */
void karp_follower_announce(struct karp_follower *follower, const char *id, size_t size);
void karp_follower_withdraw(struct karp_follower *follower, const char *id, size_t size);
/* All that is announced now has been told. */
void karp_follower_settle(struct karp_follower *follower);

/* The first frame of the newest group of the catalog, whose number is `sequence`. It may be given
 * again. */
void karp_follower_give_catalog(struct karp_follower *follower, uint64_t sequence, const void *data,
                                size_t size);
/* No further version follows. `error` 0: a normal end. */
void karp_follower_end_catalog(struct karp_follower *follower, int error);

/* Does what is due. To be called at karp_follower_due_ns or a little later. */
void karp_follower_tick(struct karp_follower *follower);
uint64_t karp_follower_due_ns(const struct karp_follower *follower); /* UINT64_MAX: never */

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
