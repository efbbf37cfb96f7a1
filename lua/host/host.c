/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The module "lua": a script decides who may come in, what is published and watched, and how each
 * viewer is served. Every worker runs a script of its own. A reload makes all of the new ones
 * before any of them is used.
 * Tested by tests/e2e/test_lua.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/host/closings.h"
#include "lua/host/carry.h"
#include "lua/host/hooks.h"
#include "lua/host/library.h"
#include "lua/host/watch.h"

#define MS UINT64_C(1000000)

/* ---- Settings -------------------------------------------------------------------------------- */

static const char *const fault_words[] = {[SCRIPT_FAULT_DENIES] = "deny",
                                          [SCRIPT_FAULT_DENIES_ALL] = "deny_all",
                                          [SCRIPT_FAULT_PASSES] = "pass",
                                          NULL};

static const struct relay_field fields[] = {
    {.name = "script",
     .help = "the file of the script; none: broadcast.lua of the installation, which chooses "
             "renditions",
     .type = RELAY_FIELD_FILE,
     .flags = RELAY_FIELD_RELOADS,
     .offset = offsetof(struct script_config, file)},
    {.name = "directories",
     .help = "where the script finds what it requires",
     .type = RELAY_FIELD_STRINGS,
     .flags = RELAY_FIELD_RELOADS,
     .offset = offsetof(struct script_config, directories),
     .count_offset = offsetof(struct script_config, directory_count),
     .max = 16},
    {.name = "watch",
     .help = "whether a change of the script's files reloads it",
     .type = RELAY_FIELD_BOOL,
     .flags = RELAY_FIELD_RELOADS,
     .offset = offsetof(struct script_config, is_watched),
     .fallback = "true"},
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
     .help = "after so many faults in a minute, a hook is benched",
     .type = RELAY_FIELD_INT,
     .flags = RELAY_FIELD_RELOADS,
     .offset = offsetof(struct script_config, faults),
     .max = SCRIPT_FAULTS_MAX,
     .fallback = "5",
     .zero = "off"},
    {.name = "abort_after",
     .help = "the relay aborts when a call of the script takes so long, whatever it does",
     .type = RELAY_FIELD_DURATION,
     .flags = RELAY_FIELD_RELOADS,
     .offset = offsetof(struct script_config, abort_ns),
     .min = 1000 * MS,
     .max = 3600000 * MS,
     .fallback = "off",
     .zero = "off"},
    {.name = "on_fault",
     .help = "what a fault denies: requests of connect and announce, those of subscribe as well, "
             "or nothing",
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
    const struct script_maker maker = {.open_library = library_open};
    struct script *script = script_new(config, &maker, error);
    if (!script)
        relay_check_fail(check, "script", "%s", error);
    script_free(&script);
}

/* ---- Scripts of all workers ------------------------------------------------------------------ */

struct lua_host {                       /* of the whole relay */
    struct script **fresh;              /* one for each worker, until that takes it; NULL: none */
    const struct script_config *config; /* of the scripts that were made last */
    struct watch *watch;
    struct watchdog *watchdog;
    char *file;                          /* the script in use */
    struct script_outline outline, made; /* of the script in use; of those made last */
    struct files *files;                 /* of the script in use */
    struct files *tried;                 /* of the last one that was made, or has failed */
};

static void free_fresh(struct relay_self *self)
{
    struct lua_host *host = relay_data(self);
    for (uint32_t i = 0; host->fresh && i < relay_worker_count(self); i++)
        script_free(&host->fresh[i]);
    free(host->fresh);
    host->fresh = NULL;
}

/* Watches the files of this configuration's script, as they were when it was made. */
static void watch_files(const struct lua_host *host, const struct script_config *config,
                        const struct files *files)
{
    static const struct files none;
    if (host->watch)
        watch_set(host->watch, config->is_watched ? files : &none);
}

/* Of a worker; of the main thread, which has the number behind theirs. */
static struct pulse *pulse_of(const struct lua_host *host, unsigned thread)
{
    return host->watchdog ? watchdog_pulse(host->watchdog, thread) : NULL;
}

/* False: it failed, and the text says why. */
static bool make_all(struct relay_self *self, const struct script_config *config,
                     char error[SANDBOX_ERROR_BYTES])
{
    struct lua_host *host = relay_data(self);
    uint32_t workers = relay_worker_count(self);
    bool is_good = true;
    free_fresh(self);
    files_clear(host->tried);
    host->config = config;
    host->fresh = calloc(workers, sizeof(struct script *));
    for (uint32_t i = 0; host->fresh && is_good && i < workers; i++) {
        const struct script_maker maker = {.open_library = library_open,
                                           .self = self,
                                           .files = i == 0 ? host->tried : NULL,
                                           .pulse = pulse_of(host, workers)};
        host->fresh[i] = script_new(config, &maker, error);
        is_good = host->fresh[i] != NULL;
    }
    if (!host->fresh || !is_good)
        return false;
    host->made = script_outline_of(host->fresh[0]);
    return true;
}

