/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Chooses the application's protocol for a connection. On raw QUIC ALPN does it; on WebTransport a
 * field of the CONNECT, which is a list of strings or tokens (RFC 9651;
 * draft-ietf-webtrans-http3-10 to -14, section on application protocols). Private to quic/. */
#ifndef MOQ_QUIC_APP_PROTOCOL_H
#define MOQ_QUIC_APP_PROTOCOL_H

#include "quic/quic.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ALPN_H3 "h3"

enum {
    ALPN_LIST_MAX_BYTES = 256,   /* all names together; a longer list is refused */
    SUBPROTOCOL_MAX_BYTES = 256, /* one name as it appears in a field; a longer one is ignored */
};

/* Writes the ALPN list for TLS, comma separated, in our order of preference: the names for raw
 * QUIC, and h3 before them if `has_h3`. Returns 0 or MOQ_ERR_BOUNDS. */
int alpn_list(const struct quic_app_protocols *protocols, bool has_h3,
              char out[ALPN_LIST_MAX_BYTES]);

/* Writes the field with which a client offers protocols on WebTransport; "" if it has none to
 * offer. Returns 0 or MOQ_ERR_BOUNDS. */
int subprotocol_list(const struct quic_app_protocols *protocols, char out[ALPN_LIST_MAX_BYTES]);

/* Returns the first protocol in a client's list that we have, or the one that a server has chosen.
 * NULL: there is none, or the field is malformed and is ignored. `item` is set to the name exactly
 * as it appears in the field, for the answer. */
const struct quic_app_protocol *subprotocol_choose(const struct quic_app_protocols *protocols,
                                                   const char *field,
                                                   char item[SUBPROTOCOL_MAX_BYTES]);

/* The protocol that WebTransport uses if none was agreed on; NULL: there is none. */
const struct quic_app_protocol *subprotocol_default(const struct quic_app_protocols *protocols);

#ifdef __cplusplus
}
#endif
#endif
