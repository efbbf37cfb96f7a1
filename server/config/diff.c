/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Lists by name what differs between two configurations: a reload applies it, or refuses it if it
 * needs a restart. */
#include <string.h>

#include "server/config/internal.h"

struct differ {
    struct config_changes *changes;
    char name[CONFIG_NAME_BYTES];
};

static void add_change(struct differ *differ, const struct config_row *row)
{
    struct config_changes *changes = differ->changes;
    bool is_restart_needed = !(row->flags & ROW_RELOADS);
    changes->restart_count += is_restart_needed;
    if (changes->count == CONFIG_MAX_CHANGES)
        return;
    struct config_change *change = &changes->entries[changes->count++];
    memcpy(change->name, differ->name, sizeof change->name);
    change->is_restart_needed = is_restart_needed;
}

static bool is_text_equal(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool is_map_equal(const struct config_row *row, const int *a, const int *b)
{
    for (size_t i = 0; row->keys[i]; i++)
        if (a[i] != b[i])
            return false;
    return true;
}

static bool is_address_equal(const struct config_address *a, const struct config_address *b)
{
    if (a->is_listen && b->is_listen)
        return true; /* the change of the listener itself is reported */
    return a->is_listen == b->is_listen && a->size == b->size &&
           memcmp(&a->socket, &b->socket, a->size) == 0;
}

static bool is_field_equal(const struct config_row *row, const void *a, const void *b)
{
    switch (row->type) {
    case TYPE_BOOL:
        return *(const bool *)a == *(const bool *)b;
    case TYPE_ENUM:
        return *(const int *)a == *(const int *)b;
    case TYPE_STRING:
    case TYPE_PATH:
        return is_text_equal(*(char *const *)a, *(char *const *)b);
    case TYPE_ADDRESS:
        return is_address_equal(a, b);
    case TYPE_MAP:
        return is_map_equal(row, a, b);
    case TYPE_TREE:
        return config_branch_is_equal(*(struct config_branch *const *)a,
                                      *(struct config_branch *const *)b);
    default:
        return *(const uint64_t *)a == *(const uint64_t *)b;
    }
}

static void diff_section(struct differ *differ, const struct config_section *section, const void *a,
                         const void *b);

static bool is_texts_equal(char *const *a, char *const *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!is_text_equal(a[i], b[i]))
            return false;
    return true;
}

static void diff_list(struct differ *differ, const struct config_row *row, const void *a,
                      const void *b)
{
    size_t count = config_list_count(row, a);
    const char *a_items = config_list_items(row, a), *b_items = config_list_items(row, b);
    bool is_size_equal = count == config_list_count(row, b);
    if (!is_size_equal ||
        (!row->section && !is_texts_equal((char *const *)(const void *)a_items,
                                          (char *const *)(const void *)b_items, count))) {
        add_change(differ, row);
        return;
    }
    for (size_t i = 0; row->section && i < count; i++) {
        size_t used = config_name_push_index(differ->name, i);
        diff_section(differ, row->section, a_items + i * row->section->size,
                     b_items + i * row->section->size);
        differ->name[used] = '\0';
    }
}

/* Whether both lists have the same modules, so that their settings can be compared. */
static bool is_modules_equal(const struct config_module *a, const struct config_module *b,
                             size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (a[i].kind != b[i].kind || strcmp(a[i].written, b[i].written) != 0)
            return false;
    return true;
}

static void diff_modules(struct differ *differ, const struct config_row *row, const void *a,
                         const void *b)
{
    const struct config_module *a_list = config_list_items(row, a),
                               *b_list = config_list_items(row, b);
    size_t count = config_list_count(row, a);
    if (count != config_list_count(row, b) || !is_modules_equal(a_list, b_list, count)) {
        add_change(differ, row);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        size_t used = config_name_push_index(differ->name, i);
        config_name_push(differ->name, a_list[i].kind->name);
        diff_section(differ, config_kind_section(a_list[i].kind), a_list[i].values,
                     b_list[i].values);
        differ->name[used] = '\0';
    }
}

static void diff_section(struct differ *differ, const struct config_section *section, const void *a,
                         const void *b)
{
    for (size_t i = 0; i < section->row_count; i++) {
        const struct config_row *row = &section->rows[i];
        const void *a_field = config_field_const(row, a), *b_field = config_field_const(row, b);
        size_t used = config_name_push(differ->name, row->name);
        if (row->type == TYPE_SECTION)
            diff_section(differ, row->section, a_field, b_field);
        else if (row->type == TYPE_LIST)
            diff_list(differ, row, a, b);
        else if (row->type == TYPE_MODULES)
            diff_modules(differ, row, a, b);
        else if (row->type != TYPE_FREE && !is_field_equal(row, a_field, b_field))
            add_change(differ, row);
        differ->name[used] = '\0';
    }
}

void relay_config_diff(const struct relay_config *old, const struct relay_config *new_config,
                       struct config_changes *changes)
{
    struct differ differ = {.changes = changes};
    changes->count = 0;
    changes->restart_count = 0;
    diff_section(&differ, &config_root, old, new_config);
}
