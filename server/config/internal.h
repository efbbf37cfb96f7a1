/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the files of this room share: the tree of settings as written, the table of settings that
 * exist, and the steps from the tree to the structs of config.h. */
#ifndef MOQ_CONFIG_INTERNAL_H
#define MOQ_CONFIG_INTERNAL_H

#include <stdarg.h>

#include "server/config/config.h"
#include "server/config/rows.h"

/* Limits of a configuration file. A file that reaches all of them loads in a few milliseconds and
 * takes a few MiB. */
enum {
    CONFIG_FILE_MAX_BYTES = 1 << 20,
    CONFIG_MAX_DEPTH = 32,
    CONFIG_MAX_NODES = 20000,
    CONFIG_MAX_KEYS = 1024, /* of one map */
    CONFIG_SCALAR_MAX_BYTES = 4096,
    CONFIG_KEY_MAX_BYTES = 256,
};

/* ---- errors.c -------------------------------------------------------------------------------- */

/* Where something was written. `source` lives as long as the tree. */
struct config_place {
    const char *source;    /* a file, an environment variable or a flag; NULL: nowhere */
    unsigned line, column; /* from 1; 0: not known */
};

void config_errors_add(struct config_errors *errors, const struct config_place *place,
                       const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Sorts by line and column; errors without a line come last. */
void config_errors_sort(struct config_errors *errors);

enum { CONFIG_QUOTE_BYTES = 64 };

/* Writes `text` in quotes, cut to fit, with everything unprintable replaced. Returns `out`
 * (CONFIG_QUOTE_BYTES). */
const char *config_quote(char *out, const char *text);

/* The candidate that `word` is probably a misspelling of, or NULL. */
const char *config_nearest(const char *word, const char *const *candidates, size_t count);

/* ---- tree.c ---------------------------------------------------------------------------------- */

enum config_node_kind {
    NODE_SCALAR,
    NODE_LIST,
    NODE_MAP,
    NODE_BROKEN, /* an error about it was reported; readers pass over it */
};

struct config_node {
    enum config_node_kind kind;
    bool is_plain;                    /* a scalar without quotes */
    struct config_place place;        /* of the value */
    const char *key;                  /* in a map; else NULL */
    struct config_place key_place;    /* in a map */
    const char *text;                 /* of a scalar; else NULL */
    struct config_node *first, *last; /* children */
    struct config_node *next;         /* sibling */
    size_t count;                     /* of children */
};

struct config_block;

struct config_tree { /* owns every node and text in it */
    struct config_block *blocks;
    size_t node_count;
    struct config_errors *errors;
    bool is_out_of_memory;
};

void config_tree_init(struct config_tree *tree, struct config_errors *errors);
void config_tree_deinit(struct config_tree *tree);
/* A terminated copy of `n` bytes, which the tree owns. NULL: out of memory. */
char *config_tree_text(struct config_tree *tree, const char *text, size_t n);

/* A new node without a parent. NULL: too many nodes or out of memory, which is reported. */
struct config_node *config_tree_node(struct config_tree *tree, enum config_node_kind kind,
                                     const struct config_place *place);
struct config_node *config_tree_scalar(struct config_tree *tree, const char *text,
                                       const struct config_place *place);

void config_node_append(struct config_node *parent, struct config_node *child);
/* The child of `map` with this key. NULL: there is none, or `map` is not a map. */
struct config_node *config_node_find(const struct config_node *map, const char *key);

/* Entry `index` of `list`. NULL: there is none, or `list` is not a list. */
const struct config_node *config_node_at(const struct config_node *list, size_t index);

/* Puts `value` into `map` under `key` (which must outlive the tree), and replaces an earlier value.
 * Does nothing if `value` is NULL. */
void config_node_put(struct config_node *map, const char *key, struct config_node *value);

/* Whether nothing was written here: an empty plain scalar, or no node. */
bool config_node_is_empty(const struct config_node *node);

/* Whether it is empty in that sense, or an empty list. */
bool config_node_is_absent(const struct config_node *node);

/* The map or list under `key` in `map`, created if it is missing. NULL: there is something else,
 * which the reader will report, or out of memory. */
struct config_node *config_tree_enter(struct config_tree *tree, struct config_node *map,
                                      const char *key, enum config_node_kind kind,
                                      const struct config_place *place);

/* ---- yaml.c ---------------------------------------------------------------------------------- */

/* Parses `text` into `tree`. Returns the root, or NULL if the text is too broken to be of use;
 * every problem is reported. `source` must outlive the tree. */
struct config_node *config_yaml_parse(struct config_tree *tree, const char *source,
                                      const char *text, size_t n);

/* ---- scan.c ---------------------------------------------------------------------------------- */

/* Reports the first byte that no configuration may contain: NUL, control characters, broken UTF-8,
 * a tab as indentation. False: there is one. */
bool config_scan(const struct config_place *start, const char *text, size_t n,
                 struct config_errors *errors);

bool config_text_has_control(const char *text); /* an ASCII control character */

/* ---- The table: table.c ---------------------------------------------------------------------- */

extern const struct config_section config_root;

/* ---- value.c --------------------------------------------------------------------------------- */

enum { CONFIG_VALUE_BYTES = 96 };

/* Parses `text` as a value of `row` into *value (of the row's C type; strings are allocated).
 * False: `problem` (CONFIG_PROBLEM_BYTES) says what is wrong and what to do. */
bool config_value_parse(const struct config_row *row, const char *text, void *value, char *problem);

/* Writes the text of a value that is not a string. Returns `out` (CONFIG_VALUE_BYTES). */
const char *config_value_text(const struct config_row *row, const void *value, char *out);
const char *config_number_text(const struct config_row *row, uint64_t value, char *out);
/* What a number may be, in words: "8kbps to 1000Gbps or unlimited". Returns `out`. */
enum { CONFIG_RANGE_BYTES = 128 };
const char *config_range_text(const struct config_row *row, char *out);

bool config_address_parse(struct config_address *address, const char *text);

/* NULL, or what is wrong with a text (NULL: empty) by the flags of its row (ROW_PATTERN,
 * ROW_BROADCAST). */
const char *config_text_problem(const struct config_row *row, const char *text);

/* ---- section.c: structs by the table --------------------------------------------------------- */

static inline void *config_field(const struct config_row *row, void *base)
{
    return (char *)base + row->offset;
}

static inline const void *config_field_const(const struct config_row *row, const void *base)
{
    return (const char *)base + row->offset;
}

size_t config_list_count(const struct config_row *row, const void *base);
void *config_list_items(const struct config_row *row, const void *base);
size_t config_item_bytes(const struct config_row *row);
/* Allocates `count` zeroed items for the list. False: out of memory. */
bool config_list_allocate(const struct config_row *row, void *base, size_t count);

/* Fills `base` with the defaults; it can be freed in any case. False: out of memory. */
bool config_section_init(const struct config_section *section, void *base);
void config_section_deinit(const struct config_section *section, void *base);

/* ---- read.c ---------------------------------------------------------------------------------- */

struct config_reader {
    struct config_errors *errors;
    const struct config_host *host; /* NULL: no modules */
    bool is_files_checked;
    bool has_no_values;           /* modules are only found: their settings are not read */
    char name[CONFIG_NAME_BYTES]; /* of the current setting */
};

/* Fills `base`, which has its defaults, from `node`. Every problem is reported; `base` can be freed
 * in any case. */
void config_read_section(struct config_reader *reader, const struct config_section *section,
                         const struct config_node *node, void *base);

/* Reports what is wrong with the current setting at `node`, unless that was reported already. */
void config_reader_complain(struct config_reader *reader, const struct config_node *node,
                            const char *what);

/* Extends `name` (CONFIG_NAME_BYTES) by a key or an index; returns the length to cut it back to. */
size_t config_name_push(char *name, const char *key);
size_t config_name_push_index(char *name, size_t index);

/* ---- env.c, flags_apply.c: later sources, laid over the tree --------------------------------- */

void config_env_apply(struct config_tree *tree, struct config_node *root, char *const *environment);
void config_flags_apply(struct config_tree *tree, struct config_node *root,
                        const struct config_flags *flags);

/* Appends the pieces of `text` between commas to `list`. */
void config_tree_split(struct config_tree *tree, struct config_node *list, const char *text);

/* ---- check.c --------------------------------------------------------------------------------- */

/* What a single row cannot check: fills in settings that depend on others, and reports those that
 * contradict each other. */
void config_check(struct relay_config *config, const struct config_node *root, const char *file,
                  struct config_errors *errors);

/* NULL, or what is wrong with the path of a broadcast or track (pattern.c). */
const char *config_broadcast_problem(const char *path);
/* NULL, or what is wrong with name=value (classes.c). */
const char *config_condition_problem(const char *text);

/* ---- branch.c: any YAML below a setting ------------------------------------------------------ */

/* A copy of what was written, in memory of its own, which free() gives back; NULL if nothing was
 * written. False: out of memory. */
bool config_branch_copy(const struct config_node *node, struct config_branch **out);
bool config_branch_is_equal(const struct config_branch *a, const struct config_branch *b);
/* Whether a node is CONFIG_BRANCH_EMPTY when copied. */
bool config_node_is_nothing(const struct config_node *node);

/* ---- modules.c ------------------------------------------------------------------------------- */

/* The settings of a kind; an empty section if it has none. */
const struct config_section *config_kind_section(const struct config_module_kind *kind);

/* Fills the list of modules from `root`, after all other settings, because their directory is one
 * of them. Every problem is reported. */
void config_modules_read(struct config_reader *reader, struct relay_config *config,
                         const struct config_node *root);
void config_modules_free(struct config_module *modules, size_t count);

enum { CONFIG_MAX_KINDS = 128 }; /* that the reference and the schema show */

/* What the reference and the schema show of modules: each under the name that an entry has. */
struct config_shown {
    const char *names[CONFIG_MAX_KINDS];
    const struct config_module_kind *kinds[CONFIG_MAX_KINDS];
    size_t count;
};

/* Those that the host lists, by name, and then those that `config` names by a path, in its order.
 * Either may be NULL. */
void config_modules_show(const struct config_host *host, const struct relay_config *config,
                         struct config_shown *shown);

#endif
