/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Sets up wolfSSL for QUIC: contexts of servers and clients, and one session per connection. TLS
 * 1.3 only, without early data. */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/quic.h>
#include <wolfssl/wolfcrypt/sha256.h>
#include <wolfssl/wolfcrypt/sha512.h>

#include "quic/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "quic/app_protocol.h"
#include "quic/cert_store.h"
#include "quic/explain.h"
#include "quic/key_log.h"
#include "quic/keys.h"
#include "quic/tls_tickets.h"
#include <ngtcp2/ngtcp2_crypto_wolfssl.h>

/* AES-128 first: it is the cheapest where the processor knows AES. */
#define CIPHERS "TLS13-AES128-GCM-SHA256:TLS13-AES256-GCM-SHA384:TLS13-CHACHA20-POLY1305-SHA256"

enum {
    TRANSPORT_PARAMETERS_EXTENSION = 0x39, /* RFC 9001, section 8.2 */
    SERVER_NAME_MAX_BYTES = 255,
    ADDRESS_MAX_BYTES = 16,
    PARAMETERS_MAX_BYTES = 512,
    CIDS_COUNTED_TWICE = 2,
};

struct quic_tls {
    int refs;
    /* Protects certs, contexts and generations: other threads may accept during a renewal. */
    pthread_mutex_t mutex;
    struct cert_store *certs; /* servers */
    /* Server: one per certificate; client: only the first. */
    WOLFSSL_CTX *contexts[CERT_STORE_MAX];
    uint64_t generations[CERT_STORE_MAX]; /* of the certificate in the context */
    struct tls_tickets *tickets;          /* servers */
    struct reset_secret reset_secret;
    bool is_pinned;
    uint8_t pin[QUIC_FINGERPRINT_BYTES];
    bool is_verify_disabled;
};

struct tls_session {
    WOLFSSL *ssl;
    struct quic_tls *tls;
    struct tls_resumption resumption; /* server */
    size_t address_size; /* client: size of the address to check; 0: a name, or no check */
    uint8_t address[ADDRESS_MAX_BYTES];
    struct tls_session_config config; /* its strings are not valid after tls_session_new() */
};

/* ---- What wolfSSL calls during a handshake --------------------------------------------------- */

static struct tls_session *session_of(const WOLFSSL *ssl)
{
    return wolfSSL_get_app_data(ssl);
}

static ngtcp2_conn *conn_of(const WOLFSSL *ssl)
{
    ngtcp2_crypto_conn_ref *ref = session_of(ssl)->config.conn_ref;
    return ref->get_conn(ref);
}

static void log_secrets(WOLFSSL *ssl, WOLFSSL_ENCRYPTION_LEVEL level, const uint8_t *rx,
                        const uint8_t *tx, size_t n)
{
    const struct tls_session_config *config = &session_of(ssl)->config;
    bool is_server = config->is_server;
    const struct key_log_secrets secrets = {
        .client = is_server ? rx : tx, .server = is_server ? tx : rx, .size = n};
    if (config->on_secret)
        key_log_write(config, ssl, level, &secrets);
}

/* The server's, once more: ngtcp2 has just set them. It goes on counting a connection ID that it
 * gave back for as long as it looks at the path on which that was used. A client that fills the
 * limit, and whose address changes before and with its ID, would be sent away for one ID too many,
 * so the limit is stated lower than it is. */
static int state_parameters(ngtcp2_conn *conn, WOLFSSL *ssl)
{
    ngtcp2_transport_params parameters = *ngtcp2_conn_get_local_transport_params2(conn);
    uint8_t encoded[PARAMETERS_MAX_BYTES];
    parameters.active_connection_id_limit -= CIDS_COUNTED_TWICE;
    ngtcp2_ssize n = ngtcp2_transport_params_encode(encoded, sizeof encoded, &parameters);
    bool is_set =
        n > 0 && wolfSSL_set_quic_transport_params(ssl, encoded, (size_t)n) == WOLFSSL_SUCCESS;
    return is_set ? 0 : MOQ_ERR_TLS;
}

