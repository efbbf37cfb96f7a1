/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The error codes that transfork sends on streams and sessions (transfork draft, section on
 * errors), and the errors of ours that they stand for. */
#ifndef MOQ_WIRE_CODE_H
#define MOQ_WIRE_CODE_H

#include <stdint.h>

#include "base/error.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* The ALPN of every version of transfork. */
#define MOQ_TRANSFORK_ALPN "moqf-02"

/* First code that belongs to applications. */
enum { MOQ_WIRE_APP = 64 };

/* The code for `error`; 0 (cancel) for an unknown error. */
uint32_t moq_error_to_wire(int error);

/* The error that a peer's code stands for; MOQ_ERR_CANCELLED for an unknown code. Several errors
 * share codes 0, 4, 5, 11, 13 and 15: then the most general one is returned. */
int moq_error_from_wire(uint64_t wire);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
