/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Fills the structs from the tree, row by row. Reading goes on after a mistake, so that all
 * mistakes are reported at once.
 * Tested by tests/unit/config/test_files.c. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/config/internal.h"

size_t config_name_push(char *name, const char *key)
{
    size_t used = strlen(name);
    snprintf(name + used, CONFIG_NAME_BYTES - used, "%s%s", used > 0 ? "." : "", key);
    return used;
}

size_t config_name_push_index(char *name, size_t index)
{
    size_t used = strlen(name);
    snprintf(name + used, CONFIG_NAME_BYTES - used, "[%zu]", index);
    return used;
}

void config_reader_complain(struct config_reader *reader, const struct config_node *node,
                            const char *what)
{
    if (node->kind != NODE_BROKEN)
        config_errors_add(reader->errors, &node->place, "%s: %s", reader->name, what);
}

/* What is wrong with a file that a setting names: an errno; 0: nothing. */
static int try_file(const struct config_row *row, const char *path)
{
    int error = 0;
    if (row->flags & ROW_FILES && access(path, R_OK) != 0)
        error = errno;
    if (row->flags & ROW_DIRECTORY && access(path, W_OK | X_OK) != 0)
        error = errno;
    if (row->flags & ROW_FOLDER && strcmp(path, row->fallback) != 0) {
        DIR *folder = opendir(path);
        error = folder ? 0 : errno;
        if (folder)
            closedir(folder);
    }
    return error;
}

static void check_file(struct config_reader *reader, const struct config_row *row,
                       const struct config_node *node, const char *path)
{
    char quoted[CONFIG_QUOTE_BYTES];
    int error = reader->is_files_checked && path ? try_file(row, path) : 0;
    if (error)
        config_errors_add(reader->errors, &node->place,
                          "%s: cannot %s %s (%s); correct the path or its permissions",
                          reader->name, row->flags & ROW_DIRECTORY ? "write to" : "read",
                          config_quote(quoted, path), strerror(error));
}

/* Parses a scalar. If that succeeds, its value replaces the one in `field`. */
static void read_scalar(struct config_reader *reader, const struct config_row *row,
                        const struct config_node *node, void *field)
{
    union {
        bool is;
        int word;
        uint64_t number;
        char *text;
        struct config_address address;
    } value;
    bool is_text = row->type == TYPE_STRING || row->type == TYPE_PATH || row->type == TYPE_LIST;
    char problem[CONFIG_PROBLEM_BYTES];
    if (node->kind != NODE_SCALAR) {
        config_reader_complain(reader, node,
                               row->type == TYPE_ADDRESS
                                   ? "a single value is expected here; put the address in quotes"
                                   : "a single value is expected here, not a list or section");
        return;
    }
    if (!config_value_parse(row, node->text, &value, problem)) {
        config_reader_complain(reader, node, problem);
        return;
    }
    const char *wrong = row->check ? row->check(&value) : NULL;
    if (!wrong && is_text)
        wrong = config_text_problem(row, value.text);
    if (wrong)
        config_reader_complain(reader, node, wrong);
    if (is_text)
        free(*(char **)field);
    static const size_t sizes[] = {
        [TYPE_BOOL] = sizeof value.is,         [TYPE_INT] = sizeof value.number,
        [TYPE_SIZE] = sizeof value.number,     [TYPE_DURATION] = sizeof value.number,
        [TYPE_STRING] = sizeof value.text,     [TYPE_PATH] = sizeof value.text,
        [TYPE_ADDRESS] = sizeof value.address, [TYPE_ENUM] = sizeof value.word,
        [TYPE_LIST] = sizeof value.text,       [TYPE_MAP] = sizeof value.word,
        [TYPE_RATE] = sizeof value.number,     [TYPE_AGO] = sizeof value.number};
    memcpy(field, &value, sizes[row->type]);
    if (is_text)
        check_file(reader, row, node, value.text);
}

static bool is_blank(const struct config_node *node)
{
    return !node || (node->kind == NODE_SCALAR && node->text[0] == '\0');
}

static void read_entry(struct config_reader *reader, const struct config_row *row,
                       const struct config_node *node, void *item)
{
    if (row->section) {
        if (!config_section_init(row->section, item))
            config_reader_complain(reader, node, "out of memory");
        config_read_section(reader, row->section, node, item);
    } else if (is_blank(node)) {
        config_reader_complain(reader, node, "an entry is empty; remove it");
    } else {
        read_scalar(reader, row, node, item);
    }
}

static void read_list(struct config_reader *reader, const struct config_row *row,
                      const struct config_node *node, void *base)
{
    char problem[CONFIG_PROBLEM_BYTES];
    if (config_node_is_empty(node))
        return;
    if (node->kind != NODE_LIST) {
        config_reader_complain(
            reader, node,
            "a list is expected here; write each entry on a line of its own after a -");
        return;
    }
    if (node->count > row->max) {
        snprintf(problem, sizeof problem, "%zu entries are too many; write at most %llu",
                 node->count, (unsigned long long)row->max);
        config_reader_complain(reader, node, problem);
        return;
    }
    if (!config_list_allocate(row, base, node->count)) {
        config_reader_complain(reader, node, "out of memory");
        return;
    }
    char *item = config_list_items(row, base);
    size_t index = 0;
    for (const struct config_node *child = node->first; child; child = child->next) {
        size_t used = config_name_push_index(reader->name, index++);
        read_entry(reader, row, child, item);
        reader->name[used] = '\0';
        item += config_item_bytes(row);
    }
}

static size_t count_words(const char *const *words)
{
    size_t count = 0;
    while (words[count])
        count++;
    return count;
}

