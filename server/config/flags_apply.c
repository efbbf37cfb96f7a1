/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The command line overrides everything else: flags become nodes in the tree, so the table checks
 * them like settings of a file.
 * Tested by tests/unit/config/test_flags.c. */
#include <string.h>

#include "server/config/internal.h"

static struct config_node *listener_list(struct config_tree *tree, struct config_node *root,
                                         const struct config_place *place)
{
    struct config_node *list = config_tree_enter(tree, root, "listen", NODE_LIST, place);
    if (list && list->count == 0) {
        struct config_node *listener = config_tree_node(tree, NODE_MAP, place);
        if (listener)
            config_node_append(list, listener);
    }
    return list;
}

/* The one listener that a flag is about. NULL: there are several (which is reported), or the list
 * is broken. */
static struct config_node *only_listener(struct config_tree *tree, struct config_node *root,
                                         const struct config_place *place)
{
    struct config_node *list = listener_list(tree, root, place);
    if (list && list->count > 1) {
        config_errors_add(tree->errors, place,
                          "the configuration has %zu listeners; change them there", list->count);
        return NULL;
    }
    return list && list->first && list->first->kind == NODE_MAP ? list->first : NULL;
}

static bool is_text(struct config_tree *tree, const struct config_place *place, const char *text)
{
    return config_scan(place, text, strlen(text), tree->errors);
}

static struct config_node *list_of(struct config_tree *tree,
                                   const struct config_flag_values *values,
                                   const struct config_place *place)
{
    struct config_node *list = config_tree_node(tree, NODE_LIST, place);
    for (size_t i = 0; list && i < values->count; i++)
        if (is_text(tree, place, values->values[i]))
            config_tree_split(tree, list, values->values[i]);
    return list;
}

static void apply_bind(struct config_tree *tree, struct config_node *root, const char *address)
{
    struct config_place place = {.source = "--bind"};
    struct config_node *listener = only_listener(tree, root, &place);
    if (listener && is_text(tree, &place, address))
        config_node_put(listener, "address", config_tree_scalar(tree, address, &place));
}

static void append_pair(struct config_tree *tree, struct config_node *list,
                        struct config_node *cert, struct config_node *key)
{
    struct config_node *pair = config_tree_node(tree, NODE_MAP, &cert->place);
    if (!pair)
        return;
    cert->next = key->next = NULL;
    config_node_put(pair, "cert", cert);
    config_node_put(pair, "key", key);
    config_node_append(list, pair);
}

static void apply_certificates(struct config_tree *tree, struct config_node *root,
                               const struct config_flags *flags)
{
    struct config_place place = {.source = "--tls-cert"}, key_place = {.source = "--tls-key"};
    struct config_node *listener = only_listener(tree, root, &place);
    struct config_node *certs = list_of(tree, &flags->tls_cert, &place);
    struct config_node *keys = list_of(tree, &flags->tls_key, &key_place);
    struct config_node *list = config_tree_node(tree, NODE_LIST, &place);
    if (!certs || !keys || !list)
        return;
    if (certs->count != keys->count) {
        config_errors_add(tree->errors, &place,
                          "%zu given, but %zu of --tls-key; give one key for each certificate",
                          certs->count, keys->count);
        list->kind = NODE_BROKEN;
    }
    struct config_node *cert = certs->first, *key = keys->first;
    while (list->kind == NODE_LIST && cert && key) {
        struct config_node *next_cert = cert->next, *next_key = key->next;
        append_pair(tree, list, cert, key);
        cert = next_cert;
        key = next_key;
    }
    if (listener)
        config_node_put(listener, "certificates", list);
}

static void apply_self_sign(struct config_tree *tree, struct config_node *root,
                            const struct config_flag_values *hosts)
{
    struct config_place place = {.source = "--tls-self-sign"};
    struct config_node *listener = only_listener(tree, root, &place);
    if (listener)
        config_node_put(listener, "self_signed", list_of(tree, hosts, &place));
}

static void apply_trust(struct config_tree *tree, struct config_node *root,
                        const struct config_flags *flags)
{
    struct config_place root_place = {.source = "--tls-root"},
                        verify_place = {.source = "--tls-disable-verify"};
    struct config_node *tls = config_tree_enter(tree, root, "tls", NODE_MAP, &root_place);
    if (tls && flags->tls_root.count > 0)
        config_node_put(tls, "roots", list_of(tree, &flags->tls_root, &root_place));
    if (tls && flags->is_verify_disabled)
        config_node_put(tls, "verify", config_tree_scalar(tree, "false", &verify_place));
}

/* Fills in only what is not set otherwise. */
static void apply_dev(struct config_tree *tree, struct config_node *root)
{
    struct config_place place = {.source = "--dev"};
    struct config_flag_values localhost = {.values = {"localhost"}, .count = 1};
    struct config_node *list = listener_list(tree, root, &place);
    struct config_node *http = config_tree_enter(tree, root, "http", NODE_MAP, &place);
    for (struct config_node *listener = list ? list->first : NULL; listener;
         listener = listener->next)
        if (listener->kind == NODE_MAP &&
            config_node_is_absent(config_node_find(listener, "certificates")) &&
            config_node_is_absent(config_node_find(listener, "self_signed")))
            config_node_put(listener, "self_signed", list_of(tree, &localhost, &place));
    if (http && !config_node_find(http, "address"))
        config_node_put(http, "address", config_tree_scalar(tree, "listen", &place));
    if (http && !config_node_find(http, "broadcasts"))
        config_node_put(http, "broadcasts", config_tree_scalar(tree, "true", &place));
}

void config_flags_apply(struct config_tree *tree, struct config_node *root,
                        const struct config_flags *flags)
{
    if (flags->bind)
        apply_bind(tree, root, flags->bind);
    if (flags->tls_cert.count > 0 || flags->tls_key.count > 0)
        apply_certificates(tree, root, flags);
    if (flags->self_sign.count > 0)
        apply_self_sign(tree, root, &flags->self_sign);
    if (flags->tls_root.count > 0 || flags->is_verify_disabled)
        apply_trust(tree, root, flags);
    if (flags->is_dev)
        apply_dev(tree, root);
}
