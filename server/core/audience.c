/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A table of paths under a lock, which is taken when a viewer comes, leaves or moves, and never on
 * the path of a frame. References to a path belong to one worker, so the table has copies.
 * Tested by tests/sim/relay/test_workers.c. */
#include "server/core/audience.h"

#include <stdlib.h>

#include "base/objects.h"
#include "server/core/path_key.h"

struct audience {
    UT_hash_handle hh;
    struct moq_path *path;
    uint32_t viewers;
};

static struct audience *find_audience(struct router_commons *commons, const struct moq_path *path)
{
    struct audience *audience;
    HASH_FIND_BYHASHVALUE(hh, commons->audiences, path, 1, path_key_hash(path), audience);
    return audience;
}

static void free_audience(struct audience *audience)
{
    moq_path_unref(&audience->path);
    free(audience);
    object_died(OBJECT_audience);
}

static struct audience *add_audience(struct router_commons *commons, const struct moq_path *path)
{
    struct audience *audience = calloc(1, sizeof *audience);
    if (!audience)
        return NULL;
    object_born(OBJECT_audience);
    audience->path = moq_path_copy(path);
    if (audience->path)
        HASH_ADD_KEYPTR_BYHASHVALUE(hh, commons->audiences, audience->path, 1, path_key_hash(path),
                                    audience);
    if (audience->hh.tbl)
        return audience;
    free_audience(audience);
    return NULL;
}

struct audience *audience_join(struct router_commons *commons, const struct moq_path *path)
{
    pthread_mutex_lock(&commons->audience_lock);
    struct audience *audience = find_audience(commons, path);
    if (!audience)
        audience = add_audience(commons, path);
    if (audience)
        audience->viewers++;
    pthread_mutex_unlock(&commons->audience_lock);
    return audience;
}

void audience_leave(struct router_commons *commons, struct audience **audience_in)
{
    struct audience *audience = *audience_in;
    *audience_in = NULL;
    if (!audience)
        return;
    pthread_mutex_lock(&commons->audience_lock);
    bool is_last = --audience->viewers == 0;
    if (is_last)
        HASH_DEL(commons->audiences, audience);
    pthread_mutex_unlock(&commons->audience_lock);
    if (is_last)
        free_audience(audience);
}

uint32_t audience_size(struct router_commons *commons, const struct moq_path *path)
{
    pthread_mutex_lock(&commons->audience_lock);
    const struct audience *audience = find_audience(commons, path);
    uint32_t viewers = audience ? audience->viewers : 0;
    pthread_mutex_unlock(&commons->audience_lock);
    return viewers;
}
