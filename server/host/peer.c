/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Peers as modules see them.
 * Tested by tests/e2e/test_modules.py. */
#include <stdio.h>
#include <string.h>

#include "server/host/internal.h"

struct relay_worker *relay_peer_worker(const struct relay_peer *peer)
{
    return FITS(peer, HOST_PEER) ? peer->head.worker : NULL;
}

bool relay_peer_is_dialled(const struct relay_peer *peer)
{
    return FITS(peer, HOST_PEER) && core_peer_is_dialled(peer->core);
}

int relay_peer_offer(struct relay_peer *peer, const struct relay_peer_has *given)
{
    struct relay_peer_has what = {.size = 0};
    if (!FITS(peer, HOST_PEER) || !given)
        return RELAY_ERR_INVALID;
    memcpy(&what, given, host_struct_bytes(given->size, sizeof what));
    struct core_peer_has has = {.path = host_path(what.path),
                                .name = host_path(what.name ? what.name : what.path),
                                .is_spare = what.is_spare};
    int error =
        has.path && has.name ? host_error(core_peer_offer(peer->core, &has)) : RELAY_ERR_INVALID;
    moq_path_unref(&has.path);
    moq_path_unref(&has.name);
    return error;
}

/* For what was offered under this path. */
static int call_with_path(const struct relay_peer *peer, const char *text,
                          int (*call)(struct core_peer *peer, const struct moq_path *path))
{
    struct moq_path *path = host_path(text);
    int error = path ? host_error(call(peer->core, path)) : RELAY_ERR_INVALID;
    moq_path_unref(&path);
    return error;
}

int relay_peer_promote(struct relay_peer *peer, const char *path)
{
    return FITS(peer, HOST_PEER) ? call_with_path(peer, path, core_peer_promote)
                                 : RELAY_ERR_INVALID;
}

int relay_peer_withdraw(struct relay_peer *peer, const char *path)
{
    return FITS(peer, HOST_PEER) ? call_with_path(peer, path, core_peer_withdraw)
                                 : RELAY_ERR_INVALID;
}

_Static_assert((int)RELAY_TELL_ALL == (int)CORE_TELL_ALL &&
                   (int)RELAY_TELL_NEAR == (int)CORE_TELL_NEAR &&
                   (int)RELAY_TELL_NOTHING == (int)CORE_TELL_NOTHING,
               "one is the other");

void relay_peer_tell(struct relay_peer *peer, enum relay_telling telling)
{
    if (FITS(peer, HOST_PEER))
        core_peer_tell(peer->core, (enum core_telling)telling);
}

void *relay_peer_slot(const struct relay_peer *peer)
{
    if (!FITS(peer, HOST_PEER) || peer->head.worker->self->kind->module.peer_slot_bytes == 0)
        return NULL;
    return (void *)peer->slot;
}

uint64_t relay_peer_number(const struct relay_peer *peer)
{
    return FITS(peer, HOST_PEER) ? core_peer_number(peer->core) : 0;
}

const char *relay_peer_address(const struct relay_peer *peer)
{
    return FITS(peer, HOST_PEER) ? core_peer_address(peer->core) : "";
}

const char *relay_peer_url_path(const struct relay_peer *peer)
{
    return FITS(peer, HOST_PEER) ? core_peer_path(peer->core) : "";
}

const char *relay_peer_query(const struct relay_peer *peer)
{
    return FITS(peer, HOST_PEER) ? core_peer_query(peer->core) : "";
}

const char *relay_peer_page(const struct relay_peer *peer)
{
    return FITS(peer, HOST_PEER) ? core_peer_origin(peer->core) : "";
}

const char *relay_peer_server_name(const struct relay_peer *peer)
{
    return FITS(peer, HOST_PEER) ? core_peer_server_name(peer->core) : "";
}

enum relay_protocol relay_peer_protocol(const struct relay_peer *peer)
{
    if (!FITS(peer, HOST_PEER))
        return 0;
    switch (core_peer_protocol(peer->core)) {
    case QUIC_PROTOCOL_RAW:
        return RELAY_PROTOCOL_QUIC;
    case QUIC_PROTOCOL_WEBTRANSPORT:
        return RELAY_PROTOCOL_WEBTRANSPORT;
    default:
        return RELAY_PROTOCOL_GUEST;
    }
}

uint32_t relay_peer_version(const struct relay_peer *peer)
{
    return FITS(peer, HOST_PEER) ? core_peer_version(peer->core) : 0;
}

void relay_peer_stats(const struct relay_peer *peer, struct relay_peer_stats *stats)
{
    struct quic_conn_stats conn = {.bytes_sent = 0};
    uint32_t size = stats->size;
    if (FITS(peer, HOST_PEER))
        core_peer_transport(peer->core, &conn);
    const struct relay_peer_stats all = {
        .size = size,
        .rtt_ns = conn.smoothed_rtt_ns,
        .rate_bps = conn.delivery_rate_bps,
        .bytes_sent = conn.bytes_sent,
        .bytes_received = conn.bytes_received,
        .packets_sent = conn.packets_sent,
        .packets_lost = conn.packets_lost,
    };
    memcpy(stats, &all, host_struct_bytes(size, sizeof all));
}

void relay_peer_close(struct relay_peer *peer, enum relay_denial code, const char *reason)
{
    if (FITS(peer, HOST_PEER))
        core_peer_deny(peer->core, host_denial(code), reason);
}

int relay_peer_query_value(const struct relay_peer *peer, const char *name, char *out, size_t size)
{
    int length = query_value(relay_peer_query(peer), name, out, size);
    return length < 0 ? host_error(length) : length;
}

const char *relay_peer_credential(const struct relay_peer *peer)
{
    return FITS(peer, HOST_PEER) ? core_peer_credential(peer->core) : "";
}
