/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A module that tells of each call of its life, and fails where its settings say. */
#include "kit.h"

#ifndef SLOT_BYTES
#define SLOT_BYTES sizeof(uint64_t)
#endif

#include <string.h>

#ifndef NAME
#define NAME "life"
#endif

enum failing { NOWHERE, IN_START, IN_WORKER_START, IN_RELOAD, IN_CHECK };

struct settings {
    int failing;
    bool is_silent;
    uint64_t worker;
    uint64_t number;
    const char *fixed;
};

#define AT(member) .offset = offsetof(struct settings, member)
static const char *const places[] = {"nowhere", "start", "worker_start", "reload", "check", NULL};
static const struct relay_field fields[] = {
    {.name = "fail",
     .type = RELAY_FIELD_ENUM,
     .flags = RELAY_FIELD_RELOADS,
     AT(failing),
     .words = places,
     .fallback = "nowhere",
     .help = "where it fails"},
    {.name = "silent", .type = RELAY_FIELD_BOOL, AT(is_silent), .help = "whether it says why"},
    {.name = "worker", .type = RELAY_FIELD_INT, AT(worker), .max = 64, .help = "on which worker"},
    {.name = "number",
     .type = RELAY_FIELD_INT,
     .flags = RELAY_FIELD_RELOADS,
     AT(number),
     .max = 1000,
     .help = "a number that may change"},
    {.name = "fixed", .type = RELAY_FIELD_STRING, AT(fixed), .help = "a text that may not change"},
};
static const struct relay_schema schema = RELAY_SCHEMA(struct settings, fields);

static unsigned long long number_of(const void *config)
{
    return (unsigned long long)((const struct settings *)config)->number;
}

static int fail(struct relay_self *self, const struct settings *settings)
{
    return settings->is_silent ? RELAY_ERR_IO
                               : relay_fail(self, "the %s is %s; mend it", "world", "broken");
}

static void check(struct relay_check *check, const void *config)
{
    const struct settings *settings = config;
    if (settings->failing == IN_CHECK)
        relay_check_fail(check, "number", "%d is too odd; take an even one", (int)settings->number);
}

static int start(struct relay_self *self, const void *config)
{
    const struct settings *settings = config;
    trace(NAME " start %llu of %u", number_of(config), relay_worker_count(self));
    EXPECT(relay_data(self) == NULL, 1);
    relay_set_data(self, self);
    return settings->failing == IN_START ? fail(self, settings) : 0;
}

static int worker_start(struct relay_worker *worker, const void *config)
{
    const struct settings *settings = config;
    struct relay_self *self = relay_worker_self(worker);
    uint64_t *slot = relay_worker_slot(worker);
    trace(NAME " worker_start %u", relay_worker_number(worker));
    EXPECT(relay_data(self) == self, 1);
    EXPECT(*slot, 0);
    *slot = relay_worker_number(worker) + 1;
    EXPECT(relay_worker_config(worker) == config, 1);
    EXPECT(relay_worker_loop(worker) != NULL, 1);
    bool is_here = settings->worker == relay_worker_number(worker);
    return settings->failing == IN_WORKER_START && is_here ? fail(self, settings) : 0;
}

static int reload(struct relay_self *self, const void *config)
{
    const struct settings *settings = config;
    trace(NAME " reload %llu", number_of(config));
    return settings->failing == IN_RELOAD ? fail(self, settings) : 0;
}

static void worker_reload(struct relay_worker *worker, const void *config)
{
    trace(NAME " worker_reload %u %llu", relay_worker_number(worker), number_of(config));
    EXPECT(relay_worker_config(worker) == config, 1);
}

static void reload_done(struct relay_self *self, bool is_applied)
{
    (void)self;
    trace(NAME " reload_done %s", is_applied ? "true" : "false");
}

static void worker_stop(struct relay_worker *worker)
{
    const uint64_t *slot = relay_worker_slot(worker);
    EXPECT(*slot, relay_worker_number(worker) + 1);
    trace(NAME " worker_stop %u", relay_worker_number(worker));
}

static void stop(struct relay_self *self)
{
    EXPECT(relay_data(self) == self, 1);
    trace(NAME " stop");
}

RELAY_MODULE = {
    RELAY_MODULE_HEAD,
    .name = NAME,
    .version = "1.0",
    .config = &schema,
    .worker_slot_bytes = SLOT_BYTES,
    .check = check,
    .start = start,
    .worker_start = worker_start,
    .reload = reload,
    .worker_reload = worker_reload,
    .reload_done = reload_done,
    .worker_stop = worker_stop,
    .stop = stop,
};
