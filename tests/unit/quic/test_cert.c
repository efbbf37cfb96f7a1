/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Certificates: a self-signed one satisfies what browsers ask of a pinned one, a broken file is
 * named with what to do, a name gets its certificate, and renewal comes in time. */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/sha256.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "quic/cert_store.h"
#include "quic/cert_internal.h"

#define NOW_S UINT64_C(1736900000) /* 2025-01-15 */

static char folder[] = "/tmp/test_cert_XXXXXX";

/* The path of `name` in the test's folder; four may be in use at once. */
static const char *path_of(const char *name)
{
    static char paths[4][256];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static const char *write_file(const char *name, const char *text, size_t n)
{
    const char *path = path_of(name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
    return path;
}

static struct cert_store *self_signed_at(uint64_t now_s, const char *const *names, size_t count)
{
    struct quic_tls_server_config config = {.self_signed = names, .self_signed_count = count};
    char error_text[QUIC_ERROR_TEXT_BYTES] = "";
    struct cert_store *store = cert_store_new(&config, now_s * 1000, error_text);
    if (!store)
        print_error("%s\n", error_text);
    assert_non_null(store);
    return store;
}

/* Writes a pair for `name` to NAME.pem and NAME.key. */
static void write_pair(const char *file, const char *name, uint64_t now_s)
{
    char path[64];
    struct cert_store *store = self_signed_at(now_s, &name, 1);
    const struct cert *cert = cert_store_at(store, 0);
    snprintf(path, sizeof path, "%s.pem", file);
    write_file(path, cert->chain_pem, cert->chain_pem_size);
    snprintf(path, sizeof path, "%s.key", file);
    write_file(path, cert->key_pem, cert->key_pem_size);
    cert_store_free(&store);
}

static struct quic_certificate pair_of(const char *cert, const char *key)
{
    return (struct quic_certificate){path_of(cert), path_of(key)};
}

/* Loading this pair fails, and the line says `words` about `file`. */
static void assert_refused(const char *cert, const char *key, const char *file, const char *words)
{
    struct quic_certificate pair = pair_of(cert, key);
    struct quic_tls_server_config config = {.certificates = &pair, .certificate_count = 1};
    char error_text[QUIC_ERROR_TEXT_BYTES] = "";
    assert_null(cert_store_new(&config, NOW_S * 1000, error_text));
    if (!strstr(error_text, file) || !strstr(error_text, words) || strchr(error_text, '\n'))
        fail_msg("not the line that was expected: %s", error_text);
    assert_null(cert_store_new(&config, NOW_S * 1000, NULL));
}

/* ---- self-signed ----------------------------------------------------------------------------- */

static const char *const names[] = {"localhost", "Relay.Example.COM", "*.example.org", "127.0.0.1",
                                    "[::1]",     "2001:db8::7"};
enum { NAME_COUNT = sizeof names / sizeof *names };

static size_t der_of(const struct cert *cert, uint8_t *der, size_t room)
{
    int n = wc_CertPemToDer((const uint8_t *)cert->chain_pem, (int)cert->chain_pem_size, der,
                            (int)room, CERT_TYPE);
    assert_true(n > 0);
    return (size_t)n;
}

static void it_is_what_browsers_pin(void **state)
{
    (void)state;
    uint8_t der[4096], hash[QUIC_FINGERPRINT_BYTES];
    struct cert_store *store = self_signed_at(NOW_S, names, NAME_COUNT);
    const struct cert *cert = cert_store_at(store, 0);
    size_t n = der_of(cert, der, sizeof der);
    DecodedCert decoded;
    wc_InitDecodedCert(&decoded, der, (word32)n, NULL);
    assert_int_equal(wc_ParseCert(&decoded, CERT_TYPE, NO_VERIFY, NULL), 0);

    assert_int_equal(decoded.version, 2); /* v3 */
    assert_int_equal(decoded.keyOID, ECDSAk);
    assert_int_equal(decoded.signatureOID, CTC_SHA256wECDSA);
    assert_int_equal(decoded.pkCurveOID, ECC_SECP256R1_OID);
    assert_memory_equal(decoded.issuerHash, decoded.subjectHash, sizeof decoded.issuerHash);
    assert_int_equal(decoded.isCA, 0);
    assert_int_equal(cert->not_before_s, NOW_S - 86400);
    assert_int_equal(cert->not_after_s - cert->not_before_s, 14 * 86400);
    assert_int_equal(wc_Sha256Hash(der, (word32)n, hash), 0);
    assert_memory_equal(hash, cert->fingerprint, sizeof hash);
    assert_true(cert->is_self_signed);
    wc_FreeDecodedCert(&decoded);
    cert_store_free(&store);
}

/* Its own key verifies it: a manager that trusts it accepts it. The dates are those of today. */
static void its_signature_is_its_own(void **state)
{
    (void)state;
    uint8_t der[4096];
    struct cert_store *store = self_signed_at((uint64_t)time(NULL), names, NAME_COUNT);
    size_t n = der_of(cert_store_at(store, 0), der, sizeof der);
    WOLFSSL_CERT_MANAGER *manager = wolfSSL_CertManagerNew();
    assert_non_null(manager);
    assert_int_equal(wolfSSL_CertManagerLoadCABuffer(manager, der, (long)n, WOLFSSL_FILETYPE_ASN1),
                     WOLFSSL_SUCCESS);
    assert_int_equal(wolfSSL_CertManagerVerifyBuffer(manager, der, (long)n, WOLFSSL_FILETYPE_ASN1),
                     WOLFSSL_SUCCESS);
    der[n - 1] ^= 1;
    assert_int_not_equal(
        wolfSSL_CertManagerVerifyBuffer(manager, der, (long)n, WOLFSSL_FILETYPE_ASN1),
        WOLFSSL_SUCCESS);
    wolfSSL_CertManagerFree(manager);
    cert_store_free(&store);
}

static void it_has_every_name_and_address(void **state)
{
    static const uint8_t v4[] = {0x87, 4, 127, 0, 0, 1};
    static const uint8_t v6[] = {0x87, 16, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0,
                                 0,    0,  0,    0,    0,    0,    0, 0, 7};
    static const uint8_t loopback[] = {0x87, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    (void)state;
    uint8_t der[4096];
    struct cert_store *store = self_signed_at(NOW_S, names, NAME_COUNT);
    const struct cert *cert = cert_store_at(store, 0);
    size_t n = der_of(cert, der, sizeof der);
    assert_int_equal(cert->name_count, 3);
    assert_string_equal(cert->names[0], "localhost");
    assert_string_equal(cert->names[1], "relay.example.com");
    assert_string_equal(cert->names[2], "*.example.org");
    assert_non_null(memmem(der, n, v4, sizeof v4));
    assert_non_null(memmem(der, n, v6, sizeof v6));
    assert_non_null(memmem(der, n, loopback, sizeof loopback));
    cert_store_free(&store);
}

static void an_address_is_found_and_another_is_not(void **state)
{
    static const uint8_t v4[] = {127, 0, 0, 1}, other[] = {127, 0, 0, 2};
    static const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 7};
    (void)state;
    uint8_t der[4096];
    struct cert_store *store = self_signed_at(NOW_S, names, NAME_COUNT);
    size_t n = der_of(cert_store_at(store, 0), der, sizeof der);
    assert_true(cert_has_address(der, n, v4, sizeof v4));
    assert_true(cert_has_address(der, n, v6, sizeof v6));
    assert_false(cert_has_address(der, n, other, sizeof other));
    assert_false(cert_has_address(der, n, v6, 4));
    assert_false(cert_has_address(der, n, (const uint8_t *)"localhost", 9));
    assert_false(cert_has_address(der, n - 1, v4, sizeof v4));
    cert_store_free(&store);
}

static void no_two_are_alike(void **state)
{
    (void)state;
    struct cert_store *one = self_signed_at(NOW_S, names, 1),
                      *two = self_signed_at(NOW_S, names, 1);
    assert_memory_not_equal(cert_store_at(one, 0)->fingerprint, cert_store_at(two, 0)->fingerprint,
                            QUIC_FINGERPRINT_BYTES);
    cert_store_free(&one);
    cert_store_free(&two);
}

static void dates_after_2049_have_four_digit_years(void **state)
{
    (void)state;
    uint64_t late_s = UINT64_C(2524608000) - 5 * 86400; /* five days before 2050 */
    struct cert_store *store = self_signed_at(late_s, names, 1);
    assert_int_equal(cert_store_at(store, 0)->not_before_s, late_s - 86400);
    assert_int_equal(cert_store_at(store, 0)->not_after_s, late_s + 13 * 86400);
    cert_store_free(&store);
}

static void names_that_are_none_are_refused(void **state)
{
    static const char *const bad[] = {"",    "a b",   "a/b",      "[]",  "[",
                                      "a:b", "[a.b]", "\xc3\xbc", "a\nb"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char error_text[QUIC_ERROR_TEXT_BYTES] = "";
        struct quic_tls_server_config config = {.self_signed = &bad[i], .self_signed_count = 1};
        assert_null(cert_store_new(&config, NOW_S * 1000, error_text));
        assert_non_null(strstr(error_text, "neither a host name"));
    }
}

static void as_many_names_as_allowed_fit(void **state)
{
    (void)state;
    char long_name[254];
    const char *many[65];
    memset(long_name, 'a', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    for (size_t i = 0; i < 65; i++)
        many[i] = long_name;
    struct cert_store *store = self_signed_at(NOW_S, many, 64);
    assert_int_equal(cert_store_at(store, 0)->name_count, 64);
    cert_store_free(&store);

    struct quic_tls_server_config config = {.self_signed = many, .self_signed_count = 65};
    assert_null(cert_store_new(&config, NOW_S * 1000, NULL));
}

static void openssl_reads_it_too(void **state)
{
    (void)state;
    if (system("openssl version >/dev/null 2>&1") != 0)
        skip();
    char command[1024];
    struct cert_store *store = self_signed_at((uint64_t)time(NULL), names, NAME_COUNT);
    const struct cert *cert = cert_store_at(store, 0);
    write_file("own.pem", cert->chain_pem, cert->chain_pem_size);
    write_file("own.key", cert->key_pem, cert->key_pem_size);
    snprintf(command, sizeof command,
             "cd %s && openssl verify -CAfile own.pem own.pem >log 2>&1 && "
             "openssl verify -purpose sslserver -verify_hostname relay.example.com -CAfile own.pem "
             "own.pem >log 2>&1 && "
             "openssl verify -verify_ip 2001:db8::7 -CAfile own.pem own.pem >log 2>&1 && "
             "openssl pkey -in own.key -check -noout >log 2>&1",
             folder);
    assert_int_equal(system(command), 0);
    cert_store_free(&store);
}

/* ---- files ----------------------------------------------------------------------------------- */

static void a_pair_from_files_is_as_it_was_written(void **state)
{
    (void)state;
    write_pair("a", "a.example", NOW_S);
    struct quic_certificate pair = pair_of("a.pem", "a.key");
    struct quic_tls_server_config config = {.certificates = &pair, .certificate_count = 1};
    char error_text[QUIC_ERROR_TEXT_BYTES] = "";
    struct cert_store *store = cert_store_new(&config, NOW_S * 1000, error_text);
    assert_non_null(store);
    const struct cert *cert = cert_store_at(store, 0);
    assert_int_equal(cert_store_count(store), 1);
    assert_int_equal(cert->name_count, 1);
    assert_string_equal(cert->names[0], "a.example");
    assert_int_equal(cert->not_after_s, NOW_S + 13 * 86400);
    assert_false(cert->is_self_signed);
    assert_int_equal(strlen(cert->key_pem), cert->key_pem_size);
    cert_store_free(&store);
}

static void each_broken_file_is_named_with_what_to_do(void **state)
{
    (void)state;
    write_pair("a", "a.example", NOW_S);
    write_pair("b", "b.example", NOW_S);
    write_file("text.pem", "hello", 5);
    write_file("empty.pem", "", 0);
    write_file("cut.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n", 33);
    write_file("junk.pem", "-----BEGIN CERTIFICATE-----\nAAAAAAAA\n-----END CERTIFICATE-----\n",
               63);
    write_file("cut.key", "-----BEGIN EC PRIVATE KEY-----\nMHcC\n", 36);
    write_file("locked.key",
               "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMHcC\n-----END ENCRYPTED PRIVATE KEY-----\n",
               79);

    assert_refused("none.pem", "a.key", "none.pem", "cannot be read");
    assert_refused("a.pem", "none.key", "none.key", "cannot be read");
    assert_refused("", "a.key", folder, "regular file");
    assert_refused("text.pem", "a.key", "text.pem", "not in PEM form");
    assert_refused("empty.pem", "a.key", "empty.pem", "not in PEM form");
    assert_refused("a.pem", "text.pem", "text.pem", "not in PEM form");
    assert_refused("cut.pem", "a.key", "cut.pem", "it contains no certificate");
    assert_refused("junk.pem", "a.key", "junk.pem", "it contains no certificate");
    assert_refused("a.key", "a.key", "a.key", "it contains no certificate");
    assert_refused("a.pem", "a.pem", "a.pem", "no private key");
    assert_refused("a.pem", "cut.key", "cut.key", "no private key");
    assert_refused("a.pem", "locked.key", "locked.key", "encrypted");
    assert_refused("a.pem", "b.key", "b.key", "does not belong");
}

static void a_pipe_does_not_block_the_start(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(path_of("pipe.pem"), 0600), 0);
    assert_refused("pipe.pem", "a.key", "pipe.pem", "regular file");
}

static void a_huge_file_is_not_read(void **state)
{
    (void)state;
    int fd = open(path_of("huge.pem"), O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, CERT_FILE_MAX_BYTES + 1), 0);
    close(fd);
    assert_refused("huge.pem", "a.key", "huge.pem", "larger than");
}

static void every_cut_of_a_pair_is_refused_or_read(void **state)
{
    (void)state;
    const char *name = "a.example";
    struct cert_store *whole = self_signed_at(NOW_S, &name, 1);
    const struct cert *cert = cert_store_at(whole, 0);
    write_file("key.key", cert->key_pem, cert->key_pem_size);
    for (size_t cut = 0; cut + 30 < cert->chain_pem_size; cut += 7) {
        write_file("part.pem", cert->chain_pem, cut);
        assert_refused("part.pem", "key.key", "part.pem", "");
    }
    write_file("chain.pem", cert->chain_pem, cert->chain_pem_size);
    for (size_t cut = 0; cut + 30 < cert->key_pem_size; cut += 7) {
        write_file("part.key", cert->key_pem, cut);
        assert_refused("chain.pem", "part.key", "part.key", "");
    }
    cert_store_free(&whole);
}

static void an_expired_certificate_is_loaded_all_the_same(void **state)
{
    (void)state;
    write_pair("old", "old.example", NOW_S - 400 * 86400);
    struct quic_certificate pair = pair_of("old.pem", "old.key");
    struct quic_tls_server_config config = {.certificates = &pair, .certificate_count = 1};
    struct cert_store *store = cert_store_new(&config, NOW_S * 1000, NULL);
    assert_non_null(store);
    assert_true(cert_store_at(store, 0)->not_after_s < NOW_S);
    assert_false(cert_store_renew(store, NOW_S * 1000));
    cert_store_free(&store);
}

/* What is told of a certificate that is valid for `life_h` hours, `left_h` before its end. */
static uint8_t told_at(uint64_t life_h, uint64_t left_h, uint8_t told_before)
{
    const struct cert cert = {
        .file = "a.pem", .not_before_s = NOW_S, .not_after_s = NOW_S + life_h * 3600};
    return cert_warn_of_end(&cert, told_before, cert.not_after_s - left_h * 3600);
}

static void the_end_is_told_of_in_steps_that_suit_the_life(void **state)
{
    (void)state;
    static const struct {
        uint64_t life_h, left_h;
        uint8_t told;
    } cases[] = {
        {90 * 24, 30 * 24, 0},
        {90 * 24, 14 * 24, 1},
        {90 * 24, 3 * 24, 2},
        {90 * 24, 24, 3},
        {90 * 24, 0, CERT_ENDED},
        /* Of six days, renewed after three. */
        {160, 60, 0},
        {160, 40, 1},
        {160, 20, 2},
        {160, 10, 3},
        {160, 0, CERT_ENDED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(told_at(cases[i].life_h, cases[i].left_h, 0), cases[i].told);
}

static void each_step_towards_the_end_is_told_once(void **state)
{
    (void)state;
    uint8_t told = 0;
    int times = 0;
    for (uint64_t left_h = 90 * 24; left_h-- > 0;) {
        uint8_t now = told_at(90 * 24, left_h, told);
        times += now != told;
        told = now;
    }
    assert_int_equal(times, 4);
    assert_int_equal(told_at(90 * 24, 0, told), CERT_ENDED);
    const struct cert own = {.is_self_signed = true, .not_before_s = 0, .not_after_s = 1};
    assert_int_equal(cert_warn_of_end(&own, 0, NOW_S), 0);
}

static void nothing_configured_is_told(void **state)
{
    (void)state;
    char error_text[QUIC_ERROR_TEXT_BYTES] = "";
    struct quic_tls_server_config config = {0};
    assert_null(cert_store_new(&config, NOW_S * 1000, error_text));
    assert_non_null(strstr(error_text, "no certificate"));
}

/* ---- choosing and renewing ------------------------------------------------------------------- */

static struct cert_store *store_of_three(void)
{
    static const char *const last[] = {"localhost"};
    write_pair("a", "a.example", NOW_S);
    write_pair("wild", "*.b.example", NOW_S);
    struct quic_certificate pairs[] = {pair_of("a.pem", "a.key"), pair_of("wild.pem", "wild.key")};
    struct quic_tls_server_config config = {
        .certificates = pairs, .certificate_count = 2, .self_signed = last, .self_signed_count = 1};
    struct cert_store *store = cert_store_new(&config, NOW_S * 1000, NULL);
    assert_non_null(store);
    assert_int_equal(cert_store_count(store), 3);
    return store;
}

static const char *const two_names[] = {"localhost", "relay.example"};

static void a_reload_keeps_the_self_signed_certificate(void **state)
{
    (void)state;
    struct cert_store *old = self_signed_at(NOW_S, two_names, 2),
                      *same = self_signed_at(NOW_S, two_names, 2);
    uint8_t first[QUIC_FINGERPRINT_BYTES];
    memcpy(first, cert_store_at(same, 0)->fingerprint, sizeof first);
    uint64_t generation = cert_store_at(same, 0)->generation;

    assert_true(cert_store_keep(same, old, NOW_S * 1000));
    assert_memory_equal(cert_store_at(same, 0)->fingerprint, cert_store_at(old, 0)->fingerprint,
                        sizeof first);
    assert_memory_not_equal(cert_store_at(same, 0)->fingerprint, first, sizeof first);
    assert_int_not_equal(cert_store_at(same, 0)->generation, generation);
    cert_store_free(&old); /* the copy is its own */
    assert_int_equal(cert_store_at(same, 0)->name_count, 2);
    assert_string_equal(cert_store_at(same, 0)->names[1], "relay.example");
    cert_store_free(&same);
}

static void a_reload_makes_a_new_one_if_it_has_to(void **state)
{
    (void)state;
    uint64_t late_s = NOW_S + CERT_SELF_SIGNED_SECONDS;
    struct cert_store *old = self_signed_at(NOW_S, two_names, 2),
                      *fewer = self_signed_at(NOW_S, two_names, 1),
                      *later = self_signed_at(late_s, two_names, 2), *three = store_of_three();
    struct quic_certificate pair = pair_of("a.pem", "a.key");
    struct quic_tls_server_config of_file = {.certificates = &pair, .certificate_count = 1};
    struct cert_store *file = cert_store_new(&of_file, NOW_S * 1000, NULL),
                      *others[] = {fewer, later, three, file};
    assert_non_null(file);
    for (size_t i = 0; i < 4; i++) {
        const struct cert *mine = cert_store_at(others[i], cert_store_count(others[i]) - 1);
        assert_true(cert_store_keep(others[i], old, (others[i] == later ? late_s : NOW_S) * 1000));
        assert_ptr_equal(cert_store_at(others[i], cert_store_count(others[i]) - 1), mine);
        cert_store_free(&others[i]);
    }
    cert_store_free(&old);
}

static void a_name_gets_its_certificate_or_the_first(void **state)
{
    static const struct {
        const char *name;
        size_t index;
    } choices[] = {
        {"a.example", 0},
        {"A.Example", 0},
        {"a.example.", 0},
        {"x.b.example", 1},
        {"X.B.EXAMPLE", 1},
        {"localhost", 2},
        {"b.example", 0},
        {"x.y.b.example", 0},
        {".b.example", 0},
        {"a.exampl", 0},
        {"a.example.com", 0},
        {"xa.example", 0},
        {"", 0},
        {".", 0},
        {NULL, 0},
    };
    (void)state;
    struct cert_store *store = store_of_three();
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
        assert_int_equal(cert_store_choose(store, choices[i].name), choices[i].index);
    cert_store_free(&store);
}

static void it_is_renewed_after_twelve_days(void **state)
{
    (void)state;
    uint8_t before[QUIC_FINGERPRINT_BYTES];
    struct cert_store *store = store_of_three();
    memcpy(before, cert_store_at(store, 2)->fingerprint, sizeof before);
    uint64_t generation = cert_store_at(store, 2)->generation;
    uint64_t due_s = NOW_S + 12 * 86400;

    assert_false(cert_store_renew(store, NOW_S * 1000));
    assert_false(cert_store_renew(store, (due_s - 1) * 1000));
    assert_true(cert_store_renew(store, due_s * 1000));

    const struct cert *renewed = cert_store_at(store, 2);
    assert_memory_not_equal(renewed->fingerprint, before, sizeof before);
    assert_true(renewed->generation > generation);
    assert_int_equal(renewed->not_after_s, due_s + 13 * 86400);
    assert_string_equal(renewed->names[0], "localhost");
    assert_false(cert_store_renew(store, due_s * 1000));
    cert_store_free(&store);
}

static void it_is_renewed_when_the_clock_goes_far_back(void **state)
{
    (void)state;
    struct cert_store *store = self_signed_at(NOW_S, names, 1);
    assert_false(cert_store_renew(store, (NOW_S - 3600) * 1000));
    assert_true(cert_store_renew(store, (NOW_S - 2 * 86400) * 1000));
    cert_store_free(&store);
}

static void generations_are_never_the_same(void **state)
{
    (void)state;
    struct cert_store *store = store_of_three();
    assert_int_not_equal(cert_store_at(store, 0)->generation, cert_store_at(store, 1)->generation);
    assert_int_not_equal(cert_store_at(store, 1)->generation, cert_store_at(store, 2)->generation);
    cert_store_free(&store);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_what_browsers_pin),
        cmocka_unit_test(its_signature_is_its_own),
        cmocka_unit_test(it_has_every_name_and_address),
        cmocka_unit_test(an_address_is_found_and_another_is_not),
        cmocka_unit_test(no_two_are_alike),
        cmocka_unit_test(dates_after_2049_have_four_digit_years),
        cmocka_unit_test(names_that_are_none_are_refused),
        cmocka_unit_test(as_many_names_as_allowed_fit),
        cmocka_unit_test(openssl_reads_it_too),
        cmocka_unit_test(a_pair_from_files_is_as_it_was_written),
        cmocka_unit_test(each_broken_file_is_named_with_what_to_do),
        cmocka_unit_test(a_pipe_does_not_block_the_start),
        cmocka_unit_test(a_huge_file_is_not_read),
        cmocka_unit_test(every_cut_of_a_pair_is_refused_or_read),
        cmocka_unit_test(an_expired_certificate_is_loaded_all_the_same),
        cmocka_unit_test(the_end_is_told_of_in_steps_that_suit_the_life),
        cmocka_unit_test(each_step_towards_the_end_is_told_once),
        cmocka_unit_test(nothing_configured_is_told),
        cmocka_unit_test(a_name_gets_its_certificate_or_the_first),
        cmocka_unit_test(a_reload_keeps_the_self_signed_certificate),
        cmocka_unit_test(a_reload_makes_a_new_one_if_it_has_to),
        cmocka_unit_test(it_is_renewed_after_twelve_days),
        cmocka_unit_test(it_is_renewed_when_the_clock_goes_far_back),
        cmocka_unit_test(generations_are_never_the_same),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
