/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* An intrusive, circular, doubly linked list. The head is a node too; a node that is in no list
 * points at itself, so removing twice is harmless and `list_is_empty(node)` also answers "is this
 * node in no list". */
#ifndef MOQ_BASE_LIST_H
#define MOQ_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *prev, *next; /* private */
};

/* The struct of `type` whose `member` is at `ptr`. */
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

static inline void list_init(struct list *list)
{
    list->prev = list->next = list;
}

static inline bool list_is_empty(const struct list *list)
{
    return list->next == list;
}

static inline void list_insert_between(struct list *node, struct list *prev, struct list *next)
{
    node->prev = prev;
    node->next = next;
    prev->next = node;
    next->prev = node;
}

static inline void list_push_back(struct list *list, struct list *node)
{
    list_insert_between(node, list->prev, list);
}

static inline void list_push_front(struct list *list, struct list *node)
{
    list_insert_between(node, list, list->next);
}

/* Takes `node` out of its list, if it is in one, and leaves it initialised. */
static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

/* The first node, taken out; NULL when the list is empty. */
static inline struct list *list_pop_front(struct list *list)
{
    struct list *node = list->next;
    if (node == list)
        return NULL;
    list_remove(node);
    return node;
}

/* Appends all nodes of `from` to `to` in one step, in their order, and leaves `from` empty. */
static inline void list_move_all(struct list *from, struct list *to)
{
    if (list_is_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

/* Visits every node. The body must not remove nodes; `_safe` allows removing the one at hand. */
#define list_for_each(node, head)                                                                  \
    for (struct list *node = (head)->next; node != (head); node = node->next)
#define list_for_each_safe(node, head)                                                             \
    for (struct list *node = (head)->next, *node##_next = node->next; node != (head);              \
         node = node##_next, node##_next = node->next)

#endif
