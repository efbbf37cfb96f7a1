/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A module that dials another relay, from the last worker, and tells what becomes of it. Without a
 * URL it only tells who comes to it. */
#include <string.h>

#include "kit.h"

enum doing {
    STAY,           /* dials once */
    CLOSE_IN_UP,    /* closes its dial as soon as there is a session */
    HANG_UP,        /* ends the session, not the dial, as soon as there is one: the first time */
    CLOSE_IN_DOWN,  /* closes its dial when it is told that it is lost */
    CLOSE_IN_TOKEN, /* closes its dial when it is asked for a token */
    CLOSE_LATER,    /* closes its dial while it tries, and opens it again */
    DIAL_IN_DOWN,   /* opens another dial when it is told of the end of the first */
    BE_WRONG,       /* all that is refused */
    BE_MANY,        /* as many dials as there may be */
};
static const char *const doings[] = {
    "stay",        "close_in_up",  "hang_up",  "close_in_down", "close_in_token",
    "close_later", "dial_in_down", "be_wrong", "be_many",       NULL};

enum { PIN_BYTES = 32 };

struct settings {
    const char *url, *token, *pin, *roots;
    uint64_t silence_ns;
    bool is_insecure, is_limited;
    int doing;
};

#define TEXT(word, member, what)                                                                   \
    {                                                                                              \
        .name = word, .type = RELAY_FIELD_STRING, .offset = offsetof(struct settings, member),     \
        .help = what,                                                                              \
    }
#define FLAG(word, member, what)                                                                   \
    {                                                                                              \
        .name = word, .type = RELAY_FIELD_BOOL, .offset = offsetof(struct settings, member),       \
        .help = what,                                                                              \
    }
static const struct relay_field fields[] = {
    FIELD_DO("stay"),
    TEXT("url", url, "what it dials"),
    TEXT("token", token, "what it sends as ?jwt=, with the number of the attempt"),
    TEXT("pin", pin, "the fingerprint that it trusts, in hexadecimal"),
    TEXT("roots", roots, "a file of certificates that it trusts"),
    {.name = "silence",
     .type = RELAY_FIELD_DURATION,
     .offset = offsetof(struct settings, silence_ns),
     .fallback = "60s",
     .max = UINT64_C(60000000000),
     .help = "after how much silence a session is lost"},
    FLAG("insecure", is_insecure, "whether it trusts everybody"),
    FLAG("limited", is_limited, "whether the other relay may only publish below far"),
};
static const struct relay_schema schema = RELAY_SCHEMA(struct settings, fields);

struct state { /* in the worker's slot */
    struct relay_worker *worker;
    struct relay_dial *dial, *other;
    struct relay_timer *timer;
    unsigned attempts, ups;
    char token[16384];
};

static const struct settings *settings_of(const struct relay_worker *worker)
{
    return relay_worker_config(worker);
}

static struct relay_dial *open_dial(struct state *state);

/* ---- What it is told ------------------------------------------------------------------------- */

static void close_dial(struct state *state, const char *where)
{
    trace("closing in %s", where);
    relay_dial_close(&state->dial);
    EXPECT(state->dial == NULL, 1);
    relay_dial_close(&state->dial);
}

static void look_at_peer(const struct relay_peer *peer, const struct settings *settings)
{
    EXPECT(relay_peer_is_dialled(peer), 1);
    EXPECT(relay_peer_number(peer) > 0, 1);
    EXPECT(relay_peer_version(peer) >= 2, 1);
    EXPECT(strcmp(relay_peer_server_name(peer), "localhost"), 0);
    EXPECT(strcmp(relay_peer_page(peer), ""), 0);
    EXPECT(strcmp(relay_peer_identity(peer), settings->is_limited ? "the far one" : ""), 0);
    EXPECT(relay_peer_is_cluster(peer), 0);
    EXPECT(relay_peer_may_publish(peer, "far/a"), 1);
    EXPECT(relay_peer_may_publish(peer, "fare"), !settings->is_limited);
    EXPECT(relay_peer_may_subscribe(peer, "near/a"), !settings->is_limited);
    trace("up %s %s?%s", relay_peer_protocol(peer) == RELAY_PROTOCOL_QUIC ? "quic" : "h3",
          relay_peer_url_path(peer), relay_peer_query(peer));
}

