/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Guards the border: a handle must be one, must not be over, and must be used on its thread.
 * Tested by tests/e2e/test_modules.py. */
#include <stdlib.h>

#include "server/host/internal.h"

static bool report_misuse(const char *module, const char *function, const char *what)
{
    log_error(LOG_MODULE, "module %s: %s was called %s", module, function, what);
#ifndef NDEBUG
    abort();
#endif
    return false;
}

bool host_fits(const void *pointer, enum host_magic magic, const char *function)
{
    const struct host_handle *handle = pointer;
    if (!handle)
        return report_misuse("?", function, "without a handle");
    if (handle->magic != (uint32_t)magic)
        return report_misuse("?", function, "with a handle that is over, or of another type");
    if (!core_worker_is_here(handle->worker->core))
        return report_misuse(handle->worker->self->kind->module.name, function,
                             "on a thread that is not the worker's; use relay_worker_post");
    return true;
}

bool host_self_fits(const struct relay_self *self, const char *function)
{
    if (!self || self->magic != HOST_SELF)
        return report_misuse("?", function, "with a handle that is over, or of another type");
    if (host_is_main(self->host))
        return true;
    for (uint32_t i = 0; i < self->worker_count; i++)
        if (core_worker_is_here(self->workers[i]->core))
            return true;
    return report_misuse(self->kind->module.name, function,
                         "on a thread that is not the relay's; use relay_worker_post");
}
