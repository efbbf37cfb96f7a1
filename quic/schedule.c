/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A pairing heap. Joining takes one comparison; leaving merges the children of the node in
 * pairs. */
#include "quic/schedule.h"

#include <stddef.h>

static bool is_before(const struct schedule_node *a, const struct schedule_node *b)
{
    if (a->urgency != b->urgency)
        return a->urgency > b->urgency;
    return a->turn < b->turn;
}

/* Makes the later of two trees the first child of the other. Either may be NULL. */
static struct schedule_node *merge_heaps(struct schedule_node *a, struct schedule_node *b)
{
    if (!a)
        return b;
    if (!b)
        return a;
    if (is_before(b, a)) {
        struct schedule_node *swap = a;
        a = b;
        b = swap;
    }

    b->prev = a;
    b->next = a->child;
    if (a->child)
        a->child->prev = b;
    a->child = b;
    return a;
}

/* Merges siblings two by two from the left, then the pairs from the right. This order makes leaving
 * cheap on average. */
static struct schedule_node *merge_siblings(struct schedule_node *first)
{
    struct schedule_node *pairs = NULL;
    while (first) {
        struct schedule_node *a = first, *b = a->next;
        first = b ? b->next : NULL;
        a->next = a->prev = NULL;
        if (b)
            b->next = b->prev = NULL;
        a = merge_heaps(a, b);
        a->next = pairs;
        pairs = a;
    }

    struct schedule_node *root = NULL;
    while (pairs) {
        struct schedule_node *rest = pairs->next;
        pairs->next = NULL;
        root = merge_heaps(root, pairs);
        pairs = rest;
    }
    return root;
}

static void unlink_from_siblings(struct schedule_node *node)
{
    if (node->prev->child == node)
        node->prev->child = node->next;
    else
        node->prev->next = node->next;
    if (node->next)
        node->next->prev = node->prev;
}

void schedule_join(struct schedule *schedule, struct schedule_node *node, uint64_t urgency)
{
    if (node->is_in)
        return;
    *node = (struct schedule_node){.urgency = urgency, .turn = ++schedule->turns, .is_in = true};
    schedule->root = merge_heaps(schedule->root, node);
}

void schedule_leave(struct schedule *schedule, struct schedule_node *node)
{
    if (!node->is_in)
        return;

    struct schedule_node *children = merge_siblings(node->child);
    if (schedule->root == node) {
        schedule->root = children;
    } else {
        unlink_from_siblings(node);
        schedule->root = merge_heaps(schedule->root, children);
    }
    *node = (struct schedule_node){.urgency = node->urgency};
}

struct schedule_node *schedule_first(const struct schedule *schedule)
{
    return schedule->root;
}

bool schedule_is_alone(const struct schedule *schedule)
{
    return !schedule->root || !schedule->root->child;
}
