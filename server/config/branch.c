/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Any YAML below a setting: a copy that outlives the tree it was written in, in one piece of
 * memory.
 *
 * A text that YAML takes for a number, a word or nothing keeps that it was not in quotes. Any other
 * text is a string with and without them, so it counts as quoted, and is printed so.
 * Tested by tests/unit/config/test_modules.c. */
#include <stdlib.h>
#include <string.h>

#include "server/config/internal.h"

/* Memory that is still to be filled. */
struct room {
    struct config_branch *nodes;
    char *text;
};

bool config_node_is_nothing(const struct config_node *node)
{
    if (config_node_is_empty(node))
        return true;
    return node->kind == NODE_SCALAR && node->is_plain &&
           (strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0);
}

/* Whether a text without quotes can be read as a number or a word, and printed without them
 * anywhere. */
static bool is_bare(const char *text)
{
    static const char starts[] = "0123456789_/~"
                                 "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char others[] = "0123456789_/~.+-"
                                 "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    bool has_sign = text[0] == '+' || text[0] == '-' || text[0] == '.';
    const char *start = text + has_sign;
    return *start && (strchr(starts, *start) || (*start == '.' && start[1] && start[1] != '.')) &&
           strspn(start, others) == strlen(start);
}

static size_t text_bytes(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

static void add_size(const struct config_node *node, size_t *nodes, size_t *bytes)
{
    *nodes += 1;
    *bytes += text_bytes(node->key) + text_bytes(node->text);
    for (const struct config_node *child = node->first; child; child = child->next)
        add_size(child, nodes, bytes);
}

static const char *copy_text(struct room *room, const char *text)
{
    if (!text)
        return NULL;
    char *copy = room->text;
    room->text += text_bytes(text);
    return strcpy(copy, text);
}

static enum config_branch_kind kind_of(const struct config_node *node)
{
    if (node->kind == NODE_LIST)
        return CONFIG_BRANCH_LIST;
    if (node->kind == NODE_MAP)
        return CONFIG_BRANCH_MAP;
    return config_node_is_nothing(node) || node->kind == NODE_BROKEN ? CONFIG_BRANCH_EMPTY
                                                                     : CONFIG_BRANCH_TEXT;
}

static struct config_branch *copy_node(struct room *room, const struct config_node *node)
{
    struct config_branch *branch = room->nodes++;
    *branch = (struct config_branch){
        .kind = kind_of(node), .line = node->place.line, .column = node->place.column};
    branch->key = copy_text(room, node->key);
    if (branch->kind == CONFIG_BRANCH_TEXT) {
        branch->text = copy_text(room, node->text);
        branch->is_quoted = !node->is_plain || !is_bare(node->text);
    }
    const struct config_branch **link = &branch->first;
    for (const struct config_node *child = node->first; child; child = child->next) {
        struct config_branch *copy = copy_node(room, child);
        *link = copy;
        link = &copy->next;
    }
    return branch;
}

bool config_branch_copy(const struct config_node *node, struct config_branch **out)
{
    size_t nodes = 0, bytes = 0;
    *out = NULL;
    if (config_node_is_nothing(node))
        return true;
    add_size(node, &nodes, &bytes);
    struct config_branch *memory = malloc(nodes * sizeof *memory + bytes);
    if (!memory)
        return false;
    struct room room = {memory, (char *)(memory + nodes)};
    *out = copy_node(&room, node);
    return true;
}

static bool is_text_equal(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool config_branch_is_equal(const struct config_branch *a, const struct config_branch *b)
{
    if (!a || !b)
        return a == b;
    if (a->kind != b->kind || a->is_quoted != b->is_quoted || !is_text_equal(a->key, b->key) ||
        !is_text_equal(a->text, b->text))
        return false;
    for (a = a->first, b = b->first; a && b; a = a->next, b = b->next)
        if (!config_branch_is_equal(a, b))
            return false;
    return a == b;
}
