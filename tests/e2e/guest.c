/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A module that brings one guest for each of its `credentials`, and offers `path`/NUMBER on its
 * behalf; the log says what becomes of them. A credential that begins with '?' is a query, "none"
 * is none, and "long" one of LONG_BYTES.
 * Compiled by tests/e2e/test_auth.py. */
#include <relay/module.h>
#include <stdio.h>
#include <string.h>

enum { GUESTS_MAX = 16, LONG_BYTES = 9000 };

struct config {
    const char *path;
    const char *const *credentials;
    size_t count;
};

static const struct relay_field fields[] = {
    {.name = "path",
     .type = RELAY_FIELD_STRING,
     .offset = offsetof(struct config, path),
     .help = "below which paths are offered"},
    {.name = "credentials",
     .type = RELAY_FIELD_STRINGS,
     .offset = offsetof(struct config, credentials),
     .count_offset = offsetof(struct config, count),
     .max = GUESTS_MAX,
     .help = "of guests"},
};
static const struct relay_schema schema = RELAY_SCHEMA(struct config, fields);

struct visitor {
    struct relay_worker *worker;
    size_t number;
    struct relay_guest *guest;
    struct relay_source *source;
};

struct here { /* in the worker's slot */
    struct relay_timer *timer;
    struct visitor visitors[GUESTS_MAX];
};

static void say(const struct visitor *visitor, const char *what, const char *why)
{
    relay_log(relay_worker_self(visitor->worker), RELAY_INFO, "number %zu is %s%s", visitor->number,
              what, why);
}

static void on_refused(struct relay_source *source, void *user, enum relay_denial code,
                       const char *reason)
{
    (void)source, (void)code, (void)reason;
    say(user, "not offered", "");
}

static const struct relay_source_ops source_ops = {.size = sizeof source_ops,
                                                   .on_refused = on_refused};

static void on_decided(void *user, bool is_allowed, enum relay_denial code, const char *reason)
{
    struct visitor *visitor = user;
    (void)code;
    say(visitor, is_allowed ? "allowed" : "refused: ", is_allowed ? "" : reason);
    if (!is_allowed)
        visitor->guest = NULL;
}

static void on_closed(void *user, enum relay_denial code, const char *reason)
{
    struct visitor *visitor = user;
    (void)code;
    visitor->guest = NULL;
    say(visitor, "closed: ", reason);
}

static const struct relay_guest_ops guest_ops = {
    .size = sizeof guest_ops, .on_decided = on_decided, .on_closed = on_closed};

static void offer_track(struct visitor *visitor, const struct config *config)
{
    char path[128];
    struct relay_group *group;
    const struct relay_offer offer = {
        .size = sizeof offer, .path = path, .guest = visitor->guest, .priority = 128};
    snprintf(path, sizeof path, "%s/%zu", config->path, visitor->number);
    if (relay_source_open(visitor->worker, &offer, &source_ops, visitor, &visitor->source) ||
        relay_group_open(visitor->source, 0, &group))
        return;
    relay_group_write(group, "hello", 5);
    relay_group_close(&group, 0);
}

static void bring_guest(struct visitor *visitor, const char *credential)
{
    char text[LONG_BYTES + 1] = "";
    bool is_query = credential[0] == '?';
    const struct relay_guest_info info = {.size = sizeof info,
                                          .address = "192.0.2.1:50000",
                                          .url_path = "/in",
                                          .query = is_query ? credential + 1 : NULL,
                                          .credential = is_query ? NULL : text};
    if (strcmp(credential, "long") == 0)
        memset(text, 'x', LONG_BYTES);
    else if (strcmp(credential, "none") != 0)
        snprintf(text, sizeof text, "%s", credential);
    relay_guest_open(visitor->worker, &info, &guest_ops, visitor, &visitor->guest);
}

static void bring_guests(struct relay_worker *worker, void *arg)
{
    struct here *here = arg;
    const struct config *config = relay_worker_config(worker);
    for (size_t i = 0; i < config->count; i++) {
        struct visitor *visitor = &here->visitors[i];
        *visitor = (struct visitor){.worker = worker, .number = i};
        bring_guest(visitor, config->credentials[i]);
        if (visitor->guest)
            offer_track(visitor, config);
    }
}

static int worker_start(struct relay_worker *worker, const void *config)
{
    struct here *here = relay_worker_slot(worker);
    (void)config;
    if (relay_worker_number(worker) == 0)
        here->timer = relay_timer_start(worker, 1, 0, bring_guests, here);
    return 0;
}

static void worker_stop(struct relay_worker *worker)
{
    struct here *here = relay_worker_slot(worker);
    relay_timer_stop(&here->timer);
    for (size_t i = 0; i < GUESTS_MAX; i++) {
        if (here->visitors[i].source)
            relay_source_close(&here->visitors[i].source, 0);
        if (here->visitors[i].guest)
            relay_guest_close(&here->visitors[i].guest);
    }
}

RELAY_MODULE = {
    RELAY_MODULE_HEAD,
    .name = "guest",
    .version = "1.0",
    .config = &schema,
    .worker_slot_bytes = sizeof(struct here),
    .worker_start = worker_start,
    .worker_stop = worker_stop,
};
