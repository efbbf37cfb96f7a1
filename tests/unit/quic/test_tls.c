/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Certificates in real handshakes: which one is shown, which one is trusted, and that a renewal
 * reaches new clients. */
#include "tests/sim/prologue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "quic/cert_store.h"
#include "quic/conn.h"
#include "quic/tls.h"

enum { WAIT_S = 30, PATH_BYTES = 64 };

#define DAY_MS (UINT64_C(86400) * 1000)

/* Two certificates in files, for a.test and b.test, and a server that has both and makes one for
 * localhost itself. */
struct files {
    char *directory;
    char chain[2][PATH_BYTES], key[2][PATH_BYTES];
    uint8_t fingerprint[2][QUIC_FINGERPRINT_BYTES];
    struct quic_tls *server;
};

static void write_file(const char *path, const char *text, size_t n)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, n, file), n);
    fclose(file);
}

static void make_certificate_at(struct files *files, size_t i, const char *name,
                                uint64_t now_wall_ms)
{
    const struct quic_tls_server_config config = {.self_signed = &name, .self_signed_count = 1};
    struct cert_store *store = cert_store_new(&config, now_wall_ms, NULL);
    assert_non_null(store);
    const struct cert *cert = cert_store_at(store, 0);
    snprintf(files->chain[i], sizeof files->chain[i], "%s/%zu.crt", files->directory, i);
    snprintf(files->key[i], sizeof files->key[i], "%s/%zu.key", files->directory, i);
    write_file(files->chain[i], cert->chain_pem, cert->chain_pem_size);
    write_file(files->key[i], cert->key_pem, cert->key_pem_size);
    memcpy(files->fingerprint[i], cert->fingerprint, QUIC_FINGERPRINT_BYTES);
    cert_store_free(&store);
}

static void make_certificate(struct files *files, size_t i, const char *name)
{
    make_certificate_at(files, i, name, clock_wall_ms());
}

static void remove_certificates(const struct files *files)
{
    for (size_t i = 0; i < 2; i++) {
        unlink(files->chain[i]);
        unlink(files->key[i]);
    }
    rmdir(files->directory);
}

static int set_up(void **state)
{
    static struct files files;
    char text[QUIC_ERROR_TEXT_BYTES];
    files.directory = strdup("/tmp/moq-tls-XXXXXX");
    assert_non_null(mkdtemp(files.directory));
    make_certificate(&files, 0, "a.test");
    make_certificate(&files, 1, "b.test");
    const struct quic_certificate certificates[] = {{files.chain[0], files.key[0]},
                                                    {files.chain[1], files.key[1]}};
    const char *own = "localhost";
    const struct quic_tls_server_config config = {.certificates = certificates,
                                                  .certificate_count = 2,
                                                  .self_signed = &own,
                                                  .self_signed_count = 1};
    files.server = quic_tls_server_new(&config, text);
    assert_non_null(files.server);
    *state = &files;
    return 0;
}

static int tear_down(void **state)
{
    struct files *files = *state;
    quic_tls_unref(&files->server);
    remove_certificates(files);
    free(files->directory);
    peer_tls_free();
    return 0;
}

static struct quic_tls *server_with(const struct files *files, size_t i, const char *secret_file)
{
    const struct quic_certificate certificate = {files->chain[i], files->key[i]};
    const struct quic_tls_server_config config = {
        .certificates = &certificate, .certificate_count = 1, .reset_secret_file = secret_file};
    struct quic_tls *server = quic_tls_server_new(&config, NULL);
    assert_non_null(server);
    return server;
}

/* Connects with `config` to `name`. Returns 0, or the error that the client was told, and why:
 * PEER_REASON_BYTES, or NULL. */
