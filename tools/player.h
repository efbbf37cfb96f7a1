/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The tracks of a broadcast as a session brings them: the input that a `karp_playback` reads from.
 * Each track is a subscription, and its groups wait in a track of the model. */
#ifndef MOQ_TOOLS_PLAYER_H
#define MOQ_TOOLS_PLAYER_H

#include "karp/karp.h"
#include "native/native.h"

struct player;

struct player_track { /* private */
    struct player *player;
    struct karp_playback_track *playing;
    const char *name; /* for the log; the catalog's */
    struct moq_track *track;
    struct moq_subscription *subscription; /* NULL: it has ended */
    struct moq_watcher watcher;
    struct moq_group_reader reader;
    bool is_reading; /* `reader` is in use */
};

struct player {
    struct karp_playback playback; /* its events and latency are the owner's */
    struct moq_session *session;   /* set it; NULL: no track can be brought now */
    /* Private: makes the path of a track. An error comes out of karp_playback_open. */
    int (*make_path)(void *user, const char *name, struct moq_path **path);
    void *user;
};

/* Sets the input of the playback, and its clock. */
void player_init(struct player *player, const struct moq_clock *clock,
                 int (*make_path)(void *user, const char *name, struct moq_path **path),
                 void *user);

#endif
