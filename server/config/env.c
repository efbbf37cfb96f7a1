/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The environment overrides the file: MOQ_RELAY_CACHE_AGE=5s sets cache.age. Lists and sections are
 * written as YAML on one line, lists of words also with commas. */
#include <ctype.h>
#include <string.h>

#include "server/config/internal.h"

#define PREFIX "MOQ_RELAY_"

enum { MAX_STEPS = 4 };

/* The rows that lead to a setting, and the topic if it is the level of one. */
struct route {
    const struct config_row *steps[MAX_STEPS];
    size_t count;
    const char *topic;
};

/* If `name` (in upper case) begins with `key`, returns what follows `key` and a '_', or "" if
 * nothing follows; else NULL. */
static const char *skip_key(const char *name, const char *key)
{
    for (; *key; key++, name++)
        if (*name != toupper((unsigned char)*key))
            return NULL;
    if (*name == '\0')
        return name;
    return name[0] == '_' && name[1] != '\0' ? name + 1 : NULL;
}

static bool find_topic(const struct config_row *row, const char *name, struct route *route)
{
    for (size_t i = 0; row->keys[i]; i++) {
        const char *rest = skip_key(name, row->keys[i]);
        if (!rest || *rest)
            continue;
        route->topic = row->keys[i];
        return true;
    }
    return false;
}

static bool find_route(const struct config_section *section, const char *name, struct route *route)
{
    for (size_t i = 0; i < section->row_count; i++) {
        const struct config_row *row = &section->rows[i];
        const char *rest = skip_key(name, row->name);
        if (!rest || route->count == MAX_STEPS)
            continue;
        route->steps[route->count++] = row;
        if (*rest == '\0')
            return true;
        if (row->type == TYPE_SECTION && find_route(row->section, rest, route))
            return true;
        if (row->type == TYPE_MAP && find_topic(row, rest, route))
            return true;
        route->count--;
    }
    return false;
}

static struct config_node *parse_value(struct config_tree *tree, const struct config_row *row,
                                       const char *value, const struct config_place *place)
{
    bool is_yaml = row->type == TYPE_LIST || row->type == TYPE_MAP || row->type == TYPE_SECTION ||
                   row->type == TYPE_MODULES;
    if (row->type == TYPE_LIST && !row->section && value[0] != '[') {
        struct config_node *list = config_tree_node(tree, NODE_LIST, place);
        if (list)
            config_tree_split(tree, list, value);
        return list;
    }
    if (is_yaml)
        return config_yaml_parse(tree, place->source, value, strlen(value));
    bool is_text = config_scan(place, value, strlen(value), tree->errors);
    return is_text ? config_tree_scalar(tree, value, place) : NULL;
}

/* A value that cannot be read still gets a node, so that it is not also reported as missing. */
static struct config_node *node_for(struct config_tree *tree, const struct config_row *row,
                                    const char *value, const struct config_place *place)
{
    struct config_node *node = parse_value(tree, row, value, place);
    return node ? node : config_tree_node(tree, NODE_BROKEN, place);
}

static const struct config_row topic_row = {.name = "topic", .type = TYPE_ENUM};

static void put_at_route(struct config_tree *tree, struct config_node *root,
                         const struct route *route, const char *value,
                         const struct config_place *place)
{
    const struct config_row *row = route->steps[route->count - 1];
    struct config_node *map = root;
    for (size_t i = 0; i + 1 < route->count && map; i++)
        map = config_tree_enter(tree, map, route->steps[i]->name, NODE_MAP, place);
    if (map && route->topic)
        map = config_tree_enter(tree, map, row->name, NODE_MAP, place);
    if (!map)
        return;
    if (route->topic)
        config_node_put(map, route->topic, node_for(tree, &topic_row, value, place));
    else
        config_node_put(map, row->name, node_for(tree, row, value, place));
}

/* Kubernetes puts variables of this form into every container when a service is called moq-relay.
 */
static bool is_foreign(const char *name)
{
    return strncmp(name, "SERVICE_", 8) == 0 || strcmp(name, "PORT") == 0 ||
           strncmp(name, "PORT_", 5) == 0;
}

/* Applies a variable whose route has `depth` steps; those that lead nowhere are reported at the
 * first depth. */
static void apply_variable(struct config_tree *tree, struct config_node *root, const char *variable,
                           size_t depth)
{
    const char *equals = strchr(variable, '=');
    if (!equals || strncmp(variable, PREFIX, strlen(PREFIX)) != 0)
        return;
    char *name = config_tree_text(tree, variable, (size_t)(equals - variable));
    if (!name || is_foreign(name + strlen(PREFIX)))
        return;
    struct config_place place = {.source = name};
    struct route route = {.count = 0};
    if (!find_route(&config_root, name + strlen(PREFIX), &route)) {
        if (depth == 1)
            config_errors_add(tree->errors, &place,
                              "no such setting; unset it, or see moq-relay --reference");
        return;
    }
    if (route.count + (route.topic != NULL) == depth)
        put_at_route(tree, root, &route, equals + 1, &place);
}

/* Applies whole sections before single settings, so that the order of the environment does not
 * matter. */
void config_env_apply(struct config_tree *tree, struct config_node *root, char *const *environment)
{
    for (size_t depth = 1; depth <= MAX_STEPS + 1; depth++)
        for (char *const *variable = environment; variable && *variable; variable++)
            apply_variable(tree, root, *variable, depth);
}
