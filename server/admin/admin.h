/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* admin: plain HTTP for people, browsers and machines, on the relay's own loop.
 *
 *   GET /fingerprint           SHA-256 of the first listener's certificate, 64 hex digits; any
 *                              origin may read it
 *   GET /certificate.sha256    the same, under its newer name
 *   GET /api/relay             the first listener's port, and whether browsers have to pin it
 *   GET /stats                 counters as one JSON object
 *   GET /api/broadcasts        what is live
 *   GET /api/viewers           who watches what, and how; not for pages of other origins
 *   GET /...                   files of a folder */
#ifndef MOQ_ADMIN_H
#define MOQ_ADMIN_H

#include "server/config/config.h"
#include "server/core/core.h"
#include "server/host/host.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { ADMIN_CONNECTIONS_MAX = 64 }; /* at a time; others wait */

struct admin;

/* What the pages tell of; both are kept. */
struct admin_subjects {
    struct core *core;
    const struct host *host; /* for the counters of modules */
    bool is_self_signed;     /* the first listener's certificate */
};

/* Listens on `address`; `config` is read now. Returns 0, or an error code and `error_text`
 * (QUIC_ERROR_TEXT_BYTES) says why. */
int admin_start(struct admin **admin, const struct admin_subjects *subjects,
                const struct config_http *config, const struct sockaddr *address, char *error_text);

/* Sets which pages there are from now on; the address stays. `admin` may be NULL. */
void admin_reload(struct admin *admin, const struct config_http *config);

/* Closes; the memory is freed by the loop. Sets *admin to NULL; may point to NULL. */
void admin_stop(struct admin **admin);

#ifdef __cplusplus
}
#endif
#endif
