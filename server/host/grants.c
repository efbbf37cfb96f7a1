/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What modules grant to peers, and what they read of it.
 * Tested by tests/e2e/test_modules.py. */
#include <string.h>

#include "server/host/internal.h"

/* The prefixes of both lists as paths, while they are handed to core. */
struct prefixes {
    const struct moq_path *all[2 * CORE_PREFIXES_MAX];
    size_t count;
};

static void free_prefixes(struct prefixes *prefixes)
{
    for (size_t i = 0; i < prefixes->count; i++) {
        struct moq_path *path = (struct moq_path *)prefixes->all[i];
        moq_path_unref(&path);
    }
}

/* "" has no parts; a slash at either end means nothing. */
static struct moq_path *prefix_of(const char *text)
{
    char inner[RELAY_PATH_BYTES];
    size_t start = strspn(text, "/"), n = strlen(text);
    while (n > start && text[n - 1] == '/')
        n--;
    if (n - start >= sizeof inner)
        return NULL;
    memcpy(inner, text + start, n - start);
    inner[n - start] = '\0';
    return moq_path_from_text(inner);
}

static int read_prefixes(struct prefixes *prefixes, const char *const *texts, size_t count)
{
    if (count > CORE_PREFIXES_MAX)
        return RELAY_ERR_BOUNDS;
    for (size_t i = 0; i < count; i++) {
        struct moq_path *path = texts && texts[i] ? prefix_of(texts[i]) : NULL;
        if (!path)
            return RELAY_ERR_INVALID;
        prefixes->all[prefixes->count++] = path;
    }
    return 0;
}

/* What a module of version 1.0 states. */
enum {
    GRANTS_BYTES_1_0 = offsetof(struct relay_grants, expires_ms) +
                       sizeof((struct relay_grants){.size = 0}.expires_ms)
};

int host_with_grants(const struct relay_grants *given, host_use_grants *use, void *subject)
{
    struct relay_grants all = {.size = 0};
    struct prefixes prefixes = {.count = 0};
    if (given->size < GRANTS_BYTES_1_0)
        return RELAY_ERR_INVALID;
    memcpy(&all, given, host_struct_bytes(given->size, sizeof all));
    int error = read_prefixes(&prefixes, all.publish, all.publish_count);
    if (!error)
        error = read_prefixes(&prefixes, all.subscribe, all.subscribe_count);
    const struct core_grants grants = {
        .identity = all.identity,
        .claims = all.claims,
        .publish = prefixes.all,
        .publish_count = all.publish_count,
        .subscribe = prefixes.all + all.publish_count,
        .subscribe_count = all.subscribe_count,
        .is_cluster = all.is_cluster,
        .expires_ms = all.expires_ms,
    };
    if (!error)
        error = host_error(use(subject, &grants));
    free_prefixes(&prefixes);
    return error;
}

static int set_on_request(void *request, const struct core_grants *grants)
{
    return core_request_set_grants(request, grants);
}

int relay_request_set_grants(struct relay_request *request, const struct relay_grants *grants)
{
    if (!REQUEST_FITS(request))
        return RELAY_ERR_INVALID;
    return host_with_grants(grants, set_on_request, request->core);
}

static int set_on_peer(void *peer, const struct core_grants *grants)
{
    return core_peer_set_grants(peer, grants);
}

int relay_peer_set_grants(struct relay_peer *peer, const struct relay_grants *grants)
{
    if (!FITS(peer, HOST_PEER))
        return RELAY_ERR_INVALID;
    return host_with_grants(grants, set_on_peer, peer->core);
}

const char *relay_peer_identity(const struct relay_peer *peer)
{
    return FITS(peer, HOST_PEER) ? core_peer_identity(peer->core) : "";
}

const char *relay_peer_claims(const struct relay_peer *peer)
{
    return FITS(peer, HOST_PEER) ? core_peer_claims(peer->core) : "";
}

bool relay_peer_is_cluster(const struct relay_peer *peer)
{
    return FITS(peer, HOST_PEER) && core_peer_is_cluster(peer->core);
}

uint64_t relay_peer_expires_ms(const struct relay_peer *peer)
{
    return FITS(peer, HOST_PEER) ? core_peer_expires_ms(peer->core) : 0;
}

static bool peer_may(const struct relay_peer *peer, enum core_action action, const char *text)
{
    struct moq_path *path = host_path(text);
    bool may = path && core_peer_may(peer->core, action, path);
    moq_path_unref(&path);
    return may;
}

bool relay_peer_may_publish(const struct relay_peer *peer, const char *path)
{
    return FITS(peer, HOST_PEER) && peer_may(peer, CORE_PUBLISH, path);
}

bool relay_peer_may_subscribe(const struct relay_peer *peer, const char *path)
{
    return FITS(peer, HOST_PEER) && peer_may(peer, CORE_SUBSCRIBE, path);
}
