/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Which protocol of the application a connection speaks: chosen by ALPN on raw QUIC, and by a field
 * of the CONNECT on WebTransport, a list of strings or tokens (RFC 9651;
 * draft-ietf-webtrans-http3-10 to -14, section on application protocols). Private to quic/. */
#ifndef MOQ_QUIC_APP_PROTOCOL_H
#define MOQ_QUIC_APP_PROTOCOL_H

#include "quic/quic.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ALPN_H3 "h3"

enum {
    ALPN_LIST_MAX_BYTES = 256,   /* of all names together; more are refused */
    SUBPROTOCOL_MAX_BYTES = 256, /* of one, as it stands in a field; a longer one is passed over */
};

/* Names for TLS, comma separated, in our order: those of raw QUIC, and h3 before them if `has_h3`.
 * 0 or MOQ_ERR_BOUNDS. */
int alpn_list(const struct quic_app_protocols *protocols, bool has_h3,
              char out[ALPN_LIST_MAX_BYTES]);

/* What a client offers on WebTransport; "" if nothing. 0 or MOQ_ERR_BOUNDS. */
int subprotocol_list(const struct quic_app_protocols *protocols, char out[ALPN_LIST_MAX_BYTES]);

/* The first of what a peer lists (or the only one that a server names) that we have; NULL: none, or
 * the field is malformed and does not count. `item`: as it stands there, to be sent back. */
const struct quic_app_protocol *subprotocol_choose(const struct quic_app_protocols *protocols,
                                                   const char *field,
                                                   char item[SUBPROTOCOL_MAX_BYTES]);

/* What is spoken on WebTransport when none is agreed on; NULL: nothing. */
const struct quic_app_protocol *subprotocol_default(const struct quic_app_protocols *protocols);

#ifdef __cplusplus
}
#endif
#endif
