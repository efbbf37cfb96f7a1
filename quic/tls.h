/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One TLS handshake over QUIC, as the connection sees it. Private to quic/; the rest of TLS is in
 * quic/quic.h. */
#ifndef MOQ_QUIC_TLS_H
#define MOQ_QUIC_TLS_H

#include <ngtcp2/ngtcp2_crypto.h>
#include <stdbool.h>
#include <stdint.h>

#include "quic/aead_wide.h"
#include "quic/quic.h"
#include "quic/reset_secret.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A server's, for tokens of stateless resets. */
const struct reset_secret *tls_reset_secret(const struct quic_tls *tls);

struct tls_session; /* one per connection: a WOLFSSL object and the name it was asked for */

struct tls_session_config {
    struct quic_tls *tls; /* a reference is taken */
    bool is_server;
    const char *alpn;                 /* comma separated; it must agree on one of them */
    const char *server_name;          /* client: for SNI and the certificate */
    ngtcp2_crypto_conn_ref *conn_ref; /* kept; leads to the ngtcp2_conn */
    const struct moq_clock *clock;    /* kept; server: for tickets of sessions */
    const struct wide *wide;          /* kept, for keys of packets; NULL: none */
    void (*on_secret)(void *self, const char *line); /* a line for a key log; NULL: none wanted */
    void *on_secret_self;
};

struct tls_session *
tls_session_new(const struct tls_session_config *config); /* NULL: out of memory or a bad name */
void tls_session_free(struct tls_session **session);

void *tls_session_native(struct tls_session *session); /* for ngtcp2_conn_set_tls_native_handle */

/* Whether ALPN agreed on `name`. Ask when the handshake is complete. */
bool tls_session_has_alpn(struct tls_session *session, const char *name);
const char *tls_session_server_name(struct tls_session *session); /* SNI, or "" */

/* Why the handshake failed, as far as there are better words than those of the alert; else NULL. Of
 * tls_failure.c, with what it makes of wolfSSL's errors. */
const char *tls_session_failure(struct tls_session *session);
const char *tls_failure_words(int wolfssl_error);

/* Client: why the peer's certificate is not trusted: it is not the pinned one, if there is a pin,
 * or not good for the address that was dialled. NULL: it is trusted. Ask when the handshake is
 * complete. */
const char *tls_session_distrust(struct tls_session *session);

#ifdef __cplusplus
}
#endif
#endif
