/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Looking a name up without blocking the loop. Private to native/. */
#ifndef MOQ_NATIVE_RESOLVE_H
#define MOQ_NATIVE_RESOLVE_H

#include "native/address.h"

struct resolve;
/* `list` is NULL if the lookup failed; `reason` says why. */
typedef void resolve_on_done(void *user, const struct address_list *list, const char *reason);
/* NULL: out of memory. Otherwise `on_done` is called once, later, from the loop, unless it is
 * cancelled. */
struct resolve *resolve_start(struct moq_native *native, const char *host, uint16_t port,
                              resolve_on_done *on_done, void *user);
void resolve_cancel(struct resolve **resolve); /* no callback follows */

#endif
