/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A session from the inside: what its streams share. The state machines are one file each:
 * greeting.c (the session stream) with bitrate.c, announce_answer.c and announce_ask.c,
 * subscribe_answer.c with viewer.c and send_group.c, subscribe_ask.c with recv_group.c,
 * fetch_answer.c and fetch_ask.c, info.c, and request.c for what an owner answers. */
#ifndef MOQ_SESSION_STATE_H
#define MOQ_SESSION_STATE_H

#include "base/list.h"
#include "base/clock.h"
#include "transfork/stream.h"
#include "transfork/transfork.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What may wait until a version is agreed on: a web page's streams can overtake its first one. */
enum { PARKED_MAX_STREAMS = 16, PARKED_MAX_BYTES = 64 * 1024 };

/* Buckets of the hash table of our subscriptions. */
enum { SUBSCRIPTION_BUCKETS = 64 };

enum session_state {
    SESSION_GREETING, /* versions are not agreed yet */
    SESSION_READY,
    SESSION_CLOSING, /* the transport was told; nothing is read or sent any more */
    SESSION_CLOSED,
};

/* Memory that is freed at the end of a turn, because a caller may still look at it. */
struct grave {
    struct list node;
    void (*free)(struct grave *grave);
};

struct moq_session {
    struct moq_transport transport;
    struct moq_session_config config; /* with the defaults filled in */
    enum session_state state;
    uint32_t version;      /* enum moq_version; 0 before it is agreed */
    uint32_t held_version; /* the version that a held session will answer with; 0: none yet */
    uint32_t depth;        /* nesting of session_enter */

    struct moq_stream *greeting; /* the session stream; NULL before it begins and after it ends */
    struct list streams;         /* moq_stream.node: the peer's and ours, opened */
    struct list waiting;         /* moq_stream.node: ours, not opened for lack of credit */
    struct list graves;
    bool is_ticking;   /* session_wait_until only collects; the tick tells the earliest */
    bool is_rejected;  /* we are a client, and the server ended the session stream too early */
    bool has_stranger; /* a stream of another type came before the session stream */
    uint32_t parked_streams;
    size_t parked_bytes;

    struct list viewers;  /* moq_viewer.node */
    struct list requests; /* request.node */
    struct list announce_answers;
    struct list announced;
    struct list recv_groups;
    struct list unacknowledged;  /* send_group.over_node: sent or cut, oldest first */
    struct list *subscriptions;  /* owned: SUBSCRIPTION_BUCKETS lists, or NULL */
    uint32_t subscription_count; /* the peer's viewers and requests */
    uint32_t announce_count;     /* the peer's announce streams */
    uint64_t next_subscription;  /* id of our next one */

    uint64_t deadline_ns;                       /* when a tick has work to do, or CLOCK_NEVER */
    uint64_t greeting_deadline_ns;              /* the versions must be agreed by then */
    uint64_t dialect_deadline_ns;               /* see dialect.c */
    uint64_t bitrate_bps;                       /* our estimate towards the peer; 0: unknown */
    uint64_t told_bitrate_bps, told_bitrate_ns; /* the last SESSION_UPDATE of ours */
    uint64_t peer_bitrate_bps;
    int error; /* why we closed it */
    char reason[96];
};

static inline uint64_t session_now(const struct moq_session *session)
{
    return session->config.clock->now_ns;
}

static inline bool session_is_ready(const struct moq_session *session)
{
    return session->state == SESSION_READY;
}

/* Called around every upcall; the outermost session_leave frees the graves. */
void session_enter(struct moq_session *session);
void session_leave(struct moq_session *session);
void session_bury(struct moq_session *session, struct grave *grave,
                  void (*free)(struct grave *grave));

/* Makes sure of a tick at `when_ns` or earlier. */
void session_wait_until(struct moq_session *session, uint64_t when_ns);

/* `a` + `b`, or CLOCK_NEVER if that overflows. */
static inline uint64_t time_after(uint64_t a, uint64_t b)
{
    return b > CLOCK_NEVER - a ? CLOCK_NEVER : a + b;
}

/* Ends the session because of something that the peer did. */
void session_fail(struct moq_session *session, int error, const char *reason);

/* ---- The kinds of streams (each in its file) ------------------------------------------------- */

/* Attach the handlers of streams that the peer opened. `accept_begin` (session.c) reads the type,
 * the others read what follows it. */
void accept_begin(struct moq_stream *stream);
/* More bytes of a stream that arrived before a version was agreed on. */
int accept_parked(struct moq_stream *stream, const uint8_t *data, size_t n);
void greeting_begin(struct moq_stream *stream); /* server: the session stream */
/* The `read` of the session stream once a version is agreed on. */
long bitrate_read(struct moq_stream *stream, const uint8_t *data, size_t n);
void announce_answer_begin(struct moq_stream *stream);
void subscribe_answer_begin(struct moq_stream *stream);
void fetch_answer_begin(struct moq_stream *stream);
void info_answer_begin(struct moq_stream *stream);
void recv_group_begin(struct moq_stream *stream);

int greeting_open(struct moq_session *session);         /* client: opens the session stream */
void session_become_ready(struct moq_session *session); /* unparks streams, tells the owner */
/* Ends the session soon, unless the transport says why it ends before that. */
void session_await_last_words(struct moq_session *session);

/* Timeouts of each kind of stream. */
void announce_ask_tick(struct moq_session *session);
void viewers_tick(struct moq_session *session);
void recv_groups_tick(struct moq_session *session);
void send_groups_tick(struct moq_session *session);
void subscriptions_tick(struct moq_session *session);
void dialect_tick(struct moq_session *session);
void bitrate_tick(struct moq_session *session);

/* The peer allows more streams: lets waiting viewers open groups. */
void viewers_credit(struct moq_session *session);

#ifdef __cplusplus
}
#endif
#endif
