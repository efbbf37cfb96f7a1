/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Versions from the inside: how each of them encodes the same messages. There is one row per
 * version, in version.c; no other code compares versions. What a peer can do is moq_session_can. */
#ifndef MOQ_TRANSFORK_VERSION_H
#define MOQ_TRANSFORK_VERSION_H

#include "transfork/transfork.h"

#ifdef __cplusplus
extern "C" {
#endif

struct version {
    uint32_t version; /* of enum moq_version; 0: not agreed yet */
    uint64_t wire;    /* its number in the greeting */
    const char *name;
    uint32_t can; /* enum moq_can, or-ed */

    bool has_varints;         /* priority and announce status are varints; else one raw byte each */
    bool has_expires;         /* SUBSCRIBE, SUBSCRIBE_UPDATE and INFO carry Group Expires */
    bool may_lack_expires;    /* the last SUBSCRIBE_UPDATE of a stream may come without it */
    bool is_latest_first;     /* INFO: the latest group precedes the order, else it is last */
    bool is_offset_in_frames; /* FETCH: the offset counts frames, else bytes */
    bool has_string_dialect;  /* some peers write its paths as one string */
    /* Wire value of "oldest first". One more is "newest first", anything less is the default. */
    uint8_t order_oldest;
};

/* The row of a version. Never NULL: a version that we do not know has a row without abilities. */
const struct version *version_row(uint32_t version);

uint32_t version_from_wire(uint64_t wire); /* 0: not one of ours */

/* The version that a server chooses from those that both sides speak (enum moq_version, or-ed); 0:
 * there is none. */
uint32_t version_pick(uint32_t common);

#ifdef __cplusplus
}
#endif
#endif
