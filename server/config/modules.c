/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The list of modules: each entry names one, the host says which settings it has, and the table's
 * machinery fills and checks them. What a module finds wrong with its values as a whole is reported
 * at the place where they were written. */
#include <stdlib.h>
#include <string.h>

#include "server/config/internal.h"

struct config_complaints {
    struct config_reader *reader; /* its name is that of the module's settings */
    const struct config_node *values;
    const struct config_place *place; /* of the module's name */
};

/* One entry of the list, while it is read. */
struct entry {
    size_t index;
    const char *name;
    const struct config_place *place; /* of the name */
    const struct config_node *values; /* NULL: there is only the name */
};

struct modules_reader {
    struct config_reader *reader;
    struct relay_config *config;
    struct entry entries[CONFIG_MAX_MODULES]; /* as far as they were read */
};

static const struct config_section no_settings;

const struct config_section *config_kind_section(const struct config_module_kind *kind)
{
    return kind->section ? kind->section : &no_settings;
}

/* ---- Complaints ------------------------------------------------------------------------------ */

/* Takes one step of "sources[0].file" and moves *setting past it. NULL: nothing was written
 * there. */
static const struct config_node *take_step(const struct config_node *node, const char **setting)
{
    char key[CONFIG_KEY_MAX_BYTES + 1];
    if (**setting == '[') {
        char *end;
        unsigned long index = strtoul(*setting + 1, &end, 10);
        *setting = end + (*end == ']');
        return config_node_at(node, index);
    }
    *setting += **setting == '.';
    size_t n = strcspn(*setting, ".[");
    snprintf(key, sizeof key, "%.*s", n < sizeof key ? (int)n : 0, *setting);
    *setting += n;
    return config_node_find(node, key);
}

static const struct config_place *place_of(const struct config_complaints *complaints,
                                           const char *setting)
{
    const struct config_place *place = complaints->place;
    const struct config_node *node = complaints->values;
    while (node && *setting) {
        node = take_step(node, &setting);
        if (node)
            place = &node->place;
    }
    return place;
}