static void report_unknown(struct config_reader *reader, const struct config_node *node,
                           const char *const *names, size_t count)
{
    char quoted[CONFIG_QUOTE_BYTES];
    if (reader->errors->count == CONFIG_MAX_ERRORS) {
        reader->errors->unshown++;
        return;
    }
    const char *key = config_quote(quoted, node->key);
    const char *nearest = config_nearest(node->key, names, count);
    const char *dot = reader->name[0] ? "." : "";
    int size = (int)strlen(key) - 2;
    if (nearest)
        config_errors_add(reader->errors, &node->key_place,
                          "%s%s%.*s: no such setting (did you mean \"%s\"?)", reader->name, dot,
                          size, key + 1, nearest);
    else
        config_errors_add(reader->errors, &node->key_place,
                          "%s%s%.*s: no such setting; remove it, or see moq-relay --reference",
                          reader->name, dot, size, key + 1);
}

static void read_map(struct config_reader *reader, const struct config_row *row,
                     const struct config_node *node, int *values)
{
    size_t count = count_words(row->keys);
    if (config_node_is_empty(node))
        return;
    if (node->kind != NODE_MAP) {
        config_reader_complain(reader, node, "a map is expected here; write { name: value }");
        return;
    }
    for (const struct config_node *child = node->first; child; child = child->next) {
        size_t index = 0;
        while (index < count && strcmp(row->keys[index], child->key) != 0)
            index++;
        if (index == count) {
            report_unknown(reader, child, row->keys, count);
            continue;
        }
        size_t used = config_name_push(reader->name, child->key);
        read_scalar(reader, row, child, &values[index]);
        reader->name[used] = '\0';
    }
}

/* Names are printed on one line, which YAML limits; control characters would make them longer. */
static bool has_clean_names(struct config_reader *reader, const struct config_node *node)
{
    bool is_clean = true;
    for (const struct config_node *child = node->first; child; child = child->next) {
        if (child->key && config_text_has_control(child->key)) {
            config_errors_add(reader->errors, &child->key_place,
                              "%s: a name has a control character; remove it", reader->name);
            is_clean = false;
        }
        is_clean &= has_clean_names(reader, child);
    }
    return is_clean;
}

static void read_tree(struct config_reader *reader, const struct config_node *node,
                      struct config_branch **field)
{
    if (has_clean_names(reader, node) && !config_branch_copy(node, field))
        config_reader_complain(reader, node, "out of memory");
}

static void read_row(struct config_reader *reader, const struct config_row *row,
                     const struct config_node *node, void *base)
{
    void *field = config_field(row, base);
    size_t used = config_name_push(reader->name, row->name);
    if (row->type == TYPE_SECTION)
        config_read_section(reader, row->section, node, field);
    else if (row->type == TYPE_LIST)
        read_list(reader, row, node, base);
    else if (row->type == TYPE_MAP)
        read_map(reader, row, node, field);
    else if (row->type == TYPE_FREE)
        config_errors_add(reader->errors, &node->key_place, "%s: %s", reader->name,
                          row->check(node));
    else if (row->type == TYPE_TREE)
        read_tree(reader, node, field);
    else if (row->type != TYPE_MODULES) /* config_modules_read does that */
        read_scalar(reader, row, node, field);
    reader->name[used] = '\0';
}

static const struct config_row *find_row(const struct config_section *section, const char *key)
{
    for (size_t i = 0; i < section->row_count; i++)
        if (strcmp(section->rows[i].name, key) == 0)
            return &section->rows[i];
    return NULL;
}

static void report_unknown_row(struct config_reader *reader, const struct config_section *section,
                               const struct config_node *node)
{
    const char *names[CONFIG_SECTION_MAX_ROWS];
    size_t count =
        section->row_count < CONFIG_SECTION_MAX_ROWS ? section->row_count : CONFIG_SECTION_MAX_ROWS;
    for (size_t i = 0; i < count; i++)
        names[i] = section->rows[i].name;
    report_unknown(reader, node, names, count);
}

static bool is_missing(const struct config_row *row, const struct config_node *node)
{
    return is_blank(node) || (row->type == TYPE_TREE && config_node_is_nothing(node));
}

static void check_required(struct config_reader *reader, const struct config_section *section,
                           const struct config_node *node)
{
    char problem[CONFIG_PROBLEM_BYTES];
    for (size_t i = 0; i < section->row_count; i++) {
        const struct config_row *row = &section->rows[i];
        const struct config_node *child = config_node_find(node, row->name);
        if ((row->flags & ROW_REQUIRED) && is_missing(row, child)) {
            snprintf(problem, sizeof problem, "%s is missing or empty; write it (%s)", row->name,
                     row->help);
            config_reader_complain(reader, node, problem);
        } else if (row->type == TYPE_SECTION && !child) {
            size_t used = config_name_push(reader->name, row->name);
            const struct config_node absent = {
                .kind = NODE_SCALAR, .is_plain = true, .text = "", .place = node->place};
            check_required(reader, row->section, &absent);
            reader->name[used] = '\0';
        }
    }
}

void config_read_section(struct config_reader *reader, const struct config_section *section,
                         const struct config_node *node, void *base)
{
    bool is_map = node->kind == NODE_MAP;
    if (!is_map && !config_node_is_empty(node)) {
        config_reader_complain(reader, node,
                               "a section is expected here; write its settings as name: value");
        return;
    }
    for (const struct config_node *child = is_map ? node->first : NULL; child;
         child = child->next) {
        const struct config_row *row = find_row(section, child->key);
        if (row)
            read_row(reader, row, child, base);
        else
            report_unknown_row(reader, section, child);
    }
    check_required(reader, section, node);
}
