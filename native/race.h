/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Racing the addresses of a host (RFC 8305). Private to native/. */
#ifndef MOQ_NATIVE_RACE_H
#define MOQ_NATIVE_RACE_H

#include "native/address.h"
#include "native/socket.h"

enum {
    RACE_STAGGER_MS = 250, /* RFC 8305, section 8: Connection Attempt Delay */
    RACE_REASON_BYTES = 256,
};

struct race;
struct race_attempt {
    struct race *race;
    struct quic_conn *conn; /* NULL: not started, or over */
};

struct race_config {
    struct native_socket *socket;
    struct quic_tls *tls;
    const struct moq_url *url;
    const struct address_list *list; /* copied */
    uint64_t idle_ns, keep_alive_ns; /* as quic_connect_config */
    /* A connection has won: fills in *config (see on_client of the bridge). */
    int (*on_won)(void *user, struct quic_conn *conn, struct moq_session_config *config);
    void (*on_ready)(void *user, struct moq_session *session); /* of the winner */
    /* The winner has ended, or all connections have failed. */
    void (*on_lost)(void *user, int error, const char *reason);
    void *user;
};

/* One attempt: addresses are started RACE_STAGGER_MS apart, or when the previous one has failed. */
struct race {
    struct race_config config;
    struct address_list list;
    struct race_attempt attempts[ADDRESS_LIST_MAX];
    struct race_attempt *winner; /* NULL: not yet */
    size_t begun;
    uv_timer_t stagger; /* the owner initialises it before the race and closes it afterwards */
    char reason[RACE_REASON_BYTES];
    int error;
};

void race_start(struct race *race, const struct race_config *config); /* may call on_lost */
void race_stop(struct race *race);                  /* drops every connection without a call */
void race_bridge(struct moq_native_bridge *bridge); /* sets the callbacks that serve races */

#endif
