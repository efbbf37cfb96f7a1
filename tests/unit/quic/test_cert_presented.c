/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Which certificate a server shows in a real handshake, and what a client thinks of it: by name,
 * without one, after a renewal, with roots instead of a pin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "quic/cert_store.h"
#include "tests/sim/pair.h"

static char folder[] = "/tmp/test_presented_XXXXXX";
static const char *const own_names[] = {"localhost", "10.0.0.7"};

struct pair_files {
    char cert[64], key[64];
    uint8_t pin[QUIC_FINGERPRINT_BYTES];
};

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static struct pair_files files_for(const char *name)
{
    struct quic_tls_server_config config = {.self_signed = &name, .self_signed_count = 1};
    struct cert_store *store = cert_store_new(&config, clock_wall_ms(), NULL);
    assert_non_null(store);
    const struct cert *cert = cert_store_at(store, 0);
    struct pair_files files;
    snprintf(files.cert, sizeof files.cert, "%s/%s.pem", folder, name);
    snprintf(files.key, sizeof files.key, "%s/%s.key", folder, name);
    write_text(files.cert, cert->chain_pem);
    write_text(files.key, cert->key_pem);
    memcpy(files.pin, cert->fingerprint, sizeof files.pin);
    cert_store_free(&store);
    return files;
}

struct server {
    struct quic_tls *tls;
    struct pair_files a, b;
};

/* Certificates of a.example and b.example from files. */
static struct server server_of_two(void)
{
    struct server server = {.a = files_for("a.example"), .b = files_for("b.example")};
    const struct quic_certificate files[] = {{server.a.cert, server.a.key},
                                             {server.b.cert, server.b.key}};
    const struct quic_tls_server_config config = {.certificates = files, .certificate_count = 2};
    char error_text[QUIC_ERROR_TEXT_BYTES] = "";
    server.tls = quic_tls_server_new(&config, error_text);
    assert_non_null(server.tls);
    return server;
}

/* What becomes of a client of `name`: 0, or the error with which its connection ends. */
static int dial(struct quic_tls *server_tls, const struct quic_tls_client_config *client_config,
                const char *name)
{
    const struct pair_setup setup = {.seed = 7, .protocol = QUIC_PROTOCOL_RAW};
    struct quic_tls *tls = quic_tls_client_new(client_config, NULL);
    struct pair pair;
    assert_non_null(tls);
    pair_init(&pair, &setup);
    pair.server_config.server_tls = server_tls;
    pair_start(&pair);
    const struct quic_connect_config config = {
        .tls = tls, .protocol = QUIC_PROTOCOL_RAW, .server_name = name, .user = &pair.client};
    assert_non_null(sim_connect(pair.sim, pair.client_node, pair.server_node, &config));
    sim_run_until(pair.sim, peer_is_closed, &pair.client, 2 * NS_PER_S);
    int error = pair.client.connected > 0 ? 0 : pair.client.last_close.error;
    assert_true(error != 0 || pair.client.closed == 0);
    pair_deinit(&pair);
    quic_tls_unref(&tls);
    return error;
}

static int dial_pinned(struct quic_tls *server_tls, const uint8_t *pin, const char *name)
{
    return dial(server_tls, &(struct quic_tls_client_config){.pinned_sha256 = pin}, name);
}

static int dial_trusting(struct quic_tls *server_tls, const char *root, const char *name)
{
    return dial(server_tls,
                &(struct quic_tls_client_config){.root_files = &root, .root_file_count = 1}, name);
}

static void a_name_is_shown_its_certificate(void **state)
{
    (void)state;
    struct server server = server_of_two();
    assert_int_equal(dial_pinned(server.tls, server.a.pin, "a.example"), 0);
    assert_int_equal(dial_pinned(server.tls, server.b.pin, "b.example"), 0);
    assert_int_equal(dial_pinned(server.tls, server.b.pin, "a.example"), MOQ_ERR_TLS);
    assert_int_equal(dial_pinned(server.tls, server.a.pin, "b.example"), MOQ_ERR_TLS);
    quic_tls_unref(&server.tls);
}

static void others_are_shown_the_last(void **state)
{
    (void)state;
    struct server server = server_of_two();
    assert_int_equal(dial_pinned(server.tls, server.b.pin, "c.example"), 0);
    assert_int_equal(dial_pinned(server.tls, server.b.pin, "127.0.0.1"), 0);
    assert_int_equal(dial_pinned(server.tls, server.b.pin, NULL), 0);
    quic_tls_unref(&server.tls);
}

static void roots_are_believed_for_their_names(void **state)
{
    (void)state;
    struct server server = server_of_two();
    assert_int_equal(dial_trusting(server.tls, server.a.cert, "a.example"), 0);
    assert_int_equal(dial_trusting(server.tls, server.b.cert, "b.example"), 0);
    assert_int_equal(dial_trusting(server.tls, server.a.cert, "b.example"), MOQ_ERR_TLS);
    assert_int_equal(dial_trusting(server.tls, server.b.cert, "c.example"), MOQ_ERR_TLS);
    quic_tls_unref(&server.tls);
}

static void a_renewed_certificate_is_shown_from_then_on(void **state)
{
    (void)state;
    const struct quic_tls_server_config config = {.self_signed = own_names, .self_signed_count = 1};
    uint8_t before[QUIC_FINGERPRINT_BYTES], after[QUIC_FINGERPRINT_BYTES];
    struct quic_tls *tls = quic_tls_server_new(&config, NULL);
    assert_non_null(tls);
    assert_int_equal(quic_tls_fingerprint(tls, before), 0);
    assert_int_equal(dial_pinned(tls, before, "localhost"), 0);

    assert_false(quic_tls_renew(tls, clock_wall_ms()));
    assert_true(quic_tls_renew(tls, clock_wall_ms() + UINT64_C(12) * 86400 * 1000 + 1000));

    assert_int_equal(quic_tls_fingerprint(tls, after), 0);
    assert_memory_not_equal(before, after, sizeof before);
    assert_int_equal(dial_pinned(tls, after, "localhost"), 0);
    assert_int_equal(dial_pinned(tls, before, "localhost"), MOQ_ERR_TLS);
    quic_tls_unref(&tls);
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
    peer_tls_free();
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_shown_its_certificate),
        cmocka_unit_test(others_are_shown_the_last),
        cmocka_unit_test(roots_are_believed_for_their_names),
        cmocka_unit_test(a_renewed_certificate_is_shown_from_then_on),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
