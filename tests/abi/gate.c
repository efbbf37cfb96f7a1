/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A module that is asked: its settings say how it answers requests of each kind. */
#include "kit.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#ifndef NAME
#define NAME "gate"
#endif

enum answering {
    PASS,
    ALLOW,
    DENY,
    ODD,    /* returns what is no verdict */
    NEVER,  /* later, and never does */
    LATER,  /* allows, and tries to answer again */
    REFUSE, /* denies later */
    WORRY,  /* answers later by what is no answer, and then allows */
    DEAD,   /* answers when the peer is gone */
    THREAD, /* answers from a thread of its own, by a post */
    RENAME, /* sets the path, and has no opinion */
    PAIR,   /* denies the first of two requests and allows the second, at one time */
};
static const char *const answers[] = {"pass",   "allow",  "deny",  "odd",  "never",
                                      "later",  "refuse", "worry", "dead", "thread",
                                      "rename", "pair",   NULL};

struct settings {
    int session, announce, subscribe;
    const char *only; /* other paths pass */
    const char *path;
    uint64_t delay_ms, code;
};

#define AT(member) .offset = offsetof(struct settings, member)
#define ANSWER(member)                                                                             \
    {                                                                                              \
        .name = #member, .type = RELAY_FIELD_ENUM, AT(member), .words = answers,                   \
        .fallback = "pass", .help = "how it answers"                                               \
    }
static const struct relay_field fields[] = {
    ANSWER(session),
    ANSWER(announce),
    ANSWER(subscribe),
    {.name = "only", .type = RELAY_FIELD_STRING, AT(only), .help = "the only path that matters"},
    {.name = "path", .type = RELAY_FIELD_STRING, AT(path), .help = "the path to set"},
    {.name = "delay",
     .type = RELAY_FIELD_INT,
     AT(delay_ms),
     .max = 60000,
     .fallback = "200",
     .help = "when it answers, in milliseconds"},
    {.name = "code",
     .type = RELAY_FIELD_INT,
     AT(code),
     .max = 99,
     .fallback = "2",
     .help = "enum relay_denial"},
};
static const struct relay_schema schema = RELAY_SCHEMA(struct settings, fields);

/* What is held: one of these per request. */
struct wait {
    struct relay_worker *worker;
    struct relay_timer *timer;
    uint64_t number;
    int answering;
};

struct pair { /* in the worker's slot */
    uint64_t first, second;
};

/* ---- Answers --------------------------------------------------------------------------------- */

static void answer_held(struct relay_worker *worker, uint64_t number, enum relay_verdict verdict)
{
    struct relay_request *request = relay_request_held(worker, number);
    EXPECT(request != NULL, 1);
    if (!request)
        return;
    EXPECT(relay_request_number(request), number);
    if (verdict == RELAY_DENY)
        relay_request_deny(request, RELAY_DENIED_FORBIDDEN, "not %s", "today");
    EXPECT(relay_request_answer(request, verdict), 0);
    EXPECT(relay_request_held(worker, number) == NULL, 1);
    trace(NAME " answered %llu", (unsigned long long)number);
}

static void answer_worried(struct relay_worker *worker, uint64_t number)
{
    struct relay_request *request = relay_request_held(worker, number);
    EXPECT(relay_request_answer(request, RELAY_LATER), RELAY_ERR_INVALID);
    EXPECT(relay_request_answer(request, (enum relay_verdict)77), RELAY_ERR_INVALID);
    answer_held(worker, number, RELAY_ALLOW);
}

static void run_wait(struct relay_worker *worker, void *arg)
{
    struct wait *wait = arg;
    if (wait->answering == DEAD) {
        EXPECT(relay_request_held(worker, wait->number) == NULL, 1);
        trace(NAME " void %llu", (unsigned long long)wait->number);
    } else if (wait->answering == WORRY) {
        answer_worried(worker, wait->number);
    } else {
        answer_held(worker, wait->number, wait->answering == REFUSE ? RELAY_DENY : RELAY_ALLOW);
    }
    EXPECT(relay_request_held(worker, wait->number + 1000000) == NULL, 1);
    relay_timer_stop(&wait->timer);
    EXPECT(wait->timer == NULL, 1);
    free(wait);
}

static void *run_thread(void *arg)
{
    struct wait *wait = arg;
    usleep(100000);
    EXPECT(relay_worker_post(wait->worker, run_wait, wait), 0);
    return NULL;
}

static enum relay_verdict hold(struct relay_worker *worker, uint64_t number, int answering)
{
    const struct settings *settings = relay_worker_config(worker);
    struct wait *wait = calloc(1, sizeof *wait);
    *wait = (struct wait){worker, NULL, number, answering};
    if (answering == THREAD) {
        pthread_t thread;
        EXPECT(pthread_create(&thread, NULL, run_thread, wait), 0);
        pthread_detach(thread);
    } else {
        wait->timer = relay_timer_start(worker, settings->delay_ms, 0, run_wait, wait);
    }
    return RELAY_LATER;
}

/* Two handles at one time must not be one. */
static void answer_pair(struct relay_worker *worker, void *arg)
{
    struct pair *pair = relay_worker_slot(worker);
    struct relay_request *first = relay_request_held(worker, pair->first);
    struct relay_request *second = relay_request_held(worker, pair->second);
    (void)arg;
    EXPECT(relay_request_number(first), pair->first);
    EXPECT(relay_request_number(second), pair->second);
    EXPECT(relay_request_answer(first, RELAY_DENY), 0);
    EXPECT(relay_request_answer(second, RELAY_ALLOW), 0);
    trace(NAME " answered both");
}

