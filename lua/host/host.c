/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The module "lua": a script decides who may come in, what is published and watched, and how each
 * viewer is served. Every worker runs a script of its own. A reload makes all of the new ones
 * before any of them is used.
 * Tested by tests/e2e/test_lua.py. */
#include <stdio.h>
#include <stdlib.h>

#include "lua/host/carry.h"
#include "lua/host/hooks.h"
#include "lua/host/library.h"

#define MS UINT64_C(1000000)

/* ---- Settings -------------------------------------------------------------------------------- */

static const char *const fault_words[] = {
    [SCRIPT_FAULT_DENIES] = "deny", [SCRIPT_FAULT_PASSES] = "pass", NULL};

static const struct relay_field fields[] = {
    {.name = "script",
     .help = "the file of the script",
     .type = RELAY_FIELD_FILE,
     .flags = RELAY_FIELD_REQUIRED | RELAY_FIELD_RELOADS,
     .offset = offsetof(struct script_config, file)},
    {.name = "directories",
     .help = "where the script finds what it requires",
     .type = RELAY_FIELD_STRINGS,
     .flags = RELAY_FIELD_RELOADS,
     .offset = offsetof(struct script_config, directories),
     .count_offset = offsetof(struct script_config, directory_count),
     .max = 16},
    {.name = "params",
     .help = "anything; the script has it as relay.params",
     .type = RELAY_FIELD_TREE,
     .flags = RELAY_FIELD_RELOADS,
     .offset = offsetof(struct script_config, params)},
    {.name = "budget",
     .help = "how long a call of the script may take",
     .type = RELAY_FIELD_DURATION,
     .flags = RELAY_FIELD_RELOADS,
     .offset = offsetof(struct script_config, budget_ns),
     .min = MS / 10,
     .max = 1000 * MS,
     .fallback = "5ms"},
    {.name = "load_budget",
     .help = "how long it may take to load",
     .type = RELAY_FIELD_DURATION,
     .flags = RELAY_FIELD_RELOADS,
     .offset = offsetof(struct script_config, load_budget_ns),
     .min = MS,
     .max = 10000 * MS,
     .fallback = "100ms"},
    {.name = "memory",
     .help = "how much memory it may use on each worker",
     .type = RELAY_FIELD_SIZE,
     .flags = RELAY_FIELD_RELOADS,
     .offset = offsetof(struct script_config, memory_bytes),
     .min = 1 << 20,
     .max = 1 << 30,
     .fallback = "64MiB"},
    {.name = "faults",
     .help = "after so many faults in a minute, a hook is not called any more",
     .type = RELAY_FIELD_INT,
     .flags = RELAY_FIELD_RELOADS,
     .offset = offsetof(struct script_config, faults),
     .max = SCRIPT_FAULTS_MAX,
     .fallback = "5",
     .zero = "off"},
    {.name = "on_fault",
     .help = "what it means when connect or announce fails",
     .type = RELAY_FIELD_ENUM,
     .flags = RELAY_FIELD_RELOADS,
     .offset = offsetof(struct script_config, on_fault),
     .words = fault_words,
     .fallback = "deny"},
};
static const struct relay_schema schema = RELAY_SCHEMA(struct script_config, fields);

static void check_script(struct relay_check *check, const void *config)
{
    char error[SANDBOX_ERROR_BYTES];
    const struct script_config *settings = config;
    struct script *script = settings->file ? script_new(settings, NULL, library_open, error) : NULL;
    if (!script && settings->file)
        relay_check_fail(check, "script", "%s", error);
    script_free(&script);
}

/* ---- Scripts of all workers ------------------------------------------------------------------ */

struct lua_host {          /* of the whole relay */
    struct script **fresh; /* one for each worker, until that takes it; NULL: none */
};

static void free_fresh(struct relay_self *self)
{
    struct lua_host *host = relay_data(self);
    for (uint32_t i = 0; host->fresh && i < relay_worker_count(self); i++)
        script_free(&host->fresh[i]);
    free(host->fresh);
    host->fresh = NULL;
}

/* Returns 0, or what relay_fail returns, and then has made none. */
static int make_scripts(struct relay_self *self, const void *config)
{
    struct lua_host *host = relay_data(self);
    char error[SANDBOX_ERROR_BYTES] = "out of memory";
    uint32_t workers = relay_worker_count(self);
    bool is_good = true;
    free_fresh(self);
    host->fresh = calloc(workers, sizeof(struct script *));
    for (uint32_t i = 0; host->fresh && is_good && i < workers; i++) {
        host->fresh[i] = script_new(config, self, library_open, error);
        is_good = host->fresh[i] != NULL;
    }
    if (host->fresh && is_good)
        return 0;
    free_fresh(self);
    relay_note(self, "last_error", error);
    return relay_fail(self, "%s", error);
}

static int start_module(struct relay_self *self, const void *config)
{
    struct lua_host *host = calloc(1, sizeof *host);
    if (!host)
        return relay_fail(self, "out of memory");
    relay_set_data(self, host);
    int error = make_scripts(self, config);
    if (error)
        free(host);
    return error;
}

/* The worker takes its script. */
static void take_script(struct relay_worker *worker)
{
    struct relay_self *self = relay_worker_self(worker);
    struct lua_host *host = relay_data(self);
    struct lua_worker *here = relay_worker_slot(worker);
    struct script **fresh = &host->fresh[relay_worker_number(worker)];
    struct script *old = here->script;
    here->script = *fresh;
    *fresh = NULL;
    if (relay_worker_number(worker) == 0)
        relay_count(worker, relay_counter(self, "generation"), 1);
    if (old)
        carry_tables(old, here->script);
    script_free(&old);
    script_attach(here->script, worker);
}

static int start_worker(struct relay_worker *worker, const void *config)
{
    (void)config;
    take_script(worker);
    return 0;
}

static void reload_worker(struct relay_worker *worker, const void *config)
{
    (void)config;
    take_script(worker);
}

static void end_reload(struct relay_self *self, bool is_applied)
{
    (void)is_applied;
    free_fresh(self); /* what the workers have not taken */
}

static void stop_worker(struct relay_worker *worker)
{
    struct lua_worker *here = relay_worker_slot(worker);
    script_free(&here->script);
}

static void stop_module(struct relay_self *self)
{
    free_fresh(self);
    free(relay_data(self));
}

RELAY_MODULE = {
    RELAY_MODULE_HEAD,
    .name = "lua",
    .version = "1.0",
    .config = &schema,
    .hooks = &lua_hooks,
    .peer_slot_bytes = sizeof(struct view),
    .viewer_slot_bytes = sizeof(struct view),
    .worker_slot_bytes = sizeof(struct lua_worker),
    .check = check_script,
    .start = start_module,
    .worker_start = start_worker,
    .reload = make_scripts,
    .worker_reload = reload_worker,
    .reload_done = end_reload,
    .worker_stop = stop_worker,
    .stop = stop_module,
};