void config_complain(struct config_complaints *complaints, const char *setting, const char *format,
                     ...)
{
    char text[CONFIG_PROBLEM_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    config_errors_add(complaints->reader->errors, place_of(complaints, setting), "%s%s%.*s: %s",
                      complaints->reader->name, setting[0] ? "." : "", CONFIG_NAME_BYTES, setting,
                      text);
}

/* ---- Entries --------------------------------------------------------------------------------- */

static void complain_of_entry(struct modules_reader *modules, const struct config_place *place,
                              const char *what)
{
    config_errors_add(modules->reader->errors, place, "%s: %s", modules->reader->name, what);
}

static bool is_name_usable(struct modules_reader *modules, const struct entry *entry)
{
    const char *problem = NULL;
    if (entry->name[0] == '\0')
        problem = "an entry is empty; write the name of a module, or remove it";
    else if (strlen(entry->name) >= CONFIG_MODULE_NAME_BYTES)
        problem = "the name is longer than 255 bytes; shorten it";
    else if (config_text_has_control(entry->name))
        problem = "the name has a control character; remove it";
    if (problem)
        complain_of_entry(modules, entry->place, problem);
    return !problem;
}

static void report_second_name(struct modules_reader *modules, const struct config_node *node)
{
    char first[CONFIG_QUOTE_BYTES], second[CONFIG_QUOTE_BYTES];
    const struct config_node *child = node->first->next;
    config_errors_add(
        modules->reader->errors, &child->key_place,
        "%s: %s and %s are two names in one entry; write each module after a - of its "
        "own, and its settings below its name, further to the right",
        modules->reader->name, config_quote(first, node->first->key),
        config_quote(second, child->key));
}

/* Finds name and values in an entry: `auth`, `auth:` or `auth: { ... }`. False: it is none of them,
 * which is reported. */
static bool split_entry(struct modules_reader *modules, const struct config_node *node,
                        struct entry *entry)
{
    if (node->kind == NODE_LIST) {
        config_reader_complain(modules->reader, node,
                               "the name of a module is expected here, or name: { settings }");
        return false;
    }
    if (node->kind == NODE_BROKEN)
        return false;
    if (node->count > 1) {
        report_second_name(modules, node);
        return false;
    }
    entry->values = node->first;
    entry->name = node->first ? node->first->key : node->kind == NODE_SCALAR ? node->text : "";
    entry->place = node->first ? &node->first->key_place : &node->place;
    return is_name_usable(modules, entry);
}

/* Whether an earlier entry is the same module, or another one of the same name. */
static bool is_repeated(struct modules_reader *modules, const struct entry *entry)
{
    const struct config_module *list = modules->config->modules;
    const struct config_module_kind *kind = list[entry->index].kind;
    size_t i = 0;
    while (i < entry->index && !(list[i].kind && strcmp(list[i].kind->name, kind->name) == 0))
        i++;
    if (i == entry->index)
        return false;
    char where[48] = "";
    unsigned line = modules->entries[i].place->line;
    if (line > 0)
        snprintf(where, sizeof where, " at line %u", line);
    if (strcmp(list[i].kind->file, kind->file) == 0)
        config_errors_add(modules->reader->errors, entry->place,
                          "%s: %s is loaded already%s; remove one", modules->reader->name,
                          kind->name, where);
    else
        config_errors_add(modules->reader->errors, entry->place,
                          "%s: %s is called %s like %s%s; remove one", modules->reader->name,
                          kind->file, kind->name, list[i].kind->file, where);
    return true;
}

static size_t count_errors(const struct config_errors *errors)
{
    return errors->count + errors->unshown;
}

/* Fills the values of a module and lets it judge them as a whole. */
static void read_values(struct config_reader *reader, const struct entry *entry,
                        struct config_module *module)
{
    const struct config_module_kind *kind = module->kind;
    const struct config_section *section = config_kind_section(kind);
    const struct config_node absent = {
        .kind = NODE_SCALAR, .is_plain = true, .text = "", .place = *entry->place};
    const struct config_node *node = entry->values ? entry->values : &absent;
    size_t used = config_name_push(reader->name, kind->name);
    size_t error_count = count_errors(reader->errors);
    module->values = section->size > 0 ? calloc(1, section->size) : NULL;
    if (section->size > 0 && (!module->values || !config_section_init(section, module->values)))
        config_reader_complain(reader, &absent, "out of memory");
    else
        config_read_section(reader, section, node, module->values);
    struct config_complaints complaints = {reader, entry->values, entry->place};
    if (kind->check && count_errors(reader->errors) == error_count)
        kind->check(kind, module->values, &complaints);
    reader->name[used] = '\0';
}

static void read_module(struct modules_reader *modules, const struct config_node *node,
                        struct entry *entry)
{
    char problem[CONFIG_PROBLEM_BYTES] = "cannot be found";
    const struct config_host *host = modules->reader->host;
    struct config_module *module = &modules->config->modules[entry->index];
    if (!split_entry(modules, node, entry))
        return;
    module->written = strdup(entry->name);
    if (!module->written) {
        complain_of_entry(modules, entry->place, "out of memory");
        return;
    }
    module->kind = host->find(host->self, entry->name, modules->config->module_directory, problem);
    if (!module->kind)
        complain_of_entry(modules, entry->place, problem);
    else if (!is_repeated(modules, entry) && !modules->reader->has_no_values)
        read_values(modules->reader, entry, module);
}

/* ---- The list -------------------------------------------------------------------------------- */

/* Whether there are entries to read; what else is there instead is reported. */
static bool has_entries(struct config_reader *reader, const struct config_node *list)
{
    char problem[CONFIG_PROBLEM_BYTES];
    if (config_node_is_absent(list))
        return false;
    if (!reader->host) {
        config_errors_add(reader->errors, &list->key_place,
                          "%s: this relay is built without modules; remove the section",
                          reader->name);
        return false;
    }
    if (list->kind != NODE_LIST) {
        config_reader_complain(reader, list,
                               "a list is expected here; write each module after a - of its own");
        return false;
    }
    snprintf(problem, sizeof problem, "%zu entries are too many; write at most %d", list->count,
             CONFIG_MAX_MODULES);
    if (list->count > CONFIG_MAX_MODULES)
        config_reader_complain(reader, list, problem);
    return list->count <= CONFIG_MAX_MODULES;
}

static void read_modules(struct config_reader *reader, struct relay_config *config,
                         const struct config_node *list)
{
    struct modules_reader modules = {.reader = reader, .config = config};
    config->modules = calloc(list->count, sizeof *config->modules);
    if (!config->modules) {
        config_reader_complain(reader, list, "out of memory");
        return;
    }
    config->module_count = list->count;
    const struct config_node *node = list->first;
    for (size_t i = 0; i < list->count; i++, node = node->next) {
        size_t used = config_name_push_index(reader->name, i);
        modules.entries[i].index = i;
        read_module(&modules, node, &modules.entries[i]);
        reader->name[used] = '\0';
    }
}

void config_modules_read(struct config_reader *reader, struct relay_config *config,
                         const struct config_node *root)
{
    const struct config_node *list = config_node_find(root, "modules");
    size_t used = config_name_push(reader->name, "modules");
    if (has_entries(reader, list))
        read_modules(reader, config, list);
    reader->name[used] = '\0';
}

/* ---- The reference and the schema ------------------------------------------------------------ */

void config_modules_show(const struct config_host *host, const struct relay_config *config,
                         struct config_shown *shown)
{
    const char *directory = config ? config->module_directory : NULL;
    shown->count = host ? host->list(host->self, directory, shown->kinds, CONFIG_MAX_KINDS) : 0;
    for (size_t i = 0; i < shown->count; i++)
        shown->names[i] = shown->kinds[i]->name;
    for (size_t i = 0; config && i < config->module_count; i++) {
        const struct config_module *module = &config->modules[i];
        if (!strchr(module->written, '/') || shown->count == CONFIG_MAX_KINDS)
            continue;
        shown->names[shown->count] = module->written;
        shown->kinds[shown->count++] = module->kind;
    }
}

/* ---- The end --------------------------------------------------------------------------------- */

void config_modules_free(struct config_module *modules, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct config_module *module = &modules[i];
        if (module->values)
            config_section_deinit(module->kind->section, module->values);
        free(module->values);
        free(module->written);
    }
    free(modules);
}
