/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The host: starts modules on all workers, gives them new configurations, and stops them in reverse
 * order.
 * Tested by tests/e2e/test_modules.py. */
#include <stdio.h>
#include <stdlib.h>

#include "server/host/state.h"

struct host *host_new(void)
{
    struct host *host = calloc(1, sizeof *host);
    if (!host)
        return NULL;
    host->config = (struct config_host){.find = host_find, .list = host_list, .self = host};
    host->thread = uv_thread_self();
    find_installed(host->installed, sizeof host->installed);
    return host;
}

static void free_self(struct relay_self *self)
{
    for (uint32_t i = 0; i < self->worker_count; i++)
        host_worker_free(&self->workers[i]);
    host_worker_free(&self->failed);
    self->magic = 0;
    shared_free(&self->shared);
    uv_mutex_destroy(&self->mutex);
    free(self);
}

void host_free(struct host **pointer)
{
    struct host *host = *pointer;
    if (!host)
        return;
    for (size_t i = 0; i < host->module_count; i++)
        free_self(host->modules[i]);
    for (size_t i = 0; i < host->kind_count; i++)
        kind_free(&host->kinds[i]);
    free(host);
    *pointer = NULL;
}

const struct config_host *host_for_config(struct host *host)
{
    return &host->config;
}

bool host_is_main(const struct host *host)
{
    uv_thread_t here = uv_thread_self();
    return uv_thread_equal(&here, &host->thread) != 0;
}

uint32_t host_worker_count(const struct host *host)
{
    return host->core ? (uint32_t)core_worker_count(host->core) : 0;
}

/* Writes why `self` failed in `doing`. Returns the error for the caller. */
static int describe_failure(const struct relay_self *self, const char *doing, char *failure)
{
    const struct relay_module *module = &self->kind->module;
    snprintf(failure, HOST_FAILURE_BYTES,
             "module %s (%s) cannot %s: %s (module ABI %u.%u; this relay has %d.%d)", module->name,
             self->kind->file, doing,
             self->failure[0] ? self->failure : "it does not say why; see its documentation",
             module->abi_major, module->abi_minor, RELAY_ABI_MAJOR, RELAY_ABI_MINOR);
    return MOQ_ERR_REFUSED;
}

/* ---- Workers --------------------------------------------------------------------------------- */

struct visit {
    struct relay_self *self;
    int error;
};

/* Notes an error of the relay's own as what failed. Returns it. */
static int fail_here(struct relay_self *self, int error)
{
    snprintf(self->failure, sizeof self->failure, "%s", moq_error_words(error));
    return error;
}

static void start_here(const struct core_worker *core, void *user)
{
    struct visit *visit = user;
    struct relay_self *self = visit->self;
    const struct relay_module *module = &self->kind->module;
    struct relay_worker *worker = host_worker_new(self, core);
    int error = worker ? core_hooks_add(core->hooks, &worker->hook) : MOQ_ERR_NOMEM;
    if (error) {
        visit->error = fail_here(self, error);
        host_worker_free(&worker);
        return;
    }
    self->workers[self->worker_count++] = worker;
    if (module->worker_start && module->worker_start(worker, worker->config) != 0) {
        visit->error = MOQ_ERR_REFUSED;
        core_hooks_remove(core->hooks, &worker->hook);
        host_worker_end(worker);
        self->failed = self->workers[--self->worker_count];
    }
}

/* Its hooks go first, so that none is called when worker_stop has freed what they use. */
static void stop_here(const struct core_worker *core, void *user)
{
    const struct visit *visit = user;
    struct relay_worker *worker = visit->self->workers[core->number];
    moq_native_wake(core->native);
    core_hooks_remove(core->hooks, &worker->hook);
    if (visit->self->kind->module.worker_stop)
        visit->self->kind->module.worker_stop(worker);
    host_worker_end(worker);
}

static void reload_here(const struct core_worker *core, void *user)
{
    const struct visit *visit = user;
    struct relay_worker *worker = visit->self->workers[core->number];
    moq_native_wake(core->native);
    worker->relay = visit->self->relay;
    worker->config = visit->self->fresh;
    if (visit->self->kind->module.worker_reload)
        visit->self->kind->module.worker_reload(worker, worker->config);
}

static void visit_workers(struct host *host, struct relay_self *self,
                          void (*work)(const struct core_worker *core, void *user))
{
    struct visit visit = {.self = self};
    for (uint32_t i = 0; i < self->worker_count; i++)
        core_with_worker(host->core, i, work, &visit);
}

/* ---- Starting -------------------------------------------------------------------------------- */

static struct relay_self *self_new(struct host *host, const struct relay_config *config,
                                   const struct config_module *module)
{
    struct relay_self *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->magic = HOST_SELF;
    self->host = host;
    self->kind = module->kind->self;
    self->relay = config;
    self->config = module->values;
    self->shared = shared_new();
    if (self->shared && uv_mutex_init(&self->mutex) == 0)
        return self;
    shared_free(&self->shared);
    free(self);
    return NULL;
}

