/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Turns a module's schema into a section of the configuration's table. Field by field, because the
 * fields of a module may be longer than ours; what the section says is then checked by the table
 * itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/host/internal.h"

/* How the types of the two sides correspond; `struct relay_node` and `struct relay_address` are
 * read as they were written by the table. */
#define SAME_PLACE(ours, theirs, member)                                                           \
    _Static_assert(offsetof(struct ours, member) == offsetof(struct theirs, member), "layout")
SAME_PLACE(relay_node, config_branch, kind);
SAME_PLACE(relay_node, config_branch, is_quoted);
SAME_PLACE(relay_node, config_branch, line);
SAME_PLACE(relay_node, config_branch, column);
SAME_PLACE(relay_node, config_branch, key);
SAME_PLACE(relay_node, config_branch, text);
SAME_PLACE(relay_node, config_branch, first);
SAME_PLACE(relay_node, config_branch, next);
SAME_PLACE(relay_address, config_address, text);
SAME_PLACE(relay_address, config_address, socket);
_Static_assert(offsetof(struct relay_address, socket_bytes) ==
                   offsetof(struct config_address, size),
               "layout");
_Static_assert(sizeof(struct relay_address) == sizeof(struct config_address), "layout");
_Static_assert((int)RELAY_NODE_MAP == (int)CONFIG_BRANCH_MAP, "kinds");

enum { LIST_ENTRIES = 64, FIELD_BYTES_MAX = 1024 };

static const enum config_type types[] = {
    [RELAY_FIELD_BOOL] = TYPE_BOOL,       [RELAY_FIELD_INT] = TYPE_INT,
    [RELAY_FIELD_SIZE] = TYPE_SIZE,       [RELAY_FIELD_DURATION] = TYPE_DURATION,
    [RELAY_FIELD_STRING] = TYPE_STRING,   [RELAY_FIELD_FILE] = TYPE_PATH,
    [RELAY_FIELD_ADDRESS] = TYPE_ADDRESS, [RELAY_FIELD_ENUM] = TYPE_ENUM,
    [RELAY_FIELD_STRINGS] = TYPE_LIST,    [RELAY_FIELD_SECTION] = TYPE_SECTION,
    [RELAY_FIELD_SECTIONS] = TYPE_LIST,   [RELAY_FIELD_TREE] = TYPE_TREE,
};

static const struct {
    unsigned theirs, ours;
} flags[] = {
    {RELAY_FIELD_RELOADS, ROW_RELOADS},    {RELAY_FIELD_REQUIRED, ROW_REQUIRED},
    {RELAY_FIELD_READABLE, ROW_FILES},     {RELAY_FIELD_WRITABLE, ROW_DIRECTORY},
    {RELAY_FIELD_IS_PATTERN, ROW_PATTERN}, {RELAY_FIELD_IS_PATH, ROW_BROADCAST},
};

struct maker {
    char *problem;
    size_t depth, rows;
};

static bool fail_schema(const struct maker *maker, const char *name, const char *what)
{
    host_problem(maker->problem, "its setting %s %s", name, what);
    return false;
}

static struct config_section *make_section(struct maker *maker, const struct relay_schema *schema);

static bool has_section(uint32_t type)
{
    return type == RELAY_FIELD_SECTION || type == RELAY_FIELD_SECTIONS;
}

static bool fill_row(struct maker *maker, const struct relay_field *field, struct config_row *row)
{
    const char *name = field->name ? field->name : "(without a name)";
    if (field->type < RELAY_FIELD_BOOL || field->type > RELAY_FIELD_TREE)
        return fail_schema(maker, name, "has an unknown type; see enum relay_field_type");
    *row = (struct config_row){
        .name = field->name,
        .type = types[field->type],
        .offset = field->offset,
        .count_offset = field->count_offset,
        .min = field->min,
        .max = field->max,
        .fallback = field->fallback,
        .zero = field->zero,
        .words = field->words,
        .help = field->help,
    };
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        row->flags |= field->flags & flags[i].theirs ? flags[i].ours : 0;
    if (row->type == TYPE_LIST && row->max == 0)
        row->max = LIST_ENTRIES;
    if (!has_section(field->type))
        return true;
    if (!field->section)
        return fail_schema(maker, name, "has no .section; write one with RELAY_SCHEMA");
    row->section = make_section(maker, field->section);
    return row->section != NULL;
}

static bool fill_rows(struct maker *maker, const struct relay_schema *schema,
                      struct config_row *rows)
{
    const char *at = (const char *)schema->fields;
    for (uint32_t i = 0; i < schema->field_count; i++, at += schema->field_bytes) {
        struct relay_field field = {.name = NULL};
        memcpy(&field, at, host_struct_bytes(schema->field_bytes, sizeof field));
        if (!fill_row(maker, &field, &rows[i]))
            return false;
    }
    return true;
}

/* Of one that may be half made. */
static void free_section(struct config_section *section)
{
    for (size_t i = 0; i < section->row_count; i++)
        if (section->rows[i].section)
            free_section((struct config_section *)section->rows[i].section);
    free((void *)section->rows);
    free(section);
}

static struct config_section *allocate_section(struct maker *maker,
                                               const struct relay_schema *schema)
{
    struct config_section *section = calloc(1, sizeof *section);
    struct config_row *rows = calloc(schema->field_count, sizeof *rows);
    if (section && rows) {
        *section = (struct config_section){schema->struct_bytes, rows, schema->field_count};
        return section;
    }
    free(section);
    free(rows);
    host_problem(maker->problem, "out of memory");
    return NULL;
}

static struct config_section *make_section(struct maker *maker, const struct relay_schema *schema)
{
    maker->rows += schema->field_count;
    if (!schema->fields || schema->field_count == 0 ||
        schema->field_count > CONFIG_SECTION_MAX_ROWS ||
        maker->rows > CONFIG_SECTION_MAX_ALL_ROWS || maker->depth == CONFIG_SECTION_MAX_DEPTH ||
        schema->field_bytes < sizeof(struct relay_field) || schema->field_bytes > FIELD_BYTES_MAX) {
        host_problem(maker->problem,
                     "its schema has no fields, too many, or fields of a wrong size; write it with "
                     "RELAY_SCHEMA");
        return NULL;
    }
    struct config_section *section = allocate_section(maker, schema);
    if (!section)
        return NULL;
    maker->depth++;
    bool is_good = fill_rows(maker, schema, (struct config_row *)section->rows);
    maker->depth--;
    if (is_good)
        return section;
    free_section(section);
    return NULL;
}

struct config_section *schema_section(const struct relay_schema *schema, char *problem)
{
    struct maker maker = {.problem = problem};
    struct config_section *section = make_section(&maker, schema);
    if (section && !config_section_is_valid(section, problem))
        schema_free(&section);
    return section;
}

void schema_free(struct config_section **section)
{
    if (*section)
        free_section(*section);
    *section = NULL;
}
