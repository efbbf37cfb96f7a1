/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* HTTPS with the first listener's certificate, also after a renewal or a reload. */
#ifndef MOQ_ADMIN_SECURE_H
#define MOQ_ADMIN_SECURE_H

#include "server/admin/daemon.h"

struct secure {
    struct daemon *now;
    struct daemon *retired; /* with the certificate before; serves who is still there */
    uint8_t fingerprint[QUIC_FINGERPRINT_BYTES];
    char *chain;     /* what `now` shows, as PEM; NULL: there is none */
    bool has_failed; /* to take the newest one, and the log says so */
};

/* Serves HTTPS as `config` says, but for its certificate, which is asked of `core`. If it is served
 * already, takes another certificate if there is one; connections that are there are kept, unless
 * some are left from the one before. Returns 0 or MOQ_ERR_TLS, MOQ_ERR_NOMEM: nothing has changed,
 * and `error_text` (QUIC_ERROR_TEXT_BYTES) says why. */
int secure_start(struct secure *secure, const struct core *core, const struct daemon_config *config,
                 char *error_text);

/* Takes a connection. If the certificate has been renewed, it is shown that one. */
void secure_add(struct secure *secure, const struct core *core, const struct daemon_config *config,
                int fd);

/* As daemon_run. */
uint64_t secure_run(struct secure *secure);

/* Takes no more connections; those that are there are served to their ends. */
void secure_retire(struct secure *secure);
void secure_stop(struct secure *secure);

#endif
