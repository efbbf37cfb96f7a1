/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Makes a certificate that browsers accept by its hash: ECDSA P-256, X.509v3, self-signed with
 * SHA-256, valid for 14 days. wolfSSL's own generator cannot set alternative names in most builds,
 * so this file writes the DER itself. It does so from the end to the front, so that every length is
 * known when it has to be written.
 * Tested by tests/unit/quic/test_cert.c. */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/random.h>
#include <wolfssl/wolfcrypt/sha256.h>

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "quic/cert_internal.h"
#include "quic/explain.h"

enum {
    DER_MAX_BYTES = 20 * 1024, /* enough for CERT_SELF_SIGNED_MAX_NAMES of the longest names */
    PEM_MAX_BYTES = 32 * 1024,
    POINT_BYTES = 65,
    SERIAL_BYTES = 16,
    KEY_MAX_BYTES = 256,
    KEY_PEM_MAX_BYTES = 1024,
    SIGNATURE_MAX_BYTES = 80,
};

/* ---- names ----------------------------------------------------------------------------------- */

struct name {
    char text[CERT_NAME_MAX_BYTES + 1]; /* lower case, without brackets */
    uint8_t address[16];
    size_t address_size; /* 0: it is a host name */
};

/* Reads a name such as "localhost", "*.example.com", "127.0.0.1", "::1" or "[::1]". Returns false
 * for anything else, because no client would accept a certificate for it. */
static bool name_read(struct name *name, const char *text)
{
    size_t size = strlen(text);
    bool has_brackets = size > 2 && text[0] == '[' && text[size - 1] == ']';
    if (has_brackets) {
        text++;
        size -= 2;
    }
    if (size == 0 || size > CERT_NAME_MAX_BYTES)
        return false;
    *name = (struct name){0};
    for (size_t i = 0; i < size; i++)
        name->text[i] = (char)tolower((unsigned char)text[i]);

    if (!has_brackets && inet_pton(AF_INET, name->text, name->address) == 1)
        name->address_size = 4;
    else if (inet_pton(AF_INET6, name->text, name->address) == 1)
        name->address_size = 16;
    const char *letters = "abcdefghijklmnopqrstuvwxyz0123456789-._*";
    return name->address_size > 0 || (!has_brackets && strspn(name->text, letters) == size);
}

/* ---- DER, from the end to the front ---------------------------------------------------------- */

enum {
    TAG_INTEGER = 0x02,
    TAG_BIT_STRING = 0x03,
    TAG_OCTET_STRING = 0x04,
    TAG_UTF8 = 0x0c,
    TAG_UTC_TIME = 0x17,
    TAG_GENERALIZED_TIME = 0x18,
    TAG_SEQUENCE = 0x30,
    TAG_SET = 0x31,
    TAG_DNS_NAME = 0x82,   /* in GeneralNames */
    TAG_IP_ADDRESS = 0x87, /* in GeneralNames */
    TAG_VERSION = 0xa0,
    TAG_EXTENSIONS = 0xa3,
};

struct der {
    uint8_t bytes[DER_MAX_BYTES];
    size_t at;       /* bytes[at..] have been written */
    bool is_too_big; /* the room was too small; nothing more is written */
};

static void der_put(struct der *der, const void *data, size_t n)
{
    if (n > der->at)
        der->is_too_big = true;
    if (der->is_too_big)
        return;
    der->at -= n;
    memcpy(der->bytes + der->at, data, n);
}

static void der_put_byte(struct der *der, unsigned byte)
{
    der_put(der, &(uint8_t){(uint8_t)byte}, 1);
}

/* Turns what has been written since `end` into the value of an element. */
static void der_wrap(struct der *der, unsigned tag, size_t end)
{
    size_t size = end - der->at;
    if (size < 0x80) {
        der_put_byte(der, (unsigned)size);
    } else {
        unsigned count = 0;
        for (size_t left = size; left > 0; left >>= 8, count++)
            der_put_byte(der, (unsigned)left & 0xff);
        der_put_byte(der, 0x80 | count);
    }
    der_put_byte(der, tag);
}

static void der_put_element(struct der *der, unsigned tag, const void *data, size_t n)
{
    size_t end = der->at;
    der_put(der, data, n);
    der_wrap(der, tag, end);
}