static int dial_for_reason(struct quic_tls *server, const struct quic_tls_client_config *config,
                           const char *name, char *reason)
{
    struct pair pair;
    const struct pair_setup setup = {.seed = 5, .protocol = QUIC_PROTOCOL_RAW};
    struct quic_tls *tls = quic_tls_client_new(config, NULL);
    assert_non_null(tls);
    pair_init(&pair, &setup);
    pair.server_config.server_tls = server;
    pair_start(&pair);
    const struct quic_connect_config connect = {
        .tls = tls, .protocol = QUIC_PROTOCOL_RAW, .server_name = name, .user = &pair.client};
    assert_non_null(sim_connect(pair.sim, pair.client_node, pair.server_node, &connect));
    quic_tls_unref(&tls);

    sim_run(pair.sim, WAIT_S * NS_PER_S);
    int error = pair.client.connected > 0 ? 0 : pair.client.last_close.error;
    assert_int_equal(pair.client.connected + pair.client.closed, 1);
    if (reason)
        snprintf(reason, PEER_REASON_BYTES, "%s", pair.client.reason);
    struct quic_endpoint_stats stats = pair_server_stats(&pair);
    assert_int_equal(stats.handshakes_distrusted + stats.handshakes_expired, error != 0);
    pair_deinit(&pair);
    return error;
}

static int dial(struct quic_tls *server, const struct quic_tls_client_config *config,
                const char *name)
{
    return dial_for_reason(server, config, name, NULL);
}

static void the_certificate_follows_the_name(void **state)
{
    struct files *files = *state;
    const char *names[] = {"a.test", "b.test"};
    for (size_t i = 0; i < 2; i++) {
        const struct quic_tls_client_config same = {.pinned_sha256 = files->fingerprint[i]};
        const struct quic_tls_client_config other = {.pinned_sha256 = files->fingerprint[1 - i]};
        assert_int_equal(dial(files->server, &same, names[i]), 0);
        assert_int_equal(dial(files->server, &other, names[i]), MOQ_ERR_TLS);
    }
}

static void a_client_without_a_known_name_is_shown_the_first(void **state)
{
    struct files *files = *state;
    const struct quic_certificate both[] = {{files->chain[0], files->key[0]},
                                            {files->chain[1], files->key[1]}};
    const struct quic_tls_server_config config = {.certificates = both, .certificate_count = 2};
    const struct quic_tls_client_config first = {.pinned_sha256 = files->fingerprint[0]};
    struct quic_tls *server = quic_tls_server_new(&config, NULL);
    assert_non_null(server);

    assert_int_equal(dial(server, &first, "c.test"), 0);
    assert_int_equal(dial(server, &first, "127.0.0.1"), 0);
    assert_int_equal(dial(server, &first, NULL), 0);

    quic_tls_unref(&server);
}

static void a_root_is_trusted_for_its_names_only(void **state)
{
    struct files *files = *state;
    const char *root = files->chain[0];
    const struct quic_tls_client_config config = {.root_files = &root, .root_file_count = 1};

    assert_int_equal(dial(files->server, &config, "a.test"), 0);
    assert_int_equal(dial(files->server, &config, "b.test"), MOQ_ERR_TLS);
    assert_int_equal(dial(files->server, &config, "c.test"), MOQ_ERR_TLS);
    assert_int_equal(dial(files->server, &config, "10.0.0.1"), MOQ_ERR_TLS);
}

static void the_reason_of_distrust_is_named(void **state)
{
    struct files *files = *state;
    char reason[PEER_REASON_BYTES];
    const char *root = files->chain[0];
    const struct quic_tls_client_config config = {.root_files = &root, .root_file_count = 1};
    struct quic_tls *alone = server_with(files, 0, NULL);

    assert_int_equal(dial_for_reason(files->server, &config, "b.test", reason), MOQ_ERR_TLS);
    assert_non_null(strstr(reason, "not signed by an issuer that is trusted"));
    assert_int_equal(dial_for_reason(alone, &config, "c.test", reason), MOQ_ERR_TLS);
    assert_non_null(strstr(reason, "for another host name"));
    quic_tls_unref(&alone);
}

static void a_certificate_out_of_its_time_is_said_to_be(void **state)
{
    (void)state;
    static const struct {
        int64_t days;
        const char *words;
    } cases[] = {{-400, "has expired"}, {400, "not valid yet"}};
    char directory[] = "/tmp/moq-tls-XXXXXX";
    struct files files = {.directory = mkdtemp(directory)};
    assert_non_null(files.directory);
    for (size_t i = 0; i < 2; i++) {
        char reason[PEER_REASON_BYTES];
        int64_t now_ms = (int64_t)clock_wall_ms() + cases[i].days * (int64_t)DAY_MS;
        make_certificate_at(&files, i, "d.test", (uint64_t)now_ms);
        const char *root = files.chain[i];
        const struct quic_tls_client_config config = {.root_files = &root, .root_file_count = 1};
        struct quic_tls *server = server_with(&files, i, NULL);

        assert_int_equal(dial_for_reason(server, &config, "d.test", reason), MOQ_ERR_TLS);

        assert_non_null(strstr(reason, cases[i].words));
        quic_tls_unref(&server);
    }
    remove_certificates(&files);
}

