/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a peer of transfork is told for an error of ours, and what its numbers mean here: the codes
 * of streams and sessions (transfork draft, section on errors). */
#ifndef MOQ_WIRE_CODE_H
#define MOQ_WIRE_CODE_H

#include <stdint.h>

#include "base/error.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* The name of transfork, all versions, where QUIC agrees on a protocol. */
#define MOQ_TRANSFORK_ALPN "moqf-02"

/* First code that belongs to applications. */
enum { MOQ_WIRE_APP = 64 };

/* The code for `error`; 0 (cancel) for anything that is none of ours. */
uint32_t moq_error_to_wire(int error);

/* Our error for what a peer sent; unknown numbers become MOQ_ERR_CANCELLED. Several of ours share
 * codes 0, 4, 5, 11, 13 and 15: the one that says least is returned. */
int moq_error_from_wire(uint64_t wire);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
