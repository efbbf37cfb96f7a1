/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The host of modules: finds them, checks them, gives them their configuration, and starts and
 * stops them. What modules see of the relay is in relay/module.h; this is the side of main.c.
 *
 * All functions are for the main thread. */
#ifndef MOQ_HOST_H
#define MOQ_HOST_H

#include "server/core/core.h"

#ifdef __cplusplus
extern "C" {
#endif

struct host;
struct config_host;
struct relay_config;

enum { HOST_FAILURE_BYTES = 2048 };

/* Knows of no module yet. NULL: out of memory. */
struct host *host_new(void);
/* After host_stop, if host_start was called. */
void host_free(struct host **host);

/* How the configuration finds modules, for config_sources; borrowed, as long as the host lives. */
const struct config_host *host_for_config(struct host *host);

/* Starts the modules of `config` in their order, on all workers; call it between core_new and
 * core_run. `config` must live until host_stop, or until host_reload has replaced it. On failure,
 * stops those that were started, returns an error code, and `failure` (HOST_FAILURE_BYTES) names
 * the module, its file, the reason and the versions. */
int host_start(struct host *host, struct core *core, const struct relay_config *config,
               char *failure);

/* A reload in two steps. First, modules prepare to use `config`, whose modules are those of the
 * present one. On failure nothing has changed, as for host_start. */
int host_reload(struct host *host, const struct relay_config *config, char *failure);
/* Then all workers use it, or, if the reload has failed elsewhere, it is forgotten. */
void host_end_reload(struct host *host, bool is_applied);

/* Stops the modules in reverse order: from core_on_silent, or before core_stop if core_run was not
 * called. Does nothing if none runs. */
void host_stop(struct host *host);

/* `wake` is called on any thread when a module wants to be reloaded. host_reload_wanted, soon after
 * on the main thread, reloads those, each alone and with the configuration that it has, and writes
 * to the log how that went. */
void host_on_reload(struct host *host, void (*wake)(void *user), void *user);
void host_reload_wanted(struct host *host);

/* Called for every counter and then every note of every module, in the order of the configuration.
 * `value` is the sum of all workers; `text` is printable ASCII. */
struct host_figures {
    void (*counter)(void *user, const char *module, const char *name, int64_t value);
    void (*note)(void *user, const char *module, const char *name, const char *text);
};
void host_figures(const struct host *host, const struct host_figures *figures, void *user);

#ifdef __cplusplus
}
#endif
#endif
