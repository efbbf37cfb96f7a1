/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads a certificate and its key from two PEM files, with one clear line for every mistake.
 * Tested by tests/unit/quic/test_cert.c. */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/sha256.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/descriptors.h"
#include "base/error.h"
#include "base/log.h"
#include "base/read_all.h"
#include "quic/cert_internal.h"
#include "quic/explain.h"

/* ---- reading a file -------------------------------------------------------------------------- */

/* Whether the open file can be read: a regular file of an allowed size. If not, writes why. */
static bool is_acceptable(int fd, const char *path, size_t *size, const char *remedy,
                          char *error_text)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        quic_explain(error_text, "%s: cannot be read: %s", path, strerror(errno));
        return false;
    }
    if (!S_ISREG(status.st_mode)) {
        quic_explain(error_text, "%s: is not a regular file; %s", path, remedy);
        return false;
    }
    if (status.st_size > CERT_FILE_MAX_BYTES) {
        quic_explain(error_text, "%s: is larger than %d bytes; %s", path, CERT_FILE_MAX_BYTES,
                     remedy);
        return false;
    }
    *size = (size_t)status.st_size;
    return true;
}

/* O_NONBLOCK, because opening a pipe must not block the start. */
char *cert_read_file(const char *path, size_t *size, const char *remedy, char *error_text)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        quic_explain(error_text, "%s: cannot be read: %s; %s", path, strerror(errno),
                     descriptors_remedy(errno, "check the path and its permissions"));
        return NULL;
    }
    char *text = NULL;
    size_t room = 0;
    if (is_acceptable(fd, path, &room, remedy, error_text)) {
        text = malloc(room + 1);
        ssize_t n = text ? read_all(fd, text, room) : -1;
        if (n < 0) {
            quic_explain(error_text, "%s: cannot be read: %s", path, strerror(errno));
            free(text);
            text = NULL;
        } else {
            text[n] = '\0';
            *size = (size_t)n;
        }
    }
    close(fd);
    return text;
}

/* ---- what a leaf says of itself -------------------------------------------------------------- */

static int two_digits(const uint8_t *text)
{
    return isdigit(text[0]) && isdigit(text[1]) ? (text[0] - '0') * 10 + (text[1] - '0') : -1;
}

/* Reads a UTCTime (YYMMDDhhmmssZ) or a GeneralizedTime (YYYYMMDDhhmmssZ) with its tag and length.
 * Returns 0 if it is neither. */
static uint64_t time_of(const uint8_t *asn, int n)
{
    enum { UTC_TIME = 0x17, GENERALIZED_TIME = 0x18, REST = 10 };
    if (n < 2 || n != asn[1] + 2)
        return 0;
    bool is_utc = asn[0] == UTC_TIME && asn[1] == 13;
    bool is_long = asn[0] == GENERALIZED_TIME && asn[1] == 15;
    if (!is_utc && !is_long)
        return 0;

    const uint8_t *text = asn + 2;
    int century = is_long ? two_digits(text) * 100 : two_digits(text) < 50 ? 2000 : 1900;
    text += is_long ? 2 : 0;
    int part[REST / 2 + 1];
    for (int i = 0; i < REST / 2 + 1; i++) {
        part[i] = two_digits(text + (ptrdiff_t)2 * i);
        if (part[i] < 0)
            return 0;
    }
    struct tm time = {.tm_year = century + part[0] - 1900,
                      .tm_mon = part[1] - 1,
                      .tm_mday = part[2],
                      .tm_hour = part[3],
                      .tm_min = part[4],
                      .tm_sec = part[5]};
    time_t seconds = timegm(&time);
    return seconds < 0 ? 0 : (uint64_t)seconds;
}

static bool is_name(const DNS_entry *entry)
{
    return entry->type == ASN_DNS_TYPE && entry->len > 0 && entry->len <= CERT_NAME_MAX_BYTES;
}