static void on_up(struct relay_dial *dial, struct relay_peer *peer, void *user)
{
    struct state *state = user;
    const struct settings *settings = settings_of(state->worker);
    bool *is_up = relay_peer_slot(peer);
    EXPECT(dial == state->dial, 1);
    EXPECT(relay_peer_worker(peer) == state->worker, 1);
    EXPECT(*is_up, 0);
    *is_up = true;
    state->ups++;
    look_at_peer(peer, settings);
    if (settings->doing == CLOSE_IN_UP)
        close_dial(state, "up");
    else if (settings->doing == HANG_UP && state->ups == 1)
        relay_peer_close(peer, RELAY_DENIED_BUSY, "come again");
}

static void on_down(struct relay_dial *dial, int error, const char *reason, uint64_t retry_ns,
                    void *user)
{
    struct state *state = user;
    int doing = settings_of(state->worker)->doing;
    EXPECT(dial == state->dial || dial == state->other, 1);
    EXPECT(error <= 0, 1);
    EXPECT(reason && *reason, 1);
    if (retry_ns != RELAY_NEVER) /* of 20 ms to 100 ms, and half as much more or less */
        EXPECT(retry_ns >= 10000000 && retry_ns <= 150000000, 1);
    trace("down %s %d: %s", retry_ns == RELAY_NEVER ? "for ever" : "for now", error, reason);
    if (doing == CLOSE_IN_DOWN)
        close_dial(state, "down");
    if (doing == DIAL_IN_DOWN && !state->other)
        state->other = open_dial(state);
}

static const char *token_of(struct relay_dial *dial, void *user)
{
    struct state *state = user;
    const struct settings *settings = settings_of(state->worker);
    EXPECT(dial == state->dial || dial == state->other, 1);
    state->attempts++;
    if (settings->doing == CLOSE_IN_TOKEN)
        close_dial(state, "token");
    if (!settings->token)
        return NULL;
    snprintf(state->token, sizeof state->token, "%s%u", settings->token, state->attempts);
    return state->token;
}

static enum relay_verdict session_open(struct relay_peer *peer, struct relay_request *request)
{
    (void)request;
    EXPECT(relay_peer_is_dialled(peer), 0);
    trace("comes %s?%s", relay_peer_url_path(peer), relay_peer_query(peer));
    return RELAY_PASS;
}

static void session_close(struct relay_peer *peer)
{
    const bool *is_up = relay_peer_slot(peer);
    EXPECT(relay_peer_is_dialled(peer), *is_up);
    trace(*is_up ? "dialled one leaves" : "one leaves");
}

/* ---- Dialling -------------------------------------------------------------------------------- */

static const struct relay_dial_ops ops = {
    .size = sizeof ops, .on_up = on_up, .on_down = on_down, .token = token_of};

static const uint8_t *parse_pin(const char *text, uint8_t pin[PIN_BYTES])
{
    for (int i = 0; text && i < PIN_BYTES; i++)
        EXPECT(sscanf(text + 2 * i, "%2hhx", &pin[i]), 1);
    return text ? pin : NULL;
}

static int try_dial(struct state *state, const struct relay_dial_config *config,
                    struct relay_dial **dial)
{
    *dial = (struct relay_dial *)(void *)state; /* must be overwritten */
    return relay_dial_open(state->worker, config, &ops, state, dial);
}

static struct relay_dial_config config_of(const struct settings *settings)
{
    return (struct relay_dial_config){
        .size = sizeof(struct relay_dial_config),
        .is_insecure = settings->is_insecure,
        .url = settings->url,
        .silence_ns = settings->silence_ns,
        .keep_alive_ns = settings->silence_ns / 4,
        .first_retry_ns = 20000000,
        .most_retry_ns = 100000000,
    };
}

/* What it is given is copied, so all of it is gone when it returns. */
static struct relay_dial *open_dial(struct state *state)
{
    const struct settings *settings = settings_of(state->worker);
    const char *const roots[] = {settings->roots}, *const far[] = {"far"};
    const struct relay_grants grants = {
        .size = sizeof grants, .identity = "the far one", .publish = far, .publish_count = 1};
    struct relay_dial_config config = config_of(settings);
    struct relay_dial *dial;
    uint8_t pin[PIN_BYTES];
    config.pinned_sha256 = parse_pin(settings->pin, pin);
    config.root_files = roots;
    config.root_file_count = settings->roots ? 1 : 0;
    config.grants = settings->is_limited ? &grants : NULL;
    EXPECT(try_dial(state, &config, &dial), 0);
    EXPECT(dial != NULL, 1);
    memset(pin, 0, sizeof pin);
    return dial;
}

