/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Checks that involve more than one setting: certificates for every listener, values that depend on
 * each other, and values that are inherited from others.
 * Tested by tests/unit/config/test_files.c. */
#include <netinet/in.h>
#include <string.h>

#include "server/config/internal.h"

struct checker {
    struct relay_config *config;
    const struct config_node *root;
    struct config_errors *errors;
    struct config_place file; /* for settings that are not written anywhere */
};

/* Where `section.key` was written, else the file as a whole. */
static const struct config_place *place_of(const struct checker *checker, const char *section,
                                           const char *key)
{
    const struct config_node *node =
        config_node_find(config_node_find(checker->root, section), key);
    return node ? &node->place : &checker->file;
}

struct endpoint {
    sa_family_t family;
    uint16_t port;
    uint8_t host[sizeof(struct in6_addr)];
};

static struct endpoint endpoint_of(const struct config_address *address)
{
    struct endpoint endpoint = {.family = address->socket.ss_family};
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    if (endpoint.family == AF_INET) {
        memcpy(&in, &address->socket, sizeof in);
        endpoint.port = in.sin_port;
        memcpy(endpoint.host, &in.sin_addr, sizeof in.sin_addr);
    } else {
        memcpy(&in6, &address->socket, sizeof in6);
        endpoint.port = in6.sin6_port;
        memcpy(endpoint.host, &in6.sin6_addr, sizeof in6.sin6_addr);
    }
    return endpoint;
}

/* Port 0 stands for a different port each time. */
static bool is_same_place(const struct config_address *a, const struct config_address *b)
{
    if (a->size == 0 || b->size == 0)
        return false;
    struct endpoint x = endpoint_of(a), y = endpoint_of(b);
    return x.family == y.family && x.port == y.port && x.port != 0 &&
           memcmp(x.host, y.host, sizeof x.host) == 0;
}

/* Whether a listener on all addresses also takes `address`. */
static bool is_within(const struct config_address *all, const struct config_address *address)
{
    static const uint8_t any[sizeof(struct in6_addr)];
    if (all->size == 0 || address->size == 0)
        return false;
    struct endpoint x = endpoint_of(all), y = endpoint_of(address);
    return x.port == y.port && x.port != 0 && memcmp(x.host, any, sizeof any) == 0 &&
           (x.family == AF_INET6 || y.family == AF_INET);
}

static void check_listener(struct checker *checker, size_t index, const struct config_node *node)
{
    const struct config_listener *listener = &checker->config->listen[index];
    bool is_readable = node->kind == NODE_MAP || config_node_is_empty(node);
    if (is_readable && config_node_is_absent(config_node_find(node, "certificates")) &&
        config_node_is_absent(config_node_find(node, "self_signed")))
        config_errors_add(
            checker->errors, &node->place,
            "listen[%zu]: no certificate; add certificates: [{ cert: FILE, key: FILE }], or "
            "self_signed: [localhost] for development",
            index);
    for (size_t i = 0; i < index; i++) {
        const struct config_address *other = &checker->config->listen[i].address;
        if (is_same_place(other, &listener->address))
            config_errors_add(
                checker->errors, &node->place,
                "listen[%zu]: the address of listen[%zu]; merge the two, or choose another port",
                index, i);
        else if (is_within(other, &listener->address) || is_within(&listener->address, other))
            config_errors_add(
                checker->errors, &node->place,
                "listen[%zu]: its address overlaps with listen[%zu] (0.0.0.0 is all of IPv4, [::] "
                "of IPv6 and IPv4); merge the two, or choose another port",
                index, i);
    }
}

static void check_listeners(struct checker *checker)
{
    const struct config_node *list = config_node_find(checker->root, "listen");
    if (config_node_is_absent(list))
        config_errors_add(
            checker->errors, NULL,
            "no certificate: give --tls-cert FILE and --tls-key FILE, or a configuration file with "
            "certificates under listen, or --dev to try with a self-signed one");
    for (size_t i = 0; i < checker->config->listen_count; i++) {
        const struct config_node *node = config_node_at(list, i);
        if (node)
            check_listener(checker, i, node);
    }
}

/* If the address of HTTP is `listen`, it is that of the first listener. */
static void resolve_http(struct checker *checker)
{
    struct config_address *address = &checker->config->http.address;
    if (!address->is_listen || checker->config->listen_count == 0)
        return;
    address->socket = checker->config->listen[0].address.socket;
    address->size = checker->config->listen[0].address.size;
}

static void resolve_congestion(struct relay_config *config)
{
    for (size_t i = 0; i < config->listen_count; i++)
        if (config->listen[i].congestion < 0)
            config->listen[i].congestion = config->quic.congestion;
}

static void resolve_class(const struct config_policy *policy, struct config_class *class)
{
    if (class->latency_ns == CONFIG_UNSET)
        class->latency_ns = policy->latency_ns;
    if (class->order < 0)
        class->order = policy->order;
    if (class->priority == CONFIG_UNSET)
        class->priority = policy->priority;
    if (class->rate_bps == CONFIG_UNSET)
        class->rate_bps = policy->rate_bps;
    if (class->identity_rate_bps == CONFIG_UNSET)
        class->identity_rate_bps = policy->identity_rate_bps;
    if (class->start_ns == CONFIG_UNSET)
        class->start_ns = policy->start_ns;
}

