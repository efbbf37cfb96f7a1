/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Identities: what all viewers of one identity have in common, whichever session and worker they
 * are on. That is the pacer behind identity_rate. An identity is known while a viewer holds it, so
 * there are no more of them than viewers. */
#ifndef MOQ_CORE_IDENTITY_H
#define MOQ_CORE_IDENTITY_H

#include "server/core/router.h"

struct identity;

/* The identity of this name, held until identity_release. NULL: out of memory. Any worker. */
struct identity *identity_hold(struct router_commons *commons, const char *name);
void identity_release(struct router_commons *commons, struct identity **identity); /* sets NULL */

const char *identity_name(const struct identity *identity);
struct moq_pacer *identity_pacer(struct identity *identity);

#endif
