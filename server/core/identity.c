/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A table of names under a lock, which is taken when a capped viewer comes or leaves, and never on
 * the path of a frame.
 * Tested by tests/sim/relay/test_rates.c. */
#include "server/core/identity.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1 /* then hh.tbl of what is added is NULL */
#include <uthash.h>

#include "base/objects.h"

struct identity {
    struct moq_pacer pacer;
    size_t holders;
    UT_hash_handle hh;
    char name[];
};

static struct identity *identity_new(struct router_commons *commons, const char *name)
{
    size_t size = strlen(name) + 1;
    struct identity *identity = calloc(1, sizeof *identity + size);
    if (!identity)
        return NULL;
    memcpy(identity->name, name, size);
    HASH_ADD_STR(commons->identities, name, identity);
    if (!identity->hh.tbl) {
        free(identity);
        return NULL;
    }
    object_born(OBJECT_identity);
    return identity;
}

struct identity *identity_hold(struct router_commons *commons, const char *name)
{
    struct identity *identity;
    pthread_mutex_lock(&commons->identity_lock);
    HASH_FIND_STR(commons->identities, name, identity);
    if (!identity)
        identity = identity_new(commons, name);
    if (identity)
        identity->holders++;
    pthread_mutex_unlock(&commons->identity_lock);
    return identity;
}

void identity_release(struct router_commons *commons, struct identity **identity_in)
{
    struct identity *identity = *identity_in;
    *identity_in = NULL;
    if (!identity)
        return;
    pthread_mutex_lock(&commons->identity_lock);
    bool is_last = --identity->holders == 0;
    if (is_last)
        HASH_DEL(commons->identities, identity);
    pthread_mutex_unlock(&commons->identity_lock);
    if (!is_last)
        return;
    free(identity);
    object_died(OBJECT_identity);
}

const char *identity_name(const struct identity *identity)
{
    return identity->name;
}

struct moq_pacer *identity_pacer(struct identity *identity)
{
    return &identity->pacer;
}