static void expect_refused(struct state *state, const struct relay_dial_config *config, int error)
{
    struct relay_dial *dial;
    EXPECT(try_dial(state, config, &dial), error);
    EXPECT(dial == NULL, 1);
}

static void dial_wrongly(struct state *state)
{
    static const char *const wrong[] = {NULL,
                                        "",
                                        "localhost",
                                        "https://",
                                        "ftp://localhost",
                                        "https://localhost:0/",
                                        "https://a b/",
                                        "moqt://localhost"};
    static char long_path[2 * RELAY_PATH_BYTES];
    const char *const bad_paths[] = {long_path};
    struct relay_dial_config config = config_of(settings_of(state->worker));
    struct relay_grants grants = {.size = sizeof grants, .expires_ms = 1};
    memset(long_path, 'x', sizeof long_path - 1);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        config.url = wrong[i];
        expect_refused(state, &config, RELAY_ERR_INVALID);
    }
    config = config_of(settings_of(state->worker));
    config.grants = &grants;
    expect_refused(state, &config, RELAY_ERR_EXPIRED);
    grants = (struct relay_grants){.size = 0};
    expect_refused(state, &config, RELAY_ERR_INVALID);
    grants = (struct relay_grants){.size = sizeof grants, .publish = bad_paths, .publish_count = 1};
    expect_refused(state, &config, RELAY_ERR_INVALID);
    config.size = 0;
    expect_refused(state, &config, RELAY_ERR_INVALID);
    expect_refused(state, NULL, RELAY_ERR_INVALID);
    relay_dial_close(NULL);
    trace("refused what is wrong");
}

/* Those that are closed make room at once. */
static void dial_many(struct state *state)
{
    static struct relay_dial *dials[RELAY_DIALS_MAX];
    const struct relay_dial_config config = config_of(settings_of(state->worker));
    struct relay_dial *more;
    for (int i = 0; i < RELAY_DIALS_MAX; i++)
        EXPECT(relay_dial_open(state->worker, &config, NULL, NULL, &dials[i]), 0);
    expect_refused(state, &config, RELAY_ERR_BOUNDS);
    relay_dial_close(&dials[7]);
    EXPECT(try_dial(state, &config, &more), 0);
    relay_dial_close(&more);
    for (int i = 0; i < RELAY_DIALS_MAX / 2; i++)
        relay_dial_close(&dials[i]);
    trace("dialled many"); /* the others are left to the relay */
}

static void close_and_open(struct relay_worker *worker, void *arg)
{
    struct state *state = arg;
    (void)worker;
    relay_timer_stop(&state->timer);
    close_dial(state, "timer");
    state->dial = open_dial(state);
}

static int worker_start(struct relay_worker *worker, const void *config)
{
    struct state *state = relay_worker_slot(worker);
    const struct settings *settings = config;
    state->worker = worker;
    if (relay_worker_number(worker) + 1 != relay_worker_count(relay_worker_self(worker)))
        return 0;
    if (settings->doing == BE_WRONG)
        dial_wrongly(state);
    else if (settings->doing == BE_MANY)
        dial_many(state);
    else if (settings->url)
        state->dial = open_dial(state);
    if (settings->doing == CLOSE_LATER)
        state->timer = relay_timer_start(worker, 100, 0, close_and_open, state);
    return 0;
}

static void worker_stop(struct relay_worker *worker)
{
    struct state *state = relay_worker_slot(worker);
    const struct relay_dial_config config = config_of(settings_of(worker));
    relay_timer_stop(&state->timer);
    if (config.url)
        expect_refused(state, &config, RELAY_ERR_CLOSED);
    relay_dial_close(&state->dial);
    relay_dial_close(&state->other);
}

static const struct relay_hooks hooks = {
    .size = sizeof hooks, .session_open = session_open, .session_close = session_close};

RELAY_MODULE = {
    RELAY_MODULE_HEAD,
    .name = "dial",
    .version = "1.0",
    .config = &schema,
    .hooks = &hooks,
    .peer_slot_bytes = sizeof(bool), /* whether it is one that was dialled */
    .worker_slot_bytes = sizeof(struct state),
    .worker_start = worker_start,
    .worker_stop = worker_stop,
};