static int on_secrets(WOLFSSL *ssl, WOLFSSL_ENCRYPTION_LEVEL wolfssl_level, const uint8_t *rx,
                      const uint8_t *tx, size_t n)
{
    ngtcp2_encryption_level level =
        ngtcp2_crypto_wolfssl_from_wolfssl_encryption_level(wolfssl_level);
    ngtcp2_conn *conn = conn_of(ssl);
    log_secrets(ssl, wolfssl_level, rx, tx, n);
    if (wolfssl_level == wolfssl_encryption_application) {
        const struct keys_place place = {conn, ssl, session_of(ssl)->config.wide};
        return (!rx || keys_install(&place, true, rx, n) == 0) &&
               (!tx || keys_install(&place, false, tx, n) == 0);
    }
    if (rx && ngtcp2_crypto_derive_and_install_rx_key(conn, NULL, NULL, NULL, level, rx, n) != 0)
        return 0;
    if (tx && ngtcp2_crypto_derive_and_install_tx_key(conn, NULL, NULL, NULL, level, tx, n) != 0)
        return 0;
    return !tx || !ngtcp2_conn_is_server2(conn) || state_parameters(conn, ssl) == 0;
}

static int on_handshake_data(WOLFSSL *ssl, WOLFSSL_ENCRYPTION_LEVEL wolfssl_level,
                             const uint8_t *data, size_t n)
{
    ngtcp2_encryption_level level =
        ngtcp2_crypto_wolfssl_from_wolfssl_encryption_level(wolfssl_level);
    int rv = ngtcp2_conn_submit_crypto_data(conn_of(ssl), level, data, n);
    if (rv != 0)
        ngtcp2_conn_set_tls_error(conn_of(ssl), rv);
    return rv == 0;
}

static int on_flight(WOLFSSL *ssl)
{
    (void)ssl;
    return 1;
}

static int on_alert(WOLFSSL *ssl, WOLFSSL_ENCRYPTION_LEVEL level, uint8_t alert)
{
    (void)level;
    ngtcp2_conn_set_tls_alert(conn_of(ssl), alert);
    return 1;
}

static const WOLFSSL_QUIC_METHOD quic_method = {on_secrets, on_handshake_data, on_flight, on_alert};

/* Chooses the certificate. wolfSSL calls this for every ClientHello, with or without a name. */
static int on_server_name(WOLFSSL *ssl, int *alert, void *self)
{
    (void)alert;
    struct quic_tls *tls = self;
    const char *name = wolfSSL_get_servername(ssl, WOLFSSL_SNI_HOST_NAME);
    pthread_mutex_lock(&tls->mutex);
    wolfSSL_set_SSL_CTX(ssl, tls->contexts[cert_store_choose(tls->certs, name)]);
    pthread_mutex_unlock(&tls->mutex);
    return 0;
}

/* With a pin any chain is accepted at first. tls_session_distrust() checks the leaf before the
 * connection is used. */
static int on_verify_pinned(int is_ok, WOLFSSL_X509_STORE_CTX *store)
{
    (void)is_ok;
    (void)store;
    return 1;
}

struct tls_resumption *tls_session_resumption(const WOLFSSL *ssl)
{
    return &session_of(ssl)->resumption;
}

/* ---- Contexts -------------------------------------------------------------------------------- */

static WOLFSSL_CTX *context_new(WOLFSSL_METHOD *method)
{
    WOLFSSL_CTX *context = method ? wolfSSL_CTX_new(method) : NULL;
    if (!context)
        return NULL;
    if (wolfSSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != WOLFSSL_SUCCESS ||
        wolfSSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) != WOLFSSL_SUCCESS ||
        wolfSSL_CTX_set_quic_method(context, &quic_method) != WOLFSSL_SUCCESS ||
        wolfSSL_CTX_set_cipher_list(context, CIPHERS) != WOLFSSL_SUCCESS) {
        wolfSSL_CTX_free(context);
        return NULL;
    }
    return context;
}

