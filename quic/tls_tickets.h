/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The session tickets of a server: encrypts them, and limits how often in a row a session can be
 * resumed. Private to quic/.
 *
 * wolfSSL continues the nonce counter of the session that was resumed, and fails the handshake when
 * the counter reaches 255. But it leaves encrypting and decrypting tickets to its user. So each
 * ticket carries the number of resumptions before it, and a ticket with too many is not accepted.
 * The client then makes a full handshake and the counter starts again. RFC 8446, section 4.6.1,
 * recommends such a limit anyway, because resumption prolongs the use of the keys of one
 * handshake. */
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
/* The ticket keys, from the system's randomness. Any number of threads may use them. */
struct tls_tickets;

struct tls_tickets *tls_tickets_new(void); /* NULL: out of memory */
void tls_tickets_free(struct tls_tickets **tickets);

/* Makes `context` use `tickets`, which must outlive the sessions of `context`. The app data of
 * those sessions must be a `struct tls_session`. */
void tls_tickets_use(struct tls_tickets *tickets, WOLFSSL_CTX *context);

/* What tickets need to know about a session. Its owner sets the clock. */
struct tls_resumption {
    const struct moq_clock *clock; /* for the age of keys */
    uint8_t before; /* resumptions in a row up to this session; 0: it was not resumed */
};
struct tls_resumption *tls_session_resumption(const WOLFSSL *ssl); /* in tls.c */

#ifdef __cplusplus
}
#endif
#endif
