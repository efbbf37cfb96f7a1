/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A client of the relay. It publishes tracks, watches those of others, and records what it is
 * told. */
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
    struct moq_track *tracks[CLIENT_TRACKS_MAX]; /* served to everyone who asks */
    bool is_mute;                                /* does not answer INFO and FETCH */
    int subscribes, fetches, infos, updates;     /* requests received */
    int viewers;                                 /* served at the moment */
    struct moq_viewer *viewer;                   /* the last one */
    struct moq_wish wish;                        /* of the last viewer */
    /* As a subscriber. */
    struct moq_announced *announced;
    int actives, ends, lives;
};

struct client_setup {
    uint32_t versions; /* 0: all */
    enum quic_protocol protocol;
    const char *url_path; /* with its query; NULL: "/" */
};

extern const struct moq_native_bridge client_bridge; /* callbacks for a host's bridge */
/* Begins to connect to the relay, with raw QUIC and all versions if `setup` is NULL. The host owns
 * the client. */
struct client *client_connect(struct host *host, const struct client_setup *setup);
/* Connects and waits until the session is ready. Tries again if the handshake times out on a bad
 * network. */
struct client *client_ready(struct host *host, const struct client_setup *setup);
bool client_is_decided(void *client);    /* ready, or lost */
void client_free(struct client *client); /* when its connection is gone */
void client_close(struct client *client, int error);
bool client_is_ready(void *client);
bool client_is_closed(void *client);

/* Announces `path` and serves a track with that path. Returns the track (borrowed). */
struct moq_track *client_publish(struct client *client, const char *path);
void client_withdraw(struct client *client, struct moq_track *track); /* the announcement only */

/* Counts announcements under `prefix` from now on. */
void client_listen(struct client *client, const char *prefix);

#endif
