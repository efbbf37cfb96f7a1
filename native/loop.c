/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What native has on a loop: one clock, and the clients and listeners that must be closed before
 * the loop can end.
 * Tested by tests/unit/native/test_loopback.c. */
#include "native/loop.h"

#include <stdlib.h>
#include <string.h>

#include "base/descriptors.h"
#include "base/objects.h"

enum { REAP_DELAY_MS = 10 }; /* lets the last packets leave the sockets */

/* A copy, or NULL for NULL; sets *is_bad if out of memory. */
static char *copy_text(const char *text, bool *is_bad)
{
    char *copy = text ? strdup(text) : NULL;
    *is_bad |= text && !copy;
    return copy;
}

void moq_native_fill_descriptors(void)
{
    descriptors_fill_standard();
}

static void native_free(struct moq_native *native)
{
    free(native->bind);
    free(native->qlog_directory);
    free(native->keylog_file);
    free(native);
    object_died(OBJECT_native);
}

struct moq_native *moq_native_new(const struct moq_native_config *config)
{
    struct moq_native *native = calloc(1, sizeof *native);
    if (!native)
        return NULL;
    object_born(OBJECT_native);
    bool is_bad = false;
    native->config = *config;
    native->bind = copy_text(config->bind, &is_bad);
    native->qlog_directory = copy_text(config->qlog_directory, &is_bad);
    if (config->is_keylog_enabled)
        native->keylog_file = copy_text(getenv("SSLKEYLOGFILE"), &is_bad);
    if (is_bad) {
        native_free(native);
        return NULL;
    }
    native->clock.now_ns = clock_monotonic_ns();
    list_init(&native->sockets);
    list_init(&native->tenants);
    uv_timer_init(config->loop, &native->reaper);
    return native;
}

const struct moq_clock *moq_native_clock(const struct moq_native *native)
{
    return &native->clock;
}

/* ---- The end --------------------------------------------------------------------------------- */

static void on_reaper_closed(uv_handle_t *handle)
{
    struct moq_native *native = handle->data;
    void (*on_closed)(void *user) = native->on_closed;
    void *user = native->on_closed_user;
    native_free(native);
    if (on_closed)
        on_closed(user);
}

/* Closes the shared socket last, because the other tenants tell their peers through it. */
static void on_reap(uv_timer_t *timer)
{
    struct moq_native *native = timer->data;
    struct native_tenant *shared = native->shared;
    if (shared && native->held == 1) {
        native->shared = NULL;
        shared->close(shared);
        return;
    }
    if (native->held == 0 && !native->is_reaper_closed) {
        native->is_reaper_closed = true;
        uv_close((uv_handle_t *)&native->reaper, on_reaper_closed);
    }
}

static void reap_soon(struct moq_native *native)
{
    native->reaper.data = native;
    if (native->is_closing && !native->is_reaper_closed)
        uv_timer_start(&native->reaper, on_reap, REAP_DELAY_MS, 0);
}

void native_hold(struct moq_native *native)
{
    native->held++;
}

void native_release(struct moq_native *native)
{
    native->held--;
    reap_soon(native);
}

void native_join(struct moq_native *native, struct native_tenant *tenant)
{
    list_push_back(&native->tenants, &tenant->node);
    native_hold(native);
}

void native_leave(struct native_tenant *tenant)
{
    list_remove(&tenant->node);
}

void moq_native_close(struct moq_native **native_in, void (*on_closed)(void *user), void *user)
{
    struct moq_native *native = *native_in;
    *native_in = NULL;
    if (!native)
        return;
    native->is_closing = true;
    native->on_closed = on_closed;
    native->on_closed_user = user;
    list_for_each_safe (node, &native->tenants) {
        struct native_tenant *tenant = container_of(node, struct native_tenant, node);
        tenant->close(tenant);
    }
    reap_soon(native);
}
