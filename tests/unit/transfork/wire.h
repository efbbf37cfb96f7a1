/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A wire in memory between two sessions, or between a session and a test that plays the peer byte
 * by byte.
 *
 * Nothing moves by itself: wire_run() carries bytes, ends, resets and stops, always in the same
 * order, until nothing is left to carry. The wire checks what a transport may expect of a session:
 * it writes nothing after the end, and nothing without a wake. */
#ifndef TEST_WIRE_H
#define TEST_WIRE_H

#include "base/clock.h"
#include "base/list.h"
#include "base/bytes.h"
#include "transfork/transfork.h"

enum { CLIENT, SERVER };

struct wire;
struct wire_stream;

struct wire_handle { /* one end's view of a stream, which its session gets as handle */
    struct wire_stream *stream;
    int end;
};

struct wire_half {         /* the direction of a stream in which `end` writes */
    struct byte_buf bytes; /* under way; if the test is the receiver, all that came */
    uint64_t urgency, sent;
    bool is_awake, is_over; /* is_over: the receiver has been told of the end or reset */
    bool has_end, has_reset, has_stop, is_stop_told;
    uint32_t reset_code, stop_code;
};

struct wire_stream {
    struct list node;
    struct wire *wire;
    bool is_bidi;
    int opener;
    struct moq_stream *side[2]; /* NULL: not accepted yet, closed, or played by the test */
    bool is_known[2], is_closed[2];
    struct wire_handle handle[2];
    struct wire_half half[2]; /* by the end that writes */
};

struct wire_end {
    struct moq_session *session; /* NULL: the test plays this peer */
    struct wire *wire;
    uint32_t bidi_credit, uni_credit; /* streams that this end may open */
    uint64_t wake_at_ns;              /* when its session wants to be ticked */
    bool is_closed;                   /* its session has asked to close the connection */
    uint32_t close_code;
    char close_reason[128];
    bool is_blocked; /* the wire takes nothing from its session ... */
    uint32_t pieces; /* ... but so many pieces */
    bool is_unheard; /* the other end acknowledges nothing, so streams stay open */
};

struct wire {
    struct moq_clock clock;
    struct list streams; /* in the order of their opening */
    struct wire_end end[2];
    size_t piece; /* bytes that travel at once */
    bool is_dead; /* both sessions have been told that it is cut */
};

void wire_init(struct wire *wire);
void wire_deinit(struct wire *wire); /* cuts the wire if it is not cut, and frees the sessions */
struct moq_transport wire_transport(struct wire *wire, int end);

void wire_run(struct wire *wire);
void wire_cut(struct wire *wire); /* ends the connection and tells both sessions */
void wire_pass(struct wire *wire,
               uint64_t ms); /* time passes, and the sessions that asked for it are ticked */
void wire_grant(struct wire *wire, int end, uint32_t bidi, uint32_t uni); /* `end` may open more */

/* For a test that plays the peer `end`. */
struct wire_stream *wire_open(struct wire *wire, int end, bool is_bidi);
void wire_say(struct wire_stream *stream, int end, const void *bytes, size_t n);
void wire_end_stream(struct wire_stream *stream, int end);
void wire_reset(struct wire_stream *stream, int end, uint32_t code);
void wire_stop(struct wire_stream *stream, int end, uint32_t code); /* the other end's direction */

/* The n-th stream that `end` opened; NULL: there are fewer. */
struct wire_stream *wire_nth(const struct wire *wire, int end, bool is_bidi, size_t n);
size_t wire_count(const struct wire *wire, int end, bool is_bidi);

#endif