static WOLFSSL_CTX *server_context_new(struct quic_tls *tls, const struct cert *cert)
{
    WOLFSSL_CTX *context = context_new(wolfTLSv1_3_server_method());
    if (!context)
        return NULL;
    if (wolfSSL_CTX_use_certificate_chain_buffer(context, (const uint8_t *)cert->chain_pem,
                                                 (long)cert->chain_pem_size) != WOLFSSL_SUCCESS ||
        wolfSSL_CTX_use_PrivateKey_buffer(context, (const uint8_t *)cert->key_pem,
                                          (long)cert->key_pem_size,
                                          WOLFSSL_FILETYPE_PEM) != WOLFSSL_SUCCESS) {
        wolfSSL_CTX_free(context);
        return NULL;
    }
    wolfSSL_CTX_set_servername_callback(context, on_server_name);
    wolfSSL_CTX_set_servername_arg(context, tls);
    tls_tickets_use(tls->tickets, context);
    return context;
}

/* Makes contexts for new certificates. wolfSSL keeps the old contexts until the last session that
 * uses them has ended. */
static int contexts_update(struct quic_tls *tls)
{
    for (size_t i = 0; i < cert_store_count(tls->certs); i++) {
        const struct cert *cert = cert_store_at(tls->certs, i);
        if (tls->contexts[i] && tls->generations[i] == cert->generation)
            continue;
        WOLFSSL_CTX *context = server_context_new(tls, cert);
        if (!context)
            return MOQ_ERR_TLS;
        wolfSSL_CTX_free(tls->contexts[i]);
        tls->contexts[i] = context;
        tls->generations[i] = cert->generation;
    }
    return 0;
}

static void tls_free(struct quic_tls *tls)
{
    for (size_t i = 0; i < CERT_STORE_MAX; i++)
        wolfSSL_CTX_free(tls->contexts[i]);
    cert_store_free(&tls->certs);
    tls_tickets_free(&tls->tickets);
    pthread_mutex_destroy(&tls->mutex);
    explicit_bzero(&tls->reset_secret, sizeof tls->reset_secret);
    free(tls);
}

/* On first use wolfSSL finds out what the processor can do, and stores that in plain variables. So
 * the first use is here, where TLS is set up, and not on several threads at once. */
static void learn_processor(void)
{
    uint8_t block[WC_SHA512_DIGEST_SIZE] = {0};
    wc_Sha256Hash(block, sizeof block, block);
    wc_Sha384Hash(block, sizeof block, block);
    wc_Sha512Hash(block, sizeof block, block);
    (void)quic_aes_in_use();
}

static struct quic_tls *tls_alloc(char *error_text)
{
    wolfSSL_Init();
    learn_processor();
    struct quic_tls *tls = calloc(1, sizeof *tls);
    if (!tls) {
        quic_explain(error_text, "out of memory");
        return NULL;
    }
    tls->refs = 1;
    pthread_mutex_init(&tls->mutex, NULL);
    return tls;
}

static bool keep_certificate(struct quic_tls *tls, struct quic_tls *previous)
{
    if (!previous->certs)
        return true;
    pthread_mutex_lock(&previous->mutex);
    bool is_kept = cert_store_keep(tls->certs, previous->certs, clock_wall_ms());
    pthread_mutex_unlock(&previous->mutex);
    return is_kept;
}

const struct reset_secret *tls_reset_secret(const struct quic_tls *tls)
{
    return &tls->reset_secret;
}

