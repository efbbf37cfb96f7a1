/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Keeps the certificates of a server, chooses one for a name, and replaces the self-signed one.
 * Tested by tests/unit/quic/test_cert.c. */
#include "quic/cert_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "quic/cert_internal.h"
#include "quic/explain.h"

struct cert_store {
    struct cert *certs[CERT_STORE_MAX];
    size_t count;
    uint8_t told[CERT_STORE_MAX]; /* for each certificate: see cert_warn_of_end() */
    uint64_t generation;          /* the last one used */
    char **self_signed;           /* names of the self-signed certificate */
    size_t self_signed_count;
};

/* ---- filling --------------------------------------------------------------------------------- */

static void replace_cert(struct cert_store *store, size_t index, struct cert *cert)
{
    cert_free(&store->certs[index]);
    cert->generation = ++store->generation;
    store->certs[index] = cert;
}

static bool load_files(struct cert_store *store, const struct quic_tls_server_config *config,
                       uint64_t now_s, char *error_text)
{
    for (size_t i = 0; i < config->certificate_count; i++) {
        struct cert *cert = cert_load(&config->certificates[i], error_text);
        if (!cert)
            return false;
        cert_warn_of_start(cert, now_s);
        replace_cert(store, store->count++, cert);
    }
    return true;
}

static bool copy_names(struct cert_store *store, const struct quic_tls_server_config *config)
{
    store->self_signed = calloc(config->self_signed_count, sizeof *store->self_signed);
    if (!store->self_signed)
        return false;
    for (size_t i = 0; i < config->self_signed_count; i++) {
        store->self_signed[i] = strdup(config->self_signed[i]);
        if (!store->self_signed[i])
            return false;
        store->self_signed_count++;
    }
    return true;
}

static bool make_self_signed(struct cert_store *store, const struct quic_tls_server_config *config,
                             uint64_t now_s, char *error_text)
{
    if (config->self_signed_count == 0)
        return true;
    if (!copy_names(store, config)) {
        quic_explain(error_text, "out of memory");
        return false;
    }
    struct cert *cert =
        cert_make(config->self_signed, config->self_signed_count, now_s, error_text);
    if (cert)
        replace_cert(store, store->count++, cert);
    return cert;
}

struct cert_store *cert_store_new(const struct quic_tls_server_config *config, uint64_t now_wall_ms,
                                  char *error_text)
{
    uint64_t now_s = now_wall_ms / 1000;
    if (config->certificate_count == 0 && config->self_signed_count == 0) {
        quic_explain(error_text, "no certificate: name a PEM certificate and its key, or host "
                                 "names for a self-signed one");
        return NULL;
    }
    if (config->certificate_count >= CERT_STORE_MAX) {
        quic_explain(error_text, "%zu certificates are too many: at most %d",
                     config->certificate_count, CERT_STORE_MAX - 1);
        return NULL;
    }
    struct cert_store *store = calloc(1, sizeof *store);
    if (!store) {
        quic_explain(error_text, "out of memory");
        return NULL;
    }
    if (!load_files(store, config, now_s, error_text) ||
        !make_self_signed(store, config, now_s, error_text))
        cert_store_free(&store);
    if (store)
        cert_store_warn(store, now_wall_ms);
    return store;
}

void cert_store_free(struct cert_store **store)
{
    struct cert_store *old = *store;
    *store = NULL;
    if (!old)
        return;
    for (size_t i = 0; i < old->count; i++)
        cert_free(&old->certs[i]);
    for (size_t i = 0; i < old->self_signed_count; i++)
        free(old->self_signed[i]);
    free(old->self_signed);
    free(old);
}

size_t cert_store_count(const struct cert_store *store)
{
    return store->count;
}

const struct cert *cert_store_at(const struct cert_store *store, size_t index)
{
    return store->certs[index];
}

/* ---- choosing -------------------------------------------------------------------------------- */

size_t cert_store_choose(const struct cert_store *store, const char *server_name)
{
    size_t size = server_name ? strlen(server_name) : 0;
    if (size > 0 && server_name[size - 1] == '.') /* the absolute form of the same name */
        size--;
    for (size_t i = 0; i < store->count && size > 0; i++)
        if (cert_is_good_for(store->certs[i], server_name, size))
            return i;
    return 0;
}

/* ---- the end --------------------------------------------------------------------------------- */

void cert_store_warn(struct cert_store *store, uint64_t now_wall_ms)
{
    for (size_t i = 0; i < store->count; i++)
        store->told[i] = cert_warn_of_end(store->certs[i], store->told[i], now_wall_ms / 1000);
}

/* ---- renewal --------------------------------------------------------------------------------- */

/* The self-signed certificate, which can only be the last one. NULL: there is none. */
static const struct cert *self_signed_of(const struct cert_store *store)
{
    const struct cert *last = store->certs[store->count - 1];
    return last->is_self_signed ? last : NULL;
}

static bool is_due(const struct cert *cert, uint64_t now_s)
{
    bool is_ending = now_s + CERT_RENEW_BEFORE_SECONDS >= cert->not_after_s;
    /* The clock was set back: browsers would refuse it. */
    bool is_ahead = now_s < cert->not_before_s;
    return is_ending || is_ahead;
}

static bool are_names_equal(const struct cert_store *a, const struct cert_store *b)
{
    bool are_equal = a->self_signed_count == b->self_signed_count;
    for (size_t i = 0; are_equal && i < a->self_signed_count; i++)
        are_equal = strcasecmp(a->self_signed[i], b->self_signed[i]) == 0;
    return are_equal;
}

bool cert_store_keep(struct cert_store *store, const struct cert_store *previous,
                     uint64_t now_wall_ms)
{
    const struct cert *mine = self_signed_of(store), *old = self_signed_of(previous);
    if (!mine || !old || !are_names_equal(store, previous) || is_due(old, now_wall_ms / 1000))
        return true;
    struct cert *copy = cert_copy(old);
    if (copy)
        replace_cert(store, store->count - 1, copy);
    return copy;
}

bool cert_store_renew(struct cert_store *store, uint64_t now_wall_ms)
{
    char error_text[QUIC_ERROR_TEXT_BYTES];
    uint64_t now_s = now_wall_ms / 1000;
    const struct cert *old = self_signed_of(store);
    if (!old || !is_due(old, now_s))
        return false;

    struct cert *cert = cert_make((const char *const *)store->self_signed, store->self_signed_count,
                                  now_s, error_text);
    if (!cert) {
        log_warn(LOG_TLS, "the self-signed certificate could not be renewed: %s", error_text);
        return false;
    }
    replace_cert(store, store->count - 1, cert);
    return true;
}