#define DER_PUT_CONSTANT(der, ...)                                                                 \
    der_put(der, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/* ---- the parts of a certificate, each written before the one in front of it ------------------ */

static void put_ecdsa_with_sha256(struct der *der)
{
    DER_PUT_CONSTANT(der, 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02);
}

static void put_common_name(struct der *der)
{
    static const char name[] = "moq-relay self-signed";
    size_t end = der->at;
    der_put_element(der, TAG_UTF8, name, sizeof name - 1);
    DER_PUT_CONSTANT(der, 0x06, 0x03, 0x55, 0x04, 0x03);
    der_wrap(der, TAG_SEQUENCE, end);
    der_wrap(der, TAG_SET, end);
    der_wrap(der, TAG_SEQUENCE, end);
}

/* RFC 5280, section 4.1.2.5: UTCTime through 2049, GeneralizedTime from then on. */
static void put_time(struct der *der, uint64_t seconds)
{
    char text[32];
    struct tm time;
    time_t when = (time_t)seconds;
    gmtime_r(&when, &time);
    bool is_utc = time.tm_year < 150;
    size_t size = strftime(text, sizeof text, is_utc ? "%y%m%d%H%M%SZ" : "%Y%m%d%H%M%SZ", &time);
    der_put_element(der, is_utc ? TAG_UTC_TIME : TAG_GENERALIZED_TIME, text, size);
}

static void put_validity(struct der *der, uint64_t not_before_s)
{
    size_t end = der->at;
    put_time(der, not_before_s + CERT_SELF_SIGNED_SECONDS);
    put_time(der, not_before_s);
    der_wrap(der, TAG_SEQUENCE, end);
}

static void put_public_key(struct der *der, const uint8_t point[POINT_BYTES])
{
    size_t end = der->at;
    der_put(der, point, POINT_BYTES);
    der_put_byte(der, 0); /* no unused bits */
    der_wrap(der, TAG_BIT_STRING, end);
    DER_PUT_CONSTANT(der, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
                     0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07);
    der_wrap(der, TAG_SEQUENCE, end);
}

static void put_alternative_name(struct der *der, const char *text)
{
    struct name name;
    if (!name_read(&name, text))
        return;
    if (name.address_size > 0)
        der_put_element(der, TAG_IP_ADDRESS, name.address, name.address_size);
    else
        der_put_element(der, TAG_DNS_NAME, name.text, strlen(name.text));
}

static void put_alternative_names(struct der *der, const char *const *names, size_t count)
{
    size_t end = der->at;
    for (size_t i = count; i > 0; i--)
        put_alternative_name(der, names[i - 1]);
    der_wrap(der, TAG_SEQUENCE, end);
    der_wrap(der, TAG_OCTET_STRING, end);
    DER_PUT_CONSTANT(der, 0x06, 0x03, 0x55, 0x1d, 0x11);
    der_wrap(der, TAG_SEQUENCE, end);
}

static void put_extensions(struct der *der, const char *const *names, size_t count)
{
    size_t end = der->at;
    put_alternative_names(der, names, count);
    /* Extended key usage: server authentication. */
    DER_PUT_CONSTANT(der, 0x30, 0x13, 0x06, 0x03, 0x55, 0x1d, 0x25, 0x04, 0x0c, 0x30, 0x0a, 0x06,
                     0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01);
    /* Key usage, critical: digital signature. */
    DER_PUT_CONSTANT(der, 0x30, 0x0e, 0x06, 0x03, 0x55, 0x1d, 0x0f, 0x01, 0x01, 0xff, 0x04, 0x04,
                     0x03, 0x02, 0x07, 0x80);
    /* Basic constraints, critical: signs no other certificate. */
    DER_PUT_CONSTANT(der, 0x30, 0x0c, 0x06, 0x03, 0x55, 0x1d, 0x13, 0x01, 0x01, 0xff, 0x04, 0x02,
                     0x30, 0x00);
    der_wrap(der, TAG_SEQUENCE, end);
    der_wrap(der, TAG_EXTENSIONS, end);
}

/* Writes a random serial number, positive and without leading zero (RFC 5280, section 4.1.2.2). */
static int put_serial(struct der *der, WC_RNG *random)
{
    uint8_t serial[SERIAL_BYTES];
    if (wc_RNG_GenerateBlock(random, serial, sizeof serial) != 0)
        return MOQ_ERR_TLS;
    serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40);
    der_put_element(der, TAG_INTEGER, serial, sizeof serial);
    return 0;
}

/* ---- making one ------------------------------------------------------------------------------ */

/* The state while a certificate is being made. */
struct making {
    const char *const *names;
    size_t name_count;
    uint64_t not_before_s;
    WC_RNG random;
    ecc_key key;
    struct der body, der; /* the part that is signed, and the whole certificate */
};

static int write_body(struct making *making)
{
    struct der *der = &making->body;
    uint8_t point[POINT_BYTES];
    word32 point_size = sizeof point;
    if (wc_ecc_export_x963(&making->key, point, &point_size) != 0 || point_size != sizeof point)
        return MOQ_ERR_TLS;

    der->at = sizeof der->bytes;
    put_extensions(der, making->names, making->name_count);
    put_public_key(der, point);
    put_common_name(der); /* subject */
    put_validity(der, making->not_before_s);
    put_common_name(der); /* issuer */
    put_ecdsa_with_sha256(der);
    if (put_serial(der, &making->random))
        return MOQ_ERR_TLS;
    DER_PUT_CONSTANT(der, TAG_VERSION, 0x03, TAG_INTEGER, 0x01, 0x02); /* v3 */
    der_wrap(der, TAG_SEQUENCE, sizeof der->bytes);
    return der->is_too_big ? MOQ_ERR_BOUNDS : 0;
}