static int start_workers(struct host *host, struct relay_self *self)
{
    struct visit visit = {.self = self};
    for (size_t i = 0; !visit.error && i < core_worker_count(host->core); i++)
        core_with_worker(host->core, i, start_here, &visit);
    return visit.error;
}

static int start_module(struct host *host, const struct relay_config *config, size_t index,
                        char *failure)
{
    const struct config_module *wanted = &config->modules[index];
    struct relay_self *self = self_new(host, config, wanted);
    if (!self) {
        snprintf(failure, HOST_FAILURE_BYTES, "module %s: out of memory", wanted->kind->name);
        return MOQ_ERR_NOMEM;
    }
    const struct relay_module *module = &self->kind->module;
    host->modules[host->module_count++] = self;
    int error = module->start ? module->start(self, self->config) : 0;
    if (error)
        return describe_failure(self, "start", failure);
    host->started_count++;
    if (start_workers(host, self))
        return describe_failure(self, "start on a worker", failure);
    log_info(LOG_MODULE, "module %s %s is loaded from %s", module->name, module->version,
             self->kind->file);
    return 0;
}

int host_start(struct host *host, struct core *core, const struct relay_config *config,
               char *failure)
{
    int error = 0;
    host->core = core;
    for (size_t i = 0; !error && i < config->module_count; i++)
        error = start_module(host, config, i, failure);
    if (error)
        host_stop(host);
    return error;
}

/* ---- Stopping -------------------------------------------------------------------------------- */

static void stop_module(struct host *host, struct relay_self *self)
{
    visit_workers(host, self, stop_here);
    if (self->kind->module.stop)
        self->kind->module.stop(self);
}

void host_stop(struct host *host)
{
    while (host->started_count > 0)
        stop_module(host, host->modules[--host->started_count]);
}

/* ---- Reload ---------------------------------------------------------------------------------- */

int host_reload(struct host *host, const struct relay_config *config, char *failure)
{
    host->fresh = config;
    for (size_t i = 0; i < host->started_count; i++) {
        struct relay_self *self = host->modules[i];
        const struct relay_module *module = &self->kind->module;
        self->fresh = config->modules[i].values;
        self->failure[0] = '\0';
        int error = module->reload ? module->reload(self, self->fresh) : 0;
        if (error) {
            host_end_reload(host, false);
            return describe_failure(self, "reload", failure);
        }
        self->is_prepared = true;
    }
    return 0;
}

static void end_module_reload(struct host *host, struct relay_self *self, bool is_applied)
{
    if (is_applied) {
        self->relay = host->fresh;
        visit_workers(host, self, reload_here);
        self->config = self->fresh;
    }
    self->is_prepared = false;
    if (self->kind->module.reload_done)
        self->kind->module.reload_done(self, is_applied);
    self->fresh = NULL;
}

void host_end_reload(struct host *host, bool is_applied)
{
    for (size_t i = 0; i < host->started_count; i++)
        if (host->modules[i]->is_prepared)
            end_module_reload(host, host->modules[i], is_applied);
}

void host_on_reload(struct host *host, void (*wake)(void *user), void *user)
{
    host->wake = wake;
    host->wake_user = user;
}

static void reload_alone(struct host *host, struct relay_self *self)
{
    char failure[HOST_FAILURE_BYTES];
    const struct relay_module *module = &self->kind->module;
    host->fresh = self->relay;
    self->fresh = self->config;
    self->failure[0] = '\0';
    if (module->reload(self, self->fresh)) {
        describe_failure(self, "reload", failure);
        log_error(LOG_MODULE, "%s; what it had stays in use", failure);
        return;
    }
    end_module_reload(host, self, true);
    log_info(LOG_MODULE, "module %s was reloaded", module->name);
}

void host_reload_wanted(struct host *host)
{
    for (size_t i = 0; i < host->started_count; i++) {
        struct relay_self *self = host->modules[i];
        bool is_wanted = __atomic_exchange_n(&self->is_reload_wanted, false, __ATOMIC_ACQ_REL);
        if (is_wanted && self->kind->module.reload)
            reload_alone(host, self);
    }
}

void relay_reload(struct relay_self *self)
{
    if (!self || self->magic != HOST_SELF)
        return;
    __atomic_store_n(&self->is_reload_wanted, true, __ATOMIC_RELEASE);
    if (self->host->wake)
        self->host->wake(self->host->wake_user);
}

void host_figures(const struct host *host, const struct host_figures *figures, void *user)
{
    for (size_t i = 0; i < host->started_count; i++)
        self_figures(host->modules[i], figures, user);
}