struct quic_tls *quic_tls_server_new(const struct quic_tls_server_config *config, char *error_text)
{
    struct quic_tls *tls = tls_alloc(error_text);
    if (!tls)
        return NULL;
    tls->certs = cert_store_new(config, clock_wall_ms(), error_text);
    if (!tls->certs) {
        tls_free(tls);
        return NULL;
    }
    if (config->previous && !keep_certificate(tls, config->previous)) {
        quic_explain(error_text, "out of memory");
        tls_free(tls);
        return NULL;
    }
    if (reset_secret_find(&tls->reset_secret, config, cert_store_at(tls->certs, 0), error_text)) {
        tls_free(tls);
        return NULL;
    }
    tls->tickets = tls_tickets_new();
    if (!tls->tickets || contexts_update(tls) != 0) {
        quic_explain(error_text,
                     "the TLS library refuses a certificate or its key, or is out of memory");
        tls_free(tls);
        return NULL;
    }
    return tls;
}

static int load_roots(WOLFSSL_CTX *context, const struct quic_tls_client_config *config,
                      char *error_text)
{
    if (config->root_file_count == 0 &&
        wolfSSL_CTX_load_system_CA_certs(context) != WOLFSSL_SUCCESS)
        log_warn(LOG_TLS,
                 "the system's root certificates cannot be loaded (ca-certificates provides them); "
                 "name the roots to trust, or use pinned certificates");
    for (size_t i = 0; i < config->root_file_count; i++) {
        /* An expired root is loaded, so that the handshake fails with the true reason. */
        if (wolfSSL_CTX_load_verify_locations_ex(context, config->root_files[i], NULL,
                                                 WOLFSSL_LOAD_FLAG_DATE_ERR_OKAY) ==
            WOLFSSL_SUCCESS)
            continue;
        quic_explain(error_text, "%s: %s", config->root_files[i],
                     access(config->root_files[i], R_OK)
                         ? strerror(errno)
                         : "it contains no certificate in PEM form");
        return MOQ_ERR_TLS;
    }
    return 0;
}

static int set_trust(struct quic_tls *tls, const struct quic_tls_client_config *config,
                     char *error_text)
{
    WOLFSSL_CTX *context = tls->contexts[0];
    if (config->pinned_sha256) {
        tls->is_pinned = true;
        memcpy(tls->pin, config->pinned_sha256, sizeof tls->pin);
        wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_PEER, on_verify_pinned);
        return 0;
    }
    if (config->is_verify_disabled) {
        tls->is_verify_disabled = true;
        wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_NONE, NULL);
        return 0;
    }
    wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_PEER, NULL);
    return load_roots(context, config, error_text);
}

struct quic_tls *quic_tls_client_new(const struct quic_tls_client_config *config, char *error_text)
{
    struct quic_tls *tls = tls_alloc(error_text);
    if (!tls)
        return NULL;
    tls->contexts[0] = context_new(wolfTLSv1_3_client_method());
    if (!tls->contexts[0]) {
        quic_explain(error_text, "the TLS library cannot be initialised");
        tls_free(tls);
        return NULL;
    }
    if (set_trust(tls, config, error_text) != 0) {
        tls_free(tls);
        return NULL;
    }
    return tls;
}

struct quic_tls *quic_tls_ref(struct quic_tls *tls)
{
    __atomic_add_fetch(&tls->refs, 1, __ATOMIC_RELAXED);
    return tls;
}

void quic_tls_unref(struct quic_tls **tls)
{
    if (*tls && __atomic_sub_fetch(&(*tls)->refs, 1, __ATOMIC_ACQ_REL) == 0)
        tls_free(*tls);
    *tls = NULL;
}

static const struct cert *lock_first(const struct quic_tls *tls)
{
    pthread_mutex_lock((pthread_mutex_t *)(uintptr_t)&tls->mutex);
    return cert_store_at(tls->certs, 0);
}

static void unlock_certs(const struct quic_tls *tls)
{
    pthread_mutex_unlock((pthread_mutex_t *)(uintptr_t)&tls->mutex);
}

