/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* libmicrohttpd reads a certificate once, so another one needs another daemon. The old one stays
 * until its connections have ended, or the one after that comes. Whether there is another is looked
 * at with each connection: that costs a comparison, and nobody has to tell.
 * Tested by tests/e2e/test_https.py. */
#include "server/admin/secure.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

/* A renewal is seen by this. A reload may also change only what vouches for the certificate. */
static bool is_current(const struct secure *secure, const struct core *core)
{
    uint8_t fingerprint[QUIC_FINGERPRINT_BYTES];
    return core_fingerprint(core, fingerprint) != 0 ||
           memcmp(fingerprint, secure->fingerprint, sizeof fingerprint) == 0;
}

void secure_retire(struct secure *secure)
{
    if (secure->now)
        daemon_stop(&secure->retired);
    if (secure->now)
        secure->retired = secure->now;
    secure->now = NULL;
    free(secure->chain);
    secure->chain = NULL;
}

static bool is_shortage(int error)
{
    return error == ENOMEM || error == EMFILE || error == ENFILE;
}

static int start_with(struct secure *secure, const struct core *core,
                      const struct daemon_config *config, struct quic_pem *pem)
{
    struct daemon_config with = *config;
    with.pem = pem;
    struct daemon *fresh = daemon_start(&with);
    if (!fresh)
        return is_shortage(errno) ? MOQ_ERR_NOMEM : MOQ_ERR_TLS;
    secure_retire(secure);
    secure->now = fresh;
    secure->chain = pem->chain;
    pem->chain = NULL;
    secure->has_failed = false;
    core_fingerprint(core, secure->fingerprint);
    return 0;
}

int secure_start(struct secure *secure, const struct core *core, const struct daemon_config *config,
                 char *error_text)
{
    struct quic_pem pem = {NULL, NULL};
    int error = core_pem(core, &pem);
    if (!error && (!secure->now || strcmp(pem.chain, secure->chain) != 0))
        error = start_with(secure, core, config, &pem);
    if (error)
        snprintf(error_text, QUIC_ERROR_TEXT_BYTES, "cannot serve HTTPS (http.tls): %s",
                 error == MOQ_ERR_TLS
                     ? "GnuTLS cannot use the first certificate of the first listener or its key; "
                       "use an ECDSA or RSA key in PEM form, or set http.tls: false"
                     : "out of memory or open files; allow more (ulimit -n, LimitNOFILE=)");
    quic_pem_free(&pem);
    return error;
}

void secure_add(struct secure *secure, const struct core *core, const struct daemon_config *config,
                int fd)
{
    char error_text[QUIC_ERROR_TEXT_BYTES];
    if (!is_current(secure, core) && secure_start(secure, core, config, error_text)) {
        if (!secure->has_failed)
            log_error(LOG_ADMIN, "the certificate before is still shown: %s", error_text);
        secure->has_failed = true;
    }
    daemon_add(secure->now, fd);
}

uint64_t secure_run(struct secure *secure)
{
    uint64_t wait_ms = secure->now ? daemon_run(secure->now) : UINT64_MAX;
    if (!secure->retired)
        return wait_ms;
    uint64_t retired_ms = daemon_run(secure->retired);
    if (!daemon_has_connections(secure->retired)) {
        daemon_stop(&secure->retired);
        return wait_ms;
    }
    return retired_ms < wait_ms ? retired_ms : wait_ms;
}

void secure_stop(struct secure *secure)
{
    secure_retire(secure);
    daemon_stop(&secure->retired);
}
