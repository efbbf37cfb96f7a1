/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* From sources to a configuration: reads, parses, lets later sources override earlier ones, fills
 * the structs, and checks the whole.
 * Tested by tests/unit/config/test_files.c. */
#include "server/config/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/descriptors.h"
#include "base/objects.h"
#include "base/read_all.h"
#include "server/config/internal.h"

/* Reads at most one byte more than a configuration may have, so that a huge file costs no more
 * memory than that. */
static int read_file(const char *path, char **text, size_t *n, struct config_errors *errors)
{
    struct config_place place = {.source = path};
    *text = malloc(CONFIG_FILE_MAX_BYTES + 1);
    if (!*text)
        return MOQ_ERR_NOMEM;
    ssize_t got = read_path(path, *text, CONFIG_FILE_MAX_BYTES + 1);
    *n = got < 0 ? 0 : (size_t)got;
    if (got < 0)
        config_errors_add(errors, &place, "cannot be read: %s; %s", strerror(errno),
                          descriptors_remedy(errno, "correct the path or its permissions"));
    return got < 0 ? MOQ_ERR_IO : 0;
}

static bool is_small_enough(const char *source, const char *text, size_t n,
                            struct config_errors *errors)
{
    struct config_place place = {source, 1, 1};
    if (n <= CONFIG_FILE_MAX_BYTES)
        return true;
    for (size_t i = 0; i < CONFIG_FILE_MAX_BYTES; i++) {
        place.column++;
        if (text[i] == '\n')
            place.line++, place.column = 1;
    }
    config_errors_add(errors, &place,
                      "the file is longer than 1 MiB; no configuration is that long");
    return false;
}

static void apply_verbosity(struct config_log *log, int verbosity)
{
    int level = log->level + verbosity;
    log->level = level < LOG_LEVEL_OFF     ? LOG_LEVEL_OFF
                 : level > LOG_LEVEL_TRACE ? LOG_LEVEL_TRACE
                                           : level;
}

/* Applies the environment and the flags to the tree, fills `config` from it and checks the
 * whole. */
static void build_config(struct relay_config *config, const struct config_sources *sources,
                         const char *source, struct config_tree *tree, struct config_node *root)
{
    struct config_reader reader = {.errors = tree->errors,
                                   .host = sources->host,
                                   .is_files_checked = sources->is_files_checked};
    config_env_apply(tree, root, sources->environment);
    if (sources->flags)
        config_flags_apply(tree, root, sources->flags);
    config_read_section(&reader, &config_root, root, config);
    config_modules_read(&reader, config, root);
    config_check(config, root, source, tree->errors);
    if (sources->flags)
        apply_verbosity(&config->log, sources->flags->verbosity);
}

static struct config_node *parse_yaml(struct config_tree *tree, const char *source,
                                      const char *text, size_t n)
{
    struct config_place place = {.source = source};
    if (!text)
        return config_tree_node(tree, NODE_MAP, &place);
    if (!is_small_enough(source, text, n, tree->errors))
        return NULL;
    struct config_node *root = config_yaml_parse(tree, source, text, n);
    if (!root || root->kind == NODE_MAP)
        return root;
    if (config_node_is_empty(root))
        return config_tree_node(tree, NODE_MAP, &root->place);
    if (root->kind != NODE_BROKEN)
        config_errors_add(tree->errors, &root->place,
                          "not a setting; write name: value, see moq-relay --reference");
    return NULL;
}

static struct relay_config *config_new(void)
{
    struct relay_config *config = malloc(sizeof *config);
    if (!config)
        return NULL;
    object_born(OBJECT_config);
    if (!config_section_init(&config_root, config))
        relay_config_free(&config);
    return config;
}

/* As build_config, for the reference and the schema: of everything before the modules no error is
 * told. */
static void find_modules(struct relay_config *config, const struct config_sources *sources,
                         const char *source, struct config_tree *tree, struct config_node *root)
{
    struct config_errors untold, *errors = tree->errors;
    struct config_reader reader = {.errors = &untold, .host = sources->host, .has_no_values = true};
    (void)source;
    config_errors_init(&untold);
    tree->errors = &untold;
    config_env_apply(tree, root, sources->environment);
    if (sources->flags)
        config_flags_apply(tree, root, sources->flags);
    config_read_section(&reader, &config_root, root, config);
    tree->errors = reader.errors = errors;
    config_modules_read(&reader, config, root);
}

/* How a tree becomes a configuration. */
typedef void build_function(struct relay_config *config, const struct config_sources *sources,
                            const char *source, struct config_tree *tree, struct config_node *root);

/* Sets *out unless out of memory; it is valid if no error was reported. */
static int load_text(struct relay_config **out, const struct config_sources *sources,
                     const char *text, size_t n, build_function *build,
                     struct config_errors *errors)
{
    const char *source = sources->file ? sources->file : "configuration";
    struct config_tree tree;
    config_tree_init(&tree, errors);
    *out = config_new();
    struct config_node *root = *out ? parse_yaml(&tree, source, text, n) : NULL;
    if (root)
        build(*out, sources, source, &tree, root);
    int error = !*out || tree.is_out_of_memory ? MOQ_ERR_NOMEM
                : errors->count > 0            ? MOQ_ERR_INVALID
                                               : 0;
    config_errors_sort(errors);
    config_tree_deinit(&tree);
    return error;
}

static int load_sources(struct relay_config **out, const struct config_sources *sources,
                        build_function *build, struct config_errors *errors)
{
    char *file_text = NULL;
    const char *text = sources->text;
    size_t n = sources->text_bytes;
    int error = 0;
    *out = NULL;
    if (!text && sources->file) {
        error = read_file(sources->file, &file_text, &n, errors);
        text = file_text;
    }
    if (error == 0)
        error = load_text(out, sources, text, n, build, errors);
    if (error == MOQ_ERR_NOMEM)
        config_errors_add(errors, NULL, "out of memory while reading the configuration");
    if (error != 0)
        relay_config_free(out);
    free(file_text);
    return error;
}

int relay_config_load(struct relay_config **out, const struct config_sources *sources,
                      struct config_errors *errors)
{
    return load_sources(out, sources, build_config, errors);
}

int relay_config_load_modules(struct relay_config **out, const struct config_sources *sources,
                              struct config_errors *errors)
{
    return load_sources(out, sources, find_modules, errors);
}

void relay_config_free(struct relay_config **config)
{
    if (!*config)
        return;
    config_section_deinit(&config_root, *config);
    free(*config);
    *config = NULL;
    object_died(OBJECT_config);
}