int quic_tls_fingerprint(const struct quic_tls *tls, uint8_t out[QUIC_FINGERPRINT_BYTES])
{
    if (!tls->certs)
        return MOQ_ERR_NOT_FOUND;
    memcpy(out, lock_first(tls)->fingerprint, QUIC_FINGERPRINT_BYTES);
    unlock_certs(tls);
    return 0;
}

int quic_tls_pem(const struct quic_tls *tls, struct quic_pem *pem)
{
    if (!tls->certs)
        return MOQ_ERR_NOT_FOUND;
    int error = cert_copy_pem(lock_first(tls), pem);
    unlock_certs(tls);
    return error;
}

static bool renew_certificates(struct quic_tls *tls, uint64_t now_wall_ms)
{
    cert_store_warn(tls->certs, now_wall_ms);
    if (!cert_store_renew(tls->certs, now_wall_ms))
        return false;
    if (contexts_update(tls) != 0)
        log_error(LOG_TLS,
                  "the renewed certificate cannot be used; the old one stays until it expires");
    return true;
}

bool quic_tls_renew(struct quic_tls *tls, uint64_t now_wall_ms)
{
    if (!tls->certs)
        return false;
    pthread_mutex_lock(&tls->mutex);
    bool is_renewed = renew_certificates(tls, now_wall_ms);
    pthread_mutex_unlock(&tls->mutex);
    return is_renewed;
}

/* ---- Sessions -------------------------------------------------------------------------------- */

/* Reads an IP address from text. Returns its size; 0 if `host` is not an address. */
static size_t parse_address(const char *host, uint8_t out[ADDRESS_MAX_BYTES])
{
    if (inet_pton(AF_INET, host, out) == 1)
        return sizeof(struct in_addr);
    return inet_pton(AF_INET6, host, out) == 1 ? sizeof(struct in6_addr) : 0;
}

/* Sets the name to check. wolfSSL sends names as SNI and checks them itself; addresses are checked
 * when the handshake is complete. */
static int set_server_name(struct tls_session *session, const char *name)
{
    if (!name || name[0] == '\0')
        return 0;
    size_t n = strlen(name);
    if (n > SERVER_NAME_MAX_BYTES)
        return MOQ_ERR_INVALID;
    bool is_name_checked = !session->tls->is_pinned && !session->tls->is_verify_disabled;
    session->address_size = parse_address(name, session->address);
    if (session->address_size > 0)
        return 0;
    if (wolfSSL_UseSNI(session->ssl, WOLFSSL_SNI_HOST_NAME, name, (unsigned short)n) !=
        WOLFSSL_SUCCESS)
        return MOQ_ERR_TLS;
    if (is_name_checked && wolfSSL_check_domain_name(session->ssl, name) != WOLFSSL_SUCCESS)
        return MOQ_ERR_TLS;
    return 0;
}

static int set_alpn(struct tls_session *session)
{
    char list[ALPN_LIST_MAX_BYTES];
    int n = snprintf(list, sizeof list, "%s", session->config.alpn);
    if (n < 0 || (size_t)n >= sizeof list)
        return MOQ_ERR_INVALID;
    int rv = wolfSSL_UseALPN(session->ssl, list, (unsigned)n, WOLFSSL_ALPN_FAILED_ON_MISMATCH);
    return rv == WOLFSSL_SUCCESS ? 0 : MOQ_ERR_TLS;
}

/* Offers groups in our order, with key shares for the first two. Old rustls servers choose the
 * first group that they know. If it has no share, they send a HelloRetryRequest, and quinn loses
 * the ALPN of a client after that. */
