/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the classes of the policy say of a viewer, by what is known of its peer. */
#ifndef MOQ_CORE_CLASSES_H
#define MOQ_CORE_CLASSES_H

#include "server/config/config.h"
#include "server/core/hooks.h"

/* For a viewer of `path`, as its peer's grants are now. */
struct config_verdict classes_verdict(const struct relay_config *config,
                                      const struct core_peer *peer, const struct moq_path *path);

/* The ladder that its class names, if `path` is that of one of its renditions; the caller owns the
 * reference. NULL: none. */
struct core_ladder *classes_ladder(const struct relay_config *config, const struct core_peer *peer,
                                   const struct moq_path *path);

#endif
