/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tested by tests/sim/relay/test_classes.c. */
#include "server/core/classes.h"

#include "server/core/claims.h"
#include "server/core/peer.h"
#include "server/core/query.h"

enum { VALUE_BYTES = 1024 }; /* of a query; what is longer matches nothing */

static bool has_query(const void *self, const char *name, const char *pattern)
{
    char value[VALUE_BYTES];
    int length = query_value(core_peer_query(self), name, value, sizeof value);
    return length >= 0 && length < VALUE_BYTES && config_value_matches(pattern, value);
}

static bool has_claim(const void *self, const char *name, const char *pattern)
{
    const struct core_peer *peer = self;
    return peer->grants && claims_have(grants_claims(peer->grants), name, pattern);
}

struct config_verdict classes_verdict(const struct relay_config *config,
                                      const struct core_peer *peer, const struct moq_path *path)
{
    char text[MOQ_PATH_TEXT_BYTES];
    const struct config_asker asker = {
        .path = moq_path_text(path, text, sizeof text),
        .has_query = has_query,
        .has_claim = has_claim,
        .self = peer,
    };
    return config_policy_for(&config->policy, &asker);
}