static int offer_groups(WOLFSSL *ssl)
{
#if LIBWOLFSSL_VERSION_HEX >= 0x05008000
    int groups[] = {WOLFSSL_X25519MLKEM768, WOLFSSL_ECC_X25519, WOLFSSL_ECC_SECP256R1,
                    WOLFSSL_ECC_SECP384R1};
#else
    int groups[] = {WOLFSSL_ECC_X25519, WOLFSSL_ECC_SECP256R1, WOLFSSL_ECC_SECP384R1};
#endif
    if (wolfSSL_set_groups(ssl, groups, sizeof groups / sizeof groups[0]) != WOLFSSL_SUCCESS)
        return MOQ_ERR_TLS;
    for (size_t i = 0; i < 2; i++)
        if (wolfSSL_UseKeyShare(ssl, (uint16_t)groups[i]) != WOLFSSL_SUCCESS)
            return MOQ_ERR_TLS;
    return 0;
}

static int session_init(struct tls_session *session)
{
    WOLFSSL *ssl = session->ssl;
    wolfSSL_set_app_data(ssl, session);
    wolfSSL_set_quic_transport_version(ssl, TRANSPORT_PARAMETERS_EXTENSION);
    int rv = set_alpn(session);
    if (rv != 0)
        return rv;
    if (session->config.is_server) {
        wolfSSL_set_accept_state(ssl);
        return 0;
    }
    wolfSSL_set_connect_state(ssl);
    rv = offer_groups(ssl);
    if (rv != 0)
        return rv;
    return set_server_name(session, session->config.server_name);
}

struct tls_session *tls_session_new(const struct tls_session_config *config)
{
    REQUIRE(config->clock || !config->is_server);
    struct tls_session *session = calloc(1, sizeof *session);
    if (!session)
        return NULL;
    session->tls = quic_tls_ref(config->tls);
    session->config = *config;
    session->resumption.clock = config->clock;
    pthread_mutex_lock(&config->tls->mutex);
    session->ssl = wolfSSL_new(config->tls->contexts[0]);
    pthread_mutex_unlock(&config->tls->mutex);
    if (!session->ssl || session_init(session) != 0)
        tls_session_free(&session);
    return session;
}

void tls_session_free(struct tls_session **session)
{
    if (!*session)
        return;
    wolfSSL_free((*session)->ssl);
    quic_tls_unref(&(*session)->tls);
    free(*session);
    *session = NULL;
}

void *tls_session_native(struct tls_session *session)
{
    return session->ssl;
}

bool tls_session_has_alpn(struct tls_session *session, const char *name)
{
    char *agreed = NULL;
    unsigned short n = 0;
    return wolfSSL_ALPN_GetProtocol(session->ssl, &agreed, &n) == WOLFSSL_SUCCESS && agreed &&
           n == strlen(name) && memcmp(agreed, name, n) == 0;
}

const char *tls_session_server_name(struct tls_session *session)
{
    const char *name = wolfSSL_get_servername(session->ssl, WOLFSSL_SNI_HOST_NAME);
    return name ? name : "";
}

static bool is_leaf_good(const struct tls_session *session, const uint8_t *der, size_t n)
{
    const struct quic_tls *tls = session->tls;
    uint8_t digest[QUIC_FINGERPRINT_BYTES];
    if (!tls->is_pinned)
        return cert_has_address(der, n, session->address, session->address_size);
    return wc_Sha256Hash(der, (word32)n, digest) == 0 &&
           memcmp(digest, tls->pin, sizeof digest) == 0;
}

const char *tls_session_distrust(struct tls_session *session)
{
    const struct quic_tls *tls = session->tls;
    bool is_address_checked = session->address_size > 0 && !tls->is_verify_disabled;
    if (!tls->is_pinned && !is_address_checked)
        return NULL;
    WOLFSSL_X509 *leaf = wolfSSL_get_peer_certificate(session->ssl);
    int n = 0;
    const uint8_t *der = leaf ? wolfSSL_X509_get_der(leaf, &n) : NULL;
    bool is_good = der && n > 0 && is_leaf_good(session, der, (size_t)n);
    wolfSSL_X509_free(leaf);
    if (is_good)
        return NULL;
    return tls->is_pinned ? "the certificate is not the pinned one"
                          : "the certificate is not valid for this address";
}
