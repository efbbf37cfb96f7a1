/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The settings of the cluster module in relay.yaml. */
#ifndef MOQ_CLUSTER_SETTINGS_H
#define MOQ_CLUSTER_SETTINGS_H

#include <relay/module.h>

struct cluster_peer {
    const char *url;
    uint64_t cost;
};

enum cluster_trust { CLUSTER_TRUST_CLAIM, CLUSTER_TRUST_ANYBODY };

struct cluster_config {
    const char *node;
    const struct cluster_peer *peers;
    size_t peer_count;
    int trust; /* enum cluster_trust */
    uint64_t silence_ns, keep_alive_ns;
};

extern const struct relay_schema cluster_schema; /* of struct cluster_config */
void cluster_check(struct relay_check *check, const void *config);

#endif
