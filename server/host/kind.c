/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Kinds: takes a module's descriptor from a shared object, or from the relay itself, and checks it.
 * A shared object stays loaded for good, because threads and tables may refer to its code.
 * Tested by tests/e2e/test_modules.py. */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/host/elf.h"
#include "server/host/internal.h"

/* ---- Versions -------------------------------------------------------------------------------- */

/* The end of `member`, of which there is one in every module of version 1.0. */
#define END_OF(type, member) (offsetof(struct type, member) + sizeof(((struct type *)0)->member))
#define MODULE_BYTES_1_0 END_OF(relay_module, stop)
#define HOOKS_BYTES_1_0 END_OF(relay_hooks, event)

static const char *judge_head(const struct elf_head *head)
{
    if (head->abi_major != RELAY_ABI_MAJOR)
        return "compiled for another module ABI; compile it with this relay's relay/module.h";
    if (head->abi_minor > RELAY_ABI_MINOR)
        return "compiled for a newer module ABI; update the relay, or compile it with this relay's "
               "relay/module.h";
    if (head->size < MODULE_BYTES_1_0 || head->size > sizeof(struct relay_module) ||
        (head->abi_minor == RELAY_ABI_MINOR && head->size != sizeof(struct relay_module)))
        return "its relay_module has the wrong size; define it by RELAY_MODULE_HEAD of "
               "relay/module.h";
    return NULL;
}

static void describe_refusal(const char *file, const struct elf_head *head, const char *why,
                             char *problem)
{
    host_problem(problem, "%s: %s (module ABI %u.%u; this relay has %d.%d)", file, why,
                 head->abi_major, head->abi_minor, RELAY_ABI_MAJOR, RELAY_ABI_MINOR);
}

/* For a file of which no version is known. */
static void describe_file(const char *file, const char *why, char *problem)
{
    host_problem(problem, "%s: %s (module ABI not known; this relay has %d.%d)", file, why,
                 RELAY_ABI_MAJOR, RELAY_ABI_MINOR);
}

/* ---- Descriptors ----------------------------------------------------------------------------- */

size_t kind_name_bytes(const char *text)
{
    return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-");
}

bool kind_is_name(const char *text)
{
    size_t n = kind_name_bytes(text);
    return n > 0 && n <= KIND_NAME_MAX_BYTES && text[n] == '\0';
}

static const char *copy_descriptor(struct host_kind *kind, const struct relay_module *module)
{
    memcpy(&kind->module, module, host_struct_bytes(module->size, sizeof *module));
    if (!kind->module.name || !kind_is_name(kind->module.name))
        return "its name is not one of 1 to 31 characters a-z, 0-9, - and _; correct .name";
    if (!kind->module.version)
        kind->module.version = "";
    const struct relay_hooks *hooks = kind->module.hooks;
    if (!hooks)
        return NULL;
    if (hooks->size < HOOKS_BYTES_1_0 || hooks->size > sizeof *hooks)
        return "its relay_hooks has the wrong size; set .size = sizeof(struct relay_hooks)";
    memcpy(&kind->hooks, hooks, hooks->size);
    return NULL;
}

static void check_values(const struct config_module_kind *config, const void *values,
                         struct config_complaints *complaints)
{
    const struct host_kind *kind = config->self;
    kind->module.check((struct relay_check *)complaints, values);
}

void relay_check_fail(struct relay_check *check, const char *setting, const char *format, ...)
{
    char text[CONFIG_PROBLEM_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    config_complain((struct config_complaints *)check, setting ? setting : "", "%s", text);
}

/* Fills `kind` from a descriptor whose head fits. Returns what is wrong with it. */
static const char *fill_kind(struct host_kind *kind, const struct relay_module *module,
                             char *schema_problem)
{
    const char *why = copy_descriptor(kind, module);
    if (why)
        return why;
    if (kind->module.config) {
        kind->section = schema_section(kind->module.config, schema_problem);
        if (!kind->section)
            return schema_problem;
    }
    kind->config = (struct config_module_kind){
        .name = kind->module.name,
        .file = kind->file,
        .section = kind->section,
        .check = kind->module.check ? check_values : NULL,
        .self = kind,
    };
    return NULL;
}

struct host_kind *kind_of(const struct relay_module *module, const char *file, char *problem)
{
    const struct elf_head head = {module->abi_major, module->abi_minor, module->size};
    char schema_problem[CONFIG_PROBLEM_BYTES];
    struct host_kind *kind = calloc(1, sizeof *kind);
    if (!kind) {
        describe_refusal(file, &head, "out of memory", problem);
        return NULL;
    }
    snprintf(kind->file, sizeof kind->file, "%s", file);
    const char *why = judge_head(&head);
    if (!why)
        why = fill_kind(kind, module, schema_problem);
    if (!why)
        return kind;
    describe_refusal(file, &head, why, problem);
    kind_free(&kind);
    return NULL;
}

void kind_free(struct host_kind **kind)
{
    if (*kind)
        schema_free(&(*kind)->section);
    free(*kind);
    *kind = NULL;
}

/* ---- Shared objects -------------------------------------------------------------------------- */

/* What dlopen says is wrong begins with the file's name, which the caller adds itself. */
static const char *words_of_loading(const char *file)
{
    const char *words = dlerror();
    size_t n = strlen(file);
    if (!words)
        return "cannot be loaded";
    if (strncmp(words, file, n) == 0 && words[n] == ':')
        words += n + 1 + (words[n + 1] == ' ');
    return words;
}

struct host_kind *kind_load(const char *file, char *problem)
{
    struct elf_head head;
    const char *why = elf_read_head(file, &head);
    if (why) {
        describe_file(file, why, problem);
        return NULL;
    }
    why = judge_head(&head);
    void *library = why ? NULL : dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!why && !library)
        why = words_of_loading(file);
    const struct relay_module *module = library ? dlsym(library, "relay_module") : NULL;
    if (!why && !module)
        why = words_of_loading(file);
    if (!why)
        return kind_of(module, file, problem);
    describe_refusal(file, &head, why, problem);
    return NULL;
}
