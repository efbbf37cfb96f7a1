/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Publishers from outside are guests of the relay: its modules decide on them as on peers. */
#ifndef INGEST_GUEST_H
#define INGEST_GUEST_H

#include <relay/module.h>

#include "modules/karp/host.h"

struct guest; /* private */

/* As open_guest, close_guest, may_publish and move_guest of host.h. */
int guest_open(struct relay_worker *worker, const struct host_visitor *visitor,
               const struct host_guest_events *events, void *owner, struct guest **guest);
void guest_close(struct guest *guest);
bool guest_may_publish(const struct guest *guest, const char *path);
void guest_move(struct guest *guest, const struct host_guest_events *events, void *owner);

/* The relay's handle; NULL: `guest` is NULL, or the guest is gone. */
struct relay_guest *guest_handle(const struct guest *guest);

/* What a denial is in HTTP. */
void guest_explain_denial(struct verdict *verdict, enum relay_denial code, const char *reason);

#endif