static int write_signed(struct making *making)
{
    const struct der *body = &making->body;
    struct der *der = &making->der;
    size_t body_size = sizeof body->bytes - body->at;
    uint8_t hash[WC_SHA256_DIGEST_SIZE], signature[SIGNATURE_MAX_BYTES];
    word32 signature_size = sizeof signature;
    if (wc_Sha256Hash(body->bytes + body->at, (word32)body_size, hash) != 0 ||
        wc_ecc_sign_hash(hash, sizeof hash, signature, &signature_size, &making->random,
                         &making->key) != 0)
        return MOQ_ERR_TLS;

    der->at = sizeof der->bytes;
    der_put(der, signature, signature_size);
    der_put_byte(der, 0); /* no unused bits */
    der_wrap(der, TAG_BIT_STRING, sizeof der->bytes);
    put_ecdsa_with_sha256(der);
    der_put(der, body->bytes + body->at, body_size);
    der_wrap(der, TAG_SEQUENCE, sizeof der->bytes);
    return der->is_too_big ? MOQ_ERR_BOUNDS : 0;
}

/* Converts `der` to PEM of wolfSSL's `type`. The caller owns the result; NULL on failure. */
static char *pem_of(const uint8_t *der, size_t n, int type, size_t max, size_t *size)
{
    char *pem = calloc(1, max + 1);
    if (!pem)
        return NULL;
    int written = wc_DerToPem(der, (word32)n, (uint8_t *)pem, (word32)max, type);
    if (written <= 0) {
        free(pem);
        return NULL;
    }
    pem[written] = '\0';
    *size = strlen(pem);
    return pem;
}

static int export_cert(struct making *making, struct cert *cert)
{
    const uint8_t *der = making->der.bytes + making->der.at;
    size_t der_size = sizeof making->der.bytes - making->der.at;
    uint8_t key[KEY_MAX_BYTES];
    int key_size = wc_EccKeyToDer(&making->key, key, sizeof key);
    if (key_size <= 0)
        return MOQ_ERR_TLS;

    cert->is_self_signed = true;
    cert->chain_pem = pem_of(der, der_size, CERT_TYPE, PEM_MAX_BYTES, &cert->chain_pem_size);
    cert->key_pem =
        pem_of(key, (size_t)key_size, ECC_PRIVATEKEY_TYPE, KEY_PEM_MAX_BYTES, &cert->key_pem_size);
    explicit_bzero(key, sizeof key);
    if (!cert->chain_pem || !cert->key_pem)
        return MOQ_ERR_NOMEM;
    return cert_read_leaf(cert, der, der_size);
}

static int make_cert(struct making *making, struct cert *cert)
{
    int error = wc_ecc_make_key_ex(&making->random, 32, &making->key, ECC_SECP256R1) == 0
                    ? write_body(making)
                    : MOQ_ERR_TLS;
    if (!error)
        error = write_signed(making);
    return error ? error : export_cert(making, cert);
}

static int make_with_random(struct making *making, struct cert *cert)
{
    if (wc_InitRng(&making->random) != 0)
        return MOQ_ERR_TLS;
    int error = MOQ_ERR_TLS;
    if (wc_ecc_init(&making->key) == 0) {
        error = make_cert(making, cert);
        wc_ecc_free(&making->key);
    }
    wc_FreeRng(&making->random);
    return error;
}

static bool are_names(const char *const *names, size_t count, char *error_text)
{
    if (count > CERT_SELF_SIGNED_MAX_NAMES) {
        quic_explain(error_text, "%zu names are too many for a self-signed certificate: at most %d",
                     count, CERT_SELF_SIGNED_MAX_NAMES);
        return false;
    }
    for (size_t i = 0; i < count; i++)
        if (!name_read(&(struct name){0}, names[i])) {
            quic_explain(error_text,
                         "'%.64s' is neither a host name nor an address: a self-signed certificate "
                         "cannot be made for it",
                         names[i]);
            return false;
        }
    return true;
}

struct cert *cert_make(const char *const *names, size_t name_count, uint64_t now_s,
                       char *error_text)
{
    if (!are_names(names, name_count, error_text))
        return NULL;
    struct cert *cert = calloc(1, sizeof *cert);
    struct making *making = calloc(1, sizeof *making);
    int error = MOQ_ERR_NOMEM;
    if (cert && making) {
        making->names = names;
        making->name_count = name_count;
        making->not_before_s = now_s > CERT_BACKDATED_SECONDS ? now_s - CERT_BACKDATED_SECONDS : 0;
        error = make_with_random(making, cert);
    }
    if (making)
        explicit_bzero(making, sizeof *making);
    free(making);
    if (error) {
        quic_explain(error_text, "the self-signed certificate cannot be made: %s",
                     moq_error_words(error));
        cert_free(&cert);
    }
    return cert;
}
