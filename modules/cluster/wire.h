/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What relays tell each other, as frames of tracks:
 *
 *   internal/map                who there is. For neighbours: each watches it at each other, and
 *                               tells on what it hears. A group begins with a hello and an advert
 *                               of each node that is known; then come adverts that are new.
 *   internal/node/NAME/paths    what is published at one node. Everybody watches it, by way of the
 *                               neighbour that is nearest to the node. A group begins with all
 *                               paths, up to LISTED; then come changes.
 *
 * Numbers are QUIC varints, texts have their length in front. A frame begins with its kind; what
 * follows the parts that this version knows is skipped, so that later versions may add some. */
#ifndef MOQ_CLUSTER_WIRE_H
#define MOQ_CLUSTER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WIRE_VERSION = 1,
    WIRE_NAME_BYTES = 256,   /* of a node, with the final zero */
    WIRE_PATH_BYTES = 3166,  /* RELAY_PATH_BYTES */
    WIRE_LINKS_MAX = 256,    /* of an advert */
    WIRE_FRAME_BYTES = 65536 /* no frame is longer */
};

enum wire_kind { WIRE_HELLO = 1, WIRE_ADVERT, WIRE_OFFERED, WIRE_ENDED, WIRE_LISTED };

struct wire_text { /* part of a frame, not terminated */
    const char *data;
    size_t size;
};

struct wire_link {
    struct wire_text to;
    uint64_t cost;
};

/* A node and its links, as it last told of itself. The higher boot and sequence is newer. */
struct wire_advert {
    struct wire_text name;
    uint64_t boot;     /* when the node began, in milliseconds since 1970, but never less than once
                          before */
    uint64_t sequence; /* of its adverts since then */
    bool is_leaving;   /* it drains: others go around it if they can */
    size_t link_count;
    struct wire_link links[WIRE_LINKS_MAX];
};

struct wire_frame { /* borrows from the bytes that it was read from */
    enum wire_kind kind;
    uint64_t version;      /* HELLO */
    struct wire_text name; /* HELLO: of the node that writes */
    struct wire_text path; /* OFFERED, ENDED */
    uint64_t stamp;        /* OFFERED: the higher one of a path is newer, on all nodes */
    struct wire_advert advert;
};

/* 0, or -1: it is no such frame, or over a limit. A kind that is not known: 1. */
int wire_read(struct wire_frame *frame, const uint8_t *data, size_t size);

/* Each writes a frame to `out` (WIRE_FRAME_BYTES) and returns its size; 0: it is too long. */
size_t wire_hello(uint8_t *out, const char *name);
size_t wire_advert(uint8_t *out, const struct wire_advert *advert);
size_t wire_offered(uint8_t *out, const char *path, uint64_t stamp);
size_t wire_ended(uint8_t *out, const char *path);
size_t wire_listed(uint8_t *out);

#endif
