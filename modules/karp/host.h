/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the parts of this module need of the relay, as a table: module.c fills it with functions of
 * the module ABI, tests with a recorder. Everything happens on one loop. */
#ifndef INGEST_HOST_H
#define INGEST_HOST_H

#include <stdbool.h>
#include <uv.h>

#include "karp/karp.h"
#include "modules/karp/verdict.h"

enum host_level { HOST_ERROR = 1, HOST_WARN, HOST_INFO, HOST_DEBUG };

enum { HOST_LINE_BYTES = 1024 };

/* A publisher from outside. Texts are borrowed during the call and never NULL. */
struct host_visitor {
    const char *address; /* "192.0.2.1:50000" */
    const char *path;    /* of its URL: "/demo/bbb" */
    const char *query;   /* without '?' */
    const char *credential;
};

struct host_guest_events {
    /* Once, perhaps before open_guest returns. Status 0: allowed. Otherwise close the guest. */
    void (*on_decided)(void *owner, const struct verdict *verdict);
    /* The relay ends it, after it was allowed: close its broadcast, then the guest. */
    void (*on_closed)(void *owner, const struct verdict *why);
};

/* A broadcast that is to be published. `path` and `guest` are borrowed: the path during the call,
 * the guest until the output is closed. */
struct host_offer {
    const char *path;
    void *guest; /* NULL: the relay's own, nobody is asked */
    /* The relay refuses one of its tracks; close the output, but not from within this call. */
    void (*on_refused)(void *owner, const struct verdict *why);
    /* Somebody watches one of its tracks; nobody watches any of them any more. */
    void (*on_live)(void *owner);
    void (*on_idle)(void *owner);
    void *owner;
};

struct host_output {
    const struct karp_output *table;
    void *user;
};

struct host_ops {
    void (*wake)(void *user); /* first in each callback of the loop: sets the clock */
    void (*log)(void *user, enum host_level level, const char *line);
    int (*open_guest)(void *user, const struct host_visitor *visitor,
                      const struct host_guest_events *events, void *owner, void **guest);
    void (*close_guest)(void *user, void *guest);
    /* Whether its grants cover this path; known when it was let in. */
    bool (*may_publish)(void *user, const void *guest, const char *path);
    /* Whoever is told of its end changes. */
    void (*move_guest)(void *user, void *guest, const struct host_guest_events *events,
                       void *owner);
    /* `output` is valid until it is closed, when all its tracks have been withdrawn. */
    int (*open_output)(void *user, const struct host_offer *offer, struct host_output *output);
    /* Whether the relay has decided on all of its tracks, and has told of those that it refuses. */
    bool (*is_decided)(void *user, const struct host_output *output);
    void (*close_output)(void *user, struct host_output *output);
};

struct host {
    uv_loop_t *loop;
    const struct moq_clock *clock;
    const struct host_ops *ops;
    void *user;
};

void host_wake(const struct host *host);
/* Formats a line, cut to HOST_LINE_BYTES; control characters become '?'. */
void host_log(const struct host *host, enum host_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
