/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Checks the invariants that hold between turns, whatever peers do. A debug build checks them when
 * a connection writes, the simulator after each turn. Each function aborts with the condition that
 * does not hold. tests/unit/quic/test_check.c shows that each of them can fail. Private to
 * quic/. */
#ifndef MOQ_QUIC_CHECK_H
#define MOQ_QUIC_CHECK_H

#include "quic/conn.h"
#include "quic/endpoint.h"
#include "quic/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

void stream_check(const struct quic_stream *stream);
void conn_check(const struct quic_conn *conn); /* includes its streams */
/* Checks the endpoint and everything in it. Call it after a flush, not inside one. */
void endpoint_check(const struct quic_endpoint *endpoint);

#ifdef __cplusplus
}
#endif
#endif
