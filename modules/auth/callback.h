/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Asks an auth server by HTTP whether a peer may come in (docs/auth.md). Whatever is no clear yes
 * is a no. */
#ifndef AUTH_CALLBACK_H
#define AUTH_CALLBACK_H

#include "modules/auth/cache.h"
#include "modules/auth/rules.h"
#include "modules/auth/web.h"

struct callback { /* of one worker */
    struct web *web;
    struct cache cache;
    struct rules *rules; /* a reference: those whose answers are cached */
};

/* Asks about the peer of `request`, whose token is `token` ("": none): RELAY_LATER, unless it is
 * known already. */
enum relay_verdict callback_ask(struct callback *callback, struct relay_request *request,
                                struct rules *rules, const char *token);
void callback_close(struct callback *callback);

#endif
