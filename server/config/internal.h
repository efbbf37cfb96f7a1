/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the files of this room share: the tree of settings as written, the table of settings that
 * exist, and the steps from the tree to the structs of config.h. */
#ifndef MOQ_CONFIG_INTERNAL_H
#define MOQ_CONFIG_INTERNAL_H

#include <stdarg.h>

#include "server/config/config.h"

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

/* ---- The table: table.c ---------------------------------------------------------------------- */

enum config_type {
    TYPE_BOOL,     /* bool */
    TYPE_INT,      /* uint64_t */
    TYPE_SIZE,     /* uint64_t, bytes */
    TYPE_DURATION, /* uint64_t, ns */
    TYPE_STRING,   /* char *, NULL when empty */
    TYPE_PATH,     /* char *, a file or directory */
    TYPE_ADDRESS,  /* struct config_address */
    TYPE_ENUM,     /* int, index into `words` */
    TYPE_LIST,     /* array and count; of sections, or of strings where there is no section */
    TYPE_MAP,      /* int[], one per word of `keys`, each an index into `words` or -1 */
    TYPE_SECTION,  /* embedded struct */
    TYPE_FREE,     /* any tree; its check decides */
};

enum config_row_flags {
    ROW_RELOADS = 1 << 0,   /* may change in a running relay */
    ROW_REQUIRED = 1 << 1,  /* must be written */
    ROW_INHERITS = 1 << 2,  /* CONFIG_UNSET or -1 unless written; filled in later */
    ROW_FILES = 1 << 3,     /* names files that must be readable */
    ROW_DIRECTORY = 1 << 5, /* names a directory that must be writable */
    ROW_EXAMPLE = 1 << 4,   /* the reference shows its entries as a comment only */
};

#define CONFIG_UNSET UINT64_MAX

struct config_section;

struct config_row {
    const char *name;
    enum config_type type;
    unsigned flags;
    size_t offset, count_offset; /* of the field, and of a list's count */
    uint64_t min, max;           /* of a number; `max` also of the entries of a list */
    const char *fallback;        /* the default as text; NULL: empty */
    const char *zero;            /* the word for 0, such as "auto"; NULL: none */
    const char *const *words;    /* of an enum or a map's values, ends with NULL */
    const char *const *keys;     /* of a map, ends with NULL */
    const struct config_section *section;
    const char *(*check)(const void *value); /* NULL, or what is wrong and what to do */
    const char *help;                        /* one line */
};

struct config_section {
    size_t size; /* of its struct */
    const struct config_row *rows;
    size_t row_count;
};

extern const struct config_section config_root;

/* ---- value.c --------------------------------------------------------------------------------- */

enum { CONFIG_PROBLEM_BYTES = 256, CONFIG_VALUE_BYTES = 96 };

/* Parses `text` as a value of `row` into *value (of the row's C type; strings are allocated).
 * False: `problem` (CONFIG_PROBLEM_BYTES) says what is wrong and what to do. */
bool config_value_parse(const struct config_row *row, const char *text, void *value, char *problem);

/* Writes the text of a value that is not a string. Returns `out` (CONFIG_VALUE_BYTES). */
const char *config_value_text(const struct config_row *row, const void *value, char *out);
const char *config_number_text(const struct config_row *row, uint64_t value, char *out);

bool config_address_parse(struct config_address *address, const char *text);

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

void config_section_init(const struct config_section *section, void *base); /* defaults */
void config_section_deinit(const struct config_section *section, void *base);

/* ---- read.c ---------------------------------------------------------------------------------- */

struct config_reader {
    struct config_errors *errors;
    bool is_files_checked;
    char name[CONFIG_NAME_BYTES]; /* of the current setting */
};

/* Fills `base`, which has its defaults, from `node`. Every problem is reported; `base` can be freed
 * in any case. */
void config_read_section(struct config_reader *reader, const struct config_section *section,
                         const struct config_node *node, void *base);

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

/* NULL, or what is wrong with a pattern (pattern.c). */
const char *config_pattern_problem(const char *pattern);

#endif
