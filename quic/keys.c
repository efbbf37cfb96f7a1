/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Applies HKDF with the labels of QUIC, and installs the results in ngtcp2.
 * Tested by tests/unit/quic/test_tls.c. */
#include "quic/keys.h"

#include <stdio.h>
#include <string.h>
#include <wolfssl/quic.h>

#include "base/error.h"
#include "quic/aead.h"

enum { LABEL_MAX_BYTES = 32 };

/* HKDF-Expand-Label (RFC 8446, section 7.1) without context. */
static int expand_label(uint8_t *out, size_t n, const char *label, const ngtcp2_crypto_md *md,
                        const uint8_t *secret, size_t secret_size)
{
    uint8_t info[2 + 1 + LABEL_MAX_BYTES + 1];
    char *text = (char *)info + 3;
    int length = snprintf(text, LABEL_MAX_BYTES, "tls13 %s", label);
    info[0] = 0;
    info[1] = (uint8_t)n;
    info[2] = (uint8_t)length;
    info[3 + length] = 0; /* the length of the context */
    return ngtcp2_crypto_hkdf_expand(out, n, md, secret, secret_size, info, 4 + (size_t)length);
}

int keys_derive(struct packet_keys *keys, uint32_t version, const ngtcp2_crypto_ctx *crypto,
                const uint8_t *secret, size_t n)
{
    bool is_v2 = version == NGTCP2_PROTO_VER_V2; /* RFC 9369, section 3.3.2 */
    size_t key_size = ngtcp2_crypto_aead_keylen(&crypto->aead);
    const ngtcp2_crypto_md *md = &crypto->md;
    if (key_size > KEY_MAX_BYTES ||
        expand_label(keys->key, key_size, is_v2 ? "quicv2 key" : "quic key", md, secret, n) != 0 ||
        expand_label(keys->iv, NONCE_BYTES, is_v2 ? "quicv2 iv" : "quic iv", md, secret, n) != 0 ||
        expand_label(keys->mask_key, key_size, is_v2 ? "quicv2 hp" : "quic hp", md, secret, n) != 0)
        return MOQ_ERR_TLS;
    return 0;
}

/* Client: takes over the server's transport parameters, which arrive together with these
 * secrets. */
static int take_transport_parameters(const struct keys_place *place)
{
    const uint8_t *parameters;
    size_t n;
    wolfSSL_get_peer_quic_transport_params(place->ssl, &parameters, &n);
    int rv = ngtcp2_conn_decode_and_set_remote_transport_params(place->quic, parameters, n);
    if (rv != 0)
        ngtcp2_conn_set_tls_error(place->quic, rv);
    return rv == 0 ? 0 : MOQ_ERR_TLS;
}

static int install_keys(const struct keys_place *place, const struct packet_keys *keys, bool is_rx,
                        const uint8_t *secret, size_t n)
{
    const ngtcp2_crypto_ctx *crypto = ngtcp2_conn_get_crypto_ctx2(place->quic);
    size_t key_size = ngtcp2_crypto_aead_keylen(&crypto->aead);
    ngtcp2_crypto_aead_ctx aead = {0};
    ngtcp2_crypto_cipher_ctx mask = {
        wolfSSL_quic_crypt_new(crypto->hp.native_handle, keys->mask_key, NULL, 1)};
    int rv = mask.native_handle ? 0 : MOQ_ERR_NOMEM;
    if (rv == 0)
        rv = aead_key_new(&aead, place->wide, keys->key, key_size, !is_rx);
    if (rv == 0)
        rv = (is_rx ? ngtcp2_conn_install_rx_key : ngtcp2_conn_install_tx_key)(
            place->quic, secret, n, &aead, keys->iv, NONCE_BYTES, &mask);
    if (rv == 0)
        return 0;
    aead_delete(place->quic, &aead, NULL);
    wolfSSL_EVP_CIPHER_CTX_free(mask.native_handle);
    return MOQ_ERR_TLS;
}

int keys_install(const struct keys_place *place, bool is_rx, const uint8_t *secret, size_t n)
{
    struct packet_keys keys;
    int rv = keys_derive(&keys, ngtcp2_conn_get_negotiated_version2(place->quic),
                         ngtcp2_conn_get_crypto_ctx2(place->quic), secret, n);
    if (rv == 0 && is_rx && !ngtcp2_conn_is_server2(place->quic))
        rv = take_transport_parameters(place);
    if (rv == 0)
        rv = install_keys(place, &keys, is_rx, secret, n);
    ngtcp2_secure_clear(&keys, sizeof keys);
    return rv;
}