static enum relay_verdict hold_pair(struct relay_worker *worker, uint64_t number)
{
    struct pair *pair = relay_worker_slot(worker);
    if (!pair->first) {
        pair->first = number;
    } else {
        pair->second = number;
        EXPECT(relay_worker_post(worker, answer_pair, NULL), 0);
    }
    return RELAY_LATER;
}

/* ---- Hooks ----------------------------------------------------------------------------------- */

static const char *kind_name(const struct relay_request *request)
{
    static const char *const names[] = {"?", "session", "announce", "subscribe", "fetch", "info"};
    return names[relay_request_kind(request)];
}

/* In the hook itself, nothing is held. */
static void check_in_hook(struct relay_worker *worker, struct relay_request *request)
{
    uint64_t number = relay_request_number(request);
    EXPECT(number > 0, 1);
    EXPECT(relay_request_held(worker, number) == NULL, 1);
    EXPECT(relay_request_answer(request, RELAY_ALLOW), RELAY_ERR_NOT_FOUND);
    EXPECT(relay_request_set_path(request, ""), RELAY_ERR_INVALID);
}

static enum relay_verdict rename_request(struct relay_request *request, const char *path)
{
    bool is_session = relay_request_kind(request) == RELAY_REQUEST_SESSION;
    EXPECT(relay_request_set_path(request, path), is_session ? RELAY_ERR_INVALID : 0);
    return RELAY_PASS;
}

static enum relay_verdict answer(struct relay_peer *peer, struct relay_request *request,
                                 int answering)
{
    struct relay_worker *worker = relay_peer_worker(peer);
    const struct settings *settings = relay_worker_config(worker);
    char path[RELAY_PATH_BYTES];
    EXPECT(relay_request_path(request, path, sizeof path) == path, 1);
    trace(NAME " asked %s '%s' group %lld", kind_name(request), path,
          relay_request_kind(request) == RELAY_REQUEST_FETCH
              ? (long long)relay_request_group(request)
              : -1LL);
    EXPECT(relay_request_peer(request) == peer, 1);
    if (settings->only && strcmp(settings->only, path) != 0)
        return RELAY_PASS;
    check_in_hook(worker, request);
    switch (answering) {
    case PASS:
        return RELAY_PASS;
    case ALLOW:
        return RELAY_ALLOW;
    case DENY:
        return relay_request_deny(request, (enum relay_denial)settings->code, "not %s", "you");
    case ODD:
        return (enum relay_verdict)77;
    case NEVER:
        return RELAY_LATER;
    case RENAME:
        return rename_request(request, settings->path);
    case PAIR:
        return hold_pair(worker, relay_request_number(request));
    default:
        return hold(worker, relay_request_number(request), answering);
    }
}

static const struct settings *settings_of(struct relay_peer *peer)
{
    return relay_worker_config(relay_peer_worker(peer));
}

static enum relay_verdict session_open(struct relay_peer *peer, struct relay_request *request)
{
    char value[8] = "", none[1] = "";
    trace(NAME " peer path '%s' query '%s' name '%s' protocol %d page '%s'",
          relay_peer_url_path(peer), relay_peer_query(peer), relay_peer_server_name(peer),
          (int)relay_peer_protocol(peer), relay_peer_page(peer));
    int length = relay_peer_query_value(peer, "a", value, sizeof value);
    trace(NAME " value %d '%s'", length, value);
    if (length >= 0)
        EXPECT(relay_peer_query_value(peer, "a", none, 0), length);
    EXPECT(relay_peer_query_value(peer, "absent", none, sizeof none), RELAY_ERR_NOT_FOUND);
    EXPECT(relay_peer_address(peer)[0] != '\0', 1);
    EXPECT(relay_peer_slot(peer) == NULL, 1);
    return answer(peer, request, settings_of(peer)->session);
}

static void session_close(struct relay_peer *peer)
{
    struct relay_peer_stats stats = {.size = sizeof stats};
    relay_peer_stats(peer, &stats);
    EXPECT(stats.size, sizeof stats);
    trace(NAME " close '%s'%s", relay_peer_url_path(peer), stats.bytes_sent ? "" : " unsent");
}

static enum relay_verdict announce(struct relay_peer *peer, struct relay_request *request)
{
    return answer(peer, request, settings_of(peer)->announce);
}

static enum relay_verdict subscribe(struct relay_peer *peer, struct relay_request *request)
{
    return answer(peer, request, settings_of(peer)->subscribe);
}

static void withdrawn(struct relay_peer *peer, struct relay_request *request)
{
    struct relay_worker *worker = relay_peer_worker(peer);
    EXPECT(relay_request_peer(request) == peer, 1);
    EXPECT(relay_request_held(worker, relay_request_number(request)) == NULL, 1);
    trace(NAME " withdrawn %s", kind_name(request));
}

static const struct relay_hooks hooks = {
    .size = sizeof hooks,
    .session_open = session_open,
    .session_close = session_close,
    .announce = announce,
    .subscribe = subscribe,
    .withdrawn = withdrawn,
};

RELAY_MODULE = {
    RELAY_MODULE_HEAD, .name = NAME,    .version = "1.0",
    .config = &schema, .hooks = &hooks, .worker_slot_bytes = sizeof(struct pair),
};
