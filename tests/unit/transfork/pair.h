/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Two peers on a wire, each of which records what it is told; or one, and the test plays the other.
 *
 * A peer serves its `track` to whoever asks for that path, keeps every other request in `request`,
 * and writes down the rest. Every test ends with pair_deinit, which fails if any object is left. */
#ifndef TEST_PAIR_H
#define TEST_PAIR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "wire.h"

struct peer {
    struct moq_session *session;
    struct moq_offers *offers;
    struct moq_track *track;     /* served to everyone who asks; NULL: none */
    struct moq_policy policy;    /* for its viewers */
    struct moq_viewer *viewer;   /* the last one; NULL: closed */
    struct moq_request *request; /* the last one that is not answered; NULL: answered or gone */
    const void *hidden_owner;    /* this peer does not see offers of this owner */
    enum peer_rule {
        PEER_FOLLOWS,
        PEER_IGNORES,
        PEER_SERVES,
        PEER_REFUSES
    } on_update; /* of a wish */
    int ready, closed, requests, requests_updated, gone, viewers_updated, viewers_closed;
    int close_error;
    char reason[128];
};

struct pair {
    struct wire wire;
    struct peer peer[2];
};

struct options {
    uint32_t version; /* of both peers; 0: all versions */
    uint32_t client_versions;
    bool has_no_client, has_no_server; /* the test plays this peer */
    bool is_browser;                   /* the peer of the server is a web page */
    struct moq_session_limits limits;
    const struct moq_session_events *events; /* NULL: those of pair.c, which keep the record */
    size_t piece;                            /* bytes that travel at once; 0: no limit */
};

void pair_init(struct pair *pair, const struct options *options);
void pair_deinit(struct pair *pair);

/* Makes a track with this path on the pair's clock, with a large cache. */
struct moq_track *track_new(struct pair *pair, const char *path);
void track_begin(struct moq_track *track, uint64_t sequence,
                 struct moq_group **group); /* a reference */
void track_frame(struct moq_track *track, struct moq_group *group, const char *text);
void track_group(struct moq_track *track, uint64_t sequence,
                 const char *text); /* one frame, complete */
void track_end(struct moq_track *track, struct moq_group **group);

/* A subscription that records what it is told, and its track. */
struct listener {
    struct moq_track *track;
    struct moq_subscription *subscription;
    struct moq_watcher watcher;
    int infos, closed, close_error, gaps;
    struct moq_info info;
    uint64_t gap_first, gap_last;
    int gap_error;
    uint64_t order[64]; /* sequences in the order of their arrival */
    size_t count;
};
void listener_init(struct listener *listener, struct pair *pair, const char *path);
void listener_subscribe(struct listener *listener, struct moq_session *session,
                        const struct moq_wish *wish);
void listener_deinit(struct listener *listener);

/* All frames of a group, joined by '|'; "..." at the end while it grows, "!" if it was cut. */
const char *text_of(struct moq_track *track, uint64_t sequence);

#define NO_WISH                                                                                    \
    ((struct moq_wish){                                                                            \
        .priority = 128, .order = MOQ_ORDER_NEWEST, .min = MOQ_NO_GROUP, .max = MOQ_NO_GROUP})
#define RANGE(from, to)                                                                            \
    ((struct moq_wish){.priority = 128, .order = MOQ_ORDER_OLDEST, .min = (from), .max = (to)})

/* The bytes that a stream carried, as hex without spaces. */
const char *hex_of(const struct wire_half *half);
void say_hex(struct wire_stream *stream, int end, const char *hex); /* spaces are skipped */
struct wire_stream *open_hex(struct wire *wire, int end, bool is_bidi, const char *hex);

/* Bytes for tests that play a peer: greetings, and a SUBSCRIBE for "t" with the ID 0. */
#define HEX_OFFER_02 "00 01 c0000000ff0bad02 00"
#define HEX_OFFER_03 "00 01 c0000000ff0bad03 00"
#define HEX_OFFER_04 "00 01 c0000000ff0bad04 00"
#define HEX_SUBSCRIBE_02 "02 00 01 01 74 80 01 00 00 00"

void assert_ended(const struct wire_stream *stream, int end);
void assert_reset(const struct wire_stream *stream, int end, uint32_t code);
void assert_stopped(const struct wire_stream *stream, int end,
                    uint32_t code); /* `end` was told to stop */
void assert_aborted(const struct wire_stream *stream, int end, uint32_t code); /* both, by `end` */

#endif
