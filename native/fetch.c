/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A fingerprint for many clients: the name is looked up and the question asked once, instead of by
 * each client that connects. */
#include "native/internal.h"

#include <stdlib.h>

struct fetch {
    struct moq_native *native;
    struct moq_url url;
    moq_fingerprint_on_done *on_done;
    void *user;
};

static void finish(struct fetch *fetch, const uint8_t *sha256, const char *reason)
{
    struct fetch done = *fetch;
    free(fetch);
    done.on_done(done.user, sha256, reason);
}

static void on_fingerprint(void *user, const uint8_t *sha256, const char *reason)
{
    finish(user, sha256, reason);
}

static void on_resolved(void *user, const struct address_list *list, const char *reason)
{
    struct fetch *fetch = user;
    if (!list)
        finish(fetch, NULL, reason);
    else if (!fingerprint_start(fetch->native, &fetch->url, list, on_fingerprint, fetch))
        finish(fetch, NULL, moq_error_words(MOQ_ERR_NOMEM));
}

int moq_fingerprint_fetch(struct moq_native *native, const struct moq_url *url,
                          moq_fingerprint_on_done *on_done, void *user)
{
    struct fetch *fetch = malloc(sizeof *fetch);
    if (!fetch)
        return MOQ_ERR_NOMEM;
    *fetch = (struct fetch){native, *url, on_done, user};
    if (resolve_start(native, url->host, url->port, on_resolved, fetch))
        return 0;
    free(fetch);
    return MOQ_ERR_NOMEM;
}