/* Complains of a number of a class, or of the policy itself, that its limit makes worthless. */
static void check_limit(struct checker *checker, const struct config_node *section,
                        const char *where, const char *name)
{
    const struct config_node *node = config_node_find(section, name);
    const struct config_place *place = node ? &node->place : place_of(checker, "policy", name);
    config_errors_add(checker->errors, place,
                      "%s.%s: exceeds policy.max.%s; lower it, or raise the limit", where, name,
                      name);
}

static bool is_rate_over(const struct config_policy *policy, uint64_t rate_bps)
{
    return policy->max.rate_bps && rate_bps > policy->max.rate_bps;
}

/* "next" is not back, and the oldest may be within the limit. */
static bool is_start_over(const struct config_policy *policy, uint64_t start_ns)
{
    return start_ns < CONFIG_START_NEXT && start_ns > policy->max.start_ns;
}

/* Not what cannot be read, because that was reported. */
static bool is_for_everyone(const struct config_node *node)
{
    bool is_readable = node->kind == NODE_MAP || config_node_is_empty(node);
    return is_readable && !config_node_find(node, "match") &&
           config_node_is_absent(config_node_find(node, "query")) &&
           config_node_is_absent(config_node_find(node, "claims"));
}

/* Whether an earlier one has the same name. */
static bool is_there_twice(const struct config_class *class, size_t rung)
{
    for (size_t i = 0; i < rung && class->ladder[rung].track; i++)
        if (class->ladder[i].track &&
            strcmp(class->ladder[i].track, class->ladder[rung].track) == 0)
            return true;
    return false;
}

static void check_ladder(struct checker *checker, const struct config_node *list, const char *where,
                         const struct config_class *class)
{
    if (class->rung_count == 1)
        config_errors_add(checker->errors, &list->place,
                          "%s.ladder: has one rendition; write at least two, or none", where);
    for (size_t i = 0; i < class->rung_count; i++)
        if (is_there_twice(class, i))
            config_errors_add(checker->errors, &config_node_at(list, i)->place,
                              "%s.ladder[%zu]: the track is there already; remove one of them",
                              where, i);
}

/* By rate; those of equal rate stay in their order. */
static void sort_ladder(const struct config_class *class)
{
    for (size_t i = 1; i < class->rung_count; i++) {
        struct config_rung rung = class->ladder[i];
        size_t at = i;
        for (; at > 0 && class->ladder[at - 1].rate_bps > rung.rate_bps; at--)
            class->ladder[at] = class->ladder[at - 1];
        class->ladder[at] = rung;
    }
}

static void check_class(struct checker *checker, const struct config_node *node, size_t index)
{
    const struct config_policy *policy = &checker->config->policy;
    const struct config_class *class = &policy->classes[index];
    char where[40];
    snprintf(where, sizeof where, "policy.classes[%zu]", index);
    if (is_for_everyone(node))
        config_errors_add(checker->errors, &node->place,
                          "%s: does not say for whom it is; write match, query or claims, or "
                          "match: \"**\" for all viewers",
                          where);
    if (config_node_find(node, "latency") && class->latency_ns > policy->max.latency_ns)
        check_limit(checker, node, where, "latency");
    if (config_node_find(node, "rate") && is_rate_over(policy, class->rate_bps))
        check_limit(checker, node, where, "rate");
    if (config_node_find(node, "start") && is_start_over(policy, class->start_ns))
        check_limit(checker, node, where, "start");
    check_ladder(checker, config_node_find(node, "ladder"), where, class);
    sort_ladder(class);
}

static void check_policy(struct checker *checker)
{
    struct config_policy *policy = &checker->config->policy;
    const struct config_node *root = config_node_find(checker->root, "policy");
    const struct config_node *list = config_node_find(root, "classes");
    if (policy->latency_ns > policy->max.latency_ns)
        check_limit(checker, root, "policy", "latency");
    if (is_rate_over(policy, policy->rate_bps))
        check_limit(checker, root, "policy", "rate");
    if (is_start_over(policy, policy->start_ns))
        check_limit(checker, root, "policy", "start");
    for (size_t i = 0; i < policy->class_count; i++) {
        resolve_class(policy, &policy->classes[i]);
        check_class(checker, config_node_at(list, i), i);
    }
}

static void check_transport(struct checker *checker)
{
    const struct relay_config *config = checker->config;
    bool has_keep_alive =
        config_node_find(config_node_find(checker->root, "quic"), "keep_alive") != NULL;
    const struct config_place *place = has_keep_alive ? place_of(checker, "quic", "keep_alive")
                                                      : place_of(checker, "limits", "idle");
    if (config->quic.keep_alive_ns >= config->limits.idle_ns)
        config_errors_add(
            checker->errors, place,
            "quic.keep_alive: not shorter than limits.idle; a quiet peer would be taken for dead");
}

void config_check(struct relay_config *config, const struct config_node *root, const char *file,
                  struct config_errors *errors)
{
    struct checker checker = {config, root, errors, {.source = file}};
    check_listeners(&checker);
    resolve_http(&checker);
    resolve_congestion(config);
    check_policy(&checker);
    check_transport(&checker);
}
