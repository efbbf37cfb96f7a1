/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a module reads of peers, requests and viewers, and how it answers.
 * Tested by tests/unit/lua/test_fake.c. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lua/test/fake.h"

/* ---- Peers ----------------------------------------------------------------------------------- */

struct relay_worker *relay_peer_worker(const struct relay_peer *peer)
{
    return &peer->self->worker;
}

void *relay_peer_slot(const struct relay_peer *peer)
{
    return (void *)peer->slot;
}

uint64_t relay_peer_number(const struct relay_peer *peer)
{
    return peer->number;
}

const char *relay_peer_address(const struct relay_peer *peer)
{
    return peer->address;
}

const char *relay_peer_url_path(const struct relay_peer *peer)
{
    return peer->path;
}

const char *relay_peer_query(const struct relay_peer *peer)
{
    return peer->query;
}

const char *relay_peer_page(const struct relay_peer *peer)
{
    return peer->page;
}

const char *relay_peer_server_name(const struct relay_peer *peer)
{
    return peer->sni;
}

/* Nothing is escaped here. */
int relay_peer_query_value(const struct relay_peer *peer, const char *name, char *out, size_t size)
{
    size_t n = strlen(name);
    for (const char *at = peer->query; *at;) {
        size_t pair = strcspn(at, "&");
        if (pair > n && strncmp(at, name, n) == 0 && at[n] == '=')
            return snprintf(out, size, "%.*s", (int)(pair - n - 1), at + n + 1);
        at += pair + (at[pair] == '&');
    }
    return RELAY_ERR_NOT_FOUND;
}

enum relay_protocol relay_peer_protocol(const struct relay_peer *peer)
{
    return peer->protocol;
}

uint32_t relay_peer_version(const struct relay_peer *peer)
{
    return peer->version;
}

const char *relay_peer_identity(const struct relay_peer *peer)
{
    return peer->identity;
}

const char *relay_peer_claims(const struct relay_peer *peer)
{
    return peer->claims;
}

bool relay_peer_is_cluster(const struct relay_peer *peer)
{
    return peer->is_cluster;
}

void relay_peer_stats(const struct relay_peer *peer, struct relay_peer_stats *stats)
{
    uint32_t size = stats->size;
    *stats = peer->stats;
    stats->size = size;
}

/* ---- Requests -------------------------------------------------------------------------------- */

enum relay_request_kind relay_request_kind(const struct relay_request *request)
{
    return request->kind;
}

struct relay_peer *relay_request_peer(const struct relay_request *request)
{
    return request->peer;
}

const char *relay_request_path(const struct relay_request *request, char *out, size_t size)
{
    snprintf(out, size, "%s", request->path);
    return out;
}

uint64_t relay_request_viewer(const struct relay_request *request)
{
    return request->viewer;
}

int relay_request_asked(const struct relay_request *request, struct relay_asked *asked)
{
    uint32_t size = asked->size;
    if (request->kind != RELAY_REQUEST_SUBSCRIBE)
        return RELAY_ERR_INVALID;
    *asked = request->asked;
    asked->size = size;
    return 0;
}

enum relay_verdict relay_request_deny(struct relay_request *request, enum relay_denial code,
                                      const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(request->reason, sizeof request->reason, format, arguments);
    va_end(arguments);
    request->code = code;
    return RELAY_DENY;
}

int relay_request_set_path(struct relay_request *request, const char *path)
{
    request->has_path = true;
    snprintf(request->path, sizeof request->path, "%s", path);
    return 0;
}

int relay_request_set_policy(struct relay_request *request, const struct relay_policy *policy)
{
    request->policy = *policy;
    return 0;
}

static void join_prefixes(const char *const *prefixes, size_t count, char out[RELAY_VALUE_BYTES])
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < count && n < RELAY_VALUE_BYTES; i++)
        n +=
            (size_t)snprintf(out + n, RELAY_VALUE_BYTES - n, "%s%s", i > 0 ? " " : "", prefixes[i]);
}

int relay_request_set_grants(struct relay_request *request, const struct relay_grants *grants)
{
    request->has_grants = true;
    request->expires_ms = grants->expires_ms;
    snprintf(request->identity, sizeof request->identity, "%s",
             grants->identity ? grants->identity : "");
    join_prefixes(grants->publish, grants->publish_count, request->publish);
    join_prefixes(grants->subscribe, grants->subscribe_count, request->subscribe);
    return 0;
}

/* ---- Viewers --------------------------------------------------------------------------------- */

struct relay_peer *relay_viewer_peer(const struct relay_viewer *viewer)
{
    return viewer->peer;
}

uint64_t relay_viewer_number(const struct relay_viewer *viewer)
{
    return viewer->number;
}

void *relay_viewer_slot(const struct relay_viewer *viewer)
{
    return (void *)viewer->slot;
}

const char *relay_viewer_path(const struct relay_viewer *viewer, char *out, size_t size)
{
    snprintf(out, size, "%s", viewer->path);
    return out;
}

const char *relay_viewer_track(const struct relay_viewer *viewer, char *out, size_t size)
{
    snprintf(out, size, "%s", viewer->track);
    return out;
}

void relay_viewer_stats(const struct relay_viewer *viewer, struct relay_viewer_stats *stats)
{
    uint32_t size = stats->size;
    *stats = viewer->stats;
    stats->size = size;
}

void relay_viewer_policy(const struct relay_viewer *viewer, struct relay_policy *policy)
{
    uint32_t size = policy->size;
    *policy = viewer->policy;
    policy->size = size;
    policy->set = RELAY_SET_LATENCY | RELAY_SET_PRIORITY | RELAY_SET_ORDER;
}
