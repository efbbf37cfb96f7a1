/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Looking a name up without blocking the loop. Private to native/. */
#ifndef MOQ_NATIVE_RESOLVE_H
#define MOQ_NATIVE_RESOLVE_H

#include "native/address.h"

struct resolve;
typedef void resolve_on_done(void *user, const struct address_list *list,
                             const char *reason); /* list NULL: failed */
struct resolve *resolve_start(struct moq_native *native, const char *host, uint16_t port,
                              resolve_on_done *on_done, void *user); /* NULL: out of memory */
void resolve_cancel(struct resolve **resolve);                       /* no call comes any more */

#endif
