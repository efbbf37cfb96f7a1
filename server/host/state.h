/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The host itself, for host.c and find.c. */
#ifndef MOQ_HOST_STATE_H
#define MOQ_HOST_STATE_H

#include <limits.h>

#include "server/host/internal.h"

/* Kinds of one run. Reloads may name others, which stay loaded. */
enum { HOST_KINDS_MAX = 64 };

struct host {
    struct config_host config;
    uv_thread_t thread;
    struct host_kind *kinds[HOST_KINDS_MAX];
    size_t kind_count;
    char installed[PATH_MAX];                     /* the directory of the installation */
    const struct relay_config *fresh;             /* while a reload is under way */
    struct core *core;                            /* NULL: no module was started */
    struct relay_self *modules[HOST_MODULES_MAX]; /* in their order */
    size_t module_count, started_count;
    void (*wake)(void *user); /* NULL: nobody reloads */
    void *wake_user;
};

/* find.c: the directory that belongs to the installation. */
void find_installed(char *out, size_t size);

#endif
