/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The tree of what was written: nodes and texts in blocks of memory that are freed together, and
 * each node knows where it was written.
 * Tested by tests/unit/config/test_memory.c. */
#include <stdlib.h>
#include <string.h>

#include "server/config/internal.h"

enum { BLOCK_BYTES = 16 << 10 };

struct config_block {
    struct config_block *next;
    size_t used, size;
    _Alignas(max_align_t) char data[];
};

void config_tree_init(struct config_tree *tree, struct config_errors *errors)
{
    *tree = (struct config_tree){.errors = errors};
}

void config_tree_deinit(struct config_tree *tree)
{
    while (tree->blocks) {
        struct config_block *next = tree->blocks->next;
        free(tree->blocks);
        tree->blocks = next;
    }
}

static struct config_block *block_add(struct config_tree *tree, size_t n)
{
    size_t size = n > BLOCK_BYTES ? n : BLOCK_BYTES;
    struct config_block *block = malloc(sizeof *block + size);
    if (!block)
        return NULL;
    *block = (struct config_block){.next = tree->blocks, .size = size};
    tree->blocks = block;
    return block;
}

static void *tree_alloc(struct config_tree *tree, size_t n)
{
    struct config_block *block = tree->blocks;
    n = (n + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
    if (!block || block->size - block->used < n)
        block = block_add(tree, n);
    if (!block) {
        tree->is_out_of_memory = true;
        return NULL;
    }
    void *memory = block->data + block->used;
    block->used += n;
    return memory;
}

char *config_tree_text(struct config_tree *tree, const char *text, size_t n)
{
    char *copy = tree_alloc(tree, n + 1);
    if (!copy)
        return NULL;
    memcpy(copy, text, n);
    copy[n] = '\0';
    return copy;
}

struct config_node *config_tree_node(struct config_tree *tree, enum config_node_kind kind,
                                     const struct config_place *place)
{
    if (tree->node_count == CONFIG_MAX_NODES) {
        config_errors_add(tree->errors, place,
                          "more than %d values; split the work over several relays",
                          CONFIG_MAX_NODES);
        return NULL;
    }
    struct config_node *node = tree_alloc(tree, sizeof *node);
    if (!node)
        return NULL;
    *node = (struct config_node){.kind = kind, .place = *place};
    tree->node_count++;
    return node;
}

struct config_node *config_tree_scalar(struct config_tree *tree, const char *text,
                                       const struct config_place *place)
{
    struct config_node *node = config_tree_node(tree, NODE_SCALAR, place);
    char *copy = node ? config_tree_text(tree, text, strlen(text)) : NULL;
    if (!copy)
        return NULL;
    node->text = copy;
    return node;
}

void config_tree_split(struct config_tree *tree, struct config_node *list, const char *text)
{
    while (*text) {
        size_t n = strcspn(text, ",");
        struct config_node *node = n > 0 ? config_tree_node(tree, NODE_SCALAR, &list->place) : NULL;
        if (node && (node->text = config_tree_text(tree, text, n)))
            config_node_append(list, node);
        text += n + (text[n] == ',');
    }
}

void config_node_append(struct config_node *parent, struct config_node *child)
{
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    parent->count++;
}

struct config_node *config_node_find(const struct config_node *map, const char *key)
{
    if (!map || map->kind != NODE_MAP)
        return NULL;
    for (struct config_node *node = map->first; node; node = node->next)
        if (strcmp(node->key, key) == 0)
            return node;
    return NULL;
}

const struct config_node *config_node_at(const struct config_node *list, size_t index)
{
    const struct config_node *child = list && list->kind == NODE_LIST ? list->first : NULL;
    while (child && index-- > 0)
        child = child->next;
    return child;
}

void config_node_put(struct config_node *map, const char *key, struct config_node *value)
{
    if (!value)
        return;
    value->key = key;
    value->key_place = value->place;
    struct config_node *old = config_node_find(map, key);
    if (!old) {
        config_node_append(map, value);
        return;
    }
    struct config_node *next = old->next;
    *old = *value;
    old->next = next;
}

bool config_node_is_empty(const struct config_node *node)
{
    return !node || (node->kind == NODE_SCALAR && node->is_plain && node->text[0] == '\0');
}

bool config_node_is_absent(const struct config_node *node)
{
    return config_node_is_empty(node) || (node->kind == NODE_LIST && node->count == 0);
}

struct config_node *config_tree_enter(struct config_tree *tree, struct config_node *map,
                                      const char *key, enum config_node_kind kind,
                                      const struct config_place *place)
{
    struct config_node *child = config_node_find(map, key);
    if (config_node_is_empty(child)) {
        config_node_put(map, key, config_tree_node(tree, kind, place));
        child = config_node_find(map, key);
    }
    return child && child->kind == kind ? child : NULL;
}
