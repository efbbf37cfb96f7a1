/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What `moq-relay --check` can find out about the ports that a start would bind. */
#ifndef MOQ_SERVER_PORTS_H
#define MOQ_SERVER_PORTS_H

#include "server/config/config.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Binds each address and closes it again at once; warns about those that cannot be bound. */
void ports_warn(const struct relay_config *config);

#ifdef __cplusplus
}
#endif
#endif
