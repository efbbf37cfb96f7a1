/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A module that says what peers may do: at first as its settings say, and after a while less. */
#include "kit.h"

#include <string.h>
#include <time.h>

struct settings {
    uint64_t expires_ms, revoked_ms;
    bool is_late, is_wrong;
};

#define AT(member) .offset = offsetof(struct settings, member)
static const struct relay_field fields[] = {
    {.name = "expires",
     .type = RELAY_FIELD_INT,
     AT(expires_ms),
     .max = 60000,
     .help = "when grants expire, in milliseconds"},
    {.name = "revoked",
     .type = RELAY_FIELD_INT,
     AT(revoked_ms),
     .max = 60000,
     .help = "when they are replaced by smaller ones"},
    {.name = "late", .type = RELAY_FIELD_BOOL, AT(is_late), .help = "whether it answers later"},
    {.name = "wrong",
     .type = RELAY_FIELD_BOOL,
     AT(is_wrong),
     .help = "whether its grants are wrong"},
};
static const struct relay_schema schema = RELAY_SCHEMA(struct settings, fields);

struct guest { /* in a peer's slot */
    struct relay_peer *peer;
    struct relay_timer *revoking, *answering;
    uint64_t number;
};

static const char *const publish[] = {"pub", "/room/"};
static const char *const subscribe[] = {"pub", "room/a"};
static const char *const fewer[] = {"room"};

static uint64_t unix_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static struct relay_grants grants_of(const struct settings *settings)
{
    return (struct relay_grants){
        .size = sizeof(struct relay_grants),
        .identity = "alice",
        .claims = "{\"sub\":\"alice\"}",
        .publish = publish,
        .publish_count = 2,
        .subscribe = subscribe,
        .subscribe_count = 2,
        .expires_ms = settings->expires_ms ? unix_ms() + settings->expires_ms : 0,
    };
}

/* What is wrong does not stay, if a good one follows. */
static void try_wrong_grants(struct relay_request *request, const struct relay_grants *good)
{
    struct relay_grants grants = *good;
    grants.size = 0;
    EXPECT(relay_request_set_grants(request, &grants), RELAY_ERR_INVALID);
    grants = *good;
    grants.expires_ms = unix_ms() - 1000;
    EXPECT(relay_request_set_grants(request, &grants), RELAY_ERR_EXPIRED);
}

static void look_at_grants(struct relay_peer *peer)
{
    EXPECT(strcmp(relay_peer_identity(peer), "alice"), 0);
    EXPECT(strcmp(relay_peer_claims(peer), "{\"sub\":\"alice\"}"), 0);
    EXPECT(relay_peer_is_cluster(peer), 0);
    EXPECT(relay_peer_version(peer) <= 4, 1);
    EXPECT(relay_peer_may_publish(peer, "pub/x"), 1);
    EXPECT(relay_peer_may_publish(peer, "room"), 1);
    EXPECT(relay_peer_may_publish(peer, "public"), 0);
    EXPECT(relay_peer_may_publish(peer, ""), 0);
    EXPECT(relay_peer_may_subscribe(peer, "room/a/b"), 1);
    EXPECT(relay_peer_may_subscribe(peer, "room/b"), 0);
}

static void revoke(struct relay_worker *worker, void *arg)
{
    struct guest *guest = arg;
    struct relay_grants grants = {.size = sizeof grants, .subscribe = fewer, .subscribe_count = 1};
    (void)worker;
    relay_timer_stop(&guest->revoking);
    look_at_grants(guest->peer);
    EXPECT(relay_peer_set_grants(guest->peer, &grants), 0);
    EXPECT(strcmp(relay_peer_identity(guest->peer), ""), 0);
    EXPECT(relay_peer_expires_ms(guest->peer), 0);
    EXPECT(relay_peer_may_publish(guest->peer, "room"), 0);
    EXPECT(relay_peer_may_subscribe(guest->peer, "room/b"), 1);
    trace("revoked");
}

static void answer_later(struct relay_worker *worker, void *arg)
{
    struct guest *guest = arg;
    const struct relay_grants grants = grants_of(relay_worker_config(worker));
    struct relay_request *request = relay_request_held(worker, guest->number);
    relay_timer_stop(&guest->answering);
    EXPECT(request != NULL, 1);
    EXPECT(relay_peer_set_grants(guest->peer, &grants), RELAY_ERR_AGAIN);
    EXPECT(relay_request_set_grants(request, &grants), 0);
    EXPECT(relay_request_answer(request, RELAY_ALLOW), 0);
}

static enum relay_verdict session_open(struct relay_peer *peer, struct relay_request *request)
{
    struct relay_worker *worker = relay_peer_worker(peer);
    const struct settings *settings = relay_worker_config(worker);
    struct guest *guest = relay_peer_slot(peer);
    const struct relay_grants grants = grants_of(settings);
    guest->peer = peer;
    guest->number = relay_request_number(request);
    EXPECT(strcmp(relay_peer_identity(peer), ""), 0);
    EXPECT(relay_peer_may_publish(peer, "any"), 1);
    EXPECT(relay_peer_set_grants(peer, &grants), RELAY_ERR_AGAIN);
    try_wrong_grants(request, &grants);
    if (settings->revoked_ms)
        guest->revoking = relay_timer_start(worker, settings->revoked_ms, 0, revoke, guest);
    if (settings->is_late) {
        guest->answering = relay_timer_start(worker, 100, 0, answer_later, guest);
        return RELAY_LATER;
    }
    if (!settings->is_wrong)
        EXPECT(relay_request_set_grants(request, &grants), 0);
    return RELAY_PASS;
}

static void session_close(struct relay_peer *peer)
{
    struct guest *guest = relay_peer_slot(peer);
    relay_timer_stop(&guest->revoking);
    relay_timer_stop(&guest->answering);
    trace("close");
}

static enum relay_verdict ask(struct relay_peer *peer, struct relay_request *request)
{
    char path[RELAY_PATH_BYTES];
    struct relay_grants grants = {.size = sizeof grants};
    trace("asked %d %s", (int)relay_request_kind(request),
          relay_request_path(request, path, sizeof path));
    if (relay_peer_identity(peer)[0])
        look_at_grants(peer);
    EXPECT(relay_request_set_grants(request, &grants), RELAY_ERR_INVALID);
    return RELAY_PASS;
}

static const struct relay_hooks hooks = {
    .size = sizeof hooks,
    .session_open = session_open,
    .session_close = session_close,
    .announce = ask,
    .subscribe = ask,
};

RELAY_MODULE = {
    RELAY_MODULE_HEAD, .name = "grant", .version = "1.0",
    .config = &schema, .hooks = &hooks, .peer_slot_bytes = sizeof(struct guest),
};