static int take_name(struct cert *cert, const DNS_entry *entry)
{
    char *name = strndup(entry->name, (size_t)entry->len);
    if (!name)
        return MOQ_ERR_NOMEM;
    for (char *at = name; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    cert->names[cert->name_count++] = name;
    return 0;
}

static int take_names(struct cert *cert, const DNS_entry *entries)
{
    size_t count = 0;
    for (const DNS_entry *entry = entries; entry; entry = entry->next)
        count += is_name(entry);
    if (count > CERT_MAX_NAMES) {
        log_warn(LOG_TLS, "a certificate has %zu names; only %d of them are used", count,
                 CERT_MAX_NAMES);
        count = CERT_MAX_NAMES;
    }
    if (count == 0)
        return 0;
    cert->names = calloc(count, sizeof *cert->names);
    if (!cert->names)
        return MOQ_ERR_NOMEM;

    int error = 0;
    for (const DNS_entry *entry = entries; entry && !error && cert->name_count < count;
         entry = entry->next)
        if (is_name(entry))
            error = take_name(cert, entry);
    return error;
}

int cert_read_leaf(struct cert *cert, const uint8_t *der, size_t n)
{
    if (wc_Sha256Hash(der, (word32)n, cert->fingerprint) != 0)
        return MOQ_ERR_TLS;
    DecodedCert *decoded = malloc(sizeof *decoded);
    if (!decoded)
        return MOQ_ERR_NOMEM;
    wc_InitDecodedCert(decoded, der, (word32)n, NULL);
    int error = wc_ParseCert(decoded, CERT_TYPE, NO_VERIFY, NULL) == 0 ? 0 : MOQ_ERR_TLS;
    if (!error) {
        cert->not_before_s = time_of(decoded->beforeDate, decoded->beforeDateLen);
        cert->not_after_s = time_of(decoded->afterDate, decoded->afterDateLen);
        cert->has_names = decoded->altNames != NULL;
        error = take_names(cert, decoded->altNames);
    }
    wc_FreeDecodedCert(decoded);
    free(decoded);
    return error;
}

static bool is_address(const DNS_entry *entry, const uint8_t *address, size_t size)
{
    return entry->type == ASN_IP_TYPE && entry->len == (int)size &&
           memcmp(entry->name, address, size) == 0;
}

bool cert_has_address(const uint8_t *der, size_t n, const uint8_t *address, size_t address_size)
{
    DecodedCert *decoded = malloc(sizeof *decoded);
    if (!decoded)
        return false;
    bool has_it = false;
    wc_InitDecodedCert(decoded, der, (word32)n, NULL);
    if (wc_ParseCert(decoded, CERT_TYPE, NO_VERIFY, NULL) == 0)
        for (const DNS_entry *entry = decoded->altNames; entry && !has_it; entry = entry->next)
            has_it = is_address(entry, address, address_size);
    wc_FreeDecodedCert(decoded);
    free(decoded);
    return has_it;
}

/* ---- a pair ---------------------------------------------------------------------------------- */

/* Reads the leaf. The buffer is as large as the PEM, which is longer than the DER in it. */
static bool read_leaf_of_chain(struct cert *cert)
{
    uint8_t *der = malloc(cert->chain_pem_size + 1);
    if (!der)
        return false;
    int size = wc_CertPemToDer((const uint8_t *)cert->chain_pem, (int)cert->chain_pem_size, der,
                               (int)cert->chain_pem_size, CERT_TYPE);
    bool is_read = size > 0 && cert_read_leaf(cert, der, (size_t)size) == 0;
    free(der);
    return is_read;
}

/* Tries the pair in a TLS context, so that what is accepted here also works later. */
static bool is_usable(const struct cert *cert, WOLFSSL_CTX *context,
                      const struct quic_certificate *files, char *error_text)
{
    if (wolfSSL_CTX_use_certificate_chain_buffer(context, (const uint8_t *)cert->chain_pem,
                                                 (long)cert->chain_pem_size) != WOLFSSL_SUCCESS) {
        quic_explain(error_text,
                     "%s: a certificate in it does not parse; it must contain the chain in PEM "
                     "form, the server's own first",
                     files->cert_file);
        return false;
    }
    if (wolfSSL_CTX_use_PrivateKey_buffer(context, (const uint8_t *)cert->key_pem,
                                          (long)cert->key_pem_size,
                                          WOLFSSL_FILETYPE_PEM) != WOLFSSL_SUCCESS) {
        bool is_encrypted = strstr(cert->key_pem, "ENCRYPTED");
        quic_explain(error_text, "%s: %s", files->key_file,
                     is_encrypted
                         ? "the key is encrypted; store it without a password"
                         : "it contains no private key in PEM form that fits a certificate");
        return false;
    }
    if (wolfSSL_CTX_check_private_key(context) != WOLFSSL_SUCCESS) {
        quic_explain(error_text,
                     "%s: this key does not belong to the first certificate in %s; name "
                     "the two files of one pair",
                     files->key_file, files->cert_file);
        return false;
    }
    return true;
}

static bool is_pem(const char *text, const char *file, const char *what, char *error_text)
{
    if (strstr(text, "-----BEGIN "))
        return true;
    quic_explain(error_text,
                 "%s: is not in PEM form (no BEGIN line); convert it to PEM, with the %s", file,
                 what);
    return false;
}

static bool check_pair(struct cert *cert, const struct quic_certificate *files, char *error_text)
{
    if (!is_pem(cert->chain_pem, files->cert_file, "certificate chain", error_text) ||
        !is_pem(cert->key_pem, files->key_file, "private key", error_text))
        return false;
    if (!read_leaf_of_chain(cert)) {
        quic_explain(error_text,
                     "%s: it contains no certificate, or its first one does not parse; it must "
                     "contain the chain in PEM form",
                     files->cert_file);
        return false;
    }
    WOLFSSL_CTX *context = wolfSSL_CTX_new(wolfTLSv1_3_server_method());
    if (!context) {
        quic_explain(error_text, "out of memory");
        return false;
    }
    bool is_good = is_usable(cert, context, files, error_text);
    wolfSSL_CTX_free(context);
    return is_good;
}

struct cert *cert_load(const struct quic_certificate *files, char *error_text)
{
    struct cert *cert = calloc(1, sizeof *cert);
    if (!cert) {
        quic_explain(error_text, "out of memory");
        return NULL;
    }
    const char *remedy = "name a file in PEM form";
    cert->chain_pem = cert_read_file(files->cert_file, &cert->chain_pem_size, remedy, error_text);
    if (cert->chain_pem)
        cert->key_pem = cert_read_file(files->key_file, &cert->key_pem_size, remedy, error_text);
    cert->file = strdup(files->cert_file);
    if (!cert->file || !cert->key_pem || !check_pair(cert, files, error_text))
        cert_free(&cert);
    return cert;
}
