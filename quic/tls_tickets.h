/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Session tickets of a server: their protection, and how often in a row one may be resumed from.
 * Private to quic/.
 *
 * wolfSSL counts a ticket's nonce on from the session that was resumed, and fails the handshake
 * when it has counted to 255. It asks its owner to seal and open tickets, so each one carries how
 * many resumptions there were before it, and one with too many is not opened: the client then makes
 * a full handshake, and counting starts again. RFC 8446, section 4.6.1, recommends such a limit
 * anyway, as resumption prolongs the life of what was agreed in one handshake. */
#ifndef MOQ_QUIC_TLS_TICKETS_H
#define MOQ_QUIC_TLS_TICKETS_H

#include <stdint.h>
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include "base/now.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { TICKET_RESUMPTIONS_MAX = 100 }; /* in a row; the next handshake is a full one */

/* The keys of tickets, from the system's randomness. Any number of threads may use them. */
struct tls_tickets;

struct tls_tickets *tls_tickets_new(void); /* NULL: out of memory */
void tls_tickets_free(struct tls_tickets **tickets);

/* `tickets` must outlive the sessions of `context`. Their app data is `struct tls_session`. */
void tls_tickets_use(struct tls_tickets *tickets, WOLFSSL_CTX *context);

/* What tickets need of each session; its owner fills in the clock. */
struct tls_resumption {
    const struct moq_clock *clock; /* for the age of keys */
    uint8_t before; /* resumptions before the ticket that was shown; 0: there was none */
};

struct tls_resumption *tls_session_resumption(const WOLFSSL *ssl); /* of tls.c */

#ifdef __cplusplus
}
#endif
#endif
