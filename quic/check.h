/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Invariants: what must hold between turns, whatever peers do. A debug build walks them as
 * connections write, the simulator after each turn. Each function ends the process with the
 * condition that does not hold. Private to quic/; each one is shown to fire by its
 * test. */
#ifndef MOQ_QUIC_CHECK_H
#define MOQ_QUIC_CHECK_H

#include "quic/conn.h"
#include "quic/endpoint.h"
#include "quic/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

void stream_check(const struct quic_stream *stream);
void conn_check(const struct quic_conn *conn); /* and its streams */

/* The endpoint and all that it has. After a flush, not inside one. */
void endpoint_check(const struct quic_endpoint *endpoint);

#ifdef __cplusplus
}
#endif
#endif
