/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Finds modules: by a path, or by a name in the configured directory, among those that are linked
 * in, and in the directory that belongs to the installation.
 * Tested by tests/e2e/test_modules.py. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/installed.h"
#include "server/host/builtin.h"
#include "server/host/state.h"

/* Beside the program: PREFIX/bin/moq-relay has its modules in PREFIX/lib/moq-relay. */
void find_installed(char *out, size_t size)
{
    installed_path(HOST_MODULES_FROM_PROGRAM, out, size);
}

/* ---- Kinds that are known already ------------------------------------------------------------ */

static const struct config_module_kind *known_kind(const struct host *host, const char *file)
{
    for (size_t i = 0; i < host->kind_count; i++)
        if (strcmp(host->kinds[i]->file, file) == 0)
            return &host->kinds[i]->config;
    return NULL;
}

static const struct config_module_kind *keep_kind(struct host *host, struct host_kind *kind,
                                                  char *problem)
{
    if (!kind)
        return NULL;
    if (host->kind_count == HOST_KINDS_MAX) {
        host_problem(problem, "%s: more than %d modules were loaded; restart the relay", kind->file,
                     HOST_KINDS_MAX);
        kind_free(&kind);
        return NULL;
    }
    host->kinds[host->kind_count++] = kind;
    return &kind->config;
}

/* ---- Files ----------------------------------------------------------------------------------- */

/* The same file is the same kind, whatever name leads to it. */
static const struct config_module_kind *load_file(struct host *host, const char *file,
                                                  char *problem)
{
    char real[PATH_MAX];
    if (!realpath(file, real)) {
        host_problem(problem, "%s: cannot be read (%s); correct the path or its permissions", file,
                     strerror(errno));
        return NULL;
    }
    if (strlen(real) >= HOST_FILE_BYTES) {
        host_problem(problem, "its path is longer than %d bytes; move it", HOST_FILE_BYTES - 1);
        return NULL;
    }
    const struct config_module_kind *known = known_kind(host, real);
    return known ? known : keep_kind(host, kind_load(real, problem), problem);
}

static bool has_file(const char *directory, const char *name, char *out, size_t size)
{
    if (!directory)
        return false;
    int n = snprintf(out, size, "%s/%s.so", directory, name);
    return n > 0 && (size_t)n < size && access(out, F_OK) == 0;
}

/* Whoever asks for a module by its name must get that one. */
static const struct config_module_kind *load_named(struct host *host, const char *file,
                                                   const char *name, char *problem)
{
    const struct config_module_kind *kind = load_file(host, file, problem);
    if (!kind || strcmp(kind->name, name) == 0)
        return kind;
    host_problem(problem, "%s: the module in it is called %s; rename the file, or write its path",
                 file, kind->name);
    return NULL;
}

/* ---- Linked in ------------------------------------------------------------------------------- */

static const struct relay_module *builtin_named(const char *name)
{
    for (size_t i = 0; host_builtin[i]; i++)
        if (strcmp(host_builtin[i]->name, name) == 0)
            return host_builtin[i];
    return NULL;
}

static const struct config_module_kind *
load_builtin(struct host *host, const struct relay_module *module, char *problem)
{
    char file[HOST_FILE_BYTES];
    snprintf(file, sizeof file, "moq-relay (%s is built in)", module->name);
    const struct config_module_kind *known = known_kind(host, file);
    return known ? known : keep_kind(host, kind_of(module, file, problem), problem);
}

/* ---- By name --------------------------------------------------------------------------------- */

static const struct config_module_kind *find_named(struct host *host, const char *name,
                                                   const char *directory, char *problem)
{
    char file[PATH_MAX];
    if (has_file(directory, name, file, sizeof file))
        return load_named(host, file, name, problem);
    const struct relay_module *builtin = builtin_named(name);
    if (builtin)
        return load_builtin(host, builtin, problem);
    if (has_file(host->installed, name, file, sizeof file))
        return load_named(host, file, name, problem);
    host_problem(
        problem,
        "there is no %s.so in %s%s%s; install it there, or write its path with a slash, such "
        "as ./%s.so",
        name, directory ? directory : "", directory ? " or " : "", host->installed, name);
    return NULL;
}

const struct config_module_kind *host_find(void *self, const char *name, const char *directory,
                                           char *problem)
{
    if (strchr(name, '/'))
        return load_file(self, name, problem);
    if (kind_is_name(name))
        return find_named(self, name, directory, problem);
    host_problem(
        problem,
        "a module's name has 1 to %d of the characters a-z, 0-9, - and _; a path has a slash",
        KIND_NAME_MAX_BYTES);
    return NULL;
}

/* ---- All of them ----------------------------------------------------------------------------- */

struct names {
    char (*names)[KIND_NAME_MAX_BYTES + 1];
    size_t count, max;
};

static void add_name(struct names *names, const char *name, size_t n)
{
    for (size_t i = 0; i < names->count; i++)
        if (strncmp(names->names[i], name, n) == 0 && names->names[i][n] == '\0')
            return;
    if (names->count < names->max)
        snprintf(names->names[names->count++], sizeof names->names[0], "%.*s", (int)n, name);
}

static void add_directory(struct names *names, const char *path)
{
    DIR *directory = path ? opendir(path) : NULL;
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        size_t n = kind_name_bytes(entry->d_name);
        if (n > 0 && n <= KIND_NAME_MAX_BYTES && strcmp(entry->d_name + n, ".so") == 0)
            add_name(names, entry->d_name, n);
    }
    if (directory)
        closedir(directory);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

size_t host_list(void *self, const char *directory, const struct config_module_kind **kinds,
                 size_t max)
{
    struct host *host = self;
    char problem[CONFIG_PROBLEM_BYTES];
    struct names names = {.max = max};
    size_t count = 0;
    names.names = calloc(max, sizeof names.names[0]);
    if (!names.names)
        return 0;
    add_directory(&names, directory);
    for (size_t i = 0; host_builtin[i]; i++)
        add_name(&names, host_builtin[i]->name, strlen(host_builtin[i]->name));
    add_directory(&names, host->installed);
    qsort(names.names, names.count, sizeof names.names[0], compare_names);
    for (size_t i = 0; i < names.count; i++) {
        kinds[count] = find_named(host, names.names[i], directory, problem);
        if (kinds[count])
            count++;
        else
            log_warn(LOG_MODULE, "%s", problem);
    }
    free(names.names);
    return count;
}
