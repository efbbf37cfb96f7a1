/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* For targets that load configurations. */
#ifndef MOQ_FUZZ_ROUND_TRIP_H
#define MOQ_FUZZ_ROUND_TRIP_H

#include "server/config/config.h"

/* Loads `text`, which may be refused, with a reason. What loads must print so that it loads to the
 * same again; otherwise the program aborts. */
void require_round_trip(const struct config_host *host, const char *text, size_t size);

/* Functions of a host that knows one module: `self`, by the name m. */
const struct config_module_kind *find_only_module(void *self, const char *name,
                                                  const char *directory, char *problem);
size_t list_only_module(void *self, const char *directory, const struct config_module_kind **kinds,
                        size_t max);

#endif
