/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Connects wt_session.h with connections and streams. Private to quic/. */
#ifndef MOQ_QUIC_WEBTRANSPORT_H
#define MOQ_QUIC_WEBTRANSPORT_H

#include "quic/quic.h"

#ifdef __cplusplus
extern "C" {
#endif

void webtransport_start(struct quic_conn *conn);
void webtransport_received(struct quic_stream *stream, const uint8_t *data, size_t n, bool is_end);
void webtransport_stream_reset(struct quic_stream *stream, uint64_t wire_code);
void webtransport_stream_stopped(struct quic_stream *stream, uint64_t wire_code);
void webtransport_close(struct quic_conn *conn, uint32_t code, const char *reason);

#ifdef __cplusplus
}
#endif
#endif
