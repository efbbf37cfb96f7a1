/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the module has on a worker, in the worker's slot. */
#ifndef LUA_HOST_WORKER_H
#define LUA_HOST_WORKER_H

#include "lua/host/view.h"

struct closing;

struct lua_worker { /* in the worker's slot */
    struct script *script;
    struct relay_viewer *answered; /* one that is asked about now; NULL: it is gone, or none */
    struct closing *closings;      /* that wait; see closings.h */
    size_t closing_count;
    bool is_closing_posted;
};

#endif
