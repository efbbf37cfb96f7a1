/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Looks at the key file once a second, and puts new rules on the board when it is another file, or
 * has changed. A file that cannot be used changes nothing, and is reported once. */
#ifndef AUTH_KEY_WATCH_H
#define AUTH_KEY_WATCH_H

#include "modules/auth/admit.h"

enum { KEY_WATCH_MS = 1000 };

struct key_watch;

struct key_watch *key_watch_start(struct relay_worker *worker); /* NULL: out of memory */
void key_watch_stop(struct key_watch **watch); /* sets it to NULL; NULL: does nothing */

#endif
