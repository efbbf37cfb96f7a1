/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One TLS handshake over QUIC, as a connection needs it. Private to quic/; TLS contexts are in
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

/* Server: the secret for tokens of stateless resets. */
const struct reset_secret *tls_reset_secret(const struct quic_tls *tls);

struct tls_session; /* one per connection: a WOLFSSL object and the name that was asked for */

struct tls_session_config {
    struct quic_tls *tls; /* a reference is taken */
    bool is_server;
    const char *alpn;                 /* comma separated; one of them must be agreed on */
    const char *server_name;          /* client: for SNI and to check the certificate */
    ngtcp2_crypto_conn_ref *conn_ref; /* kept; leads to the ngtcp2_conn */
    const struct moq_clock *clock;    /* kept; server: for session tickets */
    const struct wide *wide;          /* kept, for packet keys; NULL: none */
    void (*on_secret)(void *self, const char *line); /* a line for a key log; NULL: no log */
    void *on_secret_self;
};

/* NULL: out of memory, or the name is invalid. */
struct tls_session *tls_session_new(const struct tls_session_config *config);
void tls_session_free(struct tls_session **session);

void *tls_session_native(struct tls_session *session); /* for ngtcp2_conn_set_tls_native_handle */

/* Whether ALPN agreed on `name`. Valid when the handshake is complete. */
bool tls_session_has_alpn(struct tls_session *session, const char *name);
const char *tls_session_server_name(struct tls_session *session); /* SNI, or "" */

/* Why the handshake failed, if that is known better than by its alert; otherwise NULL. The words
 * for errors of wolfSSL are in tls_failure.c. */
const char *tls_session_failure(struct tls_session *session);
const char *tls_failure_words(int wolfssl_error);

/* Client: why the peer's certificate is not trusted: it is not the pinned one, or it is not valid
 * for the address that was dialled. NULL: it is trusted. Valid when the handshake is complete. */
const char *tls_session_distrust(struct tls_session *session);

#ifdef __cplusplus
}
#endif
#endif
