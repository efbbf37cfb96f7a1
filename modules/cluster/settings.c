/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The relay reads the table; what the table cannot say is checked here.
 * Tested by tests/e2e/test_cluster.py. */
#include "modules/cluster/settings.h"

#include <stdio.h>
#include <string.h>

#include "modules/cluster/map.h"

static const struct relay_field peer_fields[] = {
    {.name = "url",
     .type = RELAY_FIELD_STRING,
     .flags = RELAY_FIELD_REQUIRED,
     .offset = offsetof(struct cluster_peer, url),
     .help = "where the other relay listens, such as https://fra1.example:4443"},
    {.name = "cost",
     .type = RELAY_FIELD_INT,
     .offset = offsetof(struct cluster_peer, cost),
     .min = 1,
     .max = MAP_COST_MAX,
     .fallback = "1",
     .help = "what the link costs: tracks take the way whose links cost least together"},
};
static const struct relay_schema peer_schema = RELAY_SCHEMA(struct cluster_peer, peer_fields);

static const char *const trust_words[] = {"claim", "anybody", NULL};

static const struct relay_field fields[] = {
    {.name = "node",
     .type = RELAY_FIELD_STRING,
     .flags = RELAY_FIELD_REQUIRED,
     .offset = offsetof(struct cluster_config, node),
     .help = "the name of this relay, which no other one of the cluster has"},
    {.name = "peers",
     .type = RELAY_FIELD_SECTIONS,
     .offset = offsetof(struct cluster_config, peers),
     .count_offset = offsetof(struct cluster_config, peer_count),
     .max = 256,
     .section = &peer_schema,
     .help = "other relays, to which this one connects"},
    {.name = "trust",
     .type = RELAY_FIELD_ENUM,
     .offset = offsetof(struct cluster_config, trust),
     .words = trust_words,
     .fallback = "claim",
     .help = "who may join this relay: those whose token says so, or anybody"},
    {.name = "silence",
     .type = RELAY_FIELD_DURATION,
     .offset = offsetof(struct cluster_config, silence_ns),
     .min = UINT64_C(200000000),
     .max = UINT64_C(60000000000),
     .fallback = "1200ms",
     .help = "after how much silence another relay counts as dead"},
    {.name = "keep_alive",
     .type = RELAY_FIELD_DURATION,
     .offset = offsetof(struct cluster_config, keep_alive_ns),
     .min = UINT64_C(50000000),
     .max = UINT64_C(20000000000),
     .fallback = "400ms",
     .help = "how often it is asked for a sign of life"},
};
const struct relay_schema cluster_schema = RELAY_SCHEMA(struct cluster_config, fields);

static void check_name(struct relay_check *check, const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-_[]");
    if (name[n])
        relay_check_fail(check, "node",
                         "\"%.64s\" is no name of a node: use letters, digits and .:-_[], such as "
                         "fra1.example:4443",
                         name);
    else if (n >= WIRE_NAME_BYTES)
        relay_check_fail(check, "node", "the name is longer than %d bytes", WIRE_NAME_BYTES - 1);
}

static bool is_url(const char *text)
{
    return strncmp(text, "https://", 8) == 0 || strncmp(text, "http://", 7) == 0 ||
           strncmp(text, "moqf://", 7) == 0;
}

void cluster_check(struct relay_check *check, const void *config)
{
    const struct cluster_config *cluster = config;
    if (cluster->node)
        check_name(check, cluster->node);
    for (size_t i = 0; i < cluster->peer_count; i++) {
        char setting[32];
        snprintf(setting, sizeof setting, "peers[%zu].url", i);
        if (cluster->peers[i].url && !is_url(cluster->peers[i].url))
            relay_check_fail(check, setting,
                             "\"%.128s\" is no URL of a relay: it begins with https://, http:// "
                             "(which trusts the certificate that /fingerprint tells) or moqf://",
                             cluster->peers[i].url);
    }
    if (2 * cluster->keep_alive_ns > cluster->silence_ns)
        relay_check_fail(check, "keep_alive",
                         "it has to be at most half of `silence`, so that one sign of life may be "
                         "lost");
}