static void without_checks_everybody_is_trusted(void **state)
{
    struct files *files = *state;
    const struct quic_tls_client_config config = {.is_verify_disabled = true};

    assert_int_equal(dial(files->server, &config, "c.test"), 0);
    assert_int_equal(dial(files->server, &config, "10.0.0.1"), 0);
    assert_int_equal(dial(files->server, &config, ""), 0);
}

static void a_renewed_certificate_is_shown_to_new_clients(void **state)
{
    (void)state;
    const char *name = "localhost";
    const struct quic_tls_server_config config = {.self_signed = &name, .self_signed_count = 1};
    struct quic_tls *server = quic_tls_server_new(&config, NULL);
    uint8_t before[QUIC_FINGERPRINT_BYTES], after[QUIC_FINGERPRINT_BYTES];
    assert_int_equal(quic_tls_fingerprint(server, before), 0);
    assert_false(quic_tls_renew(server, clock_wall_ms() + DAY_MS));

    assert_true(quic_tls_renew(server, clock_wall_ms() + 13 * DAY_MS));

    assert_int_equal(quic_tls_fingerprint(server, after), 0);
    assert_memory_not_equal(before, after, sizeof before);
    const struct quic_tls_client_config old_pin = {.pinned_sha256 = before},
                                        new_pin = {.pinned_sha256 = after};
    assert_int_equal(dial(server, &old_pin, "localhost"), MOQ_ERR_TLS);
    assert_int_equal(dial(server, &new_pin, "localhost"), 0);
    quic_tls_unref(&server);
}

/* Kills the server of a connection and starts it again with `second` and other randomness. Returns
 * whether the client then knows that it is forgotten, long before it gives up by itself. */
static bool is_told_of_restart(struct quic_tls *first, struct quic_tls *second)
{
    enum { SOON_MS = 500 };
    struct pair pair;
    const struct pair_setup setup = {
        .seed = 7, .protocol = QUIC_PROTOCOL_RAW, .link = {.delay_ns = 20 * NS_PER_MS}};
    const struct quic_tls_client_config config = {.is_verify_disabled = true};
    struct quic_tls *tls = quic_tls_client_new(&config, NULL);
    const struct quic_connect_config connect = {
        .tls = tls, .protocol = QUIC_PROTOCOL_RAW, .server_name = "a.test", .user = &pair.client};
    pair_init(&pair, &setup);
    pair.server_config.server_tls = first;
    pair_start(&pair);
    assert_non_null(sim_connect(pair.sim, pair.client_node, pair.server_node, &connect));
    assert_true(sim_run_until(pair.sim, peer_is_connected, &pair.client, WAIT_S * NS_PER_S));
    sim_run(pair.sim, NS_PER_S);

    pair.server_config.server_tls = second;
    pair.server_config.seed = 4711;
    assert_int_equal(sim_restart_endpoint(pair.sim, pair.server_node, &pair.server_config), 0);
    peer_send(&pair.client, pair.client.conn, true, 100);
    sim_run(pair.sim, SOON_MS * NS_PER_MS);

    bool is_told = pair.client.closed > 0;
    assert_true(pair_server_stats(&pair).stateless_resets > 0);
    quic_tls_unref(&tls);
    pair_deinit(&pair);
    return is_told;
}

static void resets_are_believed_after_a_restart_with_the_same_key(void **state)
{
    struct files *files = *state;
    struct quic_tls *first = server_with(files, 0, NULL), *again = server_with(files, 0, NULL),
                    *other = server_with(files, 1, NULL);

    assert_true(is_told_of_restart(first, again));
    assert_false(is_told_of_restart(first, other));

    quic_tls_unref(&first);
    quic_tls_unref(&again);
    quic_tls_unref(&other);
}