/* A file that was emptied, or cut by a full disk, must not open doors that the one before kept
 * closed. */
static bool is_empty_now(const struct lua_host *host)
{
    return host->file && host->outline.does_something && !host->made.does_something;
}

/* Returns 0, or what relay_fail returns, and then has made none. After that, a change of the same
 * script is a reason to try again, but not one of another that is not used. */
static int make_scripts(struct relay_self *self, const void *config)
{
    struct lua_host *host = relay_data(self);
    const struct script_config *settings = config;
    char error[SANDBOX_ERROR_BYTES] = "out of memory", path[PATH_MAX];
    const char *file = script_file(settings, path);
    if (!settings->file)
        relay_log(self, RELAY_INFO, "no script is named; %s chooses renditions", file);
    bool is_made = make_all(self, settings, error);
    if (is_made && !is_empty_now(host))
        return 0;
    if (is_made)
        snprintf(error, sizeof error,
                 "%s: it has no hook and no timer, and the one in use has: is it whole? If so, "
                 "give it a hook that does nothing, such as load",
                 file);
    free_fresh(self);
    relay_note(self, "last_error", error);
    if (host->file && strcmp(host->file, file) == 0)
        watch_files(host, settings, host->tried);
    return relay_fail(self, "%s", error);
}

static void tell_lost_hooks(struct relay_self *self, const struct lua_host *host)
{
    for (int i = 0; i < SCRIPT_HOOKS; i++)
        if (host->outline.has[i] && !host->made.has[i])
            relay_log(self, RELAY_WARN, "the new script has no hook \"%s\"; the one before had it",
                      script_hook_name((enum script_hook)i));
}

/* The scripts that were made last are those in use now. */
static void note_use(struct relay_self *self, const struct script_config *config)
{
    char path[PATH_MAX];
    struct lua_host *host = relay_data(self);
    tell_lost_hooks(self, host);
    host->outline = host->made;
    free(host->file);
    host->file = strdup(script_file(config, path));
    files_take(host->files, host->tried);
    watch_files(host, config, host->files);
    if (host->watchdog)
        watchdog_set_abort(host->watchdog, config->abort_ns);
}

static void free_host(struct relay_self *self)
{
    struct lua_host *host = relay_data(self);
    watch_free(&host->watch);
    watchdog_free(&host->watchdog);
    free_fresh(self);
    if (host->files)
        files_clear(host->files);
    if (host->tried)
        files_clear(host->tried);
    free(host->files);
    free(host->tried);
    free(host->file);
    free(host);
}

static void start_watchdog(struct relay_self *self, const struct script_config *config)
{
    struct lua_host *host = relay_data(self);
    unsigned workers = relay_worker_count(self);
    host->watchdog = watchdog_new(self, workers + 1, SCRIPT_HOOKS);
    if (!host->watchdog) {
        relay_log(self, RELAY_ERROR,
                  "the watchdog has no thread: calls that take long are not logged");
        return;
    }
    watchdog_set_place(host->watchdog, workers, SCRIPT_LOAD, "load");
    watchdog_set_abort(host->watchdog, config->abort_ns);
}

static int start_module(struct relay_self *self, const void *config)
{
    struct lua_host *host = calloc(1, sizeof *host);
    if (!host)
        return relay_fail(self, "out of memory");
    relay_set_data(self, host);
    host->files = calloc(1, sizeof *host->files);
    host->tried = calloc(1, sizeof *host->tried);
    start_watchdog(self, config);
    int error =
        host->files && host->tried ? make_scripts(self, config) : relay_fail(self, "out of memory");
    if (error) {
        free_host(self);
        return error;
    }
    host->watch = watch_new(self);
    if (!host->watch)
        relay_log(self, RELAY_ERROR, "no thread for it: the script's files are not watched");
    note_use(self, config);
    return 0;
}

static void tell_places(struct watchdog *watchdog, unsigned worker, const struct script *script)
{
    char place[PULSE_PLACE_BYTES];
    for (unsigned i = 0; i < SCRIPT_HOOKS; i++) {
        const char *where = script_place(script, (enum script_hook)i);
        snprintf(place, sizeof place, "%s%s%s", script_hook_name((enum script_hook)i),
                 *where ? ", " : "", where);
        watchdog_set_place(watchdog, worker, i, place);
    }
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
    script_attach(here->script, worker, pulse_of(host, relay_worker_number(worker)));
    if (old)
        carry_tables(old, here->script);
    script_free(&old);
    if (host->watchdog)
        tell_places(host->watchdog, relay_worker_number(worker), here->script);
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
    struct lua_host *host = relay_data(self);
    free_fresh(self); /* what the workers have not taken */
    if (is_applied)
        note_use(self, host->config);
}

static void stop_worker(struct relay_worker *worker)
{
    struct lua_worker *here = relay_worker_slot(worker);
    closings_free(here);
    script_free(&here->script);
}

static void stop_module(struct relay_self *self)
{
    free_host(self);
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
