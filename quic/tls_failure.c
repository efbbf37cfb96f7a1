/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Says in words why a handshake of ours has failed. TLS alerts say less: for nearly every reason a
 * client sends "bad certificate".
 * Tested by tests/unit/quic/test_tls.c. */
#include <wolfssl/options.h>
#include <wolfssl/error-ssl.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include "quic/tls.h"

const char *tls_failure_words(int wolfssl_error)
{
    switch (wolfssl_error) {
    case ASN_BEFORE_DATE_E:
        return "the server's certificate is not valid yet, or this machine's clock is behind";
    case ASN_AFTER_DATE_E:
        return "the server's certificate has expired, or this machine's clock is ahead";
    case DOMAIN_NAME_MISMATCH:
        return "the server's certificate is for another host name";
    case ASN_NO_SIGNER_E:
    case ASN_SELF_SIGNED_E:
    case ASN_SIG_CONFIRM_E:
    case ASN_SIG_OID_E: /* an issuer with the same name has another kind of key */
        return "the server's certificate is " QUIC_REASON_UNKNOWN_ISSUER;
    case UNKNOWN_ALPN_PROTOCOL_NAME_E:
        return "no common application protocol";
    default:
        return NULL;
    }
}

const char *tls_session_failure(struct tls_session *session)
{
    return tls_failure_words(wolfSSL_get_error(tls_session_native(session), -1));
}