static void resets_are_believed_after_a_restart_with_the_same_file(void **state)
{
    struct files *files = *state;
    char path[PATH_BYTES + 8], text[QUIC_ERROR_TEXT_BYTES] = "";
    uint8_t bytes[32] = {1, 2, 3};
    snprintf(path, sizeof path, "%s/secret", files->directory);
    write_file(path, (const char *)bytes, sizeof bytes);
    struct quic_tls *first = server_with(files, 0, path), *again = server_with(files, 1, path);
    bytes[31] = 1;
    write_file(path, (const char *)bytes, sizeof bytes);
    struct quic_tls *other = server_with(files, 0, path);

    assert_true(is_told_of_restart(first, again));
    assert_false(is_told_of_restart(first, other));

    write_file(path, (const char *)bytes, sizeof bytes - 1);
    const char *name = "localhost";
    const struct quic_tls_server_config config = {
        .self_signed = &name, .self_signed_count = 1, .reset_secret_file = path};
    assert_null(quic_tls_server_new(&config, text));
    assert_non_null(strstr(text, "/secret: 31 bytes are too few for a secret, 32 are needed"));
    unlink(path);
    quic_tls_unref(&first);
    quic_tls_unref(&again);
    quic_tls_unref(&other);
}

/* Two listeners with one key: what one of them answers to a packet of the other's connection means
 * nothing. */
static void scopes_of_their_own_keep_listeners_apart(void **state)
{
    const struct files *files = *state;
    const struct quic_certificate certificate = {files->chain[0], files->key[0]};
    struct quic_tls *servers[3];
    static const char *const scopes[] = {"[::]:443", "[::]:443", "[::]:4443"};
    for (size_t i = 0; i < 3; i++) {
        const struct quic_tls_server_config config = {
            .certificates = &certificate, .certificate_count = 1, .reset_scope = scopes[i]};
        servers[i] = quic_tls_server_new(&config, NULL);
        assert_non_null(servers[i]);
    }
    assert_true(is_told_of_restart(servers[0], servers[1]));
    assert_false(is_told_of_restart(servers[0], servers[2]));
    for (size_t i = 0; i < 3; i++)
        quic_tls_unref(&servers[i]);
}

static void another_server_gets_the_first_pair(void **state)
{
    struct files *files = *state;
    struct quic_pem pem;
    char chain[4096] = "";
    FILE *file = fopen(files->chain[0], "r");
    assert_non_null(file);
    assert_true(fread(chain, 1, sizeof chain - 1, file) > 0);
    fclose(file);
    assert_int_equal(quic_tls_pem(files->server, &pem), 0);
    assert_string_equal(pem.chain, chain);
    assert_non_null(strstr(pem.key, "PRIVATE KEY"));
    quic_pem_free(&pem);
    assert_null(pem.key);

    const struct quic_tls_client_config anyone = {.is_verify_disabled = true};
    struct quic_tls *client = quic_tls_client_new(&anyone, NULL);
    assert_int_equal(quic_tls_pem(client, &pem), MOQ_ERR_NOT_FOUND);
    quic_tls_unref(&client);
}

static void a_file_that_is_missing_is_named(void **state)
{
    (void)state;
    char text[QUIC_ERROR_TEXT_BYTES] = "";
    const char *root = "/nowhere/root.pem";
    const struct quic_tls_client_config config = {.root_files = &root, .root_file_count = 1};

    assert_null(quic_tls_client_new(&config, text));

    assert_non_null(strstr(text, "/nowhere/root.pem"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_certificate_follows_the_name),
        cmocka_unit_test(a_client_without_a_known_name_is_shown_the_first),
        cmocka_unit_test(a_root_is_trusted_for_its_names_only),
        cmocka_unit_test(the_reason_of_distrust_is_named),
        cmocka_unit_test(a_certificate_out_of_its_time_is_said_to_be),
        cmocka_unit_test(without_checks_everybody_is_trusted),
        cmocka_unit_test(a_renewed_certificate_is_shown_to_new_clients),
        cmocka_unit_test(resets_are_believed_after_a_restart_with_the_same_key),
        cmocka_unit_test(resets_are_believed_after_a_restart_with_the_same_file),
        cmocka_unit_test(scopes_of_their_own_keep_listeners_apart),
        cmocka_unit_test(another_server_gets_the_first_pair),
        cmocka_unit_test(a_file_that_is_missing_is_named),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
