/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The table of settings: a section is a C struct and a row for each field that a file may set. The
 * second door of this room, for code that brings sections of its own, such as a module's.
 *
 * The table decides everything that is said of a setting: what is read, how it is checked, printed,
 * compared, explained and offered to editors.
 *
 * Glossary
 *   row       one setting: its name, type, place in the struct, range, default and help
 *   section   the rows of one struct
 *   branch    any YAML below one setting, kept as it was written */
#ifndef MOQ_CONFIG_ROWS_H
#define MOQ_CONFIG_ROWS_H

#include "server/config/config.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The type of a setting, and the C type of its field. */
enum config_type {
    TYPE_BOOL,     /* bool */
    TYPE_INT,      /* uint64_t */
    TYPE_SIZE,     /* uint64_t, bytes */
    TYPE_DURATION, /* uint64_t, ns */
    TYPE_STRING,   /* char *, NULL when empty */
    TYPE_PATH,     /* char *, a file or directory */
    TYPE_ADDRESS,  /* struct config_address */
    TYPE_ENUM,     /* int, index into `words` */
    TYPE_LIST,     /* array and count; of sections, or of char * where there is no section */
    TYPE_MAP,      /* int[], one per word of `keys`, each an index into `words` or -1 */
    TYPE_SECTION,  /* embedded struct */
    TYPE_TREE,     /* struct config_branch *, NULL when empty: any YAML */
    TYPE_FREE,     /* only in relay.yaml itself: no field; refused by its check */
    TYPE_MODULES,  /* only in relay.yaml itself: the list of modules */
    TYPE_RATE,     /* only in relay.yaml itself: uint64_t, bits per second */
    TYPE_AGO,      /* only in relay.yaml itself: uint64_t, ns, or a word (CONFIG_WORD) */
};

enum config_row_flags {
    ROW_RELOADS = 1 << 0,   /* may change in a running relay */
    ROW_REQUIRED = 1 << 1,  /* must be written, also where the section around it is left out */
    ROW_INHERITS = 1 << 2,  /* CONFIG_UNSET or -1 unless written; filled in later */
    ROW_FILES = 1 << 3,     /* names files that must be readable */
    ROW_EXAMPLE = 1 << 4,   /* the reference shows its entries as a comment only */
    ROW_DIRECTORY = 1 << 5, /* names a directory that must be writable */
    ROW_PATTERN = 1 << 6,   /* a pattern of paths, see config_pattern_matches; may be empty */
    ROW_BROADCAST = 1 << 7, /* the path of a broadcast or a track, such as demo/bbb; may be empty if
                               the default is */
    ROW_LISTEN = 1 << 8,    /* an address that may be the word listen */
    ROW_FOLDER = 1 << 9,    /* names a directory that must be readable, unless it is the default */
};

#define CONFIG_UNSET UINT64_MAX

/* The value of a TYPE_AGO that is written as the word `index`. */
#define CONFIG_WORD(index) (UINT64_MAX - 1 - (uint64_t)(index))

struct config_section;

struct config_row {
    const char *name;
    enum config_type type;
    unsigned flags;              /* enum config_row_flags */
    size_t offset, count_offset; /* of the field, and of a list's count, which is a size_t */
    uint64_t min, max;           /* of a number; `max` also of the entries of a list */
    const char *fallback;        /* the default as text; NULL: empty */
    const char *zero;            /* the word for 0, such as "auto"; NULL: none */
    const char *const *words;    /* of an enum, a map's values, or TYPE_AGO; ends with NULL */
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

/* Limits of a section that comes from outside; config_section_is_valid holds it to them. */
enum {
    CONFIG_SECTION_MAX_BYTES = 16 << 10, /* of its struct */
    CONFIG_SECTION_MAX_ROWS = 64,
    CONFIG_SECTION_MAX_ALL_ROWS = 512, /* with those of all sections within it */
    CONFIG_SECTION_MAX_DEPTH = 8,      /* of sections within each other */
    CONFIG_LIST_MAX_ENTRIES = 4096,
    CONFIG_MAX_WORDS = 64, /* of an enum or a map */
    CONFIG_WORD_MAX_BYTES = 40,
    CONFIG_HELP_MAX_BYTES = 400, /* also of a default */
};

/* Whether a section that comes from outside, such as a module's, can be used: every name, type,
 * place, range, default and help is sound, no two fields overlap, and all is within the limits
 * above. It must be called before anything else in this room sees the section. Checks, ROW_INHERITS
 * and ROW_EXAMPLE, TYPE_FREE and TYPE_MODULES are for relay.yaml itself and refused. A number
 * without a default and without ROW_REQUIRED is 0, which must be in its range. Pointers and lists
 * of words are followed as they are: only what can be seen without reading past them is judged.
 * False: `problem` (CONFIG_PROBLEM_BYTES) names the setting and says what is wrong. */
bool config_section_is_valid(const struct config_section *section, char *problem);

/* ---- Branches -------------------------------------------------------------------------------- */

enum config_branch_kind {
    CONFIG_BRANCH_EMPTY, /* nothing, ~ or null */
    CONFIG_BRANCH_TEXT,
    CONFIG_BRANCH_LIST,
    CONFIG_BRANCH_MAP,
};

/* One node of any YAML, read-only. The whole branch belongs to the configuration. */
struct config_branch {
    enum config_branch_kind kind;
    bool is_quoted;        /* of a text: a string whatever it looks like. False: it is made of
                              letters, digits and _.+-/~ only, and may be meant as a number */
    unsigned line, column; /* where it was written; 0: not known */
    const char *key;       /* in a map; else NULL */
    const char *text;      /* of a text; else NULL */
    const struct config_branch *first; /* child */
    const struct config_branch *next;  /* sibling */
};

#ifdef __cplusplus
}
#endif
#endif
