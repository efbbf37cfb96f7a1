/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Peers: what is known of one accepted session, and what hooks see of it.
 * Tested by tests/sim/relay/test_hooks.c and tests/unit/core/test_entry.c. */
#include "server/core/peer.h"

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

bool core_peer_is_dialled(const struct core_peer *peer)
{
    return peer->is_dialled;
}

void core_peer_tell(struct core_peer *peer, enum core_telling telling)
{
    if (peer->telling == telling)
        return;
    peer->telling = (uint8_t)telling;
    if (peer->session)
        moq_session_look_again(peer->session);
}

void *core_peer_slot(const struct core_peer *peer, const struct core_hook *hook)
{
    return chain_peer_slot(&peer->member, hook);
}

/* The next sweep ends it. One that was not let in yet is refused. */
static void close_guest(struct core_peer *peer, enum core_denial denial, const char *reason)
{
    struct core_guest *guest = peer->guest;
    if (guest->is_over)
        return;
    guest->is_over = true;
    guest->end_denial = denial;
    snprintf(guest->end_reason, sizeof guest->end_reason, "%s", reason);
    if (!guest->is_allowed)
        peer_refuse(peer, core_denial_error(denial), guest->end_reason);
}

static void close_session(struct core_peer *peer, int error, const char *reason)
{
    struct moq_session *session =
        peer->session ? peer->session : moq_native_bridge_session(peer->conn);
    if (session)
        moq_session_close(session, error, reason);
    else
        peer_refuse(peer, error ? error : MOQ_ERR_REFUSED,
                    reason ? reason : moq_error_words(error ? error : MOQ_ERR_REFUSED));
}

void core_peer_close(struct core_peer *peer, int error, const char *reason)
{
    if (peer->guest)
        close_guest(peer, core_denial_of_error(error), reason ? reason : moq_error_words(error));
    else
        close_session(peer, error, reason);
}

void core_peer_deny(struct core_peer *peer, enum core_denial denial, const char *reason)
{
    int error = core_denial_error(denial);
    if (peer->guest)
        close_guest(peer, denial, reason ? reason : moq_error_words(error));
    else
        close_session(peer, error, reason);
}

struct chain_member *core_peer_member(struct core_peer *peer)
{
    return &peer->member;
}

/* Versions of transfork are numbered in their order, from 02 on. */
uint32_t core_peer_version(const struct core_peer *peer)
{
    uint32_t version = peer->session ? moq_session_version(peer->session) : 0;
    return version ? 2 + (uint32_t)__builtin_ctz(version) : 0;
}

void core_peer_transport(const struct core_peer *peer, struct quic_conn_stats *stats)
{
    *stats = (struct quic_conn_stats){.bytes_sent = 0};
    if (peer->conn)
        quic_conn_stats(peer->conn, stats);
}

struct publisher *peer_publisher(struct core_peer *peer)
{
    if (!peer->publisher)
        peer->publisher = publisher_new(peer);
    return peer->publisher;
}

void peer_note_starved(struct core_peer *peer)
{
    struct quic_conn_stats stats;
    peer->router->counters.streams_refused++;
    if (peer->has_starved || !peer->conn)
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
    if (peer->conn)
        quic_conn_set_refusal(peer->conn, reason);
    peer->router->counters.sessions_denied += !peer->guest;
    peer->router->counters.guests_denied += peer->guest != NULL;
    log_info(LOG_POLICY, "%s %llu from %s is refused: %s", peer->guest ? "guest" : "session",
             (unsigned long long)peer->number, peer->address, reason);
}

/* How much is kept of a text that a client sent, with its end. A server name has at most 255 bytes
 * (RFC 1035, section 2.3.4). A token in a query must not be cut, so path and query may be as long
 * as all headers of a request. */
enum { SERVER_NAME_BYTES = 256, ORIGIN_BYTES = 512, URL_BYTES = 16384, SLOT_ALIGNMENT = 16 };

enum { TEXTS = 4 };

/* The texts of a card, cut to what is kept of them. */
static void cut_texts(const struct peer_card *card, struct peer_text texts[TEXTS])
{
    static const size_t limits[TEXTS] = {URL_BYTES, URL_BYTES, ORIGIN_BYTES, SERVER_NAME_BYTES};
    texts[0] = card->path;
    texts[1] = card->query;
    texts[2] = (struct peer_text){card->origin, card->origin ? strlen(card->origin) : 0};
    texts[3] =
        (struct peer_text){card->server_name, card->server_name ? strlen(card->server_name) : 0};
    for (size_t i = 0; i < TEXTS; i++)
        if (texts[i].size >= limits[i])
            texts[i].size = limits[i] - 1;
}

/* Moves `*to` past the copy. */
static const char *keep_text(char **to, const struct peer_text *text)
{
    char *copy = *to;
    if (text->size > 0)
        memcpy(copy, text->data, text->size);
    copy[text->size] = '\0';
    *to += text->size + 1;
    return copy;
}

/* Allocates the peer, the slots of hooks and the texts in one piece of memory. */
static struct core_peer *peer_alloc(const struct router *router, const struct peer_card *card)
{
    size_t slots =
        (sizeof(struct core_peer) + SLOT_ALIGNMENT - 1) / SLOT_ALIGNMENT * SLOT_ALIGNMENT;
    size_t size = slots + router->hooks.peer_bytes;
    struct peer_text texts[TEXTS];
    cut_texts(card, texts);
    for (size_t i = 0; i < TEXTS; i++)
        size += texts[i].size + 1;
    char *memory = calloc(1, size);
    if (!memory)
        return NULL;
    struct core_peer *peer = (struct core_peer *)(void *)memory;
    peer->member = (struct chain_member){.object = peer, .slots = memory + slots};
    char *to = memory + slots + router->hooks.peer_bytes;
    peer->path = keep_text(&to, &texts[0]);
    peer->query = keep_text(&to, &texts[1]);
    peer->origin = keep_text(&to, &texts[2]);
    peer->server_name = keep_text(&to, &texts[3]);
    return peer;
}

static uint64_t *count_of(const struct core_peer *peer)
{
    struct core_counters *counters = &peer->router->counters;
    return peer->guest ? &counters->guests : &counters->sessions;
}

struct core_peer *peer_new(struct router *router, const struct peer_card *card)
{
    struct core_request *request = calloc(1, sizeof *request);
    struct core_peer *peer = request ? peer_alloc(router, card) : NULL;
    if (!peer) {
        free(request);
        return NULL;
    }
    peer->request = request;
    peer->router = router;
    peer->number = router->next_peer;
    router->next_peer += router->workers; /* numbers are unique among all workers */
    peer->conn = card->conn;
    peer->guest = card->guest;
    peer->protocol = card->protocol;
    list_init(&peer->announcements);
    list_push_back(&router->peers, &peer->node);
    snprintf(peer->address, sizeof peer->address, "%s", card->address);
    *count_of(peer) += 1;
    core_hooks_peer_born(&router->hooks, &peer->member);
    return peer;
}

void peer_free(struct core_peer *peer)
{
    struct router *router = peer->router;
    list_remove(&peer->node);
    core_hooks_peer_died(&router->hooks, &peer->member);
    *count_of(peer) -= 1;
    if (peer->dialled)
        *peer->dialled = NULL;
    free(peer->request);
    grants_unref(&peer->grants);
    publisher_unref(&peer->publisher);
    free(peer);
}
