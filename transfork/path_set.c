/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A hash table of paths that doubles when it is full. */
#include "transfork/path_set.h"

#include <stdlib.h>

enum { BUCKETS_FIRST = 16 };

struct entry {
    struct list node;
    struct moq_path *path;
};

static struct entry *entry_at(struct list *node)
{
    return container_of(node, struct entry, node);
}

void path_set_init(struct path_set *set)
{
    *set = (struct path_set){.buckets = NULL};
}

static struct list *bucket_of(const struct path_set *set, const struct moq_path *path)
{
    return &set->buckets[moq_path_hash(path) & (set->bucket_count - 1)];
}

static struct entry *find_entry(const struct path_set *set, const struct moq_path *path)
{
    if (set->bucket_count == 0)
        return NULL;
    struct list *bucket = bucket_of(set, path);
    list_for_each (node, bucket)
        if (moq_path_equal(entry_at(node)->path, path))
            return entry_at(node);
    return NULL;
}

static int grow_set(struct path_set *set)
{
    struct path_set bigger = {.bucket_count =
                                  set->bucket_count ? set->bucket_count * 2 : BUCKETS_FIRST,
                              .count = set->count}; /* `lowest` begins again at 0 */
    bigger.buckets = malloc(bigger.bucket_count * sizeof *bigger.buckets);
    if (!bigger.buckets)
        return MOQ_ERR_NOMEM;
    for (size_t i = 0; i < bigger.bucket_count; i++)
        list_init(&bigger.buckets[i]);
    for (size_t i = 0; i < set->bucket_count; i++)
        for (struct list *node; (node = list_pop_front(&set->buckets[i]));)
            list_push_back(bucket_of(&bigger, entry_at(node)->path), node);
    free(set->buckets);
    *set = bigger;
    return 0;
}

int path_set_add(struct path_set *set, struct moq_path *path)
{
    if (find_entry(set, path))
        return MOQ_ERR_DUPLICATE;
    if (set->count >= set->bucket_count && grow_set(set))
        return MOQ_ERR_NOMEM;
    struct entry *entry = malloc(sizeof *entry);
    if (!entry)
        return MOQ_ERR_NOMEM;
    entry->path = moq_path_ref(path);
    struct list *bucket = bucket_of(set, path);
    list_push_back(bucket, &entry->node);
    if (set->lowest > (size_t)(bucket - set->buckets))
        set->lowest = (size_t)(bucket - set->buckets);
    set->count++;
    return 0;
}

static struct moq_path *take_entry(struct path_set *set, struct entry *entry)
{
    struct moq_path *path = entry->path;
    list_remove(&entry->node);
    free(entry);
    set->count--;
    return path;
}

bool path_set_remove(struct path_set *set, const struct moq_path *path)
{
    struct entry *entry = find_entry(set, path);
    if (!entry)
        return false;
    struct moq_path *mine = take_entry(set, entry);
    moq_path_unref(&mine);
    return true;
}

struct moq_path *path_set_pop(struct path_set *set)
{
    for (; set->lowest < set->bucket_count; set->lowest++)
        if (!list_is_empty(&set->buckets[set->lowest]))
            return take_entry(set, entry_at(set->buckets[set->lowest].next));
    return NULL;
}

void path_set_deinit(struct path_set *set)
{
    for (struct moq_path *path; (path = path_set_pop(set));)
        moq_path_unref(&path);
    free(set->buckets);
    path_set_init(set);
}
