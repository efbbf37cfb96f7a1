/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Derives the secret by HKDF (RFC 5869) from the file or the key, with a label for each source and
 * the scope.
 *
 * The scope separates endpoints that have the same key. Without it, an endpoint that receives a
 * packet of another endpoint's connection would answer with a token that ends that connection (RFC
 * 9000, section 21.11).
 * Tested by tests/unit/quic/test_tls.c. */
#include "quic/reset_secret.h"

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/hmac.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "quic/cert_internal.h"
#include "quic/explain.h"

enum { INFO_BYTES = 256 };

/* `label` names the source; `scope` may be NULL. Label and scope are cut to INFO_BYTES together. */
static int derive_secret(struct reset_secret *secret, const uint8_t *from, size_t n,
                         const char *label, const char *scope)
{
    char info[INFO_BYTES];
    snprintf(info, sizeof info, "%s %s", label, scope ? scope : "");
    int rv = wc_HKDF(WC_SHA256, from, (word32)n, NULL, 0, (const uint8_t *)info,
                     (word32)strlen(info), secret->bytes, RESET_SECRET_BYTES);
    secret->is_lasting = rv == 0;
    return rv == 0 ? 0 : MOQ_ERR_TLS;
}

static int find_in_file(struct reset_secret *secret, const struct quic_tls_server_config *config,
                        char *error_text)
{
    const char *path = config->reset_secret_file;
    static const char remedy[] = "write one with head -c 32 /dev/urandom";
    size_t n = 0;
    char *bytes = cert_read_file(path, &n, remedy, error_text);
    if (!bytes)
        return MOQ_ERR_TLS;
    int error = MOQ_ERR_TLS;
    if (n < RESET_SECRET_FILE_MIN_BYTES)
        quic_explain(error_text, "%s: %zu bytes are too few for a secret, %d are needed; %s", path,
                     n, RESET_SECRET_FILE_MIN_BYTES, remedy);
    else if ((error = derive_secret(secret, (const uint8_t *)bytes, n, "moq-relay reset file",
                                    config->reset_scope)) != 0)
        quic_explain(error_text, "%s: no secret can be derived from it", path);
    explicit_bzero(bytes, n);
    free(bytes);
    return error;
}

int reset_secret_find(struct reset_secret *secret, const struct quic_tls_server_config *config,
                      const struct cert *first, char *error_text)
{
    secret->is_lasting = false;
    if (config->reset_secret_file)
        return find_in_file(secret, config, error_text);
    if (first->is_self_signed)
        return 0;
    int error = derive_secret(secret, (const uint8_t *)first->key_pem, first->key_pem_size,
                              "moq-relay reset key", config->reset_scope);
    if (error)
        quic_explain(error_text, "no secret for stateless resets can be derived from the first "
                                 "key; name a file for it as quic.reset_secret");
    return error;
}
