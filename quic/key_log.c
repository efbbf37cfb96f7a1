/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tested by tests/e2e/test_relay.py. */
#include "quic/key_log.h"

#include <stdio.h>

enum { CLIENT_RANDOM_BYTES = 32, SECRET_MAX_BYTES = 64 };

static void write_hex(char *out, const uint8_t *data, size_t n)
{
    for (size_t i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", data[i]);
}

static void log_secret(const struct tls_session_config *config, WOLFSSL *ssl, const char *label,
                       const uint8_t *secret, size_t n)
{
    uint8_t client_random[CLIENT_RANDOM_BYTES];
    if (!secret || n > SECRET_MAX_BYTES ||
        wolfSSL_get_client_random(ssl, client_random, sizeof client_random) != sizeof client_random)
        return;

    char random_hex[2 * CLIENT_RANDOM_BYTES + 1], secret_hex[2 * SECRET_MAX_BYTES + 1];
    char line[64 + sizeof random_hex + sizeof secret_hex];
    write_hex(random_hex, client_random, sizeof client_random);
    write_hex(secret_hex, secret, n);
    snprintf(line, sizeof line, "%s %s %s", label, random_hex, secret_hex);
    config->on_secret(config->on_secret_self, line);
}

void key_log_write(const struct tls_session_config *config, WOLFSSL *ssl,
                   WOLFSSL_ENCRYPTION_LEVEL level, const struct key_log_secrets *secrets)
{
    size_t n = secrets->size;
    if (level == wolfssl_encryption_handshake) {
        log_secret(config, ssl, "CLIENT_HANDSHAKE_TRAFFIC_SECRET", secrets->client, n);
        log_secret(config, ssl, "SERVER_HANDSHAKE_TRAFFIC_SECRET", secrets->server, n);
    } else if (level == wolfssl_encryption_application) {
        log_secret(config, ssl, "CLIENT_TRAFFIC_SECRET_0", secrets->client, n);
        log_secret(config, ssl, "SERVER_TRAFFIC_SECRET_0", secrets->server, n);
    }
}
