/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Session tickets of a server: their protection, and how often in a row one may be resumed from.
 * Private to quic/; tested by tests/unit/quic/test_tls.c.
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

#ifdef __cplusplus
extern "C" {
#endif

enum { TICKET_RESUMPTIONS_MAX = 100 }; /* in a row; the next handshake is a full one */

struct tls_tickets; /* keys, from the system's randomness; any number of threads may use them */

struct tls_tickets *tls_tickets_new(void); /* NULL: out of memory */
void tls_tickets_free(struct tls_tickets **tickets);

/* `tickets` must outlive the sessions of `context`. Their app data is `struct tls_session`. */
void tls_tickets_use(struct tls_tickets *tickets, WOLFSSL_CTX *context);

/* Of tls.c: how many resumptions there were before the ticket that `ssl` was shown; 0: none was. */
uint8_t *tls_session_resumptions(const WOLFSSL *ssl);

#ifdef __cplusplus
}
#endif
#endif
