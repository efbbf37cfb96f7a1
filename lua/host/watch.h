/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Watches the files of a script, on a thread of its own because a disk may be slow. When one of
 * them has changed and nothing has moved for a moment, the relay is asked to reload the module. */
#ifndef LUA_HOST_WATCH_H
#define LUA_HOST_WATCH_H

#include <relay/module.h>

#include "lua/host/files.h"

enum {
    WATCH_PAUSE_MS = 200, /* without events before it looks: an editor makes several */
    WATCH_BUSY_MS = 2000, /* it looks after this however many events there are */
    WATCH_POLL_MS = 1000, /* between two looks where the system tells of no events */
};

struct watch;

/* NULL: out of memory, descriptors or threads. */
struct watch *watch_new(struct relay_self *self);
/* From now on it watches these, in place of others. */
void watch_set(struct watch *watch, const struct files *files);
void watch_free(struct watch **watch); /* waits for the thread */

#endif
