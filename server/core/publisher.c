/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One allocation for the object and its texts, whose lengths are bounded where a peer gets them.
 * Tested by tests/sim/relay/test_choices.c. */
#include "server/core/publisher.h"

#include <stdlib.h>
#include <string.h>

static const char *add_text(char **end, const char *text)
{
    char *start = *end;
    size_t bytes = strlen(text) + 1;
    memcpy(start, text, bytes);
    *end += bytes;
    return start;
}

struct publisher *publisher_new(const struct core_peer *peer)
{
    const char *address = core_peer_address(peer), *identity = core_peer_identity(peer);
    const char *path = core_peer_path(peer), *query = core_peer_query(peer);
    const char *claims = core_peer_claims(peer);
    size_t bytes =
        strlen(address) + strlen(identity) + strlen(path) + strlen(query) + strlen(claims) + 5;
    struct publisher *publisher = malloc(sizeof *publisher + bytes);
    if (!publisher)
        return NULL;
    char *end = publisher->texts;
    publisher->refs = 1;
    publisher->is_cluster = core_peer_is_cluster(peer);
    publisher->peer = core_peer_number(peer);
    publisher->address = add_text(&end, address);
    publisher->identity = add_text(&end, identity);
    publisher->path = add_text(&end, path);
    publisher->query = add_text(&end, query);
    publisher->claims = add_text(&end, claims);
    return publisher;
}

struct publisher *publisher_ref(struct publisher *publisher)
{
    if (publisher)
        __atomic_add_fetch(&publisher->refs, 1, __ATOMIC_RELAXED);
    return publisher;
}

void publisher_unref(struct publisher **pointer)
{
    struct publisher *publisher = *pointer;
    *pointer = NULL;
    if (publisher && __atomic_sub_fetch(&publisher->refs, 1, __ATOMIC_ACQ_REL) == 0)
        free(publisher);
}
