/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Translates the configuration into the settings of the libraries below.
 * Tested by tests/sim/relay/test_policy.c. */
#include "server/core/settings.h"
#include "base/clock.h"

/* The longest latency that policy gives to any viewer. */
static uint64_t longest_latency(const struct config_policy *policy)
{
    uint64_t longest = policy->latency_ns;
    for (size_t i = 0; i < policy->class_count; i++)
        if (policy->classes[i].latency_ns > longest)
            longest = policy->classes[i].latency_ns;
    return longest;
}

struct moq_cache_limits core_cache_limits(const struct relay_config *config)
{
    return (struct moq_cache_limits){
        .groups = (uint32_t)config->cache.groups,
        .grace_ns = longest_latency(&config->policy),
        .age_ns = config->cache.age_ns,
        .bytes = config->cache.track_bytes,
    };
}

struct moq_session_limits core_session_limits(const struct relay_config *config)
{
    return (struct moq_session_limits){
        .subscriptions = (uint32_t)config->limits.subscriptions,
        .announces = (uint32_t)config->limits.announces,
        .announced_paths = (uint32_t)config->limits.announced,
        .open_groups = (uint32_t)config->limits.open_groups,
        .handshake_ns = config->limits.handshake_ns,
        .credit_ns = config->limits.wait_ns ? config->limits.wait_ns : 1,
    };
}

struct quic_limits core_quic_limits(const struct relay_config *config)
{
    return (struct quic_limits){
        .connections = (uint32_t)config->limits.connections,
        .half_open_retry_at = (uint32_t)config->limits.half_open_retry_at,
        .streams_uni = (uint32_t)config->limits.streams_uni,
        .streams_bidi = (uint32_t)config->limits.streams_bidi,
        .handshake_ns = config->limits.handshake_ns,
        .idle_ns = config->limits.idle_ns,
        .keep_alive_ns = config->quic.keep_alive_ns ? config->quic.keep_alive_ns : CLOCK_NEVER,
    };
}

enum quic_congestion core_congestion(int congestion)
{
    return congestion == CONFIG_CONGESTION_BBR ? QUIC_CONGESTION_BBR : QUIC_CONGESTION_CUBIC;
}
