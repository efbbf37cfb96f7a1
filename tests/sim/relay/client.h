/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A client of the relay: publishes tracks, watches others', and writes down what it is told. */
#ifndef MOQ_TESTS_SIM_RELAY_CLIENT_H
#define MOQ_TESTS_SIM_RELAY_CLIENT_H

#include "tests/sim/relay/world.h"

enum { CLIENT_TRACKS_MAX = 4, CLIENT_REASON_BYTES = 128 };

struct client {
    struct list link;
    struct host *host;
    struct moq_offers *offers;
    struct quic_conn *conn;      /* NULL: gone */
    struct moq_session *session; /* NULL: not agreed yet, or over */
    uint32_t versions;
    int ready, closed, close_error;
    char reason[CLIENT_REASON_BYTES];

    /* As a publisher. */
    struct moq_track *tracks[CLIENT_TRACKS_MAX]; /* served to whoever asks */
    bool is_mute;                                /* leaves INFO and FETCH without an answer */
    int subscribes, fetches, infos, updates;     /* what it was asked */
    int viewers;                                 /* that it serves now */
    struct moq_viewer *viewer;                   /* the last one */
    struct moq_wish wish;                        /* the last one's */

    /* As one who asks. */
    struct moq_announced *announced;
    int actives, ends, lives;
};

struct client_setup {
    uint32_t versions; /* 0: all */
    enum quic_protocol protocol;
};

extern const struct moq_native_bridge client_bridge; /* what a host's bridge calls */

/* Begins to connect to the relay; raw QUIC and all versions if `setup` is NULL. The host's. */
struct client *client_connect(struct host *host, const struct client_setup *setup);
/* And waits until it is. Tries again if the handshake took too long on a bad network. */
struct client *client_ready(struct host *host, const struct client_setup *setup);
bool client_is_decided(void *client);    /* ready, or lost */
void client_free(struct client *client); /* when its connection is gone */
void client_close(struct client *client, int error);
bool client_is_ready(void *client);
bool client_is_closed(void *client);

/* Announces `path` and serves a track under it, the one that is returned (borrowed). */
struct moq_track *client_publish(struct client *client, const char *path);
void client_withdraw(struct client *client, struct moq_track *track); /* the announcement only */

/* Counts what is announced under `prefix`, for the rest of its session. */
void client_listen(struct client *client, const char *prefix);

#endif
