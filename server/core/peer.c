/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Peers: what is known of one accepted session, and what hooks see of it.
 * Tested by tests/sim/relay/test_hooks.c and tests/unit/core/test_entry.c. */
#include "server/core/peer.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- For hooks ------------------------------------------------------------------------------- */

struct moq_session *core_peer_session(const struct core_peer *peer)
{
    return peer->session;
}

const char *core_peer_address(const struct core_peer *peer)
{
    return peer->address;
}

const char *core_peer_path(const struct core_peer *peer)
{
    return peer->path;
}

uint64_t core_peer_number(const struct core_peer *peer)
{
    return peer->number;
}

const char *core_peer_query(const struct core_peer *peer)
{
    return peer->query;
}

const char *core_peer_origin(const struct core_peer *peer)
{
    return peer->origin;
}

const char *core_peer_server_name(const struct core_peer *peer)
{
    return peer->server_name;
}

enum quic_protocol core_peer_protocol(const struct core_peer *peer)
{
    return peer->protocol;
}

void *core_peer_slot(const struct core_peer *peer, const struct core_hook *hook)
{
    return chain_peer_slot(&peer->member, hook);
}

void core_peer_close(struct core_peer *peer, int error, const char *reason)
{
    struct moq_session *session =
        peer->session ? peer->session : moq_native_bridge_session(peer->conn);
    if (session)
        moq_session_close(session, error, reason);
    else
        peer_refuse(peer, error ? error : MOQ_ERR_REFUSED,
                    reason ? reason : moq_error_words(error ? error : MOQ_ERR_REFUSED));
}

void core_peer_transport(const struct core_peer *peer, struct quic_conn_stats *stats)
{
    quic_conn_stats(peer->conn, stats);
}

static void write_address(char *out, size_t size, const struct sockaddr *address)
{
    char host[INET6_ADDRSTRLEN] = "?";
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)address;
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        snprintf(out, size, "%s:%u", host, ntohs(v4->sin_port));
        return;
    }
    const struct sockaddr_in6 *v6 = (const void *)address;
    inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
    snprintf(out, size, "[%s]:%u", host, ntohs(v6->sin6_port));
}

void peer_note_starved(struct core_peer *peer)
{
    struct quic_conn_stats stats;
    peer->router->counters.streams_refused++;
    if (peer->has_starved)
        return;
    peer->has_starved = true;
    quic_conn_stats(peer->conn, &stats);
    log_warn(LOG_SESSION,
             "session %llu from %s allows the relay %llu concurrent streams, and all are in use: "
             "no more of its tracks can be watched until viewers leave others, or it allows more "
             "(initial_max_streams_bidi; in quinn max_concurrent_bidi_streams)",
             (unsigned long long)peer->number, peer->address,
             (unsigned long long)stats.streams_allowed);
}

void peer_refuse(struct core_peer *peer, int error, const char *reason)
{
    if (peer->refusal)
        return;
    peer->refusal = (int16_t)error;
    quic_conn_set_refusal(peer->conn, reason);
    peer->router->counters.sessions_denied++;
    log_info(LOG_POLICY, "session %llu from %s is refused: %s", (unsigned long long)peer->number,
             peer->address, reason);
}

/* How much is kept of a text that a client sent. A server name has at most 255 bytes (RFC 1035,
 * section 2.3.4). */
enum { SERVER_NAME_BYTES = 256, ORIGIN_BYTES = 512, SLOT_ALIGNMENT = 16 };

/* Copies at most `bytes` - 1 bytes of `text`, which may be NULL, and moves `*to` past the copy. */
static const char *keep_text(char **to, const char *text, size_t bytes)
{
    char *copy = *to;
    size_t length = text ? strnlen(text, bytes - 1) : 0;
    if (length > 0)
        memcpy(copy, text, length);
    copy[length] = '\0';
    *to += length + 1;
    return copy;
}

static size_t text_bytes(const char *text, size_t bytes)
{
    return (text ? strnlen(text, bytes - 1) : 0) + 1;
}

/* Keeps the texts at `to`, and splits a URL such as "/live?jwt=..." into path and query. */
static void keep_texts(struct core_peer *peer, char *to, const struct moq_peer *info)
{
    char *path = to;
    peer->path = keep_text(&to, info->path, MOQ_URL_PATH_BYTES);
    char *mark = strchr(path, '?');
    peer->query = mark ? mark + 1 : path + strlen(path);
    if (mark)
        *mark = '\0';
    peer->origin = keep_text(&to, info->origin, ORIGIN_BYTES);
    peer->server_name = keep_text(&to, info->server_name, SERVER_NAME_BYTES);
}

/* Allocates the peer, the slots of hooks and the client's texts in one piece of memory. */
static struct core_peer *peer_alloc(const struct router *router, const struct moq_peer *info)
{
    size_t slots =
        (sizeof(struct core_peer) + SLOT_ALIGNMENT - 1) / SLOT_ALIGNMENT * SLOT_ALIGNMENT;
    size_t texts = slots + router->hooks.peer_bytes;
    char *memory = calloc(1, texts + text_bytes(info->path, MOQ_URL_PATH_BYTES) +
                                 text_bytes(info->origin, ORIGIN_BYTES) +
                                 text_bytes(info->server_name, SERVER_NAME_BYTES));
    if (!memory)
        return NULL;
    struct core_peer *peer = (struct core_peer *)(void *)memory;
    peer->member = (struct chain_member){.object = peer, .slots = memory + slots};
    keep_texts(peer, memory + texts, info);
    return peer;
}

struct core_peer *peer_new(struct router *router, const struct moq_peer *info)
{
    struct core_request *request = calloc(1, sizeof *request);
    struct core_peer *peer = request ? peer_alloc(router, info) : NULL;
    if (!peer) {
        free(request);
        return NULL;
    }
    peer->request = request;
    peer->router = router;
    peer->number = router->next_peer;
    router->next_peer += router->workers; /* numbers are unique among all workers */
    peer->conn = info->conn;
    peer->protocol = info->protocol;
    list_init(&peer->announcements);
    list_push_back(&router->peers, &peer->node);
    write_address(peer->address, sizeof peer->address, info->address);
    router->counters.sessions++;
    core_hooks_peer_born(&router->hooks, &peer->member);
    return peer;
}

void peer_free(struct core_peer *peer)
{
    struct router *router = peer->router;
    list_remove(&peer->node);
    core_hooks_peer_died(&router->hooks, &peer->member);
    router->counters.sessions--;
    free(peer->request);
    grants_unref(&peer->grants);
    free(peer);
}
