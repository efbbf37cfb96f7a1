/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Handles structs by the rows of the table: finds fields, sets defaults, frees memory.
 * Tested by tests/unit/config/test_files.c. */
#include <stdlib.h>
#include <string.h>

#include "server/config/internal.h"

size_t config_list_count(const struct config_row *row, const void *base)
{
    return *(const size_t *)(const void *)((const char *)base + row->count_offset);
}

void *config_list_items(const struct config_row *row, const void *base)
{
    void *items;
    memcpy(&items, config_field_const(row, base), sizeof items);
    return items;
}

size_t config_item_bytes(const struct config_row *row)
{
    return row->section ? row->section->size : sizeof(char *);
}

bool config_list_allocate(const struct config_row *row, void *base, size_t count)
{
    void *items = count > 0 ? calloc(count, config_item_bytes(row)) : NULL;
    if (count > 0 && !items)
        return false;
    memcpy(config_field(row, base), &items, sizeof items);
    *(size_t *)(void *)((char *)base + row->count_offset) = count;
    return true;
}

static void init_unset(const struct config_row *row, void *field)
{
    if (row->type == TYPE_ENUM)
        *(int *)field = -1;
    else
        *(uint64_t *)field = CONFIG_UNSET;
}

static void init_map(const struct config_row *row, int *values)
{
    for (size_t i = 0; row->keys[i]; i++)
        values[i] = -1;
}

static bool init_field(const struct config_row *row, void *base)
{
    char problem[CONFIG_PROBLEM_BYTES];
    void *field = config_field(row, base);
    if (row->type == TYPE_SECTION)
        return config_section_init(row->section, field);
    if (row->type == TYPE_MAP)
        init_map(row, field);
    else if ((row->flags & ROW_INHERITS) && row->type != TYPE_STRING)
        init_unset(row, field);
    else if (row->fallback)
        return config_value_parse(row, row->fallback, field, problem);
    return true;
}

bool config_section_init(const struct config_section *section, void *base)
{
    bool is_complete = true;
    memset(base, 0, section->size);
    for (size_t i = 0; i < section->row_count; i++)
        is_complete &= init_field(&section->rows[i], base);
    return is_complete;
}

static void deinit_list(const struct config_row *row, void *base)
{
    char *items = config_list_items(row, base);
    size_t count = config_list_count(row, base);
    for (size_t i = 0; i < count; i++) {
        void *item = items + i * config_item_bytes(row);
        if (row->section)
            config_section_deinit(row->section, item);
        else
            free(*(char **)item);
    }
    free(items);
}

void config_section_deinit(const struct config_section *section, void *base)
{
    for (size_t i = 0; i < section->row_count; i++) {
        const struct config_row *row = &section->rows[i];
        if (row->type == TYPE_SECTION)
            config_section_deinit(row->section, config_field(row, base));
        else if (row->type == TYPE_LIST)
            deinit_list(row, base);
        else if (row->type == TYPE_MODULES)
            config_modules_free(config_list_items(row, base), config_list_count(row, base));
        else if (row->type == TYPE_STRING || row->type == TYPE_PATH)
            free(*(char **)config_field(row, base));
        else if (row->type == TYPE_TREE)
            free(*(struct config_branch **)config_field(row, base));
    }
}
